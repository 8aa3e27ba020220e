"""The sentence under the photo says only what is true of the answer and of the heat."""

import numpy as np
import pytest

from dance_demo.model.classifier import Classification, Prediction
from dance_demo.model.description import alt_text, describe, percent, where


def classification(*answers: tuple[str, float], note: str = "") -> Classification:
    predictions = tuple(Prediction(label, probability) for label, probability in answers)
    return Classification(predictions, np.zeros((7, 7, 3), np.float32), sure=not note, note=note)


def heat_at(rows: slice, columns: slice, size: int = 9) -> np.ndarray:
    heatmap = np.full((size, size), 0.01, np.float32)
    heatmap[rows, columns] = 1
    return heatmap


UPPER, MIDDLE, LOWER = slice(0, 3), slice(3, 6), slice(6, 9)
LEFT, RIGHT, ALL = UPPER, LOWER, slice(None)

KNOWN_PLACES = [
    (UPPER, LEFT, "the upper left"),
    (UPPER, MIDDLE, "the upper middle"),
    (MIDDLE, MIDDLE, "the centre"),
    (MIDDLE, RIGHT, "the middle right"),
    (LOWER, RIGHT, "the lower right"),
    (slice(0, 6), MIDDLE, "the upper middle and the centre"),
    (LOWER, slice(0, 6), "the lower left and the lower middle"),
    (UPPER, ALL, "the upper part"),
    (MIDDLE, ALL, "a band across the middle"),
    (ALL, MIDDLE, "a band down the middle"),
    (ALL, LEFT, "the left side"),
    (ALL, ALL, None),
]


@pytest.mark.parametrize(("rows", "columns", "place"), KNOWN_PLACES)
def test_the_place_of_a_made_up_heatmap_is_named(rows, columns, place):
    assert where(heat_at(rows, columns)) == place


def test_heat_in_two_opposite_corners_is_not_given_one_place():
    assert where(heat_at(UPPER, LEFT) + heat_at(LOWER, RIGHT)) is None


def test_a_heatmap_without_heat_has_no_place():
    assert where(np.zeros((7, 7), np.float32)) is None


@pytest.mark.parametrize("seed", range(200))
def test_the_named_place_really_holds_more_than_half_of_the_heat(seed):
    """By brute force: the 7 x 7 map drawn 21 x 21, so that thirds fall between pixels."""
    heatmap = np.random.default_rng(seed).random((7, 7)).astype(np.float32) ** (seed % 12)
    place = where(heatmap)
    fine = heatmap.repeat(3, axis=0).repeat(3, axis=1)
    if place is not None:
        assert fine[mask_of(place)].sum() > 0.5 * fine.sum() * (1 - 1e-6)


def mask_of(place: str) -> np.ndarray:
    """What the words mean, on 21 x 21 pixels."""
    mask = np.zeros((21, 21), bool)
    for part in place.split(" and "):
        rows = columns = slice(0, 21)
        if part in ("the centre", "a band across the middle", "the middle left", "the middle right"):
            rows = slice(7, 14)
        if part in ("the centre", "a band down the middle", "the upper middle", "the lower middle"):
            columns = slice(7, 14)
        rows = slice(0, 7) if "upper" in part else slice(14, 21) if "lower" in part else rows
        columns = slice(0, 7) if "left" in part else slice(14, 21) if "right" in part else columns
        mask[rows, columns] = True
    return mask


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 5), (7, 7), (8, 13)])
def test_even_heat_of_any_shape_has_no_place_and_no_warning(shape):
    assert where(np.ones(shape, np.float32)) is None


def test_a_sure_answer_says_the_form_the_percentage_and_the_place():
    answer = classification(("odissi", 0.868), ("kathak", 0.1))
    expected = "Odissi, 87 %. The model looked mostly at the upper middle of the picture."
    assert describe(answer, heat_at(UPPER, MIDDLE)) == expected


def test_spread_heat_and_no_heat_are_said_as_they_are():
    answer = classification(("odissi", 0.868), ("kathak", 0.1))
    spread = describe(answer, np.ones((7, 7), np.float32))
    assert spread == "Odissi, 87 %. The model looked at several parts of the picture."
    none = describe(answer, np.zeros((7, 7), np.float32))
    assert none == "Odissi, 87 %. No part of the picture stands out."


def test_an_unsure_answer_gives_the_note_and_the_two_closest_and_no_place():
    note = "This does not look like a photo of one of the eight dances."
    answer = classification(("odissi", 0.41), ("kathak", 0.3), ("manipuri", 0.2), note=note)
    assert describe(answer, heat_at(UPPER, MIDDLE)) == f"Not sure. {note} Closest: Odissi, 41 %, then Kathak, 30 %."


def test_a_visitors_own_class_names_are_said_as_they_wrote_them():
    assert describe(classification(("red HAT", 0.7), ("cap", 0.3)), heat_at(ALL, ALL)).startswith("red HAT, 70 %.")


def test_percentages_never_claim_certainty():
    said = [percent(p) for p in (0, 0.004, 0.006, 0.5, 0.994, 0.996, 0.9999, 1)]
    assert said == ["under 1 %", "under 1 %", "1 %", "50 %", "99 %", "over 99 %", "over 99 %", "over 99 %"]


def test_the_overlay_has_words_for_those_who_hear_the_page():
    upper_left = heat_at(UPPER, LEFT)
    assert alt_text("odissi", upper_left) == (
        "The photo, coloured where the model found what speaks for Odissi: mostly at the upper left of the picture."
    )
    assert "for Odissi rather than Kathak: mostly" in alt_text("odissi", upper_left, "kathak")
    assert "in several parts of the picture" in alt_text("odissi", np.ones((7, 7), np.float32))
    assert alt_text("odissi", np.zeros((7, 7), np.float32)).startswith("The photo without colour")
