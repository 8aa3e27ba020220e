"""Names the dance in a short clip: each sampled frame is answered, the answers are pooled, key frames are shown.

Pooled is the mean of the log-probabilities (a logarithmic opinion pool, Genest & Zidek 1986, with the floor of
`smoothing`): of 32 made-up clips, drawn dancers under a bad camera, it named 29 right, the mean of the probabilities
28, and a single frame 72 %. There is no network over time: the forms are told apart by what one frame shows, and
nobody has labelled clips that such a network could learn from or be judged on.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from dance_demo.data.fingerprint import difference_hash
from dance_demo.errors import VideoError
from dance_demo.files.clip import Clip, Frame
from dance_demo.files.jpeg import jpeg
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.classifier import Classification, Classifier, Prediction, ranked
from dance_demo.model.description import alt_text
from dance_demo.model.familiarity import UNFAMILIAR
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.predict.photos import ClassifierSpec
from dance_demo.predict.smoothing import floored_logs, from_logs

KEY_FRAMES = 6  # at most
KEY_FRAME_SHARE = 0.5  # at least, of the probability of the best
KEY_FRAMES_APART_S = 1.0
DIFFERENT_BITS = 5  # of 64, between the difference hashes of two key frames: else they look the same
OCCURS_S = 1.0  # a class that is the answer for so long in a row occurs in the clip
MEMORY_BYTES = 3 << 30  # of addresses, which are more than what is really held
CPU_S = 120
LOOKING = "Looking at the clip, second"


@dataclass(frozen=True)
class KeyFrame:
    """A frame that speaks for a class: when, for which and how much, with the heatmap over it, and that in words."""

    time_s: float
    prediction: Prediction
    overlay_jpeg: bytes
    alt_text: str


@dataclass(frozen=True, eq=False)
class ClipAnswer:
    """The answer to a clip.

    `times_s` (n,) and `probabilities` (n, k) are those of the sampled frames, classes in the order of `class_names`.
    `predictions` is the pooled answer, the most probable first; `note` says why it is not sure ("" if it is), `remark`
    why not the whole clip was used. `key_frames`, in the order of time, look different from one another: one of each
    class that occurs, and more of the pooled answer.
    """

    class_names: tuple[str, ...]
    times_s: np.ndarray
    probabilities: np.ndarray
    predictions: tuple[Prediction, ...]
    note: str
    remark: str
    key_frames: tuple[KeyFrame, ...]

    @property
    def top(self) -> Prediction:
        return self.predictions[0]

    @property
    def familiar(self) -> bool:
        """False if most frames are unlike the photos of the training, so that the probabilities mean little."""
        return self.note != UNFAMILIAR


def classify_clip(
    directory: Path, stop: Stop, path: Path, spec: ClassifierSpec | None = None
) -> Iterator[Progress | ClipAnswer]:
    """The work of a job: answer a clip, by the model that ships if no other. Raises VideoError, ModelError."""
    _limit_resources()
    try:
        with Clip(path) as clip:
            seconds = round(clip.length_s or 0)
            yield Progress(LOOKING, 0, seconds)
            samples = _Samples(spec.classifier() if spec else load_classifier())
            for frame in clip.frames():
                if stop():
                    break
                samples.add(frame)
                yield Progress(LOOKING, min(round(frame.time_s), seconds), seconds)
            if samples.frames:  # also after Stop: what was seen until then
                yield samples.answer("Stopped before its end." if stop() else clip.remark)
    except MemoryError:
        raise VideoError("The clip needs more memory than this server gives. Make it shorter or smaller.") from None


class _Samples:
    """The frames that were sampled so far, each with its answer."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.frames: list[tuple[Frame, Classification]] = []

    def add(self, frame: Frame) -> None:
        self.frames.append((frame, self.classifier.classify(frame.photo)))

    def answer(self, remark: str) -> ClipAnswer:
        names = self.classifier.class_names
        probabilities = np.stack([found.probabilities(names) for _, found in self.frames])
        mean = pooled(probabilities)
        familiar = np.mean([found.familiar for _, found in self.frames])
        top = ranked(names, mean)[0].label
        return ClipAnswer(
            class_names=names,
            times_s=np.array([frame.time_s for frame, _ in self.frames]),
            probabilities=probabilities,
            predictions=ranked(names, mean),
            note=self.classifier.familiarity.note_of_many(float(familiar), mean),
            remark=remark,
            key_frames=tuple(
                self._key_frame(index, Prediction(names[column], float(probabilities[index, column])))
                for index, column in sorted(self._strongest(probabilities, names.index(top)).items())
            ),
        )

    def _strongest(self, probabilities: np.ndarray, top: int) -> dict[int, int]:
        """Which frames speak most for a class (n, k): frame -> class. `top` is the class of the pooled answer."""
        best = probabilities.argmax(axis=1)
        occurring = sorted(set(self._occurring(best)) - {top}, key=lambda column: -probabilities[:, column].max())
        chosen: dict[int, int] = {}
        for column in (top, *occurring[: KEY_FRAMES - 1]):
            own = np.where(best == column, probabilities[:, column], -1.0)  # not a frame that shows another class
            chosen[int((own if own.max() >= 0 else probabilities[:, column]).argmax())] = column
        of_top = probabilities[:, top]
        for index in np.argsort(-of_top, kind="stable").tolist():
            strong = of_top[index] >= KEY_FRAME_SHARE * of_top.max() and best[index] == top
            if strong and len(chosen) < KEY_FRAMES and all(self._differ(index, other) for other in chosen):
                chosen[index] = top
        return chosen

    def _occurring(self, best: np.ndarray) -> Iterator[int]:
        """The classes that are the answer (n,) of frames in a row, for long enough."""
        for column, run in groupby(range(len(best)), key=lambda index: int(best[index])):
            indices = list(run)
            if self.frames[indices[-1]][0].time_s - self.frames[indices[0]][0].time_s >= OCCURS_S:
                yield column

    def _differ(self, index: int, other: int) -> bool:
        """Whether two frames are some time apart, and look different."""
        one, two = self.frames[index][0], self.frames[other][0]
        bits = difference_hash(one.photo) ^ difference_hash(two.photo)
        return abs(one.time_s - two.time_s) >= KEY_FRAMES_APART_S and bits.bit_count() >= DIFFERENT_BITS

    def _key_frame(self, index: int, prediction: Prediction) -> KeyFrame:
        frame, found = self.frames[index]
        heatmap = self.classifier.heatmap(found, prediction.label)
        picture = jpeg(overlay(frame.photo, heatmap), 85)
        return KeyFrame(frame.time_s, prediction, picture, alt_text(prediction.label, heatmap))


def pooled(probabilities: np.ndarray) -> np.ndarray:
    """One answer (k,) of the answers to many frames (n, k): the mean of their logarithms, as probabilities again."""
    return from_logs(floored_logs(probabilities).mean(axis=0))


def _limit_resources() -> None:
    """Set resource limits of this process, whatever a clip makes FFmpeg do; enforced on Linux and macOS only."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for limit, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
