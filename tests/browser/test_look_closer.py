"""On real photos, in a real browser: the map of a dataset, and what a photo looks most like."""

import csv
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, opening
from tests.browser.tabs import open_tab
from tests.browser.test_train_tab import step, train_tab, upload, wait_until_trained

pytestmark = pytest.mark.slow
OF_EACH, FORMS = 14, ("kathakali", "manipuri", "odissi", "sattriya")


@pytest.fixture(scope="module")
def real_photos(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of public photos of four forms; the first file of each has a hostile name."""
    path, counted = tmp_path_factory.mktemp("real") / "four forms.zip", Counter()
    with (shared / "data" / "dance" / "train.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = [(row["Image"], row["target"]) for row in csv.DictReader(file)]
    with zipfile.ZipFile(path, "w") as archive:
        for name, form in rows:
            counted[form] += 1
            if form in FORMS and counted[form] <= OF_EACH:
                called = f"<b onclick=alert(1)> {name}" if counted[form] == 1 else name
                archive.write(shared / "data" / "dance" / "train" / name, f"{form}/{called}")
    return path


@pytest.fixture(scope="module")
def trained_page(windows: Windows, app_url: str, real_photos: Path) -> Iterator[Page]:
    """A page that has trained on them; for all tests here."""
    with opening(windows, app_url) as opened:
        page = train_tab(opened())
        upload(page, real_photos)
        page.locator("#start-training").click()
        wait_until_trained(page)
        yield page


@pytest.fixture
def trained(trained_page: Page) -> Iterator[Page]:
    """The page that has trained; afterwards again as wide and as bright as it was."""
    yield trained_page
    trained_page.set_viewport_size({"width": 1280, "height": 900})
    trained_page.emulate_media(color_scheme="light")


def test_the_map_shows_photos_by_click_and_keys_and_labels_by_a_box(
    trained: Page, screenshot: Callable[[Page, str], None]
) -> None:
    page = trained
    step(page, "Results")
    page.get_by_role("button", name="Map of the photos").click()
    drawn, panel = page.locator("svg.ground"), page.locator("#cell-photos")
    expect(drawn.locator("g[data-index]")).to_have_count(OF_EACH * len(FORMS), timeout=60_000)
    assert {point.get_attribute("data-kind") for point in drawn.locator("g[data-index]").all()} == set("0123")
    wrong = page.locator(".score h2").inner_text()
    judged, right = int(re.search(r"of (\d+)", wrong)[1]), float(re.search(r"[\d.]+", wrong)[0])
    expect(drawn.locator("g .ring")).to_have_count(judged - round(judged * right / 100))
    expect(page.locator(".map")).to_contain_text(re.compile(r"are among its 5 nearest on the map"))

    drawn.scroll_into_view_if_needed()
    points = drawn.locator("g[data-index]")
    across = points.evaluate_all("all => all.map(point => Number(point.dataset.x))")
    place = points.nth(int(np.argmin(across))).bounding_box()  # there are more to the right of it
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    expect(panel.locator(".pair img")).to_have_count(2)
    expect(panel.locator(".thumbs figure")).to_have_count(3)
    expect(panel.locator("select[data-index]")).to_have_count(1)
    screenshot(page, "map-point")
    before = page.locator(".said").inner_text()
    drawn.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".said")).not_to_have_text(before)
    expect(panel.locator("small").first).to_have_text(page.locator(".said").inner_text().split(": ", 1)[1])

    drawn.scroll_into_view_if_needed()
    bounds = drawn.bounding_box()
    page.mouse.move(bounds["x"] + 2, bounds["y"] + 90)
    page.mouse.down()
    page.mouse.move(bounds["x"] - 30, bounds["y"] + 90)
    page.mouse.up()  # let go beside the map: whoever comes back draws nothing
    page.mouse.move(bounds["x"] + 90, bounds["y"] + 180, steps=3)
    expect(drawn.locator(".box")).to_have_count(0)
    page.mouse.move(bounds["x"] + 2, bounds["y"] + 2)
    page.mouse.down()
    page.mouse.move(bounds["x"] + bounds["width"] - 2, bounds["y"] + bounds["height"] - 2, steps=4)
    page.mouse.up()
    labels = panel.locator("select[data-index]")
    expect(labels).to_have_count(48)
    expect(panel).to_contain_text("48 of 56 are shown")
    panel.locator("select[data-all]").select_option(label="Relabel all: Odissi")
    already = panel.get_by_text("Labelled Odissi").count()
    expect(panel.locator("output")).to_have_text(f"{48 - already} corrections")
    panel.locator("select[data-all]").select_option(label="Keep all labels")
    expect(panel.get_by_role("button", name="Train again")).to_be_disabled()
    screenshot(page, "map-box")

    page.get_by_text("The same as a list").click()
    lines = page.locator(".map .photos li")
    expect(lines).to_have_count(56)
    expect(lines.first).to_contain_text("Kathakali")
    for line in lines.all()[:2]:
        line.get_by_role("checkbox").check()
    expect(drawn.locator(".box")).to_have_count(1)
    page.get_by_role("button", name="Show the ticked ones").click()
    expect(labels).to_have_count(2)
    expect(panel).to_contain_text("Chosen 2 photos")
    expect(drawn.locator(".box")).to_have_count(0)  # these are not in it
    for window, scheme in (((390, 844), "dark"), ((1024, 768), "dark")):
        page.set_viewport_size(dict(zip(("width", "height"), window, strict=True)))
        page.emulate_media(color_scheme=scheme)
        screenshot(page, f"map-{window[0]}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    labels.first.select_option(label="Leave it out")
    panel.get_by_role("button", name="Train again").click()
    expect(page.locator(".material")).to_contain_text("55 photos of 4 classes, 1 correction made")
    wait_until_trained(page)
    page.locator("#go-results").click()
    expect(page.locator(".confusion td button").first).to_be_visible()  # of the new head: the numbers again
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    with zipfile.ZipFile(download.value.path()) as report:
        assert report.read("figures/map.png").startswith(b"\x89PNG")
        rows = list(csv.DictReader(report.read("tables/map.csv").decode("utf-8-sig").splitlines()))
    assert len(rows) == 55 and all(0 <= float(row[axis]) <= 1 for row in rows for axis in "xy")


def test_an_own_head_shows_the_photos_that_another_one_looks_most_like(
    trained: Page, real_photos: Path, photo: Path, tmp_path: Path, screenshot: Callable[[Page, str], None]
) -> None:
    page = train_tab(trained)
    step(page, "Use")
    page.locator("#use-in-classify").click()
    with zipfile.ZipFile(real_photos) as archive:
        mine = Path(archive.extract(next(n for n in archive.namelist() if n.startswith("odissi/")), tmp_path))
    page.locator("#photo input[type=file]").set_input_files(mine.rename(tmp_path / "mine.jpg"))
    alike = page.locator("#most-like figure")
    expect(alike).to_have_count(3)
    shares = [float(re.search(r"([\d.]+).% alike", text)[1]) for text in alike.all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and all(30 < share <= 100 for share in shares)
    expect(page.locator("#most-like")).to_contain_text("no reason")
    expect(page.locator("#most-like")).not_to_contain_text("because")
    widths = alike.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(width > 50 for width in widths)
    for window, scheme in (((1280, 900), "light"), ((390, 844), "dark")):
        page.set_viewport_size(dict(zip(("width", "height"), window, strict=True)))
        page.emulate_media(color_scheme=scheme)
        screenshot(page, f"most-like-{window[0]}")
    page.get_by_role("button", name="Switch back").click()
    expect(page.locator("#most-like")).to_be_hidden()
    expect(open_tab(page, "One photo").locator("#overlay img")).to_be_visible()
