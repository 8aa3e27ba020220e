"""Thousands of damaged zips and CSV files: each is read or refused in plain words, quickly, and nothing else happens.

DANCE_DEMO_FUZZ multiplies the number of inputs (1 by default, 50 for a night).
"""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dance_demo.data.dataset import open_dataset, open_photos
from dance_demo.data.layout import detect_layout
from dance_demo.errors import DatasetError
from dance_demo.files.csv_table import read_table
from dance_demo.files.text import single_line
from dance_demo.files.zip_archive import ArchiveLimits, unpack
from tests.support.made_up import Member, jpeg, make_zip, tree_hash, write_files
from tests.support.mutations import mutate

INPUTS = 1_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
LIMITS = ArchiveLimits(files=50, file_bytes=100_000, unpacked_bytes=300_000, ratio_from_bytes=10_000)
SLOWEST_SECONDS = 5

ZIPS = [
    make_zip([Member(b"kathak/%d.jpg" % index, bytes([index]) * 2_000) for index in range(4)]),
    make_zip(
        [Member("कथक/é.jpg".encode(), b"x" * 500, deflate=False, flags=0x800), Member(b"train.csv", b"Image,target")]
    ),
    make_zip([Member(b"__MACOSX/._1.jpg"), Member(b"../1.jpg"), Member(b"a/1.jpg", mode=0o120777), Member(b"b/", b"")]),
    make_zip([]),
]
TABLES = [
    b"Image,target\r\n1.jpg,kathak\r\n2.jpg,odissi\r\n",
    '\ufeffpath;class\n1;"kathak; or\n so"\n2;odissi\n'.encode(),
    "Image\ttarget\n1.jpg\tकथक\n".encode("utf-16"),
]


@pytest.fixture
def canary(tmp_path):
    """A tree beside the workspace that must be the same afterwards."""
    tree = write_files(tmp_path / "canary", {"1.jpg": b"mine", "kathak/1.jpg": b"mine too"})
    before = tree_hash(tree)
    yield tree
    assert tree_hash(tree) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary", "job"]


def survives(action: Callable[[], object]) -> object | None:
    """The result, or None where it was refused; any other exception fails the test, as does taking too long."""
    started = time.perf_counter()
    try:
        return action()
    except DatasetError as error:
        assert str(error).endswith((".", "kathak")) and "Traceback" not in str(error)
        return None
    finally:
        assert time.perf_counter() - started < SLOWEST_SECONDS


def test_D2_D5_D7_damaged_zips_are_read_or_refused_and_write_nothing_elsewhere(tmp_path, canary):
    rng = random.Random(2)
    job = tmp_path / "job"
    read = 0
    for _ in range(INPUTS):
        job.mkdir()
        archive = job / "photos.zip"
        archive.write_bytes(mutate(rng.choice(ZIPS), ZIPS, rng))
        found = survives(lambda: unpack(archive, job / "files", suffixes=(".jpg", ".csv"), limits=LIMITS))  # noqa: B023
        written = [path for path in job.rglob("*") if path != archive and path.is_file()]
        if found:
            read += 1
            assert sorted(file.path for file in found.files) == sorted(written)
            assert sum(path.stat().st_size for path in written) <= LIMITS.unpacked_bytes
            assert not any(path.is_symlink() for path in job.rglob("*"))
            assert not any(".." in file.name.split("/") or "\0" in file.name for file in found.files)
        else:
            assert not written
        shutil.rmtree(job)
    job.mkdir()
    assert 0.1 < read / INPUTS < 0.9  # the mutations are neither harmless nor hopeless


def test_D13_damaged_zips_of_photos_become_a_dataset_or_a_message(tmp_path, canary):
    rng = random.Random(3)
    members = [
        Member(b"%s/%d.jpg" % (label, seed), jpeg(seed)) for seed in range(3) for label in (b"kathak", b"odissi")
    ]
    whole = make_zip(members)
    job = tmp_path / "job"
    for _ in range(INPUTS // 10):
        job.mkdir()
        archive = job / "photos.zip"
        archive.write_bytes(mutate(whole, [whole], rng))
        survives(lambda: open_dataset(archive, workspace=job))  # noqa: B023
        survives(lambda: open_photos(archive, workspace=job))  # noqa: B023
        shutil.rmtree(job)
    job.mkdir()


def test_D15_D16_damaged_tables_are_read_or_refused(tmp_path, canary):
    rng = random.Random(4)
    job = tmp_path / "job"
    photos = unpack_photos(job)
    read = 0
    for _ in range(INPUTS):
        path = job / "train.csv"
        path.write_bytes(mutate(rng.choice(TABLES), TABLES, rng))
        layout = survives(lambda: detect_layout(photos, [read_table(path)]))  # noqa: B023
        if layout:
            read += 1
            assert {photo for photo, _ in layout.labeled} <= set(photos)
            assert all(label == single_line(label) for _, label in layout.labeled)
    assert 0.1 < read / INPUTS < 0.9


def unpack_photos(job: Path):
    write_files(job, {"photos.zip": make_zip([Member(b"1.jpg"), Member(b"2.jpg")])})
    return unpack(job / "photos.zip", job / "files", suffixes=(".jpg",)).files
