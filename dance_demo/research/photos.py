"""The photos that a backbone is fine-tuned on: checked, decoded once, squashed to small squares, kept on disk."""

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.duplicates import near_duplicate_groups
from dance_demo.data.fingerprint import fingerprint
from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.data.splits import folds as grouped_folds
from dance_demo.data.training_overlap import PhotoHashes
from dance_demo.errors import DatasetError
from dance_demo.files.atomic import write_atomically
from dance_demo.files.photo import open_photo
from dance_demo.model.preprocessing import SQUARE_SIDE_PX, square
from dance_demo.research.crops import CropFinder
from dance_demo.research.relabelling import read_decisions, relabelled

FORMAT = 3  # of the kept photos
NO_FOLD = -1  # the fold of a photo that only ever trains


@dataclass(frozen=True, eq=False)
class TrainingPhotos:
    """Decoded photos, ready to be cut and recoloured.

    `squares` is uint8 (n, S, S, 3), `classes` int (n,), `folds` int (n,) with `NO_FOLD` for photos that only
    train, `groups` int (n,): photos with the same number are copies of one another. By
    `pixel_sha256` uint8 (n, 32) and `difference_hash` uint8 (n, 8) they are known again; made-up ones may have none.
    """

    squares: np.ndarray
    classes: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]
    pixel_sha256: np.ndarray = field(default_factory=lambda: np.empty((0, 32), np.uint8))
    difference_hash: np.ndarray = field(default_factory=lambda: np.empty((0, 8), np.uint8))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def sha256(self) -> str:
        """Hash of everything that a training sees."""
        parts = (self.squares, self.classes.astype("<i8"), self.folds.astype("<i8"), np.array(self.class_names))
        digest = hashlib.sha256()
        for part in parts:
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    @property
    def hashes(self) -> PhotoHashes:
        return PhotoHashes(self.pixel_sha256, self.difference_hash)

    @property
    def fold_numbers(self) -> list[int]:
        return sorted(set(self.folds[self.folds != NO_FOLD].tolist()))

    def training_indices(self, fold: int) -> np.ndarray:
        return np.flatnonzero(self.folds != fold)

    def held_out_indices(self, fold: int) -> np.ndarray:
        return np.flatnonzero(self.folds == fold)

    def chosen(self, which: np.ndarray) -> "TrainingPhotos":
        """Those of a mask or of indices."""
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, **{name: value[which] for name, value in arrays.items() if len(value) == len(self)})

    def one_hot(self, indices: np.ndarray) -> np.ndarray:
        """The classes of some photos, (m, k) float32."""
        one_hot: np.ndarray = np.eye(len(self.class_names), dtype=np.float32)[self.classes[indices]]
        return one_hot

    def with_held_out(self, others: "TrainingPhotos") -> "TrainingPhotos":
        """These as photos that only train, and others in their folds to measure on. Both have the same classes."""
        if others.class_names != self.class_names:
            raise DatasetError(f"The photos to measure on must have the classes {', '.join(self.class_names)}.")
        return TrainingPhotos(
            np.concatenate([self.squares, others.squares]),
            np.concatenate([self.classes, others.classes]),
            np.concatenate([np.full(len(self), NO_FOLD), others.folds]),
            np.concatenate([self.groups, others.groups + self.groups.max() + 1]),
            self.class_names,
            np.concatenate([self.pixel_sha256, others.pixel_sha256]),
            np.concatenate([self.difference_hash, others.difference_hash]),
        )

    def with_drawings(self, per_class: int) -> "TrainingPhotos":
        """Add drawn dancers of each form that this data knows; they only train."""
        drawn = [(self.class_names.index(form), drawing) for form, drawing in drawings(self.class_names, per_class)]
        if not drawn:
            return self
        added = np.arange(len(drawn))
        hashes = PhotoHashes.of_pictures([picture for _, picture in drawn])
        return TrainingPhotos(
            np.concatenate([self.squares, np.stack([np.asarray(square(picture)) for _, picture in drawn])]),
            np.concatenate([self.classes, [index for index, _ in drawn]]),
            np.concatenate([self.folds, np.full_like(added, NO_FOLD)]),
            np.concatenate([self.groups, added + self.groups.max() + 1]),
            self.class_names,
            np.concatenate([self.pixel_sha256, hashes.pixel_sha256]),
            np.concatenate([self.difference_hash, hashes.difference_hash]),
        )


def drawings(class_names: Sequence[str], per_class: int) -> list[tuple[str, Image.Image]]:
    """The drawn dancers that train, with their class: of each form among the classes."""
    return [(name, draw(name, seed)) for name in class_names if name in FORM_NAMES for seed in range(per_class)]


