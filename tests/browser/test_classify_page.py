"""What a visitor sees and does on the first tab, in a real browser in front of the real app."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import slow_line
from tests.browser.tabs import open_tab

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
ROWS = "#scores li button"


def upload(page: Page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(path)


def wait_for_answer(page: Page) -> None:
    expect(page.locator("#headline h2")).to_be_visible()
    expect(page.locator("#overlay img")).to_be_visible()


def shown_picture(page: Page) -> bytes:
    """The heatmap on the photo, as the browser draws it, without the handle of the slider."""
    page.locator("#split input").fill("0")
    page.wait_for_function("document.querySelector('#overlay img').complete")
    return page.locator("#compare").screenshot(style=".handle {display: none}")


def test_an_uploaded_photo_is_named_and_gets_a_heatmap(
    open_page: OpenPage, photo: Path, screenshot: Screenshot
) -> None:
    page = open_page()
    expect(page.locator(".welcome")).to_contain_text("Drop a photo")
    screenshot(page, "welcome")
    upload(page, photo)
    wait_for_answer(page)
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator(".welcome")).to_have_count(0)
    expect(page.locator("#overlay img")).to_have_attribute("alt", re.compile("coloured where the model found"))
    expect(page.get_by_role("status").first).not_to_be_empty()
    screenshot(page, "answer")


def test_a_click_on_the_second_class_shows_its_heatmap(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    upload(page, photo)
    wait_for_answer(page)
    first = shown_picture(page)
    second_class = page.locator(f"{ROWS} .name").nth(1).inner_text()
    page.locator(ROWS).nth(1).click()
    expect(page.locator("#caption")).to_contain_text(second_class)
    expect(page.locator("#form-card h3")).to_contain_text(second_class)
    assert shown_picture(page) != first


@pytest.mark.slow
def test_of_quick_clicks_the_last_one_counts(open_page: OpenPage) -> None:
    page = open_page()
    with slow_line(page, 400):
        for example in (2, 3, 6):
            page.locator(".examples button").nth(example).click()
        expect(page.locator("#headline h2")).to_contain_text("Odissi")
        names = page.locator(f"{ROWS} .name").all_inner_texts()
        for rank in (1, 0, 2):
            page.locator(ROWS).nth(rank).click()
        expect(page.locator("#caption")).to_contain_text(names[2])
        page.get_by_text("Would it say the same?").click()
        changed = page.locator("#robustness button[data-index]")
        for number in (1, 0, 3):
            changed.nth(number).click()
        expect(page.locator("#robustness figcaption")).to_contain_text(changed.nth(3).locator("strong").inner_text())


def test_why_this_and_not_that_contrasts_two_classes(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    upload(page, photo)
    wait_for_answer(page)
    first, second = page.locator(f"{ROWS} .name").all_inner_texts()[:2]
    page.get_by_label("Why this and not that").check()
    expect(page.locator("#caption")).to_contain_text(f"speaks for {first} rather than {second}")
    page.locator(ROWS).nth(1).click()
    expect(page.locator("#caption")).to_contain_text(f"speaks for {second} rather than {first}")


def overlay_pixels(page: Page) -> np.ndarray:
    """What the heatmap's picture shows. Drawn again it differs a little: of the photo a JPEG is kept."""
    content = page.request.get(str(page.locator("#overlay img").get_attribute("src"))).body()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), float)


