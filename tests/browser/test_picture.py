"""What a visitor takes away: one picture with photo, heatmap and name, drawn in the browser."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import ARTEFACTS
from tests.browser.test_classify_page import ROWS, upload, wait_for_answer

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Page]
SHAPES = {"Save picture": (1200, 630), "Save as a square": (1080, 1080)}


def saved(page: Page, button: str, name: str = "odissi.jpg") -> Image.Image:
    """The file that a click leaves, while nothing is sent."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    assert [request for request in asked if not request.startswith("GET ")] == []
    assert download.value.suggested_filename == name
    path = ARTEFACTS / download.value.suggested_filename
    download.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
        return picture.convert("RGB")


def ink(picture: Image.Image) -> np.ndarray:
    """Where something is drawn on the paper."""
    return np.abs(np.asarray(picture.convert("RGB"), int) - (251, 248, 243)).max(axis=2) > 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_shows_photo_heatmap_and_name(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.locator(".examples button").nth(6).click()
    wait_for_answer(page)
    for button, size in SHAPES.items():
        picture = saved(page, button)
        assert picture.size == size
        drawn = ink(picture)
        edge = np.concatenate([drawn[:20].ravel(), drawn[-20:].ravel(), drawn[:, :20].ravel(), drawn[:, -20:].ravel()])
        assert not edge.any()  # nothing is cut off
        area = (slice(44, 586), slice(44, 768)) if size[0] > size[1] else (slice(44, 734), slice(44, 1036))
        left, right = np.split(np.asarray(picture.convert("RGB"), int)[area], 2, axis=1)
        assert np.abs(left - right).mean() > 5  # the photo, and the photo with its heatmap
        words = drawn[:, 800:] if size[0] > size[1] else drawn[752:]
        assert 0.01 < words.mean() < 0.3


def test_it_shows_what_is_shown_and_says_not_sure(open_page: OpenPage, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 500, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    page = open_page()
    page.locator(".examples button").nth(6).click()
    wait_for_answer(page)
    first = np.asarray(saved(page, "Save picture"), int)
    page.locator(ROWS).nth(1).click()
    expect(page.locator("#caption")).not_to_contain_text("for Odissi")
    page.wait_for_function("document.querySelector('#overlay img').complete")
    assert np.abs(np.asarray(saved(page, "Save picture"), int) - first).mean() > 0.5
    upload(page, tmp_path / "noise.png")
    expect(page.locator("#headline h2")).to_contain_text("Not sure")
    assert ink(saved(page, "Save picture", "not-sure.jpg"))[:, 800:].mean() > 0.01


def test_a_browser_that_can_share_offers_it(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("button", name="Share", exact=True)).to_have_count(0)
    # What a phone's browser has; the one that tests run in has it not.
    page.add_init_script("""
      navigator.canShare = ({files}) => files.length === 1;
      navigator.share = async ({files}) => { window.shared = [files[0].name, files[0].type, files[0].size]; };
    """)
    page.reload()
    page.locator(".examples button").nth(6).click()
    wait_for_answer(page)
    page.get_by_role("button", name="Share", exact=True).click()
    page.wait_for_function("window.shared")
    name, kind, size = page.evaluate("window.shared")
    assert (name, kind) == ("odissi.jpg", "image/jpeg") and size > 20_000
