"""Which photos look most like another one: the neighbours by cosine of power-normalised features, the embeddings.

The embeddings of a training lie in a file beside its model, for as long as the training is kept; no bundle has them.
That two photos are alike says nothing on why a head answers as it does: it has learned from all of them together.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.model.head import power_normalize
from dance_demo.training.result import TrainingResult

SHOWN = 3
SAME = 0.99999  # above that, what is left is rounding
BLOCK = 1024  # photos


@dataclass(frozen=True)
class Neighbour:
    """A photo, and how much another one looks like it: the cosine, in [0, 1]; 1 for the same picture."""

    index: int  # in the dataset
    photo: LabeledPhoto
    similarity: float

    @property
    def same(self) -> bool:
        """Whether it is the picture itself, or one that the network cannot tell from it."""
        return self.similarity > SAME


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Photos of a dataset with their embeddings (n, c), a row of length 1 for each photo; `among` may be found."""

    dataset: PhotoDataset
    embeddings: np.ndarray
    among: np.ndarray  # indices, ascending

    @classmethod
    def of(cls, result: TrainingResult, dataset: PhotoDataset) -> "Neighbours | None":
        """The photos that the head of a training has learned from; None where their embeddings are not kept."""
        embeddings = read_embeddings(result, dataset)
        if embeddings is None:
            return None
        learned = np.ones(len(dataset.photos), bool)
        if not result.config.folds:
            learned[result.held_out] = False
        return cls(dataset, embeddings, np.flatnonzero(learned))

    def nearest(self, pooled: np.ndarray, most: int = SHOWN) -> tuple[Neighbour, ...]:
        """Those most like a photo with these pooled features (c,), most alike first, and one of copies alone."""
        return self._nearest(power_normalize(pooled[None])[0], most)

    def beside(self, index: int, most: int = SHOWN) -> tuple[Neighbour, ...]:
        """The same for the photo at an index of the dataset, itself and its copies left out."""
        return self._nearest(self.embeddings[index], most, self.dataset.groups[index])

    def _nearest(self, embedding: np.ndarray, most: int, but: int | None = None) -> tuple[Neighbour, ...]:
        similarities = np.clip(self.embeddings @ embedding, 0, 1)[self.among]
        found: dict[int, Neighbour] = {}  # by its group of copies
        for place in np.argsort(-similarities, kind="stable").tolist():
            index = int(self.among[place])
            group = self.dataset.groups[index]
            if group != but:
                found.setdefault(group, Neighbour(index, self.dataset.photos[index], float(similarities[place])))
            if len(found) == most:
                break
        return tuple(found.values())


def write_embeddings(pooled: np.ndarray, path: Path) -> Path:
    """Write the embeddings of photos with these pooled features (n, c), which may be mapped from another file."""
    n, c = pooled.shape
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n, c)})
        for start in range(0, n, BLOCK):
            file.write(power_normalize(pooled[start : start + BLOCK]).astype("<f4").tobytes())
    return path


def read_embeddings(result: TrainingResult, dataset: PhotoDataset) -> np.ndarray | None:
    """The embeddings (n, c) of all photos of a training, mapped from their file; None if that is no longer there."""
    with suppress(OSError, ValueError):
        if result.embeddings:
            embeddings: np.ndarray = np.load(result.embeddings, mmap_mode="r", allow_pickle=False)
            return embeddings if len(embeddings) == len(dataset.photos) else None
    return None
