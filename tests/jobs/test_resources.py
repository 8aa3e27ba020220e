"""What we may use of the machine: held against psutil, and against made-up control groups of containers."""

import os
from pathlib import Path

import psutil
import pytest

from dance_demo.jobs.resources import memory_bytes, n_processors

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_without_a_container_it_is_the_machine(tmp_path: Path):
    assert memory_bytes(tmp_path) == psutil.virtual_memory().total
    assert n_processors(tmp_path) == HERE


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("memory.max", "2000000000\n", 2_000_000_000),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "1000000000\n", 1_000_000_000),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("memory.max", "", None),
    ],
)
def test_a_container_may_have_less_memory(tmp_path, name, content, expected):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    assert memory_bytes(tmp_path) == (expected or psutil.virtual_memory().total)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, HERE),
        ({"cpu.max": "99900000 100000"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "100000"}, HERE),
    ],
)
def test_a_container_may_have_fewer_processors(tmp_path, files, expected):
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert n_processors(tmp_path) == expected
