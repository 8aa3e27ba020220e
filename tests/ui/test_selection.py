""" "Which features matter?" behind the page: where the lines are, what is said of them, and junk from a browser."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.data.illustrations import draw
from dance_demo.data.intake import Prepared
from dance_demo.jobs.manager import JobManager
from dance_demo.training.config import TrainingConfig
from dance_demo.training.selection.experiment import Cheat, MethodCurve, SelectionResult
from dance_demo.training.selection.methods import METHODS
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import Now, Pace
from dance_demo.ui.server.visitors import Visitor
from dance_demo.ui.train.compare_step import CompareStep
from dance_demo.ui.train.selection import markup
from dance_demo.ui.train.selection.chart import BOTTOM, LEFT, RIGHT, TOP, Chart
from dance_demo.ui.train.selection.markup import Choice, cheat_in_words, lessons
from dance_demo.ui.train.settings import TrainingSettings
from dance_demo.ui.train.trainings import Material, Trainings
from tests.support.event_loop import run_alone

SIZES = (8, 16, 32, 64)


def curve(method: str, *accuracy: float, half: float = 0.05) -> MethodCurve:
    interval = tuple((share - half, share + half) for share in accuracy)
    return MethodCurve(method, SIZES[: len(accuracy)], accuracy, interval, (0.25,) * len(accuracy), 0.1)


@pytest.fixture
def result() -> SelectionResult:
    """Of 100 features all get 70 % right."""
    curves = (
        curve("random", 0.3, 0.4, 0.5, 0.62),
        curve("fisher", 0.4, 0.5, 0.6, 0.68),
        curve("dispersion_ratio", 0.1, 0.2, 0.5, 0.6),
        curve("forward", 0.45, 0.55),
    )
    return SelectionResult(200, 100, 0.7, (0.65, 0.75), curves, watched=None)  # type: ignore[arg-type]


def sent(**values: Any) -> Any:
    return SimpleNamespace(**values)


def test_the_axis_is_logarithmic_and_every_point_lies_within_the_picture(result: SelectionResult) -> None:
    chart = Chart(result, "fisher", 16)
    x, _ = zip(*chart.dots, strict=True)
    assert x[0] == LEFT and len({round(b - a) for a, b in zip(x, x[1:], strict=False)}) == 1  # each doubling as wide
    for points in (chart.line, chart.band, chart.control, *chart.others):
        for point in points.split():
            at, height = map(float, point.split(","))
            assert LEFT <= at <= RIGHT and TOP <= height <= BOTTOM
    middle, upper, lower = chart.everything
    assert upper < middle < lower and chart.mark == x[1]
    assert [size for _, size in chart.sizes] == [8, 16, 32, 64, 100] and len(chart.others) == 2


def test_a_search_among_few_features_begins_further_left(result: SelectionResult) -> None:
    few = MethodCurve("exhaustive", (2, 4, 8), (0.2, 0.3, 0.4), ((0.1, 0.3),) * 3, (0.5,) * 3, 0.1)
    chart = Chart(replace(result, curves=(*result.curves, few)), "exhaustive", 4)
    assert [size for _, size in chart.sizes][:3] == [2, 4, 8] and chart.line.startswith(f"{LEFT}")


def test_what_was_found_is_said_as_far_as_intervals_allow(result: SelectionResult) -> None:
    said = " ".join(lessons(result))
    assert "Nothing clearly beats keeping all 100 features." in said
    assert "From 64 features on, even a random choice cannot be told from all" in said
    assert "With 8 features a random choice gets 30.0\xa0% right, the best way (Forward selection) 45.0\xa0%." in said
    assert "Worse than chance, clearly and somewhere: Dispersion ratio." in said
    better = replace(result, curves=(*result.curves[:1], curve("fisher", 0.9, 0.9)))
    assert lessons(better)[0] == "Fisher's score with 8 features clearly beats keeping all 100."
    alone = replace(result, curves=result.curves[:1], stopped=True)
    assert len(lessons(alone)) == 1  # stopped before anything was held against chance


def test_what_the_cheat_pays_is_said_with_its_chance() -> None:
    honest = curve("fisher", 0.1, 0.1)
    pays = Cheat(0.125, curve("fisher", 0.2, 0.4), honest)
    said = cheat_in_words(pays)
    assert said.startswith("16 features that were chosen before the split get 40.0\xa0%, honestly chosen ones 10.0")
    assert "looks like knowledge" in said
    assert "does not clearly pay" in cheat_in_words(Cheat(0.125, honest, honest))
    assert "Chosen before the split" in render("train/selection.cheated", cheat=pays, verdict="x")


def test_another_method_keeps_about_as_many_features(result: SelectionResult) -> None:
    assert Choice.of(result) == Choice("fisher", 32)
    assert Choice.of(result, sent(method="fisher", was="fisher", keep="3")) == Choice("fisher", 64)
    assert Choice.of(result, sent(method="fisher", was="fisher", keep="4")) == Choice("fisher", 100)
    assert Choice.of(result, sent(method="forward", was="fisher", keep="2")) == Choice("forward", 16)


@pytest.mark.parametrize("junk", [None, 7, "", "x", "9" * 40, "-1", "²", [], {}, "<script>"])
def test_S9_junk_from_a_browser_is_the_choice_that_begins(result: SelectionResult, junk: Any) -> None:
    assert Choice.of(result, sent(method=junk, was=junk, keep=junk)) == Choice("random", 32)
    assert Choice.of(result, sent()) == Choice("random", 32)


def test_every_method_has_its_heading() -> None:
    assert {method.kind for method in METHODS.values()} == set(markup.KINDS)


def test_the_picture_and_the_table_name_what_they_show(result: SelectionResult) -> None:
    picture = render("train/selection.picture", chart=Chart(result, "fisher", 8), title="Fisher", method="fisher")
    assert 'role="img"' in picture and "The table below has the numbers" in picture
    rows = [("Fisher", dict(zip(SIZES, markup._cells(result.curve("fisher")), strict=True)))]
    table = render("train/selection.table", result=result, rows=rows, sizes=[4, *SIZES])
    assert "<td></td><td>40.0 <small>35–45</small></td>" in table and table.count('scope="col"') == 6


def test_the_numbers_are_a_table_for_a_spreadsheet(result: SelectionResult) -> None:
    header, everything, *points = markup.csv_rows(result)
    assert header == ("Method", "Kept", "Right", "From", "To", "Overlap")
    assert everything == ("All features", 100, 0.7, 0.65, 0.75, "")
    assert len(points) == 14 and ("Fisher's score", 16, 0.5, 0.45, 0.55, 0.25) in points


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CompareStep]:
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    jobs = JobManager(tmp_path / "jobs")

    async def made() -> CompareStep:
        with gr.Blocks(analytics_enabled=False) as page:
            settings, step = TrainingSettings(), CompareStep(page, Trainings(jobs), material=gr.State(None))
            step.lay_out(settings)
        return step

    yield run_alone(made())
    jobs.close()


@pytest.fixture
def drawings(tmp_path: Path) -> Material:
    """Ten of each of two forms."""
    for form in ("kathak", "odissi"):
        (tmp_path / "drawings" / form).mkdir(parents=True)
        for seed in range(10):
            draw(form, seed, size=(90, 110)).save(tmp_path / "drawings" / form / f"{seed}.png")
    dataset, report = open_dataset(tmp_path / "drawings", workspace=tmp_path)
    return Material.of(Prepared(dataset, report, tmp_path / "drawings"))


def test_a_stop_in_the_middle_shows_the_ways_that_are_finished(step: CompareStep, drawings: Material) -> None:
    job = step.trainings.select(drawings, TrainingConfig(backbone="dance"), Visitor("0" * 32, "127.0.0.1"))
    titles = [method.title for method in METHODS.values()]
    while job.active and not (job.events and Now.of(job.events).text in titles[3:]):
        time.sleep(0.01)
    step.stop(job.id)
    assert job.wait(120) and job.state == "stopped"
    curves = job.result.selection.curves
    assert 2 <= len(curves) < len(titles) - 1
    page = step.watch(job.id, Pace())
    assert "Stopped early: these ways were finished." in page[step.laboratory]
    assert "a picture of all lines" in page[step.laboratory] and page[step.timer].active is False
    assert job.result.picture.read_bytes().startswith(b"\x89PNG")
    last = Choice(curves[-1].method, 1280)  # of whatever is finished there is the photo through all features
    assert "All 1,280 features" in markup.found(job, last)
