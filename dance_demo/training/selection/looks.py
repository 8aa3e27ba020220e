"""One photo through the features that are kept alone: what it is taken for then, and where that is in the picture.

The same heatmap as everywhere (`model.gradcam`), of the channels S of a feature map F and of one class:

    relu(F[:, S] @ weights[S]) / max
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from dance_demo.training.selection.experiment import Embedded, Watched
from dance_demo.training.selection.ridge import ridge_head


@dataclass(frozen=True, eq=False)
class Look:
    """What a head takes the photo for, and where that is: heatmap (h, w) in [0, 1], zeros if it is nowhere."""

    answer: str
    heatmap: np.ndarray


@dataclass(frozen=True, eq=False)
class Looks:
    """A photo, by its index, with its label, through all features and through those that each method keeps."""

    photo: int
    label: str
    everything: Look
    kept: Mapping[str, Mapping[int, Look]]  # method -> how many -> look


def look(embedded: Embedded, watched: Watched, feature_map: np.ndarray) -> Looks:
    """Fit a head to what each method has kept for this photo's fold. feature_map (h, w, c) is the photo's."""

    def through(kept: np.ndarray) -> Look:
        head = ridge_head(embedded.features, embedded.classes, watched.split.train, kept)
        answer = int(head.outputs(embedded.features[[watched.photo]][:, kept])[0].argmax())
        evidence = np.maximum(feature_map[..., kept].astype(np.float64) @ head.weights[:, answer], 0)
        heatmap = (evidence / (evidence.max() or 1)).astype(np.float32)
        return Look(embedded.class_names[answer], heatmap)

    label = embedded.class_names[embedded.classes[watched.photo]]
    with threadpool_limits(1):  # see `experiment.select`
        everything = through(np.arange(embedded.features.shape[1]))
        kept = {
            method: {size: through(features) for size, features in sizes.items()}
            for method, sizes in watched.kept.items()
        }
    return Looks(watched.photo, label, everything, kept)
