"""How much one caller, and all of them together, may ask for: bounded memory, one number for each caller.

limiter = RateLimiter(burst=10, per_s=1 / 3)
wait_s = limiter.take("192.0.2.7")        0: go on; else come back in so many seconds, nothing was taken
"""

import time
from collections import OrderedDict
from collections.abc import Callable

KEYS_REMEMBERED = 10_000


class RateLimiter:
    """The generic cell rate algorithm (ITU-T I.371), a token bucket that keeps one number for each key.

    A key has `burst` units at once and gets `per_s` back every second. Of `keys` keys at most: the one that was quiet
    longest is forgotten, which gives it its burst back.
    """

    def __init__(
        self,
        burst: float,
        per_s: float,
        *,
        keys: int = KEYS_REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst_s, self._unit_s, self._keys, self._clock = burst / per_s, 1 / per_s, keys, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()  # when the key has all its units back

    def wait_s(self, key: str, cost: float = 1) -> float:
        """Seconds until `cost` units are there; 0: now. Costs above the burst are let through when all is back."""
        needed_s = min(cost * self._unit_s, self._burst_s)
        missing_s = max(0.0, self._full_at.get(key, 0.0) - self._clock())
        return max(0.0, missing_s + needed_s - self._burst_s)

    def take(self, key: str, cost: float = 1) -> float:
        """Take `cost` units if they are there. Returns how long to wait, 0 if they were taken."""
        if wait_s := self.wait_s(key, cost):
            return wait_s
        self.spend(key, cost)
        return 0.0

    def spend(self, key: str, cost: float = 1) -> None:
        """Take `cost` units, whether they are there or not: what they are for has happened."""
        self._full_at[key] = max(self._clock(), self._full_at.get(key, 0.0)) + cost * self._unit_s
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._keys:
            self._full_at.popitem(last=False)

    def __len__(self) -> int:
        return len(self._full_at)
