"""A trained head and its backbone as one network, for programs that know nothing of this app.

    model.keras    a photo (n, S, S, 3) in [0, 255] -> probabilities (n, k)
    model.tflite   the same for one photo at a time, for phones and small computers
    labels.txt     the class of each probability, one a line
    README.md      what they take in and give, in words

Both are made of standard Keras layers and operations only, so they load anywhere without code of ours, and both are
held against the app on a few pictures before anybody gets them. Needs TensorFlow: runs in the child process of a job.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.files.zip_archive import ArchiveLimits, pack, read_files
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input
from dance_demo.model.readme import OLDEST_KERAS
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.litert import litert_bytes
from dance_demo.networks.litert_metadata import with_metadata

if TYPE_CHECKING:
    import keras

KERAS_FILE, LITERT_FILE, LABELS_FILE, README_FILE = "model.keras", "model.tflite", "labels.txt", "README.md"
TAKES_IN = (
    "one photo of {side} x {side} pixels, colours in the order red, green, blue, as numbers from 0 to 255: what a "
    "decoder gives, as float32. Do not divide by 255, and do not bring them to -1 to 1, as Teachable Machine's models "
    "want it: the first layer does that"
)
_README = """\
# A photo in, the probability of each class out

Takes in {takes_in}.

It gives {k} probabilities, in the order of `labels.txt`.

| File | Input | Output |
|---|---|---|
| `model.keras` | `photo`, float32 (n, {side}, {side}, 3) | float32 (n, {k}) |
| `model.tflite` | `photo`, float32 (1, {side}, {side}, 3) | float32 (1, {k}) |

