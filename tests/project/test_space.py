"""What a Hugging Face Space is told, the tree that is pushed to one, and the page that starts from it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from huggingface_hub import SpaceCard, SpaceHardware

from tests.support import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import space

TREE_MB_AT_MOST = 30

# The keys of https://huggingface.co/docs/hub/spaces-config-reference, and what each may hold.
TEXT, YES_OR_NO, NAMES = str, bool, list
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
DOCUMENTED: dict[str, Any] = {
    "title": TEXT,
    "emoji": TEXT,
    "colorFrom": COLOURS,
    "colorTo": COLOURS,
    "sdk": {"gradio", "docker", "static"},
    "python_version": re.compile(r"3\.\d+(\.\d+)?"),
    "sdk_version": re.compile(r"\d+\.\d+\.\d+"),
    "suggested_hardware": {hardware.value for hardware in SpaceHardware},
    "suggested_storage": {"small", "medium", "large"},
    "app_file": TEXT,
    "app_build_command": TEXT,
    "app_port": int,
    "base_path": re.compile("/.*"),
    "fullWidth": YES_OR_NO,
    "header": {"mini", "default"},
    "short_description": TEXT,
    "models": NAMES,
    "datasets": NAMES,
    "tags": NAMES,
    "thumbnail": TEXT,
    "pinned": YES_OR_NO,
    "hf_oauth": YES_OR_NO,
    "hf_oauth_scopes": NAMES,
    "hf_oauth_expiration_minutes": int,
    "hf_oauth_redirect_path": TEXT,
    "hf_oauth_authorized_org": (str, list),
    "disable_embedding": YES_OR_NO,
    "startup_duration_timeout": re.compile(r"\d+(\.\d+)?(s|m|h|d|min|minutes|hours)"),
    "custom_headers": dict,
    "preload_from_hub": NAMES,
    "license": re.compile(r"[a-z0-9.-]+"),
}
FRONT = SpaceCard.load(ROOT / "README.md").data.to_dict()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("space") / "tree"
    yield space.build_tree(ROOT, folder, new=True)
    space.empty(folder)


# The front matter -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", FRONT)
def test_every_key_is_documented_and_holds_what_it_may(key: str) -> None:
    value, may_be = FRONT[key], DOCUMENTED[key]
    if isinstance(may_be, re.Pattern):
        assert may_be.fullmatch(value)
    elif isinstance(may_be, set):
        assert value in may_be
    else:
        assert isinstance(value, may_be) and value not in ("", [])


def test_everything_that_a_space_of_ours_needs_is_said() -> None:
    named = {
        "title",
        "emoji",
        "sdk",
        "sdk_version",
        "python_version",
        "app_file",
        "short_description",
        "tags",
        "license",
    }
    assert named | {"suggested_hardware", "startup_duration_timeout"} <= FRONT.keys()
    assert (FRONT["sdk"], FRONT["suggested_hardware"]) == ("gradio", "cpu-basic")
    assert len(FRONT["short_description"]) <= 60


def test_the_versions_are_those_that_are_installed() -> None:
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"\ngradio=={FRONT['sdk_version']}\n" in requirements
    assert FRONT["python_version"] == "3.11" and "CPython 3.11" in (ROOT / "requirements.lock").read_text()


def test_as_long_as_no_licence_was_chosen_none_is_claimed() -> None:
    assert (FRONT["license"] == "other") == (not list(ROOT.glob("LICEN[SC]E*")))


# The tree ---------------------------------------------------------------------------------------------------------


def test_the_tree_holds_what_the_page_needs_and_nothing_of_the_workshop(tree: Path) -> None:
    names = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    needed = {
        FRONT["app_file"],
        "README.md",
        "requirements.txt",
        "weights/card.json",
        "weights/backbone.tflite",
        "weights/general.tflite",
    }
    assert needed <= names and "dance_demo/ui/page.py" in names and "examples/drawings/odissi.jpg" in names
    assert not {name for name in names if name.startswith(("tests/", ".ci/", "scripts/", ".venv/", "runs/"))}
    assert {name for name in names if name.startswith(".")} == {".gitattributes"}
    assert space.megabytes(tree) < TREE_MB_AT_MOST


def test_what_the_readme_points_at_is_in_the_tree(tree: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)", (tree / "README.md").read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert local and not [link for link in local if not (tree / link).exists()]


def test_every_binary_or_large_file_goes_to_lfs_and_no_text_does(tree: Path, tmp_path: Path) -> None:
    """As git itself reads the rules."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    (tmp_path / ".gitattributes").write_bytes((tree / ".gitattributes").read_bytes())
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    asked = "\0".join(str(path.relative_to(tree)) for path in files)
    command = ["git", "check-attr", "-z", "--stdin", "filter"]
    said = subprocess.run(command, cwd=tmp_path, input=asked, capture_output=True, text=True, check=True).stdout
    to_lfs = {
        name for name, value in zip(*[iter(said.split("\0")[i::3]) for i in (0, 2)], strict=False) if value == "lfs"
    }
    assert "weights/backbone.tflite" in to_lfs and "README.md" not in to_lfs
    for path in files:
        large = path.stat().st_size > space.LARGEST_BYTES
        assert (space.is_binary(path) or large) == (str(path.relative_to(tree)) in to_lfs), path


