"""The numbers of a training as tables: for a spreadsheet, and for the report to show.

Each is a header and rows of plain values. Text of others (class and photo names) is in them as it is: whoever
writes a CSV makes it safe (`table_csv` does), whoever writes HTML escapes it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dance_demo.data.dataset import PhotoDataset
from dance_demo.files.csv_writer import csv_bytes
from dance_demo.training.projection import Projection
from dance_demo.training.result import TrainingResult

Cell = str | int | float


@dataclass(frozen=True)
class Answer:
    """What a head that had not seen the photo said about it."""

    index: int  # in dataset.photos
    name: str
    label: str
    answer: str
    probability: float  # of that answer, [0, 1]

    @property
    def right(self) -> bool:
        return self.answer == self.label


def answers(result: TrainingResult, dataset: PhotoDataset) -> list[Answer]:
    """One for each held-out photo, in the order of the result."""
    found = []
    for index, row in zip(result.held_out.tolist(), result.probabilities, strict=True):
        best, photo = int(row.argmax()), dataset.photos[index]
        found.append(Answer(index, photo.name, photo.label, result.class_names[best], float(row[best])))
    return found


def mistakes(result: TrainingResult, dataset: PhotoDataset) -> list[Answer]:
    """The wrong answers, the most confident first."""
    wrong = [answer for answer in answers(result, dataset) if not answer.right]
    return sorted(wrong, key=lambda answer: -answer.probability)


def class_table(result: TrainingResult, dataset: PhotoDataset) -> Iterator[Sequence[Cell]]:
    photos = Counter(dataset.labels)
    yield "class", dataset.noun, "judged", "precision", "recall", "f1"
    for name in result.class_names:
        score = result.evaluation.per_class[name]
        yield name, photos[name], score.support, score.precision, score.recall, score.f1


def confusion_table(result: TrainingResult) -> Iterator[Sequence[Cell]]:
    """A row per true class, a column per answer."""
    yield "true class", *result.class_names
    for name, row in zip(result.class_names, result.evaluation.confusion.tolist(), strict=True):
        yield name, *row


def answer_table(result: TrainingResult, dataset: PhotoDataset) -> Iterator[Sequence[Cell]]:
    yield "photo", "label", "answer", "probability", "right", *(f"p({name})" for name in result.class_names)
    for answer, row in zip(answers(result, dataset), result.probabilities.tolist(), strict=True):
        right = "yes" if answer.right else "no"
        yield answer.name, answer.label, answer.answer, answer.probability, right, *row


def history_table(result: TrainingResult) -> Iterator[Sequence[Cell]]:
    yield "fold", "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"
    for epoch in result.history:
        numbers = epoch.loss, epoch.accuracy, epoch.validation_loss, epoch.validation_accuracy
        yield epoch.fold, epoch.epoch, *numbers


def label_issue_table(result: TrainingResult, dataset: PhotoDataset) -> Iterator[Sequence[Cell]]:
    yield "photo", "label", "suggestion", "probability"
    for issue in result.label_issues:
        yield dataset.photos[issue.index].name, issue.label, issue.suggestion, issue.probability


def map_table(result: TrainingResult, dataset: PhotoDataset, projection: Projection) -> Iterator[Sequence[Cell]]:
    """Where each photo lies, and what a head that had not seen it said of it, if there is one."""
    said = {answer.index: answer.answer for answer in answers(result, dataset)}
    yield "photo", "label", "answer", "x", "y"
    for index, (photo, (x, y)) in enumerate(zip(dataset.photos, projection.points.tolist(), strict=True)):
        yield photo.name, photo.label, said.get(index, ""), x, y


def table_csv(table: Iterator[Sequence[Cell]]) -> bytes:
    """The table as a CSV, its numbers to six places."""
    return csv_bytes([round(cell, 6) if isinstance(cell, float) else cell for cell in row] for row in table)
