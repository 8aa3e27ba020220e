"""Damaged recordings, thousands of them: each gives a sound or a SoundError, within seconds, and nothing else happens.

As `test_fuzz_photos`, with its ways of damage; decoding runs in a process of its own, so that a crash would be seen.
"""

import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from dance_demo.errors import SoundError
from dance_demo.files.sound import RATE_HZ, open_sound
from tests.fuzz.test_fuzz_photos import damaged_photo
from tests.support import ROOT
from tests.support.sounds import encoded, melody

INPUTS = 2_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
LONGEST_SECONDS = 10
MAX_GROWTH_MB = 80


def corpus() -> list[bytes]:
    """Small recordings of every format, in the variants that take different ways through a decoder."""
    samples = melody(0, 0.5)
    stereo = np.stack([samples, samples[::-1]], axis=1)
    variants = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM")]
    variants += [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
    files = [encoded(sound, format, subtype=kind) for format, kind in variants for sound in (samples, stereo)]
    return [*files, encoded(samples, "OGG", subtype="OPUS", rate_hz=24_000), encoded(samples, "M4A")]


def check(data: bytes) -> str:
    """Opens it, and says what became of it: "sound", or the beginning of the refusal."""
    start = time.process_time()
    try:
        sound = open_sound(data, name="upload")
        assert sound.samples.dtype == np.float32
        assert np.isfinite(sound.samples).all()
        assert 0.05 * RATE_HZ < len(sound.samples) <= 601 * RATE_HZ
        outcome = "sound"
    except SoundError as problem:
        assert str(problem).startswith("upload: ")
        assert str(problem).endswith(".")
        outcome = str(problem).removeprefix("upload: ")[:20]
    assert time.process_time() - start < LONGEST_SECONDS
    return outcome


def throw(first: int, last: int) -> None:
    """Prints what became of each input; for a process of its own."""
    files, process = corpus(), psutil.Process()
    assert {check(data) for data in files} == {"sound"}
    before = process.memory_info().rss
    for number in range(first, last):
        print(number, check(damaged_photo(files, number)), flush=True)
    print("growth", (process.memory_info().rss - before) >> 20)


@pytest.mark.slow
def test_I4_damaged_recordings_give_a_sound_or_a_reason(capsys):
    code = f"from tests.fuzz.test_fuzz_sounds import throw; throw(0, {INPUTS})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0, f"after input {lines[-1:]}: {ran.stderr[-600:]}"
    outcomes = [line.partition(" ")[2] for line in lines[:-1]]
    opened, growth = outcomes.count("sound"), int(lines[-1].split()[1])
    with capsys.disabled():
        print(f"\n{len(outcomes)} damaged recordings: {opened} opened, {len(outcomes) - opened} refused,", end=" ")
        print(f"0 crashes, {growth:+d} MB", end=" ")
    assert len(outcomes) == INPUTS
    assert growth < MAX_GROWTH_MB
    assert 0 < opened < INPUTS
