"""A game: was something copied in this picture? Half of them have a planted copy; a tool answers, too.

Whoever plays says how sure they are, from 1 (surely untouched) to 5 (surely copied). From the answers of a whole class
comes a curve (ROC): how many copies are found at the price of how many false alarms, beside that of the tool.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.errors import PhotoError
from dance_demo.files.forensics.planting import CHANGES, plant_copy
from dance_demo.files.forensics.region import THRESHOLD, Box, CopiedRegion
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo

LEVELS = (
    "surely untouched",
    "rather untouched",
    "cannot tell",
    "rather copied",
    "surely copied",
)  # of confidence, from 1 to 5
COPIED_FROM = 4  # the level that counts as "something was copied"
SIDE_PX = 600
MAX_ANSWERS = 5_000  # that the score remembers; a class gives some hundred
_TRIES = 5


@dataclass(frozen=True, eq=False)
class Question:
    """One picture, what was done to it, and what the tool finds."""

    picture_jpeg: bytes
    size: tuple[int, int]
    copy: tuple[Box, Box] | None  # where it was taken from and put; None: the picture is untouched
    regions: tuple[CopiedRegion, ...]  # all that the tool sees, the best first, whatever their score

    @property
    def forged(self) -> bool:
        return self.copy is not None

    @property
    def tool_score(self) -> float:
        return self.regions[0].score if self.regions else 0.0

    @property
    def tool_says_copied(self) -> bool:
        return self.tool_score >= THRESHOLD


def photos_in(folder: Path) -> tuple[Path, ...]:
    """Photos of whoever runs the page, in class folders."""
    return tuple(sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PHOTO_SUFFIXES))


def ask(photos: Sequence[Path], random: np.random.Generator) -> Question:
    """A new picture, a photo of these or else a drawing; one time in two with a copy planted. Raises PhotoError."""
    from dance_demo.files.forensics.copied_regions import copied_regions  # loads OpenCV, which takes its time

    for _ in range(_TRIES):
        if photos:
            picture = open_photo(photos[int(random.integers(len(photos)))], max_side_px=SIDE_PX)
        else:
            picture = draw(str(random.choice(FORM_NAMES)), int(random.integers(10**6, 10**9)))
        planted = None
        if random.random() < 0.5:
            planted = plant_copy(picture, CHANGES[random.integers(len(CHANGES))], random)
            if planted is None:  # no room in this one
                continue
        data = jpeg(planted.photo if planted else picture)
        seen = open_photo(data)  # the same pixels that the visitor gets
        copy = (planted.source, planted.target) if planted else None
        return Question(data, seen.size, copy, tuple(copied_regions(seen, 0)))
    raise PhotoError("None of the pictures has a piece to copy. Try again.")


@dataclass(frozen=True)
class Curve:
    """Points (false alarms, found), each in [0, 1], from (0, 0) to (1, 1), and the area below."""

    points: tuple[tuple[float, float], ...]
    area: float


def curve(forged: Sequence[bool], scores: Sequence[float]) -> Curve | None:
    """The ROC of scores that should be higher where something was copied; None if all are of one kind.

    The area is the share of pairs, one forged and one not, that the scores put in the right order (Hanley and McNeil
    1982); equal scores count half.
    """
    truth, values = np.array(forged, bool), np.array(scores, float)
    if truth.all() or not truth.any():
        return None
    limits = np.unique(values)[::-1]
    points = [(float((values[~truth] >= at).mean()), float((values[truth] >= at).mean())) for at in limits]
    pairs = np.sign(values[truth][:, None] - values[~truth])
    return Curve(((0.0, 0.0), *points), float((pairs.mean() + 1) / 2))


@dataclass(frozen=True)
class Score:
    """What everybody's answers add up to."""

    answers: int
    right: int
    tool_right: int
    people: Curve | None
    tool: Curve | None


class ScoreOfAll:
    """Remembers of each answer what was true, the confidence and the tool's score: no names, and not without end."""

    def __init__(self) -> None:
        self._answers: list[tuple[bool, int, float]] = []
        self._lock = threading.Lock()

    def add(self, question: Question, level: int) -> None:
        with self._lock:
            self._answers.append((question.forged, level, question.tool_score))
            del self._answers[:-MAX_ANSWERS]

    def score(self) -> Score:
        with self._lock:
            answers = list(self._answers)
        if not answers:
            return Score(0, 0, 0, None, None)
        forged, levels, scores = zip(*answers, strict=True)
        right = sum((level >= COPIED_FROM) == truth for truth, level in zip(forged, levels, strict=True))
        tool_right = sum((score >= THRESHOLD) == truth for truth, score in zip(forged, scores, strict=True))
        return Score(len(answers), right, tool_right, curve(forged, levels), curve(forged, scores))
