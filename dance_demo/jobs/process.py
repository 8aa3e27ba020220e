"""One child process as the server sees it: a task goes in, messages come out, and it can be ended at any moment.

It is started as a program of its own, not by `multiprocessing`, which would import the page again in every child.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dance_demo.jobs.messages import STOP, Done, Event, receive, send, unpacked

LAST_OUTPUT = 2_000  # bytes of what the child printed last, for the log
LOW_PRIORITY = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
# Not a session of its own: Linux would share processors between the two sessions without regard to their niceness.
OWN_GROUP = 0 if os.name == "posix" else None
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class JobProcess:
    """A running `dance_demo.jobs.worker`, the leader of its process group. Raises `OSError` if none can start."""

    def __init__(self, modules: tuple[str, ...] = (), *, threads: int = 1) -> None:
        """Start one that imports `modules` beforehand and lets numerical libraries use that many threads."""
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._writing = threading.Lock()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dance_demo.jobs.worker", *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env=_environment(threads),
                creationflags=LOW_PRIORITY,
                process_group=OWN_GROUP,
            )
        except OSError:
            self._printed.close()
            raise
        assert self._process.stdin and self._process.stdout
        self._tasks: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, task: bytes) -> None:
        """Send a packed task. Nothing reaches a child that is gone: its messages end, and that is how one knows."""
        with self._writing, contextlib.suppress(OSError, ValueError):
            send(self._tasks, task)

    def ask_to_stop(self) -> None:
        self.send(STOP)

    def messages(self) -> Iterator[Event | Done]:
        """All that the child says until its pipe closes, which it does when the child is gone."""
        with contextlib.suppress(EOFError):
            while True:
                yield unpacked(receive(self._answers))

    def memory_bytes(self) -> int | None:
        """What it holds in memory now; None where that cannot be told: it is known on Linux only."""
        try:
            n_pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return n_pages * int(os.sysconf("SC_PAGE_SIZE"))

    def kill(self) -> None:
        """End it now, and whatever it started. Its number stays taken until `end`, so this never hits a stranger."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def end(self) -> tuple[int, str]:
        """Make sure that it is gone; returns its exit code and the last that it printed."""
        self.kill()
        code = self._process.wait()
        for stream in (self._tasks, self._answers):
            with contextlib.suppress(OSError):
                stream.close()
        size = self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, size - LAST_OUTPUT))
        printed = self._printed.read().decode("utf-8", errors="replace")
        self._printed.close()
        return code, printed


def _environment(threads: int) -> dict[str, str]:
    """This program's own, with its module path, since a job must find the same modules wherever it is started from."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if os.path.exists(entry or "."))
    limits = {name: os.environ.get(name, str(threads)) for name in THREAD_SETTINGS}
    return {**os.environ, **limits, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
