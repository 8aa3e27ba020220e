"""Recordings on the page, the whole way: ten talas as pictures, a head of them, a cell of its confusion matrix that
plays, three models on the same split, and the head on a recording of the microphone."""

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
    expect(found.locator(".intake")).to_contain_text("120 pieces of sound in 10 classes")
    expect(found).to_contain_text("pieces of 120 recordings")
    assert found.locator(".samples img").count() >= 20
    expect(found.locator(".samples")).to_contain_text("Sixteen beats, four by four")
    assert "photo" not in found.inner_text().lower()
    screenshot(trained, "sound-data")


def test_the_training_speaks_of_pieces_of_sound(trained: Page) -> None:
    step(trained, "Train")
    expect(trained.locator("#training-step .material")).to_contain_text("120 pieces of sound of 10 classes")
    expect(trained.locator("#training-step .notice.good")).to_contain_text("held-out pieces of sound right")


def test_a_cell_of_the_confusion_matrix_plays(trained: Page, screenshot: Screenshot) -> None:
    step(trained, "Results")
    expect(trained.locator("#evaluation .score")).to_contain_text("pieces of sound trained the head")
    assert "photo" not in trained.locator("#result-step").inner_text().lower()
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
    assert "photo" not in trained.locator("#cell-photos").inner_text().lower()


def test_the_player_is_dark_where_the_page_is(trained: Page, screenshot: Screenshot) -> None:
    audio = trained.locator("#cell-photos audio").first
    assert audio.evaluate("audio => getComputedStyle(audio).colorScheme") == "normal"
    trained.evaluate("document.body.classList.add('dark')")
    assert audio.evaluate("audio => getComputedStyle(audio).colorScheme") == "dark"
    screenshot(trained, "sound-dark")
    trained.evaluate("document.body.classList.remove('dark')")


def test_three_models_are_compared_on_the_same_split(trained: Page, screenshot: Screenshot) -> None:
    step(trained, "Compare")
    trained.get_by_label("32 (quick)").check()
    trained.get_by_label("number input for Its epochs").fill("2")
    trained.locator("#start-comparison").click()
    table = trained.locator("#compare-step table").first
    expect(table).to_contain_text("From scratch", timeout=WITHIN_MS)
    for name in ("Spectrogram", "Wavelet", "Fused, joint head", "Fused, mean of logits"):
        expect(table).to_contain_text(name)
    expect(trained.locator("#compare-step .confusion")).to_have_count(4)
    expect(table.locator("xpath=ancestor::section")).to_contain_text("held-out pieces of sound")
    expect(trained.locator("#compare-step .thumbs")).to_have_count(2)
    expect(trained.locator("#compare-step")).not_to_contain_text("Which features matter?")  # of photos only
    screenshot(trained, "sound-compare")


def test_the_head_listens_to_the_microphone(trained: Page, screenshot: Screenshot) -> None:
    step(trained, "Use")
    ear = trained.locator("#ear-recording")
    ear.get_by_role("button", name="Record audio").click()
    ear.get_by_role("button", name="Record", exact=True).click()
    trained.wait_for_timeout(2000)
    ear.get_by_role("button", name="Stop").first.click()
    audio = trained.locator("#ear .ear audio")
    expect(audio).to_have_attribute("aria-label", re.compile(r"from 0\.0 to [1-9]"), timeout=WITHIN_MS)
    expect(trained.locator("#use-step").get_by_role("alert")).to_have_count(0)
    expect(ear.get_by_role("button", name="Download")).to_be_visible()
    expect(ear.get_by_role("button", name="Share")).to_have_count(0)  # only its visitor hears it
    screenshot(trained, "sound-microphone")
