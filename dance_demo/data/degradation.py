"""What cameras and messengers do to a photo, at random strengths: for copies of *training* photos.

`perturbations` has the fixed ones that answers are measured under; no measure looks at these.
"""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

SECOND = 0.3  # how often a degraded photo is degraded in another way, too
FILTERS = (Image.Resampling.NEAREST, Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


def degraded(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One photo, uint8 (H, W, 3), as a poor camera or a messenger would have left it; of the same shape."""
    ways = generator.permutation(len(DEGRADATIONS))[: 1 + (generator.random() < SECOND)]
    for way in ways:
        pixels = DEGRADATIONS[way](pixels, generator)
    return pixels


def defocused(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A Gaussian whose radius is 0.2 to 1.6 % of the longer side."""
    radius = generator.uniform(0.002, 0.016) * max(pixels.shape[:2])
    return cv2.GaussianBlur(pixels, (0, 0), sigmaX=radius)


def shaken(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The mean along a line of 1.5 to 6 % of the longer side, in any direction."""
    length = max(2, round(generator.uniform(0.015, 0.06) * max(pixels.shape[:2])))
    angle = generator.uniform(0, np.pi)
    size = length | 1
    line = np.zeros((size, size), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    centre = np.full(2, size // 2)
    start, end = (tuple(map(int, np.rint(centre + sign * reach))) for sign in (-1, 1))
    cv2.line(line, start, end, 1.0, lineType=cv2.LINE_AA)
    return cv2.filter2D(pixels, -1, line / line.sum())


def coarsened(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Made small, to 17 to 50 % of the side, and large again, by filters of many programs."""
    height, width = pixels.shape[:2]
    share = generator.uniform(0.17, 0.5)
    small, large = (FILTERS[index] for index in generator.integers([0, 2], [len(FILTERS), len(FILTERS)]))
    photo = Image.fromarray(pixels).resize((max(1, round(width * share)), max(1, round(height * share))), small)
    return np.asarray(photo.resize((width, height), large))


def darkened(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """20 to 60 % of the light, and the noise of a sensor: a standard deviation of up to 12 of 255."""
    light, grain = generator.uniform(0.2, 0.6), generator.uniform(0, 12)
    noise = generator.standard_normal(pixels.shape, dtype=np.float32) * grain
    dark: np.ndarray = (light * pixels + noise).clip(0, 255).astype(np.uint8)
    return dark


def without_colour(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Grey, four times in five wholly and else nearly."""
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    left = 0.0 if generator.random() < 0.8 else generator.uniform(0, 0.3)
    pale: np.ndarray = (grey[..., None] + left * (pixels - grey[..., None])).clip(0, 255).astype(np.uint8)
    return pale


def tinted(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The light of lamps and stages: a gain of 0.65 to 1.4 for each channel, and a gamma of 0.6 to 1.6."""
    gains = generator.uniform(0.65, 1.4, size=3).astype(np.float32)
    gamma = np.exp(generator.uniform(np.log(0.6), np.log(1.6)))
    levels = 255 * (np.arange(256, dtype=np.float32)[:, None] / 255) ** gamma * gains
    table = levels.clip(0, 255).astype(np.uint8)
    return np.stack([table[pixels[..., channel], channel] for channel in range(3)], axis=-1)


def squeezed(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A JPEG of quality 10 to 60, as messengers make them."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(10, 61))]
    _, photo = cv2.imencode(".jpg", pixels[..., ::-1], quality)  # OpenCV has blue first
    return np.asarray(cv2.imdecode(photo, cv2.IMREAD_COLOR))[..., ::-1]


DEGRADATIONS: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    defocused,
    shaken,
    coarsened,
    darkened,
    without_colour,
    tinted,
    squeezed,
)
