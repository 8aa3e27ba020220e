"""`classify`, `predict` and `evaluate`: a model answers photos or recordings, and is held against their labels."""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from dance_demo.cli.arguments import Commands, add_command, add_layout, add_model, positive
from dance_demo.cli.output import evaluation_summary, log, log_report, log_skipped, print_json
from dance_demo.data.checks import first_few
from dance_demo.data.dataset import PhotoDataset, open_dataset, open_photos
from dance_demo.data.training_overlap import count_overlap, overlapping_indices
from dance_demo.errors import DatasetError, PhotoError, SoundError
from dance_demo.files.csv_writer import csv_safe, write_csv
from dance_demo.files.photo import open_photo
from dance_demo.files.sound import open_sound
from dance_demo.files.text import safe_file_name
from dance_demo.files.zip_archive import SourceFile
from dance_demo.model.classifier import Classifier
from dance_demo.model.description import describe
from dance_demo.model.directory import load_card
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.predict.robustness import held_sentence, robustness
from dance_demo.predict.sound import PHOTO_MODEL, hear
from dance_demo.training.evaluation import evaluate

Overlay = Callable[[], Image.Image]


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "classify", classify)
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="or recordings, for a model of sounds")
    command.add_argument("--top", type=positive, default=3, help="how many classes to name (default: 3)")
    command.add_argument("--json", action="store_true", help="print a JSON list instead of sentences")
    command.add_argument("--heatmap", type=Path, metavar="DIR", help="save each photo with its heatmap here")
    command.add_argument("--robustness", action="store_true",
                         help="also answer changed copies: cropped, turned, blurred, in the dark ...")  # fmt: skip
    add_model(command)

    command = add_command(commands, "predict", predict)
    command.add_argument("photos", type=Path, metavar="FOLDER_OR_ZIP")
    command.add_argument("--out", type=Path, required=True, metavar="CSV")
    command.add_argument("--excel", action="store_true", help="with the mark by which Excel knows UTF-8")
    command.add_argument("--order", type=Path, metavar="CSV", help="its Image column fixes names and order")
    add_model(command)

    command = add_command(commands, "evaluate", evaluate_dataset)
    command.add_argument("data", type=Path, help="folder or zip of class folders, or photos with a train.csv")
    add_layout(command)
    command.add_argument("--json", action="store_true")
    add_model(command)


def classify(options: argparse.Namespace) -> int:
    """Name the dance in each photo, or with a model of sounds what is heard in each recording."""
    classifier = load_classifier(options.model)
    if options.heatmap:
        options.heatmap.mkdir(parents=True, exist_ok=True)
    answers, unsaved = [], 0
    for number, path in enumerate(options.photos):
        answer, sentence, picture = _answer(classifier, path, options.top, robust=options.robustness)
        answers.append(answer)
        if options.heatmap and picture:
            name = f"{number:03d}-{safe_file_name(path.stem)}-{safe_file_name(answer['predictions'][0]['label'])}.jpg"
            unsaved += not _saved(picture(), options.heatmap / name)
        if not options.json:
            print(f"{path}: {sentence}", flush=True)
    if options.json:
        print_json(answers)
    return int(unsaved > 0 or any("error" in answer for answer in answers))


def predict(options: argparse.Namespace) -> int:
    """Write the most probable class of every photo (or recording) of a folder or zip into a CSV (Image, target)."""
    classifier = load_classifier(options.model)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows, unreadable = [], []
    with tempfile.TemporaryDirectory() as workspace:
        found = open_photos(
            options.photos,
            workspace=Path(workspace),
            order=options.order,
            follow_links=True,
            sounds=bool(classifier.sound),
        )
        names = [file.name for file in found.files]
        short = [name.rpartition("/")[2] for name in names]  # as the challenge writes them
        if len(set(short)) == len(short):
            names = short
        for name, file in zip(names, tqdm(found.files, unit="file", disable=None), strict=True):
            try:
                rows.append((name, _label(classifier, file)))
            except (PhotoError, SoundError) as error:
                unreadable.append(error)
    write_csv(options.out, [("Image", "target"), *rows], mark=options.excel)
    log_skipped(found.skipped)
    for remark in found.remarks:
        log(remark)
    if marked := [name for name, _ in rows if csv_safe(name) != name]:
        log(f"A spreadsheet would run these names, so they have a ' in front: {first_few(marked)}")
    for problem in unreadable:
        log(problem)
    noun = "recordings" if classifier.sound else "photos"
    print(f"{len(rows)} {noun} named in {options.out}, {len(unreadable)} could not be read")
    return int(bool(unreadable))


