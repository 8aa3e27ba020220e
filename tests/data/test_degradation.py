"""What poor cameras do to a copy: every way keeps form and scene, changes something, and comes from the generator."""

import numpy as np
import pytest

from dance_demo.data.augmentation import Augmentation, augmented
from dance_demo.data.degradation import DEGRADATIONS, degraded, without_colour
from tests.support.made_up import photo

WAYS = pytest.mark.parametrize("way", DEGRADATIONS, ids=lambda way: way.__name__)


def pixels(seed: int = 0, size: tuple[int, int] = (96, 72)) -> np.ndarray:
    return np.asarray(photo(seed, size=size))


@WAYS
def test_each_way_changes_a_photo_but_not_its_form_and_leaves_the_given_one(way):
    given = pixels()
    changes = []
    for seed in range(20):
        copy = way(given, np.random.default_rng(seed))
        assert copy.shape == given.shape and copy.dtype == np.uint8
        changes.append(np.abs(copy.astype(int) - given).mean())
        scenes = [one.mean(axis=2).reshape(8, 9, 8, 12).mean(axis=(1, 3)).ravel() for one in (given, copy)]
        assert np.corrcoef(*scenes)[0, 1] > 0.7, scenes
    assert max(changes) > 1 and max(changes) < 130
    np.testing.assert_array_equal(given, pixels())


@WAYS
def test_each_way_takes_the_smallest_photos(way):
    for size in ((1, 1), (2, 30), (30, 2)):
        assert way(pixels(size=size), np.random.default_rng(0)).shape == (*size[::-1], 3)


def test_the_same_generator_degrades_alike_and_all_ways_occur():
    first, again = (degraded(pixels(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    greys = [np.ptp(degraded(pixels(), np.random.default_rng(seed)), axis=2).max() == 0 for seed in range(150)]
    assert 8 < sum(greys) < 50  # a seventh, and some of the second ways
    assert np.ptp(without_colour(pixels(), np.random.default_rng(1)), axis=2).mean() < np.ptp(pixels(), axis=2).mean()


def test_copies_are_degraded_as_often_as_the_augmentation_says_and_never_by_default():
    still = {"min_area": 1, "max_aspect": 0, "max_tilt_degrees": 0, "max_recolour": 0, "mirror": False}
    square = pixels(size=(48, 48))
    changed = {}
    for probability in (0.0, 0.5, 1.0):
        settings = Augmentation(**still, erase_probability=0, degrade_probability=probability)
        copies = [augmented(square, settings, 48, np.random.default_rng(seed)) for seed in range(60)]
        changed[probability] = sum(np.abs(copy - (square / 127.5 - 1)).max() > 1e-5 for copy in copies)
    assert changed[0.0] == 0 and 18 < changed[0.5] < 42 and changed[1.0] > 48
    assert Augmentation().degrade_probability == 0
