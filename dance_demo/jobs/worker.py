"""What runs inside the child process of a job: `python -m dance_demo.jobs.worker [modules to import beforehand]`.

The server sends one task (what to do, where, with what) and later, perhaps, the wish to stop. The child answers with
a message per event and a last one that says how it ended. When the server is gone, whatever way it went, its end of
the pipe closes, and the child ends at once, with everything that it started.
"""

import contextlib
import errno
import importlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from dance_demo.errors import DanceDemoError
from dance_demo.jobs.messages import (
    DISK_FULL,
    NOT_INSTALLED,
    STOP,
    TOO_LARGE,
    Done,
    Event,
    Task,
    packed,
    receive,
    send,
    unpacked,
)

NICENESS = 10  # of 19: predictions, at 0, get nine tenths of a processor that both want
FULL_DISK_ERRORS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
FULL_DISK_BYTES = 1_000_000


def main() -> None:
    tasks, answers = _private_pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(tasks, inbox, stop), daemon=True).start()
    _lower_priority()
    for name in sys.argv[1:]:
        with contextlib.suppress(ImportError):  # the work itself will say so, if it needs it
            importlib.import_module(name)
    done = run_task(inbox.get(), answers, stop)
    with contextlib.suppress(OSError):
        send(answers, packed(done))
    os._exit(0)  # at once: what libraries do on their way out takes time, and may hang


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for messages, so that what a library reads or prints cannot get between them."""
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return tasks, answers


def _listen(tasks: BinaryIO, inbox: "SimpleQueue[bytes]", stop: threading.Event) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            message = receive(tasks)
            stop.set() if message == STOP else inbox.put(message)
    _exit_with_children()


def _exit_with_children() -> None:
    """End this process, and those that it started: they share its process group."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _lower_priority() -> None:
    """Let everybody else go first: to the processors, and to stay alive when memory runs out."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def run_task(message: bytes, answers: BinaryIO, stop: threading.Event) -> Done:
    """Do the work of a task, sending each event as it comes; returns how it ended."""
    try:
        task: Task = unpacked(message)
        tempfile.tempdir = os.environ["TMPDIR"] = str(task.scratch)
        for value in task.work(task.directory, stop.is_set, *task.args):
            send(answers, packed(Event(value)))
        return Done()
    except DanceDemoError as error:
        return Done(problem=str(error))
    except MemoryError:
        return Done(problem=TOO_LARGE)
    except ModuleNotFoundError as error:  # an image that names dances only has no TensorFlow
        return Done(problem=NOT_INSTALLED.format(error.name), trace=_trace(error))
    except Exception as error:
        return Done(problem=DISK_FULL if _disk_is_full(error) else "", trace=_trace(error))


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or one behind it, comes from a full disk. Not every library passes the number of it on."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL_DISK_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    with contextlib.suppress(OSError):
        return shutil.disk_usage(tempfile.gettempdir()).free < FULL_DISK_BYTES
    return False


def _trace(error: BaseException) -> str:
    """Where in our code it happened, and what it said with anything unprintable escaped: a name may hold new lines."""
    return f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}: {ascii(str(error)[:1000])}"


if __name__ == "__main__":
    main()
