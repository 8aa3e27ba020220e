"""Thousands of damaged heads, familiarity files and cards: each is read or refused in plain words, within seconds.

DANCE_DEMO_FUZZ multiplies the number of inputs; input number i is the same on every machine.
"""

import io
import os
import random
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from dance_demo.errors import ModelError
from dance_demo.model.directory import CARD, ModelCard
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from tests.support.mutations import mutate

SEED = 6
INPUTS = 1_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
SLOWEST_SECONDS = 5
MAX_GROWTH_MB = 50
NAMES = ("kathak", "odissi", "ഭാരതനാട്യം", "<img src=x>")


def head() -> bytes:
    generator = np.random.default_rng(0)
    return Head(NAMES, generator.normal(size=(20, 4)), generator.normal(size=4), 0.7, "ab" * 32).to_npz_bytes()


def head_with_hidden_layer() -> bytes:
    numbers = np.random.default_rng(1).normal
    hidden = {"hidden_weight": numbers(size=(20, 6)), "hidden_bias": numbers(size=6)}
    return Head(NAMES, numbers(size=(6, 4)), numbers(size=4), 0.7, "ab" * 32, **hidden).to_npz_bytes()


def familiarity() -> bytes:
    return Familiarity.fit(np.random.default_rng(2).random((12, 20), np.float32)).to_npz_bytes()


def with_accidents(data: bytes, dice: random.Random) -> bytes:
    """Anywhere in the file."""
    return mutate(data, [data, head(), familiarity()], dice)


def with_accidents_inside(data: bytes, dice: random.Random) -> bytes:
    """In one of its arrays; sizes and checksums of the zip fit, as a forger would see to."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(list(members))
    members[name] = mutate(members[name], list(members.values()), dice)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def survives(read: Callable[[bytes], object], data: bytes) -> bool:
    """Whether it was read; any other exception than a refusal fails the test, as do a warning and taking too long."""
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(data)
    except ModelError as refusal:
        assert len(str(refusal)) < 500 and str(refusal).endswith(".") and "Traceback" not in str(refusal)
        return False
    finally:
        assert time.perf_counter() - started < SLOWEST_SECONDS
    return True


READERS = {
    "heads": (head, Head.from_npz_bytes),
    "heads with a hidden layer": (head_with_hidden_layer, Head.from_npz_bytes),
    "familiarity files": (familiarity, Familiarity.from_npz_bytes),
}


@pytest.mark.parametrize("damage", [with_accidents, with_accidents_inside])
@pytest.mark.parametrize("kind", READERS)
def test_S6_damaged_heads_are_read_or_refused(kind: str, damage: Callable, capsys: pytest.CaptureFixture) -> None:
    make, reader = READERS[kind]
    sound, process, outcomes = make(), psutil.Process(), []
    assert survives(reader, sound)
    before = process.memory_info().rss
    for number in range(INPUTS):
        data = damage(sound, random.Random(f"{SEED} {kind} {number}"))
        try:
            outcomes.append(survives(reader, data))
        except Exception as problem:
            pytest.fail(f"input {number} of seed {SEED}: {problem!r}")
    growth = (process.memory_info().rss - before) / 2**20
    with capsys.disabled():
        print(f"\n{INPUTS} {kind} {damage.__name__}: {outcomes.count(True)} read, {growth:+.0f} MB", end=" ")
    assert outcomes.count(False) > INPUTS / 2 and growth < MAX_GROWTH_MB


def test_C12_damaged_cards_are_read_or_refused(tmp_path: Path) -> None:
    card = ModelCard("Tiny", NAMES, {"head.npz": "0" * 64}, evaluation={"n": 3, "accuracy": 0.5}, training={"seed": 1})
    sound, path, refused = card.to_json().encode(), tmp_path / CARD, 0
    others = [sound, b"[" * 5000, b'{"name": 1e999}', b'"\\ud800"', b"\xed\xa0\x80", b'{"n": NaN}']

    def read(data: bytes) -> None:
        path.write_bytes(data)
        ModelCard.read(tmp_path)

    for number in range(INPUTS):
        refused += not survives(read, mutate(sound, others, random.Random(f"{SEED} {number}")))
    assert 0.2 < refused / INPUTS < 1
