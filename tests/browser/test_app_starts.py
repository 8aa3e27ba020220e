"""Starting the app stays light: the server names dances without TensorFlow, pyplot and scikit-learn."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

HEAVY = ("tensorflow", "keras", "matplotlib.pyplot", "sklearn")


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("statement", ["import app", "from dance_demo.ui.page import build_page; build_page()"])
def test_nothing_heavy_is_loaded(statement: str) -> None:
    loaded = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    process = run(f"{statement}; {loaded}")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1]) == []


def test_a_missing_model_is_told_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "app.py", "--model", str(tmp_path / "nothing")]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 1
    assert "There is no model in nothing" in process.stderr
    assert "Traceback" not in process.stderr
