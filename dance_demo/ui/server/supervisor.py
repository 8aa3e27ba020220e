"""Watches what runs in the background of the server: starts it again when it ends, and says whether all is well.

supervisor = Supervisor()
supervisor.every(60, sweeper.sweep, name="sweeper")
supervisor.start()
supervisor.report()      {"sweeper": Task(rounds=12, failures=0, late_s=0.0)}
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """How one task of the background is. It is well if its last round went well and the next one is not overdue."""

    rounds: int = 0
    failures: int = 0
    in_a_row: int = 0  # failures, since a round that went well
    late_s: float = 0.0  # since its next round should have come to its end

    @property
    def well(self) -> bool:
        return not self.in_a_row and not self.late_s


@dataclass(frozen=True)
class _Work:
    name: str
    every_s: float
    round: Callable[[], object]
    patience_s: float  # that a round may take


class Supervisor:
    """Calls each of its tasks again and again, every one in a thread of its own. A round that fails is tried again.

    The first failure in a row is logged, with its trace; the others are counted.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._work, self._tasks = clock, list[_Work](), dict[str, Task]()
        self._due_s: dict[str, float] = {}
        self._lock, self._closed = threading.Lock(), threading.Event()

    def every(self, seconds: float, round: Callable[[], object], *, name: str, patience_s: float = 60) -> None:
        """Call `round()` every so many seconds from `start` on."""
        self._work.append(_Work(name, seconds, round, patience_s))
        self._tasks[name] = Task()

    def start(self) -> None:
        for work in self._work:
            self._expect(work)
            threading.Thread(target=self._keep, args=(work,), name=work.name, daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def report(self) -> dict[str, Task]:
        """Each task by its name."""
        with self._lock:
            now = self._clock()
            late_s = {name: max(0.0, now - due_s) for name, due_s in self._due_s.items()}
            return {name: replace(task, late_s=late_s.get(name, 0.0)) for name, task in self._tasks.items()}

    def well(self) -> bool:
        return all(task.well for task in self.report().values())

    def _keep(self, work: _Work) -> None:
        while not self._closed.wait(work.every_s):
            self.run_once(work)

    def run_once(self, work: _Work) -> None:
        failed = False
        try:
            work.round()
        except Exception:
            failed = True
            if not self._tasks[work.name].in_a_row:
                log.exception("%s failed; it is tried again every %g s", work.name, work.every_s)
        with self._lock:
            task = self._tasks[work.name]
            self._tasks[work.name] = Task(task.rounds + 1, task.failures + failed, task.in_a_row + 1 if failed else 0)
        self._expect(work)

    def _expect(self, work: _Work) -> None:
        with self._lock:
            self._due_s[work.name] = self._clock() + work.every_s + work.patience_s
