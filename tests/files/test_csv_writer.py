"""Tables for spreadsheets."""

import csv

import pytest

from dance_demo.files.csv_writer import csv_bytes, csv_safe, write_csv

FORMULAS = ["=cmd()", "=photo.jpg", "+1+1", "-A1*2", "@SUM(A1)", "-cmd|'x'!A1", "+RAND()", "\tx", "\rx"]


@pytest.mark.parametrize("text", FORMULAS)
def test_D18_text_that_a_spreadsheet_would_run_is_marked_as_text(text):
    assert csv_safe(text) == "'" + text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("kathak;=cmd|' /C calc'!A0", "kathak;'=cmd|' /C calc'!A0"),
        ("a, b;\t+1*1;\n@x()", "a, b;\t'+1*1;\n'@x()"),
        (" =1", " '=1"),
        ("one - two; three", "one - two; three"),
    ],
)
def test_D18_W13_a_formula_is_none_either_where_semicolons_or_tabs_divide_the_cells(text, safe):
    assert csv_safe(text) == safe


NAMES = ["-5KQ66BBWC4.jpg", "+91 98 (1).jpg", "@home.jpg", "-1", "-कथक.jpg", "--a_b.png", "kathak; -1.5"]


@pytest.mark.parametrize("value", [*NAMES, "kathak", "a=b", "", -0.5, 3, None, "कथक"])
def test_D18_everything_else_is_exported_as_it_is(value):
    assert csv_safe(value) == value


@pytest.mark.parametrize("mark", [True, False])
def test_a_table_comes_back_as_it_was_written(tmp_path, mark):
    rows = [["file", "note"], ["कथक.jpg", 'a, "b"\nc'], ["=cmd.jpg", ""]]
    write_csv(tmp_path / "table.csv", rows, mark=mark)
    with (tmp_path / "table.csv").open(encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        assert list(csv.reader(file)) == [*rows[:2], ["'=cmd.jpg", ""]]
    assert csv_bytes(rows).startswith(b"\xef\xbb\xbf")  # or Excel guesses the letters
