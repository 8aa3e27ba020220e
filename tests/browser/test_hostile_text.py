"""Forty hostile texts as class names, on a card and as file names, in a real browser: letters, and nothing more.

`open_page` fails each of these tests on a dialog, a foreign request or an error in the console.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dance_demo.data.illustrations import draw
from dance_demo.files.text import is_single_line, single_line
from dance_demo.model.directory import BACKBONE, BUNDLED, FAMILIARITY, HEAD, save_model
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from tests.browser.tabs import open_tab
from tests.support.hostile import HOSTILE, as_file_names
from tests.support.made_up import pooled
from tests.support.running_app import RunningApp, running_app

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
ROWS = "#scores li button"
SHOWN = 8  # classes in a ranking at most
NAMES = tuple(text if is_single_line(text) else single_line(text) for text in HOSTILE)  # others a head cannot have
FORMS = ("odissi", "kathakali", "manipuri", "kathak", "sattriya")
SEEDS = range(3, 3 + len(HOSTILE) // SHOWN)
INJECTED = """[...document.querySelectorAll("main *")].filter(element =>
  ["IFRAME", "OBJECT", "EMBED", "BASE", "META", "LINK", "TEMPLATE", "MATH", "ANIMATE"].includes(element.tagName)
  || ["onerror", "onload", "onbegin", "ontoggle", "onfocus", "onmouseover", "autofocus", "srcdoc"]
    .some(name => element.hasAttribute(name))
  || (element.getAttribute("href") || "").startsWith("javascript:")
  || (element.getAttribute("src") || "").includes("evil.example")).length"""


def upload(page: Page, name: str, content: bytes) -> None:
    kind = "image/svg+xml" if name.endswith("svg") else "image/jpeg"
    box = page.locator("#photo input[type=file]")
    box.set_input_files({"name": name, "mimeType": kind, "buffer": content})


def photo(number: int) -> bytes:
    buffer = io.BytesIO()
    draw(FORMS[number], SEEDS[number], size=(360, 450)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hostile_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """A model of forty classes with hostile names. The photo of each number brings the next eight to the top."""
    folder = tmp_path_factory.mktemp("hostile")
    shipped = load_classifier(BUNDLED)
    drawn = [draw(form, seed, size=(360, 450)) for form, seed in zip(FORMS, SEEDS, strict=True)]
    features = pooled(shipped, drawn)
    roots = np.sqrt(features)
    directions = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    weight = 300 * np.repeat(directions, SHOWN, axis=0).T
    bias = -2.0 * np.tile(np.arange(SHOWN), len(FORMS))
    head = Head(NAMES, weight, bias, 1.0, shipped.backbone.sha256, power_normalized=True)
    files = {
        BACKBONE: (BUNDLED / BACKBONE).read_bytes(),
        HEAD: head.to_npz_bytes(),
        FAMILIARITY: Familiarity.fit(features).to_npz_bytes(),
    }
    save_model(
        folder / "model",
        files,
        name=" ".join(NAMES[:30]),
        class_names=NAMES,
        photos_per_class=dict.fromkeys(NAMES, 7),
    )
    with running_app(folder, "--model", str(folder / "model")) as app:
        yield app
    assert "Traceback" not in app.log


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_S1_D17_hostile_class_names_are_shown_as_text_wherever_an_answer_names_them(
    open_page: OpenPage, hostile_app: RunningApp, number: int
) -> None:
    page = open_page(url=hostile_app.url)
    expect(page.locator(".welcome .names li")).to_have_count(len(NAMES))
    upload(page, "dancer.jpg", photo(number))
    expect(page.locator(".headline h2")).to_be_visible()
    page.get_by_role("button", name="More settings").click()
    page.get_by_label("number input for How many classes").fill(str(SHOWN))
    expect(page.locator(ROWS)).to_have_count(SHOWN)
    names = NAMES[number * SHOWN :][:SHOWN]
    assert [text.strip() for text in page.locator(f"{ROWS} .name").all_text_contents()] == list(names)
    assert names[0] in page.locator(".headline h2").text_content()
    for rank, name in enumerate(names):
        page.locator(ROWS).nth(rank).click()
        page.wait_for_function("name => document.querySelector('#caption').textContent.includes(name)", arg=name)
        page.wait_for_function("name => document.querySelector('#overlay img').alt.includes(name)", arg=name)
    page.get_by_label("Why this and not that").check()
    page.wait_for_function("() => document.querySelector('#caption').textContent.includes(' rather than ')")
    assert page.evaluate(INJECTED) == 0


def test_S1_a_hostile_card_is_shown_as_text(open_page: OpenPage, hostile_app: RunningApp) -> None:
    page = open_page(url=hostile_app.url)
    names = page.locator(".welcome .names li").all_text_contents()
    assert names == list(NAMES)
    open_tab(page, "About")
    table = page.locator("#about table tbody tr td:first-child")
    expect(table).to_have_count(len(NAMES))
    assert table.all_text_contents() == list(NAMES)
    assert " ".join(NAMES[:30]) in page.locator("#about").text_content()
    assert page.evaluate(INJECTED) == 0


NO_PHOTOS = ((b"%PDF-1.7", "a PDF document"), (b"no photo", "a text file"))  # in turn, so that each answer is new


def test_S1_hostile_file_names_are_shown_as_text_in_what_went_wrong(open_page: OpenPage) -> None:
    page = open_page()
    for number, name in enumerate(as_file_names()):
        content, told = NO_PHOTOS[number % 2]
        upload(page, name, content)
        expect(page.get_by_role("alert")).to_contain_text(f"this is {told}, not a JPEG")
        assert page.locator("[role=alert] *").evaluate_all("found => found.map(e => e.tagName)") == ["H2", "P"]
    assert page.evaluate(INJECTED) == 0


def test_S1_good_photos_with_hostile_names_are_answered(open_page: OpenPage) -> None:
    page = open_page()
    for number, name in enumerate(as_file_names()[::13]):
        upload(page, name, photo(number))
        expect(page.locator(".headline h2")).to_be_visible()
        page.get_by_role("button", name="Remove Image").click()
        expect(page.locator(".headline")).to_have_count(0)
    assert page.evaluate(INJECTED) == 0


@pytest.mark.parametrize("name", ["dancer.svg", "dancer.jpg", "dancer.png"])
def test_I8_S1_an_svg_with_a_script_does_nothing(open_page: OpenPage, name: str) -> None:
    page = open_page()
    drawing = b"""<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script>
        <image href="http://evil.example/a.png"/></svg>"""
    upload(page, name, drawing)
    expect(page.get_by_role("alert")).to_contain_text("this is an SVG drawing, not a JPEG")
