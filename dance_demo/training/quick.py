"""A head within a blink, to try while its visitor still collects photos. Nothing judges it; `train` does that."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from dance_demo.data.samples import spread
from dance_demo.errors import PhotoError
from dance_demo.files.photo import open_photo
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head, power_normalize, softmax
from dance_demo.model.preprocessing import to_input

PHOTOS_OF_A_CLASS, PHOTOS = 30, 300  # that are looked at, spread over those that there are
PHOTOS_REMEMBERED = 3_000  # of all visitors: 5 kB each
PHOTO_SIDE_PX = 480
STEPS, PENALTY = 300, 1e-3  # of 90 flowers, clothes and dancers each 84, 77 and 100 % right, and as sure as that


class QuickHeads:
    """Fits heads on this backbone, without TensorFlow; each photo passes the backbone once."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._pooled = lru_cache(PHOTOS_REMEMBERED)(self._seen)

    def fit(self, classes: Mapping[str, Sequence[Path]]) -> Classifier | None:
        """A classifier of the classes whose photos are still there, which is always sure; None below two of them."""
        most = min(PHOTOS_OF_A_CLASS, PHOTOS // max(1, len(classes)))
        found = {name: self._features(spread(photos, most)) for name, photos in classes.items()}
        found = {name: features for name, features in found.items() if len(features)}
        if len(found) < 2:
            return None
        features = np.concatenate(list(found.values()))
        truth = np.repeat(np.arange(len(found)), [len(part) for part in found.values()])
        weight, bias = logistic_regression(power_normalize(features), truth)
        head = Head(tuple(found), weight, bias, 1.0, self.backbone.sha256, power_normalized=True)
        return Classifier(self.backbone, head, _always_familiar(features))

    def _features(self, photos: Sequence[Path]) -> np.ndarray:
        """(n, c) of those of the photos that can be read."""
        pooled = []
        for photo in photos:
            try:
                pooled.append(self._pooled(photo))
            except PhotoError:
                continue
        return np.array(pooled)

    def _seen(self, photo: Path) -> np.ndarray:
        view = to_input(open_photo(photo, max_side_px=PHOTO_SIDE_PX), self.backbone.input_side_px)
        pooled: np.ndarray = self.backbone.feature_maps(view[None]).mean(axis=(1, 2), dtype=np.float32)[0]
        return pooled


def logistic_regression(features: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight (c, k) and bias (k,) that tell classes (n,), numbered from 0, apart by their features (n, c).

    Multinomial logistic regression with an L2 penalty, every class counting alike, by accelerated gradient descent
    (Nesterov 1983). The weights are sums of photos, so that all steps are of the size of the photos' dot products.
    """
    centre = features.mean(axis=0)
    offsets = features - centre
    scale = 1 / np.sqrt(max(float((offsets**2).sum(axis=1).mean()), 1e-12))
    kernel = (offsets @ offsets.T) * scale**2  # (n, n)
    right = np.eye(classes.max() + 1)[classes]
    shares = (1 / (right.shape[1] * right.sum(axis=0)))[classes][:, None]  # what each photo counts; 1 in all
    step = 1 / (0.5 * float(np.linalg.eigvalsh(kernel * np.sqrt(shares * shares.T))[-1]) + PENALTY)
    dual, bias = np.zeros_like(right), np.zeros(right.shape[1])
    last, last_bias = dual, bias
    for number in range(STEPS):
        ahead = number / (number + 3)
        at, at_bias = dual + ahead * (dual - last), bias + ahead * (bias - last_bias)
        errors = shares * (softmax(kernel @ at + at_bias, 1.0) - right)
        last, last_bias = dual, bias
        dual, bias = at - step * (errors + PENALTY * at), at_bias - errors.sum(axis=0)
    weight = offsets.T @ dual * scale**2
    return weight.astype(np.float32), (bias - centre @ weight).astype(np.float32)


def _always_familiar(pooled: np.ndarray) -> Familiarity:
    channels = pooled.shape[1]
    return Familiarity(pooled.mean(axis=0), np.zeros((0, channels), np.float32), np.zeros(0, np.float32), 1.0)
