"""Whatever the documents tell people to type is typed here, and whatever they point at is there."""

import os
import re
import shlex
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

import dance_demo
from dance_demo.cli.main import parser
from dance_demo.data.illustrations import draw, draw_dataset
from tests.project.test_imports import NAMES
from tests.support import ROOT

LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True
)
DOCUMENTS = {name: (ROOT / name).read_text("utf-8") for name in LISTED.stdout.splitlines() if (ROOT / name).is_file()}
README, CONTRIBUTING = DOCUMENTS["README.md"], DOCUMENTS["CONTRIBUTING.md"]
MADE_BY_THEIR_READER = ("examples/quiz/",)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and the output that the document shows right after it."""

    language: str
    code: str
    output: str | None


def blocks(text: str) -> list[Block]:
    fenced = list(re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE))
    found = []
    for block, after in zip_longest(fenced, fenced[1:]):
        shown = after is not None and after[1] == "text" and not text[block.end() : after.start()].strip()
        found.append(Block(block[1], block[2], after[2] if shown and after else None))
    return found


def commands() -> list[str]:
    """The lines to type, of all documents."""
    shell = [block.code for text in DOCUMENTS.values() for block in blocks(text) if block.language == "sh"]
    return [line.partition(" #")[0].strip() for code in shell for line in code.splitlines()]


def arguments(line: str) -> list[str]:
    """What stands behind `dance-demo` or `python -m dance_demo`; nothing for other commands. app.py is `serve`."""
    match = re.match(
        r"(?:dance-demo|\S*python -m dance_demo) (.+)", re.sub(r"^\S*python app.py", "dance-demo serve", line)
    )
    return shlex.split(match[1]) if match else []


OURS = sorted({line for line in commands() if arguments(line)})


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def workspace(tmp_path: Path, classifier: object) -> Path:
    """A folder with the files that the examples name."""
    draw("odissi", 3).save(tmp_path / "photo.jpg")
    draw("kathakali", 3).save(tmp_path / "other.png")
    draw_dataset(tmp_path / "labelled_photos", per_class=1)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "photo.jpg", "photo.jpg")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


# What is typed ----------------------------------------------------------------------------------------------------


def test_the_readme_shows_python_with_its_output() -> None:
    [example] = [block for block in blocks(README) if block.language == "python"]
    assert len([line for line in example.code.splitlines() if line]) <= 5
    assert example.output


@pytest.mark.parametrize("block", [block for block in blocks(README) if block.language == "python"])
def test_the_python_of_the_readme_runs_and_prints_what_is_shown(block: Block, workspace: Path) -> None:
    ran = run([sys.executable, "-B", "-W", "error", "-c", block.code], workspace)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == block.output


@pytest.mark.parametrize("line", OURS)
def test_the_commands_are_understood(line: str) -> None:
    parser().parse_args(arguments(line))


RUNNING = [line for line in OURS if arguments(line)[0] in ("classify", "predict", "evaluate")]


@pytest.mark.parametrize("line", [line for line in RUNNING if "my_model" not in line])  # which takes hours to train
def test_the_commands_that_name_photos_run(line: str, workspace: Path) -> None:
    ran = run([sys.executable, "-B", "-m", "dance_demo", *arguments(line)], workspace)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


def test_the_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {target for text in DOCUMENTS.values() for target in re.findall(r"`make ([\w-]+)", text)}
    named |= {word for line in commands() if line.startswith("make ") for word in line.split()[1:2]}
    assert {"run", "test", "lint", "space", "lock"} <= named
    assert not {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)}


# What they point at -----------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_points_to_a_file_and_a_heading_that_are_there(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_and_module_that_is_named_is_there(name: str) -> None:
    paths = re.findall(r"`((?:dance_demo|docs|examples|scripts|tests|weights)/[\w./-]+)`", DOCUMENTS[name])
    wanted = [path for path in paths if not path.startswith(MADE_BY_THEIR_READER)]
    assert not [path for path in wanted if not (ROOT / path).exists()]
    for module in re.findall(r"`dance_demo\.([\w.]+)`", DOCUMENTS[name]):
        assert module in NAMES or module in dance_demo.__all__, module


def test_every_document_is_led_to_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", README)}
    not_linked = {name for name in DOCUMENTS if name.startswith("docs/") and name not in linked}
    assert not_linked == {"docs/threats.md"}  # SECURITY.md leads there


# How they are written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_lines_are_short_enough_to_be_read_as_text(name: str) -> None:
    assert not [line for line in DOCUMENTS[name].splitlines() if len(line) > 160]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_gap_is_left_to_be_filled_in(name: str) -> None:
    assert not re.findall(r"^[A-Z]{4,}$|TODO|TBD|FIXME|XXX", DOCUMENTS[name], re.MULTILINE)


def test_the_first_page_stays_one() -> None:
    assert len(README.splitlines()) <= 130
    assert len(DOCUMENTS["SECURITY.md"].splitlines()) <= 50
    assert len(CONTRIBUTING.splitlines()) <= 90


def test_the_map_names_every_package_and_answers_more_than_ten_questions_with_files() -> None:
    packages = {path.parent.name for path in (ROOT / "dance_demo").glob("*/__init__.py")}
    table = re.search(r"^\| Package \|.*?\n\n", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    assert table and packages <= set(re.findall(r"`(\w+)`", table[0]))
    questions = re.findall(r"^\| (.+\?) \| (.+) \|$", CONTRIBUTING, re.MULTILINE)
    assert len(questions) > 10
    assert all("`dance_demo/" in answer for _, answer in questions)


def test_the_front_matter_fits_what_is_installed_and_what_a_space_allows() -> None:
    front = dict(re.findall(r"^(\w+): *(.+)$", README.split("---")[1], re.MULTILINE))
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"gradio=={front['sdk_version']}\n" in requirements and front["sdk"] == "gradio"
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60
    assert front["python_version"].strip('"') >= "3.11"
