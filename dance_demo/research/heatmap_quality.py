"""Measures whether a heatmap can be believed: does the answer hang on the hot places, and are they on the dancer?

Four questions, each put to the classifier's own heatmaps and to two that know nothing, one hot in the middle and
one hot at random:

- *insertion* (Petsiuk et al. 2018): a blurred photo becomes sharp, hottest places first. How soon does the
  classifier give the answer that it gives to the whole photo? The area under the curve of that probability.
- *deletion* (the same authors): the photo loses its hottest places first, to an even colour. Less is better.
- *pointing* (Zhang et al. 2018): is the hottest place inside a box drawn by hand around a dancer? And how much of
  the heat is?
- *mosaic* (Böhle et al. 2021): four photos with four different answers are made into one. Does the heatmap of one
  answer find its photo? Dancers stand in the middle of most photos, so that pointing there is nearly always right;
  in a mosaic the middle is of no use.

Offline only: a photo is looked at several hundred times.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from dance_demo.data.fingerprint import pixel_sha256
from dance_demo.errors import DatasetError
from dance_demo.files.csv_table import Row, Table, read_table
from dance_demo.files.photo import open_photo
from dance_demo.files.zip_archive import SourceFile
from dance_demo.model.classifier import Classifier
from dance_demo.model.preprocessing import square
from dance_demo.training.evaluation import bootstrap_interval

STEPS = 32  # on the way from one picture to the other
BLUR = 1 / 16  # radius as a share of the side: no dance can be named from what is left
SPREAD = 1 / 4  # standard deviation of the centred map, as a share of the side
MOSAIC = 4  # photos in one
BOX_COLUMNS = ("x0", "y0", "x1", "y1")

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of width and height
Mapper = Callable[[Image.Image, int], np.ndarray]  # photo, class index -> heatmap (h, w) in [0, 1]


@dataclass(frozen=True, eq=False)
class BoxedPhoto:
    """A photo and where its dancers are: one box each, or one around dancers that cannot be told apart."""

    name: str
    photo: Image.Image
    boxes: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class MapScores:
    """What one kind of heatmap reached on each photo: arrays (n,) in [0, 1], and the milliseconds of each map."""

    milliseconds: np.ndarray
    insertion: np.ndarray
    deletion: np.ndarray  # the only one of which less is better
    pointing: np.ndarray
    energy: np.ndarray
    mosaic_pointing: np.ndarray
    mosaic_energy: np.ndarray


MEASURES = tuple(field.name for field in fields(MapScores) if field.name != "milliseconds")


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by the `pixel_sha256` of their photo, from a CSV with that column and x0, y0, x1, y1 in [0, 1].

    Raises `DatasetError` that names the line.
    """
    table = read_table(path)
    photo, *edges = (table.column([[name]]) for name in ("pixel_sha256", *BOX_COLUMNS))
    boxes: dict[str, tuple[Box, ...]] = {}
    for row in table.rows:
        box = _box(table, row, edges)
        boxes[row.cells[photo]] = (*boxes.get(row.cells[photo], ()), box)
    return boxes


def boxed_photos(files: Iterable[SourceFile], boxes: Mapping[str, tuple[Box, ...]]) -> tuple[BoxedPhoto, ...]:
    """Those of the photos that somebody has drawn boxes on. Raises `DatasetError` if there are none."""
    found = []
    for file in files:
        photo = open_photo(file.path, name=file.name)
        if own := boxes.get(pixel_sha256(photo)):
            found.append(BoxedPhoto(file.name, photo, own))
    if not found:
        raise DatasetError("None of these photos is among those with boxes. Give the folder that they were drawn on.")
    return tuple(found)


def mappers(classifier: Classifier, *, seed: int = 0) -> dict[str, Mapper]:
    """The kinds of heatmap that are compared, by name: what is served, and two that never saw the photo."""
    generator = np.random.default_rng(seed)
    side = classifier.backbone.input_side_px
    return {
        "Grad-CAM": lambda photo, index: grad_cam(classifier, photo, index),
        "centred": lambda photo, index: centred_map(side),
        "random": lambda photo, index: generator.random((8, 8)),
    }


def grad_cam(classifier: Classifier, photo: Image.Image, class_index: int) -> np.ndarray:
    """The heatmap that the page shows."""
    return classifier.heatmap(classifier.classify(photo), classifier.class_names[class_index])


