"""Step 1 of "Train your own": photos in; what was found in them, before anything is trained.

    ways in -> a job unpacks and checks -> report -> `prepared` holds the dataset, if it can be trained on

What a reload does to the job, see `JobStep`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.data.hub_source import HUB_LIMITS
from dance_demo.data.intake import (
    Prepared,
    TypedClass,
    check_classes,
    check_hub,
    check_sample,
    check_talas,
    check_zip,
)
from dance_demo.data.layout import Question
from dance_demo.data.samples import THUMBNAIL_SIDE_PX, spread
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.files.jpeg import thumbnail
from dance_demo.files.photo import PHOTO_SUFFIXES
from dance_demo.hub.address import HubAddress
from dance_demo.hub.online import reaches_hub
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.model.directory import cache_folder
from dance_demo.training.quick import QuickHeads
from dance_demo.ui.components.browser_state import NO_JOB
from dance_demo.ui.components.curves import HIDDEN
from dance_demo.ui.components.html import render
from dance_demo.ui.components.inputs import FileInput, PhotosInput
from dance_demo.ui.components.job_step import ASK_ELSEWHERE, QUICK, JobStep, Pace
from dance_demo.ui.components.step import Updates
from dance_demo.ui.components.tabs import tab_row
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.server.files import own_upload
from dance_demo.ui.server.guard import Limits
from dance_demo.ui.server.hub_access import access_of, hub_host
from dance_demo.ui.server.visitors import visitor_of
from dance_demo.ui.train import data_markup as markup
from dance_demo.ui.train.data_report import DataReport
from dance_demo.ui.train.hub_step import hub_hint
from dance_demo.ui.train.recorder import Recorder
from dance_demo.ui.train.typed_classes import with_class, without_class

PICTURES_OF_A_CLASS = 6
ARGUMENTS: dict[Any, int] = {check_zip: 1, check_hub: 2}  # before the answer to a question

# Watching must not wait behind anybody's photo. It is on the queue: past it, no change of a gr.State is heard of.
WATCH: dict[str, Any] = QUICK | {"concurrency_id": "watching"}
# What opens photos takes its turn.
TURN: dict[str, Any] = {"queue": True, "show_progress": "minimal", "concurrency_id": "data", "concurrency_limit": 2}
RECORDED: dict[str, Any] = {"concurrency_id": "recordings", "concurrency_limit": 2, "trigger_mode": "multiple"}


class DataStep(JobStep):
    """The components of the step, and what happens when a visitor uses them. Make it before the tabs of the page.

    `prepared` holds a `Prepared` once there is a dataset that can be trained on, and else None: hook `prepared.change`.
    """

    gone = "Your last photos are no longer kept here. Add them again, please."
    stopped = "Stopped. Nothing of it was kept."
    failure = "A dataset could not be checked"
    results = (Prepared, Question)

    def __init__(self, page: gr.Blocks, jobs: JobManager, frames: LiveFrames, quick_heads: QuickHeads) -> None:
        super().__init__(page, jobs, storage_key="dance-demo-dataset")
        self.prepared = gr.State(None)
        self.classes = gr.State(())
        self.before = gr.State(())  # the classes before the last one was taken away
        self.recorder = Recorder(frames, quick_heads, self.classes)

    def lay_out(self) -> None:
        with gr.Column(elem_id="data-step"):
            self._lay_out_messages()
            self.question = gr.HTML(js_on_load=markup.REMOVE_CLASS, elem_id="data-question")
            with gr.Column(elem_id="data-ways") as self.ways:
                self._lay_out_ways()
            with gr.Column(visible=False, elem_id="data-busy") as self.busy:
                self.progress = gr.HTML()
                self.stop_button = gr.Button("Cancel", size="sm")
            with gr.Column(visible=False, elem_id="data-found") as self.found:
                self.report = DataReport()
        self._connect()

    def _lay_out_ways(self) -> None:
        gr.HTML(render("train/data.introduction"))
        with tab_row("data-tabs"):
            with gr.Tab("A zip of photos"):
                self.zip = FileInput(
                    label="A zip with your photos", file_types=[".zip"], height=180, elem_id="data-zip"
                )
                gr.HTML(render("train/data.zip_help"))
            with gr.Tab("Class by class"):
                self._lay_out_classes()
            with gr.Tab("From the Hub") as self.from_hub:
                self.reach = gr.HTML()
                self.dataset = gr.Textbox(
                    label="A dataset on the Hugging Face Hub", placeholder="owner/name", max_lines=1, max_length=250
                )
                gr.HTML(_hub_help())
                self.fetch = gr.Button("Fetch and check", elem_id="fetch-dataset")
        gr.HTML(markup.limits())
        with gr.Row(elem_id="data-sample"):
            gr.HTML(render("train/data.sample"))
            self.sample = gr.Button("Use the sample dataset")
            self.talas = gr.Button("Ten talas, to be heard", elem_id="data-talas")

    def _lay_out_classes(self) -> None:
        with gr.Row(elem_id="data-classes"):
            with gr.Column(elem_id="record"):
                self.recorder.lay_out()
            with gr.Column():
                self.typed = gr.HTML(
                    markup.typed_classes((), ()), js_on_load=markup.REMOVE_CLASS, elem_id="typed-classes"
                )
                self.undo = gr.Button("Undo", size="sm", visible=False)
                with gr.Row(elem_classes="line"):
                    self.name = gr.Textbox(
                        label="Name of the class", placeholder="cup", max_lines=1, elem_id="class-name"
                    )
                    self.add = gr.Button("Add class", scale=0)
                with gr.Accordion("Photos from files or the clipboard", open=False, elem_id="data-files"):
                    self.photos = PhotosInput(
                        label="Photos of this class",
                        sources=["upload", "clipboard"],
                        file_types=["image", *PHOTO_SUFFIXES],
                        columns=6,
                        height=260,
                        allow_preview=False,
                        buttons=[],
                        interactive=True,
                        elem_id="data-photos",
                    )
                    gr.HTML(render("train/data.photos_help", at_a_time=Limits().upload_files))
                self.check = gr.Button("Check these photos", variant="primary", interactive=False)

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        page = [self.status, self.notice, self.ways, self.busy, self.progress, self.stop_button, self.found, self.timer]
        page += [self.question, self.prepared, self.job_id, self.pace, *self.report.components]
        inputs = [self.zip, self.name, self.photos, self.classes, self.typed, self.check, self.before, self.undo]
        inputs += [self.recorder.taken]
        watch = WATCH | {"outputs": [*page, *inputs]}
        start = watch | TURN

        self.question.click(self.answer, self.job_id, **start, show_progress_on=self.question)
        self.zip.upload(self.start_zip, self.zip, **start, show_progress_on=self.zip)
        self.sample.click(self.start_sample, None, **start, show_progress_on=self.sample)
        self.talas.click(self.start_talas, None, **start, show_progress_on=self.talas)
        self.check.click(self.start_classes, self.classes, **start, show_progress_on=self.check)
        self.from_hub.select(self.offer_hub, None, [self.reach, self.dataset, self.fetch], **ASK_ELSEWHERE)
        fetching = [self.fetch.click, self.dataset.submit]
        gr.on(fetching, self.start_hub, self.dataset, **start, show_progress_on=self.fetch)
        adding = [self.classes, self.name, self.photos]
        gr.on([self.add.click, self.name.submit], self.add_class, adding, **start, show_progress_on=self.add)
        self.typed.click(self.remove_class, self.classes, **watch)
        self.recorder.camera.click(self.take_recording, self.classes, **watch | RECORDED)
        self.undo.click(self.bring_back, self.before, **watch)
        self.stop_button.click(self.stop, self.job_id, **watch)
        self.report.again.click(self.start_over, self.job_id, **watch)
        self._watch_by(watch)

    # --- starting -------------------------------------------------------------------------------------------

    def start_zip(self, upload: str | None, request: gr.Request) -> Updates:
        """Check the zip that was put into the box."""
        return self._guarded(lambda: self._started(request, check_zip, own_zip(upload)) | {self.zip: None})

    def start_classes(self, classes: Sequence[TypedClass], request: gr.Request) -> Updates:
        """Check the photos that were put into classes."""
        return self._guarded(lambda: self._started(request, check_classes, tuple(classes)))

    def start_sample(self, request: gr.Request) -> Updates:
        """Check our drawings, as an example."""
        return self._guarded(lambda: self._started(request, check_sample, cache_folder()))

    def start_talas(self, request: gr.Request) -> Updates:
        """Check our beat cycles, recordings as an example."""
        return self._guarded(lambda: self._started(request, check_talas, cache_folder()))

    def start_hub(self, address: str, request: gr.Request, signed_in: gr.OAuthToken | None) -> Updates:
        """Fetch a dataset from the Hub, and check it."""

        def started() -> Updates:
            wanted = HubAddress.of_dataset(address)
            return self._started(request, check_hub, str(wanted), access_of(signed_in, request, self.page))

        return self._guarded(started)

    def offer_hub(self) -> Updates:
        """Say that the Hub cannot be reached, if so, before anybody types what is wanted from there."""
        found = reaches_hub()
        return {self.reach: hub_hint(found)} | {one: gr.update(interactive=found) for one in (self.dataset, self.fetch)}

    def _started(self, request: gr.Request, work: Callable[..., Any], *args: Any) -> Updates:
        owner = f"data of {request.session_hash}"
        job = self.jobs.active(owner) or self.jobs.start(
            work, *args, owner=owner, origin=visitor_of(request).address, about=(work, args)
        )  # active: after a double click
        return self._begun(job) | {self.notice: ""}

    def answer(self, click: gr.EventData, job_id: Any, request: gr.Request) -> Updates:
        """Read the photos in the way that was chosen, if that is another one."""

        def answered() -> Updates:
            job, index = self.jobs.find(job_id), getattr(click, "index", None)
            question = _question_of(job)
            if not job or not question or not isinstance(index, int) or not 0 <= index < len(question.options):
                return {self.question: ""}
            wanted = question.options[index].wanted
            if wanted is None:
                return {self.question: "", self.status: "Left as it is"}
            work, args = job.about
            return self._started(request, work, *args[: ARGUMENTS[work]], wanted)

        return self._guarded(answered)

    # --- photos of one class after the other ----------------------------------------------------------------

    def add_class(self, classes: Sequence[TypedClass], name: str, uploads: Sequence[str]) -> Updates:
        """Take the photos in the box as a class of this name."""

        def added() -> Updates:
            together = with_class(classes, name, [own_upload(upload) for upload in uploads])
            return self._listed(together) | {self.name: "", self.photos: [], self.notice: ""}

        return self._guarded(added)

    def take_recording(self, click: gr.EventData, classes: Sequence[TypedClass]) -> Updates:
        """Put the photos that were taken while a button was held into its class."""

        def taken() -> Updates:
            return self._listed(self.recorder.taken_into(classes, click)) | {self.notice: ""}

        return self._guarded(taken) | {self.recorder.taken: self.recorder.acknowledged(click)}

    def remove_class(self, click: gr.EventData, classes: Sequence[TypedClass]) -> Updates:
        """Take a class away again, until somebody wants it back."""
        left = without_class(classes, getattr(click, "index", None))
        gone = next((kind.name for kind in classes if kind not in left), "")
        undo = {self.before: tuple(classes), self.undo: gr.update(visible=True, value=f"Undo: bring {gone} back")}
        return self._guarded(lambda: self._listed(left) | undo) if gone else {self.status: gr.skip()}

    def bring_back(self, before: Sequence[TypedClass]) -> Updates:
        """The classes as they were before the last one was taken away."""
        return self._guarded(lambda: self._listed(tuple(before)))

    def _listed(self, classes: tuple[TypedClass, ...]) -> Updates:
        pictures = [_pictures(kind.photos) for kind in classes]
        return {
            self.classes: classes,
            self.typed: markup.typed_classes(classes, pictures),
            self.check: gr.update(interactive=sum(bool(kind.photos) for kind in classes) > 1),
            self.undo: gr.update(visible=False),
            self.status: f"{len(classes)} classes",
        }

    # --- watching -------------------------------------------------------------------------------------------

    def stop(self, job_id: Any) -> Updates:
        """Ask the job to stop. The page goes on watching: that tells when it has."""
        return super().stop(job_id) | {self.stop_button: gr.update(value="Stopping ...", interactive=False)}

    def start_over(self, job_id: Any) -> Updates:
        """Forget the dataset, and show the ways in again, with the classes that were made there."""
        self.stop(job_id)
        return self._guarded(lambda: self._at_rest("") | {self.zip: None, self.status: "Start again"})

    def _running(self, job: Job, pace: Pace) -> Updates:
        hidden = {self.ways: gr.update(visible=False), self.found: gr.update(visible=HIDDEN)}
        return super()._running(job, pace) | hidden | {self.question: ""}

    def _finished(self, job: Job) -> Updates:
        if isinstance(job.result, Question):
            return self._at_rest("") | {self.job_id: job.id, self.question: markup.question(job.result)}
        prepared: Prepared = job.result
        return (
            super()._at_rest("")
            | self.report.shown(prepared)
            | {
                self.prepared: None if prepared.report.problems else prepared,
                self.question: markup.question(prepared.report.question) if prepared.report.question else "",
                self.status: markup.summary(prepared.report),
                self.ways: gr.update(visible=False),
                self.found: gr.update(visible=True),
            }
        )

    def _at_rest(self, notice: str) -> Updates:
        """No dataset is there: the ways in are shown again."""
        return (
            super()._at_rest(notice)
            | self.report.emptied()
            | {
                self.question: "",
                self.prepared: None,
                self.job_id: NO_JOB,
                self.progress: "",
                self.ways: gr.update(visible=True),
                self.found: gr.update(visible=HIDDEN),
            }
        )


def _question_of(job: Job | None) -> Question | None:
    result = job.result if job else None
    if isinstance(result, Prepared):
        return result.report.question
    return result if isinstance(result, Question) else None


def _hub_help() -> str:
    megabytes = f"{HUB_LIMITS.unpacked_bytes / 1e6:g}"
    return render("train/data.hub_help", host=hub_host(), files=HUB_LIMITS.files, megabytes=megabytes)


def own_zip(upload: str | None) -> Path:
    """Where an uploaded zip lies. Raises DatasetError if it is none of this visitor's."""
    try:
        return own_upload(upload or "")
    except PhotoError:
        raise DatasetError("Please upload the zip again.") from None


def _pictures(photos: Sequence[Path]) -> list[bytes]:
    """Small pictures of some of the photos; one that cannot be read will be in the report."""
    pictures = []
    for photo in spread(photos, PICTURES_OF_A_CLASS):
        try:
            pictures.append(thumbnail(photo, THUMBNAIL_SIDE_PX))
        except PhotoError:
            continue
    return pictures
