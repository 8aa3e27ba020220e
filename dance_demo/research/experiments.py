"""Every fine-tuning that was measured, side by side: what was changed, and what it gave.

One directory holds the runs; in it is one directory for each, as `crossvalidate --runs runs/wide` leaves it:

    runs/wide/
      training.json   the settings
      fold0/, ...     model.weights.h5 where a fold is finished
      result.json     the figures, with "recipe" and, if somebody wrote one, a "note"
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dance_demo.errors import DatasetError
from dance_demo.research.recipe import RECIPES, Recipe

STANDARD = RECIPES / "standard.json"
RESULT, SETTINGS = "result.json", "training.json"
_COLUMNS = ("run", "differs from standard in", "folds", "photos", "accuracy", "weighted F1", "top 2", "ECE", "note")


@dataclass(frozen=True)
class Experiment:
    """One run. `result` is what `Evaluation.to_json` gives, with the name of the recipe and a note."""

    name: str
    settings: Mapping[str, Any]
    folds: int
    result: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path) -> "Experiment":
        """Raises `DatasetError` if the files in the directory are not those of a run."""
        try:
            result = json.loads((directory / RESULT).read_text(encoding="utf-8"))
            training = directory / SETTINGS
            settings = json.loads(training.read_text(encoding="utf-8"))["settings"] if training.exists() else {}
            folds = len(list(directory.glob("fold*/model.weights.h5")))
            experiment = cls(directory.name, dict(settings), folds, dict(result))
            experiment.cells({})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{directory.name}/{RESULT} is not the result of a run ({error!r:.100}).") from error
        return experiment

    def cells(self, standard: Mapping[str, Any]) -> tuple[str, ...]:
        """The row of the table, under `_COLUMNS`."""
        result = self.result
        low, high = result["accuracy_interval"]
        return (
            self.name,
            ", ".join(differences(self.settings, standard)) or "-",
            str(self.folds),
            str(result["n"]),
            f"{result['accuracy']:.1%} [{low:.1%}, {high:.1%}]",
            f"{result['weighted_f1']:.3f}",
            f"{result['top2_accuracy']:.1%}",
            f"{result['ece']:.3f}",
            str(result.get("note", "")),
        )


def read_experiments(runs: Path) -> tuple[Experiment, ...]:
    """All runs with a result in the directories below `runs`, the most accurate first.

    Raises `DatasetError` if there are none, or if one cannot be read.
    """
    found = sorted(result.parent for result in runs.glob(f"*/{RESULT}"))
    if not found:
        raise DatasetError(f"{runs.name}: no run with a {RESULT} in it. Measure one with `crossvalidate --runs`.")
    return tuple(sorted(map(Experiment.read, found), key=lambda one: -one.result["accuracy"]))


def differences(settings: Mapping[str, Any], standard: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Which settings have another value, as "name value": nested ones as "augmentation.name value"."""
    found = []
    for name, value in settings.items():
        usual = standard.get(name)
        if isinstance(value, dict):
            found += differences(value, usual or {}, f"{prefix}{name}.")
        elif value != usual:
            found.append(f"{prefix}{name} {value}")
    return found


def table(experiments: tuple[Experiment, ...], standard: Recipe | None = None) -> str:
    """The runs as Markdown, beside the settings of the standard recipe."""
    usual = asdict(standard or Recipe.load(STANDARD))
    rows = (_COLUMNS, ("---",) * len(_COLUMNS), *(experiment.cells(usual) for experiment in experiments))
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
