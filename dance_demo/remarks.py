"""What a person should know about their photos before training on them, in plain words.

Remarks never stop a training; problems do.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

CLASSES_AT_LEAST, CLASSES_AT_MOST = 2, 50
PHOTOS_PER_CLASS_AT_LEAST, PHOTOS_PER_CLASS_WANTED = 5, 10
_IMBALANCE = 10  # largest class : smallest class
_TINY_SIDE_PX = 64
_BLANK_DEVIATION = 4.0  # grey levels
_BLURRED_SHARPNESS = 0.01  # real photos: 99.5 % above 0.03; blurred by 1 % of their width: 95 % below 0.01
_SHARPNESS_SIDE_PX = 256
_LISTED = 5


@dataclass(frozen=True)
class Remark:
    """One sentence, and all the photos that it is about (the sentence itself names the first five)."""

    text: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def first_few(names: Sequence[str]) -> str:
    """``a.jpg, b.jpg and 7 more``"""
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def photo_flaw(photo: Image.Image) -> str | None:
    """``"tiny"``, ``"blank"`` or ``"blurred"``, or None for a photo with nothing to remark."""
    if min(photo.size) < _TINY_SIDE_PX:
        return "tiny"
    grey = photo.convert("L")
    grey.thumbnail((_SHARPNESS_SIDE_PX, _SHARPNESS_SIDE_PX), Image.Resampling.BOX)
    levels = np.asarray(grey, np.float32)
    if levels.std() < _BLANK_DEVIATION:
        return "blank"
    return "blurred" if _sharpness(levels) < _BLURRED_SHARPNESS else None


def _sharpness(levels: np.ndarray) -> float:
    """How much of the contrast lies between neighbouring pixels: variance of the Laplacian : variance."""
    neighbours = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    return float((4 * levels[1:-1, 1:-1] - neighbours).var() / levels.var())


def class_problems(class_counts: Mapping[str, int]) -> tuple[str, ...]:
    """What stands in the way of training, with what to add; empty if nothing does."""
    problems = []
    if len(class_counts) < CLASSES_AT_LEAST:
        found = f"only {first_few(list(class_counts))}" if class_counts else "none"
        problems.append(f"Training needs photos of at least {CLASSES_AT_LEAST} classes; found {found}.")
    if len(class_counts) > CLASSES_AT_MOST:
        problems.append(f"{len(class_counts)} classes; the limit is {CLASSES_AT_MOST}. Leave some out.")
    few = [
        f"{label} ({count}; add {PHOTOS_PER_CLASS_AT_LEAST - count})"
        for label, count in class_counts.items()
        if count < PHOTOS_PER_CLASS_AT_LEAST
    ]
    if few:
        problems.append(f"Each class needs at least {PHOTOS_PER_CLASS_AT_LEAST} photos: {first_few(few)}.")
    return tuple(problems)


def class_remarks(class_counts: Mapping[str, int]) -> list[Remark]:
    """Few photos, or far more of one class than of another."""
    remarks = []
    few = [f"{label} ({count})" for label, count in class_counts.items() if count < PHOTOS_PER_CLASS_WANTED]
    if few:
        remarks.append(Remark(f"Fewer than {PHOTOS_PER_CLASS_WANTED} photos: {first_few(few)}. Add some."))
    largest = max(class_counts, key=lambda label: class_counts[label])
    smallest = min(class_counts, key=lambda label: class_counts[label])
    most, fewest = class_counts[largest], class_counts[smallest]
    if most > _IMBALANCE * fewest:
        advice = "The model will prefer the large class: use class weights, or add photos."
        remarks.append(Remark(f"Very uneven: {most} photos of {largest}, {fewest} of {smallest}. {advice}"))
    return remarks


def flaw_remarks(flaws: Mapping[str, str]) -> list[Remark]:
    """One remark for each kind of flaw, from photo names to their flaws."""
    remarks = []
    for flaw in ("tiny", "blank", "blurred"):
        names = tuple(name for name, found in flaws.items() if found == flaw)
        if names:
            photos = f"{flaw} photo{'s' * (len(names) > 1)}"
            remarks.append(Remark(f"{len(names)} {photos}, kept: {first_few(names)}.", names))
    return remarks


def copy_remarks(groups: Sequence[Sequence[tuple[str, str]]]) -> list[Remark]:
    """About groups of copies, each a list of (name, label): those under two labels first."""
    mixed = [group for group in groups if len({label for _, label in group}) > 1]
    remarks = []
    if mixed:
        described = [" = ".join(f"{name} ({label})" for name, label in group[:4]) for group in mixed]
        names = tuple(name for group in mixed for name, _ in group)
        times = f"{len(mixed)} times" if len(mixed) > 1 else "once"
        text = f"The same picture under two labels, {times}: {first_few(described)}."
        remarks.append(Remark(text, names))
    if groups:
        names = tuple(name for group in groups for name, _ in group)
        pictures = f"{len(groups)} pictures occur" if len(groups) > 1 else "1 picture occurs"
        text = f"{pictures} more than once ({len(names)} photos in all). Copies stay together: all train, or all judge."
        remarks.append(Remark(text, names))
    return remarks


def seen_remarks(names: Sequence[str]) -> list[Remark]:
    """About photos, by name, that the bundled model was trained on."""
    if not names:
        return []
    were = f"{len(names)} of your photos were" if len(names) > 1 else "One of your photos was"
    return [Remark(f"{were} used to train the bundled model; a score on them says nothing.", tuple(names))]


def name_remarks(names: Sequence[str], labels: Sequence[str]) -> list[Remark]:
    """Whether file names give the class away. Nothing here looks at them, but people do."""
    bases = [name.rpartition("/")[2].lower() for name in names]
    telling = sum(label.lower() in base for base, label in zip(bases, labels, strict=True))
    if telling > len(names) / 2:
        return [Remark("Most file names contain the class. The model does not see them; a person does.")]
    if _numbers_follow_classes(bases, labels):
        return [Remark("File numbers follow the classes. The model does not see them; a person does.")]
    return []


def _numbers_follow_classes(bases: Sequence[str], labels: Sequence[str]) -> bool:
    """Sorted by the number in their names, neighbours share a class far more often than by chance."""
    found = [(re.findall("[0-9]+", base), label) for base, label in zip(bases, labels, strict=True)]
    numbered = sorted((int(numbers[-1][:15]), label) for numbers, label in found if numbers)
    if len(numbered) < 20 or len({number for number, _ in numbered}) < 0.9 * len(numbered):
        return False  # too few to tell, or counted anew in each class
    ordered = [label for _, label in numbered]
    shares = np.array(list(Counter(ordered).values())) / len(ordered)
    changes = sum(a != b for a, b in zip(ordered, ordered[1:], strict=False))
    expected = (len(ordered) - 1) * (1 - float((shares**2).sum()))
    return changes < 0.4 * expected
