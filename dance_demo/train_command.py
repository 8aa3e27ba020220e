"""`python -m dance_demo train DATA --out DIR`: what the page's training tab does, without a page."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dance_demo.archive import ArchiveLimits, Progress
from dance_demo.backbones import BACKBONES, cache_folder
from dance_demo.dataset import IntakeReport, PhotoDataset, open_dataset, require_trainable
from dance_demo.errors import TrainingError
from dance_demo.hub_address import is_dataset_address
from dance_demo.hub_client import own_access
from dance_demo.hub_dataset import Choice, fetch_photos, open_fetched
from dance_demo.interrupt import asked_to_stop
from dance_demo.model_store import ModelCard, require_new
from dance_demo.training import EmbeddingProgress, EpochReport, Phase, TrainingConfig, TrainingResult
from dance_demo.training import train as run
from dance_demo.training_config import AUGMENTATIONS, HEADS, OPTIMIZERS

NUMBERS = {
    "epochs": "how often all photos are gone through",
    "batch_size": "photos before each step",
    "learning_rate": "size of a step",
    "dropout": "share of the features left out in each step",
    "l2": "keeps the weights small",
    "label_smoothing": "teaches some doubt in the labels",
    "seed": "the same seed and photos give the same head",
}
CHOICES = {
    "backbone": (BACKBONES, "the eyes: fine-tuned on dance, or plain ImageNet for other subjects"),
    "head": (HEADS, "what is put on top of them"),
    "optimizer": (OPTIMIZERS, "how the weights are moved"),
    "augmentation": (tuple(AUGMENTATIONS), "how strongly copies of training photos are changed"),
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    default = TrainingConfig()
    command.add_argument("data", help="folder or zip of class folders, photos with a train.csv, or a dataset on the "
                         "Hugging Face Hub: hf://datasets/owner/name")  # fmt: skip
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")
    judge = command.add_mutually_exclusive_group()
    judge.add_argument("--validation", type=float, default=default.validation_fraction, metavar="SHARE",
                       help="share of the photos put aside to judge (default: %(default)s)")  # fmt: skip
    judge.add_argument("--folds", type=int, default=0, help="judge by cross-validation instead: 3 to 10")
    for name, text in NUMBERS.items():
        value = getattr(default, name)
        text = f"{text} (default: {value})"
        command.add_argument(_option(name), type=type(value), default=value, help=text)
    for name, (choices, text) in CHOICES.items():
        text = f"{text} (default: {getattr(default, name)})"
        command.add_argument(_option(name), choices=choices, default=getattr(default, name), help=text)
    command.add_argument("--class-weights", action="store_true", help="rare classes count for more")
    command.add_argument("--early-stopping", action="store_true", help="end when nothing gets better any more")
    command.add_argument("--plain-features", action="store_true", help="no square root and length 1 before the head")
    command.add_argument("--json", action="store_true")


def train(options: argparse.Namespace) -> int:
    """Train a head on labelled photos, judge it on photos that it has not seen, and save it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on stderr otherwise
    config = _config(options)
    require_new(options.out)
    with tempfile.TemporaryDirectory() as workspace:
        with tqdm(unit="photo", desc="Reading the photos", disable=None) as bar:
            dataset, report = _opened(options.data, Path(workspace), _progress(bar))
        for file in report.skipped:
            print(f"{file.name}: {file.reason}", file=sys.stderr)
        require_trainable(report)
        result = _trained(dataset, config, options.out)
    answer = _answer(result, report, dataset, options.out)
    print(json.dumps(answer, indent=1, ensure_ascii=False) if options.json else ModelCard.read(options.out).summary())
    return 0


def _opened(data: str, workspace: Path, progress: Progress) -> tuple[PhotoDataset, IntakeReport]:
    if not is_dataset_address(data):
        return open_dataset(Path(data), workspace=workspace, progress=progress)
    fetched = fetch_photos(data, workspace / "dataset", own_access(), limits=ArchiveLimits(), chosen=_tell_size)
    return open_fetched(fetched, workspace=workspace, progress=progress)


def _tell_size(choice: Choice) -> None:
    print(f"Fetching {choice.files:,} files, {choice.bytes / 1e6:,.1f} MB, from the Hub", file=sys.stderr, flush=True)


def _config(options: argparse.Namespace) -> TrainingConfig:
    given = {field.name: getattr(options, field.name) for field in fields(TrainingConfig) if field.name in options}
    return TrainingConfig(**given, validation_fraction=options.validation, power_normalized=not options.plain_features)


def _trained(dataset: PhotoDataset, config: TrainingConfig, out: Path) -> TrainingResult:
    """Train beside `out` and move the finished model there in one step."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".draft-") as draft:
        event = None
        with _shown() as show, asked_to_stop() as stop:
            for event in run(Path(draft), stop, dataset, config, cache_folder() / "features"):
                show(event)
        if not isinstance(event, TrainingResult):
            raise TrainingError("Stopped before there was anything to keep.")
        require_new(out)
        os.rename(event.model, out)
    return event


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[Any], None]]:
    """Shows events on stderr: on a terminal a bar for what can be counted, in a log a line now and then."""
    with tqdm(disable=None) as bar:
        if bar.disable:
            yield _told
            return

        def show(event: Any) -> None:
            if isinstance(event, Phase):
                bar.reset()
                bar.set_description(event.text)
            elif isinstance(event, EmbeddingProgress):
                bar.total = event.total
                bar.update(event.done - bar.n)
            elif isinstance(event, EpochReport):
                bar.total = event.epochs * event.folds
                bar.update(event.epochs * event.fold + event.epoch - bar.n)
                bar.set_postfix(loss=f"{event.loss:.3f}", validation_accuracy=f"{event.validation_accuracy:.3f}")

        yield show


def _told(event: Any) -> None:
    """A line for each phase, and for every tenth part of the epochs."""
    if isinstance(event, Phase):
        print(event.text, file=sys.stderr, flush=True)
    elif isinstance(event, EpochReport) and event.epoch % max(1, event.epochs // 10) == 0:
        part = f"part {event.fold + 1} of {event.folds}, " if event.folds > 1 else ""
        figures = f"loss {event.loss:.3f}, validation accuracy {event.validation_accuracy:.3f}"
        print(f"{part}epoch {event.epoch} of {event.epochs}: {figures}", file=sys.stderr, flush=True)


def _progress(bar: tqdm) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if done < bar.n:  # unpacked; now it reads
            bar.reset()
        bar.total = total
        bar.update(done - bar.n)

    return show


def _answer(result: TrainingResult, report: IntakeReport, dataset: PhotoDataset, out: Path) -> dict[str, Any]:
    """What `--json` promises."""
    evaluation = result.evaluation
    return {
        "model": str(out),
        "n_train": result.n_train,
        "n_validation": evaluation.n,
        "accuracy": evaluation.accuracy,
        "accuracy_interval": evaluation.accuracy_interval,
        "macro_f1": evaluation.macro_f1,
        "baseline": evaluation.majority_baseline,
        "seconds": round(result.seconds["total"], 1),
        "skipped": len(report.skipped),
        "duplicate_groups": sum(count > 1 for count in Counter(dataset.groups).values()),
    }


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
