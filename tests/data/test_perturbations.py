"""What changes to a photo leave of it, with photos whose change can be worked out."""

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.perturbations import blurred, compressed, covered, cropped, dark, grey, mirrored, turned
from tests.support.made_up import photo


def test_mirrored_twice_is_the_photo_itself():
    assert mirrored(mirrored(photo(1))).tobytes() == photo(1).tobytes() != mirrored(photo(1)).tobytes()


def test_a_crop_takes_a_tenth_off_each_side():
    assert cropped(Image.new("RGB", (200, 100))).size == (160, 80)


def test_a_grey_photo_has_three_equal_channels():
    channels = np.asarray(grey(photo(1)))
    assert (channels[..., 0] == channels[..., 1]).all() and (channels[..., 1] == channels[..., 2]).all()


def test_a_small_jpeg_is_nearly_the_photo_and_the_dark_one_much_darker():
    before = np.asarray(photo(1), float)
    assert 1 < np.abs(np.asarray(compressed(photo(1)), float) - before).mean() < 20
    assert np.asarray(dark(photo(1))).mean() == pytest.approx(0.3 * before.mean(), rel=0.05)


def test_a_turned_photo_keeps_its_size_and_turned_by_nothing_it_is_itself():
    assert turned(photo(1), 30).size == photo(1).size
    assert turned(photo(1), 0).tobytes() == photo(1).tobytes() != turned(photo(1), 1).tobytes()


def test_a_blur_of_no_radius_changes_nothing_and_a_wide_one_leaves_one_colour():
    assert blurred(photo(1), 0).tobytes() == photo(1).tobytes()
    assert np.asarray(blurred(photo(1), 1), float).std(axis=(0, 1)).max() < 12


def test_the_hottest_place_is_covered_and_nothing_else():
    heatmap = np.zeros((4, 4))
    heatmap[0, 3] = 1
    before, after = Image.new("RGB", (80, 80), "red"), None
    before.paste("blue", (40, 0, 80, 40))
    after = np.asarray(covered(before, heatmap, 0.25))
    changed = (after != np.asarray(before)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() == 0 and rows.max() == 20 and columns.min() == 60 and columns.max() == 79
