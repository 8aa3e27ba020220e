"""Stands between the network and the page: what our own page would never send is refused before Gradio sees it.

    within its budget? -> known route? -> from our own page? -> not too large, not too slow? -> names only uploads?

A refusal is one plain sentence. Alone, Gradio fetches any URL, and opens any file of the server, that a caller
names as the photo. Whatever a caller chooses has a limit that is checked before work is done on it. Not seen from here:
connections that never finish their headers; a page for the whole internet needs a reverse proxy in front (Hugging Face
Spaces has one).
"""

import asyncio
import errno
import ipaddress
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dance_demo.classroom.lan import allowed_hosts
from dance_demo.errors import PhotoError
from dance_demo.ui.gradio_private import forget_upload
from dance_demo.ui.server.callers import Caller, Callers
from dance_demo.ui.server.files import own_upload
from dance_demo.ui.server.gradio_routes import (
    FILE,
    HEARTBEAT,
    INFO,
    LIVE_FILES,
    LIVE_FRAME,
    LONG_CALLS,
    NAMED_CALLS,
    PROGRAM,
    TOOL_SCHEMA,
    TOOLS,
    UPLOAD,
    UPLOAD_PROGRESS,
    is_open,
)
from dance_demo.ui.server.limits.budgets import Budgets, Spent
from dance_demo.ui.server.limits.json_limits import check_json
from dance_demo.ui.server.limits.shares import Shares
from dance_demo.ui.server.lost_host import find_host, tell_of_lost_host
from dance_demo.ui.server.password import SIGN_IN, PasswordGate
from dance_demo.ui.server.visitors import COOKIE as VISITOR
from dance_demo.ui.server.visitors import new_cookie, recognise

__all__ = ["Limits", "middleware"]

LONGEST_ADDRESS = 4_096  # characters of a path and its query
MOST_PATHS = 500  # files that one call names
SMALL_JSON = 10_000  # bytes that are read at once; more is read in a thread
# Seconds of a processor, measured: of a request, of a megabyte that comes in, of a file in an upload.
REQUEST_S, CALL_S, MEGABYTE_S, FILE_S = 0.001, 0.002, 0.005, 0.001
LONGEST_WAIT_S = 15  # for a turn to be answered; who would wait longer is told so
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_MULTIPART = re.compile(r'multipart/form-data; *boundary="?([\w\'()+,./:=?-]{1,70})"?', re.ASCII)

_CDN = " https://gradio.s3-us-west-2.amazonaws.com"  # a page made with `share=True` loads its scripts here
_SECURITY_POLICY = (  # Gradio's page has inline scripts and makes functions from text: it stays blank without
    "default-src 'self' data: blob:{cdn}; script-src 'self' 'unsafe-inline' 'unsafe-eval'{cdn}; "
    "style-src 'self' 'unsafe-inline'{cdn}; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'{frames}"
)

IDS = ("session_hash", "event_id", "upload_id")  # what callers make up
ID = re.compile(r"[\w-]{1,64}", re.ASCII)
LIVE_FILE_COST = 25  # requests: they are large, and a class of thirty fetches four of them each
TOLD_S = 5.0  # after its end an upload is told to be over
NO_ROOM = "No space left on the server; try later."

GONE = "This file is not here, or not any more."
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
    body_s: float = 60  # for all of it, and more where it is long:
    bytes_per_s: int = 16_000  # slower than this on the whole is nobody's upload
    held_bytes: int = 64_000_000  # of all bodies that are being read into memory, a quarter of it for one address


class Refusal(Exception):
    """Ends a request with this status and sentence."""

    def __init__(
        self, status: int, sentence: str = "This request could not be understood.", *, wait_s: int = 0
    ) -> None:
        super().__init__(sentence)
        self.status, self.wait_s = status, wait_s


