"""Copies of a recording are found, and different recordings are not taken for copies."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from dance_demo.data.sound import landmarks as module
from dance_demo.data.sound.landmarks import copy_groups, landmarks
from dance_demo.data.sound.talas import TALA_NAMES, play
from dance_demo.files.sound import open_sound
from tests.support.sounds import encoded, melody

RECORDINGS = [play(name, 3) for name in TALA_NAMES[:4]] + [melody(seed, 5) for seed in range(4)]
COPIES = {
    "soft MP3": lambda samples: open_sound(encoded(samples * np.float32(0.2), "MP3")).samples,
    "OGG": lambda samples: open_sound(encoded(samples, "OGG")).samples,
    "resampled": lambda samples: open_sound(encoded(resample_poly(samples, 1, 2), "WAV", rate_hz=11_025)).samples,
    "its second half": lambda samples: samples[len(samples) // 2 + 77 :],
    "with a later beginning": lambda samples: np.concatenate([np.zeros(30_000, np.float32), samples]),
}


@pytest.fixture(scope="module")
def known():
    return [landmarks(samples) for samples in RECORDINGS]


@pytest.mark.parametrize("change", COPIES)
def test_copies_are_found(change, known):
    copies = [landmarks(COPIES[change](samples)) for samples in RECORDINGS]
    groups = copy_groups([*known, *copies])
    found = sum(groups[index] == groups[index + len(known)] for index in range(len(known)))
    assert found >= len(known) - 1
    assert len(set(groups[: len(known)])) == len(known)


def test_different_cycles_are_no_copies():
    groups = copy_groups([landmarks(play(name, seed)) for name in TALA_NAMES for seed in range(2)])
    assert groups == tuple(range(2 * len(TALA_NAMES)))


def test_of_very_many_pairs_the_same_part_of_each_recording_is_compared(monkeypatch, known):
    monkeypatch.setattr(module, "ROWS_AT_MOST", 1500)
    assert len(module._rows([*known, *known])) < 2500
    groups = copy_groups([*known, *known])
    assert groups[: len(known)] == groups[len(known) :]


def test_nothing_to_hear_has_no_copies():
    assert copy_groups([]) == ()
    silent = landmarks(np.zeros(22_050, np.float32))
    assert copy_groups([silent, silent]) == (0, 1)
