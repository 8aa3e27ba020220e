"""Which photos of a dataset its owner is shown: a few of each class, copies, and those that a warning is about."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import TypeVar

from dance_demo.data.dataset import IntakeReport, PhotoDataset
from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import thumbnail

Thing = TypeVar("Thing")

GROUPS_SHOWN, COPIES_SHOWN, FLAWED_SHOWN = 12, 4, 6
SAMPLES_IN_ALL = 60
THUMBNAIL_SIDE_PX = 112


def sample_indices(dataset: PhotoDataset) -> dict[str, tuple[int, ...]]:
    """A few photos of each class, evenly from the first to the last: class name -> indices."""
    indices = defaultdict(list)
    for index, label in enumerate(dataset.labels):
        indices[label].append(index)
    most = max(2, min(6, SAMPLES_IN_ALL // len(dataset.class_names)))
    return {name: tuple(spread(indices[name], most)) for name in dataset.class_names}


def copy_groups(dataset: PhotoDataset) -> list[tuple[int, ...]]:
    """The indices of photos that are copies of one another, groups under two labels first."""
    return sorted(dataset.copies, key=lambda indices: len({dataset.labels[index] for index in indices}) == 1)


def indices_named(dataset: PhotoDataset, names: Sequence[str]) -> tuple[int, ...]:
    """The first few of the photos with these names."""
    wanted = set(names)
    return tuple(index for index, photo in enumerate(dataset.photos) if photo.name in wanted)[:FLAWED_SHOWN]


def thumbnails(dataset: PhotoDataset, report: IntakeReport) -> dict[int, bytes]:
    """A small JPEG of each of these photos, by its index."""
    copies = [indices[:COPIES_SHOWN] for indices in copy_groups(dataset)[:GROUPS_SHOWN]]
    flawed = [indices_named(dataset, warning.names) for warning in report.warnings if warning.names]
    found = {}
    for index in sorted({*chain(*sample_indices(dataset).values(), *copies, *flawed)}):
        with suppress(PhotoError):  # it was readable a moment ago
            found[index] = thumbnail(dataset.photos[index].path, THUMBNAIL_SIDE_PX)
    return found


def spread(things: Sequence[Thing], most: int) -> Sequence[Thing]:
    """So many of them at most (two or more), evenly from the first to the last."""
    if len(things) <= most:
        return things
    return [things[round(i * (len(things) - 1) / (most - 1))] for i in range(most)]
