"""From scratch or transferred: what the teaching articles are about, on somebody's own photos and the same split.

Three ways to learn the same classes: a head on a frozen backbone's features, the same with the features
power-normalised, and the articles' own network from scratch. All train on the same photos and are judged by the
same others. It runs in a child process; the curves of all three grow while they learn.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.backbone import Backbone
from dance_demo.backbones import backbone_file
from dance_demo.dataset import PhotoDataset
from dance_demo.errors import TrainingError
from dance_demo.evaluation import Evaluation, evaluate
from dance_demo.head import softmax
from dance_demo.head_fitting import EpochReport, Examples, fit_head, logits_of
from dance_demo.preparation import EmbeddingProgress, divided, embedded, examples_of, scratch_file
from dance_demo.scratch_network import ScratchNetwork, photo_squares
from dance_demo.splits import Split
from dance_demo.training import Phase, TrainingConfig

FROZEN, NORMALIZED, SCRATCH = "frozen", "frozen, power-normalised", "from scratch"
ROWS = (FROZEN, NORMALIZED, SCRATCH)
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
    transfer: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _require("The size of the photos", self.side_px, *SIDES_PX, whole=True)
        _require("Epochs", self.epochs, 1, 500, whole=True)
        _require("The learning rate", self.learning_rate, 1e-6, 1)
        _require("Dropout", self.dropout, 0, 0.9)


@dataclass(frozen=True)
class ComparisonEpoch:
    """One epoch of one of the ways to learn, named by `row`."""

    row: str
    report: EpochReport


@dataclass(frozen=True, eq=False)
class ComparisonRow:
    """One way to learn, judged. probabilities (m, k) are for the held-out photos, without a temperature.

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
    """All that were judged on all held-out photos: fewer than three if it was stopped.

    held_out (m,) are places in dataset.photos and classes (m,) their class indices.
    """

    rows: tuple[ComparisonRow, ...]
    settings: ComparisonSettings
    class_names: tuple[str, ...]
    held_out: np.ndarray
    classes: np.ndarray
    n_train: int
    stopped: bool

    def row(self, name: str) -> ComparisonRow:
        return next(row for row in self.rows if row.name == name)

    def only_right(self, name: str, other: str) -> np.ndarray:
        """Places in dataset.photos of those that `name` gets right and `other` wrong, the surest first."""
        right, wrong = self.row(name).probabilities, self.row(other).probabilities
        chosen = np.flatnonzero((right.argmax(axis=1) == self.classes) & (wrong.argmax(axis=1) != self.classes))
        return self.held_out[chosen[np.argsort(-right[chosen].max(axis=1), kind="stable")]]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, ready for json.dumps."""
        about = {"n_train": self.n_train, "n_held_out": len(self.held_out), "stopped": self.stopped}
        return {**about, "settings": asdict(self.settings), "rows": [row.to_json() for row in self.rows]}

    def table(self) -> str:
        """The rows as a Markdown table, which reads well on a terminal, too."""
        title = f"{len(self.held_out)} held-out photos"
        lines = [f"| {title} | accuracy [95 %] | macro F1 | seconds | size |", "|---|---|---|---|---|"]
        for row in self.rows:
            low, high = row.evaluation.accuracy_interval
            accuracy = f"{row.evaluation.accuracy:.1%} [{low:.1%}, {high:.1%}]"
            size = f"{row.size_bytes / 1e6:.1f} MB"
            lines.append(f"| {row.name} | {accuracy} | {row.evaluation.macro_f1:.2f} | {row.seconds:.0f} | {size} |")
        return "\n".join(lines)


Event = Phase | EmbeddingProgress | ComparisonEpoch | ComparisonRow | ComparisonResult


def compare(
    directory: Path, stop: Callable[[], bool], dataset: PhotoDataset, settings: ComparisonSettings, cache: Path
) -> Iterator[Event]:
    """Learn the same classes in three ways; ends with the `ComparisonResult`, also if `stop` says so early.

    Each row is an event of its own as soon as it is complete, so that it is not lost if the process is killed.
    `directory` takes the shrunk photos meanwhile, `cache` keeps features for the next time. Raises DatasetError or
    TrainingError for photos that cannot be trained on, ModelError if there is no backbone.
    """
    yield Phase("Getting ready")
    directory.mkdir(parents=True, exist_ok=True)
    task = _Task(directory, stop, dataset, settings, cache, divided(dataset, settings.transfer))
    rows = yield from _transferred(task)
    if not stop():
        rows += yield from _from_scratch(task)
    yield ComparisonResult(
        rows=tuple(rows),
        settings=settings,
        class_names=dataset.class_names,
        held_out=task.held_out,
        classes=task.classes[task.held_out],
        n_train=min(len(split.train) for split in task.splits),
        stopped=stop(),
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """What all ways to learn have in common."""

    directory: Path
    stop: Callable[[], bool]
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
        """Places of the photos that judge, ascending."""
        return np.sort(np.concatenate([split.validation for split in self.splits]))


@dataclass(frozen=True, eq=False)
class _Learned:
    """What was learned from one split: probabilities (m, k) for the photos that judge it, and how large it is."""

    probabilities: np.ndarray
    size_bytes: int


Learning = Generator[EpochReport, None, _Learned | None]  # None if it was stopped before the end of an epoch


def _row(
    task: _Task, name: str, learn: Callable[[int, Split], Learning], *, seconds_before: float
) -> Generator[Event, None, list[ComparisonRow]]:
    """Learn from every split; yield and return the row of it, or none while a held-out photo has no answer."""
    yield Phase(f"Training: {name}")
    started, history, size_bytes = time.monotonic() - seconds_before, [], 0
    answers = np.full((len(task.classes), len(task.dataset.class_names)), np.nan)
    for fold, split in enumerate(task.splits):
        learned = yield from _reported(name, learn(fold, split), history)
        if learned is None:
            break
        answers[np.asarray(split.validation)], size_bytes = learned.probabilities, learned.size_bytes
    seconds, given = time.monotonic() - started, answers[task.held_out]
    if np.isnan(given).any():
        return []
    truth, groups = task.classes[task.held_out], task.groups[task.held_out]
    evaluation = evaluate(truth, given, task.dataset.class_names, groups=groups)
    row = ComparisonRow(name, evaluation, given, tuple(history), seconds, size_bytes)
    yield row
    return [row]


def _reported(
    name: str, learning: Learning, history: list[EpochReport]
) -> Generator[ComparisonEpoch, None, _Learned | None]:
    """Pass the reports on as events of this row, and note them in `history`."""
    while True:
        try:
            history.append(next(learning))
        except StopIteration as end:
            return end.value
        yield ComparisonEpoch(name, history[-1])


def progress_line(event: Event) -> str:
    """What a log says about an event; nothing for most of them."""
    match event:
        case Phase(text):
            return text
        case ComparisonEpoch(row, report) if report.epoch % 10 == 0 or report.epoch == report.epochs:
            part = f", part {report.fold + 1} of {report.folds}" if report.folds > 1 else ""
            return f"{row}{part}: epoch {report.epoch}, validation accuracy {report.validation_accuracy:.1%}"
    return ""


# --- transferred -------------------------------------------------------------------------------------------


def _transferred(task: _Task) -> Generator[Event, None, list[ComparisonRow]]:
    """Two heads on the features of a network that has learned from many other photos."""
    config, rows = task.settings.transfer, []
    file = backbone_file(config.backbone)
    backbone = Backbone(file)
    import keras  # noqa: F401 - here, so that no row has to answer for these seconds

    yield Phase("Looking at the photos")
    started = time.monotonic()
    with scratch_file(task.directory) as path:
        features = yield from embedded(task.dataset, task.splits, config, backbone, task.cache, path, task.stop)
        looking_s = time.monotonic() - started
        for name, normalized in ((FROZEN, False), (NORMALIZED, True)):
            if task.stop():
                break
            examples = examples_of(task.dataset, features, backbone)
            learn = partial(_head, task, examples, replace(config, power_normalized=normalized), file.stat().st_size)
            rows += yield from _row(task, name, learn, seconds_before=looking_s)
    return rows


def _head(
    task: _Task, examples: Examples, config: TrainingConfig, backbone_bytes: int, fold: int, split: Split
) -> Learning:
    fit = yield from fit_head(examples, split, config, stop=task.stop, fold=fold, folds=len(task.splits))
    if not fit.history:
        return None
    probabilities = softmax(logits_of(fit.head, examples, split.validation), 1.0)
    return _Learned(probabilities, backbone_bytes + len(fit.head.to_npz_bytes()))


# --- from scratch ------------------------------------------------------------------------------------------


def _from_scratch(task: _Task) -> Generator[Event, None, list[ComparisonRow]]:
    """The articles' own network, which has seen nothing but these photos."""
    yield Phase("Shrinking the photos")
    started, file = time.monotonic(), task.directory / "squares.npy"
    photos = task.dataset.photos
    try:
        for done in photo_squares([photo.path for photo in photos], task.settings.side_px, file):
            if task.stop():
                return []
            yield EmbeddingProgress(done, len(photos))
        learn = partial(_network, task, np.load(file, mmap_mode="r", allow_pickle=False))
        return (yield from _row(task, SCRATCH, learn, seconds_before=time.monotonic() - started))
    finally:
        file.unlink(missing_ok=True)


