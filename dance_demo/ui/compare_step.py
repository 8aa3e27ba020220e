"""The step "Compare": a network trained from scratch beside the transferred heads, on the same photos and split."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from dance_demo.comparison import (
    FROZEN,
    NORMALIZED,
    SCRATCH,
    ComparisonEpoch,
    ComparisonResult,
    ComparisonSettings,
)
from dance_demo.dataset import PhotoDataset
from dance_demo.errors import PhotoError, TrainingError
from dance_demo.forms import display_name
from dance_demo.photos import open_photo
from dance_demo.training import EpochReport
from dance_demo.ui import curves
from dance_demo.ui import train_markup as markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.job_watch import LOOK, WATCH_EVERY_S, Pace, progress, spoken
from dance_demo.ui.told import told
from dance_demo.ui.training_settings import TrainingSettings
from dance_demo.ui.training_step import START_LINE
from dance_demo.ui.trainings import Material, Training, Trainings
from dance_demo.ui.visit import Visit
from dance_demo.ui.work_markup import problem, remark

WAYS = (FROZEN, NORMALIZED, SCRATCH)
SIDES_PX = [("32 (quick)", 32), ("64", 64), ("128", 128), ("224, as in the articles", 224)]
PHOTOS_OF_A_KIND = 8
PHOTO_SIDE_PX = 200
GONE = "Your last comparison is no longer kept here. Start another one."
STOPPED = "Stopped. Nothing was finished."

log = logging.getLogger(__name__)
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


class CompareStep:
    """The components of the step, and what happens when a visitor uses them. Make it inside the page's Blocks."""

    def __init__(
        self, trainings: Trainings, settings: TrainingSettings, *, visit: gr.BrowserState, material: gr.State
    ) -> None:
        self.trainings, self.settings, self.visit, self.material = trainings, settings, visit, material
        self.watched, self.pace = gr.State(""), gr.State(Pace())
        with beside_the_tabs():
            self.timer = gr.Timer(WATCH_EVERY_S, active=False)
        with gr.Column(elem_id="compare-step"):
            self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
            gr.HTML(markup.COMPARE)
            self.notice = gr.HTML()
            with gr.Column(elem_classes="settings") as self.choices:
                self.side_px = gr.Radio(SIDES_PX, value=64, label="Photos for the network from scratch, in pixels")
                self.epochs = gr.Slider(2, 100, value=20, step=1, label="Its epochs", buttons=[])
                with gr.Row(elem_classes="actions"):
                    self.start_button = gr.Button("Compare", variant="primary", elem_id="start-comparison")
            with gr.Column(visible=False) as self.live:
                self.progress = gr.HTML()
                with gr.Row(elem_classes="actions"):
                    self.stop = gr.Button("Stop")
            with gr.Row(visible=False, elem_classes="curves") as self.curves:
                self.plots = {way: curves.plot("accuracy", _title(way), min_width=260) for way in WAYS}
            self.table = gr.HTML()
            with gr.Row(elem_classes="matrices"):
                self.scratch_matrix = gr.HTML(min_width=340)
                self.transferred_matrix = gr.HTML(min_width=340)
            self.photos = gr.HTML()
        self._connect()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        shown = [self.status, self.notice, self.choices, self.live, self.progress, self.stop, self.curves]
        found = [*self.plots.values(), self.table, self.scratch_matrix, self.transferred_matrix, self.photos]
        return [*shown, *found, self.timer, self.watched, self.pace, self.visit]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        quick: dict[str, Any] = LOOK | {"outputs": self.outputs}
        start = {"api_visibility": "private", "trigger_mode": "once", "outputs": self.outputs} | START_LINE
        asked = [self.material, self.visit, self.side_px, self.epochs, *self.settings.inputs]
        self.start_button.click(self.start, asked, **start, show_progress="minimal", show_progress_on=self.start_button)
        self.timer.tick(self.watch, [self.watched, self.pace], **quick)
        self.stop.click(self.stop_it, self.watched, **quick)

    def start(self, material: Material | None, stored: Any, side_px: int, epochs: int, *settings: Any) -> Updates:
        """Start a comparison on these photos, with the split and the head of the training settings."""

        def started() -> Updates:
            if material is None:
                raise TrainingError("Choose your photos first, in the first step.")
            visit = Visit.from_browser(stored)
            chosen = ComparisonSettings(side_px=side_px, epochs=epochs, transfer=self.settings.config(settings))
            training = self.trainings.compare(material, chosen, owner=visit.visitor)
            visit = replace(visit, comparison=training.job.id)
            watching = {self.watched: training.job.id, self.timer: gr.Timer(active=True)}
            return self._emptied() | self._seen(training, Pace()) | watching | {self.visit: visit.to_browser()}

        return self._guarded(started)

    def restore(self, visit: Visit) -> Updates:
        """Find the last comparison of this browser again, after a reload."""
        training = self.trainings.find(visit.comparison)
        if training is None:
            return {self.notice: remark(GONE)} if visit.comparison else {}
        watching = {self.watched: training.job.id, self.timer: gr.Timer(active=training.job.active)}
        return self._guarded(lambda: self._seen(training, Pace()) | watching)

    def watch(self, id: str, pace: Pace) -> Updates:
        """Show how far the comparison is, or what came of it."""
        return self._guarded(lambda: self._seen(self.trainings.find(id), pace))

    def stop_it(self, id: str) -> Updates:
        """Ask it to end. The page goes on watching: that tells when it has."""
        training = self.trainings.find(id)
        if training:
            training.job.stop()
        return {self.stop: gr.update(interactive=False), self.status: "Stopping"}

    def _seen(self, training: Training | None, pace: Pace) -> Updates:
        if training is None:
            return self._at_rest(remark(GONE))
        job = training.job
        if job.active:
            bar, pace = progress(job, pace)
            shown = {self.progress: bar, self.pace: pace, self.status: escape(spoken(job)), self.notice: ""}
            running = {self.choices: gr.update(visible=False), self.live: gr.update(visible=True)}
            return self._drawn(_histories(job.events)) | shown | running
        if isinstance(job.result, ComparisonResult) and job.result.rows:
            return self._done(job.result, training.material.dataset)
        return self._at_rest(problem(job.problem) if job.problem else remark(STOPPED))

    def _drawn(self, histories: dict[str, list[EpochReport]]) -> Updates:
        plots = {
            plot: gr.update(value=curves.drawn(histories[way], "accuracy"), x_lim=[1, histories[way][-1].epochs])
            for way, plot in self.plots.items()
            if len(histories[way]) > 1
        }
        return {self.curves: gr.update(visible=bool(plots)), **plots}

    def _done(self, result: ComparisonResult, dataset: PhotoDataset) -> Updates:
        evaluations = {row.name: row.evaluation for row in result.rows}
        matrices = {
            plot: markup.confusion(evaluations[way], title=_title(way), buttons=False) if way in evaluations else ""
            for plot, way in ((self.scratch_matrix, SCRATCH), (self.transferred_matrix, NORMALIZED))
        }
        early = remark("Stopped early: these were finished.") if result.stopped else ""
        return (
            self._drawn(_row_histories(result))
            | self._at_rest(early)
            | matrices
            | {self.table: markup.comparison(result, _title), self.photos: _differences(result, dataset)}
        )

    def _emptied(self) -> Updates:
        texts = [self.table, self.scratch_matrix, self.transferred_matrix, self.photos]
        return {text: "" for text in texts} | {plot: None for plot in self.plots.values()}

    def _at_rest(self, notice: str) -> Updates:
        return {
            self.notice: notice,
            self.status: "",
            self.choices: gr.update(visible=True),
            self.live: gr.update(visible=False),
            self.stop: gr.update(interactive=True),
            self.timer: gr.Timer(active=False),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page, and the page stops watching."""
        return told(
            answered,
            lambda message: self._at_rest(problem(message)),
            log=log,
            what="A comparison could not be shown",
        )


def _title(way: str) -> str:
    return way.capitalize()


def _histories(events: Sequence[Any]) -> dict[str, list[EpochReport]]:
    """The epochs of each way to learn, of the part that it learns now where there are several."""
    found: dict[str, list[EpochReport]] = {way: [] for way in WAYS}
    for event in events:
        if isinstance(event, ComparisonEpoch):
            found[event.row].append(event.report)
    return found


def _row_histories(result: ComparisonResult) -> dict[str, list[EpochReport]]:
    return {way: [] for way in WAYS} | {row.name: list(row.history) for row in result.rows}


def _differences(result: ComparisonResult, dataset: PhotoDataset) -> str:
    """The photos that one of them gets right and the other wrong."""
    if not {SCRATCH, NORMALIZED} <= {row.name for row in result.rows}:
        return ""
    groups = ((NORMALIZED, SCRATCH), (SCRATCH, NORMALIZED))
    return "".join(_difference(result, dataset, right, wrong) for right, wrong in groups)


def _difference(result: ComparisonResult, dataset: PhotoDataset, right: str, wrong: str) -> str:
    places = result.only_right(right, wrong)
    answers = result.row(wrong).probabilities.argmax(axis=1)
    shown = []
    for place in places[:PHOTOS_OF_A_KIND].tolist():
        mistaken = result.class_names[answers[int(np.flatnonzero(result.held_out == place)[0])]]
        with suppress(PhotoError):  # deleted meanwhile
            small = open_photo(dataset.photos[place].path, max_side_px=PHOTO_SIDE_PX)
            label = display_name(dataset.photos[place].label)
            shown.append((markup.jpeg(small), label, f"{wrong}: {display_name(mistaken)}"))
    return markup.difference(_title(right), wrong, shown, len(places))
