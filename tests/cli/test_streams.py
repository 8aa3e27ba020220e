"""What reaches the streams of the command line: every letter, and nothing that libraries say to themselves."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dance_demo.cli.main import parser
from dance_demo.data.illustrations import draw
from dance_demo.research.recipe import RECIPES
from tests.support import ROOT
from tests.support.running_app import running_app

NOISE = ("absl", "oneDNN", "port.cc", "WriteLog", "XNNPACK", "TensorFlow", "cuda", "I0000", "W0000")
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


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    variables |= {"PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, timeout=300)


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
@pytest.mark.parametrize("command", [["predict", ".", "--out", "नाम.csv"], ["inspect", "ओडिसी.jpg"]])
def test_other_commands_write_such_letters_too_whatever_the_pipe_takes(hindi, command):
    ran = run("-m", "dance_demo", *command, folder=hindi, PYTHONIOENCODING="cp1252")
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr
    assert "\\u0928" in ran.stdout.decode("cp1252") or "\\u0913" in ran.stdout.decode("cp1252")


@pytest.mark.usefixtures("classifier")
def test_json_is_ascii_and_says_the_same(hindi):
    ran = run("-m", "dance_demo", "classify", "--json", hindi / "ओडिसी.jpg", PYTHONIOENCODING="cp1252")
    assert json.loads(ran.stdout.decode("ascii"))[0]["photo"] == str(hindi / "ओडिसी.jpg")


@pytest.mark.usefixtures("classifier")
def test_commands_that_answer_say_nothing_at_all_but_the_answer(hindi, tmp_path):
    table = tmp_path / "named.csv"
    for command in (["classify", hindi / "ओडिसी.jpg"], ["predict", hindi, "--out", table, "--excel"]):
        ran = run("-m", "dance_demo", *command)
        assert (ran.returncode, ran.stderr.decode()) == (0, "")
    assert table.read_bytes().startswith(b"\xef\xbb\xbf") and "ओडिसी.jpg" in table.read_text("utf-8-sig")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """What the commands below name: small drawings of two forms and others of them, a recipe, and files that are no
    weights and no network, which end a command after it has loaded TensorFlow, and before it takes minutes."""
    folder = tmp_path_factory.mktemp("inputs")
    for form in ("kathak", "odissi"):
        for seed in range(12):
            path = folder / ("others" if seed >= 6 else "data") / form / f"{seed}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(form, seed, size=(96, 120)).save(path, quality=90)
    recipe = json.loads((RECIPES / "standard.json").read_text(encoding="utf-8"))
    (folder / "quick.json").write_text(json.dumps({**recipe, "side_px": 32, "served_side_px": 32, "epochs": 1}))
    for name in ("no_weights.h5", "broken/backbone.tflite", "runs/1/result.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"{}")
    (folder / "boxes.csv").write_text("pixel_sha256,x0,y0,x1,y1\n")
    return folder


COMMANDS = {  # command -> its arguments in the folder of the inputs, how it ends
    "serve": ("--port 0 --model broken", 1),
    "classify": ("data/kathak/1.jpg --heatmap maps --robustness", 0),
    "predict": ("data --out named.csv", 0),
    "evaluate": ("data", 0),
    "inspect": ("data/kathak/1.jpg", 0),
    "train": ("data --out head --epochs 1", 0),
    "compare": ("data --epochs 1 --size 64", 0),
    "select": ("data", 0),
    "export": ("--as python --out bundle.zip", 0),  # those that load TensorFlow: tests/export/test_formats.py
    "publish": ("broken me/dances", 2),
    "fetch": ("me/dances --out fetched", 2),
    "finetune": ("data --init no_weights.h5 --recipe quick.json --runs runs/2 --out tuned", 2),
    "finetune-further": ("data --held-out others --model broken --recipe quick.json --runs runs/3 --out tuned", 2),
    "crossvalidate": ("data --init no_weights.h5 --recipe quick.json --runs runs/4", 2),
    "interpolate": ("--init no_weights.h5 --out between.tflite", 2),
    "quantize": (". --out small", 0),
    "experiments": ("runs", 2),
    "robustness": ("data", 0),
    "heatmaps": ("data --boxes boxes.csv", 2),
}
QUICK = {"classify", "predict", "inspect", "export", "publish", "fetch", "experiments"}  # the others are slow


def test_every_command_is_held_against_what_libraries_say():
    [commands] = [one.choices for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    assert set(COMMANDS) == set(commands)


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize(
    "command", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in COMMANDS]
)
def test_no_command_shows_what_its_libraries_say_to_themselves(inputs, command):
    arguments, code = COMMANDS[command]
    ran = run("-m", "dance_demo", command, *arguments.split(), folder=inputs, HF_HUB_OFFLINE="1", HF_TOKEN="hf_none")
    told = ran.stdout.decode() + ran.stderr.decode()
    assert ran.returncode == code and "Traceback" not in told, told
    assert not [word for word in NOISE if word in told], told


@pytest.mark.slow
@pytest.mark.usefixtures("classifier")
def test_the_page_says_nothing_of_its_libraries(tmp_path):
    with running_app(tmp_path) as app:
        pass
    told = app.log
    assert "Running on" in told and not [word for word in NOISE if word in told], told
