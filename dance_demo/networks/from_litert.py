"""The way back: a LiteRT backbone as a Keras model with the same weights, to differentiate or to export it.

The Keras weights do not ship, because the LiteRT file holds them all. When it was made, each BatchNorm was folded into
the convolution before it: kernel * gamma / sqrt(variance + epsilon), and what remains is a bias. Here the kernel goes
back into the convolution, and the BatchNorm only adds that bias. Needs TensorFlow; used offline and in tests only.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone
from dance_demo.networks.mobilenet import build_backbone

if TYPE_CHECKING:
    import keras


def keras_backbone(network: Backbone) -> "keras.Model":
    """MobileNetV2 without its top, with the weights of a backbone that `export_backbone` made of one.

    Of one that computes in eight bits, the network in float32 that it was made from. Raises `ModelError` if it is not
    such a network.
    """
    import keras

    backbone = build_backbone(network.input_side_px)
    constants = _constants(network.in_float().data)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            bias = _of(layer.name, constants, dimensions=1)
            same = np.ones_like(bias)
            layer.set_weights([same, bias, 0 * same, same - np.float32(layer.epsilon)])
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            kernel = _of(layer.name, constants, dimensions=4)
            layer.set_weights([kernel.transpose(1, 2, 3, 0)])  # LiteRT has the filters first, Keras last
    return backbone


def _constants(network: bytes) -> dict[str, np.ndarray]:
    """Kernels and biases by the name that the converter gave them: the path of each layer that went into it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=network)  # without room for a photo: only constants can be read
    constants = {}
    for tensor in interpreter.get_tensor_details():
        try:
            constant = interpreter.get_tensor(tensor["index"])
        except ValueError:  # what only exists while a photo passes
            continue
        if constant.dtype == np.int8:
            raise ModelError("This network computes in eight bits, and its numbers in float32 are not here.")
        constants[tensor["name"]] = constant.astype(np.float32, copy=False)
    return constants


def _of(layer: str, constants: dict[str, np.ndarray], *, dimensions: int) -> np.ndarray:
    named = [array for name, array in constants.items() if re.search(rf"/{layer}(_\d+)?/", name)]
    found = [array for array in named if array.ndim == dimensions]
    if len(found) != 1:
        raise ModelError(f"This backbone is not a MobileNetV2 that was exported here: found {len(found)} {layer}.")
    return found[0]
