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
    data = litert_bytes(backbone, side_px=side_px)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)


def litert_bytes(network: "keras.Model", *, side_px: int) -> bytes:
    """Any network that looks at square photos as a float32 LiteRT file for one of them at a time."""
    import keras
    import tensorflow as tf

    photo = keras.Input(batch_shape=(1, side_px, side_px, 3), name="photo")
    model = keras.Model(photo, network(photo, training=False), name="functional")  # a counted name would be written
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each of its weights
        return converter.convert()
