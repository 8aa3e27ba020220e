"""Each photo passes the backbone once: its features, and those of changed copies, are kept on disk.

What is kept is found again by everything that it depends on: the photo's pixels, the backbone's file, the view that
was taken, and the version of the code in between. So another picture of the same name, another backbone or another
setting never meets old features, and a second training on the same photos starts at once.

    plain        the photo as the classifier sees it
    mirror       its mirror image
    medium 0     the first changed copy at this strength, ...

Only photos that train are seen in more views than one. Photos are read one at a time, and features are written
into a file that is mapped into memory: how many photos there are does not matter.
"""

import contextlib
import hashlib
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from dance_demo.data.augmentation import augmented
from dance_demo.data.dataset import LabeledPhoto
from dance_demo.files.atomic import write_atomically
from dance_demo.files.npz import read_arrays, write_arrays
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Progress, Stop, never
from dance_demo.model.backbone import Backbone
from dance_demo.model.preprocessing import square, to_input, to_inputs
from dance_demo.training.config import AUGMENTATIONS

CODE_VERSION = 2  # to be raised when photos are read, squashed, changed or pooled in another way
PLAIN, MIRROR = "plain", "mirror"
WORKERS = 2  # one reads a photo while another is in the network
PHOTOS_AHEAD = 64
COPIES = 2  # changed copies of each photo that trains, beside its mirror image
MAX_CACHE_BYTES = 1_000_000_000


def views_of(augmentation: str, copies: int = COPIES) -> tuple[str, ...]:
    """The views of a photo that trains; the first one is how it is served."""
    if augmentation == "off":
        return (PLAIN,)
    return (PLAIN, MIRROR, *(f"{augmentation} {number}" for number in range(copies)))


def embed(
    photos: Sequence[LabeledPhoto],
    training: Collection[int],
    *,
    backbone: Backbone,
    cache: Path,
    views: Sequence[str],
    scratch: Path,
    pictures: int = 1,
    title: str = "Looking at the photos",
    stop: Stop = never,
) -> Generator[Progress, None, np.ndarray | None]:
    """Return the pooled features (n, views, c) of all photos, mapped from the file `scratch`; None if it was stopped.

    Where each photo is so many `pictures` above one another (of sound), c is of all of them, in turn.

    The first view is taken of every photo, the others only of those that train (indices `training`); where none was
    taken, there are zeros. Raises `PhotoError` if a photo cannot be read any more.
    """
    store = FeatureStore(cache, backbone, pictures)
    store.prune()
    training, shape = frozenset(training), (len(views), store.channels)

    def vectors(index: int) -> np.ndarray:
        return store.features(photos[index], views if index in training else views[:1])

    with array_file(scratch, (len(photos), *shape)) as file, _pool() as pool:
        for start in range(0, len(photos), PHOTOS_AHEAD):
            indices = range(start, min(start + PHOTOS_AHEAD, len(photos)))
            for index, found in zip(indices, pool.map(vectors, indices), strict=True):
                padding = np.zeros((shape[0] - len(found), shape[1]), np.float32)
                file.write(np.concatenate([found, padding]).tobytes())
                yield Progress(title, index + 1, len(photos))
                if stop():
                    return None
    features: np.ndarray = np.load(scratch, mmap_mode="r", allow_pickle=False)
    return features


@contextlib.contextmanager
def scratch_file(directory: Path, name: str = "features") -> Iterator[Path]:
    """A file for the features of one training, removed at its end."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.npy"
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def array_file(path: Path, shape: tuple[int, ...], dtype: str = "<f4") -> Iterator[BinaryIO]:
    """A new .npy file of numbers, to be filled from the start.

    Not mapped while it is written: a full disk would then be a signal that kills, and not an error.
    """
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
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
    pictures: int = 1  # above one another in each photo

    @property
    def channels(self) -> int:
        """Of all pictures of a photo."""
        return self.pictures * self.backbone.channels

    def features(self, photo: LabeledPhoto, views: Sequence[str]) -> np.ndarray:
        """Pooled features (views, c) of a photo; it is only opened if some of them are not kept yet."""
        opened = PhotoViews(photo, self.backbone.input_side_px, self.pictures)
        kept = ((view, self._kept(photo, view)) for view in views)
        return np.stack([self._made(photo, view, opened) if vector is None else vector for view, vector in kept])

    def _kept(self, photo: LabeledPhoto, view: str) -> np.ndarray | None:
        """Damaged files count as not there."""
        try:
            (vector,) = read_arrays(self._path(photo, view).read_bytes(), ("features",))
        except (OSError, ValueError):
            return None
        return vector if vector.shape == (self.channels,) and vector.dtype == np.float32 else None

    def _made(self, photo: LabeledPhoto, view: str, opened: "PhotoViews") -> np.ndarray:
        feature_maps = self.backbone.feature_maps(opened.inputs(view))
        vector: np.ndarray = feature_maps.mean(axis=(1, 2), dtype=np.float32).ravel()
        path = self._path(photo, view)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write_arrays({"features": vector}))
        return vector

    def _path(self, photo: LabeledPhoto, view: str) -> Path:
        settings = AUGMENTATIONS.get(view.partition(" ")[0])
        parts: tuple[object, ...] = (CODE_VERSION, photo.pixel_sha256, self.backbone.sha256, view, settings)
        if self.pictures > 1:
            parts += (self.pictures,)
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
class PhotoViews:
    """The views of one photo as network inputs in [-1, 1]. The photo is opened when the first is taken."""

    photo: LabeledPhoto
    side_px: int
    pictures: int = 1

    def inputs(self, view: str) -> np.ndarray:
        """(pictures, S, S, 3). Pictures of sound have the plain view alone: a mirror image plays backwards."""
        if self.pictures > 1:
            return to_inputs(self._opened, self.side_px, self.pictures)
        return self.pixels(view)[None]

    def pixels(self, view: str) -> np.ndarray:
        if view == PLAIN:
            return self._plain
        if view == MIRROR:
            return self._plain[:, ::-1]
        strength, number = view.split(" ")
        if (augmentation := AUGMENTATIONS[strength]) is None:
            return self._plain
        # Its own pixels seed a copy, so that it does not depend on which other photos there are.
        generator = np.random.default_rng([int(self.photo.pixel_sha256[:16], 16), int(number)])
        return augmented(self._square, augmentation, self.side_px, generator)

    @cached_property
    def _opened(self) -> Image.Image:
        return open_photo(self.photo.path, name=self.photo.name)

    @cached_property
    def _plain(self) -> np.ndarray:
        return to_input(self._opened, self.side_px)

    @cached_property
    def _square(self) -> np.ndarray:
        return np.asarray(square(self._opened))
