"""Contact sheets: every photo in its place, coloured where its heatmap is warm, and words that never run over."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from dance_demo.predict import contact_sheet as sheets
from dance_demo.predict.contact_sheet import MARGIN_PX, PICTURE_PX, TILES_AT_MOST, Tile, contact_sheet, n_sheets
from tests.support.hostile import HOSTILE

WARM, COLD = np.ones((7, 7), np.float32), np.zeros((7, 7), np.float32)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.new("RGB", (440, 440), (120, 120, 120)).save(path)
    return path


def tile(photo: Path, heatmap: np.ndarray = COLD, name: str = "stage/1.jpg", **about) -> Tile:
    return Tile(photo, heatmap, name, "Odissi", "96 %", **about)


def test_photos_stand_in_rows_and_only_the_warm_ones_are_coloured(photo):
    sheet = np.asarray(contact_sheet([tile(photo, WARM if n == 4 else COLD) for n in range(5)], title="A title"))
    grey = (abs(sheet.astype(int) - 120) <= 2).all(axis=2)
    assert grey.sum() == pytest.approx(4 * PICTURE_PX**2, rel=0.01)
    rows, columns = np.nonzero(grey)
    assert columns.min() == MARGIN_PX and sheet.shape[1] - columns.max() - 1 == MARGIN_PX
    place = sheet[rows.max() - PICTURE_PX // 2, MARGIN_PX + PICTURE_PX + 16 + PICTURE_PX // 2].astype(int)
    assert place[0] > place[2] + 30  # the fifth, in the second row: the pale yellow of great heat


@pytest.mark.parametrize("n", [1, 3, 9, 50, TILES_AT_MOST])
def test_a_sheet_has_room_for_each_and_is_no_larger_than_a_browser_shows(photo, n):
    sheet = contact_sheet([tile(photo)] * n, title="A title")
    assert max(sheet.size) < 5_000
    below = np.asarray(sheet)[-MARGIN_PX + 4 :]
    assert (below == below[0, 0]).all()  # nothing is cut off
    assert n_sheets(n) == 1


@pytest.mark.parametrize("n", [0, TILES_AT_MOST + 1])
def test_none_or_too_many_are_a_mistake(photo, n):
    with pytest.raises(ValueError, match=f"from 1 to {TILES_AT_MOST}"):
        contact_sheet([tile(photo)] * n, title="A title")


def test_more_photos_take_more_sheets():
    assert [n_sheets(n) for n in (0, 1, 100, 101, 5000)] == [0, 1, 1, 2, 50]


def test_a_photo_that_is_gone_leaves_its_place_empty(photo, tmp_path):
    with_gap = contact_sheet([tile(photo), tile(tmp_path / "gone.jpg"), tile(photo)], title="A title")
    whole = contact_sheet([tile(photo)] * 3, title="A title")
    left, top, right, bottom = ImageChops.difference(with_gap, whole).getbbox()
    assert (right - left, bottom - top) == (PICTURE_PX, PICTURE_PX)


def test_an_answer_that_is_not_sure_has_another_colour(photo):
    sheet = np.asarray(contact_sheet([tile(photo, sure=False)], title="A title")).reshape(-1, 3)
    assert (sheet == (0xAD, 0x3A, 0x2A)).all(axis=1).any()


@pytest.mark.parametrize("text", [*HOSTILE, "", "x" * 100_000, "a\nb\r\tc", "\ud800"])
def test_S1_any_name_is_written_on_one_line_within_its_place(photo, text):
    plain = contact_sheet([tile(photo)] * 3, title="A title")
    named = contact_sheet([tile(photo), Tile(photo, COLD, text, text, text), tile(photo)], title="A title")
    assert named.size == plain.size
    changed = ImageChops.difference(named, plain).getbbox()
    left = MARGIN_PX + PICTURE_PX + sheets.GAP_PX
    assert changed is None or left - 2 <= changed[0] and changed[2] <= left + PICTURE_PX + sheets.GAP_PX - 2


def test_of_a_long_name_the_end_stays(photo):
    font = sheets._font(17, False)
    short = sheets._fitting("a very long folder name/and another one/0123.jpg", font, 200)
    assert short.startswith("a very") and short.endswith("0123.jpg") and "…" in short
    assert font.getlength(short) <= 200
