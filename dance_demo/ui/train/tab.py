"""The second tab, "Train your own": photos in, a head out, judged honestly and used at once.

    Data -> Train -> Results -> Use, and Compare: from scratch or transferred

What the steps share of a visitor: the browser remembers `ids` (of trainings) and
`chosen` (the training whose results are shown); the page holds `material` (the photos to train on) and `own` (the model
that answers in "Name a dance").
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from dance_demo.data.intake import Prepared
from dance_demo.jobs.manager import JobManager
from dance_demo.training.quick import QuickHeads
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.browser_state import NO_JOB, job_ids, remembered
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import ASK_ELSEWHERE, QUICK
from dance_demo.ui.components.step import Updates
from dance_demo.ui.components.tabs import tab_row
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.train.compare_step import CompareStep
from dance_demo.ui.train.data_step import DataStep
from dance_demo.ui.train.dataset_map.projections import Projections
from dance_demo.ui.train.result_step import ResultStep
from dance_demo.ui.train.training_step import TrainingStep
from dance_demo.ui.train.trainings import Material, Trainings
from dance_demo.ui.train.use_step import UseStep

# Another step begins at its beginning, and not where the button of the last one was.
FROM_THE_TOP = "() => document.querySelector('#steps')?.scrollIntoView()"
DATA, TRAIN, RESULTS, USE, COMPARE = "data", "train", "results", "use", "compare"


class TrainTab:
    """The steps, and the ways from one to the next. Make it before the tabs of the page, and lay it out in a `gr.Tab`.

    `frames` answers cameras. Three lines of jobs: `trainings`, the `checks` of photos, and `heads` for what is done
    with a trained head.
    """

    def __init__(
        self,
        page: gr.Blocks,
        classify: ClassifyTab,
        frames: LiveFrames,
        trainings: JobManager,
        checks: JobManager,
        heads: JobManager,
    ) -> None:
        self.page, self.classify, self.trainings = page, classify, Trainings(trainings)
        self.ids = ids = remembered([], "dance-demo-trainings")
        self.chosen = chosen = remembered("", "dance-demo-chosen")
        self.material = material = gr.State(None)
        self.data = DataStep(page, checks, frames, QuickHeads(classify.shipped.classifier.backbone))
        self.training = TrainingStep(page, self.trainings, ids=ids, material=material, chosen=chosen)
        self.result = ResultStep(self.trainings, self.training, Projections(heads))
        self.use = UseStep(page, self.trainings, heads, ids=ids, chosen=chosen, own=classify.own)
        self.compare = CompareStep(page, self.trainings, material=material)

    def lay_out(self) -> None:
        """Make the components, after those of the first tab."""
        gr.HTML(render("train/training.introduction"))
        with tab_row("steps") as self.steps:
            with gr.Tab("Data", id=DATA):
                self.data.lay_out()
                self.go_train = gr.Button("Go on to the training", variant="primary", visible=False, elem_id="go-train")
            with gr.Tab("Train", id=TRAIN):
                self.training.lay_out()
                self.go_results = gr.Button("See the results", variant="primary", visible=False, elem_id="go-results")
            with gr.Tab("Results", id=RESULTS):
                self.result.lay_out(to_training={self.steps: gr.update(selected=TRAIN)})
            with gr.Tab("Use", id=USE) as use:
                self.use.lay_out()
            with gr.Tab("Compare", id=COMPARE):
                self.compare.lay_out(self.training.settings)
        use.select(self.use.hub.offer, None, self.use.hub.offered, **ASK_ELSEWHERE)
        self._connect()

    def _connect(self) -> None:
        """Say what leads from one step to another."""
        self.data.prepared.change(
            self.take_photos, [self.data.prepared, self.ids], [self.material, self.go_train], **QUICK
        )
        for changed in (self.chosen.change, self.material.change):
            changed(self.offer_results, [self.chosen, self.material], self.go_results, **QUICK)
        for event, step in (
            (self.go_train.click, TRAIN),
            (self.go_results.click, RESULTS),
            (self.result.use.click, USE),
        ):
            shown = event(lambda step=step: gr.Tabs(selected=step), None, self.steps, **QUICK)
            shown.then(None, js=FROM_THE_TOP, api_visibility="private")
        # After a reload, too, the model that ships shall answer.
        self.classify.switch_back.click(lambda: NO_JOB, None, self.use.own_id, **QUICK)

    def take_photos(self, prepared: Prepared | None, ids: Any) -> Updates:
        """Train on these photos from now on; with the corrections of the last training, if it was of the same."""
        return {
            self.material: self._material(prepared, job_ids(ids)) if prepared else None,
            self.go_train: gr.update(visible=prepared is not None),
        }

    def _material(self, prepared: Prepared, ids: Sequence[str]) -> Material:
        last = self.trainings.jobs.find(ids[-1]) if ids else None
        return last.about if last and last.about.prepared is prepared else Material.of(prepared)

    def offer_results(self, id: Any, material: Material | None) -> Any:
        """Show the way to the results, where there are any of these photos."""
        training = self.trainings.find(id)
        same = training and material and training.material.prepared is material.prepared
        return gr.update(visible=bool(same))
