"""Step 3 of "Train your own": how good the head is, what it mixes up and where it looked, and label issues."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import DanceDemoError, DatasetError, PhotoError
from dance_demo.files.csv_writer import write_csv
from dance_demo.files.jpeg import jpeg, thumbnail
from dance_demo.files.photo import open_photo
from dance_demo.forms import display_name
from dance_demo.model.classifier import Classifier
from dance_demo.model.description import alt_text, percent
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.predict import sound
from dance_demo.training import report
from dance_demo.training.evaluation import CALIBRATION_BINS
from dance_demo.training.neighbours import Neighbours, read_embeddings
from dance_demo.training.projection import Projection
from dance_demo.training.report.tables import Answer, answers
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import SamePhotos
from dance_demo.ui.components.browser_state import job_ids
from dance_demo.ui.components.curves import VALIDATION
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import QUICK
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.server.files import PRESS, address, hand_out, new_file, picture_url
from dance_demo.ui.server.visitors import Visitor, visitor_of
from dance_demo.ui.train import markup
from dance_demo.ui.train.dataset_map import markup as map_markup
from dance_demo.ui.train.dataset_map.projections import Projections
from dance_demo.ui.train.training_step import TrainingStep
from dance_demo.ui.train.trainings import Material, Training, Trainings

PHOTOS_AT_ONCE = 12
ISSUES_SHOWN = 24
PHOTO_SIDE_PX, ISSUE_SIDE_PX = 320, 160
GONE = "The {} are no longer kept here, so they cannot be shown. Upload them again to train on them."
SHOW_LINE: dict[str, Any] = {"concurrency_id": "results", "concurrency_limit": 2}
MAP_LINE: dict[str, Any] = {"concurrency_id": "maps", "concurrency_limit": 4}  # whoever is in it mostly waits for a job

Cell = tuple[int, int, int]  # true class, answer, and how many of its photos are shown


class ResultStep(Step):
    """The components of the step, and what happens when a visitor uses them. Make it before the tabs of the page."""

    gone = "This training is no longer kept here. Train again, or bring a downloaded bundle back in the next step."
    failure = "A result could not be shown"

    def __init__(self, trainings: Trainings, training_step: TrainingStep, projections: Projections) -> None:
        self.trainings, self.training_step, self.projections = trainings, training_step, projections
        self.chosen, self.ids = training_step.chosen, training_step.ids
        self.cell = gr.State(None)

    def lay_out(self, *, to_training: Updates) -> None:
        """Make the components. `to_training` is the change of the page that shows the step before."""
        self.to_training = to_training
        with gr.Column(elem_id="result-step"):
            self.notice = gr.HTML()
            self.empty = gr.HTML(render("train/results.nothing_yet"))
            with gr.Column(visible=False, elem_id="evaluation") as self.found:
                self.score = gr.HTML()
                self.runs = gr.HTML(js_on_load=markup.CHOOSE, elem_id="runs")
                with gr.Row(elem_id="mix-ups"):
                    # In its place the map of the photos, when that is opened.
                    self.confusion = gr.HTML(js_on_load=markup.RESULTS, elem_id="confusion", min_width=380)
                    self.photos = gr.HTML(js_on_load=markup.RESULTS, elem_id="cell-photos", min_width=380)
                with gr.Row(elem_id="numbers"):
                    self.classes = gr.HTML(min_width=320)
                    with gr.Column(min_width=320):
                        self.believed = gr.HTML()
                        with gr.Column() as self.calibration:
                            self.reliability = _reliability_plot()
                self.label_issues = gr.HTML(js_on_load=markup.RESULTS, elem_id="suspicious")
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
        shown += [self.believed, self.calibration, self.reliability, self.label_issues, self.cell]
        show: dict[str, Any] = SHOW_LINE | {"api_visibility": "private", "show_progress": "minimal"}
        self.chosen.change(self.show, [self.chosen, self.ids], shown, **show, show_progress_on=self.score)
        self.runs.click(self.choose, self.ids, self.chosen, **QUICK)
        cell = show | {"outputs": [self.notice, self.photos, self.confusion, self.cell], "trigger_mode": "always_last"}
        self.confusion.click(self.show_chosen, self.chosen, **cell, show_progress_on=self.photos)
        view = cell | MAP_LINE | {"trigger_mode": "once", "show_progress": "full", "show_progress_on": self.confusion}
        self.confusion.submit(self.show_view, self.chosen, **view)
        self.photos.click(self.show_more, [self.chosen, self.cell], **cell, show_progress_on=self.photos)
        decided = [self.notice, self.list_file, *self.training_step.outputs]
        decided += [self.training_step.material, *self.to_training]
        asked = [self.chosen, self.ids]
        gr.on([self.label_issues.submit, self.photos.submit], self.decide, asked, decided, **show)
        self.list_file.change(None, js=PRESS.format(id="list-file"), api_visibility="private")
        written = [self.notice, self.report_file]
        reported = self.report.click(
            self.write_report, [self.chosen, self.ids], written, **show | MAP_LINE, show_progress_on=self.report
        )
        reported.success(None, js=PRESS.format(id="report-file"), api_visibility="private")

    # --- what is shown --------------------------------------------------------------------------------------

    def show(self, id: str, stored: Any) -> Updates:
        """Show the results of a training, or that there are none."""

        def shown() -> Updates:
            training = self._training(id)
            result, evaluation = training.result, training.result.evaluation
            ids, noun = job_ids(stored), training.material.dataset.noun
            believed = {"told": evaluation.tells_calibration, "n": evaluation.n, "noun": noun}
            return {
                self.notice: "",
                self.empty: gr.update(visible=False),
                self.found: gr.update(visible=True, elem_classes=[]),
                self.score: markup.score(training, self._previous(training, ids)),
                self.runs: self._runs(ids, id),
                self.confusion: markup.confusion(evaluation, noun=noun),
                self.photos: render("train/results.choose_a_cell", noun=noun),
                self.classes: markup.class_table(evaluation),
                self.believed: render("train/results.reliability", **believed),
                self.calibration: gr.update(visible=evaluation.tells_calibration),
                self.reliability: reliability_frame(result, training.material.dataset),
                self.label_issues: _label_issues(result, training.material.dataset),
                self.cell: None,
            }

        if self.trainings.find(id):
            return self._guarded(shown)
        return {self.empty: gr.update(visible=True), self.found: gr.update(elem_classes=["away"])}  # see curves.AWAY

    def choose(self, click: gr.EventData, stored: Any) -> Any:
        """Return the id of the training whose row was clicked."""
        ids = job_ids(stored)
        with suppress(DatasetError):
            number = _numbers(click, 1)[0]
            return ids[number - 1] if 1 <= number <= len(ids) else gr.skip()
        return gr.skip()

    def show_chosen(self, click: gr.EventData, id: str) -> Updates:
        """Show the photos behind a number of the confusion matrix, or those that were chosen on the map."""

        def shown() -> Updates:
            if hasattr(click, "photos"):
                return self._on_map(self._training(id), click.photos)
            row, column = _numbers(click, 2)
            return self._cell(id, (row, column, PHOTOS_AT_ONCE))

        return self._guarded(shown)

    def show_view(self, click: gr.EventData, id: str, request: gr.Request) -> Updates:
        """Show the map of the photos in the place of the confusion matrix, or that again."""

        def shown() -> Updates:
            training = self._training(id)
            result, dataset = training.result, training.material.dataset
            none: Updates = {self.notice: "", self.cell: None}
            if getattr(click, "action", "") != "map":
                beside = render("train/results.choose_a_cell", noun=dataset.noun)
                matrix = markup.confusion(result.evaluation, noun=dataset.noun)
                return none | {self.confusion: matrix, self.photos: beside}
            projection = self.projections.of(training, visitor_of(request))
            drawn = map_markup.dataset_map(projection, dataset, _answers(training))
            return none | {self.confusion: drawn, self.photos: map_markup.choose_a_point(dataset.noun)}

        updates = self._guarded(shown)
        return updates | {self.photos: updates[self.notice], self.notice: ""} if updates[self.notice] else updates

    def show_more(self, id: str, cell: Cell | None) -> Updates:
        """Show more photos of the same cell."""
        if cell is None:
            return {self.notice: gr.skip()}
        row, column, most = cell
        return self._guarded(lambda: self._cell(id, (row, column, most + PHOTOS_AT_ONCE)))

    def _cell(self, id: str, cell: Cell) -> Updates:
        training = self._training(id)
        result, dataset, (row, column, most) = training.result, training.material.dataset, cell
        if not (0 <= row < len(result.class_names) and 0 <= column < len(result.class_names)):
            raise DatasetError("There is no such cell.")
        label, answer = result.class_names[row], result.class_names[column]
        found = [a for a in answers(result, dataset) if (a.label, a.answer) == (label, answer)]
        found.sort(key=lambda one: -one.probability)
        classifier = load_classifier(result.model)
        shown = [_shown(one, dataset, classifier) for one in found[:most]]
        folds, noun = bool(result.config.folds), dataset.noun
        return {
            self.notice: "",
            self.photos: markup.cell(label, answer, shown, len(found), folds=folds, noun=noun),
            self.confusion: markup.confusion(result.evaluation, (row, column), noun=noun),
            self.cell: cell,
        }

    def _on_map(self, training: Training, sent: Any) -> Updates:
        result, dataset = training.result, training.material.dataset
        indices = checked_photos(sent, len(dataset.photos))
        said = _answers(training)
        none: Updates = {self.notice: "", self.cell: None}
        if len(indices) > 1:
            return none | {self.photos: map_markup.box(dataset, indices, said)}
        (index,) = indices
        answer, embeddings = said.get(index), read_embeddings(result, dataset)
        if embeddings is None:
            raise DatasetError(self.gone)
        everyone = Neighbours(dataset, embeddings, np.arange(len(dataset.photos)))
        photo = dataset.photos[index]
        coloured = answer or Answer(index, photo.name, photo.label, photo.label, 0)
        shown = _shown(coloured, dataset, load_classifier(result.model), title=map_markup.title(photo, answer))
        return none | {self.photos: map_markup.point(shown, dataset, index, answer, everyone.beside(index))}

    def _runs(self, ids: list[str], chosen: str) -> str:
        finished = self.trainings.finished(ids)
        return markup.runs(finished, [ids.index(training.id) + 1 for training in finished], chosen)

    def _previous(self, training: Training, ids: list[str]) -> SamePhotos | None:
        """How this visitor's head before this one did, if some photos judged both."""
        return training.before(self.trainings.finished(ids[: ids.index(training.id)] if training.id in ids else ()))

    # --- corrections ----------------------------------------------------------------------------------------

    def decide(self, click: gr.EventData, id: str, ids: Any, request: gr.Request) -> Updates:
        """Train again with other labels, or hand out the list of them."""

        def decided() -> Updates:
            training = self._training(id)
            n = len(training.material.dataset.photos)
            decisions = checked_decisions(getattr(click, "decisions", None), training.result.class_names, n)
            if getattr(click, "action", "") == "download":
                return {self.list_file: str(_corrected_list(training.material, decisions)), self.notice: ""}
            material = training.material.corrected(decisions)
            begun = self.training_step.begin(material, training.result.config, visitor_of(request), ids)
            return begun | self.to_training | {self.training_step.material: material, self.notice: ""}

        return self._guarded(decided)

    # --- the report -----------------------------------------------------------------------------------------

    def write_report(self, id: str, ids: Any, request: gr.Request) -> Updates:
        """Make the report for download."""

        def written() -> Updates:
            training = self._training(id)
            material = training.material
            path = report.archive(
                training.result,
                material.dataset,
                new_file(f"{material.file_name} report.zip"),
                intake=material.prepared.report,
                previous=self._previous(training, job_ids(ids)),
                projection=self._projection(training, visitor_of(request)),
            )
            return {self.report_file: str(path), self.notice: ""}

        return self._guarded(written)

    def _projection(self, training: Training, visitor: Visitor) -> Projection | None:
        """The map for the report, which is complete without it, too."""
        with suppress(DanceDemoError):  # too few photos, or another job of this visitor
            return self.projections.of(training, visitor)
        return None

    def _training(self, id: str) -> Training:
        training = self.trainings.find(id)
        if training is None:
            raise DatasetError(self.gone)
        return training


