"""The package that people install: what its wheel holds, and that it names a dance where nothing else of ours lies."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import dance_demo
from tests.support import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import space

PHOTO = ROOT / "examples" / "drawings" / "odissi.jpg"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [path] = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment in which the wheel is installed.

    What the wheel needs is not installed anew, which takes minutes and a gigabyte: a path leads to the packages that
    the tests themselves run with. That they are those which the wheel asks for is checked in test_requirements.
    """
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python3.*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return folder / "bin"


def run(command: list[str | Path], folder: Path) -> str:
    """What a program prints, in a folder from which nothing of this checkout can be imported."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def tracked(folder: str) -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


def test_the_wheel_holds_the_package_with_model_and_examples_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    inside = {f"dance_demo/{name}" for folder in ("weights", "examples") for name in tracked(folder)}
    assert names == tracked("dance_demo") | inside
    assert {
        "dance_demo/py.typed",
        "dance_demo/weights/backbone.tflite",
        "dance_demo/weights/general.json",
        "dance_demo/ui/templates/base.html",
    } <= names


def test_the_source_archive_builds_without_git_and_holds_the_documents(dist: Path) -> None:
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"app.py", "pyproject.toml", "README.md", "docs/api.md", "weights/card.json"} <= names
    assert not [name for name in names if name.startswith(("tests/", "runs/", ".venv/"))]


def test_the_version_stands_in_one_place_and_the_changelog_has_its_date(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = message_from_string(archive.read(name).decode("utf-8"))
    assert metadata["Version"] == dance_demo.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(dance_demo.__version__)} \(\d{{4}}-\d\d-\d\d\)$", changes, re.MULTILINE)
    assert dance_demo.__version__ not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_installed_command_names_a_photo_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = run([installed / "dance-demo", "classify", PHOTO], tmp_path)
    assert "Odissi" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_installed_package_is_the_one_in_use_and_brings_its_own_model_and_examples(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import dance_demo\n"
        "from dance_demo.model.directory import BUNDLED\n"
        "from dance_demo.ui.classify.examples import EXAMPLES, load_examples\n"
        f"top = dance_demo.load_classifier().classify(dance_demo.open_photo({str(PHOTO)!r})).top\n"
        "print(dance_demo.__file__, BUNDLED, EXAMPLES, len(load_examples()), top.label, sep='\\n')"
    )
    *places, examples, label = run([installed / "python", "-c", code], tmp_path).splitlines()
    assert all(Path(place).is_relative_to(installed.parent) for place in places)
    assert (examples, label) == ("8", "odissi")


@pytest.mark.slow
def test_the_installed_page_starts_in_an_empty_folder_and_answers(installed: Path, tmp_path: Path) -> None:
    """With its styles, scripts and templates: all that the page is made of comes out of the wheel."""
    port, here = space.free_port(), tmp_path / "here"
    here.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [installed / "dance-demo", "serve", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=here, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        answer = space.first_answer(process, port, PHOTO.read_bytes(), tmp_path / "log")
        assert answer["predictions"][0]["label"] == space.FORM
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
    assert not list(here.iterdir())
