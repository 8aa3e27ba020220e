"""The cards of the eight dance forms: complete, consistent, short, and with sources."""

import re
import unicodedata

import pytest

from dance_demo.forms import FORMS, SOURCES, display_name, words_for

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


SCRIPTS = ["TAMIL", "DEVANAGARI", "MALAYALAM", "TELUGU", "MEETEI MAYEK", "MALAYALAM", "ORIYA", "BENGALI"]
LANGUAGES = ["ta", "hi", "ml", "te", "mni-Mtei", "ml", "or", "as"]


@pytest.mark.parametrize(("label", "script", "language"), list(zip(EIGHT, SCRIPTS, LANGUAGES, strict=True)))
def test_every_form_has_its_name_in_its_own_script(label, script, language):
    name = FORMS[label].own_name
    assert FORMS[label].own_language == language
    assert name == unicodedata.normalize("NFC", name) and "\N{DOTTED CIRCLE}" not in name
    assert {unicodedata.name(letter).startswith(script) for letter in name if letter != " "} == {True}
    assert len(set(form.own_name for form in FORMS.values())) == len(FORMS)


def test_known_labels_get_a_name_for_people_and_a_visitors_own_labels_stay_as_they_are():
    assert [display_name(label) for label in EIGHT] == [label.title() for label in EIGHT]
    assert display_name("my Uncle's hats") == "my Uncle's hats"
    assert display_name("") == ""


def test_a_visitors_own_classes_are_not_called_dances():
    assert words_for(EIGHT).question == words_for(["odissi", "kathak"]).question == "Which dance is"
    assert words_for(["odissi", "football"]).several == words_for(["cup", "hand"]).several == "classes"


def test_every_source_says_what_it_is_who_published_it_and_where():
    assert len({source.address for source in SOURCES}) == len(SOURCES) >= 10
    for source in SOURCES:
        assert source.title and source.publisher
        assert re.match(r"https?://\S+$", source.address)


@pytest.mark.parametrize("label", EIGHT)
def test_something_was_read_for_each_form(label):
    assert len(SOURCES) == 28
    assert any(FORMS[label].name in source.title for source in SOURCES)
