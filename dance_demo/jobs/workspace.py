"""The private folder in which one server process keeps its jobs' files. What an earlier one left behind is removed.

root/
  jobs.lock             locked for a moment while somebody searches for leftovers or moves in
  jobs-x7k2m9.lock      locked as long as its server process lives, however that ends
  jobs-x7k2m9/          that process' folder; one folder inside per job
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that somebody holds open cannot be removed, which says the same
    fcntl = None  # type: ignore[assignment]  # a module or nothing: there is no type for that

PREFIX, LOCK = "jobs-", ".lock"


class Workspace:
    """A folder for this process alone, with an unguessable name, readable by its user only, until `close`."""

    def __init__(self, root: Path) -> None:
        """Move into a new folder below `root`, after clearing those whose process is gone. Raises `OSError`."""
        root.mkdir(parents=True, exist_ok=True)
        with _exclusive(root):
            _remove_leftovers(root)
            self.directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            self._lock = _lock_of(self.directory).open("w")
            if fcntl:
                fcntl.flock(self._lock, fcntl.LOCK_EX)

    def new_folder(self) -> Path:
        """Make a folder of one job. Raises `OSError`, of a full disk for example."""
        return Path(tempfile.mkdtemp(dir=self.directory))

    def close(self) -> None:
        """Remove everything. Can be called twice."""
        remove(self.directory)
        self._lock.close()
        _lock_of(self.directory).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder as far as that is possible: what cannot go now goes with the leftovers at the next start."""
    shutil.rmtree(folder, ignore_errors=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


@contextlib.contextmanager
def _exclusive(root: Path) -> Iterator[None]:
    """Let no other process search for leftovers meanwhile: a folder that is just being made is not locked yet."""
    with (root / f"jobs{LOCK}").open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_leftovers(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink() and _abandoned(_lock_of(folder)):
            remove(folder)
            with contextlib.suppress(OSError):
                _lock_of(folder).unlink(missing_ok=True)


def _abandoned(lock: Path) -> bool:
    """Whether the process that held this lock file is gone."""
    with contextlib.suppress(FileNotFoundError):
        try:
            if not fcntl:
                lock.unlink()
                return True
            with lock.open() as file:  # taken for a moment
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
        except OSError:
            return False
    return True
