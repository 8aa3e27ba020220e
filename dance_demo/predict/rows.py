"""The answers to many photos, as their job leaves them in its folder: a row for each photo.

rows.jsonl     a line for each photo, in the order in which they were given
answers.csv    the same for spreadsheets
photos/, thumbnails/    each photo that could be read, as a JPEG for the page
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.files.csv_writer import write_csv
from dance_demo.files.photo import open_photo
from dance_demo.files.text import nfc
from dance_demo.forms import display_name, own_name
from dance_demo.model.classifier import Classification, Prediction
from dance_demo.model.description import percent
from dance_demo.model.familiarity import UNFAMILIAR
from dance_demo.predict.contact_sheet import Tile

TOP_K = 3  # answers kept of each photo
PHOTO_SIDE_PX = 640  # at most
ROWS, ANSWERS_CSV, PHOTOS, THUMBNAILS = "rows.jsonl", "answers.csv", "photos", "thumbnails"
ALL, UNCLEAR, STRANGE, UNREADABLE = "all", "unclear", "strange", "unreadable"  # filters beside the classes


@dataclass(frozen=True)
class Row:
    """What is known of one photo. `problem` says why it could not be read; all after it is then as it is here."""

    index: int  # from 0, in the order in which they were given
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
        return "sure" if self.sure else UNCLEAR if self.familiar else STRANGE

    @property
    def familiar(self) -> bool:
        """False if it is unlike the photos of the training, so that the probabilities mean little."""
        return self.note != UNFAMILIAR

    @property
    def heatmap(self) -> np.ndarray:
        """(h, w) in [0, 1], in steps that the eye does not see."""
        return np.array(self.heat, np.float32) / 255

    @property
    def classification(self) -> Classification:
        """The answer, without the feature map."""
        return Classification(self.predictions, np.empty(0, np.float32), self.sure, self.note)

    def cells(self) -> list[str]:
        """Its line in the CSV."""
        cells = [cell for p in self.predictions for cell in (p.label, f"{p.probability:.4f}")]
        cells += [""] * (2 * TOP_K - len(cells))
        sure = "" if self.problem else "yes" if self.sure else "no"
        return [self.name, sure, *cells, self.problem or self.note]

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
    """The result: `n` of `total` photos have a row; fewer if it was stopped, or if `late`: its time was over.

    `remarks` are sentences on the zip that they came in.
    """

    directory: Path
    class_names: tuple[str, ...]
    n: int
    total: int
    seconds: float
    late: bool
    remarks: tuple[str, ...] = ()

    @property
    def csv(self) -> Path:
        return self.directory / ANSWERS_CSV

    def rows(self) -> list[Row]:
        with (self.directory / ROWS).open(encoding="utf-8") as lines:
            return [Row.from_json(line) for line in lines]

    def photo(self, row: Row) -> Image.Image:
        """The photo of a row, PHOTO_SIDE_PX at most. Raises PhotoError."""
        return open_photo(self.directory / PHOTOS / f"{row.index}.jpg", name=row.name)

    def thumbnail(self, row: Row) -> bytes:
        """A JPEG of a few kilobytes; b"" where there is none."""
        try:
            return (self.directory / THUMBNAILS / f"{row.index}.jpg").read_bytes()
        except OSError:
            return b""

    def write_csv(self) -> None:
        """The rows for spreadsheets."""
        columns = [f"{what}_{rank}" for rank in range(1, TOP_K + 1) for what in ("label", "probability")]
        write_csv(self.csv, [["file", "sure", *columns, "note"], *(row.cells() for row in self.rows())])

    def tile(self, row: Row) -> Tile:
        """The row's place on a contact sheet."""
        top, photo = row.predictions[0], self.directory / PHOTOS / f"{row.index}.jpg"
        form = display_name(top.label)
        words = (form, percent(top.probability)) if row.sure else ("Not sure", f"nearest: {form}")
        return Tile(photo, row.heatmap, row.name, *words, sure=row.sure)


def chosen(rows: Iterable[Row], filter: str = ALL, words: str = "") -> list[Row]:
    """The rows that a filter lets through, and whose name holds the words, or that of the form that they surely show.

    A filter is one of ALL, UNCLEAR, STRANGE and UNREADABLE, or `of_class(label)`.
    """
    words = _plain(words.strip())
    return [row for row in rows if _passes(row, filter) and any(words in _plain(name) for name in _names(row))]


def of_class(label: str) -> str:
    """The filter that finds the sure answers of a class."""
    return f"class {label}"


def tally(rows: Iterable[Row]) -> Counter[str]:
    """How many rows each filter finds, the classes first, the most frequent first."""
    rows = list(rows)
    classes = Counter(of_class(row.predictions[0].label) for row in rows if row.sure)
    others = Counter(row.kind for row in rows if not row.sure)
    return Counter(dict(classes.most_common()) | {kind: others[kind] for kind in (UNCLEAR, STRANGE, UNREADABLE)})


def _names(row: Row) -> Iterator[str]:
    """By what a row can be found: its own name, and its form's, in both scripts."""
    yield row.name
    if row.sure:
        label = row.predictions[0].label
        yield display_name(label)
        if own := own_name(label):
            yield own[0]


def _plain(text: str) -> str:
    return nfc(text).casefold()


def _passes(row: Row, filter: str) -> bool:
    if filter in (UNCLEAR, STRANGE, UNREADABLE):
        return row.kind == filter
    return filter == ALL or row.sure and filter == of_class(row.predictions[0].label)
