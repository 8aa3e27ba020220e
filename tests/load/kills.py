"""Kills the app and its saves without a word, at random moments, and looks at what is left:
`make kills`, or `python -m tests.load.kills --help`.

A save is killed while a process saves one model after the other; the app is killed while visitors are answered, and
then started again on the same folders. The exit code is 1 if anything half-made was left or a start failed.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.model_store import ModelCard, verify
from tests.load.visitors import Crowd
from tests.running_app import ROOT, running_app

START_WITHIN_S = 30
SAVING = """
import sys
from pathlib import Path
from dance_demo.model_store import save_model
folder, number = Path(sys.argv[1]), 0
files = {f"{name}.bin": name.encode() * 300_000 for name in "abc"}
while True:
    print(number, flush=True)
    save_model(folder / str(number), files, name="Test", class_names=("a", "b"))
    number += 1
"""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    dice = random.Random(options.seed)
    half_made = sum(not save_survives(dice) for _ in range(options.saves))
    print(f"saves: {options.saves} killed, {half_made} left something half-made, seed {options.seed}", flush=True)
    starts = [seconds_to_start_again(dice) for _ in range(options.apps)]
    late = sum(seconds > START_WITHIN_S for seconds in starts)
    slowest = max(starts, default=0.0)
    print(f"apps: {len(starts)} killed, {late} not back within {START_WITHIN_S} s, slowest {slowest:.1f} s", flush=True)
    return int(bool(half_made or late))


def save_survives(dice: random.Random) -> bool:
    """Whether every model that is there after the kill is complete, and a draft never looks like a model."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-B", "-c", SAVING, folder]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(dice.randrange(1, 8)):  # it has begun so many saves
            process.stdout.readline()
        time.sleep(dice.random() * 0.03)
        process.kill()
        process.wait()
        process.stdout.close()
        saved = [path for path in Path(folder).iterdir() if not path.name.startswith(".draft-")]
        try:
            for directory in saved:
                verify(directory, ModelCard.read(directory))
        except ModelError:
            return False
        return sorted(int(path.name) for path in saved) == list(range(len(saved)))


def seconds_to_start_again(dice: random.Random) -> float:
    """How long the app takes after a kill until it answers a photo; infinite if it does not."""
    with tempfile.TemporaryDirectory() as folder:
        with running_app(Path(folder), PYTHONWARNINGS="ignore") as app, ThreadPoolExecutor(4) as pool:
            crowd = Crowd.before(app, photos=4)
            visits = [pool.submit(crowd.visit, number) for number in range(12)]
            time.sleep(dice.random())
            app.process.send_signal(signal.SIGKILL)
            app.process.wait()
            for visit in visits:
                visit.cancel()
        started = time.monotonic()
        try:
            with running_app(Path(folder), PYTHONWARNINGS="ignore") as app:
                answered = Crowd.before(app, photos=1).visit(0).outcome == "answered"
        except AssertionError:
            answered = False
        return time.monotonic() - started if answered else float("inf")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load.kills", description=__doc__)
    parser.add_argument("--saves", type=int, default=200, help="saves to kill (default: %(default)s)")
    parser.add_argument("--apps", type=int, default=20, help="apps to kill (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
