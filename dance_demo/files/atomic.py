"""Files that appear whole or not at all, however often a process is killed or a disk is full."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

DRAFT_PREFIX = ".draft-"


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write all of `data` to `path`, or leave what was there as it was; raises OSError.

    `durable` also survives a power cut, and takes some milliseconds more.
    """
    with draft_of(path) as draft, draft.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    if durable:
        sync_directory(path.parent)


@contextlib.contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Where to write a file for `path`: it is moved there when the block ends, and removed if the block fails."""
    draft = path.with_name(f"{DRAFT_PREFIX}{secrets.token_hex(8)}-{path.name[-40:]}")  # libraries look at the suffix
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make a rename in this directory survive a power cut. Windows cannot open a directory, and needs no such step."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
