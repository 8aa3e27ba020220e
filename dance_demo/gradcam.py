"""Shows which parts of a dancer's photo speak for a class: Grad-CAM in closed form.

Selvaraju et al. 2017 ("Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization")
weigh each channel c of the feature map F (h, w, c) by the mean gradient of a class's logit z, and keep what
is positive:

    alpha[c] = sum over i, j of dz / dF[i, j, c] / (h * w)          heatmap = relu(F @ alpha) / max

Here z = g(p) @ W + b, with p the average of F over the picture, so dz / dF[i, j] = J_g(p)^T W / (h * w) at
every place i, j. The gradient is the same everywhere: it is Head.channel_weights, up to a factor that the
division by the maximum removes. So there is no backward pass, and one look of the network gives the heatmap
of every class.
"""

import numpy as np

from dance_demo.head import Head

ROUNDING = 1e-6  # float32 sums of terms that cancel leave about this share of them


def heatmap(feature_map: np.ndarray, head: Head, class_index: int) -> np.ndarray:
    """Where the photo speaks for a class: (h, w, c) -> (h, w) float32 in [0, 1], zeros if it does nowhere.

    Raises ValueError for a feature map that is not finite.
    """
    return _positive_share(feature_map, head.channel_weights(feature_map, class_index))


def contrast_heatmap(feature_map: np.ndarray, head: Head, class_index: int, other_index: int) -> np.ndarray:
    """Where the photo speaks for a class rather than for another one: (h, w, c) -> (h, w), as ``heatmap``."""
    towards = head.channel_weights(feature_map, class_index)
    return _positive_share(feature_map, towards - head.channel_weights(feature_map, other_index))


def _positive_share(feature_map: np.ndarray, channel_weights: np.ndarray) -> np.ndarray:
    if not np.isfinite(feature_map).all():
        raise ValueError("feature_map must be finite. Received: NaN or infinity in it")
    evidence = np.maximum(feature_map @ channel_weights, 0).astype(np.float32)
    noise = ROUNDING * (np.abs(feature_map) @ np.abs(channel_weights)).max()
    if evidence.max() <= noise:
        return np.zeros_like(evidence)
    return evidence / evidence.max()
