"""The real app in a process of its own, and a real browser in front of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from dance_demo.illustrations import draw

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"
START_WITHIN_S = 120
PATIENCE_MS = 20_000  # a busy machine is no fault of the page

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, started once for all tests of the page."""
    folder = tmp_path_factory.mktemp("app")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(folder / "uploads"), "PYTHONWARNINGS": "default"}
    with (folder / "log").open("w") as log:
        app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        if not _answers(url, app):
            pytest.fail(f"The app does not start:\n{(folder / 'log').read_text()}")
        yield url
    finally:
        app.terminate()
        app.wait(timeout=30)
    assert "Traceback" not in (folder / "log").read_text()


def _answers(url: str, app: subprocess.Popen) -> bool:
    give_up = time.monotonic() + START_WITHIN_S
    while app.poll() is None and time.monotonic() < give_up:
        try:
            with urlopen(url, timeout=START_WITHIN_S) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.1)
    return False


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with settings of Playwright's `new_context`. Whatever a test does there, afterwards nothing may
    have been fetched from elsewhere, and the page may not have reported an error or opened a dialog."""
    contexts, troubles = [], []

    def opened(width: int = 1280, height: int = 900, **settings: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        local = (app_url, "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(local) or troubles.append(f"foreign request: {r.url}"))
        page.on("console", lambda m: m.type == "error" and troubles.append(f"console: {m.text} {m.location}"))
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(app_url)
        page.locator(".examples button").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn dancer, as a visitor's upload."""
    path = tmp_path_factory.mktemp("photos") / "my dancer.jpg"
    draw("odissi", seed=7, size=(360, 450)).save(path, quality=88)
    return path


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keeps a picture of the page among the artefacts of the run."""
    ARTEFACTS.mkdir(exist_ok=True)
    return lambda page, name: page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
