"""What fine-tuned networks say about photos that they never saw: one network per fold, answers pooled."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dance_demo.errors import TrainingError
from dance_demo.evaluation import Evaluation, evaluate, fit_temperature
from dance_demo.familiarity import Familiarity
from dance_demo.finetune import finetune
from dance_demo.head import power_normalize, softmax
from dance_demo.model_store import sha256
from dance_demo.network import build_model, load_initial_weights, pooled_features
from dance_demo.recipe import Recipe
from dance_demo.training_photos import NO_FOLD, TrainingPhotos

NOT_TRAINED = ("name", "served_side_px", "mirrored_view")  # settings that a trained network does not depend on


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Held-out answers. Logits (n, k), pooled feature maps (n, c) and distances (n,) of photos `indices` (n,)."""

    indices: np.ndarray
    logits: np.ndarray
    features: np.ndarray
    distances: np.ndarray

    def temperature(self, photos: TrainingPhotos) -> float:
        return fit_temperature(self.logits, photos.classes[self.indices])

    def probabilities(self, temperature: float) -> np.ndarray:
        return softmax(self.logits, temperature)

    def evaluation(self, photos: TrainingPhotos, temperature: float = 1.0) -> Evaluation:
        """The interval is drawn over groups of near-duplicates."""
        return evaluate(
            photos.classes[self.indices],
            self.probabilities(temperature),
            photos.class_names,
            groups=photos.groups[self.indices],
        )


def crossvalidate(
    photos: TrainingPhotos,
    recipe: Recipe,
    *,
    init: Path,
    directory: Path,
    seed: int = 0,
    folds: list[int] | None = None,
    apart: float | None = None,
    log: Callable[[str], None] = print,
) -> OutOfFold:
    """Train one network per fold without that fold's photos; return what each says about them, pooled.

    `apart` is stricter: extra photos that look more like a photo of the fold than this cosine do not train, either.
    Finished folds are found in `directory` and not trained again. Raises `TrainingError` if they are of another
    training.
    """
    _claim(directory, photos, recipe, init, seed, apart)
    looks = None if apart is None else _looks(photos, recipe, init)
    parts = []
    for fold in photos.fold_numbers if folds is None else folds:
        log(f"fold {fold}")
        train = photos.training_indices(fold) if looks is None else _apart(photos, fold, looks, apart)
        run = {"init": init, "directory": directory / f"fold{fold}", "seed": seed, "log": log}
        part = _fold(photos, train, photos.held_out_indices(fold), recipe, **run)
        parts.append(part)
        log(f"fold {fold}: accuracy {part.evaluation(photos).accuracy:.3f}")
    return OutOfFold(*(np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])))


def _looks(photos: TrainingPhotos, recipe: Recipe, init: Path) -> np.ndarray:
    """What ImageNet's network sees in each photo, (n, c) of length 1: photos of one show are close to each other."""
    model = build_model(recipe, len(photos.class_names))
    load_initial_weights(model, init)
    return power_normalize(pooled_features(model, photos.squares, side_px=recipe.side_px, mirrored_view=True))


def _apart(photos: TrainingPhotos, fold: int, looks: np.ndarray, cosine: float) -> np.ndarray:
    """The training photos of a fold without extra ones that are closer than `cosine` to a held-out photo."""
    train, held_out = photos.training_indices(fold), photos.held_out_indices(fold)
    closest = (looks[train] @ looks[held_out].T).max(axis=1)
    return train[(photos.folds[train] != NO_FOLD) | (closest <= cosine)]


def _claim(
    directory: Path, photos: TrainingPhotos, recipe: Recipe, init: Path, seed: int, apart: float | None = None
) -> None:
    """Note in `directory` what is trained there, or make sure that it is the same as last time."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in NOT_TRAINED}
    training = {
        "photos": photos.sha256,
        "settings": settings,
        "initial weights": sha256(init),
        "seed": seed,
        "apart": apart,
    }
    note = directory / "training.json"
    if note.exists():
        earlier = json.loads(note.read_text(encoding="utf-8"))
        changed = [name for name in training if earlier.get(name) != training[name]]
        if changed:
            raise TrainingError(
                f"{directory} belongs to a training with other {', '.join(changed)}. Use another directory."
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    note.with_suffix(".part").write_text(json.dumps(training, indent=1), encoding="utf-8")
    os.replace(note.with_suffix(".part"), note)


def _fold(
    photos: TrainingPhotos, train: np.ndarray, held_out: np.ndarray, recipe: Recipe, *, directory: Path, **run
) -> OutOfFold:
    result = directory / f"out_of_fold-{recipe.served_side_px}px-{1 + recipe.mirrored_view}.npz"
    if not result.exists():
        model = finetune(photos, train, recipe, directory=directory, **run)
        views = {"side_px": recipe.served_side_px, "mirrored_view": recipe.mirrored_view}
        features = pooled_features(model, photos.squares[held_out], **views)
        weight, bias = model.get_layer("head").get_weights()
        familiarity = Familiarity.fit(pooled_features(model, photos.squares[train], **views))
        part = OutOfFold(held_out, features @ weight + bias, features, familiarity.distance(features))
        temporary = result.with_name("part-" + result.name)
        np.savez(temporary, **vars(part))
        os.replace(temporary, result)
    with np.load(result) as arrays:
        return OutOfFold(**arrays)
