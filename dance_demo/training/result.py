"""What a training tells while it runs, and what comes of it: plain data that one process can send to another."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from dance_demo.data.label_issues import LabelIssue
from dance_demo.jobs.progress import Progress
from dance_demo.training.backbones.choice import BackboneChoice
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import Evaluation


@dataclass(frozen=True)
class EpochReport:
    """How one epoch went. `fold` counts from 0 to `folds` - 1, `epoch` from 1 to `epochs`; accuracies are in [0, 1].

    The training's numbers are means over the epoch, while the head was changing; the validation's are of its end.
    """

    fold: int
    folds: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training. `model` is a model directory without a backbone, as `load_classifier` reads it.

    `held_out` (m,) are the indices, ascending, of the photos that judged, and `probabilities` (m, k) what a head that
    had not seen them says. `n_train` photos trained the head that is served. `seconds` says where the time went.
    `choice` says why it has this backbone; None: it was asked for. `embeddings` is a file beside the model, and never
    in it: see `neighbours`.
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
    date: datetime  # with its time zone, when it ended
    label_issues: tuple[LabelIssue, ...]
    seconds: dict[str, float]
    choice: BackboneChoice | None = None
    embeddings: Path | None = None
    fine_tuning: str = ""  # what it brought, if the last blocks of the backbone were fine-tuned


TrainingEvent = Progress | EpochReport | TrainingResult
