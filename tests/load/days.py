"""Two days of honest traffic in fast time: an hour of the server's promises lasts 36 s, and nothing else is changed.

`python -m tests.load.days` takes half an hour, and `--hours 2` a minute and a half. Visitors bring photos, one page
trains again and again, and a watcher looks how old the files and how old the empty folders are that lie there. The exit
code is 1 if something was kept too long, a task of the background failed, or an honest visitor was not answered.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from dance_demo.data.illustrations import draw
from tests.load.__main__ import BEHIND_A_PROXY, machine
from tests.load.trainers import Trainer
from tests.support.made_up import jpeg
from tests.support.running_app import RunningApp, running_app

SPEED = 100
PAUSE_S, TRAINING_EVERY_S, LOOK_EVERY_S = 0.6, 20, 0.5
FAST = f"""
from functools import partialmethod
from dance_demo.jobs import manager
from dance_demo.ui import gradio_private, launch
from dance_demo.ui.server import sweeper
launch.KEPT_S, launch.SWEEP_EVERY_S, launch.TRIM_EVERY_S = (
    seconds / {SPEED} for seconds in (launch.KEPT_S, launch.SWEEP_EVERY_S, launch.TRIM_EVERY_S))
launch.PROBE_EVERY_S = 1.0
sweeper.NEW_S /= {SPEED}
gradio_private.PROGRAM_KEPT_S /= {SPEED}
manager.JobLimits.__init__ = partialmethod(manager.JobLimits.__init__, kept_s=3600 / {SPEED})
"""


@dataclass
class Watch:
    """How long the files and the empty folders below a folder have been there, at most."""

    folder: Path
    oldest_s: float = 0.0
    emptied_s: float = 0.0
    _since_s: dict[tuple[str, int], float] = field(default_factory=dict)

    def look(self) -> None:
        now_s, here = time.monotonic(), {}
        for folder, folders, names in os.walk(self.folder):
            empty = [] if folders or names or folder == str(self.folder) else [f"{folder}/"]
            kept = (name for name in names if not name.endswith(".lock"))  # of the server itself, as long as it runs
            for path in (*empty, *(os.path.join(folder, name) for name in kept)):
                with suppress(OSError):  # gone meanwhile
                    key = path, os.stat(path).st_ino
                    here[key] = self._since_s.get(key, now_s)
        self._since_s = here
        for (name, _), since_s in here.items():
            if name.endswith("/"):
                self.emptied_s = max(self.emptied_s, now_s - since_s)
            else:
                self.oldest_s = max(self.oldest_s, now_s - since_s)


def days(app: RunningApp, hours: float) -> dict:
    """What became of the visitors, what lay there and for how long, in hours of the fast time, and the counters."""
    until = time.monotonic() + hours * 3600 / SPEED
    outcomes: Counter[str] = Counter()

    def visitor(number: int) -> None:
        here, turn = app.seen_from(f"192.0.2.{number + 1}"), 0
        while time.monotonic() < until:
            turn += 1
            drawn = jpeg(draw("odissi", 10_000 * number + turn, size=(120, 150)))  # or its heatmap is a file of before
            photo = here.upload(drawn, f"{turn}.jpg")
            told = here.answer_on_the_page(photo, f"day{number}x{turn}")
            outcomes["answered" if "headline" in told else told[:200]] += 1
            time.sleep(PAUSE_S)

    def trainer() -> None:
        while time.monotonic() < until:
            with counted(outcomes):
                Trainer(app, "lapwing", ("kathakali", "odissi")).train()
            time.sleep(TRAINING_EVERY_S)

    uploads, jobs = Watch(app.uploads), Watch(app.folder / "tmp")
    before_mb = app.resources()["memory_mb"]
    with ThreadPoolExecutor(4) as pool:
        work: list[Callable[[], None]] = [trainer, *(lambda number=number: visitor(number) for number in range(3))]
        running = [pool.submit(one) for one in work]
        while time.monotonic() < until:
            uploads.look(), jobs.look()
            time.sleep(LOOK_EVERY_S)
        for one in running:
            one.result()
    busy = app.resources()
    time.sleep(2.5 * 3600 / SPEED)  # everybody has gone home; after two hours and a half nothing of theirs is there
    left = [path for path in app.uploads.rglob("*")]
    jobs_left = [path for path in (app.folder / "tmp").glob("*/jobs-*/*")]
    health, text, _ = app.ask("GET", "/health?tasks=1")
    tasks = json.loads(text)["tasks"]
    return {
        **outcomes,
        "oldest_file_h": round(uploads.oldest_s * SPEED / 3600, 2),
        "oldest_empty_folder_h": round(uploads.emptied_s * SPEED / 3600, 2),
        "oldest_file_of_a_job_h": round(jobs.oldest_s * SPEED / 3600, 2),
        "left": len(left),
        "left_of_jobs": len(jobs_left),
        "rounds": {name: task["rounds"] for name, task in tasks.items()},
        "failures": {name: task["failures"] for name, task in tasks.items()},
        "health": health,
        "memory_mb": [round(before_mb), round(busy["memory_mb"]), round(app.resources()["memory_mb"])],
        "log_kb": round(len(app.log) / 1000),
    }


@contextmanager
def counted(outcomes: Counter[str]) -> Iterator[None]:
    """A training that did not come to its end is counted by what was said of it, and the next one follows."""
    try:
        yield
        outcomes["trained"] += 1
    except (AssertionError, OSError, HTTPException, ValueError) as problem:
        outcomes[f"not trained: {problem}"[:200]] += 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.days", description=__doc__)
    parser.add_argument("--hours", type=float, default=48, help="of fast time (default: %(default)s)")
    options = parser.parse_args(arguments)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"PYTHONWARNINGS": "ignore", "DANCE_DEMO_CACHE": str(Path(folder) / "cache")}
        with running_app(Path(folder), *BEHIND_A_PROXY, after=FAST, **settings) as app:
            found = days(app, options.hours)
    print(json.dumps(found, indent=1))
    well = found["health"] == 200 and not any(found["failures"].values()) and not found["left"] + found["left_of_jobs"]
    return int(not well or not found["oldest_file_h"] < 1.2 or not found["oldest_empty_folder_h"] < 0.2)


if __name__ == "__main__":
    sys.exit(main())
