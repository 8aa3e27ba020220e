"""Finds recordings that are copies of one another: saved anew, louder, cut shorter, or with another beginning.

A recording is remembered by its landmarks (Wang 2003, "An Industrial-Strength Audio Search Algorithm"): peaks of its
spectrogram, each paired with the next few. A pair is two frequencies and the time between them, which neither loudness
nor MP3 nor a cut changes. Two recordings are copies if many of their pairs are the same *and* stand at the same
distance in time from one another.

`tests/data/sound/test_landmarks.py` holds it against copies as MP3 and OGG, softer ones, and ones cut to half.
A sound of a second or two may have too few pairs: of those, only the very same samples are known again for certain.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from dance_demo.files.sound import RATE_HZ

WINDOW, HOP = 2048, 256  # samples
LISTENED_S = 180.0  # from the beginning: keeps memory small
BINS = 512  # of 11 Hz each: up to 5.5 kHz, where every way of saving keeps what there is
NEIGHBOURHOOD = (21, 21)  # bins and windows in which a peak is the highest
LOUD_ENOUGH_DB = 55.0  # below the loudest: what is softer may be noise, which no way of saving keeps
SILENT_DB = -20.0  # a sine of full scale has 54
PEAKS_PER_S, PEAKS_AT_MOST = 20, 1000
PARTNERS, FARTHEST = 4, 63  # of each peak; windows between two
EVIDENCE = 14.0  # same pairs at one distance in time, times their share of those of the shorter recording
COMMON = 40  # a pair that occurs more often says nothing
ROWS_AT_MOST = 4_000_000  # pairs of all recordings that are compared
_RECORDINGS, _DISTANCES = 1 << 14, 1 << 17  # more than there are: three minutes have 15,504 windows

Landmarks = np.ndarray  # (n, 2) int64: the pair as a number, and the window in which it begins


def landmarks(samples: np.ndarray) -> Landmarks:
    """The landmarks of samples (n,) at `RATE_HZ`."""
    from scipy.ndimage import maximum_filter

    levels = _levels(samples[: round(LISTENED_S * RATE_HZ)])
    loud_enough = levels > max(SILENT_DB, levels.max() - LOUD_ENOUGH_DB)
    highest = loud_enough & (levels == maximum_filter(levels, NEIGHBOURHOOD))
    bins, windows = np.nonzero(highest)
    most = min(PEAKS_AT_MOST, round(PEAKS_PER_S * max(1.0, len(samples) / RATE_HZ)))
    strongest = np.argsort(-levels[bins, windows], kind="stable")[:most]
    bins, windows = bins[strongest], windows[strongest]
    order = np.lexsort((bins, windows))
    bins, windows = bins[order].astype(np.int64), windows[order].astype(np.int64)
    found = []
    for partner in range(1, PARTNERS + 1):
        apart = windows[partner:] - windows[:-partner]
        near = apart <= FARTHEST
        numbers = (bins[:-partner] << 15) | (bins[partner:] << 6) | apart
        found.append(np.stack([numbers[near], windows[:-partner][near]], axis=1))
    return np.concatenate(found)


def copy_groups(recordings: Sequence[Landmarks]) -> tuple[int, ...]:
    """A group number for each recording; copies share one. Numbers count from 0 in order of appearance."""
    group = list(range(len(recordings)))

    def find(index: int) -> int:
        while group[index] != index:
            group[index] = index = group[group[index]]
        return index

    rows = _rows(recordings)
    compared = np.bincount(rows[:, 1], minlength=len(recordings))
    for (one, other), same in _same_pairs(rows).items():
        if same * same >= EVIDENCE * min(compared[one], compared[other]):
            group[find(other)] = find(one)
    order: dict[int, int] = {}
    return tuple(order.setdefault(find(index), len(order)) for index in range(len(recordings)))


def _same_pairs(rows: np.ndarray) -> dict[tuple[int, int], int]:
    """Of each two recordings: how many pairs they share at the one distance in time at which they share most.

    `rows` are those of `_rows`.
    """
    different = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    often = np.repeat(np.diff(different, append=len(rows)), np.diff(different, append=len(rows)))
    rows = rows[often <= COMMON]
    keys = [_keys(rows[:-step], rows[step:]) for step in range(1, min(COMMON, len(rows)))]
    same: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    numbers, counts = np.unique(np.concatenate(keys) if keys else np.empty(0, np.int64), return_counts=True)
    for number, count in zip(numbers[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        pair, distance = divmod(number, _DISTANCES)
        same[divmod(pair, _RECORDINGS)][distance] = count
    # a cut seldom falls between two windows
    return {pair: max(n[d - 1] + n[d] + n[d + 1] for d in list(n)) for pair, n in same.items()}


def _rows(recordings: Sequence[Landmarks]) -> np.ndarray:
    """(n, 3): pair, recording and window, sorted; of very many only some pairs, the same ones of every recording."""
    total = sum(map(len, recordings))
    part = -(-total // ROWS_AT_MOST) or 1
    parts = [np.empty((0, 3), np.int64)]
    for index, found in enumerate(recordings):
        kept = found[found[:, 0] * 2654435761 % 4294967296 % part == 0]
        parts.append(np.column_stack([kept[:, 0], np.full(len(kept), index), kept[:, 1]]))
    rows = np.concatenate(parts)
    return rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]


def _keys(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """One number for (recording, other recording, distance in time) where the pairs are the same: (m,)."""
    same = (rows[:, 0] == others[:, 0]) & (rows[:, 1] < others[:, 1])
    rows, others = rows[same], others[same]
    keys: np.ndarray = (
        (rows[:, 1] * _RECORDINGS + others[:, 1]) * _DISTANCES + rows[:, 2] - others[:, 2] + _DISTANCES // 2
    )
    return keys


def _levels(samples: np.ndarray) -> np.ndarray:
    """Decibels (BINS, windows)."""
    from scipy.fft import rfft

    padded = np.pad(samples.astype(np.float32, copy=False), WINDOW // 2)
    views = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.hanning(WINDOW).astype(np.float32)
    levels = np.empty((len(views), BINS), np.float32)
    for start in range(0, len(views), 256):  # some at a time: memory stays small
        power = np.abs(rfft(views[start : start + 256] * hann, axis=1)[:, 1 : BINS + 1]) ** 2
        levels[start : start + 256] = 10 * np.log10(np.maximum(power, 1e-12))
    return levels.T
