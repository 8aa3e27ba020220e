"""Several backbones compared on the same photos and the same split: one head on each, in one table.

    for event in compare_backbones(directory, stop, dataset, ("dance", "mobilenet_v3_large"), TrainingConfig(), cache):
        ...                          Progress, ComparisonEpoch, Compared as each is done, and at last a BackboneResult

Features are power-normalised where none is negative, which the square root would cut off; else they are taken as they
are. A backbone that cannot be had is left out with its reason, and the others are compared.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import Split, divide
from dance_demo.data.training_overlap import count_overlap
from dance_demo.errors import ModelError, TrainingError
from dance_demo.jobs.progress import Progress, Steps, Stop
from dance_demo.model.backbone import BACKBONES, TITLES, Backbone
from dance_demo.model.head import softmax
from dance_demo.networks.imagenet import backbone_file, is_at_hand
from dance_demo.networks.keras_applications import BUNDLED_PASS_MS, NETWORKS, kept_network, network_file
from dance_demo.training.backbones.seen import looking_at
from dance_demo.training.comparison import ComparisonEpoch
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import Evaluation, evaluate
from dance_demo.training.features import embed, scratch_file, views_of
from dance_demo.training.fit import Examples, fit_head, logits_of

NAMES = (*BACKBONES, *NETWORKS)
OURS = "see weights/README.md"
PASSES = 5  # that are timed, the first one left out


@dataclass(frozen=True, eq=False)
class Compared:
    """One backbone and how its head did. `pass_ms` is one photo through it, measured here; `size_bytes` its file."""

    name: str
    title: str
    side_px: int
    channels: int
    size_bytes: int
    sha256: str
    licence: str
    pass_ms: float
    negative_features: bool
    power_normalized: bool
    evaluation: Evaluation
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "evaluation": self.evaluation.to_json()}


@dataclass(frozen=True, eq=False)
class BackboneResult:
    """All backbones that were compared, and a sentence on each that was not."""

    compared: tuple[Compared, ...]
    left_out: tuple[str, ...]
    n_train: int
    n_held_out: int
    stopped: bool
    noun: str = "photos"  # what was held out

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        about = {"n_train": self.n_train, "n_held_out": self.n_held_out, "stopped": self.stopped}
        return {**about, "left_out": list(self.left_out), "rows": [one.to_json() for one in self.compared]}


def chosen(text: str) -> tuple[str, ...]:
    """The names in a list with commas; raises TrainingError for one that is none."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        received = f"{unknown[0]!r:.80}" if unknown else "none"
        raise TrainingError(f"Backbones must be among {', '.join(NAMES)}. Received: {received}.")
    return names


def announced(names: Sequence[str], views: int) -> Iterator[str]:
    """A sentence on each backbone before it is used: what is to be fetched, and how long 100 photos take here."""
    bundled = Backbone(backbone_file(BACKBONES[0]))
    speed = BUNDLED_PASS_MS / pass_ms(bundled)
    for name in names:
        if name in NETWORKS:
            network = NETWORKS[name]
            fetched = f"{network.download_bytes / 1e6:,.1f} MB to fetch once" * (not kept_network(name))
            seconds, title = network.estimated_s(100, views, speed=speed), network.title
        else:
            fetched = "9.4 MB to fetch once" * (not is_at_hand(name))
            seconds, title = 100 * views * BUNDLED_PASS_MS / speed / 1000, TITLES[name]
        yield f"{title}: {fetched or 'nothing to fetch'}, about {seconds:.1f} s per 100 photos in {views} views"


def pass_ms(backbone: Backbone) -> float:
    """How long one photo takes in a backbone, in milliseconds: the median of some."""
    photo = np.zeros((1, backbone.input_side_px, backbone.input_side_px, 3), np.float32)
    times = []
    for _ in range(PASSES + 1):
        started = time.perf_counter()
        backbone.feature_maps(photo)
        times.append(time.perf_counter() - started)
    return float(1000 * np.median(times[1:]))


def compare_backbones(
    directory: Path, stop: Stop, dataset: PhotoDataset, names: Sequence[str], config: TrainingConfig, cache: Path
) -> Iterator[Progress | ComparisonEpoch | Compared | BackboneResult]:
    """Fit a head on each of these backbones; ends with the `BackboneResult`, also if `stop` says so early.

    `directory` takes features meanwhile, `cache` keeps them for the next time. Raises DatasetError or TrainingError for
    photos that cannot be trained on, ModelError if none of the backbones can be had.
    """
    config = config.for_sound() if dataset.sound else config
    splits = divide(dataset, config.folds, validation_fraction=config.validation_fraction, seed=config.seed)
    compared, left_out = [], []
    for name in names:
        title = _title(name)
        yield Progress(f"Getting ready: {title}")
        try:
            file = network_file(name) if name in NETWORKS else backbone_file(name)
        except ModelError as error:
            left_out.append(str(error))
            continue
        one = yield from _compared(directory, stop, dataset, splits, config, cache, name, Backbone(file))
        if one is None:
            break
        compared.append(one)
        yield one
    if left_out and not compared and not stop():
        raise ModelError(" ".join(left_out))
    yield BackboneResult(
        tuple(compared),
        tuple(left_out),
        n_train=min(len(split.train) for split in splits),
        n_held_out=sum(len(split.validation) for split in splits),
        stopped=stop(),
        noun=dataset.noun,
    )


def _compared(
    directory: Path,
    stop: Stop,
    dataset: PhotoDataset,
    splits: Sequence[Split],
    config: TrainingConfig,
    cache: Path,
    name: str,
    backbone: Backbone,
) -> Generator[Progress | ComparisonEpoch, None, Compared | None]:
    """None if it was stopped before every held-out photo had an answer."""
    started = time.monotonic()
    looking = f"{looking_at(dataset)}: {_title(name)}"
    yield Progress(looking)
    training = {index for split in splits for index in split.train}
    with scratch_file(directory) as scratch:
        features = yield from embed(
            dataset.photos,
            training,
            backbone=backbone,
            cache=cache,
            views=views_of(config.augmentation),
            scratch=scratch,
            pictures=dataset.pictures,
            title=looking,
            stop=stop,
        )
        if features is None:
            return None
        negative = bool((np.asarray(features[:, 0]) < 0).any())
        config = replace(config, power_normalized=config.power_normalized and not negative)
        examples = Examples.of(dataset, features, backbone)
        answers = np.full((len(dataset.photos), len(dataset.class_names)), np.nan)
        yield Progress(f"Training: {_title(name)}")
        for fold, split in enumerate(splits):
            fitting = Steps(fit_head(examples, split, config, stop=stop, fold=fold, folds=len(splits)))
            for report in fitting:
                yield ComparisonEpoch(_title(name), report)
            if stop():
                return None
            answers[list(split.validation)] = softmax(logits_of(fitting.result.head, examples, split.validation), 1.0)
    held_out = np.sort(np.concatenate([split.validation for split in splits]))
    evaluation = evaluate(
        examples.classes[held_out],
        answers[held_out],
        dataset.class_names,
        groups=np.asarray(dataset.groups)[held_out],
        training_overlap=count_overlap(dataset, held_out.tolist(), name),
    )
    return Compared(
        name,
        _title(name),
        backbone.input_side_px,
        backbone.channels,
        backbone.path.stat().st_size,
        backbone.sha256,
        NETWORKS[name].licence if name in NETWORKS else OURS,
        pass_ms(backbone),
        negative,
        config.power_normalized,
        evaluation,
        time.monotonic() - started,
    )


def _title(name: str) -> str:
    return NETWORKS[name].title if name in NETWORKS else TITLES[name]
