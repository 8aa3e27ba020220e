"""How the models that ship were made and measured: `finetune`, `crossvalidate`, `interpolate`, `robustness` ...

What is slow to import is imported by the command that needs it.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from dance_demo.cli.arguments import Commands, add_command, add_model
from dance_demo.cli.output import evaluation_summary, log, log_report
from dance_demo.cli.predict import known_labels
from dance_demo.data.dataset import open_dataset, open_photos
from dance_demo.files.photo import open_photo
from dance_demo.model.directory import BACKBONE, BUNDLED, require_new, resolve
from dance_demo.research.recipe import RECIPES, Recipe

if TYPE_CHECKING:
    from dance_demo.research.photos import TrainingPhotos


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "finetune", finetune)
    _add_training(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")

    command = add_command(commands, "finetune-further", finetune_further)
    _add_photos(command)
    add_model(command)
    command.add_argument("--held-out", type=Path, required=True, metavar="PHOTOS", help="what it is measured on")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")

    command = add_command(commands, "crossvalidate", crossvalidate)
    _add_training(command)
    command.add_argument("--only", type=int, nargs="+", metavar="FOLD", help="only these folds")
    command.add_argument("--exclude-similar", "--apart", type=float, metavar="COSINE",
                         help="leave out extra photos that look more like a photo of the fold than this")  # fmt: skip
    command.add_argument("--models", type=Path, metavar="DIR", help="save a model for each fold in this directory")

    command = add_command(commands, "experiments", experiments)
    command.add_argument("runs", type=Path, metavar="RUNS", help="the folder with a directory for each run")

    command = add_command(commands, "interpolate", interpolate)
    command.add_argument("--init", required=True, help="ImageNet weights of MobileNetV2: a file, or 'imagenet'")
    command.add_argument("--dance", type=Path, default=BUNDLED / BACKBONE, metavar="TFLITE",
                         help="the backbone that was fine-tuned from them (default: the one that ships)")  # fmt: skip
    command.add_argument("--share", type=float, default=0.2, help="of its weights, 0 to 1 (default: %(default)s)")
    command.add_argument("--out", type=Path, required=True, metavar="TFLITE", help="the new backbone")

    command = add_command(commands, "quantize", quantize)
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTOS",
                         help="folders or zips of what it will be asked about")  # fmt: skip
    add_model(command)
    command.add_argument("--held-out", type=Path, metavar="PHOTOS",
                         help="what it is measured on; PHOTOS are then all labelled ones that trained it")  # fmt: skip
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")

    command = add_command(commands, "robustness", robustness)
    _add_judging(command)

    command = add_command(commands, "heatmaps", heatmaps)
    _add_judging(command)
    command.add_argument("--boxes", type=Path, required=True, metavar="CSV", help="pixel_sha256, x0, y0, x1, y1")


def finetune(options: argparse.Namespace) -> int:
    """Fine-tune a backbone on labelled photos, measure it by folds, and save a model directory."""
    from dance_demo.networks.mobilenet import initial_weights
    from dance_demo.research.release import release

    recipe, init = Recipe.load(options.recipe), initial_weights(options.init)
    require_new(options.out)  # or an hour later it could not be saved
    photos = _training_photos(options)
    card = release(photos, recipe, init=init, directory=options.runs, out=options.out, seed=options.seed, log=log)
    print(card.summary())
    return 0


def finetune_further(options: argparse.Namespace) -> int:
    """Train the network of a model directory further, and measure it on photos of other sources."""
    from dance_demo.data.training_overlap import training_hashes
    from dance_demo.model.directory import resolve
    from dance_demo.research.photos import load_held_out_photos
    from dance_demo.research.release import go_on

    recipe, start = Recipe.load(options.recipe), resolve(options.model)
    require_new(options.out)
    photos, seen = _training_photos(options), training_hashes(start)
    held_out = load_held_out_photos(options.held_out, options.data, seen=seen, cache=options.runs / "photos", log=log)
    places = {"start": start, "directory": options.runs, "out": options.out}
    card = go_on(photos, held_out, recipe, **places, seed=options.seed, log=log)
    print(card.summary())
    return 0


def crossvalidate(options: argparse.Namespace) -> int:
    """Measure a recipe by folds, without making a model."""
    from dance_demo.networks.mobilenet import initial_weights
    from dance_demo.research.crossvalidation import crossvalidate as run

    recipe, init = Recipe.load(options.recipe), initial_weights(options.init)
    photos = _training_photos(options).with_drawings(recipe.drawings_per_class)
    share = {"folds": options.only, "exclude_similar": options.exclude_similar}
    held_out = run(photos, recipe, init=init, directory=options.runs, seed=options.seed, log=log, **share)
    result = held_out.evaluation(photos, held_out.temperature(photos)).to_json()
    (options.runs / "result.json").write_text(json.dumps({"recipe": recipe.name, **result}, indent=1), "utf-8")
    if options.models:
        from dance_demo.research.crossvalidation import save_fold_models

        save_fold_models(photos, recipe, held_out, directory=options.runs, out=options.models)
    print(evaluation_summary(result))
    return 0


def experiments(options: argparse.Namespace) -> int:
    """Put the results of all runs side by side."""
    from dance_demo.research.experiments import read_experiments, table

    print(table(read_experiments(options.runs)))
    return 0


def interpolate(options: argparse.Namespace) -> int:
    """Make a general backbone: the ImageNet network, moved a part of the way to the dance backbone."""
    from dance_demo.networks.mobilenet import initial_weights
    from dance_demo.research.interpolation import interpolate as run

    about = run(initial_weights(options.init), options.dance, options.out, share=options.share)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, SHA-256 {about['sha256']}")
    return 0


def quantize(options: argparse.Namespace) -> int:
    """Make a model that computes in eight bits: a third of the size, twice as fast."""
    from dance_demo.data.training_overlap import training_hashes
    from dance_demo.research.photos import load_held_out_photos
    from dance_demo.research.quantization import quantize as run

    model, held_out = resolve(options.model), None
    require_new(options.out)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        if options.held_out:
            seen = training_hashes(model)
            held_out = load_held_out_photos(options.held_out, options.photos, seen=seen, cache=workspace, log=log)
        found = [open_photos(one, workspace=workspace, follow_links=True) for one in options.photos]
        photos = [file.path for one in found for file in one.files]
        card = run(model, photos, options.out, held_out=held_out, seed=options.seed, log=log)
    print(f"{(options.out / BACKBONE).stat().st_size / 1e6:.1f} MB. {card.summary()}")
    return 0


def robustness(options: argparse.Namespace) -> int:
    """Measure how far answers depend on mirroring, cropping, blur, colour, compression and light."""
    from dance_demo.research.fold_classifiers import classifier_per_fold
    from dance_demo.research.robustness import CHANGES, answers, steadiness, table

    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(options.photos, workspace=Path(workspace), follow_links=True)
        given = np.empty((len(dataset.photos), len(CHANGES)), int)
        truth = np.empty(len(dataset.photos), int)
        names = [photo.name for photo in dataset.photos]
        for classifier, indices in classifier_per_fold(names, options.model, options.folds):
            labels = known_labels([dataset.labels[index] for index in indices], classifier.class_names)
            truth[indices] = [classifier.class_index(label) for label in labels]
            photos = (open_photo(dataset.photos[index].path) for index in indices)
            given[indices] = answers(tqdm(photos, total=len(indices), disable=None), classifier)
    log_report(report)
    print(table(steadiness(given, truth.tolist(), groups=dataset.groups)))
    return 0


def heatmaps(options: argparse.Namespace) -> int:
    """Measure the heatmaps: does the answer hang on the hot places, and are they on the dancer?"""
    from dance_demo.research import heatmap_quality as quality
    from dance_demo.research.fold_classifiers import classifier_per_fold

    with tempfile.TemporaryDirectory() as workspace:
        found = open_photos(options.photos, workspace=Path(workspace), follow_links=True)
        photos = quality.boxed_photos(found.files, quality.read_boxes(options.boxes))
    parts = []
    with tqdm(total=len(photos), unit="photo", disable=None) as bar:
        for classifier, indices in classifier_per_fold([photo.name for photo in photos], options.model, options.folds):
            own, kinds = [photos[index] for index in indices], quality.mappers(classifier)
            parts.append(quality.score_maps(own, classifier, kinds, progress=bar.update))
    print(f"{len(photos)} photos\n\n{quality.table(quality.pooled(parts))}")
    return 0


def _training_photos(options: argparse.Namespace) -> "TrainingPhotos":
    from dance_demo.research.photos import load_training_photos

    lists = {"folds_file": options.folds, "relabelling": options.relabelling}
    return load_training_photos(options.data, cache=options.runs / "photos", seed=options.seed, log=log, **lists)


def _add_judging(command: argparse.ArgumentParser) -> None:
    command.add_argument("photos", type=Path, metavar="PHOTOS", help="a folder or zip")
    add_model(command)
    command.add_argument("--folds", type=Path, metavar="CSV", help="Image, fold: --model then holds fold0, fold1, ...")


def _add_training(command: argparse.ArgumentParser) -> None:
    _add_photos(command)
    command.add_argument("--init", required=True, help="ImageNet weights of MobileNetV2: a file, or 'imagenet'")


def _add_photos(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", nargs="+", type=Path, help="labelled photos; only the first source has folds")
    command.add_argument("--folds", type=Path, metavar="CSV", help="Image, target, fold (default: made here)")
    command.add_argument(
        "--relabelling", "--cleaning", type=Path, metavar="CSV", help="what to relabel or leave out elsewhere"
    )
    command.add_argument("--recipe", type=Path, default=RECIPES / "standard.json", metavar="JSON")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="checkpoints (default: runs)")
