"""Knows which photos the bundled model was trained on: a score on those says what it remembers, not what it can do.

Of each photo two hashes ship with the model, in `seen_photos.npz`, and no picture: that of its pixels, which finds the
very same photo, and a difference hash, which finds it resized, saved anew or brightened as well.

Measured on 2,726 photos of dances, clothes and flowers with the limit below: three pairs are called copies and are
none, all of single figures before one colour. Found again of 437 dance photos: saved as JPEG of quality 80 99.8 %, of
quality 30 90 %, at half the size 97 %, a third 92 %, 20 % brighter 93 %. Crops and mirror images mostly are not.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.data.fingerprint import difference_hash, pixel_sha256
from dance_demo.errors import ModelError
from dance_demo.files.npz import read_arrays, write_arrays
from dance_demo.model.backbone import DANCE, GENERAL
from dance_demo.model.directory import BUNDLED, CARD, ModelCard, resolve

HASHES_FILE = "seen_photos.npz"
MAX_DISTANCE = 3  # bits in which the difference hashes of two copies may differ
_ARRAYS = ("pixel_sha256", "difference_hash")
_FEWEST_BITS = 8
_BLOCK = 512  # photos compared with all others at a time: keeps memory small


@dataclass(frozen=True, eq=False)
class PhotoHashes:
    """By what n photos are known again: `pixel_sha256` uint8 (n, 32) and `difference_hash` uint8 (n, 8)."""

    pixel_sha256: np.ndarray
    difference_hash: np.ndarray

    @classmethod
    def of(cls, photos: Sequence[LabeledPhoto]) -> "PhotoHashes":
        return cls._of([(photo.pixel_sha256, photo.difference_hash) for photo in photos])

    @classmethod
    def of_pictures(cls, pictures: Sequence[Image.Image]) -> "PhotoHashes":
        return cls._of([(pixel_sha256(picture), difference_hash(picture)) for picture in pictures])

    @classmethod
    def _of(cls, hashes: Sequence[tuple[str, int]]) -> "PhotoHashes":
        pixels = b"".join(bytes.fromhex(pixel) for pixel, _ in hashes)
        differences = b"".join(difference.to_bytes(8, "big") for _, difference in hashes)
        return cls(np.frombuffer(pixels, np.uint8).reshape(-1, 32), np.frombuffer(differences, np.uint8).reshape(-1, 8))

    def __len__(self) -> int:
        return len(self.pixel_sha256)

    def joined(self, others: "PhotoHashes | None") -> "PhotoHashes":
        """These and those of the others that are not among them."""
        if others is None:
            return self
        new = ~np.isin(_as_rows(others.pixel_sha256), _as_rows(self.pixel_sha256))
        return PhotoHashes(
            np.concatenate([self.pixel_sha256, others.pixel_sha256[new]]),
            np.concatenate([self.difference_hash, others.difference_hash[new]]),
        )

    def known_from(self, others: "PhotoHashes") -> np.ndarray:
        """Which of these photos are among the others, as they are or as copies: (n,) bool."""
        found = np.isin(_as_rows(self.pixel_sha256), _as_rows(others.pixel_sha256))
        own, targets = _as_numbers(self.difference_hash), _telling(_as_numbers(others.difference_hash))
        for start in range(0, len(self) if len(targets) else 0, _BLOCK):
            distances = np.bitwise_count(own[start : start + _BLOCK, None] ^ targets)
            found[start : start + _BLOCK] |= distances.min(axis=1) <= MAX_DISTANCE
        return found

    def to_npz_bytes(self) -> bytes:
        return write_arrays({name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def from_npz_bytes(cls, data: bytes) -> "PhotoHashes":
        """What `to_npz_bytes` wrote; raises `ModelError` for anything else."""
        try:
            pixels, differences = read_arrays(data, _ARRAYS)
        except ValueError as error:
            raise ModelError(f"This is not a list of photos from this app ({error}).") from error
        shapes = (pixels.shape, differences.shape)
        if {pixels.dtype, differences.dtype} != {np.dtype(np.uint8)} or shapes != ((len(pixels), 32), (len(pixels), 8)):
            raise ModelError(f"This is not a list of photos from this app (its parts do not fit: {shapes}).")
        return cls(pixels, differences)


def overlapping_indices(dataset: PhotoDataset, *, model: str | Path | None = None) -> tuple[int, ...]:
    """Indices of the photos that the model was trained on; by default it is the one that answers in the app.

    Empty for a model that does not say. Raises `ModelError` if its list is damaged.
    """
    trained = None if dataset.sound else training_hashes(model)  # nothing has been trained on pictures of sound
    if trained is None:
        return ()
    return tuple(np.flatnonzero(PhotoHashes.of(dataset.photos).known_from(trained)).tolist())


def count_overlap(dataset: PhotoDataset, indices: Iterable[int], backbone: str) -> int:
    """How many of the photos at these indices have trained this backbone, one of `BACKBONES`.

    The general one is made of the dance backbone that ships, and has seen its photos, too.
    """
    if backbone not in (DANCE, GENERAL):
        return 0
    model = BUNDLED if backbone == GENERAL else None
    return len(set(overlapping_indices(dataset, model=model)) & set(indices))


def training_hashes(model: str | Path | None = None) -> PhotoHashes | None:
    """The photos that a model was trained on; None if it does not say."""
    directory = resolve(model)
    if not (directory / CARD).exists() or HASHES_FILE not in (files := ModelCard.read(directory).files):
        return None
    try:
        data = (directory / HASHES_FILE).read_bytes()
    except OSError as error:
        raise ModelError(f"{HASHES_FILE} in {directory.name} cannot be read. Install the weights again.") from error
    if hashlib.sha256(data).hexdigest() != files[HASHES_FILE]:
        raise ModelError(f"{HASHES_FILE} in {directory.name} is incomplete or was changed. Install the weights again.")
    return PhotoHashes.from_npz_bytes(data)


def _telling(hashes: np.ndarray) -> np.ndarray:
    """Those that say something about their photo: the hashes of blank ones are nearly all zeros or all ones."""
    return np.compress(telling_hashes(hashes), hashes)


def telling_hashes(hashes: np.ndarray) -> np.ndarray:
    """Which of these difference hashes, uint64 (n,), tell one photo from another: (n,) bool."""
    bits = np.bitwise_count(hashes)
    telling: np.ndarray = (bits >= _FEWEST_BITS) & (bits <= 64 - _FEWEST_BITS)
    return telling


def _as_numbers(hashes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(hashes).view(np.uint64).ravel()


def _as_rows(hashes: np.ndarray) -> np.ndarray:
    """One value per row, so that rows can be compared as a whole."""
    return np.ascontiguousarray(hashes).view(np.dtype((np.void, 32))).ravel()
