"""Text from strangers, made fit for one line."""

import unicodedata

import pytest

from dance_demo.one_line import is_one_line, one_line


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
    assert one_line(text) == shown
    assert is_one_line(shown) and not is_one_line(text)


@pytest.mark.parametrize("text", ["Kathak", "मणिपुरी", "കഥകളി\u200d", "a  b", "Ballèt", "💃"])
def test_names_in_any_script_are_one_line(text):
    assert is_one_line(text) and one_line(text) == " ".join(unicodedata.normalize("NFC", text).split())


def test_halves_which_no_file_can_hold_are_none():
    assert not is_one_line("kathak\ud800")
