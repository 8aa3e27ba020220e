"""Recordings on the page: ten talas are shown as pictures, and a cell of the confusion matrix plays."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, opening
from tests.browser.test_train_tab import Screenshot, step, train_tab, wait_until_trained

pytestmark = pytest.mark.slow
WITHIN_MS = 480_000  # other tests may keep the machine busy


@pytest.fixture(scope="module")
def trained(windows: Windows, app_url: str) -> Iterator[Page]:
    """A page on which the sample dataset of talas was trained on."""
    with opening(windows, app_url) as opened:
        page = train_tab(opened())
        page.get_by_role("button", name="Ten talas, to be heard").click()
        page.locator("#go-train").click(timeout=WITHIN_MS)
        page.locator("#start-training").click()
        wait_until_trained(page, within_ms=WITHIN_MS)
        yield page


def test_the_data_are_shown_as_pictures_and_counted_as_pieces(trained: Page, screenshot: Screenshot) -> None:
    step(trained, "Data")
    found = trained.locator("#data-found")
    expect(found).to_contain_text("120")
    expect(found).to_contain_text("pieces of 120 recordings")
    assert found.locator(".samples img").count() >= 20
    screenshot(trained, "sound-data")


def test_a_cell_of_the_confusion_matrix_plays(trained: Page, screenshot: Screenshot) -> None:
    step(trained, "Results")
    trained.locator("#confusion button").filter(has_text=re.compile("^[1-9]")).first.click()
    audio = trained.locator("#cell-photos audio").first
    expect(audio).to_be_visible(timeout=WITHIN_MS)
    seconds = audio.evaluate(
        """async audio => {
             audio.muted = true;
             await audio.play();
             await new Promise(done => setTimeout(done, 600));
             audio.pause();
             return [audio.currentTime, audio.duration];
           }"""
    )
    assert 0.2 < seconds[0] < 5
    assert seconds[1] == pytest.approx(5, abs=0.1)
    screenshot(trained, "sound-results")
