"""Trainings from photos to a head that answers: on small photos, a tiny backbone and the real Keras."""

import json
import math
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.splits import Split
from dance_demo.data.training_overlap import HASHES_FILE, PhotoHashes
from dance_demo.errors import DanceDemoError, DatasetError, ModelError, TrainingError
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Progress, Steps, never
from dance_demo.model.bundle import bundle_files
from dance_demo.model.directory import load_card, save_model
from dance_demo.model.head import power_normalize
from dance_demo.model.loading import load_classifier
from dance_demo.networks.imagenet import backbone_file
from dance_demo.training import report
from dance_demo.training.config import TrainingConfig
from dance_demo.training.fit import Examples, Fit, fit_head, logits_of
from dance_demo.training.neighbours import read_embeddings
from dance_demo.training.result import EpochReport, TrainingResult
from dance_demo.training.train import train
from tests.conftest import TINY_CHANNELS, TINY_CLASSES
from tests.support import ROOT
from tests.support.made_up import photo

TINTS = {"blue": (0.3, 0.5, 1.0), "green": (0.4, 1.0, 0.4), "red": (1.0, 0.4, 0.3)}
QUICK = TrainingConfig(epochs=12, learning_rate=0.03, batch_size=8, augmentation="light", backbone="dance")


def draw_photos(folder: Path, *, per_class: int = 10, copies: int = 2) -> None:
    """Photos in three tints; of the first `copies` of each class there is a second, smaller one."""
    for number, (label, tint) in enumerate(TINTS.items()):
        (folder / label).mkdir(parents=True)
        for index in range(per_class):
            tinted = np.asarray(photo(1000 * number + index), np.float32) * np.float32(tint)
            picture = Image.fromarray(tinted.astype(np.uint8))
            picture.save(folder / label / f"{index}.png")
            if index < copies:
                picture.resize((96, 80)).save(folder / label / f"{index}-again.jpg", quality=90)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> PhotoDataset:
    folder = tmp_path_factory.mktemp("tinted")
    draw_photos(folder)
    found, _ = open_dataset(folder, workspace=folder)
    assert len(found.photos) == 36 and len(set(found.groups)) == 30
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def tiny_backbone(tiny_model, monkeypatch) -> None:
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))


def trained(directory: Path, dataset: PhotoDataset, cache: Path, **changes) -> TrainingResult:
    *_, result = train(directory, never, dataset, replace(QUICK, **changes), cache)
    return result


