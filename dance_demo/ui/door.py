"""Asks everybody once for the password of the class, before the page or anything behind it is shown.

A small page of our own rather than Gradio's login: it works without scripts and on any phone, and Gradio's routes for
logins stay closed. Who gave the password gets a cookie of random letters, which a restart forgets. A program sends
"Authorization: Bearer PASSWORD" instead.
"""

import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

__all__ = ["Door", "Tries"]

SIGN_IN = "/sign-in"
COOKIE = "dance_demo_door"
TRIES, AGAIN_S = 10, 3.0  # wrong passwords that an address has free, and the seconds for each one more
ADDRESSES_REMEMBERED = 1000
_PAGE = Path(__file__).with_name("sign_in.html")
# Shows nothing of the page: whether the server is up, its icon, and the letters that the sign-in page is set in.
_PUBLIC = re.compile(r"/(health|favicon\.ico|gradio_api/startup-events|static/fonts/SourceSansPro/[\w-]+\.woff2)", re.A)

WRONG = "That is not the password. Look at the board, or ask whoever runs the class."
TOO_OFTEN = "Too many wrong passwords from here. Wait {seconds} s, then try again."
ASKED = (
    "This page has a password. In a browser, open the page again and give it; a program sends the header"
    ' "Authorization: Bearer" with it.'
)


class Door:
    """Lets in who knows the password. Upper and lower case are alike: phones like to begin with a capital."""

    def __init__(self, password: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._password, self._pass = _digest(password), secrets.token_urlsafe(32)
        self._tries = Tries(clock)

    async def answer(self, scope: Scope, read: Callable[[], Awaitable[bytes]]) -> Response | None:
        """What somebody gets who is not in yet, or None: come in. `read` is for the body of the request."""
        path, asks = scope["path"], scope["method"] in ("GET", "HEAD")
        if path == SIGN_IN and scope["method"] == "POST":
            return self._sign_in(scope, await read())
        if asks and _PUBLIC.fullmatch(path):
            return None
        if hmac.compare_digest(_digest(Request(scope).cookies.get(COOKIE, "")), _digest(self._pass)):
            return RedirectResponse("./", HTTPStatus.SEE_OTHER) if path == SIGN_IN else None
        if path == SIGN_IN and asks:
            return _page()
        if bearer := _bearer(scope):
            return self._program(scope, bearer)
        if path == "/" and asks:
            return RedirectResponse(SIGN_IN.removeprefix("/"), HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
        return JSONResponse({"detail": ASKED}, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})

    def _sign_in(self, scope: Scope, body: bytes) -> Response:
        status, problem = self._judged(scope, _field(body))
        if problem:
            return _page(problem, status)
        answer = RedirectResponse("./", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
        answer.set_cookie(COOKIE, self._pass, httponly=True, samesite="lax", secure=scope["scheme"] == "https")
        return answer

    def _program(self, scope: Scope, password: str) -> Response | None:
        status, problem = self._judged(scope, password)
        return JSONResponse({"detail": problem}, status, {"WWW-Authenticate": "Bearer"}) if problem else None

    def _judged(self, scope: Scope, password: str) -> tuple[HTTPStatus, str]:
        """(status, what is wrong, or "")."""
        address = scope["client"][0] if scope.get("client") else ""
        if wait_s := self._tries.wait_s(address):
            return HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN.format(seconds=int(wait_s) + 1)
        if hmac.compare_digest(_digest(password), self._password):
            return HTTPStatus.OK, ""
        self._tries.wrong(address)
        return HTTPStatus.FORBIDDEN, WRONG


class Tries:
    """How soon an address may try again. Of a thousand addresses at most: the one that was quiet longest is forgotten.

    For each it keeps one number: the time at which all its free tries are back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all_back_at: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """0: now."""
        still_s = self._all_back_at.get(address, 0.0) - self._clock()
        return max(0.0, still_s - (TRIES - 1) * AGAIN_S)

    def wrong(self, address: str) -> None:
        self._all_back_at[address] = max(self._clock(), self._all_back_at.get(address, 0.0)) + AGAIN_S
        self._all_back_at.move_to_end(address)
        if len(self._all_back_at) > ADDRESSES_REMEMBERED:
            self._all_back_at.popitem(last=False)


def _digest(word: str) -> bytes:
    """Of the same length for every password, so that comparing them tells nothing."""
    plain = unicodedata.normalize("NFC", word).strip().casefold()
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()


def _field(body: bytes) -> str:
    try:
        return parse_qs(body.decode(), max_num_fields=5).get("password", [""])[0]
    except ValueError:
        return ""


def _bearer(scope: Scope) -> str:
    kind, _, password = Headers(scope=scope).get("authorization", "").partition(" ")
    # Headers come as Latin-1; a program that sends an umlaut sends UTF-8.
    return password.encode("latin-1").decode("utf-8", "replace") if kind.lower() == "bearer" else ""


def _page(problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    told = f'<p class="problem" id="problem" role="alert">{escape(problem)}</p>' if problem else ""
    invalid = ' aria-invalid="true" aria-describedby="problem"' if problem else ""
    html = _PAGE.read_text(encoding="utf-8").replace("{{problem}}", told).replace("{{invalid}}", invalid)
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})
