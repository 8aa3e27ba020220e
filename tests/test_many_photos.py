"""Many photos at once: the same answers as alone, in the given order, and nothing that one photo does to the others."""

import csv
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from hostile import HOSTILE, Skeleton, as_file_names
from made_up import jpeg, write_files

from dance_demo import many_photos
from dance_demo.archive import ArchiveLimits
from dance_demo.classifier import Classifier, Prediction
from dance_demo.errors import DatasetError, ModelError
from dance_demo.familiarity import UNCLEAR as UNCLEAR_NOTE
from dance_demo.familiarity import UNFAMILIAR
from dance_demo.intake import Checking
from dance_demo.jobs import JobLimits, Jobs
from dance_demo.many_photos import (
    ALL,
    GONE,
    STRANGE,
    UNCLEAR,
    UNREADABLE,
    Answers,
    Namer,
    Row,
    Upload,
    chosen,
    enough,
    name_many,
    of_class,
    tally,
)
from dance_demo.model_store import load_card, load_classifier, save_model
from dance_demo.photos import open_photo
from dance_demo.ui import many_markup, many_tab
from dance_demo.ui.classify_tab import ClassifyTab, Model
from dance_demo.ui.job_watch import NO_JOB, Pace
from dance_demo.ui.many_tab import ROWS_SHOWN, ManyTab
from tests.conftest import TINY_CLASSES
from tests.event_loop import run_alone

PLENTY_S = 600.0
NAMED_WITHIN_S = 120  # on a busy machine; else it takes 2


def never() -> bool:
    return False


@pytest.fixture
def tiny(tiny_model: Path) -> Classifier:
    return load_classifier(tiny_model)


def uploads_of(folder: Path, files: dict[str, bytes]) -> tuple[Upload, ...]:
    write_files(folder, files)
    return tuple(Upload(name, folder / name) for name in files)


def zip_of(path: Path, files: dict[str, bytes]) -> Upload:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return Upload(path.name, path)


def named(directory: Path, classifier: Classifier, *uploads: Upload, seconds: float = PLENTY_S) -> Answers:
    *_, answers = name_many(directory, never, Namer.of(classifier), uploads, seconds)
    return answers


# --- the answers -------------------------------------------------------------------------------------------


def test_each_photo_gets_in_a_child_process_exactly_the_answer_that_it_gets_alone(tiny, tmp_path):
    uploads = uploads_of(tmp_path / "uploads", {f"{seed}.jpg": jpeg(seed) for seed in range(4)})
    jobs = Jobs(tmp_path / "jobs", name="Naming your photos", limits=JobLimits(standby_s=0))
    try:
        job = jobs.start(name_many, Namer.of(tiny), uploads, PLENTY_S, owner="me")
        assert job.wait(NAMED_WITHIN_S) and job.state == "done", job.problem
        for row, upload in zip(job.result.rows(), uploads, strict=True):
            alone = tiny.classify(open_photo(upload.path))
            assert row.predictions == alone.predictions[:3]  # to the last digit
            assert (row.sure, row.note) == (alone.sure, alone.note)
            assert abs(row.heatmap - tiny.heatmap(alone, alone.top.label)).max() <= 0.5 / 255 + 1e-6
    finally:
        jobs.close()


@pytest.mark.slow
def test_the_model_that_ships_gives_the_same_answers_too(classifier, shared, tmp_path):
    photos = sorted((shared / "data" / "dance" / "train").glob("*.jpg"))[:24]
    answers = named(tmp_path / "job", classifier, *(Upload(path.name, path) for path in photos))
    for row, path in zip(answers.rows(), photos, strict=True):
        alone = classifier.classify(open_photo(path))
        assert (row.predictions, row.sure, row.note) == (alone.predictions[:3], alone.sure, alone.note)


