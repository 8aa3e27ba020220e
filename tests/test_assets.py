"""The page's program: compressed once, the same for everybody, and kept by browsers for as long as it is the same."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dance_demo.ui.assets import Assets

SCRIPT = "let dance = 'kathak';\n" * 500
FONT = bytes(range(256)) * 8
PLAIN = {"Accept-Encoding": "identity"}


class Server:
    """A page with a script and a font, which counts how often it is asked for each."""

    def __init__(self, **settings: int) -> None:
        self.asked: list[str] = []
        routes = [Route("/{path:path}", self.answer)]
        self.app = Starlette(routes=routes, middleware=[Middleware(Assets, **settings)])
        self.client = TestClient(self.app, headers={"Accept-Encoding": "gzip"})

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path.endswith(".js"):
            return Response(SCRIPT, media_type="text/javascript", headers={"ETag": '"1"'})
        if path.endswith(".woff2"):
            return Response(FONT, media_type="font/woff2")
        if path == "/":
            return Response(f"<html>{len(self.asked)}</html>", media_type="text/html")
        return PlainTextResponse("none", 404)


def test_a_script_is_compressed_once_and_may_be_kept_for_ever() -> None:
    server = Server()
    first, second = server.client.get("/assets/Index-DAx5Uzyn.js"), server.client.get("/assets/Index-DAx5Uzyn.js")
    assert first.text == second.text == SCRIPT
    assert first.headers == second.headers and first.headers["etag"] == '"1"'
    assert first.headers["content-encoding"] == "gzip" and int(first.headers["content-length"]) < len(SCRIPT) / 10
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["vary"] == "Accept-Encoding"
    assert server.asked == ["/assets/Index-DAx5Uzyn.js"]


def test_who_takes_nothing_compressed_or_wants_a_part_is_answered_by_gradio() -> None:
    server = Server()
    server.client.get("/assets/Index-DAx5Uzyn.js")
    for headers in (PLAIN, {"Range": "bytes=0-9"}):
        answer = server.client.get("/assets/Index-DAx5Uzyn.js", headers=headers)
        assert answer.text == SCRIPT and "content-encoding" not in answer.headers
    assert len(server.asked) == 3


def test_a_name_that_may_stand_for_something_else_tomorrow_is_not_kept_by_browsers() -> None:
    server = Server()
    assert "cache-control" not in server.client.get("/static/js/frame.js").headers
    assert server.client.get("/static/js/frame.js").text == SCRIPT
    assert len(server.asked) == 1


def test_the_page_is_made_anew_at_each_visit() -> None:
    server = Server()
    pages = [server.client.get("/") for _ in range(2)]
    assert [page.text for page in pages] == ["<html>1</html>", "<html>2</html>"]
    assert all(page.headers["content-encoding"] == "gzip" for page in pages)


def test_a_font_goes_out_as_it_is() -> None:
    answer = Server().client.get("/static/fonts/Sans.woff2")
    assert answer.content == FONT and "content-encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/assets/nothing-12345678.css", "/config", "/gradio_api/info"])
def test_what_is_missing_or_no_file_of_the_page_is_asked_for_each_time(path: str) -> None:
    server = Server()
    answers = [server.client.get(path) for _ in range(2)]
    assert all(answer.status_code == 404 and "cache-control" not in answer.headers for answer in answers)
    assert len(server.asked) == 2


def test_memory_is_bounded() -> None:
    server = Server(kept_bytes=len(gzip.compress(SCRIPT.encode(), 6)) * 3 // 2)
    for name in ("a", "b", "a", "b"):
        assert server.client.get(f"/assets/{name}-12345678.js").text == SCRIPT
    assert [path[8] for path in server.asked] == ["a", "b", "b"]
