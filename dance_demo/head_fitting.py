"""Fits a head to the features of some photos, epoch by epoch, with Keras. The photos themselves are not needed.

| head       | what is fitted                                                                             |
|------------|--------------------------------------------------------------------------------------------|
| softmax    | one linear layer by cross-entropy: multinomial logistic regression                         |
| perceptron | one linear layer by the multi-class perceptron's rule with a margin (Crammer & Singer 2001)|
| hidden     | 64 units with ReLU before the linear layer, by cross-entropy                               |

An epoch goes once through the photos, in a new order, and takes one of each photo's looks (itself, its mirror image,
changed copies) at random, as if it were augmented on the fly. Needs TensorFlow: runs in a training's process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.errors import TrainingError
from dance_demo.head import Head, power_normalize, softmax
from dance_demo.splits import Split, stratified_group_split
from dance_demo.training_config import ADAM, HIDDEN, PERCEPTRON, TrainingConfig

if TYPE_CHECKING:
    import keras

HIDDEN_UNITS = 64
MOMENTUM = 0.9
PATIENCE_EPOCHS = 10
WATCHING_FRACTION = 0.15  # of the training photos decide when to stop early
BLOCK = 1024  # photos that are judged at a time


@dataclass(frozen=True)
class EpochReport:
    """How one epoch went. `fold` counts from 0 to `folds` - 1, `epoch` from 1 to `epochs`; accuracies are in [0, 1].

    The training's numbers are means over the epoch, while the head was changing; the validation's are of its end.
    """

    fold: int
    folds: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, eq=False)
class Examples:
    """What heads are fitted to: `features` (n, looks, c), pooled, of which [:, 0] is the look that is served.

    `classes` (n,) are class indices. Photos of one number in `groups` are copies of one another.
    """

    features: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    groups: tuple[int, ...]
    backbone_sha256: str

    def served(self, places: Sequence[int]) -> Iterator[np.ndarray]:
        """Pooled features (m, c) of photos as they are served, some at a time."""
        for start in range(0, len(places), BLOCK):
            yield self.features[np.asarray(places[start : start + BLOCK]), 0]


@dataclass(frozen=True, eq=False)
class Fit:
    """A head and how it came about. Its temperature is 1: it has not been calibrated."""

    head: Head
    history: tuple[EpochReport, ...]


def fit_head(
    examples: Examples,
    split: Split,
    config: TrainingConfig,
    *,
    stop: Callable[[], bool] = lambda: False,
    fold: int = 0,
    folds: int = 1,
) -> Iterator[EpochReport]:
    """Fit a head to `split.train`; yield a report per epoch, return a `Fit`.

    `split.validation` only judges (if it is empty, its numbers are not finite): with early stopping, some of the
    training photos are kept out of the fit and decide. When `stop` says so, the fit ends with what it has.
    """
    import keras

    learning, watching = _divided(examples, split.train, config)
    network, scale = _network(examples, learning, config), _scale(examples, learning, config)
    early = [keras.callbacks.EarlyStopping("watching", patience=PATIENCE_EPOCHS, restore_best_weights=True, mode="min")]
    callbacks = keras.callbacks.CallbackList(early if watching else [], model=network)
    callbacks.on_train_begin()
    history: list[EpochReport] = []
    while len(history) < config.epochs and not network.stop_training:
        logs = _epoch(network, _batches(examples, learning, config, scale, epoch=len(history), fold=fold), stop)
        if stop():
            break
        head = _head(network, examples, config, scale)
        judged = judge(head, examples, split.validation, config)
        numbers = (logs["loss"], logs["accuracy"], *judged)
        history.append(EpochReport(fold, folds, len(history) + 1, config.epochs, *map(float, numbers)))
        callbacks.on_epoch_end(len(history) - 1, {"watching": judge(head, examples, watching, config)[0]})
        yield history[-1]
    callbacks.on_train_end()
    return Fit(_head(network, examples, config, scale), tuple(history))


def judge(head: Head, examples: Examples, places: Sequence[int], config: TrainingConfig) -> tuple[float, float]:
    """Loss, without penalties, and accuracy of a head on photos; not finite if there are none."""
    if not len(places):
        return float("nan"), float("nan")
    logits, truth = logits_of(head, examples, places), examples.classes[np.asarray(places)]
    right = np.eye(len(head.class_names), dtype=bool)[truth]
    if config.head == PERCEPTRON:
        losses = np.maximum(0, 1 + np.where(right, -np.inf, logits).max(axis=1) - logits[right])
    else:
        targets = right * (1 - config.label_smoothing) + config.label_smoothing / len(head.class_names)
        losses = -(targets * np.log(np.maximum(softmax(logits, 1.0), 1e-7))).sum(axis=1)
    return float(losses.mean()), float((logits.argmax(axis=1) == truth).mean())


def logits_of(head: Head, examples: Examples, places: Sequence[int]) -> np.ndarray:
    """What a head says about photos as they are served: (m, k)."""
    normalized = (_normalized(pooled, head.power_normalized) for pooled in examples.served(places))
    return np.concatenate([head.logits(features) for features in normalized])


def _divided(examples: Examples, train: Sequence[int], config: TrainingConfig) -> tuple[Sequence[int], Sequence[int]]:
    """The photos to learn from, and those of them that watch when to stop early."""
    if not config.early_stopping:
        return train, ()
    labels = [examples.class_names[examples.classes[place]] for place in train]
    groups = [examples.groups[place] for place in train]
    inner = stratified_group_split(labels, groups, validation_fraction=WATCHING_FRACTION, seed=config.seed)
    return [train[place] for place in inner.train], [train[place] for place in inner.validation]


def _network(examples: Examples, learning: Sequence[int], config: TrainingConfig) -> "keras.Model":
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # the same seed gives the same head, bit for bit
    keras.utils.set_random_seed(config.seed)
    layers, penalty = keras.layers, keras.regularizers.L2(config.l2)
    x = features = keras.Input((examples.features.shape[-1],))
    if config.head == HIDDEN:
        x = layers.Dropout(config.dropout)(x)
        x = layers.Dense(HIDDEN_UNITS, activation="relu", kernel_regularizer=penalty, name="hidden")(x)
    x = layers.Dropout(config.dropout)(x)
    start = "glorot_uniform" if config.head == HIDDEN else "zeros"
    x = layers.Dense(len(examples.class_names), kernel_initializer=start, kernel_regularizer=penalty, name="classes")(x)
    network = keras.Model(features, x)
    network.compile(_optimizer(config), _loss(config), metrics=["accuracy"], jit_compile=False)
    return network


def _optimizer(config: TrainingConfig) -> Any:
    import keras

    if config.optimizer == ADAM:
        return keras.optimizers.Adam(float(config.learning_rate))
    return keras.optimizers.SGD(float(config.learning_rate), momentum=MOMENTUM)


def _loss(config: TrainingConfig) -> Any:
    import keras

    if config.head != PERCEPTRON:
        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)

    def perceptron(truth: Any, logits: Any) -> Any:
        """How far the best wrong class comes within 1 of the right one, or beyond it."""
        best_wrong = keras.ops.max(logits - 1e9 * truth, axis=1)
        return keras.ops.relu(1 + best_wrong - keras.ops.sum(truth * logits, axis=1))

    return perceptron


def _epoch(network: "keras.Model", batches: Iterator[tuple], stop: Callable[[], bool]) -> dict[str, float]:
    """Go through all batches; returns the means of loss and accuracy over their photos."""
    sizes, logs = [], []
    for photos, targets, weights in batches:
        logs.append(network.train_on_batch(photos, targets, weights, return_dict=True))  # of this batch alone
        sizes.append(len(photos))
        if stop():
            break
    return {name: float(np.average([log[name] for log in logs], weights=sizes)) for name in logs[0]}


def _batches(
    examples: Examples, places: Sequence[int], config: TrainingConfig, scale: np.float32, *, epoch: int, fold: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Features (b, c), one-hot classes (b, k) and weights (b,) of all photos once, in an order of this epoch."""
    generator = np.random.default_rng([config.seed, fold, epoch])
    order = generator.permutation(np.asarray(places))
    looks = generator.integers(examples.features.shape[1], size=len(order))
    weights = _class_weights(examples, places, config)
    one_hot = np.eye(len(weights), dtype=np.float32)
    for start in range(0, len(order), config.batch_size):
        drawn = slice(start, start + config.batch_size)
        pooled, classes = examples.features[order[drawn], looks[drawn]], examples.classes[order[drawn]]
        yield _normalized(pooled, config.power_normalized) * scale, one_hot[classes], weights[classes]


