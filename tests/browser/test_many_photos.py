"""The tab "Many photos" in a real browser: photos in, table, filters, large view, contact sheet and CSV out."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from dance_demo.data.illustrations import draw
from dance_demo.files.photo import open_photo
from dance_demo.model.description import percent
from dance_demo.model.loading import load_classifier
from tests.browser.tabs import open_tab
from tests.support.hostile import HOSTILE, as_file_names, visible
from tests.support.made_up import jpeg, write_zip

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
NAMED_WITHIN_MS = 120_000  # on a busy machine, where the job steps back for everybody else
FORMS = ("odissi", "kathak", "odissi", "kathakali", "manipuri")


def many_tab(page: Page) -> Page:
    open_tab(page, "Many photos")
    expect(page.locator("#many-box")).to_be_visible()
    return page


def put_in(page: Page, *files: Path) -> None:
    page.locator("#many-box input[type=file]").set_input_files(files)


def rows(page: Page) -> Locator:
    return page.locator("#many-table tbody tr")


def wait_for_answers(page: Page) -> None:
    expect(page.locator("#many-found h2")).to_be_visible(timeout=NAMED_WITHIN_MS)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawings")
    paths = []
    for number, form in enumerate(FORMS):
        paths.append(folder / f"{9 - number} {form}.jpg")
        draw(form, seed=number, size=(288, 360)).save(paths[-1], quality=88)
    return paths


@pytest.fixture(scope="module")
def mixed_zip(drawings: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawings, a photo that is broken, and what is no photo."""

    def files() -> Iterator[tuple[str, bytes]]:
        yield "notes.txt", b"no photo"
        yield "stage/broken.jpg", drawings[0].read_bytes()[:999]
        for path in drawings:
            yield f"stage/{path.name}", path.read_bytes()

    return write_zip(tmp_path_factory.mktemp("zip") / "mixed.zip", files())