def _answers(training: Training) -> dict[int, Answer]:
    """By the index of the photo that a head which had not seen it was asked about."""
    return {answer.index: answer for answer in answers(training.result, training.material.dataset)}


def checked_photos(sent: Any, n: int) -> list[int]:
    """What a browser sent as the indices of some of n photos, once each. Raises DatasetError for anything else."""
    known = isinstance(sent, list) and 0 < len(sent) <= n
    if not known or not all(type(index) is int and 0 <= index < n for index in sent):
        raise DatasetError("There are no such photos. Reload the page, and try again.")
    return sorted(set(sent))


def checked_decisions(sent: Any, class_names: Sequence[str], n: int) -> dict[int, str | None]:
    """What a browser sent of n photos as [[index, choice], ...]: index -> the new label, or None to leave it out.

    Choices are "keep", "leave out", or the index of a class as text. Raises DatasetError for anything else.
    """
    choices = {str(index): name for index, name in enumerate(class_names)} | {markup.LEAVE_OUT: None}
    decisions = {}
    for pair in sent if isinstance(sent, list) else ():
        index, choice = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
        if choice == markup.KEEP:
            continue
        if not isinstance(index, int) or not 0 <= index < n or not isinstance(choice, str) or choice not in choices:
            raise DatasetError("These corrections could not be understood. Reload the page, and try again.")
        decisions[index] = choices[choice]
    if not decisions:
        raise DatasetError("Nothing is corrected yet: choose another label first.")
    return decisions


