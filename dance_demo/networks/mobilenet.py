"""MobileNetV2 (Sandler et al. 2018) in Keras without its top, and where its ImageNet weights come from.

TensorFlow is imported inside the functions, because everything else in this package must start without it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dance_demo.errors import ModelError

if TYPE_CHECKING:
    import keras

KERAS_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
KERAS_FILE_BYTES = 9_406_464


def build_backbone(side_px: int | None) -> "keras.Model":
    import keras

    shape = (side_px, side_px, 3)
    return keras.applications.MobileNetV2(input_shape=shape, include_top=False, weights=None, name="backbone")


def downloaded_weights() -> Path:
    """Where Keras keeps the ImageNet weights once it has them. No TensorFlow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / KERAS_FILE


def initial_weights(init: str) -> Path:
    """The file of ImageNet weights called `init`; for "imagenet", Keras' own, downloaded if need be.

    Keras checks no hash. A download that was cut is told by its size, removed and reported; the hash of what was
    used stands in the card of the model.
    """
    if init != "imagenet":
        if not Path(init).is_file():
            raise ModelError(f"There are no initial weights at {init}. Give a file, or 'imagenet', with --init.")
        return Path(init)
    import keras

    try:
        path = Path(keras.utils.get_file(KERAS_FILE, KERAS_FOLDER + KERAS_FILE, cache_subdir="models"))
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise ModelError(f"The ImageNet weights cannot be downloaded ({error}). Give a file with --init.") from error
    if path.stat().st_size != KERAS_FILE_BYTES:
        path.unlink()
        raise ModelError("The downloaded ImageNet weights were incomplete. They were removed; try again.")
    return path
