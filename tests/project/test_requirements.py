"""What gets installed: pinned, alike in requirements.txt and in the lock, and above the versions with known holes."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.project.test_imports import NAMES, imports
from tests.support import ROOT

REQUIREMENTS = [
    Requirement(line)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {extra: [Requirement(text) for text in texts] for extra, texts in PROJECT["optional-dependencies"].items()}
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


def pins(name: str) -> dict[str, str]:
    """Package -> version of a file of requirements."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"^([\w.-]+)==([\d.]+)", "\n".join(lines), re.MULTILINE))


def test_what_a_space_installs_is_what_the_package_asks_for_with_what_training_needs():
    asked = [*map(Requirement, PROJECT["dependencies"]), *EXTRAS["train"]]
    pinned = pins("requirements.txt")
    assert {canonicalize_name(one.name) for one in asked} == {canonicalize_name(name) for name in pinned}
    markers = {one.name: str(one.marker) for one in REQUIREMENTS}
    for one in asked:
        assert one.specifier.contains(pinned[one.name]), str(one)
        assert str(one.marker) == markers[one.name]


@pytest.mark.parametrize("extra", ["mcp", "export", "credentials"])
def test_an_extra_asks_for_what_its_file_of_requirements_pins(extra):
    asked, pinned = EXTRAS[extra], pins(f"requirements-{extra}.txt")
    assert list(pinned) == [one.name for one in asked]
    for one in asked:
        assert one.specifier.contains(pinned[one.name])
        assert pins("requirements-dev.txt")[one.name] == pinned[one.name]


@pytest.mark.parametrize("extra", ["features", "ray"])
def test_an_extra_that_developers_do_not_install_asks_for_what_its_file_pins(extra):
    asked, pinned = EXTRAS[extra], pins(f"requirements-{extra}.txt")
    assert list(pinned) == [one.name for one in asked]
    assert all(one.specifier.contains(pinned[one.name]) for one in asked)
    assert pinned["pyarrow"] == pins("requirements-features.txt")["pyarrow"]


def test_what_developers_install_is_pinned_in_its_file():
    [ours, *tools] = EXTRAS["dev"]
    assert ours.extras == {"train", "mcp", "export", "credentials"} and ours.name == PROJECT["name"]
    assert {one.name for one in tools} <= pins("requirements-dev.txt").keys()


def test_every_package_that_our_code_imports_is_asked_for():
    """Or comes with Gradio, Jinja2, scikit-learn or LiteRT in the version that they need: then it is named here."""
    with_others = {"fastapi", "gradio_client", "starlette", "uvicorn", "markupsafe", "scipy", "flatbuffers"}
    called = {
        "scikit-learn": "sklearn",
        "pillow": "PIL",
        "fonttools": "fontTools",
        "opencv-python-headless": "cv2",
        "c2pa-python": "c2pa",
    }
    asked = [*map(Requirement, PROJECT["dependencies"]), *(one for extra in EXTRAS.values() for one in extra)]
    known = {called.get(one.name, one.name.replace("-", "_")) for one in asked} | with_others
    ours = {"dance_demo", "app"}
    found = {name.partition(".")[0] for path in NAMES.values() for name in imports(path)}
    assert found - known - ours - sys.stdlib_module_names == set()


def test_whatever_a_tab_needs_comes_with_make_run_and_with_a_space():
    """No tab may say what to install: `requirements.txt` has what our code imports, but for four extras."""
    called = {"sklearn": "scikit-learn", "PIL": "pillow", "fontTools": "fonttools", "cv2": "opencv-python-headless"}
    others = (
        {"mcp", "onnx", "tf2onnx", "pyarrow", "c2pa"},
        {"fastapi", "gradio_client", "starlette", "uvicorn", "markupsafe", "scipy", "flatbuffers"},
    )
    found = {name.partition(".")[0] for path in NAMES.values() for name in imports(path)} - sys.stdlib_module_names
    installed = {canonicalize_name(one.name) for one in needed(REQUIREMENTS)} | {"tensorflow"}
    needs = {canonicalize_name(called.get(name, name)) for name in found - set.union(*others) - {"dance_demo", "app"}}
    assert needs <= installed
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dance_demo/ui").rglob("*.html"))
    assert "pip install" not in pages


def test_S11_every_requirement_is_pinned_to_one_version():
    for name in sorted(path.name for path in ROOT.glob("requirements*.txt")):
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