def test_in_this_repository_no_file_is_too_large_for_a_hub_without_lfs_and_weights_stay_as_they_are() -> None:
    names = ["weights/backbone.tflite", "weights/card.json", "weights/cleaned_photos.csv"]
    command = ["git", "check-attr", "text", *names]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.count("text: unset") == len(names)
    assert all((ROOT / name).stat().st_size < space.LARGEST_BYTES for name in space.pushed_files(ROOT))


def test_nobody_can_write_into_the_tree(tree: Path) -> None:
    for target in ("new", "app.py", "dance_demo/new"):
        write = [
            *space.as_anybody(),
            sys.executable,
            "-c",
            "import sys; open(sys.argv[1], 'a').write('x')",
            tree / target,
        ]
        tried = subprocess.run(write, capture_output=True, text=True, check=False)
        assert "Permission denied" in tried.stderr


# The page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tree: Path, tmp_path: Path) -> space.Place:
    return space.Place(Path(sys.executable), tree, tmp_path / "outside")


def test_another_machine_cannot_be_reached_and_the_attempt_is_noted(place: space.Place) -> None:
    code = "import urllib.request; urllib.request.urlopen('https://huggingface.co')"
    tried = subprocess.run(
        [sys.executable, "-c", code], env=place.environment(0), capture_output=True, text=True, check=False
    )
    assert "There is no network here." in tried.stderr
    assert "huggingface.co" in place.tried


@pytest.mark.slow
def test_the_page_starts_and_answers_there_without_network_and_without_writing_into_the_tree(
    place: space.Place, tmp_path: Path
) -> None:
    """Read-only, with the variables of Spaces; asked by hand as early as can be, and then by the usual client."""
    before, port = space.contents(place.tree), space.free_port()
    with space.started(place, port, tmp_path / "log") as process:
        answer = space.first_answer(process, port, (place.tree / space.PHOTO).read_bytes(), tmp_path / "log")
        assert answer["predictions"][0]["label"] == space.FORM
        client = Client(f"http://127.0.0.1:{port}", verbose=False, download_files=tmp_path / "client")
        said = client.predict(handle_file(place.tree / "examples/drawings/kathak.jpg"), 3, api_name="/classify")
        assert said["predictions"][0]["label"] == "kathak"
        page = space.ask(port, "GET", "/config")
        client.close()
    assert "This Space forgets" in page and space.SPACES["SPACE_ID"] in page
    assert space.contents(place.tree) == before
    assert not place.tried
    assert str(tmp_path) not in page
