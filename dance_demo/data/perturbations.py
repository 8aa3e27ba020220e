"""What cameras, messengers and careless hands do to a photo: turned, cropped, blurred, without colour, in the dark.

Each takes an upright RGB photo and returns another one; none changes the photo that it was given.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps, ImageStat

from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo

CROP = 0.1  # of the width and height, cut off at each side
BLUR = 0.01  # radius as a share of the longer side
JPEG_QUALITY = 30
LIGHT = 0.3  # of the brightness is left
GRAIN = 8.0  # standard deviation of the noise of a sensor in the dark, of 255


def mirrored(photo: Image.Image) -> Image.Image:
    return ImageOps.mirror(photo)


def cropped(photo: Image.Image, share: float = CROP) -> Image.Image:
    """Without this share of the width and height at each side."""
    width, height = photo.size
    x, y = round(share * width), round(share * height)
    return photo.crop((x, y, width - x, height - y))


def turned(photo: Image.Image, degrees: float) -> Image.Image:
    """Turned counter-clockwise within its frame; the corners take the photo's mean colour."""
    return photo.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=_mean_colour(photo))


def blurred(photo: Image.Image, share: float = BLUR) -> Image.Image:
    """Out of focus: a Gaussian whose radius is this share of the longer side."""
    return photo.filter(ImageFilter.GaussianBlur(share * max(photo.size)))


def dark(photo: Image.Image, light: float = LIGHT) -> Image.Image:
    """This share of the light, and the noise that comes with it, the same at every call."""
    noise = np.random.default_rng(0).normal(0, GRAIN, (photo.height, photo.width, 3))
    return Image.fromarray((light * np.asarray(photo) + noise).clip(0, 255).round().astype(np.uint8))


def grey(photo: Image.Image) -> Image.Image:
    return photo.convert("L").convert("RGB")


def compressed(photo: Image.Image, quality: int = JPEG_QUALITY) -> Image.Image:
    """Saved as a small JPEG, as messengers do, and opened again."""
    return open_photo(jpeg(photo, quality), max_side_px=None)


def covered(photo: Image.Image, heatmap: np.ndarray, share: float) -> Image.Image:
    """A square of the photo's mean colour over the hottest place of heatmap (h, w).

    Its side is this share of the shorter side.
    """
    row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    x, y = (column + 0.5) / heatmap.shape[1] * photo.width, (row + 0.5) / heatmap.shape[0] * photo.height
    reach = share * min(photo.size) / 2
    hidden = photo.copy()
    ImageDraw.Draw(hidden).rectangle((x - reach, y - reach, x + reach, y + reach), fill=_mean_colour(photo))
    return hidden


def _mean_colour(photo: Image.Image) -> tuple[int, ...]:
    return tuple(round(mean) for mean in ImageStat.Stat(photo).mean)
