"""An export that runs in a browser, opened from its file, with the network off and every request noticed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

PATIENCE_MS = 60_000  # a busy machine is no fault of the page
_PROBE = (
    "document.body.append(Object.assign(document.createElement('input'), {type: 'file', id: 'probe', hidden: true}))"
)
_ASK = """takeaway.ask(document.querySelector('#probe').files[0])
  .then(answer => answer && {probabilities: answer.probabilities, doubt: answer.doubt})"""


class Takeaway:
    """The page, and what it answers."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ask(self, photo: Path) -> dict[str, Any] | None:
        """What the page answers to a chosen file, whole path; None if it says that it cannot be read."""
        self.page.set_input_files("#probe", photo)
        answer: dict[str, Any] | None = self.page.evaluate(_ASK)
        return answer

    def choose(self, photo: Path) -> str:
        """Choose a photo as a visitor does; returns what is read out."""
        self.page.set_input_files("#file", photo)
        expect(self.page.locator("#status")).not_to_have_text("Looking at the photo.", timeout=PATIENCE_MS)
        return self.page.inner_text("#problem") or str(self.page.text_content("#status"))


@contextmanager
def opened(
    browser: Browser, url: str, *, allowed: Sequence[str] = (), offline: bool = True, **settings: Any
) -> Iterator[Takeaway]:
    """The page at `url`. Afterwards nothing but itself, and what begins with `allowed`, may have been asked for, and it
    may not have reported an error or opened a dialog."""
    context = browser.new_context(offline=offline, **settings)
    troubles: list[str] = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    known = (url, "blob:", "data:", *allowed)
    context.on("request", lambda r: r.url.startswith(known) or troubles.append(f"request: {r.url}"))
    page.on("console", lambda m: m.type in ("error", "warning") and troubles.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
    page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.evaluate(_PROBE)
    yield Takeaway(page)
    context.close()
    assert troubles == []
