"""Three ways to learn the same photos: the same split for all, reports while they learn, and the articles' network."""

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.cli.output import comparison_table
from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.splits import stratified_group_split
from dance_demo.errors import TrainingError
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Progress, never
from dance_demo.model.directory import save_model
from dance_demo.model.preprocessing import to_input
from dance_demo.networks.scratch import ScratchNetwork, photo_squares
from dance_demo.training.comparison import (
    FROZEN,
    METHODS,
    NORMALIZED,
    SCRATCH,
    ComparisonEpoch,
    ComparisonResult,
    ComparisonSettings,
    MethodResult,
    compare,
)
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import evaluate
from dance_demo.ui.train import markup
from tests.support.made_up import jpeg, photo, write_files

TINTS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
PER_CLASS = 10
QUICK = ComparisonSettings(
    side_px=32,
    epochs=4,
    dropout=0.0,
    transfer=TrainingConfig(epochs=3, augmentation="off", validation_fraction=0.3, backbone="dance"),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> PhotoDataset:
    """Three colours, easy to learn, and no two pictures alike."""
    files = {
        f"{name}/{number}.jpg": jpeg(Image.blend(photo(100 * place + number), Image.new("RGB", (120, 100), tint), 0.6))
        for place, (name, tint) in enumerate(TINTS.items())
        for number in range(PER_CLASS)
    }
    folder = tmp_path_factory.mktemp("colours")
    return open_dataset(write_files(folder / "data", files), workspace=folder)[0]


@pytest.fixture(scope="module", autouse=True)
def tiny_backbone(tmp_path_factory, tiny_files) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("backbone") / "tiny"
    save_model(folder, tiny_files, name="Tiny", class_names=("kathak", "odissi", "sattriya"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANCE_DEMO_MODEL", str(folder))
        yield


@pytest.fixture(scope="module")
def events(dataset, tmp_path_factory) -> list:
    folder = tmp_path_factory.mktemp("compared")
    found = list(compare(folder / "job", never, dataset, QUICK, folder / "cache"))
    assert not list((folder / "job").iterdir()), "what was needed meanwhile is gone"
    return found


def after(calls: int) -> Callable[[], bool]:
    """A stop that says so from that call on."""
    asked = iter(range(1_000_000))
    return lambda: next(asked) >= calls


def test_all_three_are_judged_on_the_photos_that_the_split_holds_out(events, dataset):
    result = events[-1]
    split = stratified_group_split(dataset.labels, dataset.groups, validation_fraction=0.3)
    assert result.held_out.tolist() == sorted(split.validation)
    assert result.classes.tolist() == [dataset.class_indices[place] for place in result.held_out]
    assert result.n_train == len(split.train) and not result.stopped
    assert tuple(method.name for method in result.methods) == METHODS
    for method in result.methods:
        assert method.evaluation.n == len(split.validation) == len(method.probabilities)
        np.testing.assert_allclose(method.probabilities.sum(axis=1), 1, atol=1e-5)
        assert method.seconds > 0 and method.size_bytes > 0
    expected = evaluate(
        result.classes,
        result.method(SCRATCH).probabilities,
        dataset.class_names,
        groups=np.array(dataset.groups)[result.held_out],
    )
    assert result.method(SCRATCH).evaluation.to_json() == expected.to_json()


def test_curves_of_all_three_grow_epoch_by_epoch(events):
    reports = [event for event in events if isinstance(event, ComparisonEpoch)]
    for method in events[-1].methods:
        own = [event.report for event in reports if event.method == method.name]
        assert tuple(own) == method.history
        epochs = QUICK.epochs if method.name == SCRATCH else QUICK.transfer.epochs
        assert [report.epoch for report in own] == list(range(1, epochs + 1))
        assert all(report.epochs == epochs and 0 <= report.validation_accuracy <= 1 for report in own)
        assert method.history[-1].validation_accuracy == pytest.approx(method.evaluation.accuracy)
    assert {type(event) for event in events[:-1]} == {Progress, ComparisonEpoch, MethodResult}
    assert tuple(event for event in events if isinstance(event, MethodResult)) == events[-1].methods


def test_the_loss_on_held_out_photos_is_their_cross_entropy(events):
    result = events[-1]
    for method in result.methods:
        own = method.probabilities[np.arange(len(result.classes)), result.classes]
        assert method.history[-1].validation_loss == pytest.approx(-np.log(own).mean(), rel=1e-3)


def test_events_and_result_can_be_sent_to_another_process(events):
    copies = pickle.loads(pickle.dumps(events))
    reports = [event for event in events if isinstance(event, ComparisonEpoch)]
    assert [event for event in copies if isinstance(event, ComparisonEpoch)] == reports
    assert copies[-1].to_json() == events[-1].to_json()


def test_the_same_seed_gives_the_same_probabilities_bit_for_bit(events, dataset, tmp_path):
    *_, again = compare(tmp_path / "job", never, dataset, QUICK, tmp_path / "cache")
    for first, second in zip(events[-1].methods, again.methods, strict=True):
        np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_by_folds_every_photo_is_judged_once(dataset, tmp_path):
    settings = replace(QUICK, epochs=1, transfer=replace(QUICK.transfer, epochs=1, folds=3))
    *events, result = compare(tmp_path / "job", never, dataset, settings, tmp_path / "cache")
    assert result.held_out.tolist() == list(range(len(dataset.photos)))
    assert [method.evaluation.n for method in result.methods] == [len(dataset.photos)] * 3
    folds = [event.report.fold for event in events if isinstance(event, ComparisonEpoch) and event.method == SCRATCH]
    assert folds == [0, 1, 2]


@pytest.mark.parametrize("calls", [0, 5, 40, 50, 65])
def test_C1_a_stop_ends_it_with_what_is_complete_and_leaves_no_file(dataset, tmp_path, calls):
    *events, result = compare(tmp_path / "job", after(calls), dataset, QUICK, tmp_path / "cache")
    assert isinstance(result, ComparisonResult) and result.stopped
    assert not list((tmp_path / "job").iterdir())
    finished = {event.method for event in events if isinstance(event, ComparisonEpoch)}
    assert {method.name for method in result.methods} == finished, "one epoch is enough to be judged"
    assert all(len(method.probabilities) == len(result.held_out) for method in result.methods)
    json.dumps(result.to_json())


def test_a_comparison_that_nobody_wants_any_more_leaves_no_file(dataset, tmp_path):
    running = compare(tmp_path / "job", never, dataset, QUICK, tmp_path / "cache")
    for event in running:
        if isinstance(event, ComparisonEpoch) and event.method == SCRATCH:
            break
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["squares.npy"]
    running.close()
    assert not list((tmp_path / "job").iterdir())


def made_up_result() -> ComparisonResult:
    """Four photos of class 0: both right, only the first, only the second, both wrong."""
    first, second = np.array([0.9, 0.6, 0.2, 0.3]), np.array([0.9, 0.4, 0.8, 0.1])
    rows = []
    for name, right in ((FROZEN, first), (SCRATCH, second)):
        probabilities = np.stack([right, 1 - right], axis=1)
        evaluation = evaluate([0] * 4, probabilities, ("a", "b"))
        rows.append(MethodResult(name, evaluation, probabilities, (), 12.3, 8_900_000))
    indices = np.array([3, 5, 7, 9])
    return ComparisonResult(tuple(rows), QUICK, ("a", "b"), indices, np.zeros(4, int), n_train=30, stopped=False)


def test_photos_that_the_backbone_knows_are_told_beside_the_table_and_on_the_page():
    result, warning = made_up_result(), "4 of the 4 photos that judged were used to train the bundled backbone"
    first = result.methods[0]
    known = replace(first, evaluation=replace(first.evaluation, training_overlap=4))
    told = replace(result, methods=(known, *result.methods[1:]))
    assert warning in comparison_table(told) and warning in markup.comparison(told, "dances")
    assert warning not in comparison_table(result) and "dances" in markup.comparison(result, "dances")
    assert "★" in markup.comparison(result, "dances") and "★" not in markup.comparison(told, "dances")


def test_photos_that_one_gets_right_and_the_other_wrong_are_found():
    result = made_up_result()
    assert result.only_right(FROZEN, SCRATCH).tolist() == [5]
    assert result.only_right(SCRATCH, FROZEN).tolist() == [7]


def test_the_table_has_a_line_for_each_method_with_n_and_interval():
    header, _, *lines = comparison_table(made_up_result()).splitlines()
    assert "4 held-out photos" in header
    low, high = made_up_result().method(FROZEN).evaluation.accuracy_interval
    assert lines[0] == f"| frozen | 50.0 % [{100 * low:.1f} %, {100 * high:.1f} %] | 0.33 | 12 | 8.9 MB |"
    assert [line.count("|") for line in (header, *lines)] == [6] * 3


def test_the_json_can_be_written_and_read(events):
    result = json.loads(json.dumps(events[-1].to_json()))
    assert [row["name"] for row in result["rows"]] == list(METHODS)
    assert result["settings"]["transfer"]["validation_fraction"] == 0.3
    assert result["rows"][0]["evaluation"]["n"] == result["n_held_out"] == len(events[-1].held_out)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"side_px": 16}, "from 32 to 224. Received: 16"),
        ({"side_px": 64.0}, "whole number"),
        ({"epochs": 0}, "Epochs must be .* Received: 0"),
        ({"epochs": True}, "Received: True"),
        ({"learning_rate": float("nan")}, "Received: nan"),
        ({"dropout": "much"}, "Received: 'much'"),
    ],
)
def test_impossible_settings_are_refused_with_what_was_received(settings, message):
    with pytest.raises(TrainingError, match=message):
        ComparisonSettings(**settings)


