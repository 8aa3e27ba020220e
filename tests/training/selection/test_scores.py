"""scikit-learn, and the definitions, are the oracles of every score."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import VarianceThreshold, chi2, f_classif, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import StandardScaler

from dance_demo.training.selection import scores
from dance_demo.training.selection.methods import METHODS

SCORED = {name: method.score for name, method in METHODS.items() if method.score}


@pytest.fixture(scope="module")
def photos() -> tuple[np.ndarray, np.ndarray]:
    """120 made-up photos of three classes, 30 features of which five speak for a class."""
    generator = np.random.default_rng(3)
    classes = np.repeat(np.arange(3), 40)
    features = generator.gamma(2, 1, (120, 30)) * generator.uniform(0.5, 2, 30)
    for feature in range(5):
        features[:, feature] += 1.5 * (classes == feature % 3)
    return features, classes


def order(values: np.ndarray) -> list[int]:
    return np.argsort(-values, kind="stable").tolist()


def test_the_rankings_are_those_of_scikit_learn(photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, classes = photos
    standardized = StandardScaler().fit_transform(features)
    lasso = LogisticRegression(
        l1_ratio=1, solver="saga", C=scores.LASSO_STRENGTH, max_iter=scores.LASSO_EPOCHS, random_state=0
    ).fit(standardized, classes)
    forest = RandomForestClassifier(scores.TREES, random_state=0).fit(features, classes)
    oracles = {
        "chi2": chi2(features, classes)[0],
        "fisher": f_classif(features, classes)[0],
        "mutual_info": mutual_info_classif(features, classes, random_state=0),
        "variance": VarianceThreshold().fit(features).variances_,
        "lasso": np.abs(lasso.coef_).sum(axis=0),
        "forest": forest.feature_importances_,
    }
    for name, oracle in oracles.items():
        assert order(SCORED[name](features, classes, 0)) == order(oracle), name


def test_the_other_scores_are_what_their_definitions_say(photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, classes = photos
    one = features[:, 0]
    bins = np.digitize(one, np.quantile(one, np.arange(1, 8) / 8), right=True)
    assert scores.information_gain(features, classes, 0)[0] == pytest.approx(mutual_info_score(bins, classes))
    largest = max(abs(np.corrcoef(one, classes == label)[0, 1]) for label in range(3))
    assert scores.correlation(features, classes, 0)[0] == pytest.approx(largest)
    assert scores.mean_absolute_difference(features, classes, 0)[0] == pytest.approx(np.abs(one - one.mean()).mean())
    shifted = one + features.mean() / 1000
    ratio = shifted.mean() / np.exp(np.log(shifted).mean())
    assert scores.dispersion_ratio(features, classes, 0)[0] == pytest.approx(ratio)


def test_of_two_features_that_say_the_same_the_weaker_comes_last(photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, classes = photos
    noise = np.random.default_rng(0).normal(0, 0.05, len(features))
    doubled = np.column_stack([features, features[:, 1] + np.abs(noise)])
    strengths = scores.correlation(doubled, classes, 0)
    weaker = min((1, 30), key=lambda feature: strengths[feature])
    assert order(scores.uncorrelated(doubled, classes, 0))[-1] == weaker


@pytest.mark.parametrize("name", SCORED)
def test_constant_features_come_last_and_nothing_is_no_number(name: str, photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, classes = photos
    some = np.column_stack([np.zeros(len(features)), features[:, :6], np.full(len(features), 2.0)])
    found = SCORED[name](some, classes, 0)
    assert found.shape == (8,) and np.isfinite(found).all()
    assert found[[0, 7]].max() <= found[1:7].min() + 1e-9 or name in ("chi2", "mutual_info", "lasso", "forest")
    assert found[[0, 7]].max() < found[1:7].max()
