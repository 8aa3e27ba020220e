"""Turn a trained Keras backbone into the LiteRT file that the app runs. Needs TensorFlow; used offline only."""

import contextlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def export_backbone(backbone: "keras.Model", path: Path, *, side_px: int) -> None:
    """Write `backbone` as a float32 LiteRT file for one square photo (1, side_px, side_px, 3) at a time."""
    import keras
    import tensorflow as tf

    photo = keras.Input(batch_shape=(1, side_px, side_px, 3), name="photo")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(photo, backbone(photo, training=False)))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each of its weights
        data = converter.convert()
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
