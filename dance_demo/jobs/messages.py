"""What the server and the child process of a job say to each other, and how it gets through a pipe.

One message is its length in 8 bytes, then a pickle. Whoever writes a pickle runs code where it is read, so pickles are
read here and nowhere else, and only from a pipe of which this same program holds the other end: never from a file, and
never from what a visitor sends.
"""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LENGTH_BYTES = 8
STOP = b""  # instead of a pickle: the server asks the child to come to an end

DISK_FULL = "No space left on the server; try later."
TOO_LARGE = "Data set too large for this server."
NOT_INSTALLED = "This installation cannot do that: it lacks {}. Whoever runs it installs all of requirements.txt."

Work = Callable[..., Iterator[Any]]


@dataclass(frozen=True)
class Task:
    """The first message to the child: run `work(directory, stop, *args)`. What is in `scratch` is thrown away."""

    work: Work
    args: tuple[Any, ...]
    directory: Path
    scratch: Path


@dataclass(frozen=True)
class Event:
    """The work has yielded something."""

    value: Any


@dataclass(frozen=True)
class Done:
    """The last message. `problem` is for people, `trace` for the log; the work came to its end if both are empty."""

    problem: str = ""
    trace: str = ""


def packed(message: object) -> bytes:
    """Pickle a message; raises what pickle raises for what cannot travel (a nested function, an open file)."""
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes) -> Any:
    return pickle.loads(data)


def send(stream: IO[bytes], data: bytes) -> None:
    """Write one message; raises `OSError` if nobody reads any more."""
    stream.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Wait for one message; raises `EOFError` at the end of the pipe, also in the middle of a message."""
    return _exactly(stream, int.from_bytes(_exactly(stream, LENGTH_BYTES), "big"))


def _exactly(stream: IO[bytes], n_bytes: int) -> bytes:
    data = stream.read(n_bytes)
    if len(data) < n_bytes:
        raise EOFError("the other end of the pipe is closed")
    return data
