"""Divides photos into those that train and those that judge, so that a copy never judges its original.

Photos of one near-duplicate group always stay together, and each side gets its share of every class. Done at
random instead, 22 % of the public challenge's photos would be judged with their own copy in training.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance_demo.errors import DatasetError


@dataclass(frozen=True)
class Split:
    """Places of the photos on either side, ascending."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def stratified_group_split(
    labels: Sequence[str], groups: Sequence[int], *, validation_fraction: float = 0.2, seed: int = 0
) -> Split:
    """One split with about ``validation_fraction`` (0.05 to 0.5) of the photos for validation.

    Raises DatasetError if a class consists of copies of a single picture.
    """
    if not 0.05 <= validation_fraction <= 0.5:
        raise ValueError(f"validation_fraction must lie in [0.05, 0.5]; received {validation_fraction}")
    smallest_class = min(Counter(labels).values())  # each side needs one photo of each class
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
        if all({labels[place] for place in split.train} == set(labels) for split in splits):
            return splits
    raise DatasetError("These photos cannot be divided: too many are copies of one another. Add different photos.")


def _missing_classes(labels: Sequence[str], split: Split) -> int:
    return len(set(labels)) - len({labels[place] for place in split.validation})


def _check_classes(labels: Sequence[str], groups: Sequence[int], n_folds: int) -> None:
    distinct = Counter(label for label, _ in set(zip(labels, groups, strict=True)))
    for label, photos in Counter(labels).items():
        if photos < n_folds:
            raise DatasetError(f"{label}: {photos} photos; {n_folds} folds need at least {n_folds} of each class.")
        if distinct[label] < 2:
            raise DatasetError(f"{label}: all {photos} photos are copies of one picture. Add different ones.")
