"""Somebody's upload is opened and checked in a process of its own: a large zip takes minutes, and may be hostile.

    jobs.start(check_zip, path, owner=...)        a zip of class folders, or of photos and a CSV
    jobs.start(check_classes, classes, owner=...) photos that a visitor put into classes on the page
    jobs.start(check_sample, cache, owner=...)    our own drawings
    jobs.start(check_hub, address, access, owner=...)  a dataset on the Hugging Face Hub

Each yields `Progress` and at last a `Prepared`: the dataset, the report, and small pictures for the page; or, where the
photos cannot be told from their labels, a `Question` whose answer is `wanted` the next time.
"""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from dance_demo.data.checks import CLASSES_AT_MOST, overlap_warnings
from dance_demo.data.dataset import IntakeReport, PhotoDataset, check_photos, open_dataset
from dance_demo.data.hub_source import Choice, fetch_photos, open_fetched
from dance_demo.data.illustrations import FORM_NAMES, draw_dataset
from dance_demo.data.layout import Layout, Question, Wanted, WhichColumnsError
from dance_demo.data.samples import thumbnails
from dance_demo.data.sound.talas import PER_CLASS, TALAS, write_dataset
from dance_demo.data.training_overlap import overlapping_indices
from dance_demo.errors import DatasetError
from dance_demo.files.text import nfc
from dance_demo.files.zip_archive import OnProgress, SkippedFile, SourceFile
from dance_demo.hub.client import Access
from dance_demo.jobs.progress import Progress, Stop

SAMPLE_PER_CLASS = 12
SAMPLE_FOLDER = f"drawings-{SAMPLE_PER_CLASS}"  # in the cache
READING, LISTENING, READING_FILES = "Reading the photos", "Listening to the recordings", "Reading the files"
TALAS_FOLDER = f"talas-{PER_CLASS}"
NAME_CHARACTERS = 60  # of a dataset
_POLL_S = 0.2  # between two questions how far the work is

Result = TypeVar("Result")
Event: TypeAlias = "Progress | Prepared | Question"


@dataclass(frozen=True)
class TypedClass:
    """A class that a visitor made on the page, and the photos put into it; each of the ranges of their indices in
    `recordings` was taken while a button was held once."""

    name: str
    photos: tuple[Path, ...]
    recordings: tuple[range, ...] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A visitor's dataset, checked; indices are those of ``dataset.photos``."""

    dataset: PhotoDataset
    report: IntakeReport
    directory: Path  # where the photos lie
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)  # index -> a small JPEG


class _Stopped(Exception):
    """Somebody asked for the end."""


def check_zip(directory: Path, stop: Stop, archive: Path, wanted: Wanted | None = None) -> Iterator[Event]:
    """Unpack an uploaded zip into ``directory``, read every photo, and report. Raises DatasetError."""
    opened = partial(open_dataset, archive, workspace=directory, wanted=wanted, most_classes=CLASSES_AT_MOST)
    yield from _checked(opened, ("Unpacking the zip", READING_FILES), directory, stop, name=archive.stem)


def check_classes(directory: Path, stop: Stop, classes: Sequence[TypedClass]) -> Iterator[Event]:
    """Copy uploaded photos into ``directory``, read them, and report. Raises DatasetError."""

    def opened(*, progress: OnProgress) -> tuple[PhotoDataset, IntakeReport]:
        labeled, missing, recordings = _copied(classes, directory / "photos")
        if not labeled:
            raise DatasetError("The photos are no longer kept here. Please add them again.")
        empty = tuple(f"{kind.name} has no photos, so it is no class." for kind in classes if not kind.photos)
        layout = Layout("photos put into classes here", tuple(labeled), warnings=empty, recordings=recordings)
        return check_photos(layout, skipped=missing, progress=progress)

    yield from _checked(opened, (READING,), directory, stop, name="your classes")


def check_sample(directory: Path, stop: Stop, cache: Path) -> Iterator[Event]:
    """Our drawings as a dataset. They are drawn once, and then lie in the folder ``cache``."""
    drawings = cache / SAMPLE_FOLDER
    if not drawings.is_dir():
        total = SAMPLE_PER_CLASS * len(FORM_NAMES)
        drawings = yield from _made(directory / "drawings", drawings, _draw, total, "Drawing the sample dataset")
    if not stop():
        opened = partial(open_dataset, drawings, workspace=directory)
        yield from _checked(opened, (READING,), directory, stop, name="the sample dataset")


def check_talas(directory: Path, stop: Stop, cache: Path) -> Iterator[Event]:
    """Our beat cycles as a dataset of recordings. They are played once, and then lie in the folder ``cache``."""
    clips = cache / TALAS_FOLDER
    if not clips.is_dir():
        clips = yield from _made(directory / "talas", clips, _write_talas, PER_CLASS * len(TALAS), "Playing the talas")
    if not stop():
        opened = partial(open_dataset, clips, workspace=directory)
        yield from _checked(opened, (LISTENING,), directory, stop, name="ten talas")


