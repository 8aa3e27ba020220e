"""From a visitor's dataset to what a head is fitted on: who trains and who judges, and the features of all photos."""

import contextlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from dance_demo.backbone import Backbone
from dance_demo.dataset import PhotoDataset
from dance_demo.errors import TrainingError
from dance_demo.features import embed, looks_of
from dance_demo.head import Head
from dance_demo.head_fitting import Examples
from dance_demo.remarks import class_problems
from dance_demo.splits import Split, folds, stratified_group_split
from dance_demo.training_config import TrainingConfig

COPIES = 2  # changed copies of each photo that trains, beside its mirror image


@dataclass(frozen=True)
class EmbeddingProgress:
    """How many of the photos have been looked at."""

    replaces_previous: ClassVar[bool] = True

    done: int
    total: int


def divided(dataset: PhotoDataset, config: TrainingConfig) -> tuple[Split, ...]:
    """Who trains and who judges, once or for each fold. Copies of a photo are always on its side.

    Raises TrainingError or DatasetError for photos that cannot be trained on, before any work is done.
    """
    problems = class_problems(Counter(dataset.labels))
    if problems:
        raise TrainingError(" ".join(problems))
    names = dataset.class_names
    try:
        Head(names, np.zeros((1, len(names))), np.zeros(len(names)), 1.0, "0" * 64)
    except ValueError as error:
        raise TrainingError(f"These classes cannot be trained: {error}.") from error
    if config.folds:
        return folds(dataset.labels, dataset.groups, n_folds=config.folds, seed=config.seed)
    fraction = config.validation_fraction
    return (stratified_group_split(dataset.labels, dataset.groups, validation_fraction=fraction, seed=config.seed),)


def embedded(
    dataset: PhotoDataset,
    splits: Sequence[Split],
    config: TrainingConfig,
    backbone: Backbone,
    cache: Path,
    scratch: Path,
    stop: Callable[[], bool],
) -> Generator[EmbeddingProgress, None, np.ndarray | None]:
    """Yield progress; return the features (n, looks, c) of all photos (see `features`), None if it was stopped."""
    training = {place for split in splits for place in split.train}
    looks = looks_of(config.augmentation, COPIES)
    steps = embed(dataset.photos, training, backbone=backbone, cache=cache, looks=looks, scratch=scratch)
    with contextlib.closing(steps):
        while not stop():
            try:
                yield EmbeddingProgress(next(steps), len(dataset.photos))
            except StopIteration as end:
                return end.value
    return None


def examples_of(dataset: PhotoDataset, features: np.ndarray, backbone: Backbone) -> Examples:
    classes = np.asarray(dataset.class_indices)
    return Examples(features, classes, dataset.class_names, dataset.groups, backbone.sha256)


@contextlib.contextmanager
def scratch_file(directory: Path) -> Iterator[Path]:
    """A file for the features of one training, removed at its end."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "features.npy"
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
