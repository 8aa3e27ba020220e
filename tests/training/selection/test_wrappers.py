"""scikit-learn's sequential selection is the oracle of ours; a count of all subsets that of the exhaustive search."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.linear_model import Ridge

from dance_demo.training.selection.ridge import SubsetJudge, one_hot, ridge_hits, ridge_weights
from dance_demo.training.selection.wrappers import backward, exhaustive, forward, recursive


class ClosedForm(ClassifierMixin, BaseEstimator):
    """The heads of the feature laboratory as scikit-learn's selector wants them."""

    def fit(self, features: np.ndarray, classes: np.ndarray) -> "ClosedForm":
        self.classes_ = np.unique(classes)
        targets = one_hot(classes, len(self.classes_))
        self.middle_, self.share_ = features.mean(axis=0), targets.mean(axis=0)
        self.weights_ = ridge_weights(features - self.middle_, targets - self.share_)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return ((features - self.middle_) @ self.weights_ + self.share_).argmax(axis=1)


@pytest.fixture(scope="module")
def made_up() -> tuple[np.ndarray, np.ndarray, list[tuple[list[int], list[int]]]]:
    """90 photos of three classes with 12 features, and three folds."""
    generator = np.random.default_rng(5)
    classes = np.tile(np.arange(3), 30)
    features = generator.gamma(2, 1, (90, 12))
    for feature in range(4):
        features[:, feature] += 0.8 * (classes == feature % 3)
    photos = generator.permutation(90)
    folds = [(np.setdiff1d(photos, photos[start::3]).tolist(), photos[start::3].tolist()) for start in range(3)]
    return features, classes, folds


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_forward_and_backward_choose_as_scikit_learn_does(made_up, direction: str) -> None:
    features, classes, folds = made_up
    oracle = SequentialFeatureSelector(
        ClosedForm(), n_features_to_select=5, direction=direction, cv=folds, scoring="accuracy"
    ).fit(features, classes)
    judge = SubsetJudge(features, classes, folds)
    found = forward(judge, range(12), 5) if direction == "forward" else backward(judge, range(12), 5)[:5]
    assert sorted(found) == np.flatnonzero(oracle.support_).tolist()


def test_exhaustive_finds_the_best_of_all_subsets(made_up) -> None:
    features, classes, folds = made_up

    def accuracy(subset: tuple[int, ...]) -> float:
        kept = np.array(subset)
        return float(np.concatenate([ridge_hits(features, classes, *fold, kept) for fold in folds]).mean())

    found = exhaustive(SubsetJudge(features, classes, folds), range(8), 3)
    assert accuracy(tuple(found)) == max(map(accuracy, combinations(range(8), 3)))


def test_recursive_elimination_is_scikit_learns(made_up) -> None:
    features, classes, _ = made_up
    centred = features - features.mean(axis=0)
    scaled = centred / centred.std(axis=0)  # so that weights and their importance are one thing
    found = recursive(scaled, classes)
    penalty = 0.3 * 12  # of the first step: all features have variance 1
    first = RFE(Ridge(alpha=penalty, fit_intercept=False), n_features_to_select=11, step=1)
    first.fit(scaled, one_hot(classes, 3) - 1 / 3)
    assert found[-1] == np.flatnonzero(~first.support_)[0]
    assert sorted(found) == list(range(12))


def test_a_stopped_search_ends_at_once(made_up) -> None:
    features, classes, folds = made_up
    judge = SubsetJudge(features, classes, folds)
    assert forward(judge, range(12), 5, lambda: True) == []
    assert backward(judge, range(12), 5, lambda: True) == list(range(12))
