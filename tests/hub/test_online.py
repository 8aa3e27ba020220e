"""Whether something elsewhere can be reached: asked with patience, and not again and again."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dance_demo.hub import online

NOBODY = "http://127.0.0.1:9"


class Elsewhere(BaseHTTPRequestHandler):
    asked = 0

    def do_HEAD(self) -> None:
        Elsewhere.asked += 1
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> str:
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/any/place"
        server.shutdown()


def test_any_answer_will_do_and_is_remembered(elsewhere: str) -> None:
    assert online.reaches(elsewhere) and online.reaches(elsewhere)
    assert Elsewhere.asked == 1


@pytest.mark.parametrize("address", [NOBODY, "http://", "no address"])
def test_where_nobody_answers_it_says_so(address: str) -> None:
    assert not online.reaches(address)


def test_behind_a_proxy_that_is_gone_nothing_is_reached(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert not online.reaches("http://storage.example/")


def test_the_hub_is_not_asked_where_that_is_forbidden(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", elsewhere)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert online.reaches_hub()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not online.reaches_hub()
