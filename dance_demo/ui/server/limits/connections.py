"""How many connections there may be, how long silent ones stay, and what happens when descriptors run out.

Alone, uvicorn takes as many as come, and waits for ever for the end of a request's head. asyncio takes up to 2,048 of
them before it closes the first that is too many; where no descriptor is left, it tries as often in vain, each time with
a trace in the log, and again a second later. Both are told before the server listens: nobody comes before the limits.
"""

import asyncio
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.auto import AutoHTTPProtocol


def limit_connections(most: int, each: int, silence_s: float = 30) -> None:
    """Of every server that begins from now on: close what is beyond `most`, beyond `each` of one address, or silent."""

    class Limited(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # one of two, as uvicorn chose it
        silent, listening = False, None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            theirs = sum(other.client[:1] == self.client[:1] for other in self.connections) if self.client else 0
            if len(self.connections) > most or theirs > each:
                transport.abort()
            else:
                self.listening = self.loop.call_later(silence_s, self.listen)

        def listen(self) -> None:
            """Twice in a row without a request: nobody is there, or somebody never ends the first line."""
            waiting = self.cycle is None or self.cycle.response_complete
            if waiting and self.silent:
                self.transport.abort()
            elif not self.transport.is_closing():
                self.silent = waiting
                self.listening = self.loop.call_later(silence_s, self.listen)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.listening:  # else it is kept, with all that it has received, until the time is over
                self.listening.cancel()
            super().connection_lost(exc)

    HTTP_PROTOCOLS["auto"] = Limited  # type: ignore[assignment]  # it takes the name of a class, or a class


def accept_one_by_one(loop: Any) -> None:
    """Let this loop close what is too many before it takes the next, and try once a second where there is no room.

    Does nothing to a loop that takes connections in another way, as those of uvloop and of Windows do.
    """
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return
    accept = loop._accept_connection  # type: ignore[attr-defined]  # of asyncio, and not public

    def accept_one(
        protocol: Any, sock: Any, context: Any = None, server: Any = None, backlog: int = 1, *rest: Any
    ) -> None:
        accept(protocol, sock, context, server, 1, *rest)

    loop._accept_connection = accept_one  # type: ignore[attr-defined]