def test_colours_change_and_reset_brings_them_back(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    upload(page, photo)
    wait_for_answer(page)
    original, pixels = page.locator("#overlay img").get_attribute("src"), overlay_pixels(page)
    page.get_by_role("button", name="More settings").click()
    page.get_by_label("Viridis").check()
    expect(page.locator("#overlay img")).not_to_have_attribute("src", original)
    other, others = page.locator("#overlay img").get_attribute("src"), overlay_pixels(page)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#overlay img")).not_to_have_attribute("src", other)
    assert np.abs(overlay_pixels(page) - pixels).mean() < 2 < np.abs(others - pixels).mean()
    expect(page.get_by_label("Inferno")).to_be_checked()


def test_more_classes_are_listed_on_request(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    upload(page, photo)
    wait_for_answer(page)
    page.get_by_role("button", name="More settings").click()
    page.get_by_label("number input for How many forms").fill("5")
    expect(page.locator(ROWS)).to_have_count(5)


def test_an_example_is_answered_with_one_click(open_page: OpenPage) -> None:
    page = open_page()
    page.locator(".examples button").nth(2).click()
    wait_for_answer(page)
    expect(page.get_by_alt_text("The photo that you chose")).to_be_visible()


def test_a_photo_from_the_camera_is_answered(open_page: OpenPage) -> None:
    page = open_page()
    # Gradio asks, now and then, for the progress of an upload without a number, and the server knows none.
    done = {"content_type": "text/event-stream", "body": 'data: {"msg": "done"}\n\n'}
    page.route(re.compile(r"upload_progress\?upload_id=$"), lambda route: route.fulfill(**done))
    page.get_by_role("button", name="Capture from camera").click()
    page.locator("#photo").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video').videoWidth > 0")  # before, there is no picture
    page.get_by_role("button", name="capture photo").click()
    wait_for_answer(page)


def test_I2_a_text_file_called_jpg_gets_a_readable_message_and_no_old_answer(
    open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = open_page()
    page.locator(".examples button").first.click()
    wait_for_answer(page)
    notes = tmp_path / "notes.jpg"
    notes.write_text("Rehearsal on Monday <script>alert(1)</script>")
    upload(page, notes)
    expect(page.get_by_role("alert")).to_contain_text("notes.jpg: this is a text file")
    expect(page.locator(".headline")).to_have_count(0)
    screenshot(page, "problem")


def test_S1_a_hostile_file_name_is_shown_as_text(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    hostile = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    hostile.write_text("no photo")
    upload(page, hostile)
    expect(page.get_by_role("alert")).to_contain_text("not a JPEG")
    expect(page.locator("[role=alert] img")).to_have_count(0)


def test_taking_the_photo_out_brings_the_beginning_back(open_page: OpenPage) -> None:
    page = open_page()
    page.locator(".examples button").first.click()
    wait_for_answer(page)
    page.get_by_role("button", name="Remove Image").click()
    expect(page.locator(".welcome")).to_contain_text("Drop a photo")
    expect(page.locator(".headline")).to_have_count(0)


def test_everything_works_with_the_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    tab_to(page, ".examples button")
    page.keyboard.press("Enter")
    wait_for_answer(page)
    tab_to(page, "#scores li:nth-child(2) button")
    second_class = page.locator(f"{ROWS} .name").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#caption")).to_contain_text(second_class)
    tab_to(page, "#view input[value^=Why]")
    page.keyboard.press("Space")
    expect(page.locator("#caption")).to_contain_text("rather than")
    tab_to(page, "#split input")
    page.keyboard.press("End")
    expect(page.locator("#compare")).to_have_attribute("style", re.compile("--split: 100%"))


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on such an element, and see that one sees where it is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"The Tab key never comes to {selector}")


def test_every_control_and_picture_has_a_name_for_screen_readers(open_page: OpenPage) -> None:
    page = open_page()
    page.locator(".examples button").first.click()
    wait_for_answer(page)
    page.get_by_role("button", name="More settings").click()
    expect(page.get_by_role("button", name="Reset", exact=True)).to_be_visible()
    tree = page.locator("main").aria_snapshot()
    nameless = re.findall(r"^ *- (?:button|slider|radio|spinbutton|meter|tab|link)(?: *\[.*\])*:?$", tree, re.M)
    assert nameless == []
    assert page.evaluate("[...document.images].filter(i => !i.alt && !i.closest('button')?.innerText).length") == 0
    assert page.get_by_role("heading", level=1).count() == 1


def test_a_phone_shows_everything_without_sideways_scrolling(open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".examples button").nth(1).tap()
    wait_for_answer(page)
    expect(page.locator(".headline")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "phone")
    open_tab(page, "About")
    expect(page.get_by_role("heading", name="What it cannot do")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: OpenPage, scheme: str, screenshot: Screenshot) -> None:
    page = open_page(color_scheme=scheme)
    page.locator(".examples button").nth(3).click()
    wait_for_answer(page)
    texts = (
        "h1",
        ".masthead p",
        ".headline h2",
        ".likelihood",
        ".kicker",
        f"{ROWS} .name",
        "#caption p",
        "dd",
        ".quiet",
        "footer button",
        "[data-testid=block-info]",
    )
    faint = {text: ratio for text in texts if (ratio := page.evaluate(CONTRAST_RATIO, text)) < 4.5}
    assert faint == {}  # WCAG 2, level AA
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 17, 16)") == (scheme == "dark")
    screenshot(page, scheme)


CONTRAST_RATIO = """selector => {
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = color => parse(color).slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  let ground = document.querySelector(selector);
  const text = luminance(getComputedStyle(ground).color);
  while (parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const under = luminance(getComputedStyle(ground).backgroundColor);
  return (Math.max(text, under) + 0.05) / (Math.min(text, under) + 0.05);
}"""


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "hi-IN"])
def test_the_page_speaks_english_whatever_the_browser_speaks(open_page: OpenPage, photo: Path, locale: str) -> None:
    page = open_page(locale=locale)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Use via API")).to_be_visible()
    page.locator(".examples button").first.click()
    wait_for_answer(page)
    open_tab(page, "Train your own")
    page.get_by_role("tab", name="Class by class").click()
    page.get_by_role("button", name="Photos from files or the clipboard").click()
    page.locator("#data-photos input[type=file]").first.set_input_files(photo)
    expect(page.locator("#data-photos").get_by_role("button", name="Thumbnail")).to_be_visible()
    assert re.findall(r"\b(?:common|image|upload_text|file)\.[a-z_]+", page.locator("body").aria_snapshot()) == []
    assert page.title() == "Name the dance"
    assert page.locator("link[rel~=icon]").last.get_attribute("href") == "favicon.ico"
    assert "<svg" in page.request.get(urljoin(page.url, "favicon.ico")).text()