def _network(task: _Task, squares: np.ndarray, fold: int, split: Split) -> Learning:
    settings, judges, learned = task.settings, np.asarray(split.validation), None
    network = ScratchNetwork(
        settings.side_px,
        len(task.dataset.class_names),
        dropout=settings.dropout,
        learning_rate=settings.learning_rate,
        seed=settings.transfer.seed,
    )
    for epoch in range(1, settings.epochs + 1):
        on_the_way = network.learn(squares, task.classes, np.asarray(split.train), epoch, task.stop)
        if on_the_way is None:
            break
        learned = _Learned(network.probabilities(squares, judges), network.size_bytes)
        judged = _loss_and_accuracy(learned.probabilities, task.classes[judges])
        yield EpochReport(fold, len(task.splits), epoch, settings.epochs, *on_the_way, *judged)
    return learned


def _loss_and_accuracy(probabilities: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    own = probabilities[np.arange(len(classes)), classes]
    surprise = -np.log(np.maximum(own, SMALLEST_PROBABILITY)).mean()
    return float(surprise), float((probabilities.argmax(axis=1) == classes).mean())


def _require(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:  # NaN fails too
        kind = "a whole number" if whole else "a number"
        raise TrainingError(f"{name} must be {kind} from {low:g} to {high:g}. Received: {value!r:.80}.")
