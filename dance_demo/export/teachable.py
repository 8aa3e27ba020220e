"""A model in the format of Teachable Machine: Scratch, p5 and ml5, and Google's own library load it by its address.

    model.json      the layers, as TensorFlow.js reads them
    weights.bin     their numbers
    metadata.json   the names of the classes, and the side of the pictures

TensorFlow.js' own converter does not run with today's TensorFlow and cannot read Keras 3, so the three are written
here. Only layers that the library has known from its beginning are in it; that takes three tricks:

- The mirror image. Nothing there turns a picture round, but a network with every kernel turned round does the same to
  the picture as it is. Kernels of one pixel, nearly all the numbers, are the same both ways and used twice.
- The square root of power normalisation is drawn as `KNOTS` straight lines, 0.1 % from it at most, and the division
  by the length is that of a normalised scalar product.
- The library makes pixels into numbers by x / 127 - 1, this app by x / 127.5 - 1: the first kernels make up for it.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import dance_demo
from dance_demo.files.atomic import DRAFT_PREFIX
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard, require_new
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.networks.from_litert import keras_backbone

if TYPE_CHECKING:
    import keras

KNOTS, SMALLEST_KNOT, LARGEST_KNOT = 64, 1e-5, 8.0  # of the square root; pooled features lie in [0, 6]
Node = tuple[str, int]  # the output of a layer: its name, and the number of the call


def write_teachable(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write a model directory as the new folder `out`, complete or not at all. Needs TensorFlow."""
    require_new(out)
    classifier, card = load_classifier(model), ModelCard.read(model)
    yield Progress("Writing the network for TensorFlow.js")
    layers = _Layers()
    _write_network(layers, classifier)
    if stop():
        return
    files = {
        "model.json": json.dumps(layers.model_json()).encode(),
        "weights.bin": layers.weights_bytes(),
        "metadata.json": json.dumps(_metadata(card, classifier.backbone.input_side_px), ensure_ascii=False).encode(),
    }
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=DRAFT_PREFIX) as draft:
        folder = Path(draft) / out.name
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        if not stop():
            os.rename(folder, out)


def _metadata(card: ModelCard, side_px: int) -> dict[str, Any]:
    takes_in = f"{side_px} x {side_px} pixels, red, green, blue from -1 to 1, as Teachable Machine's library makes them"
    return {
        "tfjsVersion": "1.3.1",
        "tmVersion": "2.4.5",
        "packageVersion": "0.8.4",
        "packageName": "@teachablemachine/image",
        "timeStamp": datetime.now(UTC).isoformat(),
        "userMetadata": {
            "madeBy": f"dance demo {dance_demo.__version__}",
            "accuracy": card.summary(),
            "takesIn": takes_in,
        },
        "modelName": card.name,
        "labels": list(card.class_names),
        "imageSize": side_px,
    }


