"""Step 1 of "Train your own", in a real browser: photos in, and what was found in them."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import open_tab
from tests.support.hostile import HOSTILE, as_file_names, visible
from tests.support.made_up import jpeg, write_zip

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
CHECKED_WITHIN_MS = 60_000


def data_step(page: Page) -> Page:
    open_tab(page, "Train your own")
    expect(page.get_by_role("button", name="Use the sample dataset")).to_be_visible()
    return page


def upload_zip(page: Page, path: Path) -> None:
    page.locator("#data-zip input[type=file]").set_input_files(path)


def wait_for_report(page: Page) -> None:
    expect(page.locator(".intake h2")).to_be_visible(timeout=CHECKED_WITHIN_MS)


@pytest.fixture(scope="module")
def messy_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uneven, with a class too small, a picture under two labels, and files that are no photos."""

    def files() -> Iterator[tuple[str, bytes]]:
        for seed in range(70):
            yield f"kathak/{seed}.jpg", jpeg(seed)
        for seed in range(5):
            yield f"odissi/{seed}.jpg", jpeg(100 + seed)
        yield "odissi/same.jpg", jpeg(3)
        yield "manipuri/0.jpg", jpeg(200)
        for number in range(300):
            yield f"notes/={number}.txt", b"no photo"

    return write_zip(tmp_path_factory.mktemp("zip") / "messy.zip", files())


