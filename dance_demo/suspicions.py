"""Which labels look wrong? Photos whose label is contradicted by a model that never saw them.

Confident learning (Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels"):
each photo gets probabilities p from a logistic regression on the features of the photos in the other folds, copies of
it never among them. A class j is likely for a photo if p[j] reaches the threshold of that class, the mean of p[j] over
the photos labelled j. If the most probable of these is not the photo's label i, the label is suspicious, the more so
the larger p[j] - p[i]. Nothing is changed here: people decide, and `corrected` makes a new dataset of what they said.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dance_demo.dataset import PhotoDataset
from dance_demo.head import power_normalize
from dance_demo.splits import folds

FOLDS = 5
STRENGTH = 10.0  # C of the logistic regression, for features of length 1
ITERATIONS = 200
LEARNED_FROM, BLOCK = 4000, 1024  # photos


@dataclass(frozen=True)
class Suspicion:
    """The photo at `place` of a dataset is labelled `label`, but looks like `suggestion` with this probability."""

    place: int
    label: str
    suggestion: str
    probability: float  # [0, 1]


def find_suspicions(pooled: np.ndarray, dataset: PhotoDataset, *, seed: int = 0) -> tuple[Suspicion, ...]:
    """Labels that the photos' pooled features (n, c) contradict, most doubtful first.

    Raises DatasetError if the photos cannot be divided into folds.
    """
    probabilities, classes = out_of_fold(pooled, dataset, seed=seed), np.asarray(dataset.class_indices)
    own = probabilities[np.arange(len(classes)), classes]
    thresholds = np.array([own[classes == index].mean() for index in range(len(dataset.class_names))])
    likely = np.where(probabilities >= thresholds, probabilities, -1)
    suggested = likely.argmax(axis=1)
    doubtful = np.flatnonzero((likely.max(axis=1) > own) & (suggested != classes))
    gaps = probabilities[doubtful, suggested[doubtful]] - own[doubtful]
    return tuple(
        Suspicion(place, dataset.labels[place], dataset.class_names[suggested[place]], float(likely[place].max()))
        for place in doubtful[np.argsort(-gaps, kind="stable")].tolist()
    )


def out_of_fold(pooled: np.ndarray, dataset: PhotoDataset, *, seed: int = 0) -> np.ndarray:
    """Probabilities (n, k) for each photo, from photos of the other folds alone; copies share a fold.

    `pooled` may be mapped from a file: of very many photos only some are learned from, and few are in memory at a time.
    """
    from sklearn.linear_model import LogisticRegression

    classes, generator = np.asarray(dataset.class_indices), np.random.default_rng(seed)
    probabilities = np.zeros((len(classes), len(dataset.class_names)))
    n_folds = max(2, min(FOLDS, *Counter(dataset.labels).values()))
    for split in folds(dataset.labels, dataset.groups, n_folds=n_folds, seed=seed):
        train = _some(np.asarray(split.train), classes, generator)
        regression = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS, tol=1e-3)
        regression.fit(power_normalize(pooled[train]), classes[train])
        for start in range(0, len(split.validation), BLOCK):
            judged = np.asarray(split.validation[start : start + BLOCK])
            probabilities[judged] = regression.predict_proba(power_normalize(pooled[judged]))
    return probabilities


def _some(places: np.ndarray, classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """At most `LEARNED_FROM` places, but of each class at least one."""
    if len(places) <= LEARNED_FROM:
        return places
    shuffled = generator.permutation(places)
    _, one_of_each = np.unique(classes[shuffled], return_index=True)
    return np.union1d(shuffled[:LEARNED_FROM], shuffled[one_of_each])


def corrected(dataset: PhotoDataset, decisions: Mapping[int, str | None]) -> PhotoDataset:
    """The dataset with other labels for some places; a photo whose decision is None is left out.

    Raises ValueError for places or labels that are not in the dataset.
    """
    strangers = [place for place in decisions if not 0 <= place < len(dataset.photos)]
    unknown = {label for label in decisions.values() if label is not None} - set(dataset.class_names)
    if strangers or unknown:
        raise ValueError(f"decisions must be about this dataset. Received: {strangers[:5]} {sorted(unknown)[:5]}")
    kept = [place for place in range(len(dataset.photos)) if decisions.get(place, "") is not None]
    photos = [replace(dataset.photos[place], label=decisions.get(place) or dataset.labels[place]) for place in kept]
    names = tuple(sorted({photo.label for photo in photos}))
    return PhotoDataset(tuple(photos), names, tuple(dataset.groups[place] for place in kept))
