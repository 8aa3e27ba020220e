"""What the network takes in."""

import numpy as np
import pytest
from PIL import Image

from dance_demo.model.preprocessing import SQUARE_SIDE_PX, to_input
from tests.support.made_up import photo as made_up


def test_to_input_is_the_formula_of_mobilenet():
    colours = np.arange(SQUARE_SIDE_PX**2 * 3).reshape(SQUARE_SIDE_PX, SQUARE_SIDE_PX, 3) % 256
    values = to_input(Image.fromarray(colours.astype(np.uint8)), SQUARE_SIDE_PX)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, colours / 127.5 - 1, atol=1e-6)


def test_to_input_squashes_and_keeps_every_corner_in_its_place():
    photo = Image.new("RGB", (600, 200), "black")
    photo.paste("red", (0, 0, 300, 100))
    photo.paste("lime", (300, 0, 600, 100))
    photo.paste("blue", (0, 100, 300, 200))
    values = to_input(photo, 64)
    assert values.shape == (64, 64, 3)
    corners = values[8, 8], values[8, -8], values[-8, 8], values[-8, -8]
    assert [list(corner) for corner in corners] == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [-1, -1, -1]]


def test_to_input_averages_what_it_shrinks():
    lines = np.zeros((896, 896, 3), np.uint8)
    lines[::2] = 255
    assert np.abs(to_input(Image.fromarray(lines))).max() < 0.1  # grey, not stripes


def test_a_photo_that_is_not_rgb_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="Received mode 'L'"):
        to_input(made_up(0).convert("L"))
