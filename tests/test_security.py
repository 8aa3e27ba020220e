"""SECURITY.md tells the truth: each of its rows is there, each test that it names exists, and no test is left out."""

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
LAST_ROW = {"I": 18, "D": 18, "C": 18, "S": 12, "V": 6, "Q": 1}  # photos, datasets, life cycle, attacks, video, quiz
ROWS = {
    row[1]: (row[2].strip(), row[3].strip(), row[4].strip())
    for row in re.finditer(r"^\| ([A-Z]\d+) \|([^|]+)\|([^|]+)\|([^|]+)\|$", TEXT, re.MULTILINE)
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
    return re.findall(r"_([IDCSVQ]\d+)(?=_)", re.match(r"test((?:_[IDCSVQ]\d+)*_?)", test)[0] + "_")


def test_every_row_is_there_once_and_in_order():
    assert list(ROWS) == [f"{part}{number}" for part, last in LAST_ROW.items() for number in range(1, last + 1)]
    assert len(re.findall(r"^\| [A-Z]\d+ \|", TEXT, re.MULTILINE)) == len(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests_that_bear_its_number_or_says_why_there_are_none(row):
    what, promise, proof = ROWS[row]
    assert what and promise
    named = re.findall(r"`(test_\w+)`", proof)
    assert named or proof.startswith("None: ") and len(proof) > 40
    assert set(named) <= set(named_tests())
    assert any(row in rows_of(test) for test in named) or not named


def test_every_test_that_bears_a_number_belongs_to_a_row():
    assert {row for test in named_tests() for row in rows_of(test)} <= set(ROWS)


def test_numbers_are_read_from_the_names_of_tests():
    assert rows_of("test_I18_S7_only_an_uploaded_file_is_taken") == ["I18", "S7"]
    assert rows_of("test_nothing_of_I5_here") == []


def test_what_it_tells_to_type_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make (\w+)", TEXT))
    assert {"test", "fuzz", "load", "kills", "lock"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for variable in re.findall(r"`(DANCE_DEMO_\w+)", TEXT):
        assert any(variable in path.read_text("utf-8") for path in (ROOT / "dance_demo").rglob("*.py")), variable
    assert (ROOT / "requirements.lock").is_file()


def test_every_measured_figure_stands_with_its_number_its_seed_and_its_machine():
    section = TEXT.partition("## Last measured")[2]
    lines = re.findall(r"^\| (?!What|-)([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|$", section, re.MULTILINE)
    assert len(lines) >= 6
    for what, inputs, seed, result, machine in lines:
        measured = re.search(r"\d", result) and re.search(r"\d", inputs) and machine.strip() in ("A", "B")
        assert measured or result.strip() == "not yet measured", what
        assert seed.strip(), what
