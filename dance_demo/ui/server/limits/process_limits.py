"""What this process may use: as many files as the system lets it, memory while it needs it, and no log that fills the
disk."""

import ctypes
import sys
from contextlib import suppress
from typing import TextIO

from dance_demo.ui.server.limits.rate_limits import RateLimiter

ENOUGH_FILES = 16_384
LONGEST = 4_000  # characters at a time; a trace has 2,000
AT_ONCE, EACH_SECOND = 200_000, 2_000  # characters


class BoundedLog:
    """Stands before a stream: long words are cut, and too many at once are left out and counted.

    Everything that is not about writing is the stream's own.
    """

    def __init__(self, stream: TextIO, limiter: RateLimiter | None = None) -> None:
        self._stream, self._left_out = stream, 0
        self._limiter = limiter or RateLimiter(AT_ONCE, EACH_SECOND)

    def write(self, text: str) -> int:
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text) - LONGEST} characters cut)\n"
        if self._limiter.take("log", len(shown)):
            self._left_out += len(text)
        else:
            if self._left_out and text.strip():
                self._stream.write(f"({self._left_out} characters of the log were left out: too many at once)\n")
                self._left_out = 0
            self._stream.write(shown)
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def give_memory_back() -> None:
    """To the system, what was freed: the C library keeps it otherwise. Does nothing without glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def bound_the_log() -> None:
    """From now on what this process prints as errors is bounded. Gradio prints traces there, past any logger."""
    if not isinstance(sys.stderr, BoundedLog):
        sys.stderr = BoundedLog(sys.stderr)


def raise_file_limit() -> int:
    """Ask for more than the 256 that macOS gives, or the 1,024 of many others. Returns how many there are now."""
    if sys.platform == "win32":  # has no such limit
        return ENOUGH_FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited:
        return ENOUGH_FILES
    wanted = ENOUGH_FILES if hard == unlimited else min(ENOUGH_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
