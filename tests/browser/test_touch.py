"""The first tab under fingers and on a projector: what one sees first, what one can press, and what a swipe does."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import WAYS, open_tab
from tests.browser.test_classify_page import wait_for_answer

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
PHONE = {"width": 390, "height": 844, "is_mobile": True, "has_touch": True}

# What can be pressed, is seen, and is smaller than a finger. Links in a sentence are as large as it lets them.
SMALL = """() => [...document.querySelectorAll("a[href], button, summary, select, textarea, input, [role=button]")]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && !e.closest("p"))
  .map(e => [e, (e.closest("label") ?? e).getBoundingClientRect()])
  .filter(([e, box]) => box.width && box.right > 0 && box.bottom > 0 && (box.width < 44 || box.height < 44))
  .filter(([e]) => !e.matches(".skip"))
  .map(([e, box]) => `${e.outerHTML.slice(0, 90)}: ${box.width} x ${box.height}`)"""


def top(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box, selector
    return box["y"]


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box, selector
    return box["y"] + box["height"]


def answered_phone(open_page: OpenPage) -> Page:
    page = open_page(**PHONE)
    page.locator(".examples button").nth(6).tap()
    wait_for_answer(page)
    expect(page.locator("#headline")).to_be_in_viewport()
    page.wait_for_timeout(500)  # the page scrolls to the answer
    return page


def split(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('#compare')).getPropertyValue('--split')"))


def touch(page: Page, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
    """One finger goes from there to there."""
    session = page.context.new_cdp_session(page)
    for step in range(steps + 1):
        x, y = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(20)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_on_a_phone_the_whole_heatmap_comes_directly_under_the_name(
    open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = answered_phone(open_page)
    assert bottom(page, "#compare") <= 844 and top(page, "#headline") >= -1
    assert 0 <= top(page, "#compare") - bottom(page, "#headline") <= 24
    assert split(page) == "0%"  # all of it is coloured
    order = ["#headline", "#compare", "#scores", "#form-card", "#examples", "#photo-privacy"]
    places = [top(page, selector) for selector in order]
    assert places == sorted(places)
    expect(page.get_by_label("number input for How many forms")).to_be_hidden()
    expect(page.locator("#ranking").get_by_text("held-out photos right")).to_be_hidden()
    page.get_by_text("How often it is right").first.tap()
    expect(page.locator("#ranking").get_by_text("held-out photos right")).to_be_visible()
    page.get_by_role("button", name="More settings").tap()
    expect(page.get_by_label("number input for How many forms")).to_be_visible()
    screenshot(page, "phone-answer")


def test_a_swipe_up_scrolls_and_a_swipe_aside_compares(open_page: OpenPage) -> None:
    page = answered_phone(open_page)
    box = page.locator("#compare").bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate("scrollY")
    touch(page, middle, (middle[0] + 12, middle[1] - 250))  # no finger goes straight up
    page.wait_for_function(f"scrollY > {before} + 100")
    assert split(page) == "0%"
    page.evaluate(f"scrollTo(0, {before})")
    touch(page, (middle[0] - 80, middle[1]), middle)
    assert abs(float(split(page).removesuffix("%")) - 50) < 5
    pressed = "([x, y]) => document.elementFromPoint(x, y).closest('#before, #overlay')?.id"
    assert page.evaluate(pressed, (middle[0] - 60, middle[1])) == "before"  # what a long press saves
    assert page.evaluate(pressed, (middle[0] + 60, middle[1])) == "overlay"
    page.locator(".examples button").nth(2).click()  # no tap: after touches by hand one was lost once
    expect(page.locator("#headline")).to_contain_text("Kathakali")
    page.wait_for_function("document.querySelector('#split input').value === '0'")


def test_a_projector_shows_name_and_heatmap_on_its_first_screen(open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_page(1024, 768)
    for example in (3, 6):
        page.locator(".examples button").nth(example).click()
        wait_for_answer(page)
        page.evaluate("scrollTo(0, 0)")  # a click on an example may have scrolled to it
        assert bottom(page, "#compare") <= 768 and bottom(page, "#headline") <= 768
    screenshot(page, "projector-answer")


def test_a_touch_screen_has_two_large_buttons_for_a_photo(open_page: OpenPage, photo: Path) -> None:
    page = open_page(**PHONE)
    take, choose = page.get_by_label("Take a photo"), page.get_by_label("Choose a photo")
    assert take.get_attribute("capture") == "environment" and choose.get_attribute("capture") is None
    for way in (take, choose):
        box = way.bounding_box()
        assert box and box["height"] >= 60 and box["width"] > 150 and box["y"] + box["height"] < 844
        way.set_input_files(photo)
        wait_for_answer(page)
        expect(page.locator("#headline")).to_contain_text("Odissi")
        page.locator(".examples button").nth(2).tap()
        expect(page.locator("#headline")).to_contain_text("Kathakali")
    expect(page.locator("#photo")).to_be_hidden()  # the same photo is in the heatmap


def test_a_mouse_has_the_box_instead(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#photo")).to_be_visible()
    expect(page.locator("#photo-ways")).to_be_hidden()


def test_nothing_to_press_is_smaller_than_a_finger(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    small = {}
    for name in (*WAYS, "Train your own", "Quiz", "About"):
        open_tab(page, name)
        page.wait_for_timeout(300)
        small[name] = page.evaluate(SMALL)
    open_tab(page, "One photo")
    page.locator(".examples button").nth(6).tap()
    wait_for_answer(page)
    page.get_by_role("button", name="More settings").tap()
    expect(page.get_by_role("button", name="Reset", exact=True)).to_be_visible()
    small["the answer"] = page.evaluate(SMALL)
    assert {name: found for name, found in small.items() if found} == {}


def test_a_photo_is_pasted_anywhere_but_where_one_writes(open_page: OpenPage) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("""async () => {
      const picture = await (await fetch("examples/2.jpg")).blob();
      const canvas = new OffscreenCanvas(240, 300);
      canvas.getContext("2d").drawImage(await createImageBitmap(picture), 0, 0, 240, 300);
      const png = await canvas.convertToBlob({type: "image/png"});
      await navigator.clipboard.write([new ClipboardItem({"image/png": png})]);
    }""")
    open_tab(page, "Many photos")
    page.keyboard.press("Control+V")
    expect(page.get_by_role("tab", name="One photo")).to_have_attribute("aria-selected", "true")
    wait_for_answer(page)
    expect(page.locator("#headline")).to_contain_text("Kathakali")
    open_tab(page, "Train your own")
    page.keyboard.press("Control+V")
    page.wait_for_timeout(500)
    expect(page.locator("#train-panel")).to_be_visible()
    page.context.clear_permissions()


def test_an_example_can_be_dragged_onto_the_box(open_page: OpenPage) -> None:
    page = open_page()
    for example, name in ((2, "Kathakali"), (6, "Odissi")):  # and where a photo is in it
        page.locator(".examples button").nth(example).drag_to(page.locator("#photo"), steps=8)  # as a hand would
        wait_for_answer(page)
        expect(page.locator("#headline")).to_contain_text(name)
        page.wait_for_timeout(500)  # the page scrolls to the answer
