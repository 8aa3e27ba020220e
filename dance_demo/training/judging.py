"""A fitted head is judged by photos that it has not seen, calibrated on them, and saved with what was found."""

import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.data.label_issues import LabelIssue
from dance_demo.model.directory import FAMILIARITY, FINE_TUNED, HEAD, save_model
from dance_demo.model.familiarity import Familiarity, fit_limits
from dance_demo.model.head import Head, softmax
from dance_demo.training.backbones.choice import BackboneChoice
from dance_demo.training.calibration import calibrated, cautious_temperature
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import evaluate
from dance_demo.training.fit import Examples
from dance_demo.training.result import EpochReport, TrainingResult

MATRIX_CLASSES = 50  # up to which the card has the table of true classes and answers; the report always has it


@dataclass(frozen=True, eq=False)
class Judged:
    """A head, what is familiar to it, and what both say of photos that they have not seen, `held_out` (m,), ascending.

    logits (m, k) are the head's, distances (m,) those to the photos that it has learned from.
    """

    head: Head
    familiarity: Familiarity
    n_train: int
    held_out: np.ndarray
    logits: np.ndarray
    distances: np.ndarray
    history: tuple[EpochReport, ...]


@dataclass(frozen=True)
class About:
    """What the card of the head says on its photos, and what is known of them before it is judged."""

    photos_per_class: Mapping[str, int]
    protocol: str  # how its accuracy was held out
    training_overlap: int  # photos that judge it and have trained the backbone
    stopped: bool
    backbone: str  # of `BACKBONES`
    choice: BackboneChoice | None = None  # why it is this one; None: it was asked for
    mirrored_view: bool = False
    changes: bytes = b""  # of the backbone, if it was fine-tuned: `model.fine_tuned`
    fine_tuning: str = ""  # and what that brought
    corrections: int = 0
    label_issues: tuple[LabelIssue, ...] = ()
    sound: Mapping[str, Any] = field(default_factory=dict)  # how recordings become pictures


def judged_and_saved(
    directory: Path,
    judged: Judged,
    examples: Examples,
    config: TrainingConfig,
    about: About,
    stopwatch: "Stopwatch",
) -> TrainingResult:
    """Judge and calibrate the head, and save it as the new model directory `directory`/model."""
    names = examples.class_names
    classes, groups = examples.classes[judged.held_out], np.asarray(examples.groups)[judged.held_out]
    probabilities = calibrated(judged.logits, classes, groups, config.seed)
    evaluation = evaluate(classes, probabilities, names, groups=groups, training_overlap=about.training_overlap)
    temperature = cautious_temperature(judged.logits, classes)
    refusal = fit_limits(judged.distances, softmax(judged.logits, temperature))
    head = replace(judged.head, temperature=temperature)
    files = {HEAD: head.to_npz_bytes(), FAMILIARITY: judged.familiarity.with_limits(**refusal).to_npz_bytes()}
    if about.changes:
        files[FINE_TUNED] = about.changes
    date, told = datetime.now(UTC), evaluation.to_json()
    if len(names) > MATRIX_CLASSES:
        del told["confusion"]
    save_model(
        directory / "model",
        files,
        name="A head of your own",
        class_names=names,
        photos_per_class=about.photos_per_class,
        evaluation={**told, **refusal, "temperature": temperature, "protocol": about.protocol},
        training={"date": f"{date:%Y-%m-%d %H:%M} UTC", "corrections": about.corrections}
        | _how(head, config, about, n_train=judged.n_train),
        mirrored_view=about.mirrored_view,
        sound=dict(about.sound),
    )
    return TrainingResult(
        model=directory / "model",
        config=config,
        class_names=names,
        evaluation=evaluation,
        temperature=temperature,
        held_out=judged.held_out,
        probabilities=probabilities,
        history=judged.history,
        n_train=judged.n_train,
        stopped=about.stopped,
        date=date,
        label_issues=about.label_issues,
        choice=about.choice,
        fine_tuning=about.fine_tuning,
        seconds=stopwatch.seconds("judging"),
    )


def _how(head: Head, config: TrainingConfig, about: About, *, n_train: int) -> dict[str, Any]:
    """What the card says on how the head was made."""
    return {
        "config": asdict(config),
        "backbone": about.backbone,
        "backbone_sha256": head.backbone_sha256,
        **({"backbone_choice": about.choice.sentence} if about.choice else {}),
        **({"fine_tuning": about.fine_tuning} if about.fine_tuning else {}),
        "n_train": n_train,
        "stopped": about.stopped,
        "versions": {name: version(name) for name in ("keras", "numpy", "pillow", "scikit-learn")},
        "python": platform.python_version(),
    }


class Stopwatch:
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
