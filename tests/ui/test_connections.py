"""Connections: how many, how long silent ones stay, and from when on. On a real server of uvicorn's."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import uvicorn
from uvicorn.config import HTTP_PROTOCOLS

from dance_demo.ui.server.limits.connections import accept_one_by_one, limit_connections


@contextmanager
def served(app, seconds_to_start: float = 0.0) -> Iterator[int]:
    """The port of a server of this app. Callers may knock before it has begun: then they are its first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        timer = threading.Timer(seconds_to_start, thread.start)
        timer.start()
        try:
            yield listening.getsockname()[1]
        finally:
            timer.join()
            server.should_exit = True
            thread.join(10)


async def hello(scope, receive, send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except (BlockingIOError, TimeoutError):
        return False
    except ConnectionError:
        return True


def test_W10_whoever_comes_first_is_held_to_the_limits_too(monkeypatch: pytest.MonkeyPatch):
    """They were set a moment after the first answer: connections of that moment stayed for as long as they liked."""
    monkeypatch.setitem(HTTP_PROTOCOLS, "auto", HTTP_PROTOCOLS["auto"])
    limit_connections(most=20, each=3, silence_s=0.4)
    with served(hello, seconds_to_start=0.2) as port, ExitStack() as kept:
        callers = [kept.enter_context(socket.create_connection(("127.0.0.1", port), timeout=0.05)) for _ in range(5)]
        deadline = time.monotonic() + 5
        while sum(map(is_closed, callers)) < 2 and time.monotonic() < deadline:
            pass
        assert sum(map(is_closed, callers)) == 2, "an address has three"
        time.sleep(1.5)
        assert all(map(is_closed, callers)), "and who says nothing twice in a row is nobody"
        with socket.create_connection(("127.0.0.1", port), timeout=5) as another:
            another.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert another.recv(100).startswith(b"HTTP/1.1 200")


def test_W10_where_no_descriptor_is_left_the_server_tries_once_and_not_two_thousand_times(caplog):
    """asyncio goes on in its loop, though the first try has said that there is no room."""
    tries = []

    class NoRoom(socket.socket):
        def accept(self):
            tries.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")

    async def app(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            import asyncio

            accept_one_by_one(asyncio.get_running_loop())
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    with NoRoom() as listening:
        listening.bind(("127.0.0.1", 0)), listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        with suppress(OSError), socket.create_connection(listening.getsockname(), timeout=1):
            time.sleep(1.5)
        server.should_exit = True
        thread.join(10)
    assert 1 <= len(tries) <= 3, "now, and a second later"
