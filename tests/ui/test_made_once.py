"""The page is made once for everybody, and bears the address under which each has found it."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dance_demo.ui.server.made_once import PAGES, MadeOnce


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def client(asked: list[str]) -> TestClient:
    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return HTMLResponse(f"<html>{len(asked)} {request.base_url} {request.url.path}</html>")

    return TestClient(Starlette(routes=[Route("/{path:path}", answer)], middleware=[Middleware(MadeOnce)]))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_made_once_and_bears_the_address_that_each_has_found_it_under(client, asked, path):
    for host in ("a.example", "b.example:7860", "[::1]:7861"):
        for target in (path, f"{path}?deep_link=x&page=y&_={host}"):
            page = client.get(target, headers={"Host": host})
            assert page.text == f"<html>1 http://{host}/ {path}</html>"
            assert int(page.headers["content-length"]) == len(page.content)
    assert client.head(path).content == b"" and client.head(path).status_code == 200
    assert asked == [path]


def test_below_a_path_of_a_proxy_it_bears_that_path_once(client):
    below = TestClient(client.app, root_path="/dance")
    for host in ("a.example", "b.example"):
        assert below.get("/", headers={"Host": host}).text == f"<html>1 http://{host}/dance/ /</html>"


def test_other_pages_are_made_each_time(client, asked):
    assert client.get("/health").text != client.get("/health").text and len(asked) == 2


def test_no_markup_comes_into_the_page_with_the_name_of_the_server(client):
    for header in ("Host", "X-Forwarded-Host", "X-Gradio-Server"):
        answer = client.get("/", headers={header: 'http://x"><script>'})
        assert "<script>" not in answer.text
