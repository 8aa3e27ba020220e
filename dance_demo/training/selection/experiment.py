"""Accuracy against the number of features that are kept, for each way to choose them.

    for event in select(embedded, methods): ...         Progress, and returns a SelectionResult

Features are chosen from the training photos of each fold alone, a head is fitted to those, and the fold's other
photos judge it: chosen before the split instead, they would have seen the answers, as `cheat` shows on labels that
mean nothing.
"""

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dance_demo.data.splits import Split, folds
from dance_demo.errors import TrainingError
from dance_demo.jobs.progress import Progress, Stop, never
from dance_demo.training.evaluation import accuracy_interval
from dance_demo.training.selection.methods import (
    BACKWARD,
    DEFAULT_METHODS,
    EXHAUSTIVE,
    FISHER,
    FORWARD,
    METHODS,
    RANDOM,
    RECURSIVE,
)
from dance_demo.training.selection.ridge import SubsetJudge, ridge_hits
from dance_demo.training.selection.wrappers import (
    BACKWARD_FROM,
    BACKWARD_TO,
    EXHAUSTIVE_FROM,
    FORWARD_FROM,
    FORWARD_TO,
    backward,
    exhaustive,
    forward,
    recursive,
)

FEWEST_KEPT = 8
RANDOM_DRAWS = 5
INNER_FOLDS = 3
EXHAUSTIVE_SIZES = (2, 4, 8)


@dataclass(frozen=True, eq=False)
class Embedded:
    """n photos as one backbone sees them: features (n, c), at least 0, and class indices (n,).

    Photos of one number in `groups` are copies of one another; they stay on one side of a split.
    """

    features: np.ndarray
    classes: np.ndarray
    groups: tuple[int, ...]
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class MethodCurve:
    """How often heads on so many `kept` features are right, with 95 % intervals, and how alike the folds chose.

    overlap is the mean Jaccard index of two folds' choices, in [0, 1].
    """

    method: str
    kept: tuple[int, ...]
    accuracy: tuple[float, ...]
    interval: tuple[tuple[float, float], ...]
    overlap: tuple[float, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "kept": list(self.kept),
            "accuracy": list(self.accuracy),
            "interval": [list(interval) for interval in self.interval],
            "overlap": list(self.overlap),
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, eq=False)
class Watched:
    """One photo and the fold that holds it out, with what each method kept there: method -> how many -> features.

    It is the first that a head on all features gets wrong, or else the first of all.
    """

    photo: int
    split: Split
    kept: Mapping[str, Mapping[int, np.ndarray]]


@dataclass(frozen=True)
class SelectionResult:
    """The curves of n photos, beside a head on all features; without some methods if it was stopped."""

    n: int
    features: int
    accuracy: float  # of a head on all features
    interval: tuple[float, float]
    curves: tuple[MethodCurve, ...]
    watched: Watched
    stopped: bool = False

    def curve(self, method: str) -> MethodCurve:
        return next(curve for curve in self.curves if curve.method == method)

    def to_json(self) -> dict[str, Any]:
        """What `select --json` promises."""
        return {
            "n": self.n,
            "features": self.features,
            "all": {"accuracy": self.accuracy, "interval": list(self.interval)},
            "methods": [curve.to_json() for curve in self.curves],
            "stopped": self.stopped,
        }


@dataclass(frozen=True)
class Cheat:
    """Labels that mean nothing, and features chosen before the split and inside it: only the first seem to be learned.

    chance is the share of the most frequent class.
    """

    chance: float
    before_split: MethodCurve
    inside_folds: MethodCurve

    def to_json(self) -> dict[str, Any]:
        sides = {"before_split": self.before_split.to_json(), "inside_folds": self.inside_folds.to_json()}
        return {"chance": self.chance, **sides}


Choices = dict[int, list[np.ndarray]]  # so many features -> what is kept, a set for each draw


