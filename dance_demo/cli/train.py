"""`python -m dance_demo train DATA --out DIR`: what the page's training tab does, without a page."""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dance_demo.cli import embedded
from dance_demo.cli.arguments import Commands, add_command, add_held_out, add_layout, add_sound, sound_settings
from dance_demo.cli.ctrl_c import asked_to_stop
from dance_demo.cli.output import finished, log, log_report, print_json, require_place
from dance_demo.data.dataset import IntakeReport, PhotoDataset, open_dataset, require_trainable
from dance_demo.data.hub_source import Choice, fetch_photos, open_fetched
from dance_demo.data.layout import Wanted
from dance_demo.errors import DatasetError, TrainingError
from dance_demo.files.zip_archive import ArchiveLimits, OnProgress
from dance_demo.hub.address import is_dataset_address
from dance_demo.hub.client import own_access
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import ModelCard, cache_folder, require_new
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.training.config import AUGMENTATIONS, BACKBONE_CHOICES, HEADS, OPTIMIZERS, TrainingConfig
from dance_demo.training.neighbours import read_embeddings
from dance_demo.training.projection import Projection, project
from dance_demo.training.report import archive
from dance_demo.training.result import EpochReport, TrainingEvent, TrainingResult
from dance_demo.training.train import train as run

NUMBERS = {
    "epochs": "how often all photos are gone through",
    "batch_size": "photos before each step",
    "learning_rate": "size of a step",
    "dropout": "share of the features left out in each step",
    "l2": "keeps the weights small",
    "label_smoothing": "teaches some doubt in the labels",
    "seed": "the same seed and photos give the same head",
}
BY_NUMBER = ("epochs", "batch_size")
CHOICES = {
    "backbone": (BACKBONE_CHOICES, "the eyes: of dance, for other subjects, plain ImageNet, or what suits the photos"),
    "head": (HEADS, "what is put on top of them"),
    "optimizer": (OPTIMIZERS, "how the weights are moved"),
    "augmentation": (tuple(AUGMENTATIONS), "how strongly copies of training photos are changed"),
}


def add_commands(commands: Commands) -> None:
    command, default = add_command(commands, "train", train), TrainingConfig()
    command.add_argument("data", nargs="?", help="folder or zip of class folders (photos, or recordings), photos with "
                         "a train.csv, or a dataset on the Hugging Face Hub: hf://datasets/owner/name")  # fmt: skip
    command.add_argument("--features", type=Path, metavar="DIR", help="instead of photos: the Parquet files that "
                         "scripts/embed_many.py wrote of any number of them")  # fmt: skip
    command.add_argument("--label-column", default="", metavar="NAME", help="of --features: which column holds the "
                         "classes (default: label, else the folder around each photo)")  # fmt: skip
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")
    add_layout(command)
    add_sound(command)
    add_held_out(command, validation_fraction=default.validation_fraction)
    for name, text in NUMBERS.items():
        value = getattr(default, name)
        text = f"{text} (default: {value}{'; --features: by their number' * (name in BY_NUMBER)})"
        command.add_argument(_option(name), type=type(value), help=text)
    for name, (choices, text) in CHOICES.items():
        text = f"{text} (default: {getattr(default, name)})"
        command.add_argument(_option(name), choices=choices, default=getattr(default, name), help=text)
    command.add_argument("--class-weights", action="store_true", help="rare classes count for more")
    command.add_argument("--fine-tune", action="store_true", help="let the last blocks of the backbone learn, too; "
                         "with the photos put aside as judges, it takes minutes")  # fmt: skip
    command.add_argument("--early-stopping", action="store_true", help="end when nothing gets better any more")
    command.add_argument("--plain-features", action="store_true", help="no square root and length 1 before the head")
    command.add_argument("--report", type=Path, metavar="FILE", help="the report as the page makes it: a zip of one "
                         "HTML page, figures and tables, a map of the photos among them")  # fmt: skip
    command.add_argument("--json", action="store_true")


def train(options: argparse.Namespace) -> int:
    """Train a head on labelled photos or recordings, judge it on photos that it has not seen, and save it."""
    given = {field.name: getattr(options, field.name) for field in fields(TrainingConfig) if field.name in options}
    given |= {"validation_fraction": options.validation, "power_normalized": not options.plain_features}
    config = TrainingConfig(**{name: value for name, value in given.items() if value is not None})
    sound = sound_settings(options)
    require_new(options.out)
    require_place(options.report, "report")
    if options.report and options.features:
        raise TrainingError("--report shows photos, and --features has none: leave one of them out.")
    if options.features:
        work = embedded.work(options, config)
        return _told(options, _trained(work, options.out), **work.told)
    if options.data is None:
        raise DatasetError("Name a folder or zip of photos, or Parquet files of features with --features.")
    with tempfile.TemporaryDirectory() as workspace:
        with tqdm(unit="file", desc="Reading the files", disable=None) as bar:
            dataset, report = _opened(options.data, options.layout, Path(workspace), sound, _progress(bar))
        log_report(report)
        require_trainable(report)
        cache = cache_folder() / "features"

        def reported(result: TrainingResult) -> None:
            if options.report:
                log("Writing the report")
                archive(result, dataset, options.report, intake=report, projection=_projection(result, dataset))

        result = _trained(lambda draft, stop: run(draft, stop, dataset, config, cache), options.out, reported)
    return _told(options, result, skipped=len(report.skipped), duplicate_groups=len(dataset.copies))


