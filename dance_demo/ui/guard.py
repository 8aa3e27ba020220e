"""Stands between the network and the page: what our own page would never send is refused before Gradio sees it.

    known route? -> from our own page? -> not too large, not too slow? -> names only uploaded files?

A refusal is one plain sentence. Alone, Gradio fetches any URL, and opens any file of the server, that a caller
names as the photo. Not seen from here: floods, and connections that never finish their headers; a page for the
whole internet needs a reverse proxy in front (Hugging Face Spaces has one).
"""

import asyncio
import errno
import ipaddress
import json
import logging
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dance_demo.errors import PhotoError
from dance_demo.lan import allowed_hosts
from dance_demo.ui.door import Door
from dance_demo.ui.hub_access import SIGN_IN_ROUTES, can_sign_in

__all__ = ["LIVE_FRAME", "Limits", "middleware", "own_upload"]

LEFTOVER_AGE_S = 3600  # longer than any upload takes
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# What the page, gradio_client and a health check call; found by driving them. The rest is Gradio's workshop:
# proxy, monitoring, recording, code editor, reload, custom components, streams, deep links, logins.
_FILE, _INFO, _UPLOAD = "/gradio_api/file=", "/gradio_api/info", "/gradio_api/upload"
_READS = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json)|/(assets|static)(/\w[\w@.+-]*)+"
    r"|/health|/gradio_api/(info|openapi\.json|startup-events|upload_progress|queue/data|heartbeat/[\w-]+|call/[\w-]+/[\w-]+|file=.+)",
    re.ASCII,
)
_CALLS = re.compile(r"/gradio_api/(upload|queue/join|cancel|reset|(run|call|call/v2)/[\w-]+)", re.ASCII)
_NAMED_CALLS = "/gradio_api/call/v2/"  # values by their names, as the shell lines of "Use via API" send them
_LONG_CALLS = re.compile(r"/gradio_api/(run/(name|explain)_dance|mcp/?)", re.ASCII)  # with a photo in base64
_TOOLS, _TOOL_SCHEMA = ("/gradio_api/mcp", "/gradio_api/mcp/"), "/gradio_api/mcp/schema"  # only with `--mcp`
LIVE_FRAME = "/live/frame"  # a picture of a running camera, see live_frames
_MULTIPART = re.compile(r'multipart/form-data; *boundary="?([\w\'()+,./:=?-]{1,70})"?', re.ASCII)

_CDN = " https://gradio.s3-us-west-2.amazonaws.com"  # a page made with `share=True` loads its scripts here
_SECURITY_POLICY = (  # Gradio's page has inline scripts and makes functions from text: it stays blank without
    "default-src 'self' data: blob:{cdn}; script-src 'self' 'unsafe-inline' 'unsafe-eval'{cdn}; "
    "style-src 'self' 'unsafe-inline'{cdn}; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
)