def select(
    embedded: Embedded,
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    n_folds: int = 5,
    seed: int = 0,
    stop: Stop = never,
) -> Generator[Progress, None, SelectionResult]:
    """Draw a curve for each method, and always for the random choice.

    Raises TrainingError for photos on which nothing can be chosen, DatasetError for photos that cannot be divided.
    """
    methods = tuple(dict.fromkeys((RANDOM, *methods)))
    _require_variation(embedded)
    splits = _folds(embedded, n_folds, seed)
    yield Progress("Fitting heads on all features")
    every = np.arange(embedded.features.shape[1])
    everything, _ = _judged(embedded, [({len(every): [every]}, split) for split in splits])
    hits = everything[len(every)]
    photo = int(hits.argmin())  # the first of those that are wrong
    fold = next(fold for fold, split in enumerate(splits) if photo in split.validation)
    curves: list[MethodCurve] = []
    kept: dict[str, dict[int, np.ndarray]] = {}
    for done, method in enumerate(methods):
        yield Progress(METHODS[method].title, done, len(methods))
        if stop():
            break
        started = time.monotonic()
        with threadpool_limits(1):  # these matrices are too small to be shared between cores
            chosen = []
            for at, split in enumerate(splits):
                chosen.append((_chosen(embedded, method, split, seed + at, stop), split))
                if stop():
                    break
            if stop():  # a search that was cut short is no choice
                break
            curves.append(_curve(embedded, method, chosen, seed, started))
        kept[method] = {size: draws[0] for size, draws in chosen[fold][0].items()}
    return SelectionResult(
        n=len(embedded.classes),
        features=len(every),
        accuracy=float(hits.mean()),
        interval=accuracy_interval(hits, embedded.groups, seed),
        curves=tuple(curves),
        watched=Watched(photo, splits[fold], kept),
        stopped=len(curves) < len(methods),
    )


def cheat(embedded: Embedded, *, n_folds: int = 5, seed: int = 0) -> Cheat:
    """Shuffle the labels, choose features by Fisher's score before the split, and see an accuracy that cannot be."""
    _require_variation(embedded)
    labels = np.random.default_rng(seed).permutation(embedded.classes)
    shuffled = Embedded(embedded.features, labels, tuple(range(len(labels))), embedded.class_names)
    splits, everyone = _folds(shuffled, n_folds, seed), Split(tuple(range(len(labels))), ())
    started = time.monotonic()
    before = _chosen(shuffled, FISHER, everyone, seed, never)
    before_split = _curve(shuffled, FISHER, [(before, split) for split in splits], seed, started)
    started = time.monotonic()
    inside = [(_chosen(shuffled, FISHER, split, seed, never), split) for split in splits]
    inside_folds = _curve(shuffled, FISHER, inside, seed, started)
    return Cheat(float(np.bincount(labels).max() / len(labels)), before_split, inside_folds)


def kept_sizes(features: int) -> tuple[int, ...]:
    """8, 16, 32, ... as long as there are more."""
    sizes = []
    size = FEWEST_KEPT
    while size < features:
        sizes.append(size)
        size *= 2
    return tuple(sizes)


def _require_variation(embedded: Embedded) -> None:
    features = embedded.features
    if not np.isfinite(features).all():
        raise TrainingError("The features of these photos are not all numbers: nothing can be chosen from them.")
    if (features < 0).any():
        raise TrainingError("Features below 0 cannot be compared here. Choose another backbone.")
    if features.shape[1] <= FEWEST_KEPT or not (np.ptp(features, axis=0) > 0).any():
        raise TrainingError("All these photos look the same to the network: there is nothing to choose from.")


def _folds(embedded: Embedded, n_folds: int, seed: int) -> tuple[Split, ...]:
    labels = [embedded.class_names[index] for index in embedded.classes]
    return folds(labels, embedded.groups, n_folds=n_folds, seed=seed)


