"""The network that a recipe fine-tunes: built, given its first weights, run on many photos at once, and exported.

TensorFlow is imported inside the functions, because the command line must start without it.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import BACKBONE, FAMILIARITY, HEAD, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.litert import export_backbone
from dance_demo.networks.mobilenet import build_backbone
from dance_demo.research.recipe import Recipe

if TYPE_CHECKING:
    import keras

BATCH = 32


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


def load_initial_weights(model: "keras.Model", init: Path) -> None:
    """Give the backbone the weights of a Keras file, or those of a `.tflite` backbone that was exported here."""
    if init.suffix == ".tflite":
        model.get_layer("backbone").set_weights(keras_backbone(Backbone(init)).get_weights())
        return
    try:
        model.get_layer("backbone").load_weights(init)
    except (OSError, ValueError) as error:
        raise ModelError(f"{init} does not hold MobileNetV2 weights: {error}") from error


def backbone_at(model: "keras.Model", side_px: int) -> "keras.Model":
    """The backbone of a trained model, for photos of another size than it was trained on."""
    backbone = build_backbone(side_px)
    backbone.set_weights(model.get_layer("backbone").get_weights())
    return backbone


def model_files(
    model: "keras.Model", class_names: tuple[str, ...], temperature: float, familiarity: Familiarity, *, side_px: int
) -> dict[str, bytes]:
    """The files of a model directory that serves a trained model to photos of `side_px`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        backbone = Path(folder) / BACKBONE
        export_backbone(backbone_at(model, side_px), backbone, side_px=side_px)
        weight, bias = model.get_layer("head").get_weights()
        head = Head(class_names, weight, bias, temperature, sha256(backbone))
        return {
            BACKBONE: backbone.read_bytes(),
            HEAD: head.to_npz_bytes(),
            FAMILIARITY: familiarity.to_npz_bytes(),
        }


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
