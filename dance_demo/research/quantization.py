"""A model whose network computes in eight bits: a third of the size, and twice as fast.

Post-training quantisation as LiteRT does it (Jacob et al. 2018): weights of each filter and activations of each layer
become whole numbers of eight bits. The ranges of the activations are taken from photos, most of them as poor cameras
leave them, so that blurred and dark ones fit into them, too. Head and "not sure" stay as they are. Needs TensorFlow.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.data.degradation import degraded
from dance_demo.errors import DatasetError
from dance_demo.files.photo import open_photo
from dance_demo.model.directory import BACKBONE, FAMILIARITY, HEAD, ModelCard, load_card, require_new, save_model
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.litert import litert_bytes

PHOTOS_AT_LEAST, PHOTOS_AT_MOST = 20, 200
PLAIN = 4  # every fourth photo is taken as it is
LONGER_SIDE_PX = 512


def quantize(model: Path, photos: Sequence[Path], out: Path, *, seed: int = 0) -> ModelCard:
    """Save the eight-bit network of a model directory, with its head, as the new model directory `out`.

    Of `photos` up to 200 are looked at, whatever they show; labels are not needed. The card has no accuracy: it must be
    measured again. Raises `DatasetError` for fewer than 20 photos, `ModelError` if the model is damaged or has been
    quantised already.
    """
    require_new(out)
    if len(photos) < PHOTOS_AT_LEAST:
        raise DatasetError(
            f"{PHOTOS_AT_LEAST} photos are needed, like those it will be asked about; not {len(photos)}."
        )
    card, classifier = load_card(model), load_classifier(model)
    side_px, generator = classifier.backbone.input_side_px, np.random.default_rng(seed)
    some = [photos[index] for index in generator.permutation(len(photos))[:PHOTOS_AT_MOST]]
    network = keras_backbone(classifier.backbone)
    data = litert_bytes(network, side_px=side_px, examples=_inputs(some, side_px, generator))
    head = replace(classifier.head, backbone_sha256=hashlib.sha256(data).hexdigest())
    return save_model(
        out,
        {BACKBONE: data, HEAD: head.to_npz_bytes(), FAMILIARITY: classifier.familiarity.to_npz_bytes()},
        name=f"{card.name} (eight bits)",
        class_names=card.class_names,
        mirrored_view=card.mirrored_view,
        photos_per_class=card.photos_per_class,
        training={"quantized_from_sha256": classifier.backbone.sha256, "photos": len(some), "seed": seed},
    )


def _inputs(photos: Sequence[Path], side_px: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Each photo as the network takes it in, (1, S, S, 3), three of four as a poor camera leaves them."""
    for number, path in enumerate(photos):
        photo = open_photo(path, max_side_px=LONGER_SIDE_PX)
        if number % PLAIN:
            photo = Image.fromarray(degraded(np.asarray(photo), generator))
        view = to_input(photo, side_px)
        yield (view[:, ::-1] if number % 2 else view)[None].astype(np.float32)