WRONG_CALL = "There is no such endpoint, or it takes other values: see Use via API at the foot of the page."

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one request may carry: room for a zip of 200 MB. Photos and zips have limits of their own."""

    upload_bytes: int = 210_000_000
    upload_files: int = 100
    json_bytes: int = 256_000
    photo_json_bytes: int = 4_100_000  # of a call with a photo in base64
    frame_bytes: int = 200_000  # of a running camera; ours have about 20,000
    silence_s: float = 20  # between two pieces of a body


class Refusal(Exception):
    """Ends a request with this status and sentence."""

    def __init__(self, status: int, sentence: str = "This request could not be understood.") -> None:
        super().__init__(sentence)
        self.status = status


def middleware(
    limits: Limits | None = None,
    *,
    share: bool = False,
    mcp: bool = False,
    door: Door | None = None,
    names: Collection[str] | None = None,
) -> list[Middleware]:
    """For `demo.launch(share=share, app_kwargs={"middleware": middleware(share=share)})`.

    The environment's DANCE_DEMO_ALLOWED_HOSTS ("dance.example, 192.168.1.5"), where set, lists the only names
    under which the server answers, besides localhost. That is what stops DNS rebinding. `names` (of this computer, for
    a class) does the same without it, and lets in whoever uses an address in numbers, which nothing can be rebound to.
    A `door` asks for a password.
    """
    listed, any_address = allowed_hosts(), names is not None
    known = {"localhost", "127.0.0.1", "::1", *listed, *(names or ())}
    hosts = frozenset(known if listed or any_address else ())
    kept = {"limits": limits or Limits(), "hosts": hosts, "share": share, "door": door, "any_address": any_address}
    return [Middleware(_Guard, mcp=mcp, **kept)]


def own_upload(path: str | os.PathLike) -> Path:
    """The uploaded file behind this path, links resolved. PhotoError where it is anything but an upload."""
    folder = Path(get_upload_folder()).resolve()
    with suppress(OSError, RuntimeError, TypeError, ValueError):  # missing, endless links, no path, NUL
        file = Path(path).resolve(strict=True)
        if file.is_file() and folder in file.parent.parents:  # <folder>/<hash of its content>/<name>
            return file
    raise PhotoError("Please upload the picture again.")


class _Guard:
    """The middleware: lets a request through to Gradio, or refuses it."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        hosts: frozenset[str],
        share: bool,
        mcp: bool,
        door: Door | None,
        any_address: bool,
    ) -> None:
        self.mcp = mcp
        self.app, self.limits, self.hosts, self.door, self.any_address = app, limits, hosts, door, any_address
        self.headers = {
            "Content-Security-Policy": _SECURITY_POLICY.format(cdn=_CDN if share else ""),
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
            "Referrer-Policy": "same-origin",  # after "no-referrer" a browser may call our own page "null"
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)  # start and end of the server
        exchange = _Exchange(receive, send, self.limits, self.headers)
        try:
            self._check_sender(Headers(scope=scope))
            if self.door and (closed := await self.door.answer(scope, exchange.read)):
                return await closed(scope, receive, exchange.send)
            _check_route(scope, self.mcp)
            if scope["method"] == "POST":
                await _check_body(scope, exchange)
                receive = exchange.receive
            await self.app(scope, receive, exchange.send)
        except Refusal as refusal:
            await exchange.refuse(scope, refusal)
        except Exception as problem:  # junk that Gradio does not expect, a full disk, or a mistake of ours
            wrong_call = scope["path"].startswith(_NAMED_CALLS) and isinstance(problem, KeyError | TypeError)
            if not exchange.answering and not wrong_call:  # an event stream that breaks off is none of them
                logger.exception("No answer to %s %.200r", scope["method"], scope["path"])
            await exchange.refuse(scope, Refusal(400, WRONG_CALL) if wrong_call else _in_plain_words(problem))

    def _check_sender(self, headers: Headers) -> None:
        """A browser names the page that calls; programs send no Origin and are welcome."""
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if self.hosts and not self._is_ours(urlsplit(f"//{host}").hostname or ""):
            raise Refusal(403, "This is not a name of this server. Its owner sets DANCE_DEMO_ALLOWED_HOSTS.")
        if origin is None or headers.get("sec-fetch-site") == "same-origin":  # which no page can forge
            return
        if not host or urlsplit(origin).netloc.lower() != host:  # a sandboxed page is "null", without netloc
            raise Refusal(403, "Calls from other websites are not answered.")

    def _is_ours(self, name: str) -> bool:
        """An address in numbers was typed or scanned; no name of an attacker's can stand for it."""
        return name in self.hosts or self.any_address and _is_address(name)


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return False


def _in_plain_words(problem: Exception) -> Refusal:
    if getattr(problem, "errno", None) in _DISK_IS_FULL:
        return Refusal(503, "No space left on the server; try later.")
    return Refusal(400)


class _Exchange:
    """One request and its answer: counts what comes in, and dresses what goes out."""

    def __init__(self, receive: Receive, send: Send, limits: Limits, headers: dict[str, str]) -> None:
        self._receive, self._send, self.limits, self.headers = receive, send, limits, headers
        self.max_bytes, self.delimiter = limits.json_bytes, b""  # the delimiter stands before each file
        self.bytes = self.files = 0
        self.tail = b""  # of the last piece: a delimiter may come in two pieces
        self.complete = self.answering = False
        self.replay: list[Message] = []

    async def receive(self) -> Message:
        if self.complete:  # what still comes is the word that the visitor has left
            return self.replay.pop() if self.replay else await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self.limits.silence_s)
        except TimeoutError:
            raise Refusal(408, "Nothing came for too long. Please send it again.") from None
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The upload broke off. Please send it again.")
        self.complete = not message.get("more_body", False)
        self._count(message.setdefault("body", b""))
        return message

    async def read(self) -> bytes:
        """The whole body; what Gradio will receive in its place is for `hand_on`."""
        content = bytearray()
        while not self.complete:
            content += (await self.receive())["body"]
        return bytes(content)

    def hand_on(self, content: bytes) -> None:
        self.replay = [{"type": "http.request", "body": content, "more_body": False}]

    def _count(self, piece: bytes) -> None:
        self.bytes += len(piece)
        if self.bytes > self.max_bytes:
            raise Refusal(413, f"This is too large; the limit is {self.max_bytes / 1e6:g} MB.")
        if self.delimiter:
            self.files += (self.tail + piece).count(self.delimiter)
            self.tail = (self.tail + piece)[1 - len(self.delimiter) :]
        if self.files > self.limits.upload_files + 1:  # the last delimiter ends the body
            raise Refusal(413, f"These are more than {self.limits.upload_files} files. Put them into a zip.")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answering = True
            if message["status"] >= 500 and message["status"] != 503:  # 503: the queue is full
                message["status"] = 400
            MutableHeaders(scope=message).update(self.headers)
        await self._send(message)

    async def refuse(self, scope: Scope, refusal: Refusal) -> None:
        if self.answering:  # too late for words
            await self._send({"type": "http.response.body", "body": b""})
        else:
            # The page shows its visitor what comes back from an upload, letter by letter; programs send no Origin.
            plain = scope["path"] == _UPLOAD and "origin" in Headers(scope=scope)
            words = PlainTextResponse(str(refusal)) if plain else JSONResponse({"detail": str(refusal)})
            words.status_code = refusal.status
            await words(scope, self._receive, self.send)


