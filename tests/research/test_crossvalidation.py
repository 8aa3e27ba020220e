"""The networks of a cross-validation as models that can be asked."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dance_demo.model.loading import load_classifier
from dance_demo.research.crossvalidation import OutOfFold, save_fold_models
from dance_demo.research.network import build_model, pooled_features
from dance_demo.research.photos import TrainingPhotos
from dance_demo.research.recipe import Recipe
from tests.support.made_up import photo, pooled


@pytest.mark.slow
def test_a_fold_model_says_what_the_network_of_the_fold_says(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    recipe = replace(Recipe(name="tiny"), side_px=32, served_side_px=64, mirrored_view=True)
    squares = np.stack([np.asarray(photo(seed, size=(64, 64))) for seed in range(6)])
    classes = np.arange(6) % 2
    photos = TrainingPhotos(squares, classes, np.zeros(6, int), np.arange(6), ("kathak", "odissi"))
    network = build_model(recipe, 2)
    (tmp_path / "runs" / "fold0").mkdir(parents=True)
    network.save_weights(tmp_path / "runs" / "fold0" / "model.weights.h5")
    features = pooled_features(network, squares, side_px=64, mirrored_view=True)
    weight, bias = network.get_layer("head").get_weights()
    held_out = OutOfFold(np.arange(6), features @ weight + bias, features, np.zeros(6))

    save_fold_models(photos, recipe, held_out, directory=tmp_path / "runs", out=tmp_path / "models")
    classifier = load_classifier(tmp_path / "models" / "fold0")
    assert classifier.backbone.input_side_px == 64 and classifier.mirrored_view
    answers = classifier.head.logits(pooled(classifier, map(Image.fromarray, squares)))
    np.testing.assert_allclose(answers, held_out.logits, atol=1e-3)
    assert classifier.head.temperature == pytest.approx(held_out.temperature(photos))
