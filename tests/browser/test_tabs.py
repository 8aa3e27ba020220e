"""The tabs of the page: their addresses, and how keyboard and phone come to each."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from dance_demo.ui.components.tabs import ADDRESSES
from tests.browser.tabs import WAYS

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Page]
NAMES = {
    "many": "Many photos",
    "live": "Live",
    "video": "Video",
    "train": "Train your own",
    "quiz": "Quiz",
    "about": "About",
}


def selected(page: Page, name: str) -> None:
    expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")


def test_an_address_opens_its_tab_and_a_reload_stays_there(open_page: OpenPage) -> None:
    page = open_page()
    base = page.url
    for address, name in NAMES.items():
        page.goto(f"{base}#{address}")
        page.reload()
        selected(page, name)
        expect(page.locator(f"#{address}-panel")).to_be_visible()
        assert page.url == f"{base}#{address}"
    page.goto(f"{base}#nothing")  # which a QR code may bring, behind which there is no tab
    page.reload()
    selected(page, "One photo")


def test_back_goes_to_the_tab_before_and_forward_to_the_next(open_page: OpenPage) -> None:
    page = open_page()
    first = page.url
    clicked = {
        "Quiz": "quiz",
        "Name a dance": "photo",
        "Live": "live",
        "Train your own": "train",
        "Many photos": "many",
    }
    for name, address in clicked.items():
        if name == "Many photos":
            page.get_by_role("tab", name="Name a dance").click()
            expect(page).to_have_url(f"{first}#live")  # the way that was chosen there before
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page).to_have_url(f"{first}#{address}")
    for address in ("live", "train", "live", "photo", "quiz"):
        page.go_back()
        expect(page.locator(f"#{address}-panel")).to_be_visible()
        assert page.url == f"{first}#{address}"
    page.go_back()
    selected(page, "One photo")
    assert page.url == first
    page.go_forward()
    expect(page.locator("#quiz-panel")).to_be_visible()


def test_what_is_known_as_an_address_is_a_tab_of_the_page(open_page: OpenPage) -> None:
    """The page for the password tells addresses from passwords by that list."""
    rows = open_page().locator(":is(#tabs, #ways) > .tab-wrapper [role=tab]")
    shown = rows.evaluate_all("tabs => tabs.map(tab => tab.dataset.tabId)")
    assert sorted(shown) == sorted({*ADDRESSES, "name"} - {"join"})


def test_arrow_keys_go_from_tab_to_tab(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("tab", name="Name a dance").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Train your own")).to_be_focused()
    selected(page, "Train your own")
    page.keyboard.press("Tab")  # one stop for all tabs of a row
    expect(page.locator("#steps").get_by_role("tab", name="Data")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#steps").get_by_role("tab", name="Compare")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#steps").get_by_role("tab", name="Data")).to_be_focused()
    page.get_by_role("tab", name="Train your own").focus()
    for key, name in (("ArrowLeft", "Name a dance"), ("ArrowLeft", "About"), ("Home", "Name a dance")):
        page.keyboard.press(key)
        selected(page, name)
    for row in page.locator("[role=tablist]").all():
        assert row.locator("[role=tab][tabindex='0']").count() == 1


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_every_tab(open_page: OpenPage, width: int) -> None:
    page = open_page(width, 844, is_mobile=True, has_touch=True)
    for name in ("Name a dance", "One photo", *NAMES.values()):
        if name in WAYS:
            page.get_by_role("tab", name="Name a dance").tap()
        tab = page.get_by_role("tab", name=name, exact=True)
        box = tab.bounding_box()
        assert box and box["height"] >= 44 and box["x"] + box["width"] <= width, name
        tab.tap()
        selected(page, name)
    assert page.get_by_role("button", name="More tabs").count() == 0
