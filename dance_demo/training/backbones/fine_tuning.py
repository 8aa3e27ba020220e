"""The last blocks of a backbone learn together with the head: fine-tuning, for a few hundred photos in a few minutes.

It begins where the frozen training ended: with its head, and with the backbone as it is. All blocks before the last
three stay as they are, so every view of a photo passes them once (`networks.last_blocks`). Rates are small, and rise
and fall with a cosine, so that the blocks do not forget what they know (Howard & Ruder 2018 on transfer to few
examples). BatchNorm keeps its statistics: of small batches they would be worse.

After each epoch the blocks are rounded to what their file can hold, and look at all photos once as these are served:
what is judged, saved and kept by Stop is always exactly the network of the last complete epoch.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.data.dataset import PhotoDataset
from dance_demo.data.splits import Split
from dance_demo.errors import TrainingError
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.backbone import Backbone
from dance_demo.model.fine_tuned import changed_network, changes_bytes, kernels_in
from dance_demo.model.head import Head
from dance_demo.networks.last_blocks import divide, kernels_of, set_kernels
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import bootstrap_interval
from dance_demo.training.features import PLAIN, PhotoViews, array_file, views_of
from dance_demo.training.fit import (
    Batch,
    Examples,
    astray,
    class_weights,
    loss_and_accuracy,
    loss_of,
    normalized,
    run_epoch,
    unit_scale,
)
from dance_demo.training.result import EpochReport

if TYPE_CHECKING:
    import keras

EPOCHS, BATCH = 12, 32
RATE = 3e-4  # at its highest; it begins at a twentieth of that, and ends at nothing
PHOTOS_AT_MOST = 2_000
SECONDS_PER_PHOTO = 0.15  # on two cores, of the photos in all: the views before the cut, and the epochs behind it
LOOK = 64  # photos at a time
NEARLY_ZERO = 1e-6  # below a root, whose slope has no bound there


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A head and the network that it came with, of which `changes` are the numbers (`model.fine_tuned`).

    `examples` are all photos as that network sees them, in one view, and `history` how its epochs went.
    """

    head: Head
    examples: Examples
    changes: bytes
    history: tuple[EpochReport, ...]


def require_fine_tunable(dataset: PhotoDataset, config: TrainingConfig) -> None:
    """Raises TrainingError, before anything is done, where fine-tuning was asked for and cannot be had."""
    if not config.fine_tune:
        return
    if dataset.sound:
        raise TrainingError("Fine-tuning takes photos. Train the head alone on recordings.")
    if config.folds:
        raise TrainingError(
            "Fine-tuning is judged by photos that are put aside: with folds it would take as many times as long. "
            "Choose to put some aside, or train the head alone."
        )
    if len(dataset.photos) > PHOTOS_AT_MOST:
        raise TrainingError(
            f"Fine-tuning takes up to {PHOTOS_AT_MOST:,} photos here, and these are {len(dataset.photos):,}. Train the "
            "head alone, or fine-tune on your own computer with python -m dance_demo finetune."
        )


def fine_tuning_s(photos: int) -> float:
    """Seconds that fine-tuning on so many photos takes, about, on two cores."""
    return photos * SECONDS_PER_PHOTO


