"""A quiz: guess the form before the machine. Ten pictures, one guess each, and the score of everybody together.

    QuizPictures.deal(random) -> Picture, ... -> Game.show(), Game.guess(number, label) -> Round
                                                 Scoreboard.add(...) -> Scoreboard.standing()

Whoever plays holds a `Game`, which keeps the right answers on the server; the `Scoreboard` counts the guesses of all
who play here, and knows nobody.
"""

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo
from dance_demo.forms import FORMS
from dance_demo.model.classifier import Classifier, Prediction

ROUNDS = 10
FEWEST_FORMS = 3  # with two, no form twice in a row would mean that one knows every second answer
SIDE_PX, SMALL_SIDE_PX = 600, 200
SEEDS = range(10**6, 10**9)  # of drawings that no model was trained on
MAX_PHOTOS_OF_A_FORM = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """One picture of the quiz, and what it shows: a drawing by its seed, or a photo by its file."""

    label: str
    source: int | Path

    def open(self) -> Image.Image:
        """The upright RGB picture, at most SIDE_PX high and wide. PhotoError if a photo cannot be read any more."""
        if isinstance(self.source, int):
            return draw(self.label, self.source)
        return open_photo(self.source, max_side_px=SIDE_PX)


@dataclass(frozen=True)
class QuizPictures:
    """Where the pictures come from: photos by label, or drawings of these forms, made anew for each game."""

    labels: tuple[str, ...]  # those that there are pictures of
    photos: Mapping[str, tuple[Path, ...]] | None = None  # None: drawings

    @classmethod
    def find(cls, folder: Path, class_names: Sequence[str]) -> "QuizPictures":
        """The photos in class folders under `folder`, if enough forms have some; or else drawings.

        Folders that the model has no class for are left out, and logged. Too few forms: `labels` is empty.
        """
        photos = _labelled_photos(folder, class_names)
        if len(photos) >= FEWEST_FORMS:
            return cls(tuple(photos), photos)
        if photos:
            log.warning("The quiz needs photos of %d forms; %s has %d.", FEWEST_FORMS, folder.name, len(photos))
        drawn = tuple(label for label in class_names if label in FORM_NAMES)
        return cls(drawn if len(drawn) >= FEWEST_FORMS else ())

    @property
    def drawn(self) -> bool:
        return self.photos is None

    def deal(self, random: Random) -> tuple[Picture, ...]:
        """The pictures of one game: each form about equally often, none twice in a row, no photo twice.

        Ten, or fewer where there are not enough photos for that.
        """
        if self.photos is None:
            order = _order({label: ROUNDS for label in self.labels}, random)
            seeds = random.sample(SEEDS, len(order))
            return tuple(map(Picture, order, seeds))
        order = _order({label: len(files) for label, files in self.photos.items()}, random)
        shuffled = {label: iter(random.sample(files, len(files))) for label, files in self.photos.items()}
        return tuple(Picture(label, next(shuffled[label])) for label in order)


