"""The page and its program, which every browser fetches first: as few bytes as they can be, and no byte twice.

Gradio compresses 3 MB anew for each visitor, sends its first page as it is, and tells no browser that a script may be
kept. A class that opens the page at the same moment waits for that, and a phone on a slow line much longer. Here a file
is lightened and compressed once for everybody, and a browser that has the page already is told so.
"""

import asyncio
import gzip
import hashlib
import io
import re
from collections.abc import Callable, Iterable

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dance_demo.ui.gradio_private import lightened
from dance_demo.ui.server.gradio_routes import PROGRAM

KEPT_BYTES = 8 << 20  # of all compressed files together; the page's own have 1 MB
FOR_EVER, A_DAY = "public, max-age=31536000, immutable", "public, max-age=86400"
MINE_UNLESS_NEW = "private, no-cache"  # the page: kept by one browser, which asks each time whether it is new
KEPT_PAGES = 8  # compressed, 0.1 MB each: under each address that somebody has found it, and in each encoding
# Over plain http, as in a class, browsers take nothing better than gzip. Levels: what is quick enough for each visit.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, quality=5),
    "gzip": lambda content: gzip.compress(content, 6, mtime=0),
}
# What of a font is sent: Latin letters with their marks, as the names of the forms are transcribed, and signs. For all
# other letters a browser takes a font of its own.
LETTERS = (*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x1E00, 0x1F00), *range(0x2010, 0x2040), *map(ord, "€←→−≈"))
_PAGE = "/"
_NAMED_BY_CONTENT = re.compile(r"/assets/.*-[\w-]{8,10}\.\w+")  # whose content never changes, then
_TEXT = re.compile(r"text/|application/(javascript|json)|image/svg")
_OF_NO_USE = ("etag", "last-modified", "accept-ranges")  # to a browser that need not ask again


class Assets:
    """Middleware: keeps the files of the page as they are sent, and compresses the page itself."""

    def __init__(self, app: ASGIApp, kept_bytes: int = KEPT_BYTES) -> None:
        self.app, self.free_bytes = app, kept_bytes
        self._kept: dict[tuple[str, str], tuple[list[tuple[bytes, bytes]], bytes]] = {}  # -> headers, body
        self._pages: dict[tuple[str, str], tuple[list[tuple[bytes, bytes]], bytes]] = {}  # by name and encoding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = _encoding_for_us(scope)
        if not encoding:
            return await self.app(scope, receive, send)
        path = scope["path"]
        if path == _PAGE:
            answer = await self._page(encoding, scope, receive)
        elif (path, encoding) in self._kept:
            answer = _answer(200, *self._kept[path, encoding])
        else:
            answer = await self._file(path, encoding, scope, receive)
        return await answer(scope, receive, send)

    async def _page(self, encoding: str, scope: Scope, receive: Receive) -> Response:
        """As it is now; nothing but a word, if the browser has the same one."""
        answer = await whole_answer(self.app, scope, receive)
        if answer.status_code != 200:
            return answer
        named = f'W/"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
        known = {"ETag": named, "Cache-Control": MINE_UNLESS_NEW, "Vary": "Accept-Encoding"}
        if named in Headers(scope=scope).get("if-none-match", ""):
            return Response(status_code=304, headers=known)
        answer.headers.update(known)
        if (named, encoding) in self._pages:
            return _answer(200, *self._pages[named, encoding])
        await asyncio.to_thread(_compress, answer, encoding)
        self._pages[named, encoding] = list(answer.raw_headers), bytes(answer.body)
        if len(self._pages) > KEPT_PAGES:
            del self._pages[next(iter(self._pages))]
        return answer

    async def _file(self, path: str, encoding: str, scope: Scope, receive: Receive) -> Response:
        """What Gradio answers, lightened and compressed; kept if it is a file that is there, and all of it."""
        answer = await whole_answer(self.app, scope, receive)
        if answer.status_code != 200 or answer.headers.get("content-length") != str(len(answer.body)):
            return answer  # of a browser that left in the middle Gradio says 200, and leaves the rest out
        await asyncio.to_thread(_lighten, answer, path, encoding)
        if (path, encoding) not in self._kept and len(answer.body) <= self.free_bytes:
            self.free_bytes -= len(answer.body)
            self._kept[path, encoding] = list(answer.raw_headers), bytes(answer.body)
        return answer


def _encoding_for_us(scope: Scope) -> str:
    """The best one that the caller takes, if this is a request that we answer; "" if not."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return ""
    headers = Headers(scope=scope)
    if "range" in headers or not (scope["path"] == _PAGE or scope["path"].startswith(PROGRAM)):
        return ""
    taken = {one.strip() for one in headers.get("accept-encoding", "").split(",")}
    return next((encoding for encoding in ENCODINGS if encoding in taken), "")


async def whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """What `app` answers, in one piece."""
    start: Message = {}
    body = bytearray()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, collect)
    return _answer(start["status"], start["headers"], bytes(body))


def _answer(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Response:
    answer = Response(body, status)
    answer.raw_headers = list(headers)  # its own: what stands around us adds to them
    return answer


def _lighten(answer: Response, path: str, encoding: str) -> None:
    """In place: without what our page has no use for, compressed, and kept by browsers for as long as it may be."""
    content = bytes(answer.body)
    answer.body = letters_of(content) if path.endswith(".woff2") else lightened(path, content)
    answer.headers["Content-Length"] = str(len(answer.body))
    _compress(answer, encoding)
    for_ever = _NAMED_BY_CONTENT.fullmatch(path) and lightened(path, content) == content
    answer.headers["Cache-Control"] = FOR_EVER if for_ever else A_DAY
    for name in _OF_NO_USE:
        if for_ever and name in answer.headers:
            del answer.headers[name]


def letters_of(font: bytes) -> bytes:
    """The same font (WOFF2) with our letters only, a sixth of its size."""
    from fontTools import subset  # 0.5 s, once, where a browser asks for a font

    options = subset.Options(flavor="woff2", layout_features=["kern"], hinting=False)
    whole, small = subset.load_font(io.BytesIO(font), options), io.BytesIO()
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=LETTERS)
    subsetter.subset(whole)
    subset.save_font(whole, small, options)
    return small.getvalue()


def _compress(answer: Response, encoding: str) -> None:
    """In place; what is compressed already, as fonts are, stays as it is."""
    if not _TEXT.match(answer.headers.get("content-type", "")) or "content-encoding" in answer.headers:
        return
    answer.body = ENCODINGS[encoding](bytes(answer.body))
    headers: MutableHeaders = answer.headers
    headers["Content-Encoding"], headers["Content-Length"] = encoding, str(len(answer.body))
    headers.add_vary_header("Accept-Encoding")
