"""`python -m dance_demo compare DATA`: what the page's comparison does, without a page."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from dance_demo.cli.arguments import Commands, add_command, add_held_out, add_layout, add_sound, sound_settings
from dance_demo.cli.ctrl_c import asked_to_stop
from dance_demo.cli.output import comparison_table, finished, log, log_report, print_json
from dance_demo.data.dataset import PhotoDataset, open_dataset, require_trainable
from dance_demo.errors import TrainingError
from dance_demo.model.backbone import BACKBONES, DANCE
from dance_demo.model.description import measured
from dance_demo.model.directory import cache_folder, overlap_warning
from dance_demo.networks.scratch import NETWORKS
from dance_demo.training.backbones.comparison import NAMES, BackboneResult, announced, chosen, compare_backbones
from dance_demo.training.comparison import ComparisonResult, ComparisonSettings, progress_line
from dance_demo.training.comparison import compare as run
from dance_demo.training.config import TrainingConfig
from dance_demo.training.features import views_of


def add_commands(commands: Commands) -> None:
    command, default = add_command(commands, "compare", compare), ComparisonSettings()
    command.add_argument(
        "data", type=Path, help="folder or zip of class folders (photos, or recordings), or photos with a train.csv"
    )
    add_layout(command)
    add_sound(command)
    add_held_out(command, validation_fraction=default.transfer.validation_fraction)
    command.add_argument("--size", type=int, default=default.side_px, metavar="PX",
                         help="side of the photos from scratch (default: %(default)s; the articles: 224)")  # fmt: skip
    command.add_argument("--epochs", type=int, default=default.epochs, help="from scratch (default: %(default)s)")
    command.add_argument("--network", choices=NETWORKS, help="from scratch, as in the articles on dance (128, 64, 128 "
                         "filters) or on music (32, 32, 64); by default after what is learned")  # fmt: skip
    command.add_argument("--backbone", choices=BACKBONES, default=DANCE, help="what is transferred (default: dance)")
    command.add_argument("--backbones", default="", metavar="A,B,...", help="instead: one head on each of these: "
                         f"{', '.join(NAMES)}; Keras fetches what is not here yet")  # fmt: skip
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--json", action="store_true")


def compare(options: argparse.Namespace) -> int:
    """Train the teaching articles' network from scratch beside a transferred head, on the same split."""
    if options.backbones:
        chosen(options.backbones)  # refused before the photos are read
    divided = {"validation_fraction": options.validation, "folds": options.folds, "seed": options.seed}
    transfer = TrainingConfig(backbone=options.backbone, **divided)
    settings = ComparisonSettings(side_px=options.size, epochs=options.epochs, transfer=transfer)
    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(
            options.data,
            workspace=Path(workspace),
            wanted=options.layout,
            follow_links=True,
            sound=sound_settings(options),
        )
        settings = settings.for_sound() if dataset.sound else settings
        settings = replace(settings, network=options.network) if options.network else settings
        log_report(report)
        require_trainable(report)
        if options.backbones:
            return _compare_backbones(options, dataset, Path(workspace))
        with asked_to_stop() as stop:
            events = run(Path(workspace) / "comparison", stop, dataset, settings, cache_folder() / "features")
            result = finished(events, ComparisonResult, _show)
    if result is None:
        raise TrainingError("Stopped before there was anything to keep.")
    print_json(result.to_json()) if options.json else print(comparison_table(result))
    return 0


def _compare_backbones(options: argparse.Namespace, dataset: PhotoDataset, workspace: Path) -> int:
    """Say what will be fetched and how long it takes, compare, and print the table."""
    names = chosen(options.backbones)
    config = TrainingConfig(validation_fraction=options.validation, folds=options.folds, seed=options.seed)
    for sentence in announced(names, len(views_of(config.augmentation))):
        log(sentence)
    with asked_to_stop() as stop:
        events = compare_backbones(workspace / "backbones", stop, dataset, names, config, cache_folder() / "features")
        result = finished(events, BackboneResult, _show)
    if result is None or not result.compared:
        raise TrainingError("Stopped before there was anything to keep.")
    for sentence in result.left_out:
        log(f"Left out: {sentence}")
    print_json(result.to_json()) if options.json else print(backbone_table(result))
    return 0


def backbone_table(result: BackboneResult) -> str:
    """The backbones as a Markdown table."""
    title = f"{result.n_held_out} held-out {result.noun}"
    lines = [
        f"| {title} | accuracy [95 %] | macro F1 | features | px | MB | ms | licence | SHA-256 |",
        "|---" * 9 + "|",
    ]
    warnings = []
    for one in result.compared:
        evaluation = one.evaluation
        low, high = evaluation.accuracy_interval
        accuracy = f"{measured(evaluation.accuracy)} [{measured(low)}, {measured(high)}]"
        kind = "power-normalised" if one.power_normalized else "plain"
        numbers = f"{kind}{', some negative' * one.negative_features} | {one.side_px} | {one.size_bytes / 1e6:.1f}"
        known = f"{one.pass_ms:.0f} | {one.licence} | {one.sha256[:12]}"
        lines.append(f"| {one.title} | {accuracy} | {evaluation.macro_f1:.2f} | {numbers} | {known} |")
        if warning := overlap_warning(evaluation.training_overlap, evaluation.n):
            warnings.append(f"\nOf {one.title}: {warning}")
    return "\n".join((*lines, *warnings))


def _show(event: Any) -> None:
    if line := progress_line(event):
        log(line)
