"""Reads the CSV that says which photo shows which dance, whatever program wrote it.

Excel writes semicolons or tabs, a byte order mark or UTF-16; old programs end lines with a bare carriage
return. All of that is read. What cannot be read for sure (no such column, two that fit, an open quote) is
refused with the line and an example: a wrong column taken silently would train a wrong model.
"""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dance_demo.errors import DatasetError
from dance_demo.files.code_page import OF_TABLES, guess_code_page

MAX_TABLE_BYTES = 20_000_000
MAX_TABLE_ROWS = 100_000
_IMAGE_WORDS = """
filepath filepaths filenames files paths photos images imagename imagefile imagefilename imagepath imagerelpath relpath
relativepath imageid img imgname imgpath imgfile imgid photoname photopath photoid picture 图片
"""
_LABEL_WORDS = """
labels targets classes classname classlabel labelname category categories categoryname tag tags breed danceform dance
danceclass danceclasses danceforms dancename groundtruth 类别 标签
"""
# The first of these groups in which a column is found decides. Names are compared without blanks, "_" and "-".
IMAGE_COLUMNS = (
    ("image", "filename", "file", "path", "photo"),
    tuple(_IMAGE_WORDS.split()),
    ("id", "name", "pic", "uri", "fname"),
)
LABEL_COLUMNS = (("target", "label", "class"), tuple(_LABEL_WORDS.split()), ("style", "form", "species", "type", "y"))
Names = Sequence[Sequence[str]]

_BETWEEN_CELLS = re.compile(rb'[,;\t\r\n"]')  # none of these is a part of a letter, in any code page
_PHOTO = re.compile(r"\.(jpe?g|jfif|png|webp|gif|bmp|avif|hei[cf])$", re.IGNORECASE)
_MARKS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}  # of a class in a column of its own
_EXAMPLE = "Expected lines like\nImage,target\n1.jpg,kathak"


@dataclass(frozen=True)
class Row:
    """One line below the header."""

    line: int  # as an editor counts, from 1
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A CSV with a header."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    picked: tuple[int, int] | None = None  # the places of the photos and of the labels, where somebody has said so
    code_page: str = ""  # that was assumed, where it does not say how it is written

    def column(self, names: Names) -> int:
        """The place of the one column with one of these names, of the first group that has any.

        Raises DatasetError if there is none, or more than one and so no telling which is meant.
        """
        if self.picked and names in (IMAGE_COLUMNS, LABEL_COLUMNS):
            return self.picked[names is LABEL_COLUMNS]
        found = self._found(names)
        if not found:
            columns = ", ".join(self.columns)[:200]
            wanted = " or ".join(names[0])
            raise DatasetError(f"{self.name}: no column named {wanted}; found {columns}. {_EXAMPLE}")
        if len(found) > 1:
            twins = " and ".join(self.columns[index] for index in found)
            raise DatasetError(f"{self.name}: the columns {twins} could both be meant. Keep one of them.")
        return found[0]

    def with_picked(self, photos: str, labels: str) -> "Table":
        """The table, whose columns of these names hold the photos and the labels. Raises DatasetError."""
        plain = [plain_name(column) for column in self.columns]
        for name in (photos, labels):
            if plain.count(plain_name(name)) != 1:
                found = ", ".join(self.columns)[:200]
                raise DatasetError(f"{self.name}: no column, or more than one, is named {name[:60]}; found {found}.")
        return replace(self, picked=(plain.index(plain_name(photos)), plain.index(plain_name(labels))))

    def has_column(self, names: Names) -> bool:
        """Whether any column bears one of these names."""
        return bool(self._found(names))

    def _found(self, names: Names) -> list[int]:
        plain = [plain_name(column) for column in self.columns]
        groups = ([index for index, column in enumerate(plain) if column in map(plain_name, group)] for group in names)
        return next((found for found in groups if found), [])


