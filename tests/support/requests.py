"""What a handler of the page is told of the call that it answers."""

from types import SimpleNamespace
from typing import Any

from dance_demo.ui.server.visitors import COOKIE


def request_of(session: str = "one", *, address: str = "127.0.0.1", cookie: str = "") -> Any:
    """A call of the tab `session` of a browser with this cookie."""
    client, cookies = SimpleNamespace(host=address), {COOKIE: cookie} if cookie else {}
    return SimpleNamespace(session_hash=session, client=client, cookies=cookies)
