"""What a browser gets first: what the page is called, what it needs, and what is seen until its program is there.

Title, description, picture, icon and language stand where Gradio's own would; its words are English, whatever the
visitor's browser speaks.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dance_demo.ui.components.html import render
from dance_demo.ui.components.theme import FONT_FILES, css
from dance_demo.ui.server.compression import whole_answer

TITLE, LANGUAGE = "Name the dance", "en"
DESCRIPTION = "Which classical dance of India is in the photo, and where in the picture the model looked."
ICON, PICTURE = (Path(__file__).with_name(name) for name in ("icon.svg", "picture.jpg"))
# What Gradio's program asks for and its own English does not have: a visitor would read or hear the key.
WORDS = gr.I18n(
    en={
        "common.complete": "Done",
        "common.upload": "Upload",
        "common.video": "Video",
        "common.webcam": "Webcam",
        "image.drop_to_upload": "Drop a photo here or click to choose one",  # the words that are seen there
        # Together what Gradio calls the button on which they stand, so that who says what they see is understood.
        "upload_text.drop_file": "Click to upload",
        "upload_text.drop_gallery": "Click to upload",
        "upload_text.click_to_upload": "drop files",
        "image.no_webcam_support": "This browser lets no page use the camera, or only by https.",
    }
)
_HEAD, _BODY = re.compile(r"<head\b[^>]*>"), re.compile(r"<body\b[^>]*>")
_THEME = re.compile(r'"theme_hash":"(\w+)"')
# Gradio lets its page grow in a frame of somebody else's page by a script, which it fetches wherever it is.
FRAMED = "document.head.appendChild(script);"
_NOT_OURS = re.compile(
    r"""<meta\s+(property="og:|name="twitter:)[^>]*>|<link\s+rel="manifest"[^>]*>|<title\b[^>]*>.*?</title\s*>"""
)


@dataclass(frozen=True)
class First:
    """What a browser is to show, and to fetch, before the page's program says so."""

    screen: str = ""  # HTML
    pictures: Collection[str] = ()  # addresses
    files: Collection[str] = ()  # of the page's program


class FirstPage:
    """Middleware: puts our words into the head of the page that Gradio sends, and the first screen into its body."""

    def __init__(self, app: ASGIApp, first: First | None = None) -> None:
        self.app, self.first = app, first or First()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/"):
            return await self.app(scope, receive, send)
        answer = await whole_answer(self.app, scope, receive)
        if answer.headers.get("content-type", "").startswith("text/html"):
            address = str(Request(scope).base_url)
            answer.body = completed(bytes(answer.body).decode(), address, self.first).encode()
            answer.headers["Content-Length"] = str(len(answer.body))
        return await answer(scope, receive, send)


def completed(page: str, address: str, first: First) -> str:
    """The page of Gradio's with our head instead of its own; `address` is where its visitor found it."""
    theme = _THEME.search(page)
    words = {"title": TITLE, "description": DESCRIPTION, "address": address, "language": LANGUAGE}
    needs = {"fonts": FONT_FILES, "pictures": first.pictures, "files": first.files}
    head = render("first_page.head", **words, **needs, theme=f"theme.css?v={theme[1]}" if theme else "theme.css")
    page = _HEAD.sub(lambda found: f"{found[0]}\n{head}", _NOT_OURS.sub("", page), count=1)
    page = page.replace(FRAMED, f"if (window.parent !== window) {FRAMED}", 1)
    return _BODY.sub(lambda found: f"{found[0]}{first.screen}", page, count=1)


def first_screen(*, groups: list[str], ways: list[str], placeholder: str, gallery: str, welcome: str) -> str:
    """What the page shows at first, as HTML: labels of tabs, and pieces of the first one, which are HTML, too."""
    style = css(("components", "classify")).replace(".dark", ":host(.dark)")
    pieces = {"gallery": Markup(gallery), "welcome": Markup(welcome), "privacy": render("classify.privacy")}
    pieces["photo_ways"] = render("classify.ways")
    labels = {"groups": groups, "ways": ways, "placeholder": placeholder}
    words = {"title": TITLE, "description": DESCRIPTION, "style": Markup(style)}
    return render("first_page.screen", **words, **labels, **pieces)


def pictures_in(html: str) -> list[str]:
    """The addresses of its pictures."""
    return re.findall(r'<img\b[^>]* src="([^"]+)"', html)


def picture_route() -> Route:
    """The picture that is shown with the address of the page where somebody shares it."""

    def answer(request: Request) -> Response:
        return FileResponse(PICTURE, headers={"Cache-Control": "max-age=86400"})

    return Route("/picture.jpg", answer)
