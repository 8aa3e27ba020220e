"""Who comes first when more is asked for than can be done at once: whoever has had least of the server lately.

    shares.spend(caller, 0.04)         so many seconds of work were for this caller
    shares.over(caller)                has had more than a fair share, while others are here
    with shares.turn(caller): ...      work; of all callers who are over their share one at a time

Nobody is refused here, and who is alone has all. A share is that of an address, and within an address, which may be
that of a whole class, that of a visitor whom we have given a cookie. What was had is forgotten within seconds.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dance_demo.ui.server.callers import Caller

MEMORY_S = 5.0  # after so long 37 % of what was had still counts
HERE_S = 3.0  # since somebody's last piece of work
LEAST_S = 0.01  # of work make somebody one of those who share: less has who only asks whether the server is up
FREE = 0.1  # seconds of work in each second that nobody is held back for: two photos
MORE = 1.2  # times an equal share
KEYS = 300  # callers that are remembered
AT_ONCE = 2  # turns of those who are within their share
REST = 0.5  # seconds for each second of work of those who are over their share: the others find a processor free
LONGEST_REST_S = 1.0
PACE = 0.3  # seconds of small work in each second, for all together who are over their share
PACE_BURST_S = 0.5  # at that pace


class Shares:
    """What callers have had lately. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses, self._visitors = _Had(clock), _Had(clock)
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[Caller] = []
        self._turns = 0  # of those within their share
        self._slow, self._rest_until_s = 0, 0.0  # pieces of work of those who are over it, and when the next may begin
        self._paced_until_s: OrderedDict[str, float] = OrderedDict()  # by address

    def spend(self, caller: Caller, seconds: float) -> None:
        """So much was done for this caller."""
        with self._changed:
            self._addresses.add((caller.address,), seconds)
            self._visitors.add(caller, seconds)

    def over(self, caller: Caller) -> bool:
        """Whether others are here who have had less than this caller."""
        with self._changed:
            of_all = self._addresses.of_those_here()
            if _is_over((caller.address,), of_all):
                return True
            of_address = {key: s for key, s in self._visitors.of_those_here().items() if key[0] == caller.address}
            return _is_over(caller, of_address)

    def begin(self, caller: Caller, *, at_once: int = 10**6) -> "Turn | None":
        """A turn, to be ended, if there is one for this caller now: `at_once` for all who are within their share."""
        with self._changed:
            slow = self.over(caller)
            if (self._slow or self._clock() < self._rest_until_s) if slow else self._turns >= at_once:
                return None
            self._slow, self._turns = self._slow + slow, self._turns + (not slow)
            return Turn(self, caller, slow, self._clock())

    def end(self, turn: "Turn") -> None:
        """For `Turn.end`."""
        with self._changed:
            now_s = self._clock()
            self.spend(turn.caller, now_s - turn.since_s)
            if turn.slow:
                self._rest_until_s = now_s + min(REST * (now_s - turn.since_s), LONGEST_REST_S)
            self._slow, self._turns = self._slow - turn.slow, self._turns - (not turn.slow)
            self._changed.notify_all()

    @contextmanager
    def turn(self, caller: Caller) -> Iterator[None]:
        """Waits, in a thread that may wait, until it is this caller's turn."""
        with self._changed:
            self._waiting.append(caller)
            try:
                while not (self._first() == caller and (turn := self.begin(caller, at_once=AT_ONCE))):
                    self._changed.wait(0.05)  # shares change with time, too
            finally:
                self._waiting.remove(caller)
        try:
            yield
        finally:
            turn.end()

    def _first(self) -> Caller:
        """Of those who wait: who has had least, each address before each visitor."""
        addresses, visitors = self._addresses.of_those_here(), self._visitors.of_those_here()
        return min(self._waiting, key=lambda one: (addresses.get((one.address,), 0.0), visitors.get(one, 0.0)))

    def pace_s(self, caller: Caller, seconds: float) -> float:
        """Charge a small piece of work that is about to be done. Returns how long to wait before, mostly 0."""
        self.spend(caller, seconds)
        if not self.over(caller):
            return 0.0
        with self._changed:
            had, now_s = self._addresses.of_those_here(), self._clock()
            pace = PACE / max(1, sum(_is_over(key, had) for key in had))
            begun_s = max(self._paced_until_s.pop(caller.address, 0.0), now_s - PACE_BURST_S)
            self._paced_until_s[caller.address] = begun_s + seconds / pace
            if len(self._paced_until_s) > KEYS:
                self._paced_until_s.popitem(last=False)
            return max(0.0, begun_s - now_s)


class Turn:
    """A piece of work that goes on, from `Shares.begin`."""

    def __init__(self, shares: Shares, caller: Caller, slow: bool, since_s: float) -> None:
        self.caller, self.slow, self.since_s = caller, slow, since_s
        self._shares: Shares | None = shares

    def end(self) -> None:
        """It is over. Saying so twice does nothing."""
        shares, self._shares = self._shares, None
        if shares:
            shares.end(self)


class _Had:
    """Seconds by key, which are forgotten by and by."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._had: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()  # seconds, and when last

    def add(self, key: tuple[str, ...], seconds: float) -> None:
        now_s = self._clock()
        had, last_s = self._had.get(key, (0.0, now_s))
        self._had[key] = had * math.exp((last_s - now_s) / MEMORY_S) + seconds, now_s
        self._had.move_to_end(key)
        if len(self._had) > KEYS:
            self._had.popitem(last=False)

    def of_those_here(self) -> dict[tuple[str, ...], float]:
        """What each has had who was here just now."""
        now_s = self._clock()
        found = {}
        for key in reversed(self._had):
            had, last_s = self._had[key]
            if last_s < now_s - HERE_S:
                break
            found[key] = had * math.exp((last_s - now_s) / MEMORY_S)
        return found


def _is_over(key: tuple[str, ...], had: dict[tuple[str, ...], float]) -> bool:
    mine, all = had.get(key, 0.0), [seconds for seconds in had.values() if seconds >= LEAST_S]
    return len(all) > 1 and mine > FREE * MEMORY_S and mine > MORE * sum(all) / len(all)
