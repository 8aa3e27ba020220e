"""A head goes to the Hub from the real page, and comes back into a fresh browser; a dataset comes from there."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import itsdangerous
import pytest
from playwright.sync_api import Browser, Page, expect

from dance_demo.data.illustrations import draw_dataset
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_train_tab import (
    TRAINED_WITHIN_MS,
    step,
    top_answers,
    train_tab,
    upload,
    wait_until_trained,
)
from tests.support import ROOT
from tests.support.hub_server import DANCER, STRANGER, HubServer, running_hub
from tests.support.running_app import RunningApp, running_app

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
NAME = "dancer/my-dances"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with running_hub() as server:
        yield server


@pytest.fixture(scope="module")
def own_app(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app on somebody's own computer, whose token is in the environment."""
    folder = tmp_path_factory.mktemp("own")
    settings = hub.environment | {"HF_TOKEN": DANCER, "HF_HOME": str(folder / "home")}
    with running_app(folder, "--hub-token", **settings) as app:
        yield app
    assert "Traceback" not in app.log and DANCER not in app.log
    kept = [path for path in folder.rglob("*") if path.is_file() and DANCER.encode() in path.read_bytes()]
    assert kept == []


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small dataset of drawings: its files by name."""
    folder = tmp_path_factory.mktemp("drawn") / "photos"
    draw_dataset(folder, per_class=8)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    return {f"train/{name}": data for name, data in files.items() if name.startswith(("kathak/", "odissi/"))}


def fetch_dataset(page: Page, name: str) -> None:
    train_tab(page)
    page.get_by_role("tab", name="From the Hub").click()
    page.get_by_label("A dataset on the Hugging Face Hub").fill(name)
    page.locator("#fetch-dataset").click()


def load(page: Page, address: str) -> None:
    step(train_tab(page), "Use")
    page.get_by_label("Which head").fill(address)
    page.get_by_role("button", name="Load from the Hub").click()


def ask_it(page: Page) -> list[str]:
    page.locator("#use-in-classify").click(timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#own-model")).to_be_visible()
    page.locator("#photo input[type=file]").set_input_files(ROOT / "examples" / "drawings" / "odissi.jpg")
    expect(page.locator("#overlay img")).to_be_visible()
    return top_answers(page)


def test_a_dataset_from_the_hub_is_trained_on_published_and_loaded_in_a_fresh_browser(
    open_page: OpenPage, own_app: RunningApp, hub: HubServer, drawn: dict[str, bytes], screenshot: Screenshot
) -> None:
    hub.add("dancer/drawings", drawn, kind="datasets", private=True)
    assert own_app.ask("GET", "/login/huggingface")[0] == 404  # nobody is signed in here
    page = open_page(url=own_app.url)
    fetch_dataset(page, "dancer/drawings")
    expect(page.locator(".intake")).to_contain_text("16 photos in 2 classes", timeout=TRAINED_WITHIN_MS)
    expect(page.locator(".intake")).to_contain_text("from hf://datasets/dancer/drawings@")
    screenshot(page, "hub-dataset")
    page.locator("#go-train").click()
    page.locator("#start-training").click()
    wait_until_trained(page)

    step(page, "Use")
    way = page.locator("#publish")
    expect(way).to_contain_text("Private unless you choose otherwise")
    expect(way).to_contain_text("Sent to 127.0.0.1")
    expect(way).to_contain_text("No photo")
    expect(page.get_by_label("Public: everybody may see and use it")).not_to_be_checked()
    page.get_by_label("Where to").fill("somewhere else")
    page.get_by_role("button", name="Publish to the Hub").click()
    expect(page.get_by_role("alert")).to_contain_text("'somewhere else' is not an address on the Hub")
    page.get_by_label("Where to").fill("stranger/dances")
    page.get_by_role("button", name="Publish to the Hub").click()
    expect(page.get_by_role("alert")).to_contain_text("no right to do that with stranger/dances (403)")
    page.get_by_label("Where to").fill(NAME)
    page.get_by_role("button", name="Publish to the Hub").click()
    link = page.locator("#published a")
    expect(link).to_have_attribute("href", f"{hub.url}/{NAME}", timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#published")).to_contain_text("private: only you see it")
    assert hub.repos["models", NAME].private
    address = page.locator("#published code").inner_text()
    screenshot(page, "hub-published")
    answers = ask_it(page)

    fresh = open_page(url=own_app.url)
    load(fresh, address)
    expect(fresh.locator("#use-step .notice").first).to_contain_text(f"It is {address}", timeout=TRAINED_WITHIN_MS)
    screenshot(fresh, "hub-loaded")
    assert ask_it(fresh) == answers
    fresh.reload()
    expect(fresh.locator("#own-model")).to_be_visible()


def test_what_cannot_be_loaded_is_a_sentence_and_nothing_is_offered(
    open_page: OpenPage, own_app: RunningApp, hub: HubServer, screenshot: Screenshot
) -> None:
    hub.add("stranger/fake", {"card.json": b"{}", "head.npz": b"no", "familiarity.npz": b"no"})
    hub.add("stranger/secret", {"card.json": b"{}"}, private=True)
    page = open_page(390, 844, url=own_app.url, is_mobile=True, has_touch=True, color_scheme="dark")
    step(train_tab(page), "Use")
    for name, sentence in (
        ("<img src=x onerror=alert(1)>", "'<img src=x onerror=alert(1)>' is not an address on the Hub."),
        ("http://127.0.0.1:1/a", "'http://127.0.0.1:1/a' is not an address on the Hub. Write owner/name"),
        ("stranger/secret", "stranger/secret is not on the Hub, or it is private. Check the name."),
        ("stranger/fake", "This is not a head from this app"),
    ):
        page.get_by_label("Which head").fill(name)
        page.get_by_role("button", name="Load from the Hub").click()
        alert = page.locator("#use-step").get_by_role("alert")
        expect(alert).to_contain_text(sentence, timeout=TRAINED_WITHIN_MS)
    expect(page.locator("#use-in-classify")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "hub-phone-dark")
    step(page, "Data")
    page.get_by_role("tab", name="From the Hub").click()
    page.get_by_label("A dataset on the Hugging Face Hub").fill("stranger/none")
    page.locator("#fetch-dataset").click()
    alert = page.locator("#data-step").get_by_role("alert")
    expect(alert).to_contain_text("stranger/none is not on the Hub, or it is private", timeout=TRAINED_WITHIN_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "hub-dataset-phone-dark")


OAUTH = {
    "SYSTEM": "spaces",
    "SPACE_ID": "dancer/demo",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_CLIENT_SECRET": "only of this test",
    "OAUTH_SCOPES": "openid profile manage-repos",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
}


def signed_in(name: str, token: str) -> str:
    """The cookie that Gradio gives to whoever comes back from the Hub's sign-in."""
    user = {"name": name, "preferred_username": name, "profile": "", "picture": ""}
    session = {"oauth_info": {"access_token": token, "scope": "manage-repos", "expires_at": 1 << 40, "userinfo": user}}
    key = hashlib.sha256(f"{OAUTH['OAUTH_CLIENT_SECRET']}-v4".encode()).hexdigest()
    return itsdangerous.TimestampSigner(key).sign(base64.b64encode(json.dumps(session).encode())).decode()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A page of its own, which may call elsewhere: as on a Space, where Gradio asks for more than it needs."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def test_S12_on_a_space_each_visitor_publishes_with_the_token_of_their_own_sign_in(
    visitor: Page, hub: HubServer, drawn: dict[str, bytes], tmp_path: Path, screenshot: Screenshot
) -> None:
    photos = tmp_path / "photos.zip"
    with zipfile.ZipFile(photos, "w") as archive:
        for name, data in drawn.items():
            archive.writestr(name, data)
    settings = hub.environment | OAUTH | {"HF_TOKEN": STRANGER, "HF_HOME": str(tmp_path / "home")}
    hub.add("stranger/of-the-space", {"card.json": b"{}"}, private=True)
    with running_app(tmp_path, **settings) as app:
        page = visitor
        page.goto(app.url)
        upload(train_tab(page), photos)
        page.locator("#start-training").click()
        wait_until_trained(page)
        step(page, "Use")
        expect(page.locator("#sign-in")).to_contain_text("Sign in with Hugging Face")
        expect(page.locator("#sign-in img")).to_have_count(0)  # Gradio's picture is none that the guard hands out
        screenshot(page, "hub-space")
        hub.requests.clear()
        page.get_by_label("Where to").fill("dancer/from-a-space")
        page.get_by_role("button", name="Publish to the Hub").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no token of yours to publish with. Sign in")
        load(page, "stranger/of-the-space")  # the token of the Space opens nothing to a visitor
        expect(page.get_by_role("alert")).to_contain_text(
            "is not on the Hub, or it is private", timeout=TRAINED_WITHIN_MS
        )
        assert hub.tokens() == set()

        status, _, _ = app.ask("GET", "/login/huggingface")
        assert status != 404  # it would go on to the Hub, which is not there
        page.context.add_cookies(
            [{"name": "session", "value": signed_in("dancer", DANCER), "url": app.url, "secure": True}]
        )
        page.reload()
        step(train_tab(page), "Use")
        expect(page.locator("#sign-in")).to_contain_text("dancer")
        page.get_by_label("Where to").fill("dancer/from-a-space")
        page.get_by_role("button", name="Publish to the Hub").click()
        expect(page.locator("#published a")).to_be_visible(timeout=TRAINED_WITHIN_MS)
        assert hub.tokens() == {DANCER} and hub.repos["models", "dancer/from-a-space"].private
        log = app.log
    assert DANCER not in log and STRANGER not in log
