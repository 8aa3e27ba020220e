"""A network learns to compute in eight bits: quantization-aware training (Jacob et al. 2018), its own teacher.

Rounded as it is, MobileNetV2 gives feature maps that are off by a third of their length. So a copy computes with
rounded numbers, as LiteRT will: kernels in 255 steps for each filter, what layers hand on in 256 steps of the range
that was seen. Its weights move until maps and answers are again those of the network in float32 (distillation, Hinton
et al. 2015): labels are not needed, and what the network knows stays what it was. Gradients pass the rounding as if it
was not there (Bengio et al. 2013). Needs TensorFlow; used offline only.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

RATE = 3e-5  # at its highest; it begins at a twentieth of that, and ends at nothing
LARGEST_NORM = 1.0  # of a gradient
POOLED_WEIGHT = 4.0  # in the loss, of the error of pooled maps beside that of the maps
SMALLEST_STEP = 1e-12  # of a filter whose numbers are all zero
BATCH = 8  # examples at a time


class Student:
    """The copy of a backbone that learns. `teacher` is a MobileNetV2 without its top, BatchNorm folded into a bias.

    `answer` gives the probabilities (n, k) for pooled maps (n, c), `examples` (m, S, S, 3) tell the ranges, and after
    `steps` batches the rate is zero.
    """

    def __init__(
        self, teacher: "keras.Model", answer: Callable[[Any], Any], examples: np.ndarray, *, steps: int
    ) -> None:
        import keras

        self._teacher, self._answer = teacher, answer
        self._copy = _rounding_copy(teacher, _ranges(teacher, examples))
        layers = [layer for layer in self._copy.layers if layer.weights]
        self._convolutions = [layer for layer in layers if not isinstance(layer, keras.layers.BatchNormalization)]
        self._biases = {layer.name: layer.beta for layer in layers if layer not in self._convolutions}
        self._kernels = [keras.Variable(layer.kernel) for layer in self._convolutions]  # before they are rounded
        schedule = keras.optimizers.schedules.CosineDecay(
            RATE / 20, max(1, steps * 19 // 20), warmup_target=RATE, warmup_steps=max(1, steps // 20)
        )
        self._optimizer = keras.optimizers.Adam(schedule, global_clipnorm=LARGEST_NORM)
        self._learned = [*self._kernels, *self._biases.values()]
        self._optimizer.build(self._learned)
        self._gradients = _compiled(self._loss_and_gradients)

    def learn(self, batch: np.ndarray) -> float:
        """One step on photos (n, S, S, 3) in [-1, 1]; returns the loss before it."""
        self._round()
        loss, gradients = self._gradients(batch)
        self._optimizer.apply(gradients, self._learned)
        return float(loss)

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """What it computes with rounded numbers: (n, S, S, 3) -> (n, h, w, c)."""
        self._round()
        maps: np.ndarray = self._copy(batch, training=False).numpy()
        return maps

    def network(self) -> "keras.Model":
        """The network as it has learned to be, not yet rounded: to be converted with the same examples."""
        import keras

        network = keras.models.clone_model(self._teacher)
        network.set_weights(self._teacher.get_weights())
        for layer, kernel in zip(self._convolutions, self._kernels, strict=True):
            network.get_layer(layer.name).set_weights([kernel.numpy()])
        for name, bias in self._biases.items():
            network.get_layer(name).beta.assign(bias)
        return network

    def _round(self) -> None:
        import keras

        for layer, kernel in zip(self._convolutions, self._kernels, strict=True):
            by_filter = (0, 1, 3) if isinstance(layer, keras.layers.DepthwiseConv2D) else (0, 1, 2)
            step = keras.ops.max(keras.ops.abs(kernel), axis=by_filter, keepdims=True) / 127
            step = keras.ops.maximum(step, SMALLEST_STEP)
            layer.weights[0].assign(keras.ops.round(kernel / step) * step)

    def _loss_and_gradients(self, batch: Any) -> tuple[Any, list[Any]]:
        import tensorflow as tf

        goal = self._teacher(batch, training=False)
        with tf.GradientTape() as tape:
            loss = self._loss(self._copy(batch, training=False), goal)
        rounded = [layer.weights[0] for layer in self._convolutions]
        return loss, tape.gradient(loss, [variable.value for variable in (*rounded, *self._biases.values())])

    def _loss(self, maps: Any, goal: Any) -> Any:
        """How far maps (n, h, w, c) are from the teacher's, their averages, and the answers to them."""
        from keras import ops

        pooled, goal_pooled = ops.mean(maps, (1, 2)), ops.mean(goal, (1, 2))
        said, wanted = self._answer(pooled), self._answer(goal_pooled)
        divergence = ops.sum(wanted * (ops.log(wanted + 1e-7) - ops.log(said + 1e-7)), -1)
        apart = _relative(maps, goal) + POOLED_WEIGHT * _relative(pooled, goal_pooled)
        return ops.mean(apart + divergence)


def _relative(found: Any, wanted: Any) -> Any:
    """The squared error as a share of what is wanted, of each photo: (n, ...) -> (n,)."""
    from keras import ops

    axes = tuple(range(1, len(found.shape)))
    return ops.sum(ops.square(found - wanted), axes) / ops.sum(ops.square(wanted), axes)


def _compiled(function: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
    import tensorflow as tf

    compiled = tf.function(function, reduce_retracing=True)
    return lambda batch: compiled(tf.constant(batch))


def _ranges(network: "keras.Model", examples: np.ndarray) -> dict[str, tuple[float, float]]:
    """Between which numbers lies what each layer hands on, and 0: by its name.

    What LiteRT computes in one go hands nothing on between: convolution, bias and ReLU6.
    """
    import keras

    names = [
        layer.name
        for layer in network.layers
        if isinstance(layer, (keras.layers.ReLU, keras.layers.Add)) or layer.name.endswith("project_BN")
    ]
    inner = keras.Model(network.input, [network.get_layer(name).output for name in names])
    lowest, highest = np.zeros((2, len(names)))
    for start in range(0, len(examples), BATCH):
        outputs = inner(examples[start : start + BATCH], training=False)
        lowest = np.minimum(lowest, [float(keras.ops.min(output)) for output in outputs])
        highest = np.maximum(highest, [float(keras.ops.max(output)) for output in outputs])
    return dict(zip(names, zip(lowest.tolist(), highest.tolist(), strict=True), strict=True))


def _rounding_copy(network: "keras.Model", ranges: dict[str, tuple[float, float]]) -> "keras.Model":
    """The same network with the same weights, which rounds the photo and what the layers in `ranges` hand on."""
    import keras
    import tensorflow as tf

    class Round(keras.layers.Layer):  # type: ignore[misc] # Keras is not typed
        def __init__(self, lowest: float, highest: float) -> None:
            super().__init__()
            self.range = lowest, highest

        def call(self, numbers: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(numbers, *self.range)

    def call(layer: Any, *inputs: Any, **settings: Any) -> Any:
        settings.pop("training", None)
        if layer.name == first:
            inputs = (Round(-1.0, 1.0)(inputs[0]),)
        output = layer(*inputs, **settings)
        return Round(*ranges[layer.name])(output) if layer.name in ranges else output

    first = network.layers[1].name  # the one before it is the input
    copy = keras.models.clone_model(network, call_function=call)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return copy
