"""Photos that the network has not seen, as files of every kind that a page meets."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw
from tests.support.icc import display_p3

TURNED = 6  # EXIF: the camera was held upright
SIZES = {"small": (240, 300), "medium": (480, 600), "large": (820, 1024), "huge": (1640, 2050)}
MOST_DIFFERENCE = 0.01  # of a probability, between the app and an export


def unseen(folder: Path) -> Iterator[Path]:
    """Drawings with seeds that were never used in training: JPEG, PNG and WebP, below and above 960 px, turned, with a
    wide-gamut profile, with transparency, and drowned in another drawing, so that the model hesitates."""
    for number, (size, form) in enumerate(itertools.product(SIZES, FORM_NAMES)):
        drawing = draw(form, 70_000 + number, size=SIZES[size])
        name = f"{form}-{size}"
        if size == "huge" and number % 2:
            continue  # they take long
        yield _saved(drawing, folder / f"{name}.jpg", quality=88)
        if size in ("small", "medium"):
            other = draw(FORM_NAMES[(number + 3) % len(FORM_NAMES)], 80_000 + number, size=SIZES[size])
            yield _saved(Image.blend(drawing, other, 0.5), folder / f"{name}-mixed.jpg", quality=88)
            yield _saved(drawing, folder / f"{name}.png")
            yield _saved(_through_glass(drawing), folder / f"{name}-glass.png")
        if size == "small":
            yield _saved(drawing.resize((97, 333)), folder / f"{name}-narrow.webp", lossless=True)
        if size == "large":
            exif = Image.Exif()
            exif[0x0112] = TURNED
            yield _saved(drawing, folder / f"{name}-turned.jpg", quality=88, exif=exif)
        if size == "medium":
            yield _saved(drawing, folder / f"{name}-p3.jpg", quality=88, icc_profile=display_p3())


def _saved(photo: Image.Image, path: Path, **how: object) -> Path:
    photo.save(path, **how)
    return path


def _through_glass(photo: Image.Image) -> Image.Image:
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    return clear
