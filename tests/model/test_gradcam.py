"""Heatmaps in closed form, held against automatic differentiation and against maps with a known answer."""

from dataclasses import replace

import numpy as np
import pytest

from dance_demo.model.head import Head
from dance_demo.model.heatmap.gradcam import Evidence, contrast_heatmap, heatmap

CHANNELS, CLASSES = 6, 3


def made_up_head(weight: np.ndarray | None = None, *, power_normalized: bool = False) -> Head:
    if weight is None:
        weight = np.random.default_rng(1).normal(size=(CHANNELS, CLASSES))
    names = tuple(f"class {number}" for number in range(weight.shape[1]))
    return Head(names, weight, np.zeros(len(names)), 1.0, "0" * 64, power_normalized)


def made_up_map(seed: int = 0, shape: tuple[int, int] = (7, 7)) -> np.ndarray:
    return np.random.default_rng(seed).random((*shape, CHANNELS), dtype=np.float32)


both_kinds_of_features = pytest.mark.parametrize("power_normalized", [False, True])


def test_a_map_worked_out_by_hand():
    feature_map = np.zeros((2, 2, 2), np.float32)
    feature_map[0, 0] = (4, 0)
    feature_map[0, 1] = (2, 1)
    feature_map[1, 0] = (0, 3)
    head = made_up_head(np.array([[1.0, 0.0], [-1.0, 1.0]]))
    np.testing.assert_allclose(heatmap(feature_map, head, 0), [[1, 0.25], [0, 0]])
    np.testing.assert_allclose(heatmap(feature_map, head, 1), [[0, 1 / 3], [1, 0]], rtol=1e-6)
    np.testing.assert_allclose(contrast_heatmap(feature_map, head, 0, 1), [[1, 0], [0, 0]])


@both_kinds_of_features
@pytest.mark.parametrize("shape", [(7, 7), (1, 1), (1, 9), (10, 4)])
def test_a_heatmap_has_the_maps_shape_and_its_hottest_place_is_1(power_normalized, shape):
    head = made_up_head(power_normalized=power_normalized)
    for class_index in range(CLASSES):
        result = heatmap(made_up_map(shape=shape), head, class_index)
        assert (result.shape, result.dtype) == (shape, np.float32)
        assert result.min() >= 0 and result.max() in (0, 1)


@both_kinds_of_features
def test_I15_a_black_map_gives_zeros_and_no_warning(power_normalized):
    head = made_up_head(power_normalized=power_normalized)
    black = np.zeros((7, 7, CHANNELS), np.float32)
    assert not heatmap(black, head, 0).any()
    assert not contrast_heatmap(black, head, 0, 1).any()


@both_kinds_of_features
def test_evidence_gives_the_same_heatmaps_when_the_feature_map_is_gone(power_normalized):
    head, feature_map = made_up_head(power_normalized=power_normalized), made_up_map()
    evidence = Evidence.of(feature_map, head)
    for one in range(CLASSES):
        np.testing.assert_allclose(evidence.heatmap(one), heatmap(feature_map, head, one), atol=1e-6)
        for other in range(CLASSES):
            expected = contrast_heatmap(feature_map, head, one, other)
            np.testing.assert_allclose(evidence.contrast_heatmap(one, other), expected, atol=1e-5)


def test_a_class_that_nothing_speaks_for_gives_zeros():
    assert not heatmap(made_up_map(), made_up_head(-np.ones((CHANNELS, 2))), 0).any()


def test_an_even_photo_gives_zeros_rather_than_magnified_rounding():
    """Power-normalised evidence sums to zero over the picture, so of an even map only rounding is left."""
    even = np.broadcast_to(made_up_map()[0, 0], (7, 7, CHANNELS))
    assert not heatmap(even, made_up_head(power_normalized=True), 0).any()


@both_kinds_of_features
def test_brightness_of_the_map_does_not_change_the_heatmap(power_normalized):
    head = made_up_head(power_normalized=power_normalized)
    expected = heatmap(made_up_map(), head, 2)
    np.testing.assert_allclose(heatmap(made_up_map() * 1000, head, 2), expected, atol=1e-4)


@both_kinds_of_features
def test_the_contrast_of_two_classes_is_the_heatmap_of_a_class_with_the_difference_of_their_weights(
    power_normalized,
):
    head = made_up_head(power_normalized=power_normalized)
    columns = np.stack([head.weight[:, 0] - head.weight[:, 2], head.weight[:, 1]], axis=1)
    difference = made_up_head(columns, power_normalized=power_normalized)
    expected = heatmap(made_up_map(), difference, 0)
    np.testing.assert_allclose(contrast_heatmap(made_up_map(), head, 0, 2), expected, atol=1e-5)


@both_kinds_of_features
def test_no_place_speaks_for_either_of_two_classes_against_the_other(power_normalized):
    head = made_up_head(power_normalized=power_normalized)
    towards = contrast_heatmap(made_up_map(), head, 0, 1)
    away = contrast_heatmap(made_up_map(), head, 1, 0)
    assert not (towards * away).any()
    assert not contrast_heatmap(made_up_map(), head, 1, 1).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_refused(bad):
    feature_map = made_up_map()
    feature_map[3, 3, 0] = bad
    with pytest.raises(ValueError, match="must be finite"):
        heatmap(feature_map, made_up_head(), 0)


@pytest.mark.slow
@pytest.mark.parametrize("hidden_units", [0, 5])
@both_kinds_of_features
def test_the_closed_form_is_what_gradient_tape_computes(power_normalized, hidden_units):
    keras, tensorflow = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(0)
    photo = keras.Input((24, 24, 3))
    lively = keras.initializers.Constant(0.5)  # no channel dies, so the root's gradient exists everywhere
    maps = keras.layers.Conv2D(CHANNELS, 5, strides=3, activation="relu", bias_initializer=lively)(photo)
    features = keras.layers.GlobalAveragePooling2D()(maps)
    if power_normalized:
        roots = keras.ops.sqrt(features)
        features = roots / keras.ops.norm(roots, axis=1, keepdims=True)
    hidden = keras.layers.Dense(hidden_units, activation="relu") if hidden_units else None
    last = keras.layers.Dense(CLASSES)
    model = keras.Model(photo, [maps, last(hidden(features) if hidden else features)])
    head = made_up_head(last.kernel.numpy(), power_normalized=power_normalized)
    if hidden:
        head = replace(head, hidden_weight=hidden.kernel.numpy(), hidden_bias=hidden.bias.numpy())

    for seed in range(5):
        batch = np.random.default_rng(seed).uniform(-1, 1, (1, 24, 24, 3)).astype(np.float32)
        for class_index in range(CLASSES):
            with tensorflow.GradientTape() as tape:
                feature_maps, logits = model(batch)
                logit = logits[0, class_index]
            alpha = tape.gradient(logit, feature_maps).numpy().mean(axis=(0, 1, 2))
            feature_map = feature_maps.numpy()[0]
            expected = np.maximum(feature_map @ alpha, 0)
            difference = heatmap(feature_map, head, class_index) * expected.max() - expected
            assert np.linalg.norm(difference) <= 1e-4 * np.linalg.norm(expected)