def _check_route(scope: Scope, mcp: bool) -> None:
    path = scope["path"]
    if mcp and path in (*_TOOLS, _TOOL_SCHEMA):
        return _check_tool_route(scope["method"], path)
    routes = {"GET": _READS, "HEAD": _READS, "POST": _CALLS}.get(scope["method"])
    if scope["method"] == "GET" and path in SIGN_IN_ROUTES and can_sign_in():
        return None
    if not (routes and routes.fullmatch(path)) and (scope["method"], path) != ("POST", LIVE_FRAME):
        raise Refusal(404, "There is nothing here.")
    if path == _INFO:
        scope["query_string"] = b"page="  # else Gradio shows the first caller's Host to everybody after him
    if path.startswith(_FILE):
        try:
            own_upload(path.removeprefix(_FILE))
        except PhotoError:
            raise Refusal(404, "This file is not here, or not any more.") from None


def _check_tool_route(method: str, path: str) -> None:
    """An assistant posts; Gradio would also keep a stream open to whoever asks, and say nothing on it."""
    if method != ("GET" if path == _TOOL_SCHEMA else "POST"):
        raise Refusal(405, "Assistants send their calls here by POST.")


async def _check_body(scope: Scope, exchange: _Exchange) -> None:
    if scope["path"] == LIVE_FRAME:
        if Headers(scope=scope).get("content-type") != "image/jpeg":
            raise Refusal(415, "Send the picture as image/jpeg.")
        exchange.max_bytes = exchange.limits.frame_bytes
        return exchange.hand_on(await exchange.read())
    if scope["path"] != _UPLOAD:
        if _LONG_CALLS.fullmatch(scope["path"]):
            exchange.max_bytes = exchange.limits.photo_json_bytes
        return exchange.hand_on(_checked_call(await exchange.read()))
    form = _MULTIPART.fullmatch(Headers(scope=scope).get("content-type", ""))
    if not form:
        raise Refusal(415, "Send files as multipart/form-data.")
    exchange.max_bytes, exchange.delimiter = exchange.limits.upload_bytes, b"--" + form[1].encode()
    _remove_leftovers()


def _checked_call(content: bytes) -> bytes:
    """The call, which names uploaded files only: a file comes as an object with its "path".

    Gradio would decode a "url" that begins with data:, whatever the path says. The page itself sends one beside the
    path of an SVG; it is left out, so that the upload is what counts, and can be refused as a drawing.
    """
    try:
        call = json.loads(content)
        pictures = [part for part in _objects(call) if _is_data(part.get("url"))]
        for part in _objects(call):
            if "path" in part:
                own_upload(part["path"])
            elif _is_data(part.get("url")):
                raise PhotoError("Please upload the picture; it cannot come inside the call.")
        for part in pictures:
            del part["url"]
        return json.dumps(call).encode() if pictures else content
    except PhotoError as problem:
        raise Refusal(400, str(problem)) from None
    except (ValueError, RecursionError):
        raise Refusal(400) from None


def _is_data(url: Any) -> bool:
    return str(url).lstrip().lower().startswith("data:")


def _objects(value: Any) -> Iterator[dict]:
    """Every object in a JSON value, however deep."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _objects(inner)


def _remove_leftovers() -> None:
    """Gradio deletes in time what it handed out, but no temporary files of requests that went wrong."""
    for file in Path(get_upload_folder()).glob("tmp*"):
        with suppress(OSError):  # another request was quicker
            if file.is_file() and file.stat().st_mtime < time.time() - LEFTOVER_AGE_S:
                file.unlink()
