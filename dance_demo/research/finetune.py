"""Teach the backbone itself to see dance: fine-tune MobileNetV2 on labelled photos.

This runs offline, for minutes; the app never imports it. A run that was stopped goes on from its last epoch.
TensorFlow is imported inside the functions, because everything else in this package must start without it.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.data.augmentation import augmented, mixed
from dance_demo.files.atomic import draft_of
from dance_demo.research.network import build_model, load_initial_weights, pooled_features
from dance_demo.research.photos import NO_FOLD, TrainingPhotos
from dance_demo.research.recipe import Recipe

if TYPE_CHECKING:
    import keras

WEIGHTS = "model.weights.h5"  # of a finished run, in its directory


def finetune(
    photos: TrainingPhotos,
    indices: np.ndarray,
    recipe: Recipe,
    *,
    init: Path,
    directory: Path,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> "keras.Model":
    """Fine-tune on `photos[indices]` and return the model (batch (n, S, S, 3) in [-1, 1] -> logits (n, k)).

    A run that was interrupted goes on from its last epoch; `directory` receives `history.csv`, the checkpoint and
    in the end `model.weights.h5`.
    """
    import keras

    directory.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)  # before there is a dropout layer, which draws its own seed
    model, finished = build_model(recipe, len(photos.class_names)), directory / WEIGHTS
    if finished.exists():
        model.load_weights(finished)
        return model
    load_initial_weights(model, init)
    _fit_head_on_frozen_features(model, photos, indices, recipe)
    if recipe.epochs:
        _fit(model, _batches(photos, indices, recipe, seed), recipe, directory=directory, seed=seed, log=log)
    with draft_of(finished) as draft:
        model.save_weights(draft)
    return model


def _fit(
    model: "keras.Model", batches: Any, recipe: Recipe, *, directory: Path, seed: int, log: Callable[[str], None]
) -> None:
    """Train for the epochs of the recipe, or for those that are left of them."""
    import keras

    steps = recipe.epochs * len(batches)
    model.compile(
        optimizer=_optimizer(recipe, steps, model),
        loss=_loss(recipe),
        metrics=["accuracy"],
    )
    started = time.monotonic()

    def begin(epoch: int, _logs: Any = None) -> None:
        batches.epoch = epoch
        if recipe.dropout:  # as if no epoch before had been interrupted
            model.get_layer("dropout").seed_generator.state.assign([seed, epoch * len(batches)])

    def report(epoch: int, logs: dict[str, float]) -> None:
        minutes = (time.monotonic() - started) / 60
        log(f"epoch {epoch + 1}/{recipe.epochs}  loss {logs['loss']:.3f}  {minutes:.1f} min")

    model.fit(
        batches,
        epochs=recipe.epochs,
        shuffle=False,  # the photos are, and a run that goes on must get the batches in the same order
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(directory / "checkpoint", double_checkpoint=True),
            keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=report),
            keras.callbacks.CSVLogger(directory / "history.csv", append=True),
        ],
    )


def _loss(recipe: Recipe) -> Any:
    """What is to become small, of one-hot targets (n, k) and logits (n, k).

    With `consistency` the second half of a batch are other copies of the photos of the first half, and to the error of
    all comes how far the two answers to a photo are apart (R-Drop, Liang et al. 2021, with other copies for other
    masks of dropout).
    """
    import keras

    error = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    if not recipe.consistency:
        return error

    def error_and_disagreement(targets: Any, logits: Any) -> Any:
        return error(targets, logits) + recipe.consistency * disagreement(*keras.ops.split(logits, 2))

    return error_and_disagreement


def disagreement(one: Any, other: Any) -> Any:
    """Mean over n photos of the Kullback-Leibler divergence between two answers, logits (n, k); both ways, halved."""
    from keras import ops

    one, other = ops.log_softmax(one), ops.log_softmax(other)
    return ops.mean(ops.sum((ops.exp(one) - ops.exp(other)) * (one - other), axis=-1)) / 2


def _batches(photos: TrainingPhotos, indices: np.ndarray, recipe: Recipe, seed: int) -> Any:
    """The training batches as a Keras dataset; each depends on (seed, epoch, number) alone."""
    import keras

    copies = 2 if recipe.consistency else 1
    size = recipe.batch_size // copies

    class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras is not typed
        epoch = 0

        def __len__(self) -> int:
            return -(-len(indices) // size)

        def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
            generator = np.random.default_rng([seed, self.epoch, number])
            drawn = self.drawn()[number * size : (number + 1) * size]
            parts = [(self.copied(drawn, generator), photos.one_hot(drawn)) for _ in range(copies)]
            if generator.random() < recipe.mix_probability:
                parts = [mixed(*part, deepcopy(generator)) for part in parts]  # both copies in the same way
            batch, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            return batch, targets

        def copied(self, drawn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
            """A copy of each photo as the augmentation changes it, (n, S, S, 3)."""
            return np.stack(
                [augmented(photos.squares[i], recipe.augmentation, recipe.side_px, generator) for i in drawn]
            )

        def drawn(self) -> np.ndarray:
            """The photos of this epoch in order: as many as there are, rare classes more often than they occur."""
            return _draw(photos, indices, recipe, np.random.default_rng([seed, self.epoch]))

    return Batches(workers=1, use_multiprocessing=False, max_queue_size=8)


def _draw(photos: TrainingPhotos, indices: np.ndarray, recipe: Recipe, generator: np.random.Generator) -> np.ndarray:
    """Systematic sampling: every photo gets its expected share of an epoch, give or take one."""
    counts = np.bincount(photos.classes[indices], minlength=len(photos.class_names))
    share = 1.0 / counts[photos.classes[indices]] ** recipe.class_balance
    share = share * np.where(photos.folds[indices] != NO_FOLD, recipe.primary_weight, 1.0)
    order = generator.permutation(len(indices))
    edges = np.cumsum(share[order]) / share.sum() * len(indices)
    ticks = np.arange(len(indices)) + generator.random()
    drawn = order[np.minimum(np.searchsorted(edges, ticks), len(indices) - 1)]
    return np.take(indices, generator.permutation(drawn))


def _fit_head_on_frozen_features(
    model: "keras.Model", photos: TrainingPhotos, indices: np.ndarray, recipe: Recipe
) -> None:
    """Start the linear layer from a logistic regression, so that the first steps do not shake the backbone."""
    from sklearn.linear_model import LogisticRegression

    features = pooled_features(model, photos.squares[indices], side_px=recipe.side_px)
    regression = LogisticRegression(C=0.1, max_iter=1000).fit(features, photos.classes[indices])
    weight, bias = regression.coef_, regression.intercept_
    if len(weight) == 1:  # of two classes, scikit-learn only scores the second
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    model.get_layer("head").set_weights([weight.T, bias])


def _optimizer(recipe: Recipe, steps: int, model: "keras.Model") -> Any:
    """Adam with a rate per depth, and decay towards the starting weights apart from it (Loshchilov & Hutter 2019)."""
    import keras

    head = {variable.path for variable in model.get_layer("head").trainable_variables}
    factors = [_rate_factor(v.path, v.path in head, recipe) for v in model.trainable_variables]
    starts = [None if v.path in head else keras.ops.copy(v.value) for v in model.trainable_variables]

    class TowardsStart(keras.optimizers.Adam):  # type: ignore[misc] # Keras is not typed
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            index = self._get_variable_index(variable)
            rate = learning_rate * factors[index]
            super().update_step(gradient, variable, rate)
            if starts[index] is not None:
                self.assign_sub(variable, (variable - starts[index]) * rate * recipe.pull)

    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.backbone_rate / 25,
        decay_steps=max(1, int(steps * (1 - recipe.warmup))),
        warmup_target=recipe.backbone_rate,
        warmup_steps=max(1, int(steps * recipe.warmup)),
    )
    return TowardsStart(schedule, global_clipnorm=5.0, use_ema=True, ema_momentum=recipe.average)


def _rate_factor(path: str, is_head: bool, recipe: Recipe) -> float:
    if is_head:
        return recipe.head_rate / recipe.backbone_rate
    parts = path.split("/")
    block = next((int(p.split("_")[1]) for p in parts if p.startswith("block_")), None)
    if block is None:
        block = 17 if any(p.startswith(("Conv_1", "conv_1")) for p in parts) else 0
    return recipe.layer_decay ** (17 - block)
