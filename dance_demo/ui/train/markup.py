"""What the steps after "Data" say of a training, its results, and the head that came of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

import numpy as np

from dance_demo.data.label_issues import LabelIssue
from dance_demo.forms import display_name
from dance_demo.model.description import counted, percent
from dance_demo.model.directory import ModelCard
from dance_demo.training.comparison import ComparisonResult
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import Evaluation
from dance_demo.training.same_photos import SamePhotos, corrections_sentence
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_markup import duration
from dance_demo.ui.components.scripts import fetched_script
from dance_demo.ui.train.trainings import Material, Training

NAMES_SHOWN = 12
KEEP, LEAVE_OUT = "keep", "leave out"

# A click on a button inside tells the server the numbers that it carries.
CHOOSE = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-choice]");
  if (button) trigger("click", {choice: button.dataset.choice.split(",").map(Number)});
});"""

# Of the step "Results": the same, and what is chosen about labels and on the map.
RESULTS = fetched_script(Path(__file__).with_name("results.js"))


@dataclass(frozen=True)
class CellPhoto:
    """One photo of a cell of the confusion matrix, with its heatmap, and what there is to say about it."""

    url: str
    overlay_url: str
    alt_text: str
    title: str
    detail: str
    audio_url: str = ""  # of a piece of sound


def material(material: Material) -> str:
    """What will be trained on, in one line."""
    dataset = material.dataset
    return render(
        "train/training.material",
        photos=counted(len(dataset.photos), dataset.noun),
        classes=len(dataset.class_names),
        corrections=dataset.corrections,
        name=material.name,
        names=names(dataset.class_names),
    )


