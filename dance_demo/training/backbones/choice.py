"""Which backbone suits these photos: decided by cross-validation among the photos that train, and by them alone.

A favourite holds the place: the dance backbone where the classes are dances, else the general one. Each of the others
in turn takes it only by being better by more than one standard error of the difference, so that a few photos do not
decide by chance. What is compared is logistic regression on the features of the photos as they are served.

Photos that a backbone has learned from say nothing about it. The dance backbone and the general one, which is partly
made of it, have learned from the same ones. Where there are few of them they are left out of the comparison; where
there are more, only the ImageNet backbone can be judged on these photos, and it is taken if it is on this computer.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import distinct, folds
from dance_demo.data.training_overlap import overlapping_indices
from dance_demo.errors import DatasetError
from dance_demo.forms import FORMS
from dance_demo.jobs.progress import Progress, Stop, never
from dance_demo.model.backbone import BACKBONES, DANCE, GENERAL, IMAGENET, TITLES
from dance_demo.model.description import measured
from dance_demo.model.directory import BUNDLED
from dance_demo.model.head import power_normalize
from dance_demo.training.quick import logistic_regression

PHOTOS_AT_MOST, FOLDS = 600, 5  # more photos would decide no better, and take longer
KNOWN_AT_MOST = 0.05  # of the photos: more that have trained the backbones that ship leave them out


@dataclass(frozen=True)
class BackboneChoice:
    """The chosen one, and why, as a sentence. accuracies are of all that were compared, on n photos that train.

    Without a comparison there are no accuracies, and n is 0.
    """

    backbone: str
    sentence: str
    accuracies: Mapping[str, float]
    n: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def known_photos(dataset: PhotoDataset) -> frozenset[int]:
    """Indices of the photos that the dance backbone or the general one has learned from."""
    return frozenset(overlapping_indices(dataset)) | frozenset(overlapping_indices(dataset, model=BUNDLED))


def without_comparison(dataset: PhotoDataset, at_hand: Sequence[str], known: frozenset[int]) -> BackboneChoice | None:
    """The choice where nothing needs to be compared, or cannot be; None where the photos should decide.

    `at_hand` are names of `BACKBONES`, at least one.
    """
    favourite, because = favourite_of(dataset.class_names, at_hand)
    if len(at_hand) == 1:
        return _uncompared(favourite, "no other one is on this computer")
    if len(known) <= KNOWN_AT_MOST * len(dataset.photos):
        return None
    learned = f"{len(known)} of the photos have trained the two backbones that ship"
    if IMAGENET in at_hand:
        return _uncompared(IMAGENET, f"{learned}, and this one has seen none")
    return _uncompared(
        favourite, f"{because}. {learned}, and ImageNet, which alone could be judged on them, is not on this computer"
    )


def choose_backbone(
    features: Mapping[str, np.ndarray],
    dataset: PhotoDataset,
    train: Sequence[int],
    *,
    known: frozenset[int] = frozenset(),
    seed: int = 0,
    stop: Stop = never,
) -> Generator[Progress, None, BackboneChoice | None]:
    """Compare backbones by their `features` (n, c) of all photos, at least 0; returns None if `stop` said so.

    Of the photos only those at the indices `train` are looked at, less those that are `known`.
    """
    favourite, because = favourite_of(dataset.class_names, tuple(features))
    some = np.random.default_rng(seed).permutation(sorted(set(train) - known))[:PHOTOS_AT_MOST]
    labels, groups = [dataset.labels[i] for i in some], [dataset.groups[i] for i in some]
    fewest = min([*distinct(labels, groups).values(), PHOTOS_AT_MOST]) if set(labels) == set(dataset.class_names) else 0
    try:
        splits = folds(labels, groups, n_folds=min(FOLDS, fewest), seed=seed) if fewest > 1 else ()
    except DatasetError:
        splits = ()
    if not splits:
        return _uncompared(favourite, f"{because}. There are too few {dataset.noun} of a class to compare")
    classes = np.asarray(dataset.class_indices)[some]
    right: dict[str, np.ndarray] = {}
    for name in (favourite, *(name for name in features if name != favourite)):
        seen, hits = power_normalize(features[name][some]), np.zeros(len(some))
        for number, split in enumerate(splits):
            if stop():
                return None
            yield Progress("Comparing the backbones", len(right) * len(splits) + number, len(features) * len(splits))
            learned, judged = np.asarray(split.train), np.asarray(split.validation)
            weight, bias = logistic_regression(seen[learned], classes[learned])
            hits[judged] = (seen[judged] @ weight + bias).argmax(axis=1) == classes[judged]
        right[name] = hits
    return compared(right, favourite, because, np.asarray(groups), dataset.noun)


def compared(
    right: Mapping[str, np.ndarray], favourite: str, because: str, groups: np.ndarray, noun: str
) -> BackboneChoice:
    """By which of the photos each backbone gets right, (n,) of 0 and 1; the favourite comes first."""
    chosen = favourite
    for name, hits in right.items():
        difference = hits - right[chosen]
        if difference.mean() > standard_error(difference, groups):
            chosen = name
    accuracies, n = {name: float(hits.mean()) for name, hits in right.items()}, len(groups)
    others = ", ".join(f"on {TITLES[name]} {measured(accuracies[name])}" for name in right if name != chosen)
    sentence = (
        f"{TITLES[chosen]} was chosen: of {n} {noun} that train, cross-validated, a head on it names "
        f"{measured(accuracies[chosen])} right, {others}."
    )
    if accuracies[chosen] < max(accuracies.values()):
        sentence += " A difference within one standard error decides nothing"
        sentence += f"; {TITLES[chosen]} is kept, as {because}." if chosen == favourite else "."
    return BackboneChoice(chosen, sentence, accuracies, n)


def standard_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Of the mean of values (n,), where those of one group (n,) belong together."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum() * len(sums) / max(1, len(sums) - 1)) / len(values))


def favourite_of(class_names: Sequence[str], at_hand: Sequence[str]) -> tuple[str, str]:
    """The backbone that is taken if nothing speaks for another one, and why."""
    dances = sum(name.strip().lower() in FORMS for name in class_names)
    wanted, why = GENERAL, "it suits most subjects"
    if 2 * dances >= len(class_names):
        wanted, why = DANCE, "the classes are dances"
    if wanted in at_hand:
        return wanted, why
    return next(name for name in BACKBONES if name in at_hand), "it is on this computer"


def _uncompared(name: str, why: str) -> BackboneChoice:
    return BackboneChoice(name, f"{TITLES[name]} was chosen without a comparison: {why}.", {}, 0)
