"""From labelled photos to a model directory that can be served: measure by folds, train on everything, export.

The accuracy in the card comes from networks that never saw the photos they were asked about. The network that
ships saw all of them; it is made by the same recipe, and nothing about it is measured on its own photos.
"""

import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dance_demo import plots
from dance_demo.crossvalidation import OutOfFold, crossvalidate
from dance_demo.export import export_backbone
from dance_demo.familiarity import Familiarity, limits
from dance_demo.finetune import finetune
from dance_demo.head import Head
from dance_demo.model_store import BACKBONE, FAMILIARITY, HEAD, ModelCard, save_model, sha256
from dance_demo.network import backbone_at, pooled_features
from dance_demo.recipe import Recipe
from dance_demo.seen import SEEN, write_seen
from dance_demo.training_photos import NO_FOLD, TrainingPhotos

if TYPE_CHECKING:
    import keras

CONFUSION, RELIABILITY = "confusion.png", "reliability.png"  # pictures for the model card


def release(
    photos: TrainingPhotos,
    recipe: Recipe,
    *,
    init: Path,
    directory: Path,
    out: Path,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Cross-validate, train on all photos, and save the new model directory `out`.

    `directory` keeps the runs, so that an interrupted release goes on where it stopped.
    """
    run = {"init": init, "seed": seed, "log": log}
    photos = photos.with_drawings(recipe.drawings_per_class)
    held_out = crossvalidate(photos, recipe, directory=directory, **run)
    log("all photos")
    model = finetune(photos, np.arange(len(photos)), recipe, directory=directory / "all", **run)
    return _saved(model, held_out, photos, recipe, init=init, out=out, seed=seed)


def _saved(
    model: "keras.Model",
    held_out: OutOfFold,
    photos: TrainingPhotos,
    recipe: Recipe,
    *,
    init: Path,
    out: Path,
    seed: int,
) -> ModelCard:
    temperature = held_out.temperature(photos)
    probabilities = held_out.probabilities(temperature)
    refusal = limits(held_out.distances, probabilities)
    evaluation = held_out.evaluation(photos, temperature)
    with tempfile.TemporaryDirectory() as folder:
        backbone = Path(folder) / BACKBONE
        export_backbone(backbone_at(model, recipe.served_side_px), backbone, side_px=recipe.served_side_px)
        head = _head(model, photos.class_names, temperature, sha256(backbone))
        files = {
            BACKBONE: backbone.read_bytes(),
            HEAD: head.to_npz_bytes(),
            FAMILIARITY: _familiarity(model, photos, recipe).with_limits(**refusal).to_npz_bytes(),
            SEEN: write_seen(photos),
        }
    card = save_model(
        out,
        files,
        name="Eight dances of India",
        class_names=photos.class_names,
        mirrored_view=recipe.mirrored_view,
        photos_per_class=_counts(photos),
        evaluation={**evaluation.to_json(), **refusal, "temperature": temperature, "protocol": _protocol(photos)},
        training={
            "recipe": recipe.name,
            "seed": seed,
            "initial_weights_sha256": sha256(init),
            "drawings_per_class": recipe.drawings_per_class,
            "versions": {name: version(name) for name in ("keras", "numpy", "pillow", "scikit-learn")},
            "python": platform.python_version(),
        },
    )
    (out / CONFUSION).write_bytes(plots.png(plots.confusion(evaluation)))
    classes = photos.classes[held_out.indices].tolist()
    (out / RELIABILITY).write_bytes(plots.png(plots.reliability(probabilities, classes)))
    return card


def _head(model: "keras.Model", class_names: tuple[str, ...], temperature: float, backbone_sha256: str) -> Head:
    weight, bias = model.get_layer("head").get_weights()
    return Head(class_names, weight, bias, temperature, backbone_sha256)


def _familiarity(model: "keras.Model", photos: TrainingPhotos, recipe: Recipe) -> Familiarity:
    view = {"side_px": recipe.served_side_px, "mirrored_view": recipe.mirrored_view}
    return Familiarity.fit(pooled_features(model, photos.squares, **view))


def _counts(photos: TrainingPhotos) -> dict[str, int]:
    counts = np.bincount(photos.classes, minlength=len(photos.class_names))
    return dict(zip(photos.class_names, counts.tolist(), strict=True))


def _protocol(photos: TrainingPhotos) -> str:
    measured = int((photos.folds != NO_FOLD).sum())
    return (
        f"{measured} photos in {len(photos.fold_numbers)} folds, copies and near-duplicates always in the same "
        f"fold; each photo was judged by a network trained without its fold, and with "
        f"{len(photos) - measured} extra photos and drawings that are in no fold. "
        "The interval is a bootstrap over groups of near-duplicates."
    )