def read_table(path: Path, *, name: str | None = None) -> Table:
    """The CSV at ``path``, called ``name`` in messages. Blank lines are left out; heads that are missing are made up.

    Raises DatasetError if it is empty, too large, not text, or its quotes do not close.
    """
    name = name or path.name
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        limit = MAX_TABLE_BYTES // 1_000_000
        raise DatasetError(f"{name}: {size / 1e6:.0f} MB; the limit for a CSV is {limit} MB.")
    text, page = _decode(path.read_bytes(), name)
    rows = _read_rows(text, name)
    if not rows:
        raise DatasetError(f"{name}: the file is empty. {_EXAMPLE}")
    columns = _without_blank_end(tuple(cell.strip() for cell in rows[0].cells), 0)
    if any(map(_PHOTO.search, columns)):  # the first line is about a photo, as all others are
        columns = _made_up_heads(columns)
    else:
        rows = rows[1:]
    body = tuple(Row(row.line, _without_blank_end(row.cells, len(columns))) for row in rows)
    return Table(name, columns, body, code_page=page)


def with_labels_of_columns(table: Table) -> Table | None:
    """The table with a column of labels made from one column of 0 and 1 for each class, as Roboflow writes them."""
    images = table._found(IMAGE_COLUMNS)
    rows = [row for row in table.rows if len(row.cells) == len(table.columns)]
    marks = [index for index in range(len(table.columns)) if index not in images]
    marks = [index for index in marks if all(row.cells[index].strip().lower() in _MARKS for row in rows)]
    if len(images) != 1 or len(marks) < 2 or not rows:
        return None
    labels = [[table.columns[index] for index in marks if _MARKS[row.cells[index].strip().lower()]] for row in rows]
    if sum(len(label) == 1 for label in labels) < 0.9 * len(rows):
        return None
    label_at = {row.line: label[0] for row, label in zip(rows, labels, strict=True) if len(label) == 1}
    width = len(table.columns)
    labeled = (Row(row.line, (*(*row.cells, *[""] * width)[:width], label_at.get(row.line, ""))) for row in table.rows)
    return replace(table, columns=(*table.columns, "label"), rows=tuple(labeled))


def _made_up_heads(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Heads for a table without: of the first photo among these cells, and of what is said about it."""
    image = next(index for index, cell in enumerate(cells) if _PHOTO.search(cell))
    others = ["target"] if len(cells) == 2 else [f"column {number}" for number in range(1, len(cells) + 1)]
    return tuple("Image" if index == image else others[index % len(others)] for index in range(len(cells)))


def plain_name(column: str) -> str:
    return re.sub(r"[\s_\-.]", "", column).lower()


def _without_blank_end(cells: tuple[str, ...], kept: int) -> tuple[str, ...]:
    """The cells without blank ones at the end, which commas too many make; the first ``kept`` stay."""
    while len(cells) > kept and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _decode(data: bytes, name: str) -> tuple[str, str]:
    """(its text, the code page that was assumed for want of anything that says so)"""
    encoding, guessed = _guess_encoding(data)
    text = data.decode(encoding, errors="replace")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DatasetError(f"{name}, line {line}: a zero byte, so this is no text file. Save it as CSV.")
    return text, encoding if guessed else ""


def _guess_encoding(data: bytes) -> tuple[str, bool]:
    """(encoding, whether it is no more than likely)"""
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", False
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", False
    if data[1:200:2].count(0) > data[:200:2].count(0) + 2:  # every other byte: UTF-16 without its mark
        return "utf-16-le", False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return guess_code_page(_BETWEEN_CELLS.split(data), OF_TABLES) or OF_TABLES[0], True
    return "utf-8", False


def _read_rows(text: str, name: str) -> list[Row]:
    rows: list[Row] = []
    first, delimiter = 1, ""
    if told := re.match(r"\s*\"?sep=(.)\"?[ \t]*(\r\n|\r|\n)", text):  # as Excel writes it
        first, delimiter, text = text.count("\n", 0, told.end()) + (told[2] == "\r") + 1, told[1], text[told.end() :]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _guess_delimiter(text), strict=True)
    line = first
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, tuple(cells)))
            line = reader.line_num + first
            if len(rows) > MAX_TABLE_ROWS:
                raise DatasetError(f"{name}: over {MAX_TABLE_ROWS:,} lines, which is the limit for a CSV.")
    except csv.Error as error:
        raise DatasetError(f"{name}, line {line}: cannot be read as CSV ({error}). {_EXAMPLE}") from error
    return rows


def _guess_delimiter(text: str) -> str:
    header = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    return max(",;\t|", key=header.count)  # the first one wins a tie
