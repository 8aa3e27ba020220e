"""One job: work in a child process, as everybody may look at it from any thread.

waiting ──> running ──> done       the work came to its end; `result` is its last event
   │           ├──────> stopped    somebody asked for it; `result` only if the work ended by itself in time
   │           └──────> failed     `problem` says why
   └──────────────────> stopped
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance_demo.job_pipe import Ended, Order, Told, Work, packed
from dance_demo.job_process import JobProcess
from dance_demo.workplace import remove

if TYPE_CHECKING:
    from dance_demo.jobs import Jobs

CLOSED = "The server was closed."
GRACE_S = 1.5  # a stopped job may use this long to save its best; it is gone within 2 s
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A job at one moment. `events` are the new ones; pass `next` to `Job.snapshot` for those after them."""

    state: str
    place: int
    expected_wait_s: float
    seconds: float
    problem: str
    events: tuple[Any, ...]
    next: int


class Job:
    """One job. Only `Jobs` makes one, and calls `begin`, `follow`, `exceed` and `finish`.

    `state` is "waiting", "running", "done", "stopped" or "failed". `directory` is where the work writes its files. They
    stay as long as the job is known, unless it failed or was killed: then none of them is complete, and none stays.
    """

    def __init__(self, jobs: "Jobs", work: Work, args: tuple[Any, ...], *, owner: str, folder: Path) -> None:
        self.id = secrets.token_hex(16)
        self.owner = owner
        self.kind = f"{work.__module__}.{work.__qualname__}"
        self.state = "waiting"
        self.problem = ""
        self.directory = folder / "files"
        self.last_seen_s = time.monotonic()
        self.finished_s = 0.0
        self._folder, self._scratch = folder, folder / "temporary"
        self._order = packed(Order(work, args, self.directory, self._scratch))
        self._jobs, self._lock = jobs, jobs.lock
        self._events: deque[tuple[int, Any]] = deque(maxlen=jobs.limits.events)  # each with its number
        self._n_told = 0
        self._started_s = 0.0
        self._process: JobProcess | None = None
        self._stopping = False
        self._exceeded = ""
        self._ended: Ended | None = None
        self._over = threading.Event()
        for directory in (self.directory, self._scratch):
            directory.mkdir()

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def place(self) -> int:
        """1 for the next in the line, 2 for the one after; 0 for a job that waits no more."""
        return self._jobs.place(self)

    @property
    def expected_wait_s(self) -> float:
        """A rough guess, from how long the latest jobs of the same kinds took; 0 for a job that waits no more."""
        return self._jobs.expected_wait_s(self)

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return (self.finished_s or time.monotonic()) - self._started_s if self._started_s else 0.0

    @property
    def events(self) -> tuple[Any, ...]:
        """All that is kept of what the work told."""
        return self.snapshot().events

    @property
    def result(self) -> Any:
        """The last event of work that came to its end; None before that, and if it failed or had to be killed."""
        with self._lock:
            return self._events[-1][1] if self._complete() and self._events else None

    def snapshot(self, since: int = 0) -> Snapshot:
        """All that a page needs to know now, with the events from number `since` on."""
        with self._lock:
            latest_first = takewhile(lambda numbered: numbered[0] >= since, reversed(self._events))
            new = tuple(event for _, event in latest_first)[::-1]
            about = self.state, self.place, self.expected_wait_s, self.seconds, self.problem
            return Snapshot(*about, new, self._n_told)

    def stop(self) -> None:
        """Take it out of the line, or have it end within 2 s, with its best so far or without. Never waits for that."""
        with self._lock:
            if self.state == "waiting":
                self._jobs.leave(self)
                self.finish()
            if self.state != "running" or self._stopping:
                return
            self._stopping = True
            process, has_told = self._process, bool(self._events)
        if process and has_told:
            _after(GRACE_S, process.kill)
            process.ask_to_stop()
        elif process:  # still importing: there is nothing yet that could be saved
            process.kill()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is done, stopped or failed; returns whether it is."""
        return self._over.wait(timeout)

    def begin(self) -> None:
        """Its turn has come."""
        with self._lock:
            self.state, self._started_s = "running", time.monotonic()

    def follow(self, process: JobProcess) -> None:
        """Have a child process do the work, and listen to it until it is gone."""
        with self._lock:
            self._process = process
            if self._stopping or self._exceeded:  # before there was anything to stop
                process.kill()
        try:
            process.tell(self._order)
            for message in process.messages():
                self._hear(message)
        finally:
            self._look_back(*process.end())

    def exceed(self, problem: str) -> None:
        """End it, because it takes more than it may."""
        with self._lock:
            self._exceeded = self._exceeded or problem
            if self._process:
                self._process.kill()

    def exceeds(self, memory_bytes: int) -> bool:
        """Whether it holds more memory than that."""
        with self._lock:
            held = self._process.memory_bytes() if self._process else None
            return held is not None and held > memory_bytes

    def finish(self) -> None:
        """It waits and runs no more: decide how it ended, and keep its files only if they are complete."""
        with self._lock:
            self.state, self.problem = self._verdict()
            self.finished_s = time.monotonic()
            self._process, self._order = None, b""
            remove(self._scratch if self._complete() else self._folder)
            self._over.set()

    def forget(self) -> None:
        """Remove its files, also the complete ones."""
        remove(self._folder)

    def _hear(self, message: Told | Ended) -> None:
        with self._lock:
            if isinstance(message, Ended):
                self._ended = message
                return
            last = self._events[-1][1] if self._events else None
            if getattr(message.event, "replaces_previous", False) and type(last) is type(message.event):
                self._events.pop()
            self._events.append((self._n_told, message.event))
            self._n_told += 1

    def _look_back(self, exit_code: int, last_words: str) -> None:
        """Leave a note for whoever runs the server, if something went wrong that is no user's fault."""
        if self._ended and self._ended.trace:
            log.error("A job failed: %s\n%s", self.kind, self._ended.trace)
        elif not (self._ended or self._stopping or self._exceeded):
            log.error("A job's process ended with %s: %s. It printed last: %a", exit_code, self.kind, last_words)

    def _verdict(self) -> tuple[str, str]:
        """State and problem of a job that waits and runs no more."""
        if self._exceeded:
            return "failed", self._exceeded
        if self._stopping or not self._started_s:
            return "stopped", ""
        if self._ended == Ended():
            return "done", ""
        unexpected = f"{self._jobs.name} stopped unexpectedly; nothing was changed."
        return "failed", (self._ended.problem if self._ended else "") or unexpected

    def _complete(self) -> bool:
        return self.state in ("done", "stopped") and self._ended == Ended()


def _after(delay_s: float, do: Callable[[], None]) -> None:
    timer = threading.Timer(delay_s, do)
    timer.daemon = True
    timer.start()
