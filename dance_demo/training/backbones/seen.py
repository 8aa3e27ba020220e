"""Photos to examples: through the backbone that was asked for, or the one that suits them, for each split.

With an automatic choice every photo passes each backbone that is at hand once; each split then chooses by its own
training photos, and only the chosen backbones look at changed copies as well.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import Split
from dance_demo.data.training_overlap import count_overlap
from dance_demo.errors import ModelError
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.backbone import BACKBONES, TITLES, Backbone
from dance_demo.networks.imagenet import backbone_file, is_at_hand
from dance_demo.training.backbones.choice import BackboneChoice, choose_backbone, known_photos, without_comparison
from dance_demo.training.config import AUTOMATIC, TrainingConfig
from dance_demo.training.features import PLAIN, embed, scratch_file, views_of
from dance_demo.training.fit import Examples


def looking_at(dataset: PhotoDataset) -> str:
    """What is done meanwhile, for people."""
    return f"Looking at the {dataset.noun}"


@dataclass(frozen=True, eq=False)
class Seen:
    """The photos as one backbone, of `BACKBONES`, sees them. choice says why it is this one; None: it was asked for."""

    dataset: PhotoDataset
    examples: Examples
    backbone: str
    backbone_bytes: int
    choice: BackboneChoice | None

    def overlap(self, indices: Sequence[int]) -> int:
        """How many of the photos at these indices the backbone has learned from."""
        return count_overlap(self.dataset, indices, self.backbone)


@dataclass(frozen=True, eq=False)
class SeenBySplit:
    """What the heads of each split learn from, and what a head of all photos does."""

    splits: tuple[Seen, ...]
    everyone: Seen


@dataclass(frozen=True, eq=False)
class Looking:
    """What all backbones look at, and where features are kept: in `cache` for ever, in files that `files` removes."""

    dataset: PhotoDataset
    splits: Sequence[Split]
    config: TrainingConfig
    cache: Path
    directory: Path
    files: ExitStack
    stop: Stop


def look(
    dataset: PhotoDataset,
    splits: Sequence[Split],
    config: TrainingConfig,
    *,
    cache: Path,
    directory: Path,
    files: ExitStack,
    stop: Stop,
) -> Generator[Progress, None, SeenBySplit | None]:
    """Features of all photos for each split; None if `stop` said so.

    Features are mapped from files in `directory`, which are removed when `files` is closed. Raises ModelError if
    there is no backbone, PhotoError if a photo cannot be read any more.
    """
    looking = Looking(dataset, splits, config, cache, directory, files, stop)
    backbones = _backbones(config.backbone)
    choices = yield from _choices(looking, backbones)
    if choices is None:
        return None
    names = [choice.backbone if choice else config.backbone for choice in choices]
    seen: dict[str, Examples] = {}
    everyone = range(len(dataset.photos)) if len(splits) > 1 else splits[0].train
    for name in dict.fromkeys(names):
        own = {i for used, split in zip(names, splits, strict=False) if used == name for i in split.train}
        training = own | set(everyone) if names[-1] == name else own
        features = yield from _features(looking, backbones[name], name, training, views_of(config.augmentation))
        if features is None:
            return None
        seen[name] = Examples.of(dataset, features, backbones[name])
    found = [
        Seen(dataset, seen[name], name, backbones[name].path.stat().st_size, choice)
        for name, choice in zip(names, choices, strict=True)
    ]
    return SeenBySplit(tuple(found[: len(splits)]), found[-1])


def _backbones(wanted: str) -> dict[str, Backbone]:
    """The one that is wanted, or all that can be had without a download."""
    if wanted != AUTOMATIC:
        return {wanted: Backbone(backbone_file(wanted))}
    found = {}
    for name in filter(is_at_hand, BACKBONES):
        with suppress(ModelError):  # one that is damaged is none
            found[name] = Backbone(backbone_file(name))
    if not found:
        backbone_file(BACKBONES[0])  # says what is wrong
        raise ModelError("There is no backbone on this computer. Install the weights again.")
    return found


def _choices(
    looking: Looking, backbones: dict[str, Backbone]
) -> Generator[Progress, None, list[BackboneChoice | None] | None]:
    """One for each split; of several, one more for a head of all photos. None if it was stopped."""
    dataset, splits = looking.dataset, looking.splits
    parts = [split.train for split in splits]
    if len(splits) > 1:
        parts.append(tuple(range(len(dataset.photos))))
    if looking.config.backbone != AUTOMATIC:
        return [None] * len(parts)
    known = known_photos(dataset)
    if found := without_comparison(dataset, tuple(backbones), known):
        return [found] * len(parts)
    plain = {}
    for name, backbone in backbones.items():
        features = yield from _features(looking, backbone, name, (), (PLAIN,), suffix="-plain")
        if features is None:
            return None
        plain[name] = features[:, 0]
    choices: list[BackboneChoice | None] = []
    for part in parts:
        choice = yield from choose_backbone(
            plain, dataset, part, known=known, seed=looking.config.seed, stop=looking.stop
        )
        if choice is None:
            return None
        choices.append(choice)
    return [*choices[:-1], _with_folds(choices)]


def _with_folds(choices: Sequence[BackboneChoice | None]) -> BackboneChoice | None:
    """The last one, whose sentence also says what the folds before it chose."""
    *folds, last = choices
    if last is None or not folds:
        return last
    counts = Counter(choice.backbone for choice in folds if choice)
    chosen = ", ".join(f"{TITLES[name]} {count} of {len(folds)}" for name, count in counts.most_common())
    return replace(last, sentence=f"{last.sentence} Each fold chose by its own training photos: {chosen}.")


def _features(
    looking: Looking, backbone: Backbone, name: str, training: Iterable[int], views: Sequence[str], suffix: str = ""
) -> Generator[Progress, None, np.ndarray | None]:
    """Features (n, views, c) of all photos, in a file of their own."""
    automatic, title = looking.config.backbone == AUTOMATIC, looking_at(looking.dataset)
    return (
        yield from embed(
            looking.dataset.photos,
            frozenset(training),
            backbone=backbone,
            cache=looking.cache,
            views=views,
            scratch=looking.files.enter_context(scratch_file(looking.directory, f"{name}{suffix}")),
            pictures=looking.dataset.pictures,
            title=f"{title}: {TITLES[name]}" if automatic else title,
            stop=looking.stop,
        )
    )
