"""What does the page cost a phone on a slow line? `make bench` prints bytes, seconds and the server's memory.

A slow 4G by the throttling of Chromium's developer tools: 1.6 Mbit/s down, 0.75 Mbit/s up, and 150 ms from a request to
the first byte of its answer. The window is a phone's. Bytes are those that went over the line, heads included and
bodies as they were compressed, until `IDLE_S` seconds have passed without any.

    first visit   with nothing kept; the visitor presses the first example as soon as it is there
    second visit  the same browser an hour later, with what it has kept

Memory is what the server holds more after `VISITS` pages were opened, and after each had a photo named.
"""

import io
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from dance_demo.data.illustrations import draw
from tests.support.headless_page import HeadlessPage
from tests.support.running_app import RunningApp, running_app

LINE = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
ROUNDS, VISITS, IDLE_S, PATIENCE_MS = 3, 60, 2.0, 90_000
# What is seen when: the first words or pictures, all the examples' pictures, and examples that answer when pressed.
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
PICTURES_SEEN = """() => { const pictures = performance.getEntriesByType("resource")
    .filter(one => /\\/examples\\/\\d+\\.jpg$/.test(one.name)).map(one => one.responseEnd);
  const [painted] = performance.getEntriesByName("first-contentful-paint");
  return pictures.length < 8 ? 0 : Math.max(painted.startTime, ...pictures); }"""
EXAMPLES_SHOWN = """() => { const pictures = [...document.querySelectorAll('.examples img')];
  return pictures.length > 0 && pictures.every(one => one.complete && one.naturalWidth && one.checkVisibility()); }"""
EXAMPLE, ANSWER = ".examples button", "#ranking .headline h2, #result .headline h2"
KINDS = {
    "page": r"/(\?.*)?$",
    "scripts": r"\.js(\?|$)",
    "styles": r"\.css(\?|$)",
    "fonts": r"\.woff2?$",
    "pictures": r"\.(jpg|jpeg|png|webp|svg|ico)$|/favicon",
    "calls": r"/gradio_api/",
}


@dataclass
class Load:
    """What one opening of the page took."""

    files: list[tuple[str, int]] = field(default_factory=list)  # (address without the host, bytes over the line)
    painted_s: float = 0
    pictures_s: float = 0
    examples_s: float = 0
    answer_s: float = 0

    @property
    def kilobytes(self) -> float:
        return sum(size for _, size in self.files) / 1000

    def by_kind(self) -> Counter[str]:
        sizes: Counter[str] = Counter()
        for address, size in self.files:
            kind = next((kind for kind, address_of in KINDS.items() if re.search(address_of, address)), "others")
            sizes[kind] += size
        return sizes