def reliability_frame(result: TrainingResult, dataset: PhotoDataset) -> Any:
    """How often answers of each confidence were right, as a table of points beside the diagonal."""
    import pandas  # as gradio's plots do

    confidences = result.probabilities.max(axis=1)
    truth = np.array([dataset.class_indices[index] for index in result.held_out])
    hits = result.probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    points = [(confidences[bins == b].mean(), hits[bins == b].mean(), VALIDATION) for b in np.unique(bins)]
    return pandas.DataFrame([(0.0, 0.0, IDEAL), (1.0, 1.0, IDEAL), *points], columns=["said", "right", "head"])


IDEAL = "ideal"


def _reliability_plot() -> gr.LinePlot:
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


def _shown(answer: Answer, dataset: PhotoDataset, classifier: Classifier, title: str = "") -> markup.CellPhoto:
    """A photo with the heatmap of what the head took it for. Raises DatasetError if it is no longer there."""
    try:
        shown = dataset.photos[answer.index]
        photo = open_photo(shown.path, max_side_px=None if dataset.sound else PHOTO_SIDE_PX)
    except PhotoError as error:
        raise DatasetError(GONE.format(dataset.noun)) from error
    heatmap = classifier.heatmap(classifier.classify_picture(photo), answer.answer)
    coloured = overlay(photo, heatmap)
    title = title or f"{display_name(answer.answer)}, {percent(answer.probability)}"
    kinds = dataset.sound.pictures if dataset.sound else ()
    words = sound.alt_text(answer.answer, heatmap, kinds) if kinds else alt_text(answer.answer, heatmap)
    urls = picture_url(jpeg(photo)), picture_url(jpeg(coloured))
    return markup.CellPhoto(*urls, words, title, answer.name, sound_url(shown.audio))


