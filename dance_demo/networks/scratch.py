"""The network that teaching articles train on photos of dancers from nothing, to be held beside the transferred head.

Three convolutions (ReLU), each with 2 x 2 max-pooling and dropout, a dense layer and softmax; Adam, categorical
cross-entropy. The articles on dance have 128, 64 and 128 filters of 2 x 2 and 64 dense units, those on music 32, 32 and
64 of 3 x 3, and 128 dense units. Photos come as small uint8 squares from a file, a batch at a
time, so that memory does not grow with their number. TensorFlow is imported inside of the functions: this runs in
a child process only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.files.photo import open_photo
from dance_demo.model.preprocessing import to_inputs

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Layers:
    """How many filters each convolution has, of how many pixels a side, and how many units the dense layer."""

    filters: tuple[int, ...]
    kernel_px: int
    dense_units: int


DANCE, MUSIC = NETWORKS = ("dance", "music")
LAYERS: Mapping[str, Layers] = MappingProxyType(
    {DANCE: Layers((128, 64, 128), 2, 64), MUSIC: Layers((32, 32, 64), 3, 128)}
)
BATCH = 32
LARGE_SIDE_PX, PIECE = 112, 8  # larger photos go through in pieces of a batch: 32 of 224 px take 3.5 GB at once
_FLOAT_BYTES = 4


def photo_squares(paths: Sequence[Path], side_px: int, file: Path, *, pictures: int = 1) -> Iterator[int]:
    """Write the photos as uint8 squares (n, side_px, side_px, 3) into a .npy file; yields how many are done.

    Of so many `pictures` above one another (of sound) it is the first.
    """
    squares = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(len(paths), side_px, side_px, 3))
    for number, path in enumerate(paths):
        squares[number] = np.rint((to_inputs(open_photo(path), side_px, pictures)[0] + 1) * 127.5)
        yield number + 1
    squares.flush()


class ScratchNetwork:
    """One such network while it learns. The same seed and photos give the same network on the same machine."""

    def __init__(
        self,
        side_px: int,
        class_count: int,
        *,
        dropout: float,
        learning_rate: float,
        seed: int,
        network: str = DANCE,
    ) -> None:
        import keras
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(seed)
        self._model = _build(side_px, class_count, dropout, LAYERS[network])
        self._at_once = PIECE if side_px > LARGE_SIDE_PX else BATCH
        steps = BATCH // self._at_once if self._at_once < BATCH else None
        optimizer = keras.optimizers.Adam(learning_rate, gradient_accumulation_steps=steps)
        self._model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        self._targets = np.eye(class_count, dtype=np.float32)
        self._seed = seed

    @property
    def size_bytes(self) -> int:
        """Of its weights as float32."""
        return int(_FLOAT_BYTES * self._model.count_params())

    def learn(
        self, squares: np.ndarray, classes: np.ndarray, indices: np.ndarray, epoch: int, stop: Callable[[], bool]
    ) -> tuple[float, float] | None:
        """Go once through the photos at `indices`, in an order of this epoch's own; None if told to stop.

        squares is uint8 (n, S, S, 3), classes int (n,). Returns the means of loss and accuracy on the way.
        """
        order = np.random.default_rng([self._seed, epoch]).permutation(indices)
        sums = np.zeros(2)
        for start in range(0, len(order), self._at_once):
            if stop():
                return None
            batch = order[start : start + self._at_once]
            measured = self._model.train_on_batch(_batch(squares, batch), self._targets[classes[batch]])
            sums += np.multiply(len(batch), measured)
        loss, accuracy = (sums / len(order)).tolist()
        return loss, accuracy

    def probabilities(self, squares: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """(m, k) for the squares at these indices, each row sums to 1."""
        pieces = np.split(indices, range(self._at_once, len(indices), self._at_once))
        return np.concatenate([self._model.predict_on_batch(_batch(squares, piece)) for piece in pieces])


def _build(side_px: int, class_count: int, dropout: float, network: Layers) -> "keras.Model":
    from keras import Sequential, layers

    model = Sequential([layers.Input((side_px, side_px, 3))])
    for filters in network.filters:
        model.add(layers.Conv2D(filters, network.kernel_px, activation="relu"))
        model.add(layers.MaxPooling2D(2))
        model.add(layers.Dropout(dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(network.dense_units, activation="relu"))
    model.add(layers.Dense(class_count, activation="softmax"))
    return model


def _batch(squares: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Squares as the network takes them in: float32 in [-1, 1]."""
    batch: np.ndarray = squares[indices].astype(np.float32) / 127.5 - 1
    return batch
