"""What fine-tuned networks say about photos that they never saw: one network per fold, answers pooled."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dance_demo.errors import TrainingError
from dance_demo.files.atomic import draft_of, write_atomically
from dance_demo.model.directory import save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import power_normalize, softmax
from dance_demo.research.finetune import WEIGHTS, finetune
from dance_demo.research.network import build_model, load_initial_weights, model_files, pooled_features
from dance_demo.research.photos import NO_FOLD, TrainingPhotos
from dance_demo.research.recipe import Recipe
from dance_demo.training.calibration import fit_temperature
from dance_demo.training.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    import keras

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
    exclude_similar: float | None = None,
    log: Callable[[str], None] = print,
) -> OutOfFold:
    """Train one network per fold without that fold's photos; return what each says about them, pooled.

    Extra photos that look more like a photo of the fold than the cosine `exclude_similar` do not train, either.
    Finished folds are found in `directory` and not trained again. Raises `TrainingError` if they are of another
    training.
    """
    _claim(directory, photos, recipe, init, seed, exclude_similar)
    scenes = None if exclude_similar is None else _scenes(photos, recipe, init)
    parts = []
    for fold in photos.fold_numbers if folds is None else folds:
        log(f"fold {fold}")
        train, held_out = photos.training_indices(fold), photos.held_out_indices(fold)
        if scenes is not None and exclude_similar is not None:
            train = _without_similar(photos, fold, scenes, exclude_similar)
        result = directory / f"fold{fold}" / f"out_of_fold-{recipe.served_side_px}px-{1 + recipe.mirrored_view}.npz"
        if not result.exists():
            model = finetune(photos, train, recipe, init=init, directory=result.parent, seed=seed, log=log)
            answers = held_out_answers(model, photos, train, held_out, recipe)
            with draft_of(result) as draft:
                np.savez(draft, **vars(answers))
        with np.load(result) as arrays:
            parts.append(OutOfFold(**arrays))
        log(f"fold {fold}: accuracy {parts[-1].evaluation(photos).accuracy:.3f}")
    return OutOfFold(*(np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])))


def save_fold_models(
    photos: TrainingPhotos, recipe: Recipe, held_out: OutOfFold, *, directory: Path, out: Path
) -> None:
    """Write `out/fold0` and so on from the weights in `directory/fold0` and so on, where `crossvalidate` left them.

    Each is a model of its own, to be asked more than its one question. All have the temperature of the pooled answers,
    and never refuse a photo: they exist to be measured.
    """
    temperature, side_px = held_out.temperature(photos), recipe.served_side_px
    for fold in sorted(set(photos.folds[held_out.indices].tolist())):
        model = build_model(recipe, len(photos.class_names))
        model.load_weights(directory / f"fold{fold}" / WEIGHTS)
        features = held_out.features[photos.folds[held_out.indices] == fold]
        save_model(
            out / f"fold{fold}",
            model_files(model, photos.class_names, temperature, Familiarity.fit(features), side_px=side_px),
            name=f"Fold {fold} of {recipe.name}",
            class_names=photos.class_names,
            mirrored_view=recipe.mirrored_view,
        )


def _scenes(photos: TrainingPhotos, recipe: Recipe, init: Path) -> np.ndarray:
    """What ImageNet's network sees in each photo, (n, c) of length 1: photos of one show are close to each other."""
    model = build_model(recipe, len(photos.class_names))
    load_initial_weights(model, init)
    return power_normalize(pooled_features(model, photos.squares, side_px=recipe.side_px, mirrored_view=True))


def _without_similar(photos: TrainingPhotos, fold: int, scenes: np.ndarray, cosine: float) -> np.ndarray:
    """The training photos of a fold without extra ones that are closer than `cosine` to a held-out photo."""
    train, held_out = photos.training_indices(fold), photos.held_out_indices(fold)
    closest = (scenes[train] @ scenes[held_out].T).max(axis=1)
    return np.compress((photos.folds[train] != NO_FOLD) | (closest <= cosine), train)


def _claim(
    directory: Path, photos: TrainingPhotos, recipe: Recipe, init: Path, seed: int, exclude_similar: float | None
) -> None:
    """Note in `directory` what is trained there, or make sure that it is the same as last time."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in NOT_TRAINED}
    training = {
        "photos": photos.sha256,
        "settings": settings,
        "initial weights": sha256(init),
        "seed": seed,
        "apart": exclude_similar,  # under the name that earlier runs have
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
    write_atomically(note, json.dumps(training, indent=1).encode())


def held_out_answers(
    model: "keras.Model", photos: TrainingPhotos, train: np.ndarray, held_out: np.ndarray, recipe: Recipe
) -> OutOfFold:
    """What a network trained on `photos[train]` says about `photos[held_out]`."""

    def pooled(indices: np.ndarray) -> np.ndarray:
        squares, side_px = photos.squares[indices], recipe.served_side_px
        return pooled_features(model, squares, side_px=side_px, mirrored_view=recipe.mirrored_view)

    features, (weight, bias) = pooled(held_out), model.get_layer("head").get_weights()
    familiarity = Familiarity.fit(pooled(train))
    return OutOfFold(held_out, features @ weight + bias, features, familiarity.distance(features))
