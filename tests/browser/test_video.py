"""The tab "Video" in a real browser: a clip in, the form over time and the strongest pictures out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import open_tab
from tests.support.clips import dancers, write_clip

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of Odissi, then two of Kathak."""
    path = tmp_path_factory.mktemp("clips") / "two dances.mp4"
    return write_clip(path, dancers("odissi", "odissi", "kathak"), seconds=6, codec="libx264")


def show_tab(page: Page) -> None:
    open_tab(page, "Video")
    expect(page.locator("#clip")).to_be_visible()


def choose(page: Page, path: Path) -> None:
    page.locator("#clip input[type=file]").set_input_files(path)


def test_a_clip_is_named_with_its_form_over_time_and_its_strongest_pictures(
    open_page: OpenPage, clip: Path, screenshot: Screenshot
) -> None:
    page = open_page()
    show_tab(page)
    expect(page.locator("#clip-answer .welcome")).to_contain_text("Which dance is in the clip?")
    choose(page, clip)
    expect(page.locator("#clip-result .headline h2")).to_contain_text("Odissi", timeout=60_000)
    expect(page.locator("#clip-scores li").nth(1)).to_contain_text("Kathak")
    expect(page.locator("#clip-chart svg, #clip-chart canvas").first).to_be_visible()
    pictures = page.locator(".moments figure")
    expect(pictures).to_have_text([re.compile(r"0:0[0-3]Odissi, "), re.compile(r"0:0[45]Kathak, ")])
    for picture in pictures.all():
        expect(picture.locator("img")).to_have_attribute("alt", re.compile("coloured where the model found"))
    assert "logarithm" not in page.locator("#video").inner_text()
    page.wait_for_function("document.querySelector('#clip-preview video').videoWidth === 240")
    page.wait_for_timeout(300)
    screenshot(page, "video")
    page.reload()  # the job is found again
    show_tab(page)
    expect(page.locator("#clip-result .headline h2")).to_contain_text("Odissi")


def test_a_phone_scrolls_to_the_answer(open_page: OpenPage, clip: Path) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True)
    show_tab(page)
    choose(page, clip)
    expect(page.locator("#clip-result .headline h2")).to_be_in_viewport(timeout=60_000)


def test_a_damaged_clip_gets_a_sentence_and_no_old_answer(
    open_page: OpenPage, clip: Path, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True, color_scheme="dark")
    show_tab(page)
    half = tmp_path / "<img src=x onerror=alert(1)>.mp4"
    half.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    choose(page, half)
    expect(page.locator("#clip-answer").get_by_role("alert")).to_contain_text("damaged or incomplete", timeout=60_000)
    expect(page.locator("#clip-result")).to_be_hidden()
    assert page.locator("#video img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "video problem")


@pytest.mark.slow
def test_stop_ends_the_reading_and_shows_what_was_seen(open_page: OpenPage, tmp_path: Path) -> None:
    """A minute in a large size takes the reader long enough to be stopped."""
    large = [picture.resize((1920, 1440)) for picture in dancers("odissi")]
    path = write_clip(tmp_path / "long.mp4", large, seconds=20, codec="libx264")
    page = open_page()
    show_tab(page)
    choose(page, path)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#clip-busy")).to_have_count(0, timeout=30_000)
    expect(page.locator("#clip-answer")).to_contain_text(re.compile("Stopped|From"))
