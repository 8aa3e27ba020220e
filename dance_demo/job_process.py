"""One child process as the server sees it: an order goes in, messages come out, and it can be ended at any moment.

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
from typing import Any

from dance_demo.job_pipe import STOP, receive, send, unpacked

LAST_WORDS = 2_000  # characters of what the child printed last, for the log
LOW_PRIORITY = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
# Not a session of its own: Linux would weigh it against the server's without regard to who stepped back for whom.
OWN_GROUP = {"process_group": 0} if os.name == "posix" else {}
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class JobProcess:
    """A running `dance_demo.job_child`, which leads a process group of its own. Raises `OSError` if none can start."""

    def __init__(self, modules: tuple[str, ...] = (), *, threads: int = 1) -> None:
        """Start one that imports `modules` beforehand and lets numerical libraries use that many threads."""
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._writing = threading.Lock()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dance_demo.job_child", *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env=_environment(threads),
                creationflags=LOW_PRIORITY,
                **OWN_GROUP,
            )
        except OSError:
            self._printed.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def tell(self, message: bytes) -> None:
        """Send an order. A child that is gone cannot be told anything: its messages end, and that is how one knows."""
        with self._writing, contextlib.suppress(OSError, ValueError):
            send(self._process.stdin, message)

    def ask_to_stop(self) -> None:
        self.tell(STOP)

    def messages(self) -> Iterator[Any]:
        """All that the child says until its pipe closes, which it does when the child is gone."""
        with contextlib.suppress(EOFError):
            while True:
                yield unpacked(receive(self._process.stdout))

    def memory_bytes(self) -> int | None:
        """What it holds in memory now; None where that cannot be told, which is everywhere but on Linux."""
        try:
            n_pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return n_pages * os.sysconf("SC_PAGE_SIZE")

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
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        words = self._last_words()
        self._printed.close()
        return code, words

    def _last_words(self) -> str:
        size = self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, size - LAST_WORDS))
        return self._printed.read().decode("utf-8", errors="replace")


def _environment(threads: int) -> dict[str, str]:
    """This program's own, with its module path, since a job must find the same modules wherever it is started from."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if os.path.exists(entry or "."))
    limits = {name: os.environ.get(name, str(threads)) for name in THREAD_SETTINGS}
    return {**os.environ, **limits, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
