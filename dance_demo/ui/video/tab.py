"""The tab "Video": a short clip in; its form over time, a pooled answer, and the pictures that speak most for it.

A clip is read in a process of its own, a job.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.errors import PhotoError, VideoError
from dance_demo.files.clip import MAX_FILE_BYTES
from dance_demo.forms import display_name
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.jobs.messages import TOO_LARGE
from dance_demo.predict.clip import ClipAnswer, classify_clip
from dance_demo.predict.photos import ClassifierSpec
from dance_demo.ui.classify.markup import own_model_line
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.browser_state import NO_JOB
from dance_demo.ui.components.curves import HIDDEN
from dance_demo.ui.components.html import render, text
from dance_demo.ui.components.inputs import FileInput
from dance_demo.ui.components.job_step import POLL, QUICK, JobStep, Pace
from dance_demo.ui.components.model import Model
from dance_demo.ui.components.step import Updates
from dance_demo.ui.server.files import address, own_upload
from dance_demo.ui.server.visitors import visitor_of
from dance_demo.ui.video import markup

ROWS, CURVES = 4, 4  # classes in the list and in the chart
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")  # told apart by the colour-blind (Okabe and Ito 2008)
TOO_MUCH = (
    "The clip asks too much of this server, or is damaged. Save it anew as MP4, shorter or smaller, and send that."
)
NAME = "The clip"  # of its jobs
OUTSIDE = f"{NAME} took", f"{NAME} stop"  # how a job says that it was ended from outside
START: dict[str, Any] = {"concurrency_id": "starting", "concurrency_limit": 4, "api_visibility": "private"}


class VideoTab(JobStep):
    """The components of the tab, and what happens when a visitor uses them. Make it before the tabs."""

    gone = "The answer to your last clip is no longer kept here. Choose the clip again."
    stopped = "Stopped. Choose another clip, or the same one again."
    failure = "A clip could not be answered"
    results = ClipAnswer

    def __init__(self, page: gr.Blocks, jobs: JobManager, classify: ClassifyTab) -> None:
        super().__init__(page, jobs, storage_key="dance-demo-clip")
        self.classify = classify

    def lay_out(self) -> None:
        with gr.Row(elem_id="video"):
            with gr.Column(elem_id="clip-column"):
                self._lay_out_clip()
            with gr.Column(elem_id="clip-answer"):
                self._lay_out_answer()
        self._connect()

    def _lay_out_clip(self) -> None:
        self.whose = gr.HTML()
        self.clip = FileInput(
            label="A short clip",
            file_types=[".mp4", ".m4v", ".mov", ".webm", ".mkv", ".3gp"],
            height=200,
            elem_id="clip",
        )
        self.preview = gr.HTML(elem_id="clip-preview")
        with gr.Column(visible=False, elem_id="clip-busy") as self.busy:
            self.progress = gr.HTML()
            self.stop_button = gr.Button("Stop", size="sm")
        gr.HTML(render("video.privacy"))
        self.model_line = gr.HTML(render("base.model_line", card=self.classify.shipped.card))

    def _lay_out_answer(self) -> None:
        self._lay_out_messages()
        self.welcome = gr.HTML(markup.welcome(self.classify.shipped.classifier.class_names))
        with gr.Column(visible=False, elem_id="clip-result") as self.result:
            with gr.Row(elem_id="clip-summary"):
                self.headline = gr.HTML()
                self.scores = gr.HTML(elem_id="clip-scores")
            self.chart = gr.LinePlot(
                x="second",
                y="probability",
                color="name",
                title="The answer over time",
                x_title="second of the clip",
                y_title=" ",
                color_title=" ",
                y_lim=[0, 1],
                y_axis_format=".0%",
                height=260,
                buttons=[],
                elem_id="clip-chart",
            )
            self.key_frames = gr.HTML()

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        page = [self.status, self.notice, self.result, self.headline, self.scores, self.chart, self.key_frames]
        page += [self.busy, self.progress, self.stop_button, self.timer, self.job_id, self.pace, self.preview]
        page += [self.model_line, self.welcome]
        poll: dict[str, Any] = POLL | {"outputs": page}
        start = START | {
            "outputs": [*page, self.clip],
            "trigger_mode": "once",
            "show_progress": "minimal",
        }
        self.classify.own.change(self.show_model, self.classify.own, [self.whose, self.welcome], **QUICK)
        asked = [self.clip, self.job_id, self.classify.own]
        self.clip.upload(self.start, asked, **start, show_progress_on=self.clip)
        self.clip.clear(self.start_over, self.job_id, **poll)
        self.stop_button.click(self.stop, self.job_id, **poll)
        self.headline.change(None, js=markup.SHOW_ANSWER, api_visibility="private")
        self._watch_by(poll)

    def show_model(self, own: Model | None) -> tuple[str, str]:
        """Say who answers the next clip."""
        names = (own or self.classify.shipped).classifier.class_names
        return own_model_line(own), markup.welcome(names)

    def start(self, upload: str | None, last: Any, own: Model | None, request: gr.Request) -> Updates:
        """Look at the clip that was put into the box, instead of one that is being looked at."""

        def started() -> Updates:
            path = _own_clip(upload)
            if job := self.jobs.find(last):
                job.stop()
                job.wait(3.0)
            model = own or self.classify.shipped
            job = self.jobs.start(
                classify_clip,
                path,
                ClassifierSpec.of(model.classifier),
                owner=f"clip of {request.session_hash}",
                origin=visitor_of(request).address,
                about=model.card,
            )
            return self._begun(job) | {self.preview: render("video.preview", address=address(path))}

        return self._guarded(started, {self.clip: None, self.preview: ""})

    def stop(self, job_id: Any) -> Updates:
        """Ask it to stop: what was seen until then is shown. The page goes on watching: that tells when it has."""
        return super().stop(job_id) | {self.stop_button: gr.update(value="Stopping ...", interactive=False)}

    def start_over(self, job_id: Any) -> Updates:
        """The clip was taken out of the box: forget what was found in it."""
        if job := self.jobs.find(job_id):
            job.stop()
        return self._at_rest("") | {self.job_id: NO_JOB, self.preview: ""}

    def _shown(self, job: Job | None, pace: Pace) -> Updates:
        if job and job.problem:
            return self._failed(_problem(job)) | {self.preview: ""}  # which no browser could play either
        return super()._shown(job, pace)

    def _running(self, job: Job, pace: Pace) -> Updates:
        return super()._running(job, pace) | {
            self.welcome: gr.update(visible=True),
            self.result: gr.update(visible=HIDDEN),
        }

    def _finished(self, job: Job) -> Updates:
        answer: ClipAnswer = job.result
        several = len(answer.times_s) > 1
        names = [display_name(p.label) for p in answer.predictions[:CURVES]]
        return super()._at_rest("") | {
            self.welcome: gr.update(visible=False),
            self.result: gr.update(visible=True),
            self.headline: markup.headline(answer),
            self.scores: gr.update(
                value=markup.scores(answer, ROWS), elem_classes=["unsure" if answer.note else "sure"]
            ),
            self.chart: gr.update(
                value=_frame(answer),
                visible=True if several else HIDDEN,
                color_map=dict(zip(names, COLOURS, strict=False)),
            ),
            self.key_frames: markup.key_frames(answer),
            self.model_line: render("base.model_line", card=job.about),
            self.status: text("Not sure" if answer.note else display_name(answer.top.label)),
        }

    def _at_rest(self, notice: str) -> Updates:
        """No answer is there: the welcome is shown again, unless something went wrong."""
        return super()._at_rest(notice) | {
            self.welcome: gr.update(visible=True),
            self.result: gr.update(visible=HIDDEN),
        }

    def _failed(self, message: str) -> Updates:
        return self._at_rest(render("base.problem", message=message)) | {self.welcome: gr.update(visible=False)}


def _frame(answer: ClipAnswer) -> Any:
    """A table with one row for each point: the most probable classes at each second."""
    import pandas  # as gradio's plots do

    names = list(answer.class_names)
    rows = [
        (round(float(second), 2), float(row[names.index(p.label)]), display_name(p.label))
        for p in answer.predictions[:CURVES]
        for second, row in zip(answer.times_s, answer.probabilities, strict=True)
    ]
    return pandas.DataFrame(rows, columns=["second", "probability", "name"])


def _problem(job: Job) -> str:
    """Why there is no answer. What ended the process from outside says the same thing of a clip."""
    ended = job.problem == TOO_LARGE or job.problem.startswith(OUTSIDE)
    return TOO_MUCH if ended else job.problem


def _own_clip(upload: str | None) -> Path:
    try:
        path = own_upload(upload or "")
    except PhotoError:
        raise VideoError("Please upload the clip again.") from None
    if path.stat().st_size > MAX_FILE_BYTES:  # before a place in the line is taken
        raise VideoError(f"The clip is larger than {MAX_FILE_BYTES // 10**6} MB. Make it shorter or smaller.")
    return path
