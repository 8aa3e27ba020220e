"""The page's program: compressed once, the same for everybody, and kept by browsers for as long as it is the same."""

import gzip
import io

import pytest
from fontTools.ttLib import TTFont
from gradio.themes.utils.fonts import font_file_path
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from dance_demo.ui.server.compression import LETTERS, Assets

SCRIPT = "let dance = 'kathak';\n" * 500
FONT = font_file_path("Source Sans Pro", 400).read_bytes()
PLAIN = {"Accept-Encoding": "identity"}


class Server:
    """A page with a script and a font, which counts how often it is asked for each."""

    def __init__(self, encoding: str = "gzip", **settings: int) -> None:
        self.asked: list[str] = []
        self.page = "<html>1</html>"
        routes = [Route("/{path:path}", self.answer)]
        self.app = Starlette(routes=routes, middleware=[Middleware(Assets, **settings)])
        self.client = TestClient(self.app, headers={"Accept-Encoding": encoding})

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path.endswith(".js"):
            return Response(SCRIPT, media_type="text/javascript", headers={"ETag": '"1"'})
        if path.endswith(".woff2"):
            return Response(FONT, media_type="font/woff2")
        if path == "/":
            return Response(self.page, media_type="text/html")
        return PlainTextResponse("none", 404)


def test_a_script_is_compressed_once_and_may_be_kept_for_ever() -> None:
    server = Server()
    first, second = server.client.get("/assets/Index-DAx5Uzyn.js"), server.client.get("/assets/Index-DAx5Uzyn.js")
    assert first.text == second.text == SCRIPT
    assert first.headers == second.headers
    assert "etag" not in first.headers  # nobody asks again
    assert first.headers["content-encoding"] == "gzip" and int(first.headers["content-length"]) < len(SCRIPT) / 10
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["vary"] == "Accept-Encoding"
    assert server.asked == ["/assets/Index-DAx5Uzyn.js"]


def test_what_gradio_left_out_for_a_browser_that_went_away_is_nobody_elses_answer() -> None:
    server, left_out = Server(), [b"", SCRIPT.encode()[:100]]

    async def cut_short(scope: Scope, receive: Receive, send: Send) -> None:
        length = [(b"content-length", str(len(SCRIPT)).encode()), (b"content-type", b"text/javascript")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": left_out.pop() if left_out else SCRIPT.encode()})

    server.client = TestClient(Assets(cut_short), headers={"Accept-Encoding": "gzip"})
    server.client.get("/assets/Index-DAx5Uzyn.js")
    server.client.get("/assets/Index-DAx5Uzyn.js")
    assert not left_out
    answers = [server.client.get("/assets/Index-DAx5Uzyn.js") for _ in range(2)]
    assert [answer.text for answer in answers] == [SCRIPT] * 2
    assert answers[1].headers["content-encoding"] == "gzip"


def test_who_takes_nothing_compressed_or_wants_a_part_is_answered_by_gradio() -> None:
    server = Server()
    server.client.get("/assets/Index-DAx5Uzyn.js")
    for headers in (PLAIN, {"Range": "bytes=0-9"}):
        answer = server.client.get("/assets/Index-DAx5Uzyn.js", headers=headers)
        assert answer.text == SCRIPT and "content-encoding" not in answer.headers
    assert len(server.asked) == 3


def test_a_name_that_may_stand_for_something_else_is_kept_by_browsers_for_a_day() -> None:
    server = Server()
    assert server.client.get("/static/js/frame.js").headers["cache-control"] == "public, max-age=86400"
    assert server.client.get("/static/js/frame.js").text == SCRIPT
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("taken", "sent"), [("gzip, deflate, br, zstd", "br"), ("br", "br"), ("gzip;q=1.0, gzip", "gzip")]
)
def test_a_browser_gets_the_best_encoding_that_it_takes(taken: str, sent: str) -> None:
    server = Server(taken)
    for path, whole in (("/assets/Index-DAx5Uzyn.js", SCRIPT), ("/", server.page)):
        answers = [server.client.get(path) for _ in range(2)]
        assert all(answer.text == whole and answer.headers["content-encoding"] == sent for answer in answers)


def test_the_page_is_made_anew_at_each_visit_and_sent_only_if_it_is_new() -> None:
    server = Server()
    first = server.client.get("/")
    assert first.headers["content-encoding"] == "gzip" and first.headers["cache-control"] == "private, no-cache"
    again = {"If-None-Match": first.headers["etag"]}
    same = server.client.get("/", headers=again)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    server.page = "<html>2</html>"
    new = server.client.get("/", headers=again)
    assert (new.status_code, new.text) == (200, server.page) and new.headers["etag"] != first.headers["etag"]
    assert server.asked == ["/"] * 3


def test_a_font_goes_out_with_the_letters_that_the_page_is_written_in() -> None:
    answer = Server().client.get("/static/fonts/Sans.woff2")
    assert "content-encoding" not in answer.headers
    sent, whole = (TTFont(io.BytesIO(font)) for font in (answer.content, FONT))
    assert set(sent.getBestCmap()) == set(LETTERS) & set(whole.getBestCmap())
    assert set(map(ord, "Bharatanāṭyam, Mōhiniyāṭṭam – 89,8 %")) <= set(sent.getBestCmap())
    assert len(answer.content) < len(FONT) / 5
    assert sent["name"].getBestFullName() == whole["name"].getBestFullName() and sent["OS/2"].usWeightClass == 400


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
