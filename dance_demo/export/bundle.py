"""A model as a bundle for Python: head, model card and a five-line program. See `model.bundle`."""

from collections.abc import Iterator
from pathlib import Path

from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.bundle import write_bundle


def write_python(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write the bundle of a model directory. The backbone is not in it: this app, where it is used, has it."""
    yield Progress("Packing head and model card")
    write_bundle(model, out)
