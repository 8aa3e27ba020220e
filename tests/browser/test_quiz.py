"""The quiz as a visitor plays it in a real browser; and the lesson, whose words must be on the page."""

import json
import re
from collections import Counter
from collections.abc import Callable
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import open_tab
from tests.browser.test_classify_page import CONTRAST_RATIO
from tests.support import ROOT

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
LESSON = (ROOT / "docs" / "lesson.md").read_text(encoding="utf-8")
FORMS = ["Bharatanatyam", "Kathak", "Kathakali", "Kuchipudi", "Manipuri", "Mohiniyattam", "Odissi", "Sattriya"]
ONLY_IN_CLASS = {"Join"}  # a tab of `--classroom`
MACHINE = re.compile(r"The machine says \w+(, (over )?\d+.%|, but is not sure)")
LATER = {"Play again", "See the result", "Map of the photos"}  # on a button that is made, or gets another word, later


def begin(page: Page) -> Page:
    open_tab(page, "Quiz")
    page.get_by_role("button", name="Start the quiz").click()
    expect(heading(page)).to_have_text("Which form is it?")
    return page


def heading(page: Page) -> Locator:
    return page.locator("#quiz-question h2")


def guess(page: Page, form: str) -> None:
    page.locator(".choices").get_by_role("button", name=re.compile(rf"^{form}\b")).click()
    expect(page.locator("#quiz-next")).to_be_visible()


def counted(page: Page) -> int:
    """How many guesses the score of everybody holds."""
    found = re.search(r"(\d+) guess", page.locator(".everybody").inner_text())
    return int(found[1]) if found else 0


