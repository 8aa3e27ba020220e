"""The real app in a process of its own, and a real browser in front of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from dance_demo.data.illustrations import draw
from tests.support import ROOT
from tests.support.running_app import running_app

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
    """An error, unless Gradio only tells of a stream that broke off because the page was reloaded, or of an upload that
    the browser cannot play either."""
    harmless = "AbortError|Unexpected error Connection errored out|Waveform load error"
    return message.type == "error" and not re.match(harmless, message.text)


DESKTOP = {"width": 1280, "height": 720}  # of a window that says nothing of it


class Window:
    """A window with its own storage, and all that has gone wrong in it since it was opened."""

    def __init__(self, browser: Browser, settings: dict[str, object]) -> None:
        self.settings, self.url, self.troubles = settings, "", []
        self.context = browser.new_context(**settings)
        self.page = page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda r: self._is_local(r.url) or self.troubles.append(f"foreign request: {r.url}"))
        page.on("console", lambda m: is_trouble(m) and self.troubles.append(f"console: {m.text} {m.location}"))
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, url: str) -> Page:
        self.url = url
        self.page.goto(url, wait_until="commit")  # the rest comes before the examples
        self.page.locator(".examples button").first.wait_for()
        return self.page

    def leave(self) -> list[str]:
        """Forget the visitor, and be as wide and as bright as at first; returns what went wrong."""
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        if not self.page.is_closed():
            self.page.unroute_all(behavior="ignoreErrors")
            self.page.goto("about:blank")
            stored = {"origin": self.url, "storageTypes": "all"}
            self.context.new_cdp_session(self.page).send("Storage.clearDataForOrigin", stored)
            self.context.clear_cookies()
            self.page.set_viewport_size(self.settings.get("viewport", DESKTOP))
            self.page.emulate_media(color_scheme=self.settings.get("color_scheme", "light"))
        troubles, self.troubles = self.troubles, []
        return troubles

    def _is_local(self, url: str) -> bool:
        return url.startswith((self.url, "data:", "blob:"))


class Windows:
    """Windows of the browser that are used again: one that has shown the page before shows it in half the time."""

    def __init__(self, browser: Browser) -> None:
        self.browser, self.free = browser, []

    def take(self, settings: dict[str, object]) -> Window:
        found = next((window for window in self.free if window.settings == settings), None)
        if found:
            self.free.remove(found)
        return found or Window(self.browser, settings)

    def take_back(self, windows: list[Window]) -> None:
        self.free += [window for window in windows if not window.page.is_closed()]


@contextmanager
def slow_line(page: Page, latency_ms: int) -> Iterator[None]:
    """What the page asks for comes so much later."""
    line = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
    network = page.context.new_cdp_session(page)
    network.send("Network.emulateNetworkConditions", line)
    yield
    network.detach()


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Windows:
    """For all tests of the page."""
    return Windows(browser)


@pytest.fixture
def open_page(windows: Windows, app_url: str) -> Iterator[Callable[..., Page]]:
    """See `opening`."""
    with opening(windows, app_url) as opened:
        yield opened


@contextmanager
def opening(windows: Windows, app_url: str) -> Iterator[Callable[..., Page]]:
    """Opens the page (or that of another app, by its `url`) with settings of Playwright's `new_context`, each time for
    a visitor who was never there. Whatever a test does there, afterwards nothing may have been fetched from elsewhere,
    and the page may not have reported an error or opened a dialog."""
    used: list[Window] = []

    def opened(width: int = 1280, height: int = 900, url: str = app_url, **settings: object) -> Page:
        used.append(windows.take({"viewport": {"width": width, "height": height}, **settings}))
        return used[-1].open(url)

    yield opened
    troubles = [trouble for window in used for trouble in window.leave()]
    windows.take_back(used)
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