`model.keras` opens in Keras {keras} and later (`keras.models.load_model`). Newer versions may warn that its input is
one tensor and not a list of one, which changes nothing. `model.tflite` carries this description and its labels as
TFLite metadata (mean 0, deviation 1), where MediaPipe Tasks and ML Kit look for them.
"""
_DESCRIPTION, _ABOUT = "config.json", "metadata.json"  # in a .keras file: for Keras, and for people
_PARTS = (_ABOUT, _DESCRIPTION, "model.weights.h5")
MAX_BYTES = 200_000_000
_LATER_SETTINGS: dict[str, Any] = {  # of layers, that Keras 3.3 does not know -> what it does all the same
    "quantization_config": None,
    "input_axes": None,
    "output_axes": None,
    "optional": False,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
CHECKED_PICTURES = 3
TOLERANCE = 0.01  # of a probability, between the app and what was made of it


@dataclass(frozen=True)
class FullModel:
    """Where the files of a full model lie, and by how much their probabilities differed from the app's at most.

    That is next to nothing, but for a backbone that computes in eight bits in the app alone.
    """

    keras: Path
    litert: Path
    labels: Path
    readme: Path
    input_side_px: int
    largest_difference: float


def export(directory: Path, stop: Stop, model: Path) -> Iterator[Progress | FullModel]:
    """Write the full model of a trained model directory into `directory`; the last event says where.

    `stop` is asked between the steps. Raises `ModelError` if the model is damaged, listens to sounds, or its backbone
    is not here.
    """
    card = ModelCard.read(model)
    card.require_photos()
    classifier, draft = load_classifier(model), directory / "draft"
    draft.mkdir(parents=True)
    yield Progress("Putting backbone and head together")
    network, side_px = full_network(classifier), classifier.backbone.input_side_px
    if stop():
        return
    yield Progress("Saving the Keras model")
    names, takes_in = classifier.class_names, TAKES_IN.format(side=side_px)
    about = {"name": card.name, "description": f"Takes in {takes_in}."}
    save_for_every_keras(network, draft / KERAS_FILE, about={**about, "class_names": names})
    if stop():
        return
    yield Progress("Converting it for LiteRT")
    converted = litert_bytes(network, side_px=side_px)
    (draft / LITERT_FILE).write_bytes(with_metadata(converted, names, **about, side_px=side_px))
    if stop():
        return
    yield Progress("Checking that all three say the same")
    difference = _largest_difference(classifier, network, draft / LITERT_FILE)
    (draft / LABELS_FILE).write_text("".join(f"{name}\n" for name in classifier.class_names), encoding="utf-8")
    readme = _README.format(takes_in=takes_in, side=side_px, k=len(names), keras=OLDEST_KERAS)
    (draft / README_FILE).write_text(readme, encoding="utf-8")
    keras, litert, *texts = (directory / name for name in (KERAS_FILE, LITERT_FILE, LABELS_FILE, README_FILE))
    for path in (*texts, keras, litert):
        os.replace(draft / path.name, path)
    draft.rmdir()
    yield FullModel(keras, litert, texts[0], texts[1], side_px, difference)


def full_network(classifier: Classifier) -> "keras.Model":
    """The classifier as one Keras model: photos (n, S, S, 3) float32 in [0, 255] -> probabilities (n, k)."""
    import keras

    layers, side_px, backbone = keras.layers, classifier.backbone.input_side_px, keras_backbone(classifier.backbone)
    photo = keras.Input((side_px, side_px, 3), name="photo")
    view = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    pooled = layers.GlobalAveragePooling2D()(backbone(view))
    if classifier.mirrored_view:
        mirrored = layers.GlobalAveragePooling2D()(backbone(keras.ops.flip(view, axis=2)))
        pooled = layers.Average()([pooled, mirrored])
    return keras.Model(photo, _probabilities(pooled, classifier.head), name="dance_demo")


def head_network(head: Head) -> "keras.Model":
    """The head alone as a Keras model: pooled maps (n, c) -> probabilities (n, k)."""
    import keras

    pooled = keras.Input((head.channels,))
    return keras.Model(pooled, _probabilities(pooled, head))


def save_for_every_keras(network: "keras.Model", path: Path, *, about: Mapping[str, Any] | None = None) -> None:
    """Write a `.keras` file that opens in Keras 3.3 and later, not only in versions as new as this one.

    `about` goes into its metadata, which Keras passes over.

    What later versions have added to its description is taken out where it says what was the only way before: the name
    of an operation among its settings, settings that change nothing; and a single input stands in a list again, which
    newer ones take, too, with a warning that it is one.
    """
    network.save(path)
    files = read_files(path, _PARTS, limits=ArchiveLimits(file_bytes=MAX_BYTES))
    description = json.loads(files[_DESCRIPTION])
    files[_DESCRIPTION] = json.dumps(for_every_keras(description)).encode()
    told = json.loads(files[_ABOUT]) | {"opens_in": f"Keras {OLDEST_KERAS} and later", **(about or {})}
    files[_ABOUT] = json.dumps(told, ensure_ascii=False).encode()
    path.write_bytes(pack(files))


def for_every_keras(value: Any) -> Any:
    if isinstance(value, list):
        return [for_every_keras(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: for_every_keras(one)
        for key, one in value.items()
        if key not in _LATER_SETTINGS or one != _LATER_SETTINGS[key]
    }
    for ends in ("input_layers", "output_layers"):
        if isinstance(end := kept.get(ends), list) and end and isinstance(end[0], str):
            kept[ends] = [end]
    if str(kept.get("module", "")).startswith("keras.src.ops"):
        kept["config"] = {key: one for key, one in kept["config"].items() if key not in ("name", "dtype")}
    return kept


def _probabilities(pooled: "keras.KerasTensor", head: Head) -> "keras.KerasTensor":
    """What a head makes of pooled maps (n, c), in layers: probabilities (n, k).

    The temperature goes into the last one's numbers.
    """
    import keras

    features = pooled
    if head.power_normalized:
        features = keras.layers.UnitNormalization()(keras.ops.sqrt(keras.layers.ReLU()(pooled)))
    if head.hidden_weight is not None and head.hidden_bias is not None:
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
    """Between the probabilities that the app and the two files give for some drawings.

    Between the files and the app's own network in float32 it is our mistake if it is not tiny.
    """
    run, mistakes, differences, in_float = litert_function(litert), list[float](), list[float](), classifier.in_float()
    for form in FORM_NAMES[:CHECKED_PICTURES]:
        drawing = draw(form, 0)
        pixels = pixels_of(drawing, classifier.backbone.input_side_px)
        in_app, expected = (one.classify(drawing).probabilities(one.class_names) for one in (classifier, in_float))
        for answer in (network(pixels[None], training=False).numpy()[0], run(pixels)):
            mistakes.append(float(np.abs(answer - expected).max()))
            differences.append(float(np.abs(answer - in_app).max()))
    if not max(mistakes) <= TOLERANCE:  # NaN fails every comparison
        raise RuntimeError(f"the probabilities of the full model differ from the app's network: {mistakes}")
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
        (probabilities,) = interpreter.get_tensor(given["index"])
        return np.asarray(probabilities)

    return run
