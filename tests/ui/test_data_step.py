"""Step 1 of "Train your own": the check in a child process, what the page says, and the way of a visitor."""

import csv
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from dance_demo.data import intake
from dance_demo.data.checks import DataWarning, overlap_warnings
from dance_demo.data.dataset import IntakeReport, LabeledPhoto, PhotoDataset
from dance_demo.data.intake import Prepared, TypedClass, check_classes, check_sample, check_zip
from dance_demo.data.samples import copy_groups, sample_indices
from dance_demo.data.sound.talas import SOURCES
from dance_demo.errors import DatasetError
from dance_demo.files.zip_archive import SkippedFile
from dance_demo.jobs.manager import JobManager
from dance_demo.jobs.progress import Progress, never
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.training.quick import QuickHeads
from dance_demo.ui.components.job_step import NO_JOB, Pace
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.train import data_markup
from dance_demo.ui.train.data_report import skipped_csv
from dance_demo.ui.train.data_step import DataStep
from dance_demo.ui.train.typed_classes import with_class, without_class
from tests.support.event_loop import run_alone
from tests.support.hostile import HOSTILE, Skeleton
from tests.support.made_up import jpeg, write_files
from tests.support.requests import request_of

PHOTOS = [jpeg(seed) for seed in range(12)]
FOLDERS = {f"{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": PHOTOS[seed] for seed in range(12)}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


# --- in the child process ----------------------------------------------------------------------------------


def test_a_zip_becomes_a_dataset_with_small_pictures_of_it(tmp_path):
    archive = make_zip(tmp_path / "dances.zip", FOLDERS)
    *before, prepared = check_zip(tmp_path / "job", never, archive)
    assert prepared.report.class_counts == {"kathak": 6, "odissi": 6}
    assert all(photo.path.is_relative_to(tmp_path / "job") for photo in prepared.dataset.photos)
    assert set(prepared.thumbnails) == set(range(12))
    assert all(data.startswith(b"\xff\xd8") and len(data) < 10_000 for data in prepared.thumbnails.values())
    assert all(isinstance(event, Progress) for event in before)


def test_how_far_it_is_counts_up_in_each_phase():
    heard = intake._Heard(("Unpacking", "Reading"), never)
    for done, total in ((1, 3), (3, 3), (1, 2), (2, 2)):
        heard.progress(done, total)
        last = heard.latest
        assert (last.done, last.total) == (done, total)
        assert last.text == ("Unpacking" if total == 3 else "Reading")


def test_a_check_that_is_stopped_ends_without_a_dataset(tmp_path):
    archive = make_zip(tmp_path / "dances.zip", FOLDERS)
    events = list(check_zip(tmp_path / "job", lambda: True, archive))
    assert not any(isinstance(event, Prepared) for event in events)


def test_typed_classes_are_copied_because_uploads_do_not_stay(tmp_path):
    uploads = write_files(tmp_path / "uploads", {f"{seed}/shot.jpg": PHOTOS[seed] for seed in range(4)})
    shots = [uploads / str(seed) / "shot.jpg" for seed in range(4)]
    gone = uploads / "9" / "old.jpg"
    classes = (TypedClass("a/b", (*shots[:2], gone)), TypedClass("c", tuple(shots[2:])))
    *_, prepared = check_classes(tmp_path / "job", never, classes)
    for shot in shots:
        shot.unlink()
    assert [photo.name for photo in prepared.dataset.photos] == [
        "a/b/shot.jpg", "a/b/shot (2).jpg", "c/shot.jpg", "c/shot (2).jpg",
    ]  # fmt: skip
    assert prepared.dataset.labels == ("a/b", "a/b", "c", "c")
    assert all(photo.path.is_file() for photo in prepared.dataset.photos)
    assert [file.name for file in prepared.report.skipped] == ["a/b/old.jpg"]


