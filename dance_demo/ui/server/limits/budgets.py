"""How much one address may ask for, made from what a class of thirty behind one address does, times three.

| of               | at once | then each second | a class at its busiest                                              |
|------------------|---------|------------------|---------------------------------------------------------------------|
| requests         | 6,000   | 200              | 30 pages of 60 files opened at once, 60 pictures of cameras a second |
| visits           | 300     | 1                | 30 pages, each loaded three times                                   |
| bytes uploaded   | 6 GB    | 4 MB             | 30 times 10 photos of 5 MB, and a zip of 200 MB for every third one |
| files uploaded   | 10,000  | 10               | 30 times 100 photos                                                 |

The disk and the memory are bounded for all addresses together, where they are used.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Literal

from dance_demo.ui.server.limits.rate_limits import RateLimiter

Kind = Literal["requests", "visits", "bytes", "files"]
BUDGETS: dict[Kind, tuple[float, float]] = {  # kind -> (at once, each second)
    "requests": (6_000, 200),
    "visits": (300, 1),
    "bytes": (6e9, 4e6),
    "files": (10_000, 10),
}


class Spent(Exception):
    """An address has used up what it may have; `wait_s` says when there is more."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = ceil(wait_s)
        super().__init__(f"That is too much from your address at once. Try again in {self.wait_s} s.")


class Budgets:
    """The budgets of all addresses."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._limiters = {kind: RateLimiter(burst, per_s, clock=clock) for kind, (burst, per_s) in BUDGETS.items()}

    def take(self, kind: Kind, address: str, cost: float = 1) -> None:
        """Raises `Spent`, and takes nothing, where so much is not there."""
        if wait_s := self._limiters[kind].take(address, cost):
            raise Spent(wait_s)

    def check(self, kind: Kind, address: str) -> None:
        """Raises `Spent` where nothing is there at all: before something whose size is known when it is over."""
        if wait_s := self._limiters[kind].wait_s(address):
            raise Spent(wait_s)

    def spend(self, kind: Kind, address: str, cost: float) -> None:
        """Charge what has happened."""
        self._limiters[kind].spend(address, cost)