def sound_url(audio: Path | None) -> str:
    """From where the page fetches a piece of sound; "" of a photo, and of what is no longer there."""
    with suppress(OSError):
        return address(hand_out(audio, "piece.flac")) if audio else ""
    return ""


def _label_issues(result: TrainingResult, dataset: PhotoDataset) -> str:
    if not result.evaluation.tells_labels:
        return markup.label_issues((), result.class_names, 0, told=False, noun=dataset.noun)
    shown = []
    for issue in result.label_issues[:ISSUES_SHOWN]:
        photo = dataset.photos[issue.index]
        with suppress(PhotoError):
            url = picture_url(thumbnail(photo.path, ISSUE_SIDE_PX))
            shown.append((issue, photo.name, url, sound_url(photo.audio)))
    return markup.label_issues(shown, result.class_names, len(result.label_issues), noun=dataset.noun)


def _corrected_list(material: Material, decisions: dict[int, str | None]) -> Path:
    """All photos with their labels after the corrections, ready to be a train.csv, and what they were before."""
    rows = [("Image", "target", "before")]
    for index, photo in enumerate(material.dataset.photos):
        label = decisions.get(index, photo.label)
        if label is not None:
            rows.append((photo.name, label, photo.label if index in decisions else ""))
    path = new_file(f"{material.file_name} corrected labels.csv")
    write_csv(path, rows)
    return path


def _numbers(click: gr.EventData, length: int) -> Sequence[int]:
    """The numbers on the button that was clicked. Raises DatasetError for anything else."""
    choice = getattr(click, "choice", None)
    if not isinstance(choice, list) or len(choice) != length or not all(isinstance(n, int) for n in choice):
        raise DatasetError("There is no such choice.")
    return tuple(choice)
