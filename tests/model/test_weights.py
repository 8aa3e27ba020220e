"""The model that ships: its files, what it says about drawings and real photos, and that Keras would say the same.

The photos were in its training. What is asked about them here are smoke tests, not a measurement: how well it does on
photos that it never saw stands in its card.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.data.perturbations import blurred, dark, grey
from dance_demo.errors import ModelError
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classification, Classifier
from dance_demo.model.directory import BACKBONE, BUNDLED, CARD, load_card, resolve, verify
from dance_demo.model.heatmap import gradcam
from dance_demo.model.preprocessing import to_input
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.research.measurement import CONFUSION
from dance_demo.training import plots
from dance_demo.training.evaluation import Evaluation
from tests.support import ROOT

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.usefixtures("classifier")
PHOTOS, OTHERS = 80, 100


def evenly(paths: list, count: int) -> list:
    return [paths[round(index)] for index in np.linspace(0, len(paths) - 1, count)]


@pytest.fixture(scope="module")
def dances(shared, classifier) -> list[tuple[str, Classification]]:
    """Labels and answers for photos of the training set, of all classes."""
    with (shared / "data" / "dance" / "train.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = evenly(sorted(csv.DictReader(file), key=lambda row: row["target"]), PHOTOS)
    folder = shared / "data" / "dance" / "train"
    return [(row["target"], classifier.classify(open_photo(folder / row["Image"]))) for row in rows]


@pytest.fixture(scope="module")
def pictures(request) -> list[Image.Image]:
    """Pictures to compare two ways of computing the same thing on: real photos where there are some."""
    try:
        shared = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        return [draw(form, 2000 + seed) for seed in range(2) for form in FORM_NAMES]
    paths = [path for path in (shared / "data").rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES]
    return [open_photo(path) for path in evenly(sorted(paths), 100)]


@pytest.fixture(scope="module")
def keras_model(classifier) -> "keras.Model":
    return keras_backbone(Backbone(resolve() / BACKBONE))


@pytest.fixture(scope="module")
def in_float(classifier) -> Classifier:
    return classifier.in_float()


# Files ------------------------------------------------------------------------------------------------------------


def test_every_file_is_what_the_card_says_and_small_enough_for_plain_git():
    card = load_card()
    verify(resolve(), card)
    assert {BACKBONE, "head.npz", "familiarity.npz"} <= set(card.files)
    for path in resolve().rglob("*"):
        assert path.stat().st_size < 10_000_000, path


def test_it_knows_the_eight_forms_in_lower_case(classifier):
    assert classifier.class_names == load_card().class_names == tuple(sorted(FORM_NAMES))


def test_the_card_says_how_the_accuracy_was_held_out_and_the_readme_says_the_same():
    if not (BUNDLED / CARD).exists():
        pytest.skip("weights/ is empty")
    card = load_card(BUNDLED)
    e = card.evaluation
    low, high = e["accuracy_interval"]
    assert 0 < e["majority_baseline"] < low < e["accuracy"] < high < 1
    assert e["n"] > 100 and re.search(r"\d+ photos (in \d folds|of other sources)", e["protocol"])
    assert re.fullmatch("[0-9a-f]{64}", card.training["initial_weights_sha256"])
    figures = {f"{value:.1%}" for value in (e["accuracy"], low, high)}
    for readme in (ROOT / "README.md", BUNDLED / "README.md"):
        text = readme.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ").replace(" %", "%")
        assert not {figure for figure in figures if figure not in text}, readme


def test_the_picture_of_confusions_shows_the_figures_of_the_card():
    if not (BUNDLED / CARD).exists():
        pytest.skip("weights/ is empty")
    e = load_card(BUNDLED).evaluation
    names = [field.name for field in fields(Evaluation) if field.name in e]  # training_overlap is newer than the card
    measured = Evaluation(**{name: e[name] for name in names} | {"confusion": np.array(e["confusion"])})
    drawn = io.BytesIO(plots.png(plots.confusion(measured)))
    with Image.open(BUNDLED / CONFUSION) as shipped, Image.open(drawn) as anew:
        assert shipped.size == anew.size
        difference = np.abs(np.asarray(shipped.convert("L"), int) - np.asarray(anew.convert("L"), int))
    assert difference.mean() < 0.5  # letters may be drawn a little otherwise elsewhere


# What it says -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fresh_drawings_are_named_right(classifier):
    wrong = [
        (form, seed, top.label)
        for form in FORM_NAMES
        for seed in range(1000, 1010)
        if (top := classifier.classify(draw(form, seed)).top).label != form
    ]
    assert len(wrong) <= 8, wrong


@pytest.mark.slow
def test_smoke_photos_of_the_training_set_are_named_right(dances):
    wrong = [(label, answer.top) for label, answer in dances if answer.top.label != label]
    assert len(wrong) <= 0.05 * PHOTOS, wrong


@pytest.mark.slow
def test_smoke_photos_of_the_training_set_are_mostly_answered_with_confidence(dances):
    refused = [(label, answer.note) for label, answer in dances if not answer.sure]
    assert len(refused) <= 0.08 * PHOTOS, refused


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["flowers", "clothing"])
def test_photos_of_other_subjects_are_refused(subject, shared, classifier):
    folder = shared / "data" / "other" / subject
    paths = evenly(sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES), OTHERS)
    sure = [path.name for path in paths if classifier.classify(open_photo(path)).sure]
    assert len(sure) <= 0.07 * OTHERS, sure


# LiteRT against Keras ---------------------------------------------------------------------------------------------


def keras_maps(model: "keras.Model", classifier: Classifier, photos: list[Image.Image]) -> Iterator[np.ndarray]:
    """The feature maps that Keras computes for photos, one (h, w, c) after the other."""
    for start in range(0, len(photos), 20):
        side_px = classifier.backbone.input_side_px
        batch = np.stack([to_input(photo, side_px) for photo in photos[start : start + 20]])
        maps = model(batch, training=False).numpy()
        if classifier.mirrored_view:
            maps = (maps + model(batch[:, :, ::-1], training=False).numpy()[:, :, ::-1]) / 2
        yield from maps


@pytest.mark.slow
def test_keras_with_the_same_weights_gives_the_same_probabilities(keras_model, in_float, pictures):
    head, differences, same = in_float.head, [], 0
    for photo, maps in zip(pictures, keras_maps(keras_model, in_float, pictures), strict=True):
        expected = head.probabilities(head.features(maps[None]))[0]
        found = head.probabilities(head.features(in_float.feature_map(photo)[None]))[0]
        differences.append(np.abs(found - expected).max())
        same += found.argmax() == expected.argmax()
    assert max(differences) < 0.01
    assert same >= 0.99 * len(pictures)


@pytest.mark.slow
def test_in_eight_bits_it_says_the_same_as_in_float32(classifier, in_float, pictures):
    assert classifier.backbone.sha256 != in_float.backbone.sha256
    said = [(classifier.classify(photo), in_float.classify(photo)) for photo in pictures]
    same = [one.top.label == other.top.label for one, other in said]
    assert np.mean(same) >= 0.95
    gaps = [np.abs(np.subtract(*(one.probabilities(classifier.class_names) for one in pair))).max() for pair in said]
    assert np.median(gaps) < 0.01


@pytest.mark.slow
def test_dancers_before_a_poor_camera_are_not_taken_for_something_else(classifier, shared):
    """How many of the training photos are unfamiliar when they are out of focus, grey, or dark."""
    folder = shared / "data" / "dance" / "train"
    photos = [open_photo(path) for path in evenly(sorted(folder.iterdir()), PHOTOS)]
    for change in (blurred, grey, dark):
        unfamiliar = [not classifier.classify(change(photo)).familiar for photo in photos]
        assert np.mean(unfamiliar) < 0.1, change


@pytest.mark.slow
def test_the_closed_form_heatmap_is_that_of_gradient_tape(keras_model, classifier, pictures):
    import tensorflow as tf

    head = classifier.head
    for maps in keras_maps(keras_model, classifier, pictures[:: len(pictures) // 10]):
        with tf.GradientTape() as tape:
            feature_maps = tf.constant(maps[None])
            tape.watch(feature_maps)
            features = tf.reduce_mean(feature_maps, axis=(1, 2))
            if head.power_normalized:
                features = tf.math.l2_normalize(tf.sqrt(tf.maximum(features, 1e-12)), axis=1)
            logits = features @ head.weight + head.bias
            logit = tf.reduce_max(logits)
        alpha = tape.gradient(logit, feature_maps).numpy().mean(axis=(0, 1, 2))
        expected = np.maximum(maps @ alpha, 0)
        found = gradcam.heatmap(maps, head, int(logits.numpy().argmax())) * expected.max()
        assert expected.max() > 0
        assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.slow
def test_another_network_is_not_taken_for_a_mobilenet(tiny_network):
    with pytest.raises(ModelError, match="is not a MobileNetV2 that was exported here: found 0 Conv1"):
        keras_backbone(Backbone(tiny_network[1]))
    with pytest.raises(ModelError, match="the backbone cannot be read"):
        keras_backbone(Backbone(Path("nowhere.tflite")))
