"""Would it say the same? One photo's answer again, after each of eight changes that a camera could have made.

A small copy of the photo is enough, and all changed copies are made from that. Where the classifier averages a photo
with its mirror image, the mirrored copy gets the same answer by construction, and is not counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from dance_demo.data.perturbations import (
    BLUR,
    CROP,
    JPEG_QUALITY,
    LIGHT,
    blurred,
    compressed,
    covered,
    cropped,
    dark,
    grey,
    mirrored,
    turned,
)
from dance_demo.errors import PhotoError
from dance_demo.forms import display_name
from dance_demo.model.classifier import Classifier, Prediction
from dance_demo.model.description import percent

SIDE_PX = 512  # of the copy that is changed
MIRRORED, COVERED = "mirrored", "covered"


@dataclass(frozen=True)
class Strength:
    """How strong a change can be, and how strong it is at first."""

    low: float
    high: float
    default: float
    step: float
    words: str  # "{}" is the strength


@dataclass(frozen=True)
class Change:
    """A change by name. `change` takes a photo, a strength and the heatmap (h, w) of the answer to it."""

    title: str
    change: Callable[[Image.Image, float, np.ndarray], Image.Image]
    strength: Strength | None = None

    def words(self, strength: float | None = None) -> str:
        """What was done, in a few words."""
        if not self.strength:
            return self.title
        return f"{self.title}, {self.strength.words.format(self.strength.default if strength is None else strength)}"


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        MIRRORED: Change("Mirrored", lambda photo, _, __: mirrored(photo)),
        "cropped": Change(
            "Cropped",
            lambda photo, percent, _: cropped(photo, percent / 100),
            Strength(0, 35, 100 * CROP, 1, "{:.0f} % at each side"),
        ),
        "turned": Change(
            "Turned", lambda photo, degrees, _: turned(photo, degrees), Strength(-45, 45, 10, 1, "{:.0f}°")
        ),
        "blurred": Change(
            "Blurred",
            lambda photo, percent, _: blurred(photo, percent / 100),
            Strength(0, 3, 100 * BLUR, 0.1, "{:.1f} % of its side"),
        ),
        "dark": Change(
            "Dark",
            lambda photo, percent, _: dark(photo, percent / 100),
            Strength(5, 100, 100 * LIGHT, 1, "{:.0f} % of the light"),
        ),
        "grey": Change("Without colour", lambda photo, _, __: grey(photo)),
        "compressed": Change(
            "Compressed",
            lambda photo, quality, _: compressed(photo, round(quality)),
            Strength(1, 95, JPEG_QUALITY, 1, "JPEG of quality {:.0f}"),
        ),
        COVERED: Change(
            "Covered",
            lambda photo, percent, heatmap: covered(photo, heatmap, percent / 100),
            Strength(5, 90, 30, 1, "{:.0f} % of its side, where it is hottest"),
        ),
    }
)


@dataclass(frozen=True, eq=False)
class ChangedAnswer:
    """What the classifier says to one changed copy (`picture`), and whether it names the same class as before."""

    change: str
    strength: float | None
    picture: Image.Image
    prediction: Prediction
    sure: bool
    familiar: bool  # whether its probability means anything
    same: bool
    by_construction: bool  # it could not be otherwise

    @property
    def words(self) -> str:
        return CHANGES[self.change].words(self.strength)

    @property
    def sentence(self) -> str:
        """What was done and what it says then: Blurred, 1.0 % of its side: Odissi, 93.1 %."""
        doubt = "" if self.sure else "but it is not sure"
        said = (f"{self.words}: {display_name(self.prediction.label)}", self.likelihood, doubt)
        return ", ".join(filter(None, said)) + "."

    @property
    def likelihood(self) -> str:
        """The probability in percent, or nothing where it means nothing."""
        return percent(self.prediction.probability) if self.familiar else ""


@dataclass(frozen=True, eq=False)
class Robustness:
    """The answers to all changed copies."""

    answers: tuple[ChangedAnswer, ...]

    @property
    def of(self) -> int:
        """How many changes could have changed the answer."""
        return sum(not answer.by_construction for answer in self.answers)

    @property
    def held(self) -> int:
        """After how many of these it was the same."""
        return sum(answer.same and not answer.by_construction for answer in self.answers)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        changes = [
            {
                "change": answer.change,
                "strength": answer.strength,
                "label": answer.prediction.label,
                "probability": answer.prediction.probability,
                "sure": answer.sure,
                "same": answer.same,
                "by_construction": answer.by_construction,
            }
            for answer in self.answers
        ]
        return {"held": self.held, "of": self.of, "changes": changes}


def held_sentence(robustness: Robustness) -> str:
    """How often the answer held, and which changes changed it."""
    held = f"After {robustness.held} of {robustness.of} changes it says the same"
    others = [
        f"{answer.words.lower()}: {display_name(answer.prediction.label)}"
        for answer in robustness.answers
        if not answer.same
    ]
    return f"{held}; {'; '.join(others)}." if others else f"{held}."


def robustness(photo: Image.Image, classifier: Classifier, label: str, heatmap: np.ndarray) -> Robustness:
    """Answer all changed copies of an upright RGB photo, which was named `label` because of heatmap (h, w)."""
    ask = partial(changed_answer, photo, classifier, label, heatmap)
    return Robustness(tuple(ask(name) for name in CHANGES))


def changed_answer(
    photo: Image.Image,
    classifier: Classifier,
    label: str,
    heatmap: np.ndarray,
    name: str,
    strength: float | None = None,
) -> ChangedAnswer:
    """Answer one changed copy, with the change's own strength where none is given.

    Raises PhotoError for a change that is not known or a strength out of its range.
    """
    strength = _checked(name, strength)
    small = photo.copy()
    small.thumbnail((SIDE_PX, SIDE_PX))
    picture = CHANGES[name].change(small, strength or 0, heatmap)
    answer = classifier.classify(picture)
    by_construction = name == MIRRORED and classifier.mirrored_view
    return ChangedAnswer(
        change=name,
        strength=strength,
        picture=picture,
        prediction=answer.top,
        sure=answer.sure,
        familiar=answer.familiar,
        same=by_construction or answer.top.label == label,
        by_construction=by_construction,
    )


def _checked(name: str, strength: float | None) -> float | None:
    if name not in CHANGES:
        raise PhotoError(f"{name!r:.80} is no change that is known here. Choose from: {', '.join(CHANGES)}.")
    allowed = CHANGES[name].strength
    if allowed is None:
        return None
    if strength is None:
        return allowed.default
    if not isinstance(strength, int | float) or not allowed.low <= strength <= allowed.high:
        raise PhotoError(
            f"The strength of {name!r} must be from {allowed.low:g} to {allowed.high:g}. Received: {strength!r:.40}"
        )
    return strength
