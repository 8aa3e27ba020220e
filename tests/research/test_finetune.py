"""The real fine-tuning, from photos to a model directory, on tiny made-up photos and from random weights."""

import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from dance_demo.data.augmentation import Augmentation
from dance_demo.data.training_overlap import PhotoHashes, training_hashes
from dance_demo.errors import DatasetError, ModelError, TrainingError
from dance_demo.model.directory import BUNDLED, ModelCard, load_card, sha256
from dance_demo.model.familiarity import Familiarity, fit_limits
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import square
from dance_demo.networks.mobilenet import build_backbone, initial_weights
from dance_demo.research import crossvalidation
from dance_demo.research import finetune as finetuning
from dance_demo.research.crossvalidation import OutOfFold, crossvalidate
from dance_demo.research.finetune import finetune
from dance_demo.research.measurement import CONFUSION, RELIABILITY
from dance_demo.research.network import _inputs, build_model, load_initial_weights, pooled_features
from dance_demo.research.photos import NO_FOLD, TrainingPhotos
from dance_demo.research.recipe import RECIPES, Recipe
from dance_demo.research.release import go_on, release
from tests.support import ROOT
from tests.support.made_up import photo

if TYPE_CHECKING:
    import keras

QUICK = Recipe(  # only the last layers learn, on thumbnails
    name="quick",
    side_px=32,
    served_side_px=32,
    epochs=2,
    batch_size=8,
    first_trainable="Conv_1",
    drawings_per_class=0,
)


