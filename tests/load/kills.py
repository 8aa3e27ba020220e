"""Kills the app and its saves without a word, at random moments, and looks at what is left:
`make kills`, or `python -m tests.load.kills --help`.

A save is killed while a process saves one model after the other; the app is killed while one visitor trains and others
are answered, and then started again on the same folders, as often as told. The exit code is 1 if anything half-made was
left or a start failed.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.model.directory import ModelCard, verify
from tests.load.trainers import Trainer
from tests.load.visitors import Crowd
from tests.support import ROOT
from tests.support.running_app import RunningApp, running_app

START_WITHIN_S = 30
WORK_S = 8.0  # until the kill, at most: from the upload of a dataset to its head it takes about six
TEMPORARY_MB = 50
SAVING = """
import sys
from pathlib import Path
from dance_demo.model.directory import save_model
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
    with tempfile.TemporaryDirectory() as folder:
        starts = kill_again_and_again(dice, options.apps, Path(folder))
    late = sum(seconds > START_WITHIN_S for seconds in starts)
    slow = f"{late} not back within {START_WITHIN_S} s, slowest {max(starts):.1f} s"
    print(f"apps: {options.apps} killed, {slow}, seed {options.seed}", flush=True)
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


def kill_again_and_again(dice: random.Random, kills: int, folder: Path) -> list[float]:
    """Seconds from each start, on what the kill before it has left, to the first answer; infinite if none came.

    The app is killed while one visitor trains, from the upload to the finished head, and others bring photos. After the
    last kill a training must come to its end, and what the others have left must be gone.
    """
    starts = []
    for turn in range(kills + 1):
        started = time.monotonic()
        with running_app(folder, PYTHONWARNINGS="ignore", DANCE_DEMO_CACHE=str(folder / "cache")) as app:
            crowd = Crowd.before(app, photos=4)
            answered = crowd.visit(0).outcome == "answered"
            starts.append(time.monotonic() - started if answered else float("inf"))
            if turn and turn % 20 == 0:
                print(f"{turn} of {kills} apps killed", flush=True)
            if turn == kills:
                assert train(app), "the last training did not come to its end"
                assert app.resources()["temporary_mb"] <= TEMPORARY_MB, "killed apps have left files"
                break
            with ThreadPoolExecutor(3) as pool:
                work = [pool.submit(train, app), *(pool.submit(crowd.visit, number) for number in range(12))]
                time.sleep(dice.uniform(0, WORK_S))
                app.process.send_signal(signal.SIGKILL)
                app.process.wait()
                for one in work:
                    one.cancel()
    return starts


def train(app: RunningApp) -> bool:
    """Whether a visitor's training comes to its end; it does not if the app is killed meanwhile."""
    try:
        return bool(Trainer(app, "lapwing", ("kathakali", "odissi")).train())
    except (OSError, AssertionError, HTTPException):
        return False


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load.kills", description=__doc__)
    parser.add_argument("--saves", type=int, default=200, help="saves to kill (default: %(default)s)")
    parser.add_argument("--apps", type=int, default=200, help="apps to kill (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
