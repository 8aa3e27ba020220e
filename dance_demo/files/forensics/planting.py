"""Copies planted into photos, so that one can measure who finds them: a tool, or a class.

A piece of the photo with an outline of its own is copied to another place of the same photo, its edge softened, as
somebody would who covers a thing or doubles a dancer. Only pieces with some texture are taken: a piece of a blank wall,
copied onto the same wall, cannot be told from the wall.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from dance_demo.files.forensics.region import Box

Change = Literal["plain", "scaled", "turned", "mirrored"]

CHANGES: tuple[Change, ...] = ("plain", "scaled", "turned", "mirrored")
SHARE_OF_SIDE = (0.15, 0.3)  # the piece's width and height against the root of the photo's area
SCALES = (0.8, 1.25)
LEAST_SCALE = 0.05  # away from 1, or it would be a plain copy
ANGLES = (10.0, 180.0)
EDGE_PX = 1.0  # how far the edge is softened
MIN_TEXTURE = 4.0  # mean step between neighbouring pixels, of 255
TRIES = 60


@dataclass(frozen=True)
class Planted:
    """A photo with a copied piece, and where it came from and went to."""

    photo: Image.Image
    source: Box
    target: Box
    change: Change


def plant_copy(photo: Image.Image, change: Change, random: np.random.Generator) -> Planted | None:
    """Copy a piece of an RGB photo to another place in it; None if it has no piece with texture and room."""
    texture = _texture(photo)
    side = (photo.width * photo.height) ** 0.5
    for _ in range(TRIES):
        width, height = (round(side * random.uniform(*SHARE_OF_SIDE)) for _ in range(2))
        source = _place(photo.size, (width, height), random)
        if source is None or texture[source[1] : source[3], source[0] : source[2]].mean() < MIN_TEXTURE:
            continue
        mask = _outline((width, height), random)
        piece, outline = _changed(photo.crop(source), mask, change, random)
        target = _place(photo.size, piece.size, random)
        if target is None or _overlap(source, target):
            continue
        forged = photo.copy()
        forged.paste(piece, target[:2], outline)
        return Planted(forged, _around(mask, source), _around(outline, target), change)
    return None


def _texture(photo: Image.Image) -> np.ndarray:
    """(h, w): the mean step from each pixel to the next one, right and below."""
    grey = np.asarray(photo.convert("L"), np.float32)
    right = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    below = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    return np.asarray((right + below) / 2)


def _place(photo: tuple[int, int], piece: tuple[int, int], random: np.random.Generator) -> Box | None:
    if piece[0] >= photo[0] or piece[1] >= photo[1]:
        return None
    x, y = int(random.integers(0, photo[0] - piece[0])), int(random.integers(0, photo[1] - piece[1]))
    return x, y, x + piece[0], y + piece[1]


def _around(outline: Image.Image, place: Box) -> Box:
    """The box around what an outline at this place lets through."""
    x0, y0, x1, y1 = outline.point(lambda value: 255 * (value > 127)).getbbox() or (0, 0, *outline.size)
    return place[0] + x0, place[1] + y0, place[0] + x1, place[1] + y1


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _outline(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A mask in the form of a pebble that fills the size: an ellipse whose radius waves."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    x, y = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    angle = np.arctan2(y, x)
    radius = np.ones_like(angle)
    for waves in (2, 3, 4):
        radius -= random.uniform(0, 0.08) * (1 + np.sin(waves * angle + random.uniform(0, 2 * np.pi)))
    inside = np.hypot(x, y) < radius
    return Image.fromarray((inside * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(EDGE_PX))


def _changed(
    piece: Image.Image, outline: Image.Image, change: Change, random: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    both = [piece, outline]
    if change == "scaled":
        up = random.uniform() < 0.5
        scale = random.uniform(1 + LEAST_SCALE, SCALES[1]) if up else random.uniform(SCALES[0], 1 - LEAST_SCALE)
        size = (round(piece.width * scale), round(piece.height * scale))
        both = [one.resize(size, Image.Resampling.BICUBIC) for one in both]
    elif change == "turned":
        angle = random.uniform(*ANGLES) * random.choice([-1, 1])
        both = [one.rotate(angle, Image.Resampling.BICUBIC, expand=True) for one in both]
    elif change == "mirrored":
        both = [one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for one in both]
    return both[0], both[1]
