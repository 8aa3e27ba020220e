"""Many photos at once: uploads and a zip go in, a table comes out, with the answer that each would get alone.

    jobs.start(name_many, Namer.of(classifier), uploads, seconds, owner=...)

Runs in a child process, which ends at any photo when it is told that this is `enough`, and keeps what it has;
`Job.stop` keeps it only if there is time. It yields `Checking`s and at last an `Answers`. Only one photo at a time is
in memory; what is kept of each lies in the folder of the job:

    rows.jsonl     a line for each photo, in the order in which they were given
    answers.csv    the same for spreadsheets
    photos/, thumbnails/    each photo that could be read, as a JPEG for the page
"""

import csv
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dance_demo.archive import ArchiveLimits, SkippedFile, SourceFile, suffix_of, unpack
from dance_demo.backbone import Backbone
from dance_demo.classifier import Classification, Classifier, Prediction
from dance_demo.contact_sheet import Tile
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.familiarity import UNFAMILIAR, Familiarity
from dance_demo.forms import display_name
from dance_demo.head import Head
from dance_demo.intake import Checking
from dance_demo.narration import percent
from dance_demo.photos import PHOTO_SUFFIXES, open_photo
from dance_demo.tables import csv_safe

TOP_K = 3  # answers kept of each photo
PHOTO_SIDE_PX, THUMBNAIL_SIDE_PX = 640, 96  # at most
ROWS, ANSWERS_CSV, PHOTOS, THUMBNAILS = "rows.jsonl", "answers.csv", "photos", "thumbnails"
ENOUGH = "enough"  # a file of this name ends the work
GONE = "the upload is no longer kept; add the photo again"
ALL, UNCLEAR, STRANGE, UNREADABLE = "all", "unclear", "strange", "unreadable"  # filters beside the classes
_GLANCE_S = 0.2  # between two looks at whether to stop

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Upload:
    """One file that a visitor gave us: a photo or a zip, under the name that it has there."""

    name: str
    path: Path


@dataclass(frozen=True, eq=False)
class Namer:
    """A classifier on its way to a child process, which loads the network itself."""

    backbone: Path
    head: Head
    familiarity: Familiarity
    mirrored_view: bool

    @classmethod
    def of(cls, classifier: Classifier) -> "Namer":
        return cls(classifier.backbone.path, classifier.head, classifier.familiarity, classifier.mirrored_view)

    def classifier(self) -> Classifier:
        """Answers exactly as the one that this was made of. Raises ModelError if the file of the network is another."""
        return Classifier(Backbone(self.backbone), self.head, self.familiarity, self.mirrored_view)


@dataclass(frozen=True)
class Row:
    """What is known of one photo. `problem` says why it could not be read; all after it is then as it is here."""

    place: int  # from 0, in the order in which they were given
    name: str
    problem: str = ""
    predictions: tuple[Prediction, ...] = ()  # the most probable first, TOP_K at most
    sure: bool = False
    note: str = ""  # why it is not sure
    heat: tuple[tuple[int, ...], ...] = ()  # (h, w) in [0, 255]: what speaks for the first prediction

    @property
    def kind(self) -> str:
        """ "sure", or the filter that finds it among those that are not."""
        if self.problem:
            return UNREADABLE
        return "sure" if self.sure else STRANGE if self.note == UNFAMILIAR else UNCLEAR

    @property
    def heatmap(self) -> np.ndarray:
        """(h, w) in [0, 1], in steps that the eye does not see."""
        return np.array(self.heat, np.float32) / 255

    @property
    def classification(self) -> Classification:
        """The answer, without the feature map."""
        return Classification(self.predictions, np.empty(0, np.float32), self.sure, self.note)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Row":
        values = json.loads(line)
        predictions = tuple(Prediction(**prediction) for prediction in values.pop("predictions"))
        heat = tuple(tuple(row) for row in values.pop("heat"))
        return cls(**values, predictions=predictions, heat=heat)