def load_training_photos(
    sources: Sequence[Path],
    *,
    folds_file: Path | None = None,
    relabelling: Path | None = None,
    cache: Path,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> TrainingPhotos:
    """Read labelled photos from folders or zips. The first source is the one that is measured on.

    Its folds come from `folds_file` (CSV: Image, target, fold) or are made here, by groups of near-duplicates.
    Photos of the other sources only train, and a copy or crop of a measured photo among them is left out. Their wrong
    labels are mended by the list `relabelling` (see there); photos that measure are never touched by it.
    """
    parts = (FORMAT, [*map(_stamp, sources)], _stamp(folds_file), _stamp(relabelling), seed)
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    kept = cache / f"photos-{key}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        measured, *extra = [open_dataset(source, workspace=cache, follow_links=True)[0] for source in sources]
        decisions = read_decisions(relabelling) if relabelling else {}
        datasets = [measured, *(relabelled(dataset, decisions) for dataset in extra)]
        photos, buffer = _decoded(datasets, folds_file, seed, log), io.BytesIO()
        np.savez(buffer, **{**vars(photos), "class_names": np.array(photos.class_names)})
        write_atomically(kept, buffer.getvalue())
    with np.load(kept) as arrays:
        names = tuple(arrays["class_names"].tolist())
        return TrainingPhotos(**{**arrays, "class_names": names})


def load_held_out_photos(
    source: Path,
    trained: Sequence[Path],
    *,
    seen: PhotoHashes | None = None,
    cache: Path,
    log: Callable[[str], None] = print,
) -> TrainingPhotos:
    """Labelled photos to measure a network on that has learned from the sources `trained` and from photos `seen`.

    Copies and crops of those are left out. All others are in one fold, number 0. Raises DatasetError if none is left.
    """
    photos = load_training_photos([source], cache=cache, log=log)
    measured, *others = [open_dataset(one, workspace=cache, follow_links=True)[0] for one in (source, *trained)]
    known = np.zeros(len(photos), bool)
    for hashes in (seen, *(PhotoHashes.of(dataset.photos) for dataset in others)):
        known |= False if hashes is None else photos.hashes.known_from(hashes)
    finder = CropFinder(open_photo(photo.path) for dataset in others for photo in dataset.photos)
    for index in tqdm(np.flatnonzero(~known), unit="photo", disable=None):
        known[index] = finder.source(open_photo(measured.photos[index].path)) is not None
    if known.all():
        raise DatasetError(f"{source.name}: all {known.size} photos are copies or crops of photos that trained.")
    log(f"{(~known).sum()} photos are held out; {known.sum()} more are copies or crops of photos that trained")
    return replace(photos.chosen(~known), folds=np.zeros((~known).sum(), int))


def _decoded(
    datasets: Sequence[PhotoDataset], folds_file: Path | None, seed: int, log: Callable[[str], None]
) -> TrainingPhotos:
    primary = datasets[0]
    unknown = {label for dataset in datasets for label in dataset.class_names} - set(primary.class_names)
    if unknown:
        raise DatasetError(f"The first source has no class {', '.join(sorted(unknown))}, but another one has.")
    labeled = [photo for dataset in datasets for photo in dataset.photos]
    folds = np.full(len(labeled), NO_FOLD)
    folds[: len(primary.photos)] = _folds(primary, folds_file, seed)
    squares = np.empty((len(labeled), SQUARE_SIDE_PX, SQUARE_SIDE_PX, 3), np.uint8)
    finder = CropFinder(open_photo(photo.path) for photo in primary.photos)
    prints, crops = [], np.zeros(len(labeled), bool)
    for index, photo in enumerate(tqdm(labeled, unit="photo", disable=None)):
        picture = open_photo(photo.path)
        prints.append(fingerprint(picture))
        squares[index] = np.asarray(square(picture))
        crops[index] = folds[index] == NO_FOLD and finder.source(picture) is not None
    groups = np.asarray(near_duplicate_groups(prints))
    copies = (folds == NO_FOLD) & np.isin(groups, groups[folds != NO_FOLD]) | crops
    classes = np.array([primary.class_names.index(photo.label) for photo in labeled])
    log(f"{len(labeled)} photos; {copies.sum()} extra ones are copies or crops of measured ones and left out")
    hashes = PhotoHashes.of(labeled)
    every = TrainingPhotos(
        squares, classes, folds, groups, primary.class_names, hashes.pixel_sha256, hashes.difference_hash
    )
    return every.chosen(~copies)


def _folds(dataset: PhotoDataset, folds_file: Path | None, seed: int) -> np.ndarray:
    numbers = np.empty(len(dataset.photos), int)
    if folds_file is None:
        for fold, split in enumerate(grouped_folds(dataset.labels, dataset.groups, seed=seed)):
            numbers[list(split.validation)] = fold
        return numbers
    with folds_file.open(newline="", encoding="utf-8-sig") as file:
        given = {row["Image"]: int(row["fold"]) for row in csv.DictReader(file)}
    missing = [photo.name for photo in dataset.photos if Path(photo.name).name not in given]
    if missing:
        raise DatasetError(f"{folds_file.name} gives no fold for {len(missing)} photos, such as {missing[0]}.")
    return np.array([given[Path(photo.name).name] for photo in dataset.photos])


def _stamp(source: Path | None) -> list[tuple[str, int, int]]:
    """All files of a source, their sizes and when they changed, so that the cache of another state is not used."""
    if source is None:
        return []
    files = sorted(source.resolve().rglob("*")) if source.is_dir() else [source.resolve()]
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
