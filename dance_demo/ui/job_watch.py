"""How far a job is, on the page: words, a bar with the time left, and the place in the line while it waits."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dance_demo.errands import Naming
from dance_demo.intake import Checking
from dance_demo.job import Job
from dance_demo.training import EmbeddingProgress, EpochReport, Phase
from dance_demo.ui import work_markup as markup

WATCH_EVERY_S = 0.8
ASK_EVERY_S = 600  # jobs that nobody asks for are forgotten after an hour, with their photos
NO_JOB = "none"  # what is empty or None, Gradio does not write over what the browser remembers
# What costs nothing, and must not wait behind anybody's photo.
QUICK: dict[str, Any] = {
    "concurrency_id": "quick",
    "concurrency_limit": 8,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "once",
}
# Looks at a job go past the queue: there are many, and the stream of a queued one breaks off with a noise when somebody
# reloads the page. But past the queue no change of a gr.State is heard of.
LOOK: dict[str, Any] = {**QUICK, "queue": False, "concurrency_id": None, "concurrency_limit": None}
TOO_EARLY_S = 2.0  # to say how long it will take


@dataclass(frozen=True)
class Now:
    """What a job is doing: `done` of `total` (0: nobody can tell) of what `text` says."""

    text: str
    done: int = 0
    total: int = 0

    @classmethod
    def of(cls, events: Sequence[Any]) -> "Now":
        """By the last of its events, which says how far it is, and the last phase, which says what that is."""
        text = next((event.text for event in reversed(events) if isinstance(event, Phase)), "Starting")
        last = getattr(events[-1], "report", events[-1]) if events else None
        if isinstance(last, EmbeddingProgress):
            return cls(text, last.done, last.total)
        if isinstance(last, Checking):
            return cls(last.text, last.done, last.total)
        if isinstance(last, Naming):
            return cls("Naming the photos", last.done, last.total)
        if isinstance(last, EpochReport) and last.folds > 1:
            return cls(f"{text}: part {last.fold + 1} of {last.folds}, epoch", last.epoch, last.epochs)
        if isinstance(last, EpochReport):
            return cls(f"{text}: epoch", last.epoch, last.epochs)
        return cls(text)


@dataclass(frozen=True)
class Pace:
    """Since when the page has been watching one phase of a job, so that it can say how long it still takes."""

    text: str = ""
    since_s: float = 0.0
    done: int = 0

    def at(self, now: Now) -> "Pace":
        """Go on, or begin anew with another phase."""
        return self if self.text == now.text else Pace(now.text, time.monotonic(), now.done)

    def left_s(self, now: Now) -> float | None:
        """Seconds until the end of the phase; None while it is too early to tell."""
        passed_s, done = time.monotonic() - self.since_s, now.done - self.done
        if not now.total or done <= 0 or passed_s < TOO_EARLY_S:
            return None
        return (now.total - now.done) * passed_s / done


def progress(job: Job, pace: Pace) -> tuple[str, Pace]:
    """The HTML of a job that waits or runs, and the pace to remember."""
    if job.state == "waiting":
        return markup.waiting(job.place, job.expected_wait_s), pace
    now = Now.of(job.events)
    pace = pace.at(now)
    return markup.progress(now.text, now.done, now.total, pace.left_s(now)), pace


def spoken(job: Job) -> str:
    """The same for screen readers, in steps of a quarter: it is read out whenever it changes."""
    if job.state == "waiting":
        return f"Waiting, number {job.place} in line"
    now = Now.of(job.events)
    return f"{now.text}, {4 * now.done // now.total * 25} %" if now.total else now.text