def middleware(
    limits: Limits | None = None,
    *,
    share: bool = False,
    mcp: bool = False,
    gate: PasswordGate | None = None,
    names: Collection[str] | None = None,
    callers: Callers | None = None,
    shares: Shares | None = None,
    has_room: Callable[[int], bool] = lambda n_bytes: True,
) -> list[Middleware]:
    """For `demo.launch(share=share, app_kwargs={"middleware": middleware(share=share)})`.

    The environment's DANCE_DEMO_ALLOWED_HOSTS ("dance.example, 192.168.1.5"), where set, lists the only names
    under which the server answers, besides localhost. That is what stops DNS rebinding. `names` (of this computer, for
    a class) does the same without it, and lets in whoever uses an address in numbers, which nothing can be rebound to.
    A `gate` asks for a password. `callers` finds the address of each request, `shares` says who has to wait,
    `has_room` whether so many bytes more may be uploaded.
    """
    listed, any_address = allowed_hosts(), names is not None
    known = {"localhost", "127.0.0.1", "::1", *listed, *(names or ())}
    hosts = frozenset(known if listed or any_address else ())
    sender: dict[str, Any] = {"hosts": hosts, "any_address": any_address, "gate": gate}
    body: dict[str, Any] = {"limits": limits or Limits(), "has_room": has_room}
    body |= {"callers": callers or Callers(), "shares": shares or Shares()}
    return [Middleware(_Guard, share=share, mcp=mcp, **sender, **body)]


