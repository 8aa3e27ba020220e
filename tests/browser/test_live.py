"""The tab "Live" in a real browser whose camera shows our drawings, and its route as a program finds it."""

import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dance_demo.data.illustrations import draw
from dance_demo.ui.live.frames import BUSY
from dance_demo.ui.server.gradio_routes import LIVE_FRAME
from tests.browser.tabs import open_tab
from tests.support.clips import camera_file, on_stage

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
JPEG = {"Content-Type": "image/jpeg"}
VISITOR = "0123456789abcdef"

# Keeps what the page gets from the camera, so that a test can see whether it is on.
KEEP_TRACKS = """
window.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async wanted => {
  const stream = await open(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
# Of a browser without SIMD, for which the server answers; test_live_local has the others.
OLD_BROWSER = "WebAssembly.validate = () => false"
CAMERA_ON = "window.tracks.some(track => track.readyState === 'live')"


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Another Chromium, whose camera shows a drawn Odissi dancer."""
    picture = on_stage(draw("odissi", 5, size=(380, 476)))
    film = camera_file(tmp_path_factory.mktemp("camera") / "odissi.mjpeg", [picture], frames_each=30)
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags = ["--no-sandbox", "--disable-gpu", f"--use-file-for-fake-video-capture={film}", *camera]
    chromium = browser.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=flags
    )
    yield chromium
    chromium.close()


@pytest.fixture
def browser_on_stage(stage: Browser, app_url: str) -> Iterator[Page]:
    """The tab, its camera still off. Afterwards the page may not have reported an error."""
    context = stage.new_context(viewport={"width": 1280, "height": 900})
    page, troubles = context.new_page(), []
    page.add_init_script(KEEP_TRACKS)
    page.add_init_script(OLD_BROWSER)
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_default_timeout(20_000)
    page.goto(app_url)
    show_tab(page)
    yield page
    context.close()
    assert troubles == []


def show_tab(page: Page) -> None:
    open_tab(page, "Live")
    expect(page.get_by_role("button", name="Start the camera")).to_be_visible()


def start(page: Page) -> None:
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".running .headline h2")).to_contain_text("Odissi")


def heat(page: Page) -> str:
    return page.locator("[data-part=heat]").evaluate("canvas => canvas.toDataURL()")


def test_the_camera_s_picture_is_named_again_and_again(
    browser_on_stage: Page, screenshot: Screenshot, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page, uploads = browser_on_stage, tmp_path_factory.getbasetemp()
    stored = set(uploads.glob("app*/uploads/**/*"))
    on_the_way, most = [0], [0]

    def asked(change: int) -> Callable:
        def count(request) -> None:
            if LIVE_FRAME in request.url:
                on_the_way[0] += change
                most[0] = max(most[0], on_the_way[0])

        return count

    page.on("request", asked(1))
    page.on("requestfinished", asked(-1))
    page.on("requestfailed", asked(-1))
    start(page)
    expect(page.locator("[data-part=rate]")).to_have_text(re.compile(r"^\d+(\.\d)? answers a second$"))
    expect(page.locator(".running ol li:visible")).to_have_count(4)
    assert page.locator("[data-part=heat]").evaluate("canvas => canvas.width") > 50
    expect(page.get_by_role("status").filter(has_text="Odissi")).to_have_count(1)
    screenshot(page, "live")
    assert most[0] == 1
    assert set(uploads.glob("app*/uploads/**/*")) == stored


def test_freeze_holds_picture_and_answer_until_go_on(browser_on_stage: Page) -> None:
    page = browser_on_stage
    start(page)
    expect(page.get_by_label("The picture that you froze")).to_be_hidden()
    page.get_by_role("button", name="Freeze").press("Enter")
    go_on = page.get_by_role("button", name="Go on")
    expect(go_on).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("The picture that you froze")).to_be_visible()
    held = heat(page), page.locator(".running").inner_text()
    page.wait_for_timeout(600)
    assert (heat(page), page.locator(".running").inner_text()) == held
    page.get_by_label("Heatmap of").select_option("Kathak")
    page.wait_for_function("before => document.querySelector('[data-part=heat]').toDataURL() !== before", arg=held[0])
    assert page.locator(".running .headline").inner_text() in held[1]
    go_on.press("Space")
    expect(page.get_by_label("The picture that you froze")).to_be_hidden()
    expect(page.locator("[data-part=rate]")).to_contain_text("answers a second")


def test_a_form_can_be_chosen_for_the_heatmap_and_it_can_be_left_out(browser_on_stage: Page) -> None:
    page = browser_on_stage
    start(page)
    with page.expect_request(re.compile("class=2")):
        page.get_by_label("Heatmap of").select_option("Kathakali")
    page.get_by_label("Heatmap of").select_option("nothing (no heatmap)")
    page.wait_for_function("document.querySelector('[data-part=heat]').width === 1")


SLOW_CANVAS = """() => {
  const toBlob = HTMLCanvasElement.prototype.toBlob;
  HTMLCanvasElement.prototype.toBlob = function (done, ...rest) {
    return toBlob.call(this, blob => setTimeout(done, 600, blob), ...rest);
  };
}"""


def test_V6_a_picture_in_the_making_is_not_sent_any_more_when_the_camera_goes_off(browser_on_stage: Page) -> None:
    page, asked = browser_on_stage, []
    page.evaluate(SLOW_CANVAS)
    start(page)
    page.on("request", lambda request: LIVE_FRAME in request.url and asked.append(request.url))
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(f"!({CAMERA_ON})")
    asked.clear()
    page.wait_for_timeout(1000)
    assert asked == []


