"""What this machine, or the container around us, lets us use."""

import contextlib
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def n_processors(cgroup: Path = CGROUP) -> int:
    """How many processors may be kept busy, at least 1: those we may run on, or a container's share of them."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _numbers(cgroup / "cpu.max") or [
        *_numbers(cgroup / "cpu" / "cpu.cfs_quota_us"),
        *_numbers(cgroup / "cpu" / "cpu.cfs_period_us"),
    ]
    if len(share) == 2 and min(share) > 0:  # so many microseconds out of so many
        return max(1, min(here, share[0] // share[1]))
    return here


def memory_bytes(cgroup: Path = CGROUP) -> int | None:
    """How much memory there is for all that runs here; None where that cannot be told, as on Windows."""
    sizes = _numbers(cgroup / "memory.max") + _numbers(cgroup / "memory" / "memory.limit_in_bytes")
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(sizes, default=None)


def _numbers(path: Path) -> list[int]:
    """The numbers in a file of a control group; none if there is no such file, or if it says that there is no limit."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []
