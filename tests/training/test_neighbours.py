"""Which photos look most like another one, against distances worked out one by one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.model.head import power_normalize
from dance_demo.training.neighbours import Neighbours, read_embeddings, write_embeddings

PHOTOS, CHANNELS = 40, 12
COPIES = (3, 7)  # of one picture


def dataset_of(n: int) -> PhotoDataset:
    """Photos of two classes, in turn; some are copies."""
    photos = tuple(LabeledPhoto(Path(f"{i}.jpg"), "ab"[i % 2], f"{i}.jpg", f"{i}") for i in range(n))
    return PhotoDataset(photos, ("a", "b"), tuple(COPIES[0] if i in COPIES else i for i in range(n)))


@pytest.fixture
def pooled() -> np.ndarray:
    found = np.random.default_rng(0).random((PHOTOS, CHANNELS), np.float32)
    found[COPIES[1]] = found[COPIES[0]]
    return found


@pytest.fixture
def result(tmp_path: Path, pooled: np.ndarray) -> SimpleNamespace:
    """What of a training counts here: half of the photos judged it."""
    embeddings = write_embeddings(pooled, tmp_path / "embeddings.npy")
    held_out = np.arange(0, PHOTOS, 2)
    return SimpleNamespace(embeddings=embeddings, held_out=held_out, config=SimpleNamespace(folds=0))


def test_the_nearest_photos_are_those_of_the_largest_cosine_among_those_that_trained(result, pooled):
    neighbours = Neighbours.of(result, dataset_of(PHOTOS))
    other = np.random.default_rng(1).random(CHANNELS, np.float32)
    cosines = cosine_similarity(np.sqrt(other)[None], np.sqrt(pooled))[0]
    trained = [index for index in np.argsort(-cosines) if index % 2 and index != COPIES[1]]  # 7 stands behind 3
    found = neighbours.nearest(other)
    assert [one.index for one in found] == trained[:3]
    assert [one.similarity for one in found] == pytest.approx(cosines[trained[:3]], abs=1e-5)
    assert [one.photo.label for one in found] == ["b"] * 3


def test_a_photo_is_most_like_itself_and_its_copies_are_no_neighbours_of_it(result, pooled):
    result.config.folds = 5  # all of them have trained the head
    neighbours = Neighbours.of(result, dataset_of(PHOTOS))
    first, *others = neighbours.nearest(pooled[COPIES[1]])
    assert first.index == COPIES[0] and first.similarity == pytest.approx(1)
    assert not set(COPIES) & {one.index for one in others}
    assert [one.index for one in neighbours.beside(COPIES[1])][:2] == [one.index for one in others]


def test_of_fewer_photos_there_are_fewer_and_without_the_file_none(result, pooled):
    neighbours = Neighbours.of(result, dataset_of(PHOTOS))
    assert len(replace(neighbours, among=np.array([5])).nearest(pooled[0])) == 1
    assert read_embeddings(result, dataset_of(PHOTOS - 1)) is None  # of other photos
    result.embeddings.write_bytes(b"no array")
    assert Neighbours.of(result, dataset_of(PHOTOS)) is None
    result.embeddings.unlink()
    assert Neighbours.of(result, dataset_of(PHOTOS)) is None


def test_embeddings_are_those_that_the_head_sees(result, pooled):
    assert np.allclose(read_embeddings(result, dataset_of(PHOTOS)), power_normalize(pooled))
