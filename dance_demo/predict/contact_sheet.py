"""Many photos on one picture, each coloured where it speaks for its answer, with its name and the answer below."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from dance_demo.errors import PhotoError
from dance_demo.files.photo import open_photo
from dance_demo.model.heatmap.overlay import overlay

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

TILES_AT_MOST = 100  # on one sheet
COLUMNS_AT_MOST = 8
PICTURE_PX, GAP_PX, MARGIN_PX = 220, 16, 32
ANSWER_PX, NAME_PX, TITLE_PX = 21, 17, 30  # letters
TEXT_PX = ANSWER_PX + 2 * NAME_PX + 24  # below a picture
PAPER, INK, QUIET, ACCENT = "#fbf8f3", "#2f2823", "#675b4f", "#ad3a2a"
_LETTERS_AT_MOST = 200  # of a text, before its width is measured


@dataclass(frozen=True, eq=False)
class Tile:
    """One photo on a sheet. `heatmap` is (h, w) in [0, 1]."""

    photo: Path
    heatmap: np.ndarray
    name: str
    answer: str
    detail: str  # how probable, or what else there is to say
    sure: bool = True


def n_sheets(n_tiles: int) -> int:
    return math.ceil(n_tiles / TILES_AT_MOST)


def contact_sheet(tiles: Sequence[Tile], *, title: str) -> Image.Image:
    """The tiles in rows, from left to right, under a title. A photo that is gone leaves its place empty.

    Raises ValueError for none, or more than TILES_AT_MOST.
    """
    if not 1 <= len(tiles) <= TILES_AT_MOST:
        raise ValueError(f"a sheet has from 1 to {TILES_AT_MOST} tiles. Received: {len(tiles)}")
    columns = min(COLUMNS_AT_MOST, max(3, math.ceil(math.sqrt(len(tiles)))))
    rows = math.ceil(len(tiles) / columns)
    step_x, step_y = PICTURE_PX + GAP_PX, PICTURE_PX + TEXT_PX + GAP_PX
    top = MARGIN_PX + TITLE_PX + GAP_PX + 8
    sheet = Image.new(
        "RGB", (2 * MARGIN_PX + columns * step_x - GAP_PX, top + rows * step_y + MARGIN_PX - GAP_PX), PAPER
    )
    pen = _Pen(ImageDraw.Draw(sheet))
    pen.write(title, (MARGIN_PX, MARGIN_PX), TITLE_PX, sheet.width - 2 * MARGIN_PX, bold=True)
    for number, tile in enumerate(tiles):
        corner = MARGIN_PX + number % columns * step_x, top + number // columns * step_y
        _put(sheet, pen, tile, corner)
    return sheet


def _put(sheet: Image.Image, pen: "_Pen", tile: Tile, corner: tuple[int, int]) -> None:
    left, top = corner
    with_heat = _picture(tile)
    if with_heat:  # at the bottom of its place, so that the words are close to it
        sheet.paste(with_heat, (left, top + PICTURE_PX - with_heat.height))
    below = top + PICTURE_PX + 6
    pen.write(tile.answer, (left, below), ANSWER_PX, PICTURE_PX, bold=True, colour=INK if tile.sure else ACCENT)
    pen.write(tile.detail, (left, below + ANSWER_PX + 5), NAME_PX, PICTURE_PX)
    pen.write(tile.name, (left, below + ANSWER_PX + NAME_PX + 9), NAME_PX, PICTURE_PX, colour=QUIET)


def _picture(tile: Tile) -> Image.Image | None:
    try:
        return overlay(open_photo(tile.photo, max_side_px=PICTURE_PX), tile.heatmap)
    except PhotoError:
        return None


class _Pen:
    """Writes one line, which is cut where there is no more room."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self.draw = draw
        self.fonts: dict[tuple[int, bool], FreeTypeFont] = {}

    def write(
        self, text: str, at: tuple[int, int], size_px: int, width_px: int, *, bold: bool = False, colour: str = INK
    ) -> None:
        if (size_px, bold) not in self.fonts:
            self.fonts[size_px, bold] = _font(size_px, bold)
        font = self.fonts[size_px, bold]
        self.draw.text(at, _fitting(_visible(text), font, width_px), fill=colour, font=font)


def _font(size_px: int, bold: bool) -> "FreeTypeFont":
    """DejaVu Sans, which comes with matplotlib and knows more scripts than Pillow's own font."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(file, size_px, layout_engine=ImageFont.Layout.BASIC)


def _visible(text: str) -> str:
    """One line, without marks that steer, which would turn the letters after them around."""
    kept = (letter if letter.isprintable() else " " for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join("".join(kept).split())


def _fitting(text: str, font: "FreeTypeFont", width_px: int) -> str:
    """The text, with its middle left out if it is too long: the end of a file name tells most."""
    half = len(text) // 2 if len(text) <= _LETTERS_AT_MOST else _LETTERS_AT_MOST // 2
    short = text if len(text) <= _LETTERS_AT_MOST else f"{text[:half]}…{text[-half:]}"
    while half > 1 and font.getlength(short) > width_px:
        half -= 1
        short = f"{text[:half].rstrip()}…{text[-half:].lstrip()}"
    return short
