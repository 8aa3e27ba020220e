"""A running camera: each picture is answered at once, steadied by those before it, and none is stored.

Of each visitor the server remembers a few numbers (see `smoothing`), not for long, and forgets the oldest visitors
first. If another replica answers the next picture, that one begins to steady anew, and nothing else is lost.
"""

import io
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_demo.classifier import Classifier, Prediction
from dance_demo.forms import display_name
from dance_demo.narration import percent
from dance_demo.overlay import layer
from dance_demo.photos import open_photo
from dance_demo.smoothing import Steady, scene, steadied

SIDE_PX = 320  # of the longer side of a picture; the network takes 224
HEAT_PX = 96  # of the heatmap's longer side: it is soft, and the browser makes it larger
MOST_LIKELY, NO_HEATMAP = -1, -2  # instead of the number of a class
VISITORS = 300  # about 1 kB each


@dataclass(frozen=True)
class Glance:
    """The answer to one picture: every class with its steadied probability, the most probable first.

    `note` says why it is not sure ("" if it is), `heat_png` shows where this picture speaks for `label`: RGBA of the
    same shape as the picture. Both are empty if no heatmap was asked for.
    """

    predictions: tuple[Prediction, ...]
    note: str
    label: str
    heat_png: bytes

    def to_json(self) -> dict[str, Any]:
        """Plain data for the page, with names and percentages as people read them."""
        answers = [
            {"name": display_name(p.label), "percent": percent(p.probability), "probability": round(p.probability, 4)}
            for p in self.predictions
        ]
        return {"answers": answers, "sure": not self.note, "note": self.note, "shown": display_name(self.label)}


class Watch:
    """Looks through the cameras of all visitors with one classifier. One call at a time: see `ui.live_frames`."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._known: OrderedDict[str, Steady] = OrderedDict()  # by visitor, those who were here last at the end

    def look(self, visitor: str, jpeg: bytes, *, heat_of: int = MOST_LIKELY, anew: bool = False) -> Glance:
        """Answer a visitor's picture. `heat_of` is the number of a class; `anew` forgets the pictures before.

        Raises PhotoError for what is no picture, ValueError for a class that there is not.
        """
        n_classes = len(self.classifier.class_names)
        if not NO_HEATMAP <= heat_of < n_classes:
            raise ValueError(f"heat_of must be from {NO_HEATMAP} to {n_classes - 1}. Received: {heat_of}")
        photo = open_photo(jpeg, name="The camera's picture", max_side_px=SIDE_PX)
        found = self.classifier.classify(photo)
        by_label = {p.label: p.probability for p in found.predictions}
        steady = steadied(
            None if anew else self._known.get(visitor),
            np.array([by_label[name] for name in self.classifier.class_names]),
            familiar=found.familiar,
            scene=scene(photo),
            time_s=time.monotonic(),
        )
        self._remember(visitor, steady)
        predictions = self._ranked(steady.probabilities)
        note = self.classifier.familiarity.note_of_many(steady.familiar, steady.probabilities)
        if heat_of == NO_HEATMAP:
            return Glance(predictions, note, "", b"")
        label = predictions[0].label if heat_of == MOST_LIKELY else self.classifier.class_names[heat_of]
        return Glance(predictions, note, label, _png(self.classifier.heatmap(found, label), photo.size))

    def _ranked(self, probabilities: np.ndarray) -> tuple[Prediction, ...]:
        order = np.argsort(-probabilities, kind="stable")
        return tuple(Prediction(self.classifier.class_names[i], float(probabilities[i])) for i in order)

    def _remember(self, visitor: str, steady: Steady) -> None:
        self._known[visitor] = steady
        self._known.move_to_end(visitor)
        if len(self._known) > VISITORS:
            self._known.popitem(last=False)


def _png(heatmap: np.ndarray, size: tuple[int, int]) -> bytes:
    scale = HEAT_PX / max(size)
    buffer = io.BytesIO()
    layer(heatmap, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))).save(
        buffer, "PNG", compress_level=1
    )
    return buffer.getvalue()
