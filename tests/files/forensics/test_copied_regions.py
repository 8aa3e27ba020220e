"""Copies planted into drawings are found where they are; drawings without one are not suspected."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dance_demo.data.illustrations import draw
from dance_demo.files.forensics.copied_regions import copied_regions
from dance_demo.files.forensics.planting import CHANGES, plant_copy
from dance_demo.files.forensics.region import THRESHOLD
from dance_demo.files.photo import open_photo
from tests.benchmarks.copied_regions import MIN_SIDES_PX, best, lies_at, saved


def landscape(seed: int, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Something like a meadow: structure of every size that repeats nowhere."""
    random = np.random.default_rng(seed)
    layers = np.zeros((size[1], size[0], 3))
    for blur in (1.5, 4, 12, 40):
        noise = Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8))
        values = np.asarray(noise.filter(ImageFilter.GaussianBlur(blur)), float)
        layers += (values - values.mean()) / values.std()
    return Image.fromarray((128 + 24 * layers).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("change", CHANGES)
def test_a_planted_copy_is_found_where_it_is(change):
    planted = plant_copy(landscape(0), change, np.random.default_rng(0))
    [region] = copied_regions(saved(planted.photo, 85))
    assert region.score >= THRESHOLD
    assert lies_at(region.source, region.target, planted.source, planted.target)
    assert region.mirrored == (change == "mirrored")
    assert (abs(region.angle) > 5) == (change == "turned") or region.mirrored
    assert (abs(region.scale - 1) > 0.03) == (change == "scaled")


def test_where_nothing_was_copied_nothing_is_found():
    assert copied_regions(landscape(1)) == []
    assert copied_regions(Image.new("RGB", (300, 200), "white")) == []
    ramp = np.tile(np.arange(300, dtype=np.uint8)[:, None, None] // 2, (1, 300, 3))
    assert copied_regions(Image.fromarray(ramp)) == []


def test_straight_edges_are_no_copies_of_themselves():
    """An edge agrees with itself wherever it is shifted along its own direction: an arm, a stage, a curtain."""
    photo = landscape(4)
    for left in (60, 200, 330):
        photo.paste("black", (left, 0, left + 20, 300))
    assert copied_regions(photo) == []


def test_boxes_are_in_the_pixels_that_are_asked_for_and_inside_the_photo():
    planted = plant_copy(landscape(1), "plain", np.random.default_rng(1))
    [small] = copied_regions(planted.photo)
    [large] = copied_regions(planted.photo, full_size=(4000, 3000))
    for one, ten in ((small.source, large.source), (small.target, large.target)):
        assert np.abs(np.array(ten) - 10 * np.array(one)).max() <= 10
        assert 0 <= ten[0] < ten[2] <= 4000 and 0 <= ten[1] < ten[3] <= 3000


def test_a_photo_with_no_piece_to_copy_is_left_alone():
    assert plant_copy(Image.new("RGB", (200, 200), "white"), "plain", np.random.default_rng(0)) is None


@pytest.mark.parametrize("size", [(8, 8), (8, 160), (30, 30), (1024, 52)])
def test_small_and_narrow_photos_have_no_copies_and_make_no_error(size):
    assert copied_regions(draw("odissi", 0).resize(size)) == []


@pytest.mark.slow
def test_of_real_photos_nine_in_ten_copies_are_found_and_few_untouched_ones_suspected(shared):
    """A small part of what `tests.benchmarks.copied_regions` measures: docs/inspect.md has the rates."""
    paths = sorted((shared / "data" / "dance" / "train").glob("*.jpg"))
    photos = [photo for photo in map(open_photo, paths[:60]) if sorted(photo.size) >= list(MIN_SIDES_PX)][:10]
    assert len(photos) == 10
    found = suspected = 0
    for number, photo in enumerate(photos):
        suspected += best(saved(photo, 90))[0] >= THRESHOLD
        planted = plant_copy(photo, "plain", np.random.default_rng(number))
        found += best(saved(planted.photo, 90), (planted.source, planted.target))[1] >= THRESHOLD
    assert found >= 8 and suspected <= 2
