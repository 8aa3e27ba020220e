"""Step 2 of "Train your own": settings, Start and Stop, and how the training goes.

The page only watches: the training is a job of the server, and the browser remembers its id. Whoever comes back after
a reload, or from another tab of the same browser, finds it again.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from dance_demo.errors import TrainingError
from dance_demo.jobs.job import Job
from dance_demo.training.config import TrainingConfig
from dance_demo.training.result import EpochReport, TrainingResult
from dance_demo.ui.components import curves
from dance_demo.ui.components.browser_state import NO_JOB, TRAININGS_REMEMBERED, job_ids, remembered
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_markup import hint, problem
from dance_demo.ui.components.job_step import ASK_ELSEWHERE, POLL, QUICK, JobStep, Pace
from dance_demo.ui.components.step import Updates
from dance_demo.ui.server.visitors import Visitor, visitor_of
from dance_demo.ui.train import markup
from dance_demo.ui.train.settings import TrainingSettings
from dance_demo.ui.train.trainings import Material, Training, Trainings

START_LINE: dict[str, Any] = {"concurrency_id": "starting", "concurrency_limit": 4}
HEAVY = ("keras", "sklearn.linear_model", "sklearn.model_selection")  # imported while the visitor still chooses


class TrainingStep(JobStep):
    """The components of the step, and what happens when a visitor uses them. Make it before the tabs of the page.

    `ids` holds the ids of the browser's trainings, `material` what is trained on, and `chosen`
    the id of the training whose results are shown; the other steps share them.
    """

    gone = "Your last training is no longer kept here. Train again, or bring a downloaded bundle back in the last step."
    stopped = "Stopped. Nothing of it was kept."
    failure = "A training could not be shown"
    results = TrainingResult

    def __init__(
        self,
        page: gr.Blocks,
        trainings: Trainings,
        *,
        ids: gr.BrowserState,
        material: gr.State,
        chosen: gr.BrowserState,
    ) -> None:
        super().__init__(page, trainings.jobs, storage_key="dance-demo-training")
        self.trainings, self.ids = trainings, ids
        self.material, self.chosen = material, chosen
        self.awaited = remembered(NO_JOB, "dance-demo-awaited")  # the training whose end the visitor has not seen

    def lay_out(self) -> None:
        """Make the components."""
        with gr.Column(elem_id="training-step"):
            with gr.Row(elem_classes="line"):
                self.about = gr.HTML(render("train/training.no_photos"))
                self.undo = gr.Button("Undo the corrections", size="sm", visible=False)
            self._lay_out_messages()
            with gr.Column(visible=False) as self.with_photos, gr.Column() as self.choices:
                self.settings = TrainingSettings()
                with gr.Row(elem_classes="actions"):
                    self.start_button = gr.Button("Start training", variant="primary", elem_id="start-training")
                    self.reset = gr.Button("Reset to defaults")
            with gr.Column(visible=False, elem_id="training-live") as self.busy:
                self.progress = gr.HTML()
                with gr.Row(elem_classes="actions"):
                    self.keep_button = gr.Button("Stop and keep the best so far")
                    self.stop_button = gr.Button("Stop")
            with gr.Row(visible=False, elem_classes="curves") as self.curves:
                self.loss = curves.plot("loss", "Loss")
                self.accuracy = curves.plot("accuracy", "Accuracy")
        self._connect()

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this step changes."""
        shown = [self.status, self.notice, self.choices, self.busy, self.progress, self.keep_button, self.stop_button]
        plots = [self.curves, self.loss, self.accuracy]
        return [*shown, *plots, self.timer, self.job_id, self.pace, self.ids, self.chosen, self.awaited]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        poll: dict[str, Any] = POLL | {"outputs": self.outputs}
        start = {"api_visibility": "private", "trigger_mode": "once", "outputs": self.outputs} | START_LINE
        asked = [self.material, self.ids, *self.settings.inputs]
        self.start_button.click(self.start, asked, **start, show_progress="minimal", show_progress_on=self.start_button)
        self.keep_button.click(self.stop_and_keep, self.job_id, **poll)
        self.stop_button.click(self.stop, self.job_id, **poll)
        self.reset.click(self.settings.defaults, None, self.settings.inputs, **QUICK)
        fine_tune = self.settings.components["fine_tune"]
        shown = [self.about, self.undo, self.with_photos, fine_tune, self.notice, self.curves, self.job_id]
        self.material.change(self.show_material, [self.material, self.job_id], shown, **QUICK)
        backbone = self.settings.components["backbone"]
        self.material.change(self.settings.offer_backbones, backbone, backbone, **ASK_ELSEWHERE)
        self.undo.click(lambda material: Material.of(material.prepared), self.material, self.material, **QUICK)
        self._watch_by(poll, restored_by=[self.chosen, self.awaited])
        self.keeper.tick(self.keep_chosen, self.chosen, None, **POLL)

    def keep_chosen(self, id: Any) -> None:
        """Ask for the training whose results are shown, which may be an earlier one, so that it stays, too."""
        self.trainings.find(id)

    def show_material(self, material: Material | None, job_id: Any) -> Updates:
        """Say what will be trained on, or that there is nothing yet. What came of other photos goes."""
        if material:
            self.jobs.warm(*HEAVY)
        gone: Updates = {}
        if self.trainings.outlived(job_id, material):
            gone = {self.notice: "", self.curves: curves.AWAY, self.job_id: NO_JOB}
        fine_tune = self.settings.components["fine_tune"]
        return gone | {
            self.about: markup.material(material) if material else render("train/training.no_photos"),
            self.undo: gr.update(visible=bool(material and material.dataset.corrections)),
            self.with_photos: gr.update(visible=material is not None),
            fine_tune: self.settings.offer_fine_tuning(material.dataset) if material else gr.skip(),
        }

    def start(self, material: Material | None, ids: Any, request: gr.Request, *settings: Any) -> Updates:
        """Start a training with these settings."""

        def started() -> Updates:
            if material is None:
                raise TrainingError("Choose your photos first.")
            visitor = visitor_of(request)
            other = self.trainings.active(visitor.id, job_ids(ids))  # from another tab of the same browser
            return self._begun(other) if other else self.begin(material, self.settings.config(settings), visitor, ids)

        return self._guarded(started)

    def begin(self, material: Material, config: TrainingConfig, visitor: Visitor, ids: Any) -> Updates:
        """Start a training, and watch it. Raises TrainingError if there is one already."""
        job = self.trainings.start(material, config, visitor)
        return self._begun(job) | {
            self.ids: [*self.trainings.known(job_ids(ids)), job.id][-TRAININGS_REMEMBERED:],
            self.awaited: job.id,
        }

    def restore(self, job_id: Any, chosen: Any = "", awaited: Any = NO_JOB) -> Updates:
        """Find the last training of this browser again, after a reload."""
        if self.trainings.find(chosen) and not self.jobs.find(job_id):  # one that failed is forgotten, this is not
            return self._at_rest("") | {self.job_id: NO_JOB}
        found = super().restore(job_id)
        if job_id != awaited and self.trainings.find(chosen):  # what the visitor looked at last stays
            found.pop(self.chosen, None)
        return found

    def watch(self, job_id: Any, pace: Pace) -> Updates:
        """Show how far the training is, or what came of it."""
        if self.jobs.find(job_id):
            return super().watch(job_id, pace)
        return self._nothing_kept()  # another tab of this browser has stopped it for good

    def stop_and_keep(self, job_id: Any) -> Updates:
        """Ask it to end with the best head so far. The page goes on watching: that tells when it has."""
        return super().stop(job_id) | {self.keep_button: gr.update(interactive=False)}

    def stop(self, job_id: Any) -> Updates:
        """Ask it to end, and throw away what it leaves."""
        if job := self.jobs.find(job_id):
            job.stop(keep=False)
        return self.stop_and_keep(job_id)

    def _shown(self, job: Job | None, pace: Pace) -> Updates:
        if job and job.state == "stopped" and not isinstance(job.result, TrainingResult):
            self.jobs.forget(job)
            return self._nothing_kept()
        return super()._shown(job, pace)

    def _nothing_kept(self) -> Updates:
        return self._at_rest(hint(self.stopped)) | self._drawn([], None) | {self.job_id: NO_JOB}

    def _running(self, job: Job, pace: Pace) -> Updates:
        history = [event for event in job.events if isinstance(event, EpochReport)]
        latest = [report for report in history if report.fold == history[-1].fold]
        return (
            super()._running(job, pace)
            | self._drawn(latest, latest[-1].epochs if latest else None)
            | {
                self.choices: gr.update(visible=False),
                self.keep_button: gr.update(visible=job.state == "running"),
            }
        )

    def _drawn(self, history: Sequence[EpochReport], epochs: int | None) -> Updates:
        """The curves, from the second epoch on."""
        if len(history) < 2:
            return {self.curves: curves.AWAY}
        x_lim = epochs and [1, epochs]
        return {
            self.curves: curves.THERE,
            self.loss: gr.update(value=curves.frame(history, "loss"), x_lim=x_lim),
            self.accuracy: gr.update(value=curves.frame(history, "accuracy"), x_lim=x_lim),
        }

    def _finished(self, job: Job) -> Updates:
        finished = markup.finished(Training(job.id, job.about, job.result))
        shown = self._at_rest(finished) | self._drawn(job.result.history, None)
        return shown | {self.chosen: job.id, self.awaited: NO_JOB}

    def _at_rest(self, notice: str) -> Updates:
        """Nothing runs: the settings are there again, and the timer is not."""
        usable = {self.keep_button: gr.update(interactive=True), self.choices: gr.update(visible=True)}
        return super()._at_rest(notice) | usable

    def _failed(self, message: str) -> Updates:
        return self._at_rest(problem(message))
