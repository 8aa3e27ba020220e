"""What runs inside the child process of a job: `python -m dance_demo.job_child [modules to import beforehand]`.

The server sends one order (what to do, where, with what) and later, perhaps, the wish to stop. The child answers with
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
from dance_demo.job_pipe import (
    DISK_FULL,
    NOT_INSTALLED,
    STOP,
    TOO_LARGE,
    Ended,
    Order,
    Told,
    packed,
    receive,
    send,
    unpacked,
)

NICENESS = 10  # of 19: predictions, at 0, get nine tenths of a processor that both want
FULL_DISK_ERRORS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
FULL_DISK_BYTES = 1_000_000


def main() -> None:
    orders, answers = _private_pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(orders, inbox, stop), daemon=True).start()
    _step_back()
    for name in sys.argv[1:]:
        with contextlib.suppress(ImportError):  # the work itself will say so, if it needs it
            importlib.import_module(name)
    last = _carry_out(inbox.get(), answers, stop)
    with contextlib.suppress(OSError):
        send(answers, packed(last))
    os._exit(0)  # at once: what libraries do on their way out takes time, and may hang


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for messages, so that what a library reads or prints cannot get between them."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, answers


def _listen(orders: BinaryIO, inbox: "SimpleQueue[bytes]", stop: threading.Event) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            message = receive(orders)
            stop.set() if message == STOP else inbox.put(message)
    _vanish()


def _vanish() -> None:
    """End this process, and those that it started: they share its process group."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _step_back() -> None:
    """Let everybody else go first: to the processors, and to stay alive when memory runs out."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _carry_out(message: bytes, answers: BinaryIO, stop: threading.Event) -> Ended:
    """Do what the order says, sending each event as it comes; returns how it ended."""
    try:
        order: Order = unpacked(message)
        tempfile.tempdir = os.environ["TMPDIR"] = str(order.scratch)
        for event in order.work(order.directory, stop.is_set, *order.args):
            send(answers, packed(Told(event)))
        return Ended()
    except DanceDemoError as error:
        return Ended(problem=str(error))
    except MemoryError:
        return Ended(problem=TOO_LARGE)
    except ModuleNotFoundError as error:  # an image that names dances only has no TensorFlow
        return Ended(problem=NOT_INSTALLED.format(error.name), trace=_trace(error))
    except Exception as error:
        return Ended(problem=DISK_FULL if _for_want_of_space(error) else "", trace=_trace(error))


def _for_want_of_space(error: BaseException | None) -> bool:
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
