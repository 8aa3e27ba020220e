"""A trained head and its backbone as one network, for programs that know nothing of this app.

    model.keras    a photo (n, S, S, 3) in [0, 255] -> probabilities (n, k)
    model.tflite   the same for one photo at a time, for phones and small computers
    labels.txt     the class of each probability, one a line

Both are made of standard Keras layers and operations only, so they load anywhere without code of ours, and both are
held against the app on a few pictures before anybody gets them. Needs TensorFlow: runs in the child process of a job.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dance_demo.backbones import known_backbone
from dance_demo.classifier import Classifier
from dance_demo.errors import ModelError
from dance_demo.head import Head
from dance_demo.illustrations import FORM_NAMES, draw
from dance_demo.photos import to_input
from dance_demo.training import Phase, load_trained

if TYPE_CHECKING:
    import keras

KERAS_FILE, LITERT_FILE, LABELS_FILE = "model.keras", "model.tflite", "labels.txt"
CHECKED_PICTURES = 3
TOLERANCE = 0.01  # of a probability, between the app and what was made of it


@dataclass(frozen=True)
class FullModel:
    """Where the files of a full model lie, and by how much their probabilities differed from the app's at most."""

    keras: Path
    litert: Path
    labels: Path
    input_side_px: int
    largest_difference: float


def export(directory: Path, stop: Callable[[], bool], model: Path) -> Iterator[Phase | FullModel]:
    """Write the full model of a trained model directory into `directory`; the last event says where.

    `stop` is asked between the steps. Raises `ModelError` if the model is damaged or its backbone is not here.
    """
    from dance_demo.export import litert_bytes

    classifier, draft = load_trained(model), directory / "draft"
    draft.mkdir(parents=True)
    yield Phase("Putting backbone and head together")
    network, side_px = full_network(classifier), classifier.backbone.input_side_px
    if stop():
        return
    yield Phase("Saving the Keras model")
    network.save(draft / KERAS_FILE)
    if stop():
        return
    yield Phase("Converting it for LiteRT")
    (draft / LITERT_FILE).write_bytes(litert_bytes(network, side_px=side_px))
    if stop():
        return
    yield Phase("Checking that all three say the same")
    difference = _largest_difference(classifier, network, draft / LITERT_FILE)
    (draft / LABELS_FILE).write_text("".join(f"{name}\n" for name in classifier.class_names), encoding="utf-8")
    labels, keras, litert = (_moved(draft / name, directory) for name in (LABELS_FILE, KERAS_FILE, LITERT_FILE))
    draft.rmdir()
    yield FullModel(keras, litert, labels, side_px, difference)


def full_network(classifier: Classifier) -> "keras.Model":
    """The classifier as one Keras model: photos (n, S, S, 3) float32 in [0, 255] -> probabilities (n, k)."""
    import keras

    from dance_demo.keras_backbone import keras_backbone

    layers, side_px = keras.layers, classifier.backbone.input_side_px
    backbone = keras_backbone(_backbone_file(classifier))
    photo = keras.Input((side_px, side_px, 3), name="photo")
    view = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    pooled = layers.GlobalAveragePooling2D()(backbone(view))
    if classifier.mirrored_view:
        mirrored = layers.GlobalAveragePooling2D()(backbone(keras.ops.flip(view, axis=2)))
        pooled = layers.Average()([pooled, mirrored])
    return keras.Model(photo, _probabilities(pooled, classifier.head), name="dance_demo")


def _backbone_file(classifier: Classifier) -> Path:
    path = known_backbone(classifier.backbone.sha256)
    if path is None:
        raise ModelError("The backbone of this head is no longer on this computer. Train again, or install it again.")
    return path


def _probabilities(pooled: "keras.KerasTensor", head: Head) -> "keras.KerasTensor":
    """What `Head.probabilities` does, in layers. The temperature goes into the last one's numbers."""
    import keras

    features = pooled
    if head.power_normalized:
        features = keras.layers.UnitNormalization()(keras.ops.sqrt(keras.layers.ReLU()(pooled)))
    if head.hidden_weight is not None:
        features = _dense(features, head.hidden_weight, head.hidden_bias, "relu", "hidden")
    cooled = head.weight / head.temperature, head.bias / head.temperature
    return _dense(features, *cooled, "softmax", "probabilities")


def _dense(
    features: "keras.KerasTensor", weight: np.ndarray, bias: np.ndarray, activation: str, name: str
) -> "keras.KerasTensor":
    import keras

    layer = keras.layers.Dense(len(bias), activation=activation, name=name)
    answer = layer(features)
    layer.set_weights([weight, bias])
    return answer


def _largest_difference(classifier: Classifier, network: "keras.Model", litert: Path) -> float:
    """Between the probabilities that the three give for some drawings. It is our mistake if it is not tiny."""
    run, differences = litert_function(litert), []
    for form in FORM_NAMES[:CHECKED_PICTURES]:
        drawing = draw(form, 0)
        pixels = pixels_of(drawing, classifier.backbone.input_side_px)
        features = classifier.head.features(classifier.feature_map(drawing)[None])
        expected = classifier.head.probabilities(features)[0]
        answers = network(pixels[None], training=False).numpy()[0], run(pixels)
        differences += [float(np.abs(answer - expected).max()) for answer in answers]
    if not max(differences) <= TOLERANCE:  # NaN fails every comparison
        raise RuntimeError(f"the probabilities of the full model differ from the app's: {differences}")
    return max(differences)


def pixels_of(photo: Image.Image, side_px: int) -> np.ndarray:
    """What the full models take in: (side_px, side_px, 3) float32 in [0, 255]."""
    return (to_input(photo, side_px) + 1) * np.float32(127.5)


def litert_function(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """A LiteRT full model as a function: pixels (S, S, 3) in [0, 255] -> probabilities (k,)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(pixels: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken["index"], pixels[None])
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])[0]

    return run


def _moved(file: Path, directory: Path) -> Path:
    os.replace(file, directory / file.name)
    return directory / file.name
