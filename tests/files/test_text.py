"""Text from strangers, made fit for one line."""

import time
import unicodedata

import pytest

from dance_demo.files.text import is_single_line, nfc, printable, safe_file_name, single_line


@pytest.mark.parametrize(
    "text, shown",
    [
        ("  Kathak \n dance ", "Kathak dance"),
        ("\x1b[31mkathak", "[31mkathak"),
        ("kathak\u202ekahtak", "kathakkahtak"),
        ("kathak\u2067\u2028dance", "kathak dance"),
    ],
)
def test_D17_labels_cannot_steer_what_shows_them(text, shown):
    assert single_line(text) == shown
    assert is_single_line(shown) and not is_single_line(text)


@pytest.mark.parametrize("text", ["Kathak", "मणिपुरी", "കഥകളി\u200d", "a  b", "Ballèt", "💃"])
def test_names_in_any_script_are_one_line(text):
    assert is_single_line(text) and single_line(text) == " ".join(unicodedata.normalize("NFC", text).split())


def test_halves_which_no_file_can_hold_are_none():
    assert not is_single_line("kathak\ud800")


def test_names_of_files_are_shown_without_what_cannot_be_printed_and_not_endlessly():
    assert printable("dance\n\u202e.jpg") == "dance\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.jpg"
    assert printable("कथक.jpg") == "कथक.jpg" and len(printable("x" * 1000)) == 100 and printable("") == ""


@pytest.mark.parametrize("text", ["é", "कथक", "ḍ̇", "a\u0301\u0323" * 50, "z" + "\u0301" * 30])
def test_nfc_is_that_of_unicode(text):
    assert nfc(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("marks", ["\u0301", "\u0316\u0301", "\u0345\u0301\u0316"])
def test_W3_text_of_nothing_but_marks_costs_as_much_as_other_text(marks):
    text = "a" + marks * (250_000 // len(marks))
    started = time.perf_counter()
    assert len(nfc(text)) <= 31
    assert time.perf_counter() - started < 2, "it took 13 s"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Odissi/Orissi", "Odissi_Orissi"),
        ("..\\..\\x", "_.._x"),
        ("कथक", "कथक"),
        ("CON", "_CON"),
        ("nul.jpg", "_nul.jpg"),
        ("..", "_"),
        ("", "_"),
        ("a\n\0b\u202e:*?", "a b___"),
        ("\udcff", "_"),
        ("ends. ", "ends"),
        ("Lpt1.kathak", "_Lpt1.kathak"),
        ("A|B / C\\D", "A_B _ C_D"),
        ("क" * 100, "क" * 26),
    ],
)
def test_any_text_becomes_a_part_of_a_file_name(tmp_path, text, expected):
    name = safe_file_name(text)
    assert name == expected and len(name.encode()) <= 81
    (tmp_path / f"{name}.jpg").write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.jpg"]
