"""The eye of the classifier: MobileNetV2 without its top, run by LiteRT. Photos in, feature maps out.

A classifier is cut into a *backbone* (photo -> feature map, the slow part, the same for everybody) and a *head*
(feature map -> class, a few thousand numbers, one per visitor if they like). At that seam everything gets short:
prediction is a pooled matrix product, the heatmap of *every* class follows from one feature map without a gradient
(see `gradcam`), and a new head is trained in seconds because each photo passes the backbone only once.

LiteRT starts in a fraction of a second and answers in milliseconds; TensorFlow is not imported here.
"""

import hashlib
import threading
from pathlib import Path

import numpy as np

from dance_demo.errors import ModelError

THREADS = 2


class Backbone:
    """One loaded network. Safe to share between threads: an interpreter is not, so it sits behind a lock.

    `input_side_px` is the side of the square photos that it takes, `channels` the depth of its feature maps and
    `sha256` the hash of its file, by which a head knows the backbone that it was fitted on. `path` is that file.
    """

    def __init__(self, path: Path, *, threads: int = THREADS) -> None:
        """Load a `.tflite` file; raises `ModelError` if it is missing or not a network of this kind."""
        data = _read(path)
        self.path = path
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._interpreter = _interpreter(data, path, threads)
        self._lock = threading.Lock()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        _, self.input_side_px, _, _ = (int(n) for n in self._input["shape"])
        self.channels = int(self._output["shape"][-1])

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """Run photos (n, S, S, 3) float32 in [-1, 1] through the network; returns (n, h, w, channels) float32."""
        side = self.input_side_px
        if batch.ndim != 4 or batch.shape[1:] != (side, side, 3):
            raise ValueError(f"batch must be (n, {side}, {side}, 3). Received: {batch.shape}")
        maps = [self._run(photo) for photo in np.ascontiguousarray(batch, dtype=np.float32)]
        return np.stack(maps) if maps else np.empty((0, *self._output["shape"][1:]), np.float32)

    def _run(self, photo: np.ndarray) -> np.ndarray:
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], photo[None])
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output["index"])[0]  # get_tensor copies


def _read(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{Path(path).name}: the backbone cannot be read ({error.strerror}). Install the weights again."
        ) from error


def _interpreter(data: bytes, path: Path, threads: int):  # noqa: ANN202 - the type would need LiteRT at import time
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=data, num_threads=threads)
        interpreter.allocate_tensors()
        shapes = [d["shape"] for d in interpreter.get_input_details() + interpreter.get_output_details()]
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{Path(path).name} is not a LiteRT network. Install the weights again.") from error
    if [len(shape) for shape in shapes] != [4, 4]:
        raise ModelError(
            f"{Path(path).name}: expected one photo batch in and one feature map out, "
            f"found shapes {[tuple(map(int, s)) for s in shapes]}."
        )
    return interpreter
