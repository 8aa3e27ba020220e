"""One job: work in a child process, which any thread may ask about.

waiting ──> running ──> done       the work came to its end; `result` is its last event
   │           ├──────> stopped    somebody asked for it; `result` only if the work ended by itself in time
   │           └──────> failed     `problem` says why
   └──────────────────> stopped
"""

import contextlib
import logging
import os
import secrets
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from dance_demo.jobs.messages import Done, Event, Task, Work, packed
from dance_demo.jobs.process import JobProcess
from dance_demo.jobs.progress import Progress
from dance_demo.jobs.queue import JobQueue
from dance_demo.jobs.workspace import remove

GRACE_S = 1.5  # a stopped job may use this long to save its best; it is gone within 2 s
log = logging.getLogger(__name__)


class Job:
    """One job. Only `JobManager` makes one, and calls `begin`, `follow`, `abort`, `finish` and `forget`.

    `state` is "waiting", "running", "done", "stopped" or "failed". `directory` is where the work writes its files. They
    stay as long as the job is known, unless it failed or was killed: then none of them is complete, and none stays.
    `about` is whatever its owner wants to find again with the job; it stays in this process.
    """

    def __init__(
        self,
        queue: "JobQueue[Job]",
        work: Work,
        args: tuple[Any, ...],
        *,
        owner: str,
        origin: str,
        name: str,
        folder: Path,
        max_events: int,
        about: Any = None,
    ) -> None:
        self.id = secrets.token_hex(16)
        self.owner, self.origin = owner, origin
        self.disk_bytes = 0  # of its files, once it is over
        self.about = about
        self.kind = f"{work.__module__}.{work.__qualname__}"
        self.state = "waiting"
        self.problem = ""
        self.directory = folder / "files"
        self.last_asked_s = time.monotonic()  # when somebody asked for it
        self.finished_s = 0.0
        self._queue, self._lock, self._name = queue, queue.lock, name
        self._folder, self._scratch = folder, folder / "temporary"
        self._task = packed(Task(work, args, self.directory, self._scratch))
        self._events: deque[Any] = deque(maxlen=max_events)
        self._started_s = 0.0
        self._process: JobProcess | None = None
        self._finishing = False
        self._stopping = False
        self._discarded = False
        self._aborted = ""
        self._done: Done | None = None
        self._over = threading.Event()
        for directory in (self.directory, self._scratch):
            directory.mkdir()

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def position(self) -> int:
        """1 for the next in the line, 2 for the one after; 0 for a job that waits no more."""
        return self._queue.position(self)

    @property
    def expected_wait_s(self) -> float:
        """A rough guess, from how long the latest jobs of the same kinds took; 0 for a job that waits no more."""
        return self._queue.expected_wait_s(self)

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return (self.finished_s or time.monotonic()) - self._started_s if self._started_s else 0.0

    @property
    def events(self) -> tuple[Any, ...]:
        """What the work has yielded, as far as it is kept: the latest, and one `Progress` of several in a row."""
        with self._lock:
            return tuple(self._events)

    @property
    def result(self) -> Any:
        """The last event of work that came to its end; None before that, and if it failed or had to be killed."""
        with self._lock:
            return self._events[-1] if self._complete() and self._events else None

    def stop(self, *, keep: bool = True, grace_s: float = GRACE_S) -> None:
        """Take it out of the line, or have it end within 2 s, with its best so far or without. Never waits for that.

        Work whose parts take longer is given a longer `grace_s` to save what it has.
        Without `keep` there is no result, and no file stays, whatever the work saves in time.
        """
        with self._lock:
            self._discarded = self._discarded or (self.active and not keep)
            if self.state == "waiting":
                self._queue.waiting.remove(self)
                self.finish()
            if self.state != "running" or self._stopping:
                return
            self._stopping = True
            process, has_events = self._process, bool(self._events)
        if process and has_events:
            waiting = threading.Thread(target=self._kill_after, args=(process, grace_s), name="jobs", daemon=True)
            waiting.start()
            process.ask_to_stop()
        elif process:  # still importing: there is nothing yet that could be saved
            process.kill()

    def _kill_after(self, process: JobProcess, grace_s: float) -> None:
        if not self.wait(grace_s):
            process.kill()

    def finish_early(self) -> None:
        """Ask the work to come to its end with what it has: it is then "done", however long that takes.

        One that still waits leaves the line, as `stop` has it.
        """
        with self._lock:
            if self.state == "waiting":
                return self.stop()
            self._finishing = self.state == "running"
            process = self._process
        if process:
            process.ask_to_stop()

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
            if self._stopping or self._aborted:  # before there was anything to stop
                process.kill()
            finishing = self._finishing
        try:
            process.send(self._task)
            if finishing:
                process.ask_to_stop()
            for message in process.messages():
                self._receive(message)
        finally:
            self._log_failure(*process.end())

    def abort(self, problem: str) -> None:
        """Kill it, because it takes more than it may, or because the server closes."""
        with self._lock:
            self._aborted = self._aborted or problem
            if self._process:
                self._process.kill()

    def memory_bytes(self) -> int | None:
        """What its process holds now; None where that cannot be told."""
        with self._lock:
            return self._process.memory_bytes() if self._process else None

    def finish(self) -> None:
        """It waits and runs no more: decide how it ended, and keep its files only if they are complete."""
        with self._lock:
            self.state, self.problem = self._verdict()
            self.finished_s = time.monotonic()
            self._process, self._task = None, b""
            remove(self._scratch if self._complete() else self._folder)
            self._over.set()

    def measure(self) -> None:
        """Note how much of the disk its files take."""
        sizes = 0
        for folder, _, names in os.walk(self.directory):
            for name in names:
                with contextlib.suppress(OSError):  # removed meanwhile
                    sizes += os.lstat(os.path.join(folder, name)).st_size
        self.disk_bytes = sizes

    def forget(self) -> None:
        """Remove its files, also the complete ones."""
        remove(self._folder)

    def _receive(self, message: Event | Done) -> None:
        with self._lock:
            if isinstance(message, Done):
                self._done = message
                return
            if self._events and isinstance(self._events[-1], Progress) and isinstance(message.value, Progress):
                self._events.pop()
            self._events.append(message.value)

    def _log_failure(self, exit_code: int, last_output: str) -> None:
        """For whoever runs the server, if something went wrong that is no user's fault."""
        if self._done and self._done.trace:
            log.error("A job failed: %s\n%s", self.kind, self._done.trace)
        elif not (self._done or self._stopping or self._aborted):
            log.error("A job's process ended with %s: %s. It printed last: %a", exit_code, self.kind, last_output)

    def _verdict(self) -> tuple[str, str]:
        """State and problem of a job that waits and runs no more."""
        if self._aborted:
            return "failed", self._aborted
        if self._stopping or not self._started_s:
            return "stopped", ""
        if self._done == Done():
            return "done", ""
        unexpected = f"{self._name} stopped unexpectedly; nothing was changed."
        return "failed", (self._done.problem if self._done else "") or unexpected

    def _complete(self) -> bool:
        return self.state in ("done", "stopped") and self._done == Done() and not self._discarded
