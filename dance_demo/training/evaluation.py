"""How often the model names the dance right: measures of its answers to photos that it has not seen.

scikit-learn computes what it has; it is imported inside the functions, because the page never needs it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dance_demo.model.directory import overlap_warning

NORMAL_95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations
BOOTSTRAP_DRAWS, DRAWS_AT_ONCE = 2000, 50
CALIBRATION_PHOTOS = 50  # fewer say nothing on whether percentages can be believed
CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassScore:
    """How one class fared. precision, recall and f1 are in [0, 1]; support is its number of photos."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Measures over n photos. confusion is (k, k) counts: a row per true class, a column per answer.

    accuracy_interval is the 95 % interval, macro_f1 the mean over the classes that occur, majority_baseline
    the accuracy of always naming the most frequent class, and ece the expected calibration error (Guo et al.
    2017): by how much confidence and accuracy differ on average. training_overlap counts the photos that the backbone
    has learned from: where there are any, `warning` belongs beside the accuracy.
    """

    n: int
    class_names: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    top2_accuracy: float
    majority_baseline: float
    weighted_f1: float
    macro_f1: float
    ece: float
    per_class: dict[str, ClassScore]
    confusion: np.ndarray
    training_overlap: int = 0

    @property
    def warning(self) -> str:
        return overlap_warning(self.training_overlap, self.n)

    @property
    def tells_calibration(self) -> bool:
        """Whether so many photos judged that a calibration curve means something."""
        return self.n >= CALIBRATION_PHOTOS

    @property
    def tells_labels(self) -> bool:
        """Whether the head is right often enough that a label which it contradicts is worth a doubt."""
        return self.accuracy > max(0.5, self.majority_baseline)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        return {**asdict(self), "confusion": self.confusion.tolist()}


def evaluate(
    labels: Iterable[str | int],
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    training_overlap: int = 0,
) -> Evaluation:
    """Hold probabilities (n, k) against the true labels, given as class names or as class indices.

    The accuracy's interval is Wilson's. Photos of one shoot are not independent: with groups (n,) the
    interval comes from drawing whole groups anew, by a generator with this seed. Raises ValueError for labels
    or probabilities that do not fit.
    """
    from sklearn.metrics import confusion_matrix, f1_score

    truth = _class_indices(labels, class_names)
    probabilities = _checked(probabilities, len(truth), len(class_names))
    answers = probabilities.argmax(axis=1)
    hits = answers == truth
    return Evaluation(
        n=len(truth),
        class_names=tuple(class_names),
        accuracy=float(hits.mean()),
        accuracy_interval=accuracy_interval(hits, groups, seed),
        top2_accuracy=float((np.argsort(-probabilities, axis=1)[:, :2] == truth[:, None]).any(axis=1).mean()),
        majority_baseline=float(np.bincount(truth).max() / len(truth)),
        weighted_f1=float(f1_score(truth, answers, average="weighted", zero_division=0)),
        macro_f1=float(f1_score(truth, answers, average="macro", zero_division=0)),
        ece=calibration_error(probabilities.max(axis=1), hits),
        per_class=_per_class(truth, answers, class_names),
        confusion=confusion_matrix(truth, answers, labels=range(len(class_names))),
        training_overlap=training_overlap,
    )


def wilson_interval(hits: np.ndarray) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); it stays in [0, 1], also for few photos."""
    n, share = len(hits), float(hits.mean())
    centre = share + NORMAL_95**2 / (2 * n)
    reach = NORMAL_95 * np.sqrt(share * (1 - share) / n + (NORMAL_95 / (2 * n)) ** 2)
    scale = 1 + NORMAL_95**2 / n
    return max(0.0, float((centre - reach) / scale)), min(1.0, float((centre + reach) / scale))


def accuracy_interval(hits: np.ndarray, groups: ArrayLike | None, seed: int) -> tuple[float, float]:
    """The 95 % interval of the accuracy: Wilson's, or with groups by bootstrap.

    If all answers are right, or all wrong, drawing anew cannot show any doubt: then it is Wilson's, of the groups.
    """
    if groups is None:
        return wilson_interval(hits)
    interval = bootstrap_interval(hits, groups, seed)
    return (
        wilson_interval(np.resize(hits, len(np.unique(np.asarray(groups)))))
        if hits.all() or not hits.any()
        else interval
    )


def bootstrap_interval(values: np.ndarray, groups: ArrayLike, seed: int) -> tuple[float, float]:
    """The middle 95 % of the mean of values (n,) when whole groups (n,) are drawn anew, with replacement."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    if len(group) != len(values):
        raise ValueError(f"groups must name one group for each of {len(values)} photos. Received: {len(group)}")
    sizes, sums = np.bincount(group), np.bincount(group, weights=values)
    generator, means = np.random.default_rng(seed), []
    for _ in range(BOOTSTRAP_DRAWS // DRAWS_AT_ONCE):
        drawn = generator.integers(len(sizes), size=(DRAWS_AT_ONCE, len(sizes)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return float(low), float(high)


def calibration_error(confidences: np.ndarray, hits: np.ndarray) -> float:
    """Expected calibration error over equal-width bins of confidence, in [0, 1] (Guo et al. 2017)."""
    bins = np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidences - hits, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(hits))


def _per_class(truth: np.ndarray, answers: np.ndarray, class_names: Sequence[str]) -> dict[str, ClassScore]:
    from sklearn.metrics import precision_recall_fscore_support

    every = range(len(class_names))
    columns = precision_recall_fscore_support(truth, answers, labels=every, zero_division=0)
    scores = zip(*(column.tolist() for column in columns), strict=True)
    return {name: ClassScore(*score) for name, score in zip(class_names, scores, strict=True)}


def _class_indices(labels: Iterable[str | int], class_names: Sequence[str]) -> np.ndarray:
    index_of: dict[str | int, int] = {name: index for index, name in enumerate(class_names)}
    numbers = [index_of.get(label, label) for label in labels]
    strangers = [number for number in numbers if number not in index_of.values()]
    if strangers or not numbers:
        names = ", ".join(class_names)
        raise ValueError(f"labels must be among {names}. Received: {strangers[:5] or 'none'}")
    return np.array(numbers)


def _checked(probabilities: np.ndarray, photos: int, classes: int) -> np.ndarray:
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.shape != (photos, classes):
        raise ValueError(f"probabilities must be ({photos}, {classes}). Received: {probabilities.shape}")
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all():  # NaN fails every comparison
        raise ValueError("probabilities must be from 0 to 1. Received: a number beyond, or NaN")
    return probabilities
