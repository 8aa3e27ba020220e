"""The rows of many photos: kept as lines, counted, and found by filters."""

from typing import Any

import pytest

from dance_demo.model.classifier import Prediction
from dance_demo.model.familiarity import UNCLEAR as UNCLEAR_NOTE
from dance_demo.model.familiarity import UNFAMILIAR
from dance_demo.predict.rows import ALL, STRANGE, UNCLEAR, UNREADABLE, Row, chosen, of_class, tally


def row(index: int = 0, name: str = "a.jpg", label: str = "odissi", **about: Any) -> Row:
    predictions = (Prediction(label, 0.1 + 0.2), Prediction("kathak", 1 / 3))
    return Row(index, name, **{"predictions": predictions, "sure": True, "heat": ((0, 255), (7, 1)), **about})


ROWS = [
    row(0, "stage/One.jpg"),
    row(1, "two.jpg", label="kathak"),
    row(2, "stage/three.jpg", sure=False, note=UNCLEAR_NOTE),
    row(3, "shoe.jpg", sure=False, note=UNFAMILIAR),
    Row(4, "broken.jpg", problem="it is broken"),
    row(5, "five.jpg", label="kathak"),
]


@pytest.mark.parametrize("one", ROWS)
def test_a_row_comes_back_from_its_line_as_it_went(one):
    assert Row.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("filter", "words", "indices"),
    [
        (ALL, "", [0, 1, 2, 3, 4, 5]),
        (of_class("odissi"), "", [0]),
        (of_class("kathak"), "five", [5]),
        (UNCLEAR, "", [2]),
        (STRANGE, "", [3]),
        (UNREADABLE, "", [4]),
        (ALL, " STAGE/o", [0]),
        (of_class("salsa"), "", []),
        ("junk", "", []),
    ],
)
def test_filters_find_what_they_say(filter, words, indices):
    assert [one.index for one in chosen(ROWS, filter, words)] == indices


def test_the_tally_counts_what_the_filters_find():
    found = tally(ROWS)
    assert {filter: len(chosen(ROWS, filter)) for filter in found} == dict(found)
    assert sum(found.values()) == len(ROWS)


@pytest.mark.parametrize("words", ["odissi", " ODISSI", "ଓଡ଼ିଶୀ", "\u0b13\u0b5c\u0b3f\u0b36\u0b40"])
def test_rows_are_found_by_the_name_of_the_form_that_they_surely_show(words):
    rows = [row(0, "a.jpg", "odissi"), row(1, "b.jpg", "kathak"), row(2, "c.jpg", sure=False, note=UNCLEAR_NOTE)]
    assert [one.index for one in chosen(rows, ALL, words)] == [0]