def test_the_settings_offer_the_colours_and_nothing_that_is_not_ours(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("button", name="Dark")).to_be_visible()
    for words in ("Progressive Web App", "Screen Studio", "Start Recording"):
        expect(page.get_by_text(words).first).to_be_hidden()


def test_the_keyboard_skips_to_the_tabs_and_nothing_moves_for_whoever_wants_no_motion(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the tabs")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Name a dance")).to_be_focused()
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0.01)"
    )
    assert page.evaluate(f"{moving}.length") == 0


def test_a_picture_of_no_dance_gets_no_percentages(open_page: OpenPage, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    page = open_page()
    upload(page, tmp_path / "noise.png")
    wait_for_answer(page)
    expect(page.locator(".headline h2")).to_contain_text("Not sure")
    assert "%" not in page.locator(".headline").inner_text() + page.locator("#scores").inner_text()
    expect(page.locator(ROWS).first).to_be_hidden()
    page.get_by_text("Nearest among its 8 classes only").click()
    page.locator(ROWS).nth(1).click()
    expect(page.locator("#caption")).to_contain_text(page.locator(f"{ROWS} .name").nth(1).inner_text())


UNTYPED = [("IMG_1.HEIC", ""), ("IMG_1.heif", "application/octet-stream"), ("photo", ""), ("IMG.jfif", "")]


@pytest.mark.slow
@pytest.mark.parametrize("name, kind", UNTYPED)
@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_photo_of_which_the_browser_knows_no_type_is_read(
    open_page: OpenPage, photo: Path, name: str, kind: str, way: str
) -> None:
    data = photo.read_bytes()
    if name.lower().endswith((".heic", ".heif")):
        buffer = io.BytesIO()
        pillow_heif.from_pillow(Image.open(photo)).save(buffer, quality=90)
        data = buffer.getvalue()
    page = open_page()
    if way == "chosen":
        page.locator("#photo input[type=file]").set_input_files({"name": name, "mimeType": kind, "buffer": data})
    else:
        dropped = page.evaluate_handle(
            """([bytes, name, type]) => {
                const data = new DataTransfer();
                data.items.add(new File([Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0))], name, {type}));
                return data;
            }""",
            [base64.b64encode(data).decode(), name, kind],
        )
        page.locator("#photo input[type=file]").locator("..").dispatch_event("drop", {"dataTransfer": dropped})
    wait_for_answer(page)


@pytest.mark.slow
def test_would_it_say_the_same_is_computed_when_it_is_opened_and_gone_with_the_photo(
    open_page: OpenPage, photo: Path, screenshot: Screenshot
) -> None:
    page = open_page()
    upload(page, photo)
    wait_for_answer(page)
    part = page.locator("#robustness")
    expect(part.locator(".changes")).to_have_count(0)
    part.get_by_role("button", name="Would it say the same?").click()
    expect(part.locator(".changes button")).to_have_count(8)
    expect(part).to_contain_text(re.compile(r"Held \d of 7\."))
    expect(part.locator(".changes button").first).to_contain_text("the same by construction")
    part.locator(".changes button", has_text="Blurred").click()
    expect(part.locator(".changed figcaption")).to_contain_text("Blurred, 1.0 % of its side: ")
    part.get_by_label("How strong: blurred").last.fill("2")
    expect(part.locator(".changed figcaption")).to_contain_text("Blurred, 2.0 % of its side: ")
    typed = part.get_by_label("number input for How strong: blurred")
    typed.fill("")
    expect(part.locator(".changed figcaption")).to_contain_text("Blurred, 0.0 % of its side: ")
    typed.press_sequentially("25")  # more than there is
    expect(part.locator(".changed figcaption")).to_contain_text("Blurred, 3.0 % of its side: ")
    part.scroll_into_view_if_needed()
    screenshot(page, "robustness")
    page.locator(".examples button").first.click()
    expect(part.locator(".changes")).to_have_count(0)
    expect(part.locator(".changed")).to_have_count(0)
