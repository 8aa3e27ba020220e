"""How much each feature alone is worth, by many measures: the filter and the embedded methods.

Every function takes features (n, c), at least 0, and class indices (n,), and returns a score (c,) per feature, the
larger the better; constant features score least. Photos that judge are never among them.
"""

from collections.abc import Callable

import numpy as np

BINS = 8  # quantiles, for the information gain
CORRELATED = 0.5  # Pearson's r of two features of which one goes
TREES = 300
LASSO_STRENGTH = 0.1  # the inverse of the penalty's weight
LASSO_EPOCHS = 100

Score = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def information_gain(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """By how many nats knowing a feature's eighth (of all photos, by quantiles) lessens the doubt about the class."""
    edges = np.quantile(features, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
    bins = (features[None] > edges[:, None]).sum(axis=0)
    n, c = features.shape
    counts = np.zeros((c, BINS, int(classes.max()) + 1))
    np.add.at(counts, (np.arange(c)[None], bins, classes[:, None]), 1)
    joint = counts / n
    independent = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    gain: np.ndarray = (joint * np.log(ratio)).sum(axis=(1, 2))
    return gain


def mutual_information(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The same without bins, from the distances of neighbours (Ross 2014); takes a hundred times as long."""
    from sklearn.feature_selection import mutual_info_classif

    found: np.ndarray = mutual_info_classif(features, classes, random_state=seed)
    return found


def chi2_statistic(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The chi-square statistic of a feature's sums over the classes. It is meant for counts, which these are not."""
    from sklearn.feature_selection import chi2

    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = chi2(features, classes)[0]
    counted: np.ndarray = np.nan_to_num(found)
    return counted


def fisher(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """Fisher's score: the variance between the classes' means by the variance within (the order of ANOVA's F)."""
    one_hot = np.eye(int(classes.max()) + 1)[classes]
    counts = one_hot.sum(axis=0)[:, None]
    means = one_hot.T @ features / np.maximum(counts, 1)
    between = (counts * (means - features.mean(axis=0)) ** 2).sum(axis=0)
    within = ((features - means[classes]) ** 2).sum(axis=0)
    score: np.ndarray = between / np.maximum(within, 1e-12)
    return score


def correlation(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The largest |r| (Pearson) of a feature with being of one class or not."""
    one_hot = np.eye(int(classes.max()) + 1)[classes]
    strongest: np.ndarray = np.abs(_standardized(features).T @ _standardized(one_hot) / len(features)).max(axis=1)
    return strongest


def uncorrelated(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """As `correlation`, but of two features that correlate by more than 0.5 the weaker one comes after all others."""
    relevance = correlation(features, classes, seed)
    standardized = _standardized(features)
    left = np.ones(len(relevance), bool)
    score = relevance.copy()
    for best in np.argsort(-relevance, kind="stable"):
        if left[best]:
            alike = np.abs(standardized.T @ standardized[:, best] / len(features)) > CORRELATED
            alike[best] = False
            weaker = alike & left
            score[weaker] -= 2  # no r is larger than 1
            left &= ~alike
            left[best] = False
    return score


def variance(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """How much a feature varies, whatever the classes are."""
    found: np.ndarray = features.var(axis=0)
    return found


def mean_absolute_difference(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The mean distance from the feature's mean."""
    found: np.ndarray = np.abs(features - features.mean(axis=0)).mean(axis=0)
    return found


def dispersion_ratio(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The arithmetic mean by the geometric mean (of the features plus a thousandth of their mean: there are zeros)."""
    shifted = features + max(float(features.mean()), 1e-12) / 1000
    found: np.ndarray = shifted.mean(axis=0) / np.exp(np.log(shifted).mean(axis=0))
    return found


def lasso(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """The sum of a feature's weights, without sign, in a logistic regression that is charged for each (L1)."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(l1_ratio=1, solver="saga", C=LASSO_STRENGTH, max_iter=LASSO_EPOCHS, random_state=seed)
    with warnings.catch_warnings():  # an order of the features is wanted, not the last digit
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_standardized(features), classes)
    found: np.ndarray = np.abs(model.coef_).sum(axis=0)
    return found


def forest(features: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """By how much a feature lessens the Gini impurity in a random forest (Breiman 2001)."""
    from sklearn.ensemble import RandomForestClassifier

    found: np.ndarray = RandomForestClassifier(TREES, random_state=seed).fit(features, classes).feature_importances_
    return found


def _standardized(columns: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1; constant ones are 0."""
    spread = columns.std(axis=0)
    found: np.ndarray = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return found
