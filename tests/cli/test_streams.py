"""What reaches the streams of the command line: every letter, and nothing that libraries say to themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dance_demo.data.illustrations import draw, draw_dataset
from tests.support import ROOT
from tests.support.running_app import running_app

NOISE = ("absl", "oneDNN", "XNNPACK", "TensorFlow", "cuda", "I0000")
NOISY = """
import os, sys, time
from dance_demo.cli.streams import quiet_libraries
with quiet_libraries():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
    os.write(2, b"I0000 00:00:1795946712.845387 1 port.cc:153] oneDNN custom operations are on.\\nlib: a real error\\n")
    print("of Python", file=sys.stderr)
    os.write(2, b"INFO: Created Tensor"); os.write(2, b"Flow Lite XNNPACK delegate for CPU.\\n")
    os.write(2, "half a line \u0915".encode() + b"x" * 90)
    time.sleep(0.2)
    os.write(2, b" and its end")
os.write(2, b"\\nafterwards\\n")
print("again", file=sys.stderr)
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    variables |= {"PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, *map(str, command)], env=variables, capture_output=True, timeout=300)


def test_lines_of_libraries_are_left_out_and_all_others_come_through():
    ran = run("-W", "error", "-c", NOISY)
    assert ran.returncode == 0
    told = ran.stderr.decode()
    assert not any(word in told for word in NOISE), told
    assert {"lib: a real error", "of Python", "afterwards", "again"} <= set(told.splitlines())
    assert "half a line \u0915" + "x" * 90 + " and its end\n" in told


@pytest.fixture(scope="module")
def hindi(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("कथक")
    draw("odissi", 1000).save(folder / "ओडिसी.jpg", quality=90)
    return folder


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "utf-8"])
def test_letters_that_the_code_page_lacks_end_nothing(hindi, encoding):
    named = run("-m", "dance_demo", "classify", hindi / "ओडिसी.jpg", hindi / "कहीं नहीं.jpg", PYTHONIOENCODING=encoding)
    assert named.returncode == 1 and b"Traceback" not in named.stderr
    assert len(named.stdout.decode(encoding).splitlines()) == 2


@pytest.mark.usefixtures("classifier")
def test_json_is_ascii_and_says_the_same(hindi):
    ran = run("-m", "dance_demo", "classify", "--json", hindi / "ओडिसी.jpg", PYTHONIOENCODING="cp1252")
    assert json.loads(ran.stdout.decode("ascii"))[0]["photo"] == str(hindi / "ओडिसी.jpg")


@pytest.mark.usefixtures("classifier")
def test_commands_that_answer_say_nothing_of_their_libraries(hindi, tmp_path):
    table = tmp_path / "named.csv"
    for command in (["classify", hindi / "ओडिसी.jpg"], ["predict", hindi, "--out", table, "--excel"]):
        ran = run("-m", "dance_demo", *command)
        assert (ran.returncode, ran.stderr.decode()) == (0, "")
    assert table.read_bytes().startswith(b"\xef\xbb\xbf") and "ओडिसी.jpg" in table.read_text("utf-8-sig")


@pytest.mark.slow
@pytest.mark.usefixtures("classifier")
def test_trainings_and_the_page_say_nothing_of_their_libraries(tmp_path):
    data = tmp_path / "data"
    draw_dataset(data, per_class=8)
    commands = (
        ["train", data, "--out", tmp_path / "model", "--epochs", "2"],
        ["evaluate", data, "--model", tmp_path / "model"],
        ["compare", data, "--epochs", "1", "--size", "64"],
    )
    for command in commands:
        ran = run("-m", "dance_demo", *command)
        assert ran.returncode == 0, ran.stderr.decode()
        assert not [word for word in NOISE if word in ran.stderr.decode()], ran.stderr.decode()
    with running_app(tmp_path) as app:
        pass
    told = app.log
    assert "Running on" in told and not [word for word in NOISE if word in told], told
