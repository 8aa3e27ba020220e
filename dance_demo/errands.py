"""What a visitor does with a trained head besides asking it: bring one back from a bundle, name a folder of photos.

    jobs.start(restore, bundle, owner=...)             an uploaded bundle -> a model directory
    jobs.start(name_photos, model, photos, owner=...)  a zip or folder -> a CSV of names (Image, target, probability)

Both read what strangers send, so both run in a child process, as trainings do.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dance_demo.archive import SourceFile
from dance_demo.bundle import read_bundle
from dance_demo.classifier import Classifier
from dance_demo.dataset import open_photos
from dance_demo.errors import PhotoError
from dance_demo.photos import open_photo
from dance_demo.tables import csv_safe
from dance_demo.training import load_trained

ANSWERS = "answers.csv"
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Naming:
    """So many photos have been named."""

    done: int
    total: int
    text: ClassVar[str] = "Naming the photos"
    replaces_previous: ClassVar[bool] = True


@dataclass(frozen=True)
class Named:
    """All photos were named. `answers` is the CSV; `unreadable` tells of each photo that could not be read."""

    answers: Path
    n: int
    unreadable: tuple[str, ...]


def restore(directory: Path, stop: Stop, bundle: Path) -> Iterator[Path]:
    """Read an uploaded bundle; yields the directory of its model. Raises ModelError."""
    yield read_bundle(bundle, directory / "model")


def name_photos(directory: Path, stop: Stop, model: Path, photos: Path) -> Iterator[Naming | Named]:
    """Write the most probable class of every photo into a CSV. Raises DatasetError if there are none."""
    classifier = load_trained(model)
    files, skipped = open_photos(photos, workspace=directory)
    rows: list[Sequence[str]] = []
    unreadable = [f"{file.name}: {file.reason}" for file in skipped]
    for done, file in enumerate(files, start=1):
        if stop():
            return
        try:
            rows.append(_row(classifier, file))
        except PhotoError as error:
            unreadable.append(str(error))
        yield Naming(done, len(files))
    answers = directory / ANSWERS
    with answers.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("Image", "target", "probability"), *rows])
    yield Named(answers, len(rows), tuple(unreadable))


def _row(classifier: Classifier, file: SourceFile) -> tuple[str, str, str]:
    best = classifier.classify(open_photo(file.path, name=file.name)).top
    return csv_safe(file.name), csv_safe(best.label), f"{best.probability:.4f}"
