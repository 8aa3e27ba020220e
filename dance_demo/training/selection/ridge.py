"""Linear heads in closed form: ridge regression on the classes (Hoerl & Kennard 1970), thousands in a second.

The class with the largest output is the answer. The penalty is relative: so much of the mean square of the features
that are kept, whichever they are and however many.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

PENALTY = 0.3  # of the mean squared length of a photo's features, for each photo
SMALLEST = 1e-9  # where all features are constant
SUBSETS_AT_ONCE = 256


def ridge_weights(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Weights (k, m) for centred features (n, k) and centred targets (n, m)."""
    n, k = features.shape
    penalty = PENALTY * float((features**2).sum()) / n + SMALLEST
    if k <= n:
        weights: np.ndarray = np.linalg.solve(features.T @ features + penalty * np.eye(k), features.T @ targets)
        return weights
    weights = features.T @ np.linalg.solve(features @ features.T + penalty * np.eye(n), targets)
    return weights


def ridge_hits(
    features: np.ndarray, classes: np.ndarray, train: Sequence[int], held_out: Sequence[int], kept: np.ndarray
) -> np.ndarray:
    """Which photos of `held_out` a head on the features `kept` names right, fitted to `train`: bool (m,)."""
    outputs = ridge_head(features, classes, train, kept).outputs(features[np.asarray(held_out)][:, kept])
    right: np.ndarray = outputs.argmax(axis=1) == classes[np.asarray(held_out)]
    return right


@dataclass(frozen=True, eq=False)
class RidgeHead:
    """A head on k features, for m classes: weights (k, m), the features' means (k,) and the classes' shares (m,)."""

    weights: np.ndarray
    middle: np.ndarray
    share: np.ndarray

    def outputs(self, features: np.ndarray) -> np.ndarray:
        """How much each photo speaks for each class: (n, k) -> (n, m), no probabilities."""
        found: np.ndarray = (features.astype(np.float64) - self.middle) @ self.weights + self.share
        return found


def ridge_head(features: np.ndarray, classes: np.ndarray, train: Sequence[int], kept: np.ndarray) -> RidgeHead:
    """A head on the features `kept` of (n, c), fitted to the photos `train`."""
    learning = features[np.asarray(train)][:, kept].astype(np.float64)
    targets = one_hot(classes, int(classes.max()) + 1)[np.asarray(train)]
    middle, share = learning.mean(axis=0), targets.mean(axis=0)
    return RidgeHead(ridge_weights(learning - middle, targets - share), middle, share)


def one_hot(classes: np.ndarray, k: int) -> np.ndarray:
    """Class indices (n,) as rows of zeros and a one: (n, k)."""
    rows: np.ndarray = np.eye(k)[classes]
    return rows


@dataclass(frozen=True, eq=False)
class _Fold:
    """What is computed once for a fold: the Gram matrix (c, c) and cross products (c, k) of its centred features."""

    gram: np.ndarray
    cross: np.ndarray
    share: np.ndarray  # (k,) of each class
    held_out: np.ndarray  # (m, c), centred as those that were learned from
    classes: np.ndarray  # (m,)
    n: int


class SubsetJudge:
    """Says how often heads on subsets of few features are right, all subsets of one size in a few batched solves."""

    def __init__(
        self, features: np.ndarray, classes: np.ndarray, splits: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> None:
        """features (n, c), classes (n,); each split is (train, held out), indices of photos."""
        k = int(classes.max()) + 1
        self._folds = [_fold(features.astype(np.float64), classes, k, *split) for split in splits]
        self._photos = sum(len(fold.classes) for fold in self._folds)

    def accuracies(self, subsets: np.ndarray) -> np.ndarray:
        """The share of held-out photos that a head on each subset names right: subsets (s, f) -> (s,)."""
        return np.concatenate([self._accuracies(some) for some in _blocks(subsets)])

    def _accuracies(self, subsets: np.ndarray) -> np.ndarray:
        right = np.zeros(len(subsets))
        diagonal = np.arange(subsets.shape[1])
        for fold in self._folds:
            grams = fold.gram[subsets[:, :, None], subsets[:, None, :]]
            traces = grams[:, diagonal, diagonal].sum(axis=1)
            grams[:, diagonal, diagonal] += (PENALTY * traces / fold.n + SMALLEST)[:, None]
            weights = np.linalg.solve(grams, fold.cross[subsets])
            outputs = np.moveaxis(fold.held_out[:, subsets], 1, 0) @ weights + fold.share
            right += (outputs.argmax(axis=2) == fold.classes).sum(axis=1)
        return right / self._photos


def _fold(features: np.ndarray, classes: np.ndarray, k: int, train: Sequence[int], held_out: Sequence[int]) -> _Fold:
    learning, targets = features[np.asarray(train)], one_hot(classes, k)[np.asarray(train)]
    middle, share = learning.mean(axis=0), targets.mean(axis=0)
    learning, judging = learning - middle, features[np.asarray(held_out)] - middle
    cross = learning.T @ (targets - share)
    return _Fold(learning.T @ learning, cross, share, judging, classes[np.asarray(held_out)], len(learning))


def _blocks(subsets: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(subsets), SUBSETS_AT_ONCE):
        yield subsets[start : start + SUBSETS_AT_ONCE]
