"""Smooths the answers to the frames of a camera: one frame may mislead, a second of frames seldom does.

An exponential moving average of the log-probabilities, for frames that come at uneven times (Eckner 2012, "Algorithms
for Unevenly Spaced Time Series: Moving Averages and Other Rolling Operators"). A frame t seconds after the one before
it counts with weight w, and what was known before with the rest:

    w = 1 - 2 ** (-t / half_life)          average = (1 - w) * average + w * log(probabilities)

So what a frame said has half its weight left after one half-life, however many frames a second come in between.
Averaging logarithms, a logarithmic opinion pool (Genest & Zidek 1986), asks of a class that every frame allows it. No
frame counts a class lower than `FLOOR`, so that a single blurred one cannot rule it out for seconds.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

HALF_LIFE_S = 0.6
FLOOR = 1e-3  # the lowest probability that a single frame may give
FORGOTTEN_S = 5.0  # after such a pause the next frame stands alone
SAME_SCENE = 0.8  # the least correlation of two frames at one scene; see `is_cut`
_CELLS = 4


@dataclass(frozen=True, eq=False)
class Smoothed:
    """What is known after some frames. `smooth` returns what is known after one more; nothing here changes.

    `logs` (k,) are averaged log-probabilities, `familiar` in [0, 1] is the averaged share of familiar frames, `scene`
    (4, 4, 3) a tiny picture of the last one, `time_s` when it came.
    """

    logs: np.ndarray
    familiar: float
    scene: np.ndarray
    time_s: float

    @property
    def probabilities(self) -> np.ndarray:
        """(k,), sums to 1."""
        return from_logs(self.logs)


def smooth(
    before: Smoothed | None,
    probabilities: np.ndarray,
    *,
    familiar: bool,
    scene: np.ndarray,
    time_s: float,
    half_life_s: float = HALF_LIFE_S,
) -> Smoothed:
    """Add a frame: its probabilities (k,), whether it is familiar, its `scene` and the second when it came.

    It stands alone if there is none before, after a pause, after a cut to another scene, or if the clock went back.
    """
    if half_life_s <= 0:
        raise ValueError(f"half_life_s must be positive. Received: {half_life_s}")
    alone = Smoothed(floored_logs(probabilities), float(familiar), scene, time_s)
    if before is None or before.logs.shape != alone.logs.shape:
        return alone
    passed_s = time_s - before.time_s
    if not 0 <= passed_s <= FORGOTTEN_S or is_cut(before.scene, scene):
        return alone
    weight = 1 - 2 ** (-passed_s / half_life_s)
    logs = before.logs + weight * (alone.logs - before.logs)
    return Smoothed(logs, before.familiar + weight * (alone.familiar - before.familiar), scene, time_s)


def floored_logs(probabilities: np.ndarray) -> np.ndarray:
    """The logarithms of probabilities, none below that of `FLOOR`; any shape."""
    logs: np.ndarray = np.log(np.maximum(probabilities, FLOOR))
    return logs


def from_logs(logs: np.ndarray) -> np.ndarray:
    """Averaged logarithms (k,) as probabilities that sum to 1."""
    shares: np.ndarray = np.exp(logs - logs.max())
    shares /= shares.sum()
    return shares


def scene(photo: Image.Image) -> np.ndarray:
    """A picture as (4, 4, 3) mean colours in [0, 1]: enough to see a cut, too little to see a step."""
    return np.asarray(photo.resize((_CELLS, _CELLS), Image.Resampling.BOX), np.float32) / 255


def is_cut(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two scenes differ as two shots do, not as a dancer does from one frame to the next.

    They are correlated, so that more or less light is no cut. Of drawn dancers under a shaking, zooming, flickering
    camera 99 % of neighbouring frames stayed above `SAME_SCENE`; 94 % of frames at two different drawings fell below.
    """
    first, second = first - first.mean(), second - second.mean()
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) < SAME_SCENE * lengths
