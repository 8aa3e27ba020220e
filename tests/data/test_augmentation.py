"""Changed copies of training photos: within range, as drawn from the generator, and never upside down."""

import inspect

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.augmentation import Augmentation, augmented, mixed
from tests.support.made_up import photo

SIDE_PX = 48
NOTHING = Augmentation(min_area=1, max_aspect=0, max_tilt_degrees=0, max_recolour=0, mirror=False, erase_probability=0)
STRONG = Augmentation(min_area=0.05, max_aspect=1, max_tilt_degrees=45, max_recolour=0.9, erase_probability=1)


def square(seed: int = 0, side_px: int = SIDE_PX) -> np.ndarray:
    return np.asarray(photo(seed, size=(side_px, side_px)))


def copy_of(pixels: np.ndarray, settings: Augmentation, seed: int = 0, side_px: int = SIDE_PX) -> np.ndarray:
    return augmented(pixels, settings, side_px, np.random.default_rng(seed))


def as_input(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 127.5 - 1


@pytest.mark.parametrize("settings", [Augmentation(), STRONG])
def test_copies_are_network_input_of_the_size_asked_for(settings):
    for seed in range(60):
        copy = copy_of(square(seed, 60), settings, seed, side_px=32)
        assert copy.shape == (32, 32, 3) and copy.dtype == np.float32
        assert np.isfinite(copy).all() and np.abs(copy).max() <= 1 and copy.std() > 0.01


def test_the_same_generator_gives_the_same_copy_and_another_one_another():
    first, again, other = (copy_of(square(), Augmentation(), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


def test_without_any_change_the_copy_is_the_photo():
    for seed in range(5):
        np.testing.assert_allclose(copy_of(square(), NOTHING, seed), as_input(square()), atol=1e-6)


def test_the_photo_itself_is_left_as_it_was():
    pixels = square()
    copy_of(pixels, STRONG)
    np.testing.assert_array_equal(pixels, square())


def test_mirroring_alone_gives_the_photo_or_its_mirror_image_about_equally_often():
    mirroring = Augmentation(**{**vars(NOTHING), "mirror": True})
    plain, mirrored = as_input(square()), as_input(square()[:, ::-1])
    kinds = []
    for seed in range(200):
        copy = copy_of(square(), mirroring, seed)
        kinds.append([np.abs(copy - kind).max() < 1e-5 for kind in (plain, mirrored)])
    assert np.sum(kinds, axis=1).tolist() == [1] * 200
    assert 70 < np.sum(kinds, axis=0)[0] < 130


def test_dancers_are_never_turned_upside_down():
    """A light sky over a dark floor stays that way, however strong the settings are."""
    scene = np.repeat(np.linspace(255, 0, SIDE_PX).astype(np.uint8)[:, None, None], SIDE_PX, axis=1).repeat(3, axis=2)
    settings = Augmentation(max_tilt_degrees=45, max_recolour=0.5, erase_probability=0)
    for seed in range(100):
        copy = copy_of(scene, settings, seed)
        assert copy[: SIDE_PX // 4].mean() > copy[-SIDE_PX // 4 :].mean()


def test_a_tilt_turns_like_pillow_turns():
    tilting = Augmentation(**{**vars(NOTHING), "max_tilt_degrees": 20})
    big = square(side_px=96)
    copy = copy_of(big, tilting, seed=3, side_px=96)[24:72, 24:72]
    errors = {
        degrees: np.abs(as_input(np.asarray(Image.fromarray(big).rotate(degrees)))[24:72, 24:72] - copy).mean()
        for degrees in range(-20, 21)
    }
    assert min(errors.values()) < 0.3 * errors[0]


@pytest.mark.parametrize("bad", [{"min_area": 0}, {"min_area": 1.1}, {"max_recolour": 1}, {"max_recolour": -0.1}])
def test_settings_out_of_range_are_refused_with_the_value(bad):
    with pytest.raises(ValueError, match=f"Received: {next(iter(bad.values()))}"):
        Augmentation(**bad)


def test_blending_keeps_the_sum_of_targets_and_the_range_of_pixels():
    for seed in range(60):
        generator = np.random.default_rng(seed)
        batch = generator.uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
        targets = np.eye(4, dtype=np.float32)[generator.integers(4, size=6)]
        photos, blended = mixed(batch, targets, generator)
        assert photos.shape == batch.shape and photos.dtype == blended.dtype == np.float32
        assert np.abs(photos).max() <= 1
        np.testing.assert_allclose(blended.sum(axis=1), 1, rtol=1e-5)
        assert blended.min() >= 0


def test_targets_are_blended_in_the_proportion_of_the_pixels():
    """Photo i is full of the number i, so that the mean of what comes out tells whose pixels are in it."""
    n = 5
    batch = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, 16, 16, 3))
    kinds = set()
    for seed in range(40):
        photos, targets = mixed(batch, np.eye(n, dtype=np.float32), np.random.default_rng(seed))
        np.testing.assert_allclose(photos.mean(axis=(1, 2, 3)), targets @ np.arange(n), atol=1e-5)
        kinds.add(bool((photos % 1 == 0).all()))  # a patch leaves the numbers as they are, mixup makes new ones
    assert kinds == {True, False}


def test_chance_comes_from_the_generator_alone():
    source = inspect.getsource(inspect.getmodule(augmented))
    assert "np.random.default_rng" not in source and "import random" not in source