def fine_tune(
    dataset: PhotoDataset,
    split: Split,
    config: TrainingConfig,
    frozen: Head,
    *,
    backbone: Backbone,
    scratch: Path,
    epochs_before: int,
    stop: Stop,
) -> Generator[Progress | EpochReport, None, FineTuned | None]:
    """Go on from a head that was trained on the `frozen` backbone; None if `stop` said so before one epoch was over.

    The maps at the cut lie in the file `scratch` meanwhile. Raises PhotoError if a photo cannot be read any more,
    ModelError for a backbone that cannot be cut.
    """
    backbone = backbone.in_float()
    look, blocks = divide(backbone)
    maps = yield from _maps(dataset, split, config, look, backbone=backbone, scratch=scratch, stop=stop)
    if maps is None:
        return None
    network = _Network(blocks, maps, frozen, np.asarray(split.train), config)
    yield Progress("Fine-tuning")
    base = backbone.data
    known = Examples(np.empty(0), np.asarray(dataset.class_indices), dataset.class_names, dataset.groups, "")
    best: FineTuned | None = None
    for epoch in range(EPOCHS):
        logs = network.epoch(epoch, known.classes, stop)
        if stop():
            break
        changes, sha256 = network.rounded(base, backbone.sha256)
        head = network.head(sha256)
        examples = replace(known, features=network.features()[:, None], backbone_sha256=sha256)
        number, history = epochs_before + epoch + 1, best.history if best else ()
        judged = loss_and_accuracy(head, examples, split.validation, config)
        numbers = (logs["loss"], logs["accuracy"], *judged)
        report = EpochReport(0, 1, number, epochs_before + EPOCHS, *map(float, numbers))
        best = FineTuned(head, examples, changes, (*history, report))
        yield report
    return best


def compared(frozen: np.ndarray, tuned: np.ndarray, groups: np.ndarray, seed: int) -> str:
    """What fine-tuning brought, in a sentence: by which of the same photos each head gets right, (m,) of bool."""
    before, after = 100 * frozen.mean(), 100 * tuned.mean()
    told = f"Fine-tuned: of the same {len(tuned)} photos, the head names {before:.1f} % right on the frozen backbone"
    if (frozen == tuned).all():
        return f"{told} and the same ones with its last blocks fine-tuned."
    low, high = bootstrap_interval(tuned.astype(float) - frozen, groups, seed)
    interval = f"{after - before:+.1f} points [95 % {100 * low:.1f}, {100 * high:.1f}]"
    chance = " That is within chance: only more photos would tell." if low <= 0 <= high else ""
    return f"{told} and {after:.1f} % with its last blocks fine-tuned ({interval}).{chance}"


def _maps(
    dataset: PhotoDataset,
    split: Split,
    config: TrainingConfig,
    look: Callable[[np.ndarray], np.ndarray],
    *,
    backbone: Backbone,
    scratch: Path,
    stop: Stop,
) -> Generator[Progress, None, np.ndarray | None]:
    """Each view of each photo at the cut, (n, views, h, w, c) float16 in the file `scratch`; None if it was stopped.

    Photos that do not train have the first view alone, and zeros for the others.
    """
    views, training = views_of(config.augmentation), frozenset(split.train)
    shape = look(np.zeros((1, backbone.input_side_px, backbone.input_side_px, 3), np.float32)).shape[1:]
    with array_file(scratch, (len(dataset.photos), len(views), *shape), "<f2") as file:
        for index, photo in enumerate(dataset.photos):
            opened, found = PhotoViews(photo, backbone.input_side_px), np.zeros((len(views), *shape), np.float16)
            for number, view in enumerate(views if index in training else (PLAIN,)):
                found[number] = look(opened.pixels(view)[None].astype(np.float32))[0]
            file.write(found.tobytes())
            yield Progress("Looking at the photos up to the last blocks", index + 1, len(dataset.photos))
            if stop():
                return None
    maps: np.ndarray = np.load(scratch, mmap_mode="r", allow_pickle=False)
    return maps