@dataclass(frozen=True)
class Answers:
    """The result: `n` of `total` photos have a row; fewer if it was stopped, or if `late`: its time was over."""

    directory: Path
    class_names: tuple[str, ...]
    n: int
    total: int
    seconds: float
    late: bool

    @property
    def csv(self) -> Path:
        return self.directory / ANSWERS_CSV

    def rows(self) -> list[Row]:
        with (self.directory / ROWS).open(encoding="utf-8") as lines:
            return [Row.from_json(line) for line in lines]

    def photo(self, row: Row) -> Image.Image:
        """The photo of a row, PHOTO_SIDE_PX at most. Raises PhotoError."""
        return open_photo(self.directory / PHOTOS / f"{row.place}.jpg", name=row.name)

    def thumbnail(self, row: Row) -> bytes:
        """A JPEG of a few kilobytes; b"" where there is none."""
        try:
            return (self.directory / THUMBNAILS / f"{row.place}.jpg").read_bytes()
        except OSError:
            return b""

    def tile(self, row: Row) -> Tile:
        """The row's place on a contact sheet."""
        top, photo = row.predictions[0], self.directory / PHOTOS / f"{row.place}.jpg"
        form = display_name(top.label)
        words = (form, percent(top.probability)) if row.sure else ("Not sure", f"nearest: {form}")
        return Tile(photo, row.heatmap, row.name, *words, sure=row.sure)


def chosen(rows: Iterable[Row], filter: str = ALL, words: str = "") -> list[Row]:
    """The rows that a filter lets through, and whose names hold the words.

    A filter is one of ALL, UNCLEAR, STRANGE and UNREADABLE, or `of_class(label)`.
    """
    words = words.strip().casefold()
    return [row for row in rows if _passes(row, filter) and words in row.name.casefold()]


def of_class(label: str) -> str:
    """The filter that finds the sure answers of a class."""
    return f"class {label}"


def tally(rows: Iterable[Row]) -> Counter[str]:
    """How many rows each filter finds, the classes first, the most frequent first."""
    rows = list(rows)
    classes = Counter(of_class(row.predictions[0].label) for row in rows if row.sure)
    others = Counter(row.kind for row in rows if not row.sure)
    return Counter(dict(classes.most_common()) | {kind: others[kind] for kind in (UNCLEAR, STRANGE, UNREADABLE)})


def _passes(row: Row, filter: str) -> bool:
    if filter in (UNCLEAR, STRANGE, UNREADABLE):
        return row.kind == filter
    return filter == ALL or row.sure and filter == of_class(row.predictions[0].label)


def enough(directory: Path) -> None:
    """Have the job that works in this folder come to its end with what it has, however busy the machine is."""
    with suppress(OSError):  # the job is over, and its folder gone
        (directory / ENOUGH).touch()


# --- in the child process ----------------------------------------------------------------------------------


class _Enough(Exception):
    """Somebody asked for the end, or the time is over."""


def name_many(
    directory: Path, stop: Stop, namer: Namer, uploads: Sequence[Upload], seconds: float
) -> Iterator[Checking | Answers]:
    """Name every photo, for so many seconds at most. Raises DatasetError if there are none, or too many."""
    work = _Work(directory, stop, time.monotonic() + seconds)
    yield Checking("Starting")
    with suppress(_Enough):
        yield from work.open(uploads)
        yield from work.name(namer.classifier())
    yield work.finished(namer.head.class_names)


class _Work:
    """The photos in a thread beside, so that a slow one does not keep the job from ending when it is told to."""

    def __init__(self, directory: Path, stop: Stop, until_s: float) -> None:
        self.directory, self.until_s = directory, until_s
        self.stop: Stop = lambda: stop() or (directory / ENOUGH).exists()
        self.started_s = time.monotonic()
        self.thread = ThreadPoolExecutor(1)
        self.files: list[SourceFile | SkippedFile] = []
        self.done = 0
        for name in (PHOTOS, THUMBNAILS):
            (directory / name).mkdir(parents=True)
        (directory / ROWS).touch()

    def open(self, uploads: Sequence[Upload]) -> Iterator[Checking]:
        """Find the photos, in a zip too."""
        heard: list[Checking] = [Checking("Looking for the photos")]

        def hear(done: int, total: int) -> None:
            heard[:] = [Checking("Unpacking the zip", done, total)]

        self.files = yield from self._waited(self.thread.submit(_found, uploads, hear), lambda: heard[0])

    def name(self, classifier: Classifier) -> Iterator[Checking]:
        """A row for each photo."""
        total = len(self.files)
        with (self.directory / ROWS).open("w", encoding="utf-8", buffering=1) as rows:
            for place, file in enumerate(self.files):
                now = Checking("Naming the photos", place, total)
                answer = self.thread.submit(_row, classifier, place, file, self.directory)
                row = yield from self._waited(answer, lambda now=now: now)
                rows.write(row.to_json() + "\n")
                self.done += 1
                yield Checking("Naming the photos", self.done, total)

    def finished(self, class_names: tuple[str, ...]) -> Answers:
        """What there is now."""
        self.thread.shutdown(wait=False, cancel_futures=True)
        took_s = time.monotonic() - self.started_s
        late = self.done < len(self.files) and not self.stop()
        answers = Answers(self.directory, class_names, self.done, len(self.files), took_s, late)
        _write_csv(answers)
        return answers

    def _waited(self, answer: Future, now: Callable[[], Checking]) -> Iterator[Checking]:
        """Yields how far it is while the thread works; returns what the work returns."""
        while True:
            if self.stop() or time.monotonic() > self.until_s:
                raise _Enough
            if not wait([answer], timeout=_GLANCE_S).not_done:
                return answer.result()
            yield now()


