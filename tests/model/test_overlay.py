"""The heatmap over the photo: same size, cold places untouched, hot places in the palette's colour."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from dance_demo.model.heatmap.overlay import COLORMAPS, overlay


def made_up_photo(width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def spot(row: int, column: int) -> np.ndarray:
    heatmap = np.zeros((7, 7), np.float32)
    heatmap[row, column] = 1
    return heatmap


@pytest.mark.parametrize("size", [(1, 1), (960, 720), (33, 517), (1, 2000), (2000, 1)])
def test_I14_the_overlay_has_the_size_of_the_photo(size):
    result = overlay(made_up_photo(*size), spot(3, 3))
    assert (result.size, result.mode) == (size, "RGB")


def test_a_cold_heatmap_leaves_every_pixel_as_it_was():
    photo = made_up_photo(90, 60)
    np.testing.assert_array_equal(overlay(photo, np.zeros((7, 7), np.float32), opacity=1), photo)


def test_opacity_zero_leaves_every_pixel_as_it_was():
    photo = made_up_photo(90, 60)
    np.testing.assert_array_equal(overlay(photo, np.ones((7, 7), np.float32), opacity=0), photo)


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_a_hot_heatmap_at_full_opacity_is_the_end_of_the_palette(colormap):
    result = overlay(made_up_photo(90, 60), np.ones((7, 7), np.float32), opacity=1, colormap=colormap)
    expected = matplotlib.colormaps[colormap](255, bytes=True)[:3]
    np.testing.assert_array_equal(result, np.broadcast_to(expected, (60, 90, 3)))


def test_warm_places_are_a_mixture_in_proportion_to_opacity_and_heat():
    black, heatmap = Image.new("RGB", (40, 40)), np.full((7, 7), 0.6, np.float32)
    colour = np.array(matplotlib.colormaps["viridis"](153, bytes=True)[:3], float)
    mixed = np.asarray(overlay(black, heatmap, opacity=0.5, colormap="viridis"), float)
    np.testing.assert_allclose(mixed[20, 20], 0.5 * 0.6 * colour, atol=1.5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (3, 3), (6, 0), (6, 6)])
def test_I11_the_colour_lies_where_the_heat_is(row, column):
    black = Image.new("RGB", (210, 140))
    brightness = np.asarray(overlay(black, spot(row, column), opacity=1).convert("L"))
    y, x = np.unravel_index(brightness.argmax(), brightness.shape)
    assert (y * 7 // 140, x * 7 // 210) == (row, column)


def test_the_heat_is_smooth_and_far_away_the_photo_is_untouched():
    black = Image.new("RGB", (700, 700))
    brightness = np.asarray(overlay(black, spot(3, 3), opacity=1).convert("L"), int)
    assert np.abs(np.diff(brightness, axis=1)).max() <= 8, "no visible blocks of the 7 x 7 map"
    assert not brightness[:100].any() and not brightness[:, -100:].any()


def test_the_photo_and_the_heatmap_that_came_in_are_not_changed():
    photo, heatmap = made_up_photo(64, 48), spot(2, 2)
    photo_before, heatmap_before = photo.copy(), heatmap.copy()
    overlay(photo, heatmap)
    np.testing.assert_array_equal(photo, photo_before)
    np.testing.assert_array_equal(heatmap, heatmap_before)


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_an_opacity_beyond_0_and_1_is_named(opacity):
    with pytest.raises(ValueError, match=f"opacity .*Received: {opacity}"):
        overlay(made_up_photo(8, 8), spot(0, 0), opacity=opacity)


def test_an_unknown_colour_map_is_named():
    with pytest.raises(ValueError, match="Received: 'jet'"):
        overlay(made_up_photo(8, 8), spot(0, 0), colormap="jet")


def test_importing_the_overlay_does_not_load_matplotlib_and_using_it_does_not_load_pyplot():
    script = (
        "import sys, numpy; from PIL import Image; from dance_demo.model.heatmap.overlay import overlay\n"
        "assert 'matplotlib' not in sys.modules\n"
        "overlay(Image.new('RGB', (9, 9)), numpy.ones((7, 7), 'f4'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