def centred_map(side_px: int) -> np.ndarray:
    """A Gaussian in the middle, for every photo the same: (side_px, side_px)."""
    offset = (np.arange(side_px) + 0.5) / side_px - 0.5
    bell = np.exp(-0.5 * (offset / SPREAD) ** 2)
    return np.outer(bell, bell)


def score_maps(
    photos: Sequence[BoxedPhoto],
    classifier: Classifier,
    kinds: Mapping[str, Mapper],
    *,
    seed: int = 0,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, MapScores]:
    """How each kind of heatmap fares on photos that the classifier should not have learned from.

    Heatmaps are those of the class that the classifier names, right or wrong. `progress` is called after each photo.
    Raises `DatasetError` if it does not give four different answers, because then there is no mosaic.
    """
    answers = [classifier.classify(boxed.photo) for boxed in photos]
    classes = np.array([classifier.class_index(answer.top.label) for answer in answers])
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in kinds}
    for index, (boxed, class_index) in enumerate(zip(photos, classes.tolist(), strict=True)):
        mosaic, cell = _mosaic(photos, classes, index, np.random.default_rng([seed, index]))
        for name, mapper in kinds.items():
            on_photo = _on_photo(classifier, mapper, boxed, class_index)
            rows[name].append((*on_photo, *_on_mosaic(mapper, mosaic, cell, class_index)))
        progress()
    return {name: MapScores(*np.array(scores).T) for name, scores in rows.items()}


def pooled(parts: Sequence[Mapping[str, MapScores]]) -> dict[str, MapScores]:
    """The scores of several groups of photos as those of one."""
    return {
        name: MapScores(*(np.concatenate([vars(part[name])[f.name] for part in parts]) for f in fields(MapScores)))
        for name in parts[0]
    }


