"""Step 4 of "Train your own": ask the new head, take it home, bring it back, have it name a whole folder."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from dance_demo.bundle import write_bundle
from dance_demo.errands import Named, name_photos, restore
from dance_demo.errors import ModelError, PhotoError
from dance_demo.full_model import FullModel, export
from dance_demo.hub import FromHub, Published, publish_head, restore_from_hub
from dance_demo.job import Job
from dance_demo.jobs import Jobs
from dance_demo.model_store import ModelCard
from dance_demo.training import load_trained
from dance_demo.ui import hub_markup
from dance_demo.ui import train_markup as markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.classify_tab import Model
from dance_demo.ui.data_input import ZipInput
from dance_demo.ui.downloads import PRESS, handed_out, new_file
from dance_demo.ui.guard import own_upload
from dance_demo.ui.hub_access import access_of
from dance_demo.ui.job_watch import LOOK, WATCH_EVERY_S, Pace, progress, spoken
from dance_demo.ui.publish_step import LoadWay, PublishWay, checked_address, checked_name
from dance_demo.ui.told import told
from dance_demo.ui.trainings import Trainings
from dance_demo.ui.visit import Visit
from dance_demo.ui.work_markup import problem, remark

GONE = "This head is no longer kept here. Train again, or upload its bundle."
STOPPED = "Stopped."
ERRAND_LINE: dict[str, Any] = {"concurrency_id": "errands", "concurrency_limit": 4}

log = logging.getLogger(__name__)
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


class UseStep:
    """The components of the step, and what happens when a visitor uses them. Make it inside the page's Blocks.

    `head` holds the id of the job that the head came from: a training, or the reading of a bundle. `own` is the model
    that answers this visitor in "Name a dance".
    """

    def __init__(
        self, trainings: Trainings, errands: Jobs, *, visit: gr.BrowserState, chosen: gr.BrowserState, own: gr.State
    ) -> None:
        self.trainings, self.errands = trainings, errands
        self.visit, self.chosen, self.own = visit, chosen, own
        self.page = Context.root_block
        self.head, self.errand, self.pace = gr.State(""), gr.State(""), gr.State(Pace())
        with beside_the_tabs():
            self.timer = gr.Timer(WATCH_EVERY_S, active=False)
        with gr.Column(elem_id="use-step"):
            self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
            self.notice = gr.HTML()
            with gr.Column(visible=False, elem_id="errand") as self.busy:
                self.progress = gr.HTML()
                self.stop = gr.Button("Stop", size="sm")
            self.about = gr.HTML(markup.NO_MODEL)
            with gr.Column(visible=False, elem_id="ways-to-use") as self.ways:
                self._lay_out_ways()
            with gr.Column(elem_classes="way", elem_id="bring-back"):
                gr.HTML(markup.BRING_BACK)
                self.bundle = ZipInput(label="A bundle (.zip)", file_types=[".zip"], height=120, elem_id="bundle-zip")
            self.load = LoadWay()
        self._connect()

    def _lay_out_ways(self) -> None:
        with gr.Column(elem_classes="way"):
            gr.HTML(markup.ASK)
            self.ask = gr.Button("Use it in “Name a dance”", variant="primary", elem_id="use-in-classify")
        with gr.Column(elem_classes="way"):
            gr.HTML(markup.TAKE)
            self.take = gr.Button("Download the bundle")
            self.taken = gr.DownloadButton("Bundle", elem_id="bundle-file", elem_classes="pressed-for-you")
        with gr.Column(elem_classes="way"):
            gr.HTML(markup.FULL)
            self.full = gr.Button("Make the full model")
            self.parity = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.keras = gr.DownloadButton("Keras (.keras)", visible=False, size="sm")
                self.litert = gr.DownloadButton("LiteRT (.tflite)", visible=False, size="sm")
                self.labels = gr.DownloadButton("Its classes (labels.txt)", visible=False, size="sm")
        with gr.Column(elem_classes="way"):
            gr.HTML(markup.FOLDER)
            self.folder = ZipInput(label="A zip of photos", file_types=[".zip"], height=120, elem_id="folder-zip")
            self.named = gr.HTML()
            self.answers = gr.DownloadButton("Answers (CSV)", visible=False, size="sm")
        self.publish = PublishWay()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        files = [self.keras, self.litert, self.labels, self.parity, self.named, self.answers, self.bundle, self.folder]
        shown = [self.status, self.notice, self.busy, self.progress, self.stop, self.about, self.ways]
        return [*shown, *files, self.publish.result, self.timer, self.head, self.errand, self.pace, self.visit]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        quick: dict[str, Any] = LOOK | {"outputs": self.outputs}
        start: dict[str, Any] = ERRAND_LINE | {
            "api_visibility": "private",
            "trigger_mode": "once",
            "outputs": self.outputs,
            "show_progress": "minimal",
        }
        self.chosen.change(self.show_training, self.chosen, **quick)
        self.timer.tick(self.watch, [self.errand, self.pace], **quick)
        self.stop.click(self.stop_errand, self.errand, **quick)
        self.full.click(self.start_export, [self.head, self.visit], **start, show_progress_on=self.full)
        self.folder.upload(
            self.start_naming, [self.folder, self.head, self.visit], **start, show_progress_on=self.folder
        )
        self.bundle.upload(self.start_restoring, [self.bundle, self.visit], **start, show_progress_on=self.bundle)
        publish, load = self.publish, self.load
        sent = [publish.name, publish.public, self.head, self.visit]
        publish.send.click(self.start_publishing, sent, **start, show_progress_on=publish.send)
        asking = [load.fetch.click, load.address.submit]
        gr.on(asking, self.start_loading, [load.address, self.visit], **start, show_progress_on=load.fetch)
        taking = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": self.take} | ERRAND_LINE
        taken = self.take.click(self.take_home, self.head, [self.notice, self.taken], **taking)
        taken.success(None, js=PRESS.format(id="bundle-file"), api_visibility="private")
        self.asked = self.ask.click(
            self.use,
            [self.head, self.visit],
            [self.notice, self.own, self.visit],
            **ERRAND_LINE,
            api_visibility="private",
        )

    # --- which head -----------------------------------------------------------------------------------------

    def show_training(self, id: str) -> Updates:
        """Offer the head of a training."""
        return self._guarded(lambda: self._offered(id)) if self._model(id) else gr.skip()

    def restore(self, visit: Visit) -> Updates:
        """Find a head that was brought back, and an errand that runs, after a reload."""
        updates: Updates = {}
        if self._model(visit.bundle) and not visit.trainings:
            updates = self._guarded(lambda: self._offered(visit.bundle))
        job = self.errands.find(visit.errand)
        if job and job.active:
            updates |= self._seen(job, Pace()) | {self.errand: job.id, self.timer: gr.Timer(active=True)}
        return updates

    def own_model(self, id: str) -> Model | None:
        """The head of a job as a model that answers, after a reload; None if it is no longer kept."""
        with suppress(ModelError):  # its backbone may be gone
            if directory := self._model(id):
                return Model(load_trained(directory), ModelCard.read(directory))
        return None

    def _model(self, id: str) -> Path | None:
        """Where the head of a training, or of a bundle, lies."""
        training = self.trainings.find(id)
        if training and training.result:
            return training.result.model
        job = self.errands.find(id)
        return result if job and isinstance(result := job.result, Path) else None

    def _directory(self, id: str) -> Path:
        directory = self._model(id)
        if directory is None:
            raise ModelError(GONE)
        return directory

    def _offered(self, id: str) -> Updates:
        card = ModelCard.read(self._directory(id))
        title = "The head that you trained" if self.trainings.find(id) else "The head that you brought back"
        nothing = gr.update(value=None, visible=False)  # files of another head
        return {
            self.head: id,
            self.about: markup.model(title, card),
            self.ways: gr.update(visible=True),
            self.notice: "",
            self.keras: nothing,
            self.litert: nothing,
            self.labels: nothing,
            self.answers: nothing,
            self.named: "",
            self.parity: "",
            self.publish.result: "",
        }

    # --- what to do with it ---------------------------------------------------------------------------------

    def use(self, id: str, stored: Any) -> Updates:
        """Have it answer this visitor in "Name a dance"."""

        def used() -> Updates:
            directory = self._directory(id)
            own = Model(load_trained(directory), ModelCard.read(directory))
            visit = replace(Visit.from_browser(stored), using=id)
            return {self.own: own, self.visit: visit.to_browser(), self.notice: ""}

        return self._guarded(used)

    def take_home(self, id: str) -> Updates:
        """Make the bundle for download."""
        return self._guarded(
            lambda: {self.taken: str(write_bundle(self._directory(id), new_file("dance head.zip"))), self.notice: ""}
        )

    def start_export(self, id: str, stored: Any) -> Updates:
        """Make one Keras and one LiteRT model of backbone and head."""
        return self._started(stored, lambda: (export, self._directory(id)))

    def start_naming(self, upload: str | None, id: str, stored: Any) -> Updates:
        """Name every photo of an uploaded zip."""
        return self._started(stored, lambda: (name_photos, self._directory(id), _own_zip(upload)))

    def start_restoring(self, upload: str | None, stored: Any) -> Updates:
        """Read an uploaded bundle."""
        return self._started(stored, lambda: (restore, _own_zip(upload)))

    def start_publishing(
        self, name: str, public: bool, id: str, stored: Any, request: gr.Request, signed_in: gr.OAuthToken | None
    ) -> Updates:
        """Put the head on the Hub, with the visitor's own token."""

        def order() -> tuple:
            access = access_of(signed_in, request, self.page)
            return publish_head, self._directory(id), checked_name(name, access), access, public is True

        return {self.publish.result: ""} | self._started(stored, order)

    def start_loading(self, address: str, stored: Any, request: gr.Request, signed_in: gr.OAuthToken | None) -> Updates:
        """Fetch a head from the Hub."""
        access = access_of(signed_in, request, self.page)
        return self._started(stored, lambda: (restore_from_hub, checked_address(address), access))

    def _started(self, stored: Any, order: Callable[[], tuple]) -> Updates:
        def started() -> Updates:
            visit = Visit.from_browser(stored)
            work, *args = order()
            job = self.errands.start(work, *args, owner=visit.visitor)
            visit = replace(visit, errand=job.id, **({"bundle": job.id} if work in (restore, restore_from_hub) else {}))
            watching = {self.errand: job.id, self.timer: gr.Timer(active=True), self.visit: visit.to_browser()}
            return self._seen(job, Pace()) | watching

        return {self.bundle: None, self.folder: None} | self._guarded(started)

    # --- watching -------------------------------------------------------------------------------------------

    def watch(self, id: str, pace: Pace) -> Updates:
        """Show how far the errand is, or what came of it."""
        return self._guarded(lambda: self._seen(self.errands.find(id), pace))

    def stop_errand(self, id: str) -> Updates:
        """Ask it to end. The page goes on watching: that tells when it has."""
        job = self.errands.find(id)
        if job:
            job.stop()
        return {self.stop: gr.update(interactive=False), self.status: "Stopping"}

    def _seen(self, job: Job | None, pace: Pace) -> Updates:
        if job is None:
            return self._at_rest(remark(GONE))
        if not job.active:
            return self._done(job)
        bar, pace = progress(job, pace)
        shown = {self.progress: bar, self.pace: pace, self.status: escape(spoken(job))}
        return shown | {self.busy: gr.update(visible=True), self.notice: ""}

    def _done(self, job: Job) -> Updates:
        if job.problem:
            return self._at_rest(problem(job.problem))
        if isinstance(job.result, Named):
            return self._at_rest("") | self._answered(job.result)
        if isinstance(job.result, Path):
            return self._at_rest(remark(_brought_back(job))) | self._without_notice(self._offered(job.id))
        if isinstance(job.result, FullModel):
            return self._at_rest("") | self._exported(job.result)
        if isinstance(job.result, Published):
            return self._at_rest("") | {self.publish.result: hub_markup.published(job.result)}
        return self._at_rest(remark(STOPPED))

    def _without_notice(self, updates: Updates) -> Updates:
        return {component: value for component, value in updates.items() if component is not self.notice}

    def _answered(self, named: Named) -> Updates:
        file = handed_out(named.answers, "answers.csv")
        return {self.named: markup.named(named), self.answers: gr.update(value=str(file), visible=True)}

    def _exported(self, full: FullModel) -> Updates:
        files = (
            (self.keras, full.keras, "dance model.keras"),
            (self.litert, full.litert, "dance model.tflite"),
            (self.labels, full.labels, "labels.txt"),
        )
        return {self.parity: markup.parity(full.largest_difference)} | {
            button: gr.update(value=str(handed_out(path, name)), visible=True) for button, path, name in files
        }

    def _at_rest(self, notice: str) -> Updates:
        return {
            self.notice: notice,
            self.status: "",
            self.busy: gr.update(visible=False),
            self.stop: gr.update(interactive=True),
            self.timer: gr.Timer(active=False),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page, and the page stops watching."""
        return told(
            answered,
            lambda message: {self.notice: problem(message)},
            log=log,
            what="A head could not be used",
        )


BROUGHT_BACK = "Your head is back. Use it as if it had been trained here."


def _brought_back(job: Job) -> str:
    origin = next((event.address for event in job.events if isinstance(event, FromHub)), "")
    return f"{BROUGHT_BACK} {hub_markup.brought_back(origin)}" if origin else BROUGHT_BACK


def _own_zip(upload: str | None) -> Path:
    try:
        return own_upload(upload or "")
    except PhotoError:
        raise ModelError("Please upload the zip again.") from None
