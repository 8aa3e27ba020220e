"""A reverse proxy, set up well or badly: nginx passes on no `Host` and cuts no path off unless it is told to."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer


@contextlib.contextmanager
def proxy_to(port: int, *, host: bool, cut: str = "") -> Iterator[str]:
    """The address of a proxy in front of 127.0.0.1:`port`; whether it passes on `Host`, and which path it cuts off."""
    with _Proxy(port, host, cut.encode()) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()
            thread.join()
            for connection in list(proxy.connections):  # such as one that a browser opened in advance
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Proxy(ThreadingTCPServer):
    request_queue_size = 100

    def __init__(self, port: int, host: bool, cut: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.behind, self.passes_host, self.cut = ("127.0.0.1", port), host, cut
        self.connections: set[socket.socket] = set()


class _Exchange(StreamRequestHandler):
    """One request and its answer; then the connection is closed, on both sides."""

    server: _Proxy

    def handle(self) -> None:
        self.server.connections.add(self.request)
        try:
            head = []
            while line := self.rfile.readline().strip():
                head.append(line)
            if head:
                self.pass_on(head)
        except OSError:
            pass  # one of the two has gone
        finally:
            self.server.connections.discard(self.request)

    def pass_on(self, head: list[bytes]) -> None:
        lost = (b"connection:",) if self.server.passes_host else (b"connection:", b"host:")
        lines = [line for line in head if not line.lower().startswith(lost)]
        lines[0] = lines[0].replace(b" " + self.server.cut, b" ", 1)
        if not self.server.passes_host:
            lines.append(b"Host: 127.0.0.1:%d" % self.server.behind[1])
        with socket.create_connection(self.server.behind) as onward:
            onward.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]))
            body = threading.Thread(target=_pump, args=(self.rfile.read1, onward))
            body.start()
            _pump(onward.recv, self.request)
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)  # which ends the other thread
            body.join()


def _pump(read: Callable[[int], bytes], to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := read(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)  # so the other side learns that this one has gone