def test_a_network_that_was_exchanged_meanwhile_is_refused(tiny, tmp_path):
    namer = Namer.of(tiny)
    namer.backbone.write_bytes(namer.backbone.read_bytes() + b"x")
    with pytest.raises(ModelError, match="fitted on backbone"):
        list(name_many(tmp_path / "job", never, namer, uploads_of(tmp_path / "up", {"a.jpg": jpeg(0)}), PLENTY_S))


def test_the_order_is_the_given_one_and_a_broken_photo_stops_nothing(tiny, tmp_path):
    archive = zip_of(
        tmp_path / "all.zip",
        {"z/2.jpg": jpeg(2), "a.txt": b"no photo", "broken.jpg": jpeg(3)[:200], "b.jpg": jpeg(4), "liar.jpg": b"hello"},
    )
    first, last = uploads_of(tmp_path / "up", {"last one.jpg": jpeg(0), "b.jpg": jpeg(1)})
    gone = Upload("gone.jpg", tmp_path / "up" / "gone.jpg")
    rows = named(tmp_path / "job", tiny, first, gone, archive, last).rows()
    assert [row.place for row in rows] == list(range(8))
    assert [(row.name, row.kind == UNREADABLE) for row in rows] == [
        ("last one.jpg", False), ("gone.jpg", True), ("z/2.jpg", False), ("broken.jpg", True), ("b.jpg", False),
        ("liar.jpg", True), ("a.txt", True), ("b.jpg", False),
    ]  # fmt: skip
    problems = {row.name: row.problem for row in rows if row.problem}
    assert problems["gone.jpg"] == GONE
    assert problems["broken.jpg"].startswith("the photo is incomplete")
    assert problems["liar.jpg"].startswith("this is a text file")
    assert problems["a.txt"] == "not a kind of file that is read here (.txt)"


def test_the_csv_opens_in_a_spreadsheet_and_starts_no_formula_there(tiny, tmp_path):
    files = {"=cmd.jpg": jpeg(0), "ध.jpg": jpeg(1), "@broken.jpg": b""}
    answers = named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", files))
    assert answers.csv.read_bytes().startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(answers.csv.read_text(encoding="utf-8-sig").splitlines()))
    assert [line["file"] for line in table] == ["'=cmd.jpg", "ध.jpg", "'@broken.jpg"]
    best = answers.rows()[0].predictions[0]
    assert (table[0]["label_1"], table[0]["probability_1"]) == (best.label, f"{best.probability:.4f}")
    assert table[2]["label_1"] == table[2]["sure"] == "" and "empty" in table[2]["note"]


def test_what_is_kept_of_a_photo_is_small(tiny, tmp_path):
    from tests.made_up import photo

    answers = named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", {"a.jpg": jpeg(photo(0, size=(1500, 900)))}))
    (row,) = answers.rows()
    assert answers.photo(row).size == (640, 384)
    assert len(answers.thumbnail(row)) < 6_000


# --- the end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["enough", "stop"])
def test_stop_keeps_what_is_done_so_far(tiny, tmp_path, way):
    uploads = uploads_of(tmp_path / "up", {f"{seed}.jpg": jpeg(seed) for seed in range(6)})
    stop = threading.Event()
    events = []
    for event in name_many(tmp_path / "job", stop.is_set, Namer.of(tiny), uploads, PLENTY_S):
        events.append(event)
        if isinstance(event, Checking) and event.done == 3:
            enough(tmp_path / "job") if way == "enough" else stop.set()
    answers = events[-1]
    assert (answers.n, answers.total, answers.late) == (3, 6, False)
    assert [row.name for row in answers.rows()] == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(answers.csv.read_text(encoding="utf-8-sig").splitlines()) == 4


