"""Photos in, a head out, and an honest word on how good it is: one training from beginning to end.

    for event in train(directory, stop, dataset, TrainingConfig(), cache):
        ...                          Phase, EmbeddingProgress, EpochReport, and at last a TrainingResult

The photos that judge never train, and neither does a copy of one. They decide nothing that is then measured on them:
not when to stop, and the temperature of a photo's probabilities comes from other photos. Runs in a child process, or
in the command line; events and results are plain data that can be sent from one process to another.
"""

import contextlib
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.backbone import Backbone
from dance_demo.backbones import backbone_file, known_backbone
from dance_demo.classifier import Classifier
from dance_demo.dataset import PhotoDataset
from dance_demo.evaluation import Evaluation, evaluate, fit_temperature
from dance_demo.familiarity import Familiarity, limits
from dance_demo.head import Head, softmax
from dance_demo.head_fitting import EpochReport, Examples, fit_head, logits_of
from dance_demo.model_store import FAMILIARITY, HEAD, load_classifier, save_model
from dance_demo.preparation import EmbeddingProgress, divided, embedded, examples_of, scratch_file
from dance_demo.splits import Split
from dance_demo.suspicions import Suspicion, find_suspicions
from dance_demo.training_config import TrainingConfig

__all__ = [
    "EmbeddingProgress",
    "EpochReport",
    "Event",
    "Phase",
    "TrainingConfig",
    "TrainingResult",
    "load_trained",
    "train",
]

FAMILIAR_PHOTOS = 1000  # describe what is familiar as well as more of them do
CALIBRATION_PARTS = 5


@dataclass(frozen=True)
class Phase:
    """What is being done now, in words."""

    text: str


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training. `model` is a model directory without a backbone, as `load_trained` reads it.

    `held_out` (m,) are the places, ascending, of the photos that judged, and `probabilities` (m, k) what a head that
    had not seen them says. `n_train` photos trained the head that is served. `seconds` says where the time went.
    """

    model: Path
    config: TrainingConfig
    class_names: tuple[str, ...]
    evaluation: Evaluation
    temperature: float
    held_out: np.ndarray
    probabilities: np.ndarray
    history: tuple[EpochReport, ...]
    n_train: int
    stopped: bool
    suspicions: tuple[Suspicion, ...]
    seconds: dict[str, float]


Event = Phase | EmbeddingProgress | EpochReport | TrainingResult


def train(
    directory: Path, stop: Callable[[], bool], dataset: PhotoDataset, config: TrainingConfig, cache: Path
) -> Iterator[Event]:
    """Train a head on a dataset and save it as the new model directory `directory`/model; the last event is the result.

    `stop` is asked all the time; when it says so, the best head so far is the result, or there is none if nothing
    has been trained yet (or `config.keep_best` is off). Features are kept in the folder `cache`.
    Raises DatasetError or TrainingError for photos that cannot be trained on, ModelError if there is no backbone.
    """
    watch = _Watch()
    yield Phase("Getting ready")
    threading.Thread(target=_import_keras, daemon=True).start()  # takes as long as a hundred photos
    splits = divided(dataset, config)
    backbone = Backbone(backbone_file(config.backbone))
    with scratch_file(directory) as scratch, _one_thread():
        yield Phase("Looking at the photos")
        features = yield from embedded(dataset, splits, config, backbone, cache, scratch, stop)
        if features is None:
            return
        watch.lap("photos")
        examples = examples_of(dataset, features, backbone)
        yield Phase("Training")
        training = yield from _trained(examples, splits, config, stop)
        watch.lap("training")
        if training is None or (stop() and not config.keep_best):
            return
        yield Phase("Judging")
        stopped, suspicions = stop(), ()
        if not stopped:
            suspicions = find_suspicions(features[:, 0], dataset, seed=config.seed)
        yield _result(directory, dataset, config, training, watch, stopped=stopped, suspicions=suspicions)


def load_trained(model: Path) -> Classifier:
    """The classifier of a directory that `train` saved, with the backbone that is here already. No TensorFlow.

    Raises `ModelError` if it is damaged or its backbone is not on this computer.
    """
    return load_classifier(model, find_backbone=known_backbone)


# --- the machine ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """NumPy and scikit-learn on one thread: what they do here is small, and their threads mostly wait for each other.

    A fit of 40 ms took up to 50 times as long with two threads on a busy machine.
    """
    import sklearn.linear_model  # noqa: F401 - only libraries that are loaded are limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _import_keras() -> None:
    with contextlib.suppress(Exception):  # it is imported again where it is needed, and says then what is wrong
        import keras  # noqa: F401


# --- the fit -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a head says about photos that it has not seen: logits (m, k) and distances (m,) of `places` (m,)."""

    places: np.ndarray
    logits: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True, eq=False)
class _Training:
    """The head that is served, what is familiar to it, and one part per fold of what judges it."""

    head: Head
    familiarity: Familiarity
    n_train: int
    parts: tuple[_Judged, ...]
    history: tuple[EpochReport, ...]


def _trained(
    examples: Examples, splits: Sequence[Split], config: TrainingConfig, stop: Callable[[], bool]
) -> Generator[Event, None, _Training | None]:
    """A head per split, and after cross-validation one of all photos; None if there was no time for one epoch."""
    best: _Training | None = None
    for fold, split in enumerate(splits):
        familiarity = _familiarity(examples, split.train, config)
        fit = yield from fit_head(examples, split, config, stop=stop, fold=fold, folds=len(splits))
        if fit.history and not (best and stop()):  # a fold that is complete says more than a part of the next one
            part = _judged(fit.head, familiarity, examples, split.validation)
            parts, history = (best.parts, best.history) if best else ((), ())
            best = _Training(fit.head, familiarity, len(split.train), (*parts, part), (*history, *fit.history))
        if stop():
            return best
    return best if len(splits) == 1 else (yield from _trained_on_all(best, examples, config, stop))