def test_photos_of_a_recording_are_one_group_and_a_class_needs_two_of_them(tmp_path):
    uploads = write_files(tmp_path / "uploads", {f"{seed}/001.jpg": PHOTOS[seed] for seed in range(12)})
    shots = [uploads / str(seed) / "001.jpg" for seed in range(12)]
    twice = TypedClass("twice", tuple(shots[:6]), (range(3), range(3, 5)))
    once = TypedClass("once", tuple(shots[6:]), (range(6),))
    *_, prepared = check_classes(tmp_path / "job", never, (twice, once, TypedClass("empty", ())))
    dataset, report = prepared.dataset, prepared.report
    assert dataset.groups == (0, 0, 0, 1, 1, 2, *[3] * 6)
    assert dataset.photos[3].name == "twice/recording 2/001.jpg" and dataset.photos[5].recording == ""
    assert dataset.copies == [] and "photos of one recording" in dataset.kept_together
    assert report.problems == (
        "Recorded only once: once. Photos of one recording cannot judge each other: hold the button again.",
    )
    told = [str(warning) for warning in report.warnings]
    assert "empty has no photos, so it is no class." in told and any("3 recordings." in words for words in told)


def test_typed_classes_whose_photos_are_all_gone_say_so(tmp_path):
    with pytest.raises(DatasetError, match="no longer kept here. Please add them again"):
        list(check_classes(tmp_path / "job", never, (TypedClass("a", (tmp_path / "old.jpg",)),)))


def test_the_sample_is_drawn_once_and_then_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "SAMPLE_PER_CLASS", 1)
    *_, first = check_sample(tmp_path / "1", never, tmp_path / "cache")
    monkeypatch.setattr(intake, "draw_dataset", None)  # would raise if it were called
    *_, second = check_sample(tmp_path / "2", never, tmp_path / "cache")
    assert first.report.kept == second.report.kept == 8
    assert [photo.path for photo in first.dataset.photos] == [photo.path for photo in second.dataset.photos]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [intake.SAMPLE_FOLDER]


def test_the_sample_needs_no_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "SAMPLE_PER_CLASS", 1)
    (tmp_path / "cache").write_text("a file where the folder should be")
    *_, prepared = check_sample(tmp_path / "job", never, tmp_path / "cache")
    assert prepared.report.kept == 8
    assert all(photo.path.is_relative_to(tmp_path / "job") for photo in prepared.dataset.photos)


def test_copies_under_two_labels_come_first_and_samples_are_spread(tmp_path):
    dataset = a_dataset([("a", 0), ("a", 0), ("a", 1), ("b", 2), ("b", 1), *(("b", 10 + i) for i in range(20))])
    assert copy_groups(dataset) == [(2, 4), (0, 1)]
    samples = sample_indices(dataset)
    assert samples["a"] == (0, 1, 2)
    assert (samples["b"][0], samples["b"][-1], len(samples["b"])) == (3, 24, 6)


def test_photos_that_the_bundled_model_has_seen_are_warned_of():
    assert overlap_warnings([]) == []
    (warning,) = overlap_warnings([f"{i}.jpg" for i in range(212)])
    assert warning.text == "212 of your photos were used to train the bundled model; a score on them says nothing."
    assert "One of your photos was used" in overlap_warnings(["1.jpg"])[0].text


# --- classes typed in --------------------------------------------------------------------------------------


def test_more_photos_of_the_same_name_join_the_class():
    classes = with_class((), " Kathak ", [Path("1")])
    classes = with_class(classes, "kathak", [Path("2")])
    assert classes == (TypedClass("Kathak", (Path("1"), Path("2"))),)
    assert with_class(classes, "kathak\u200b", [Path("3")])[0].photos[2:] == (Path("3"),)
    gardens = with_class((), "Boat garden 50", [Path("1")])
    assert [kind.name for kind in with_class(gardens, "boat-garden_50", [Path("2")])] == ["Boat garden 50"]
    assert len(with_class(gardens, "Boat garden 5", [Path("2")])) == 2
    assert without_class(classes, 0) == ()
    assert without_class(classes, None) == without_class(classes, "0") == classes


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("", 1, "Type a name"),
        ("\u200b \u202e", 1, "Type a name"),
        ("x" * 101, 1, "the limit is 100"),
        ("kathak", 5001, "the limit is 5,000"),
    ],
)
def test_a_class_that_cannot_be_taken_says_what_to_do(name, count, message):
    with pytest.raises(DatasetError, match=message):
        with_class((), name, [Path(str(i)) for i in range(count)])


def test_a_name_alone_makes_a_class_to_be_recorded_once():
    classes = with_class((), "cup", [])
    assert classes == (TypedClass("cup", ()),)
    with pytest.raises(DatasetError, match="cup is there already. Hold its button to record, or choose photos"):
        with_class(classes, "Cup", [])


def test_a_51st_class_is_refused():
    classes = tuple(TypedClass(str(i), (Path("1"),)) for i in range(50))
    with pytest.raises(DatasetError, match="50 classes already"):
        with_class(classes, "one more", [Path("1")])