class _Guard:
    """The middleware: lets a request through to Gradio, or refuses it."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        hosts: frozenset[str],
        share: bool,
        mcp: bool,
        gate: PasswordGate | None,
        any_address: bool,
        callers: Callers,
        shares: Shares,
        has_room: Callable[[int], bool],
    ) -> None:
        self.mcp = mcp
        self.app, self.limits, self.hosts, self.gate, self.any_address = app, limits, hosts, gate, any_address
        self.callers, self.shares, self.has_room, self.budgets = callers, shares, has_room, Budgets()
        self.held: Counter[str] = Counter()  # bytes of bodies in memory, by address
        self.uploads: set[str] = set()  # ids of those that go on, or were over just now
        self.headers = {
            "Content-Security-Policy": _SECURITY_POLICY.format(cdn=_CDN if share else "", frames=_frames()),
            "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
            "Referrer-Policy": "same-origin",  # after "no-referrer" a browser may call our own page "null"
            "X-Content-Type-Options": "nosniff",
        }
        # A hundred files of the page's program, many of a few bytes: nobody opens one but the page, whose policy rules.
        self.headers_of_files = {"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)  # start and end of the server
        caller = self.callers.identify(scope)
        headers = self.headers_of_files if scope["path"].startswith(PROGRAM) else self.headers
        exchange = _Exchange(receive, send, self.limits, headers, self.held, caller, self.shares)
        try:
            self.budgets.take("requests", caller.address, LIVE_FILE_COST if scope["path"] in LIVE_FILES else 1)
            if not scope["path"].startswith(PROGRAM):
                await exchange.wait_for_turn(CALL_S if scope["method"] == "POST" else REQUEST_S)
            _check_address(scope)
            self._greet(scope, exchange)
            self._check_sender(Headers(scope=scope))
            find_host(scope, lambda name: not self.hosts or self._is_ours(name))
            if self.gate and (closed := await self.gate.answer(scope, exchange.read)):
                return await closed(scope, receive, exchange.send)
            _check_route(scope, self.mcp)
            if scope["path"] == UPLOAD_PROGRESS:
                await self._wait_for_upload(_query(scope).get("upload_id", ""))
            if scope["path"] == UPLOAD:
                return await self._upload(scope, exchange)
            if scope["method"] == "POST":
                await self._check_body(scope, exchange)
                receive = exchange.receive
            if scope["path"].startswith(HEARTBEAT):
                self.callers.opened(scope["path"].removeprefix(HEARTBEAT))
            await self.app(scope, receive, exchange.send)
        except Refusal as refusal:
            await exchange.refuse(scope, refusal)
        except Spent as spent:
            await exchange.refuse(scope, Refusal(429, str(spent), wait_s=spent.wait_s))
        except Exception as problem:  # junk that Gradio does not expect, a full disk, or a mistake of ours
            wrong_call = scope["path"].startswith(NAMED_CALLS) and isinstance(problem, KeyError | TypeError)
            gone = scope["path"].startswith(FILE) and isinstance(problem, RuntimeError | FileNotFoundError)
            if gone and exchange.answering:  # deleted just before it was opened: the server closes what has not come
                return
            if not (exchange.answering or wrong_call or gone):  # an event stream that breaks off is none of them
                logger.exception("No answer to %s %.200r", scope["method"], scope["path"])
            known = Refusal(400, WRONG_CALL) if wrong_call else Refusal(404, GONE) if gone else None
            await exchange.refuse(scope, known or _refusal_of(problem))
        finally:
            exchange.release()

    def _greet(self, scope: Scope, exchange: "_Exchange") -> None:
        """Give a new visitor a name with the first page, if the address has any left."""
        first = scope["method"] == "GET" and scope["path"] in ("/", SIGN_IN)
        if first and not recognise(Request(scope).cookies.get(VISITOR, "")):
            with suppress(Spent):
                self.budgets.take("visits", exchange.address)
                secure = scope["scheme"] == "https"
                framed = secure and bool(os.environ.get("SPACE_ID"))  # there the page is in a frame of another site
                site = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax" + "; Secure" * secure
                exchange.cookie = f"{VISITOR}={new_cookie()}; Path=/; Max-Age=2592000; HttpOnly; {site}"

    async def _upload(self, scope: Scope, exchange: "_Exchange") -> None:
        """Files, as they come: to the disk, within what the address and all together may have."""
        form = _MULTIPART.fullmatch(Headers(scope=scope).get("content-type", ""))
        if not form:
            raise Refusal(415, "Send files as multipart/form-data.")
        announced = Headers(scope=scope).get("content-length", "0")
        if not self.has_room(int(announced) if announced.isdecimal() and len(announced) < 20 else 0):
            raise Refusal(503, NO_ROOM)
        for kind in ("bytes", "files"):
            self.budgets.check(kind, exchange.address)
        exchange.max_bytes, exchange.delimiter = exchange.limits.upload_bytes, b"--" + form[1].encode()
        upload_id = _query(scope).get("upload_id", "")
        self.uploads.add(upload_id)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            self.budgets.spend("bytes", exchange.address, exchange.bytes)
            self.budgets.spend("files", exchange.address, max(1, exchange.files - 1))
            asyncio.get_running_loop().call_later(TOLD_S, self._forget, upload_id)

    def _forget(self, upload_id: str) -> None:
        self.uploads.discard(upload_id)
        forget_upload(upload_id)

    async def _wait_for_upload(self, upload_id: str) -> None:
        """The page asks how far an upload is just before it sends it; Gradio would keep every id that it is asked."""
        for _ in range(30 if upload_id else 0):
            if upload_id in self.uploads:
                return
            await asyncio.sleep(0.1)
        raise Refusal(404, "There is no such upload.")

    async def _check_body(self, scope: Scope, exchange: "_Exchange") -> None:
        if scope["path"] == LIVE_FRAME:
            if Headers(scope=scope).get("content-type") != "image/jpeg":
                raise Refusal(415, "Send the picture as image/jpeg.")
            exchange.max_bytes = exchange.limits.frame_bytes
            return exchange.hand_on(await exchange.read())
        if LONG_CALLS.fullmatch(scope["path"]):
            exchange.max_bytes = exchange.limits.photo_json_bytes
        content = await exchange.read()
        if len(content) <= SMALL_JSON:
            content, session = _checked_call(content)
        else:
            content, session = await asyncio.to_thread(self._checked_and_charged, content, exchange.caller)
        if session and self.callers.note(session, exchange.address):
            self.budgets.take("visits", exchange.address)
        exchange.hand_on(content)

    def _checked_and_charged(self, content: bytes, caller: Caller) -> tuple[bytes, str]:
        started_s = time.thread_time()
        try:
            return _checked_call(content)
        finally:
            self.shares.spend(caller, time.thread_time() - started_s)

    def _check_sender(self, headers: Headers) -> None:
        """A browser names the page that calls; programs send no Origin and are welcome."""
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if self.hosts and not self._is_ours(urlsplit(f"//{host}").hostname or ""):
            raise Refusal(403, "This is not a name of this server. Its owner sets DANCE_DEMO_ALLOWED_HOSTS.")
        if origin is None or headers.get("sec-fetch-site") == "same-origin":  # which no page can forge
            return
        if not host or urlsplit(origin).netloc.lower() != host:  # a sandboxed page is "null", without netloc
            tell_of_lost_host(headers)
            raise Refusal(403, "Calls from other websites are not answered.")

    def _is_ours(self, name: str) -> bool:
        """An address in numbers was typed or scanned; no name of an attacker's can stand for it."""
        return name in self.hosts or self.any_address and _is_address(name)


