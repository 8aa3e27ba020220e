"""What a class sees: the password, the projector's tab "Join", and the sentence for who sends too much."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import segno
from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError
from playwright.sync_api import Browser, Page, expect

from dance_demo.classroom.invitation import svg_code
from dance_demo.classroom.lan import lan_addresses
from dance_demo.ui.server.password import COOKIE
from dance_demo.ui.server.visitors import COOKIE as VISITOR
from tests.browser.tabs import open_tab
from tests.support.running_app import FORM, JSON, META, RunningApp, form, running_app

pytestmark = pytest.mark.slow
Screenshot = Callable[[Page, str], None]
PASSWORD = "lotus-drum-42"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """In classroom mode, with a password that no list of processes shows."""
    if not lan_addresses():
        pytest.skip("this computer is in no network, so nobody could join")
    folder = tmp_path_factory.mktemp("class")
    with running_app(folder, "--classroom", DANCE_DEMO_PASSWORD=PASSWORD) as app:
        yield app
    assert "Traceback" not in app.log


@pytest.fixture
def visit(browser: Browser, app: RunningApp) -> Iterator[Callable[..., Page]]:
    """Opens the address that the class is told, or another one. Nothing may be fetched from elsewhere."""
    contexts, foreign = [], []
    class_address = f"http://{lan_addresses()[0]}:{app.port}"

    def opened(target: str = "/", *, address: str = class_address, width: int = 1280, **settings: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 844}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or foreign.append(r.url))
        page.on("pageerror", lambda error: foreign.append(f"script: {error}"))
        page.goto(address + target)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert foreign == []


def come_in(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    page.locator(".examples button").first.wait_for()


def open_join(page: Page) -> None:
    open_tab(page, "Join")
    page.locator(".join svg").wait_for()


def test_the_address_of_a_tab_is_no_password_and_is_kept_while_one_is_asked_for(visit: Callable[..., Page]) -> None:
    page = visit("/#quiz")
    page.get_by_label("Password").fill("lotus")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not the password.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    expect(page.locator("#quiz-panel")).to_be_visible()
    assert page.url.endswith("/#quiz")


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_the_password_is_asked_once_and_a_wrong_one_is_told(
    visit: Callable[..., Page], screenshot: Screenshot, script: bool
) -> None:
    page = visit(java_script_enabled=script)
    expect(page.get_by_role("heading", level=1)).to_have_text("Name the dance")
    field = page.get_by_label("Password")
    if script:
        expect(field).to_be_focused()
    field.fill("lotus")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That is not the password.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("^That is not the password"))
    screenshot(page, "password")
    field.fill("Lotus-drum-42 ")  # as a phone writes it
    page.get_by_role("button", name="Come in").click()
    expect(page).not_to_have_url(re.compile("sign-in"))
    if script:
        page.locator(".examples button").first.wait_for()
    again = page.context.new_page()
    again.goto(page.url)
    expect(again).not_to_have_url(re.compile("sign-in"))
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies.keys() == {COOKIE, VISITOR} and cookies[COOKIE]["expires"] == -1
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies.values())


def test_the_join_tab_shows_what_to_type_and_a_code_that_comes_right_in(
    visit: Callable[..., Page], app: RunningApp, screenshot: Screenshot
) -> None:
    page = visit()
    come_in(page)
    open_join(page)
    best = f"{lan_addresses()[0]}:{app.port}"
    expect(page.locator(".join h2")).to_have_text(f"http://{best}")
    expect(page.locator(".password strong")).to_have_text(PASSWORD)
    expect(page.locator(".join")).to_contain_text("The live camera runs only on the computer that serves this page")
    code = page.get_by_role("img", name=f"QR code of http://{best}")
    box = code.bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=2) and box["width"] > 400
    invitation = f"http://{best}/#{PASSWORD}"
    assert page.locator(".join svg path").get_attribute("d") == re.search(r' d="([^"]+)"', svg_code(invitation))[1]
    shown = page.evaluate(MODULES, segno.make(invitation, micro=False, error="m").symbol_size(border=4)[0])
    assert shown == [
        list(map(int, row)) for row in segno.make(invitation, micro=False, error="m").matrix_iter(border=4)
    ]
    screenshot(page, "join")
    scanned = visit(f"/#{PASSWORD}")
    scanned.locator(".examples button").first.wait_for()
    assert PASSWORD not in scanned.url
    assert PASSWORD not in app.log.partition("Ctrl+C")[2]  # no request carries it


# Each module of the code as the browser draws it: 1 where the middle of the module is painted.
MODULES = """size => {
  const path = document.querySelector(".join svg path"), at = document.querySelector(".join svg").createSVGPoint();
  return [...Array(size).keys()].map(y => [...Array(size).keys()].map(x => {
    at.x = x + 0.5; at.y = y + 0.5;
    return Number(path.isPointInStroke(at));
  }));
}"""


def test_a_phone_in_the_dark_shows_password_and_join_without_sideways_scrolling(
    visit: Callable[..., Page], screenshot: Screenshot
) -> None:
    page = visit(width=390, color_scheme="dark", is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 17, 16)"
    screenshot(page, "password_phone_dark")
    come_in(page)
    open_join(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # Black on white in the dark, too: not every camera reads the reverse.
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.join .code')).backgroundColor") == "rgb(255, 255, 255)"
    )
    screenshot(page, "join_phone_dark")


def test_who_has_enough_calls_waiting_is_told_so_on_the_page(
    visit: Callable[..., Page], app: RunningApp, photo: Path
) -> None:
    page = visit(address=app.url)
    sessions = []
    page.on("request", lambda r: "queue/join" in r.url and sessions.append(r.post_data_json["session_hash"]))
    come_in(page)
    page.locator(".examples button").first.click()
    expect(page.locator(".headline h2")).to_be_visible()
    with calls_in_the_name_of(app, sessions[-1], photo):
        page.locator(".examples button").nth(1).click()
        expect(page.get_by_text("Let them finish first, so that everybody gets a turn.")).to_be_visible()


@contextmanager
def calls_in_the_name_of(app: RunningApp, session: str, photo: Path) -> Iterator[None]:
    """As many calls as the server takes, and more whenever one is done."""
    opening = {"Authorization": f"Bearer {PASSWORD}"}
    many = next(
        one["id"]
        for one in json.loads(app.ask("GET", "/config", headers=opening)[1])["dependencies"]
        if one["api_name"] == "predict_many"
    )
    uploads = []
    for number in range(20):  # what is named twice would be read once
        content = form(photo.read_bytes() + bytes([number]), "a.jpg")
        uploads.append(json.loads(app.ask("POST", "/gradio_api/upload", content, FORM | opening)[1])[0])
    data = [[{"path": path, "meta": META} for path in uploads]]
    call = json.dumps({"data": data, "fn_index": many, "session_hash": session})
    full, done = Event(), Event()

    def go_on() -> None:
        while not done.is_set():
            if app.ask("POST", "/gradio_api/queue/join", call, JSON | opening)[0] == 429:
                full.set()
                done.wait(0.02)

    with ThreadPoolExecutor(1) as thread:
        calling = thread.submit(go_on)
        try:
            assert full.wait(30)
            yield
        finally:
            done.set()
        calling.result()


def test_a_program_gives_the_password_in_a_header(app: RunningApp, photo: Path) -> None:
    client = Client(app.url, headers={"Authorization": f"Bearer {PASSWORD}"}, verbose=False)
    assert len(client.predict(handle_file(photo), 3, api_name="/classify")["predictions"]) == 3
    client.close()
    with pytest.raises(AuthenticationError, match="credentials were not provided"):
        Client(app.url, verbose=False)
