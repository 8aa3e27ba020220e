"""The line of waiting jobs: who is next, and about how long that takes.

One job of each origin is taken, then the second of each: whoever sends many does not hold up the others.
"""

import statistics
import threading
from collections import Counter, deque
from typing import Generic, Protocol, TypeVar

UNKNOWN_JOB_S = 60.0  # how long a job takes, while nothing is known about jobs of its kind


class Queued(Protocol):
    """What the line asks of a job."""

    kind: str
    origin: str

    @property
    def seconds(self) -> float: ...


J = TypeVar("J", bound=Queued)


class JobQueue(Generic[J]):
    """The jobs that wait, in order, and those that run. Hold `lock` for whatever must happen in one step."""

    def __init__(self, *, at_once: int) -> None:
        """Let up to `at_once` jobs run side by side."""
        self.lock = threading.RLock()
        self.waiting: list[J] = []
        self.running: list[J] = []
        self._at_once = at_once
        self._took_s: dict[str, deque[float]] = {}  # kind of job -> seconds that the latest took

    def join(self, job: J) -> None:
        """Put a job into the line, behind those whose turn is before it."""
        with self.lock:
            so_far = Counter(other.origin for other in self.running)
            turns: list[tuple[int, int, J]] = []
            for other in (*self.waiting, job):
                so_far[other.origin] += 1
                turns.append((so_far[other.origin], len(turns), other))
            self.waiting[:] = [other for _, _, other in sorted(turns, key=lambda turn: turn[:2])]

    def next(self) -> J | None:
        """Take the first job out of the line, if one more can run; it then counts as running until `done`."""
        with self.lock:
            if not self.waiting or len(self.running) >= self._at_once:
                return None
            self.running.append(self.waiting.pop(0))
            return self.running[-1]

    def done(self, job: J, *, took_s: float | None) -> None:
        """A job runs no more. `took_s` tells how long such jobs take; None for one that did not come to its end."""
        with self.lock:
            self.running.remove(job)
            if took_s is not None:
                self._took_s.setdefault(job.kind, deque(maxlen=5)).append(took_s)

    def position(self, job: J) -> int:
        """1 for the next in the line, 2 for the one after; 0 for a job that does not wait."""
        with self.lock:
            return self.waiting.index(job) + 1 if job in self.waiting else 0

    def expected_wait_s(self, job: J) -> float:
        """A rough guess, from how long the latest jobs of the same kinds took; 0 for a job that does not wait."""
        with self.lock:
            if job not in self.waiting:
                return 0.0
            left_s = [max(0.0, self._typical_s(other) - other.seconds) for other in self.running]
            before_s = [self._typical_s(other) for other in self.waiting[: self.waiting.index(job)]]
            return (sum(left_s) + sum(before_s)) / self._at_once

    def _typical_s(self, job: J) -> float:
        took_s = self._took_s.get(job.kind)
        return statistics.fmean(took_s) if took_s else UNKNOWN_JOB_S