@pytest.mark.slow
def test_the_way_from_a_zip_to_the_table_the_large_view_the_sheet_and_the_csv(
    open_page: OpenPage, mixed_zip: Path, drawings: list[Path], screenshot: Screenshot, tmp_path: Path
) -> None:
    page = many_tab(open_page())
    screenshot(page, "many-start")
    put_in(page, mixed_zip)
    wait_for_answers(page)
    expect(rows(page)).to_have_count(7)
    names = [name.strip() for name in rows(page).locator("th").all_inner_texts()]
    assert names == ["stage/broken.jpg", *(f"stage/{path.name}" for path in drawings), "notes.txt"]

    shipped = load_classifier()
    for number, path in enumerate(drawings):  # as in "Name a dance"
        alone = shipped.classify(open_photo(path))
        first = rows(page).nth(1 + number).locator(".ranking li").first
        expect(first).to_contain_text(percent(alone.top.probability))
        expect(rows(page).nth(1 + number)).to_contain_text("Yes" if alone.sure else alone.note)
    expect(page.locator("#many-found .intake")).to_contain_text(re.compile(r"5 photos named in .* s"))
    expect(page.locator("#many-tab [role=status]").first).to_contain_text("2 could not be read")
    screenshot(page, "many-table")

    name = rows(page).nth(1).get_by_role("button")
    name.focus()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog")
    expect(large).to_contain_text("stage/9 odissi.jpg")
    pictures = large.get_by_role("img")
    expect(pictures).to_have_count(2)
    expect(pictures.last).to_have_attribute("alt", re.compile("what speaks for"))
    screenshot(page, "many-large")
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(name).to_be_focused()
    rows(page).first.click(position={"x": 5, "y": 5})  # anywhere in the row
    expect(large).to_contain_text("the photo is incomplete or damaged")
    large.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Make the contact sheet").click()
    sheet = page.locator("#many-sheet img")
    expect(sheet).to_have_attribute("alt", re.compile("A grid of 5 photos, .* 2 photos that could not be read are not"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this sheet").click()
    with Image.open(download.value.path()) as picture:
        assert picture.format == "JPEG" and picture.width > 700
    screenshot(page, "many-sheet")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    table = list(csv.DictReader(download.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert [line["file"] for line in table] == names

    page.get_by_label("Name or form contains").fill("ODISSI")
    expect(rows(page)).to_have_count(2)
    expect(sheet).to_be_hidden()  # it was of other rows
    page.get_by_label("Name or form contains").fill("nobody")
    expect(page.locator("#many-table")).to_contain_text("No photo here bears such a name")
    page.get_by_label("Name or form contains").fill("")
    expect(rows(page)).to_have_count(7)
    page.get_by_label("Could not be read 2").check()
    expect(rows(page)).to_have_count(2)

    page.reload()
    open_tab(page, "Many photos")
    expect(rows(page)).to_have_count(7)
    page.get_by_role("button", name="Start over with other photos").click()
    expect(page.locator("#many-box")).to_be_visible()
    page.reload()
    many_tab(page)
    expect(rows(page)).to_have_count(0)


@pytest.mark.slow
def test_many_rows_come_by_fifty_and_stop_keeps_what_is_done(
    open_page: OpenPage, tmp_path: Path, drawings: list[Path]
) -> None:
    data = drawings[0].read_bytes()
    archive = write_zip(tmp_path / "many.zip", ((f"{number:04d}.jpg", data) for number in range(4000)))
    page = many_tab(open_page())
    put_in(page, archive)
    done = re.compile(r"Naming the photos\s+([1-9]\d\d|\d,\d+) of 4,000")
    expect(page.locator("#many-busy .working")).to_contain_text(done, timeout=NAMED_WITHIN_MS)
    page.get_by_role("button", name="Stop").click()
    wait_for_answers(page)
    expect(page.locator("#many-found .kicker")).to_contain_text(re.compile(r"Stopped after [\d,]+ of 4,000"))
    expect(rows(page)).to_have_count(50)
    expect(rows(page).first).to_contain_text("0000.jpg")
    weight = page.evaluate("document.querySelector('#many-tab').innerHTML.length")
    assert weight < 600_000
    page.get_by_role("button", name="Next").first.click()
    expect(rows(page).first).to_contain_text("0050.jpg")
    expect(page.locator("#many-table caption")).to_contain_text("Photos 51 to")
    page.get_by_role("button", name="Last").first.click()
    expect(page.get_by_role("button", name="Next").first).to_be_disabled()


@pytest.mark.slow
def test_S1_hostile_file_names_are_shown_as_text(open_page: OpenPage, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "hostile.zip", ((name, jpeg(1)) for name in as_file_names()))
    page = many_tab(open_page())
    put_in(page, archive)
    wait_for_answers(page)
    shown = {visible(name) for name in rows(page).locator("bdi").all_text_contents()}
    hidden = {name for name in as_file_names() if name.startswith(".")}
    assert {visible(name) for name in set(as_file_names()) - hidden} <= shown
    for number in (0, 3, len(HOSTILE) - 3):
        rows(page).nth(number).get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Make the contact sheet").click()
    expect(page.locator("#many-sheet img")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_photos_from_a_phone_become_cards(
    open_page: OpenPage, drawings: list[Path], screenshot: Screenshot, scheme: str
) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True, device_scale_factor=2, color_scheme=scheme)
    many_tab(page)
    put_in(page, *drawings)
    wait_for_answers(page)
    expect(rows(page)).to_have_count(len(drawings))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".many").evaluate("box => box.scrollWidth <= box.clientWidth")
    tree = page.locator("#many-tab").aria_snapshot()
    assert re.findall(r"^ *- (?:button|tab|link|textbox|radio|progressbar)(?: *\[.*\])*:?$", tree, re.M) == []
    assert 'columnheader "Sure?"' in tree and 'rowheader "9 odissi.jpg"' in tree
    screenshot(page, f"many-phone-{scheme}")
    rows(page).first.get_by_role("button").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    screenshot(page, f"many-phone-large-{scheme}")


def test_D1_a_zip_that_is_none_is_told_and_the_box_stays(open_page: OpenPage, tmp_path: Path) -> None:
    fake = tmp_path / "dances.zip"
    fake.write_text("not a zip")
    page = many_tab(open_page())
    put_in(page, fake)
    alert = page.locator("#many-tab [role=alert]")
    expect(alert).to_contain_text("dances.zip: this is not a complete zip file", timeout=NAMED_WITHIN_MS)
    expect(page.locator("#many-box")).to_be_visible()
