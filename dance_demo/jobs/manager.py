"""All work of a server that takes long, a training for example: one job is one child process that the page watches.

An event handler that trains dies when a phone locks its screen; a job does not. Training needs gigabytes and may crash;
in a process of its own it takes nobody along. It can be stopped at any moment because it can be killed at any moment:
what it wrote counts only if it came to its end.

Each owner has one job that waits or runs. Jobs of others wait in a line of bounded length.
"""

import atexit
import errno
import logging
import shutil
import threading
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dance_demo.errors import TrainingError
from dance_demo.jobs.job import Job
from dance_demo.jobs.messages import DISK_FULL, TOO_LARGE, Work
from dance_demo.jobs.queue import JobQueue
from dance_demo.jobs.resources import memory_bytes, n_processors
from dance_demo.jobs.standby import Standby
from dance_demo.jobs.workspace import Workspace, remove

POLL_S = 0.25  # between two checks of memory and time of what runs
CLOSED = "The server was closed."
log = logging.getLogger(__name__)


def _default_memory_bytes() -> int:
    """4 GB, but less where that would not leave a quarter of the memory to the server and everybody else."""
    there = memory_bytes()
    return min(4 << 30, there * 3 // 4) if there else 4 << 30


@dataclass(frozen=True)
class JobLimits:
    """What jobs may take of a server. All are positive; `standby_s` may be 0."""

    seconds: float = 30 * 60  # of one job, from its start to its end
    memory_bytes: int = field(default_factory=_default_memory_bytes)  # of one child; enforced on Linux only
    waiting: int = 20  # jobs in the line
    origin_share: float = 1.0  # of these places, for jobs from one origin
    events: int = 10_000  # kept of one job, the latest
    kept_s: float = 60 * 60  # of a finished job, since it ended and since anybody asked for it
    kept_per_owner: int = 20  # finished jobs, the latest
    standby_s: float = 10 * 60  # of a child that waits with its modules imported; 0 for none
    disk_bytes: int = 8 << 30  # of all finished jobs; the one that nobody has asked for longest goes first
    disk_reserve_bytes: int = 512 << 20  # that stay free on the disk, or no job begins

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value < 0 or (value == 0 and name != "standby_s"):
                raise ValueError(f"{name} must be positive. Received: {value!r}")


class JobManager:
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
        self.name = name
        self._queue: JobQueue[Job] = JobQueue(at_once=at_once)
        self._lock = self._queue.lock  # of all that changes, here and in each job
        self._workspace = Workspace(Path(root))
        self.directory = self._workspace.directory
        self._standby = Standby(threads=max(1, n_processors() // at_once), kept_s=self.limits.standby_s)
        self._known: dict[str, Job] = {}  # by id, in the order of their start
        self._closed = threading.Event()
        threading.Thread(target=self._housekeeping, name="jobs", daemon=True).start()
        atexit.register(self.close)

    def start(self, work: Work, *args: Any, owner: str, origin: str = "", about: Any = None) -> Job:
        """Run `work(directory, stop, *args)` in a child process, now or when those before it are done.

        `work` is a generator function at the top of a module. It yields events (picklable; the last is the result),
        asks `stop()` often, and writes into `directory` only. Of several `Progress` in a row only the latest is kept.
        `about` stays here: it is found again as `job.about`. `origin` is what several owners have in common, an address
        for example: the line takes the jobs of different origins in turn, and has a share for each.

        Raises `TrainingError` if this owner has a job already, if the line is full, or the disk.
        """
        with self._lock:
            self._require_room(owner, origin)
            job = self._new_job(work, args, owner, origin, about)
            self._known[job.id] = job
            self._queue.join(job)
            self._advance()
            return job

    def find(self, id: str | None) -> Job | None:
        """The job with this id, unless it was forgotten. Asking for it keeps it."""
        with self._lock:
            job = self._known.get(id) if isinstance(id, str) else None
            if job:
                job.last_asked_s = time.monotonic()
            return job

    def active(self, owner: str) -> Job | None:
        """The one job of this owner that waits or runs."""
        with self._lock:
            return next((job for job in self._known.values() if job.owner == owner and job.active), None)

    def forget(self, job: Job) -> None:
        """Drop a finished job and its files now."""
        with self._lock:
            if job.active:
                raise ValueError(f"only a finished job can be forgotten. Received: a job that is {job.state}")
            self._known.pop(job.id, None)
            job.forget()

    def warm(self, *modules: str) -> None:
        """Somebody is likely to start a job soon: have a child ready that has imported these modules.

        It is replaced when a job has taken it and is done; it leaves when nobody has called this, and no job has
        ended, for `limits.standby_s`.
        """
        with self._lock:
            if not self._closed.is_set():
                self._standby.want(modules)

    def close(self) -> None:
        """End every job and child, and remove all files. Can be called twice."""
        with self._lock:
            self._closed.set()
            for job in list(self._queue.waiting):
                job.stop()
            running = list(self._queue.running)
            for job in running:
                job.abort(CLOSED)
            self._standby.dismiss()
        for job in running:
            job.wait(2.0)
        self._workspace.close()
        atexit.unregister(self.close)

    def _require_room(self, owner: str, origin: str) -> None:
        if self._closed.is_set():
            raise TrainingError(CLOSED)
        if job := self.active(owner):
            raise TrainingError(f"One of yours is {job.state} already. Stop it, or wait until it is done.")
        if (n_waiting := len(self._queue.waiting)) >= self.limits.waiting:
            raise TrainingError(f"{n_waiting} others are waiting already, as many as can. Try again later.")
        theirs = sum(job.origin == origin for job in self._queue.waiting)
        if theirs >= self.limits.origin_share * self.limits.waiting:
            raise TrainingError(f"{theirs} from your address are waiting already. Try again when one of them is done.")

    def _new_job(self, work: Work, args: tuple[Any, ...], owner: str, origin: str, about: Any) -> Job:
        folder = None
        known = {"owner": owner, "origin": origin, "name": self.name, "about": about, "max_events": self.limits.events}
        try:
            folder = self._workspace.new_folder()
            if shutil.disk_usage(folder).free < self.limits.disk_reserve_bytes:
                raise OSError(errno.ENOSPC, "the rest of the disk is kept free")
            return Job(self._queue, work, args, folder=folder, **known)
        except BaseException as error:
            if folder:
                remove(folder)
            if isinstance(error, OSError):
                log.error("No folder for a job: %s", error.strerror)
                raise TrainingError(DISK_FULL) from error
            raise

    def _advance(self) -> None:
        """Start what can run now."""
        while not self._closed.is_set() and (job := self._queue.next()):
            job.begin()
            threading.Thread(target=self._run, args=(job,), name=f"job {job.kind}", daemon=True).start()

    def _run(self, job: Job) -> None:
        """See a job through to its end, in a thread of its own, and go on with the next."""
        try:
            with self._lock:
                process = self._standby.take()
            job.follow(process)
        except Exception:  # no process could be started, or what it said could not be understood
            log.exception("A job could not be followed: %s", job.kind)
        with self._lock:
            job.finish()
            self._queue.done(job, took_s=job.seconds if job.state == "done" else None)
            finished = [other for other in self._known.values() if other.owner == job.owner and not other.active]
            excess = max(0, len(finished) - self.limits.kept_per_owner)
            for other in sorted(finished[:-1], key=lambda other: not other.problem)[:excess]:  # failures go first
                self.forget(other)
            self._advance()
            if not self._queue.running and not self._closed.is_set():
                self._standby.fill()
        job.measure()
        self._free_disk()

    def _free_disk(self) -> None:
        """Forget finished jobs, the one first that nobody has asked for longest, until the others are not too large."""
        with self._lock:
            finished = sorted((job for job in self._known.values() if not job.active), key=lambda job: job.last_asked_s)
            excess = sum(job.disk_bytes for job in finished) - self.limits.disk_bytes
            for job in finished[:-1]:  # the latest is what somebody waits for
                if excess > 0:
                    excess -= job.disk_bytes
                    self.forget(job)

    def _housekeeping(self) -> None:
        """Enforce the limits of what runs, and drop what nobody asks for any more, until the end."""
        while not self._closed.wait(POLL_S):
            try:
                self._check_jobs()
            except Exception:  # nobody else would hold jobs to their limits
                log.exception("The jobs could not be checked; this is tried again")

    def _check_jobs(self) -> None:
        with self._lock:
            for job in self._queue.running:
                self._enforce_limits(job)
            for job in [job for job in self._known.values() if self._is_abandoned(job)]:
                job.stop()
                self.forget(job)
            self._standby.check()

    def _enforce_limits(self, job: Job) -> None:
        if (job.memory_bytes() or 0) > self.limits.memory_bytes:
            job.abort(TOO_LARGE)
        elif job.seconds > self.limits.seconds:
            allowed_s = self.limits.seconds
            allowed = f"{allowed_s / 60:.0f} minutes" if allowed_s >= 120 else f"{allowed_s:.0f} seconds"
            job.abort(f"{self.name} took longer than this server allows ({allowed}). Use fewer photos.")

    def _is_abandoned(self, job: Job) -> bool:
        """Whether nobody has asked for it for long. What runs goes on: other limits end it, then it is kept a while."""
        last_s = max(job.last_asked_s, job.finished_s)
        return job.state != "running" and time.monotonic() - last_s > self.limits.kept_s
