"""Who calls: by an address, which costs something to have. Sessions, ids and headers are made up for nothing.

| the app stands                                   | `trusted_proxies` | address of a caller                         |
|--------------------------------------------------|-------------------|---------------------------------------------|
| on its own, or behind a tunnel                   | 0                 | that of the connection                      |
| behind one proxy that adds to X-Forwarded-For    | 1 (on Spaces)     | the last one there                          |
| behind a second one                              | 2                 | the last but one                            |

What stands further to the left was written by the caller.
"""

import ipaddress
from collections import OrderedDict
from contextvars import ContextVar
from typing import NamedTuple

import gradio as gr
from starlette.requests import Request
from starlette.types import Scope

from dance_demo.ui.server.visitors import COOKIE, recognise

SESSIONS_REMEMBERED = 20_000


class Caller(NamedTuple):
    """Who asks, as far as it costs something to be somebody else."""

    address: str
    visitor: str = ""  # by the cookie that we have given; programs keep none


NOBODY = Caller("")
CALLER: ContextVar[Caller] = ContextVar("caller", default=NOBODY)  # whose request is being answered


class Callers:
    """Finds the address of each request, and remembers those of the latest sessions."""

    def __init__(self, trusted_proxies: int = 0) -> None:
        self._trusted_proxies = trusted_proxies
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._pages: OrderedDict[str, None] = OrderedDict()  # sessions that have, or had, a page

    def identify(self, scope: Scope) -> Caller:
        """Whoever sent this; from here on the address is the one that everything else finds in the scope."""
        address, port = scope.get("client") or ("", 0)
        if self._trusted_proxies:
            headers = scope["headers"]
            listed = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
            if listed:
                words = listed.split(",")
                address = words[-min(self._trusted_proxies, len(words))].strip()
            if b"https" in [value.strip() for name, value in headers if name == b"x-forwarded-proto"]:
                scope["scheme"] = "https"
        address = network_of(address)
        scope["client"] = (address, port)
        caller = caller_of(Request(scope))
        CALLER.set(caller)
        return caller

    def note(self, session: str, address: str) -> bool:
        """Remember from where a session comes. Returns whether it is a new one."""
        new = session not in self._sessions
        self._sessions[session] = address
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS_REMEMBERED:
            self._sessions.popitem(last=False)
        return new

    def opened(self, session: str) -> None:
        """A page of this session has opened its heartbeat."""
        self._pages[session] = None
        self._pages.move_to_end(session)
        if len(self._pages) > SESSIONS_REMEMBERED:
            self._pages.popitem(last=False)

    def has_page(self, session: str) -> bool:
        """Whether somebody has, or had, a page open: programs that call and go have none."""
        return session in self._pages

    def address_of(self, session: str) -> str:
        """Of a session that was noted; "" for any other."""
        return self._sessions.get(session, "")


def caller_of(request: Request | gr.Request) -> Caller:
    """Of a request that was identified."""
    return Caller(request.client.host if request.client else "", recognise(request.cookies.get(COOKIE, "")))


def network_of(address: str) -> str:
    """What one customer has: an IPv4 address, or the 2^64 addresses of an IPv6 network; "" for what is none.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1:2:3:4"), network_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        ip = ipaddress.ip_address(address[:60].strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return "::1" if ip.is_loopback else str(ipaddress.ip_network((ip, 64), strict=False))
