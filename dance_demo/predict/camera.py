"""A running camera: each picture is answered at once, smoothed by those before it, and none is stored.

Of each visitor the server remembers a few numbers (see `smoothing`), not for long, and forgets the oldest visitors
first. If another replica answers the next picture, that one begins anew, and nothing else is lost.
"""

import io
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_demo.files.photo import open_photo
from dance_demo.forms import display_name
from dance_demo.model.classifier import Classifier, Prediction, ranked
from dance_demo.model.description import percent
from dance_demo.model.familiarity import UNFAMILIAR
from dance_demo.model.heatmap.overlay import layer
from dance_demo.predict.smoothing import Smoothed, scene, smooth

SIDE_PX = 320  # of the longer side of a picture; the network takes 224
HEAT_PX = 96  # of the heatmap's longer side: it is soft, and the browser makes it larger
MOST_LIKELY, NO_HEATMAP = -1, -2  # instead of the number of a class
VISITORS = 300  # about 1 kB each


@dataclass(frozen=True)
class CameraAnswer:
    """The answer to one picture: every class with its smoothed probability, the most probable first.

    `note` says why it is not sure ("" if it is), `heat_png` shows where this picture speaks for `label`: RGBA of the
    same shape as the picture. Both are empty if no heatmap was asked for.
    """

    predictions: tuple[Prediction, ...]
    note: str
    label: str
    heat_png: bytes

    def to_json(self) -> dict[str, Any]:
        """Plain data for the page, with names and percentages as people read them."""
        familiar = self.note != UNFAMILIAR  # else a percentage would mean nothing
        answers = [
            {
                "name": display_name(p.label),
                "percent": percent(p.probability) if familiar else "",
                "probability": round(p.probability, 4),
            }
            for p in self.predictions
        ]
        return {"answers": answers, "sure": not self.note, "note": self.note, "shown": display_name(self.label)}


class CameraSessions:
    """The cameras of all visitors, answered by one classifier. One call at a time: see `ui.live.frames`."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._known: OrderedDict[str, Smoothed] = OrderedDict()  # by visitor, those who were here last at the end

    def classify(self, visitor: str, jpeg: bytes, *, heat_of: int = MOST_LIKELY, anew: bool = False) -> CameraAnswer:
        """Answer a visitor's picture. `heat_of` is the number of a class; `anew` forgets the pictures before.

        Raises PhotoError for what is no picture, ValueError for a class that there is not.
        """
        n_classes = len(self.classifier.class_names)
        if not NO_HEATMAP <= heat_of < n_classes:
            raise ValueError(f"heat_of must be from {NO_HEATMAP} to {n_classes - 1}. Received: {heat_of}")
        photo = open_photo(jpeg, name="The camera's picture", max_side_px=SIDE_PX)
        found = self.classifier.classify(photo)
        smoothed = smooth(
            None if anew else self._known.get(visitor),
            found.probabilities(self.classifier.class_names),
            familiar=found.familiar,
            scene=scene(photo),
            time_s=time.monotonic(),
        )
        self._known[visitor] = smoothed
        self._known.move_to_end(visitor)
        if len(self._known) > VISITORS:
            self._known.popitem(last=False)
        predictions = ranked(self.classifier.class_names, smoothed.probabilities)
        note = self.classifier.familiarity.note_of_many(smoothed.familiar, smoothed.probabilities)
        if heat_of == NO_HEATMAP:
            return CameraAnswer(predictions, note, "", b"")
        label = predictions[0].label if heat_of == MOST_LIKELY else self.classifier.class_names[heat_of]
        return CameraAnswer(predictions, note, label, _png(self.classifier.heatmap(found, label), photo.size))


def _png(heatmap: np.ndarray, size: tuple[int, int]) -> bytes:
    scale = HEAT_PX / max(size)
    buffer = io.BytesIO()
    layer(heatmap, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))).save(
        buffer, "PNG", compress_level=1
    )
    return buffer.getvalue()
