"""A model as one Keras or LiteRT network, from pixels to probabilities. See `networks.full_model`. Needs TensorFlow."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dance_demo.files.atomic import DRAFT_PREFIX
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.networks import full_model
from dance_demo.networks.full_model import FullModel


def write_keras(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write a `.keras` file: photos (n, S, S, 3) in [0, 255] -> probabilities (n, k)."""
    for event in _made(model, out, stop):
        if isinstance(event, FullModel):
            os.replace(event.keras, out)
        else:
            yield event


def write_tflite(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write a `.tflite` file, the same for one photo at a time."""
    for event in _made(model, out, stop):
        if isinstance(event, FullModel):
            os.replace(event.litert, out)
        else:
            yield event


def _made(model: Path, out: Path, stop: Stop) -> Iterator[Progress | FullModel]:
    """Both files, held against the app and against each other, where they last as long as one looks at them."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=DRAFT_PREFIX) as folder:
        yield from full_model.export(Path(folder) / "full", stop, model)
