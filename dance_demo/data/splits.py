"""Divides photos into those that train and those that judge, so that a copy never judges its original.

Photos of one near-duplicate group always stay together, and each side gets its share of every class. Done at
random instead, 22 % of the public challenge's photos would be judged with their own copy in training.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dance_demo.data.checks import class_problems
from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import DatasetError, TrainingError
from dance_demo.model.head import Head


@dataclass(frozen=True)
class Split:
    """Indices of the photos on either side, ascending."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def divide(dataset: PhotoDataset, n_folds: int, *, validation_fraction: float, seed: int) -> tuple[Split, ...]:
    """Who trains and who judges, once or for each of `n_folds` (0: once). Copies of a photo are always on its side.

    After corrections the same photos judge as before, where the classes allow it, so that heads can be compared.
    Raises TrainingError or DatasetError for photos that cannot be trained on.
    """
    problems = class_problems(Counter(dataset.labels), dataset.noun)
    if problems:
        raise TrainingError(" ".join(problems))
    names = dataset.class_names
    try:
        Head(names, np.zeros((1, len(names))), np.zeros(len(names)), 1.0, "0" * 64)
    except ValueError as error:
        raise TrainingError(f"These classes cannot be trained: {error}.") from error
    if dataset.origin and (found := _as_before(dataset, n_folds, validation_fraction, seed)):
        return found
    labels, groups = dataset.labels, dataset.groups
    if n_folds:
        return folds(labels, groups, n_folds=n_folds, seed=seed)
    return (stratified_group_split(labels, groups, validation_fraction=validation_fraction, seed=seed),)


def _as_before(dataset: PhotoDataset, n_folds: int, fraction: float, seed: int) -> tuple[Split, ...]:
    """The splits from before the corrections; none where a class would be missing from either side."""
    assert dataset.origin
    try:
        splits = divide(dataset.origin, n_folds, validation_fraction=fraction, seed=seed)
    except DatasetError:
        return ()
    labels, place = dataset.labels, {before: now for now, before in enumerate(dataset.kept)}
    sides = [[tuple(place[i] for i in side if i in place) for side in (s.train, s.validation)] for s in splits]
    found = tuple(Split(train, validation) for train, validation in sides)
    complete = all({labels[i] for i in split.train} == set(labels) and split.validation for split in found)
    return found if complete and (n_folds or not _missing_classes(labels, found[0])) else ()


def stratified_group_split(
    labels: Sequence[str], groups: Sequence[int], *, validation_fraction: float = 0.2, seed: int = 0
) -> Split:
    """One split with about ``validation_fraction`` (0.05 to 0.5) of the photos for validation.

    More, where a class has few groups: one of each class is on either side. Raises DatasetError if a class consists of
    copies of a single picture.
    """
    if not 0.05 <= validation_fraction <= 0.5:
        raise ValueError(f"validation_fraction must lie in [0.05, 0.5]; received {validation_fraction}")
    smallest_class = min(distinct(labels, groups).values())  # each side needs one photo of each class
    n_folds = max(2, min(round(1 / validation_fraction), smallest_class))
    wanted = validation_fraction * len(labels)
    splits = folds(labels, groups, n_folds=n_folds, seed=seed)
    return min(splits, key=lambda split: (_missing_classes(labels, split), abs(len(split.validation) - wanted)))


def folds(labels: Sequence[str], groups: Sequence[int], *, n_folds: int = 5, seed: int = 0) -> tuple[Split, ...]:
    """``n_folds`` splits in which each photo is in validation exactly once and every class in training.

    Raises DatasetError if a class has fewer photos than folds, or consists of copies of a single picture.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds to import

    _check_classes(labels, groups, n_folds)
    for attempt in range(10):
        folder = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed + 1_000_000 * attempt)
        pairs = folder.split(np.zeros(len(labels)), labels, groups)
        splits = tuple(Split(tuple(train.tolist()), tuple(held_out.tolist())) for train, held_out in pairs)
        if all({labels[index] for index in split.train} == set(labels) for split in splits):
            return splits
    raise DatasetError("These photos cannot be divided: too many are copies of one another. Add different photos.")


def divide_many(
    classes: ArrayLike,
    groups: ArrayLike,
    n_folds: int,
    *,
    validation_fraction: float,
    seed: int,
    class_names: Sequence[str] = (),
) -> tuple[Split, ...]:
    """As `divide`, for any number of photos in a second: class indices (n,), and groups (n,) that count from 0.

    A group counts for the class of its first photo, and each class gives its share of groups, drawn at random, so that
    the share of photos is about what was asked for. Raises DatasetError for a class with too few groups.
    """
    classes, groups = np.asarray(classes), np.asarray(groups)
    _, first = np.unique(groups, return_index=True)
    class_of_group = classes[first]
    different = np.bincount(class_of_group, minlength=int(classes.max()) + 1)
    needed = max(2, n_folds)
    if different.min() < needed:
        name = class_names[int(different.argmin())] if class_names else "A class"
        raise DatasetError(
            f"{name}: {different.min()} different photos, copies not counted; at least {needed} are needed."
        )
    order = np.lexsort((np.random.default_rng(seed).random(len(first)), class_of_group))
    rank = np.empty(len(first), int)  # of each group among those of its class, in random order
    rank[order] = np.arange(len(first)) - np.repeat(np.cumsum(different) - different, different)
    if n_folds:
        fold_of = (rank % n_folds)[groups]
        return tuple(_split(fold_of == fold) for fold in range(n_folds))
    aside = np.clip(np.round(validation_fraction * different), 1, different - 1)
    return (_split((rank < aside[class_of_group])[groups]),)


def _split(judges: np.ndarray) -> Split:
    return Split(tuple(np.flatnonzero(~judges).tolist()), tuple(np.flatnonzero(judges).tolist()))


def distinct(labels: Sequence[str], groups: Sequence[int]) -> Counter[str]:
    """How many different pictures there are of each class, copies not counted."""
    return Counter(label for label, _ in set(zip(labels, groups, strict=True)))


def _missing_classes(labels: Sequence[str], split: Split) -> int:
    return len(set(labels)) - len({labels[index] for index in split.validation})


def _check_classes(labels: Sequence[str], groups: Sequence[int], n_folds: int) -> None:
    different = distinct(labels, groups)
    for label, photos in Counter(labels).items():
        if photos < n_folds:
            raise DatasetError(f"{label}: {photos} photos; {n_folds} folds need at least {n_folds} of each class.")
        if different[label] < 2:
            raise DatasetError(
                f"{label}: all {photos} photos are copies of one picture, or pieces of one recording. Add others."
            )