# --- what the page says ------------------------------------------------------------------------------------


def a_dataset(labels_and_groups: list[tuple[str, int]], names: list[str] | None = None) -> PhotoDataset:
    photos = [
        LabeledPhoto(Path("x"), label, names[i] if names else f"{i}.jpg", f"{i:064d}")
        for i, (label, _) in enumerate(labels_and_groups)
    ]
    groups = tuple(group for _, group in labels_and_groups)
    return PhotoDataset(tuple(photos), tuple(sorted({label for label, _ in labels_and_groups})), groups)


def a_prepared(text: str, skipped: int = 3) -> Prepared:
    """With this text wherever a text of others can be."""
    dataset = a_dataset([(text, 0), ("b", 0), (text, 1), (text, 1)], [text] * 4)
    files = tuple(SkippedFile(f"{text}{i}", text) for i in range(skipped))
    warnings = (DataWarning(text), DataWarning(text, (text,) * 100))
    report = IntakeReport(text, 4, files, warnings, {text: 3, "b": 1})
    return Prepared(dataset, report, Path("x"), dict.fromkeys(range(4), b"\xff\xd8"))


def everything_said(text: str) -> str:
    prepared = a_prepared(text)
    classes = (TypedClass(text, (Path("x"),)),)
    return "".join(
        (
            data_markup.headline(prepared.report),
            data_markup.findings(prepared),
            data_markup.summary(prepared.report),
            data_markup.samples(prepared),
            data_markup.copies(prepared),
            data_markup.skipped(prepared.report.skipped),
            data_markup.typed_classes(classes, [[b"\xff\xd8"]]),
        )
    )


def test_recordings_are_called_by_their_own_name_wherever_the_dataset_is_shown():
    prepared = a_prepared("adi")
    listened = replace(prepared, dataset=replace(prepared.dataset, sound=SoundSettings()))
    listened = replace(listened, report=replace(prepared.report, noun=listened.dataset.noun))
    for shown, own, other in ((prepared, "4 photos", "piece"), (listened, "4 pieces of sound", "photo")):
        parts = (data_markup.findings(shown), data_markup.samples(shown), data_markup.copies(shown))
        text = "".join((data_markup.headline(shown.report), data_markup.summary(shown.report), *parts))
        assert own in text and other not in re.sub("<img[^>]*>|<[^>]*class=[^>]*>", "", text).lower()
    assert "The same recording under two labels" in data_markup.copies(listened)


def test_our_talas_are_told_with_what_was_read_for_them():
    talas = a_dataset([("adi", 0), ("dadra", 1), ("polka", 2)])
    counts = dict.fromkeys(talas.class_names, 1)
    for sound, told in ((SoundSettings(), True), (None, False)):
        prepared = Prepared(replace(talas, sound=sound), IntakeReport("", 3, (), (), counts), Path("x"))
        shown = data_markup.samples(prepared)
        assert ("Carnatic. Eight beats" in shown, "Hindustani. Six beats" in shown) == (told, told)
        assert shown.count("<a href") == (len(SOURCES) if told else 0)


@pytest.mark.parametrize("text", HOSTILE)
def test_S1_texts_of_others_are_shown_as_text(text):
    plain, hostile = Skeleton(everything_said("plain")), Skeleton(everything_said(text))
    assert sorted(hostile.elements) == sorted(plain.elements)  # classes come in the order of their names
    assert text in "".join(hostile.texts)


def test_10_000_skipped_files_are_a_short_table_and_a_long_csv(uploads):
    files = [SkippedFile(f"=notes/{i}.txt", "not a photo") for i in range(10_000)]
    started = time.perf_counter()
    html, path = data_markup.skipped(files), skipped_csv(files)
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert time.perf_counter() - started < 1
    assert html.count("<tr>") == 1 + data_markup.ROWS_SHOWN
    assert "10,000 files left out, the first 100 of them here" in html
    assert len(rows) == 10_001
    assert rows[1] == ["'=notes/0.txt", "not a photo"]  # D18


def test_long_names_stay_apart_under_the_bars():
    from dance_demo.ui.train.data_report import _short_names

    names = [f"{'x' * 40}{i}" for i in range(12)]
    assert len(set(_short_names(names))) == 12
    assert all(len(name) <= 30 for name in _short_names(names))