def test_photos_that_cannot_be_trained_on_are_refused_before_any_work(dataset, tmp_path):
    one_class = [index for index, label in enumerate(dataset.labels) if label == "red"]
    poor = PhotoDataset(tuple(dataset.photos[p] for p in one_class), ("red",), tuple(range(len(one_class))))
    with pytest.raises(TrainingError, match="at least 2 classes"):
        list(compare(tmp_path / "job", never, poor, QUICK, tmp_path / "cache"))


# the network from scratch -----------------------------------------------------------------------------------------


def test_it_is_the_network_of_the_articles():
    network = ScratchNetwork(224, 8, dropout=0.25, learning_rate=0.001, seed=0)
    kinds = [type(layer).__name__ for layer in network._model.layers]
    assert kinds == ["Conv2D", "MaxPooling2D", "Dropout"] * 3 + ["Flatten", "Dense", "Dense"]
    convolutions = [layer for layer in network._model.layers if type(layer).__name__ == "Conv2D"]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [(n, (2, 2)) for n in (128, 64, 128)]
    assert [layer.activation.__name__ for layer in network._model.layers[-2:]] == ["relu", "softmax"]
    assert network._model.layers[-2].units == 64 and network._model.loss == "categorical_crossentropy"
    weights = (2 * 2 * 3 + 1) * 128 + (2 * 2 * 128 + 1) * 64 + (2 * 2 * 64 + 1) * 128
    side = 27  # 224 -> 223 -> 111 -> 110 -> 55 -> 54 -> 27
    assert network.size_bytes == 4 * (weights + (side * side * 128 + 1) * 64 + (64 + 1) * 8)


