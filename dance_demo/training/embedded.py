"""A head from features that were made before, of any number of photos: `train`, without a photo.

    for event in train_embedded(directory, stop, files, TrainingConfig(), rows):
        ...                          Progress, EpochReport, a RowsRead, and at last a TrainingResult

The features are written once into a file that is mapped into memory, as float16 (2.6 KB a photo), because an epoch
takes photos in random order and files that were embedded class by class are in the worst order there is. Then heads are
fitted and judged as those of a visitor are, by the same code. Memory does not grow with the features.
"""

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_demo.data.checks import class_problems
from dance_demo.data.many.duplicates import groups_of_copies
from dance_demo.data.many.feature_files import FeatureFiles, Rows, described
from dance_demo.data.splits import Split, divide_many
from dance_demo.data.training_overlap import training_hashes
from dance_demo.errors import ModelError, TrainingError
from dance_demo.jobs.progress import Progress, Steps, Stop
from dance_demo.model.backbone import DANCE, GENERAL, GENERAL_FILE, IMAGENET, Backbone, known_backbone
from dance_demo.model.directory import BACKBONE, BUNDLED, FLOAT_BACKBONE
from dance_demo.model.familiarity import Familiarity
from dance_demo.training.config import TrainingConfig
from dance_demo.training.features import scratch_file
from dance_demo.training.fit import Examples, Fit, fit_head, logits_of
from dance_demo.training.judging import About, Judged, Stopwatch, judged_and_saved
from dance_demo.training.result import TrainingEvent
from dance_demo.training.train import FAMILIAR_PHOTOS

VISITS, EPOCHS = 8_000_000, (5, 60)  # photos are looked at so often in all, each so often at least and at most
STEPS, BATCHES = 400, (32, 1024)  # a batch is one of so many parts of the photos, and has so many at least and at most
KNOWN = (
    "Copies that can be told by their hashes and features were always on the same side. The interval is a bootstrap "
    "over their groups."
)
NOTHING_KNOWN = (
    "The files do not say which photos are copies of one another, or have trained the network: copies may stand on "
    "both sides, and the accuracy is then too high."
)
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class RowsRead:
    """An event: which rows train or judge. `duplicate_groups` is None where the files do not tell copies."""

    rows: Rows
    duplicate_groups: int | None


