"""How far a job is, on the page: words, a bar with the time left, and the position in the line while it waits."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dance_demo.jobs.job import GRACE_S, Job
from dance_demo.jobs.manager import JobManager
from dance_demo.jobs.progress import Progress
from dance_demo.training.result import EpochReport
from dance_demo.ui.components import job_markup as markup
from dance_demo.ui.components.browser_state import NO_JOB, remembered
from dance_demo.ui.components.html import render
from dance_demo.ui.components.step import Step, Updates

WATCH_EVERY_S = 0.8
ASK_EVERY_S = 600  # jobs that nobody asks for are forgotten after an hour, with their photos
# What costs nothing, and must not wait behind anybody's photo.
QUICK: dict[str, Any] = {
    "concurrency_id": "quick",
    "concurrency_limit": 8,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "once",
}
# Whether something elsewhere can be reached, which may take seconds to tell.
ASK_ELSEWHERE: dict[str, Any] = {**QUICK, "concurrency_id": "elsewhere", "concurrency_limit": 4}
# Asking how far a job is goes past the queue: it happens often, and the stream of a queued call breaks off with a noise
# when somebody reloads the page. But past the queue no change of a gr.State is heard of.
POLL: dict[str, Any] = {**QUICK, "queue": False, "concurrency_id": None, "concurrency_limit": None}
TOO_EARLY_S = 2.0  # to say how long it will take


@dataclass(frozen=True)
class Now:
    """What a job is doing: `done` of `total` (0: nobody can tell) of what `text` says."""

    text: str
    done: int = 0
    total: int = 0

    @classmethod
    def of(cls, events: Sequence[Any]) -> "Now":
        """By the last of its events, if that tells how far it is; else the last progress says what is being done."""
        text = "Nearly done" if events else "Starting"  # the result is told, the end not yet
        text = next((event.text for event in reversed(events) if isinstance(event, Progress)), text)
        last = getattr(events[-1], "report", events[-1]) if events else None
        if isinstance(last, EpochReport):
            part = f"part {last.fold + 1} of {last.folds}, " if last.folds > 1 else ""
            return cls(f"{text}: {part}epoch", last.epoch, last.epochs)
        if isinstance(last, Progress):
            return cls(last.text, last.done, last.total)
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
        return markup.waiting(job.position, job.expected_wait_s), pace
    now = Now.of(job.events)
    pace = pace.at(now)
    return markup.progress(now.text, now.done, now.total, pace.left_s(now)), pace


def spoken(job: Job) -> str:
    """The same for screen readers, in steps of a quarter: it is read out whenever it changes."""
    if job.state == "waiting":
        return f"Waiting, number {job.position} in line"
    now = Now.of(job.events)
    return f"{now.text}, {4 * now.done // now.total * 25} %" if now.total else now.text


class JobStep(Step):
    """A part of the page whose work is one job. The page only watches it: the browser remembers its id, so that a page
    that was closed or reloaded finds it again.

    Made on the page itself, before its tabs: a `gr.BrowserState` in a tab is still empty when the page is loaded,
    whatever the browser remembers. A subclass lays out the components named here in its tab, shows by `_finished` what
    came of a job, and says by `gone` and `stopped` that the server has forgotten it, or that nothing came of it.
    """

    gone: str
    stopped: str
    results: type | tuple[type, ...]  # of its jobs; whatever else came last is none
    progress: gr.HTML
    busy: gr.Column  # is there while the job waits or runs
    stop_button: gr.Button

    def __init__(self, page: gr.Blocks, jobs: JobManager, *, storage_key: str) -> None:
        self.page, self.jobs = page, jobs
        self.job_id = remembered(NO_JOB, storage_key)
        self.pace = gr.State(Pace())
        self.timer = gr.Timer(WATCH_EVERY_S, active=False)
        self.keeper = gr.Timer(ASK_EVERY_S)

    def _watch_by(self, poll: dict[str, Any], *, restored_by: Sequence[gr.components.Component] = ()) -> None:
        """Watch from now on, and when the page is loaded again. `poll` says how Gradio calls, and what may change."""
        self.timer.tick(self.watch, [self.job_id, self.pace], **poll)
        self.keeper.tick(self.keep, self.job_id, **poll)
        self.page.load(self.restore, [self.job_id, *restored_by], **poll)

    def restore(self, job_id: Any) -> Updates:
        """Find the job of this browser again, after a reload."""
        if job_id in (None, NO_JOB):
            return {self.status: ""}
        job = self.jobs.find(job_id)
        return {self.timer: gr.Timer(active=True)} | self._guarded(lambda: self._shown(job, Pace()))

    def watch(self, job_id: Any, pace: Pace) -> Updates:
        """Show how far the job is, or what came of it."""
        return self._guarded(lambda: self._shown(self.jobs.find(job_id), pace))

    def keep(self, job_id: Any) -> Updates:
        """Ask for the job now and then, so that what came of it stays as long as the page is open."""
        if job_id in (None, NO_JOB) or self.jobs.find(job_id):
            return {self.status: gr.skip()}
        return self._guarded(lambda: self._shown(None, Pace()))

    def stop(self, job_id: Any) -> Updates:
        """Ask the job to end. The page goes on watching: that tells when it has."""
        if job := self.jobs.find(job_id):
            job.stop(grace_s=self._grace_s(job))
        return {self.stop_button: gr.update(interactive=False), self.status: "Stopping"}

    def _grace_s(self, job: Job) -> float:
        """How long a job may take to save what it has, when it is to end."""
        return GRACE_S

    def _begun(self, job: Job) -> Updates:
        """Watch a job that was started just now."""
        return self._shown(job, Pace()) | {self.job_id: job.id, self.timer: gr.Timer(active=True)}

    def _shown(self, job: Job | None, pace: Pace) -> Updates:
        """What the page says of a job, whatever has become of it."""
        if job is None:
            return self._at_rest(markup.hint(self.gone)) | {self.job_id: NO_JOB}
        if job.active:
            return self._running(job, pace)
        if job.problem:
            return self._at_rest(markup.problem(job.problem))
        if isinstance(job.result, self.results):
            return self._finished(job)
        return self._at_rest(markup.hint(self.stopped))

    def _running(self, job: Job, pace: Pace) -> Updates:
        """How far it is, to see and to hear."""
        bar, pace = progress(job, pace)
        shown = {self.progress: bar, self.pace: pace, self.status: render("job.spoken", words=spoken(job))}
        return shown | {self.notice: "", self.busy: gr.update(visible=True)}

    def _finished(self, job: Job) -> Updates:
        raise NotImplementedError

    def _at_rest(self, notice: str) -> Updates:
        """Nothing is watched any more."""
        return {
            self.notice: notice,
            self.status: "",
            self.busy: gr.update(visible=False),
            self.stop_button: gr.update(value=self.stop_button.value, interactive=True),
            self.timer: gr.Timer(active=False),
        }
