"""Which labels look wrong? Photos whose label is contradicted by a model that never saw them.

Confident learning (Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels"):
each photo gets probabilities p from a logistic regression on the features of the photos in the other folds, copies of
it never among them. A class j is likely for a photo if p[j] reaches the threshold of that class, the mean of p[j] over
the photos labelled j. If the most probable of these is not the photo's label i, the label is an issue, the greater
the larger p[j] - p[i]. Nothing is changed here: people decide, and
`PhotoDataset.relabelled` makes a new dataset of what they said.
"""

from dataclasses import dataclass

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import distinct, folds
from dance_demo.model.head import power_normalize

FOLDS = 5
STRENGTH = 10.0  # C of the logistic regression, for features of length 1
ITERATIONS = 200
LEARNED_FROM, BLOCK = 4000, 1024  # photos


@dataclass(frozen=True)
class LabelIssue:
    """The photo at `index` of a dataset is labelled `label`, but looks like `suggestion` with this probability."""

    index: int
    label: str
    suggestion: str
    probability: float  # [0, 1]


def find_label_issues(pooled: np.ndarray, dataset: PhotoDataset, *, seed: int = 0) -> tuple[LabelIssue, ...]:
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
        LabelIssue(index, dataset.labels[index], dataset.class_names[suggested[index]], float(likely[index].max()))
        for index in doubtful[np.argsort(-gaps, kind="stable")].tolist()
    )


def out_of_fold(pooled: np.ndarray, dataset: PhotoDataset, *, seed: int = 0) -> np.ndarray:
    """Probabilities (n, k) for each photo, from photos of the other folds alone; copies share a fold.

    `pooled` may be mapped from a file: of very many photos only some are learned from, and few are in memory at a time.
    """
    from sklearn.linear_model import LogisticRegression

    classes, generator = np.asarray(dataset.class_indices), np.random.default_rng(seed)
    probabilities = np.zeros((len(classes), len(dataset.class_names)))
    n_folds = max(2, min(FOLDS, *distinct(dataset.labels, dataset.groups).values()))
    for split in folds(dataset.labels, dataset.groups, n_folds=n_folds, seed=seed):
        train = _some(np.asarray(split.train), classes, generator)
        regression = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS, tol=1e-3)
        regression.fit(power_normalize(pooled[train]), classes[train])
        for start in range(0, len(split.validation), BLOCK):
            held_out = np.asarray(split.validation[start : start + BLOCK])
            probabilities[held_out] = regression.predict_proba(power_normalize(pooled[held_out]))
    return probabilities


def _some(indices: np.ndarray, classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """At most `LEARNED_FROM` indices, but of each class at least one."""
    if len(indices) <= LEARNED_FROM:
        return indices
    shuffled = generator.permutation(indices)
    _, one_of_each = np.unique(classes[shuffled], return_index=True)
    return np.union1d(shuffled[:LEARNED_FROM], shuffled[one_of_each])
