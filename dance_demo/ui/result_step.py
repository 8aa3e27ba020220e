"""Step 3 of "Train your own": how good the head is, what it mixes up and where it looked, and labels to doubt."""

import csv
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from dance_demo import report
from dance_demo.classifier import Classifier
from dance_demo.dataset import PhotoDataset
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.evaluation import CALIBRATION_BINS, Evaluation
from dance_demo.forms import display_name
from dance_demo.narration import alt_text, percent
from dance_demo.overlay import overlay
from dance_demo.photos import open_photo
from dance_demo.report_tables import Answer, answers
from dance_demo.tables import csv_safe
from dance_demo.training import TrainingResult, load_trained
from dance_demo.ui import train_markup as markup
from dance_demo.ui.curves import VALIDATION
from dance_demo.ui.downloads import PRESS, new_file
from dance_demo.ui.job_watch import QUICK
from dance_demo.ui.told import told
from dance_demo.ui.training_step import PENDING, TrainingStep
from dance_demo.ui.trainings import Training, Trainings
from dance_demo.ui.visit import Visit
from dance_demo.ui.work_markup import problem

PHOTOS_AT_ONCE = 12
DOUBTS_SHOWN = 24
PHOTO_SIDE_PX, DOUBT_SIDE_PX = 320, 160
GONE = "This training is no longer kept here. Train again, or bring a downloaded bundle back in the next step."
PHOTOS_GONE = "The photos are no longer kept here, so they cannot be shown. Upload them again to train on them."
LOOK_LINE: dict[str, Any] = {"concurrency_id": "looking", "concurrency_limit": 2}

log = logging.getLogger(__name__)
Updates = dict[gr.blocks.Block, Any]  # what changes on the page
Cell = tuple[int, int, int]  # true class, answer, and how many of its photos are shown


