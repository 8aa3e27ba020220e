"""Shows which parts of a dancer's photo speak for a class: Grad-CAM in closed form.

Selvaraju et al. 2017 ("Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization")
weigh each channel c of the feature map F (h, w, c) by the mean gradient of a class's logit z, and keep what
is positive:

    alpha[c] = sum over i, j of dz / dF[i, j, c] / (h * w)          heatmap = relu(F @ alpha) / max

Here z = g(p) @ W + b, with p the average of F over the picture, so dz / dF[i, j] = J_g(p)^T W / (h * w) at
every place i, j. The gradient is the same everywhere: it is Head.channel_weights, up to a factor that the
division by the maximum removes. So there is no backward pass, and one pass of the network gives the
heatmap of every class. A head that reads several pictures (of sound) has weights for each, and there is one maximum.
"""

from dataclasses import dataclass

import numpy as np

from dance_demo.model.head import Head, pictures

ROUNDING = 1e-6  # float32 sums of terms that cancel leave about this share of them


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the heatmaps of one photo need when its feature map is gone: some kB instead of 250.

    `maps` (h, w, k) says how much each place speaks for, or against, each of k classes; what is below `noise` (k,)
    comes from rounding.
    """

    maps: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, feature_map: np.ndarray, head: Head) -> "Evidence":
        """Of a feature map (h, w, c). Raises ValueError for one that is not finite."""
        classes = range(len(head.class_names))
        maps, noise = zip(*(_evidence(feature_map, head.channel_weights(feature_map, i)) for i in classes), strict=True)
        return cls(np.stack(maps, axis=-1), np.array(noise))

    def heatmap(self, class_index: int) -> np.ndarray:
        """As the function of this name."""
        return _positive_share(self.maps[..., class_index], self.noise[class_index])

    def contrast_heatmap(self, class_index: int, other_index: int) -> np.ndarray:
        """As the function of this name."""
        difference = self.maps[..., class_index] - self.maps[..., other_index]
        return _positive_share(difference, self.noise[class_index] + self.noise[other_index])


def heatmap(feature_map: np.ndarray, head: Head, class_index: int) -> np.ndarray:
    """Where the photo speaks for a class: (h, w, c) -> (h, w) float32 in [0, 1], zeros if it does nowhere.

    Raises ValueError for a feature map that is not finite.
    """
    return _positive_share(*_evidence(feature_map, head.channel_weights(feature_map, class_index)))


def contrast_heatmap(feature_map: np.ndarray, head: Head, class_index: int, other_index: int) -> np.ndarray:
    """Where the photo speaks for a class rather than for another one: (h, w, c) -> (h, w), as ``heatmap``."""
    towards = head.channel_weights(feature_map, class_index)
    return _positive_share(*_evidence(feature_map, towards - head.channel_weights(feature_map, other_index)))


def _evidence(feature_map: np.ndarray, channel_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For and against, (h, w), and how much of it comes from rounding."""
    if not np.isfinite(feature_map).all():
        raise ValueError("feature_map must be finite. Received: NaN or infinity in it")
    noise = ROUNDING * _weighted(np.abs(feature_map), np.abs(channel_weights)).max()
    return _weighted(feature_map, channel_weights), noise


def _positive_share(evidence: np.ndarray, noise: np.ndarray) -> np.ndarray:
    evidence = np.maximum(evidence, 0).astype(np.float32)
    if evidence.max() <= noise:
        return np.zeros_like(evidence)
    shares: np.ndarray = evidence / evidence.max()
    return shares


def _weighted(feature_map: np.ndarray, channel_weights: np.ndarray) -> np.ndarray:
    """The channels of each place, weighed: (h, w, c) and (c,) -> (h, w), or of p pictures (p h, w, c) and (p c,)."""
    maps = pictures(feature_map[None], len(channel_weights))[0]  # (p, h, w, c)
    weights = channel_weights.reshape(len(maps), 1, -1, 1)
    weighted: np.ndarray = (maps @ weights).reshape(feature_map.shape[:2])
    return weighted
