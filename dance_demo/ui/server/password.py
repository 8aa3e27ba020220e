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
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from dance_demo.files.text import nfc
from dance_demo.ui.components.html import render
from dance_demo.ui.components.tabs import ADDRESSES
from dance_demo.ui.server.limits.rate_limits import RateLimiter
from dance_demo.ui.server.visitors import COOKIE as VISITOR
from dance_demo.ui.server.visitors import recognise

SIGN_IN = "/sign-in"
COOKIE = "dance_demo_password"
TRIES, AGAIN_S = (
    10,
    3.0,
)  # wrong passwords that a browser has free, and seconds for each one more
ADDRESSES_REMEMBERED = 1000
LONGEST = 500  # characters of a password that count
# Shows nothing of the page: whether the server is up, its icon, and the letters that the sign-in page is set in.
_PUBLIC = re.compile(r"/(health|favicon\.ico|gradio_api/startup-events|static/fonts/SourceSansPro/[\w-]+\.woff2)", re.A)

WRONG = "That is not the password. Look at the board, or ask whoever runs the class."
TOO_OFTEN = "Too many wrong passwords from here. Wait {seconds} s, then try again."
ASKED = (
    "This page has a password. In a browser, open the page again and give it; a program sends the header"
    ' "Authorization: Bearer" with it.'
)


class PasswordGate:
    """Lets in who knows the password. Upper and lower case are alike: phones like to begin with a capital."""

    def __init__(self, password: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._password, self._pass = _digest(password), secrets.token_urlsafe(32)
        self.limiter = RateLimiter(TRIES, 1 / AGAIN_S, keys=ADDRESSES_REMEMBERED, clock=clock)

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
        # By browser, where it is one that we know: somebody who guesses behind the same address locks nobody else out.
        who = recognise(Request(scope).cookies.get(VISITOR, "")) or address
        if wait_s := self.limiter.wait_s(who):
            return HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN.format(seconds=int(wait_s) + 1)
        if hmac.compare_digest(_digest(password), self._password):
            return HTTPStatus.OK, ""
        self.limiter.spend(who)
        return HTTPStatus.FORBIDDEN, WRONG


def _digest(word: str) -> bytes:
    """Of the same length for every password, so that comparing them tells nothing."""
    plain = nfc(word[:LONGEST]).strip().casefold()
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
    return HTMLResponse(
        render("sign_in.page", problem=problem, addresses=ADDRESSES), status, {"Cache-Control": "no-store"}
    )
