"""How much an answer depends on the camera: the same photos mirrored, cropped, blurred, without colour and in the dark.

Measured on photos with labels that the classifier did not learn from. Two figures for each change: how many are still
named right, and how many are still named the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from dance_demo.data.perturbations import (
    BLUR,
    CROP,
    JPEG_QUALITY,
    LIGHT,
    blurred,
    compressed,
    cropped,
    dark,
    grey,
    mirrored,
)
from dance_demo.model.classifier import Classifier
from dance_demo.training.evaluation import accuracy_interval, bootstrap_interval

SOFT = 0.005  # radius of a blur as a share of the longer side: a hand that shook

UNCHANGED = "as it is"
Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Steadiness:
    """What a change does to the answers: shares of the photos in [0, 1], intervals of 95 %."""

    change: str
    accuracy: float
    accuracy_interval: tuple[float, float]
    gain: float  # in accuracy, over the unchanged photos; below 0 if it falls
    gain_interval: tuple[float, float]
    same_answer: float


CHANGES: Mapping[str, Change] = {
    UNCHANGED: lambda photo: photo,
    "mirrored": mirrored,
    f"{CROP:.0%} cut off at each side": cropped,
    f"blurred, radius {SOFT:.1%} of the longer side": partial(blurred, share=SOFT),
    f"blurred, radius {BLUR:.1%}": blurred,
    "grey": grey,
    f"JPEG of quality {JPEG_QUALITY}": compressed,
    f"{LIGHT:.0%} of the light, with noise": dark,
}


def answers(
    photos: Iterable[Image.Image], classifier: Classifier, changes: Mapping[str, Change] = CHANGES
) -> np.ndarray:
    """The class that is named for each photo under each change: class indices (n, changes)."""
    rows = [[_answer(classifier, change(photo)) for change in changes.values()] for photo in photos]
    return np.array(rows, int).reshape(-1, len(changes))


def steadiness(
    answers: np.ndarray,
    truth: Sequence[int],
    *,
    changes: Iterable[str] = tuple(CHANGES),
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[Steadiness, ...]:
    """Hold answers (n, changes), the first of which are to unchanged photos, against the true class indices (n,).

    The intervals are drawn over groups (n,) of near-duplicates, if these are given.
    """
    groups = range(len(answers)) if groups is None else groups
    hits = answers == np.asarray(truth)[:, None]
    return tuple(
        Steadiness(
            change=change,
            accuracy=float(hits[:, column].mean()),
            accuracy_interval=accuracy_interval(hits[:, column], groups, seed),
            gain=float(hits[:, column].mean() - hits[:, 0].mean()),
            gain_interval=bootstrap_interval(hits[:, column].astype(float) - hits[:, 0], groups, seed),
            same_answer=float((answers[:, column] == answers[:, 0]).mean()),
        )
        for column, change in enumerate(changes)
    )


def table(rows: Iterable[Steadiness]) -> str:
    """The figures as Markdown."""
    head = ("photos", "right", "95 % interval", "difference", "95 % interval", "same answer")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        interval, gain = (_interval(pair) for pair in (row.accuracy_interval, row.gain_interval))
        gained = "| | |" if row.change == UNCHANGED else f"| {100 * row.gain:+.1f} points | {gain} |"  # of itself: 0
        lines.append(f"| {row.change} | {row.accuracy:.1%} | {interval} {gained} {row.same_answer:.1%} |")
    return "\n".join(lines)


def _answer(classifier: Classifier, photo: Image.Image) -> int:
    return classifier.class_index(classifier.classify(photo).top.label)


def _interval(pair: tuple[float, float]) -> str:
    return " to ".join(f"{100 * share:.1f}" for share in pair)