def _trained_on_all(
    measured: _Training, examples: Examples, config: TrainingConfig, stop: Callable[[], bool]
) -> Generator[Event, None, _Training]:
    """The head of all photos; nothing is left to judge it, but the folds have judged how it is made."""
    yield Phase("Training a head on all photos")
    everyone = tuple(range(len(examples.classes)))
    familiarity = _familiarity(examples, everyone, config)
    reports = fit_head(examples, Split(everyone, ()), config, stop=stop, fold=len(measured.parts))
    while True:
        try:
            next(reports)
        except StopIteration as end:
            if not end.value.history:
                return measured
            return replace(measured, head=end.value.head, familiarity=familiarity, n_train=len(everyone))


def _familiarity(examples: Examples, places: Sequence[int], config: TrainingConfig) -> Familiarity:
    some = np.random.default_rng(config.seed).permutation(np.asarray(places))[:FAMILIAR_PHOTOS]
    return Familiarity.fit(np.concatenate([*examples.served(np.sort(some))]))


def _judged(head: Head, familiarity: Familiarity, examples: Examples, places: Sequence[int]) -> _Judged:
    distances = [familiarity.distance(pooled) for pooled in examples.served(places)]
    return _Judged(np.asarray(places), logits_of(head, examples, places), np.concatenate(distances))


# --- the result --------------------------------------------------------------------------------------------


def _result(
    directory: Path,
    dataset: PhotoDataset,
    config: TrainingConfig,
    training: _Training,
    watch: "_Watch",
    *,
    stopped: bool,
    suspicions: tuple[Suspicion, ...],
) -> TrainingResult:
    """Judge and calibrate the head, and save it."""
    judged = _pooled(training.parts)
    classes, groups = np.asarray(dataset.class_indices)[judged.places], np.asarray(dataset.groups)[judged.places]
    probabilities = _calibrated(judged.logits, classes, groups, config.seed)
    evaluation = evaluate(classes, probabilities, dataset.class_names, groups=groups)
    temperature = _temperature(judged.logits, classes)
    refusal = limits(judged.distances, softmax(judged.logits, temperature))
    head = replace(training.head, temperature=temperature)
    files = {HEAD: head.to_npz_bytes(), FAMILIARITY: training.familiarity.with_limits(**refusal).to_npz_bytes()}
    protocol = _protocol(dataset, config, evaluation.n, training.n_train)
    save_model(
        directory / "model",
        files,
        name="A head of your own",
        class_names=dataset.class_names,
        photos_per_class=dict(sorted(Counter(dataset.labels).items())),
        evaluation={**evaluation.to_json(), **refusal, "temperature": temperature, "protocol": protocol},
        training=_about(head, config, n_train=training.n_train, stopped=stopped),
    )
    return TrainingResult(
        model=directory / "model",
        config=config,
        class_names=dataset.class_names,
        evaluation=evaluation,
        temperature=temperature,
        held_out=judged.places,
        probabilities=probabilities,
        history=training.history,
        n_train=training.n_train,
        stopped=stopped,
        suspicions=suspicions,
        seconds=watch.seconds("judging"),
    )


def _pooled(parts: Sequence[_Judged]) -> _Judged:
    """All folds as one, in the order of the photos."""
    places, logits, distances = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("places", "logits", "distances")
    )
    order = np.argsort(places)
    return _Judged(places[order], logits[order], distances[order])


def _about(head: Head, config: TrainingConfig, *, n_train: int, stopped: bool) -> dict[str, Any]:
    """What the card says on how the head was made."""
    return {
        "backbone": config.backbone,
        "backbone_sha256": head.backbone_sha256,
        "config": asdict(config),
        "n_train": n_train,
        "stopped": stopped,
        "versions": {name: version(name) for name in ("keras", "numpy", "pillow", "scikit-learn")},
        "python": platform.python_version(),
    }


def _calibrated(logits: np.ndarray, classes: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities (m, k), each photo's under a temperature that was fitted without it and its copies."""
    numbers, members = np.unique(groups, return_inverse=True)
    part = (np.random.default_rng(seed).permutation(len(numbers)) % CALIBRATION_PARTS)[members]
    probabilities = np.empty_like(logits)
    for number in np.unique(part):
        mine, others = part == number, part != number
        fitted_on = others if others.any() else mine
        probabilities[mine] = softmax(logits[mine], _temperature(logits[fitted_on], classes[fitted_on]))
    return probabilities


def _temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Fitted as if one photo more were in doubt (Platt 1999), or a few photos, all right, would make it certain."""
    return fit_temperature(logits, classes, doubt=1 / (len(classes) + 2))


def _protocol(dataset: PhotoDataset, config: TrainingConfig, judged: int, n_train: int) -> str:
    copies = "copies and near-duplicates were always on the same side. The interval is a bootstrap over their groups."
    if config.folds:
        return (
            f"{judged} photos in {config.folds} folds, each judged by a head that was trained without its fold; "
            f"{copies} The head that is served was trained on {n_train} photos."
        )
    aside = f"{judged} of {len(dataset.photos)} photos were put aside"
    return f"{aside} and judged the head that {n_train} trained; {copies}"


class _Watch:
    """Where the time goes."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name], self._last = now - self._last, now

    def seconds(self, name: str) -> dict[str, float]:
        """All laps so far, the one that ends now, and the total."""
        self.lap(name)
        return {**self._laps, "total": self._last - self._started}