def test_stop_does_not_wait_for_a_photo_that_takes_long(tiny, tmp_path, monkeypatch):
    uploads = uploads_of(tmp_path / "up", {"a.jpg": jpeg(0), "b.jpg": jpeg(1)})
    stop, go_on = threading.Event(), threading.Event()
    quick = many_photos._row

    def slow(classifier: Classifier, place: int, *rest: Any) -> Row:
        if place:
            stop.set()
            go_on.wait(30)
        return quick(classifier, place, *rest)

    monkeypatch.setattr(many_photos, "_row", slow)
    started_s = time.monotonic()
    *_, answers = name_many(tmp_path / "job", stop.is_set, Namer.of(tiny), uploads, PLENTY_S)
    took_s = time.monotonic() - started_s
    go_on.set()
    assert answers.n == 1 and took_s < 10


def test_when_the_time_is_over_what_is_done_stays(tiny, tmp_path):
    answers = named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", {"a.jpg": jpeg(0)}), seconds=-1)
    assert (answers.n, answers.rows()) == (0, [])
    assert "The time was over" in many_markup.headline(
        Answers(tmp_path, TINY_CLASSES, 1, 2, 3.0, late=True), tally([]), SimpleNamespace(name="Tiny"), own=False
    )


# --- refused as a whole ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.zip": b"not a zip"}, "this is not a complete zip file"),
        ({"a.zip": b"", "b.zip": b""}, "Put all photos into one zip"),
        ({}, "No photos found"),
    ],
)
def test_what_cannot_be_begun_is_told_in_a_sentence(tiny, tmp_path, files, sentence):
    with pytest.raises(DatasetError, match=sentence):
        named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", files))


def test_a_zip_without_photos_says_what_was_in_it(tiny, tmp_path):
    with pytest.raises(DatasetError, match=r"No photos found. Left out: a.txt \(not a kind of file"):
        named(tmp_path / "job", tiny, zip_of(tmp_path / "a.zip", {"a.txt": b"x"}))


def test_a_zip_that_is_no_longer_there_is_asked_for_again(tiny, tmp_path):
    with pytest.raises(DatasetError, match="upload it again"):
        named(tmp_path / "job", tiny, Upload("a.zip", tmp_path / "a.zip"))


def test_more_photos_than_the_limit_are_refused_before_one_is_opened(tiny, tmp_path):
    most = ArchiveLimits().files
    with pytest.raises(DatasetError, match=f"{most + 1:,} photos; the limit is {most:,}"):
        named(tmp_path / "job", tiny, *(Upload(f"{n}.jpg", tmp_path / "none") for n in range(most + 1)))


# --- rows and filters --------------------------------------------------------------------------------------


def row(place: int = 0, name: str = "a.jpg", label: str = "odissi", **about: Any) -> Row:
    predictions = (Prediction(label, 0.1 + 0.2), Prediction("kathak", 1 / 3))
    return Row(place, name, **{"predictions": predictions, "sure": True, "heat": ((0, 255), (7, 1)), **about})


ROWS = [
    row(0, "stage/One.jpg"),
    row(1, "two.jpg", label="kathak"),
    row(2, "stage/three.jpg", sure=False, note=UNCLEAR_NOTE),
    row(3, "shoe.jpg", sure=False, note=UNFAMILIAR),
    Row(4, "broken.jpg", problem="it is broken"),
    row(5, "five.jpg", label="kathak"),
]


@pytest.mark.parametrize("one", ROWS)
def test_a_row_comes_back_from_its_line_as_it_went(one):
    assert Row.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("filter", "words", "places"),
    [
        (ALL, "", [0, 1, 2, 3, 4, 5]),
        (of_class("odissi"), "", [0]),
        (of_class("kathak"), "five", [5]),
        (UNCLEAR, "", [2]),
        (STRANGE, "", [3]),
        (UNREADABLE, "", [4]),
        (ALL, " STAGE/o", [0]),
        (of_class("salsa"), "", []),
        ("junk", "", []),
    ],
)
def test_filters_find_what_they_say(filter, words, places):
    assert [one.place for one in chosen(ROWS, filter, words)] == places


