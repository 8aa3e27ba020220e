"""What the commands print: answers to stdout, progress and complaints to stderr."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from dance_demo.data.dataset import IntakeReport
from dance_demo.errors import TrainingError
from dance_demo.files.zip_archive import SkippedFile
from dance_demo.model.description import measured
from dance_demo.model.directory import overlap_warning
from dance_demo.training.comparison import ComparisonResult

R = TypeVar("R")


def log(line: object) -> None:
    print(line, file=sys.stderr, flush=True)


def log_skipped(files: Iterable[SkippedFile]) -> None:
    """Say of each file that was left out, why."""
    for file in files:
        log(f"{file.name}: {file.reason}")


def log_report(report: IntakeReport) -> None:
    """Say what the classes are, which files were left out, and what else should be known about the photos."""
    log(f"{report.layout}: {', '.join(f'{label} ({count})' for label, count in report.class_counts.items())}")
    log_skipped(report.skipped)
    for warning in report.warnings:
        log(warning)


def print_json(value: Any) -> None:
    """Print it as JSON in ASCII, which comes through every pipe and code page."""
    print(json.dumps(value, indent=1))


def require_place(file: Path | None, what: str) -> None:
    """Say before it is made that a file cannot be written there; raises TrainingError."""
    if file and file.is_dir():
        raise TrainingError(f"{file} is a folder. Name a file for the {what}.")
    if file and not file.absolute().parent.is_dir():
        raise TrainingError(f"There is no folder {file.parent} to put the {what} into.")


def finished(events: Iterable[Any], result: type[R], show: Callable[[Any], None]) -> R | None:
    """Show what long work yields; returns its last event if that is a result, None if it ended without one."""
    event = None
    for event in events:
        show(event)
    return event if isinstance(event, result) else None


def evaluation_summary(evaluation: dict[str, Any], noun: str = "photos") -> str:
    """An `Evaluation` as JSON, in a few lines."""
    low, high = map(measured, evaluation["accuracy_interval"])
    lines = [
        f"{evaluation['n']} {noun}: {measured(evaluation['accuracy'])} right (95 % interval {low} to {high})",
        f"weighted F1 {evaluation['weighted_f1']:.3f}, macro F1 {evaluation['macro_f1']:.3f}",
    ]
    for name, score in evaluation["per_class"].items():
        lines.append(f"  {name:16.16} F1 {score['f1']:.3f}  ({score['support']} {noun})")
    if warning := overlap_warning(evaluation["training_overlap"], evaluation["n"]):
        lines.append(warning)
    return "\n".join(lines)


def comparison_table(result: ComparisonResult) -> str:
    """The methods as a Markdown table, which reads well on a terminal, too."""
    title = f"{len(result.held_out)} held-out {result.noun}"
    lines = [f"| {title} | accuracy [95 %] | macro F1 | seconds | size |", "|---|---|---|---|---|"]
    for method in result.methods:
        evaluation, size = method.evaluation, f"{method.size_bytes / 1e6:.1f} MB"
        low, high = evaluation.accuracy_interval
        accuracy = f"{measured(evaluation.accuracy)} [{measured(low)}, {measured(high)}]"
        lines.append(f"| {method.name} | {accuracy} | {evaluation.macro_f1:.2f} | {method.seconds:.0f} | {size} |")
    if result.warning:
        lines.append(f"\nOf the heads: {result.warning}")
    if result.choice:
        lines.append(f"\n{result.choice.sentence}")
    return "\n".join(lines)
