"""docs/threats.md tells the truth: each row is there, each test that it names exists, and no test is left out."""

import ast
import re
from functools import cache

import pytest

from tests.support import ROOT

THREATS, MEASURED, SECURITY = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("docs/threats.md", "docs/measurements.md", "SECURITY.md")
)
# photos, datasets, life cycle, attacks, one against the others, video, quiz
LAST_ROW = {"I": 18, "D": 18, "C": 18, "S": 12, "W": 13, "V": 7, "Q": 1}
ROWS = {  # - **I1. What goes wrong.** What we promise, then a list of tests
    row[1]: (row[2], row[3].strip(), re.findall(r"^  - `(test_\w+)`$", row[4], re.MULTILINE))
    for row in re.finditer(
        r"^- \*\*([A-Z]\d+)\. ([^*]+)\.\*\* (.+\n(?:  [^ -].*\n)*)((?:  - .+\n)+)", THREATS, re.MULTILINE
    )
}


@cache
def named_tests() -> dict[str, str]:
    """Every test function by name, with the file that it is in, read from the source."""
    return {
        node.name: path.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def rows_of(test: str) -> list[str]:
    """`test_I18_S7_only_an_upload...` -> I18, S7."""
    return re.findall(r"_([IDCSWVQ]\d+)(?=_)", re.match(r"test((?:_[IDCSWVQ]\d+)*_?)", test)[0] + "_")


def test_every_row_is_there_once_and_in_order():
    assert list(ROWS) == [f"{part}{number}" for part, last in LAST_ROW.items() for number in range(1, last + 1)]
    assert len(re.findall(r"^- ", THREATS, re.MULTILINE)) == len(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests_and_one_of_them_bears_its_number(row):
    what, promise, named = ROWS[row]
    assert what and promise and named
    assert set(named) <= set(named_tests())
    assert any(row in rows_of(test) for test in named)


def test_every_test_that_bears_a_number_belongs_to_a_row():
    assert {row for test in named_tests() for row in rows_of(test)} <= set(ROWS)


def test_numbers_are_read_from_the_names_of_tests():
    assert rows_of("test_I18_S7_only_an_uploaded_file_is_taken") == ["I18", "S7"]
    assert rows_of("test_nothing_of_I5_here") == []


def test_the_settings_that_are_named_are_there():
    named = set(re.findall(r"`(DANCE_DEMO_\w+)", SECURITY + (ROOT / "docs" / "server.md").read_text(encoding="utf-8")))
    assert named
    for variable in named:
        sources = [ROOT / "app.py", *(ROOT / "dance_demo").rglob("*.py")]
        assert any(variable in path.read_text("utf-8") for path in sources), variable


def test_every_measured_figure_stands_with_its_number_its_seed_and_its_machine():
    section = MEASURED.partition("## Robustness and load")[2]
    lines = re.findall(r"^- \*\*([^*]+)\*\*\s+\(([^()]+)\):\s+(.+)$", section, re.MULTILINE)
    assert len(lines) == len(re.findall("^- ", section, re.MULTILINE)) >= 6
    for what, how, result in lines:
        assert re.search(r"\d", how) and re.search(r"machine\s+[AB]$", how), what
        assert re.search(r"\d", result), what