def _chosen(embedded: Embedded, method: str, split: Split, seed: int, stop: Stop) -> Choices:
    """What the method keeps, from the training photos of a split alone."""
    train = np.asarray(split.train)
    features, classes = embedded.features[train].astype(np.float64), embedded.classes[train]
    sizes = kept_sizes(features.shape[1])
    if method == RANDOM:
        generator = np.random.default_rng(seed)
        draws = [generator.permutation(features.shape[1]) for _ in range(RANDOM_DRAWS)]
        return {size: [draw[:size] for draw in draws] for size in sizes}
    if method in (FORWARD, BACKWARD, EXHAUSTIVE):
        return _searched(embedded, method, train, features, classes, seed, stop)
    if method == RECURSIVE:
        order = np.asarray(recursive(features, classes, stop))
    else:
        score = METHODS[method].score
        assert score
        order = np.argsort(-score(features, classes, seed), kind="stable")
    return {size: [order[:size]] for size in sizes}


def _searched(
    embedded: Embedded,
    method: str,
    train: np.ndarray,
    features: np.ndarray,
    classes: np.ndarray,
    seed: int,
    stop: Stop,
) -> Choices:
    """Subsets that were judged on inner folds; they begin with what Fisher's score puts first."""
    fisher = METHODS[FISHER].score
    assert fisher
    order = np.argsort(-fisher(features, classes, seed), kind="stable")
    inner = _inner_folds(embedded, train, seed)

    def judge(candidates: int) -> SubsetJudge:
        return SubsetJudge(features[:, order[:candidates]], classes, inner)

    def kept(found: Iterable[int], sizes: Iterable[int]) -> Choices:
        ranked = order[np.fromiter(found, int)]
        return {size: [ranked[:size]] for size in sizes if size <= len(ranked)}

    if method == FORWARD:
        start, most = (min(count, len(order)) for count in (FORWARD_FROM, FORWARD_TO))
        return kept(forward(judge(start), range(start), most, stop), kept_sizes(most + 1))
    if method == BACKWARD:
        start = min(BACKWARD_FROM, len(order))
        return kept(backward(judge(start), range(start), BACKWARD_TO, stop), kept_sizes(start))
    start = min(EXHAUSTIVE_FROM, len(order))
    judged = judge(start)
    return {size: [order[exhaustive(judged, range(start), size)]] for size in EXHAUSTIVE_SIZES if size <= start}


def _inner_folds(embedded: Embedded, train: np.ndarray, seed: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    labels = [embedded.class_names[index] for index in embedded.classes[train]]
    groups = [embedded.groups[index] for index in train]
    smallest = min(labels.count(name) for name in set(labels))
    if smallest < 2:
        raise TrainingError("A class has too few photos to search among features: four of each are needed.")
    splits = folds(labels, groups, n_folds=min(INNER_FOLDS, smallest), seed=seed)
    return [(split.train, split.validation) for split in splits]


def _judged(
    embedded: Embedded, chosen: Sequence[tuple[Choices, Split]]
) -> tuple[dict[int, np.ndarray], dict[int, list[list[np.ndarray]]]]:
    """For each size: the share of draws that named each photo right (n,), and what the folds kept."""
    hits: dict[int, np.ndarray] = {}
    sets: dict[int, list[list[np.ndarray]]] = {}
    for choices, split in chosen:
        for size, draws in choices.items():
            right = [
                ridge_hits(embedded.features, embedded.classes, split.train, split.validation, kept) for kept in draws
            ]
            photos = hits.setdefault(size, np.zeros(len(embedded.classes)))
            photos[np.asarray(split.validation)] = np.mean(right, axis=0)
            sets.setdefault(size, []).append(draws)
    return hits, sets


def _curve(
    embedded: Embedded, method: str, chosen: Sequence[tuple[Choices, Split]], seed: int, started: float
) -> MethodCurve:
    hits, sets = _judged(embedded, chosen)
    sizes = tuple(hits)
    return MethodCurve(
        method,
        sizes,
        tuple(float(hits[size].mean()) for size in sizes),
        tuple(accuracy_interval(hits[size], embedded.groups, seed) for size in sizes),
        tuple(_overlap(sets[size]) for size in sizes),
        time.monotonic() - started,
    )


def _overlap(sets: Sequence[Sequence[np.ndarray]]) -> float:
    """The mean Jaccard index of what two folds keep: of the first draw, where there are several."""
    first = [set(draws[0].tolist()) for draws in sets]
    return float(np.mean([len(a & b) / len(a | b) for a, b in combinations(first, 2)]))
