"""A model whose network computes in eight bits: a third of the size, and twice as fast.

Weights of each filter and activations of each layer become whole numbers of eight bits, as LiteRT computes with them
(Jacob et al. 2018). Before, a copy of the network learns to say the same with rounded numbers, from photos without
their labels (`networks.quantization_aware`). Most of these, and of the examples that tell the ranges, are as poor
cameras leave them. The network in float32 is kept beside it, for other programs. Needs TensorFlow.

The new network also gives what a layer before its last ones hands on. Fine-tuning made the last ones forget what is no
dance; there it is not forgotten yet, so that photos of other subjects are told far better from those that trained (as
in Lee et al. 2018, who compare layers).
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.data.augmentation import Augmentation, augmented
from dance_demo.data.degradation import degraded
from dance_demo.data.training_overlap import HASHES_FILE
from dance_demo.errors import DatasetError
from dance_demo.files.photo import open_photo
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import (
    BACKBONE,
    FAMILIARITY,
    FLOAT_BACKBONE,
    HEAD,
    ModelCard,
    load_card,
    require_new,
    save_model,
)
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import square
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.full_model import head_network
from dance_demo.networks.litert import litert_bytes, with_inner_map
from dance_demo.networks.quantization_aware import Student
from dance_demo.research.crossvalidation import OutOfFold
from dance_demo.research.measurement import Measurement, as_it_ships
from dance_demo.research.photos import TrainingPhotos, drawings

PHOTOS_AT_LEAST, PHOTOS_AT_MOST = 20, 2_000
EXAMPLES = 200  # photos that tell the ranges of the activations
COPIES = Augmentation(min_area=0.4, degrade_probability=0.6)  # of the photos, as the network that ships had them
EPOCHS, BATCH = 6, 16
INNER = "block_16_expand_relu"  # the layer whose features tell other subjects


def quantize(
    model: Path,
    photos: Sequence[Path],
    out: Path,
    *,
    held_out: TrainingPhotos | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Save a model directory as the new one `out`, with a network that computes in eight bits.

    Of `photos` up to 2,000 are learned from; labels are not needed. The card says how accurate it is on the photos
    `held_out`, which must be none that it has ever learned from, and they set temperature and limits of the answers
    anew. `photos` are then taken for all that trained it, and their inner features for what is familiar. Without
    `held_out` it claims no accuracy. Raises `DatasetError` for fewer than 20 photos, `ModelError` if the model
    is damaged, listens to sounds, or has nothing in float32.
    """
    require_new(out)
    if len(photos) < PHOTOS_AT_LEAST:
        raise DatasetError(
            f"{PHOTOS_AT_LEAST} photos are needed, like those it will be asked about; not {len(photos)}."
        )
    card, classifier = load_card(model), load_classifier(model)
    card.require_photos()
    some = np.random.default_rng(seed).permutation(len(photos))[:PHOTOS_AT_MOST]
    squares = np.stack([np.asarray(square(open_photo(photos[index]))) for index in some])
    data = _in_eight_bits(classifier, squares, epochs=epochs, seed=seed, log=log)
    with tempfile.TemporaryDirectory() as folder:
        (network := Path(folder) / BACKBONE).write_bytes(data)
        backbone = Backbone(network)
    small = replace(classifier, backbone=backbone, head=replace(classifier.head, backbone_sha256=backbone.sha256))
    in_float = classifier.backbone.in_float()
    measured = None
    if held_out is not None:
        drawn = drawings(card.class_names, card.training.get("drawings_per_class", 0))
        small = replace(small, familiarity=_familiarity(small, squares, [drawing for _, drawing in drawn], seed))
        protocol = as_it_ships(len(held_out), sum(card.photos_per_class.values()))
        measured = Measurement.of(_answers(small, held_out), held_out, protocol)
        small = replace(
            small,
            head=replace(small.head, temperature=measured.temperature),
            familiarity=small.familiarity.with_limits(**measured.limits),
        )
    files = {
        BACKBONE: data,
        FLOAT_BACKBONE: in_float.data,
        HEAD: small.head.to_npz_bytes(),
        FAMILIARITY: small.familiarity.to_npz_bytes(),
    }
    if HASHES_FILE in card.files:
        files[HASHES_FILE] = (model / HASHES_FILE).read_bytes()
    learned = {"float_sha256": in_float.sha256, "photos": len(some), "epochs": epochs, "seed": seed}
    saved = save_model(
        out,
        files,
        name=card.name,
        class_names=card.class_names,
        mirrored_view=card.mirrored_view,
        photos_per_class=card.photos_per_class,
        evaluation=measured.evaluation if measured else {},
        training={**card.training, "eight_bits": learned},
    )
    if measured:
        measured.write_pictures(out)
    return saved


def _in_eight_bits(
    classifier: Classifier, squares: np.ndarray, *, epochs: int, seed: int, log: Callable[[str], None]
) -> bytes:
    """The LiteRT file of a network that has learned, from squares (n, S, S, 3) uint8, to compute in eight bits."""
    side_px = classifier.backbone.input_side_px
    generator = np.random.default_rng([seed, 0])
    examples = np.stack([augmented(one, COPIES, side_px, generator) for one in squares[:EXAMPLES]])
    teacher, steps = keras_backbone(classifier.backbone), epochs * -(-len(squares) // BATCH)
    student, started = Student(teacher, head_network(classifier.head), examples, steps=steps), time.monotonic()
    for epoch in range(1, epochs + 1):
        losses = [student.learn(batch) for batch in _batches(squares, side_px, np.random.default_rng([seed, epoch]))]
        log(f"epoch {epoch}/{epochs}  loss {np.mean(losses):.3f}  {(time.monotonic() - started) / 60:.1f} min")
    data = litert_bytes(student.network(), side_px=side_px, examples=(example[None] for example in examples))
    return with_inner_map(data, INNER)


def _batches(squares: np.ndarray, side_px: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """A copy of each photo in the order of an epoch, (n, S, S, 3) in [-1, 1] a batch."""
    order = generator.permutation(len(squares))
    for start in range(0, len(order), BATCH):
        yield np.stack([augmented(squares[i], COPIES, side_px, generator) for i in order[start : start + BATCH]])


def _familiarity(classifier: Classifier, squares: np.ndarray, drawn: Sequence[Image.Image], seed: int) -> Familiarity:
    """By the inner features of all that trained it, and of each photo as a poor camera leaves it.

    Without the latter, dancers out of focus, grey or in the dark would be refused twice as often.
    """
    generator = np.random.default_rng([seed, 0])
    poor = [Image.fromarray(degraded(pixels, generator)) for pixels in squares]
    photos = [*map(Image.fromarray, squares), *poor, *drawn]
    inner = [classifier.backbone.look(classifier.views(photo))[1].mean(axis=0) for photo in photos]
    return Familiarity.fit(np.stack(inner))


def _answers(classifier: Classifier, photos: TrainingPhotos) -> OutOfFold:
    maps, known_by = (
        np.stack(parts)
        for parts in zip(*(classifier.look(Image.fromarray(one)) for one in photos.squares), strict=True)
    )
    pooled, logits = classifier.head.pool(maps), classifier.head.logits(classifier.head.features(maps))
    return OutOfFold(np.arange(len(photos)), logits, pooled, classifier.familiarity.distance(known_by))
