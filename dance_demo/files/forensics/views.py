"""A photo in other lights, for the eye: they make faint things visible, and none of them is a verdict.

In a small trial no number made from error levels, noise or ghosts told forged photos from others better than chance
(docs/inspect.md); the page draws the same views in the browser, with sliders.

    levels         only the darkest or the brightest tones, spread over the whole range
    invert         the negative
    error levels   what saving as JPEG once more changes (Krawetz 2007)
    noise          the photo less its smoothed self: a median of 3 x 3
    ghosts         where a second saving at some quality changes least (Farid 2009)
    gradient       how steeply brightness rises, its direction as colour
"""

from collections.abc import Iterator
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from dance_demo.files.forensics.inspection import Inspection
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo

ERROR_LEVEL_QUALITY = 90  # in [1, 95]
ERROR_LEVEL_GAIN, NOISE_GAIN = 15.0, 8.0
GHOST_QUALITIES = (50, 60, 70, 80, 90)
_GHOST_WINDOW_PX = 8
_DARK, _BRIGHT = (0, 64), (192, 255)
MAX_SIDE_PX = 4096  # a larger photo is shrunk to it
OUTLINES = ("#e6261f", "#1f6fe6", "#0a8f3c", "#b3169b", "#d98000", "#00848c")


def draw_views(photo: Image.Image, found: Inspection) -> Iterator[tuple[str, Image.Image]]:
    """(name for a file, RGB picture) of each view of an upright RGB photo, in its size, and what was found there.

    Error levels, noise and ghosts are of the pixels as they are in the file: give it the photo unshrunk.
    """
    yield "dark", levels(photo, *_DARK)
    yield "bright", levels(photo, *_BRIGHT)
    yield "invert", ImageOps.invert(photo)
    yield "error-levels", error_levels(photo, ERROR_LEVEL_QUALITY)
    yield "noise", noise(photo)
    for quality in GHOST_QUALITIES:
        yield f"ghost-{quality}", ghost(photo, quality)
    yield "gradient", gradient(photo)
    if found.copied_regions:
        yield "copied", outlined(photo, found)


def levels(photo: Image.Image, black: int, white: int) -> Image.Image:
    """What is `black` or darker becomes black, what is `white` or brighter white, and the rest is spread between."""
    spread = 255 / max(1, white - black)
    return photo.point(lambda value: round(min(255.0, max(0.0, (value - black) * spread))))


def error_levels(photo: Image.Image, quality: int, gain: float = ERROR_LEVEL_GAIN) -> Image.Image:
    return _picture(np.abs(_difference(photo, quality)) * gain)


def ghost(photo: Image.Image, quality: int) -> Image.Image:
    """Squared difference in windows of 8 x 8, dark where it is least."""
    squared = np.square(_difference(photo, quality)).mean(axis=2)
    values = cv2.blur(squared, (_GHOST_WINDOW_PX, _GHOST_WINDOW_PX))
    low, high = np.percentile(values, [1, 99])
    return _picture(np.repeat(((values - low) / max(high - low, 1e-6) * 255)[..., None], 3, axis=2))


def noise(photo: Image.Image, gain: float = NOISE_GAIN) -> Image.Image:
    smooth = np.asarray(photo.filter(ImageFilter.MedianFilter(3)), float)
    return _picture((np.asarray(photo, float) - smooth) * gain + 128)


def gradient(photo: Image.Image) -> Image.Image:
    grey = np.asarray(photo.convert("L"), float)
    down, right = np.gradient(grey)
    steep = np.hypot(down, right)
    strength = steep / max(float(np.percentile(steep, 99)), 1e-6)
    hue = (np.arctan2(down, right) / (2 * np.pi) % 1) * 255
    colours = np.stack([hue, np.full_like(hue, 200), np.clip(strength, 0, 1) * 255], axis=-1).round().astype(np.uint8)
    return Image.fromarray(colours, "HSV").convert("RGB")


def outlined(photo: Image.Image, found: Inspection) -> Image.Image:
    """The photo with both pieces of each pair outlined in one colour."""
    picture = photo.copy()
    draw, width = ImageDraw.Draw(picture), max(2, max(photo.size) // 300)
    across, down = picture.width / found.size[0], picture.height / found.size[1]
    for number, region in enumerate(found.copied_regions):
        colour = OUTLINES[number % len(OUTLINES)]
        for box in (region.source, region.target):
            draw.rectangle(
                [box[0] * across, box[1] * down, box[2] * across - 1, box[3] * down - 1], None, colour, width
            )
    return picture


def _difference(photo: Image.Image, quality: int) -> np.ndarray:
    again = open_photo(BytesIO(jpeg(photo, quality)), max_side_px=None)
    return np.asarray(np.asarray(photo, float) - np.asarray(again, float))


def _picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
