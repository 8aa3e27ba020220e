"""How much an answer depends on the camera: the same photos mirrored, cropped, blurred, without colour and in the dark.

Measured on photos with labels that the classifier did not learn from. Two figures for each change: how many are still
named right, and how many are still named the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from dance_demo.classifier import Classifier
from dance_demo.evaluation import accuracy_interval, bootstrap_interval
from dance_demo.photos import open_photo

CROP = 0.1  # of the width and height, cut off at each side
SOFT, BLUR = 0.005, 0.01  # radius as a share of the longer side: a hand that shook, a lens out of focus
JPEG_QUALITY = 30
LIGHT = 0.3  # of the brightness is left
GRAIN = 8.0  # standard deviation of the noise of a sensor in the dark, of 255

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


def mirrored(photo: Image.Image) -> Image.Image:
    return ImageOps.mirror(photo)


def cropped(photo: Image.Image) -> Image.Image:
    width, height = photo.size
    x, y = round(CROP * width), round(CROP * height)
    return photo.crop((x, y, width - x, height - y))


def blurred(photo: Image.Image, share: float = BLUR) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(share * max(photo.size)))


def grey(photo: Image.Image) -> Image.Image:
    return photo.convert("L").convert("RGB")


def compressed(photo: Image.Image) -> Image.Image:
    """Saved as a small JPEG, as messengers do, and opened again."""
    file = BytesIO()
    photo.save(file, "JPEG", quality=JPEG_QUALITY)
    return open_photo(file.getvalue(), max_side_px=None)


def dark(photo: Image.Image) -> Image.Image:
    """Little light and the noise that comes with it, the same at every call."""
    noise = np.random.default_rng(0).normal(0, GRAIN, (photo.height, photo.width, 3))
    return Image.fromarray((LIGHT * np.asarray(photo) + noise).clip(0, 255).round().astype(np.uint8))


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
    groups: Sequence | None = None,
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
