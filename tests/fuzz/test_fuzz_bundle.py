"""Thousands of damaged bundles: each is read or refused in plain words, quickly, and nothing else happens.

Two kinds: accidents anywhere in the zip, and accidents inside of a card or of numbers whose hashes and checksums were
made to fit afterwards, as a forger would. DANCE_DEMO_FUZZ multiplies the number of inputs (1 by default, 50 for a
night); DANCE_DEMO_FUZZ_ONLY=i repeats input number i alone.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dance_demo.errors import ModelError
from dance_demo.files.zip_archive import ArchiveLimits, pack, read_files
from dance_demo.model.bundle import NAMES, bundle_bytes, read_bundle
from dance_demo.model.directory import BACKBONE, CARD, FAMILIARITY, HEAD, ModelCard, sha256
from tests.model.test_bundle import save_trained
from tests.support.made_up import tree_hash, write_files

SEED = 20251121
INPUTS = 1_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
ONLY = os.environ.get("DANCE_DEMO_FUZZ_ONLY")
SLOWEST_SECONDS = 5
SIGNATURES = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\x93NUMPY", b"\xff\xff\xff\xff", b"\0\0\0\0")
VALUES = (
    None,
    True,
    -1,
    0,
    0.5,
    2,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\x1b[2J",
    "\ud800",
    [],
    {},
    [[]],
    {"a": 1},
)

Files = dict[str, bytes]


@pytest.fixture
def files(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """The members of a good bundle, which the tiny network stands behind."""
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    trained = save_trained(tmp_path / "trained", sha256(tiny_model / BACKBONE))
    (tmp_path / "good.zip").write_bytes(bundle_bytes(trained))
    return read_files(tmp_path / "good.zip", NAMES, limits=ArchiveLimits())


def accidents(data: bytes, random: np.random.Generator) -> bytes:
    """The data after one to four accidents."""
    for _ in range(random.integers(1, 5)):
        at, length = int(random.integers(0, len(data) + 1)), int(random.integers(1, 60))
        start = int(random.integers(0, len(data) + 1))
        piece = data[start : start + length]
        kinds = [
            data[:at] + random.bytes(1) + data[at + 1 :],
            data[:at] + SIGNATURES[random.integers(0, len(SIGNATURES))] + data[at + 4 :],
            data[:at],
            data[at:],
            data[:at] + piece + data[at:],
            data[:at] + piece + data[at + len(piece) :],
            data[:at] + data[at + length :],
        ]
        data = kinds[random.integers(0, len(kinds))]
    return data


def damaged_zip(files: Files, random: np.random.Generator) -> bytes:
    return accidents(pack(files), random)


def forged_bytes(files: Files, random: np.random.Generator) -> bytes:
    """Accidents in one of the members; every hash and checksum fits."""
    name = (CARD, HEAD, FAMILIARITY)[random.integers(0, 3)]
    return fitting({**files, name: accidents(files[name], random)}, by_hand=name == CARD)


def forged_values(files: Files, random: np.random.Generator) -> bytes:
    """A card in which one value, wherever it stands, is another one, or stands under another name."""
    card = json.loads(files[CARD])
    place = card
    while True:
        key = (
            list(place)[random.integers(0, len(place))]
            if isinstance(place, dict)
            else int(random.integers(0, len(place)))
        )
        if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.3:
            break
        place = place[key]
    value = VALUES[random.integers(0, len(VALUES))]
    if isinstance(place, dict) and random.random() < 0.2:
        place["renamed"] = place.pop(key)
    else:
        place[key] = value
    return fitting({**files, CARD: json.dumps(card).encode()}, by_hand=True)


def fitting(files: Files, *, by_hand: bool) -> bytes:
    if not by_hand:
        card = json.loads(files[CARD])
        card["files"] = {name: hashlib.sha256(files[name]).hexdigest() for name in (FAMILIARITY, HEAD)}
        files = {**files, CARD: json.dumps(card).encode()}
    return pack(files)


def survives(path: Path, directory: Path) -> bool:
    """Whether it was read; any exception but a refusal fails the test, as does taking too long."""
    started = time.perf_counter()
    try:
        read_bundle(path, directory)
    except ModelError as error:
        text = str(error)
        assert len(text) < 500 and text.isprintable() and text.endswith(".") and str(path.parent) not in text
        return False
    finally:
        assert time.perf_counter() - started < SLOWEST_SECONDS
    return True


@pytest.mark.slow
@pytest.mark.parametrize("damage", [damaged_zip, forged_bytes, forged_values])
def test_S6_damaged_bundles_are_read_or_refused_and_write_nothing_elsewhere(
    damage: Callable, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture
):
    write_files(tmp_path / "canary", {"a/head.npz": b"mine"})
    path, before, read = tmp_path / "bundle.zip", tree_hash(tmp_path), 0
    numbers = [int(ONLY)] if ONLY else range(INPUTS)
    for number in numbers:
        path.write_bytes(damage(files, np.random.default_rng([SEED, number])))
        directory = tmp_path / f"read {number}"
        try:
            kept = survives(path, directory)
        except Exception as problem:
            pytest.fail(f"input {number} of {damage.__name__}: {problem!r}")
        read += kept
        assert directory.exists() == kept
        if kept:
            assert sorted(child.name for child in directory.iterdir()) == [CARD, FAMILIARITY, HEAD]
            assert (directory / HEAD).read_bytes() == files[HEAD] or damage is forged_bytes
            assert ModelCard.read(directory).summary() and bundle_bytes(directory)  # and it can be shown and kept
            for child in directory.iterdir():
                child.unlink()
            directory.rmdir()
        path.unlink()
        assert tree_hash(tmp_path) == before
    with capsys.disabled():
        print(f"\n{damage.__name__}: {len(numbers)} bundles, {read} read, {len(numbers) - read} refused", end=" ")
    assert ONLY or read < len(numbers) / 2
