"""The tab "Video": a short clip in; its form over time, a pooled answer, and the pictures that speak most for it.

A clip is read in a process of its own, a job.
"""

import logging
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from dance_demo.clip_reader import MAX_FILE_BYTES, READ_S, installed
from dance_demo.errors import PhotoError, VideoError
from dance_demo.forms import display_name
from dance_demo.job import Job
from dance_demo.job_pipe import TOO_LARGE
from dance_demo.jobs import JobLimits, Jobs
from dance_demo.model_store import ModelCard
from dance_demo.ui import markup, video_markup, work_markup
from dance_demo.ui.guard import own_upload
from dance_demo.ui.job_watch import LOOK, NO_JOB, JobStep, Pace, Updates
from dance_demo.ui.told import told
from dance_demo.video import Watched, watch_clip

JOBS = Path(tempfile.gettempdir()) / "dance_demo-jobs"
LIMITS = JobLimits(seconds=3 * READ_S, memory_bytes=1 << 30, standby_s=0, waiting=10, kept_per_owner=2)
NAME = "The clip"  # begins the sentences of jobs on what went wrong
ROWS, CURVES = 4, 4  # forms in the list and in the chart
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")  # told apart by the colour-blind (Okabe and Ito 2008)
GONE = "The answer to your last clip is no longer kept here. Choose the clip again."
TOO_MUCH = (
    "The clip asks too much of this server, or is damaged. Save it anew as MP4, shorter or smaller, and send that."
)
STOPPED = "Stopped. Choose another clip, or the same one again."
START: dict[str, Any] = {"concurrency_id": "starting", "concurrency_limit": 4, "api_visibility": "private"}

log = logging.getLogger(__name__)


class ClipInput(gr.File):
    """A `gr.File` whose value is a path. A `gr.Video` loads FFmpeg into the browser, and may start it on the server."""

    is_template = True  # is drawn as a gr.File in the browser

    def preprocess(self, payload: FileData | None) -> str | None:
        return None if payload is None else payload.path or ""


