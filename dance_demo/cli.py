"""The same core without a browser: `python -m dance_demo classify photo.jpg`, and so on.

Answers go to stdout, progress and complaints to stderr. The exit code is 0 if all went well, 1 if some photos
could not be read (the rest was answered), 2 if nothing could be done.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dance_demo import compare_command, hub_command, train_command
from dance_demo.backbones import known_backbone
from dance_demo.classifier import Classification, Classifier
from dance_demo.dataset import open_dataset, open_photos
from dance_demo.errors import DanceDemoError, DatasetError, PhotoError
from dance_demo.evaluation import evaluate
from dance_demo.model_store import load_classifier, require_new
from dance_demo.narration import describe
from dance_demo.overlay import overlay
from dance_demo.photos import open_photo
from dance_demo.recipe import RECIPES, Recipe
from dance_demo.tables import csv_safe


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except DanceDemoError as error:
        print(f"dance_demo: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # nowhere to write
        print(f"dance_demo: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dance_demo: stopped", file=sys.stderr)
        return 130


def classify(options: argparse.Namespace) -> int:
    """Name the dance in each photo."""
    classifier = load_classifier(options.model, find_backbone=known_backbone)
    if options.heatmap:
        options.heatmap.mkdir(parents=True, exist_ok=True)
    answers = []
    for number, path in enumerate(options.photos):
        answers.append(_answer(classifier, path, options.top, options.heatmap, number))
        if not options.json:
            print(f"{path}: {answers[-1].get('error') or answers[-1]['sentence']}", flush=True)
    if options.json:
        print(json.dumps([_without(answer, "sentence") for answer in answers], indent=1, ensure_ascii=False))
    return int(any("error" in answer for answer in answers))


def predict(options: argparse.Namespace) -> int:
    """Write the most probable class of every photo of a folder or zip into a CSV (Image, target)."""
    classifier = load_classifier(options.model, find_backbone=known_backbone)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows, unreadable = [], []
    with tempfile.TemporaryDirectory() as workspace:
        files, skipped = open_photos(options.photos, workspace=Path(workspace), order=options.order)
        names = _short_names([file.name for file in files])
        for name, file in zip(names, tqdm(files, unit="photo", disable=None), strict=True):
            try:
                label = classifier.classify(open_photo(file.path, name=file.name)).top.label
                rows.append((csv_safe(name), csv_safe(label)))
            except PhotoError as error:
                unreadable.append(error)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("Image", "target"), *rows])
    _complain(*(f"{file.name}: {file.reason}" for file in skipped), *unreadable)
    print(f"{len(rows)} photos named in {options.out}, {len(unreadable)} could not be read")
    return int(bool(unreadable))


def evaluate_dataset(options: argparse.Namespace) -> int:
    """Hold the model against labelled photos."""
    classifier = load_classifier(options.model, find_backbone=known_backbone)
    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(options.data, workspace=Path(workspace))
        labels = _known_labels(dataset.labels, classifier.class_names)
        photos = (open_photo(photo.path) for photo in dataset.photos)
        answers = [classifier.classify(photo) for photo in tqdm(photos, total=len(labels), disable=None)]
    result = evaluate(labels, _probabilities(answers, classifier.class_names), classifier.class_names).to_json()
    _complain(*(f"{file.name}: {file.reason}" for file in report.skipped))
    print(json.dumps(result, indent=1) if options.json else _summary(result))
    return 0


def finetune(options: argparse.Namespace) -> int:
    """Fine-tune a backbone on labelled photos, measure it by folds, and save a model directory."""
    from dance_demo.network import initial_weights
    from dance_demo.release import release

    recipe, init = Recipe.load(options.recipe), initial_weights(options.init)
    require_new(options.out)  # or an hour later it could not be saved
    card = release(
        _training_photos(options),
        recipe,
        init=init,
        directory=options.runs,
        out=options.out,
        seed=options.seed,
        log=_log,
    )
    print(card.summary())
    return 0


def crossvalidate(options: argparse.Namespace) -> int:
    """Measure a recipe by folds, without making a model."""
    from dance_demo.crossvalidation import crossvalidate as run
    from dance_demo.network import initial_weights

    recipe, init = Recipe.load(options.recipe), initial_weights(options.init)
    photos = _training_photos(options).with_drawings(recipe.drawings_per_class)
    held_out = run(
        photos,
        recipe,
        init=init,
        directory=options.runs,
        seed=options.seed,
        folds=options.only,
        apart=options.apart,
        log=_log,
    )
    result = held_out.evaluation(photos, held_out.temperature(photos)).to_json()
    (options.runs / "result.json").write_text(json.dumps({"recipe": recipe.name, **result}, indent=1))
    if options.models:
        from dance_demo.fold_models import save_fold_models

        save_fold_models(photos, recipe, held_out, directory=options.runs, out=options.models)
    print(_summary(result))
    return 0


def experiments(options: argparse.Namespace) -> int:
    """Put the results of all runs side by side."""
    from dance_demo.experiments import read_experiments, table

    print(table(read_experiments(options.runs)))
    return 0


def robustness(options: argparse.Namespace) -> int:
    """Measure how far answers depend on mirroring, cropping, blur, colour, compression and light."""
    from dance_demo.held_out import judges
    from dance_demo.robustness import CHANGES, answers, steadiness, table

    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(options.photos, workspace=Path(workspace))
        given = np.empty((len(dataset.photos), len(CHANGES)), int)
        truth = np.empty(len(dataset.photos), int)
        for classifier, places in judges([photo.name for photo in dataset.photos], options.model, options.folds):
            labels = _known_labels([dataset.labels[place] for place in places], classifier.class_names)
            truth[places] = [classifier.class_index(label) for label in labels]
            photos = (open_photo(dataset.photos[place].path) for place in places)
            given[places] = answers(tqdm(photos, total=len(places), disable=None), classifier)
    _complain(*(f"{file.name}: {file.reason}" for file in report.skipped))
    print(table(steadiness(given, truth, groups=dataset.groups)))
    return 0


def heatmaps(options: argparse.Namespace) -> int:
    """Measure the heatmaps: does the answer hang on the hot places, and are they on the dancer?"""
    from dance_demo import heatmap_quality as quality
    from dance_demo.held_out import judges

    with tempfile.TemporaryDirectory() as workspace:
        files, _ = open_photos(options.photos, workspace=Path(workspace))
        photos = quality.boxed_photos(files, quality.read_boxes(options.boxes))
    parts = []
    with tqdm(total=len(photos), unit="photo", disable=None) as bar:
        for classifier, places in judges([photo.name for photo in photos], options.model, options.folds):
            own, kinds = [photos[place] for place in places], quality.mappers(classifier)
            parts.append(quality.judge(own, classifier, kinds, progress=bar.update))
    print(f"{len(photos)} photos\n\n{quality.table(quality.pooled(parts))}")
    return 0


def _answer(classifier: Classifier, path: Path, top: int, heatmaps: Path | None, number: int) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        photo = open_photo(path)
    except PhotoError as error:
        return {"photo": str(path), "error": str(error)}
    answer = classifier.classify(photo)
    milliseconds = 1000 * (time.perf_counter() - started)
    heatmap = classifier.heatmap(answer, answer.top.label)
    if heatmaps:
        overlay(photo, heatmap).save(heatmaps / f"{number:03d}-{path.stem}-{answer.top.label}.jpg", quality=90)
    return {
        "photo": str(path),
        **answer.to_json(top),
        "milliseconds": round(milliseconds, 1),
        "sentence": describe(answer, heatmap),
    }


def _known_labels(labels: Iterable[str], class_names: Sequence[str]) -> list[str]:
    """Labels as the model writes them, whatever their case; raises `DatasetError` for classes it does not know."""
    known = {name.casefold(): name for name in class_names}
    unknown = sorted({label for label in labels if label.casefold() not in known})
    if unknown:
        raise DatasetError(
            f"The model does not know {', '.join(unknown[:5])}. Its classes are {', '.join(class_names)}."
        )
    return [known[label.casefold()] for label in labels]


def _probabilities(answers: Iterable[Classification], class_names: Sequence[str]) -> np.ndarray:
    """One row per answer, one column per class: (n, k)."""
    rows = ({prediction.label: prediction.probability for prediction in a.predictions} for a in answers)
    return np.array([[row[name] for name in class_names] for row in rows])


def _summary(result: dict[str, Any]) -> str:
    return "\n".join(_summary_lines(result))


def _summary_lines(result: dict[str, Any]) -> Iterator[str]:
    low, high = result["accuracy_interval"]
    yield f"{result['n']} photos: {result['accuracy']:.1%} right (95 % interval {low:.1%} to {high:.1%})"
    yield f"weighted F1 {result['weighted_f1']:.3f}, macro F1 {result['macro_f1']:.3f}"
    for name, score in result["per_class"].items():
        yield f"  {name:16.16} F1 {score['f1']:.3f}  ({score['support']} photos)"


def _training_photos(options: argparse.Namespace):  # noqa: ANN202 - its type lives in a module that is slow to import
    from dance_demo.training_photos import load_training_photos

    return load_training_photos(
        options.data,
        folds_file=options.folds,
        cleaning=options.cleaning,
        cache=options.runs / "photos",
        seed=options.seed,
        log=_log,
    )


def _short_names(names: Sequence[str]) -> list[str]:
    """File names without their folders, as the challenge writes them, unless two would then be the same."""
    short = [name.rpartition("/")[2] for name in names]
    return short if len(set(short)) == len(short) else list(names)


def _without(answer: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != key}


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _complain(*problems: object) -> None:
    for problem in problems:
        _log(str(problem))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dance_demo", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "classify", classify)
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    command.add_argument("--top", type=_positive, default=3, help="how many classes to name (default: 3)")
    command.add_argument("--json", action="store_true", help="print a JSON list instead of sentences")
    command.add_argument("--heatmap", type=Path, metavar="DIR", help="save each photo with its heatmap here")
    _add_model(command)

    command = _command(commands, "predict", predict)
    command.add_argument("photos", type=Path, metavar="FOLDER_OR_ZIP")
    command.add_argument("--out", type=Path, required=True, metavar="CSV")
    command.add_argument("--order", type=Path, metavar="CSV", help="its Image column fixes names and order")
    _add_model(command)

    command = _command(commands, "evaluate", evaluate_dataset)
    command.add_argument("data", type=Path, help="folder or zip of class folders, or photos with a train.csv")
    command.add_argument("--json", action="store_true")
    _add_model(command)

    train_command.add_arguments(_command(commands, "train", train_command.train))

    hub_command.add_publish_arguments(_command(commands, "publish", hub_command.publish))
    hub_command.add_fetch_arguments(_command(commands, "fetch", hub_command.fetch))

    command = _command(commands, "finetune", finetune)
    _add_training(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")

    command = _command(commands, "crossvalidate", crossvalidate)
    _add_training(command)
    command.add_argument("--only", type=int, nargs="+", metavar="FOLD", help="only these folds")
    command.add_argument("--apart", type=float, metavar="COSINE", help="leave out extra photos that look more like a "
                         "photo of the fold than this")  # fmt: skip
    command.add_argument("--models", type=Path, metavar="DIR", help="save a model for each fold in this directory")

    compare_command.add_arguments(_command(commands, "compare", compare_command.compare))

    command = _command(commands, "experiments", experiments)
    command.add_argument("runs", type=Path, metavar="RUNS", help="the folder with a directory for each run")

    command = _command(commands, "robustness", robustness)
    _add_judging(command)

    command = _command(commands, "heatmaps", heatmaps)
    _add_judging(command)
    command.add_argument("--boxes", type=Path, required=True, metavar="CSV", help="pixel_sha256, x0, y0, x1, y1")
    return parser


def _command(commands: Any, name: str, run: Any) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    command.set_defaults(run=run)
    return command


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="DIR", help="a model directory (default: the one that ships)")


def _add_judging(command: argparse.ArgumentParser) -> None:
    command.add_argument("photos", type=Path, metavar="PHOTOS", help="a folder or zip")
    _add_model(command)
    command.add_argument("--folds", type=Path, metavar="CSV", help="Image, fold: --model then holds fold0, fold1, ...")


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", nargs="+", type=Path, help="labelled photos; only the first source is measured on")
    command.add_argument("--init", required=True, help="ImageNet weights of MobileNetV2: a file, or 'imagenet'")
    command.add_argument("--folds", type=Path, metavar="CSV", help="Image, target, fold (default: made here)")
    command.add_argument("--cleaning", type=Path, metavar="CSV", help="what to relabel or leave out elsewhere")
    command.add_argument("--recipe", type=Path, default=RECIPES / "standard.json", metavar="JSON")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="checkpoints (default: runs)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number
