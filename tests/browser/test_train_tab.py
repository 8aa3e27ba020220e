""" "Train your own" from photos to answers, in a real browser in front of the real app."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dance_demo.illustrations import draw
from tests.browser.conftest import Windows, opening
from tests.browser.tabs import open_tab
from tests.made_up import jpeg

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
ROWS = "#scores .confidence-set"
TRAINED_WITHIN_MS = 120_000  # other tests may keep the machine busy

pytestmark = pytest.mark.slow


def step(page: Page, name: str) -> None:
    """Go to one of the steps."""
    page.locator("#steps").get_by_role("tab", name=re.compile(rf"^(\d )?{name}$")).click()


def train_tab(page: Page) -> Page:
    return open_tab(page, "Train your own")


def make_zip(path: Path, seeds: dict[str, tuple[str, range]]) -> Path:
    """A zip of drawings: class name -> the form that is drawn, and the seeds."""
    with zipfile.ZipFile(path, "w") as archive:
        for label, (form, numbers) in seeds.items():
            for seed in numbers:
                buffer = io.BytesIO()
                draw(form, seed, size=(180, 225)).save(buffer, "JPEG", quality=88)
                archive.writestr(f"{label}/{seed}.jpg", buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def two_forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, one with a hostile name; three photos of each lie among those of the other."""
    hostile = "<img src=x onerror=alert(1)>"
    forms = {"kathakali": ("kathakali", range(12)), hostile: ("odissi", range(12))}
    path = make_zip(tmp_path_factory.mktemp("zip") / "two forms.zip", forms)
    with zipfile.ZipFile(path, "a") as archive:
        for label, form in (("kathakali", "odissi"), (hostile, "kathakali")):
            for seed in range(50, 53):
                buffer = io.BytesIO()
                draw(form, seed, size=(180, 225)).save(buffer, "JPEG", quality=88)
                archive.writestr(f"{label}/wrong {seed}.jpg", buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def trained_page(windows: Windows, app_url: str, two_forms: Path) -> Iterator[Page]:
    """A page that has trained on the two forms, by keyboard alone; for all tests that begin after that."""
    with opening(windows, app_url) as opened:
        page = train_tab(opened())
        upload(page, two_forms)
        page.locator("#start-training").focus()
        page.keyboard.press("Enter")
        wait_until_trained(page)
        yield page


@pytest.fixture
def trained(trained_page: Page) -> Iterator[Page]:
    """The page that has trained; afterwards again as wide and as bright as it was."""
    yield trained_page
    trained_page.set_viewport_size({"width": 1280, "height": 900})
    trained_page.emulate_media(color_scheme="light")


def upload(page: Page, path: Path) -> None:
    page.locator("#data-zip input[type=file]").set_input_files(path)
    page.locator("#go-train").click(timeout=TRAINED_WITHIN_MS)


def wait_until_trained(page: Page) -> None:
    expect(page.locator("#training-step .notice.good")).to_be_visible(timeout=TRAINED_WITHIN_MS)


def top_answers(page: Page) -> list[str]:
    return page.locator(ROWS).all_inner_texts()


def test_from_the_sample_dataset_to_answers_and_back_in_a_fresh_browser(
    open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    page.get_by_role("button", name="Use the sample dataset").click()
    expect(page.locator(".intake")).to_contain_text("96 photos in 8 classes", timeout=TRAINED_WITHIN_MS)
    page.locator("#go-train").click()
    screenshot(page, "train-settings")
    page.locator("#start-training").click()
    expect(page.locator("#training-live progress")).to_be_visible()
    page.reload()  # in the middle: the job is found again
    step(train_tab(page), "Train")
    wait_until_trained(page)
    expect(page.locator("#training-step .curves svg, #training-step .curves canvas").first).to_be_visible()
    screenshot(page, "train-curves")

    page.locator("#go-results").click()
    expect(page.locator(".score")).to_contain_text("Always naming the commonest class")
    page.locator(".confusion button").first.click()
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    pictures = page.locator("#cell-photos figure").first.locator("img")
    expect(pictures).to_have_count(2)
    expect(pictures.last).to_have_attribute("alt", re.compile("^The photo"))
    screenshot(page, "train-results")

    page.locator("#use-this-head").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the bundle").click()
    bundle = tmp_path / "bundle.zip"
    download.value.save_as(bundle)
    page.locator("#use-in-classify").click()
    expect(page.locator("#own-model")).to_contain_text("Your own model answers here")
    page.locator(".examples button").nth(3).click()
    expect(page.locator("#overlay img")).to_be_visible()
    answers = top_answers(page)
    screenshot(page, "own-model")

    fresh = train_tab(open_page())
    step(fresh, "Use")
    fresh.locator("#bundle-zip input[type=file]").set_input_files(bundle)
    fresh.locator("#use-in-classify").click(timeout=TRAINED_WITHIN_MS)
    expect(fresh.locator("#own-model")).to_be_visible()
    fresh.locator(".examples button").nth(3).click()
    expect(fresh.locator("#overlay img")).to_be_visible()
    assert top_answers(fresh) == answers

    fresh.get_by_role("button", name="Switch back").click()
    expect(fresh.locator("#own-model")).to_be_hidden()
    expect(fresh.locator("#result")).to_contain_text("Answered by")
    fresh.reload()
    expect(fresh.locator(".examples button").first).to_be_visible()
    expect(fresh.locator("#own-model")).to_be_hidden()


def test_suspicious_labels_are_corrected_and_trained_again(trained: Page, screenshot: Screenshot) -> None:
    page = trained
    step(page, "Results")
    doubts = page.locator(".suspicious select")
    expect(doubts.first).to_be_visible()
    expect(page.get_by_role("button", name="Train again with these corrections")).to_be_disabled()
    doubts.nth(0).select_option(index=1)
    doubts.nth(1).select_option(label="Leave it out")
    expect(page.locator(".suspicious output")).to_have_text("2 corrections")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the corrected list").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "Image,target,before" and len(lines) == 30  # of 30 photos one is left out
    page.get_by_role("button", name="Train again with these corrections").click()
    expect(page.locator(".material")).to_contain_text("29 photos of 2 classes, 2 corrections made")
    wait_until_trained(page)
    page.locator("#go-results").click()
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    expect(page.locator(".score")).to_contain_text("Your head before this one")
    assert {doubt.input_value() for doubt in page.locator(".suspicious select").all()} <= {"keep"}
    screenshot(page, "train-again")
    page.locator(".runs button").first.click()
    expect(page.locator(".runs tr[aria-current] th")).to_have_text("1")


def test_a_training_is_stopped_and_nothing_of_it_is_kept(open_page: OpenPage, two_forms: Path) -> None:
    page = train_tab(open_page())
    upload(page, two_forms)
    page.get_by_label("number input for Epochs").fill("300")
    page.get_by_role("radio", name="5-fold cross-validation").check()
    page.locator("#start-training").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#training-step .notice")).to_have_text("Stopped. Nothing of it was kept.")
    expect(page.locator("#start-training")).to_be_visible()
    page.get_by_role("button", name="Reset to defaults").click()
    expect(page.get_by_label("number input for Epochs")).to_have_value("60")
    step(page, "Results")
    expect(page.locator("#result-step .empty").first).to_contain_text("Nothing trained yet")


def test_a_second_tab_of_the_same_browser_watches_the_same_training(open_page: OpenPage, two_forms: Path) -> None:
    page = train_tab(open_page())
    upload(page, two_forms)
    page.get_by_label("number input for Epochs").fill("300")
    page.get_by_role("radio", name="5-fold cross-validation").check()
    page.locator("#start-training").click()
    expect(page.locator("#training-live progress")).to_be_visible()
    second = page.context.new_page()
    second.goto(page.url)
    step(train_tab(second), "Train")
    expect(second.locator("#training-live progress")).to_be_visible()
    second.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#training-step .notice")).to_contain_text("Stopped")


def test_two_visitors_train_other_classes_at_the_same_time(open_page: OpenPage, tmp_path: Path) -> None:
    forms = {"left": ("kathakali", "manipuri"), "right": ("odissi", "sattriya")}
    pages = {}
    for side, pair in forms.items():
        classes = {f"{side} {form}": (form, range(8)) for form in pair}
        pages[side] = train_tab(open_page())
        upload(pages[side], make_zip(tmp_path / f"{side}.zip", classes))
    for page in pages.values():
        page.locator("#start-training").click()
    for side, page in pages.items():
        wait_until_trained(page)
        page.locator("#go-results").click()
        expect(page.locator(".confusion tbody th")).to_have_text([f"{side} {form}" for form in forms[side]])


def test_a_zip_that_is_no_bundle_is_refused_with_a_sentence(open_page: OpenPage, tmp_path: Path) -> None:
    fake = tmp_path / "bundle.zip"
    with zipfile.ZipFile(fake, "w") as archive:
        archive.writestr("head.npz", b"no head")
    page = train_tab(open_page())
    step(page, "Use")
    page.locator("#bundle-zip input[type=file]").set_input_files(fake)
    expect(page.get_by_role("alert")).to_contain_text("This is not a bundle from this app", timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#use-in-classify")).to_be_hidden()


def test_a_folder_is_named_and_the_full_model_is_made(trained: Page, two_forms: Path) -> None:
    page = trained
    step(page, "Use")
    page.locator("#folder-zip input[type=file]").set_input_files(two_forms)
    expect(page.locator("#use-step")).to_contain_text("30 photos named", timeout=TRAINED_WITHIN_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Answers (CSV)").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Image,target,probability" and len(lines) == 31
    page.get_by_role("button", name="Make the full model").click()
    with page.expect_download(timeout=TRAINED_WITHIN_MS) as download:
        page.get_by_role("button", name="LiteRT (.tflite)").click(timeout=TRAINED_WITHIN_MS)
    assert download.value.path().stat().st_size > 1_000_000
    with page.expect_download() as download:
        page.get_by_role("button", name="Its classes (labels.txt)").click()
    assert "kathakali" in download.value.path().read_text(encoding="utf-8").splitlines()


def test_from_scratch_and_transferred_are_compared(
    open_page: OpenPage, two_forms: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    upload(page, two_forms)
    step(page, "Compare")
    page.get_by_label("32 (quick)").check()
    page.get_by_label("number input for Its epochs").fill("3")
    page.locator("#start-comparison").click()
    expect(page.locator("#compare-step progress")).to_be_visible()
    page.reload()
    step(train_tab(page), "Compare")
    rows = page.locator("#compare-step .runs tbody th")
    expect(rows).to_have_text(["Frozen", "Frozen, power-normalised", "From scratch"], timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#compare-step .confusion table")).to_have_count(2)
    screenshot(page, "compare")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_step_fits_a_phone_and_has_names_for_screen_readers(
    trained: Page, scheme: str, screenshot: Screenshot
) -> None:
    page = trained
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)
    step(page, "Results")
    page.locator(".confusion button").first.click()
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    for name in ("Train", "Results", "Use", "Compare"):
        step(page, name)
        tree = page.locator("#steps").aria_snapshot()
        nameless = re.findall(
            r"^ *- (?:button|tab|link|textbox|combobox|slider|radio|progressbar)(?: *\[.*\])*:?$", tree, re.M
        )
        assert nameless == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        screenshot(page, f"train-phone-{scheme}-{name.lower()}")


def test_the_confusion_matrix_works_with_the_keyboard_alone(trained: Page) -> None:
    page = trained
    step(page, "Train")
    page.locator("#go-results").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".confusion button").first).to_be_visible()
    page.locator(".confusion button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    expect(page.locator(".confusion button[aria-pressed=true]")).to_have_count(1)


def test_too_few_photos_give_a_sentence_and_no_training(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "few.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(4):
            archive.writestr(f"kathak/{seed}.jpg", jpeg(seed))
    page = train_tab(open_page())
    page.locator("#data-zip input[type=file]").set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("at least", timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#go-train")).to_be_hidden()
    step(page, "Train")
    expect(page.locator("#training-step .empty")).to_contain_text("No photos yet")
    expect(page.locator("#start-training")).to_be_hidden()
