"""From labelled photos to a model directory that can be served: measure by folds, train on everything, export.

The accuracy in the card comes from networks that never saw the photos they were asked about. The network that
ships saw all of them; it is made by the same recipe, and nothing about it is measured on its own photos.
"""

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.data.training_overlap import HASHES_FILE, PhotoHashes, training_hashes
from dance_demo.model.directory import BACKBONE, ModelCard, save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.research.crossvalidation import OutOfFold, crossvalidate, held_out_answers
from dance_demo.research.finetune import finetune
from dance_demo.research.measurement import INTERVAL, Measurement, as_it_ships
from dance_demo.research.network import model_files, pooled_features
from dance_demo.research.photos import NO_FOLD, TrainingPhotos
from dance_demo.research.recipe import Recipe

if TYPE_CHECKING:
    import keras


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
    photos = photos.with_drawings(recipe.drawings_per_class)
    held_out = crossvalidate(photos, recipe, init=init, directory=directory, seed=seed, log=log)
    log("all photos")
    everyone = np.arange(len(photos))
    model = finetune(photos, everyone, recipe, init=init, directory=directory / "all", seed=seed, log=log)
    return _saved(model, held_out, photos, photos, recipe, init=init, out=out, seed=seed)


def go_on(
    photos: TrainingPhotos,
    held_out: TrainingPhotos,
    recipe: Recipe,
    *,
    start: Path,
    directory: Path,
    out: Path,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Train the network of the model directory `start` further, and save it as the new model directory `out`.

    It cannot be measured by folds, because it has seen them. It is measured as it ships, on the photos `held_out`,
    which must be none of `photos` and none that it learned from before.
    """
    photos, backbone = photos.with_drawings(recipe.drawings_per_class), start / BACKBONE
    everyone = np.arange(len(photos))
    model = finetune(photos, everyone, recipe, init=backbone, directory=directory / "further", seed=seed, log=log)
    both = photos.with_held_out(held_out)
    answers = held_out_answers(model, both, everyone, both.held_out_indices(0), recipe)
    seen = training_hashes(start)
    return _saved(model, answers, both, photos, recipe, init=backbone, seen=seen, out=out, seed=seed)


def _saved(
    model: "keras.Model",
    held_out: OutOfFold,
    photos: TrainingPhotos,
    trained: TrainingPhotos,
    recipe: Recipe,
    *,
    init: Path,
    seen: PhotoHashes | None = None,
    out: Path,
    seed: int,
) -> ModelCard:
    """Save a network that has learned from `trained` and before that from `seen`, with its answers to `photos`."""
    counts = np.bincount(trained.classes, minlength=len(photos.class_names)).tolist()
    measured = Measurement.of(held_out, photos, _protocol(photos, trained))
    features = pooled_features(
        model, trained.squares, side_px=recipe.served_side_px, mirrored_view=recipe.mirrored_view
    )
    familiarity = Familiarity.fit(features).with_limits(**measured.limits)
    files = model_files(model, photos.class_names, measured.temperature, familiarity, side_px=recipe.served_side_px)
    card = save_model(
        out,
        {**files, HASHES_FILE: trained.hashes.joined(seen).to_npz_bytes()},
        name="Eight dances of India",
        class_names=photos.class_names,
        mirrored_view=recipe.mirrored_view,
        photos_per_class=dict(zip(photos.class_names, counts, strict=True)),
        evaluation=measured.evaluation,
        training={
            "recipe": recipe.name,
            "seed": seed,
            "initial_weights_sha256": sha256(init),
            "drawings_per_class": recipe.drawings_per_class,
            "versions": {name: version(name) for name in ("keras", "numpy", "pillow", "scikit-learn")},
            "python": platform.python_version(),
        },
    )
    measured.write_pictures(out)
    return card


def _protocol(photos: TrainingPhotos, trained: TrainingPhotos) -> str:
    measured = int((photos.folds != NO_FOLD).sum())
    if trained is not photos:
        return as_it_ships(measured, len(trained))
    return (
        f"{measured} photos in {len(photos.fold_numbers)} folds, copies and near-duplicates always in the same "
        f"fold; each photo was judged by a network trained without its fold, and with "
        f"{len(photos) - measured} extra photos and drawings that are in no fold. {INTERVAL}"
    )
