"""The formats in which a model can be taken home. What each is for, how large and how exact: docs/export.md."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dance_demo.export.bundle import write_python
from dance_demo.export.folder import write_folder
from dance_demo.export.full import write_keras, write_tflite
from dance_demo.export.onnx_file import write_onnx
from dance_demo.export.page import write_page
from dance_demo.export.teachable import write_teachable
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import ModelCard

Write = Callable[[Path, Path, Stop], Iterator[Progress]]


@dataclass(frozen=True)
class Format:
    """A file with this suffix, or where there is none, a new folder. What is written appears whole or not at all.

    Only where it `listens` it holds a model of sounds, too.
    """

    writer: Write
    suffix: str = ""
    listens: bool = False

    def write(self, model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
        """Write a model directory to `out`. Raises `ModelError` if it cannot be had in this format."""
        if not self.listens:
            ModelCard.read(model).require_photos()
        yield from self.writer(model, out, stop)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "page": Format(write_page, ".html"),
        "folder": Format(write_folder),
        "keras": Format(write_keras, ".keras"),
        "tflite": Format(write_tflite, ".tflite"),
        "onnx": Format(write_onnx, ".onnx"),
        "teachable": Format(write_teachable),
        "python": Format(write_python, ".zip", listens=True),
    }
)


@dataclass(frozen=True)
class Exported:
    """A model in one of the formats: a file that lies at `path`."""

    format: str
    path: Path


def export(directory: Path, stop: Stop, model: Path, format: str) -> Iterator[Progress | Exported]:
    """Write a model directory in a format that is a file into `directory`, as a job; the last event says where."""
    wanted = FORMATS[format]
    path = directory / f"model{wanted.suffix}"
    yield from wanted.write(model, path, stop)
    if not stop():
        yield Exported(format, path)
