""" "Train your own" from photos to answers, in a real browser in front of the real app."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dance_demo.data.illustrations import draw
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE
from tests.browser.conftest import Windows, opening, slow_line
from tests.browser.tabs import open_tab
from tests.support.made_up import jpeg
from tests.support.running_app import running_app
from tests.support.takeaway import opened

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
ROWS = "#scores li button"
TRAINED_WITHIN_MS = 120_000  # other tests may keep the machine busy

pytestmark = pytest.mark.slow


def step(page: Page, name: str) -> None:
    """Go to one of the steps."""
    page.locator("#steps").get_by_role("tab", name=re.compile(rf"^(\d )?{name}$")).click()


def train_tab(page: Page) -> Page:
    return open_tab(page, "Train your own")


def make_zip(path: Path, seeds: dict[str, tuple[str, Sequence[int]]]) -> Path:
    """A zip of drawings: class name -> the form that is drawn, and the seeds."""
    with zipfile.ZipFile(path, "w") as archive:
        for label, (form, numbers) in seeds.items():
            for number, seed in enumerate(numbers):
                buffer = io.BytesIO()
                draw(form, seed, size=(180, 225)).save(buffer, "JPEG", quality=88)
                archive.writestr(f"{label}/{number}.jpg", buffer.getvalue())
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
    expect(page.locator("#training-step")).to_be_visible()  # or a busy page would come there after the next step


def wait_until_trained(page: Page, *, within_ms: float = TRAINED_WITHIN_MS) -> None:
    expect(page.locator("#training-step .notice.good")).to_be_visible(timeout=within_ms)


def top_answers(page: Page) -> list[str]:
    return page.locator(ROWS).all_inner_texts()


def test_from_the_sample_dataset_to_answers_and_back_in_a_fresh_browser(
    open_page: OpenPage, tmp_path: Path, photo: Path, screenshot: Screenshot
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
    page.locator(".confusion td button").first.click()
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
    page.locator("#photo input[type=file]").set_input_files(photo)
    expect(page.locator("#overlay img")).to_be_visible()
    answers = top_answers(page)
    screenshot(page, "own-model")

    fresh = train_tab(open_page())
    step(fresh, "Use")
    fresh.locator("#bundle-zip input[type=file]").set_input_files(bundle)
    fresh.locator("#use-in-classify").click(timeout=TRAINED_WITHIN_MS)
    expect(fresh.locator("#own-model")).to_be_visible()
    fresh.locator("#photo input[type=file]").set_input_files(photo)
    expect(fresh.locator("#overlay img")).to_be_visible()
    assert top_answers(fresh) == answers
    fresh.locator(".examples button").nth(3).click()  # all of its classes are forms
    expect(fresh.locator(ROWS).first).not_to_have_text(answers[0])

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
    expect(page.get_by_role("button", name="Train again with these corrections")).to_have_css("padding-left", "18px")
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


def test_with_other_photos_results_go_or_bear_their_name_and_a_failure_changes_nothing_of_them(
    open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    forms = {"kathakali": ("kathakali", range(8)), "odissi": ("odissi", range(8))}
    upload(page, make_zip(tmp_path / "first photos.zip", forms))
    page.locator("#start-training").click()
    wait_until_trained(page)
    expect(page.locator("#training-step .notice.good")).to_contain_text("first photos")
    expect(page.locator("#training-step .curves :is(svg, canvas)")).to_have_count(2)
    page.reload()
    train_tab(page)
    page.get_by_role("button", name="Start over with other photos").click()
    copies = {"one picture": ("manipuri", [0] * 6), "another": ("odissi", [0] * 6)}
    upload(page, make_zip(tmp_path / "copies.zip", copies))
    expect(page.locator(".material")).to_contain_text("copies")
    for gone in ("#training-step .notice.good", "#training-step .curves", "#go-results"):
        expect(page.locator(gone)).to_be_hidden()
    page.locator("#start-training").click()
    expect(page.locator("#training-step").get_by_role("alert")).to_contain_text(
        "copies of one picture", timeout=TRAINED_WITHIN_MS
    )
    for _ in range(2):  # and after a reload
        step(page, "Results")
        expect(page.locator(".score .kicker")).to_contain_text("first photos")
        page.locator(".confusion td button").first.click()
        expect(page.locator("#cell-photos figure").first).to_be_visible()
        screenshot(page, "results-of-other-photos")
        page.reload()
        train_tab(page)


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


def test_a_second_tab_of_the_same_browser_watches_the_same_training(open_page: OpenPage) -> None:
    page = train_tab(open_page())
    page.get_by_role("button", name="Use the sample dataset").click()
    page.locator("#go-train").click(timeout=TRAINED_WITHIN_MS)
    page.get_by_label("number input for Epochs").fill("300")
    page.get_by_role("radio", name="5-fold cross-validation").check()
    second = page.context.new_page()
    second.goto(page.url)  # so that it is quick to come again, while the training goes on for seconds
    expect(second.locator(".examples button").first).to_be_attached()
    page.locator("#start-training").click()
    expect(page.locator("#training-live progress")).to_be_visible()
    second.reload()
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


def test_many_photos_are_named_by_the_own_head_and_the_full_model_is_made(trained: Page, two_forms: Path) -> None:
    page = trained
    step(page, "Use")
    page.locator("#use-in-many").click()
    expect(page.locator("#many-tab")).to_contain_text("Your own model answers")
    open_tab(page, "Live").get_by_role("button", name="Start the camera").click()
    expect(page.locator("#live .headline h2")).not_to_have_text("No picture yet")
    expect(page.locator("#live select option")).to_have_count(4)  # two classes, the most likely one, and none
    expect(page.locator("#live")).to_contain_text("Your own model answers here, too")
    expect(open_tab(page, "Quiz").locator("#quiz")).to_contain_text("not against your own")
    expect(open_tab(page, "Video").locator("#video")).to_contain_text("Your own model answers here, too")
    open_tab(page, "Many photos")
    page.locator("#many-box input[type=file]").set_input_files(two_forms)
    expect(page.locator("#many-headline")).to_contain_text("30 photos", timeout=TRAINED_WITHIN_MS)
    train_tab(page)
    step(page, "Use")
    page.get_by_role("button", name="Make the full model").click()
    with page.expect_download(timeout=TRAINED_WITHIN_MS) as download:
        page.get_by_role("button", name="LiteRT (.tflite)").click(timeout=TRAINED_WITHIN_MS)
    assert download.value.path().stat().st_size > 1_000_000
    with page.expect_download() as download:
        page.get_by_role("button", name="Its classes (labels.txt)").click()
    assert "kathakali" in download.value.path().read_text(encoding="utf-8").splitlines()


def test_the_own_head_is_taken_home_as_a_page_that_runs_without_the_server(
    trained: Page, browser: Browser, tmp_path: Path
) -> None:
    step(trained, "Use")
    trained.locator("#make-page").click()
    with trained.expect_download(timeout=TRAINED_WITHIN_MS) as download:
        trained.locator("#page-file").click(timeout=TRAINED_WITHIN_MS)
    assert download.value.suggested_filename == "two forms.html"
    download.value.save_as(tmp_path / "page.html")
    draw("kathakali", 70_000, size=(360, 450)).save(tmp_path / "photo.jpg")
    with opened(browser, (tmp_path / "page.html").as_uri()) as takeaway:
        assert takeaway.choose(tmp_path / "photo.jpg").startswith("Kathakali, ")


def test_own_classes_get_their_own_words_everywhere(trained: Page, screenshot: Screenshot) -> None:
    page = trained
    step(page, "Results")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    assert download.value.suggested_filename == "two forms report.zip"
    step(page, "Use")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the bundle").click()
    assert download.value.suggested_filename == "two forms head.zip"
    page.locator("#use-in-classify").click()
    expect(page.locator("#own-model")).to_be_visible()
    expect(page.locator("#examples h2")).to_have_text("Try one of your own photos")
    assert 2 <= page.locator(".examples button").count() <= 8
    expect(page.locator("#answer-column")).to_contain_text("Which one is it?")
    screenshot(page, "own-words")
    page.locator(".examples button").first.click()
    expect(page.locator("#overlay img")).to_be_visible()
    page.get_by_role("button", name="More settings").click()
    expect(page.get_by_label("number input for How many classes")).to_have_count(1)
    expect(page.get_by_label("number input for How many forms")).to_have_count(0)
    expect(open_tab(page, "Live").locator(".invitation")).to_contain_text("Which one is it?")
    expect(open_tab(page, "Video").locator("#video")).to_contain_text("Which one is in the clip?")
    open_tab(page, "One photo")
    page.get_by_role("button", name="Switch back").click()
    expect(page.get_by_label("number input for How many forms")).to_have_count(1)
    expect(page.locator("#examples h2")).to_have_text("No photo at hand? Try one of these")
    train_tab(page)


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
    page.locator(".confusion td button").first.click()
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    for name in ("Train", "Results", "Use", "Compare"):
        step(page, name)
        page.wait_for_function(  # the number has no circle here, and so the colour of its name
            """() => {
              const tab = document.querySelector("#steps .selected[data-tab-id]");
              return tab && getComputedStyle(tab, "::before").color === getComputedStyle(tab).color;
            }"""
        )
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
    expect(page.locator(".confusion td button").first).to_be_visible()
    page.locator(".confusion td button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cell-photos figure").first).to_be_visible()
    expect(page.locator(".confusion td button[aria-pressed=true]")).to_have_count(1)


def test_of_quick_clicks_into_the_confusion_matrix_the_last_one_counts(trained: Page) -> None:
    page = trained
    step(page, "Results")
    cells = page.locator(".confusion td button")
    expect(cells.first).to_be_visible()
    for latency_ms in (400, 0):
        with slow_line(page, latency_ms):
            for cell in (cells.last, cells.first, cells.last):
                cell.click()
            expect(cells.last).to_have_attribute("aria-pressed", "true")
            expect(cells.first).to_have_attribute("aria-pressed", "false")
            cells.first.click()
            expect(cells.first).to_have_attribute("aria-pressed", "true")


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


def test_offline_what_needs_a_download_is_disabled_and_says_what_to_do(
    open_page: OpenPage, tmp_path: Path, two_forms: Path, screenshot: Screenshot
) -> None:
    nobody, cache = "http://127.0.0.1:9", str(tmp_path / "cache")
    offline = {"HF_ENDPOINT": nobody, "HTTPS_PROXY": nobody, "KERAS_HOME": cache, "DANCE_DEMO_CACHE": cache}
    with running_app(tmp_path, **offline, **{WEIGHTS_VARIABLE: ""}) as app:
        page = train_tab(open_page(url=app.url))
        page.get_by_role("tab", name="From the Hub").click()
        expect(page.locator("#data-step")).to_contain_text("127.0.0.1:9 cannot be reached from here")
        expect(page.locator("#fetch-dataset")).to_be_disabled()
        screenshot(page, "offline-hub")
        page.get_by_role("tab", name="A zip of photos").click()
        upload(page, two_forms)
        expect(page.locator("#setting-backbone")).to_contain_text("ImageNet cannot be chosen now")
        expect(page.get_by_role("radio", name="ImageNet")).to_have_count(0)
        expect(page.get_by_role("radio", name="Automatic")).to_be_checked()
        screenshot(page, "offline-backbone")
        step(page, "Use")
        expect(page.get_by_role("button", name="Load from the Hub")).to_be_disabled()
        page.close()


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cats and dogs, each indoor and outdoor."""
    folders = [f"{pet}/{place}" for pet in ("cats", "dogs") for place in ("indoor", "outdoor")]
    forms = {"cats": "odissi", "dogs": "kathakali"}
    seeds = {folder: (forms[folder[:4]], range(n, n + 6)) for n, folder in enumerate(folders)}
    return make_zip(tmp_path_factory.mktemp("zip") / "pets.zip", seeds)


