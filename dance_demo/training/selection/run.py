"""From photos to curves: embed, choose features, judge. Runs in a child process or on the command line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.data.training_overlap import count_overlap
from dance_demo.errors import TrainingError
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Progress, Steps, Stop
from dance_demo.model.backbone import BACKBONES, DANCE, Backbone
from dance_demo.model.directory import overlap_warning
from dance_demo.model.preprocessing import to_input
from dance_demo.networks.imagenet import backbone_file
from dance_demo.training.features import PLAIN, embed, scratch_file
from dance_demo.training.plots import png
from dance_demo.training.selection.experiment import Cheat, Embedded, SelectionResult, cheat, select
from dance_demo.training.selection.looks import Looks, look
from dance_demo.training.selection.methods import DEFAULT_METHODS, METHODS
from dance_demo.training.selection.picture import selection_figure

FEWEST_FOLDS, FOLDS = 3, 5


@dataclass(frozen=True)
class SelectionSettings:
    """Raises TrainingError, with the value received, for impossible ones."""

    methods: tuple[str, ...] = DEFAULT_METHODS
    folds: int = FOLDS
    backbone: str = DANCE
    seed: int = 0
    cheat: bool = False
    looks: bool = False

    def __post_init__(self) -> None:
        if strange := [name for name in self.methods if name not in METHODS]:
            raise TrainingError(f"{strange[0]!r:.80} is no method. Choose from: {', '.join(METHODS)}.")
        if not isinstance(self.folds, int) or not FEWEST_FOLDS <= self.folds <= 10:
            raise TrainingError(
                f"Folds must be a whole number from {FEWEST_FOLDS} to 10. Received: {self.folds!r:.80}."
            )
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise TrainingError(f"Seed must be a whole number from 0 to 2,147,483,647. Received: {self.seed!r:.80}.")
        if self.backbone not in BACKBONES:
            raise TrainingError(f"Backbone must be one of: {', '.join(BACKBONES)}. Received: {self.backbone!r:.80}.")


@dataclass(frozen=True)
class SelectionReport:
    """The curves, the wrong way beside them if it was asked for, and how many photos the backbone has learned from.

    If they were asked for, there are `looks` at one photo and, beside the work's other files, a PNG of the curves.
    """

    selection: SelectionResult
    cheat: Cheat | None
    looks: Looks | None
    training_overlap: int
    picture: Path | None = None

    @property
    def warning(self) -> str:
        """What must be said wherever the accuracies are."""
        return overlap_warning(self.training_overlap, self.selection.n)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        found = self.selection.to_json() | {"training_overlap": self.training_overlap, "warning": self.warning}
        return found | ({"cheat": self.cheat.to_json()} if self.cheat else {})


def select_features(
    directory: Path, stop: Stop, dataset: PhotoDataset, settings: SelectionSettings, cache: Path
) -> Iterator[Progress | SelectionReport]:
    """Look at the photos, then draw a curve for each method; ends with the `SelectionReport`, if there is a curve.

    `cache` keeps features for the next time. Raises DatasetError or TrainingError for photos on which nothing can be
    chosen, ModelError if there is no backbone.
    """
    yield Progress("Getting ready")
    backbone = Backbone(backbone_file(settings.backbone))
    with scratch_file(directory) as path:
        found = yield from embed(
            dataset.photos, (), backbone=backbone, cache=cache, views=(PLAIN,), scratch=path, stop=stop
        )
        if found is None:
            return
        features = np.array(found[:, 0])
    embedded = Embedded(features, np.asarray(dataset.class_indices), dataset.groups, dataset.class_names)
    options: dict[str, Any] = {"n_folds": settings.folds, "seed": settings.seed}
    choosing = Steps(select(embedded, settings.methods, **options, stop=stop))
    yield from choosing
    if not choosing.result.curves:
        return
    wrong = None
    if settings.cheat and not stop():
        yield Progress("Choosing before the split, on shuffled labels")
        wrong = cheat(embedded, **options)
    looks = picture = None
    if settings.looks:
        yield Progress("Looking through the features that were kept")
        watched = choosing.result.watched
        looks = look(embedded, watched, _feature_map(backbone, dataset.photos[watched.photo]))
        picture = directory / "features.png"
        picture.write_bytes(png(selection_figure(choosing.result)))
    overlap = count_overlap(dataset, list(range(len(dataset.photos))), settings.backbone)
    yield SelectionReport(choosing.result, wrong, looks, overlap, picture)


def _feature_map(backbone: Backbone, photo: LabeledPhoto) -> np.ndarray:
    """(h, w, c). Raises PhotoError if the photo cannot be read any more."""
    opened = open_photo(photo.path, name=photo.name)
    found: np.ndarray = backbone.feature_maps(to_input(opened, backbone.input_side_px)[None])[0]
    return found
