"""Somebody's upload is opened and checked in a process of its own: a large zip takes minutes, and may be hostile.

    jobs.start(check_zip, path, owner=...)        a zip of class folders, or of photos and a CSV
    jobs.start(check_classes, classes, owner=...) photos that a visitor put into classes on the page
    jobs.start(check_sample, cache, owner=...)    our own drawings
    jobs.start(check_hub, address, access, owner=...)  a dataset on the Hugging Face Hub

Each yields `Checking`s and at last a `Prepared`: the dataset, the report, and small pictures for the page.
"""

import os
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TypeVar

from dance_demo.archive import Progress, SkippedFile, SourceFile
from dance_demo.dataset import IntakeReport, PhotoDataset, check_photos, open_dataset
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.hub_client import Access
from dance_demo.hub_dataset import fetch_photos, open_fetched
from dance_demo.illustrations import FORM_NAMES, draw_dataset
from dance_demo.layouts import Layout
from dance_demo.photos import open_photo
from dance_demo.remarks import seen_remarks
from dance_demo.seen import seen_places

SAMPLE_PER_CLASS = 12
SAMPLE_FOLDER = f"drawings-{SAMPLE_PER_CLASS}"  # in the cache
GROUPS_SHOWN, COPIES_SHOWN, FLAWED_SHOWN = 12, 4, 6  # as pictures
_SAMPLES_IN_ALL = 60
_THUMBNAIL_SIDE_PX = 112
_GLANCE_S = 0.2  # between two looks at how far the work is

Result = TypeVar("Result")
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Checking:
    """How far the work has come; ``total`` is 0 where nobody can tell."""

    text: str  # what is being done
    done: int = 0
    total: int = 0
    replaces_previous = True  # see `Jobs.start`; no annotation, so no field


@dataclass(frozen=True)
class TypedClass:
    """A class that a visitor made on the page, and the photos put into it."""

    name: str
    photos: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A visitor's dataset, checked; places are indices of ``dataset.photos``."""

    dataset: PhotoDataset
    report: IntakeReport
    directory: Path  # where the photos lie
    seen: tuple[int, ...] = ()  # places of photos that the bundled model was trained on
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)  # place -> a small JPEG


class _Stopped(Exception):
    """Somebody asked for the end."""


def check_zip(directory: Path, stop: Stop, archive: Path) -> Iterator[Checking | Prepared]:
    """Unpack an uploaded zip into ``directory``, read every photo, and report. Raises DatasetError."""

    def opened(progress: Progress) -> tuple[PhotoDataset, IntakeReport]:
        return open_dataset(archive, workspace=directory, progress=progress)

    yield from _checked(opened, ("Unpacking the zip", "Reading the photos"), directory, stop)


def check_classes(directory: Path, stop: Stop, classes: Sequence[TypedClass]) -> Iterator[Checking | Prepared]:
    """Copy uploaded photos into ``directory``, read them, and report. Raises DatasetError."""

    def opened(progress: Progress) -> tuple[PhotoDataset, IntakeReport]:
        labeled, missing = _copied(classes, directory / "photos")
        if not labeled:
            raise DatasetError("The photos are no longer kept here. Please add them again.")
        layout = Layout("photos put into classes here", tuple(labeled))
        return check_photos(layout, skipped=missing, progress=progress)

    yield from _checked(opened, ("Reading the photos",), directory, stop)


def check_sample(directory: Path, stop: Stop, cache: Path) -> Iterator[Checking | Prepared]:
    """Our drawings as a dataset. They are drawn once, and then lie in the folder ``cache``."""
    drawings = cache / SAMPLE_FOLDER
    if not drawings.is_dir():
        drawings = yield from _drawn(directory / "drawings", drawings)

    def opened(progress: Progress) -> tuple[PhotoDataset, IntakeReport]:
        return open_dataset(drawings, workspace=directory, progress=progress)

    if not stop():
        yield from _checked(opened, ("Reading the photos",), directory, stop)


def check_hub(directory: Path, stop: Stop, address: str, access: Access) -> Iterator[Checking | Prepared]:
    """Fetch the photos of a dataset on the Hub into ``directory``, read them, and report. Raises DatasetError."""
    folder, expected = directory / "dataset", []

    def now() -> Checking:
        if not expected:
            return Checking("Looking at the dataset on the Hub")
        return Checking(f"Fetching {expected[0].bytes / 1e6:.1f} MB from the Hub", _n_files(folder), expected[0].files)

    fetched = yield from _watched(lambda: fetch_photos(address, folder, access, chosen=expected.append), now)

    def opened(progress: Progress) -> tuple[PhotoDataset, IntakeReport]:
        return open_fetched(fetched, workspace=directory, progress=progress)

    if not stop():
        yield from _checked(opened, ("Reading the photos",), directory, stop)