def _told(options: argparse.Namespace, result: TrainingResult, **about: int | None) -> int:
    """Say how the head did; `about` is what `--json` says beside it."""
    if options.json:
        print_json(_answer(result, options.out) | about)
    else:
        print(ModelCard.read(options.out).summary())
        for sentence in filter(None, (result.choice and result.choice.sentence, result.fine_tuning)):
            print(sentence)
    return 0


def _opened(
    data: str, layout: Wanted | None, workspace: Path, sound: SoundSettings, progress: OnProgress
) -> tuple[PhotoDataset, IntakeReport]:
    if not is_dataset_address(data):
        return open_dataset(
            Path(data), workspace=workspace, progress=progress, wanted=layout, follow_links=True, sound=sound
        )
    fetched = fetch_photos(data, workspace / "dataset", own_access(), limits=ArchiveLimits(), chosen=_tell_size)
    return open_fetched(fetched, workspace=workspace, progress=progress, wanted=layout, sound=sound)


def _tell_size(choice: Choice) -> None:
    log(f"Fetching {choice.files:,} files, {choice.bytes / 1e6:,.1f} MB, from the Hub")


def _projection(result: TrainingResult, dataset: PhotoDataset) -> Projection | None:
    """The map for the report, which is complete without it, too."""
    embeddings = read_embeddings(result, dataset)
    if embeddings is None:
        return None
    try:
        return project(embeddings, dataset.class_indices, dataset.groups, noun=dataset.noun)
    except DatasetError as error:
        log(f"The report has no map. {error}")
        return None


def _trained(
    work: Callable[[Path, Stop], Iterator[TrainingEvent]],
    out: Path,
    reported: Callable[[TrainingResult], None] = lambda _: None,
) -> TrainingResult:
    """Train beside `out` and move the finished model there in one step; then it is `reported`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".draft-") as draft:
        with _progress_bar() as show, asked_to_stop() as stop:
            result = finished(work(Path(draft), stop), TrainingResult, show)
        if result is None:
            raise TrainingError("Stopped before there was anything to keep.")
        require_new(out)
        os.rename(result.model, out)
        reported(replace(result, model=out))
    return result


@contextlib.contextmanager
def _progress_bar() -> Iterator[Callable[[Any], None]]:
    """Shows events on stderr: on a terminal a bar for what can be counted, in a log a line now and then."""
    with tqdm(disable=None) as bar:
        if bar.disable:
            yield _log_event
            return

        def show(event: Any) -> None:
            if isinstance(event, Progress) and not event.total:
                bar.reset()
                bar.set_description(event.text)
            elif isinstance(event, Progress):
                bar.total = event.total
                bar.update(event.done - bar.n)
            elif isinstance(event, EpochReport):
                bar.total = event.epochs * event.folds
                bar.update(event.epochs * event.fold + event.epoch - bar.n)
                bar.set_postfix(loss=f"{event.loss:.3f}", validation_accuracy=f"{event.validation_accuracy:.3f}")

        yield show


def _log_event(event: Any) -> None:
    """A line for each phase, and for every tenth part of the epochs."""
    if isinstance(event, Progress) and not event.total:
        log(event.text)
    elif isinstance(event, EpochReport) and event.epoch % max(1, event.epochs // 10) == 0:
        part = f"part {event.fold + 1} of {event.folds}, " if event.folds > 1 else ""
        figures = f"loss {event.loss:.3f}, validation accuracy {event.validation_accuracy:.3f}"
        log(f"{part}epoch {event.epoch} of {event.epochs}: {figures}")


def _progress(bar: "tqdm[Any]") -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if done < bar.n:  # unpacked; now it reads
            bar.reset()
        bar.total = total
        bar.update(done - bar.n)

    return show


def _answer(result: TrainingResult, out: Path) -> dict[str, Any]:
    """What `--json` promises of the head."""
    evaluation = result.evaluation
    return {
        "model": str(out),
        "n_train": result.n_train,
        "n_validation": evaluation.n,
        "accuracy": evaluation.accuracy,
        "accuracy_interval": evaluation.accuracy_interval,
        "macro_f1": evaluation.macro_f1,
        "baseline": evaluation.majority_baseline,
        "training_overlap": evaluation.training_overlap,
        "backbone": result.choice.backbone if result.choice else result.config.backbone,
        "backbone_choice": result.choice.to_json() if result.choice else None,
        "fine_tuning": result.fine_tuning,
        "seconds": round(result.seconds["total"], 1),
    }


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
