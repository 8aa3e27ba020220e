"""A program in JavaScript asks the running app, with the client that Gradio publishes for it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dance_demo.forms import FORMS
from dance_demo.illustrations import draw
from tests.conftest import ROOT, _missing
from tests.running_app import running_app

PROGRAM = ROOT / "tests" / "javascript"


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the client that it needs, as package-lock.json pins it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the client in JavaScript needs node and npm")
    folder = tmp_path_factory.getbasetemp() / "javascript"
    if (folder / "node_modules").is_dir():
        return folder
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if ran.returncode:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        _missing(f"npm cannot install the client: {ran.stderr[-500:]}", required="DANCE_DEMO_REQUIRE_BROWSER")
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_app(tmp_path_factory.mktemp("asked")) as app:
        yield app.url
    assert "Traceback" not in app.log


@pytest.mark.slow
def test_a_program_in_javascript_is_answered_as_one_in_python(javascript: Path, address: str) -> None:
    draw("odissi", 7, size=(360, 450)).save(javascript / "photo.jpg")
    command = ["node", "ask.js", address, "photo.jpg"]
    ran = subprocess.run(command, cwd=javascript, env=os.environ, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert {"/classify", "/explain", "/predict_many", "/forms", "/health"} <= set(told["endpoints"])
    answer = told["classify"]
    assert [len(answer["predictions"]), answer["predictions"][0]["label"]] == [3, "odissi"]
    assert (answer["sure"], answer["note"]) == (True, "")
    picture, sentence = told["explain"]
    assert picture["url"].startswith(f"{address}/gradio_api/file=") and "Odissi" in sentence
    assert told["many"]["predictions"][0] == answer["predictions"][0] and told["forms"] == list(FORMS)
    assert told["health"]["status"] == "ok"
    assert told["no_photo"] == "Choose a picture first."
    assert told["unknown_label"].startswith("'salsa' is not a class of this model.")
    assert told["address"] == "Please upload the picture again."