def test_squares_are_what_every_network_here_takes_in(dataset, tmp_path):
    paths = [photo.path for photo in dataset.photos[:3]]
    assert list(photo_squares(paths, 32, tmp_path / "squares.npy")) == [1, 2, 3]
    squares = np.load(tmp_path / "squares.npy")
    assert squares.shape == (3, 32, 32, 3) and squares.dtype == np.uint8
    for square, path in zip(squares, paths, strict=True):
        np.testing.assert_allclose(square / 127.5 - 1, to_input(open_photo(path), 32), atol=1 / 255)


def test_what_an_epoch_reports_is_the_mean_over_all_its_photos(tmp_path):
    squares = np.random.default_rng(0).integers(0, 256, (35, 32, 32, 3)).astype(np.uint8)
    classes, indices = np.arange(35) % 2, np.arange(35)
    network = ScratchNetwork(32, 2, dropout=0.0, learning_rate=1e-9, seed=0)  # so slow that nothing moves
    loss, accuracy = network.learn(squares, classes, indices, 1, never)
    probabilities = network.probabilities(squares, indices)
    assert accuracy == pytest.approx((probabilities.argmax(axis=1) == classes).mean(), abs=1e-6)
    assert loss == pytest.approx(-np.log(probabilities[indices, classes]).mean(), rel=1e-4)


def test_it_learns_colours(tmp_path):
    classes = np.arange(60) % 3
    noise = np.random.default_rng(0).integers(0, 60, (60, 32, 32, 3))
    squares = (noise + 150 * np.eye(3, dtype=int)[classes][:, None, None]).astype(np.uint8)
    network = ScratchNetwork(32, 3, dropout=0.1, learning_rate=0.001, seed=0)
    for epoch in range(1, 13):
        network.learn(squares, classes, np.arange(45), epoch, never)
    judged = network.probabilities(squares, np.arange(45, 60))
    assert (judged.argmax(axis=1) == classes[45:]).all()


@pytest.mark.slow
def test_large_photos_in_pieces_of_a_batch_are_learned_as_whole_batches_are(monkeypatch):
    squares = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    classes, indices, learned = np.arange(64) % 2, np.arange(64), []
    for large_side_px in (112, 16):
        monkeypatch.setattr("dance_demo.networks.scratch.LARGE_SIDE_PX", large_side_px)
        network = ScratchNetwork(32, 2, dropout=0.0, learning_rate=0.001, seed=0)
        start = np.concatenate([weight.ravel() for weight in network._model.get_weights()])
        network.learn(squares, classes, indices, 1, never)
        learned.append(np.concatenate([weight.ravel() for weight in network._model.get_weights()]) - start)
    whole, pieces = learned
    assert np.abs(whole).max() > 0.001, "two steps of Adam"
    assert np.abs(whole - pieces).mean() < 0.02 * np.abs(whole).mean()


def test_it_stops_within_a_batch():
    squares = np.zeros((64, 32, 32, 3), np.uint8)
    network = ScratchNetwork(32, 2, dropout=0.0, learning_rate=0.001, seed=0)
    assert network.learn(squares, np.arange(64) % 2, np.arange(64), 1, after(1)) is None


# the command line -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_the_table_or_json(dataset, tmp_path, capsys, monkeypatch):
    from dance_demo.cli.main import main

    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path))
    folder = Path(dataset.photos[0].path).parent.parent
    assert main(["compare", str(folder), "--size", "32", "--epochs", "1"]) == 0
    out, err = capsys.readouterr()
    assert [line.split(" | ")[0] for line in out.splitlines()[2:]] == [f"| {name}" for name in METHODS]
    assert f"{SCRATCH}: epoch 1, validation accuracy" in err
    assert main(["compare", str(folder), "--size", "32", "--epochs", "1", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["rows"]] == [FROZEN, NORMALIZED, SCRATCH]
    assert main(["compare", str(folder), "--size", "4000"]) == 2
    assert "Received: 4000" in capsys.readouterr().err
