"""How long does a head of one's own take? `python -m tests.benchmarks.training [DATA]` times it from photos to result.

    first run     read and check the photos, look at each, fit the default head, judge it, save it
    second run    the same photos, another learning rate: nothing is looked at again
    in the page   the second run as the page has it: the photos are read already, and the process that trains has
                  imported Keras while it waited (see `standby`)
    textbook      frozen MobileNetV2 and a new head by `model.fit` on the pictures: one epoch, times as many as ours

Each run is a process of its own. DATA is a folder or zip; without it, 360 drawings are made.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.illustrations import draw_dataset
from dance_demo.files.photo import open_photo
from dance_demo.model.preprocessing import to_input
from dance_demo.training.config import TrainingConfig
from dance_demo.training.result import TrainingResult
from dance_demo.training.train import train

TEXTBOOK_SIDE_PX = 224


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(sys.argv[1]) if len(sys.argv) > 1 else _drawings(Path(folder))
        runs = {name: _in_a_process(name, data, Path(folder)) for name in ("first run", "second run", "textbook")}
    runs["in the page"] = runs["second run"]["in the page"]
    for name in ("first run", "second run", "in the page", "textbook"):
        print(f"{name:12} {runs[name]['seconds']:8.1f} s   (processor: {runs[name]['processor_s']:.1f} s)")
    ours, textbook = runs["first run"], runs["textbook"]
    print(f"\n{ours['photos']} photos, {TrainingConfig().epochs} epochs, accuracy {ours['accuracy']:.3f}")
    print(f"first run: {ours['seconds']:.1f} s (wanted: at most 30)")
    print(f"second run, in the page: {runs['in the page']['seconds']:.1f} s (wanted: at most 8)")
    print(f"textbook / first run: {textbook['seconds'] / ours['seconds']:.1f} x (wanted: 10 x)")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")


def _in_a_process(name: str, data: Path, folder: Path) -> dict:
    code = f"from tests.benchmarks import training; training.run({name!r}, {str(data)!r}, {str(folder)!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return json.loads(ran.stdout.splitlines()[-1])


def run(name: str, data: str, folder: str) -> None:
    """One of the ways, in this process; prints what it measured as JSON."""
    way = {"first run": _first, "second run": _second, "textbook": _textbook}[name]
    print(json.dumps(way(Path(data), Path(folder))))


def _first(data: Path, folder: Path) -> dict:
    clock = _Clock()
    dataset, _ = open_dataset(data, workspace=folder)
    result = _trained(dataset, TrainingConfig(backbone="dance"), folder, "first")
    return clock.read(photos=len(dataset.photos), accuracy=result.evaluation.accuracy)


def _second(data: Path, folder: Path) -> dict:
    clock = _Clock()
    dataset, _ = open_dataset(data, workspace=folder)
    _trained(dataset, TrainingConfig(backbone="dance", learning_rate=2e-3), folder, "second")
    measured, clock = clock.read(), _Clock()
    _trained(dataset, TrainingConfig(backbone="dance", learning_rate=5e-4), folder, "third")
    return {**measured, "in the page": clock.read()}


def _textbook(data: Path, folder: Path) -> dict:
    """As in Keras' guide to transfer learning: every epoch sends every picture through the network again."""
    clock = _Clock()
    import keras

    dataset, _ = open_dataset(data, workspace=folder)
    pictures = np.stack([to_input(open_photo(photo.path), TEXTBOOK_SIDE_PX) for photo in dataset.photos])
    classes = np.asarray(dataset.class_indices)
    judges = np.arange(len(classes)) % 5 == 0
    base = keras.applications.MobileNetV2(
        input_shape=pictures.shape[1:], weights=None, include_top=False
    )  # speed does not depend on its weights
    base.trainable = False
    photo = keras.Input(pictures.shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(base(keras.layers.RandomFlip("horizontal")(photo), training=False))
    model = keras.Model(photo, keras.layers.Dense(len(dataset.class_names), activation="softmax")(pooled))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    given, judged = (pictures[~judges], classes[~judges]), (pictures[judges], classes[judges])
    model.fit(*given, validation_data=judged, batch_size=32, epochs=1, verbose=0)  # compiles, too
    ready, epoch = clock.read(), _Clock()
    model.fit(*given, validation_data=judged, batch_size=32, epochs=1, verbose=0)
    once, more = epoch.read(), TrainingConfig().epochs - 1
    return {name: ready[name] + more * once[name] for name in ready}


def _trained(dataset: PhotoDataset, config: TrainingConfig, folder: Path, name: str) -> TrainingResult:
    *_, result = train(folder / name, lambda: False, dataset, config, folder / "cache")
    return result


class _Clock:
    def __init__(self) -> None:
        self._started, self._used = time.perf_counter(), _processor_s()

    def read(self, **more: float) -> dict:
        return {"seconds": time.perf_counter() - self._started, "processor_s": _processor_s() - self._used, **more}


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _drawings(folder: Path) -> Path:
    draw_dataset(folder / "drawings", per_class=45)
    return folder / "drawings"


if __name__ == "__main__":
    main()
