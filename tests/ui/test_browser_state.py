"""What the browser remembers of a visitor's work: of two answers at the same moment, neither undoes the other."""

import time
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.data.illustrations import draw
from dance_demo.data.intake import Prepared
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.model.bundle import write_bundle
from dance_demo.model.directory import load_card
from dance_demo.model.loading import load_classifier
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.server.visitors import new_cookie
from dance_demo.ui.train.tab import TrainTab
from dance_demo.ui.train.trainings import Material
from tests.support.event_loop import run_alone
from tests.support.requests import request_of

Call = tuple[Any, list[Any]]


class Visitor:
    """One browser in front of the page: it holds what the components hold, and sends it with each call."""

    def __init__(self, page: gr.Blocks, tab: TrainTab) -> None:
        self.page, self.tab = page, tab
        self.values: dict[Any, Any] = {}
        self.cookie = new_cookie()
        self.load()

    def load(self) -> None:
        """Open the page, or reload it: only what a `BrowserState` holds is still there."""
        stored = {one: value for one, value in self.values.items() if isinstance(one, gr.BrowserState)}
        self.values = {one: getattr(one, "value", None) for one in self.page.blocks.values()} | stored
        calls = [self.call(self.page, event="load", fn=fn) for fn in self._listening(self.page, "load")]
        for call in calls:
            self.take(call)

    def fire(self, block: gr.blocks.Block, event: str) -> None:
        """Let something happen to a component, and wait for the answer."""
        self.take(self.call(block, event))

    def call(self, block: gr.blocks.Block, event: str, fn: Any = None) -> Call:
        """The handler, and what the browser sends to it at this moment. The answer comes later, by `take`."""
        fn = fn or next(iter(self._listening(block, event)))
        sent = [self.values[one] for one in fn.inputs]
        for place, parameter in enumerate(signature(fn.fn).parameters.values()):  # as Gradio does
            if parameter.annotation is gr.Request:
                sent.insert(place, request_of(cookie=self.cookie))
        return fn, sent

    def take(self, call: Call) -> None:
        """The answer arrives: what it says is shown, and stored where it is to be stored."""
        fn, sent = call
        answer = fn.fn(*sent)
        if not isinstance(answer, dict) or "__type__" in answer:
            answer = dict(zip(fn.outputs, [answer], strict=True))
        for block, value in answer.items():
            assert block in fn.outputs
            if isinstance(value, dict) and value.get("__type__") == "update":
                value = value.get("value", self.values[block])
            self.values[block] = value

    def _listening(self, block: gr.blocks.Block, event: str) -> list[Any]:
        return [fn for fn in self.page.fns.values() if fn.fn and (block._id, event) in fn.targets]


@pytest.fixture
def visitor(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    lines = [JobManager(tmp_path / "jobs", limits=JobLimits(standby_s=0)) for _ in range(3)]

    async def made() -> Visitor:
        with gr.Blocks(analytics_enabled=False) as page:
            classify = ClassifyTab(load_classifier(tiny_model), load_card(tiny_model))
            tab = TrainTab(page, classify, LiveFrames(classify.shipped.classifier), *lines)
            classify.lay_out()
            tab.lay_out()
        return Visitor(page, tab)

    yield run_alone(made())
    for jobs in lines:
        jobs.close()


def a_material(folder: Path) -> Material:
    for form in ("kathak", "odissi"):
        (folder / form).mkdir(parents=True)
        for seed in range(6):
            draw(form, seed, size=(90, 110)).save(folder / form / f"{seed}.png")
    dataset, report = open_dataset(folder, workspace=folder)
    return Material.of(Prepared(dataset, report, folder))


def test_a_training_and_a_head_chosen_at_the_same_moment_are_both_remembered(
    visitor: Visitor, tiny_model: Path, tmp_path: Path
) -> None:
    training, use = visitor.tab.training, visitor.tab.use
    bundle = tmp_path / "uploads" / "hash" / "bundle.zip"
    bundle.parent.mkdir(parents=True)
    visitor.values[use.bundle] = str(write_bundle(tiny_model, bundle))
    visitor.fire(use.bundle, "upload")
    give_up = time.monotonic() + 60
    while not visitor.values[use.head] and time.monotonic() < give_up:
        visitor.fire(use.timer, "tick")
        time.sleep(0.1)

    visitor.values[training.material] = a_material(tmp_path / "photos")
    both = visitor.call(training.start_button, "click"), visitor.call(use.ask, "click")
    for call in both:  # both were sent before the first answer came
        visitor.take(call)

    visitor.load()
    assert visitor.values[visitor.tab.classify.own] is not None
    assert "progress" in str(visitor.values[training.progress])


def test_every_part_of_the_page_writes_states_of_its_own(visitor: Visitor) -> None:
    """So that no answer carries what another part knew a moment ago."""
    read_and_written: dict[str, set[str]] = {}
    for fn in visitor.page.fns.values():
        for state in {*fn.inputs} & {*fn.outputs}:
            if isinstance(state, gr.BrowserState):
                part = type(getattr(fn.fn, "__self__", None)).__name__
                read_and_written.setdefault(state.storage_key, set()).add(part)
    shared = {key: parts for key, parts in read_and_written.items() if len(parts) > 1}
    both = {"TrainingStep", "ResultStep"}  # "Train again" starts a training as the step before does
    assert shared == {"dance-demo-trainings": both, "dance-demo-chosen": both}