def sample_places(dataset: PhotoDataset) -> dict[str, tuple[int, ...]]:
    """A few photos of each class, evenly from the first to the last: class name -> places."""
    places = defaultdict(list)
    for place, label in enumerate(dataset.labels):
        places[label].append(place)
    most = max(2, min(6, _SAMPLES_IN_ALL // len(dataset.class_names)))
    return {name: _spread(places[name], most) for name in dataset.class_names}


def copy_places(dataset: PhotoDataset) -> list[tuple[int, ...]]:
    """Groups of photos that are copies of one another, those under two labels first."""
    groups = defaultdict(list)
    for place, group in enumerate(dataset.groups):
        groups[group].append(place)
    copies = [tuple(places) for places in groups.values() if len(places) > 1]
    return sorted(copies, key=lambda places: len({dataset.labels[place] for place in places}) == 1)


def remarked_places(dataset: PhotoDataset, names: Sequence[str]) -> tuple[int, ...]:
    """The first few of the photos with these names."""
    wanted = set(names)
    return tuple(place for place, photo in enumerate(dataset.photos) if photo.name in wanted)[:FLAWED_SHOWN]


def thumbnail(path: Path, side_px: int = _THUMBNAIL_SIDE_PX) -> bytes:
    """A photo as a JPEG of a few kilobytes. Raises PhotoError."""
    buffer = BytesIO()
    open_photo(path, max_side_px=side_px).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


# --- the work, and how far it is ---------------------------------------------------------------------------


def _checked(
    opened: Callable[[Progress], tuple[PhotoDataset, IntakeReport]],
    phases: Sequence[str],
    directory: Path,
    stop: Stop,
) -> Iterator[Checking | Prepared]:
    heard = _Heard(phases, stop)
    with suppress(_Stopped):
        dataset, report = yield from _watched(lambda: opened(heard.progress), heard.now)
        yield Checking("Looking for photos that the bundled model knows")
        seen = seen_places(dataset)
        remarks = seen_remarks([dataset.photos[place].name for place in seen])
        report = replace(report, warnings=(*remarks, *report.warnings))
        yield Prepared(dataset, report, directory, seen, _thumbnails(dataset, report))


class _Heard:
    """What the work said last of its progress. It counts anew in each phase."""

    def __init__(self, phases: Sequence[str], stop: Stop) -> None:
        self._phases, self._stop = list(phases), stop
        self.latest = Checking(phases[0])

    def progress(self, done: int, total: int) -> None:
        if self._stop():
            raise _Stopped
        if done < self.latest.done and len(self._phases) > 1:
            self._phases.pop(0)
        self.latest = Checking(self._phases[0], done, total)

    def now(self) -> Checking:
        return self.latest


def _watched(work: Callable[[], Result], now: Callable[[], Checking]) -> Iterator[Checking]:
    """Yields ``now()`` several times a second while the work goes on; returns what the work returns."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(work)
        while wait([answer], timeout=_GLANCE_S).not_done:
            yield now()
    return answer.result()


# --- where photos come from --------------------------------------------------------------------------------


def _n_files(folder: Path) -> int:
    """Those that are complete; what the Hub's client notes for itself lies in a hidden folder."""
    return sum(path.is_file() and ".cache" not in path.parts for path in folder.rglob("*"))


def _copied(classes: Sequence[TypedClass], folder: Path) -> tuple[list[tuple[SourceFile, str]], list[SkippedFile]]:
    """The photos under names of ours, and those that are gone: uploads are deleted within about an hour."""
    folder.mkdir(parents=True)
    labeled, missing, taken = [], [], Counter()
    for kind in classes:
        for photo in kind.photos:
            name = f"{kind.name}/{photo.name}"
            taken[name] += 1
            if taken[name] > 1:  # every shot of a camera has the same name
                name = f"{kind.name}/{photo.stem} ({taken[name]}){photo.suffix}"
            copy = folder / f"{len(labeled):05d}{photo.suffix.lower()[:6]}"
            try:
                shutil.copyfile(photo, copy)
            except FileNotFoundError:
                missing.append(SkippedFile(name, "the upload is no longer kept; add the photo again"))
            else:
                labeled.append((SourceFile(name, copy), kind.name))
    return labeled, missing


def _drawn(draft: Path, kept: Path) -> Iterator[Checking]:
    """Draws the sample dataset; returns its folder."""
    total = SAMPLE_PER_CLASS * len(FORM_NAMES)

    def now() -> Checking:
        return Checking("Drawing the sample dataset", sum(1 for _ in draft.glob("*/*")), total)

    yield from _watched(lambda: draw_dataset(draft, per_class=SAMPLE_PER_CLASS), now)
    return _kept(draft, kept)


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


# --- what the page shows of it -----------------------------------------------------------------------------


def _thumbnails(dataset: PhotoDataset, report: IntakeReport) -> dict[int, bytes]:
    copies = [places[:COPIES_SHOWN] for places in copy_places(dataset)[:GROUPS_SHOWN]]
    remarked = [remarked_places(dataset, remark.names) for remark in report.warnings if remark.names]
    found = {}
    for place in sorted({*chain(*sample_places(dataset).values(), *copies, *remarked)}):
        with suppress(PhotoError):  # it was readable a moment ago
            found[place] = thumbnail(dataset.photos[place].path)
    return found


def _spread(places: Sequence[int], most: int) -> tuple[int, ...]:
    if len(places) <= most:
        return tuple(places)
    return tuple(places[round(i * (len(places) - 1) / (most - 1))] for i in range(most))
