"""Fits a head to the features of some photos, epoch by epoch, with Keras. The photos themselves are not needed.

| head       | what is fitted                                                                             |
|------------|--------------------------------------------------------------------------------------------|
| softmax    | one linear layer by cross-entropy: multinomial logistic regression                         |
| perceptron | one linear layer by the multi-class perceptron's rule with a margin (Crammer & Singer 2001)|
| hidden     | 64 units with ReLU before the linear layer, by cross-entropy                               |

An epoch goes once through the photos, in a new order, and takes one of each photo's views (itself, its mirror image,
changed copies) at random, as if it were augmented on the fly. Needs TensorFlow: runs in a training's process.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import Split, divide_many, stratified_group_split
from dance_demo.errors import TrainingError
from dance_demo.jobs.progress import Stop, never
from dance_demo.model.backbone import Backbone
from dance_demo.model.head import Head, power_normalize, softmax
from dance_demo.training.config import ADAM, HIDDEN, PERCEPTRON, TrainingConfig
from dance_demo.training.result import EpochReport

if TYPE_CHECKING:
    import keras

HIDDEN_UNITS = 64
MOMENTUM = 0.9
PATIENCE_EPOCHS = 10
MONITORED_FRACTION = 0.15  # of the training photos decide when to stop early
BLOCK = 1024  # photos at a time
MANY = 20_000  # photos that are divided in a plainer way: scikit-learn's takes minutes for more

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # features (b, c), one-hot classes (b, k), weights (b,)


@dataclass(frozen=True, eq=False)
class Examples:
    """What heads are fitted to: `features` (n, views, c), pooled, of which [:, 0] is the view that is served.

    They may be kept as float16, and in a file that is mapped: what is taken of them becomes float32.
    `classes` (n,) are class indices. Photos of one number in `groups` are copies of one another.
    """

    features: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    groups: Sequence[int] | np.ndarray
    backbone_sha256: str

    @classmethod
    def of(cls, dataset: PhotoDataset, features: np.ndarray, backbone: Backbone) -> "Examples":
        """The photos of a dataset by their `features` from this backbone."""
        classes = np.asarray(dataset.class_indices)
        return cls(features, classes, dataset.class_names, dataset.groups, backbone.sha256)

    def served(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """Pooled features (m, c) of photos as they are served, some at a time."""
        for start in range(0, len(indices), BLOCK):
            yield np.asarray(self.features[np.asarray(indices[start : start + BLOCK]), 0], np.float32)


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
    stop: Stop = never,
    fold: int = 0,
    folds: int = 1,
) -> Generator[EpochReport, None, Fit]:
    """Fit a head to `split.train`, with a report per epoch.

    `split.validation` only judges (if it is empty, its numbers are not finite): with early stopping, some of the
    training photos are kept out of the fit and decide. When `stop` says so, the fit ends with what it has.
    """
    import keras

    learning, monitored = _split_for_early_stopping(examples, split.train, config)
    network, scale = _network(examples, learning, config), _scale(examples, learning, config)
    early = keras.callbacks.EarlyStopping("monitored", patience=PATIENCE_EPOCHS, restore_best_weights=True, mode="min")
    callbacks = keras.callbacks.CallbackList([early] if monitored else [], model=network)
    callbacks.on_train_begin()
    history: list[EpochReport] = []
    while len(history) < config.epochs and not network.stop_training:
        logs = run_epoch(network, _batches(examples, learning, config, scale, epoch=len(history), fold=fold), stop)
        if stop():
            break
        head = _head(network, examples, config, scale)
        validation = loss_and_accuracy(head, examples, split.validation, config)
        numbers = (logs["loss"], logs["accuracy"], *validation)
        history.append(EpochReport(fold, folds, len(history) + 1, config.epochs, *map(float, numbers)))
        monitored_loss, _ = loss_and_accuracy(head, examples, monitored, config)
        callbacks.on_epoch_end(len(history) - 1, {"monitored": monitored_loss})
        yield history[-1]
    callbacks.on_train_end()
    return Fit(_head(network, examples, config, scale), tuple(history))


def loss_and_accuracy(
    head: Head, examples: Examples, indices: Sequence[int], config: TrainingConfig
) -> tuple[float, float]:
    """Loss, without penalties, and accuracy of a head on photos; not finite if there are none."""
    if not len(indices):
        return float("nan"), float("nan")
    logits, truth = logits_of(head, examples, indices), examples.classes[np.asarray(indices)]
    right = np.eye(len(head.class_names), dtype=bool)[truth]
    if config.head == PERCEPTRON:
        losses = np.maximum(0, 1 + np.where(right, -np.inf, logits).max(axis=1) - logits[right])
    else:
        targets = right * (1 - config.label_smoothing) + config.label_smoothing / len(head.class_names)
        losses = -(targets * np.log(np.maximum(softmax(logits, 1.0), 1e-7))).sum(axis=1)
    return float(losses.mean()), float((logits.argmax(axis=1) == truth).mean())


def logits_of(head: Head, examples: Examples, indices: Sequence[int]) -> np.ndarray:
    """What a head says about photos as they are served: (m, k)."""
    seen = (normalized(pooled, head.power_normalized) for pooled in examples.served(indices))
    return np.concatenate([head.logits(features) for features in seen])


def _split_for_early_stopping(
    examples: Examples, train: Sequence[int], config: TrainingConfig
) -> tuple[Sequence[int], Sequence[int]]:
    """The photos to learn from, and those of them that say when to stop early."""
    if not config.early_stopping:
        return train, ()
    if len(train) > MANY:
        mine = np.asarray(train)
        numbers = np.unique(np.asarray(examples.groups)[mine], return_inverse=True)[1]
        (inner,) = divide_many(
            examples.classes[mine], numbers, 0, validation_fraction=MONITORED_FRACTION, seed=config.seed
        )
        return mine[list(inner.train)].tolist(), mine[list(inner.validation)].tolist()
    labels = [examples.class_names[examples.classes[index]] for index in train]
    groups = [examples.groups[index] for index in train]
    inner = stratified_group_split(labels, groups, validation_fraction=MONITORED_FRACTION, seed=config.seed)
    return [train[index] for index in inner.train], [train[index] for index in inner.validation]


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
    network.compile(_optimizer(config), loss_of(config), metrics=["accuracy"], jit_compile=False)
    return network


def _optimizer(config: TrainingConfig) -> Any:
    import keras

    if config.optimizer == ADAM:
        return keras.optimizers.Adam(float(config.learning_rate))
    return keras.optimizers.SGD(float(config.learning_rate), momentum=MOMENTUM)


def loss_of(config: TrainingConfig) -> Any:
    """What a head is fitted by, for Keras."""
    import keras

    if config.head != PERCEPTRON:
        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)

    def perceptron(truth: Any, logits: Any) -> Any:
        """How far the best wrong class comes within 1 of the right one, or beyond it."""
        best_wrong = keras.ops.max(logits - 1e9 * truth, axis=1)
        return keras.ops.relu(1 + best_wrong - keras.ops.sum(truth * logits, axis=1))

    return perceptron


def run_epoch(network: "keras.Model", batches: Iterator[Batch], stop: Stop) -> dict[str, float]:
    """Go through all batches; returns the means of loss and accuracy over their photos."""
    sizes, logs = [], []
    for photos, targets, weights in batches:
        logs.append(network.train_on_batch(photos, targets, weights, return_dict=True))  # of this batch alone
        sizes.append(len(photos))
        if stop():
            break
    return {name: float(np.average([log[name] for log in logs], weights=sizes)) for name in logs[0]}


def _batches(
    examples: Examples, indices: Sequence[int], config: TrainingConfig, scale: np.float32, *, epoch: int, fold: int
) -> Iterator[Batch]:
    """All photos once, in an order of this epoch."""
    generator = np.random.default_rng([config.seed, fold, epoch])
    order = generator.permutation(np.asarray(indices))
    views = generator.integers(examples.features.shape[1], size=len(order))
    weights = class_weights(examples.classes[np.asarray(indices)], len(examples.class_names), config)
    one_hot = np.eye(len(weights), dtype=np.float32)
    for start in range(0, len(order), config.batch_size):
        drawn = slice(start, start + config.batch_size)
        pooled = np.asarray(examples.features[order[drawn], views[drawn]], np.float32)
        classes = examples.classes[order[drawn]]
        yield normalized(pooled, config.power_normalized) * scale, one_hot[classes], weights[classes]


def class_weights(classes: np.ndarray, k: int, config: TrainingConfig) -> np.ndarray:
    """What a photo of each of k classes counts: (k,), by the `classes` (n,) of those that train.

    Equal, or such that every class counts as much in all.
    """
    counts = np.bincount(classes, minlength=k)
    balanced = len(classes) / (k * np.maximum(counts, 1))
    return (balanced if config.class_weights else np.ones(len(counts))).astype(np.float32)


def _scale(examples: Examples, indices: Sequence[int], config: TrainingConfig) -> np.float32:
    """What brings the features to a mean square of 1, so that one learning rate suits every kind of them."""
    squares = [(normalized(pooled, config.power_normalized) ** 2).mean(axis=1) for pooled in examples.served(indices)]
    return unit_scale(np.concatenate(squares).mean())


def unit_scale(mean_square: float) -> np.float32:
    """What brings features of this mean square to one of 1."""
    return np.float32(1 / np.sqrt(max(float(mean_square), 1e-12)))


def _head(network: "keras.Model", examples: Examples, config: TrainingConfig, scale: np.float32) -> Head:
    """The network's weights as a head; the scale of the features goes into the first layer."""
    weight, bias = network.get_layer("classes").get_weights()
    hidden: tuple[np.ndarray, ...] = ()
    if config.head == HIDDEN:
        hidden_weight, hidden_bias = network.get_layer("hidden").get_weights()
        hidden = hidden_weight * scale, hidden_bias
    else:
        weight = weight * scale
    try:
        return Head(examples.class_names, weight, bias, 1.0, examples.backbone_sha256, config.power_normalized, *hidden)
    except ValueError as error:  # its names were checked long before: it is the numbers
        raise astray(config) from error


def astray(config: TrainingConfig) -> TrainingError:
    return TrainingError(
        f"The training went astray: its numbers grew beyond all bounds. Choose a smaller learning rate than "
        f"{config.learning_rate:g}."
    )


def normalized(pooled: np.ndarray, power_normalized: bool) -> np.ndarray:
    """Pooled features (n, c) as the head takes them."""
    return power_normalize(pooled) if power_normalized else pooled
