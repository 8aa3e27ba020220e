"""Lays a heatmap over a dancer's photo, so that one can see where the model looked."""

import numpy as np
from PIL import Image

COLORMAPS = ("inferno", "magma", "plasma", "viridis", "cividis")  # even steps for the eye, also in grey
OPACITY = 0.6


def overlay(
    photo: Image.Image, heatmap: np.ndarray, *, opacity: float = OPACITY, colormap: str = COLORMAPS[0]
) -> Image.Image:
    """The photo under the heatmap (h, w) in [0, 1], at the photo's size; cold places stay as they were.

    opacity in [0, 1] is the share of the colour where the heat is 1. Raises ValueError for anything else.
    """
    colours, coverage = _coloured(heatmap, photo.size, opacity, colormap)
    result = photo.convert("RGB")  # a copy
    result.paste(colours, mask=coverage)
    return result


def layer(
    heatmap: np.ndarray, size: tuple[int, int], *, opacity: float = OPACITY, colormap: str = COLORMAPS[0]
) -> Image.Image:
    """What `overlay` lays over a photo of that size, alone: RGBA, transparent where it is cold."""
    colours, coverage = _coloured(heatmap, size, opacity, colormap)
    colours.putalpha(coverage)
    return colours


def _coloured(
    heatmap: np.ndarray, size: tuple[int, int], opacity: float, colormap: str
) -> tuple[Image.Image, Image.Image]:
    """(RGB, L): the colours of the heat, and how much of them covers the photo."""
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be from 0 to 1. Received: {opacity}")
    if colormap not in COLORMAPS:
        raise ValueError(f"colormap must be one of {', '.join(COLORMAPS)}. Received: {colormap!r}")
    levels = Image.fromarray((heatmap * 255).round().astype(np.uint8))
    heat = levels.resize(size, Image.Resampling.BICUBIC)  # smooth, and clipped where bicubic overshoots
    coverage = heat.point([round(opacity * level) for level in range(256)])
    heat.putpalette(palette(colormap))
    return heat.convert("RGB"), coverage


def palette(colormap: str = COLORMAPS[0]) -> bytes:
    """256 colours for 256 levels of heat, 3 bytes each. Pillow looks them up faster than NumPy would."""
    from matplotlib import colormaps  # 0.1 s and 17 MB, needed for the first heatmap only

    return colormaps[colormap](np.arange(256), bytes=True)[:, :3].tobytes()