def made_up_photos(n: int = 24, classes: tuple[str, ...] = ("kathak", "odissi")) -> TrainingPhotos:
    """Photos of two folds, tinted by their class; the first pixel of each is its number."""
    squares = np.stack([np.asarray(photo(seed, size=(64, 64))) for seed in range(n)])
    kinds, extra = np.arange(n) % len(classes), np.arange(n) >= n - 4
    for kind in range(len(classes)):
        squares[kinds == kind] //= 3
        squares[kinds == kind, ..., kind] += 170
    squares[:, 0, 0] = np.arange(n)[:, None]
    folds = np.where(extra, NO_FOLD, np.arange(n) // len(classes) % 2)
    return TrainingPhotos(squares, kinds, folds, np.arange(n), classes)


@pytest.fixture(scope="session")
def init(tmp_path_factory) -> Path:
    """Random weights of MobileNetV2, in the kind of file that ImageNet weights come in."""
    import keras

    keras.utils.set_random_seed(0)
    backbone = build_backbone(None)
    for layer in backbone.layers:
        layer.momentum = 0  # one batch sets the statistics of every BatchNorm, and signals neither die nor explode
    backbone(_inputs(made_up_photos().squares, 32), training=True)
    path = tmp_path_factory.mktemp("init") / "random.weights.h5"
    backbone.save_weights(path)
    return path


# From photos to a model -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Released:
    """A finished release: its card, and the numbers of the photos that were augmented for each network."""

    folder: Path
    card: ModelCard
    seen: dict[str, set[int]]


@pytest.fixture(scope="module")
def released(init, tmp_path_factory) -> Released:
    folder, seen, lines = tmp_path_factory.mktemp("release"), defaultdict(set), []
    augmented = finetuning.augmented

    def watched(pixels, *arguments):
        network = next(line for line in reversed(lines) if re.fullmatch(r"fold \d+|all photos", line))
        seen[network].add(int(pixels[0, 0, 0]))
        return augmented(pixels, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetuning, "augmented", watched)
        run = {"init": init, "directory": folder / "runs", "out": folder / "model", "log": lines.append}
        return Released(folder, release(made_up_photos(), QUICK, **run), seen)


@pytest.mark.slow
def test_no_network_ever_draws_or_augments_a_photo_that_it_is_measured_on(released):
    photos = made_up_photos()
    assert set(released.seen) == {"fold 0", "fold 1", "all photos"}
    for fold in (0, 1):
        seen = released.seen[f"fold {fold}"]
        assert not seen & set(photos.held_out_indices(fold).tolist())
        assert len(seen & set(photos.training_indices(fold).tolist())) > 8
    assert len(released.seen["all photos"]) > 16


@pytest.mark.slow
def test_what_is_released_answers_like_the_network_that_was_trained(released, init):
    photos, classifier = made_up_photos(), load_classifier(released.folder / "model")
    model = finetune(photos, np.arange(24), QUICK, init=init, directory=released.folder / "runs" / "all")
    squares = np.stack([np.asarray(square(Image.fromarray(small))) for small in photos.squares])
    logits = model(_inputs(squares, 32), training=False).numpy() / released.card.evaluation["temperature"]
    for small, expected in zip(photos.squares, softmax(logits, axis=1).tolist(), strict=True):
        answer = classifier.classify(Image.fromarray(small))
        found = {prediction.label: prediction.probability for prediction in answer.predictions}
        assert found == pytest.approx(dict(zip(photos.class_names, expected, strict=True)), abs=1e-4)
        assert answer.feature_map.shape == (1, 1, 1280)


@pytest.mark.slow
def test_the_card_says_how_many_photos_were_measured_and_how(released):
    card = load_card(released.folder / "model")
    assert card.to_json() == released.card.to_json()
    assert card.evaluation["n"] == 20 and card.photos_per_class == {"kathak": 12, "odissi": 12}
    assert card.evaluation["protocol"].startswith("20 photos in 2 folds") and "4 extra" in card.evaluation["protocol"]
    assert card.training["recipe"] == "quick" and card.training["seed"] == 0
    assert "held-out photos right" in card.summary()
    for name in (CONFUSION, RELIABILITY):
        with Image.open(released.folder / "model" / name) as picture:
            assert min(picture.size) > 300


@pytest.mark.slow
def test_finished_folds_are_not_trained_again_and_never_taken_for_those_of_another_training(released, init):
    runs, photos = released.folder / "runs", made_up_photos()
    again = crossvalidate(photos, QUICK, init=init, directory=runs)
    assert again.evaluation(photos).accuracy == released.card.evaluation["accuracy"]
    assert sorted(again.indices) == list(range(20))
    served_otherwise = replace(QUICK, name="other", mirrored_view=True)
    crossvalidation._claim(runs, photos, served_otherwise, init, 0, None)
    for changed in ({"recipe": replace(QUICK, epochs=3)}, {"seed": 1}, {"photos": made_up_photos(22)}):
        arguments = {"photos": photos, "recipe": QUICK, "seed": 0, **changed}
        with pytest.raises(TrainingError, match="belongs to a training with other (settings|seed|photos). Use another"):
            crossvalidate(**arguments, init=init, directory=runs)


@pytest.mark.slow
def test_extra_photos_that_look_like_a_held_out_one_can_be_left_out(init, tmp_path):
    photos = made_up_photos()
    copy, strange = 20, 21
    photos.squares[copy], photos.squares[strange] = photos.squares[0], 255 - photos.squares[strange]
    scenes = crossvalidation._scenes(photos, QUICK, init)
    np.testing.assert_allclose(np.linalg.norm(scenes, axis=1), 1, rtol=1e-5)
    fold = photos.folds[0]
    everybody, strict = photos.training_indices(fold), crossvalidation._without_similar(photos, fold, scenes, 0.9999)
    assert set(everybody) - set(strict) == {copy}
    nobody = crossvalidation._without_similar(photos, fold, scenes, -1.0)
    assert nobody.tolist() == [index for index in everybody if photos.folds[index] != NO_FOLD]

    run = {"init": init, "directory": tmp_path, "folds": [fold]}
    crossvalidate(photos, QUICK, exclude_similar=0.9999, **run)
    with pytest.raises(TrainingError, match="belongs to a training with other apart. Use another"):
        crossvalidate(photos, QUICK, **run)


@pytest.mark.slow
def test_without_epochs_the_backbone_stays_as_it_is_under_a_logistic_regression(init, tmp_path):
    photos, recipe = made_up_photos(), replace(QUICK, epochs=0)
    model = finetune(photos, np.arange(24), recipe, init=init, directory=tmp_path)
    assert changed_layers(model, init) == []
    answers = model.predict(_inputs(photos.squares, 32), verbose=0).argmax(axis=1)
    assert (answers == photos.classes).mean() > 0.9
    again = finetune(photos, np.arange(24), recipe, init=init, directory=tmp_path)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_network_that_goes_on_is_measured_on_photos_of_others_and_starts_from_the_exported_one(released, tmp_path):
    photos, recipe, start = made_up_photos(), replace(QUICK, epochs=0), released.folder / "model"
    others = made_up_photos(40).chosen(np.arange(24, 40))
    others = replace(others, folds=np.zeros(16, int))
    hashes = [PhotoHashes.of_pictures([Image.fromarray(one) for one in part.squares]) for part in (photos, others)]
    photos, others = (replace(part, **vars(of_it)) for part, of_it in zip((photos, others), hashes, strict=True))
    card = go_on(photos, others, recipe, start=start, directory=tmp_path, out=tmp_path / "out")
    assert card.evaluation["n"] == 16 and sum(card.photos_per_class.values()) == 24
    assert card.evaluation["protocol"].startswith("16 photos of other sources than the 24 photos and drawings that tr")
    assert card.training["initial_weights_sha256"] == sha256(start / "backbone.tflite")
    before, after = (load_classifier(folder).backbone for folder in (start, tmp_path / "out"))
    inputs = _inputs(photos.squares, 32)
    np.testing.assert_allclose(before.feature_maps(inputs), after.feature_maps(inputs), atol=3e-3)
    assert training_hashes(tmp_path / "out").known_from(hashes[0]).all()
    with pytest.raises(DatasetError, match="must have the classes kathak, odissi"):
        photos.with_held_out(replace(others, class_names=("kathak", "sattriya")))


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
import tensorflow as tf
from dance_demo.research import finetune
from tests.research.test_finetune import QUICK, made_up_photos

copies = 0

def until_the_second_epoch_is_half_done(*arguments):
    global copies
    copies += 1
    if copies > 16 + 24 + 12:  # Keras scenes at two batches before it starts
        os._exit(9)
    return augmented(*arguments)

tf.config.experimental.enable_op_determinism()
augmented, finetune.augmented = finetune.augmented, until_the_second_epoch_is_half_done
finetune.finetune(made_up_photos(), np.arange(24), QUICK, init=Path(sys.argv[1]), directory=Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_C13_a_run_that_was_killed_goes_on_from_its_last_epoch_and_ends_with_the_same_weights(init, tmp_path):
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # other tests leave it on, and it cannot be switched off again
    command = [sys.executable, "-B", "-c", KILLED, init, tmp_path]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert killed.returncode == 9, killed.stderr
    assert not (tmp_path / "model.weights.h5").exists()

    said, photos, everything = [], made_up_photos(), np.arange(24)
    resumed = finetune(photos, everything, QUICK, init=init, directory=tmp_path, log=said.append)
    assert [line.split()[1] for line in said] == ["2/2"]
    whole = finetune(photos, everything, QUICK, init=init, directory=tmp_path / "whole")
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with (tmp_path / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert not (tmp_path / "checkpoint").exists()
    assert changed_layers(resumed, init) == ["Conv_1"]  # those below stay, and so does what BatchNorm knows


def changed_layers(model: "keras.Model", init: Path) -> list[str]:
    before = build_backbone(32)
    before.load_weights(init)
    return [
        layer.name
        for was, layer in zip(before.layers, model.get_layer("backbone").layers, strict=True)
        for old, new in zip(was.get_weights(), layer.get_weights(), strict=True)
        if not np.array_equal(old, new)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [("kathak", "odissi"), ("kathak", "odissi", "sattriya")])
def test_the_head_starts_as_a_logistic_regression_on_frozen_features(classes, init):
    from sklearn.linear_model import LogisticRegression

    photos = made_up_photos(classes=classes)
    model = build_model(QUICK, len(classes))
    load_initial_weights(model, init)
    finetuning._fit_head_on_frozen_features(model, photos, np.arange(24), QUICK)
    features = pooled_features(model, photos.squares, side_px=32)
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(features, photos.classes).predict_proba(features)
    np.testing.assert_allclose(
        softmax(model.predict(_inputs(photos.squares, 32), verbose=0), axis=1), expected, atol=1e-3
    )
    assert expected.std() > 0.1


# Drawing photos for an epoch --------------------------------------------------------------------------------------


def test_an_epoch_has_as_many_photos_as_there_are_and_all_of_them_from_the_training_side():
    photos = made_up_photos(40)
    for seed in range(20):
        indices = photos.training_indices(seed % 2)
        drawn = finetuning._draw(photos, indices, QUICK, np.random.default_rng(seed))
        assert len(drawn) == len(indices) and set(drawn) <= set(indices)


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_rare_classes_are_drawn_more_often_than_they_occur(balance):
    classes = np.repeat([0, 1], [90, 10])
    photos = replace(made_up_photos(), classes=classes, folds=np.zeros(100, int))
    recipe, indices = replace(QUICK, class_balance=balance), np.arange(100)
    drawn = [finetuning._draw(photos, indices, recipe, np.random.default_rng(seed)) for seed in range(50)]
    shares = np.array([90 ** (1 - balance), 10 ** (1 - balance)])
    counts = np.mean([np.bincount(classes[epoch], minlength=2) for epoch in drawn], axis=0)
    np.testing.assert_allclose(counts, 100 * shares / shares.sum(), atol=1)
    for epoch in drawn:  # no photo much more often than its share: that is what "systematic" means
        assert np.bincount(epoch[classes[epoch] == 0]).max() <= np.ceil(100 * shares[0] / shares.sum() / 90)


def test_measured_photos_can_be_drawn_more_often_than_extra_ones():
    photos = replace(made_up_photos(), classes=np.zeros(60, int), folds=np.repeat([0, NO_FOLD], 30))
    recipe = replace(QUICK, primary_weight=2.0)
    drawn = [finetuning._draw(photos, np.arange(60), recipe, np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean([(epoch < 30).mean() for epoch in drawn]) == pytest.approx(2 / 3, abs=0.01)


# Two copies of each photo, which shall get the same answer --------------------------------------------------------


def test_with_consistency_the_second_half_of_a_batch_is_other_copies_of_the_photos_of_the_first():
    recipe, photos, indices = replace(QUICK, consistency=1.0), made_up_photos(), np.arange(23)
    batches = finetuning._batches(photos, indices, recipe, seed=0)
    sizes = [len(batches[number][0]) for number in range(len(batches))]
    assert sizes == [8] * 5 + [6]  # each photo twice, and no batch larger than the recipe says
    for number in range(len(batches)):
        (one, other), (truth, same) = (np.split(part, 2) for part in batches[number])
        np.testing.assert_array_equal(truth, same)
        assert all(np.abs(a - b).max() > 0.1 for a, b in zip(one, other, strict=True))


def test_both_copies_are_blended_in_the_same_way():
    as_it_is = Augmentation(min_area=1, max_aspect=0, max_tilt_degrees=0, max_recolour=0, mirror=False,
                            erase_probability=0)  # fmt: skip
    recipe = replace(QUICK, consistency=1.0, mix_probability=1.0, augmentation=as_it_is)
    batches = finetuning._batches(made_up_photos(), np.arange(16), recipe, seed=0)
    for number in range(len(batches)):
        for part in batches[number]:
            np.testing.assert_array_equal(*np.split(part, 2))
    assert any(0 < batches[number][1].max(axis=1).min() < 1 for number in range(len(batches)))


def test_disagreement_is_the_divergence_of_two_answers_both_ways_and_the_loss_adds_it_by_its_strength():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 5, 3)).astype(np.float32) * 2
    p, q = softmax(one, axis=1), softmax(other, axis=1)
    expected = np.mean([np.sum(a * np.log(a / b)) + np.sum(b * np.log(b / a)) for a, b in zip(p, q, strict=True)]) / 2
    assert float(finetuning.disagreement(one, other)) == pytest.approx(expected, rel=1e-4)
    assert float(finetuning.disagreement(one, one + 3)) == pytest.approx(0, abs=1e-6)

    logits, targets = np.concatenate([one, other]), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1] * 2]
    plain, strong = (finetuning._loss(replace(QUICK, consistency=strength)) for strength in (0.0, 2.0))
    assert float(strong(targets, logits) - plain(targets, logits)) == pytest.approx(2 * expected, rel=1e-4)


# Limits, recipes, initial weights ---------------------------------------------------------------------------------


def test_the_limits_refuse_the_share_of_held_out_photos_that_they_promise():
    generator = np.random.default_rng(0)
    n = 1000
    held_out = OutOfFold(
        np.arange(n), generator.normal(size=(n, 8)) * 3, np.ones((n, 6), np.float32), generator.exponential(size=n)
    )
    found = fit_limits(held_out.distances, held_out.probabilities(1.3))
    probabilities = held_out.probabilities(1.3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    too_far = held_out.distances > found["max_distance"]
    unclear = ~too_far & (probabilities.max(axis=1) < found["min_probability"])
    assert too_far.mean() == pytest.approx(0.03, abs=0.002)
    assert (too_far | unclear).mean() == pytest.approx(0.05, abs=0.002)
    assert found["min_margin"] == 0
    Familiarity.fit(generator.random((9, 6), np.float32)).with_limits(**found)


def test_the_recipes_that_were_tried_are_complete_and_wrong_ones_are_refused_with_the_reason(tmp_path):
    tried = {path.stem: Recipe.load(path) for path in RECIPES.glob("*.json")}
    assert {name: recipe.name for name, recipe in tried.items()} == {name: name for name in tried}
    assert tried["standard"].augmentation == Augmentation() and tried["frozen"].epochs == 0
    for number, (text, reason) in enumerate(
        [
            ("{", "Expecting"),
            ('{"epoch": 3}', "epoch"),
            ("[]", "list"),
            ('{"augmentation": {"min_area": 0}}', "min_area"),
        ]
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(TrainingError, match=f"is not a recipe: .*{reason}"):
            Recipe.load(path)
    with pytest.raises(TrainingError, match="No such file"):
        Recipe.load(tmp_path / "none.json")


def test_the_model_that_ships_is_of_the_recipe_that_its_card_names():
    card = load_card(BUNDLED)
    recipe = Recipe.load(RECIPES / f"{card.training['recipe']}.json")
    assert (card.training["recipe"], card.mirrored_view) == (recipe.name, recipe.mirrored_view)
    assert load_classifier(BUNDLED).backbone.input_side_px == recipe.served_side_px
    assert card.training["drawings_per_class"] == recipe.drawings_per_class


def test_initial_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(ModelError, match="There are no initial weights at .*none.h5"):
        initial_weights(str(tmp_path / "none.h5"))
    (tmp_path / "cut.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ModelError, match="does not hold MobileNetV2 weights"):
        load_initial_weights(build_model(QUICK, 2), tmp_path / "cut.weights.h5")


def test_C12_a_download_of_imagenet_weights_that_was_cut_is_removed(tmp_path, monkeypatch):
    import keras

    cut = tmp_path / "weights.h5"

    def interrupted(*arguments, **options) -> str:  # the network is the one thing that may be faked
        cut.write_bytes(b"half")
        return os.fspath(cut)

    monkeypatch.setattr(keras.utils, "get_file", interrupted)
    with pytest.raises(ModelError, match="were incomplete. They were removed; try again"):
        initial_weights("imagenet")
    assert not cut.exists()