def test_V6_the_camera_goes_off_when_its_visitor_leaves(browser_on_stage: Page) -> None:
    page, asked = browser_on_stage, []
    page.on("request", lambda request: LIVE_FRAME in request.url and asked.append(request.url))

    def see_that_it_is_off() -> None:
        page.wait_for_function(f"!({CAMERA_ON})")
        asked.clear()
        page.wait_for_timeout(300)
        assert asked == []

    start(page)
    assert page.evaluate(CAMERA_ON)
    open_tab(page, "About")
    see_that_it_is_off()
    show_tab(page)
    start(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    see_that_it_is_off()
    start(page)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")  # another window lies before it
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    see_that_it_is_off()


def test_without_a_camera_a_sentence_says_what_to_do(open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_page()
    show_tab(page)
    for browser_says, sentence in (
        ("NotAllowedError", "The camera was refused. Allow it"),
        ("NotFoundError", "No camera was found. Connect one"),
        ("NotReadableError", "used by another program"),
        (None, "Browsers offer the camera only to pages at https:// or localhost"),
    ):
        if browser_says:
            page.evaluate(
                "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }",
                browser_says,
            )
        else:  # as in a page at http:// and the address of another computer
            page.evaluate("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator(".camera [role=alert]")).to_contain_text(sentence)
    screenshot(page, "live without a camera")


def test_a_phone_shows_the_camera_without_sideways_scrolling(open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_page(390, 844, is_mobile=True, has_touch=True, device_scale_factor=2, color_scheme="dark")
    show_tab(page)
    page.get_by_role("button", name="Start the camera").tap()
    expect(page.locator("[data-part=rate]")).to_contain_text("answers a second")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "live phone")
    tree = page.locator(".live").aria_snapshot()
    assert re.findall(r"^ *- (?:button|combobox|img)(?: *\[.*\])*:?$", tree, re.M) == []


# --- the route, as a program finds it ------------------------------------------------------------------------


def frame(form: str = "odissi") -> bytes:
    buffer = io.BytesIO()
    draw(form, 5, size=(256, 320)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def post(url: str, content: bytes, *, headers: dict | None = None, **query: object) -> httpx.Response:
    asked = {"visitor": VISITOR} | query
    return httpx.post(f"{url}{LIVE_FRAME}", params=asked, content=content, headers=JPEG | (headers or {}), timeout=30)


def test_a_picture_is_answered_with_every_form_and_a_heatmap(app_url: str) -> None:
    answer = post(app_url, frame()).json()
    assert answer["answers"][0]["name"] == answer["shown"] == "Odissi"
    assert len(answer["answers"]) == 8
    assert answer["sure"] and answer["heat"]


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"content": b"hello"}, 400, "this is a text file"),
        ({"content": b""}, 400, "the file is empty"),
        ({"content": b"<svg onload='alert(1)'/>"}, 400, "SVG"),
        ({"content": bytes(300_000)}, 413, "the limit is 0.2 MB"),
        ({"class": 99}, 400, "no such class"),
        ({"class": "9" * 40}, 400, "could not be understood"),
        ({"visitor": "../../etc"}, 400, "could not be understood"),
        ({"headers": {"Content-Type": "text/plain"}}, 415, "image/jpeg"),
        ({"headers": {"Origin": "https://elsewhere.example"}}, 403, "other websites"),
    ],
)
def test_V4_what_our_page_would_not_send_is_refused_in_a_sentence(
    app_url: str, change: dict, status: int, sentence: str
) -> None:
    refused = post(app_url, change.pop("content", frame()), **change)
    assert (refused.status_code, sentence in refused.json()["detail"]) == (status, True), refused.text


def test_V4_a_huge_picture_is_refused_by_its_header(app_url: str) -> None:
    buffer = io.BytesIO()
    Image.new("1", (16000, 16000)).save(buffer, "PNG")
    assert "16000 x 16000 pixels is too large" in post(app_url, buffer.getvalue()).json()["detail"]


def test_there_is_nothing_to_read_at_the_door(app_url: str) -> None:
    assert httpx.get(f"{app_url}{LIVE_FRAME}").status_code == 404


def test_V5_with_many_cameras_some_wait_and_a_single_photo_does_not(app_url: str, photo: Path) -> None:
    """Twelve visitors send as fast as they can: nobody gets an error but "busy", and a photo comes in between."""
    until, picture = time.monotonic() + 2.5, frame()

    def send(visitor: int) -> list[httpx.Response]:
        answers = []
        with httpx.Client(timeout=30) as client:
            while time.monotonic() < until:
                asked = {"visitor": f"{visitor:016x}"}
                answers.append(client.post(f"{app_url}{LIVE_FRAME}", params=asked, content=picture, headers=JPEG))
        return answers

    client = Client(app_url, verbose=False)
    with ThreadPoolExecutor(12) as threads:
        sending = [threads.submit(send, visitor) for visitor in range(12)]
        answer = client.predict(handle_file(photo), 1, api_name="/classify")
        assert answer["predictions"][0]["label"] == "odissi"
        assert time.monotonic() < until + 5
        answers = [answer for one in sending for answer in one.result()]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert {answer.json()["detail"] for answer in answers if answer.status_code == 503} == {BUSY}
    assert post(app_url, picture).status_code == 200
