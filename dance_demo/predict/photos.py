"""Many photos at once: uploads and a zip go in, a table comes out, with the answer that each would get alone.

    jobs.start(classify_many, ClassifierSpec.of(classifier), uploads, seconds, owner=...)

Runs in a child process, which ends at any photo when it is asked to finish early, and keeps what it has; `Job.stop`
keeps it only if there is time. It yields `Progress` and at last the `Answers`, whose module says what lies in the
folder of the job. Only one photo at a time is in memory.
"""

import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from dance_demo.data.checks import nothing_usable
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo
from dance_demo.files.photo_formats import starts_like_a_photo
from dance_demo.files.zip_archive import ArchiveLimits, SkippedFile, SourceFile, SourceFiles, suffix_of, unpack
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.predict.rows import PHOTO_SIDE_PX, PHOTOS, ROWS, THUMBNAILS, TOP_K, Answers, Row

THUMBNAIL_SIDE_PX = 96  # at most
GONE = "the upload is no longer kept; add the photo again"
_POLL_S = 0.2  # between two questions whether to stop

T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """One file that a visitor gave us: a photo or a zip, under the name that it has there."""

    name: str
    path: Path


@dataclass(frozen=True, eq=False)
class ClassifierSpec:
    """A classifier on its way to a child process, which loads the network itself."""

    backbone: Path
    changes: Path | None
    head: Head
    familiarity: Familiarity
    mirrored_view: bool
    sound: SoundSettings | None = None

    @classmethod
    def of(cls, classifier: Classifier) -> "ClassifierSpec":
        c = classifier
        return cls(c.backbone.path, c.backbone.changes, c.head, c.familiarity, c.mirrored_view, c.sound)

    def classifier(self) -> Classifier:
        """Answers exactly as the one that this was made of. Raises ModelError if the file of the network is another."""
        backbone = Backbone(self.backbone, changes=self.changes)
        return Classifier(backbone, self.head, self.familiarity, self.mirrored_view, self.sound)


class _Enough(Exception):
    """Somebody asked for the end, or the time is over."""


def classify_many(
    directory: Path, stop: Stop, spec: ClassifierSpec, uploads: Sequence[Upload], seconds: float
) -> Iterator[Progress | Answers]:
    """Answer every photo, for so many seconds at most. Raises DatasetError if there are none, or too many."""
    work = _Work(directory, stop, time.monotonic() + seconds)
    yield Progress("Starting")
    with suppress(_Enough):
        yield from work.open(uploads)
        yield from work.classify(spec.classifier())
    yield work.finished(spec.head.class_names)


class _Work:
    """The photos in a thread beside, so that a slow one does not keep the job from ending when it is told to."""

    def __init__(self, directory: Path, stop: Stop, until_s: float) -> None:
        self.directory, self.stop, self.until_s = directory, stop, until_s
        self.started_s = time.monotonic()
        self.thread = ThreadPoolExecutor(1)
        self.files: list[SourceFile | SkippedFile] = []
        self.remarks: tuple[str, ...] = ()
        self.done = 0
        self.progress = Progress("Looking for the photos")
        for name in (PHOTOS, THUMBNAILS):
            (directory / name).mkdir(parents=True)
        (directory / ROWS).touch()

    def open(self, uploads: Sequence[Upload]) -> Iterator[Progress]:
        """Find the photos, in a zip too."""

        def unpacking(done: int, total: int) -> None:
            self.progress = Progress("Unpacking the zip", done, total)

        self.files, self.remarks = yield from self._result(self.thread.submit(_find, uploads, unpacking))

    def classify(self, classifier: Classifier) -> Iterator[Progress]:
        """A row for each photo."""
        with (self.directory / ROWS).open("w", encoding="utf-8", buffering=1) as rows:
            for index, file in enumerate(self.files):
                self.progress = Progress("Naming the photos", index, len(self.files))
                row = yield from self._result(self.thread.submit(_row, classifier, index, file, self.directory))
                rows.write(row.to_json() + "\n")
                self.done += 1
                yield Progress("Naming the photos", self.done, len(self.files))

    def finished(self, class_names: tuple[str, ...]) -> Answers:
        """What there is now."""
        self.thread.shutdown(wait=False, cancel_futures=True)
        took_s = time.monotonic() - self.started_s
        late = self.done < len(self.files) and not self.stop()
        counted = self.done, len(self.files), took_s, late
        answers = Answers(self.directory, class_names, *counted, self.remarks)
        answers.write_csv()
        return answers

    def _result(self, future: Future[T]) -> Generator[Progress, None, T]:
        """Yields how far it is while the thread works; returns what the work returns."""
        while True:
            if self.stop() or time.monotonic() > self.until_s:
                raise _Enough
            if not wait([future], timeout=_POLL_S).not_done:
                return future.result()
            yield self.progress