def _found(uploads: Sequence[Upload], progress: Callable[[int, int], None]) -> list[SourceFile | SkippedFile]:
    """Everything that gets a row, as given; what a zip holds besides photos comes after its photos."""
    zips = [upload for upload in uploads if suffix_of(upload.name) == ".zip"]
    if len(zips) > 1:
        raise DatasetError("These are several zips. Put all photos into one zip, please.")
    found: list[SourceFile | SkippedFile] = []
    for upload in uploads:
        found += _unpacked(upload, progress) if upload in zips else [SourceFile(upload.name, upload.path)]
    if not any(isinstance(file, SourceFile) for file in found):
        reasons = "".join(f" Left out: {file.name:.100} ({file.reason})." for file in found[:3])
        raise DatasetError(f"No photos found.{reasons}")
    if len(found) > (most := ArchiveLimits().files):
        raise DatasetError(f"{len(found):,} photos; the limit is {most:,}. Use fewer photos.")
    return found


def _unpacked(upload: Upload, progress: Callable[[int, int], None]) -> list[SourceFile | SkippedFile]:
    if not upload.path.is_file():
        raise DatasetError("The zip is no longer kept here. Please upload it again.")
    folder = Path(tempfile.mkdtemp()) / "files"  # among the temporary files of the job, which go with its end
    source = unpack(upload.path, folder, suffixes=PHOTO_SUFFIXES, progress=progress)
    return [*source.files, *source.skipped]


def _row(classifier: Classifier, place: int, file: SourceFile | SkippedFile, directory: Path) -> Row:
    """The answer to one photo, which is then put aside for the page. Another one is not harmed, whatever is in it."""
    if isinstance(file, SkippedFile):
        return Row(place, file.name, problem=file.reason)
    if not file.path.is_file():
        return Row(place, file.name, problem=GONE)
    try:
        photo = open_photo(file.path, name="Photo")
    except PhotoError as error:
        return Row(place, file.name, problem=str(error).removeprefix("Photo: "))
    answer = classifier.classify(photo)
    heatmap = classifier.heatmap(answer, answer.top.label)
    _save(photo, directory / PHOTOS / f"{place}.jpg", PHOTO_SIDE_PX)
    _save(photo, directory / THUMBNAILS / f"{place}.jpg", THUMBNAIL_SIDE_PX)
    heat = tuple(tuple(row) for row in (heatmap * 255).round().astype(int).tolist())
    return Row(place, file.name, "", answer.predictions[:TOP_K], answer.sure, answer.note, heat)


def _save(photo: Image.Image, path: Path, side_px: int) -> None:
    small = photo.copy()
    small.thumbnail((side_px, side_px))
    small.save(path, "JPEG", quality=82)


def _write_csv(answers: Answers) -> None:
    columns = [f"{what}_{rank}" for rank in range(1, TOP_K + 1) for what in ("label", "probability")]
    with answers.csv.open("w", encoding="utf-8-sig", newline="") as file:  # with its mark, or Excel guesses the letters
        table = csv.writer(file)
        table.writerow(["file", "sure", *columns, "note"])
        table.writerows(_cells(row) for row in answers.rows())


def _cells(row: Row) -> list[Any]:
    cells = [cell for p in row.predictions for cell in (csv_safe(p.label), f"{p.probability:.4f}")]
    cells += [""] * (2 * TOP_K - len(cells))
    sure = "" if row.problem else "yes" if row.sure else "no"
    return [csv_safe(row.name), sure, *cells, csv_safe(row.problem or row.note)]
