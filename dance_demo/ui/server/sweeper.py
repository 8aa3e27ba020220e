"""Deletes what visitors uploaded and what was made for them, in time: the promise of the page hangs on nobody else.

    <uploads>/<hash>/photo.jpg     deleted an hour after it was first seen here complete, and the folder with it
    <uploads>/tmp...               of a request that went wrong: the same

Ages are counted by a clock that nobody can set: a computer that corrects its time deletes nothing early, and keeps
nothing for days. When visitors hold more than may be, or the disk is nearly full, the oldest go earlier.
"""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

NEW_S = 120  # nobody's file is taken away while it is being used for the first time


@dataclass(frozen=True)
class Swept:
    """What one round found and did."""

    files: int = 0  # that are left
    bytes: int = 0
    removed: int = 0
    oldest_s: float = 0.0  # of what is left


@dataclass
class Sweeper:
    """Sweeps one folder. `after_s` is how long files stay, `max_bytes` how much they may be in all.

    `reserve_bytes` of the disk stay free if what lies here can see to it. Another clock is for tests.
    """

    folder: Path
    after_s: float = 3600
    max_bytes: int = 8 << 30
    reserve_bytes: int = 512 << 20
    clock: Callable[[], float] = time.monotonic
    last: Swept = field(default_factory=Swept)
    _seen_s: dict[str, tuple[float, int, int]] = field(default_factory=dict)  # path -> since when, inode and size

    def sweep(self) -> Swept:
        """Remove what is too old, then the oldest of what is too much, then folders that are empty."""
        now, removed = self.clock(), 0
        kept, seen = [], {}
        for path, about in self._everything():
            since_s, *known = self._seen_s.get(path, (now,))
            since_s = since_s if known == [about.st_ino, about.st_size] else now  # another one, or it still grows
            if stat.S_ISDIR(about.st_mode):
                if since_s < now - NEW_S:
                    with suppress(OSError):  # not empty
                        os.rmdir(path)
                        continue
            elif since_s < now - self.after_s:
                removed += _removed(path)
                continue
            else:
                kept.append((since_s, about.st_mtime, about.st_size, path))
            seen[path] = since_s, about.st_ino, about.st_size
        self._seen_s = seen
        kept.sort()
        excess = max(sum(size for _, _, size, _ in kept) - self.max_bytes, self.reserve_bytes - self._free_bytes())
        while kept and excess > 0 and kept[0][0] < now - NEW_S:
            *_, size, path = kept.pop(0)
            removed, excess = removed + _removed(path), excess - size
        oldest_s = now - kept[0][0] if kept else 0.0
        self.last = Swept(len(kept), sum(size for _, _, size, _ in kept), removed, oldest_s)
        return self.last

    def has_room(self, n_bytes: int) -> bool:
        """Whether so much more may be written: neither the share nor the disk is full. Looks at no file."""
        return self.last.bytes + n_bytes <= self.max_bytes and self._free_bytes() - n_bytes >= self.reserve_bytes

    def _free_bytes(self) -> int:
        place = self.folder if self.folder.is_dir() else self.folder.parent
        with suppress(OSError):
            return shutil.disk_usage(place).free
        return self.reserve_bytes

    def _everything(self) -> Iterator[tuple[str, os.stat_result]]:
        """Every file and folder, what is in a folder before it. Paths as text: there may be tens of thousands."""
        for folder, folders, names in os.walk(self.folder, topdown=False):
            for name in (*names, *folders):
                path = os.path.join(folder, name)
                with suppress(OSError):  # gone meanwhile
                    yield path, os.lstat(path)


def _removed(path: str) -> int:
    with suppress(OSError):
        os.unlink(path)
        return 1
    return 0