def _find(
    uploads: Sequence[Upload], progress: Callable[[int, int], None]
) -> tuple[list[SourceFile | SkippedFile], tuple[str, ...]]:
    """Everything that gets a row, as given, and remarks on the zip; what it holds besides photos comes after these."""
    zips = [upload for upload in uploads if suffix_of(upload.name) == ".zip"]
    if len(zips) > 1:
        raise DatasetError("These are several zips. Put all photos into one zip, please.")
    found: list[SourceFile | SkippedFile] = []
    remarks: tuple[str, ...] = ()
    for upload in uploads:
        if upload in zips:
            source = _unpacked(upload, progress)
            found += [*source.files, *source.skipped]
            remarks = source.remarks
        else:
            found.append(SourceFile(upload.name, upload.path))
    skipped = [file for file in found if isinstance(file, SkippedFile)]
    if len(skipped) == len(found):
        raise DatasetError(nothing_usable(zips[0].name, skipped, remarks) if zips else "No photos found.")
    if len(found) > (most := ArchiveLimits().files):
        raise DatasetError(f"{len(found):,} photos; the limit is {most:,}. Use fewer photos.")
    return found, remarks


def _unpacked(upload: Upload, progress: Callable[[int, int], None]) -> SourceFiles:
    if not upload.path.is_file():
        raise DatasetError("The zip is no longer kept here. Please upload it again.")
    folder = Path(tempfile.mkdtemp()) / "files"  # among the temporary files of the job, which go with its end
    by_bytes = starts_like_a_photo
    return unpack(upload.path, folder, suffixes=PHOTO_SUFFIXES, progress=progress, wanted_by_bytes=by_bytes)


def _row(classifier: Classifier, index: int, file: SourceFile | SkippedFile, directory: Path) -> Row:
    """The answer to one photo, which is then put aside for the page. Another one is not harmed, whatever is in it."""
    if isinstance(file, SkippedFile):
        return Row(index, file.name, problem=file.reason)
    if not file.path.is_file():
        return Row(index, file.name, problem=GONE)
    try:
        photo = open_photo(file.path, name="Photo")
    except PhotoError as error:
        return Row(index, file.name, problem=str(error).removeprefix("Photo: "))
    answer = classifier.classify(photo)
    heatmap = classifier.heatmap(answer, answer.top.label)
    _save(photo, directory / PHOTOS / f"{index}.jpg", PHOTO_SIDE_PX)
    _save(photo, directory / THUMBNAILS / f"{index}.jpg", THUMBNAIL_SIDE_PX)
    heat = tuple(tuple(row) for row in (heatmap * 255).round().astype(int).tolist())
    return Row(index, file.name, "", answer.predictions[:TOP_K], answer.sure, answer.note, heat)


def _save(photo: Image.Image, path: Path, side_px: int) -> None:
    small = photo.copy()
    small.thumbnail((side_px, side_px))
    path.write_bytes(jpeg(small, 82))