def names(class_names: Sequence[str]) -> str:
    """The names of classes, not too many, as plain text."""
    shown = ", ".join(display_name(name) for name in class_names[:NAMES_SHOWN])
    more = len(class_names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def finished(training: Training) -> str:
    """The end of a training, in one line."""
    result, name = training.result, training.material.name
    about = {"took": duration(result.seconds["total"]), "noun": training.material.dataset.noun}
    return render("train/training.finished", evaluation=result.evaluation, name=name, stopped=result.stopped, **about)


def when(date: datetime) -> str:
    """``29 Nov 2026, 05:40 UTC``"""
    return f"{date.day} {date:%b %Y, %H:%M} UTC"


# --- results -----------------------------------------------------------------------------------------------


def score(training: Training, previous: SamePhotos | None) -> str:
    """The accuracy in large letters, of what and when, and beside it what to hold it against."""
    result, dataset = training.result, training.material.dataset
    judged = {report.fold for report in result.history}
    folds = result.config.folds if result.config.folds == len(judged) else 0  # not all, where it was stopped
    return render(
        "train/results.score",
        name=training.material.name,
        date=when(result.date),
        corrections=corrections_sentence(dataset.corrections) if dataset.corrections else "",
        kept_together=dataset.kept_together,
        result=result,
        evaluation=result.evaluation,
        previous=previous,
        folds=folds,
        noun=dataset.noun,
    )


def runs(trainings: Sequence[Training], numbers: Sequence[int], chosen: str) -> str:
    """This visitor's trainings, to compare and to return to; nothing for a single one."""
    if len(trainings) < 2:
        return ""
    best = _best(trainings)
    rows = [
        {
            "number": number,
            "settings": settings_in_words(training.result.config),
            "name": training.material.name,
            "date": when(training.result.date),
            "corrections": training.material.dataset.corrections,
            "evaluation": training.result.evaluation,
            "seconds": training.result.seconds["total"],
            "best": training.id in best,
            "chosen": training.id == chosen,
        }
        for number, training in zip(numbers, trainings, strict=True)
    ]
    return render("train/results.runs", rows=rows)


def _best(trainings: Sequence[Training]) -> set[str]:
    """The ids of those that none does better than, of several that were judged on the same photos."""
    rivals = defaultdict(list)
    for training in trainings:
        if not training.result.evaluation.warning:
            labels = {(photo, label) for photo, (label, _) in training.judges.items()}
            rivals[frozenset(labels)].append((training.result.evaluation.accuracy, training.id))
    several = [found for found in rivals.values() if len(found) > 1]
    return {id for found in several for accuracy, id in found if accuracy == max(found)[0]}


def settings_in_words(config: TrainingConfig) -> str:
    """What was changed from the defaults: "imagenet backbone, 5 folds"; "defaults" if nothing was."""
    default = TrainingConfig()
    changed = [f.name for f in fields(config) if getattr(config, f.name) != getattr(default, f.name)]
    words = [f"{name.replace('_', ' ')} {_plain(getattr(config, name))}" for name in changed if name != "keep_best"]
    return ", ".join(words) or "defaults"


def _plain(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else f"{value}"


def class_table(evaluation: Evaluation) -> str:
    """Precision, recall and F1 of each class."""
    return render("train/results.class_table", per_class=evaluation.per_class)


def confusion(
    evaluation: Evaluation,
    chosen: tuple[int, int] | None = None,
    *,
    noun: str = "photos",
    title: str = "",
    buttons: bool = True,
) -> str:
    """A row per true class, a column per answer; each count is a button that shows its photos."""
    counts = evaluation.confusion
    return render(
        "train/results.confusion",
        names=[display_name(name) for name in evaluation.class_names],
        counts=counts.tolist(),
        shares=(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist(),
        chosen=chosen,
        noun=noun,
        title=title,
        buttons=buttons,
    )


def cell(label: str, answer: str, photos: Sequence[CellPhoto], total: int, *, folds: bool, noun: str) -> str:
    """The first of the `total` photos of a cell, each beside its heatmap; `folds`: each was judged by one of them."""
    return render(
        "train/results.cell",
        true_name=display_name(label),
        name=display_name(answer),
        total=total,
        folds=folds,
        noun=noun,
        photos=photos,
        more=total - len(photos),
    )


@dataclass(frozen=True)
class ToDecide:
    """A photo with what can be done about its label, besides keeping it: value and words of each option."""

    index: int
    title: str
    likelihood: str  # of what the title says that it looks like
    photo: str
    label: str
    options: list[tuple[int | str, str]]
    url: str
    audio_url: str = ""


def label_issues(
    issues: Sequence[tuple[LabelIssue, str, str, str]],
    class_names: Sequence[str],
    total: int,
    *,
    noun: str,
    told: bool = True,
) -> str:
    """Photos whose label the others contradict, each with a choice; (issue, name, picture and sound of it)."""
    shown = [
        ToDecide(
            index=issue.index,
            title=f"Labelled {display_name(issue.label)}, looks like {display_name(issue.suggestion)}",
            likelihood=percent(issue.probability),
            photo=photo,
            label=display_name(issue.label),
            options=options(issue.label, issue.suggestion, class_names),
            url=url,
            audio_url=audio_url,
        )
        for issue, photo, url, audio_url in issues
    ]
    return render("train/results.label_issues", issues=shown, total=total, told=told, noun=noun)


def options(label: str, suggestion: str, class_names: Sequence[str]) -> list[tuple[int | str, str]]:
    """What a visitor can do about a label, besides keeping it; a suggestion comes first."""
    relabel = {
        name: (index, f"Relabel: {display_name(name)}") for index, name in enumerate(class_names) if name != label
    }
    suggested = [relabel.pop(suggestion)] if suggestion in relabel else []
    return [*suggested, (LEAVE_OUT, "Leave it out"), *relabel.values()]


# --- use and compare ---------------------------------------------------------------------------------------


def model(title: str, card: ModelCard) -> str:
    """The head that everything in the step "Use" is about."""
    about = {"summary": card.summary(in_full=False), "choice": card.backbone_choice}
    about["fine_tuning"] = card.fine_tuning
    return render("train/use.model", title=title, names=names(card.class_names), **about)


def comparison(result: ComparisonResult, name: str) -> str:
    """How well each method did, how long it took, and how large it is."""
    best = None if result.warning else max(method.evaluation.accuracy for method in result.methods)
    n, n_train = len(result.held_out), result.n_train
    choice = result.choice.sentence if result.choice else ""
    about = {"name": name, "warning": result.warning, "choice": choice, "n": n, "n_train": n_train, "noun": result.noun}
    return render("train/compare.table", methods=result.methods, best=best, **about)
