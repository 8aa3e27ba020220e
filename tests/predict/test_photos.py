"""Many photos at once: the same answers as alone, in the given order, and nothing that one photo does to the others."""

import csv
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dance_demo.errors import DatasetError, ModelError
from dance_demo.files.photo import open_photo
from dance_demo.files.zip_archive import ArchiveLimits
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.jobs.progress import Progress, never
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.predict import photos as many_photos
from dance_demo.predict.photos import GONE, ClassifierSpec, Upload, classify_many
from dance_demo.predict.rows import UNREADABLE, Answers, Row, tally
from dance_demo.ui.many import markup as many_markup
from tests.conftest import TINY_CLASSES
from tests.support.hostile import HOSTILE, as_file_names
from tests.support.made_up import Member, jpeg, make_zip, write_files

PLENTY_S = 600.0
NAMED_WITHIN_S = 120  # on a busy machine; else it takes 2


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
    *_, answers = classify_many(directory, never, ClassifierSpec.of(classifier), uploads, seconds)
    return answers


# --- the answers -------------------------------------------------------------------------------------------


def test_each_photo_gets_in_a_child_process_exactly_the_answer_that_it_gets_alone(tiny, tmp_path):
    uploads = uploads_of(tmp_path / "uploads", {f"{seed}.jpg": jpeg(seed) for seed in range(4)})
    jobs = JobManager(tmp_path / "jobs", name="Naming your photos", limits=JobLimits(standby_s=0))
    try:
        job = jobs.start(classify_many, ClassifierSpec.of(tiny), uploads, PLENTY_S, owner="me")
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
    spec = ClassifierSpec.of(tiny)
    spec.backbone.write_bytes(spec.backbone.read_bytes() + b"x")
    with pytest.raises(ModelError, match="fitted on backbone"):
        list(classify_many(tmp_path / "job", never, spec, uploads_of(tmp_path / "up", {"a.jpg": jpeg(0)}), PLENTY_S))


def test_the_order_is_the_given_one_and_a_broken_photo_stops_nothing(tiny, tmp_path):
    archive = zip_of(
        tmp_path / "all.zip",
        {"z/2.jpg": jpeg(2), "a.txt": b"no photo", "broken.jpg": jpeg(3)[:200], "b.jpg": jpeg(4), "liar.jpg": b"hello"},
    )
    first, last = uploads_of(tmp_path / "up", {"last one.jpg": jpeg(0), "b.jpg": jpeg(1)})
    gone = Upload("gone.jpg", tmp_path / "up" / "gone.jpg")
    rows = named(tmp_path / "job", tiny, first, gone, archive, last).rows()
    assert [row.index for row in rows] == list(range(8))
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
    files = {"=cmd.jpg": jpeg(0), "ध.jpg": jpeg(1), "@SUM(A1).jpg": b""}
    answers = named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", files))
    assert answers.csv.read_bytes().startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(answers.csv.read_text(encoding="utf-8-sig").splitlines()))
    assert [line["file"] for line in table] == ["'=cmd.jpg", "ध.jpg", "'@SUM(A1).jpg"]
    best = answers.rows()[0].predictions[0]
    assert (table[0]["label_1"], table[0]["probability_1"]) == (best.label, f"{best.probability:.4f}")
    assert table[2]["label_1"] == table[2]["sure"] == "" and "empty" in table[2]["note"]


def test_what_is_kept_of_a_photo_is_small(tiny, tmp_path):
    from tests.support.made_up import photo

    answers = named(tmp_path / "job", tiny, *uploads_of(tmp_path / "up", {"a.jpg": jpeg(photo(0, size=(1500, 900)))}))
    (row,) = answers.rows()
    assert answers.photo(row).size == (640, 384)
    assert len(answers.thumbnail(row)) < 6_000


# --- the end -----------------------------------------------------------------------------------------------


def test_stop_keeps_what_is_done_so_far(tiny, tmp_path):
    uploads = uploads_of(tmp_path / "up", {f"{seed}.jpg": jpeg(seed) for seed in range(6)})
    stop = threading.Event()
    events = []
    for event in classify_many(tmp_path / "job", stop.is_set, ClassifierSpec.of(tiny), uploads, PLENTY_S):
        events.append(event)
        if isinstance(event, Progress) and event.done == 3:
            stop.set()
    answers = events[-1]
    assert (answers.n, answers.total, answers.late) == (3, 6, False)
    assert [row.name for row in answers.rows()] == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(answers.csv.read_text(encoding="utf-8-sig").splitlines()) == 4


