"""The whole answer to one photo: which forms, how likely, is it sure, and the map that its heatmaps come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone
from dance_demo.model.familiarity import UNFAMILIAR, Familiarity
from dance_demo.model.head import Head
from dance_demo.model.heatmap import gradcam
from dance_demo.model.preprocessing import SoundSettings, to_input, to_inputs


@dataclass(frozen=True)
class Prediction:
    label: str
    probability: float  # [0, 1]


def ranked(class_names: Sequence[str], probabilities: np.ndarray) -> tuple[Prediction, ...]:
    """Classes with their probabilities (k,), the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(Prediction(class_names[i], float(probabilities[i])) for i in order)


@dataclass(frozen=True, eq=False)
class Classification:
    """What the classifier says about one photo.

    `predictions` holds every class, the most probable first; `feature_map` is (h, w, c), enough to draw the
    heatmap of any class without the network. `sure` is False when no form should be named with confidence, and
    `note` then says why in a sentence ("" when sure): one of those in `familiarity`.
    """

    predictions: tuple[Prediction, ...]
    feature_map: np.ndarray
    sure: bool
    note: str

    @property
    def top(self) -> Prediction:
        return self.predictions[0]

    @property
    def familiar(self) -> bool:
        """False if the photo is unlike anything in training, so that the probabilities mean little."""
        return self.note != UNFAMILIAR

    def probabilities(self, class_names: Sequence[str]) -> np.ndarray:
        """(k,), in the order of these classes."""
        by_label = {p.label: p.probability for p in self.predictions}
        return np.array([by_label[name] for name in class_names])

    def to_json(self, top_k: int) -> dict[str, Any]:
        """The answer as plain data, with the `top_k` most probable classes."""
        predictions = [{"label": p.label, "probability": p.probability} for p in self.predictions[:top_k]]
        return {"predictions": predictions, "sure": self.sure, "note": self.note}


@dataclass(frozen=True, eq=False)
class Classifier:
    """A backbone and a head that fit together. Immutable: whoever holds one gets answers from exactly this one.

    With `mirrored_view` a photo and its mirror image both pass the network and their feature maps are averaged, which
    is the same as averaging their logits, because everything after the map is linear (for plain features).

    The familiarity is about pooled feature maps or about the inner features of the backbone, as its size says.
    """

    backbone: Backbone
    head: Head
    familiarity: Familiarity
    mirrored_view: bool = False
    sound: SoundSettings | None = None  # of a model that listens: the pictures that it makes of sound

    def __post_init__(self) -> None:
        if self.head.backbone_sha256 != self.backbone.sha256:
            raise ModelError(
                f"This head was fitted on backbone {self.head.backbone_sha256[:12]}, but the backbone here is "
                f"{self.backbone.sha256[:12]}. Use the head with the model that it came from."
            )
        channels = self.pictures * self.backbone.channels
        found = f"{self.pictures} x {self.backbone.channels}" if self.sound else f"{self.backbone.channels}"
        if self.head.channels != channels:
            raise ModelError(f"This head reads {self.head.channels} channels, but the backbone has {found}.")
        if self.familiarity.centre.size != channels and not self._knows_by_inner:
            raise ModelError(
                f"The familiarity file is about {self.familiarity.centre.size} channels, but the backbone has {found}."
            )
        if self.sound and self.mirrored_view:
            raise ModelError("A model that listens cannot look at mirror images: those play backwards.")

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.head.class_names

    @property
    def pictures(self) -> int:
        """How many pictures stand above one another in what it is asked about: 1 for photos."""
        return len(self.sound.pictures) if self.sound else 1

    @property
    def _knows_by_inner(self) -> bool:
        return self.familiarity.centre.size == self.backbone.inner_channels

    def in_float(self) -> "Classifier":
        """The same with its backbone in float32, as other programs get it: without "not sure", if need be."""
        backbone = self.backbone.in_float()
        known = Familiarity.of_anything(self.head.channels) if self._knows_by_inner else self.familiarity
        head = replace(self.head, backbone_sha256=backbone.sha256)
        return replace(self, backbone=backbone, head=head, familiarity=known)

    def classify(self, photo: Image.Image) -> Classification:
        """Name the classes of one upright RGB photo. Raises ModelError if this model listens to sounds."""
        if self.sound:
            raise ModelError("This model listens to sounds: give it a recording, not a photo.")
        return self.classify_picture(photo)

    def classify_picture(self, photo: Image.Image) -> Classification:
        """Name the classes of a photo, or of the pictures of a piece of sound above one another."""
        feature_map, known_by = self.look(photo)
        probabilities = self.head.probabilities(self.head.features(feature_map[None]))[0]
        predictions = ranked(self.class_names, probabilities)
        note = self.familiarity.note(known_by, probabilities)
        return Classification(predictions, feature_map, sure=not note, note=note)

    def feature_map(self, photo: Image.Image) -> np.ndarray:
        """Return (h, w, c), averaged with the mirror image's map (mirrored back) if there are two views."""
        return self.look(photo)[0]

    def look(self, photo: Image.Image) -> tuple[np.ndarray, np.ndarray]:
        """`feature_map`, and the features that the familiarity is about, (c,)."""
        if self._knows_by_inner:
            maps, inner = self.backbone.look(self.views(photo))
            return self._joined(maps), inner.mean(axis=0)
        feature_map = self._joined(self.backbone.feature_maps(self.views(photo)))
        return feature_map, self.head.pool(feature_map[None])[0]

    def _joined(self, maps: np.ndarray) -> np.ndarray:
        """One map of those of the views, (n, h, w, c)."""
        if self.sound:
            return maps.reshape(-1, *maps.shape[2:])
        mean: np.ndarray = (maps[0] + maps[1][:, ::-1]) / 2 if self.mirrored_view else maps[0]
        return mean

    def views(self, photo: Image.Image) -> np.ndarray:
        """What the backbone is asked about: the photo, and its mirror image if there are two views. (n, S, S, 3).

        Of sound it is each picture.
        """
        if self.sound:
            return to_inputs(photo, self.backbone.input_side_px, self.pictures)
        view = to_input(photo, self.backbone.input_side_px)
        return np.stack([view, view[:, ::-1]]) if self.mirrored_view else view[None]

    def heatmap(self, classification: Classification, label: str) -> np.ndarray:
        """Where the picture speaks for `label`: (h, w) in [0, 1]. No network pass."""
        return gradcam.heatmap(classification.feature_map, self.head, self.class_index(label))

    def contrast(self, classification: Classification, label: str, other: str) -> np.ndarray:
        """Where the picture speaks for `label` rather than for `other`: (h, w) in [0, 1]."""
        return gradcam.contrast_heatmap(
            classification.feature_map, self.head, self.class_index(label), self.class_index(other)
        )

    def class_index(self, label: str) -> int:
        try:
            return self.class_names.index(label)
        except ValueError:
            raise ModelError(
                f"{label!r:.80} is not a class of this model. It knows: {', '.join(self.class_names)}."
            ) from None
