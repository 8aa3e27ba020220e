"""Which features matter, on made-up features whose answer is known, and on the public photos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.errors import DanceDemoError, TrainingError
from dance_demo.jobs.progress import Steps, never
from dance_demo.training.selection.experiment import Embedded, SelectionResult, cheat, kept_sizes, select
from dance_demo.training.selection.methods import METHODS, RANDOM
from dance_demo.training.selection.run import SelectionReport, SelectionSettings, select_features

PHOTOS, FEATURES, TELLING = 120, 100, 12
QUICK = tuple(name for name in METHODS if name not in ("mutual_info", "forest"))  # seconds each


def made_up(seed: int = 0) -> Embedded:
    """120 photos of four classes in pairs of copies; 12 of 100 features speak for a class."""
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(4), PHOTOS // 4)
    features = generator.gamma(1, 1, (PHOTOS, FEATURES)).astype(np.float32)
    for feature in range(TELLING):
        features[:, feature] += 2 * (classes == feature % 4)
    groups = tuple((np.arange(PHOTOS) // 2).tolist())
    return Embedded(features, classes, groups, ("a", "b", "c", "d"))


def selected(embedded: Embedded, *methods: str) -> SelectionResult:
    return Steps(select(embedded, methods)).run()


def test_every_method_finds_what_speaks_for_the_classes_and_beats_chance() -> None:
    result = selected(made_up(), *QUICK)
    assert [curve.method for curve in result.curves] == list(QUICK) and not result.stopped
    chance = result.curve(RANDOM)
    assert chance.kept == kept_sizes(FEATURES) == (8, 16, 32, 64)
    for curve in result.curves:
        for accuracy, (low, high), overlap in zip(curve.accuracy, curve.interval, curve.overlap, strict=True):
            assert 0 <= low <= accuracy <= high <= 1 and 0 <= overlap <= 1
        if curve.method not in (RANDOM, "dispersion_ratio"):
            assert curve.accuracy[curve.kept.index(8)] > chance.accuracy[0] + 0.1, curve.method
    assert result.curve("fisher").accuracy[1] > result.accuracy  # sixteen that speak beat a hundred that mostly do not


def test_the_random_choice_is_always_there_and_the_same_seed_gives_the_same_curves() -> None:
    first, second = selected(made_up(), "fisher"), selected(made_up(), "fisher")
    assert [curve.method for curve in first.curves] == [RANDOM, "fisher"]
    assert [curve.accuracy for curve in first.curves] == [curve.accuracy for curve in second.curves]


def test_what_is_chosen_before_the_split_seems_to_learn_labels_that_mean_nothing() -> None:
    embedded = replace(made_up(), features=np.random.default_rng(1).gamma(1, 1, (PHOTOS, 1000)))
    found = cheat(embedded)
    assert found.chance == 0.25
    assert max(found.before_split.accuracy) > 0.5 and max(found.inside_folds.accuracy) < 0.4


def test_photos_that_judge_choose_nothing() -> None:
    """A feature that gives the class of one fold's photos away, and of no other's, is not chosen for that fold."""
    embedded = made_up()
    features = np.random.default_rng(2).gamma(1, 1, (PHOTOS, FEATURES))
    result = selected(replace(embedded, features=features), *QUICK)
    for curve in result.curves:
        assert max(curve.accuracy) < 0.45, curve.method  # chance is 0.25


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        (np.full((PHOTOS, FEATURES), 0.5), "look the same"),
        (np.full((PHOTOS, FEATURES), np.nan), "not all numbers"),
        (np.full((PHOTOS, FEATURES), -1.0), "below 0"),
    ],
)
def test_features_that_cannot_be_chosen_from_get_a_sentence(features: np.ndarray, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        selected(replace(made_up(), features=features), "fisher")


def test_too_few_photos_get_a_sentence() -> None:
    few = Embedded(np.random.default_rng(0).gamma(1, 1, (4, 20)), np.array([0, 0, 1, 1]), (0, 1, 2, 3), ("a", "b"))
    with pytest.raises(DanceDemoError, match="photos"):
        selected(few, "forward")


@pytest.mark.parametrize(
    "settings", [{"methods": ("magic",)}, {"folds": 2}, {"folds": 11}, {"seed": -1}, {"backbone": "eyes"}]
)
def test_impossible_settings_are_refused_with_the_value(settings: dict) -> None:
    with pytest.raises(TrainingError, match=str(next(iter(settings.values()))).strip("(),'").split("'")[0]):
        SelectionSettings(**settings)


def test_a_stopped_selection_keeps_the_methods_that_were_finished() -> None:
    asked = iter([False] * 10 + [True] * 100)
    result = Steps(select(made_up(), ("fisher", "variance", "lasso"), stop=lambda: next(asked))).run()
    assert result.stopped and 1 <= len(result.curves) < 4


@pytest.mark.slow
def test_the_public_photos_repeat_the_lesson(shared: Path, tmp_path: Path, imagenet_cache: Path) -> None:
    """Nothing clearly beats keeping all; above 500 the method hardly matters; dispersion loses to chance."""
    dataset, _ = open_dataset(shared / "data" / "dance", workspace=tmp_path)
    settings = SelectionSettings(backbone="imagenet", cheat=True)
    *_, report = select_features(tmp_path / "features", never, dataset, settings, imagenet_cache)
    assert isinstance(report, SelectionReport)
    result, cheated = report.selection, report.cheat
    assert cheated and result.n == 364 and result.features == 1280 and not report.warning
    assert 0.66 <= result.accuracy <= 0.76
    for curve in result.curves:
        assert max(curve.accuracy) < result.accuracy + 0.05, curve.method
        if 512 in curve.kept and curve.method != "dispersion_ratio":
            assert curve.accuracy[curve.kept.index(512)] > 0.64, curve.method
    chance = result.curve(RANDOM)
    assert result.curve("dispersion_ratio").accuracy[3] < chance.accuracy[3]
    assert max(cheated.before_split.accuracy) > max(cheated.inside_folds.accuracy) + 0.05
    seconds = sum(curve.seconds for curve in result.curves)
    print(f"\n{seconds:.1f} s for {len(result.curves)} methods on {result.n} photos", end=" ")
