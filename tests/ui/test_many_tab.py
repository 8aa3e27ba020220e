"""The tab "Many photos": its answers come from a job, which a visitor watches, stops and looks through."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from dance_demo.files.photo import open_photo
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.model.directory import HEAD, load_card, save_model
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.predict.rows import ALL, UNREADABLE, Answers, Row, tally
from dance_demo.ui.classify.markup import own_model_line
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import NO_JOB, Pace
from dance_demo.ui.components.model import Model
from dance_demo.ui.many import markup as many_markup
from dance_demo.ui.many.tab import ROWS_SHOWN, ManyTab
from tests.conftest import TINY_CLASSES
from tests.predict.test_rows import row
from tests.support.event_loop import run_alone
from tests.support.hostile import HOSTILE, Skeleton
from tests.support.made_up import jpeg, write_files
from tests.support.requests import request_of

NAMED_WITHIN_S = 120  # on a busy machine; else it takes 2


@pytest.fixture
def tab(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyTab]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    jobs = JobManager(tmp_path / "jobs", at_once=2, name="Naming your photos", limits=JobLimits(kept_per_owner=1))

    async def made() -> ManyTab:
        with gr.Blocks(analytics_enabled=False) as page:
            tab = ManyTab(page, jobs, ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
            tab.lay_out()
        return tab

    tab = run_alone(made())
    yield tab
    tab.jobs.close()


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[str, bytes], tuple[str, str]]:
    """Puts a file where uploads lie: (path, name) as the box gives it."""

    def uploaded(name: str, data: bytes) -> tuple[str, str]:
        folder = write_files(tmp_path / "uploads" / f"{len(list((tmp_path).rglob('*')))}", {"file.jpg": data})
        return str(folder / "file.jpg"), name

    return uploaded


def visitor(name: str = "a") -> Any:
    return request_of(name)


def click(index: Any) -> Any:
    return SimpleNamespace(index=index)


def finish(tab: ManyTab, updates: dict) -> tuple[str, dict]:
    """The id of a job and what the page shows at its end."""
    assert tab.job_id in updates, updates[tab.notice]
    id = updates[tab.job_id]
    assert tab.jobs.find(id).wait(NAMED_WITHIN_S)
    return id, tab.watch(id, Pace())


def test_a_visitors_own_head_answers_and_the_page_says_so(tab, upload, tiny_files, tmp_path):
    names = tuple(f"own {name}" for name in TINY_CLASSES)
    head = Head.from_npz_bytes(tiny_files[HEAD])
    own_head = Head(names, head.weight[:, ::-1], head.bias[::-1], head.temperature, head.backbone_sha256)
    save_model(tmp_path / "own", {**tiny_files, HEAD: own_head.to_npz_bytes()}, name="Own", class_names=names)
    own = Model(load_classifier(tmp_path / "own"), load_card(tmp_path / "own"))
    assert "Your own model answers here, too" in own_model_line(own) and own_model_line(None) == ""
    files = [upload("a.jpg", jpeg(0))]
    for model, who in ((own, "Your own model"), (None, "Tiny")):
        id, shown = finish(tab, tab.start(files, model, visitor()))
        assert f"Answered by {who}" in shown[tab.headline]
        (answered,) = tab.jobs.find(id).result.rows()
        alone = (model or tab.classify.shipped).classifier.classify(open_photo(files[0][0]))
        assert answered.predictions == alone.predictions[:3]


def test_S9_junk_from_a_browser_is_answered_with_a_sentence_or_the_first_page(tab, upload):
    for junk in (7, "x", {}, [], "0" * 32):
        assert "no longer kept" in tab.show_filtered(junk, ALL, "")[tab.notice]
        assert "no longer kept" in tab.show_large(click(0), junk)[tab.notice]
    assert "upload the picture again" in tab.start([("/etc/passwd", "a.jpg")], None, visitor())[tab.notice]
    id, _ = finish(tab, tab.start([upload("../../\ud800.jpg", jpeg(0))], None, visitor()))
    for junk in (None, -1, 10**9, "x", {}, 2.5):
        assert 'data-index="0"' in tab.turn_page(click(junk), id, ALL, "")[tab.table]
        assert tab.show_large(click(junk), id)[tab.large] == ""
        assert tab.turn_sheet(click(junk), id, ALL, None)[tab.sheet]["value"].endswith("contact sheet 1.jpg")
    assert "<bdi>?.jpg</bdi>" in tab.show_large(click(0), id)[tab.large]
    assert "could be read" in tab.show_sheet(id, UNREADABLE, "")[tab.notice]


def test_stop_is_heard_by_the_job_whatever_it_is_doing(tab, upload, monkeypatch):
    monkeypatch.setattr("dance_demo.jobs.job.GRACE_S", 0.0)  # a machine so busy that nothing is saved in time
    files = [upload(f"{n}.jpg", jpeg(n)) for n in range(30)]
    id = tab.start(files, None, visitor())[tab.job_id]
    job = tab.jobs.find(id)
    give_up_s = time.monotonic() + NAMED_WITHIN_S
    while job.active and not any(getattr(event, "done", 0) for event in job.events) and time.monotonic() < give_up_s:
        time.sleep(0.01)
    tab.stop(id)
    assert job.wait(NAMED_WITHIN_S) and job.state == "done"
    assert 1 <= job.result.n <= 30 and len(job.result.rows()) == job.result.n
    tab.stop(id)  # too late, and no harm


def test_of_many_rows_a_page_shows_fifty(tab, tmp_path):
    rows = [row(index, f"{index}.jpg") for index in range(2 * ROWS_SHOWN + 1)]
    answers = Answers(tmp_path, ("odissi",), len(rows), len(rows), 1.0, late=False)
    for page, n in ((0, ROWS_SHOWN), (2, 1)):
        shown = tab._page(answers, rows, page)
        assert shown[tab.table].count("data-index") == n
        assert f"Page {page + 1} of 3" in shown[tab.pager]


def test_two_visitors_name_their_photos_at_the_same_time_and_one_visitor_once(tab, upload):
    files = [upload("a.jpg", jpeg(0))]
    first, again, other = (tab.start(files, None, visitor(who))[tab.job_id] for who in "aab")
    assert first == again != other
    for id in (first, other):
        assert tab.jobs.find(id).wait(NAMED_WITHIN_S)
    over = tab.start_over(first)
    assert over[tab.job_id] == NO_JOB and tab.jobs.find(first) is None and tab.jobs.find(other)


@pytest.mark.parametrize("text", HOSTILE)
def test_S1_hostile_names_are_text_in_the_table_and_in_the_large_view(text, tmp_path):
    def html(name: str) -> str:
        one = row(name=name, label=name, sure=False, note=name)
        bad = Row(1, name, problem=name)
        answers = Answers(tmp_path, (name,), 2, 2, 1.0, late=False)
        found = tally([row(label=name), bad])
        card = SimpleNamespace(name=name, class_names=(name,))
        return (
            many_markup.table(answers, [one, bad], first=0, total=2)
            + many_markup.large(one, name, name, ("a", "b"))
            + many_markup.headline(answers, found, card, own=False)
            + render("base.own_model", card=card)
        )

    assert Skeleton(html(text)).elements == Skeleton(html("kathak dance")).elements
    assert any(text in shown for shown in Skeleton(html(text)).texts)
