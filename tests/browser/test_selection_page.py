""" "Which features matter?" in the step "Compare", on real photos, in a real browser in front of the real app."""

import csv
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import violations
from tests.browser.test_train_tab import TRAINED_WITHIN_MS, make_zip, step, train_tab, upload

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
CLASSES, PHOTOS = ("kathakali", "manipuri", "odissi"), 7
FOUND_WITHIN_MS = 2 * TRAINED_WITHIN_MS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dances(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of seven real photos of each of three dances."""
    folder = shared / "data" / "dance"
    path, taken = tmp_path_factory.mktemp("zip") / "dances.zip", Counter()
    with zipfile.ZipFile(path, "w") as archive, (folder / "train.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            taken[label := row["target"]] += 1
            if label in CLASSES and taken[label] <= PHOTOS:
                archive.write(folder / "train" / row["Image"], f"{label}/{row['Image']}")
    return path


def begin(page: Page) -> None:
    step(page, "Compare")
    page.get_by_role("button", name="Find out").press("Enter")


def test_which_features_matter_is_found_out_by_keyboard_alone(
    open_page: OpenPage, dances: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    upload(page, dances)
    begin(page)
    expect(page.locator("#compare-step progress")).to_be_visible()
    expect(page.get_by_role("button", name="Find out")).to_be_hidden()  # while something is on its way
    page.reload()
    step(train_tab(page), "Compare")
    lab = page.locator(".lab")
    expect(lab.get_by_role("img", name="Accuracy by number of kept features: Fisher's score")).to_be_visible(
        timeout=FOUND_WITHIN_MS
    )
    expect(lab).to_contain_text("were used to train the bundled backbone")
    expect(lab).to_contain_text("all 1,280 features")
    expect(lab.get_by_role("radio")).to_have_count(15)
    expect(lab.get_by_role("status")).to_contain_text("32 of 1,280 features")

    seen = lab.locator(".photos img")
    expect(seen).to_have_count(3)
    before = seen.nth(1).get_attribute("src")
    slider = lab.get_by_role("slider")
    slider.press("ArrowRight")
    expect(lab.get_by_role("status")).to_contain_text("64 of 1,280 features")
    expect(lab.get_by_role("status")).to_contain_text("of their choices in common")
    expect(slider).to_be_focused()
    expect(slider).to_have_attribute("aria-valuetext", "64 features")
    expect(seen.nth(1)).not_to_have_attribute("src", before)
    assert page.evaluate("[...document.querySelectorAll('.lab .photos img')].every(one => one.naturalWidth)")

    lab.get_by_role("radio", name="Chi-square").press("Space")
    expect(lab).to_contain_text("It wants counts of independent things")
    expect(lab.get_by_role("radio", name="Chi-square")).to_be_focused()
    expect(lab.get_by_role("status")).to_contain_text("64 of 1,280 features")  # as many as before
    lab.get_by_role("radio", name="Exhaustive search").check()
    expect(lab.get_by_role("status")).to_contain_text("8 of 1,280 features")

    lab.get_by_text("What if I cheat?").press("Enter")
    expect(lab.get_by_role("rowheader", name="Chosen before the split")).to_be_visible()
    lab.get_by_text("All numbers").press("Enter")
    expect(lab.get_by_role("row", name="Random forest")).to_be_visible()
    with page.expect_download() as download:
        lab.get_by_role("link", name="the numbers as a CSV").click()
    assert download.value.suggested_filename == "dances features.csv"
    assert download.value.path().read_text("utf-8-sig").startswith("Method,Kept,Right")
    with page.expect_download() as download:
        lab.get_by_role("link", name="a picture of all lines").click()
    assert download.value.suggested_filename == "dances features.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("body")).to_have_class("dark" if scheme == "dark" else "")
        assert violations(page) == []
        screenshot(page, f"features-{scheme}")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "features-phone")


def test_it_is_stopped_and_a_comparison_stays_beside_it(open_page: OpenPage, dances: Path) -> None:
    page = train_tab(open_page())
    step(page, "Compare")
    expect(page.locator("#compare-step")).to_contain_text("Choose your photos first, in the first step.")
    step(page, "Data")
    upload(page, dances)
    step(page, "Compare")
    page.get_by_label("32 (quick)").check()
    page.get_by_label("number input for Its epochs").fill("2")
    page.locator("#start-comparison").click()
    rows = page.locator("#compare-step .runs tbody th")
    expect(rows).to_have_count(3, timeout=FOUND_WITHIN_MS)
    begin(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#compare-step .notice")).to_have_text("Stopped. Nothing was finished.")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("button", name="Find out")).to_be_visible()


def test_photos_on_which_nothing_can_be_chosen_get_a_sentence(open_page: OpenPage, tmp_path: Path) -> None:
    page = train_tab(open_page())
    copies = {"one picture": ("manipuri", [0] * 6), "another": ("odissi", [0] * 6)}
    upload(page, make_zip(tmp_path / "copies.zip", copies))
    begin(page)
    expect(page.locator("#compare-step").get_by_role("alert")).to_contain_text(
        "copies of one picture", timeout=FOUND_WITHIN_MS
    )
    expect(page.get_by_role("button", name="Find out")).to_be_visible()
