"""Fine-tuning: the last blocks learn with the head, on drawings, with the backbones that ship."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.illustrations import draw
from dance_demo.errors import ModelError, TrainingError
from dance_demo.files.photo import open_photo
from dance_demo.jobs.manager import JobManager
from dance_demo.jobs.progress import never
from dance_demo.model.bundle import read_bundle, write_bundle
from dance_demo.model.directory import BUNDLED, FINE_TUNED, FLOAT_BACKBONE, ModelCard, sha256
from dance_demo.model.fine_tuned import LAYERS, base_of, kernels_in
from dance_demo.model.head import power_normalize
from dance_demo.model.loading import load_classifier
from dance_demo.networks.full_model import FullModel, export
from dance_demo.training import report
from dance_demo.training.backbones.fine_tuning import EPOCHS, PHOTOS_AT_MOST, compared, require_fine_tunable
from dance_demo.training.config import TrainingConfig
from dance_demo.training.neighbours import read_embeddings
from dance_demo.training.result import EpochReport, TrainingResult
from dance_demo.training.train import train
from tests.support.hub_server import DANCER, ask
from tests.support.made_up import tree_hash

CLASSES = ("kathak", "manipuri", "odissi")
SETTINGS = TrainingConfig(epochs=5, learning_rate=0.01, backbone="general", augmentation="light", fine_tune=True)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> PhotoDataset:
    folder = tmp_path_factory.mktemp("drawn")
    for name in CLASSES:
        (folder / name).mkdir()
        for seed in range(10):
            draw(name, 50 + seed, size=(120, 150)).save(folder / name / f"{seed}.png")
    return open_dataset(folder, workspace=folder)[0]


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory) -> TrainingResult:
    folder = tmp_path_factory.mktemp("tuned")
    *_, result = train(folder, never, dataset, SETTINGS, folder / "cache")
    return result


@pytest.mark.slow
def test_the_last_blocks_change_and_nothing_else(result):
    backbone = load_classifier(result.model).backbone
    before = backbone.path.read_bytes()
    old, new = kernels_in(before), kernels_in(backbone.data)
    assert all(0 < np.abs(new[layer] - old[layer]).max() < 0.1 for layer in LAYERS)
    differing = np.frombuffer(before, np.uint8) != np.frombuffer(backbone.data, np.uint8)
    assert differing.sum() <= sum(2 * kernel.size for kernel in old.values())  # float16


@pytest.mark.slow
def test_of_a_backbone_in_eight_bits_the_one_in_float32_is_fine_tuned(dataset, tmp_path):
    *_, result = train(tmp_path, never, dataset, replace(SETTINGS, backbone="dance"), tmp_path / "cache")
    backbone = load_classifier(result.model).backbone
    assert backbone.path == BUNDLED / FLOAT_BACKBONE and backbone.in_float() is backbone
    assert base_of(backbone.changes.read_bytes()) == sha256(BUNDLED / FLOAT_BACKBONE)
    assert result.fine_tuning.startswith("Fine-tuned: of the same")


@pytest.mark.slow
def test_what_judged_it_is_what_is_served(result, dataset):
    classifier, embeddings = load_classifier(result.model), read_embeddings(result, dataset)
    for index in result.held_out[:4]:
        photo = open_photo(dataset.photos[index].path)
        pooled = classifier.head.pool(classifier.feature_map(photo)[None])[0]
        assert power_normalize(pooled[None])[0] @ embeddings[index] > 0.9999  # the cosine
        answer = classifier.classify(photo)
        row = list(result.held_out).index(index)
        assert answer.top.label == result.class_names[result.probabilities[row].argmax()]
        assert classifier.heatmap(answer, answer.top.label).max() == 1


@pytest.mark.slow
def test_it_is_told_beside_the_frozen_backbone_wherever_its_accuracy_is(result, dataset, tmp_path):
    n = len(result.held_out)
    assert result.fine_tuning.startswith(f"Fine-tuned: of the same {n} photos, the head names")
    assert [r.epoch for r in result.history] == list(range(1, 5 + EPOCHS + 1))
    card = ModelCard.read(result.model)
    assert card.fine_tuning == result.fine_tuning and card.training["backbone"] == "general"
    assert report.to_json(result, dataset)["fine_tuning"] == result.fine_tuning


@pytest.mark.slow
def test_it_comes_home_in_a_bundle_and_goes_on_as_a_keras_model(result, dataset, tmp_path):
    bundle = write_bundle(result.model, tmp_path / "head.zip")
    assert bundle.stat().st_size < 8_000_000
    back = read_bundle(bundle, tmp_path / "back")
    photo = open_photo(dataset.photos[0].path)
    here, there = (load_classifier(model).classify(photo).predictions for model in (result.model, back))
    assert here == there
    (full,) = (e for e in export(tmp_path / "full", never, result.model) if isinstance(e, FullModel))
    assert full.largest_difference < 0.001


@pytest.mark.slow
def test_a_bundle_whose_numbers_were_changed_on_the_way_is_refused(result, tmp_path):
    changed = bytearray(write_bundle(result.model, tmp_path / "head.zip").read_bytes())
    at = changed.index(FINE_TUNED.encode()) + 5000
    changed[at] ^= 1
    (tmp_path / "changed.zip").write_bytes(changed)
    with pytest.raises(ModelError, match="damaged|not a bundle"):
        read_bundle(tmp_path / "changed.zip", tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.slow
def test_it_goes_to_the_hub_and_comes_back(result, hub, tmp_path):
    orders = ["publish", result.model, "dancer/tuned", DANCER, False], ["fetch", "dancer/tuned", tmp_path / "b", DANCER]
    ask(hub, tmp_path, *orders)
    assert FINE_TUNED in hub.repos["models", "dancer/tuned"].files
    assert tree_hash(tmp_path / "b" / "model") == tree_hash(result.model)


@pytest.mark.slow
def test_a_hidden_layer_and_plain_features_go_on_from_what_was_trained(dataset, tmp_path):
    settings = replace(SETTINGS, head="hidden", power_normalized=False, epochs=30)
    *_, result = train(tmp_path, never, dataset, settings, tmp_path / "cache")
    before, after = result.history[29], result.history[30]
    assert after.loss < before.loss + 0.5 and after.validation_accuracy >= before.validation_accuracy - 0.2
    head = load_classifier(result.model).head
    assert head.hidden_weight is not None and not head.power_normalized


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [0, 2])
def test_stop_keeps_the_last_complete_epoch_or_the_frozen_head(dataset, tmp_path, epochs):
    seen: list[EpochReport] = []
    events = train(tmp_path, lambda: len(seen) >= 5 + epochs, dataset, SETTINGS, tmp_path / "cache")
    *_, result = _noting(events, seen)
    assert result.stopped and len(result.history) == 5 + epochs
    assert bool(result.fine_tuning) == (tmp_path / "model" / FINE_TUNED).exists() == bool(epochs)
    load_classifier(result.model)


@pytest.mark.slow
def test_a_job_that_is_stopped_has_its_fine_tuned_head_ready_in_time(dataset, tmp_path):
    jobs = JobManager(tmp_path / "jobs")
    try:
        job = jobs.start(train, dataset, SETTINGS, tmp_path / "cache", owner="visitor")
        while not any(isinstance(event, EpochReport) and event.epoch > 5 for event in job.events):
            assert job.active, job.error
            time.sleep(0.05)
        job.stop()
        while job.active:
            time.sleep(0.05)
        assert isinstance(job.result, TrainingResult) and job.result.stopped and job.result.fine_tuning
    finally:
        jobs.close()


def _noting(events: Iterator[object], seen: list[EpochReport]) -> Iterator[object]:
    for event in events:
        if isinstance(event, EpochReport):
            seen.append(event)
        yield event


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"folds": 5}, "judged by photos that are put aside"),
        ({}, f"up to {PHOTOS_AT_MOST:,} photos here, and these are 2,010"),
    ],
)
def test_what_cannot_be_fine_tuned_is_said_before_anything_is_done(dataset, changes, sentence):
    many = dataset if changes else replace(dataset, photos=dataset.photos * 67)
    with pytest.raises(TrainingError, match=sentence):
        require_fine_tunable(many, replace(SETTINGS, **changes))
    require_fine_tunable(many, replace(SETTINGS, **changes, fine_tune=False))


def test_a_difference_within_chance_is_called_so():
    groups, right = np.arange(40), np.arange(40) < 30
    assert "within chance" in compared(right, np.roll(right, 3), groups, 0)
    told = compared(right, np.ones(40, bool), groups, 0)
    assert compared(right, right, groups, 0).endswith("and the same ones with its last blocks fine-tuned.")
    assert "75.0 % right on the frozen backbone and 100.0 %" in told and "+25.0 points" in told and "chance" not in told