def events_of_a_training(home: Path, files: dict, dataset: PhotoDataset, config: TrainingConfig, cache: Path) -> list:
    """All events, with the tiny network served; for fixtures that outlive `tiny_backbone`."""
    (home / "served").mkdir()
    (home / "served" / "backbone.tflite").write_bytes(files["backbone.tflite"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANCE_DEMO_MODEL", str(home / "served"))
        return list(train(home / "job", never, dataset, config, cache))


@pytest.fixture(scope="module")
def once(dataset, cache, tiny_files, tmp_path_factory) -> list:
    """All events of one training."""
    return events_of_a_training(tmp_path_factory.mktemp("once"), tiny_files, dataset, QUICK, cache)


# One split --------------------------------------------------------------------------------------------------------


def test_a_training_tells_what_it_does_and_ends_with_its_result(once, dataset):
    kinds = [type(event) for event in once]
    assert kinds[0] is Progress and kinds[-1] is TrainingResult
    assert [event.done for event in once if isinstance(event, Progress) and event.total] == list(range(1, 37))
    reports = [event for event in once if isinstance(event, EpochReport)]
    assert [(report.fold, report.folds, report.epoch, report.epochs) for report in reports] == [
        (0, 1, epoch, 12) for epoch in range(1, 13)
    ]
    assert reports[-1].loss < reports[0].loss / 2
    assert once[-1].history == tuple(reports)
    assert read_embeddings(once[-1], dataset).shape == (36, TINY_CHANNELS)
    assert once[-1].model not in once[-1].embeddings.parents  # what is taken home tells nothing of the photos
    assert once[-1].class_names == dataset.class_names
    assert once[-1].seconds["total"] == pytest.approx(sum(once[-1].seconds.values()) / 2)


def test_events_can_be_sent_from_one_process_to_another(once):
    for event in once:
        again = pickle.loads(pickle.dumps(event))
        assert type(again) is type(event)
    assert again.evaluation.accuracy == once[-1].evaluation.accuracy


def test_D14_no_photo_that_judges_trains_and_no_copy_of_one_does(once, dataset):
    result = once[-1]
    held_out = set(result.held_out.tolist())
    assert result.n_train + len(held_out) == 36
    judges = {dataset.groups[index] for index in held_out}
    trains = {dataset.groups[index] for index in range(36) if index not in held_out}
    assert not judges & trains


def test_the_score_is_what_the_saved_head_says_about_the_held_out_photos(once, dataset):
    result = once[-1]
    classifier = load_classifier(result.model)
    photos = [dataset.photos[index] for index in result.held_out]
    answers = [classifier.classify(open_photo(p.path)) for p in photos]
    right = [answer.top.label == p.label for answer, p in zip(answers, photos, strict=True)]
    assert result.evaluation.accuracy == pytest.approx(np.mean(right))
    assert result.evaluation.accuracy > 0.8 > 0.5 > result.evaluation.majority_baseline
    top = [dataset.class_names[index] for index in result.probabilities.argmax(axis=1)]
    assert top == [answer.top.label for answer in answers]


def test_the_calibrated_probabilities_come_from_the_same_logits_as_the_heads(once, dataset):
    """Another temperature scales all logits of a photo alike, so differences of their logarithms stay proportional."""
    result = once[-1]
    classifier = load_classifier(result.model)
    maps = [classifier.feature_map(open_photo(dataset.photos[index].path)) for index in result.held_out]
    own = classifier.head.probabilities(classifier.head.features(np.stack(maps)))
    for cross_fitted, served in zip(np.log(result.probabilities), np.log(own), strict=True):
        ratio = (cross_fitted - cross_fitted.mean()) / (served - served.mean())
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)


def test_the_model_directory_is_complete_and_without_a_backbone(once):
    result = once[-1]
    assert sorted(path.name for path in result.model.iterdir()) == ["card.json", "familiarity.npz", "head.npz"]
    left = sorted(path.name for path in result.model.parent.iterdir())
    assert left == ["embeddings.npy", "model"], "nothing else is left"
    card = load_card(result.model)
    assert card.training["backbone"] == "dance" and card.training["config"] == asdict(QUICK)
    assert card.training["n_train"] == result.n_train and not card.training["stopped"]
    assert card.evaluation["accuracy"] == result.evaluation.accuracy
    assert "held-out photos right" in card.summary()
    json.loads(card.to_json())


def test_the_card_warns_of_photos_that_the_backbone_knows_and_tells_of_corrections(
    dataset, cache, tiny_files, tmp_path, monkeypatch
):
    hashes = PhotoHashes.of(dataset.photos).to_npz_bytes()
    save_model(tmp_path / "served", {**tiny_files, HASHES_FILE: hashes}, name="Seen", class_names=TINY_CLASSES)
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tmp_path / "served"))
    corrected = dataset.relabelled({0: "green", 1: None})
    result = trained(tmp_path / "job", corrected, cache, epochs=2)
    n, card = result.evaluation.n, load_card(result.model)
    warning = f"{n} of the {n} photos that judged were used to train the bundled backbone"
    readme = bundle_files(result.model)["README.md"].decode()
    assert result.evaluation.training_overlap == n and warning in result.evaluation.warning
    assert warning in card.summary() and warning in readme
    assert card.training["corrections"] == 2 and "2 corrections were made" in readme
    assert json.loads(bundle_files(result.model)["metrics.json"])["training_overlap"] == n
    page = report.html(result, corrected)  # also after corrections
    assert warning in page and "2 corrections were made" in page


def test_all_heads_share_one_backbone_in_memory(once, tmp_path):
    for name in ("first", "second"):
        shutil.copytree(once[-1].model, tmp_path / name)
    first, second = load_classifier(tmp_path / "first"), load_classifier(tmp_path / "second")
    assert first is not second and first.backbone is second.backbone
    assert load_classifier(tmp_path / "first") is first


