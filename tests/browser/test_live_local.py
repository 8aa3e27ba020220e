"""The tab "Live" where the visitor's own browser answers: it says what the server would, and nothing is sent."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dance_demo.model.classifier import Classifier
from dance_demo.ui.server.gradio_routes import LIVE_FILES, LIVE_FRAME, LIVE_MODEL, LIVE_NETWORK, LIVE_RUNTIME
from tests.browser.test_live import show_tab, stage, start  # noqa: F401
from tests.support.running_app import running_app

# Keeps the last picture that the worker was asked about, and what it last said.
KEEP_PICTURES = """
const send = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (question, moved) {
  window.picture = {...question, pixels: Array.from(new Uint8Array(question.pixels))};
  const hear = ({data}) => requestAnimationFrame(() => { window.heard = data; });
  if (!window.heard) this.addEventListener("message", hear);
  window.heard ??= {};
  return send.call(this, question, moved);
};
"""
FIRST_ANSWER_MS = 60_000  # the network comes first
MOST_DIFFERENCE = 0.01


@pytest.fixture
def page(stage: Browser, app_url: str) -> Iterator[Page]:  # noqa: F811
    """The tab, its camera still off. Afterwards the page may not have reported an error."""
    context = stage.new_context(viewport={"width": 1280, "height": 900})
    page, troubles = context.new_page(), []
    page.add_init_script(KEEP_PICTURES)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_default_timeout(FIRST_ANSWER_MS)
    page.goto(app_url)
    show_tab(page)
    yield page
    context.close()
    assert troubles == []


@pytest.mark.slow
def test_the_browser_answers_as_the_server_would_and_no_picture_leaves_it(page: Page, classifier: Classifier) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    start(page)
    expect(page.get_by_text("no picture of the camera leaves this device")).to_be_visible()
    expect(page.locator("[data-part=rate]")).to_have_text(re.compile(r"^\d+(\.\d)? answers a second$"))
    page.get_by_role("button", name="Freeze").click()
    page.wait_for_function("window.heard?.id === window.picture.id && window.picture.still")
    shown = """rows => rows.map(row => [
        row.querySelector(".name").textContent, row.querySelector(".bar").style.getPropertyValue("--share")])"""
    rows = dict(page.locator(".running ol li").evaluate_all(shown))
    picture = page.evaluate("window.picture")
    size = picture["height"], picture["width"]
    photo = Image.fromarray(np.array(picture["pixels"], np.uint8).reshape(*size, 4)[..., :3])
    expected = {one.label: one.probability for one in classifier.classify(photo).predictions}
    for name, share in rows.items():
        assert abs(float(share) - expected[name.casefold()]) <= MOST_DIFFERENCE, (rows, expected)
    held = page.locator("[data-part=heat]").evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("Heatmap of").select_option("Kathak")
    page.wait_for_function("before => document.querySelector('[data-part=heat]').toDataURL() !== before", arg=held)
    assert not [line for line in asked if LIVE_FRAME in line or line.startswith("POST") and "/live" in line]


@pytest.mark.slow
def test_where_the_network_does_not_come_the_server_answers_and_the_page_says_so(page: Page) -> None:
    page.route(re.compile(LIVE_RUNTIME), lambda route: route.abort())
    with page.expect_request(re.compile(LIVE_FRAME)):
        page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Small pictures of the camera go to this server")).to_be_visible()
    expect(page.locator(".running .headline h2")).to_contain_text("Odissi")


@pytest.mark.slow
def test_the_server_answers_where_it_was_started_to(stage: Browser, tmp_path: Path) -> None:  # noqa: F811
    with running_app(tmp_path, "--server-live") as app:
        page = stage.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{app.url}/#live")
        with page.expect_request(re.compile(LIVE_FRAME)):
            page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_text("Small pictures of the camera go to this server")).to_be_visible()
        expect(page.locator(".running .headline h2")).to_contain_text("Odissi")
        assert not [url for url in asked if any(path in url for path in LIVE_FILES)]
        page.close()


@pytest.mark.slow
def test_the_first_page_fetches_nothing_of_it(stage: Browser, app_url: str) -> None:  # noqa: F811
    page = stage.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app_url)
    show_tab(page)
    assert asked and not [url for url in asked if "/live/" in url]
    page.close()


@pytest.mark.slow
def test_V7_what_is_asked_wrongly_gets_a_sentence(app_url: str) -> None:
    for path, query in ((LIVE_MODEL, {"model": "x" * 32}), (LIVE_NETWORK, {"sha256": "../../etc/passwd"})):
        answer = httpx.get(f"{app_url}{path}", params=query)
        assert answer.status_code == 400 and "no longer kept" in answer.json()["detail"]
    for path in LIVE_FILES:
        assert httpx.post(f"{app_url}{path}", content=b"").status_code in (404, 405, 415)
    known = httpx.get(f"{app_url}{LIVE_MODEL}").json()
    assert base64.b64decode(known["palette"]) and known["network"].startswith("network.bin?sha256=")
