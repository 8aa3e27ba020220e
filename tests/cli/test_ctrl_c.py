"""Ctrl-C on the command line, sent to a real process that trains."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dance_demo.data.illustrations import draw_dataset
from tests.support import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def training(tmp_path: Path, classifier) -> subprocess.Popen:
    """A training that takes minutes, in the middle of its epochs."""
    draw_dataset(tmp_path / "drawings", per_class=6)
    command = [sys.executable, "-B", "-m", "dance_demo", "train", tmp_path / "drawings", "--out", tmp_path / "out"]
    environment = {"DANCE_DEMO_CACHE": str(tmp_path / "cache"), "PATH": "", "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [*command, "--folds", "5", "--epochs", "500", "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background shell ignores it
    )
    next(line for line in process.stderr if line.startswith("part 1 of 5, epoch 50"))
    yield process
    process.kill()
    process.communicate()


def test_C1_the_first_press_ends_with_the_best_head_so_far(training, tmp_path):
    training.send_signal(signal.SIGINT)
    out, told = training.communicate(timeout=60)
    assert training.returncode == 0, told
    assert "Stopping, with the best so far" in told
    answer = json.loads(out)
    assert 0 < answer["n_validation"] < 48 and answer["n_train"] < 48
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["training"]["stopped"] is True
    assert not list(tmp_path.glob(".draft-*"))


def test_C1_the_second_press_leaves_nothing(training, tmp_path):
    training.send_signal(signal.SIGINT)
    next(line for line in training.stderr if line.startswith("Stopping"))
    training.send_signal(signal.SIGINT)
    _, told = training.communicate(timeout=60)
    if training.returncode == 130:
        assert "Traceback" not in told and not (tmp_path / "out").exists()
    else:  # it was quicker
        assert training.returncode == 0 and (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".draft-*"))
