"""What gets installed: pinned, alike in requirements.txt and in the lock, and above the versions with known holes."""

import re
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT

REQUIREMENTS = [
    Requirement(line)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", LOCK, re.MULTILINE))
PLATFORM = {  # of the lock, as its header says
    "platform_system": "Linux",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "extra": "",
}
FLOORS = {  # below these, holes are known that reach us
    "pillow": "12.3",  # decoders: what every upload meets
    "keras": "3.15.1",  # reading of model files; we read none of a stranger, but the holes are real
    "gradio": "6.31",  # serving of files, and what the guard was measured against
}


def needed(requirements: list[Requirement]) -> Iterator[Requirement]:
    """Those that count on the platform of the lock."""
    return (one for one in requirements if one.marker is None or one.marker.evaluate(PLATFORM))


def test_S11_every_requirement_is_pinned_to_one_version():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            assert line.startswith(("#", "-r requirements.txt")) or re.match(r"[\w.-]+==[\d.]+(;|$)", line), line


def test_S11_the_lock_pins_what_the_requirements_ask_for():
    asked = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in needed(REQUIREMENTS)}
    assert len(asked) >= 10
    assert asked.items() <= LOCKED.items()


def test_S11_every_line_of_the_lock_is_a_version_with_its_hash_and_nothing_else():
    entries = [line for line in LOCK.splitlines() if not line.startswith("#")]
    assert len(entries) == 2 * len(LOCKED) > 100
    assert list(LOCKED) == sorted(LOCKED)
    assert not re.search("https?:|file:|index|/[a-z]", LOCK)  # no address and no folder of whoever wrote it


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_S11_the_lock_holds_whatever_a_locked_package_needs(name):
    """As far as the same version is installed here, whose own list of needs can be asked."""
    try:
        installed = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed on this platform")
    if installed.version == LOCKED[name]:
        for need in needed([Requirement(text) for text in installed.requires or ()]):
            locked = LOCKED.get(canonicalize_name(need.name))
            assert locked and need.specifier.contains(locked, prereleases=True), str(need)


@pytest.mark.parametrize("name", FLOORS)
def test_S11_versions_with_known_holes_are_behind_us(name):
    asked = next(one for one in REQUIREMENTS if one.name == name)
    for version in (str(asked.specifier).removeprefix("=="), LOCKED[name], metadata.version(name)):
        assert Version(version) >= Version(FLOORS[name])


def test_S11_the_lock_says_for_whom_it_is():
    header = "".join(line for line in LOCK.splitlines() if line.startswith("#"))
    for word in ("Linux", "x86_64", "CPython 3.11", "requirements.txt", "make lock"):
        assert word in header
