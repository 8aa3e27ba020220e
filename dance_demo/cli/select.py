"""`python -m dance_demo select DATA`: which features matter, on somebody's own photos, without a page."""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dance_demo.cli.arguments import Commands, add_command, add_layout
from dance_demo.cli.ctrl_c import asked_to_stop
from dance_demo.cli.output import finished, log, log_report, print_json, require_place
from dance_demo.data.dataset import open_dataset, require_trainable
from dance_demo.errors import TrainingError
from dance_demo.files.atomic import write_atomically
from dance_demo.jobs.progress import Progress
from dance_demo.model.backbone import BACKBONES, DANCE
from dance_demo.model.description import measured
from dance_demo.model.directory import cache_folder
from dance_demo.training.plots import png
from dance_demo.training.selection.methods import DEFAULT_METHODS, METHODS, RANDOM
from dance_demo.training.selection.picture import selection_figure
from dance_demo.training.selection.run import SelectionReport, SelectionSettings
from dance_demo.training.selection.run import select_features as run


def add_commands(commands: Commands) -> None:
    command, default = add_command(commands, "select", select), SelectionSettings()
    command.add_argument("data", type=Path, help="folder or zip of class folders, or photos with a train.csv")
    add_layout(command)
    command.add_argument("--method", nargs="+", action="extend", choices=METHODS, metavar="METHOD",
                         help=f"some of: {', '.join(METHODS)} (default: all but mutual_info)")  # fmt: skip
    command.add_argument("--folds", type=int, default=default.folds, help="3 to 10 (default: %(default)s)")
    command.add_argument("--backbone", choices=BACKBONES, default=DANCE, help="whose features (default: dance)")
    command.add_argument("--cheat", action="store_true", help="also choose before the split, on shuffled labels")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--picture", type=Path, metavar="FILE", help="draw the lines of all methods into this PNG")
    command.add_argument("--json", action="store_true")


def select(options: argparse.Namespace) -> int:
    """Show how few of the network's features would do, by many ways to choose them, honestly judged."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on stderr otherwise
    settings = SelectionSettings(
        methods=tuple(options.method or DEFAULT_METHODS),
        folds=options.folds,
        backbone=options.backbone,
        seed=options.seed,
        cheat=options.cheat,
    )
    require_place(options.picture, "picture")
    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(
            options.data, workspace=Path(workspace), wanted=options.layout, follow_links=True
        )
        log_report(report)
        require_trainable(report)
        with asked_to_stop() as stop:
            events = run(Path(workspace) / "features", stop, dataset, settings, cache_folder() / "features")
            found = finished(events, SelectionReport, _phases())
    if found is None:
        raise TrainingError("Stopped before there was anything to keep.")
    if options.picture:
        write_atomically(options.picture, png(selection_figure(found.selection)))
    print_json(found.to_json()) if options.json else print(selection_table(found))
    return 0


def selection_table(report: SelectionReport) -> str:
    """Accuracy by method and number of kept features, as a Markdown table."""
    result = report.selection
    sizes = result.curve(RANDOM).kept
    low, high = map(measured, result.interval)
    lines = [f"{result.n} photos, all {result.features} features: {measured(result.accuracy)} right ({low} to {high})"]
    lines += [f"| kept | {' | '.join(map(str, sizes))} | seconds |", f"|---|{'---|' * (len(sizes) + 1)}"]
    for curve in result.curves:
        shares = dict(zip(curve.kept, map(measured, curve.accuracy), strict=True))
        cells = " | ".join(shares.get(size, "") for size in sizes)
        lines.append(f"| {METHODS[curve.method].title} | {cells} | {curve.seconds:.1f} |")
    if report.cheat:
        best, honest = max(report.cheat.before_split.accuracy), max(report.cheat.inside_folds.accuracy)
        lines.append(
            f"\nShuffled labels, so that nothing can be learned ({measured(report.cheat.chance)} by always naming the "
            f"most frequent class): up to {measured(best)} with features chosen before the split, up to "
            f"{measured(honest)} chosen inside it."
        )
    if report.warning:
        lines.append(f"\n{report.warning}")
    return "\n".join(lines)


def _phases() -> Callable[[Any], None]:
    """Shows events as a line for each phase, when it begins."""
    last = ""

    def show(event: Any) -> None:
        nonlocal last
        if isinstance(event, Progress) and event.text != last:
            last = event.text
            log(last)

    return show
