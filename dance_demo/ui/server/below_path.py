"""The page below a path of a reverse proxy, as /dance, which some proxies cut off and others leave."""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class BelowPath:
    """Cuts the path off where the proxy has not: nginx does so only for a `proxy_pass` that ends in a slash."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        """`path` is the path, or the address of the page, without a slash at its end."""
        self._app, self._path = app, urlsplit(path).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._path}/"):
            raw = scope.get("raw_path", b"").removeprefix(self._path.encode())
            scope = {**scope, "path": scope["path"].removeprefix(self._path) or "/", "raw_path": raw or b"/"}
        await self._app(scope, receive, send)