def evaluate_dataset(options: argparse.Namespace) -> int:
    """Hold the model against labelled photos."""
    classifier = load_classifier(options.model)
    names = classifier.class_names
    with tempfile.TemporaryDirectory() as workspace:
        dataset, report = open_dataset(
            options.data,
            workspace=Path(workspace),
            wanted=options.layout,
            follow_links=True,
            sound=classifier.sound,
        )
        if bool(dataset.sound) != bool(classifier.sound):
            raise DatasetError(PHOTO_MODEL if dataset.sound else "This model listens to sounds: give it recordings.")
        labels = known_labels(dataset.labels, names)
        photos = (open_photo(photo.path) for photo in tqdm(dataset.photos, disable=None))
        probabilities = np.array([classifier.classify_picture(photo).probabilities(names) for photo in photos])
    overlap = _training_overlap(dataset, options.model)
    groups = dataset.groups if dataset.sound else None
    evaluation = evaluate(labels, probabilities, names, groups=groups, training_overlap=overlap).to_json()
    log_report(report)
    print_json(evaluation) if options.json else print(evaluation_summary(evaluation, dataset.noun))
    return 0


def _training_overlap(dataset: PhotoDataset, model: str | None) -> int:
    """How many of the photos the model, or the backbone below its head, was trained on."""
    if dataset.sound:
        return 0
    backbone = load_card(model).training.get("backbone", "")
    return len(overlapping_indices(dataset, model=model)) or count_overlap(
        dataset, range(len(dataset.photos)), backbone
    )


def known_labels(labels: Iterable[str], class_names: Sequence[str]) -> list[str]:
    """Labels as the model writes them, whatever their case; raises `DatasetError` for classes it does not know."""
    known = {name.casefold(): name for name in class_names}
    unknown = sorted({label for label in labels if label.casefold() not in known})
    if unknown:
        raise DatasetError(
            f"The model does not know {', '.join(unknown[:5])}. Its classes are {', '.join(class_names)}."
        )
    return [known[label.casefold()] for label in labels]


def _label(classifier: Classifier, file: SourceFile) -> str:
    if classifier.sound:
        return hear(classifier, open_sound(file.path, name=file.name)).answer.top.label
    return classifier.classify(open_photo(file.path, name=file.name)).top.label


def _saved(picture: Image.Image, path: Path) -> bool:
    """Whether there was room for one heatmap; the other answers do not end with it."""
    try:
        picture.save(path, quality=90)
    except OSError as error:
        log(f"{path}: {error.strerror or error}")
        return False
    return True


def _answer(
    classifier: Classifier, path: Path, top_k: int, *, robust: bool
) -> tuple[dict[str, Any], str, Overlay | None]:
    """What `--json` promises of one photo, the same in a sentence, and the photo with its heatmap."""
    started_s = time.perf_counter()
    if classifier.sound:
        return _heard(classifier, path, top_k, started_s)
    try:
        photo = open_photo(path)
    except PhotoError as error:
        return {"photo": str(path), "error": str(error)}, str(error), None
    answer = classifier.classify(photo)
    milliseconds = 1000 * (time.perf_counter() - started_s)
    heatmap = classifier.heatmap(answer, answer.top.label)
    found = {"photo": str(path), **answer.to_json(top_k), "milliseconds": round(milliseconds, 1)}
    sentence = describe(answer, heatmap)
    if robust:
        checked = robustness(photo, classifier, answer.top.label, heatmap)
        found["robustness"] = checked.to_json()
        sentence = f"{sentence} {held_sentence(checked)}"
    return found, sentence, partial(overlay, photo, heatmap)


def _heard(
    classifier: Classifier, path: Path, top_k: int, started_s: float
) -> tuple[dict[str, Any], str, Overlay | None]:
    """The same of one recording."""
    try:
        heard = hear(classifier, open_sound(path))
    except SoundError as error:
        return {"photo": str(path), "error": str(error)}, str(error), None
    milliseconds = 1000 * (time.perf_counter() - started_s)
    found = {"photo": str(path), **heard.to_json(top_k), "milliseconds": round(milliseconds, 1)}
    return found, heard.describe(), lambda: heard.overlay
