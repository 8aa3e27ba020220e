"""Photos in, a head out, and an honest word on how good it is: one training from beginning to end.

    for event in train(directory, stop, dataset, TrainingConfig(), cache):
        ...                          Progress, EpochReport, and at last a TrainingResult

The photos that judge never train, and neither does a copy of one. They decide nothing that is then measured on them:
not when to stop, and the temperature of a photo's probabilities comes from other photos. Runs in a child process, or
in the command line.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.label_issues import LabelIssue, find_label_issues
from dance_demo.data.splits import Split, divide
from dance_demo.jobs.progress import Progress, Steps, Stop
from dance_demo.model.backbone import Backbone
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.networks.imagenet import backbone_file
from dance_demo.training.backbones.fine_tuning import compared, fine_tune, require_fine_tunable
from dance_demo.training.backbones.seen import Seen, SeenBySplit, look, looking_at
from dance_demo.training.config import TrainingConfig
from dance_demo.training.features import scratch_file
from dance_demo.training.fit import Examples, fit_head, logits_of
from dance_demo.training.judging import About, Judged, Stopwatch, judged_and_saved
from dance_demo.training.neighbours import write_embeddings
from dance_demo.training.result import EpochReport, TrainingEvent, TrainingResult
from dance_demo.training.same_photos import corrections_sentence

FAMILIAR_PHOTOS = 1000  # describe what is familiar as well as more of them do


def train(
    directory: Path, stop: Stop, dataset: PhotoDataset, config: TrainingConfig, cache: Path
) -> Iterator[TrainingEvent]:
    """Train a head on a dataset and save it as the new model directory `directory`/model; the last event is the result.

    `stop` is asked all the time; when it says so, the best head so far is the result, or there is none if nothing
    has been trained yet (or `config.keep_best` is off). Features are kept in the folder `cache`.
    Raises DatasetError or TrainingError for photos that cannot be trained on, ModelError if there is no backbone.
    """
    stopwatch = Stopwatch()
    config = config.for_sound() if dataset.sound else config
    require_fine_tunable(dataset, config)
    yield Progress("Getting ready")
    threading.Thread(target=_import_keras, daemon=True).start()  # takes as long as a hundred photos
    splits = divide(dataset, config.folds, validation_fraction=config.validation_fraction, seed=config.seed)
    with contextlib.ExitStack() as files, _one_thread():
        yield Progress(looking_at(dataset))
        seen = yield from look(dataset, splits, config, cache=cache, directory=directory, files=files, stop=stop)
        if seen is None:
            return
        stopwatch.lap(dataset.noun)
        yield Progress("Training")
        trained = yield from _trained(seen, splits, config, stop)
        stopwatch.lap("training")
        if trained is None or (stop() and not config.keep_best):
            return
        frozen, tuned = trained, None
        if config.fine_tune and not stop():
            tuned = yield from _fine_tuned(frozen, splits[0], config, directory, files, stop)
            stopwatch.lap("fine-tuning")
            if stop() and not config.keep_best:
                return
        yield Progress("Judging")
        stopped = stop()
        # Blocks that have learned the labels would take wrong ones for right: the frozen ones are asked.
        issues = () if stopped else find_label_issues(frozen.served, dataset, seed=config.seed)
        trained = tuned or frozen
        embeddings = write_embeddings(trained.served, directory / "embeddings.npy")
        result = _result(directory, dataset, config, trained, stopwatch, stopped=stopped, label_issues=issues)
        yield replace(result, embeddings=embeddings)


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
class _HeldOut:
    """What a head says about photos that it has not seen: logits (m, k) and distances (m,) of `indices` (m,)."""

    indices: np.ndarray
    logits: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True, eq=False)
class _Training:
    """The head that is served, what it sees and what is familiar to it.

    Of each fold there is a part of what is said about held-out photos, and how many of these its backbone has learned
    from.
    """

    head: Head
    seen: Seen
    familiarity: Familiarity
    n_train: int
    parts: tuple[_HeldOut, ...]
    overlap: int
    history: tuple[EpochReport, ...]
    changes: bytes = b""
    fine_tuning: str = ""

    @property
    def served(self) -> np.ndarray:
        """The features (n, c) of all photos, as they are served."""
        return self.seen.examples.features[:, 0]


def _trained(
    seen: SeenBySplit, splits: Sequence[Split], config: TrainingConfig, stop: Stop
) -> Generator[Progress | EpochReport, None, _Training | None]:
    """A head per split, and after cross-validation one of all photos; None if there was no time for one epoch."""
    best: _Training | None = None
    for fold, (own, split) in enumerate(zip(seen.splits, splits, strict=True)):
        familiarity = _familiarity(own.examples, split.train, config)
        fit = yield from fit_head(own.examples, split, config, stop=stop, fold=fold, folds=len(splits))
        if fit.history and not (best and stop()):  # a fold that is complete says more than a part of the next one
            part = _held_out(fit.head, familiarity, own.examples, split.validation)
            parts, history, overlap = (best.parts, best.history, best.overlap) if best else ((), (), 0)
            best = _Training(
                head=fit.head,
                seen=own,
                familiarity=familiarity,
                n_train=len(split.train),
                parts=(*parts, part),
                overlap=overlap + own.overlap(split.validation),
                history=(*history, *fit.history),
            )
        if stop():
            return best
    if best and len(splits) > 1:
        return (yield from _trained_on_all(best, seen.everyone, config, stop))
    return best


def _trained_on_all(
    measured: _Training, seen: Seen, config: TrainingConfig, stop: Stop
) -> Generator[Progress, None, _Training]:
    """The head of all photos; nothing is left to judge it, but the folds have judged how it is made."""
    yield Progress(f"Training a head on all {seen.dataset.noun}")
    everyone = tuple(range(len(seen.examples.classes)))
    familiarity = _familiarity(seen.examples, everyone, config)
    fit = Steps(fit_head(seen.examples, Split(everyone, ()), config, stop=stop, fold=len(measured.parts))).run()
    if not fit.history:
        return measured
    return replace(measured, head=fit.head, seen=seen, familiarity=familiarity, n_train=len(everyone))


def _fine_tuned(
    frozen: _Training,
    split: Split,
    config: TrainingConfig,
    directory: Path,
    files: contextlib.ExitStack,
    stop: Stop,
) -> Generator[Progress | EpochReport, None, _Training | None]:
    """The same after its backbone was fine-tuned; None if it was stopped before one epoch of that was over."""
    dataset, backbone = frozen.seen.dataset, Backbone(backbone_file(frozen.seen.backbone))
    tuned = yield from fine_tune(
        dataset,
        split,
        config,
        frozen.head,
        backbone=backbone,
        scratch=files.enter_context(scratch_file(directory, "cut")),
        epochs_before=len(frozen.history),
        stop=stop,
    )
    if tuned is None:
        return None
    familiarity = _familiarity(tuned.examples, split.train, config)
    part = _held_out(tuned.head, familiarity, tuned.examples, split.validation)
    truth = tuned.examples.classes[part.indices]
    before, after = (one.logits.argmax(axis=1) == truth for one in (frozen.parts[0], part))
    return replace(
        frozen,
        head=tuned.head,
        seen=replace(frozen.seen, examples=tuned.examples),
        familiarity=familiarity,
        parts=(part,),
        history=(*frozen.history, *tuned.history),
        changes=tuned.changes,
        fine_tuning=compared(before, after, np.asarray(dataset.groups)[part.indices], config.seed),
    )


def _familiarity(examples: Examples, indices: Sequence[int], config: TrainingConfig) -> Familiarity:
    some = np.random.default_rng(config.seed).permutation(np.asarray(indices))[:FAMILIAR_PHOTOS]
    return Familiarity.fit(np.concatenate([*examples.served(np.sort(some).tolist())]))


def _held_out(head: Head, familiarity: Familiarity, examples: Examples, indices: Sequence[int]) -> _HeldOut:
    distances = [familiarity.distance(pooled) for pooled in examples.served(indices)]
    return _HeldOut(np.asarray(indices), logits_of(head, examples, indices), np.concatenate(distances))


# --- the result --------------------------------------------------------------------------------------------


def _result(
    directory: Path,
    dataset: PhotoDataset,
    config: TrainingConfig,
    training: _Training,
    stopwatch: Stopwatch,
    *,
    stopped: bool,
    label_issues: tuple[LabelIssue, ...],
) -> TrainingResult:
    """Judge and calibrate the head, and save it."""
    held_out = _pooled(training.parts)
    about = About(
        photos_per_class=dict(sorted(Counter(dataset.labels).items())),
        protocol=_protocol(dataset, config, len(held_out.indices), training.n_train),
        training_overlap=training.overlap,
        stopped=stopped,
        backbone=training.seen.backbone,
        choice=training.seen.choice,
        corrections=dataset.corrections,
        label_issues=label_issues,
        sound=dataset.sound.to_card() if dataset.sound else {},
        changes=training.changes,
        fine_tuning=training.fine_tuning,
    )
    judged = Judged(
        head=training.head,
        familiarity=training.familiarity,
        n_train=training.n_train,
        held_out=held_out.indices,
        logits=held_out.logits,
        distances=held_out.distances,
        history=training.history,
    )
    return judged_and_saved(directory, judged, training.seen.examples, config, about, stopwatch)


def _pooled(parts: Sequence[_HeldOut]) -> _HeldOut:
    """All folds as one, in the order of the photos."""
    indices, logits, distances = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("indices", "logits", "distances")
    )
    order = np.argsort(indices)
    return _HeldOut(indices[order], logits[order], distances[order])


def _protocol(dataset: PhotoDataset, config: TrainingConfig, judged: int, n_train: int) -> str:
    copies = "copies and near-duplicates were always on the same side. The interval is a bootstrap over their groups."
    if any(photo.recording for photo in dataset.photos):
        copies = f"{dataset.noun} of one recording, {copies}"
    if dataset.corrections:
        copies += f" {corrections_sentence(dataset.corrections)}"
    if config.folds:
        return (
            f"{judged} {dataset.noun} in {config.folds} folds, each judged by a head trained without its fold; "
            f"{copies} The head that is served was trained on {n_train} {dataset.noun}."
        )
    aside = f"{judged} of {len(dataset.photos)} {dataset.noun} were put aside"
    return f"{aside} and judged the head that {n_train} trained; {copies}"
