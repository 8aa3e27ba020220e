"""What a visit costs a phone on a slow line, held to a budget, and what is seen while the page's program comes.

`make bench` prints the seconds that it takes.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect

from tests.benchmarks.first_visit import visits
from tests.support.running_app import running_app

pytestmark = pytest.mark.slow

FIRST_KB, AGAIN_KB, CONFIG_KB = 600, 60, 250
WINDOWS: dict[str, dict] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "laptop": {"viewport": {"width": 1280, "height": 900}},
    "projector": {"viewport": {"width": 1024, "height": 768}, "color_scheme": "dark"},
}


def test_a_visit_costs_few_bytes_and_the_next_one_hardly_any(browser: Browser, app_url: str) -> None:
    first, again = visits(browser, app_url, throttled=False)
    assert 100 < first.kilobytes < FIRST_KB, first.by_kind()
    assert again.kilobytes < AGAIN_KB, again.by_kind()
    program = [address for address, _ in first.files if "/assets/" in address]
    assert len(program) == len(set(program)) and not re.search("Gallery-|Plot", " ".join(program))
    assert all(size < 2000 for address, size in first.files if "/hls-" in address)


def test_the_configuration_of_the_page_is_small(tmp_path: Path) -> None:
    with running_app(tmp_path) as app:
        config = app.ask("GET", "/config")[1]
    assert len(config) < 1000 * CONFIG_KB and len(json.loads(config)["components"]) > 100


def test_the_page_names_at_once_all_of_its_program_that_it_needs_at_first(browser: Browser, app_url: str) -> None:
    page = browser.new_page()
    fetched: set[str] = set()
    page.on("request", lambda request: "/assets/" in request.url and fetched.add(request.url.rpartition("/")[2]))
    page.goto(app_url)
    page.locator(".examples button").first.wait_for()
    page.wait_for_timeout(1500)
    named = page.locator("link[rel*=preload][href^=assets]").evaluate_all("links => links.map(one => one.href)")
    style = re.search(r"index-[\w-]+\.css", page.content())  # stands in the page as it is
    page.close()
    assert style and fetched == {address.rpartition("/")[2] for address in named} | {style[0]}


@pytest.fixture
def held(browser: Browser) -> Iterator[Callable[..., tuple[Page, Callable[[], None]]]]:
    """Opens a page whose program does not come before one lets it."""
    pages = []

    def opened(url: str, window: str) -> tuple[Page, Callable[[], None]]:
        page = browser.new_page(**WINDOWS[window])
        pages.append(page)
        waiting: list[Route] = []
        page.route("**/assets/Blocks-*.js", lambda route: waiting.append(route))
        page.goto(url, wait_until="domcontentloaded")
        expect(page.locator("#first-screen")).to_be_visible()
        page.wait_for_load_state("load")

        def let() -> None:
            while not waiting:
                page.wait_for_timeout(50)
            for route in waiting:
                route.continue_()
            page.locator(".examples button").first.wait_for()
            page.wait_for_timeout(500)

        return page, let

    yield opened
    for page in pages:
        page.close()


def places(page: Page) -> dict[str, tuple[int, ...]]:
    """Where things are: (x, y, width, height) in pixels. The first screen lies in a tree that only tools look into."""
    tools = page.context.new_cdp_session(page)
    found: dict[str, tuple[int, ...]] = {}

    def look(node: dict) -> None:
        words = node.get("attributes", [])
        attributes = dict(zip(words[::2], words[1::2], strict=True))
        classes = attributes.get("class", "").split()
        name = node["nodeName"] if node["nodeName"] == "H1" else ""
        name = name or f"example {attributes['data-index']}" if "data-index" in attributes else name
        name = "welcome" if "welcome" in classes else name
        name = attributes["id"] if attributes.get("id") in ("photo", "photo-ways") else name
        if name and name not in found:
            with suppress(Error):  # not shown in this window
                corners = tools.send("DOM.getBoxModel", {"nodeId": node["nodeId"]})["model"]["border"]
                x, y, right, _, _, bottom, *_ = corners
                found[name] = tuple(round(one) for one in (x, y, right - x, bottom - y))
        for inner in [*node.get("children", []), *node.get("shadowRoots", [])]:
            look(inner)

    look(tools.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"])
    tools.detach()
    return found


@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_moves_when_the_page_takes_the_place_of_the_first_screen(
    held: Callable[..., tuple[Page, Callable[[], None]]], app_url: str, window: str, screenshot: Callable[..., None]
) -> None:
    """When this fails after a change of the first tab: the template `first_page.html` shows the same, by hand."""
    page, let = held(app_url, window)
    early = places(page)
    screenshot(page, f"first_screen_{window}")
    let()
    late = places(page)
    screenshot(page, f"first_screen_{window}_then")
    assert page.locator("#first-screen").count() == 0
    assert early.keys() == late.keys() >= {"H1", "photo-ways" if window == "phone" else "photo", "welcome", "example 7"}
    moved = {
        name: (early[name], late[name])
        for name in early
        if any(abs(one - other) > 2 for one, other in zip(early[name], late[name], strict=True))
    }
    assert not moved


def test_an_example_that_is_pressed_too_early_is_answered_as_soon_as_somebody_can(
    held: Callable[..., tuple[Page, Callable[[], None]]], app_url: str
) -> None:
    page, let = held(app_url, "laptop")
    x, y, width, height = places(page)["example 2"]
    page.mouse.click(x + width / 2, y + height / 2)
    let()
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#photo img")).to_be_visible()
    expect(page.locator("#result .headline")).to_contain_text("Kathakali")


def test_an_address_that_names_another_tab_does_not_wait_for_the_first_one(browser: Browser, app_url: str) -> None:
    page = browser.new_page()
    page.goto(f"{app_url}/#quiz")
    expect(page.locator("#quiz-panel")).to_be_visible()
    expect(page.locator("#first-screen")).to_have_count(0)
    page.close()
