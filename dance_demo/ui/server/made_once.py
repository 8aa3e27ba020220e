"""The page and its description, which are the same for everybody: made once, with each caller's address put in.

Gradio makes its first page anew for each visitor, which takes 87 ms of a processor: more than the answer to a photo.
A class that opens the page at the same moment waits for that, and so do all others while somebody only reloads it.
"""

import asyncio
import re

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dance_demo.ui.gradio_private import root_url
from dance_demo.ui.server.compression import whole_answer
from dance_demo.ui.server.gradio_routes import INFO

PAGES = ("/", "/config", INFO)
_NOWHERE = "https://page.invalid"  # stands for the address of the server
_ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(/[\w.~-]+)*", re.ASCII)


class MadeOnce:
    """Middleware in front of what makes the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._made: dict[str, Response] = {}  # by path, of a server that is nowhere
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"] not in PAGES:
            return await self.app(scope, receive, send)
        address = root_url(scope)
        answer = await self._page(scope, receive, address) if _ADDRESS.fullmatch(address) else Response(status_code=400)
        return await answer(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, address: str) -> Response:
        async with self._making:  # whoever else wants it waits for it, instead of making it too
            path = scope["path"]
            if path not in self._made:
                page = await whole_answer(self.app, _from_nowhere(scope), receive)
                if page.status_code != 200:
                    return page
                self._made[path] = page
        made = self._made[path]
        there = root_url(_from_nowhere(scope))  # with the path of a proxy, if there is one
        body = bytes(made.body).replace(there.encode(), address.encode())
        here = Response(body if scope["method"] == "GET" else b"", media_type=made.headers["content-type"])
        here.headers["Content-Length"] = str(len(body))
        return here


def _from_nowhere(scope: Scope) -> Scope:
    """The same request from a caller who says nothing of himself. What the guard says in his place stays."""
    said = {"method": "GET", "scheme": "https", "headers": [(b"host", _NOWHERE.removeprefix("https://").encode())]}
    return {**scope, **said, "query_string": scope["query_string"] if scope["path"] == INFO else b""}