def check_hub(
    directory: Path, stop: Stop, address: str, access: Access, wanted: Wanted | None = None
) -> Iterator[Event]:
    """Fetch the photos of a dataset on the Hub into ``directory``, read them, and report. Raises DatasetError."""
    folder = directory / "dataset"
    expected: list[Choice] = []

    def now() -> Progress:
        if not expected:
            return Progress("Looking at the dataset on the Hub")
        complete = sum(
            path.is_file() and ".cache" not in path.parts for path in folder.rglob("*")
        )  # the client's notes
        return Progress(f"Fetching {expected[0].bytes / 1e6:.1f} MB from the Hub", complete, expected[0].files)

    fetched = yield from _watched(lambda: fetch_photos(address, folder, access, chosen=expected.append), now)
    if not stop():
        opened = partial(open_fetched, fetched, workspace=directory, wanted=wanted, most_classes=CLASSES_AT_MOST)
        yield from _checked(opened, (READING_FILES,), directory, stop, name=address)


# --- the work, and how far it is ---------------------------------------------------------------------------


def _checked(
    opened: Callable[..., tuple[PhotoDataset, IntakeReport]],
    phases: Sequence[str],
    directory: Path,
    stop: Stop,
    *,
    name: str,
) -> Iterator[Event]:
    """Hear how far `opened` is, and say at last what it found, or ask; in each phase its progress counts anew."""
    heard = _Heard(phases, stop)
    with suppress(_Stopped):
        try:
            dataset, report = yield from _watched(lambda: opened(progress=heard.progress), lambda: heard.latest)
        except WhichColumnsError as error:
            yield error.question
            return
        if not dataset.sound:
            yield Progress("Looking for photos that the bundled model knows")
        warnings = overlap_warnings([dataset.photos[index].name for index in overlapping_indices(dataset)])
        shown = "".join(letter for letter in nfc(name) if letter.isprintable())[:NAME_CHARACTERS]
        report = replace(report, warnings=(*warnings, *report.warnings), name=shown)
        yield Prepared(dataset, report, directory, thumbnails(dataset, report))


class _Heard:
    """What the work said last of its progress. It counts anew in each phase."""

    def __init__(self, phases: Sequence[str], stop: Stop) -> None:
        self._phases, self._stop = list(phases), stop
        self.latest = Progress(phases[0])

    def progress(self, done: int, total: int) -> None:
        if self._stop():
            raise _Stopped
        if done < self.latest.done and len(self._phases) > 1:
            self._phases.pop(0)
        self.latest = Progress(self._phases[0], done, total)


def _watched(work: Callable[[], Result], now: Callable[[], Progress]) -> Generator[Progress, None, Result]:
    """Yields ``now()`` several times a second while the work goes on; returns what the work returns."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(work)
        while wait([answer], timeout=_POLL_S).not_done:
            yield now()
    return answer.result()


# --- where photos come from --------------------------------------------------------------------------------


def _copied(
    classes: Sequence[TypedClass], folder: Path
) -> tuple[list[tuple[SourceFile, str]], list[SkippedFile], dict[str, str]]:
    """The photos under names of ours, those that are gone (uploads are deleted within about an hour), and of which
    recording each is that was recorded."""
    folder.mkdir(parents=True)
    recordings: dict[str, str] = {}
    labeled: list[tuple[SourceFile, str]] = []
    missing: list[SkippedFile] = []
    taken: Counter[str] = Counter()
    for kind in classes:
        recording_of = {index: number for number, taken in enumerate(kind.recordings, start=1) for index in taken}
        for index, photo in enumerate(kind.photos):
            recording = f"recording {recording_of[index]}" if index in recording_of else ""
            name = "/".join(part for part in (kind.name, recording, photo.name) if part)
            taken[name] += 1
            if taken[name] > 1:  # every shot of a camera has the same name
                name = f"{name.removesuffix(photo.suffix)} ({taken[name]}){photo.suffix}"
            copy = folder / f"{len(labeled):05d}{photo.suffix.lower()[:6]}"
            try:
                shutil.copyfile(photo, copy)
            except FileNotFoundError:
                missing.append(SkippedFile(name, "the upload is no longer kept; add the photo again"))
            else:
                labeled.append((SourceFile(name, copy), kind.name))
                if recording:
                    recordings[name] = f"{kind.name}/{recording}"
    return labeled, missing, recordings


def _made(
    draft: Path, kept: Path, write: Callable[[Path], None], total: int, text: str
) -> Generator[Progress, None, Path]:
    """Makes a sample dataset of so many files; returns its folder."""

    def now() -> Progress:
        return Progress(text, sum(1 for _ in draft.glob("*/*")), total)

    yield from _watched(lambda: write(draft), now)
    return _kept(draft, kept)


def _draw(folder: Path) -> None:
    draw_dataset(folder, per_class=SAMPLE_PER_CLASS)


def _write_talas(folder: Path) -> None:
    write_dataset(folder)


def _kept(folder: Path, kept: Path) -> Path:
    """A copy of the folder for the next visitor, in one step, so that nobody ever sees half of it.

    Where that cannot be (a disk full or read-only, another was quicker) it is the folder itself.
    """
    copy = kept.with_name(f".draft-{secrets.token_hex(8)}")
    try:
        shutil.copytree(folder, copy)
        os.replace(copy, kept)
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        return folder
    return kept