def suited(n: int) -> tuple[int, int]:
    """(epochs, batch size) for n photos: the usual ones for up to 13,000, fewer and larger for more."""
    batch = 2 ** round(np.log2(max(n / STEPS, 1)))
    return int(np.clip(VISITS // max(n, 1), *EPOCHS)), int(np.clip(batch, *BATCHES))


def backbone_of(files: FeatureFiles) -> Backbone:
    """The network that made the features; the one that ships, where the files do not say.

    Raises ModelError if it is not known here, or has another number of channels.
    """
    path = known_backbone(files.backbone_sha256) if files.backbone_sha256 else BUNDLED / BACKBONE
    if path is None:
        raise ModelError(
            f"These features are of another network ({files.backbone_sha256[:12]}) than those known here. Embed the "
            "photos with scripts/embed_many.py of this version."
        )
    backbone = Backbone(path)
    if backbone.channels != files.channels:
        raise ModelError(
            f"These features are {files.channels:,} numbers a photo, and the network gives {backbone.channels:,}. "
            "Embed the photos with scripts/embed_many.py."
        )
    return backbone


def rows_of(files: FeatureFiles, label_column: str = "") -> Rows:
    """What is known of all rows but their features; raises DatasetError or TrainingError if none can be trained on."""
    return _required(files.rows(label_column, trained=training_hashes()))


def train_embedded(
    directory: Path, stop: Stop, files: FeatureFiles, config: TrainingConfig, rows: Rows
) -> Iterator[TrainingEvent | RowsRead]:
    """Train a head on features and save it as the new model directory `directory`/model; the last event is the result.

    With features of mirror images, the head is fitted, judged and served on both views of a photo. `stop` is as in
    `train`. Raises TrainingError if there is no room on the disk, DatasetError for damaged files, ModelError for
    features of a network that is not known here.
    """
    from threadpoolctl import threadpool_limits

    if config.folds:
        raise TrainingError("With --features, a share of the photos is put aside to judge: leave --folds out.")
    stopwatch = Stopwatch()
    backbone = backbone_of(files)
    shipped = {BUNDLED / BACKBONE: DANCE, BUNDLED / FLOAT_BACKBONE: DANCE, BUNDLED / GENERAL_FILE: GENERAL}
    config = replace(config, backbone=shipped.get(backbone.path, IMAGENET), augmentation="off")
    with scratch_file(directory) as scratch, threadpool_limits(1, "blas"):
        copying = Steps(_copied(files, rows, scratch, stop))
        yield from copying
        if copying.result is None:
            return
        rows = copying.result
        features = np.memmap(scratch, np.float16, "r", shape=(len(rows.classes), 1, files.channels))
        groups = groups_of_copies(rows.pixels, rows.differences, features[:, 0])
        yield RowsRead(rows, int((np.bincount(groups) > 1).sum()) if files.hashed else None)
        examples = Examples(features, rows.classes, rows.class_names, groups, backbone.sha256)
        (split,) = divide_many(
            rows.classes,
            groups,
            0,
            validation_fraction=config.validation_fraction,
            seed=config.seed,
            class_names=rows.class_names,
        )
        stopwatch.lap("photos")
        yield Progress("Training")
        fit = yield from fit_head(examples, split, config, stop=stop)
        stopwatch.lap("training")
        if not fit.history:
            return
        yield Progress("Judging")
        judged = _judged(examples, split, fit, config)
        about = _about(files, rows, config, judged, stopped=stop())
        yield judged_and_saved(directory, judged, examples, config, about, stopwatch)


def _copied(files: FeatureFiles, rows: Rows, scratch: Path, stop: Stop) -> Generator[Progress, None, Rows | None]:
    """Write the features (n, c) of all rows that have some to `scratch`, as float16, and return these rows.

    Not mapped while it is written: a full disk would then be a signal that kills, and not an error. None if stopped.
    """
    _require_room(scratch, len(rows.classes) * files.channels * 2)
    lacking, place = [], 0
    with scratch.open("wb") as file:
        for vectors in files.features():
            usable = rows.usable[place : place + len(vectors)]
            place += len(usable)
            vectors = vectors[usable]
            complete = np.isfinite(vectors).all(axis=1)
            lacking.append(~complete)
            file.write(np.clip(vectors[complete], -LARGEST, LARGEST).astype(np.float16).tobytes())
            yield Progress("Reading the features", place, files.n_rows)
            if stop():
                return None
    bad = np.concatenate(lacking)
    return _required(rows.without(bad)) if bad.any() else rows


def _required(rows: Rows) -> Rows:
    counts = np.bincount(rows.classes, minlength=len(rows.class_names)).tolist()
    if problems := class_problems(dict(zip(rows.class_names, counts, strict=True))):
        left_out = f" Left out: {described(rows.left_out)}." if rows.left_out else ""
        raise TrainingError(" ".join(problems) + left_out)
    return rows


def _require_room(scratch: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(scratch.parent).free
    if free < needed_bytes:
        raise TrainingError(
            f"The features need {needed_bytes / 1e9:,.1f} GB beside the new model while it is trained, and "
            f"{free / 1e9:,.1f} GB are free. Choose another disk with --out."
        )


def _judged(examples: Examples, split: Split, fit: Fit, config: TrainingConfig) -> Judged:
    """What the head says of the photos that were put aside, and how far these are from some that trained it."""
    some = np.random.default_rng(config.seed).permutation(np.asarray(split.train))[:FAMILIAR_PHOTOS]
    familiarity = Familiarity.fit(np.concatenate([*examples.served(np.sort(some).tolist())]))
    distances = [familiarity.distance(pooled) for pooled in examples.served(split.validation)]
    return Judged(
        fit.head,
        familiarity,
        len(split.train),
        np.asarray(split.validation),
        logits_of(fit.head, examples, split.validation),
        np.concatenate(distances),
        fit.history,
    )


def _about(files: FeatureFiles, rows: Rows, config: TrainingConfig, judged: Judged, *, stopped: bool) -> About:
    counts = np.bincount(rows.classes).tolist()
    aside = f"{len(judged.held_out)} of {len(rows.classes)} photos were put aside and judged the head that"
    return About(
        photos_per_class=dict(zip(rows.class_names, counts, strict=True)),
        protocol=f"{aside} {judged.n_train} trained. {KNOWN if files.hashed else NOTHING_KNOWN}",
        training_overlap=int(rows.seen[judged.held_out].sum()) if config.backbone in (DANCE, GENERAL) else 0,
        stopped=stopped,
        backbone=config.backbone,
        mirrored_view=files.mirrored,
    )