def main() -> None:
    firsts, seconds = [], []
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as playwright:
        browser = started(playwright)
        for _ in range(ROUNDS):
            first, second = visits(browser, app.url)
            firsts.append(first)
            seconds.append(second)
        browser.close()
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app:
        config_bytes = len(app.ask("GET", "/config")[1].encode())
        opened_mb, named_mb = memory_each(app)
    _tell("first visit", firsts)
    _tell("second visit", seconds)
    if "--files" in sys.argv:
        for name, size in sorted(firsts[0].files, key=lambda one: -one[1]):
            print(f"{size:9} {name}")
    print(f"configuration of the page: {config_bytes / 1000:.0f} kB")
    print(f"memory of the server: {opened_mb:.2f} MB a visit, {named_mb:.2f} MB with a photo named ({VISITS} visits)")
    print(f"medians of {ROUNDS}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _tell(name: str, loads: list[Load]) -> None:
    kinds = ", ".join(f"{kind} {size / 1000:.0f}" for kind, size in loads[0].by_kind().most_common())
    print(
        f"{name}: {statistics.median(load.kilobytes for load in loads):.0f} kB ({kinds}) in {len(loads[0].files)} files"
    )
    for what, times in (
        ("first paint", [load.painted_s for load in loads]),
        ("all pictures of the examples", [load.pictures_s for load in loads]),
        ("examples that answer", [load.examples_s for load in loads]),
        ("answer", [load.answer_s for load in loads]),
    ):
        if all(times):
            print(f"  {what:28} after {statistics.median(times):5.1f} s")


def started(playwright: Playwright) -> Browser:
    flags = ["--no-sandbox", "--disable-gpu"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)


def visits(browser: Browser, url: str, *, throttled: bool = True) -> tuple[Load, Load]:
    """One browser opens the page, has an example answered, and comes back later."""
    context = browser.new_context(**PHONE)
    context.set_default_timeout(PATIENCE_MS)
    try:
        first = opened(context, url, answered=True, throttled=throttled)
        return first, opened(context, url, throttled=throttled)
    finally:
        context.close()


def opened(context: BrowserContext, url: str, *, answered: bool = False, throttled: bool = True) -> Load:
    """Open the page in a new window of this browser, and count all that comes until nothing comes any more."""
    page, load = context.new_page(), Load()
    last = _listen(context, page, url, load, throttled=throttled)
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(EXAMPLES_SHOWN, polling=50)
    load.examples_s = time.perf_counter() - began
    if answered:
        page.locator(EXAMPLE).first.click()
        page.locator(ANSWER).first.wait_for()
        load.answer_s = time.perf_counter() - began
    while time.perf_counter() - last[0] < IDLE_S:
        page.wait_for_timeout(100)
    load.painted_s, load.pictures_s = page.evaluate(PAINTED) / 1000, page.evaluate(PICTURES_SEEN) / 1000
    page.close()
    return load


def _listen(context: BrowserContext, page: Page, url: str, load: Load, *, throttled: bool) -> list[float]:
    """Note in `load` what goes over the line; returns when the last byte came."""
    tools, addresses, last = context.new_cdp_session(page), {}, [time.perf_counter()]

    def begins(event: dict) -> None:
        addresses[event["requestId"]] = event["request"]["url"].removeprefix(url)

    def ends(event: dict) -> None:
        if size := int(event["encodedDataLength"]):  # else it was kept
            load.files.append((addresses.get(event["requestId"], "?"), size))
        last[0] = time.perf_counter()

    tools.on("Network.requestWillBeSent", begins)
    tools.on("Network.loadingFinished", ends)
    tools.send("Network.enable")
    if throttled:
        tools.send("Network.emulateNetworkConditions", LINE)
    return last


def memory_each(app: RunningApp) -> tuple[float, float]:
    """(MB of the server for each page that is open, the same after each has had a photo named)."""
    with ExitStack() as windows:
        photo, most_mb = drawn_jpeg(), app.resources()["memory_mb"]
        for _ in range(10):  # what the first ones cost once and for all
            _named(_open_window(app, windows), photo)
        before_mb = app.resources()["memory_mb"]
        pages = [_open_window(app, windows) for _ in range(VISITS)]
        opened_mb = app.resources()["memory_mb"]
        for page in pages:
            _named(page, photo)
        named_mb = app.resources()["memory_mb"]
    assert most_mb < before_mb
    return (opened_mb - before_mb) / VISITS, (named_mb - before_mb) / VISITS


def _open_window(app: RunningApp, windows: ExitStack) -> HeadlessPage:
    """As a browser does: the page, the stream that stays open as long as it, and what happens first."""
    app.ask("GET", "/", headers={"Accept-Encoding": "gzip"})
    page = HeadlessPage(app)
    stream = windows.enter_context(closing(HTTPConnection("127.0.0.1", app.port, timeout=60)))
    stream.request("GET", f"/gradio_api/heartbeat/{page.session}")
    stream.getresponse()
    page.load()
    return page


def _named(page: HeadlessPage, photo: bytes) -> None:
    box = page.find(elem_id="photo")
    page.values[box] = page.app.upload(photo, "a.jpg")
    told = len(page.events)
    page.fire(box, "upload")
    assert any("Odissi" in event for event in page.events[told:])


def drawn_jpeg() -> bytes:
    buffer = io.BytesIO()
    draw("odissi", 1, size=(480, 600)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
