"""Each photo passes the backbone once: its features, and those of changed copies, are kept on disk.

What is kept is found again by everything that it depends on: the photo's pixels, the backbone's file, the look that
was taken, and the version of the code in between. So another picture of the same name, another backbone or another
setting never meets old features, and a second training on the same photos starts at once.

    plain        the photo as the classifier sees it
    mirror       its mirror image
    medium 0     the first changed copy at this strength, ...

Only photos that train are looked at in more ways than one. Photos are read one at a time, and features are written
into a file that is mapped into memory: how many photos there are does not matter.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from dance_demo.arrays import read_arrays, write_arrays
from dance_demo.augment import augmented
from dance_demo.backbone import Backbone
from dance_demo.dataset import LabeledPhoto
from dance_demo.photos import open_photo, square, to_input
from dance_demo.training_config import AUGMENTATIONS

CODE_VERSION = 2  # to be raised when photos are read, squashed, changed or pooled in another way
PLAIN, MIRROR = "plain", "mirror"
WORKERS = 2  # one reads a photo while another is in the network
PHOTOS_AHEAD = 64
MAX_CACHE_BYTES = 1_000_000_000


def looks_of(augmentation: str, copies: int) -> tuple[str, ...]:
    """The ways in which a photo is looked at that trains; the first one is how it is served."""
    if augmentation == "off":
        return (PLAIN,)
    return (PLAIN, MIRROR, *(f"{augmentation} {number}" for number in range(copies)))


def embed(
    photos: Sequence[LabeledPhoto],
    training: Collection[int],
    *,
    backbone: Backbone,
    cache: Path,
    looks: Sequence[str],
    scratch: Path,
) -> Iterator[int]:
    """Yield how many photos are done; return their pooled features (n, looks, c), mapped from the file `scratch`.

    The first look is taken at every photo, the others only at those that train (places `training`); where no look
    was taken, there are zeros. Raises `PhotoError` if a photo cannot be read any more.
    """
    store = FeatureStore(cache, backbone)
    store.prune()
    training, shape = frozenset(training), (len(looks), backbone.channels)

    def vectors(place: int) -> np.ndarray:
        return store.features(photos[place], looks if place in training else looks[:1])

    with _array_file(scratch, (len(photos), *shape)) as file, _pool() as pool:
        for start in range(0, len(photos), PHOTOS_AHEAD):
            places = range(start, min(start + PHOTOS_AHEAD, len(photos)))
            for place, found in zip(places, pool.map(vectors, places), strict=True):
                padding = np.zeros((shape[0] - len(found), shape[1]), np.float32)
                file.write(np.concatenate([found, padding]).tobytes())
                yield place + 1
    return np.load(scratch, mmap_mode="r", allow_pickle=False)


@contextlib.contextmanager
def _array_file(path: Path, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """A new .npy file of float32, to be filled from the start.

    Not mapped while it is written: a full disk would then be a signal that kills, and not an error.
    """
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        yield file


@contextlib.contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Workers that drop what they have not begun when nobody wants it any more."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class FeatureStore:
    """The features that are kept in `folder`, of one backbone. Processes may share a folder."""

    folder: Path
    backbone: Backbone

    def features(self, photo: LabeledPhoto, looks: Sequence[str]) -> np.ndarray:
        """Pooled features (looks, c) of a photo; it is only opened if some of them are not kept yet."""
        kept = [self._kept(photo, look) for look in looks]
        if any(vector is None for vector in kept):
            views = _Views(photo, self.backbone.input_side_px)
            found = zip(looks, kept, strict=True)
            kept = [self._made(photo, look, views) if vector is None else vector for look, vector in found]
        return np.stack(kept)

    def _kept(self, photo: LabeledPhoto, look: str) -> np.ndarray | None:
        """Damaged files count as not there."""
        try:
            (vector,) = read_arrays(self._path(photo, look).read_bytes(), ("features",))
        except (OSError, ValueError):
            return None
        return vector if vector.shape == (self.backbone.channels,) and vector.dtype == np.float32 else None

    def _made(self, photo: LabeledPhoto, look: str, views: "_Views") -> np.ndarray:
        feature_map = self.backbone.feature_maps(views.view(look)[None])
        vector = feature_map.mean(axis=(1, 2), dtype=np.float32)[0]
        _write(self._path(photo, look), write_arrays({"features": vector}))
        return vector

    def _path(self, photo: LabeledPhoto, look: str) -> Path:
        settings = AUGMENTATIONS.get(look.partition(" ")[0])
        parts = (CODE_VERSION, photo.pixel_sha256, self.backbone.sha256, look, settings)
        key = hashlib.sha256(repr(parts).encode()).hexdigest()
        return self.folder / "features" / key[:2] / f"{key[2:]}.npz"

    def prune(self) -> None:
        """Remove the oldest features when there are too many of them, drafts of killed processes among them."""
        files = []
        for path in self.folder.glob("features/*/*"):
            with contextlib.suppress(OSError):  # another process removed it
                about = path.stat()
                files.append((about.st_mtime, about.st_size, path))
        excess = sum(size for _, size, _ in files) - MAX_CACHE_BYTES
        for _, size, path in sorted(files):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size


@dataclass(frozen=True)
class _Views:
    """The looks at one photo as network inputs (S, S, 3) in [-1, 1]. The photo is opened when the first is taken."""

    photo: LabeledPhoto
    side_px: int

    def view(self, look: str) -> np.ndarray:
        if look == PLAIN:
            return self._plain
        if look == MIRROR:
            return self._plain[:, ::-1]
        strength, number = look.split(" ")
        # Its own pixels seed a copy, so that it does not depend on which other photos there are.
        generator = np.random.default_rng([int(self.photo.pixel_sha256[:16], 16), int(number)])
        return augmented(self._square, AUGMENTATIONS[strength], self.side_px, generator)

    @cached_property
    def _opened(self) -> Image.Image:
        return open_photo(self.photo.path, name=self.photo.name)

    @cached_property
    def _plain(self) -> np.ndarray:
        return to_input(self._opened, self.side_px)

    @cached_property
    def _square(self) -> np.ndarray:
        return np.asarray(square(self._opened))


def _write(path: Path, data: bytes) -> None:
    """The whole file or nothing. It can be made again, so it is not flushed to the disk; a torn one is told apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
