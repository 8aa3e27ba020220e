"""The measures, held against scikit-learn, SciPy, and answers known from the way the data was made."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, top_k_accuracy_score

from dance_demo.training.evaluation import (
    accuracy_interval,
    bootstrap_interval,
    calibration_error,
    evaluate,
    wilson_interval,
)

NAMES = ("kathak", "odissi", "sattriya")


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def made_up_answers(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, n)
    return labels, softmax(generator.normal(size=(n, 3)) + 1.5 * np.eye(3)[labels])


def test_the_measures_agree_with_scikit_learn():
    labels, probabilities = made_up_answers()
    answers = probabilities.argmax(axis=1)
    result = evaluate(labels, probabilities, NAMES)
    assert result.n == 60
    assert result.accuracy == pytest.approx(accuracy_score(labels, answers))
    assert result.top2_accuracy == pytest.approx(top_k_accuracy_score(labels, probabilities, k=2))
    assert result.weighted_f1 == pytest.approx(f1_score(labels, answers, average="weighted"))
    assert result.macro_f1 == pytest.approx(f1_score(labels, answers, average="macro"))
    assert result.majority_baseline == pytest.approx(max(np.bincount(labels)) / 60)


def test_rows_of_the_confusion_are_the_truth_and_columns_the_answers():
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    result = evaluate(["kathak", "kathak", "odissi", "sattriya"], probabilities, NAMES)
    np.testing.assert_array_equal(result.confusion, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    kathak = result.per_class["kathak"]
    assert (kathak.precision, kathak.recall, kathak.support) == (1.0, 0.5, 2)
    assert kathak.f1 == pytest.approx(2 / 3)


def test_labels_may_be_names_or_indices():
    labels, probabilities = made_up_answers()
    by_name = evaluate([NAMES[label] for label in labels], probabilities, NAMES)
    assert by_name.to_json() == evaluate(labels, probabilities, NAMES).to_json()


def test_a_class_without_photos_has_a_row_of_zeros_and_no_warning():
    result = evaluate(["kathak", "odissi"], np.eye(3)[[0, 1]], NAMES)
    assert result.per_class["sattriya"].support == 0
    assert result.accuracy == result.macro_f1 == 1


def test_the_json_has_the_fields_of_the_command_line_and_survives_a_round_trip():
    labels, probabilities = made_up_answers()
    report = evaluate(labels, probabilities, NAMES).to_json()
    promised = {"n", "accuracy", "accuracy_interval", "weighted_f1", "macro_f1", "per_class", "confusion"}
    assert promised | {"class_names"} <= set(report)
    read = json.loads(json.dumps(report))
    assert read["class_names"] == list(NAMES)
    assert set(read["per_class"]["odissi"]) == {"precision", "recall", "f1", "support"}
    assert sum(map(sum, read["confusion"])) == read["n"] == 60


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (1, 2), (313, 364), (37, 50)])
def test_the_wilson_interval_agrees_with_scipy(right, n):
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(np.arange(n) < right) == pytest.approx((expected.low, expected.high))


def test_the_group_interval_agrees_with_wilson_when_every_photo_is_its_own_group():
    hits = np.arange(400) < 300
    assert bootstrap_interval(hits, range(400), 0) == pytest.approx(wilson_interval(hits), abs=0.012)


def test_the_group_interval_is_wider_when_photos_come_in_groups_of_copies():
    hits = np.arange(400) < 300
    low, high = bootstrap_interval(hits, np.arange(400) // 10, 0)
    assert high - low > 2.5 * (0.75 - wilson_interval(hits)[0]), "about sqrt(10) times as wide"


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_right_or_all_wrong_are_not_certain(right):
    """Nineteen photos, eight of them copies: as much doubt as eleven photos leave."""
    low, high = accuracy_interval(np.full(19, right), [*range(11), *range(8)], 0)
    assert (low, high) == wilson_interval(np.full(11, right))
    assert (low < 0.75 and high == 1) if right else (low == 0 and high > 0.25)


def test_the_same_seed_gives_the_same_group_interval():
    labels, probabilities = made_up_answers()
    groups = [f"shoot {number // 3}" for number in range(60)]
    first, second = (evaluate(labels, probabilities, NAMES, groups=groups, seed=7) for _ in range(2))
    assert first.accuracy_interval == second.accuracy_interval
    assert first.accuracy_interval[0] < first.accuracy < first.accuracy_interval[1]


def test_the_calibration_error_of_known_cases():
    assert calibration_error(np.ones(10), np.ones(10, bool)) == 0
    assert calibration_error(np.full(10, 0.9), np.arange(10) < 5) == pytest.approx(0.4)
    half_and_half = np.array([0.95] * 10 + [0.55] * 10)
    hits = np.array([True] * 9 + [False] + [True] * 8 + [False] * 2)
    assert calibration_error(half_and_half, hits) == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (["kathak", "tango"], np.eye(3)[:2], "Received: .*tango"),
        ([0, 3], np.eye(3)[:2], "Received: .*3"),
        ([0, -1], np.eye(3)[:2], "Received: .*-1"),
        ([], np.zeros((0, 3)), "Received: none"),
        ([0], np.eye(3)[:2], r"must be \(1, 3\). Received: \(2, 3\)"),
        ([0, 1], np.eye(3)[:2] * np.nan, "NaN"),
        ([0, 1], np.eye(3)[:2] * 7, "from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_named(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        evaluate(labels, probabilities, NAMES)


def test_groups_that_do_not_cover_the_photos_are_named():
    labels, probabilities = made_up_answers()
    with pytest.raises(ValueError, match="each of 60 photos. Received: 2"):
        evaluate(labels, probabilities, NAMES, groups=[1, 2])
