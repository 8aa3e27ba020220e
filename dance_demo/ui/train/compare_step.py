"""The step "Compare": a network trained from scratch beside the transferred heads, on the same photos and split; and
few features beside all of them. Each is a job, and the browser remembers the last one.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import PhotoError, TrainingError
from dance_demo.files.jpeg import thumbnail
from dance_demo.forms import display_name
from dance_demo.jobs.job import Job
from dance_demo.model.preprocessing import KINDS
from dance_demo.training.comparison import (
    FROZEN,
    JOINT,
    METHODS,
    NORMALIZED,
    SCRATCH,
    ComparisonEpoch,
    ComparisonResult,
    ComparisonSettings,
)
from dance_demo.training.evaluation import Evaluation
from dance_demo.training.result import EpochReport
from dance_demo.training.selection.run import SelectionReport
from dance_demo.ui.components import curves
from dance_demo.ui.components.browser_state import NO_JOB
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_markup import hint, problem
from dance_demo.ui.components.job_step import POLL, QUICK, JobStep, Pace
from dance_demo.ui.components.slider import Slider
from dance_demo.ui.components.step import Updates
from dance_demo.ui.server.files import picture_url
from dance_demo.ui.server.visitors import visitor_of
from dance_demo.ui.train import markup
from dance_demo.ui.train.selection import markup as selection
from dance_demo.ui.train.selection.markup import Choice
from dance_demo.ui.train.settings import TrainingSettings
from dance_demo.ui.train.training_step import START_LINE
from dance_demo.ui.train.trainings import Material, Trainings

SIDES_PX = [("32 (quick)", 32), ("64", 64), ("128", 128), ("224, as in the articles", 224)]
PHOTOS_OF_A_KIND = 8
PHOTO_SIDE_PX = 200
# A way to choose that is at work takes seconds, and then what was found is drawn: without this, nothing would be kept.
KEEP_WITHIN_S = 60.0
NO_PHOTOS = "Choose your photos first, in the first step."


class CompareStep(JobStep):
    """The components of the step, and what happens when a visitor uses them. Make it before the tabs of the page."""

    gone = "What came of it is no longer kept here. Start it again."
    stopped = "Stopped. Nothing was finished."
    failure = "A comparison could not be shown"
    results = (ComparisonResult, SelectionReport)

    def __init__(self, page: gr.Blocks, trainings: Trainings, *, material: gr.State) -> None:
        super().__init__(page, trainings.jobs, storage_key="dance-demo-comparison")
        self.trainings, self.material = trainings, material

    def lay_out(self, settings: TrainingSettings) -> None:
        """Make the components. `settings` are those of the step "Train", whose head is compared."""
        self.settings = settings
        with gr.Column(elem_id="compare-step"):
            gr.HTML(render("train/compare.introduction"))
            self._lay_out_messages()
            with gr.Column(elem_classes="settings") as self.choices:
                self.side_px = gr.Radio(SIDES_PX, value=64, label="Pictures for the network from scratch, in pixels")
                self.epochs = Slider(2, 100, value=20, step=1, label="Its epochs", buttons=[])
                with gr.Row(elem_classes="actions"):
                    self.start_button = gr.Button("Compare", variant="primary", elem_id="start-comparison")
            with gr.Column(visible=False) as self.busy:
                self.progress = gr.HTML()
                with gr.Row(elem_classes="actions"):
                    self.stop_button = gr.Button("Stop")
            with gr.Row(visible=False, elem_classes="curves") as self.curves:
                self.plots = {method: curves.plot("accuracy", _title(method), min_width=260) for method in METHODS}
            self.found = gr.HTML()
            self.laboratory = gr.HTML(selection.empty(), js_on_load=selection.ASK)
        self._connect()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        shown = [self.status, self.notice, self.choices, self.busy, self.progress, self.stop_button, self.curves]
        found = [*self.plots.values(), self.found, self.laboratory]
        return [*shown, *found, self.timer, self.job_id, self.pace]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        poll: dict[str, Any] = POLL | {"outputs": self.outputs}
        start = {"api_visibility": "private", "trigger_mode": "once", "outputs": self.outputs} | START_LINE
        asked = [self.material, self.side_px, self.epochs, *self.settings.inputs]
        self.start_button.click(self.start, asked, **start, show_progress="minimal", show_progress_on=self.start_button)
        self.stop_button.click(self.stop, self.job_id, **poll)
        self._watch_by(poll)
        asked = [self.material, *self.settings.inputs]
        self.laboratory.click(self.experiment, asked, **start | {"trigger_mode": "always_last"}, show_progress="hidden")
        shown = [self.notice, self.curves, *self.plots.values(), self.found, self.laboratory, self.job_id]
        self.material.change(self.show_material, [self.material, self.job_id], shown, **QUICK)

    def show_material(self, material: Material | None, job_id: Any) -> Updates:
        """What came of other photos goes, and whoever has photos can find out which features matter."""
        sound = material is not None and material.dataset.sound is not None
        offered: Updates = {self.laboratory: selection.introduction() if material else selection.empty()}
        offered |= {self.laboratory: ""} if sound else {}
        if self.trainings.outlived(job_id, material):
            gone = {self.notice: "", self.curves: curves.AWAY, self.job_id: NO_JOB}
            return self._emptied() | gone | offered
        job = self.jobs.find(job_id)
        return {self.notice: gr.skip()} if job and isinstance(job.result, SelectionReport) else offered

    def start(
        self, material: Material | None, side_px: int, epochs: int, request: gr.Request, *settings: Any
    ) -> Updates:
        """Start a comparison on these photos, with the split and the head of the training settings."""

        def started() -> Updates:
            if material is None:
                raise TrainingError(NO_PHOTOS)
            chosen = ComparisonSettings(side_px=side_px, epochs=epochs, transfer=self.settings.config(settings))
            chosen = chosen.for_sound() if material.dataset.sound else chosen
            job = self.trainings.compare(material, chosen, visitor_of(request))
            return self._emptied() | self._begun(job)

        return self._guarded(started)

    def experiment(
        self, click: gr.EventData, material: Material | None, request: gr.Request, *settings: Any
    ) -> Updates:
        """Find out which features matter, or look closer at what came of it."""

        def started() -> Updates:
            if material is None:
                raise TrainingError(NO_PHOTOS)
            job = self.trainings.select(material, self.settings.config(settings), visitor_of(request))
            return self._begun(job) | {self.laboratory: selection.introduction()}

        if getattr(click, "action", "") == "start":
            return self._guarded(started)
        job = self.jobs.find(getattr(click, "job", None))
        if job is None or not isinstance(job.result, SelectionReport):
            return {self.laboratory: hint(self.gone) + selection.introduction()}
        chosen = Choice.of(job.result.selection, click)
        return self._guarded(lambda: {self.laboratory: selection.found(job, chosen)})

    def _grace_s(self, job: Job) -> float:
        return super()._grace_s(job) if self.trainings.compares(job) else KEEP_WITHIN_S

    def _running(self, job: Job, pace: Pace) -> Updates:
        shown = super()._running(job, pace) | {self.choices: gr.update(visible=False)}
        return shown | self._drawn(_histories(job.events)) if self.trainings.compares(job) else shown

    def _drawn(self, histories: dict[str, list[EpochReport]]) -> Updates:
        shown = {self.plots[_place(method)]: method for method in histories}
        plots = {
            plot: gr.update(
                value=curves.frame(histories[method], "accuracy"),
                x_lim=[1, histories[method][-1].epochs],
                title=_title(method),
                visible=True,
            )
            for plot, method in shown.items()
            if len(histories[method]) > 1
        }
        return {self.curves: curves.THERE if plots else curves.AWAY, **plots}

    def _finished(self, job: Job) -> Updates:
        result, dataset = job.result, job.about.dataset
        if isinstance(result, SelectionReport):
            return self._at_rest("") | {self.laboratory: selection.found(job, Choice.of(result.selection))}
        if not result.methods:
            return self._at_rest(hint(self.stopped))
        evaluations = {method.name: method.evaluation for method in result.methods}
        compared = [name for name in (SCRATCH, *_single_pictures(result), _best_head(result)) if name in evaluations]
        found = render(
            "train/compare.found",
            table=markup.comparison(result, job.about.name),
            matrices=[_matrix(name, evaluations[name]) for name in compared],
            differences=_differences(result, dataset),
        )
        early = hint("Stopped early: these were finished.") if result.stopped else ""
        return self._drawn(_final_histories(result)) | self._at_rest(early) | {self.found: found}

    def _emptied(self) -> Updates:
        emptied: Updates = {self.found: ""}
        return emptied | {plot: gr.update(visible=curves.HIDDEN) for plot in self.plots.values()}

    def _at_rest(self, notice: str) -> Updates:
        return super()._at_rest(notice) | {self.choices: gr.update(visible=True)}

    def _failed(self, message: str) -> Updates:
        return self._at_rest(problem(message))


def _place(method: str) -> str:
    """The plot, named by a method of photos, in which the curves of a method are drawn."""
    if method in METHODS:
        return method
    return NORMALIZED if method == JOINT else FROZEN


def _best_head(result: ComparisonResult) -> str:
    """The transferred head that is held against the network from scratch: of sound it is the fused one."""
    return JOINT if JOINT in {method.name for method in result.methods} else NORMALIZED


def _single_pictures(result: ComparisonResult) -> list[str]:
    """Of sound: the heads on one picture each, which are fused."""
    return [method.name for method in result.methods if method.name in KINDS]


def _matrix(method: str, evaluation: Evaluation) -> str:
    return markup.confusion(evaluation, title=_title(method), buttons=False) + markup.class_table(evaluation)


def _title(method: str) -> str:
    return method.capitalize()


def _histories(events: Sequence[Any]) -> dict[str, list[EpochReport]]:
    """The epochs of each method, of the part that it learns now where there are several."""
    found: dict[str, list[EpochReport]] = {}
    for event in events:
        if isinstance(event, ComparisonEpoch):
            found.setdefault(event.method, []).append(event.report)
    return found


def _final_histories(result: ComparisonResult) -> dict[str, list[EpochReport]]:
    return {method.name: list(method.history) for method in result.methods}


def _differences(result: ComparisonResult, dataset: PhotoDataset) -> list[str]:
    """The photos that one of them gets right and the other wrong."""
    head = _best_head(result)
    if not {SCRATCH, head} <= {method.name for method in result.methods}:
        return []
    groups = ((head, SCRATCH), (SCRATCH, head))
    return [_difference(result, dataset, right, wrong) for right, wrong in groups]


def _difference(result: ComparisonResult, dataset: PhotoDataset, right: str, wrong: str) -> str:
    indices = result.only_right(right, wrong)
    answers = dict(zip(result.held_out.tolist(), result.method(wrong).probabilities.argmax(axis=1), strict=True))
    photos = []
    for index in indices[:PHOTOS_OF_A_KIND].tolist():
        photo, answer = dataset.photos[index], result.class_names[answers[index]]
        with suppress(PhotoError):  # deleted meanwhile
            url = picture_url(thumbnail(photo.path, PHOTO_SIDE_PX))
            photos.append({"url": url, "label": display_name(photo.label), "answer": display_name(answer)})
    about = {"photos": photos, "total": len(indices), "noun": result.noun}
    return render("train/compare.difference", right=_title(right), wrong=wrong, **about)
