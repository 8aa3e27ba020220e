"""Step 4 of "Train your own": ask the new head, take it home, bring it back."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.errors import ModelError, PhotoError, SoundError
from dance_demo.export import formats
from dance_demo.export.formats import Exported
from dance_demo.files.jpeg import thumbnail
from dance_demo.files.text import safe_file_name
from dance_demo.forms import display_name
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.model.bundle import restore, write_bundle
from dance_demo.model.directory import ModelCard
from dance_demo.model.loading import load_classifier
from dance_demo.model.publishing import Fetched, Published
from dance_demo.model.readme import OLDEST_KERAS
from dance_demo.networks.full_model import FullModel, export
from dance_demo.predict.sound import Listened, listen
from dance_demo.training.neighbours import Neighbours
from dance_demo.ui.components.browser_state import NO_JOB, job_ids, remembered
from dance_demo.ui.components.html import render
from dance_demo.ui.components.inputs import FileInput, SoundInput
from dance_demo.ui.components.job_markup import hint
from dance_demo.ui.components.job_step import POLL, QUICK, JobStep
from dance_demo.ui.components.model import Example, Model
from dance_demo.ui.components.step import Updates
from dance_demo.ui.server.files import PRESS, hand_out, new_file, own_upload
from dance_demo.ui.server.visitors import visitor_of
from dance_demo.ui.train import ear, markup
from dance_demo.ui.train.data_step import own_zip
from dance_demo.ui.train.hub_step import HubStep, Task
from dance_demo.ui.train.trainings import Training, Trainings

START_LINE: dict[str, Any] = {"concurrency_id": "use", "concurrency_limit": 4, "api_visibility": "private"}
EXAMPLES, EXAMPLE_SIDE_PX = 8, 160
BROUGHT_BACK = "Your head is back. Use it as if it had been trained here."


class UseStep(JobStep):
    """The components of the step, and what happens when a visitor uses them. Make it before the tabs of the page.

    `head` holds the id of the job that the head came from: a training, or the reading of a bundle. `own` is the model
    that answers this visitor in "Name a dance", `own_id` the job that it came from.
    """

    gone = "This head is no longer kept here. Train again, or upload its bundle."
    stopped = "Stopped."
    failure = "A head could not be used"
    results = (Listened, FullModel, Exported, Path, Published)

    def __init__(
        self,
        page: gr.Blocks,
        trainings: Trainings,
        jobs: JobManager,
        *,
        ids: gr.BrowserState,
        chosen: gr.BrowserState,
        own: gr.State,
    ) -> None:
        super().__init__(page, jobs, storage_key="dance-demo-use")
        self.trainings, self.ids, self.chosen, self.own = trainings, ids, chosen, own
        self.head = gr.State("")
        self.brought = remembered(NO_JOB, "dance-demo-bundle")  # the job that read a head that came back
        self.own_id = remembered(NO_JOB, "dance-demo-own")
        self.hub = HubStep(page, head=self.head, directory=self.directory, start=self.start)

    def lay_out(self) -> None:
        """Make the components."""
        with gr.Column(elem_id="use-step"):
            self._lay_out_messages()
            with gr.Column(visible=False, elem_id="use-busy") as self.busy:
                self.progress = gr.HTML()
                self.stop_button = gr.Button("Stop", size="sm")
            self.about = gr.HTML(render("train/use.no_model"))
            with gr.Column(visible=False, elem_id="ways-to-use") as self.ways:
                self._lay_out_ways()
            with gr.Column(elem_classes="way", elem_id="bring-back"):
                gr.HTML(render("train/use.bring_back"))
                self.bundle = FileInput(label="A bundle (.zip)", file_types=[".zip"], height=120, elem_id="bundle-zip")
            self.hub.lay_out_load()
        self._connect()

    def _lay_out_ways(self) -> None:
        with gr.Column(elem_classes="way", visible=False, elem_id="ear") as self.ear:
            gr.HTML(render("train/use.ear"))
            self.recording = SoundInput(
                label="A recording",
                sources=["upload", "microphone"],
                type="filepath",
                buttons=["download"],  # none that would share it on a server of others
                elem_id="ear-recording",
            )
            self.heard = gr.HTML(js_on_load=ear.GROW)
        with gr.Column(elem_classes="way") as self.ask_way:
            gr.HTML(render("train/use.ask"))
            self.ask = gr.Button("Use it in “Name a dance”", variant="primary", elem_id="use-in-classify")
        with gr.Column(elem_classes="way"):
            gr.HTML(render("train/use.take"))
            self.take = gr.Button("Download the bundle")
            self.taken = gr.DownloadButton("Bundle", elem_id="bundle-file", elem_classes="pressed-for-you")
        with gr.Column(elem_classes="way") as self.anywhere_way:
            gr.HTML(render("train/use.anywhere"))
            self.anywhere = gr.Button("Make the page", elem_id="make-page")
            self.page_file = gr.DownloadButton("Download the page (.html)", visible=False, elem_id="page-file")
        with gr.Column(elem_classes="way") as self.full_way:
            gr.HTML(render("train/use.full"))
            self.full = gr.Button("Make the full model")
            self.parity = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.keras = gr.DownloadButton("Keras (.keras)", visible=False, size="sm")
                self.litert = gr.DownloadButton("LiteRT (.tflite)", visible=False, size="sm")
                self.labels = gr.DownloadButton("Its classes (labels.txt)", visible=False, size="sm")
                self.readme = gr.DownloadButton("What it takes in (README.md)", visible=False, size="sm")
        with gr.Column(elem_classes="way") as self.many_way:
            gr.HTML(render("train/use.many"))
            self.many = gr.Button("Go to “Many photos”", elem_id="use-in-many")
        self.hub.lay_out_publish()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        files = [
            self.page_file,
            self.keras,
            self.litert,
            self.labels,
            self.readme,
            self.parity,
            self.bundle,
            self.hub.published,
        ]
        shown = [self.status, self.notice, self.busy, self.progress, self.stop_button, self.about, self.ways]
        shown += [self.ear, self.heard, self.ask_way, self.anywhere_way, self.full_way, self.many_way]
        return [*shown, *files, self.timer, self.head, self.job_id, self.pace, self.brought]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        poll: dict[str, Any] = POLL | {"outputs": self.outputs}
        start = START_LINE | {"trigger_mode": "once", "outputs": self.outputs, "show_progress": "minimal"}
        self.chosen.change(self.show_training, self.chosen, **poll)
        self.stop_button.click(self.stop, self.job_id, **poll)
        self.anywhere.click(self.start_page, self.head, **start, show_progress_on=self.anywhere)
        self.full.click(self.start_export, self.head, **start, show_progress_on=self.full)
        self.bundle.upload(self.start_restoring, self.bundle, **start, show_progress_on=self.bundle)
        listening = [self.recording.upload, self.recording.stop_recording]
        gr.on(listening, self.start_listening, [self.head, self.recording], **start, show_progress_on=self.heard)
        self.hub.connect(start)
        taking = START_LINE | {"show_progress": "minimal", "show_progress_on": self.take}
        taken = self.take.click(self.take_home, self.head, [self.notice, self.taken], **taking)
        taken.success(None, js=PRESS.format(id="bundle-file"), api_visibility="private")
        used = [self.notice, self.own, self.own_id]
        self.asked = self.ask.click(self.use, self.head, used, **START_LINE)
        self.asked_many = self.many.click(self.use, self.head, used, **START_LINE)
        self._watch_by(poll, restored_by=[self.brought, self.ids])
        self.page.load(self.own_model, self.own_id, self.own, **QUICK)

    # --- which head -----------------------------------------------------------------------------------------

    def show_training(self, id: str) -> Updates:
        """Offer the head of a training."""
        return self._guarded(lambda: self._offered(id)) if self._model(id) else gr.skip()

    def restore(self, job_id: Any, brought: Any = NO_JOB, ids: Any = ()) -> Updates:
        """Find a job that runs, and a head that was brought back, after a reload."""
        updates: Updates = {self.status: ""}
        if self._model(brought) and not self.trainings.known(job_ids(ids)):
            updates |= self._guarded(lambda: self._offered(brought))
        job = self.jobs.find(job_id)
        return updates | super().restore(job_id) if job and job.active else updates

    def keep(self, job_id: Any) -> Updates:
        """Ask for the job now and then. What came of it may be gone: it has its own buttons."""
        self.jobs.find(job_id)
        return {self.status: gr.skip()}

    def own_model(self, id: Any) -> Any:
        """The head of a job as a model that answers, after a reload, if it is still kept."""
        with suppress(ModelError):  # its backbone may be gone
            if directory := self._model(id):
                return self._as_model(id, directory)
        return gr.skip()

    def _as_model(self, id: str, directory: Path) -> Model:
        """The head of a job, with photos of its visitor to try it with."""
        classifier, card, training = load_classifier(directory), ModelCard.read(directory), self.trainings.find(id)
        if training is None:
            return Model(classifier, card)
        neighbours = Neighbours.of(training.result, training.material.dataset)
        return Model(classifier, card, _examples(training), neighbours)

    def directory(self, id: str) -> Path:
        """Where the head of a job lies. Raises ModelError if it is no longer kept."""
        directory = self._model(id)
        if directory is None:
            raise ModelError(self.gone)
        return directory

    def _model(self, id: str) -> Path | None:
        """Where the head of a training, or of a bundle, lies."""
        if training := self.trainings.find(id):
            return training.result.model
        job = self.jobs.find(id)
        return result if job and isinstance(result := job.result, Path) else None

    def _name(self, id: str) -> str:
        """How the names of files of this head begin: after its photos, or after the bundle that it came in."""
        if training := self.trainings.find(id):
            return training.material.file_name
        job = self.jobs.find(id)
        return safe_file_name((job and job.about) or "my").removesuffix(" head")

    def _offered(self, id: str) -> Updates:
        card = ModelCard.read(self.directory(id))
        title = "The head that you brought back"
        if training := self.trainings.find(id):
            title = f"The head that you trained: {training.material.name}, {markup.when(training.result.date)}"
        nothing = gr.update(value=None, visible=False)  # files of another head
        return {
            self.head: id,
            self.about: markup.model(title, card),
            self.ways: gr.update(visible=True),
            self.ear: gr.update(visible=bool(card.sound)),
            self.heard: "",
            **{way: gr.update(visible=not card.sound) for way in self._ways_of_photos},
            self.notice: "",
            self.page_file: nothing,
            self.keras: nothing,
            self.litert: nothing,
            self.labels: nothing,
            self.readme: nothing,
            self.parity: "",
            self.hub.published: "",
        }

    @property
    def _ways_of_photos(self) -> tuple[gr.Column, ...]:
        """What only a model of photos can be used for."""
        return (self.ask_way, self.anywhere_way, self.full_way, self.many_way)

    # --- what to do with it ---------------------------------------------------------------------------------

    def use(self, id: str) -> Updates:
        """Have it answer this visitor in "Name a dance" and "Many photos"."""

        def used() -> Updates:
            directory = self.directory(id)
            if ModelCard.read(directory).sound:
                raise ModelError("This head listens to sounds, and cannot look at photos. Let it listen here.")
            return {self.own: self._as_model(id, directory), self.own_id: id, self.notice: ""}

        return self._guarded(used)

    def take_home(self, id: str) -> Updates:
        """Make the bundle for download."""

        def taken() -> Updates:
            bundle = write_bundle(self.directory(id), new_file(f"{self._name(id)} head.zip"))
            return {self.taken: str(bundle), self.notice: ""}

        return self._guarded(taken)

    def start_page(self, id: str, request: gr.Request) -> Updates:
        """Make one page of backbone and head that runs without this server."""
        return self.start(request, lambda: (formats.export, self.directory(id), "page"), about=self._name(id))

    def start_export(self, id: str, request: gr.Request) -> Updates:
        """Make one Keras and one LiteRT model of backbone and head."""
        return self.start(request, lambda: (export, self.directory(id)), about=self._name(id))

    def start_listening(self, id: str, upload: str | None, request: gr.Request) -> Updates:
        """Name an uploaded or recorded sound."""
        heard = {self.heard: ""}  # the answer to another recording
        return heard | self.start(request, lambda: (listen, own_recording(upload), self.directory(id)))

    def start_restoring(self, upload: str | None, request: gr.Request) -> Updates:
        """Read an uploaded bundle."""
        return self.start(request, lambda: (restore, own_zip(upload)), about=Path(upload or "").stem)

    def start(self, request: gr.Request, task: Task, about: str = "") -> Updates:
        """Start a job; `task` gives the work and its arguments, or raises. `about` names what it is done to."""

        def started() -> Updates:
            work, *args = task()
            visitor = visitor_of(request)
            job = self.jobs.start(work, *args, owner=visitor.id, origin=visitor.address, about=about)
            return self._begun(job)

        return {self.bundle: None} | self._guarded(started)

    # --- what came of it ------------------------------------------------------------------------------------

    def _finished(self, job: Job) -> Updates:
        at_rest = self._at_rest("")
        if isinstance(job.result, FullModel):
            return at_rest | self._exported(job.result, job.about)
        if isinstance(job.result, Exported):
            page = hand_out(job.result.path, f"{job.about}.html")
            return at_rest | {self.page_file: gr.update(value=str(page), visible=True)}
        if isinstance(job.result, Listened):
            return at_rest | {self.heard: ear.heard(job.result)}
        if isinstance(job.result, Published):
            return at_rest | self.hub.shown(job.result)
        return at_rest | self._offered(job.id) | {self.brought: job.id, self.notice: hint(_brought_back(job))}

    def _exported(self, full: FullModel, name: str) -> Updates:
        files = (
            (self.keras, full.keras, f"{name} model.keras"),
            (self.litert, full.litert, f"{name} model.tflite"),
            (self.labels, full.labels, f"{name} labels.txt"),
            (self.readme, full.readme, f"{name} README.md"),
        )
        return {
            self.parity: render(
                "train/use.parity", difference=full.largest_difference, side=full.input_side_px, keras=OLDEST_KERAS
            )
        } | {button: gr.update(value=str(hand_out(path, name)), visible=True) for button, path, name in files}


def _examples(training: Training) -> list[Example]:
    """Photos of each class that its visitor can try the head with: those that it has not learned from, if there are."""
    dataset = training.material.dataset
    unseen = training.unseen or range(len(dataset.photos))
    each = max(1, EXAMPLES // len(dataset.class_names))
    of_class: Counter[str] = Counter()
    examples: list[Example] = []
    for photo in (dataset.photos[index] for index in unseen):
        of_class[photo.label] += 1
        if of_class[photo.label] <= each and len(examples) < EXAMPLES:
            with suppress(PhotoError):  # it may be gone
                small = thumbnail(photo.path, EXAMPLE_SIDE_PX)
                examples.append(Example(photo.path, display_name(photo.label), "", small))
    return examples


def _brought_back(job: Job) -> str:
    origin = next((event.address for event in job.events if isinstance(event, Fetched)), "")
    return f"{BROUGHT_BACK} It is {origin}." if origin else BROUGHT_BACK


def own_recording(upload: str | None) -> Path:
    """Where an uploaded recording lies. Raises SoundError if it is none of this visitor's."""
    try:
        return own_upload(upload or "")
    except PhotoError:
        raise SoundError("Please choose or record the sound again.") from None
