"""The streams of the command line: text never raises there, and what libraries say to themselves is not shown.

TensorFlow, absl and LiteRT greet on the error stream when they are loaded, past Python, and no setting of theirs
keeps them from it. So that stream goes through a pipe that leaves out those lines, and Python writes beside it.
"""

import atexit
import contextlib
import io
import os
import re
import sys
import threading
from collections.abc import Iterator

ERRORS = 2  # the number of the error stream
_NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d\.\d+ |[IW]0000 00:00:\d+\.\d+ "
    rb"|INFO: (Created|Initialized|Enabled|Applying|Loaded|Replacing) |To enable the following instructions: "
    rb"|fully_quantize: |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "
)
_LONGEST_GREETING = 80  # bytes of a line by which it is known


def never_raise() -> None:
    """Letters that the terminal's or the file's code page lacks are written as \\u0915, and end nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """While this is on, lines of libraries in the error stream are left out; everything else comes through at once.

    Does nothing where Python's error stream is not the system's, as in a test that looks at it.
    """
    if not _is_plain():
        yield
        return
    sys.stderr.flush()
    real, (reading, writing) = os.dup(ERRORS), os.pipe()
    pythons = sys.stderr
    beside = os.fdopen(real, "wb", closefd=False)
    sys.stderr = io.TextIOWrapper(beside, pythons.encoding, "backslashreplace", line_buffering=True)
    os.dup2(writing, ERRORS)
    os.close(writing)
    passing = threading.Thread(target=_pass_on, args=(reading, real), daemon=True)
    passing.start()

    def end() -> None:
        if sys.stderr is not pythons:
            sys.stderr = pythons
            os.dup2(real, ERRORS)  # the pipe's last writer, unless a child has it
            passing.join(1)

    atexit.register(end)
    try:
        yield
    finally:
        end()
        atexit.unregister(end)


def _is_plain() -> bool:
    try:
        return sys.stderr.fileno() == ERRORS
    except (AttributeError, OSError, ValueError):
        return False


def _pass_on(reading: int, real: int) -> None:
    """Copies what comes out of the pipe, line by line; a line that cannot be a greeting goes on before it ends."""
    rest, midway = b"", False
    while piece := os.read(reading, 65536):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if midway or not _NOISE.match(line):
                os.write(real, line + b"\n")
            midway = False
        if rest and (midway or len(rest) > _LONGEST_GREETING and not _NOISE.match(rest)):
            os.write(real, rest)
            rest, midway = b"", True
    if rest:
        os.write(real, rest)
    os.close(reading)
