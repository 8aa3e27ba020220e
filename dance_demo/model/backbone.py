"""The backbone of the classifier: MobileNetV2 without its top, run by LiteRT. Photos in, feature maps out.

A classifier is cut into a *backbone* (photo -> feature map, the slow part, the same for everybody) and a *head*
(feature map -> class, a few thousand numbers, one per visitor if they like). At that seam everything gets short:
prediction is a pooled matrix product, the heatmap of *every* class follows from one feature map without a gradient
(see `gradcam`), and a new head is trained in seconds because each photo passes the backbone only once.

There are three. The dance backbone ships; it was fine-tuned on dance photos and forgot other subjects. The general one
ships, too: the ImageNet network, moved a part of the way to the dance backbone (`research.interpolation`). The plain
ImageNet one, which has seen no dance photo, is made once from Keras' weights (`networks.imagenet`) and kept. Of these
two a file is used only if it is, byte for byte, the one whose hash was written down when it was complete.

The dance backbone computes in eight bits. Beside it lies the network in float32 that it was made from
(`research.quantization`): other programs get that one, it can be fine-tuned, and heads of earlier versions see through
it.

LiteRT starts in a fraction of a second and answers in milliseconds; TensorFlow is not imported here.
"""

import functools
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.model.directory import (
    BACKBONE,
    BUNDLED,
    CARD,
    FLOAT_BACKBONE,
    ModelCard,
    cache_folder,
    resolve,
    sha256,
)
from dance_demo.model.fine_tuned import changed_network, read_changes

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

THREADS = 2
DANCE, GENERAL, IMAGENET = BACKBONES = ("dance", "general", "imagenet")
TITLES: Mapping[str, str] = MappingProxyType({DANCE: "Dance", GENERAL: "General", IMAGENET: "ImageNet"})
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        DANCE: "fine-tuned on dance photos.",
        GENERAL: "for other subjects (of photos of clothes it gets 87 % right, the dance one 60 %).",
        IMAGENET: "has seen no dance photo.",
    }
)
GENERAL_FILE, GENERAL_NOTE = "general.tflite", "general.json"
_MAX_NOTE_BYTES = 10_000