class VideoTab(JobStep):
    """The components of the tab, and what happens when a visitor uses them. Make it inside a `gr.Tab`.

    `model` is what `load_classifier` takes, `card` that of the same model.
    """

    def __init__(self, model: str | None, card: ModelCard) -> None:
        if not installed():
            gr.HTML(video_markup.missing(), elem_id="video")
            return
        self.model = model
        super().__init__(Jobs(JOBS, name=NAME, limits=LIMITS), storage_key="dance-demo-clip")
        with gr.Row(elem_id="video"):
            with gr.Column(elem_id="clip-column"):
                self._lay_out_clip(card)
            with gr.Column(elem_id="clip-answer"):
                self._lay_out_answer()
        self._connect()

    def _lay_out_clip(self, card: ModelCard) -> None:
        self.clip = ClipInput(
            label="A short clip",
            file_types=[".mp4", ".m4v", ".mov", ".webm", ".mkv", ".3gp"],
            height=200,
            elem_id="clip",
        )
        self.preview = gr.HTML(elem_id="clip-preview")
        with gr.Column(visible=False, elem_id="clip-busy") as self.busy:
            self.progress = gr.HTML()
            self.stop = gr.Button("Stop", size="sm")
        gr.HTML(video_markup.PRIVACY)
        gr.HTML(markup.model_line(card))

    def _lay_out_answer(self) -> None:
        self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
        self.notice = gr.HTML(video_markup.WELCOME)
        with gr.Column(visible=False, elem_id="clip-result") as self.result:
            with gr.Row(elem_id="clip-summary"):
                self.headline = gr.HTML()
                self.scores = gr.Label(
                    show_heading=False, show_label=False, container=False, label="Forms", elem_id="clip-scores"
                )
            self.chart = gr.LinePlot(
                x="second",
                y="probability",
                color="form",
                title="Form over time",
                x_title="second of the clip",
                y_title=" ",
                color_title=" ",
                y_lim=[0, 1],
                y_axis_format=".0%",
                height=260,
                buttons=[],
                elem_id="clip-chart",
            )
            self.strongest = gr.HTML()

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        page = [self.status, self.notice, self.result, self.headline, self.scores, self.chart, self.strongest]
        page += [self.busy, self.progress, self.stop, self.timer, self.job_id, self.pace, self.preview]
        watch: dict[str, Any] = LOOK | {"outputs": page}
        start = START | {
            "outputs": [*page, self.clip],
            "trigger_mode": "once",
            "show_progress": "minimal",
        }
        self.clip.upload(self.start, [self.clip, self.job_id], **start, show_progress_on=self.clip)
        self.clip.clear(self.start_over, self.job_id, **watch)
        self.stop.click(self.end, self.job_id, **watch)
        self._watch_by(watch)

    def start(self, upload: str | None, last: Any, request: gr.Request) -> Updates:
        """Look at the clip that was put into the box, instead of one that is being looked at."""

        def started() -> Updates:
            path = _own_clip(upload)
            if job := self.jobs.find(last):
                job.stop()
                job.wait(3.0)
            job = self.jobs.start(watch_clip, path, self.model, owner=f"clip of {request.session_hash}")
            return self._begun(job) | {self.preview: video_markup.preview(path)}

        return self._guarded(started, {self.clip: None, self.preview: ""})

    def end(self, job_id: Any) -> Updates:
        """Ask it to stop: what was seen until then is shown. The page goes on watching: that tells when it has."""
        if job := self.jobs.find(job_id):
            job.stop()
        return {self.stop: gr.update(value="Stopping ...", interactive=False), self.status: "Stopping"}

    def start_over(self, job_id: Any) -> Updates:
        """The clip was taken out of the box: forget what was found in it."""
        if job := self.jobs.find(job_id):
            job.stop()
        return self._at_rest(video_markup.WELCOME) | {self.job_id: NO_JOB, self.preview: ""}

    def _seen(self, job: Job | None, pace: Pace) -> Updates:
        if job is None:
            return self._at_rest(video_markup.WELCOME + work_markup.remark(GONE)) | {self.job_id: NO_JOB}
        if job.active:
            return self._working(job, pace)
        if isinstance(job.result, Watched):
            return self._done(job.result)
        if job.state == "stopped":
            return self._at_rest(video_markup.WELCOME + work_markup.remark(STOPPED))
        return self._at_rest(markup.problem(_problem(job))) | {self.preview: ""}  # which no browser could play either

    def _working(self, job: Job, pace: Pace) -> Updates:
        return self._progress(job, pace) | {
            self.busy: gr.update(visible=True),
            self.notice: gr.update(value=video_markup.WELCOME, visible=True),
            self.result: gr.update(visible=False),
        }

    def _done(self, watched: Watched) -> Updates:
        ranking = {display_name(p.label): p.probability for p in watched.predictions[:ROWS]}
        several = len(watched.times_s) > 1
        names = [display_name(p.label) for p in watched.predictions[:CURVES]]
        return self._at_rest("") | {
            self.notice: gr.update(visible=False),
            self.result: gr.update(visible=True),
            self.headline: video_markup.headline(watched),
            self.scores: gr.update(value=ranking, elem_classes=["unsure" if watched.note else "sure"]),
            self.chart: gr.update(
                value=_frame(watched) if several else None,
                visible=several,
                color_map=dict(zip(names, COLOURS, strict=False)),
            ),
            self.strongest: video_markup.strongest(watched),
            self.status: escape(f"{'Not sure' if watched.note else display_name(watched.top.label)}"),
        }

    def _at_rest(self, notice: str) -> Updates:
        return {
            self.notice: gr.update(value=notice, visible=True),
            self.status: "",
            self.result: gr.update(visible=False),
            self.busy: gr.update(visible=False),
            self.stop: gr.update(value="Stop", interactive=True),
            self.timer: gr.Timer(active=False),
        }

    def _guarded(self, answered: Callable[[], Updates], emptied: Updates | None = None) -> Updates:
        """Whatever goes wrong becomes a sentence on the page, which stops watching."""
        return told(
            answered,
            lambda message: self._at_rest(markup.problem(message)) | (emptied or {}),
            log=log,
            what="A clip could not be answered",
        )


def _frame(watched: Watched) -> Any:
    """A table with one row for each point: the most probable forms at each second."""
    import pandas  # as gradio's plots do

    names = list(watched.class_names)
    rows = [
        (round(float(second), 2), float(row[names.index(p.label)]), display_name(p.label))
        for p in watched.predictions[:CURVES]
        for second, row in zip(watched.times_s, watched.probabilities, strict=True)
    ]
    return pandas.DataFrame(rows, columns=["second", "probability", "form"])


def _problem(job: Job) -> str:
    """Why there is no answer. What ended the process from outside says the same thing of a clip."""
    ended = job.problem == TOO_LARGE or job.problem.startswith(f"{NAME} took") or job.problem.startswith(f"{NAME} stop")
    return TOO_MUCH if ended else job.problem


def _own_clip(upload: str | None) -> Path:
    try:
        path = own_upload(upload or "")
    except PhotoError:
        raise VideoError("Please upload the clip again.") from None
    if path.stat().st_size > MAX_FILE_BYTES:  # before a place in the line is taken
        raise VideoError(f"The clip is larger than {MAX_FILE_BYTES // 10**6} MB. Make it shorter or smaller.")
    return path
