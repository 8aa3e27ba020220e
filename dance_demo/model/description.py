"""Says in plain words what the model answers about a dancer's photo, and where in the picture it looked.

It never says *what* is there: the network knows places and patterns, not head-dresses or belts. A place is
named only if most of the heat lies in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dance_demo.forms import display_name

if TYPE_CHECKING:
    from dance_demo.model.classifier import Classification, Prediction

MOST = 0.5  # a place is named only if it holds more than this share of the heat
FAIR_SHARE = 0.2  # of the heat: what each further ninth must add to make a larger place the better name

_NINTHS = (
    ("the upper left", "the upper middle", "the upper right"),
    ("the middle left", "the centre", "the middle right"),
    ("the lower left", "the lower middle", "the lower right"),
)
_ROWS = ("the upper part", "a band across the middle", "the lower part")
_COLUMNS = ("the left side", "a band down the middle", "the right side")


def describe(classification: Classification, heatmap: np.ndarray) -> str:
    """What the page says under a photo. heatmap (h, w) is the one of the first prediction.

    sure        Odissi, 87 %. The model looked mostly at the upper middle of the picture.
    unclear     Not sure. No class stands out clearly. Closest: Odissi, 41 %, then Kathak, 30 %.
    unfamiliar  This does not look like the photos that the model learned from. The nearest of its ...
    """
    first, second = classification.predictions[:2]
    if classification.sure:
        return f"{_answer(first)}. {_where_it_looked(heatmap)}"
    if not classification.familiar:  # a percentage would mean nothing
        return f"{classification.note} The nearest of its classes would be {display_name(first.label)}."
    return f"Not sure. {classification.note} Closest: {_answer(first)}, then {_answer(second)}."


def alt_text(label: str, heatmap: np.ndarray, other: str | None = None) -> str:
    """The overlay in words, for people who hear the page. With other, the heatmap contrasts two classes."""
    subject = f"what speaks for {display_name(label)}"
    if other is not None:
        subject += f" rather than {display_name(other)}"
    if not heatmap.any():
        return f"The photo without colour: the model found nothing in it of {subject}."
    place = where(heatmap)
    found = f"mostly at {place}" if place else "in several parts"
    return f"The photo, coloured where the model found {subject}: {found} of the picture."


def where(heatmap: np.ndarray) -> str | None:
    """The place that holds most of the heat: a ninth of the picture, two neighbouring ninths, or a third.

    heatmap is (h, w) and not negative. None if there is no heat, or if it is spread wider than a third.
    """
    if not heatmap.any():
        return None
    places = [place for place in _places(_ninths(heatmap)) if place.heat > MOST]
    return max(places, key=lambda place: place.heat - FAIR_SHARE * place.ninths).name if places else None


def percent(probability: float) -> str:
    """0.87 -> "87 %", and never the 0 % or 100 % that no model can know."""
    if probability < 0.005:
        return "under 1 %"
    return f"{100 * probability:.0f} %" if probability < 0.995 else "over 99 %"


def measured(share: float) -> str:
    """0.898 -> "89.8 %": how often something happened, which may be never or always."""
    return f"{100 * share:.1f} %"


def counted(number: int, noun: str) -> str:
    """``1 photo``, ``1,200 photos``, ``1 piece of sound``; `noun` is the plural."""
    return f"{number:,} {one_of(noun) if number == 1 else noun}"


def one_of(noun: str) -> str:
    """ "photo" of "photos", "piece of sound" of "pieces of sound"."""
    first, *more = noun.split(" ")
    return " ".join([first.removesuffix("s"), *more])


def _answer(prediction: Prediction) -> str:
    return f"{display_name(prediction.label)}, {percent(prediction.probability)}"


def _where_it_looked(heatmap: np.ndarray) -> str:
    if not heatmap.any():
        return "No part of the picture stands out."
    place = where(heatmap)
    return f"The model looked {f'mostly at {place}' if place else 'at several parts'} of the picture."


def _ninths(heatmap: np.ndarray) -> np.ndarray:
    """The share of the heat in each ninth of the picture: (h, w) -> (3, 3), sums to 1."""
    heat = _thirds(heatmap.shape[0]) @ heatmap @ _thirds(heatmap.shape[1]).T
    shares: np.ndarray = heat / heat.sum()
    return shares


def _thirds(cells: int) -> np.ndarray:
    """How much of each cell of a row lies in each third of the row: (3, cells), every column sums to 1."""
    start, third = np.arange(cells), np.arange(3)[:, None] * cells / 3
    shares: np.ndarray = np.clip(np.minimum(start + 1, third + cells / 3) - np.maximum(start, third), 0, None)
    return shares


class _Place(NamedTuple):
    name: str
    heat: float  # share of all heat, [0, 1]
    ninths: int  # size


def _places(heat: np.ndarray) -> Iterator[_Place]:
    """Every place that has a name, with its heat; heat is (3, 3)."""
    for row, column in np.ndindex(3, 3):
        yield _Place(_NINTHS[row][column], float(heat[row, column]), 1)
        for below, right in ((row, column + 1), (row + 1, column)):
            if below < 3 and right < 3:
                name = f"{_NINTHS[row][column]} and {_NINTHS[below][right]}"
                yield _Place(name, float(heat[row, column] + heat[below, right]), 2)
    for third in range(3):
        yield _Place(_ROWS[third], heat[third].sum(), 3)
        yield _Place(_COLUMNS[third], heat[:, third].sum(), 3)
