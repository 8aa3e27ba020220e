"""What the page is called where its address is shared, searched for or kept."""

import re
from pathlib import Path

import gradio
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dance_demo.ui.about.first_page import (
    DESCRIPTION,
    FRAMED,
    ICON,
    PICTURE,
    TITLE,
    WORDS,
    First,
    FirstPage,
    completed,
    picture_route,
)
from dance_demo.ui.components.theme import FONT_FILES
from dance_demo.ui.server.compression import Assets

FRONTEND = Path(gradio.__file__).parent / "templates" / "frontend"


@pytest.mark.parametrize("name", ["index.html", "share.html"])
def test_gradios_words_in_the_head_are_replaced_by_ours(name: str) -> None:
    page = completed((FRONTEND / name).read_text(encoding="utf-8"), "http://dance.example/", First())
    metas = re.findall(r"<meta[^>]*>", page)
    assert not [meta for meta in metas if re.search(r"gradio|try out|\{url\}|twitter:(?!card)", meta, re.I)]
    assert "manifest" not in page
    for one in (f"<title>{TITLE}</title>", f'content="{DESCRIPTION}"', '"http://dance.example/picture.jpg"'):
        assert one in page
    found = re.findall(r'property="og:(\w+)"', page)
    assert sorted(found) == ["description", "image", "title", "type", "url"]
    assert '<html\n\tlang="en"' in page and '"language", {get: () => "en"}' in page


def test_a_name_that_a_caller_makes_up_stays_text() -> None:
    assert '"><script>' not in completed("<head></head>", 'http://x"><script>alert(1)</script>/', First())


def test_what_is_needed_at_first_is_named_and_what_only_a_frame_needs_is_not_fetched() -> None:
    plain = (FRONTEND / "index.html").read_text(encoding="utf-8")
    page = plain.replace("<head>", '<head><script>window.gradio_config = {"theme_hash":"12ab"}</script>', 1)
    page = completed(page, "http://dance.example/", First("<b>seen</b>", ["examples/0.jpg"], ["a.js", "b.css"]))
    links = re.findall(r'<link rel="([\w ]+)"[^>]* href="([^"]+)">', page)
    assert ("stylesheet", "theme.css?v=12ab") in links and ("preload", "examples/0.jpg") in links
    assert ("modulepreload", "assets/a.js") in links and ("preload", "assets/b.css") in links
    assert [href for rel, href in links if href.endswith(".woff2")] == FONT_FILES
    assert all((FRONTEND / file).is_file() for file in FONT_FILES)
    assert re.search(r"<body[^>]*>\s*<b>seen</b>", page)
    assert plain.count(FRAMED) == 1 and page.count(f"if (window.parent !== window) {FRAMED}") == 1


async def answer(request: Request) -> Response:
    return HTMLResponse(f"<html><head></head><body>{request.url.path}</body></html>")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_only_the_first_page_is_changed_whatever_a_browser_takes(encoding: str) -> None:
    app = Starlette(routes=[picture_route(), Route("/{path:path}", answer)])
    client = TestClient(Assets(FirstPage(app)), headers={"Accept-Encoding": encoding})
    assert TITLE in client.get("/").text and client.get("/").text.endswith("<body>/</body></html>")
    assert TITLE not in client.get("/config").text
    assert client.get("/picture.jpg").headers["content-type"] == "image/jpeg"


def test_picture_and_icon_are_there() -> None:
    with Image.open(PICTURE) as picture:
        assert picture.size == (1200, 630) and PICTURE.stat().st_size < 150_000
    assert ICON.read_text(encoding="utf-8").startswith("<svg")


def test_gradios_program_asks_for_no_words_of_these_parts_that_nobody_has() -> None:
    """When this fails with a newer Gradio: add the missing ones to WORDS, and take away those that it has itself."""
    english = max(FRONTEND.glob("assets/core-*.js"), key=lambda path: path.stat().st_size).read_text(encoding="utf-8")
    have = re.search(r"\{built_with:[^}]*\}", english)
    assert have, "The English words of the part `common` are not where they were."
    words = set(re.findall(r"(\w+):[`\"']", have[0]))
    asked = {
        key
        for script in FRONTEND.glob("assets/*.js")
        for key in re.findall(r"i18n\(`common\.(\w+)`", script.read_text(encoding="utf-8", errors="ignore"))
    }
    ours = {key.removeprefix("common.") for key in WORDS.translations["en"] if key.startswith("common.")}
    assert asked - words == ours & asked