def test_the_limits_are_on_the_page():
    assert "Up to 200 MB in a zip, 5,000 files,\n1 GB unpacked" in data_markup.limits()
    assert "2 to 50 classes with at least\n5 photos each" in data_markup.limits()


# --- a visitor's way through -------------------------------------------------------------------------------


@pytest.fixture
def uploads(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def step(tmp_path: Path, uploads: Path, tiny_model: Path, monkeypatch) -> Iterator[DataStep]:
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    jobs = JobManager(tmp_path / "jobs")
    yield run_alone(laid_out(jobs, load_classifier(tiny_model)))
    jobs.close()


async def laid_out(jobs: JobManager, classifier: Classifier) -> DataStep:
    """Async, or Gradio makes event loops for the page that nobody closes."""
    with gr.Blocks(analytics_enabled=False) as page:
        step = DataStep(page, jobs, LiveFrames(classifier), QuickHeads(classifier.backbone))
        step.lay_out()
    return step


def visitor(name: str = "one") -> Any:
    return request_of(name)


def watch_until_over(step: DataStep, job_id: str) -> dict:
    assert step.jobs.find(job_id).wait(60)
    return step.watch(job_id, Pace())


def test_a_visitor_puts_in_a_zip_and_gets_a_dataset(step, uploads):
    archive = make_zip(uploads / "hash" / "dances.zip", FOLDERS)
    started = step.start_zip(str(archive), visitor())
    assert started[step.ways]["visible"] is False
    assert started[step.busy]["visible"] is True
    shown = watch_until_over(step, started[step.job_id])
    assert shown[step.prepared].report.kept == 12
    assert shown[step.found]["visible"] is True
    assert "12 photos in 2 classes" in shown[step.report.headline]
    assert "Ready to train" in shown[step.status]


def test_what_cannot_be_trained_on_is_shown_but_the_way_on_stays_closed(step, uploads):
    archive = make_zip(uploads / "hash" / "few.zip", {name: FOLDERS[name] for name in list(FOLDERS)[:6]})
    shown = watch_until_over(step, step.start_zip(str(archive), visitor())[step.job_id])
    assert shown[step.prepared] is None
    assert "Each class needs at least 5 photos: kathak (3; add 2), odissi (3; add 2)." in shown[step.report.findings]


def test_a_zip_that_is_none_brings_the_ways_in_back_with_a_sentence(step, uploads):
    archive = write_files(uploads / "hash", {"<b>.zip": b"no"}) / "<b>.zip"
    shown = watch_until_over(step, step.start_zip(str(archive), visitor())[step.job_id])
    assert "&lt;b&gt;.zip: this is not a complete zip file" in shown[step.notice]
    assert shown[step.ways]["visible"] is True
    assert shown[step.job_id] == NO_JOB


def test_only_uploads_are_opened(step, tmp_path):
    archive = make_zip(tmp_path / "private.zip", FOLDERS)
    for path in (str(archive), "", None, 3):
        assert "Please upload the zip again." in step.start_zip(path, visitor())[step.notice]


def test_a_second_click_goes_on_with_the_first_job(step, uploads):
    archive = make_zip(uploads / "hash" / "dances.zip", FOLDERS)
    first, second = (step.start_zip(str(archive), visitor()) for _ in range(2))
    assert first[step.job_id] == second[step.job_id]
    other = step.start_zip(str(archive), visitor("two"))
    assert other[step.job_id] != first[step.job_id]


def test_a_reload_finds_the_dataset_and_a_job_that_is_gone_is_told(step, uploads):
    archive = make_zip(uploads / "hash" / "dances.zip", FOLDERS)
    job_id = step.start_zip(str(archive), visitor())[step.job_id]
    shown = watch_until_over(step, job_id)
    assert step.restore(job_id)[step.prepared] is shown[step.prepared]  # the same, not another like it
    assert step.prepared not in step.restore(None)
    for junk in ("0" * 32, 7, ["a"], {}):
        assert DataStep.gone in step.restore(junk)[step.notice]


def test_cancel_ends_the_job_and_says_so(step, uploads):
    archive = make_zip(uploads / "hash" / "dances.zip", {f"k/{i}.jpg": PHOTOS[0] for i in range(2000)})
    job_id = step.start_zip(str(archive), visitor())[step.job_id]
    step.stop(job_id)
    shown = watch_until_over(step, job_id)
    assert "Stopped" in shown[step.notice]
    assert shown[step.ways]["visible"] is True
    assert shown[step.stop_button]["interactive"] is True


def test_start_over_forgets_the_dataset(step, uploads):
    archive = make_zip(uploads / "hash" / "dances.zip", FOLDERS)
    job_id = step.start_zip(str(archive), visitor())[step.job_id]
    watch_until_over(step, job_id)
    emptied = step.start_over(job_id)
    assert emptied[step.prepared] is None and emptied[step.job_id] == NO_JOB
    assert emptied[step.ways]["visible"] is True


def test_classes_are_typed_in_one_after_the_other(step, uploads):
    write_files(uploads / "hash", {f"{seed}.jpg": PHOTOS[seed] for seed in range(12)} | {"notes.jpg": b"text"})
    paths = [str(uploads / "hash" / f"{seed}.jpg") for seed in range(12)]
    first = step.add_class((), "kathak", [*paths[:6], str(uploads / "hash" / "notes.jpg")])
    assert first[step.check]["interactive"] is False
    second = step.add_class(first[step.classes], "odissi", paths[6:])
    assert second[step.check]["interactive"] is True
    shown = watch_until_over(step, step.start_classes(second[step.classes], visitor())[step.job_id])
    assert shown[step.prepared].report.class_counts == {"kathak": 6, "odissi": 6}
    assert "kathak/notes.jpg" in shown[step.report.skipped]
    removed = step.remove_class(SimpleNamespace(index=0), second[step.classes])
    assert [kind.name for kind in removed[step.classes]] == ["odissi"]
    assert removed[step.undo]["value"] == "Undo: bring kathak back" and removed[step.undo]["visible"]
    back = step.bring_back(removed[step.before])
    assert back[step.classes] == second[step.classes] and not back[step.undo]["visible"]


@pytest.mark.parametrize("junk", [None, "0", 7, -1, [0], True])
def test_no_class_goes_by_a_number_that_there_is_not(step, junk):
    assert step.classes not in step.remove_class(SimpleNamespace(index=junk), (TypedClass("a", (Path("1"),)),))


def test_classes_that_somebody_made_outlive_starting_over(step):
    assert not {step.classes, step.typed, step.name, step.photos} & step.start_over(NO_JOB).keys()


def recorded(name: Any, paths: Any, serial: Any = 7) -> SimpleNamespace:
    return SimpleNamespace(name=name, paths=paths, serial=serial)


def test_a_recording_joins_its_class_and_a_head_answers_once_there_are_two(step, uploads):
    write_files(uploads / "hash", {f"{seed}.jpg": PHOTOS[seed] for seed in range(6)})
    paths = [str(uploads / "hash" / f"{seed}.jpg") for seed in range(6)]
    classes = step.add_class((), "cup", [])[step.classes]
    assert classes == (TypedClass("cup", ()),)
    first = step.take_recording(recorded("cup", paths[:3]), classes)
    assert first[step.classes][0].recordings == (range(3),) and 'data-serial="7"' in first[step.recorder.taken]
    assert "record it once more" in first[step.typed]
    model, said = step.recorder.fit(first[step.classes], "")
    assert model == "" and 'data-model=""' in said
    classes = step.add_class(first[step.classes], "hand", paths[5:])[step.classes]
    classes = step.take_recording(recorded("cup", paths[3:5]), classes)[step.classes]
    assert classes[0].recordings == (range(3), range(3, 5))
    model, said = step.recorder.fit(classes, "")
    assert model and f'data-model="{model}"' in said
    assert step.recorder.fit(classes[::-1], model)[0] == model  # it takes the place of the one before


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        (None, ["x"]),
        ("cup", None),
        ("cup", []),
        ("cup", ["/etc/passwd"]),
        ("cup", [7]),
        ("cup", ["x"] * 101),
        ("", ["x"]),
    ],
)
def test_S9_a_recording_that_our_script_would_not_send_is_refused_and_acknowledged(step, uploads, name, paths):
    updates = step.take_recording(recorded(name, paths, serial="<b>"), ())
    assert set(updates) == {step.notice, step.recorder.taken}
    assert 'data-serial="0"' in updates[step.recorder.taken]


def test_what_was_typed_stays_when_a_class_cannot_be_added(step, uploads):
    updates = step.add_class((), "kathak", ["/etc/passwd"])
    assert set(updates) == {step.notice}
    assert "upload" in updates[step.notice]
