"""The cards of the eight dance forms: complete, consistent, short, and with sources."""

import re

import pytest

from dance_demo.forms import FORMS, SOURCES, display_name

EIGHT = ["bharatanatyam", "kathak", "kathakali", "kuchipudi"]
EIGHT += ["manipuri", "mohiniyattam", "odissi", "sattriya"]


def test_there_is_a_card_for_each_of_the_eight_forms_and_no_other():
    assert list(FORMS) == EIGHT


@pytest.mark.parametrize("label", EIGHT)
def test_every_card_is_complete_and_short(label):
    form = FORMS[label]
    for text in (form.region, form.music, form.look_for, form.why_confused):
        assert 5 <= len(text) <= 400
        assert text == text.strip() and "  " not in text
    for text in (form.music, form.look_for, form.why_confused):
        assert text.endswith(".")
        assert len(re.findall(r"\.(?:\s|$)", text)) <= 3, "two or three sentences"


@pytest.mark.parametrize("label", EIGHT)
def test_a_card_says_why_it_is_confused_with_forms_that_exist(label):
    form = FORMS[label]
    assert form.confused_with and label not in form.confused_with
    assert set(form.confused_with) <= set(EIGHT)


def test_bharatanatyam_and_kuchipudi_point_at_each_other():
    assert "kuchipudi" in FORMS["bharatanatyam"].confused_with
    assert "bharatanatyam" in FORMS["kuchipudi"].confused_with


def test_known_labels_get_a_name_for_people_and_a_visitors_own_labels_stay_as_they_are():
    assert [display_name(label) for label in EIGHT] == [label.title() for label in EIGHT]
    assert display_name("my Uncle's hats") == "my Uncle's hats"
    assert display_name("") == ""


def test_every_source_says_what_it_is_who_published_it_and_where():
    assert len({source.address for source in SOURCES}) == len(SOURCES) >= 10
    for source in SOURCES:
        assert source.title and source.publisher
        assert re.match(r"https?://\S+$", source.address)
