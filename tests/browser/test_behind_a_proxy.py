"""The page behind a reverse proxy that does not pass on `Host`: pictures show, and the log says what to change."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.proxy import proxy_without_host
from tests.support.running_app import running_app

pytestmark = pytest.mark.slow


def test_the_heatmap_shows_behind_a_proxy_without_host(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path) as app, proxy_without_host(app.port) as address:
        page = browser.new_page()
        refused: list[str] = []
        page.on("console", lambda message: message.type == "error" and refused.append(message.text))
        page.goto(address)
        page.locator(".examples button").first.click()
        expect(page.locator(".headline h2")).to_be_visible(timeout=30_000)
        picture = page.locator("#overlay img").first
        expect(picture).to_be_visible()
        page.wait_for_function("() => document.querySelector('#overlay img').naturalWidth > 100")
        assert not [text for text in refused if "Content Security Policy" in text]
        page.close()
    assert app.log.count("let it pass on Host") == 1
