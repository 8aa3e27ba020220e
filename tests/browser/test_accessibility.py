"""No violation of WCAG 2.2, level A or AA, that axe-core can find, in any state of the page, light or dark.

What no program can find is looked at elsewhere: what the keyboard does, in `test_classify_page` and `test_tabs`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Window
from tests.browser.tabs import open_tab
from tests.browser.test_classify_page import upload, wait_for_answer
from tests.browser.test_train_tab import step, wait_until_trained
from tests.browser.test_video import choose, clip  # noqa: F401
from tests.support.running_app import RunningApp, running_app

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Page]
OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    # Two that are no part of these, but were met here.
    "rules": {"heading-order": {"enabled": True}, "label-content-name-mismatch": {"enabled": True}},
}
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
PASSWORD = "lotus-drum-42"
TRAINED_WITHIN_MS = 120_000  # other tests may keep the machine busy


def violations(page: Page) -> list[str]:
    """Each rule that is broken, and where, once everything that moves has come to rest."""
    page.wait_for_function(
        """document.getAnimations().every(one =>
          one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""
    )
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}\n  {node['failureSummary']}" for one in found for node in one["nodes"]]


class States:
    """Looks at one state of a page after the other, and tells all that was found at the end."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, page: Page, name: str) -> None:
        self.found += [f"{name}: {one}" for one in violations(page)]


@pytest.fixture
def states() -> Iterator[States]:
    states = States()
    yield states
    assert not states.found, "\n".join(states.found)


@SCHEMES
def test_a_photo_and_its_answer(open_page: OpenPage, states: States, scheme: str, tmp_path: Path) -> None:
    page = open_page(color_scheme=scheme)
    states.look(page, "empty")
    page.locator(".examples button").nth(6).click()
    wait_for_answer(page)
    states.look(page, "answer")
    page.get_by_role("button", name="More settings").click()
    page.get_by_text("How often it is right").first.click()
    states.look(page, "unfolded")
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    upload(page, tmp_path / "noise.png")
    expect(page.locator("#headline h2")).to_contain_text("Not sure")
    page.get_by_text("Nearest among its 8 classes only").click()
    states.look(page, "not sure")
    (tmp_path / "notes.jpg").write_text("Rehearsal on Monday")
    upload(page, tmp_path / "notes.jpg")
    expect(page.get_by_role("alert")).to_contain_text("text file")
    states.look(page, "error")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".examples button").nth(6).click()
    wait_for_answer(page)
    states.look(page, "on a phone")


@SCHEMES
def test_the_other_ways_to_name_a_dance(
    open_page: OpenPage,
    states: States,
    scheme: str,
    photo: Path,
    clip: Path,  # noqa: F811
) -> None:
    page = open_page(color_scheme=scheme)
    for name in ("Many photos", "Live", "Video", "About"):
        open_tab(page, name)
        page.wait_for_timeout(300)
        states.look(page, name)
    page.get_by_text("What was read for the notes").click()
    states.look(page, "sources")
    open_tab(page, "Many photos")
    page.locator("#many-box input[type=file]").set_input_files([photo])
    expect(page.locator("#many-table tbody tr")).to_have_count(1, timeout=TRAINED_WITHIN_MS)
    states.look(page, "many answers")
    page.locator("#many-table tbody button").first.click()
    expect(page.locator("#many-large img").first).to_be_visible()
    states.look(page, "one of many")
    page.get_by_role("button", name="Close").click()
    open_tab(page, "Live").get_by_role("button", name="Start the camera").click()
    expect(page.locator("#live .headline h2")).not_to_have_text("No picture yet")
    page.get_by_role("button", name="Freeze").click()
    states.look(page, "camera")
    open_tab(page, "Video")
    choose(page, clip)
    expect(page.locator("#clip-result .headline h2")).to_contain_text("Odissi", timeout=TRAINED_WITHIN_MS)
    states.look(page, "clip")


@SCHEMES
def test_the_quiz(open_page: OpenPage, states: States, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    open_tab(page, "Quiz")
    states.look(page, "quiz")
    page.get_by_role("button", name="Start the quiz").click()
    expect(page.locator(".choices button").first).to_be_visible()
    states.look(page, "question")
    page.locator(".choices button").first.click()
    expect(page.locator("#quiz-next")).to_be_visible()
    states.look(page, "answer")


def test_the_steps_of_a_training(open_page: OpenPage, states: States) -> None:
    page = open_page()

    def look(name: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("body")).to_have_class("dark" if scheme == "dark" else "")
            states.look(page, f"{name}, {scheme}")

    open_tab(page, "Train your own")
    for name in ("A zip of photos", "Class by class", "From the Hub"):
        page.get_by_role("tab", name=name).click()
        look(name)
    for name in ("Train", "Results", "Use", "Compare"):
        step(page, name)
        look(f"{name}, empty")
    step(page, "Data")
    page.get_by_role("tab", name="A zip of photos").click()
    page.get_by_role("button", name="Use the sample dataset").click()
    expect(page.locator(".intake")).to_contain_text("96 photos in 8 classes", timeout=TRAINED_WITHIN_MS)
    look("Data")
    page.locator("#go-train").click()
    page.locator("#start-training").click()
    wait_until_trained(page)
    look("Train")
    page.locator("#go-results").click()
    page.locator(".confusion td button").first.click()
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    look("Results")
    page.locator("#use-this-head").click()
    expect(page.get_by_role("button", name="Download the bundle")).to_be_visible()
    look("Use")
    step(page, "Compare")
    page.get_by_label("32 (quick)").check()
    page.get_by_label("number input for Its epochs").fill("2")
    page.locator("#start-comparison").click()
    expect(page.locator("#compare-step .confusion table")).to_have_count(2, timeout=TRAINED_WITHIN_MS)
    look("Compare")


@pytest.fixture(scope="module")
def class_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("class"), "--classroom", DANCE_DEMO_PASSWORD=PASSWORD) as app:
        yield app


@SCHEMES
def test_what_a_class_sees(browser: Browser, class_app: RunningApp, states: States, scheme: str) -> None:
    window = Window(browser, {"color_scheme": scheme})
    page = window.page
    page.goto(f"{class_app.url}/")
    states.look(page, "password")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    states.look(page, "wrong password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    open_tab(page, "Join")
    expect(page.locator("#join-panel")).to_be_visible()
    states.look(page, "join")
    window.context.close()
