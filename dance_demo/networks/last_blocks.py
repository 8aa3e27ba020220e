"""The last blocks of a backbone as a network of their own, so that they can learn.

What comes before them does not change, so each view of a photo passes it once, and only the small maps at the cut pass
the blocks again and again: an epoch costs about a tenth of one through the whole network. Needs TensorFlow.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.model.backbone import Backbone
from dance_demo.model.fine_tuned import CUT, LAYERS
from dance_demo.networks.from_litert import keras_backbone

if TYPE_CHECKING:
    import keras


def divide(backbone: Backbone) -> tuple[Callable[[np.ndarray], np.ndarray], "keras.Model"]:
    """What comes before the cut, photos (n, S, S, 3) -> maps (n, h, w, c), and the last blocks from there on.

    Raises `ModelError` if it is not a MobileNetV2 that was exported here.
    """
    import keras
    import tensorflow as tf

    whole = keras_backbone(backbone)
    cut = whole.get_layer(CUT).output
    before, blocks = keras.Model(whole.input, cut), keras.Model(cut, whole.output, name="last_blocks")
    for layer in blocks.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Of small batches its statistics would be worse. That the blocks are called with training=False does not
            # keep them: Keras calls them as it calls the model around them.
            layer.trainable = False
    compiled = tf.function(lambda views: before(views, training=False), reduce_retracing=True)

    def maps(views: np.ndarray) -> np.ndarray:
        found: np.ndarray = compiled(tf.constant(views)).numpy()
        return found

    return maps, blocks


def kernels_of(blocks: "keras.Model") -> dict[str, np.ndarray]:
    """The kernels that learn, by the names in `fine_tuned.LAYERS`, in the order that LiteRT has: filters first."""
    return {layer: blocks.get_layer(layer).get_weights()[0].transpose(3, 0, 1, 2) for layer in LAYERS}


def set_kernels(blocks: "keras.Model", kernels: Mapping[str, np.ndarray]) -> None:
    """Give the last blocks kernels as `kernels_of` has them, or flat."""
    for layer in LAYERS:
        convolution = blocks.get_layer(layer)
        rows, columns, taken, given = convolution.get_weights()[0].shape
        kernel = kernels[layer].reshape(given, rows, columns, taken)
        convolution.set_weights([kernel.transpose(1, 2, 3, 0)])
