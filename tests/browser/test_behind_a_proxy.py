"""The page behind a reverse proxy: below a path, and where it passes on no `Host`, which the log tells of."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.proxy import proxy_to
from tests.support.running_app import running_app

pytestmark = pytest.mark.slow


def test_the_heatmap_shows_behind_a_proxy_without_host(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path) as app, proxy_to(app.port, host=False) as address:
        an_example_is_answered(browser, address)
    assert app.log.count("let it pass on Host") == 1


@pytest.mark.parametrize("cut", ["/dance", ""])
def test_the_page_works_below_a_path_whether_the_proxy_cuts_that_off_or_not(
    browser: Browser, tmp_path: Path, cut: str
) -> None:
    with running_app(tmp_path, GRADIO_ROOT_PATH="/dance") as app, proxy_to(app.port, host=True, cut=cut) as address:
        an_example_is_answered(browser, f"{address}/dance/")
    assert "let it pass on Host" not in app.log


def an_example_is_answered(browser: Browser, address: str) -> None:
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: message.type == "error" and refused.append(message.text))
    page.goto(address)
    page.locator(".examples button").first.click()
    expect(page.locator(".headline h2")).to_be_visible(timeout=30_000)
    expect(page.locator("#overlay img").first).to_be_visible()
    page.wait_for_function("() => document.querySelector('#overlay img').naturalWidth > 100")
    page.close()
    assert not refused, refused
