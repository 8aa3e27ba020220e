"""Who a visitor is: a random name in a cookie that this server has signed, and the address it comes from.

Whatever a browser sends in a call it can make up; this it can only be given, with the first page, and an address is
given so many and no more. Jobs hang on it, and how often one may try a password or guess in the quiz.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

import gradio as gr

COOKIE = "dance_demo_visitor"
_KEY = secrets.token_bytes(32)  # of this process: what belongs to a visitor ends with it, too


@dataclass(frozen=True)
class Visitor:
    """`id` is one browser's; `address` may be that of a whole class."""

    id: str
    address: str


def visitor_of(request: gr.Request) -> Visitor:
    """Who sent a call. A program that keeps no cookies is its address, and the session that it makes up."""
    address = request.client.host if request.client else ""
    known = recognise(request.cookies.get(COOKIE, ""))
    return Visitor(known or f"{address} {request.session_hash or ''}", address)


def new_cookie() -> str:
    """The cookie of a new visitor."""
    name = secrets.token_hex(16)
    return f"{name}.{_signature(name)}"


def recognise(cookie: str) -> str:
    """The name in a cookie of ours, "" for any other text."""
    name, _, signature = cookie[:100].partition(".")
    return name if name.isascii() and hmac.compare_digest(signature.encode(), _signature(name).encode()) else ""


def _signature(name: str) -> str:
    return hmac.new(_KEY, name.encode(), hashlib.sha256).hexdigest()[:32]
