"""Every form bears its name in its own script wherever it is shown, marked with its language, and is found by it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dance_demo.data.illustrations import draw
from dance_demo.forms import FORMS
from tests.browser.tabs import open_tab
from tests.browser.test_classify_page import wait_for_answer

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Page]
ALL = [(form.own_name, form.own_language) for form in FORMS.values()]


def own_names(place: Locator) -> list[tuple[str, str]]:
    found: list[list[str]] = place.locator(".own-name").evaluate_all("all => all.map(e => [e.textContent, e.lang])")
    return [(name, language) for name, language in found if name]


def test_the_names_stand_beside_the_latin_ones(open_page: OpenPage) -> None:
    page = open_page()
    assert own_names(page.locator(".welcome")) == ALL
    page.locator(".examples button").nth(4).click()
    wait_for_answer(page)
    manipuri = ALL[list(FORMS).index("manipuri")]
    assert own_names(page.locator("#headline")) == own_names(page.locator("#form-card h3")) == [manipuri]
    shown = own_names(page.locator("#scores"))
    assert len(shown) == 3 and shown[0] == manipuri and set(shown) <= set(ALL)
    assert own_names(open_tab(page, "About").locator("#about table")) == ALL
    assert own_names(open_tab(page, "Live").locator(".known")) == ALL
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".running ol .own-name").first).not_to_be_empty()
    assert len(own_names(page.locator(".running ol"))) == 4 and set(own_names(page.locator(".running ol"))) <= set(ALL)
    open_tab(page, "Quiz").get_by_role("button", name="Start the quiz").click()
    page.locator(".choices button").first.wait_for()
    assert own_names(page.locator(".choices")) == ALL
    page.locator(".choices button").first.click()
    expect(page.locator("#quiz-next")).to_be_visible()
    heading = page.locator("#quiz-question h2")
    said = heading.inner_text().split()
    assert own_names(heading) == [own for own, form in zip(ALL, FORMS.values(), strict=True) if form.name in said]


@pytest.mark.parametrize("words", [FORMS["odissi"].own_name, "ODISSI"])
def test_many_photos_are_found_by_the_name_of_their_form(open_page: OpenPage, tmp_path: Path, words: str) -> None:
    paths = []
    for number, label in enumerate(("odissi", "kathakali", "odissi")):
        paths.append(tmp_path / f"{number}.jpg")
        draw(label, seed=7 + number, size=(240, 300)).save(paths[-1])
    page = open_tab(open_page(), "Many photos")
    page.locator("#many-box input[type=file]").set_input_files(paths)
    rows = page.locator("#many-table tbody tr")
    expect(rows).to_have_count(3, timeout=60_000)
    page.get_by_label("Name or form contains").fill(words)
    expect(rows).to_have_count(2)
    assert own_names(rows.first)[0] == ALL[list(FORMS).index("odissi")]
