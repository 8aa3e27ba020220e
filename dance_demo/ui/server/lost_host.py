"""What a reverse proxy that does not pass on `Host` takes from us: the address under which the visitor sees the page.

Gradio writes that address before every picture, and a picture from another address is not shown. The browser still
tells where it is, in `Origin` or `Referer`, and by `Sec-Fetch-Site` that this is where it was sent to.
"""

import logging
import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

log = logging.getLogger(__name__)

_NETLOC = re.compile(r"[a-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9a-f:.]{2,45}\](:\d{1,5})?")
_told: set[str] = set()  # once is enough


def find_host(scope: Scope, is_allowed: Callable[[str], bool]) -> None:
    """Answer a browser under the host that it knows, where that is allowed and a proxy has left it out."""
    headers = Headers(scope=scope)
    page = _page(headers)
    if headers.get("sec-fetch-site") != "same-origin" or page.netloc in ("", headers.get("host", "").lower()):
        return
    if page.scheme in ("http", "https") and _NETLOC.fullmatch(page.netloc) and is_allowed(page.hostname or ""):
        tell_of_lost_host(headers)
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*others, (b"host", page.netloc.encode())]
        scope["scheme"] = page.scheme


def tell_of_lost_host(headers: Headers) -> None:
    """Say once, in the log, what the owner of a proxy has to change."""
    if not _told:
        _told.add("told")
        log.warning(
            "A page on %.80r was answered as %.80r. If a reverse proxy stands in front, let it pass on Host: "
            "docs/deploy.md has the line for nginx.",
            _page(headers).netloc,
            headers.get("host", ""),
        )


def _page(headers: Headers) -> SplitResult:
    try:
        return urlsplit((headers.get("origin") or headers.get("referer", ""))[:2000].lower())
    except ValueError:  # brackets that are no address
        return urlsplit("")
