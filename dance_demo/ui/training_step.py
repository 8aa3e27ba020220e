"""Step 2 of "Train your own": settings, Start and Stop, and how the training goes.

The page only watches: the training is a job of the server, and the browser remembers its id. Whoever comes back after
a reload, or from another tab of the same browser, finds it again.
"""

import logging
from collections.abc import Callable, Sequence
from html import escape
from typing import Any
from weakref import WeakSet

import gradio as gr

from dance_demo.errors import TrainingError
from dance_demo.job import Job
from dance_demo.training import EpochReport, TrainingConfig
from dance_demo.ui import curves
from dance_demo.ui import train_markup as markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.job_watch import LOOK, QUICK, WATCH_EVERY_S, Pace, progress, spoken
from dance_demo.ui.told import told
from dance_demo.ui.training_settings import TrainingSettings
from dance_demo.ui.trainings import Material, Training, Trainings
from dance_demo.ui.visit import Visit
from dance_demo.ui.work_markup import problem, remark

GONE = "Your last training is no longer kept here. Train again, or bring a downloaded bundle back in the last step."
STOPPED = "Stopped. Nothing of it was kept."
PENDING = "pending"  # instead of the id of the training that is chosen, while there is none yet
START_LINE: dict[str, Any] = {"concurrency_id": "starting", "concurrency_limit": 4}
HEAVY = ("keras", "sklearn.linear_model", "sklearn.model_selection")  # imported while the visitor still chooses

log = logging.getLogger(__name__)
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


