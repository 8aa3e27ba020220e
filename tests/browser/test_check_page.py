"""The tab "Check this photo" in a real browser: what the file says, what is alike, views and lines drawn there.

`open_page` fails each of these tests on a dialog, an error in the console, or a request to anywhere else.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dance_demo.files.forensics.facts import PLACE
from dance_demo.files.forensics.inspection import NO_PROOF
from dance_demo.files.forensics.planting import plant_copy
from dance_demo.files.photo import open_photo
from tests.browser.tabs import open_tab
from tests.files.forensics.test_copied_regions import landscape
from tests.support.exif_files import exif_file
from tests.support.hostile import HOSTILE
from tests.support.photo_parts import exif_bytes, jpeg_bytes, png_bytes, with_segment

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
VIEWS = {
    "levels": lambda rgb: (rgb * (255 / 90)).clip(0, 255),
    "invert": lambda rgb: 255 - rgb,
    "channel": lambda rgb: np.repeat(rgb[..., :1], 3, axis=-1),
    "contrast": lambda rgb: (128 + 2.5 * (rgb - 128)).clip(0, 255),
}
PIXELS = """() => {
  const canvas = document.querySelector('canvas[data-part="view"]');
  const {width, height} = canvas;
  return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
}"""


def check(page: Page, data: bytes, name: str = "photo.jpg") -> Page:
    """Put a photo into the box of the tab and wait for what is said of it."""
    open_tab(page, "Check this photo")
    kind = "image/png" if name.endswith("png") else "image/jpeg"
    box = page.locator("#check-photo input[type=file]").first
    box.set_input_files({"name": name, "mimeType": kind, "buffer": data})
    page.locator(".check-found").wait_for()
    page.locator("canvas[data-drawn]").wait_for()
    return page


def choose(page: Page, view: str) -> None:
    page.locator(f'input[name=check-view][value="{view}"]').check(force=True)
    page.locator(f'canvas[data-drawn="{view}"]').wait_for()


def png(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_planted_copy_is_outlined_and_facts_and_their_limits_are_said(open_page: OpenPage) -> None:
    planted = plant_copy(landscape(5), "plain", np.random.default_rng(5))
    page = check(open_page(), png(planted.photo), "forged.png")
    expect(page.locator(".check-found li")).to_have_count(1)
    expect(page.locator("svg[data-part=lines] rect")).to_have_count(2)
    drawn = [float(page.locator("svg[data-part=lines] rect").nth(n).get_attribute("x") or -1) for n in (0, 1)]
    boxes = sorted((planted.source[0], planted.target[0]))
    assert all(box - 5 <= x <= box + 60 for x, box in zip(sorted(drawn), boxes, strict=True))
    expect(page.locator(".check-found")).to_contain_text("Messengers, social networks and screenshots remove it")
    expect(page.locator(".check-found")).to_contain_text(NO_PROOF)
    page.locator("#check").get_by_role("button", name="Remove Image").click()
    expect(page.locator(".check-found")).to_have_count(0)
    expect(page.locator(".viewer")).to_be_hidden()


def test_views_are_those_pixels_and_nothing_is_asked_of_the_server(open_page: OpenPage) -> None:
    photo = landscape(6, (90, 70))
    page = check(open_page(), png(photo), "photo.png")
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    rgb = np.asarray(photo, float)
    for view, expected in VIEWS.items():
        choose(page, view)
        width, height, values = page.evaluate(PIXELS)
        pixels = np.array(values, float).reshape(height, width, 4)[..., :3]
        assert np.abs(pixels - expected(rgb)).max() <= 1, view
    for view in ("saturation", "sharpen", "noise", "gradient", "levels-of-error", "ghosts"):
        choose(page, view)
        width, height, values = page.evaluate(PIXELS)
        assert np.array(values).reshape(height, width, 4)[..., :3].std() > 1, view
    assert [url for url in asked if not url.startswith(("blob:", "data:")) and "heartbeat" not in url] == []


def test_error_levels_glow_where_something_was_pasted_into_a_jpeg(open_page: OpenPage) -> None:
    old = open_photo(jpeg_bytes(landscape(7, (160, 120)), quality=40), max_side_px=None)
    new = old.copy()
    new.paste(landscape(8, (160, 120)).crop((40, 32, 88, 80)), (40, 32))
    page = check(open_page(), png(new), "pasted.png")
    page.locator('.sliders[data-view="levels-of-error"] input[data-name=quality]').evaluate("one => one.value = 50")
    choose(page, "levels-of-error")
    width, height, values = page.evaluate(PIXELS)
    levels = np.array(values, float).reshape(height, width, 4)[..., :3].mean(axis=-1)
    inside = levels[34:78, 42:86].mean()
    assert inside > 1.3 * np.r_[levels[:, :36].ravel(), levels[:, 96:].ravel()].mean()


def test_the_place_is_shown_after_a_click_and_no_map_is_fetched(open_page: OpenPage) -> None:
    name, data = exif_file(3)
    page = check(open_page(), data, name)
    expect(page.locator(".check-found dl")).not_to_contain_text(PLACE)
    coordinates = page.locator(".place p")
    expect(coordinates).to_be_hidden()
    page.locator(".place summary").click()
    expect(coordinates).to_be_visible()
    assert (page.locator(".place a").get_attribute("href") or "").startswith("https://www.openstreetmap.org/")
    assert page.locator(".place a").get_attribute("rel") == "noopener noreferrer"


def test_hostile_texts_in_every_field_are_letters(open_page: OpenPage) -> None:
    photo = landscape(9, (64, 64))
    text = "".join(HOSTILE[:12])[:700]
    tags = dict.fromkeys((0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298), text)
    exif = exif_bytes(tags, {0x9003: text, 0xA434: text, 0xA431: text, 0x9011: text})
    xmp = f'<x:xmpmeta xmp:CreatorTool="{HOSTILE[2]}"><rdf:li stEvt:action="{HOSTILE[4]}"/></x:xmpmeta>'
    data = with_segment(jpeg_bytes(photo, comment=text.encode()), 0xE1, b"Exif\0\0" + exif)
    data = with_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode())
    page = check(open_page(), data, "<img src=x onerror=alert(1)>.jpg")
    expect(page.locator(".check-found")).to_contain_text("<script>alert(1)</script>")
    assert page.locator(".check-found :is(script, svg, iframe, img)").count() == 0
    chunks = [(b"tEXt", f"{one[:60]}\0{one}".encode("utf-8", "replace")) for one in HOSTILE]
    page = check(open_page(), png_bytes(photo, *chunks), "texts.png")
    expect(page.locator(".check-found dt", has_text="Text: ")).to_have_count(len(HOSTILE))
    assert page.locator(".check-found :is(script, svg, iframe, img)").count() == 0


def test_shadow_lines_meet_where_they_were_drawn_to(open_page: OpenPage, tmp_path: Path) -> None:
    page = check(open_page(), png(landscape(10)), "photo.png")
    page.locator(".geometry summary").click()
    page.locator('[data-do="shadow"]').click()
    overlay = page.locator('svg[data-part="lines"]')
    overlay.scroll_into_view_if_needed()
    area = overlay.bounding_box()
    assert area

    def drag(*ends: tuple[float, float]) -> None:
        (ax, ay), (bx, by) = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in ends]
        page.mouse.move(ax, ay)
        page.mouse.down()
        page.mouse.move(bx, by, steps=3)
        page.mouse.up()

    for x in (0.2, 0.5, 0.8):  # all of them lead to the middle of the upper edge
        drag((x, 0.9), (x + (0.5 - x) * 2 / 3, 0.3))
    said = page.locator('[data-part="meeting"]')
    expect(said).to_contain_text("Shadow lines meet at x 2")  # 200 of 400 pixels
    expect(said).to_contain_text("All lines fit")
    drag((0.1, 0.5), (0.9, 0.55))
    expect(said).to_contain_text("does not fit")
    page.locator('[data-do="undo"]').click()
    expect(said).to_contain_text("All lines fit")
    with page.expect_download() as download:
        page.locator('[data-do="save"]').click()
    download.value.save_as(tmp_path / "saved.png")
    saved = np.asarray(open_photo(tmp_path / "saved.png", max_side_px=None), float)
    yellow = (saved[..., 0] > 230) & (saved[..., 1] > 190) & (saved[..., 2] < 60)
    assert saved.shape[1] == 400 and yellow.sum() > 200


def test_lines_can_be_drawn_and_moved_by_the_keyboard(open_page: OpenPage) -> None:
    page = check(open_page(), png(landscape(11)), "photo.png")
    page.locator(".geometry summary").click()
    page.locator('[data-do="vanishing"]').press("Enter")
    handle = page.locator("#check svg circle[data-line]").first
    before = float(handle.get_attribute("cx") or 0)
    handle.press("ArrowRight")
    assert float(page.locator("#check svg circle[data-line]").first.get_attribute("cx") or 0) > before
    expect(page.locator('[data-part="meeting"]')).to_have_text("Vanishing lines: one more is needed.")


def test_zoom_beyond_three_hundred_percent_is_warned_of(open_page: OpenPage) -> None:
    page = check(open_page(), png(landscape(12)), "photo.png")
    warning = page.locator('[data-part="zoom-warning"]')
    expect(warning).to_be_hidden()
    zoom = page.locator('[data-do="zoom"]')
    zoom.evaluate("one => {one.value = 400; one.dispatchEvent(new Event('input', {bubbles: true}))}")
    expect(warning).to_be_visible()


@pytest.mark.parametrize("width, height", [(390, 844), (1024, 768)])
def test_the_tab_fits_into_small_windows(open_page: OpenPage, screenshot, width: int, height: int) -> None:
    page = check(open_page(width, height), png(landscape(13)), "photo.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator(".split")).to_be_visible(visible=width < 720)
    screenshot(page, f"check-{width}")


def test_what_is_no_photo_gets_a_sentence(open_page: OpenPage) -> None:
    page = open_tab(open_page(), "Check this photo")
    box = page.locator("#check-photo input[type=file]").first
    box.set_input_files({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no photo at all"})
    expect(page.locator("#check-words")).to_contain_text("this is a text file, not a JPEG")
    expect(page.locator(".viewer")).to_be_hidden()


def test_the_address_of_the_tab_opens_it(open_page: OpenPage) -> None:
    page = open_page()
    page.goto(page.url.partition("#")[0] + "#check")
    expect(page.get_by_role("tab", name="Check this photo")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".check-welcome")).to_contain_text("Can I trust this photo?")


def test_the_game_tells_the_truth_after_an_answer_and_draws_the_curve_of_the_class(open_page: OpenPage) -> None:
    page = open_tab(open_page(), "Check this photo")
    page.get_by_role("button", name="A game: was something copied?").click()
    truths: set[str] = set()
    for number in range(1, 13):
        page.locator("#copy-next").click()
        page.locator("#copy-question button").first.wait_for()
        assert page.locator("#copy-question rect").count() == 0  # nothing tells before
        page.locator("#copy-question button").nth(number % 5).click()
        truth = page.locator("#copy-question strong")
        truths.add(truth.inner_text())
        assert (page.locator("#copy-question rect.copy").count() == 2) == (truth.inner_text() == "A piece was copied.")
        expect(page.locator("#copy-standing")).to_contain_text(f"{number} answer")
        if len(truths) == 2:
            break
    assert truths == {"A piece was copied.", "Nothing was copied."}
    expect(page.locator("#copy-standing path.people")).to_have_count(1)
    expect(page.locator("#copy-standing figcaption")).to_contain_text("guessing gives 0.50")
