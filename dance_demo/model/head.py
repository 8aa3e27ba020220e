"""Turns what the network saw in a dancer's photo into one probability per dance form.

A head is small (about 40 KB): the photo's feature map is averaged over the picture, and one linear layer
scores every class; there may be a hidden layer before it (about 330 KB). Where it looks at several pictures at once (of
sound), it reads the averages of each. A head names, by hash, the backbone it was fitted on. Heads travel between
people, so the file of one holds plain numbers only, and every size in it is checked before anything is read.
"""

from dataclasses import dataclass

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.model.head_file import checked_head_parts, head_bytes, read_head_parts

SMALLEST_ROOT = 1e-6  # a channel below it counts as silent: at 0 the slope of the square root is infinite


def power_normalize(pooled: np.ndarray) -> np.ndarray:
    """Square root, then length 1, so that no loud channel drowns the others: (n, c) -> (n, c)."""
    roots = np.sqrt(np.maximum(pooled, 0))
    normalized: np.ndarray = roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), SMALLEST_ROOT)
    return normalized


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """One probability per class, each row sums to 1: (n, k) -> (n, k)."""
    scaled = logits / np.float32(temperature)
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))  # the largest becomes exp(0)
    probabilities: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def pictures(feature_maps: np.ndarray, channels: int) -> np.ndarray:
    """The maps of the pictures that stand above one another, of which a head reads so many channels in all.

    (n, p h, w, c) -> (n, p, h, w, c). Raises ValueError for maps that are not of p pictures.
    """
    n, rows, w, c = feature_maps.shape
    p = channels // c
    if p < 1 or channels != p * c or rows % p:
        raise ValueError(f"feature maps must be of {channels} channels in all. Received: {feature_maps.shape}")
    return feature_maps.reshape(n, p, rows // p, w, c)


@dataclass(frozen=True, eq=False)
class Head:
    """The last layer of the classifier and the names of its classes. Nothing in it changes once it is made.

    weight is (c, k) and bias (k,) for c channels and k classes. Probabilities are softmax(logits /
    temperature) (Guo et al. 2017). With power_normalized, pooled features are square-rooted and scaled to
    length 1 first. With a hidden layer of u units, hidden_weight is (c, u), hidden_bias (u,) and weight (u, k):
    the logits are relu(features @ hidden_weight + hidden_bias) @ weight + bias. Raises ValueError, with the value
    received, for parts that do not fit.
    """

    class_names: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    backbone_sha256: str
    power_normalized: bool = False
    hidden_weight: np.ndarray | None = None
    hidden_bias: np.ndarray | None = None

    def __post_init__(self) -> None:
        for field, value in checked_head_parts(vars(self)).items():
            object.__setattr__(self, field, value)  # the way into a frozen dataclass

    @property
    def channels(self) -> int:
        """How many channels the feature maps have that this head reads; of all its pictures."""
        return len(self.weight if self.hidden_weight is None else self.hidden_weight)

    def pool(self, feature_maps: np.ndarray) -> np.ndarray:
        """Average over the picture: (n, h, w, c) -> (n, c).

        Of p pictures above one another: (n, p h, w, c) -> (n, p c).
        """
        each = pictures(feature_maps, self.channels)
        pooled: np.ndarray = each.mean(axis=(2, 3), dtype=np.float32).reshape(len(feature_maps), -1)
        return pooled

    def features(self, feature_maps: np.ndarray) -> np.ndarray:
        """What the first layer sees: (n, h, w, c) -> (n, c), as `pool`."""
        pooled = self.pool(feature_maps)
        return power_normalize(pooled) if self.power_normalized else pooled

    def logits(self, features: np.ndarray) -> np.ndarray:
        """One score per class: (n, c) -> (n, k)."""
        if self.hidden_weight is not None:
            features = np.maximum(features @ self.hidden_weight + self.hidden_bias, 0)
        logits: np.ndarray = features @ self.weight + self.bias
        return logits

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """One probability per class, each row sums to 1: (n, c) -> (n, k)."""
        return softmax(self.logits(features), self.temperature)

    def channel_weights(self, feature_map: np.ndarray, class_index: int) -> np.ndarray:
        """How fast the class's logit grows with each pooled channel of this photo: (h, w, c) -> (c,), as `pool`.

        For pooled channels p, features g(p) and the slope s of the class's logit with respect to these, this is
        J_g(p)^T s. Plain features are p itself, so it is s. Power-normalised ones are g = r / |r| with r = sqrt(p),
        so by the chain rule it is (s - (s . g) g) / |r| / (2 r).
        """
        if not self.power_normalized:
            return self._slope(self.features(feature_map[None])[0], class_index)
        roots = np.sqrt(np.maximum(self.pool(feature_map[None])[0], 0))
        length = max(float(np.linalg.norm(roots)), SMALLEST_ROOT)
        direction = roots / length
        column = self._slope(direction, class_index)
        slope = (column - (column @ direction) * direction) / length
        # A silent channel is zero all over the map: no weight could make it add anything to a heatmap.
        weights: np.ndarray = np.divide(slope, 2 * roots, out=np.zeros_like(slope), where=roots > SMALLEST_ROOT)
        return weights

    def _slope(self, features: np.ndarray, class_index: int) -> np.ndarray:
        """How fast the class's logit grows with each feature: (c,) -> (c,).

        It is the class's column W of the linear layer, or behind a hidden layer V @ (W where a unit is active).
        """
        slope: np.ndarray = self.weight[:, class_index]
        if self.hidden_weight is not None:
            slope = self.hidden_weight @ (slope * (features @ self.hidden_weight + self.hidden_bias > 0))
        return slope

    def to_npz_bytes(self) -> bytes:
        """The head as a file of plain numbers. The same head always gives the same bytes."""
        return head_bytes(vars(self))

    @classmethod
    def from_npz_bytes(cls, data: bytes) -> "Head":
        """What to_npz_bytes wrote, by whomever. Raises ModelError for every other file, however hostile."""
        try:
            return cls(**read_head_parts(data))
        except ValueError as error:
            raise ModelError(f"This is not a head from this app ({error}).") from error
