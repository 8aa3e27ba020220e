"""A Hub that sends its callers elsewhere: no token goes there, no file here is opened, and there is an end."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dance_demo.model.directory import CARD, FAMILIARITY, HEAD
from tests.model.test_publishing import trained  # noqa: F401 - a fixture
from tests.support.hub_server import DANCER, HubServer, ask, running_hub

FILES = r"/s/head/resolve/.*"
LOOKED_UP = r"/api/models/s/head.*"


@pytest.fixture
def hub(trained: Path) -> Iterator[HubServer]:  # noqa: F811
    with running_hub() as hub:
        hub.add("s/head", {path.name: path.read_bytes() for path in trained.iterdir()})
        yield hub


@contextmanager
def elsewhere(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """(address, what it was told in each request's Authorization) of a server that has these files under any path."""
    tokens: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization") or "")
            data = files.get(self.path.rpartition("/")[2], b"secret of the house")
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", '"a"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", tokens
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("what", [LOOKED_UP, FILES], ids=["the repository", "its files"])
def test_S7_S12_whoever_is_redirected_elsewhere_takes_no_token_along(hub, tmp_path, what):
    """As the Hub itself does with large files. What comes from there is checked as if it came from the Hub."""
    with elsewhere({}) as (address, tokens):
        hub.redirects = [(what, f"{address}/latest/meta-data")]
        told = ask(hub, tmp_path, ["fetch", "s/head", tmp_path / "a", DANCER])
    assert tokens and DANCER not in " ".join(tokens)
    assert told[0].startswith("ModelError: ") and "secret" not in told[0], told
    assert not list(tmp_path.rglob("*.npz.incomplete")) and not (tmp_path / "a" / "model").exists()


def test_S7_files_that_the_hub_keeps_elsewhere_come_from_there(hub, trained, tmp_path):  # noqa: F811
    files = {name: (trained / name).read_bytes() for name in (CARD, HEAD, FAMILIARITY)}
    with elsewhere(files) as (address, tokens):
        hub.redirects = [(rf"/s/head/resolve/[^/]+/{name}", f"{address}/{name}") for name in (HEAD, FAMILIARITY)]
        [told] = ask(hub, tmp_path, ["fetch", "s/head", tmp_path / "a", DANCER])
    assert tokens and DANCER not in " ".join(tokens)
    assert Path(told["model"]).is_dir()


@pytest.mark.parametrize("what", [LOOKED_UP, FILES], ids=["the repository", "its files"])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//", "http://", "/endless", "gopher:x"])
def test_S7_a_redirect_to_a_file_or_without_end_is_a_sentence(hub, tmp_path, what, target):
    hub.redirects = [(what, target), ("/endless", "/endless")]
    [told] = ask(hub, tmp_path, ["fetch", "s/head", tmp_path / "a", ""])
    assert told.startswith("ModelError: ") and "root:" not in told, told
    assert len(hub.requests) < 150
    assert not (tmp_path / "a" / "model").exists()
