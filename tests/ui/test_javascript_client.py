"""A program in JavaScript asks the running app, with the client that Gradio publishes for it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dance_demo.data.illustrations import draw
from dance_demo.forms import FORMS
from tests.support.running_app import running_app


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
