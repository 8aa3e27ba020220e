"""Saves what each fold of a cross-validation trained as a model of its own, to be asked more than its one question."""

import tempfile
from pathlib import Path

from dance_demo.crossvalidation import OutOfFold
from dance_demo.export import export_backbone
from dance_demo.familiarity import Familiarity
from dance_demo.head import Head
from dance_demo.model_store import BACKBONE, FAMILIARITY, HEAD, save_model, sha256
from dance_demo.network import backbone_at, build_model
from dance_demo.recipe import Recipe
from dance_demo.training_photos import TrainingPhotos


def save_fold_models(
    photos: TrainingPhotos, recipe: Recipe, held_out: OutOfFold, *, directory: Path, out: Path
) -> None:
    """Write `out/fold0` and so on from the weights in `directory/fold0` and so on, where `crossvalidate` left them.

    All have the temperature of the pooled answers, and never refuse a photo: they exist to be measured.
    """
    temperature, side_px = held_out.temperature(photos), recipe.served_side_px
    for fold in sorted(set(photos.folds[held_out.indices].tolist())):
        model = build_model(recipe, len(photos.class_names))
        model.load_weights(directory / f"fold{fold}" / "model.weights.h5")
        weight, bias = model.get_layer("head").get_weights()
        features = held_out.features[photos.folds[held_out.indices] == fold]
        with tempfile.TemporaryDirectory() as folder:
            backbone = Path(folder) / BACKBONE
            export_backbone(backbone_at(model, side_px), backbone, side_px=side_px)
            head = Head(photos.class_names, weight, bias, temperature, sha256(backbone))
            files = {
                BACKBONE: backbone.read_bytes(),
                HEAD: head.to_npz_bytes(),
                FAMILIARITY: Familiarity.fit(features).to_npz_bytes(),
            }
        save_model(
            out / f"fold{fold}",
            files,
            name=f"Fold {fold} of {recipe.name}",
            class_names=photos.class_names,
            mirrored_view=recipe.mirrored_view,
        )
