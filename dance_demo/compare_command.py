"""`python -m dance_demo compare DATA`: what the page's comparison does, without a page."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from dance_demo.backbones import BACKBONES, DANCE, cache_folder
from dance_demo.comparison import ComparisonSettings, progress_line
from dance_demo.comparison import compare as run
from dance_demo.dataset import PhotoDataset, open_dataset, require_trainable
from dance_demo.interrupt import asked_to_stop
from dance_demo.seen import seen_places
from dance_demo.training_config import TrainingConfig


def add_arguments(command: argparse.ArgumentParser) -> None:
    default = ComparisonSettings()
    command.add_argument("data", type=Path, help="folder or zip of class folders, or photos with a train.csv")
    judge = command.add_mutually_exclusive_group()
    judge.add_argument("--validation", type=float, default=default.transfer.validation_fraction, metavar="SHARE",
                       help="share of the photos put aside to judge (default: %(default)s)")  # fmt: skip
    judge.add_argument("--folds", type=int, default=0, help="judge by cross-validation instead: 3 to 10")
    command.add_argument("--size", type=int, default=default.side_px, metavar="PX",
                         help="side of the photos from scratch (default: %(default)s; the articles: 224)")  # fmt: skip
    command.add_argument("--epochs", type=int, default=default.epochs, help="from scratch (default: %(default)s)")
    command.add_argument("--backbone", choices=BACKBONES, default=DANCE, help="what is transferred (default: dance)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--json", action="store_true")


def compare(options: argparse.Namespace) -> int:
    """Train the teaching articles' network from scratch beside a transferred head, on the same split."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on stderr otherwise
    settings = _settings(options)
    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(options.data, workspace=Path(workspace))
        for file in report.skipped:
            _log(f"{file.name}: {file.reason}")
        require_trainable(report)
        _log(_warning(dataset, settings))
        with asked_to_stop() as stop:
            for event in run(Path(workspace) / "comparison", stop, dataset, settings, cache_folder() / "features"):
                _log(progress_line(event))
    print(json.dumps(event.to_json(), indent=1, ensure_ascii=False) if options.json else event.table())
    return 0


def _settings(options: argparse.Namespace) -> ComparisonSettings:
    divided = {"validation_fraction": options.validation, "folds": options.folds, "seed": options.seed}
    transfer = TrainingConfig(backbone=options.backbone, **divided)
    return ComparisonSettings(side_px=options.size, epochs=options.epochs, transfer=transfer)


def _warning(dataset: PhotoDataset, settings: ComparisonSettings) -> str:
    """What makes the comparison unfair; empty if nothing does."""
    seen = len(seen_places(dataset)) if settings.transfer.backbone == DANCE else 0
    if not seen:
        return ""
    return f"The bundled backbone was trained on {seen} of these photos: its score on them says nothing. Use another."


def _log(line: str) -> None:
    if line:
        print(line, file=sys.stderr, flush=True)
