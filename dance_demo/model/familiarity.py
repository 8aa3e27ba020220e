"""Out-of-distribution detection: is a photo like those that the model learned from, and is the answer clear?

A softmax names one of its classes for any picture, a shoe included. So every model carries a picture of its
training photos in feature space: a Gaussian with a low-rank covariance (probabilistic PCA, Tipping & Bishop 1999).
Photos far from its centre, in Mahalanobis distance, are not like anything seen in training. The features are
power-normalised first, whatever the head uses, because that separates other subjects better.
"""

from dataclasses import dataclass, replace

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.files.npz import read_arrays, write_arrays
from dance_demo.model.head import power_normalize

UNFAMILIAR = "This does not look like the photos that the model learned from."
UNCLEAR = "No class stands out clearly."
DIRECTIONS = 64
SMALLEST_VARIANCE = 1e-9  # photos that are all alike have none at all in some direction
TOO_FAR = 0.03  # of held-out photos lie beyond the distance at which a photo counts as unfamiliar
UNSURE = 0.05  # of held-out photos get no confident answer at all
_ARRAYS = ("centre", "directions", "variances", "limits")


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The training photos as a Gaussian, and the limits beyond which an answer is not given with confidence.

    `centre` (c,), `directions` (d, c) with their `variances` (d,), and `rest`, the variance in every direction
    beside them. An answer is sure if its distance is at most `max_distance`, its probability at least
    `min_probability`, and it leads the second one by at least `min_margin`.
    """

    centre: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    rest: float
    max_distance: float = np.inf
    min_probability: float = 0.0
    min_margin: float = 0.0

    @classmethod
    def fit(cls, pooled: np.ndarray, *, directions: int = DIRECTIONS) -> "Familiarity":
        """Describe training photos by pooled feature maps or inner features (n, c); the limits are left open."""
        if len(pooled) < 2:
            raise ValueError(f"at least two photos are needed. Received: {len(pooled)}")
        features = power_normalize(pooled).astype(np.float64)
        centre = features.mean(axis=0)
        _, singular, axes = np.linalg.svd(features - centre, full_matrices=False)
        variances = np.maximum(singular**2 / len(features), SMALLEST_VARIANCE)
        kept = min(directions, len(features) // 4 + 1, len(variances) - 1)
        rest = float(variances[kept:].mean())
        centre, axes, kept_variances = (part.astype(np.float32) for part in (centre, axes[:kept], variances[:kept]))
        return cls(centre, axes, kept_variances, rest)

    @classmethod
    def of_anything(cls, channels: int) -> "Familiarity":
        """To which every photo is familiar and every answer clear."""
        return cls(np.zeros(channels), np.zeros((0, channels)), np.zeros(0), rest=1.0)

    def with_limits(self, *, max_distance: float, min_probability: float, min_margin: float) -> "Familiarity":
        return replace(self, max_distance=max_distance, min_probability=min_probability, min_margin=min_margin)

    def distance(self, pooled: np.ndarray) -> np.ndarray:
        """Mahalanobis distance to the training photos, squared and per channel: pooled maps (n, c) -> (n,)."""
        offset = power_normalize(pooled) - self.centre
        along = offset @ self.directions.T
        beside = np.maximum((offset**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        distances: np.ndarray = ((along**2 / self.variances).sum(axis=1) + beside / self.rest) / len(self.centre)
        return distances

    def note(self, pooled: np.ndarray, probabilities: np.ndarray) -> str:
        """Why one photo's answer is not sure: a sentence, or "" if it is. `pooled` (c,), `probabilities` (k,)."""
        return self.note_of_many(float(self.distance(pooled[None])[0] <= self.max_distance), probabilities)

    def note_of_many(self, familiar: float, probabilities: np.ndarray) -> str:
        """The same for many frames with one answer (k,): the share of them that is `familiar`, [0, 1], must be half."""
        if familiar < 0.5:
            return UNFAMILIAR
        second, first = np.sort(probabilities)[-2:]
        unclear = first < self.min_probability or first - second < self.min_margin
        return UNCLEAR if unclear else ""

    def to_npz_bytes(self) -> bytes:
        limits = np.array([self.rest, self.max_distance, self.min_probability, self.min_margin], np.float32)
        return write_arrays(dict(zip(_ARRAYS, (self.centre, self.directions, self.variances, limits), strict=True)))

    @classmethod
    def from_npz_bytes(cls, data: bytes) -> "Familiarity":
        """What `to_npz_bytes` wrote; raises `ModelError` for anything else."""
        try:
            centre, directions, variances, limits = read_arrays(data, _ARRAYS)
            shapes = (centre.shape, directions.shape, variances.shape, limits.shape)
            if shapes != ((centre.size,), (variances.size, centre.size), (variances.size,), (4,)):
                raise ValueError(f"its parts do not fit: {shapes}")
            if not all(np.isfinite(part).all() for part in (centre, directions, variances, limits[:1])):
                raise ValueError("it holds numbers that are not finite")
            if variances.size and variances.min() <= 0 or limits[0] <= 0:
                raise ValueError("its variances must be positive")
            if np.isnan(limits).any():
                raise ValueError("its limits must be numbers")
        except ValueError as error:
            raise ModelError(f"This is not a familiarity file from this app ({error}).") from error
        return cls(centre, directions, variances, *(float(limit) for limit in limits))


def fit_limits(distances: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Fit the limits of a `Familiarity` on held-out photos: their distances (n,) and probabilities (n, k).

    See `TOO_FAR` and `UNSURE`.
    """
    max_distance = float(np.quantile(distances, 1 - TOO_FAR))
    near = distances <= max_distance
    best = np.sort(probabilities[near].max(axis=1))
    refused = int(UNSURE * len(probabilities)) - int((~near).sum())
    return {
        "max_distance": max_distance,
        "min_probability": float(best[max(0, refused)]),
        "min_margin": 0.0,
    }
