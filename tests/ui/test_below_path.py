"""The page below a path of a proxy: found under it, and without it where the proxy has cut it off."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dance_demo.ui.server.below_path import BelowPath


@pytest.mark.parametrize(
    ("below", "asked", "found"),
    [
        ("/dance", "/dance", "/"),
        ("/dance", "/dance/", "/"),
        ("/dance", "/dance/a%20b/c", "/a b/c"),
        ("/dance", "/a", "/a"),
        ("/dance", "/dancers", "/dancers"),
        ("/a/b", "/a/b/dance", "/dance"),
        ("https://x.org/dance", "/dance/a", "/a"),
        ("https://x.org", "/a", "/a"),
    ],
)
def test_a_path_that_the_proxy_has_left_is_cut_off(below, asked, found):
    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{request.scope['path']} {request.scope['raw_path'].decode()}")

    app = Starlette(routes=[Route("/{path:path}", answer)], middleware=[Middleware(BelowPath, path=below)])
    path, raw = TestClient(app).get(asked).text.rsplit(" ", 1)
    assert (path, raw) == (found, found.replace(" ", "%20"))
