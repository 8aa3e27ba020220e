"""What the jobs of `test_jobs` do in their child processes. Imported by those: light, and at the top of a module."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance_demo.errors import DatasetError
from dance_demo.jobs.job import GRACE_S
from dance_demo.jobs.progress import Progress, Stop


@dataclass(frozen=True)
class Result:
    owner: str
    numbers: tuple[int, ...]


def count(directory: Path, stop: Stop, n: int) -> Iterator[int]:
    for number in range(n):
        (directory / f"{number}.txt").write_text(str(number))
        yield number


def tell(directory: Path, stop: Stop, events: tuple[Any, ...]) -> Iterator[Any]:
    yield from events


def look_around(directory: Path, stop: Stop) -> Iterator[dict[str, Any]]:
    yield {
        "pid": os.getpid(),
        "group": os.getpgrp(),
        "niceness": os.nice(0),
        "main": sys.modules["__main__"].__spec__.name,
        "modules": set(sys.modules),
        "threads": os.environ["OMP_NUM_THREADS"],
        "input": sys.stdin.read(),
        "scratch": tempfile.mkdtemp(),
        "directory": str(directory),
    }


def print_much(directory: Path, stop: Stop) -> Iterator[str]:
    for _ in range(1000):
        print("\x1b[31mEpoch 1/60", "." * 1000)
        os.write(1, b"straight to the descriptor\n")
    yield "printed"


def progress(directory: Path, stop: Stop, n: int) -> Iterator[Any]:
    yield "embedding"
    yield from (Progress("counting", done) for done in range(n))
    yield "fitting"
    yield from (Progress("counting", done) for done in range(n))


def own_numbers(directory: Path, stop: Stop, owner: str, numbers: tuple[int, ...]) -> Iterator[Any]:
    for number in numbers:
        (directory / owner).open("a").write(f"{number}\n")
        yield owner, number
    yield Result(owner, numbers)


def write(directory: Path, stop: Stop, n_bytes: int) -> Iterator[int]:
    (directory / "file").write_bytes(bytes(n_bytes))
    yield n_bytes


def until_stopped(directory: Path, stop: Stop) -> Iterator[str]:
    """A work that keeps its best when asked to stop."""
    yield "started"
    while not stop():
        time.sleep(0.01)
    (directory / "best.txt").write_text("the best so far")
    yield "the best so far"


def slow_to_stop(directory: Path, stop: Stop) -> Iterator[str]:
    """A work that is at something for a while before it sees that it was asked to stop."""
    yield "started"
    while not stop():
        time.sleep(GRACE_S + 0.5)
    yield "the best so far"


def deaf(directory: Path, stop: Stop) -> Iterator[int]:
    """Busy, leaves files everywhere, and never asks whether to stop."""
    for number in range(10**9):
        Path(tempfile.gettempdir(), f"half_{number % 5}.npz").write_bytes(bytes(10_000))
        (directory / "half.npz").write_bytes(bytes(10_000))
        yield number
        sum(range(100_000))


def silent(directory: Path, stop: Stop) -> Iterator[str]:
    time.sleep(600)
    yield "too late"


def wait_for(directory: Path, stop: Stop, gate: Path) -> Iterator[str]:
    """Runs until somebody makes the file `gate`."""
    yield "started"
    while not gate.exists() and not stop():
        time.sleep(0.01)
    yield "through"


def with_children(directory: Path, stop: Stop) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        yield child.pid
        time.sleep(600)


def user_error(directory: Path, stop: Stop) -> Iterator[int]:
    yield 1
    raise DatasetError("kathak/IMG_2.heic: not a photo. Convert it.")


def our_error(directory: Path, stop: Stop, name: str) -> Iterator[int]:
    yield 1
    raise KeyError(name)


def unpicklable(directory: Path, stop: Stop) -> Iterator[Any]:
    yield 1
    yield lambda: 2


def vanish(directory: Path, stop: Stop) -> Iterator[int]:
    yield 1
    (directory / "half.npz").write_bytes(bytes(10))
    os.write(2, b"last \x1b[31mwords\n")
    os._exit(3)


def full_disk(directory: Path, stop: Stop) -> Iterator[int]:
    """As a library would hand it on: our own error hides the disk's."""
    (directory / "half.npz").write_bytes(bytes(10))
    yield 1
    try:
        raise OSError(errno.ENOSPC, "No space left on device", str(directory / "head.npz"))
    except OSError as error:
        raise RuntimeError("h5py: cannot write") from error


def fill(directory: Path, stop: Stop, folder: Path) -> Iterator[int]:
    """Write into `folder` until its disk is full, which the system says, not we."""
    yield 1
    with (folder / "big").open("wb") as file:
        while True:
            file.write(bytes(1 << 20))


def eat_memory(directory: Path, stop: Stop, n_bytes: int) -> Iterator[int]:
    """Take so much, bit by bit, and hold it."""
    bite_bytes, eaten = 20_000_000, []
    while len(eaten) * bite_bytes < n_bytes:
        eaten.append(b"x" * bite_bytes)
        yield len(eaten)
        time.sleep(0.02)
    time.sleep(60)


def out_of_memory(directory: Path, stop: Stop) -> Iterator[int]:
    yield 1
    raise MemoryError


def is_imported(directory: Path, stop: Stop, name: str) -> Iterator[tuple[int, bool]]:
    yield os.getpid(), name in sys.modules