def differences(scores: MapScores, others: MapScores, *, seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """By how much each measure is larger, photo by photo: the mean, and its 95 % interval by bootstrap."""
    result = {}
    for measure in MEASURES:
        gap = vars(scores)[measure] - vars(others)[measure]
        result[measure] = (float(gap.mean()), *bootstrap_interval(gap, range(len(gap)), seed))
    return result


def table(scores: Mapping[str, MapScores]) -> str:
    """All means, and what the first kind is ahead of each other kind with its interval, as Markdown."""
    first, *others = scores
    head = ["heatmap", *(measure.replace("_", " ") for measure in MEASURES), "ms"]
    lines = [head, ["---"] * len(head)]
    for name, score in scores.items():
        means = (f"{vars(score)[measure].mean():.3f}" for measure in MEASURES)
        lines.append([name, *means, f"{np.median(score.milliseconds):.1f}"])
    for name in others:
        gaps = differences(scores[first], scores[name]).values()
        lines.append([f"{first} - {name}", *(f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]" for gap, low, high in gaps), ""])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def insertion(classifier: Classifier, photo: Image.Image, heatmap: np.ndarray, class_index: int) -> np.ndarray:
    """The probability of the class (STEPS + 1,) while the blurred photo becomes sharp, hottest places first."""
    whole = square(photo)
    blurred = whole.filter(ImageFilter.GaussianBlur(BLUR * whole.width))
    return _curve(classifier, np.asarray(blurred), np.asarray(whole), heatmap, class_index)


def deletion(classifier: Classifier, photo: Image.Image, heatmap: np.ndarray, class_index: int) -> np.ndarray:
    """The probability of the class (STEPS + 1,) while the photo becomes its mean colour, hottest places first."""
    pixels = np.asarray(square(photo))
    even = np.broadcast_to(pixels.mean(axis=(0, 1)).round().astype(np.uint8), pixels.shape)
    return _curve(classifier, pixels, even, heatmap, class_index)


def points_inside(heatmap: np.ndarray, boxes: Sequence[Box]) -> bool:
    """Whether the hottest place lies in a box; never if there is no heat at all."""
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    x, y = (column + 0.5) / heatmap.shape[1], (row + 0.5) / heatmap.shape[0]
    return bool(heatmap.max() > 0 and any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes))


def energy_inside(heatmap: np.ndarray, boxes: Sequence[Box], *, side_px: int = 256) -> float:
    """The share of the heat that lies in the boxes, in [0, 1]; 0 if there is no heat at all."""
    heat = enlarged(heatmap, side_px)
    middle = (np.arange(side_px) + 0.5) / side_px
    inside = np.zeros(heat.shape, bool)
    for x0, y0, x1, y1 in boxes:
        inside |= np.outer((y0 <= middle) & (middle <= y1), (x0 <= middle) & (middle <= x1))
    return float(heat[inside].sum() / heat.sum()) if heat.any() else 0.0


def enlarged(heatmap: np.ndarray, side_px: int) -> np.ndarray:
    """The heatmap as smooth as the overlay shows it: (side_px, side_px) from 0."""
    picture = Image.fromarray(heatmap.astype(np.float32))
    return np.asarray(picture.resize((side_px, side_px), Image.Resampling.BICUBIC)).clip(0)


def _on_photo(classifier: Classifier, mapper: Mapper, boxed: BoxedPhoto, class_index: int) -> tuple[float, ...]:
    started = time.perf_counter()
    heatmap = mapper(boxed.photo, class_index)
    milliseconds = 1000 * (time.perf_counter() - started)
    curves = (curve(classifier, boxed.photo, heatmap, class_index) for curve in (insertion, deletion))
    areas = (float(np.trapezoid(curve, dx=1 / STEPS)) for curve in curves)
    return milliseconds, *areas, points_inside(heatmap, boxed.boxes), energy_inside(heatmap, boxed.boxes)


def _on_mosaic(mapper: Mapper, mosaic: Image.Image, cell: Box, class_index: int) -> tuple[float, float]:
    heatmap = mapper(mosaic, class_index)
    return points_inside(heatmap, [cell]), energy_inside(heatmap, [cell])


def _mosaic(
    photos: Sequence[BoxedPhoto], classes: np.ndarray, index: int, generator: np.random.Generator
) -> tuple[Image.Image, Box]:
    """A photo and three with other answers, two by two in any order, and the cell where it lies."""
    chosen = [index]
    for other in generator.permutation(len(photos)).tolist():
        if len(chosen) < MOSAIC and classes[other] not in classes[chosen]:
            chosen.append(other)
    if len(chosen) < MOSAIC:
        raise DatasetError(f"Photos with {MOSAIC} different answers are needed, found {len(chosen)}. Give more photos.")
    order = generator.permutation(MOSAIC).tolist()
    side = 256
    mosaic = Image.new("RGB", (2 * side, 2 * side))
    for cell, number in enumerate(order):
        part = photos[chosen[number]].photo.resize((side, side), Image.Resampling.BILINEAR)
        mosaic.paste(part, (cell % 2 * side, cell // 2 * side))
    x, y = order.index(0) % 2 / 2, order.index(0) // 2 / 2
    return mosaic, (x, y, x + 0.5, y + 0.5)


def _curve(
    classifier: Classifier, start: np.ndarray, end: np.ndarray, heatmap: np.ndarray, class_index: int
) -> np.ndarray:
    """The probability of a class while `start` becomes `end` (S, S, 3) uint8, hottest places first."""
    rank = _ranks(enlarged(heatmap, len(start)))
    shares = np.linspace(0, 1, STEPS + 1)
    steps = (np.where(rank[..., None] < share * rank.size, end, start) for share in shares)
    maps = (classifier.feature_map(Image.fromarray(step)) for step in steps)
    head = classifier.head
    return np.array([head.probabilities(head.features(one[None]))[0, class_index] for one in maps])


def _ranks(heat: np.ndarray) -> np.ndarray:
    """The rank of each pixel when all are sorted, hottest first: (S, S) of 0 to S * S - 1.

    Where nothing is hot, the pixels nearest to the heat come first; any order by index would favour a side.
    """
    side = len(heat)
    distance = np.arange(side)[:, None] - np.arange(side)
    spread = np.exp(-0.5 * (distance / (SPREAD * side)) ** 2)
    order = np.lexsort((-(spread @ heat @ spread).ravel(), -heat.ravel()))
    ranks = np.empty(heat.size, int)
    ranks[order] = np.arange(heat.size)
    return ranks.reshape(heat.shape)


def _box(table: Table, row: Row, edges: Sequence[int]) -> Box:
    try:
        x0, y0, x1, y1 = (float(row.cells[edge]) for edge in edges)
    except (ValueError, IndexError):
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise DatasetError(
            f"{table.name}, line {row.line}: {', '.join(row.cells)[:100]} is no box. Expected the photo's "
            "pixel_sha256 and x0 < x1, y0 < y1 as shares of its width and height, from 0 to 1."
        )
    return x0, y0, x1, y1
