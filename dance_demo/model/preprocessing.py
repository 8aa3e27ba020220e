"""Makes of a photo what the network takes in: the same way in training and when naming, or the answers suffer.

How a model that listens makes pictures of sound is settled here as well: which pictures, and of how many seconds each.
The pictures of one piece of sound stand above one another in one picture of 256 x (256 * p) pixels. The backbone looks
at each of them by itself, their feature maps stand above one another in the same way, and the head reads the averages
of all: late fusion with a joint head. A head knows how many pictures it reads by its number of channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from dance_demo.errors import ModelError

SQUARE_SIDE_PX = 288  # training cuts its crops from such squares

# Of sound.
SPECTROGRAM, MEL, WAVELET, WAVEFORM = KINDS = ("spectrogram", "mel", "wavelet", "waveform")
TITLES: Mapping[str, str] = MappingProxyType(
    {
        SPECTROGRAM: "Spectrogram (short-time Fourier transform)",
        MEL: "Mel spectrogram",
        WAVELET: "Scalogram (Morlet wavelet)",
        WAVEFORM: "Drawing of the waveform",
    }
)
SOUND_NOUN = "pieces of sound"  # what is counted, where photos are counted otherwise
BOTH = "both"
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {SPECTROGRAM: (SPECTROGRAM,), MEL: (MEL,), WAVELET: (WAVELET,), BOTH: (SPECTROGRAM, WAVELET)}
)
SECONDS = (0.5, 30.0)  # of a piece: the least and the most


def to_input(photo: Image.Image, side_px: int = 224) -> np.ndarray:
    """What the network takes in, when training and when naming: (side_px, side_px, 3) float32 in [-1, 1]."""
    if photo.mode != "RGB":
        raise ValueError(f"Expected an RGB photo as open_photo returns it. Received mode {photo.mode!r}.")
    small = square(photo).resize((side_px, side_px), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, np.float32)  # [0, 255]
    return pixels / 127.5 - 1


def to_inputs(photo: Image.Image, side_px: int, pictures: int) -> np.ndarray:
    """So many pictures that stand above one another, each as `to_input` has it: (pictures, side_px, side_px, 3)."""
    if pictures == 1:
        return to_input(photo, side_px)[None]
    height = photo.height // pictures
    each = (photo.crop((0, top, photo.width, top + height)) for top in range(0, height * pictures, height))
    return np.stack([to_input(picture, side_px) for picture in each])


def square(photo: Image.Image) -> Image.Image:
    """The photo as training cuts its crops from it: squashed, not cropped, because feet and head count.

    Naming goes the same way. Straight to the size of the input pictures are sharper than those in training, and of
    219 held-out photos 192 were named right instead of 196.
    """
    size = (SQUARE_SIDE_PX, SQUARE_SIDE_PX)
    return photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.5)  # large ones in two steps, in half the time


@dataclass(frozen=True)
class SoundSettings:
    """`pictures` are one to four of `KINDS`, from top to bottom; a recording is heard in pieces of `piece_s` seconds.

    Raises ModelError, with the value received, for others.
    """

    pictures: tuple[str, ...] = CHOICES[BOTH]
    piece_s: float = 5.0

    def __post_init__(self) -> None:
        pictures = self.pictures
        if not isinstance(pictures, tuple) or not 1 <= len(pictures) <= len(KINDS) or not set(pictures) <= set(KINDS):
            raise ModelError(f"Pictures of sound must be among {', '.join(KINDS)}. Received: {pictures!r:.80}.")
        number, (least, most) = self.piece_s, SECONDS
        if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
            raise ModelError(f"A piece of sound must have {least:g} to {most:g} seconds. Received: {number!r:.80}.")

    @classmethod
    def of_card(cls, values: Any) -> "SoundSettings | None":
        """What `to_card` wrote, by whomever; None for a model of photos. Raises ModelError for anything else."""
        if values == {}:
            return None
        if not isinstance(values, dict) or set(values) != {"pictures", "piece_s"}:
            raise ModelError("What a card says on sound must be its pictures and piece_s.")
        if not isinstance(values["pictures"], list):
            raise ModelError("The pictures of sound must be a list.")
        return cls(tuple(map(str, values["pictures"])), values["piece_s"])

    def to_card(self) -> dict[str, Any]:
        return {"pictures": list(self.pictures), "piece_s": self.piece_s}

    @property
    def title(self) -> str:
        """The pictures in words, for people."""
        return " and ".join(TITLES[kind][0].lower() + TITLES[kind][1:] for kind in self.pictures)
