"""Subsets that are judged together, by heads that are fitted to them: forward, backward, exhaustive, recursive.

Heads are closed-form ridge regressions judged on inner folds of the training photos, all candidates of a step in one
batched solve. Trying as many with a general library would take hours, so each search begins with what Fisher's score
puts first.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from dance_demo.jobs.progress import Stop, never
from dance_demo.training.selection.ridge import SubsetJudge, one_hot, ridge_weights

FORWARD_FROM, FORWARD_TO = 100, 32
BACKWARD_FROM, BACKWARD_TO = 64, 8
EXHAUSTIVE_FROM = 12
DROPPED_EACH = 0.05  # of the features that are left, in the recursive elimination


def forward(judge: SubsetJudge, candidates: Sequence[int], most: int, stop: Stop = never) -> list[int]:
    """Begin with none and add the one that helps most, again and again: features in the order in which they came."""
    chosen: list[int] = []
    while len(chosen) < most and not stop():
        left = [candidate for candidate in candidates if candidate not in chosen]
        subsets = np.array([[*chosen, candidate] for candidate in left])
        chosen.append(left[int(judge.accuracies(subsets).argmax())])
    return chosen


def backward(judge: SubsetJudge, candidates: Sequence[int], least: int, stop: Stop = never) -> list[int]:
    """Begin with all, drop the one that is missed least: what is left, then the dropped, the last of them first."""
    left, dropped = list(candidates), []
    while len(left) > least and not stop():
        subsets = np.array([left[:index] + left[index + 1 :] for index in range(len(left))])
        dropped.append(left.pop(int(judge.accuracies(subsets).argmax())))
    return left + dropped[::-1]


def exhaustive(judge: SubsetJudge, candidates: Sequence[int], size: int) -> list[int]:
    """The best of all subsets of this size."""
    subsets = np.array(list(combinations(candidates, size)))
    best: list[int] = subsets[int(judge.accuracies(subsets).argmax())].tolist()
    return best


def recursive(features: np.ndarray, classes: np.ndarray, stop: Stop = never) -> list[int]:
    """Fit, drop the features of least weight, fit again (Guyon et al. 2002): all features, those dropped last first."""
    targets = one_hot(classes, int(classes.max()) + 1)
    features, targets = features - features.mean(axis=0), targets - targets.mean(axis=0)
    left, order = np.arange(features.shape[1]), []
    while len(left) > 1 and not stop():
        weights = np.abs(ridge_weights(features[:, left], targets)).sum(axis=1) * features[:, left].std(axis=0)
        ranked = left[np.argsort(weights, kind="stable")]
        count = max(1, int(len(left) * DROPPED_EACH))
        order += ranked[:count].tolist()
        left = np.sort(ranked[count:])
    return (order + left.tolist())[::-1]
