"""A map of a dataset: every photo a point, and photos that look alike to the network near one another.

t-SNE (van der Maaten and Hinton 2008) on the embeddings; above 2,000 photos, for which it takes too long, the first two
principal components. Two dimensions cannot hold 1,280: `Projection.kept` says how much of what is near stays near. How
far groups lie from one another, and how large they are, means nothing. Runs in a child process, or in the command line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_demo.errors import DatasetError
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.description import one_of, percent

PCA_ABOVE = 2000  # photos
FEWEST = 4  # different photos
NEIGHBOURS = 5
PERPLEXITY = 30.0  # about how many photos count as near, as in the paper
COMPONENTS = 50  # that t-SNE looks at
ITERATIONS = 500  # twice as many keep no more neighbours
BLOCK = 512  # photos


@dataclass(frozen=True, eq=False)
class Projection:
    """Where each of n photos lies on the map, and how far the map can be trusted.

    `points` (n, 2) are x and y in [0, 1], of one scale. `kept` in [0, 1] is the share of each photo's `neighbours`
    nearest photos that are among its nearest on the map, too; `by_chance` what a map of random points keeps of them.
    `agreement` in [0, 1] is the share of photos whose nearest other picture, copies left out, bears the same label.
    """

    method: str  # "t-SNE" or "PCA"
    points: np.ndarray
    neighbours: int
    kept: float
    agreement: float
    noun: str = "photos"  # what the points are

    @property
    def by_chance(self) -> float:
        return self.neighbours / (len(self.points) - 1)

    @property
    def trust(self) -> str:
        """How far it can be trusted, in sentences."""
        k, kept, by_chance = self.neighbours, percent(self.kept), percent(self.by_chance)
        return (
            f"Of the {k} {self.noun} that are most like each one, {kept} are among its {k} nearest on the map, too; "
            f"at random it would be {by_chance}. How far groups lie from one another, and how large they are, means "
            f"nothing ({self.method}). The {one_of(self.noun)} most like each one bears the same label in "
            f"{percent(self.agreement)} of cases."
        )


def project(
    embeddings: np.ndarray, classes: Sequence[int], groups: Sequence[int], *, seed: int = 0, noun: str = "photos"
) -> Projection:
    """The map of photos with these embeddings (n, c), rows of length 1, classes (n,) and groups of copies (n,).

    Raises DatasetError, in a sentence, where there is nothing that a map could show.
    """
    from threadpoolctl import threadpool_limits

    embeddings = np.asarray(embeddings, np.float32)
    _require_variety(embeddings, classes, noun)
    import sklearn.manifold  # noqa: F401 - only libraries that are loaded are limited

    with threadpool_limits(1):  # two threads on a busy machine took six times as long
        method = "t-SNE" if len(embeddings) <= PCA_ABOVE else "PCA"
        points = _t_sne(embeddings, seed) if method == "t-SNE" else _principal_components(embeddings, 2, seed)
        k = min(NEIGHBOURS, len(embeddings) - 1)
        near, near_on_map = _nearest(embeddings, k), _nearest(points, k)
        kept = np.mean([len(set(true) & set(found)) for true, found in zip(near, near_on_map, strict=True)]) / k
        agreement = _agreement(embeddings, np.asarray(classes), np.asarray(groups))
    return Projection(method, _scaled(points), k, float(kept), agreement, noun)


def project_photos(
    directory: Path,
    stop: Stop,
    embeddings: Path,
    classes: Sequence[int],
    groups: Sequence[int],
    noun: str = "photos",
) -> Iterator[Progress | Projection]:
    """The same of embeddings in a file, as the work of a job. Raises DatasetError as `project` does."""
    yield Progress("Drawing the map")
    try:
        read = np.load(embeddings, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError("This training is no longer kept here, so there is no map of it.") from error
    yield project(read, classes, groups, noun=noun)


def _require_variety(embeddings: np.ndarray, classes: Sequence[int], noun: str) -> None:
    if not np.isfinite(embeddings).all():
        raise DatasetError(f"The network's features of these {noun} are no numbers, so they have no map.")
    different = len({row.tobytes() for row in embeddings})
    if len(embeddings) < FEWEST:
        raise DatasetError(f"A map needs {FEWEST} {noun} at least. Here are {len(embeddings)}.")
    if different < FEWEST:
        alike = f"all {noun} look the same" if different == 1 else f"only {different} pictures look different"
        raise DatasetError(f"There is no map of these {noun}: to the network {alike}.")
    if len(set(classes)) < 2:
        raise DatasetError(f"All of these {noun} are of one class: a map would have nothing to tell apart.")


def _t_sne(embeddings: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    reduced = _principal_components(embeddings, min(COMPONENTS, *embeddings.shape), seed)
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    t_sne = TSNE(perplexity=perplexity, init="pca", max_iter=ITERATIONS, random_state=seed, n_jobs=1)
    points: np.ndarray = t_sne.fit_transform(reduced)
    return points


def _principal_components(embeddings: np.ndarray, n: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    components: np.ndarray = PCA(n, svd_solver="randomized", random_state=seed).fit_transform(embeddings)
    return components


def _nearest(rows: np.ndarray, k: int) -> np.ndarray:
    """The indices (n, k) of the nearest other rows of each of these (n, c), in no order."""
    found = []
    for start in range(0, len(rows), BLOCK):
        distances = _distances(rows, start)
        found.append(np.argpartition(distances, k - 1, axis=1)[:, :k])
    return np.concatenate(found)


def _distances(rows: np.ndarray, start: int) -> np.ndarray:
    """Squared distances (m, n) of a block of rows to all; to itself it is infinite. Less what is the same in a row."""
    some = rows[start : start + BLOCK]
    distances: np.ndarray = (rows**2).sum(axis=1) - 2 * some @ rows.T
    distances[np.arange(len(some)), start + np.arange(len(some))] = np.inf
    return distances


def _agreement(embeddings: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> float:
    right = 0
    for start in range(0, len(embeddings), BLOCK):
        distances = _distances(embeddings, start)
        own = groups[start : start + BLOCK]
        distances[own[:, None] == groups] = np.inf
        right += int((classes[distances.argmin(axis=1)] == classes[start : start + BLOCK]).sum())
    return right / len(embeddings)


def _scaled(points: np.ndarray) -> np.ndarray:
    """Into the unit square, in its middle, both axes by the same factor."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max()) or 1.0
    scaled: np.ndarray = np.clip((points - (low + high) / 2) / extent + 0.5, 0, 1)
    return scaled
