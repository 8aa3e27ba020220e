"""Whatever the README tells people to type is typed here, and whatever it points at is there."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dance_demo.cli import _parser
from dance_demo.illustrations import draw, draw_dataset
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:7860"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and the output that the README shows right after it."""

    language: str
    code: str
    output: str | None


def blocks() -> Iterator[Block]:
    fenced = list(re.finditer(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
    for block, after in zip(fenced, [*fenced[1:], None], strict=True):
        follows = after and after[1] in ("", "text") and not README[block.end() : after.start()].strip()
        yield Block(block[1], block[2], after[2] if follows else None)


PYTHON = [block for block in blocks() if block.language == "python"]
COMMANDS = [
    line.partition(" #")[0].strip() for block in blocks() if block.language == "sh" for line in block.code.splitlines()
]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment["HF_HUB_OFFLINE"] = "1"
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def workplace(tmp_path, classifier) -> Path:
    """A folder with the files that the examples name."""
    draw("odissi", 3).save(tmp_path / "photo.jpg")
    draw("kathakali", 3).save(tmp_path / "other.png")
    draw_dataset(tmp_path / "labelled_photos", per_class=1)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "photo.jpg", "photo.jpg")
    return tmp_path


@pytest.mark.parametrize("block", [block for block in PYTHON if "gradio_client" not in block.code])
def test_the_python_examples_run_and_print_what_is_shown(block, workplace):
    ran = run([sys.executable, "-B", "-W", "error", "-c", block.code], workplace)
    assert ran.returncode == 0, ran.stderr
    assert block.output is None or ran.stdout == block.output


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("python -m dance_demo")])
def test_the_commands_run_or_are_at_least_understood(line, workplace):
    arguments = shlex.split(line)[3:]
    _parser().parse_args(arguments)
    if not {"finetune", "compare", "my_model"} & set(arguments):  # they would take minutes to hours
        ran = run([sys.executable, "-B", "-m", "dance_demo", *arguments], workplace)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in PYTHON if "gradio_client" in block.code])
def test_the_app_starts_and_answers_the_client_of_the_example(block, workplace):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (workplace / "log").open("w")
    app = subprocess.Popen([sys.executable, "-B", "app.py", "--port", str(port)], cwd=ROOT, stdout=log, stderr=log)
    try:
        address = ADDRESS.replace("7860", str(port))
        wait_for(address, app)
        assert ADDRESS in block.code
        code = block.code.replace(ADDRESS, address) + "print([list(answer), picture, sentence, list(rows[0])])\n"
        ran = run([sys.executable, "-B", "-c", code], workplace)
        assert ran.returncode == 0, ran.stderr
        for word in ("predictions", "sure", "odissi"):
            assert word in ran.stdout.casefold()
    finally:
        app.terminate()
        app.wait(timeout=30)
        log.close()
    assert "Traceback" not in (workplace / "log").read_text()


def wait_for(address: str, app: subprocess.Popen) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert app.poll() is None, "the app has ended"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the app did not answer")


def test_the_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make (\w+)", README)) | {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"run", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_everything_that_it_points_at_is_there():
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", README)]
    local = {link for link in links if link and not link.startswith(("http://", "https://"))}
    assert local
    assert not {link for link in local if not (ROOT / link).exists()}


def test_no_gap_is_left_to_be_filled_in():
    assert not re.findall(r"^[A-Z]{4,}$|TODO|TBD|FIXME|XXX", README, re.MULTILINE)


def test_the_front_matter_fits_what_is_installed_and_what_a_space_allows():
    front = dict(re.findall(r"^(\w+): *(.+)$", README.split("---")[1], re.MULTILINE))
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"gradio=={front['sdk_version']}\n" in requirements and front["sdk"] == "gradio"
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60
    assert front["python_version"].strip('"') >= "3.11"