def _class_weights(examples: Examples, places: Sequence[int], config: TrainingConfig) -> np.ndarray:
    """What a photo of each class counts: (k,). Equal, or such that every class counts as much in all."""
    counts = np.bincount(examples.classes[np.asarray(places)], minlength=len(examples.class_names))
    balanced = len(places) / (len(counts) * np.maximum(counts, 1))
    return (balanced if config.class_weights else np.ones(len(counts))).astype(np.float32)


def _scale(examples: Examples, places: Sequence[int], config: TrainingConfig) -> np.float32:
    """What brings the features to a mean square of 1, so that one learning rate suits every kind of them."""
    squares = [(_normalized(pooled, config.power_normalized) ** 2).mean(axis=1) for pooled in examples.served(places)]
    return np.float32(1 / np.sqrt(max(float(np.concatenate(squares).mean()), 1e-12)))


def _head(network: "keras.Model", examples: Examples, config: TrainingConfig, scale: np.float32) -> Head:
    """The network's weights as a head; the scale of the features goes into the first layer."""
    weight, bias = network.get_layer("classes").get_weights()
    hidden = network.get_layer("hidden").get_weights() if config.head == HIDDEN else (None, None)
    if config.head == HIDDEN:
        hidden[0] = hidden[0] * scale
    else:
        weight = weight * scale
    try:
        return Head(examples.class_names, weight, bias, 1.0, examples.backbone_sha256, config.power_normalized, *hidden)
    except ValueError as error:  # its names were checked long before: it is the numbers
        raise TrainingError(
            f"The training went astray: its numbers grew beyond all bounds. Choose a smaller learning rate than "
            f"{config.learning_rate:g}."
        ) from error


def _normalized(pooled: np.ndarray, power_normalized: bool) -> np.ndarray:
    return power_normalize(pooled) if power_normalized else pooled
