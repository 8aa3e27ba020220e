"""What a person should know about their photos before training on them, in plain words.

Warnings never stop a training; problems do.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dance_demo.files.zip_archive import SkippedFile
from dance_demo.model.head_file import MAX_CLASSES

CLASSES_AT_LEAST = 2
CLASSES_AT_MOST = 50  # on the page, where others wait; the command line takes as many as a head can name
PHOTOS_PER_CLASS_AT_LEAST, PHOTOS_PER_CLASS_WANTED = 5, 10
_IMBALANCE = 10  # largest class : smallest class
_TINY_SIDE_PX = 64
_BLANK_DEVIATION = 4.0  # grey levels
_BLURRED_SHARPNESS = 0.01  # real photos: 99.5 % above 0.03; blurred by 1 % of their width: 95 % below 0.01
_SHARPNESS_SIDE_PX = 256
_LISTED = 5
_ADVICE = {  # words of the reason for which most files were left out -> what to do
    "not a kind": "Save the photos as JPEG or PNG.",
    "archive inside": "Unpack what is in it, and zip the photos themselves, in their folders.",
    "password": "Make the zip again without a password.",
    "unusual method": "Make the zip with what the computer has for it: Compress, or Send to, Compressed folder.",
    "place on a computer": "Make the zip from inside the folder that holds them.",
    "points outside": "Make the zip from inside the folder that holds them.",
    "a link": "Put the photos themselves there, not links to them.",
    "damaged": "Make the zip again, or upload it again.",
    "empty": "The files have no content: copy the photos again.",
    "limit": "Use smaller photos.",
}


@dataclass(frozen=True)
class DataWarning:
    """One sentence, and all the photos that it is about (the sentence itself names the first five)."""

    text: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def first_few(names: Sequence[str]) -> str:
    """``a.jpg, b.jpg and 7 more``"""
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def nothing_usable(source: str, left_out: Sequence[SkippedFile], remarks: Sequence[str] = ()) -> str:
    """The sentences for a zip or folder with no file that is wanted: what was found, and what to do."""
    if not left_out:
        return " ".join((f"{source}: no photos found.", *remarks))
    names: defaultdict[str, list[str]] = defaultdict(list)
    for file in left_out:
        names[file.reason].append(file.name)
    most = sorted(names, key=lambda reason: -len(names[reason]))[:3]
    found = [f"{_first_of(names[reason])} ({reason})" for reason in most]
    advice = next((advice for words, advice in _ADVICE.items() if words in most[0]), _ADVICE["not a kind"])
    return " ".join((f"{source}: no photos found. Left out: {'; '.join(found)}. {advice}", *remarks))


def _first_of(names: Sequence[str]) -> str:
    return names[0][:100] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def photo_flaw(photo: Image.Image) -> str | None:
    """``"tiny"``, ``"blank"`` or ``"blurred"``, or None for a photo with no flaw."""
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


def too_many_classes(classes: Collection[str], limit: int) -> str:
    """The sentence for a dataset that has more classes than the page takes."""
    return (
        f"{len(classes)} classes ({first_few(sorted(classes))}); the page takes {limit}, so that tables can be read "
        "and no visitor waits long for another. Leave some out, or train on your own computer, which takes "
        f"{MAX_CLASSES:,}: dance-demo train DATA --out DIR"
    )


def class_problems(class_counts: Mapping[str, int], noun: str = "photos") -> tuple[str, ...]:
    """What stands in the way of training, with what to add; empty if nothing does. `noun` is what is counted."""
    problems = []
    if len(class_counts) < CLASSES_AT_LEAST:
        found = f"only {first_few(list(class_counts))}" if class_counts else "none"
        problems.append(f"Training needs {noun} of at least {CLASSES_AT_LEAST} classes; found {found}.")
    if len(class_counts) > MAX_CLASSES:
        problems.append(f"A head can name {MAX_CLASSES:,} classes; found {len(class_counts):,}. Leave some out.")
    few = [
        f"{label} ({count}; add {PHOTOS_PER_CLASS_AT_LEAST - count})"
        for label, count in class_counts.items()
        if count < PHOTOS_PER_CLASS_AT_LEAST
    ]
    if few:
        problems.append(f"Each class needs at least {PHOTOS_PER_CLASS_AT_LEAST} {noun}: {first_few(few)}.")
    return tuple(problems)


def recording_problems(recorded_once: Sequence[str], noun: str = "photos") -> tuple[str, ...]:
    """About classes whose photos are all of one recording."""
    if not recorded_once:
        return ()
    advice = "hold the button again" if noun == "photos" else "add recordings"
    alike = f"{noun.capitalize()} of one recording cannot judge each other: {advice}."
    return (f"Recorded only once: {first_few(recorded_once)}. {alike}",)


def recording_warnings(recordings: int) -> list[DataWarning]:
    """How photos that were recorded here are judged, and what that does not tell."""
    if not recordings:
        return []
    text = (
        f"{recordings} recordings. The photos of each stay together: all train, or all judge. All were taken in one "
        "place: the accuracy holds for that place, its light and its camera."
    )
    return [DataWarning(text)]


def class_warnings(class_counts: Mapping[str, int], noun: str = "photos") -> list[DataWarning]:
    """Few photos (or whatever `noun` says is counted), or far more of one class than of another."""
    warnings = []
    few = [f"{label} ({count})" for label, count in class_counts.items() if count < PHOTOS_PER_CLASS_WANTED]
    if few:
        warnings.append(DataWarning(f"Fewer than {PHOTOS_PER_CLASS_WANTED} {noun}: {first_few(few)}. Add some."))
    largest = max(class_counts, key=lambda label: class_counts[label])
    smallest = min(class_counts, key=lambda label: class_counts[label])
    most, fewest = class_counts[largest], class_counts[smallest]
    if most > _IMBALANCE * fewest:
        advice = f"The model will prefer the large class: use class weights, or add {noun}."
        warnings.append(DataWarning(f"Very uneven: {most} {noun} of {largest}, {fewest} of {smallest}. {advice}"))
    return warnings


def flaw_warnings(flaws: Mapping[str, str]) -> list[DataWarning]:
    """One warning for each kind of flaw, from photo names to their flaws."""
    warnings = []
    for flaw in ("tiny", "blank", "blurred"):
        names = tuple(name for name, found in flaws.items() if found == flaw)
        if names:
            photos = f"{flaw} photo{'s' * (len(names) > 1)}"
            warnings.append(DataWarning(f"{len(names)} {photos}, kept: {first_few(names)}.", names))
    return warnings


def copy_warnings(groups: Sequence[Sequence[tuple[str, str]]], noun: str = "picture") -> list[DataWarning]:
    """About groups of copies, each a list of (name, label): those under two labels first."""
    mixed = [group for group in groups if len({label for _, label in group}) > 1]
    warnings = []
    if mixed:
        described = [" = ".join(f"{name} ({label})" for name, label in group[:4]) for group in mixed]
        names = tuple(name for group in mixed for name, _ in group)
        times = f"{len(mixed)} times" if len(mixed) > 1 else "once"
        text = f"The same {noun} under two labels, {times}: {first_few(described)}."
        warnings.append(DataWarning(text, names))
    if groups:
        names = tuple(name for group in groups for name, _ in group)
        found = f"{len(groups)} {noun}s occur" if len(groups) > 1 else f"1 {noun} occurs"
        counted = f"{len(names)} {'photos' if noun == 'picture' else 'times'} in all"
        text = f"{found} more than once ({counted}). Copies stay together: all train, or all judge."
        warnings.append(DataWarning(text, names))
    return warnings


def overlap_warnings(names: Sequence[str]) -> list[DataWarning]:
    """About photos, by name, that the bundled model was trained on."""
    if not names:
        return []
    were = f"{len(names)} of your photos were" if len(names) > 1 else "One of your photos was"
    return [DataWarning(f"{were} used to train the bundled model; a score on them says nothing.", tuple(names))]


def name_warnings(names: Sequence[str], labels: Sequence[str]) -> list[DataWarning]:
    """Whether file names give the class away. Nothing here looks at them, but people do."""
    bases = [name.rpartition("/")[2].lower() for name in names]
    telling = sum(label.lower() in base for base, label in zip(bases, labels, strict=True))
    if telling > len(names) / 2:
        return [DataWarning("Most file names contain the class. The model does not see them; a person does.")]
    if _numbers_follow_classes(bases, labels):
        return [DataWarning("File numbers follow the classes. The model does not see them; a person does.")]
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
