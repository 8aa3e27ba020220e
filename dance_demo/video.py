"""Names the dance in a short clip: each sampled picture is answered, the answers are pooled, the strongest are shown.

Pooled is the mean of the log-probabilities (a logarithmic opinion pool, Genest & Zidek 1986, with the floor of
`smoothing`): of 32 made-up clips, drawn dancers under a bad camera, it named 29 right, the mean of the probabilities
28, and a single picture 72 %. There is no network over time: the forms are told apart by what one picture shows, and
nobody has labelled clips that such a network could learn from or be judged on.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from dance_demo.backbones import known_backbone
from dance_demo.classifier import Classification, Classifier, Prediction
from dance_demo.clip_reader import Clip, Moment
from dance_demo.errors import VideoError
from dance_demo.model_store import load_classifier
from dance_demo.narration import alt_text
from dance_demo.overlay import overlay
from dance_demo.smoothing import floored_logs, from_logs

STRONGEST = 6
STRONG = 0.5  # of the probability of the strongest picture
APART_S = 1.0  # so that the strongest pictures are not six times the same
MEMORY_BYTES = 3 << 30  # of addresses, which are more than what is really held
CPU_S = 120

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Watching:
    """The clip has been looked at up to this second, of so many that it seems to have (0: nobody can tell)."""

    done: int
    total: int
    text: ClassVar[str] = "Looking at the clip, second"
    replaces_previous: ClassVar[bool] = True


@dataclass(frozen=True)
class Strong:
    """A picture that speaks for the pooled answer: when, how much, with the heatmap over it, and that in words."""

    time_s: float
    prediction: Prediction
    overlay_jpeg: bytes
    alt_text: str


@dataclass(frozen=True, eq=False)
class Watched:
    """The answer to a clip.

    `times_s` (n,) and `probabilities` (n, k) are those of the sampled pictures, classes in the order of `class_names`.
    `predictions` is the pooled answer, the most probable first; `note` says why it is not sure ("" if it is), `remark`
    why not the whole clip was used, `strongest` is in the order of time.
    """

    class_names: tuple[str, ...]
    times_s: np.ndarray
    probabilities: np.ndarray
    predictions: tuple[Prediction, ...]
    note: str
    remark: str
    strongest: tuple[Strong, ...]

    @property
    def top(self) -> Prediction:
        return self.predictions[0]


def watch_clip(directory: Path, stop: Stop, path: Path, model: str | None = None) -> Iterator[Watching | Watched]:
    """The work of a job: answer a clip with a model (see `load_classifier`). Raises VideoError, ModelError."""
    _bound_this_process()
    try:
        with Clip(path) as clip:
            seconds = round(clip.length_s or 0)
            yield Watching(0, seconds)
            answer = _Answer(load_classifier(model, find_backbone=known_backbone))
            for moment in clip.moments():
                if stop():
                    break
                answer.add(moment)
                yield Watching(min(round(moment.time_s), seconds), seconds)
            if answer.moments:  # also after Stop: what was seen until then
                yield answer.watched("Stopped before its end." if stop() else clip.remark)
    except MemoryError:
        raise VideoError("The clip needs more memory than this server gives. Make it shorter or smaller.") from None


class _Answer:
    """What is known of a clip while it is being watched."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.moments: list[tuple[Moment, Classification]] = []

    def add(self, moment: Moment) -> None:
        self.moments.append((moment, self.classifier.classify(moment.photo)))

    def watched(self, remark: str) -> Watched:
        names = self.classifier.class_names
        probabilities = np.stack([self._row(found) for _, found in self.moments])
        mean = pooled(probabilities)
        order = np.argsort(-mean, kind="stable")
        familiar = np.mean([found.familiar for _, found in self.moments])
        return Watched(
            class_names=names,
            times_s=np.array([moment.time_s for moment, _ in self.moments]),
            probabilities=probabilities,
            predictions=tuple(Prediction(names[i], float(mean[i])) for i in order),
            note=self.classifier.familiarity.note_of_many(float(familiar), mean),
            remark=remark,
            strongest=tuple(self._strong(place, order[0]) for place in self._strongest(probabilities[:, order[0]])),
        )

    def _row(self, found: Classification) -> np.ndarray:
        by_label = {p.label: p.probability for p in found.predictions}
        return np.array([by_label[name] for name in self.classifier.class_names])

    def _strongest(self, probabilities: np.ndarray) -> list[int]:
        """The places of the most probable pictures, none close to another, in the order of time. (n,)"""
        chosen: list[int] = []
        for place in np.argsort(-probabilities, kind="stable"):
            time_s = self.moments[place][0].time_s
            weak = probabilities[place] < STRONG * probabilities.max()
            if not weak and all(abs(time_s - self.moments[other][0].time_s) >= APART_S for other in chosen):
                chosen.append(int(place))
        return sorted(chosen[:STRONGEST])

    def _strong(self, place: int, class_index: int) -> Strong:
        moment, found = self.moments[place]
        label = self.classifier.class_names[class_index]
        probability = next(p.probability for p in found.predictions if p.label == label)
        heatmap = self.classifier.heatmap(found, label)
        picture = _jpeg(overlay(moment.photo, heatmap))
        return Strong(moment.time_s, Prediction(label, probability), picture, alt_text(label, heatmap))


def pooled(probabilities: np.ndarray) -> np.ndarray:
    """One answer (k,) of the answers to many pictures (n, k): the mean of their logarithms, as probabilities again."""
    return from_logs(floored_logs(probabilities).mean(axis=0))


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _bound_this_process() -> None:
    """Memory and time that this process can take at all, whatever a clip makes FFmpeg do. Linux and macOS only."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for limit, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
