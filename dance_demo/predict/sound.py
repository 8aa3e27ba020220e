"""A recording is named by all its pieces, and shown by the one that speaks loudest for the answer.

heard = hear(classifier, open_sound("clip.wav"))
heard.answer               the mean of the pieces' probabilities, and whether it is sure
heard.pieces               what each piece says
heard.place                where it listened: 2.1 s, 3 kHz
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dance_demo.data.samples import spread
from dance_demo.data.sound.pictures import SIDE_PX, frequency_of, sound_pictures
from dance_demo.data.sound.pieces import Piece, pieces
from dance_demo.errors import ModelError
from dance_demo.files.sound import Sound, open_sound, wav_bytes
from dance_demo.forms import display_name
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.bundle import read_bundle
from dance_demo.model.classifier import Classification, Classifier, Prediction, ranked
from dance_demo.model.description import percent
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import KINDS

MOST_PIECES = 24  # of a long recording, evenly from its beginning to its end
PHOTO_MODEL = "This model knows photos, not sounds. Train one on recordings first, and choose that."


@dataclass(frozen=True)
class Place:
    """Where a heatmap is hottest: `seconds` from the beginning of the recording, in the `picture` of this kind.

    `hz` is None in a drawing of the waveform, which has no frequencies.
    """

    seconds: float
    hz: float | None
    picture: str

    def __str__(self) -> str:
        pitch = "" if self.hz is None else f", {tone(self.hz)}"
        return f"{self.seconds:.1f} s{pitch}"


@dataclass(frozen=True)
class PieceAnswer:
    """What one piece of a recording, from `start_s` to `end_s`, says."""

    start_s: float
    end_s: float
    top: Prediction
    familiar: bool


@dataclass(frozen=True, eq=False)
class Heard:
    """The answer to a recording. `loudest` is the piece that speaks most for it, with its `pictures` above one another.

    `answer` has the feature map of that piece. `heatmap` (p h, w) is of `label`, `place` where that is hottest.
    """

    answer: Classification
    pieces: tuple[PieceAnswer, ...]
    loudest: Piece
    pictures: Image.Image
    kinds: tuple[str, ...]
    label: str
    heatmap: np.ndarray

    @property
    def place(self) -> Place | None:
        """None if no place speaks for the label."""
        return hottest(self.heatmap, self.kinds, self.loudest)

    @property
    def overlay(self) -> Image.Image:
        """The pictures with the heatmap over them."""
        return overlay(self.pictures, self.heatmap)

    def about(self, classifier: Classifier, label: str) -> "Heard":
        """The same with the heatmap of another class. Raises ModelError if the model does not know it."""
        return replace(self, label=label, heatmap=classifier.heatmap(self.answer, label))

    def describe(self) -> str:
        """The answer in words."""
        first, second = self.answer.predictions[:2]
        if not self.answer.familiar:
            nearest = display_name(first.label)
            return (
                "This does not sound like the recordings that the model learned from. "
                f"The nearest of its classes would be {nearest}."
            )
        if not self.answer.sure:
            return f"Not sure. {self.answer.note} Closest: {_named(first)}, then {_named(second)}."
        place = f" It listened most to {self.place}." if self.place else ""
        return f"{_named(first)}.{place}"

    def to_json(self, top_k: int) -> dict[str, Any]:
        """The answer as plain data, as of a photo, with the pieces and the place."""
        place = self.place
        heard = [
            {"start": piece.start_s, "end": piece.end_s, "label": piece.top.label, "probability": piece.top.probability}
            for piece in self.pieces
        ]
        return self.answer.to_json(top_k) | {
            "pieces": heard,
            "listened_to": {"seconds": place.seconds, "hz": place.hz, "picture": place.picture} if place else None,
        }


@dataclass(frozen=True)
class ShownPicture:
    """A picture of the loudest piece as a file, and with the heatmap over it where the model looked at it."""

    kind: str
    plain: Path
    overlay: Path | None


@dataclass(frozen=True)
class Listened:
    """What a job tells of a recording: the answer as plain data and in words, and files to show and play."""

    answer: dict[str, Any]
    sentence: str
    notes: tuple[str, ...]
    start_s: float
    end_s: float
    audio: Path
    pictures: tuple[ShownPicture, ...]


def listen(directory: Path, stop: Stop, path: Path, model: Path) -> Iterator[Progress | Listened]:
    """The work of a job, because decoders of sound read what strangers send: answer the recording at `path`.

    Raises SoundError, ModelError.
    """
    yield Progress("Listening")
    classifier, sound = load_classifier(model), open_sound(path)
    heard = hear(classifier, sound)
    directory.mkdir(parents=True, exist_ok=True)
    audio = directory / "piece.wav"
    audio.write_bytes(wav_bytes(heard.loudest.samples / max(1.0, float(np.abs(heard.loudest.samples).max()))))
    yield Listened(
        answer=heard.to_json(len(classifier.class_names)),
        sentence=heard.describe(),
        notes=sound.notes,
        start_s=heard.loudest.start_s,
        end_s=heard.loudest.end_s,
        audio=audio,
        pictures=tuple(_shown(heard, kind, directory) for kind in KINDS),
    )


def hear_with_bundle(directory: Path, stop: Stop, path: Path, bundle: Path) -> Iterator[Progress | dict[str, Any]]:
    """The work of a job: answer the recording at `path` by the head in a bundle, as plain data.

    Raises SoundError, ModelError.
    """
    yield Progress("Listening")
    classifier = load_classifier(read_bundle(bundle, directory / "model"))
    yield hear(classifier, open_sound(path)).to_json(len(classifier.class_names))


def _shown(heard: Heard, kind: str, directory: Path) -> ShownPicture:
    plain = directory / f"{kind}.png"
    sound_pictures(heard.loudest.samples, (kind,)).save(plain)
    if kind not in heard.kinds:
        return ShownPicture(kind, plain, None)
    top = heard.kinds.index(kind) * SIDE_PX
    coloured = directory / f"{kind}-heat.png"
    heard.overlay.crop((0, top, SIDE_PX, top + SIDE_PX)).save(coloured)
    return ShownPicture(kind, plain, coloured)


def hear(classifier: Classifier, sound: Sound) -> Heard:
    """Name a recording, by at most `MOST_PIECES` of its pieces. Raises ModelError if the model knows photos only."""
    if classifier.sound is None:
        raise ModelError(PHOTO_MODEL)
    kinds, names = classifier.sound.pictures, classifier.class_names
    found = spread(pieces(sound, classifier.sound.piece_s), MOST_PIECES)
    said, heard = [], []
    for piece in found:  # of a long recording only the numbers are kept
        answer = classifier.classify_picture(_pictures(piece, kinds))
        said.append(answer.probabilities(names))
        heard.append(PieceAnswer(piece.start_s, piece.end_s, answer.top, answer.familiar))
    mean = np.mean(said, axis=0)
    loudest = found[int(np.argmax([one[mean.argmax()] for one in said]))]
    pictures = _pictures(loudest, kinds)
    note = classifier.familiarity.note_of_many(float(np.mean([piece.familiar for piece in heard])), mean)
    answer = Classification(ranked(names, mean), classifier.feature_map(pictures), sure=not note, note=note)
    heatmap = classifier.heatmap(answer, answer.top.label)
    return Heard(answer, tuple(heard), loudest, pictures, kinds, answer.top.label, heatmap)


def hottest(heatmap: np.ndarray, kinds: tuple[str, ...], piece: Piece) -> Place | None:
    """The hottest place of a heatmap (p h, w) over the pictures of these kinds; None if it is cold everywhere."""
    if not heatmap.any():
        return None
    kind, share, hz = _hottest_cell(heatmap, kinds)
    return Place(piece.start_s + share * (piece.end_s - piece.start_s), hz, kind)


def alt_text(label: str, heatmap: np.ndarray, kinds: tuple[str, ...]) -> str:
    """The pictures of a piece of sound with the heatmap over them, in words, for people who hear the page."""
    subject = f"what speaks for {display_name(label)}"
    if not heatmap.any():
        return f"The pictures of sound without colour: the model found nothing in them of {subject}."
    kind, share, hz = _hottest_cell(heatmap, kinds)
    pitch = "" if hz is None else f" at {tone(hz)}"
    third = ("its beginning", "its middle", "its end")[min(2, int(3 * share))]
    place = f"hottest in the {kind} picture{pitch}, near {third}"
    return f"The pictures of sound, coloured where the model found {subject}: {place}."


def _hottest_cell(heatmap: np.ndarray, kinds: tuple[str, ...]) -> tuple[str, float, float | None]:
    """Of a heatmap (p h, w) that is not cold everywhere: the picture, how far through the piece in [0, 1], and Hz."""
    row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    number, row_of_picture = divmod(int(row), heatmap.shape[0] // len(kinds))
    height = 1 - (row_of_picture + 0.5) * len(kinds) / heatmap.shape[0]
    hz = frequency_of(kinds[number], height)
    return kinds[number], (int(column) + 0.5) / heatmap.shape[1], hz if np.isfinite(hz) else None


def tone(hz: float) -> str:
    """Two digits say enough: 3.1 kHz, 440 Hz."""
    return f"{hz / 1000:.1f} kHz" if hz >= 1000 else f"{round(hz, -1):.0f} Hz"


def _pictures(piece: Piece, kinds: tuple[str, ...]) -> Image.Image:
    return sound_pictures(piece.samples, kinds).convert("RGB")


def _named(prediction: Prediction) -> str:
    return f"{display_name(prediction.label)}, {percent(prediction.probability)}"
