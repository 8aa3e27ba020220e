"""`python -m dance_demo train --features DIR`: a head from Parquet files, as `scripts/embed_many.py` writes them."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_demo.cli.output import log
from dance_demo.data.many.feature_files import FeatureFiles, Rows
from dance_demo.errors import TrainingError
from dance_demo.jobs.progress import Stop
from dance_demo.training.config import TrainingConfig
from dance_demo.training.embedded import NOTHING_KNOWN, RowsRead, rows_of, suited, train_embedded
from dance_demo.training.result import TrainingEvent

LABEL = "label"  # a column of that name is taken without being asked for


def work(options: argparse.Namespace, config: TrainingConfig) -> "Work":
    """What `--features` and `--label-column` name, ready to be trained on; what they hold is said on stderr.

    Epochs and batches suit so many photos where none were asked for.
    """
    if options.data is not None or options.layout is not None or config.fine_tune:
        raise TrainingError("Give either photos or --features; --layout, --columns and --fine-tune are about photos.")
    files = FeatureFiles.open(options.features)
    column = options.label_column or (LABEL if LABEL in files.columns else "")
    rows = rows_of(files, column)
    counts = np.bincount(rows.classes).tolist()
    source = f"column {column}" if column else "the folder around each photo"
    classes = ", ".join(f"{name} ({count:,})" for name, count in zip(rows.class_names, counts, strict=True))
    views = "both views" if files.mirrored else "one view"
    log(f"{len(files.paths):,} files, {files.n_rows:,} rows, {views} of each photo; classes: {source}")
    log(f"{classes:.2000}")
    if not files.hashed:
        log(NOTHING_KNOWN)
    epochs, batch_size = suited(len(rows.classes))
    config = replace(config, epochs=options.epochs or epochs, batch_size=options.batch_size or batch_size)
    log(f"{config.epochs} epochs, {config.batch_size} photos before each step")
    return Work(files, rows, config)


@dataclass
class Work:
    """The training as `train` runs it, and what was found in the files meanwhile."""

    files: FeatureFiles
    rows: Rows
    config: TrainingConfig
    duplicate_groups: int | None = None

    def __call__(self, directory: Path, stop: Stop) -> Iterator[TrainingEvent]:
        for event in train_embedded(directory, stop, self.files, self.config, self.rows):
            if isinstance(event, RowsRead):
                self.rows, self.duplicate_groups = event.rows, event.duplicate_groups
                for reason, count in event.rows.left_out.most_common():
                    log(f"{count:,} rows left out: {reason}")
            else:
                yield event

    @property
    def told(self) -> dict[str, int | None]:
        """What `--json` says of the rows; null is what the files do not say."""
        return {"skipped": int((~self.rows.usable).sum()), "duplicate_groups": self.duplicate_groups}
