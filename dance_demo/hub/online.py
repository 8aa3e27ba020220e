"""Whether a server elsewhere can be reached, so that what needs it is not offered in vain."""

import os
import time
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE_S, KEPT_S = 2.0, 20.0
_known: dict[str, tuple[float, bool]] = {}  # address -> until when it holds, and what was found; two or three of them


def reaches(address: str) -> bool:
    """Whether anything answers at an address of ours, by whatever proxies are set. Remembered for a while."""
    until_s, found = _known.get(address, (0.0, False))
    if time.monotonic() >= until_s:
        found = _answers(address)
        _known[address] = time.monotonic() + KEPT_S, found
    return found


def reaches_hub() -> bool:
    """Whether the Hub may be asked, and answers."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    return reaches(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")


def _answers(address: str) -> bool:
    request = Request(address, method="HEAD") if address.startswith(("http://", "https://")) else None
    if request is None:
        return False
    try:
        urlopen(request, timeout=PATIENCE_S).close()
    except HTTPError:
        return True  # whatever it says, it is there
    except (OSError, HTTPException, ValueError):
        return False
    return True