def _check_address(scope: Scope) -> None:
    """Path and query: not long, and ids in them are short words."""
    if len(scope["path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        raise Refusal(414, "This address is too long.")
    for name, value in _query(scope).items():
        if name in IDS and not ID.fullmatch(value):
            raise Refusal(400)


def _query(scope: Scope) -> dict[str, str]:
    try:
        return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Refusal(400) from None


def _frames() -> str:
    """Who may show this page in a frame: on a Space the Hub does, and the host that it announces; else nobody else."""
    space = os.environ.get("SPACE_HOST", "")
    return f" https://huggingface.co https://{space}" if re.fullmatch(r"[\w-]+\.hf\.space", space, re.ASCII) else ""


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return False


def _refusal_of(problem: Exception) -> Refusal:
    if getattr(problem, "errno", None) in _DISK_IS_FULL:
        return Refusal(503, NO_ROOM)
    return Refusal(400)


class _Exchange:
    """One request and its answer: counts what comes in, and adds headers to what goes out."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        limits: Limits,
        headers: dict[str, str],
        held: Counter[str],
        caller: Caller,
        shares: Shares,
    ) -> None:
        self._receive, self._send, self.limits, self.headers = receive, send, limits, headers
        self._held, self._mine, self._shares = held, 0, shares
        self.caller, self.address = caller, caller.address
        self._started_s, self._waited_s = time.monotonic(), 0.0  # what was waited for us is not the sender's
        self.max_bytes, self.delimiter = limits.json_bytes, b""  # the delimiter stands before each file
        self.bytes = self.files = 0
        self.tail = b""  # of the last piece: a delimiter may come in two pieces
        self.complete = self.answering = False
        self.cookie = ""  # that the answer sets
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
        files_before = self.files
        self._count(piece := message.setdefault("body", b""))
        await self.wait_for_turn(len(piece) / 1e6 * MEGABYTE_S + (self.files - files_before) * FILE_S)
        allowed_s = self.limits.body_s + self.bytes / self.limits.bytes_per_s
        if not self.complete and time.monotonic() - self._waited_s - self._started_s > allowed_s:
            raise Refusal(408, "This came too slowly. Please send it again.")
        return message

    async def wait_for_turn(self, seconds: float) -> None:
        """Before work that takes so long: who is over his share lets others go first."""
        wait_s = self._shares.pace_s(self.caller, seconds)
        if wait_s > LONGEST_WAIT_S:
            raise Spent(wait_s)
        if wait_s:
            self._waited_s += wait_s
            await asyncio.sleep(wait_s)

    async def read(self) -> bytes:
        """The whole body; what Gradio will receive in its place is for `hand_on`."""
        content = bytearray()
        while not self.complete:
            piece = (await self.receive())["body"]
            self._hold(len(piece))
            content += piece
        return bytes(content)

    def _hold(self, n_bytes: int) -> None:
        self._held[self.address] += n_bytes
        self._mine += n_bytes
        most = self.limits.held_bytes
        if self._held[self.address] > most / 4 or self._held.total() > most:
            raise Refusal(503, "Too much is being sent at this moment. Try again in a few seconds.", wait_s=5)

    def release(self) -> None:
        """It is over: its body is no longer in memory."""
        self._held[self.address] -= self._mine
        self._mine = 0
        if not self._held[self.address]:
            del self._held[self.address]

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
            headers = MutableHeaders(scope=message)
            headers.update(self.headers)
            if self.cookie:
                headers.append("Set-Cookie", self.cookie)
        await self._send(message)

    async def refuse(self, scope: Scope, refusal: Refusal) -> None:
        if self.answering:  # too late for words
            await self._send({"type": "http.response.body", "body": b""})
        else:
            # The page shows its visitor what comes back from an upload, letter by letter; programs send no Origin.
            plain = scope["path"] == UPLOAD and "origin" in Headers(scope=scope)
            words = PlainTextResponse(str(refusal)) if plain else JSONResponse({"detail": str(refusal)})
            words.status_code = refusal.status
            if refusal.wait_s:
                words.headers["Retry-After"] = str(refusal.wait_s)
            await words(scope, self._receive, self.send)


def _check_route(scope: Scope, mcp: bool) -> None:
    path = scope["path"]
    if mcp and path in (*TOOLS, TOOL_SCHEMA):
        # An assistant posts; Gradio would also keep a stream open to whoever asks, and say nothing on it.
        if scope["method"] != ("GET" if path == TOOL_SCHEMA else "POST"):
            raise Refusal(405, "Assistants send their calls here by POST.")
        return
    if not is_open(scope["method"], path):
        raise Refusal(404, "There is nothing here.")
    if path == INFO:
        scope["query_string"] = b"page="  # else Gradio shows the first caller's Host to everybody after him
    if path.startswith(FILE):
        try:
            own_upload(path.removeprefix(FILE))
        except PhotoError:
            raise Refusal(404, GONE) from None


def _checked_call(content: bytes) -> tuple[bytes, str]:
    """The call and its session. It names uploaded files only: a file comes as an object with its "path".

    Gradio would decode a "url" that begins with data:, whatever the path says. The page itself sends one beside the
    path of an SVG; it is left out, so that the upload is what counts, and can be refused as a drawing.
    """
    try:
        check_json(content)
        call = json.loads(content)
        ids = [call[name] for name in IDS if call.get(name) is not None] if isinstance(call, dict) else []
        if not all(isinstance(id, str) and ID.fullmatch(id) for id in ids):
            raise Refusal(400)
        pictures = [part for part in _objects(call) if _is_data(part.get("url"))]
        named = [part["path"] for part in _objects(call) if "path" in part]
        if len(named) > MOST_PATHS:
            raise Refusal(400, f"A call names at most {MOST_PATHS} files.")
        for path in {repr(path): path for path in named}.values():  # one that is named often is looked for once
            own_upload(path)
        if any("path" not in part and _is_data(part.get("url")) for part in _objects(call)):
            raise PhotoError("Please upload the picture; it cannot come inside the call.")
        for part in pictures:
            del part["url"]
        session: str = (call.get("session_hash") or "") if isinstance(call, dict) else ""
        return json.dumps(call).encode() if pictures else content, session
    except PhotoError as problem:
        raise Refusal(400, str(problem)) from None
    except (ValueError, RecursionError):
        raise Refusal(400) from None


def _is_data(url: Any) -> bool:
    return isinstance(url, str) and url[:1000].lstrip()[:5].lower() == "data:"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, however deep."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _objects(inner)