class Backbone:
    """One loaded network. Safe to share between threads: an interpreter is not, so it sits behind a lock.

    `input_side_px` is the side of the square photos that it takes, `channels` the depth of its feature maps and
    `sha256` the hash of its file, by which a head knows the backbone that it was fitted on. `inner_channels` is the
    depth of the inner maps that it gives besides, 0 for none. `path` is where that file was read; with `changes`, a
    file of kernels that were fine-tuned, it is that file with these in their places.

    A network takes 30 MB. Those that ship are few and stay; of fine-tuned ones, of which every visitor may have one,
    only the last few that were asked stay loaded.
    """

    def __init__(self, path: Path, *, changes: Path | None = None, threads: int = THREADS) -> None:
        """Load a `.tflite` file; raises `ModelError` if it is missing or not a network of this kind."""
        self.path, self.changes, self._threads = path, changes, threads
        network = _kept_network(path, changes, threads) if changes else _Network(self.data, path, threads)
        self._network = None if changes else network
        self.sha256, self.input_side_px, self.map_shape = network.sha256, network.side_px, network.map_shape
        self.channels, self.inner_channels = self.map_shape[-1], network.inner_channels

    @property
    def data(self) -> bytes:
        """The LiteRT file, read anew."""
        return _data(self.path, self.changes)

    def in_float(self) -> "Backbone":
        """The network that this one was before it came to compute in eight bits; itself, if it does not.

        Raises `ModelError` if its file is missing or was changed.
        """
        path = _float_path(self.path)
        return self if path == self.path else Backbone(path, threads=self._threads)

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """Run photos (n, S, S, 3) float32 in [-1, 1] through the network; returns (n, h, w, channels) float32.

        Raises `ModelError` if a file of fine-tuned kernels that must be read again is gone.
        """
        return self._outputs(batch, 1)[0]

    def look(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`feature_maps`, and the inner maps averaged over the picture: (n, h, w, channels), (n, inner_channels)."""
        maps, *inner = self._outputs(batch, 2)
        return maps, inner[0].mean(axis=(1, 2)) if inner else np.empty((len(maps), self.inner_channels), np.float32)

    def _outputs(self, batch: np.ndarray, most: int) -> list[np.ndarray]:
        side = self.input_side_px
        if batch.ndim != 4 or batch.shape[1:] != (side, side, 3):
            raise ValueError(f"batch must be (n, {side}, {side}, 3). Received: {batch.shape}")
        network = self._network or _kept_network(self.path, self.changes, self._threads)
        seen = [network.run(photo, most) for photo in np.ascontiguousarray(batch, dtype=np.float32)]
        return [np.stack(maps) for maps in zip(*seen, strict=True)] or [np.empty((0, *self.map_shape), np.float32)]


class _Network:
    """An interpreter, and what is known of its network."""

    def __init__(self, data: bytes, path: Path, threads: int) -> None:
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._interpreter = _interpreter(data, path, threads)
        self._lock = threading.Lock()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        first, *inner = ([int(n) for n in output["shape"][1:]] for output in self._outputs)
        self.map_shape, self.inner_channels = tuple(first), inner[0][-1] if inner else 0
        _, self.side_px, _, _ = (int(n) for n in self._input["shape"])

    def run(self, photo: np.ndarray, most: int) -> list[np.ndarray]:
        """(S, S, 3) -> its map (h, w, channels) and its inner one, if there is one, or only the first of them."""
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], photo[None])
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(output["index"])[0] for output in self._outputs[:most]]  # copies


@functools.lru_cache(maxsize=3)
def _kept_network(path: Path, changes: Path | None, threads: int) -> _Network:
    return _Network(_data(path, changes), path, threads)


def _data(path: Path, changes: Path | None) -> bytes:
    return changed_network(_read(path), read_changes(changes)) if changes else _read(path)


def known_backbone(sha256_of_file: str) -> Path | None:
    """The backbone with this SHA-256, if it is one that ships or was made here already. No TensorFlow."""
    models = dict.fromkeys((resolve(), BUNDLED))  # the app may run on a head that has no backbone beside it
    for path in (model / name for model in models for name in (BACKBONE, FLOAT_BACKBONE)):
        if sha256(path) == sha256_of_file:
            return path
    general = general_backbone()
    if general and sha256(general) == sha256_of_file:
        return general
    return kept_backbone(sha256=sha256_of_file)


def general_backbone() -> Path | None:
    """The general backbone that ships, if it is complete and unchanged by the hash in the note beside it."""
    path = BUNDLED / GENERAL_FILE
    found = sha256(path)
    return path if found and found == _read_note(BUNDLED / GENERAL_NOTE).get("sha256") else None


def kept_backbone(**wanted: str | int) -> Path | None:
    """The ImageNet backbone that was made here, if all of this was noted of it and it is complete and unchanged."""
    for note in sorted(cache_folder().glob("imagenet-*.json")):
        about, path = _read_note(note), note.with_suffix(".tflite")
        if about.get("sha256") and wanted.items() <= about.items() and sha256(path) == about["sha256"]:
            return path
    return None


def _float_path(path: Path) -> Path:
    if path.name != BACKBONE or not path.with_name(CARD).exists():
        return path
    expected = ModelCard.read(path.parent).files.get(FLOAT_BACKBONE)
    if expected is None:
        return path
    in_float = path.with_name(FLOAT_BACKBONE)
    if sha256(in_float) != expected:
        raise ModelError(f"{FLOAT_BACKBONE} is missing, incomplete or was changed. Install the weights again.")
    return in_float


def _read(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{Path(path).name}: the backbone cannot be read ({error.strerror}). Install the weights again."
        ) from error


def _interpreter(data: bytes, path: Path, threads: int) -> "Interpreter":
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=data, num_threads=threads)
        interpreter.allocate_tensors()
        shapes = [d["shape"] for d in interpreter.get_input_details() + interpreter.get_output_details()]
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{Path(path).name} is not a LiteRT network. Install the weights again.") from error
    if [len(shape) for shape in shapes] not in ([4, 4], [4, 4, 4]):
        raise ModelError(
            f"{Path(path).name}: expected one photo batch in and one feature map out, "
            f"found shapes {[tuple(map(int, s)) for s in shapes]}."
        )
    return interpreter


def _read_note(note: Path) -> dict[str, Any]:
    try:
        about = json.loads(note.read_bytes()[:_MAX_NOTE_BYTES])
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