def test_the_tally_counts_what_the_filters_find():
    found = tally(ROWS)
    assert {filter: len(chosen(ROWS, filter)) for filter in found} == dict(found)
    assert sum(found.values()) == len(ROWS)


# --- the page ----------------------------------------------------------------------------------------------


@pytest.fixture
def tab(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyTab]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setattr(many_tab, "JOBS", tmp_path / "jobs")

    async def made() -> ManyTab:
        with gr.Blocks(analytics_enabled=False):
            return ManyTab(ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))

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
    return SimpleNamespace(session_hash=name)


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
    from dance_demo.head import Head
    from dance_demo.model_store import HEAD

    head = Head.from_npz_bytes(tiny_files[HEAD])
    own_head = Head(names, head.weight[:, ::-1], head.bias[::-1], head.temperature, head.backbone_sha256)
    save_model(tmp_path / "own", {**tiny_files, HEAD: own_head.to_npz_bytes()}, name="Own", class_names=names)
    own = Model(load_classifier(tmp_path / "own"), load_card(tmp_path / "own"))
    assert "Your own model answers here, too" in tab.show_model(own) and tab.show_model(None) == ""
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
        assert 'data-place="0"' in tab.turn_page(click(junk), id, ALL, "")[tab.table]
        assert tab.show_large(click(junk), id)[tab.large] == ""
        assert tab.turn_sheet(click(junk), id, ALL, None)[tab.sheet]["value"].endswith("contact sheet 1.jpg")
    assert "<bdi>?.jpg</bdi>" in tab.show_large(click(0), id)[tab.large]
    assert "could be read" in tab.show_sheet(id, UNREADABLE, "")[tab.notice]


def test_stop_is_heard_by_the_job_whatever_it_is_doing(tab, upload, monkeypatch):
    monkeypatch.setattr("dance_demo.job.GRACE_S", 0.0)  # a machine so busy that nothing is saved in time
    files = [upload(f"{n}.jpg", jpeg(n)) for n in range(30)]
    id = tab.start(files, None, visitor())[tab.job_id]
    job = tab.jobs.find(id)
    give_up_s = time.monotonic() + NAMED_WITHIN_S
    while job.active and not any(getattr(event, "done", 0) for event in job.events) and time.monotonic() < give_up_s:
        time.sleep(0.01)
    tab.stop_job(id)
    assert job.wait(NAMED_WITHIN_S) and job.state == "done"
    assert 1 <= job.result.n <= 30 and len(job.result.rows()) == job.result.n
    tab.stop_job(id)  # too late, and no harm


def test_of_many_rows_a_page_shows_fifty(tab, tmp_path):
    rows = [row(place, f"{place}.jpg") for place in range(2 * ROWS_SHOWN + 1)]
    answers = Answers(tmp_path, ("odissi",), len(rows), len(rows), 1.0, late=False)
    for page, n in ((0, ROWS_SHOWN), (2, 1)):
        shown = tab._page(answers, rows, page)
        assert shown[tab.table].count("data-place") == n
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
            + many_markup.large(one, name, name, (b"a", b"b"))
            + many_markup.headline(answers, found, card, own=False)
            + many_markup.who_answers(card)
        )

    assert Skeleton(html(text)).elements == Skeleton(html("kathak dance")).elements
    assert any(text in shown for shown in Skeleton(html(text)).texts)


def test_S1_hostile_names_of_files_in_a_zip_become_rows(tiny, tmp_path):
    small = jpeg(0)
    answers = named(tmp_path / "job", tiny, zip_of(tmp_path / "a.zip", {name: small for name in as_file_names()}))
    rows = answers.rows()
    hidden = [name for name in as_file_names() if name.startswith(".")]  # as those that a Mac leaves behind
    assert len(rows) == len(HOSTILE) - len(hidden)
    assert sum(row.kind == UNREADABLE for row in rows) <= 2  # a backslash in a name is refused
