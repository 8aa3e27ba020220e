"""The map of a dataset: near stays near as far as it says so, and where there is nothing to see it says why."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from dance_demo.errors import DatasetError
from dance_demo.jobs.progress import Progress, never
from dance_demo.model.head import power_normalize
from dance_demo.training import projection
from dance_demo.training.projection import Projection, project, project_photos

N, CHANNELS = 60, 24
GROUPS = list(range(N))


def clusters(n: int = N) -> tuple[np.ndarray, list[int]]:
    """Embeddings of three classes, each around a centre of its own, and the classes."""
    generator = np.random.default_rng(0)
    classes = [number % 3 for number in range(n)]
    centres = generator.random((3, CHANNELS)) * 4
    return power_normalize(np.abs(centres[classes] + generator.normal(size=(n, CHANNELS)))).astype(np.float32), classes


@pytest.fixture(scope="module")
def drawn() -> Projection:
    return project(*clusters(), GROUPS)


def neighbours_of(rows: np.ndarray, k: int) -> list[set[int]]:
    return [set(found) for found in NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(return_distance=False)]


def test_photos_that_look_alike_lie_near_one_another(drawn):
    embeddings, _ = clusters()
    assert drawn.method == "t-SNE" and drawn.points.shape == (N, 2)
    assert drawn.points.min() == pytest.approx(0, abs=1e-6) and drawn.points.max() == pytest.approx(1, abs=1e-6)
    assert trustworthiness(embeddings, drawn.points, n_neighbors=5) > 0.8
    assert np.array_equal(project(*clusters(), GROUPS).points, drawn.points)  # the same photos, the same map


def test_it_says_which_share_of_true_neighbours_it_keeps(drawn):
    true, found = neighbours_of(clusters()[0], 5), neighbours_of(drawn.points, 5)
    shares = [len(a & b) / 5 for a, b in zip(true, found, strict=True)]
    assert drawn.kept == pytest.approx(np.mean(shares)) and drawn.kept > 2 * drawn.by_chance
    assert drawn.by_chance == pytest.approx(5 / 59)


def test_it_says_how_often_the_nearest_other_picture_bears_the_same_label():
    embeddings, classes = clusters()
    nearest = [next(iter(found)) for found in neighbours_of(embeddings, 1)]
    same = np.mean([classes[i] == classes[j] for i, j in enumerate(nearest)])
    assert project(embeddings, classes, GROUPS).agreement == pytest.approx(same)
    twice, doubled = np.repeat(embeddings, 2, axis=0), [kind for each in classes for kind in (each, (each + 1) % 3)]
    copies = project(twice, doubled, [group for group in GROUPS for _ in range(2)])
    assert copies.agreement < 0.8  # a copy is no neighbour, else it would be nearest to each


def test_many_photos_are_drawn_by_their_principal_components(monkeypatch):
    monkeypatch.setattr(projection, "PCA_ABOVE", N - 1)
    drawn = project(*clusters(), GROUPS)
    assert drawn.method == "PCA" and drawn.kept > drawn.by_chance


@pytest.mark.parametrize("n", [4, 5, 7])
def test_few_photos_have_a_map_too(n):
    embeddings, classes = clusters(n)
    assert project(embeddings, classes, GROUPS[:n]).neighbours == min(5, n - 1)


EQUAL = np.tile(clusters()[0][:1], (9, 1))


@pytest.mark.parametrize(
    ("embeddings", "classes", "words"),
    [
        (clusters()[0][:2], [0, 1], "needs 4 photos"),
        (EQUAL, [0, 1, 2] * 3, "all photos look the same"),
        (np.zeros((9, CHANNELS)), [0, 1, 2] * 3, "all photos look the same"),  # constant features
        (np.vstack([EQUAL, clusters()[0][1:2]]), [0, 1] * 5, "only 2 pictures look different"),
        (clusters()[0], [1] * N, "of one class"),
        (np.full((9, CHANNELS), np.nan), [0, 1, 2] * 3, "no numbers"),
    ],
)
def test_where_there_is_nothing_to_see_a_sentence_says_why(embeddings, classes, words):
    with pytest.raises(DatasetError, match=words):
        project(embeddings, classes, list(range(len(embeddings))))


def test_as_a_job_it_reads_the_file_and_says_when_that_is_gone(tmp_path: Path):
    embeddings, classes = clusters(8)
    np.save(tmp_path / "embeddings.npy", embeddings)
    first, last = project_photos(tmp_path, never, tmp_path / "embeddings.npy", classes, GROUPS[:8])
    assert isinstance(first, Progress) and isinstance(last, Projection)
    (tmp_path / "embeddings.npy").unlink()
    with pytest.raises(DatasetError, match="no longer kept"):
        list(project_photos(tmp_path, never, tmp_path / "embeddings.npy", classes, GROUPS[:8]))
