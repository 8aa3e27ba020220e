"""A reverse proxy that is set up badly: it does not pass on `Host`, as nginx does not unless it is told to."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future


@contextlib.contextmanager
def proxy_without_host(port: int) -> Iterator[str]:
    """The address of a proxy in front of 127.0.0.1:`port`."""
    address: Future[str] = Future()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        over = asyncio.Event()
        stop.append((asyncio.get_running_loop(), over))
        async with await asyncio.start_server(lambda *pair: _serve(*pair, port), "127.0.0.1", 0) as server:
            address.set_result(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        yield address.result(timeout=10)
    finally:
        loop, over = stop[0]
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    behind, onward = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            kept = [line for line in head if not line.lower().startswith((b"host:", b"connection:"))]
            onward.write(b"\r\n".join([*kept, b"Host: 127.0.0.1:%d" % port, b"Connection: close", b"", b""]))
            body = asyncio.create_task(_pump(reader, onward))
            await _pump(behind, writer)
            body.cancel()
    finally:
        onward.close()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