class _Layers:
    """A network as TensorFlow.js reads it, layer by layer. A layer that is called again shares its weights."""

    def __init__(self) -> None:
        self._layers: dict[str, dict[str, Any]] = {}
        self._weights: dict[str, np.ndarray] = {}
        self._last: Node = ("", 0)

    def call(
        self, kind: str, name: str, inputs: Sequence[Node] = (), weights: dict[str, np.ndarray] | None = None,
        **config: Any,
    ) -> Node:  # fmt: skip
        """Add a layer of this kind, or call the one of this name once more."""
        if name not in self._layers:
            about = {"name": name, "trainable": False, "dtype": "float32", **config}
            self._layers[name] = {"class_name": kind, "name": name, "config": about, "inbound_nodes": []}
            self._weights |= {f"{name}/{part}": value.astype("<f4") for part, value in (weights or {}).items()}
        calls = self._layers[name]["inbound_nodes"]
        if inputs:
            calls.append([[source, number, 0, {}] for source, number in inputs])
        self._last = (name, max(0, len(calls) - 1))
        return self._last

    def dense(self, name: str, source: Node, kernel: np.ndarray, bias: np.ndarray, activation: str = "linear") -> Node:
        return self.call(
            "Dense", name, [source], {"kernel": kernel, "bias": bias},
            units=kernel.shape[1], activation=activation, use_bias=True,
        )  # fmt: skip

    def model_json(self) -> dict[str, Any]:
        layers = list(self._layers.values())
        name, number = self._last
        config = {
            "name": "dance_demo",
            "layers": layers,
            "input_layers": [[layers[0]["name"], 0, 0]],
            "output_layers": [[name, number, 0]],
        }
        manifest = [
            {"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in self._weights.items()
        ]
        return {
            "format": "layers-model",
            "generatedBy": f"dance demo {dance_demo.__version__}",
            "convertedBy": None,
            "modelTopology": {
                "class_name": "Model",
                "config": config,
                "keras_version": "2.1.6",
                "backend": "tensorflow",
            },
            "weightsManifest": [{"paths": ["weights.bin"], "weights": manifest}],
        }

    def weights_bytes(self) -> bytes:
        return b"".join(array.tobytes() for array in self._weights.values())


def _write_network(layers: _Layers, classifier: Classifier) -> None:
    backbone, side_px = keras_backbone(classifier.backbone), classifier.backbone.input_side_px
    photo = layers.call("InputLayer", "photo", batch_input_shape=[None, side_px, side_px, 3], sparse=False)
    pooled = [_pooled(layers, backbone, photo, mirrored=False)]
    if classifier.mirrored_view:
        pooled.append(_pooled(layers, backbone, photo, mirrored=True))
        pooled = [layers.call("Average", "both_views", pooled)]
    _write_head(layers, classifier.head, pooled[0])


def _pooled(layers: _Layers, backbone: "keras.Model", photo: Node, *, mirrored: bool) -> Node:
    """The backbone layer by layer, or its mirror image, up to the mean of each channel."""
    sources = {layer["name"]: _sources(layer["inbound_nodes"]) for layer in backbone.get_config()["layers"]}
    biases = {
        sources[layer.name][0]: layer.get_weights()[1]
        for layer in backbone.layers
        if type(layer).__name__ == "BatchNormalization"  # nothing but a bias is left in it: see `from_litert`
    }
    nodes: dict[str, Node] = {}
    for layer in backbone.layers:
        inputs = [nodes[name] for name in sources[layer.name]]
        nodes[layer.name] = _write_layer(layers, layer, inputs, biases.get(layer.name), mirrored) if inputs else photo
    return layers.call(
        "GlobalAveragePooling2D", "pooled", [nodes[backbone.layers[-1].name]], data_format="channels_last"
    )


def _sources(inbound: Any) -> list[str]:
    """The names of the layers that a layer of Keras takes its input from."""
    if isinstance(inbound, dict):
        if inbound.get("class_name") == "__keras_tensor__":
            return [inbound["config"]["keras_history"][0]]
        return [name for value in inbound.values() for name in _sources(value)]
    return [name for value in inbound for name in _sources(value)] if isinstance(inbound, list | tuple) else []


def _write_layer(
    layers: _Layers, layer: "keras.Layer", inputs: list[Node], bias: np.ndarray | None, mirrored: bool
) -> Node:
    kind, config, name = type(layer).__name__, layer.get_config(), layer.name
    if kind == "BatchNormalization":
        return inputs[0]
    if kind == "ReLU":
        return layers.call(kind, name, inputs, max_value=config["max_value"])
    if kind == "Add":
        return layers.call(kind, name, inputs)
    if kind == "ZeroPadding2D":
        return _padding(layers, name, inputs, config["padding"], mirrored)
    [kernel] = layer.get_weights()
    assert bias is not None
    if kernel.shape[2] == 3 and kind == "Conv2D":  # the first one
        share = 127 / 127.5
        bias = bias + (share - 1) * kernel.sum(axis=(0, 1, 2))
        kernel = share * kernel
    padding, strides = config["padding"], list(config["strides"])
    if kernel.shape[0] > 1:
        if padding == "same" and strides != [1, 1]:  # of an even side: one line, below and on the right
            inputs, padding = [_padding(layers, f"{name}_pad", inputs, ((0, 1), (0, 1)), mirrored)], "valid"
        if mirrored:
            name, kernel = f"{name}_mirrored", kernel[:, ::-1]
    return layers.call(
        kind, name, inputs, {"depthwise_kernel" if kind == "DepthwiseConv2D" else "kernel": kernel, "bias": bias},
        kernel_size=list(kernel.shape[:2]), strides=strides, padding=padding, use_bias=True, activation="linear",
        data_format="channels_last",
        **({"depth_multiplier": 1} if kind == "DepthwiseConv2D" else {"filters": kernel.shape[3]}),
    )  # fmt: skip


def _padding(layers: _Layers, name: str, inputs: list[Node], padding: Any, mirrored: bool) -> Node:
    rows, columns = map(list, padding)
    if mirrored:
        name, columns = f"{name}_mirrored", columns[::-1]
    return layers.call("ZeroPadding2D", name, inputs, padding=[rows, columns], data_format="channels_last")


def _write_head(layers: _Layers, head: Head, pooled: Node) -> None:
    """What `Head.probabilities` does, in layers. The temperature goes into the last one's numbers."""
    last = head.weight / head.temperature, head.bias / head.temperature
    if head.hidden_weight is not None and head.hidden_bias is not None:
        pooled = _first(layers, head, pooled, head.hidden_weight, head.hidden_bias, "hidden", "relu")
        layers.dense("probabilities", pooled, *last, "softmax")
    else:
        _first(layers, head, pooled, *last, "probabilities", "softmax")


def _first(
    layers: _Layers, head: Head, pooled: Node, weight: np.ndarray, bias: np.ndarray, name: str, activation: str
) -> Node:
    """The layer that reads the features."""
    if not head.power_normalized:
        return layers.dense(name, pooled, weight, bias, activation)
    lengths = np.linalg.norm(weight, axis=0)
    cosines = _cosines(layers, _roots(layers, pooled, head.channels), pooled, weight)
    return layers.dense(name, cosines, np.diag(lengths), bias, activation)


def _roots(layers: _Layers, pooled: Node, channels: int) -> Node:
    """The square root of each channel, (1, c): straight from one knot to the next."""
    knots = np.concatenate([[0], np.geomspace(SMALLEST_KNOT, LARGEST_KNOT, KNOTS - 1)])
    slopes = np.diff(np.sqrt(knots)) / np.diff(knots)
    turns = np.diff(slopes, prepend=0)  # sqrt(x) = sum of turns * relu(x - knots), up to the last knot
    places = layers.call("Reshape", "channels", [pooled], target_shape=[1, 1, channels])
    weights = {
        "depthwise_kernel": np.ones((1, 1, channels, KNOTS - 1)),
        "bias": np.tile(-knots[:-1], channels),
    }
    beyond = layers.call(
        "DepthwiseConv2D", "beyond_knots", [places], weights, kernel_size=[1, 1], strides=[1, 1], padding="valid",
        depth_multiplier=KNOTS - 1, use_bias=True, activation="relu", data_format="channels_last",
    )  # fmt: skip
    apart = layers.call("Reshape", "knots", [beyond], target_shape=[channels, KNOTS - 1])
    roots = layers.dense("roots", apart, turns[:, None], np.zeros(1))
    return layers.call("Reshape", "root_row", [roots], target_shape=[1, channels])


def _cosines(layers: _Layers, roots: Node, pooled: Node, weight: np.ndarray) -> Node:
    """The cosine between the roots and each column of `weight` (c, u), which lies in the bias of a layer: (u,)."""
    channels, units = weight.shape
    nothing = layers.dense("nothing", pooled, np.zeros((channels, 1)), np.zeros(1))
    columns = layers.dense("columns", nothing, np.zeros((1, weight.size)), weight.T.ravel())
    rows = layers.call("Reshape", "column_rows", [columns], target_shape=[units, channels])
    cosines = layers.call("Dot", "cosines", [roots, rows], axes=[2, 2], normalize=True)
    return layers.call("Reshape", "cosine_row", [cosines], target_shape=[units])
