"""Writes tables for spreadsheets. Text of strangers is in them, and none of it runs as a formula."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

# Where a cell begins, also in a spreadsheet that splits at semicolons or tabs, and what would make it a formula. Behind
# +, - and @ that is a call, an operator or a quote: -5KQ66BBWC4.jpg, "+91 98 (1).jpg" and -1.5 are none.
_PLAIN = r"(?:[\w .-]|\(\d+\))*(?:$|[;,\t\r\n])"
_FORMULA = re.compile(rf"(^|[;,\t\r\n|])(\s*)(?==|[+@-](?!{_PLAIN}))|^(?=[\t\r])")


def write_csv(path: Path, rows: Iterable[Iterable[object]], *, mark: bool = True) -> None:
    """Write the rows, the header first, to the file `path`."""
    path.write_bytes(csv_bytes(rows, mark=mark))


def csv_bytes(rows: Iterable[Iterable[object]], *, mark: bool = True) -> bytes:
    """The same as bytes. Without the `mark` in front Excel does not know that it is UTF-8; some programs read it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([csv_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def csv_safe(value: object) -> object:
    """The value as a spreadsheet may have it: text that a spreadsheet would run gets a ' in front.

    >>> csv_safe("=cmd()"), csv_safe("kathak;=cmd()"), csv_safe("-5KQ66BBWC4.jpg"), csv_safe(-0.5)
    ("'=cmd()", "kathak;'=cmd()", '-5KQ66BBWC4.jpg', -0.5)
    """
    return _FORMULA.sub(r"\1\2'", value) if isinstance(value, str) else value
