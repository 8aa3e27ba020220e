"""MobileNetV2 in Keras: built, given its first weights, and run on many photos at once. Offline only.

TensorFlow is imported inside the functions, because everything else in this package must start without it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dance_demo.errors import ModelError
from dance_demo.recipe import Recipe

if TYPE_CHECKING:
    import keras

BATCH = 32
KERAS_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
KERAS_FILE_BYTES = 9_406_464


def build_model(recipe: Recipe, class_count: int) -> "keras.Model":
    """MobileNetV2 1.0 (Sandler et al. 2018) without its top, average pooling and one linear layer."""
    import keras

    backbone = build_backbone(recipe.side_px)
    learns = not recipe.first_trainable
    for layer in backbone.layers:
        learns = learns or layer.name == recipe.first_trainable
        layer.trainable = learns and not isinstance(layer, keras.layers.BatchNormalization)
    photo = keras.Input((recipe.side_px, recipe.side_px, 3))
    features = keras.layers.GlobalAveragePooling2D()(backbone(photo, training=False))
    features = keras.layers.Dropout(recipe.dropout, name="dropout")(features)
    return keras.Model(photo, keras.layers.Dense(class_count, name="head")(features))


def build_backbone(side_px: int | None) -> "keras.Model":
    import keras

    shape = (side_px, side_px, 3)
    return keras.applications.MobileNetV2(input_shape=shape, include_top=False, weights=None, name="backbone")


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


def load_initial_weights(model: "keras.Model", init: Path) -> None:
    try:
        model.get_layer("backbone").load_weights(init)
    except (OSError, ValueError) as error:
        raise ModelError(f"{init} does not hold MobileNetV2 weights: {error}") from error


def backbone_at(model: "keras.Model", side_px: int) -> "keras.Model":
    """The backbone of a trained model, for photos of another size than it was trained on."""
    backbone = build_backbone(side_px)
    backbone.set_weights(model.get_layer("backbone").get_weights())
    return backbone


def pooled_features(
    model: "keras.Model", squares: np.ndarray, *, side_px: int, mirrored_view: bool = False
) -> np.ndarray:
    """Pooled feature maps (n, c) of squares (n, S, S, 3) uint8, seen at `side_px`.

    With `mirrored_view` they are averaged with those of the mirror images.
    """
    backbone = backbone_at(model, side_px)
    steps = (1, -1) if mirrored_view else (1,)
    pooled = []
    for start in range(0, len(squares), BATCH):
        batch = _inputs(squares[start : start + BATCH], side_px)
        views = [backbone(batch[:, :, ::step], training=False).numpy().mean(axis=(1, 2)) for step in steps]
        pooled.append(np.mean(views, axis=0))
    return np.concatenate(pooled)


def _inputs(squares: np.ndarray, side_px: int) -> np.ndarray:
    """Squares (n, S, S, 3) uint8 as a batch (n, side_px, side_px, 3) in [-1, 1]."""
    size = (side_px, side_px)
    resized = [np.asarray(Image.fromarray(square).resize(size, Image.Resampling.BILINEAR)) for square in squares]
    return np.stack(resized).astype(np.float32) / 127.5 - 1