class TrainingStep:
    """The components of the step, and what happens when a visitor uses them. Make it inside the page's Blocks.

    `material` holds what is trained on, `chosen` the id of the training whose results are shown, `visit` what the
    browser remembers; the other steps share them.
    """

    def __init__(
        self, trainings: Trainings, *, visit: gr.BrowserState, material: gr.State, chosen: gr.BrowserState
    ) -> None:
        self.trainings, self.visit, self.material, self.chosen = trainings, visit, material, chosen
        self.watched, self.pace = gr.State(""), gr.State(Pace())
        self.unwanted: WeakSet[Job] = WeakSet()  # trainings that were stopped for good
        with beside_the_tabs():
            self.timer = gr.Timer(WATCH_EVERY_S, active=False)
        with gr.Column(elem_id="training-step"):
            self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
            with gr.Row(elem_classes="line"):
                self.about = gr.HTML(markup.NO_PHOTOS)
                self.undo = gr.Button("Undo the corrections", size="sm", visible=False)
            self.notice = gr.HTML()
            with gr.Column(visible=False) as self.with_photos, gr.Column() as self.choices:
                self.settings = TrainingSettings()
                with gr.Row(elem_classes="actions"):
                    self.start_button = gr.Button("Start training", variant="primary", elem_id="start-training")
                    self.reset = gr.Button("Reset to defaults")
            with gr.Column(visible=False, elem_id="training-live") as self.live:
                self.progress = gr.HTML()
                with gr.Row(elem_classes="actions"):
                    self.keep = gr.Button("Stop and keep the best so far")
                    self.stop = gr.Button("Stop")
            with gr.Row(visible=False, elem_classes="curves") as self.curves:
                self.loss = curves.plot("loss", "Loss")
                self.accuracy = curves.plot("accuracy", "Accuracy")
        self._connect()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        shown = [self.status, self.notice, self.choices, self.live, self.progress, self.keep, self.stop]
        plots = [self.curves, self.loss, self.accuracy]
        return [*shown, *plots, self.timer, self.watched, self.pace, self.visit, self.chosen]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        quick: dict[str, Any] = LOOK | {"outputs": self.outputs}
        start = {"api_visibility": "private", "trigger_mode": "once", "outputs": self.outputs} | START_LINE
        asked = [self.material, self.visit, *self.settings.inputs]
        self.start_button.click(self.start, asked, **start, show_progress="minimal", show_progress_on=self.start_button)
        self.timer.tick(self.watch, [self.watched, self.pace], **quick)
        self.keep.click(self.stop_and_keep, self.watched, **quick)
        self.stop.click(self.stop_for_good, self.watched, **quick)
        self.reset.click(self.settings.defaults, None, self.settings.inputs, **QUICK)
        self.material.change(self.show_material, self.material, [self.about, self.undo, self.with_photos], **QUICK)
        self.undo.click(lambda material: Material.of(material.prepared), self.material, self.material, **QUICK)

    def show_material(self, material: Material | None) -> Updates:
        """Say what will be trained on, or that there is nothing yet."""
        if material:
            self.trainings.jobs.warm(*HEAVY)
        return {
            self.about: markup.material(material) if material else markup.NO_PHOTOS,
            self.undo: gr.update(visible=bool(material and material.corrections)),
            self.with_photos: gr.update(visible=material is not None),
        }

    def start(self, material: Material | None, stored: Any, *settings: Any) -> Updates:
        """Start a training with these settings."""

        def started() -> Updates:
            if material is None:
                raise TrainingError("Choose your photos first.")
            visit = Visit.from_browser(stored)
            other = self.trainings.active(visit)  # from another tab of the same browser
            if other:
                return self._attached(other)
            return self.begin(material, self.settings.config(settings), visit)

        return self._guarded(started)

    def begin(self, material: Material, config: TrainingConfig, visit: Visit) -> Updates:
        """Start a training, and watch it. Raises TrainingError if there is one already."""
        training = self.trainings.start(material, config, owner=visit.visitor)
        return self._seen(training, Pace()) | {
            self.visit: visit.with_training(training.job.id).to_browser(),
            self.watched: training.job.id,
            self.chosen: PENDING,  # so that the end of it is a change, even after a reload
            self.timer: gr.Timer(active=True),
            self.loss: None,
            self.accuracy: None,
        }

    def restore(self, visit: Visit, chosen: str) -> Updates:
        """Find the last training of this browser again, after a reload."""
        if not visit.trainings:
            return {}
        training = self.trainings.find(visit.trainings[-1])
        if training is None:
            return {self.notice: remark(GONE)}
        found = self._guarded(lambda: self._attached(training))
        if self.trainings.finished([chosen]):  # what the visitor looked at last stays
            found.pop(self.chosen, None)
        return found

    def watch(self, id: str, pace: Pace) -> Updates:
        """Show how far the training is, or what came of it."""
        return self._guarded(lambda: self._seen(self.trainings.find(id), pace))

    def stop_and_keep(self, id: str) -> Updates:
        """Ask it to end with the best head so far. The page goes on watching: that tells when it has."""
        return self._stopping(id)

    def stop_for_good(self, id: str) -> Updates:
        """Ask it to end, and throw away what it leaves."""
        if training := self.trainings.find(id):
            self.unwanted.add(training.job)
        return self._stopping(id)

    def _attached(self, training: Training) -> Updates:
        watching = {self.watched: training.job.id, self.timer: gr.Timer(active=training.job.active)}
        return self._seen(training, Pace()) | watching

    def _stopping(self, id: str) -> Updates:
        training = self.trainings.find(id)
        if training:
            training.job.stop()
        return {button: gr.update(interactive=False) for button in (self.keep, self.stop)} | {self.status: "Stopping"}

    def _seen(self, training: Training | None, pace: Pace) -> Updates:
        if training is None:  # another tab of this browser has stopped it for good
            return self._at_rest(remark(STOPPED)) | {self.curves: gr.update(visible=False)}
        if training.job.active:
            return self._running(training.job, pace)
        if training.job in self.unwanted:
            self.trainings.jobs.forget(training.job)
            return self._at_rest(remark(STOPPED)) | {self.curves: gr.update(visible=False)}
        if training.result:
            return self._done(training)
        return self._at_rest(problem(training.job.problem) if training.job.problem else remark(STOPPED))

    def _running(self, job: Job, pace: Pace) -> Updates:
        bar, pace = progress(job, pace)
        return self._drawn(job.events) | {
            self.progress: bar,
            self.pace: pace,
            self.status: escape(spoken(job)),
            self.notice: "",
            self.choices: gr.update(visible=False),
            self.live: gr.update(visible=True),
            self.keep: gr.update(visible=job.state == "running"),
        }

    def _drawn(self, events: Sequence[Any]) -> Updates:
        history = [event for event in events if isinstance(event, EpochReport)]
        if len(history) < 2:
            return {self.curves: gr.update(visible=False)}
        latest = [report for report in history if report.fold == history[-1].fold]
        limits = gr.update(value=curves.frame(latest, "loss"), x_lim=[1, history[-1].epochs])
        return {
            self.curves: gr.update(visible=True),
            self.loss: limits,
            self.accuracy: gr.update(value=curves.frame(latest, "accuracy"), x_lim=[1, history[-1].epochs]),
        }

    def _done(self, training: Training) -> Updates:
        history = training.result.history
        return self._at_rest(markup.finished(training.result)) | {
            self.chosen: training.job.id,
            self.curves: gr.update(visible=len(history) > 1),
            self.loss: gr.update(value=curves.drawn(history, "loss"), x_lim=None),
            self.accuracy: gr.update(value=curves.drawn(history, "accuracy"), x_lim=None),
        }

    def _at_rest(self, notice: str) -> Updates:
        """Nothing runs: the settings are there again, and the timer is not."""
        usable = {button: gr.update(interactive=True) for button in (self.keep, self.stop)}
        return usable | {
            self.notice: notice,
            self.status: "",
            self.choices: gr.update(visible=True),
            self.live: gr.update(visible=False),
            self.timer: gr.Timer(active=False),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page, and the page stops watching."""
        return told(
            answered,
            lambda message: self._at_rest(problem(message)),
            log=log,
            what="A training could not be shown",
        )
