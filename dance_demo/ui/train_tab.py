"""The second tab, "Train your own": photos in, a head out, judged honestly and used at once.

    Data -> Train -> Results -> Use, and Compare: from scratch or transferred

What the steps share of a visitor: `visit` (ids of jobs, kept in the browser), `material` (the photos to train on),
`chosen` (the training whose results are shown, too) and `own` (the model that answers in "Name a dance").
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from dance_demo.intake import Prepared
from dance_demo.jobs import JobLimits, Jobs
from dance_demo.ui import train_markup as markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.classify_tab import ClassifyTab
from dance_demo.ui.compare_step import CompareStep
from dance_demo.ui.data_step import DataStep
from dance_demo.ui.job_watch import QUICK
from dance_demo.ui.result_step import ResultStep
from dance_demo.ui.training_step import TrainingStep
from dance_demo.ui.trainings import Material, Trainings
from dance_demo.ui.use_step import UseStep
from dance_demo.ui.visit import Visit

DATA, TRAIN, RESULTS, USE, COMPARE = "data", "train", "results", "use", "compare"
JOBS = Path(tempfile.gettempdir()) / "dance_demo-jobs"
SHORT = JobLimits(seconds=600, memory_bytes=2 << 30, standby_s=0)  # of what must not wait behind trainings
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


class TrainTab:
    """The steps, and the ways from one to the next. Make it inside a `gr.Tab` of the tabs `page`, after the first."""

    def __init__(self, classify: ClassifyTab, page: gr.Tabs, *, classify_id: str) -> None:
        self.classify, self.page, self.classify_id = classify, page, classify_id
        self.trainings = Trainings(Jobs(JOBS))
        checks = Jobs(JOBS, at_once=2, name="The check of your photos", limits=replace(SHORT, kept_per_owner=2))
        errands = Jobs(JOBS, at_once=2, name="The work", limits=replace(SHORT, kept_per_owner=6))
        with beside_the_tabs():
            # The secret is none, every page has it. But one made anew at each start could not read what was stored.
            self.visit = gr.BrowserState({}, storage_key="dance-demo-visit", secret="dance-demo")
            self.chosen = gr.BrowserState("", storage_key="dance-demo-chosen", secret="dance-demo")
            self.material = gr.State(None)
        shared = {"visit": self.visit, "material": self.material, "chosen": self.chosen}
        gr.HTML(markup.INTRODUCTION)
        with gr.Tabs(elem_id="steps") as self.steps:
            with gr.Tab("Data", id=DATA):
                self.data = DataStep(checks)
                self.go_train = gr.Button("Go on to the training", variant="primary", visible=False, elem_id="go-train")
            with gr.Tab("Train", id=TRAIN):
                self.training = TrainingStep(self.trainings, **shared)
                self.go_results = gr.Button("See the results", variant="primary", visible=False, elem_id="go-results")
            with gr.Tab("Results", id=RESULTS):
                to_training = {self.steps: gr.update(selected=TRAIN)}
                self.result = ResultStep(self.trainings, self.training, to_training=to_training)
            with gr.Tab("Use", id=USE):
                own = {"visit": self.visit, "chosen": self.chosen, "own": classify.own}
                self.use = UseStep(self.trainings, errands, **own)
            with gr.Tab("Compare", id=COMPARE):
                self.compare = CompareStep(
                    self.trainings, self.training.settings, visit=self.visit, material=self.material
                )
        self._connect()

    def _connect(self) -> None:
        """Say what leads from one step to another."""
        self.data.prepared.change(
            self.take_photos, [self.data.prepared, self.visit], [self.material, self.go_train], **QUICK
        )
        self.chosen.change(self.offer_results, self.chosen, self.go_results, **QUICK)
        for event, step in (
            (self.go_train.click, TRAIN),
            (self.go_results.click, RESULTS),
            (self.result.use.click, USE),
        ):
            event(lambda step=step: gr.Tabs(selected=step), None, self.steps, **QUICK)
        self.use.asked.success(self.show_classify, self.classify.own, self.page, **QUICK)
        self.classify.switch_back.click(self.forget_own, self.visit, self.visit, **QUICK)
        every = [*self.training.outputs, *self.use.outputs, *self.compare.outputs, self.classify.own]
        Context.root_block.load(self.restore, [self.visit, self.chosen], list(dict.fromkeys(every)), **QUICK)

    def take_photos(self, prepared: Prepared | None, stored: Any) -> Updates:
        """Train on these photos from now on; with the corrections of the last training, if it was of the same."""
        return {
            self.material: self._material(prepared, Visit.from_browser(stored)) if prepared else None,
            self.go_train: gr.update(visible=prepared is not None),
        }

    def _material(self, prepared: Prepared, visit: Visit) -> Material:
        last = self.trainings.find(visit.trainings[-1]) if visit.trainings else None
        return last.material if last and last.material.prepared is prepared else Material.of(prepared)

    def offer_results(self, id: Any) -> Any:
        """Show the way to the results, where there are any."""
        return gr.update(visible=bool(self.trainings.finished([id])))

    def show_classify(self, own: Any) -> Any:
        """Go to "Name a dance", where the own model answers now."""
        return gr.Tabs(selected=self.classify_id) if own else gr.skip()

    def forget_own(self, stored: Any) -> Any:
        """After a reload, too, the model that ships shall answer."""
        return {**Visit.from_browser(stored).to_browser(), "using": ""}

    def restore(self, stored: Any, chosen: Any) -> Updates:
        """Find everything of this browser again, after a reload."""
        visit = Visit.from_browser(stored)
        found = self.training.restore(visit, chosen) | self.use.restore(visit) | self.compare.restore(visit)
        visit = replace(visit, trainings=self.trainings.known(visit.trainings))
        own = self.use.own_model(visit.using)
        return found | {self.visit: visit.to_browser()} | ({self.classify.own: own} if own else {})