class ResultStep:
    """The components of the step, and what happens when a visitor uses them. Make it inside the page's Blocks.

    `to_training` is the change of the page that shows the step before.
    """

    def __init__(self, trainings: Trainings, training_step: TrainingStep, *, to_training: Updates) -> None:
        self.trainings, self.training_step, self.to_training = trainings, training_step, to_training
        self.chosen, self.visit = training_step.chosen, training_step.visit
        self.cell = gr.State(None)
        with gr.Column(elem_id="result-step"):
            self.notice = gr.HTML()
            self.empty = gr.HTML(markup.NO_RESULT)
            with gr.Column(visible=False, elem_id="evaluation") as self.found:
                self.score = gr.HTML()
                self.runs = gr.HTML(js_on_load=markup.CHOOSE, elem_id="runs")
                with gr.Row(elem_id="mix-ups"):
                    self.confusion = gr.HTML(js_on_load=markup.CHOOSE, elem_id="confusion", min_width=380)
                    self.photos = gr.HTML(js_on_load=markup.CHOOSE, elem_id="cell-photos", min_width=380)
                with gr.Row(elem_id="numbers"):
                    self.classes = gr.HTML(min_width=320)
                    with gr.Column(min_width=320):
                        gr.HTML(RELIABILITY)
                        self.reliability = _reliability_plot()
                self.suspicious = gr.HTML(js_on_load=markup.DECIDE, elem_id="suspicious")
                with gr.Row(elem_classes="actions"):
                    self.use = gr.Button("Use this head", variant="primary", elem_id="use-this-head")
                    self.report = gr.Button("Download the report")
                    self.report_file = gr.DownloadButton(
                        "Report", elem_id="report-file", elem_classes="pressed-for-you"
                    )
                    self.list_file = gr.DownloadButton(
                        "Corrected list", elem_id="list-file", elem_classes="pressed-for-you"
                    )
        self._connect()

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        shown = [self.notice, self.empty, self.found, self.score, self.runs, self.confusion, self.photos, self.classes]
        shown += [self.reliability, self.suspicious, self.cell]
        look: dict[str, Any] = LOOK_LINE | {"api_visibility": "private", "show_progress": "minimal"}
        self.chosen.change(self.show, [self.chosen, self.visit], shown, **look, show_progress_on=self.score)
        self.runs.click(self.choose, self.visit, self.chosen, **QUICK)
        cell = {"outputs": [self.notice, self.photos, self.confusion, self.cell], "trigger_mode": "always_last"}
        self.confusion.click(self.show_cell, self.chosen, **cell, **look, show_progress_on=self.photos)
        self.photos.click(self.show_more, [self.chosen, self.cell], **cell, **look, show_progress_on=self.photos)
        decided = [self.notice, self.list_file, self.training_step.material]
        deciding = {"outputs": [*decided, *self.training_step.outputs, *self.to_training]}
        self.suspicious.click(
            self.decide, [self.chosen, self.visit], **deciding, **look, show_progress_on=self.suspicious
        )
        self.list_file.change(None, js=PRESS.format(id="list-file"), api_visibility="private")
        asked = [self.chosen, self.visit]
        reported = self.report.click(
            self.write_report, asked, [self.notice, self.report_file], **look, show_progress_on=self.report
        )
        reported.success(None, js=PRESS.format(id="report-file"), api_visibility="private")

    # --- what is shown --------------------------------------------------------------------------------------

    def show(self, id: str, stored: Any) -> Updates:
        """Show the results of a training, or that there are none."""

        def shown() -> Updates:
            training = self._training(id)
            result, evaluation = training.result, training.result.evaluation
            visit = Visit.from_browser(stored)
            return {
                self.notice: "",
                self.empty: gr.update(visible=False),
                self.found: gr.update(visible=True),
                self.score: markup.score(result, self._previous(training, visit)),
                self.runs: self._runs(visit, id),
                self.confusion: markup.confusion(evaluation),
                self.photos: markup.CHOOSE_A_CELL,
                self.classes: markup.class_table(evaluation),
                self.reliability: reliability_frame(result, training.material.dataset),
                self.suspicious: _doubts(result, training.material.dataset),
                self.cell: None,
            }

        if id == PENDING:
            return gr.skip()
        if self.trainings.finished([id]):
            return self._guarded(shown)
        return {self.empty: gr.update(visible=True), self.found: gr.update(visible=False)}

    def choose(self, click: gr.EventData, stored: Any) -> Any:
        """Return the id of the training whose row was clicked."""
        ids = Visit.from_browser(stored).trainings
        with suppress(DatasetError):
            number = _numbers(click, 1)[0]
            return ids[number - 1] if 1 <= number <= len(ids) else gr.skip()
        return gr.skip()

    def show_cell(self, click: gr.EventData, id: str) -> Updates:
        """Show the photos behind a number of the confusion matrix."""
        return self._guarded(lambda: self._cell(id, (*_numbers(click, 2), PHOTOS_AT_ONCE)))

    def show_more(self, id: str, cell: Cell | None) -> Updates:
        """Show more photos of the same cell."""
        return self._guarded(lambda: self._cell(id, (*cell[:2], cell[2] + PHOTOS_AT_ONCE)) if cell else gr.skip())

    def _cell(self, id: str, cell: Cell) -> Updates:
        training = self._training(id)
        result, (row, column, most) = training.result, cell
        if not (0 <= row < len(result.class_names) and 0 <= column < len(result.class_names)):
            raise DatasetError("There is no such cell.")
        label, answer = result.class_names[row], result.class_names[column]
        found = [a for a in answers(result, training.material.dataset) if (a.label, a.answer) == (label, answer)]
        found.sort(key=lambda one: -one.probability)
        classifier = load_trained(result.model)
        shown = [_shown(one, training.material.dataset, classifier) for one in found[:most]]
        title = markup.cell_title(label, answer, len(found), held_out_by_folds=bool(result.config.folds))
        return {
            self.notice: "",
            self.photos: markup.photos(title, shown, more=max(0, len(found) - most)),
            self.confusion: markup.confusion(result.evaluation, (row, column)),
            self.cell: cell,
        }

    def _runs(self, visit: Visit, chosen: str) -> str:
        finished = self.trainings.finished(visit.trainings)
        numbers = [visit.trainings.index(training.job.id) + 1 for training in finished]
        return markup.runs(finished, numbers, chosen)

    def _previous(self, training: Training, visit: Visit) -> Evaluation | None:
        """How this visitor's head before this one did."""
        ids = visit.trainings
        before = ids[: ids.index(training.job.id)] if training.job.id in ids else ()
        finished = self.trainings.finished(before)
        return finished[-1].result.evaluation if finished else None

    # --- corrections ----------------------------------------------------------------------------------------

    def decide(self, click: gr.EventData, id: str, stored: Any) -> Updates:
        """Train again with other labels, or hand out the list of them."""

        def decided() -> Updates:
            training = self._training(id)
            decisions = checked_decisions(getattr(click, "decisions", None), training.result)
            if getattr(click, "action", "") == "download":
                return {self.list_file: str(_corrected_list(training.material.dataset, decisions)), self.notice: ""}
            material = training.material.corrected(decisions)
            begun = self.training_step.begin(material, training.result.config, Visit.from_browser(stored))
            return begun | self.to_training | {self.training_step.material: material, self.notice: ""}

        return self._guarded(decided)

    # --- the report -----------------------------------------------------------------------------------------

    def write_report(self, id: str, stored: Any) -> Updates:
        """Make the report for download."""

        def written() -> Updates:
            training = self._training(id)
            material = training.material
            path = report.archive(
                training.result,
                material.dataset,
                new_file("training report.zip"),
                intake=material.prepared.report,
                previous=self._previous(training, Visit.from_browser(stored)),
                seen=() if material.corrections else material.prepared.seen,
            )
            return {self.report_file: str(path), self.notice: ""}

        return self._guarded(written)

    def _training(self, id: str) -> Training:
        training = self.trainings.find(id)
        if training is None or training.result is None:
            raise DatasetError(GONE)
        return training

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page."""
        return told(
            answered,
            lambda message: {self.notice: problem(message)},
            log=log,
            what="A result could not be shown",
        )


def checked_decisions(sent: Any, result: TrainingResult) -> dict[int, str | None]:
    """What a browser sent as [[place, choice], ...]: place -> the new label, or None to leave the photo out.

    Choices are "keep", "leave out", or the index of a class as text. Raises DatasetError for anything else.
    """
    doubted = {doubt.place for doubt in result.suspicions}
    indices = {str(index): name for index, name in enumerate(result.class_names)}
    choices = indices | {markup.LEAVE_OUT: None}
    decisions = {}
    for pair in sent if isinstance(sent, list) else ():
        place, choice = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
        if choice == markup.KEEP:
            continue
        if not isinstance(place, int) or place not in doubted or not isinstance(choice, str) or choice not in choices:
            raise DatasetError("These corrections could not be understood. Reload the page, and try again.")
        decisions[place] = choices[choice]
    if not decisions:
        raise DatasetError("Nothing is corrected yet: choose another label for a photo first.")
    return decisions


def reliability_frame(result: TrainingResult, dataset: PhotoDataset) -> Any:
    """How often answers of each confidence were right, as a table of points beside the diagonal."""
    import pandas  # as gradio's plots do

    confidences = result.probabilities.max(axis=1)
    truth = np.array([dataset.class_indices[place] for place in result.held_out])
    hits = result.probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    points = [(confidences[bins == b].mean(), hits[bins == b].mean(), VALIDATION) for b in np.unique(bins)]
    return pandas.DataFrame([(0.0, 0.0, IDEAL), (1.0, 1.0, IDEAL), *points], columns=["said", "right", "head"])


RELIABILITY = """<section><h3>Can its percentages be believed?</h3>
<p class="quiet">Where it says 80 %, it should be right 8 times in 10: points on the grey line do that.</p></section>"""
IDEAL = "ideal"


def _reliability_plot() -> gr.ScatterPlot:
    return gr.LinePlot(
        x="said",
        y="right",
        color="head",
        color_map={IDEAL: "#a89988", VALIDATION: "#0072b2"},
        x_title="how sure it was",
        y_title="how often it was right",
        color_title=" ",
        x_lim=[0, 1],
        y_lim=[0, 1],
        x_axis_format=".0%",
        y_axis_format=".0%",
        height=280,
        buttons=[],
        elem_id="reliability",
    )


def _shown(answer: Answer, dataset: PhotoDataset, classifier: Classifier) -> markup.Shown:
    """A photo with the heatmap of what the head took it for. Raises DatasetError if it is no longer there."""
    try:
        photo = open_photo(dataset.photos[answer.place].path, max_side_px=PHOTO_SIDE_PX)
    except PhotoError as error:
        raise DatasetError(PHOTOS_GONE) from error
    heatmap = classifier.heatmap(classifier.classify(photo), answer.answer)
    coloured = overlay(photo, heatmap)
    title = f"{display_name(answer.answer)}, {percent(answer.probability)}"
    words = alt_text(answer.answer, heatmap)
    return markup.Shown(markup.jpeg(photo), markup.jpeg(coloured), words, title, answer.name)


def _doubts(result: TrainingResult, dataset: PhotoDataset) -> str:
    shown = []
    for doubt in result.suspicions[:DOUBTS_SHOWN]:
        photo = dataset.photos[doubt.place]
        with suppress(PhotoError):
            small = open_photo(photo.path, max_side_px=DOUBT_SIDE_PX)
            shown.append((doubt, photo.name, markup.jpeg(small)))
    return markup.suspicious(shown, result.class_names, len(result.suspicions))


def _corrected_list(dataset: PhotoDataset, decisions: dict[int, str | None]) -> Path:
    """All photos with their labels after the corrections, ready to be a train.csv, and what they were before."""
    path = new_file("corrected labels.csv")
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(("Image", "target", "before"))
        for place, photo in enumerate(dataset.photos):
            label = decisions.get(place, photo.label)
            if label is not None:
                changed = csv_safe(photo.label) if place in decisions else ""
                writer.writerow((csv_safe(photo.name), csv_safe(label), changed))
    return path


def _numbers(click: gr.EventData, length: int) -> Sequence[int]:
    """The numbers on the button that was clicked. Raises DatasetError for anything else."""
    choice = getattr(click, "choice", None)
    if not isinstance(choice, list) or len(choice) != length or not all(isinstance(n, int) for n in choice):
        raise DatasetError("There is no such choice.")
    return tuple(choice)
