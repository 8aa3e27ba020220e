"""A head of recordings in use: it listens to a file, says what is none, and answers programs."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from dance_demo.data.sound.talas import play
from tests.browser.conftest import Windows, opening
from tests.browser.test_train_tab import Screenshot, step, train_tab
from tests.support.sounds import encoded, write_classes

pytestmark = pytest.mark.slow
WITHIN_MS = 240_000  # other tests may keep the machine busy
TALAS = ("adi", "dadra", "teental")
EACH = 8


@pytest.fixture(scope="module")
def trained(windows: Windows, app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page on which a head was trained that tells three talas apart."""
    folder = tmp_path_factory.mktemp("sounds")
    clips = {name: {f"{seed}.wav": play(name, seed) for seed in range(EACH)} for name in TALAS}
    archive = shutil.make_archive(str(folder / "three talas"), "zip", write_classes(folder / "talas", clips))
    with opening(windows, app_url) as opened:
        page = train_tab(opened())
        page.locator("#data-zip input[type=file]").set_input_files(archive)
        page.locator("#go-train").click(timeout=WITHIN_MS)
        page.locator("#start-training").click()
        expect(page.locator("#training-step .notice.good")).to_be_visible(timeout=WITHIN_MS)
        yield page


@pytest.fixture(scope="module")
def bundle(trained: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    step(trained, "Use")
    with trained.expect_download(timeout=WITHIN_MS) as download:
        trained.get_by_role("button", name="Download the bundle").click()
    path = tmp_path_factory.mktemp("bundle") / "head.zip"
    download.value.save_as(path)
    return path


def test_the_head_listens_to_a_file_after_others_were_played(
    trained: Page, tmp_path: Path, screenshot: Screenshot
) -> None:
    step(trained, "Results")
    trained.locator("#confusion button").filter(has_text=re.compile("^[1-9]")).first.click()
    expect(trained.locator("#cell-photos audio").first).to_be_visible(timeout=WITHIN_MS)
    trained.evaluate(
        """async () => {
             for (const audio of document.querySelectorAll("#cell-photos audio")) {
               audio.muted = true;
               await audio.play();
             }
           }"""
    )
    step(trained, "Use")
    expect(trained.get_by_role("button", name="Use it in “Name a dance”")).to_be_hidden()
    clip = tmp_path / "unknown.mp3"
    clip.write_bytes(encoded(play("teental", 900), "MP3"))
    trained.locator("#ear-recording input[type=file]").set_input_files(clip)
    heard = trained.locator("#ear .ear")
    expect(heard).to_be_visible(timeout=WITHIN_MS)
    expect(heard).to_contain_text(re.compile(r"It listened most to \d+\.\d s, [\d.]+ k?Hz|Not sure|does not sound"))
    forward, backward = (trained.locator(f"#ear-recording .{name}").bounding_box() for name in ("skip", "rewind"))
    assert forward["y"] == pytest.approx(backward["y"], abs=8)  # the buttons of the player lie in one row
    pictures = heard.locator(".ear-pictures figure")
    assert pictures.count() == 4
    expect(pictures.last).to_contain_text("Drawing of the waveform")
    trained.wait_for_function(
        "() => [...document.querySelectorAll('.ear-picture img')].every(i => i.naturalWidth == 256)"
    )
    screenshot(trained, "sound-ear")
    played = trained.evaluate(
        """async () => {
             const audio = document.querySelector("#ear .ear audio");
             audio.muted = true;
             await audio.play();
             await new Promise(done => setTimeout(done, 700));
             const shown = document.querySelector(".ear-pictures");
             const found = [shown.classList.contains("playing"), Number(shown.style.getPropertyValue("--played"))];
             audio.pause();
             return found;
           }"""
    )
    assert played[0] and 0.03 < played[1] < 0.9


def test_what_is_no_recording_gets_a_sentence(trained: Page, tmp_path: Path) -> None:
    step(trained, "Use")
    empty(trained)
    (tmp_path / "words.wav").write_text("no sound at all")
    trained.locator("#ear-recording input[type=file]").set_input_files(tmp_path / "words.wav")
    problem = trained.locator("#use-step").get_by_role("alert")
    expect(problem).to_contain_text("this is a text file", timeout=WITHIN_MS)
    expect(trained.locator("#ear .ear")).to_have_count(0)  # the answer to another recording


def test_hear_answers_programs(app_url: str, bundle: Path, tmp_path: Path) -> None:
    client = Client(app_url, verbose=False)
    clip = tmp_path / "clip.flac"
    clip.write_bytes(encoded(play("dadra", 901), "FLAC"))
    answer = client.predict(handle_file(clip), handle_file(bundle), api_name="/hear")
    assert sorted(one["label"] for one in answer["predictions"]) == sorted(TALAS)
    assert len(answer["pieces"]) == 1
    assert 0 <= answer["listened_to"]["seconds"] <= 5
    assert json.dumps(answer)
    (tmp_path / "words.wav").write_text("no sound at all")
    for recording, head, words in (
        (tmp_path / "words.wav", bundle, "this is a text file"),
        (clip, tmp_path / "words.wav", "not a bundle"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(recording), handle_file(head), api_name="/hear")
    client.close()


def empty(page: Page) -> None:
    """Take out the recording that is there."""
    if (clear := page.locator("#ear-recording").get_by_role("button", name="Clear")).count():
        clear.first.click()
    expect(page.locator("#ear-recording input[type=file]")).to_be_attached()
