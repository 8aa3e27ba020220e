"""Reads the CSV that says which photo shows which dance, whatever program wrote it.

Excel writes semicolons or tabs, a byte order mark or UTF-16; old programs end lines with a bare carriage
return. All of that is read. What cannot be read for sure (no such column, two that fit, an open quote) is
refused with the line and an example: a wrong column taken silently would train a wrong model.
"""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dance_demo.errors import DatasetError

MAX_TABLE_BYTES = 20_000_000
MAX_TABLE_ROWS = 100_000
IMAGE_COLUMNS = ("image", "file_name", "filename", "file", "path", "photo")
LABEL_COLUMNS = ("target", "label", "class")

_EXAMPLE = "Expected lines like\nImage,target\n1.jpg,kathak"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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

    def column(self, names: Sequence[str]) -> int:
        """The place of the one column with one of these names (lower case).

        Raises DatasetError if there is none, or more than one and so no telling which is meant.
        """
        found = [index for index, column in enumerate(self.columns) if column.lower() in names]
        if not found:
            columns = ", ".join(self.columns)[:200]
            wanted = " or ".join(names)
            raise DatasetError(f"{self.name}: no column named {wanted}; found {columns}. {_EXAMPLE}")
        if len(found) > 1:
            twins = " and ".join(self.columns[index] for index in found)
            raise DatasetError(f"{self.name}: the columns {twins} could both be meant. Keep one of them.")
        return found[0]

    def has_column(self, names: Sequence[str]) -> bool:
        """Whether any column bears one of these names (lower case)."""
        return any(column.lower() in names for column in self.columns)


def read_table(path: Path, *, name: str | None = None) -> Table:
    """The CSV at ``path``, called ``name`` in messages. Blank lines are left out.

    Raises DatasetError if it is empty, too large, not text, or its quotes do not close.
    """
    name = name or path.name
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        limit = MAX_TABLE_BYTES // 1_000_000
        raise DatasetError(f"{name}: {size / 1e6:.0f} MB; the limit for a CSV is {limit} MB.")
    text = _decode(path.read_bytes(), name)
    rows = _read_rows(text, name)
    if not rows:
        raise DatasetError(f"{name}: the file is empty. {_EXAMPLE}")
    header, *body = rows
    return Table(name, tuple(cell.strip() for cell in header.cells), tuple(body))


def csv_safe(value: object) -> object:
    """The value as a spreadsheet may have it: text that would start a formula gets a ' in front.

    >>> csv_safe("=cmd()"), csv_safe("kathak"), csv_safe(-0.5)
    ("'=cmd()", 'kathak', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _decode(data: bytes, name: str) -> str:
    encoding = _guess_encoding(data)
    text = data.decode(encoding, errors="replace")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DatasetError(f"{name}, line {line}: a zero byte, so this is no text file. Save it as CSV.")
    return text


def _guess_encoding(data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data[1:200:2].count(0) > data[:200:2].count(0) + 2:  # every other byte: UTF-16 without its mark
        return "utf-16-le"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _read_rows(text: str, name: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_guess_delimiter(text), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, tuple(cells)))
            line = reader.line_num + 1
            if len(rows) > MAX_TABLE_ROWS:
                raise DatasetError(f"{name}: over {MAX_TABLE_ROWS:,} lines, which is the limit for a CSV.")
    except csv.Error as error:
        raise DatasetError(f"{name}, line {line}: cannot be read as CSV ({error}). {_EXAMPLE}") from error
    return rows


def _guess_delimiter(text: str) -> str:
    header = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    return max(",;\t", key=header.count)  # the first one wins a tie