class _Network:
    """The last blocks and a head, as one Keras model that learns from maps (n, views, h, w, c)."""

    def __init__(
        self, blocks: "keras.Model", maps: np.ndarray, head: Head, train: np.ndarray, config: TrainingConfig
    ) -> None:
        import keras

        keras.utils.set_random_seed(config.seed)
        self._blocks, self._maps, self._start, self._train, self._config = blocks, maps, head, train, config
        at_cut = keras.Input(maps.shape[2:])
        pooled = keras.layers.GlobalAveragePooling2D()(blocks(at_cut, training=False))
        self._pooled = keras.Model(at_cut, pooled)
        self._scale = self._scale_of(head.power_normalized)
        self._dense, logits = self._with_head(pooled)
        self._model = keras.Model(at_cut, logits)
        steps = EPOCHS * -(-len(train) // BATCH)
        schedule = keras.optimizers.schedules.CosineDecay(
            RATE / 20, max(1, steps * 9 // 10), warmup_target=RATE, warmup_steps=max(1, steps // 10)
        )
        optimizer = keras.optimizers.Adam(schedule, global_clipnorm=5.0)
        self._model.compile(optimizer, loss_of(config), metrics=["accuracy"], jit_compile=False)

    def _with_head(self, pooled: "keras.KerasTensor") -> tuple[list["keras.layers.Layer"], "keras.KerasTensor"]:
        """The layers of the head, with its numbers, and their logits for pooled features."""
        from keras import layers, ops

        head, seen = self._start, pooled
        if head.power_normalized:
            seen = layers.UnitNormalization()(ops.sqrt(pooled + NEARLY_ZERO))
        seen = layers.Dropout(self._config.dropout)(seen * float(self._scale))
        numbers = [(head.weight, head.bias)]
        if head.hidden_weight is not None and head.hidden_bias is not None:
            numbers.insert(0, (head.hidden_weight, head.hidden_bias))
        dense = [layers.Dense(len(bias)) for _, bias in numbers]
        for place, (layer, (weight, bias)) in enumerate(zip(dense, numbers, strict=True)):
            seen = layer(ops.relu(seen) if place else seen)
            layer.set_weights([weight if place else weight / self._scale, bias])
        return dense, seen

    def epoch(self, number: int, classes: np.ndarray, stop: Stop) -> dict[str, float]:
        """All photos that train once, each in one of its views; the means of loss and accuracy over them."""
        logs = run_epoch(self._model, self._batches(number, classes), stop)
        if not np.isfinite(logs["loss"]):
            raise astray(self._config)
        return logs

    def _batches(self, epoch: int, classes: np.ndarray) -> Iterator[Batch]:
        generator = np.random.default_rng([self._config.seed, epoch])
        order = generator.permutation(self._train)
        views = generator.integers(self._maps.shape[1], size=len(order))
        weights = class_weights(classes[self._train], len(self._start.class_names), self._config)
        one_hot = np.eye(len(weights), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            drawn = slice(start, start + BATCH)
            of = classes[order[drawn]]
            yield self._maps[order[drawn], views[drawn]].astype(np.float32), one_hot[of], weights[of]

    def rounded(self, base: bytes, base_sha256: str) -> tuple[bytes, str]:
        """Round the blocks to what the backbone's file can hold; returns what is changed, and the SHA-256 after it."""
        changes = changes_bytes(base_sha256, kernels_of(self._blocks))
        network = changed_network(base, changes)
        set_kernels(self._blocks, kernels_in(network))
        return changes, hashlib.sha256(network).hexdigest()

    def features(self) -> np.ndarray:
        """All photos in their first view, pooled: (n, c)."""
        starts = range(0, len(self._maps), LOOK)
        return np.concatenate([self._features_of(self._maps[start : start + LOOK, 0]) for start in starts])

    def _features_of(self, maps: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._pooled(maps.astype(np.float32), training=False).numpy()
        return found

    def head(self, backbone_sha256: str) -> Head:
        """The head as it is now, for the backbone with this SHA-256."""
        (first, bias), *second = (layer.get_weights() for layer in self._dense)
        numbers = {"weight": first * self._scale, "bias": bias}
        if second:
            numbers = {"hidden_weight": first * self._scale, "hidden_bias": bias}
            numbers["weight"], numbers["bias"] = second[0]
        return replace(self._start, **numbers, temperature=1.0, backbone_sha256=backbone_sha256)

    def _scale_of(self, power_normalized: bool) -> np.float32:
        pooled = self._features_of(self._maps[self._train[:LOOK], 0])
        return unit_scale((normalized(pooled, power_normalized) ** 2).mean())
