"""A slider takes whatever its field of numbers holds while somebody types, as the page shows it afterwards."""

import pytest

from dance_demo.ui.components.slider import Slider


@pytest.mark.parametrize(
    ("sent", "taken"),
    [(60, 60), (12.5, 12.5), (999, 90), (-5, 5), (1e99, 90), (float("inf"), 5), (float("nan"), 5), (None, 5), ("", 5)]
    + [("60", 5), ([60], 5), ({}, 5)],
)
def test_what_is_no_number_in_its_range_is_the_nearest_or_the_least(sent: object, taken: float) -> None:
    assert Slider(5, 90, value=30, step=0.1).preprocess(sent) == taken


def test_the_page_shows_it_as_a_slider() -> None:
    assert Slider(5, 90).get_block_name() == "slider"