@pytest.mark.slow
def test_a_game_of_ten_pictures_ends_with_both_scores_and_what_was_missed(
    open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = begin(open_page())
    before, known, shown, seen = counted(page), 0, [], set()
    for number in range(1, 11):
        expect(page.locator("#quiz-question .kicker")).to_contain_text(f"Picture {number} of 10")
        seen.add(what_is_told(page))
        guess(page, "Odissi")
        shown.append(re.match(r"(Right, it|It) is (\w+)", heading(page).inner_text())[2])
        known += shown[-1] == "Odissi"
        expect(page.locator("#quiz-question")).to_contain_text(MACHINE)
        expect(page.locator("#quiz-picture img").nth(1)).to_have_attribute("alt", re.compile("coloured where"))
        expect(page.locator(".fact p")).not_to_be_empty()
        if number == 1:
            screenshot(page, "quiz-answer")
        expect(page.locator("#quiz-next")).to_have_text("See the result" if number == 10 else "Next picture")
        page.locator("#quiz-next").click()
    assert len(seen) == 1, "before the guess, something on the page differs from picture to picture"
    assert set(shown) == set(FORMS) and max(Counter(shown).values()) == 2
    expect(page.locator(".quiz-result dd").first).to_have_text(f"{known} of 10")
    expect(page.locator(".quiz-result figure").filter(has_text="you said Odissi")).to_have_count(10 - known)
    assert counted(page) == before + 10
    screenshot(page, "quiz-result")
    page.get_by_role("button", name="Play again").click()
    expect(page.locator("#quiz-question .kicker")).to_contain_text("Picture 1 of 10 You 0, the machine 0")


def what_is_told(page: Page) -> str:
    """All that the page says of the picture and the choices, in sight or not, but the pixels and the number."""
    page.locator(".choices button").first.wait_for()
    told = page.evaluate("""[...document.querySelectorAll("title, #quiz-picture *, .choices, .choices *")]
        .map(one => one.cloneNode().outerHTML + (one.matches("button, title") ? one.innerText : "")).join()""")
    return re.sub(r'data-picture="\d"|data:image/jpeg;base64,[^"]+|<!---->', "", told)


def test_it_is_played_with_the_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Quiz")
    page.get_by_role("button", name="Start the quiz").focus()
    page.keyboard.press("Enter")
    expect(heading(page)).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").startswith("Kathakali")
    page.keyboard.press("Space")
    expect(page.locator("#quiz-next")).to_be_visible()
    expect(heading(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#quiz-next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#quiz-question .kicker")).to_contain_text("Picture 2 of 10")
    expect(heading(page)).to_be_focused()


@pytest.mark.slow
def test_a_double_click_is_one_guess_and_after_a_reload_the_score_of_everybody_is_still_there(
    open_page: OpenPage,
) -> None:
    page = begin(open_page())
    before = counted(page)
    page.locator(".choices button").first.dblclick()
    expect(page.locator("#quiz-next")).to_be_visible()
    page.locator("#quiz-next").dblclick()
    expect(page.locator("#quiz-question .kicker")).to_contain_text("Picture 2 of 10")
    page.reload()
    open_tab(page, "Quiz")
    expect(page.get_by_role("button", name="Start the quiz")).to_be_visible()
    expect(page.locator(".everybody")).to_contain_text(f"{before + 1} guess")
    assert page.locator(".everybody table").get_by_role("row").count() >= 3


@pytest.mark.slow
def test_the_score_of_another_visitor_appears_where_it_is_kept_up_to_date(open_page: OpenPage) -> None:
    projector, player = open_page(), begin(open_page())
    open_tab(projector, "Quiz")
    projector.get_by_label("Keep this score up to date").check()
    guess(player, "Kathak")
    expect(projector.locator(".everybody")).to_contain_text(f"{counted(player)} guess")


def test_every_control_and_picture_of_the_quiz_has_a_name(open_page: OpenPage) -> None:
    page = begin(open_page())
    guess(page, "Kathak")
    tree = page.locator("#quiz").aria_snapshot()
    assert re.findall(r"^ *- (?:button|checkbox|img|table)(?: *\[.*\])*:?$", tree, re.M) == []
    assert page.locator("#quiz img:not([alt])").count() == 0
    assert 'columnheader "People"' in tree and 'rowheader "All"' in tree


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_everything_fits_and_stands_out(open_page: OpenPage, scheme: str, screenshot: Screenshot) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True, color_scheme=scheme)
    begin(page)
    buttons = page.locator(".choices button")
    assert min(buttons.nth(n).bounding_box()["height"] for n in range(8)) >= 44
    guess(page, "Manipuri")
    expect(heading(page)).to_be_in_viewport()
    texts = ("#quiz .kicker", "#quiz .kicker span", "#quiz-question p", ".fact p", "figcaption", ".everybody .quiet")
    faint = {text: ratio for text in texts if (ratio := page.evaluate(CONTRAST_RATIO, text)) < 4.5}
    assert faint == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, f"quiz-phone-{scheme}")


def test_every_tab_and_button_that_the_lesson_names_is_on_the_page(app_url: str) -> None:
    with urlopen(f"{app_url}/config") as answer:
        components = json.load(answer)["components"]
    properties = [one["props"] for one in components if one["type"] in ("tabitem", "button", "checkbox", "radio")]
    names = {one.get(key) for one in properties for key in ("label", "value")} - {None}
    names |= {choice for one in properties for choice, _ in one.get("choices") or ()}
    plan = LESSON[LESSON.index("## The plan") : LESSON.index("## What to watch for")]
    quoted = set(re.findall(r"\*\*(.+?)\*\*", plan)) | set(re.findall(r"\*\*(.+?)\*\*", LESSON.split("##")[2]))
    assert len(quoted) > 12
    assert quoted - names - ONLY_IN_CLASS - LATER == set()


def test_the_pictures_and_links_of_the_lesson_are_there_and_small() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", LESSON)
    assert len(links) > 2
    for link in links:
        file = ROOT / "docs" / link
        assert file.is_file() and (file.suffix == ".md" or file.stat().st_size < 200_000), link
