"""A recording is heard in pieces of a few seconds, all brought to one level before pictures are made of them.

| recording of | pieces of 5 s begin at                                                                       |
|--------------|----------------------------------------------------------------------------------------------|
| 30 s         | 0, 5, 10, 15, 20, 25 s                                                                       |
| 32 s         | the same: what is left is shorter than half a piece                                          |
| 33 s         | the same, and 28 s: the last one reaches back                                                |
| 2 s          | 0 s; it is one piece as it is, and its pictures are as wide as those of the others           |
"""

from dataclasses import dataclass

import numpy as np

from dance_demo.files.sound import RATE_HZ, Sound

LEVEL_DBFS = -20.0  # of the loud tenths of a second of a recording: how far the microphone stood is no class
LOUD_SHARE = 0.95
SILENT_DB = -60.0  # a piece whose loudest tenth of a second is below is left out; after levelling
_SMALLEST = 1e-10


@dataclass(frozen=True, eq=False)
class Piece:
    """Some seconds of a recording, from `start_s`: samples (n,) at the level of all others."""

    start_s: float
    samples: np.ndarray

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / RATE_HZ


def pieces(sound: Sound, piece_s: float) -> list[Piece]:
    """The pieces in which there is something to hear; at least one, for an `open_sound` has something to hear."""
    levelled = _levelled(sound.samples)
    length = round(piece_s * RATE_HZ)
    starts = list(range(0, max(1, len(levelled) - length + 1), length))
    left = len(levelled) - starts[-1] - length
    if left >= length / 2:
        starts.append(len(levelled) - length)
    found = [Piece(start / RATE_HZ, levelled[start : start + length]) for start in starts]
    heard = [piece for piece in found if _loudness(piece.samples).max() > 10 ** (SILENT_DB / 10)]
    return heard or [max(found, key=lambda piece: float(_loudness(piece.samples).max()))]


def _levelled(samples: np.ndarray) -> np.ndarray:
    loud = float(np.quantile(_loudness(samples), LOUD_SHARE))
    gain = np.float32(np.sqrt(10 ** (LEVEL_DBFS / 10) / max(loud, _SMALLEST)))
    levelled: np.ndarray = samples * gain
    return levelled


def _loudness(samples: np.ndarray) -> np.ndarray:
    """The mean square of each tenth of a second: (m,), at least one."""
    length = max(1, min(len(samples), RATE_HZ // 10))
    windows = samples[: len(samples) // length * length].reshape(-1, length)
    loudness: np.ndarray = np.einsum("ij,ij->i", windows, windows) / length
    return loudness
