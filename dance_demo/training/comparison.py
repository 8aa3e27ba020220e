"""From scratch or transferred: what the teaching articles are about, on somebody's own photos and the same split.

Three ways to learn the same classes: a head on a frozen backbone's features, the same with the features
power-normalised, and the articles' own network from scratch. All train on the same photos and are judged by the
same others. Of sound, where each piece has two pictures, it is a head on each, both fused (late: one joint head on the
features of both, and the mean of the logits of two heads), and the network from scratch on the first. It runs in a
child process; the curves of all grow while they learn.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import Split, divide
from dance_demo.errors import TrainingError
from dance_demo.jobs.progress import Progress, Steps, Stop
from dance_demo.model.backbone import DANCE as DANCE_BACKBONE
from dance_demo.model.description import measured
from dance_demo.model.head import softmax
from dance_demo.networks.scratch import DANCE as DANCE_NETWORK
from dance_demo.networks.scratch import MUSIC as MUSIC_NETWORK
from dance_demo.networks.scratch import NETWORKS, ScratchNetwork, photo_squares
from dance_demo.training.backbones.choice import BackboneChoice
from dance_demo.training.backbones.seen import SeenBySplit, look, looking_at
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import Evaluation, evaluate
from dance_demo.training.fit import Examples, fit_head, logits_of
from dance_demo.training.result import EpochReport

FROZEN, NORMALIZED, SCRATCH = "frozen", "frozen, power-normalised", "from scratch"
METHODS = (FROZEN, NORMALIZED, SCRATCH)
JOINT, MEAN = "fused, joint head", "fused, mean of logits"
SIDES_PX = (32, 224)  # the least and the most
SMALLEST_PROBABILITY = 1e-7  # what Keras, too, takes for 0 in a cross-entropy


@dataclass(frozen=True)
class ComparisonSettings:
    """How the network from scratch learns; `transfer` says how the heads do, and how the photos are divided.

    Raises TrainingError, with the value received, for settings out of range.
    """

    side_px: int = 64  # of the photos that it sees; 224 as in the articles takes twelve times as long
    epochs: int = 20
    learning_rate: float = 0.001
    dropout: float = 0.25
    network: str = DANCE_NETWORK
    transfer: TrainingConfig = field(default_factory=partial(TrainingConfig, backbone=DANCE_BACKBONE))

    def __post_init__(self) -> None:
        _require("The size of the photos", self.side_px, *SIDES_PX, whole=True)
        _require("Epochs", self.epochs, 1, 500, whole=True)
        _require("The learning rate", self.learning_rate, 1e-6, 1)
        _require("Dropout", self.dropout, 0, 0.9)
        if self.network not in NETWORKS:
            raise TrainingError(f"The network must be one of {', '.join(NETWORKS)}. Received: {self.network!r:.80}.")

    def for_sound(self) -> "ComparisonSettings":
        """The same with the network and dropout of the articles on music, and no changed copies of pictures."""
        return replace(self, network=MUSIC_NETWORK, dropout=0.4, transfer=self.transfer.for_sound())


@dataclass(frozen=True)
class ComparisonEpoch:
    """One epoch of one of the ways to learn, named by `method`."""

    method: str
    report: EpochReport


@dataclass(frozen=True, eq=False)
class MethodResult:
    """One way to learn, evaluated. probabilities (m, k) are for the held-out photos, without a temperature.

    seconds covers everything but importing libraries; size_bytes is what has to be kept to name photos with it.
    """

    name: str
    evaluation: Evaluation
    probabilities: np.ndarray
    history: tuple[EpochReport, ...]
    seconds: float
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        epochs = len({report.epoch for report in self.history})
        about = {"name": self.name, "seconds": self.seconds, "size_bytes": self.size_bytes, "epochs": epochs}
        return {**about, "evaluation": self.evaluation.to_json()}


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """All that were evaluated on all held-out photos: fewer than three methods if it was stopped.

    held_out (m,) are indices in dataset.photos and classes (m,) their class indices.
    """

    methods: tuple[MethodResult, ...]
    settings: ComparisonSettings
    class_names: tuple[str, ...]
    held_out: np.ndarray
    classes: np.ndarray
    n_train: int
    stopped: bool
    noun: str = "photos"  # what was held out
    choice: BackboneChoice | None = None  # of the backbone of the heads; None: it was asked for

    @property
    def warning(self) -> str:
        """What must be said wherever the accuracies of the heads are."""
        return next((method.evaluation.warning for method in self.methods if method.evaluation.warning), "")

    def method(self, name: str) -> MethodResult:
        return next(method for method in self.methods if method.name == name)

    def only_right(self, name: str, other: str) -> np.ndarray:
        """Indices in dataset.photos of those that `name` gets right and `other` wrong, the surest first."""
        right, wrong = self.method(name).probabilities, self.method(other).probabilities
        chosen = np.flatnonzero((right.argmax(axis=1) == self.classes) & (wrong.argmax(axis=1) != self.classes))
        return self.held_out[chosen[np.argsort(-right[chosen].max(axis=1), kind="stable")]]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        about: dict[str, Any] = {"n_train": self.n_train, "n_held_out": len(self.held_out), "stopped": self.stopped}
        about["backbone_choice"] = self.choice.to_json() if self.choice else None
        return {**about, "settings": asdict(self.settings), "rows": [method.to_json() for method in self.methods]}


ComparisonEvent = Progress | ComparisonEpoch | MethodResult | ComparisonResult


def compare(
    directory: Path, stop: Stop, dataset: PhotoDataset, settings: ComparisonSettings, cache: Path
) -> Iterator[ComparisonEvent]:
    """Learn the same classes in three ways; ends with the `ComparisonResult`, also if `stop` says so early.

    Each method's result is an event as soon as it is complete, so that it is not lost if the process is killed.
    `directory` takes the shrunk photos meanwhile, `cache` keeps features for the next time. Raises DatasetError or
    TrainingError for photos that cannot be trained on, ModelError if there is no backbone.
    """
    yield Progress("Getting ready")
    directory.mkdir(parents=True, exist_ok=True)
    transfer = settings.transfer.for_sound() if dataset.sound else settings.transfer
    settings = replace(settings, transfer=transfer)
    splits = divide(dataset, transfer.folds, validation_fraction=transfer.validation_fraction, seed=transfer.seed)
    task = _Task(directory, stop, dataset, settings, cache, splits)
    methods, choice = yield from _transferred(task)
    if not stop():
        methods += yield from _from_scratch(task)
    yield ComparisonResult(
        methods=tuple(methods),
        settings=settings,
        class_names=dataset.class_names,
        held_out=task.held_out,
        classes=task.classes[task.held_out],
        n_train=min(len(split.train) for split in task.splits),
        stopped=stop(),
        noun=dataset.noun,
        choice=choice,
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """What all ways to learn have in common."""

    directory: Path
    stop: Stop
    dataset: PhotoDataset
    settings: ComparisonSettings
    cache: Path
    splits: tuple[Split, ...]

    @property
    def classes(self) -> np.ndarray:
        return np.asarray(self.dataset.class_indices)

    @property
    def groups(self) -> np.ndarray:
        return np.asarray(self.dataset.groups)

    @property
    def held_out(self) -> np.ndarray:
        """Indices of the held-out photos, ascending."""
        return np.sort(np.concatenate([split.validation for split in self.splits]))


@dataclass(frozen=True, eq=False)
class _Learned:
    """What was learned from one split: probabilities (m, k) for its held-out photos, and how large it is."""

    probabilities: np.ndarray
    size_bytes: int


Learning = Generator[EpochReport, None, _Learned | None]  # None if it was stopped before the end of an epoch


def _method(
    task: _Task,
    name: str,
    learn: Callable[[int, Split], Learning],
    *,
    seconds_before: float,
    seen: SeenBySplit | None = None,
) -> Generator[ComparisonEvent, None, list[MethodResult]]:
    """Learn from every split; yield and return its result, or none while a held-out photo has no answer.

    `seen` is what a transferred head sees.
    """
    yield Progress(f"Training: {name}")
    started, size_bytes = time.monotonic() - seconds_before, 0
    history: list[EpochReport] = []
    answers = np.full((len(task.classes), len(task.dataset.class_names)), np.nan)
    for fold, split in enumerate(task.splits):
        learning = Steps(learn(fold, split))
        for report in learning:
            history.append(report)
            yield ComparisonEpoch(name, report)
        if learning.result is None:
            break
        answers[np.asarray(split.validation)] = learning.result.probabilities
        size_bytes = learning.result.size_bytes
    seconds, given = time.monotonic() - started, answers[task.held_out]
    if np.isnan(given).any():
        return []
    result = MethodResult(name, _evaluated(task, given, seen), given, tuple(history), seconds, size_bytes)
    yield result
    return [result]


def _evaluated(task: _Task, probabilities: np.ndarray, seen: SeenBySplit | None) -> Evaluation:
    truth, groups = task.classes[task.held_out], task.groups[task.held_out]
    overlap = 0
    if seen:
        overlap = sum(own.overlap(split.validation) for own, split in zip(seen.splits, task.splits, strict=True))
    return evaluate(truth, probabilities, task.dataset.class_names, groups=groups, training_overlap=overlap)


def progress_line(event: ComparisonEvent) -> str:
    """What a log says about an event; nothing for most of them."""
    match event:
        case Progress(text, total=0):
            return text
        case ComparisonEpoch(method, report) if report.epoch % 10 == 0 or report.epoch == report.epochs:
            part = f", part {report.fold + 1} of {report.folds}" if report.folds > 1 else ""
            return f"{method}{part}: epoch {report.epoch}, validation accuracy {measured(report.validation_accuracy)}"
    return ""


# --- transferred -------------------------------------------------------------------------------------------


def _transferred(
    task: _Task,
) -> Generator[ComparisonEvent, None, tuple[list[MethodResult], BackboneChoice | None]]:
    """Two heads on the features of a network that has learned from many other photos, and why of this one."""
    import keras  # noqa: F401 - here, so that no method has to answer for these seconds

    config = task.settings.transfer
    methods: list[MethodResult] = []

    yield Progress(looking_at(task.dataset))
    started = time.monotonic()
    with ExitStack() as files:
        seen = yield from look(
            task.dataset,
            task.splits,
            config,
            cache=task.cache,
            directory=task.directory,
            files=files,
            stop=task.stop,
        )
        if seen is None:
            return [], None
        looking_s = time.monotonic() - started
        for name, channels, settings in _heads(task.dataset, seen.everyone.examples, config):
            if task.stop():
                break
            learn = partial(_head, task, seen, channels, settings)
            methods += yield from _method(task, name, learn, seen=seen, seconds_before=looking_s)
    if task.dataset.pictures > 1 and len(methods) == task.dataset.pictures + 1:
        methods.append(_mean_of_logits(task, methods[:-1], seen, looking_s))
        yield methods[-1]
    return methods, seen.everyone.choice


def _heads(
    dataset: PhotoDataset, examples: Examples, config: TrainingConfig
) -> Iterator[tuple[str, slice, TrainingConfig]]:
    """Each head to be compared: its name, the channels that it reads, and its settings."""
    everything = slice(None)
    if dataset.sound is None or dataset.pictures == 1:
        yield FROZEN, everything, replace(config, power_normalized=False)
        yield NORMALIZED, everything, replace(config, power_normalized=True)
        return
    channels = examples.features.shape[-1] // dataset.pictures
    for number, kind in enumerate(dataset.sound.pictures):
        yield kind, slice(number * channels, (number + 1) * channels), config
    yield JOINT, everything, config


def _mean_of_logits(task: _Task, heads: Sequence[MethodResult], seen: SeenBySplit, looking_s: float) -> MethodResult:
    """Late fusion without a further fit: the mean of the logits of the heads on each picture.

    The logarithm of a softmax is the logits less the same number for all classes, which changes no answer.
    """
    logits = np.mean([np.log(np.maximum(head.probabilities, SMALLEST_PROBABILITY)) for head in heads], axis=0)
    fitting_s = sum(head.seconds - looking_s for head in heads)
    size_bytes = sum(head.size_bytes for head in heads) - (len(heads) - 1) * seen.splits[-1].backbone_bytes
    given = softmax(logits, 1.0)
    return MethodResult(MEAN, _evaluated(task, given, seen), given, (), looking_s + fitting_s, size_bytes)


def _head(task: _Task, seen: SeenBySplit, channels: slice, config: TrainingConfig, fold: int, split: Split) -> Learning:
    own = seen.splits[fold]
    examples = replace(own.examples, features=own.examples.features[..., channels])
    fit = yield from fit_head(examples, split, config, stop=task.stop, fold=fold, folds=len(task.splits))
    if not fit.history:
        return None
    probabilities = softmax(logits_of(fit.head, examples, split.validation), 1.0)
    return _Learned(probabilities, own.backbone_bytes + len(fit.head.to_npz_bytes()))


# --- from scratch ------------------------------------------------------------------------------------------


def _from_scratch(task: _Task) -> Generator[ComparisonEvent, None, list[MethodResult]]:
    """The articles' own network, which has seen nothing but these photos."""
    yield Progress("Shrinking the pictures")
    started, file = time.monotonic(), task.directory / "squares.npy"
    photos = task.dataset.photos
    try:
        paths = [photo.path for photo in photos]
        for done in photo_squares(paths, task.settings.side_px, file, pictures=task.dataset.pictures):
            if task.stop():
                return []
            yield Progress("Shrinking the pictures", done, len(photos))
        learn = partial(_network, task, np.load(file, mmap_mode="r", allow_pickle=False))
        return (yield from _method(task, SCRATCH, learn, seconds_before=time.monotonic() - started))
    finally:
        file.unlink(missing_ok=True)


def _network(task: _Task, squares: np.ndarray, fold: int, split: Split) -> Learning:
    settings, held_out, learned = task.settings, np.asarray(split.validation), None
    network = ScratchNetwork(
        settings.side_px,
        len(task.dataset.class_names),
        dropout=settings.dropout,
        learning_rate=settings.learning_rate,
        seed=settings.transfer.seed,
        network=settings.network,
    )
    for epoch in range(1, settings.epochs + 1):
        on_the_way = network.learn(squares, task.classes, np.asarray(split.train), epoch, task.stop)
        if on_the_way is None:
            break
        learned = _Learned(network.probabilities(squares, held_out), network.size_bytes)
        measured = _loss_and_accuracy(learned.probabilities, task.classes[held_out])
        yield EpochReport(fold, len(task.splits), epoch, settings.epochs, *on_the_way, *measured)
    return learned


def _loss_and_accuracy(probabilities: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    own = probabilities[np.arange(len(classes)), classes]
    loss = -np.log(np.maximum(own, SMALLEST_PROBABILITY)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == classes).mean())


def _require(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:  # NaN fails too
        kind = "a whole number" if whole else "a number"
        raise TrainingError(f"{name} must be {kind} from {low:g} to {high:g}. Received: {value!r:.80}.")
