"""A brush that thinks in head-heights: smooth shapes, tapered limbs and folded cloth on a large canvas.

All points are in heads, x to the right and y up, with the ground under the dancer at (0, 0).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDES = (-1, 1)  # left and right in the picture
Colour = tuple[int, ...]  # 0-255, red green blue, and alpha where light may pass
Point = tuple[float, float]
Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (across, down), both in [0, 1] -> points (n, 2)


def mix(first: Colour, second: Colour, part: float) -> Colour:
    """The colour ``part`` of the way from ``first`` to ``second``."""
    return tuple(round(a + (b - a) * part) for a, b in zip(first[:3], second[:3], strict=True))


def darker(colour: Colour, part: float = 0.3) -> Colour:
    return mix(colour, (24, 8, 24), part)


def lighter(colour: Colour, part: float = 0.3) -> Colour:
    return mix(colour, (255, 244, 224), part)


def smooth(points: Sequence[Point], *, closed: bool, steps: int = 8) -> np.ndarray:
    """A Catmull-Rom curve through ``points``: (n, 2)."""
    given = np.asarray(points, dtype=float)
    ends = (given[-1:], given[:2]) if closed else (given[:1], given[-1:])
    p = np.concatenate([ends[0], given, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None, :] for i in range(4))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, given[-1:]])


class Brush:
    """Paints on ``image``, where (0, 0) lies at ``ground_px``, and one head is ``scale`` pixels.

    ``tilt`` turns everything to the left, in radians.
    """

    def __init__(self, image: Image.Image, ground_px: Point, scale: float, tilt: float = 0.0) -> None:
        self.image, self.ground_px, self.scale = image, ground_px, scale
        cos, sin = scale * math.cos(tilt), scale * math.sin(tilt)
        self._matrix = np.array([[cos, -sin], [-sin, -cos]])
        self._draw = ImageDraw.Draw(image, "RGBA")

    def pixels(self, points: Sequence[Point] | np.ndarray) -> np.ndarray:
        pixels: np.ndarray = np.asarray(points, dtype=float) @ self._matrix + self.ground_px
        return pixels

    def around(self, centre: Point, factor: float, tilt: float) -> "Brush":
        """A brush that paints everything ``factor`` times larger and tilted around ``centre``."""
        turned = Brush(self.image, (0.0, 0.0), self.scale * factor, tilt)
        offset = self.pixels([centre])[0] - turned.pixels([centre])[0]
        return Brush(self.image, tuple(offset), self.scale * factor, tilt)

    def enlarged(self, factor: int, *, blur: float) -> "Brush":
        """A brush for the same scene on a larger copy of the picture, blurred by ``blur`` pixels."""
        size = (self.image.width * factor, self.image.height * factor)
        image = self.image.filter(ImageFilter.BoxBlur(blur)).resize(size, Image.Resampling.BILINEAR)
        return Brush(image, (self.ground_px[0] * factor, self.ground_px[1] * factor), self.scale * factor)

    def polygon(self, points: Sequence[Point] | np.ndarray, colour: Colour) -> None:
        self._draw.polygon(self.pixels(points).ravel().tolist(), fill=colour)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled closed curve through ``points``."""
        self.polygon(smooth(points, closed=True), colour)

    def ellipse(self, centre: Point, radius_x: float, radius_y: float, colour: Colour) -> None:
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        self.polygon(np.stack([np.cos(angle) * radius_x, np.sin(angle) * radius_y], axis=1) + centre, colour)

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        (x, y), r = self.pixels([centre])[0].tolist(), radius * self.scale
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def bead(self, centre: Point, radius: float, colour: Colour) -> None:
        """A dot with a dark rim and a glint."""
        self.dot(centre, radius, darker(colour, 0.5))
        self.dot(centre, radius * 0.8, colour)
        self.dot((centre[0] - radius * 0.25, centre[1] + radius * 0.3), radius * 0.3, lighter(colour, 0.8))

    def stroke(
        self, points: Sequence[Point], width: float | Sequence[float], colour: Colour, *, round_ends: bool = True
    ) -> None:
        """A curve through ``points`` whose width may change from point to point."""
        centre = smooth(points, closed=False)
        widths = np.atleast_1d(np.asarray(width, dtype=float))
        half = np.interp(np.linspace(0, 1, len(centre)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
        along = np.gradient(centre, axis=0)
        normal = along[:, ::-1] * (-1, 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        self.polygon(np.concatenate([centre + normal * half, (centre - normal * half)[::-1]]), colour)
        if len(colour) == 3:  # rounds ends and sharp bends; on a translucent stroke it would show
            for i in range(0, len(centre), 8) if round_ends else range(8, len(centre) - 1, 8):
                self.dot(tuple(centre[i]), half[i, 0], colour)

    def limb(self, points: Sequence[Point], widths: Sequence[float], colour: Colour) -> None:
        """A rounded limb: shade at the edge, light from the upper left."""
        self.stroke(points, widths, darker(colour, 0.36))
        self.stroke(
            [(x - 0.014, y + 0.012) for x, y in points], [w * 0.87 for w in widths], mix(colour, darker(colour), 0.3)
        )
        self.stroke(
            [(x - w * 0.06, y + w * 0.04) for (x, y), w in zip(points, widths, strict=True)],
            [w * 0.68 for w in widths],
            colour,
        )
        glow = [(x - w * 0.17, y + w * 0.11) for (x, y), w in zip(points, widths, strict=True)]
        self.stroke(glow, [0.0, *(w * 0.24 for w in widths[1:-1]), 0.0], lighter(colour, 0.13))

    def cloth(self, surface: Surface, colour: Colour, *, pleats: int, depth: float = 0.3) -> None:
        """Folded cloth over ``surface``: pleats alternate between light and shade, the far side is darker."""
        down = np.linspace(0, 1, 9)
        for i in range(pleats * 2):
            left, right = (surface(np.full(9, j / (pleats * 2)), down) for j in (i, i + 1))
            fold = depth * (0.75 if i % 2 else 0.0) + depth * 0.9 * max(0.0, i / (pleats * 2) - 0.45)
            tone = lighter(colour, depth * 0.5) if i % 4 == 0 else darker(colour, fold)
            self.polygon(np.concatenate([left, right[::-1]]), tone)

    def band(self, surface: Surface, top: float, bottom: float, colour: Colour, *, pleats: int = 0) -> None:
        """A border woven into ``surface`` between two heights in [0, 1], pleated like the cloth."""
        parts = max(1, pleats * 2)
        for i in range(parts):
            across = np.linspace(i, i + 1, max(2, 65 // parts)) / parts
            upper, lower = surface(across, np.full_like(across, top)), surface(across, np.full_like(across, bottom))
            self.polygon(np.concatenate([upper, lower[::-1]]), darker(colour, 0.28) if i % 2 else colour)

    def motifs(self, surface: Surface, rows: Sequence[float], count: int, radius: float, colour: Colour) -> None:
        """Small diamonds woven in rows, shifted by half a step from row to row."""
        for row, down in enumerate(rows):
            across = (np.arange(count) + (0.75 if row % 2 else 0.25)) / (count + 0.5) * 0.9 + 0.05
            slim = np.clip(1.5 * np.sin(np.pi * across), 0.2, 1.0) * radius  # seen from the side near the edges
            for (x, y), half in zip(surface(across, np.full(count, down)), slim, strict=True):
                self.polygon([(x - half, y), (x, y + radius * 1.3), (x + half, y), (x, y - radius * 1.3)], colour)


def bell(
    top: Point,
    top_half: float,
    hem: Point,
    hem_half: float,
    *,
    dip: float = 0.15,
    flare: float = 1.0,
    wave: float = 0.0,
    waves: int = 9,
    swing: float = 0.0,
) -> Surface:
    """A skirt around the body. ``flare`` < 1 bulges like a dome, > 1 opens like a trumpet.

    The hem may ``wave`` and ``swing`` up on the right (heads).
    """

    def surface(across: np.ndarray, down: np.ndarray) -> np.ndarray:
        angle = np.pi * across
        half = top_half + (hem_half - top_half) * down**flare
        x = top[0] + (hem[0] - top[0]) * down - half * np.cos(angle)
        ripple = wave * down**2 * np.sin(waves * angle)
        y = top[1] + (hem[1] - top[1]) * down - dip * half * np.sin(angle) + ripple
        y = y - swing * down * np.cos(angle)
        return np.stack([x, y], axis=1)

    return surface


def fan(centre: Point, radius: float, middle_degrees: float, spread_degrees: float, *, inner: float = 0.08) -> Surface:
    """A pleated fan that opens from ``centre`` around ``middle_degrees`` (-90 is straight down)."""

    def surface(across: np.ndarray, down: np.ndarray) -> np.ndarray:
        angle = np.radians(middle_degrees + (across - 0.5) * spread_degrees)
        reach = radius * (inner + (1 - inner) * down)
        return np.stack([centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)], axis=1)

    return surface
