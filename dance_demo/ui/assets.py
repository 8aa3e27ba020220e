"""The page's program, which every browser fetches first: a hundred scripts of Gradio's, compressed once for everybody.

Gradio compresses 3 MB anew for each visitor, sends its first page (600 kB) as it is, and tells no browser that a script
may be kept. A class that opens the page at the same moment waits for that.
"""

import gzip
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT_BYTES = 8 << 20  # of all compressed files together; the page's own have 1 MB
LEVELS = {"file": 6, "page": 1}  # of gzip: a file is compressed once, the page at each visit
FOR_EVER = "public, max-age=31536000, immutable"
_PAGE, _FILES = "/", ("/assets/", "/static/")
_NAMED_BY_CONTENT = re.compile(r"/assets/.*-[\w-]{8,10}\.\w+")  # whose content never changes, then
_TEXT = re.compile(r"text/|application/(javascript|json)|image/svg")


class Assets:
    """Middleware: keeps the files of the page as they are sent, and compresses the page itself.

    By gzip, because over plain http, as in a class, browsers take nothing better.
    """

    def __init__(self, app: ASGIApp, kept_bytes: int = KEPT_BYTES) -> None:
        self.app, self.free_bytes = app, kept_bytes
        self._kept: dict[str, tuple[list, bytes]] = {}  # path -> headers, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_for_us(scope):
            return await self.app(scope, receive, send)
        path = scope["path"]
        if path in self._kept:
            answer = _answer(200, *self._kept[path])
        else:
            answer = await self._asked(path, scope, receive)
        return await answer(scope, receive, send)

    async def _asked(self, path: str, scope: Scope, receive: Receive) -> Response:
        """What Gradio answers, compressed; kept if it is a file that is there."""
        answer = await _whole_answer(self.app, scope, receive)
        if answer.status_code != 200:
            return answer
        _compress(answer, LEVELS["page" if path == _PAGE else "file"])
        if _NAMED_BY_CONTENT.fullmatch(path):
            answer.headers["Cache-Control"] = FOR_EVER
        if path != _PAGE and len(answer.body) <= self.free_bytes:
            self.free_bytes -= len(answer.body)
            self._kept[path] = list(answer.raw_headers), answer.body
        return answer


def _is_for_us(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    ours = scope["path"] == _PAGE or scope["path"].startswith(_FILES)
    return ours and "gzip" in headers.get("accept-encoding", "") and "range" not in headers


async def _whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
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


def _compress(answer: Response, level: int) -> None:
    """In place; what is compressed already, as fonts are, stays as it is."""
    if not _TEXT.match(answer.headers.get("content-type", "")) or "content-encoding" in answer.headers:
        return
    answer.body = gzip.compress(answer.body, level, mtime=0)
    headers: MutableHeaders = answer.headers
    headers["Content-Encoding"], headers["Content-Length"] = "gzip", str(len(answer.body))
    headers.add_vary_header("Accept-Encoding")
