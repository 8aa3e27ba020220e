"""Step 1 of "Train your own": photos in; what was found in them, before anything is trained.

    ways in -> a job unpacks and checks -> report -> `prepared` holds the dataset, if it can be trained on

What a reload does to the job, see `JobStep`.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from dance_demo.backbones import cache_folder
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.hub_address import HubAddress
from dance_demo.intake import (
    Prepared,
    TypedClass,
    check_classes,
    check_hub,
    check_sample,
    check_zip,
    thumbnail,
)
from dance_demo.job import Job
from dance_demo.jobs import Jobs
from dance_demo.ui import data_markup as markup
from dance_demo.ui import hub_markup, work_markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.data_input import photos_input, with_class, without_class, zip_input
from dance_demo.ui.data_report import DataReport
from dance_demo.ui.guard import own_upload
from dance_demo.ui.hub_access import access_of, hub_host
from dance_demo.ui.job_watch import NO_JOB, JobStep, Pace, Updates
from dance_demo.ui.told import told

__all__ = ["DataStep", "Prepared"]

PICTURES_OF_A_CLASS = 4
GONE = "Your last photos are no longer kept here. Add them again, please."
STOPPED = "Stopped. Nothing of it was kept."

# Looking costs nothing and must not wait behind anybody's photo: it has a line of its own.
WATCH: dict[str, Any] = {
    "concurrency_id": "watching",  # on the queue: past it, no gr.State.change is heard of
    "concurrency_limit": 8,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "once",
}
# What opens photos takes its turn.
TURN: dict[str, Any] = {"queue": True, "show_progress": "minimal", "concurrency_id": "data", "concurrency_limit": 2}

log = logging.getLogger(__name__)


class DataStep(JobStep):
    """The components of the step, and what happens when a visitor uses them. Make it inside the page's Blocks.

    `prepared` holds a `Prepared` once there is a dataset that can be trained on, and else None: hook `prepared.change`.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(jobs, storage_key="dance-demo-dataset")
        self.page = Context.root_block
        with beside_the_tabs():
            self.prepared = gr.State(None)
            self.classes = gr.State(())
        with gr.Column(elem_id="data-step"):
            self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
            self.notice = gr.HTML()
            with gr.Column(elem_id="data-ways") as self.ways:
                self._lay_out_ways()
            with gr.Column(visible=False, elem_id="data-busy") as self.busy:
                self.progress = gr.HTML()
                self.cancel = gr.Button("Cancel", size="sm")
            with gr.Column(visible=False, elem_id="data-found") as self.found:
                self.report = DataReport()
        self._connect()

    def _lay_out_ways(self) -> None:
        gr.HTML(markup.INTRODUCTION)
        with gr.Tabs(elem_id="data-tabs"):
            with gr.Tab("A zip of photos"):
                self.zip = zip_input()
                gr.HTML(markup.ZIP_HELP)
            with gr.Tab("Class by class"):
                self._lay_out_classes()
            with gr.Tab("From the Hub"):
                self.dataset = gr.Textbox(
                    label="A dataset on the Hugging Face Hub", placeholder="owner/name", max_lines=1, max_length=250
                )
                gr.HTML(hub_markup.dataset(hub_host()))
                self.fetch = gr.Button("Fetch and check", elem_id="fetch-dataset")
        gr.HTML(markup.limits_line())
        with gr.Row(elem_id="data-sample"):
            gr.HTML(markup.SAMPLE)
            self.sample = gr.Button("Use the sample dataset")

    def _lay_out_classes(self) -> None:
        with gr.Row(elem_id="data-classes"):
            with gr.Column():
                self.name = gr.Textbox(label="Name of the class", placeholder="kathak", max_lines=1)
                self.photos = photos_input()
                gr.HTML(markup.PHOTOS_HELP)
                self.add = gr.Button("Add class")
            with gr.Column():
                self.typed = gr.HTML(markup.typed_classes((), ()), js_on_load=markup.REMOVE_CLASS)
                self.check = gr.Button("Check these photos", variant="primary", interactive=False)

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        page = [self.status, self.notice, self.ways, self.busy, self.progress, self.cancel, self.found, self.timer]
        page += [self.prepared, self.job_id, self.pace, *self.report.components]
        inputs = [self.zip, self.name, self.photos, self.classes, self.typed, self.check]
        watch = WATCH | {"outputs": [*page, *inputs]}
        start = watch | TURN

        self.zip.upload(self.start_zip, self.zip, **start, show_progress_on=self.zip)
        self.sample.click(self.start_sample, None, **start, show_progress_on=self.sample)
        self.check.click(self.start_classes, self.classes, **start, show_progress_on=self.check)
        fetching = [self.fetch.click, self.dataset.submit]
        gr.on(fetching, self.start_hub, self.dataset, **start, show_progress_on=self.fetch)
        adding = [self.classes, self.name, self.photos]
        gr.on([self.add.click, self.name.submit], self.add_class, adding, **start, show_progress_on=self.add)
        self.typed.click(self.remove_class, self.classes, **watch)
        self.cancel.click(self.stop, self.job_id, **watch)
        self.report.again.click(self.start_over, self.job_id, **watch)
        self._watch_by(watch)

    # --- starting -------------------------------------------------------------------------------------------

    def start_zip(self, upload: str | None, request: gr.Request) -> Updates:
        """Check the zip that was put into the box."""
        return self._guarded(lambda: self._started(request, check_zip, _own_zip(upload)) | {self.zip: None})

    def start_classes(self, classes: Sequence[TypedClass], request: gr.Request) -> Updates:
        """Check the photos that were put into classes."""
        return self._guarded(lambda: self._started(request, check_classes, tuple(classes)))

    def start_sample(self, request: gr.Request) -> Updates:
        """Check our drawings, as an example."""
        return self._guarded(lambda: self._started(request, check_sample, cache_folder()))

    def start_hub(self, address: str, request: gr.Request, signed_in: gr.OAuthToken | None) -> Updates:
        """Fetch a dataset from the Hub, and check it."""

        def started() -> Updates:
            wanted = HubAddress.of_dataset(address)
            return self._started(request, check_hub, str(wanted), access_of(signed_in, request, self.page))

        return self._guarded(started)

    def _started(self, request: gr.Request, work: Callable, *args: Any) -> Updates:
        owner = f"data of {request.session_hash}"
        job = self.jobs.active(owner) or self.jobs.start(work, *args, owner=owner)  # active: after a double click
        return self._begun(job) | {self.notice: ""}

    # --- photos of one class after the other ----------------------------------------------------------------

    def add_class(self, classes: Sequence[TypedClass], name: str, uploads: Sequence[str]) -> Updates:
        """Take the photos in the box as a class of this name."""

        def added() -> Updates:
            together = with_class(classes, name, [own_upload(upload) for upload in uploads])
            return self._listed(together) | {self.name: "", self.photos: [], self.notice: ""}

        return self._guarded(added)

    def remove_class(self, click: gr.EventData, classes: Sequence[TypedClass]) -> Updates:
        """Take a class away again."""
        return self._guarded(lambda: self._listed(without_class(classes, getattr(click, "index", None))))

    def _listed(self, classes: tuple[TypedClass, ...]) -> Updates:
        pictures = [_first_pictures(kind.photos) for kind in classes]
        return {
            self.classes: classes,
            self.typed: markup.typed_classes(classes, pictures),
            self.check: gr.update(interactive=len(classes) > 1),
            self.status: f"{len(classes)} classes",
        }

    # --- watching -------------------------------------------------------------------------------------------

    def stop(self, job_id: Any) -> Updates:
        """Ask the job to stop. The page goes on watching: that tells when it has."""
        if job := self.jobs.find(job_id):
            job.stop()
        return {self.cancel: gr.update(value="Stopping ...", interactive=False)}

    def start_over(self, job_id: Any) -> Updates:
        """Forget the dataset, and show the ways in again."""
        self.stop(job_id)
        emptied = {self.zip: None, self.name: "", self.photos: []}
        return self._guarded(lambda: self._at_start("") | self._listed(()) | emptied | {self.status: "Start again"})

    def _seen(self, job: Job | None, pace: Pace) -> Updates:
        if job is None:
            return self._at_start(work_markup.remark(GONE))
        if job.active:
            return self._working(job, pace)
        if job.state == "stopped":
            return self._at_start(work_markup.remark(STOPPED))
        if job.state == "failed":
            return self._at_start(work_markup.problem(job.problem))
        return self._done(job.result)

    def _working(self, job: Job, pace: Pace) -> Updates:
        return self._progress(job, pace) | {
            self.ways: gr.update(visible=False),
            self.busy: gr.update(visible=True),
            self.found: gr.update(visible=False),
        }

    def _done(self, prepared: Prepared) -> Updates:
        return self.report.shown(prepared) | {
            self.prepared: None if prepared.report.problems else prepared,
            self.status: markup.summary(prepared.report),
            self.notice: "",
            self.ways: gr.update(visible=False),
            self.busy: gr.update(visible=False),
            self.found: gr.update(visible=True),
            self.timer: gr.Timer(active=False),
        }

    def _at_start(self, notice: str) -> Updates:
        return self.report.emptied() | {
            self.prepared: None,
            self.job_id: NO_JOB,
            self.notice: notice,
            self.status: "",
            self.progress: "",
            self.cancel: gr.update(value="Cancel", interactive=True),
            self.ways: gr.update(visible=True),
            self.busy: gr.update(visible=False),
            self.found: gr.update(visible=False),
            self.timer: gr.Timer(active=False),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page; what the visitor has put in stays."""
        return told(
            answered,
            lambda message: {self.notice: work_markup.problem(message)},
            log=log,
            what="A dataset could not be checked",
        )


def _own_zip(upload: str | None) -> Path:
    try:
        return own_upload(upload or "")
    except PhotoError:
        raise DatasetError("Please upload the zip again.") from None


def _first_pictures(photos: Sequence[Path]) -> list[bytes]:
    """Small pictures of the first photos; one that cannot be read will be in the report."""
    pictures = []
    for photo in photos[:PICTURES_OF_A_CLASS]:
        try:
            pictures.append(thumbnail(photo))
        except PhotoError:
            continue
    return pictures
