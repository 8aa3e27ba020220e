"""The real app in a process of its own, and a real browser in front of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from dance_demo.illustrations import draw
from tests.running_app import ROOT, running_app

ARTEFACTS = ROOT / "tests" / "artefacts"
PATIENCE_MS = 20_000  # a busy machine is no fault of the page

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, started once for all tests of the page."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app.url
    assert "Traceback" not in app.log


def is_trouble(message: ConsoleMessage) -> bool:
    """An error, unless Gradio only tells of a stream that broke off because the page was reloaded."""
    return message.type == "error" and not re.match("AbortError|Unexpected error Connection errored out", message.text)


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """See `opening`."""
    with opening(browser, app_url) as opened:
        yield opened


@contextmanager
def opening(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """Opens the page (or that of another app, by its `url`) with settings of Playwright's `new_context`. Whatever a
    test does there, afterwards nothing may have been fetched from elsewhere, and the page may not have reported an
    error or opened a dialog."""
    contexts, troubles = [], []

    def opened(width: int = 1280, height: int = 900, url: str = app_url, **settings: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        local = (url, "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(local) or troubles.append(f"foreign request: {r.url}"))
        page.on("console", lambda m: is_trouble(m) and troubles.append(f"console: {m.text} {m.location}"))
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(url)
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