def test_a_head_whose_backbone_is_not_here_is_refused_with_a_sentence(once, tmp_path, monkeypatch):
    shutil.copytree(once[-1].model, tmp_path / "alone")
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tmp_path))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="is not on this computer"):
        load_classifier(tmp_path / "alone")


def test_a_trained_head_is_used_without_tensorflow(once):
    code = (
        "import sys; from pathlib import Path; from dance_demo.model.loading import load_classifier\n"
        "from dance_demo.data.illustrations import draw\n"
        "print(load_classifier(Path(sys.argv[1])).classify(draw('odissi', 0)).top.label)\n"
        "assert not {'tensorflow', 'keras', 'sklearn'} & set(sys.modules)"
    )
    command = [sys.executable, "-B", "-c", code, str(once[-1].model)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip() in TINTS, ran.stderr


def test_the_same_seed_gives_the_same_head_bit_for_bit_and_another_one_does_not(once, dataset, cache, tmp_path):
    expected = load_classifier(once[-1].model).head.to_npz_bytes()
    again = trained(tmp_path / "again", dataset, tmp_path / "another cache")
    other = trained(tmp_path / "other", dataset, cache, seed=7)
    assert load_classifier(again.model).head.to_npz_bytes() == expected
    assert load_classifier(other.model).head.to_npz_bytes() != expected
    np.testing.assert_array_equal(again.probabilities, once[-1].probabilities)


@pytest.mark.parametrize("changes", [{"head": "perceptron"}, {"head": "hidden", "dropout": 0.2}, {"optimizer": "sgd"}])
def test_other_heads_and_optimizers_learn_as_well(dataset, cache, tmp_path, changes):
    changes = {"class_weights": True, "power_normalized": False, **changes}
    result = trained(tmp_path, dataset, cache, epochs=25, **changes)
    assert result.evaluation.accuracy > 0.7
    classifier = load_classifier(result.model)
    assert (classifier.head.hidden_weight is not None) == (result.config.head == "hidden")
    answer = classifier.classify(open_photo(dataset.photos[0].path))
    assert classifier.heatmap(answer, answer.top.label).max() in (0, 1)


# Cross-validation -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crossvalidated(dataset, cache, tiny_files, tmp_path_factory) -> list:
    return events_of_a_training(tmp_path_factory.mktemp("folds"), tiny_files, dataset, replace(QUICK, folds=3), cache)


def test_with_folds_every_photo_judges_once_and_the_head_learns_from_all(crossvalidated):
    result = crossvalidated[-1]
    assert result.held_out.tolist() == list(range(36)) and result.n_train == 36
    assert result.evaluation.n == 36 and result.evaluation.accuracy > 0.7
    assert [report.fold for report in result.history] == [0] * 12 + [1] * 12 + [2] * 12
    assert all(math.isfinite(report.validation_loss) for report in result.history)
    assert "in 3 folds" in load_card(result.model).evaluation["protocol"]


def test_a_heads_fold_is_told_from_the_whole(crossvalidated):
    texts = [event.text for event in crossvalidated if isinstance(event, Progress)]
    assert "Training a head on all photos" in texts


# Stop -------------------------------------------------------------------------------------------------------------


class Patience:
    """Says stop from its n-th question on."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.slow
@pytest.mark.parametrize("folds", [0, 3])
def test_C1_stopped_at_any_moment_it_gives_its_best_or_nothing_and_leaves_nothing_behind(
    dataset, cache, tmp_path, folds
):
    config = replace(QUICK, folds=folds, epochs=3)
    ends = set()
    for number, questions in enumerate((0, 20, 38, 40, 50, 70, 100)):
        events = list(train(tmp_path / str(number), Patience(questions), dataset, config, cache))
        ended = isinstance(events[-1], TrainingResult)
        ends.add(ended)
        left = {path.name for path in (tmp_path / str(number)).iterdir()}
        assert left == ({"model", "embeddings.npy"} if ended else set())
        if ended:
            assert events[-1].stopped == load_card(events[-1].model).training["stopped"]
            assert load_classifier(events[-1].model).class_names == dataset.class_names
            assert len(events[-1].held_out) == len(events[-1].probabilities) == events[-1].evaluation.n
    assert ends == {True, False}


def test_a_stopped_training_gives_its_best_within_a_second(dataset, cache, tmp_path):
    asked_to_stop = []
    for event in train(tmp_path, lambda: bool(asked_to_stop), dataset, replace(QUICK, epochs=1000), cache):
        if isinstance(event, EpochReport) and event.epoch == 5:
            asked_to_stop.append(time.process_time())
    assert time.process_time() - asked_to_stop[0] < 1
    assert event.stopped and len(event.history) == 5 and event.label_issues == ()


def test_a_training_that_is_not_to_keep_its_best_ends_with_nothing(dataset, cache, tmp_path):
    config = replace(QUICK, keep_best=False)
    events = list(train(tmp_path / "job", Patience(60), dataset, config, cache))
    assert any(isinstance(event, EpochReport) for event in events)
    assert not isinstance(events[-1], TrainingResult) and not list((tmp_path / "job").iterdir())


# The fit ----------------------------------------------------------------------------------------------------------


def made_up_examples(n: int = 120, channels: int = 10, classes: int = 3, views: int = 1, seed: int = 0) -> Examples:
    """Features around one centre per class, overlapping."""
    generator = np.random.default_rng(seed)
    truth = np.arange(n) % classes
    centres = generator.random((classes, channels)) * 1.2
    pooled = np.abs(centres[truth] + generator.normal(size=(n, channels)) * 0.6).astype(np.float32)
    features = np.repeat(pooled[:, None], views, axis=1)
    return Examples(features, truth, tuple("abcdefgh"[:classes]), tuple(range(n)), "0" * 64)


def fitted(examples: Examples, split: Split, config: TrainingConfig) -> Fit:
    return Steps(fit_head(examples, split, config)).run()


@pytest.mark.parametrize("power_normalized", [False, True])
def test_a_softmax_head_is_the_logistic_regression_that_scikit_learn_finds(power_normalized):
    """Same penalty: the mean loss plus l2 |W|^2, where scikit-learn has C times the sum plus |w|^2 / 2, unscaled."""
    examples, everyone = made_up_examples(), Split(tuple(range(120)), ())
    config = TrainingConfig(epochs=1000, batch_size=120, learning_rate=0.05, l2=0.01, power_normalized=power_normalized)
    head = fitted(examples, everyone, config).head
    pooled = examples.features[:, 0]
    features = power_normalize(pooled) if power_normalized else pooled
    scaled = features / np.sqrt((features**2).mean())
    oracle = LogisticRegression(C=1 / (2 * 0.01 * 120), max_iter=5000, tol=1e-8).fit(scaled, examples.classes)
    np.testing.assert_allclose(head.probabilities(features), oracle.predict_proba(scaled), atol=0.01)


def test_the_perceptron_stops_moving_once_every_photo_is_right_by_its_margin():
    generator = np.random.default_rng(0)
    pooled = np.eye(3, 10)[np.arange(60) % 3] * 5 + generator.random((60, 10))
    examples = Examples(np.float32(pooled)[:, None], np.arange(60) % 3, ("a", "b", "c"), tuple(range(60)), "0" * 64)
    config = TrainingConfig(head="perceptron", epochs=40, learning_rate=0.05, power_normalized=False)
    fit = fitted(examples, Split(tuple(range(60)), ()), config)
    assert fit.history[-1].loss == 0 and fit.history[-1].accuracy == 1
    logits = logits_of(fit.head, examples, range(60))
    right = logits[np.arange(60), examples.classes]
    assert (right - np.sort(logits, axis=1)[:, -2] >= 0.99).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_photos_that_judge_have_no_say_in_the_head(early_stopping):
    examples = made_up_examples()
    split = Split(tuple(range(90)), tuple(range(90, 120)))
    classes, features = examples.classes.copy(), examples.features.copy()
    classes[90:], features[90:] = (classes[90:] + 1) % 3, 0
    lied_to = replace(examples, classes=classes, features=features)
    config = TrainingConfig(epochs=40, learning_rate=0.1, early_stopping=early_stopping)
    honest, other = fitted(examples, split, config), fitted(lied_to, split, config)
    assert honest.head.to_npz_bytes() == other.head.to_npz_bytes()
    assert honest.history[-1].validation_accuracy != other.history[-1].validation_accuracy


def test_early_stopping_ends_soon_and_goes_back_to_its_best():
    noise = np.random.default_rng(0).random((80, 1, 40), np.float32)  # nothing to learn but by heart
    examples = Examples(noise, np.arange(80) % 2, ("a", "b"), tuple(range(80)), "0" * 64)
    split = Split(tuple(range(60)), tuple(range(60, 80)))
    config = TrainingConfig(epochs=300, learning_rate=0.05, early_stopping=True)
    fit, whole = fitted(examples, split, config), fitted(examples, split, replace(config, early_stopping=False))
    assert len(fit.history) < 60 and len(whole.history) == 300
    assert np.abs(fit.head.weight).max() < np.abs(whole.head.weight).max() / 3


def test_rare_classes_count_for_more_with_class_weights():
    examples = made_up_examples(n=200, classes=2, seed=3)
    indices = [index for index in range(200) if index % 2 == 0 or index % 20 == 1]  # ten times as many of the first
    config = TrainingConfig(epochs=60, learning_rate=0.02)
    found = []
    for weighted in (False, True):
        head = fitted(examples, Split(tuple(indices), ()), replace(config, class_weights=weighted)).head
        found.append((logits_of(head, examples, range(200)).argmax(axis=1) == 1).mean())
    assert found[1] > found[0] + 0.05


def test_every_view_of_a_photo_is_learned_from_but_one_an_epoch():
    examples, everyone = made_up_examples(n=30, views=4), Split(tuple(range(30)), ())
    blank = examples.features.copy()
    blank[:, 1:] = 0  # three times in four there is nothing to see
    config = TrainingConfig(epochs=30, learning_rate=0.03)
    seeing, blinded = (
        fitted(replace(examples, features=features), everyone, config).history[-1]
        for features in (examples.features, blank)
    )
    assert seeing.accuracy > blinded.accuracy + 0.1


def test_numbers_beyond_all_bounds_are_a_sentence():
    examples = made_up_examples()
    config = TrainingConfig(epochs=200, learning_rate=10, l2=1, optimizer="sgd")
    with pytest.raises(TrainingError, match="Choose a smaller learning rate than 10"):
        fitted(examples, Split(tuple(range(120)), ()), config)


# What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "Epochs must be a whole number from 1 to 1,000. Received: 0."),
        ({"epochs": 2.5}, "Received: 2.5"),
        ({"epochs": True}, "Received: True"),
        ({"batch_size": 0}, "Batch size must be"),
        ({"seed": -1}, "Seed must be"),
        ({"learning_rate": 0}, "Learning rate must be a number from 1e-06 to 10. Received: 0."),
        ({"learning_rate": float("nan")}, "Received: nan"),
        ({"learning_rate": "fast"}, "Received: 'fast'"),
        ({"dropout": 1}, "Dropout must be"),
        ({"l2": -0.1}, "L2 must be"),
        ({"label_smoothing": 0.9}, "Label smoothing must be"),
        ({"validation_fraction": 0.9}, "Validation fraction must be a number from 0.05 to 0.5"),
        ({"folds": 2}, "Folds must be 0 for one split, or from 3 to 10. Received: 2."),
        ({"folds": 11}, "Folds must be"),
        ({"optimizer": "magic"}, "Optimizer must be one of: adam, sgd. Received: 'magic'."),
        ({"head": None}, "Head must be one of: softmax, perceptron, hidden"),
        ({"backbone": ["dance"]}, "Backbone must be one of"),
        ({"augmentation": "wild"}, "Augmentation must be one of: off, light, medium, strong"),
        ({"class_weights": 1}, "Class weights must be on or off. Received: 1."),
        ({"head": "x" * 500}, "Received: 'xxx"),
    ],
)
def test_impossible_settings_are_refused_with_what_was_received(changes, message):
    with pytest.raises(TrainingError) as refusal:
        TrainingConfig(**changes)
    assert message in str(refusal.value) and len(str(refusal.value)) < 300


def test_settings_are_plain_values_that_come_back_equal():
    config = TrainingConfig(epochs=3, head="hidden", dropout=0.5)
    assert TrainingConfig(**json.loads(json.dumps(asdict(config)))) == config


def only(dataset: PhotoDataset, keep) -> PhotoDataset:
    indices = [index for index, photo in enumerate(dataset.photos) if keep(photo)]
    photos = tuple(dataset.photos[index] for index in indices)
    names = tuple(sorted({photo.label for photo in photos}))
    return PhotoDataset(photos, names, tuple(dataset.groups[index] for index in indices))


def one_class(dataset: PhotoDataset) -> PhotoDataset:
    return only(dataset, lambda photo: photo.label == "red")


def four_of_a_class(dataset: PhotoDataset) -> PhotoDataset:
    return only(dataset, lambda photo: photo.label != "red" or photo.path.name in ("4.png", "5.png", "6.png", "7.png"))


def copies_of_one(dataset: PhotoDataset) -> PhotoDataset:
    return replace(
        dataset,
        groups=tuple(-1 if p.label == "red" else g for p, g in zip(dataset.photos, dataset.groups, strict=True)),
    )


def unwritable_name(dataset: PhotoDataset) -> PhotoDataset:
    photos = tuple(replace(p, label="red\n" if p.label == "red" else p.label) for p in dataset.photos)
    return replace(dataset, photos=photos, class_names=("blue", "green", "red\n"))


@pytest.mark.parametrize(
    ("changed", "config", "kind", "message"),
    [
        (one_class, {}, TrainingError, "at least 2 classes; found only red"),
        (four_of_a_class, {}, TrainingError, "red (4; add 1)"),
        (copies_of_one, {}, DatasetError, "red: all 12 photos are copies of one picture"),
        (unwritable_name, {}, TrainingError, "a class name is"),
        (
            lambda dataset: only(dataset, lambda p: int(p.path.stem.split("-")[0]) > 4),
            {"folds": 8},
            DatasetError,
            "8 folds",
        ),
    ],
)
def test_D12_photos_that_cannot_be_trained_on_are_refused_before_any_work(
    dataset, tmp_path, changed, config, kind, message
):
    events: Iterator = train(tmp_path / "job", never, changed(dataset), replace(QUICK, **config), tmp_path / "cache")
    with pytest.raises(kind) as refusal:
        list(events)
    assert message in str(refusal.value)
    assert not (tmp_path / "job").exists() and not (tmp_path / "cache").exists()


def test_a_photo_that_has_gone_is_named(dataset, tmp_path):
    gone = tuple(replace(p, path=tmp_path / "gone.png", pixel_sha256="0" * 64) for p in dataset.photos[:1])
    with pytest.raises(DanceDemoError, match=dataset.photos[0].name):
        list(train(tmp_path / "job", never, replace(dataset, photos=gone + dataset.photos[1:]), QUICK, tmp_path))
    assert not list((tmp_path / "job").iterdir())


# The public photos ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_public_photos_are_named_right_72_times_in_100_by_folds(shared, imagenet_cache, tmp_path, capsys):
    """With ImageNet's eyes: those of the bundled model have seen these photos."""
    public, _ = open_dataset(shared / "data" / "dance", workspace=tmp_path)
    config = TrainingConfig(folds=5, backbone="imagenet")
    *_, result = train(tmp_path / "job", never, public, config, imagenet_cache / "features")
    evaluation = result.evaluation
    with capsys.disabled():
        low, high = evaluation.accuracy_interval
        print(f"\n{evaluation.n} photos, 5 folds: accuracy {evaluation.accuracy:.3f} [{low:.3f}, {high:.3f}], "
              f"macro F1 {evaluation.macro_f1:.3f}, calibration error {evaluation.ece:.3f}, "
              f"{len(result.label_issues)} suspicious labels")  # fmt: skip
    assert evaluation.n == 364 and evaluation.accuracy >= 0.72
    assert load_classifier(result.model).backbone.sha256 == load_card(result.model).training["backbone_sha256"]
    assert backbone_file("imagenet").parent == imagenet_cache