def _labelled_photos(folder: Path, class_names: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    found = {}
    for inside in sorted(path for path in folder.glob("*") if path.is_dir()):
        label = inside.name.lower()
        files = sorted(path for path in inside.glob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
        if label not in class_names:
            log.warning("%s is no class of the model; its photos are left out of the quiz.", inside.name)
        elif files:
            found[label] = tuple(files[:MAX_PHOTOS_OF_A_FORM])
    return {label: found[label] for label in class_names if label in found}


def _order(available: Mapping[str, int], random: Random) -> list[str]:
    """At most ROUNDS labels, each about equally often and never more often than `available`, no neighbours alike."""
    dealt: Counter[str] = Counter()
    while dealt.total() < ROUNDS:
        rest = [label for label, count in available.items() if dealt[label] < count]
        fewest = min((dealt[label] for label in rest), default=0)
        if not rest or fewest > dealt.total() - fewest:  # one more of it would have to stand beside another
            break
        dealt[random.choice([label for label in rest if dealt[label] == fewest])] += 1
    order = list(dealt.elements())
    random.shuffle(order)
    while any(one == other for one, other in pairwise(order)):
        random.shuffle(order)
    return order


@dataclass(frozen=True, eq=False)
class Round:
    """One picture after the guess. `heatmap` (h, w) in [0, 1] shows what spoke for the machine's answer."""

    label: str  # the right answer
    guess: str
    machine: Prediction
    sure: bool  # whether the machine would have named it with confidence
    heatmap: np.ndarray
    small_jpeg: bytes
    familiar: bool = True  # whether its probability means anything

    @property
    def right(self) -> bool:
        return self.guess == self.label

    @property
    def machine_right(self) -> bool:
        return self.machine.label == self.label


@dataclass(frozen=True)
class View:
    """A game at one moment: the picture that is shown, by its number from 0, and the rounds that were guessed."""

    number: int
    length: int
    jpeg: bytes  # of pixels alone; empty when the game is over
    rounds: tuple[Round, ...]

    @property
    def over(self) -> bool:
        return self.number >= self.length

    @property
    def guessed(self) -> bool:
        """Whether the picture that is shown was guessed."""
        return len(self.rounds) > self.number


class Game:
    """One visitor's way through the pictures. Any number of threads may ask it: of each picture one guess counts.

    Small: beside the answers it keeps the one picture that is shown, and a stamp of each that was guessed.
    """

    def __init__(self, pictures: Sequence[Picture], classifier: Classifier, scoreboard: "Scoreboard") -> None:
        self._pictures, self._classifier, self._scoreboard = list(pictures), classifier, scoreboard
        self._lock = threading.Lock()
        self._rounds: list[Round] = []
        self._number = 0  # of the picture that is shown
        self._jpeg = b""

    def show(self) -> View:
        """The game as it stands. A photo that cannot be read any more is left out of it."""
        with self._lock:
            picture = self._shown()
            return View(self._number, len(self._pictures), picture, tuple(self._rounds))

    def guess(self, number: int, label: str, *, counts: bool = True) -> None:
        """Take the guess for picture `number`, and let the machine answer. If it `counts`, everybody's score has it.

        The first guess counts: a second one for this picture, or one for any other picture, changes nothing.
        """
        with self._lock:
            if number == self._number == len(self._rounds) and self._shown():
                self._rounds.append(self._answered(label))
                if counts:
                    self._scoreboard.add(self._rounds[-1])

    def go_on(self) -> None:
        """Leave the picture that is shown, if it was guessed."""
        with self._lock:
            if len(self._rounds) > self._number:
                self._number, self._jpeg = self._number + 1, b""

    def _shown(self) -> bytes:
        while not self._jpeg and self._number < len(self._pictures):
            try:
                self._jpeg = jpeg(self._pictures[self._number].open())
            except PhotoError as error:
                log.warning("A picture is left out of the quiz. %s", error)
                del self._pictures[self._number]
        return self._jpeg

    def _answered(self, label: str) -> Round:
        photo = open_photo(self._shown())  # the same pixels that the visitor sees
        answer = self._classifier.classify(photo)
        photo.thumbnail((SMALL_SIDE_PX, SMALL_SIDE_PX))
        heatmap = self._classifier.heatmap(answer, answer.top.label)
        right = self._pictures[self._number].label
        return Round(right, label, answer.top, answer.sure, heatmap, jpeg(photo), answer.familiar)


@dataclass(frozen=True)
class FormStanding:
    """How often one form was shown and recognised, since the start."""

    label: str
    guesses: int
    right: int
    machine_right: int


@dataclass(frozen=True)
class Standing:
    """What everybody's guesses add up to; `confused` is (right form, what it was taken for, how often), or None."""

    forms: tuple[FormStanding, ...]
    confused: tuple[str, str, int] | None

    @cached_property
    def total(self) -> FormStanding:
        forms = self.forms
        figures = ((form.guesses, form.right, form.machine_right) for form in forms)
        return FormStanding("", *map(sum, zip(*figures, strict=True))) if forms else FormStanding("", 0, 0, 0)


class Scoreboard:
    """Counts the guesses of all visitors of this process. Two numbers for each pair of forms: no names, no growth."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._people = np.zeros((len(labels), len(labels)), int)  # right answer x guess
        self._machine = np.zeros(len(labels), int)  # right ones
        self._lock = threading.Lock()

    def add(self, played: Round) -> None:
        row, column = self._labels.index(played.label), self._labels.index(played.guess)
        with self._lock:
            self._people[row, column] += 1
            self._machine[row] += played.machine_right

    def standing(self) -> Standing:
        """The counts as they are now, all of the same moment."""
        with self._lock:
            people, machine = self._people.copy(), self._machine.copy()
        right = people.diagonal()
        figures = zip(self._labels, people.sum(axis=1).tolist(), right.tolist(), machine.tolist(), strict=True)
        wrong = people - np.diag(right)
        confused = None
        if wrong.any():
            row, column = np.unravel_index(wrong.argmax(), wrong.shape)
            confused = self._labels[row], self._labels[column], int(wrong[row, column])
        return Standing(tuple(FormStanding(*form) for form in figures), confused)


def fact(played: Round) -> str:
    """One thing to know about the form that was shown: why it is taken for the guessed one, or what to look for."""
    form = FORMS.get(played.label)
    if form is None:
        return ""
    return form.why_confused if played.guess in form.confused_with else form.look_for
