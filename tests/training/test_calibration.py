"""Temperatures: found again where they are known, cautious with few photos, and never fitted to the photo itself."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from dance_demo.training.calibration import calibrated, cautious_temperature, fit_temperature


def test_the_temperature_of_overconfident_logits_is_found_again():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 4))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > generator.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.05)
    assert fit_temperature(logits / 2, labels) == pytest.approx(0.5, rel=0.05)


def test_no_other_temperature_makes_the_labels_likelier():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 60)
    logits = 4 * (generator.normal(size=(60, 3)) + 1.5 * np.eye(3)[labels])
    best = fit_temperature(logits, labels)
    losses = [
        log_loss(labels, softmax(logits / temperature, axis=1)) for temperature in (best, 0.98 * best, 1.02 * best)
    ]
    assert losses[0] == min(losses)


def test_a_few_photos_that_are_all_right_do_not_make_it_certain():
    logits = np.eye(3)[[0, 1, 2, 0]] * 2
    certain = softmax(logits / fit_temperature(logits, [0, 1, 2, 0]), axis=1).max()
    doubting = softmax(logits / fit_temperature(logits, [0, 1, 2, 0], doubt=1 / 6), axis=1).max()
    assert certain > 0.999 and doubting == pytest.approx(1 - 1 / 6 + 1 / 18, abs=1e-3)


def test_the_temperature_of_a_photo_comes_from_neither_it_nor_its_copies():
    generator = np.random.default_rng(0)
    classes, groups = np.arange(60) % 3, np.arange(60) // 2
    logits = generator.normal(size=(60, 3)) + 2 * np.eye(3)[classes]
    before = calibrated(logits, classes, groups, seed=0)
    wrong = classes.copy()
    wrong[:2] = (classes[:2] + 1) % 3  # of one picture and its copy
    after = calibrated(logits, wrong, groups, seed=0)
    np.testing.assert_array_equal(before[:2], after[:2])
    assert (before != after).any()
    np.testing.assert_allclose(after.sum(axis=1), 1)


def test_a_single_group_is_calibrated_by_itself_for_want_of_others():
    logits = np.array([[2.0, 0.0], [0.0, 1.0]])
    temperature = cautious_temperature(logits, np.array([0, 1]))
    found = calibrated(logits, np.array([0, 1]), np.array([5, 5]), seed=0)
    np.testing.assert_allclose(found, softmax(logits / temperature, axis=1), rtol=1e-6)