@pytest.fixture(scope="module")
def unusual_columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and a CSV whose columns have names that we do not know."""
    path = make_zip(tmp_path_factory.mktemp("zip") / "spalten.zip", {"fotos": ("odissi", range(12))})
    with zipfile.ZipFile(path, "a") as archive:
        lines = [f"{n}.jpg,{'ab'[n % 2]}nna,{('stage', 'studio')[n % 3 == 0]}" for n in range(12)]
        archive.writestr("liste.csv", "bild,wer,ort\n" + "\n".join(lines))
    return path


def test_two_readings_are_asked_about_with_the_classes_of_each(
    open_page: OpenPage, doubtful: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    page.locator("#data-zip input[type=file]").set_input_files(doubtful)
    asked = page.locator("#data-question")
    expect(asked).to_contain_text("can be read in two ways", timeout=60_000)
    expect(asked.get_by_role("button")).to_have_text([re.compile("cats, dogs"), re.compile("indoor, outdoor")])
    expect(page.locator("#data-headline")).to_contain_text("2 classes")
    screenshot(page, "two readings")
    asked.get_by_role("button").nth(1).press("Enter")
    expect(page.locator(".samples")).to_contain_text("outdoor", timeout=60_000)
    expect(page.locator(".samples")).not_to_contain_text("cats")
    expect(asked.get_by_role("button")).to_have_count(0)


def test_which_column_is_the_photo_and_which_the_label_is_asked(
    open_page: OpenPage, unusual_columns: Path, screenshot: Screenshot
) -> None:
    page = train_tab(open_page())
    page.locator("#data-zip input[type=file]").set_input_files(unusual_columns)
    asked = page.locator("#data-question")
    expect(asked).to_contain_text("Which column", timeout=60_000)
    screenshot(page, "which column")
    asked.get_by_role("button", name=re.compile("labels: wer")).click()
    expect(page.locator(".samples")).to_contain_text("bnna", timeout=60_000)
    expect(page.locator("#data-headline")).to_contain_text("its columns bild and wer")


def test_the_last_blocks_are_fine_tuned_and_the_result_says_what_that_brought(
    open_page: OpenPage, tmp_path: Path, shared: Path, screenshot: Screenshot
) -> None:
    clothing = shared / "data" / "other" / "clothing"
    photos = [path for kind in ("hat", "pants", "shoes") for path in sorted((clothing / kind).iterdir())[:15]]
    with zipfile.ZipFile(tmp_path / "clothes.zip", "w") as archive:
        for path in photos[1:]:
            archive.write(path, path.relative_to(clothing))
    page = train_tab(open_page())
    upload(page, tmp_path / "clothes.zip")
    toggle = page.get_by_label("Fine-tune the last blocks")
    expect(toggle).not_to_be_checked()
    expect(page.locator("#setting-fine-tune")).to_contain_text(re.compile(r"About \d+ s more for these 44 photos"))
    toggle.check()
    screenshot(page, "train-fine-tune")
    page.get_by_label("5-fold cross-validation").check()
    page.locator("#start-training").click()
    expect(page.locator("#training-step [role=alert]")).to_contain_text("judged by photos that are put aside")
    page.get_by_label("Put some aside").check()
    page.locator("#start-training").click()
    expect(page.locator("#training-live")).to_contain_text("Fine-tuning", timeout=TRAINED_WITHIN_MS)
    wait_until_trained(page)
    page.locator("#go-results").click()
    told = page.locator(".score").get_by_text("Fine-tuned: of the same")
    expect(told).to_contain_text("on the frozen backbone")
    screenshot(page, "train-fine-tuned")

    step(page, "Use")
    expect(page.locator("#use-step")).to_contain_text("Fine-tuned: of the same")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the bundle").click()
    download.value.save_as(tmp_path / "tuned head.zip")
    page.locator("#use-in-classify").click()
    expect(page.locator("#own-model")).to_contain_text("Your own model answers here")
    page.locator("#photo input[type=file]").set_input_files(photos[0])
    expect(page.locator(ROWS).first).to_contain_text("hat")

    again = train_tab(open_page())
    step(again, "Use")
    again.locator("#bundle-zip input[type=file]").set_input_files(tmp_path / "tuned head.zip")
    expect(again.locator("#use-step")).to_contain_text("The head that you brought back", timeout=TRAINED_WITHIN_MS)
    expect(again.locator("#use-step")).to_contain_text("Fine-tuned: of the same")
