"""Ctrl-C on the command line, for work that can end early with what it has so far."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPING = b"\nStopping, with the best so far. Press Ctrl-C again to give that up.\n"


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yields what says whether Ctrl-C was pressed. Pressed a second time, it ends the program as ever."""
    pressed = False

    def press(_signal: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        os.write(sys.stderr.fileno(), STOPPING)  # a print may be what it came in between of

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
