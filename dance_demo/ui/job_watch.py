"""How far a job is, on the page: words, a bar with the time left, and the place in the line while it waits."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from dance_demo.job import Job
from dance_demo.jobs import Jobs
from dance_demo.training import EpochReport, Phase
from dance_demo.ui import work_markup as markup
from dance_demo.ui.beside_tabs import beside_the_tabs

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
Updates = dict[gr.blocks.Block, Any]  # what changes on the page
TOO_EARLY_S = 2.0  # to say how long it will take


@dataclass(frozen=True)
class Now:
    """What a job is doing: `done` of `total` (0: nobody can tell) of what `text` says."""

    text: str
    done: int = 0
    total: int = 0

    @classmethod
    def of(cls, events: Sequence[Any]) -> "Now":
        """By the last of its events, if it tells that it is `done` with so much of a `total`, perhaps with a `text`.

        Else the last phase says what is being done.
        """
        text = "Nearly done" if events else "Starting"  # the result is told, the end not yet
        text = next((event.text for event in reversed(events) if isinstance(event, Phase)), text)
        last = getattr(events[-1], "report", events[-1]) if events else None
        if isinstance(last, EpochReport):
            part = f"part {last.fold + 1} of {last.folds}, " if last.folds > 1 else ""
            return cls(f"{text}: {part}epoch", last.epoch, last.epochs)
        if hasattr(last, "total"):
            return cls(getattr(last, "text", text), last.done, last.total)
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


class JobStep:
    """A part of the page whose work is one job. The page only watches it: the browser remembers its id, so that a page
    that was closed or reloaded finds it again.

    A subclass makes the components named here, and says by `_seen` what to show of a job (None: it is forgotten) and by
    `_guarded` what to show when something goes wrong.
    """

    status: gr.HTML  # is read out
    progress: gr.HTML

    def __init__(self, jobs: Jobs, *, storage_key: str) -> None:
        self.jobs = jobs
        with beside_the_tabs():
            # The secret is none, every page has it. But one made anew at each start could not read what was stored.
            self.job_id = gr.BrowserState(NO_JOB, storage_key=storage_key, secret="dance-demo")
            self.pace = gr.State(Pace())
            self.timer = gr.Timer(WATCH_EVERY_S, active=False)
            self.keeper = gr.Timer(ASK_EVERY_S)

    def _watch_by(self, look: dict[str, Any]) -> None:
        """Watch from now on, and when the page is loaded again. `look` says how Gradio calls, and what may change."""
        self.timer.tick(self.watch, [self.job_id, self.pace], **look)
        self.keeper.tick(self.keep, self.job_id, **look)
        Context.root_block.load(self.restore, self.job_id, **look)

    def restore(self, job_id: Any) -> Updates:
        """Find the job of this browser again, after a reload."""
        if job_id in (None, NO_JOB):
            return {self.status: ""}
        return {self.timer: gr.Timer(active=True)} | self.watch(job_id, Pace())

    def watch(self, job_id: Any, pace: Pace) -> Updates:
        """Show how far the job is, or what came of it."""
        return self._guarded(lambda: self._seen(self.jobs.find(job_id), pace))

    def keep(self, job_id: Any) -> Updates:
        """Ask for the job now and then, so that what came of it stays as long as the page is open."""
        if job_id in (None, NO_JOB) or self.jobs.find(job_id):
            return {self.status: gr.skip()}
        return self.watch(job_id, Pace())

    def _begun(self, job: Job) -> Updates:
        """Watch a job that was started just now."""
        return self._seen(job, Pace()) | {self.job_id: job.id, self.timer: gr.Timer(active=True)}

    def _progress(self, job: Job, pace: Pace) -> Updates:
        """How far it is, to see and to hear."""
        bar, pace = progress(job, pace)
        return {self.progress: bar, self.pace: pace, self.status: escape(spoken(job))}

    def _seen(self, job: Job | None, pace: Pace) -> Updates:
        raise NotImplementedError

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        raise NotImplementedError