def test_stop_does_not_wait_for_a_photo_that_takes_long(tiny, tmp_path, monkeypatch):
    uploads = uploads_of(tmp_path / "up", {"a.jpg": jpeg(0), "b.jpg": jpeg(1)})
    stop, go_on = threading.Event(), threading.Event()
    quick = many_photos._row

    def slow(classifier: Classifier, index: int, *rest: Any) -> Row:
        if index:
            stop.set()
            go_on.wait(30)
        return quick(classifier, index, *rest)

    monkeypatch.setattr(many_photos, "_row", slow)
    started_s = time.monotonic()
    *_, answers = classify_many(tmp_path / "job", stop.is_set, ClassifierSpec.of(tiny), uploads, PLENTY_S)
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
    with pytest.raises(DatasetError, match=r"a.zip: no photos found. Left out: a.txt \(not a kind of file.* as JPEG"):
        named(tmp_path / "job", tiny, zip_of(tmp_path / "a.zip", {"a.txt": b"x"}))


def test_a_zip_of_stand_ins_alone_says_where_the_photos_are(tiny, tmp_path):
    archive = zip_of(tmp_path / "b.zip", {f".{n}.jpg.icloud": b"bplist00" for n in range(2)})
    with pytest.raises(DatasetError, match="b.zip: no photos found. 2 photos are in iCloud, and only stand-ins"):
        named(tmp_path / "job", tiny, archive)


def test_what_was_assumed_of_names_in_a_zip_is_said(tiny, tmp_path):
    archive = Upload("a.zip", tmp_path / "a.zip")
    names = ("古典舞/1.jpg".encode("gb18030"), "卡塔克/2.jpg".encode("gb18030"), b".3.jpg.icloud")
    archive.path.write_bytes(make_zip([Member(name, jpeg(n)) for n, name in enumerate(names)]))
    answers = named(tmp_path / "job", tiny, archive)
    assert [row.name for row in answers.rows()] == ["古典舞/1.jpg", "卡塔克/2.jpg"]
    page = many_markup.headline(answers, tally(answers.rows()), SimpleNamespace(name="Tiny"), own=False)
    assert "in which code page its names are written; taken for gb18030 (Simplified Chinese)." in page
    assert "1 hidden files" in page and "1 photos are in iCloud" in page


def test_photos_in_a_zip_whose_names_have_no_ending_are_named(tiny, tmp_path):
    files = {"IMG_1": jpeg(0), "b.jpg_large": jpeg(1), "notes": b"x"}
    rows = named(tmp_path / "job", tiny, zip_of(tmp_path / "a.zip", files)).rows()
    assert [(row.name, bool(row.problem)) for row in rows] == [
        ("IMG_1", False),
        ("b.jpg_large", False),
        ("notes", True),
    ]


def test_a_zip_that_is_no_longer_there_is_asked_for_again(tiny, tmp_path):
    with pytest.raises(DatasetError, match="upload it again"):
        named(tmp_path / "job", tiny, Upload("a.zip", tmp_path / "a.zip"))


def test_more_photos_than_the_limit_are_refused_before_one_is_opened(tiny, tmp_path):
    most = ArchiveLimits().files
    with pytest.raises(DatasetError, match=f"{most + 1:,} photos; the limit is {most:,}"):
        named(tmp_path / "job", tiny, *(Upload(f"{n}.jpg", tmp_path / "none") for n in range(most + 1)))


def test_S1_hostile_names_of_files_in_a_zip_become_rows(tiny, tmp_path):
    small = jpeg(0)
    answers = named(tmp_path / "job", tiny, zip_of(tmp_path / "a.zip", {name: small for name in as_file_names()}))
    rows = answers.rows()
    hidden = [name for name in as_file_names() if name.startswith(".")]  # as those that a Mac leaves behind
    assert len(rows) == len(HOSTILE) - len(hidden)
    assert sum(row.kind == UNREADABLE for row in rows) <= 2  # a backslash in a name is refused
