"""All work of a server that takes long, a training for example: one job is one child process that the page watches.

An event handler that trains dies when a phone locks its screen; a job does not. Training needs gigabytes and may crash;
in a process of its own it takes nobody along. It can be stopped at any moment because it can be killed at any moment:
what it wrote counts only if it came to its end.

Each owner has one job that waits or runs. Jobs of others wait in a line of bounded length.
"""

import atexit
import logging
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dance_demo.errors import TrainingError
from dance_demo.job import CLOSED, Job
from dance_demo.job_pipe import DISK_FULL, TOO_LARGE, Work
from dance_demo.machine import memory_bytes, n_processors
from dance_demo.standby import Standby
from dance_demo.workplace import Workplace, remove

LOOK_S = 0.25  # between two looks at memory and time of what runs
UNKNOWN_JOB_S = 60.0  # how long a job takes, while nothing is known about jobs of its kind
log = logging.getLogger(__name__)


def _default_memory_bytes() -> int:
    """4 GB, but less where that would not leave a quarter of the memory to the server and everybody else."""
    there = memory_bytes()
    return min(4 << 30, there * 3 // 4) if there else 4 << 30


@dataclass(frozen=True)
class JobLimits:
    """What jobs may take of a server. All are positive; `standby_s` may be 0."""

    seconds: float = 30 * 60  # of one job, from its start to its end
    memory_bytes: int = field(default_factory=_default_memory_bytes)  # of one child; held on Linux only
    waiting: int = 20  # jobs in the line
    events: int = 10_000  # kept of one job, the latest
    kept_s: float = 60 * 60  # of a finished job, since it ended and since anybody asked for it
    kept_per_owner: int = 20  # finished jobs, the latest
    standby_s: float = 10 * 60  # of a child that waits with its modules imported; 0 for none

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value < 0 or (value == 0 and name != "standby_s"):
                raise ValueError(f"{name} must be positive. Received: {value!r}")


class Jobs:
    """All jobs of one server process. `close` it at the end; the end of the interpreter does so too."""

    def __init__(
        self, root: Path, *, limits: JobLimits | None = None, at_once: int = 1, name: str = "Training"
    ) -> None:
        """Keep the jobs' files in a private folder below `root`, and run up to `at_once` of them side by side.

        `name` is what people call such work: sentences on what went wrong begin with it. Several may share a `root`.
        """
        if at_once < 1:
            raise ValueError(f"at_once must be at least 1. Received: {at_once}")
        self.limits = limits or JobLimits()
        self.lock = threading.RLock()  # of all that changes, here and in each job
        self.name = name
        self._at_once = at_once
        self._workplace = Workplace(Path(root))
        self.directory = self._workplace.directory
        self._standby = Standby(threads=max(1, n_processors() // at_once), kept_s=self.limits.standby_s)
        self._known: dict[str, Job] = {}  # by id, in the order of their start
        self._line: deque[Job] = deque()
        self._running: list[Job] = []
        self._took_s: dict[str, deque[float]] = {}  # kind of job -> seconds that the latest took
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="jobs", daemon=True)
        self._keeper.start()
        atexit.register(self.close)

    def start(self, work: Work, *args: Any, owner: str) -> Job:
        """Run `work(directory, stop, *args)` in a child process, now or when those before it are done.

        `work` is a generator function at the top of a module. It yields events (picklable; the last is the result),
        asks `stop()` often, and writes into `directory` only. An event class may say `replaces_previous = True`: of
        several such events in a row only the latest is kept.

        Raises `TrainingError` if this owner has a job already, if the line is full, or the disk.
        """
        with self.lock:
            self._refuse(owner)
            job = self._new_job(work, args, owner)
            self._known[job.id] = job
            self._line.append(job)
            self._advance()
            return job

    def find(self, id: str | None) -> Job | None:
        """The job with this id, unless it was forgotten. Asking for it keeps it."""
        with self.lock:
            job = self._known.get(id) if isinstance(id, str) else None
            if job:
                job.last_seen_s = time.monotonic()
            return job

    def active(self, owner: str) -> Job | None:
        """The one job of this owner that waits or runs."""
        with self.lock:
            return next((job for job in self._known.values() if job.owner == owner and job.active), None)

    def forget(self, job: Job) -> None:
        """Drop a finished job and its files now."""
        with self.lock:
            if job.active:
                raise ValueError(f"only a finished job can be forgotten. Received: a job that is {job.state}")
            self._known.pop(job.id, None)
            job.forget()

    def warm(self, *modules: str) -> None:
        """Somebody is likely to start a job soon: have a child ready that has imported these modules.

        It is replaced when a job has taken it and is done; it leaves when nobody has called this, and no job has
        ended, for `limits.standby_s`.
        """
        with self.lock:
            if not self._closed.is_set():
                self._standby.want(modules)

    def close(self) -> None:
        """End every job and child, and remove all files. Can be called twice."""
        with self.lock:
            self._closed.set()
            for job in list(self._line):
                job.stop()
            running = list(self._running)
            for job in running:
                job.exceed(CLOSED)
            self._standby.dismiss()
        for job in running:
            job.wait(2.0)
        self._workplace.close()
        atexit.unregister(self.close)

    def place(self, job: Job) -> int:
        """See `Job.place`."""
        with self.lock:
            return self._line.index(job) + 1 if job in self._line else 0

    def expected_wait_s(self, job: Job) -> float:
        """See `Job.expected_wait_s`."""
        with self.lock:
            if job not in self._line:
                return 0.0
            left_s = [max(0.0, self._typical_s(other) - other.seconds) for other in self._running]
            before_s = [self._typical_s(other) for other in list(self._line)[: self.place(job) - 1]]
            return (sum(left_s) + sum(before_s)) / self._at_once

    def leave(self, job: Job) -> None:
        """Take a job out of the line."""
        with self.lock:
            self._line.remove(job)

    def _refuse(self, owner: str) -> None:
        if self._closed.is_set():
            raise TrainingError(CLOSED)
        if job := self.active(owner):
            raise TrainingError(f"One of yours is {job.state} already. Stop it, or wait until it is done.")
        if len(self._line) >= self.limits.waiting:
            raise TrainingError(f"{len(self._line)} others are waiting already, as many as can. Try again later.")

    def _new_job(self, work: Work, args: tuple[Any, ...], owner: str) -> Job:
        folder = None
        try:
            folder = self._workplace.new_folder()
            return Job(self, work, args, owner=owner, folder=folder)
        except BaseException as error:
            if folder:
                remove(folder)
            if isinstance(error, OSError):
                log.error("No folder for a job: %s", error.strerror)
                raise TrainingError(DISK_FULL) from error
            raise

    def _typical_s(self, job: Job) -> float:
        took_s = self._took_s.get(job.kind)
        return statistics.fmean(took_s) if took_s else UNKNOWN_JOB_S

    def _advance(self) -> None:
        """Start what can run now."""
        while self._line and len(self._running) < self._at_once and not self._closed.is_set():
            job = self._line.popleft()
            job.begin()
            self._running.append(job)
            threading.Thread(target=self._attend, args=(job,), name=f"job {job.kind}", daemon=True).start()

    def _attend(self, job: Job) -> None:
        """See a job through to its end, in a thread of its own, and go on with the next."""
        try:
            with self.lock:
                process = self._standby.take()
            job.follow(process)
        except Exception:  # no process could be started, or what it said could not be understood
            log.exception("A job could not be followed: %s", job.kind)
        with self.lock:
            self._running.remove(job)
            job.finish()
            self._note(job)
            self._advance()
            if not self._running and not self._closed.is_set():
                self._standby.fill()

    def _note(self, job: Job) -> None:
        """Remember how long such a job takes, and forget the oldest that its owner has."""
        if job.state == "done":
            self._took_s.setdefault(job.kind, deque(maxlen=5)).append(job.seconds)
        finished = [other for other in self._known.values() if other.owner == job.owner and not other.active]
        for other in finished[: -self.limits.kept_per_owner]:
            self.forget(other)

    def _keep(self) -> None:
        """Look after what runs, what was forgotten, and what waits for nothing, until the end."""
        while not self._closed.wait(LOOK_S):
            with self.lock:
                for job in self._running:
                    self._hold_to_limits(job)
                for job in [job for job in self._known.values() if self._is_abandoned(job)]:
                    job.stop()
                    self.forget(job)
                self._standby.look()

    def _hold_to_limits(self, job: Job) -> None:
        if job.exceeds(self.limits.memory_bytes):
            job.exceed(TOO_LARGE)
        elif job.seconds > self.limits.seconds:
            allowed = _duration(self.limits.seconds)
            job.exceed(f"{self.name} took longer than this server allows ({allowed}). Use fewer photos.")

    def _is_abandoned(self, job: Job) -> bool:
        """Whether nobody has asked for it for long. What runs goes on: other limits end it, then it is kept a while."""
        last_s = max(job.last_seen_s, job.finished_s)
        return job.state != "running" and time.monotonic() - last_s > self.limits.kept_s


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