@pytest.fixture(scope="module")
def hostile_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty hostile texts as names of classes and of files."""
    seeds = count()
    rows, photos = [("Image", "target")], []
    for text, file_name in zip(HOSTILE, as_file_names(), strict=True):
        for number in range(2):
            name = f"{number} {file_name}"
            rows.append((name, text))
            photos.append((name, jpeg(next(seeds))))
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    files = [("train.csv", table.getvalue().encode()), *photos]
    return write_zip(tmp_path_factory.mktemp("zip") / "hostile.zip", iter(files))


@pytest.mark.slow
def test_the_sample_dataset_is_reported_and_found_again_after_a_reload(
    open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = data_step(open_page())
    screenshot(page, "data-start")
    page.get_by_role("button", name="Use the sample dataset").click()
    wait_for_report(page)
    expect(page.locator(".intake")).to_contain_text("96 photos in 8 classes")
    expect(page.locator(".ready")).to_be_visible()
    expect(page.locator(".samples li")).to_have_count(8)
    expect(page.locator("#class-counts canvas, #class-counts svg").first).to_be_visible()
    screenshot(page, "data-sample")
    page.reload()
    open_tab(page, "Train your own")
    wait_for_report(page)
    page.get_by_role("button", name="Start over with other photos").click()
    expect(page.get_by_role("button", name="Use the sample dataset")).to_be_visible()
    page.reload()
    data_step(page)
    expect(page.locator(".intake")).to_have_count(0)


@pytest.mark.slow
def test_what_is_wrong_with_the_photos_is_said_before_any_training(
    open_page: OpenPage, messy_zip: Path, screenshot: Screenshot
) -> None:
    page = data_step(open_page())
    upload_zip(page, messy_zip)
    wait_for_report(page)
    expect(page.get_by_role("alert")).to_contain_text("Each class needs at least 5 photos: manipuri (1; add 4)")
    expect(page.locator(".ready")).to_have_count(0)
    expect(page.locator(".remarks")).to_contain_text("Very uneven: 70 photos of kathak, 1 of manipuri")
    expect(page.locator(".copies .mixed figure")).to_have_count(2)
    expect(page.locator(".left-out")).to_contain_text("300 files left out, the first 100 of them here")
    with page.expect_download() as download:
        page.locator("#left-out-csv").click()
    table = download.value.path().read_text(encoding="utf-8-sig")
    assert len(table.splitlines()) == 301
    assert table.splitlines()[1] == "notes/=0.txt,not a kind of file that is read here (.txt)"
    screenshot(page, "data-messy")


@pytest.mark.slow
def test_S1_hostile_names_of_classes_and_files_are_shown_as_text(open_page: OpenPage, hostile_zip: Path) -> None:
    page = data_step(open_page())
    upload_zip(page, hostile_zip)
    wait_for_report(page)
    names = {visible(name).casefold() for name in page.locator(".samples .name").all_text_contents()}
    assert {visible(text).casefold() for text in HOSTILE} <= names  # two that differ in case only are one class
    for summary in page.locator("#data-found summary").all():
        summary.click()


@pytest.mark.slow
def test_photos_are_put_into_classes_one_after_the_other(open_page: OpenPage, tmp_path: Path) -> None:
    page = data_step(open_page())
    page.get_by_role("tab", name="Class by class").click()
    expect(page.get_by_role("button", name="Check these photos")).to_be_disabled()
    page.get_by_role("button", name="Photos from files or the clipboard").click()
    for label, seeds in (("kathak", range(5)), ("odissi", range(5, 10)), ("wrong", range(10, 11))):
        files = []
        for seed in seeds:
            files.append(tmp_path / f"{seed}.jpg")
            files[-1].write_bytes(jpeg(seed))
        page.get_by_label("Name of the class").fill(label)
        page.locator("#data-photos input[type=file]").first.set_input_files(files)
        expect(page.locator("#data-photos").get_by_role("button", name="Thumbnail")).to_have_count(len(files))
        page.get_by_role("button", name="Add class").click()
        expect(page.locator(".typed-classes")).to_contain_text(label)
        expect(page.get_by_label("Name of the class")).to_have_value("")
    expect(page.locator("[data-class=wrong]")).to_contain_text("1 photo, add 4 more")
    page.get_by_role("button", name="Remove wrong").click()
    expect(page.locator(".typed-classes li")).to_have_count(2)
    page.get_by_role("button", name="Undo: bring wrong back").click()
    expect(page.locator(".typed-classes li")).to_have_count(3)
    page.get_by_role("button", name="Check these photos").click()
    expect(page.locator(".hurdles")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Start over with other photos").click()
    expect(page.locator(".typed-classes li")).to_have_count(3)  # one was too small: the others are still there
    page.get_by_role("button", name="Remove wrong").click()
    page.get_by_role("button", name="Check these photos").click()
    wait_for_report(page)
    expect(page.locator(".intake")).to_contain_text("10 photos in 2 classes")


def test_D1_a_zip_that_is_none_is_answered_with_a_sentence(open_page: OpenPage, tmp_path: Path) -> None:
    fake = tmp_path / "dances.zip"
    fake.write_text("not a zip")
    page = data_step(open_page())
    upload_zip(page, fake)
    expect(page.get_by_role("alert")).to_contain_text(
        "dances.zip: this is not a complete zip file", timeout=CHECKED_WITHIN_MS
    )
    expect(page.locator("#data-zip")).to_be_visible()


@pytest.mark.slow
def test_C1_a_check_can_be_cancelled(open_page: OpenPage, tmp_path: Path) -> None:
    large = jpeg(0)
    photos = write_zip(tmp_path / "many.zip", ((f"{n % 2}/{n}.jpg", large) for n in range(4900)))
    page = data_step(open_page())
    upload_zip(page, photos)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".notice")).to_contain_text("Stopped. Nothing of it was kept.")
    expect(page.locator("#data-zip")).to_be_visible()


@pytest.mark.slow
def test_the_report_fits_a_phone(open_page: OpenPage, messy_zip: Path, screenshot: Screenshot) -> None:
    page = data_step(open_page(390, 844, is_mobile=True, has_touch=True, device_scale_factor=2))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    upload_zip(page, messy_zip)
    wait_for_report(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "data-phone")


@pytest.mark.slow
def test_everything_has_a_name_and_can_be_reached_with_the_keyboard(open_page: OpenPage, messy_zip: Path) -> None:
    page = data_step(open_page(color_scheme="dark"))
    sample = page.get_by_role("button", name="Use the sample dataset")
    for _ in range(40):
        page.keyboard.press("Tab")
        if sample.evaluate("button => button === document.activeElement"):
            break
    else:
        pytest.fail("The Tab key never comes to the sample dataset")
    upload_zip(page, messy_zip)
    wait_for_report(page)
    tree = page.locator("#data-step").aria_snapshot()
    assert re.findall(r"^ *- (?:button|tab|link|textbox|progressbar)(?: *\[.*\])*:?$", tree, re.M) == []
    assert page.evaluate("[...document.querySelectorAll('#data-found img')].filter(i => !i.alt).length") == 0
    expect(page.locator("#data-step [role=status]").first).to_contain_text("77 photos in 3 classes")
