"""A report on one training that a teacher can hand out: one HTML file, or everything in one zip.

The page needs nothing from elsewhere (pictures are inside, no script, no font) and prints on two pages of A4. It says
first how often the head was right and on what, and last what that number does not say. It is `report.html.jinja`,
where Jinja2 escapes all text of others.
"""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dance_demo.data.dataset import IntakeReport, PhotoDataset
from dance_demo.data.label_issues import LabelIssue
from dance_demo.errors import ModelError, PhotoError
from dance_demo.files.atomic import write_atomically
from dance_demo.files.jpeg import THUMBNAIL_QUALITY, data_url, jpeg
from dance_demo.files.photo import open_photo
from dance_demo.files.zip_archive import pack
from dance_demo.forms import display_name
from dance_demo.model.classifier import Classifier
from dance_demo.model.description import measured, one_of, percent
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.training import plots
from dance_demo.training.projection import Projection
from dance_demo.training.report import tables
from dance_demo.training.report.sentences import held_out_sentence, limits, notes
from dance_demo.training.report.tables import Answer
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import SamePhotos

PICTURES_AT_MOST = 6  # of mistakes, and of suspicious labels
ROWS_AT_MOST = 30  # of skipped files and warnings
THUMBNAIL_SIDE_PX = 200


def html(
    result: TrainingResult,
    dataset: PhotoDataset,
    *,
    intake: IntakeReport | None = None,
    previous: SamePhotos | None = None,
) -> str:
    """The whole report as one page.

    `intake` is what was found in the photos before the training, `previous` how the head before this one did.
    """
    return _page(result, dataset, _figures(result, dataset), intake, previous)


def archive(
    result: TrainingResult,
    dataset: PhotoDataset,
    out: Path,
    *,
    intake: IntakeReport | None = None,
    previous: SamePhotos | None = None,
    projection: Projection | None = None,
) -> Path:
    """Write the report, its figures (PNG), tables (CSV) and numbers (JSON) into one zip, complete or not at all.

    With a map of the photos if there is one.
    """
    figures = _figures(result, dataset, projection)
    written = {
        "classes": tables.class_table(result, dataset),
        "confusion": tables.confusion_table(result),
        "answers": tables.answer_table(result, dataset),
        "epochs": tables.history_table(result),
        "suspicious_labels": tables.label_issue_table(result, dataset),
    }
    if projection:
        written["map"] = tables.map_table(result, dataset, projection)
    files = {
        "report.html": _page(result, dataset, figures, intake, previous, projection).encode(),
        "result.json": json.dumps(to_json(result, dataset), indent=1, ensure_ascii=False).encode(),
        **{f"tables/{name}.csv": tables.table_csv(table) for name, table in written.items()},
        **{f"figures/{name}.png": figure.png for name, figure in figures.items()},
    }
    write_atomically(out, pack(files))
    return out


def to_json(result: TrainingResult, dataset: PhotoDataset) -> dict[str, Any]:
    """The result as plain data, without the model and without any path."""
    return {
        "class_names": list(result.class_names),
        "date": f"{result.date:%Y-%m-%d %H:%M} UTC",
        "corrections": dataset.corrections,
        "held_out": held_out_sentence(result, dataset),
        "n_train": result.n_train,
        "evaluation": result.evaluation.to_json(),
        "temperature": result.temperature,
        "stopped": result.stopped,
        "settings": asdict(result.config),
        "backbone_choice": result.choice.to_json() if result.choice else None,
        "fine_tuning": result.fine_tuning,
        "seconds": dict(result.seconds),
        "answers": [_published(answer) for answer in tables.answers(result, dataset)],
        "suspicions": [_published(issue, name=dataset.photos[issue.index].name) for issue in result.label_issues],
    }


def _published(entry: Answer | LabelIssue, **more: str) -> dict[str, Any]:
    """Under the names that earlier reports have: "place" for the index of a photo."""
    return {"place" if name == "index" else name: value for name, value in (asdict(entry) | more).items()}


# --- the page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Figure:
    """A figure as a PNG, and how wide the page shows it."""

    png: bytes
    width_px: int

    @property
    def url(self) -> str:
        return data_url(self.png, "png")


@dataclass(frozen=True)
class _Photo:
    """A photo with what is said about it; without a picture if it was deleted meanwhile, or without a heatmap."""

    url: str
    heat_url: str
    caption: str
    name: str

    @classmethod
    def of(
        cls, dataset: PhotoDataset, index: int, caption: str, *, heat_of: str = "", by: Classifier | None = None
    ) -> "_Photo":
        """`by` colours it where it speaks for the class `heat_of`."""
        photo, url, heat_url = dataset.photos[index], "", ""
        with suppress(PhotoError):
            picture = open_photo(photo.path, max_side_px=THUMBNAIL_SIDE_PX)
            url = data_url(jpeg(picture, THUMBNAIL_QUALITY))
            if by:
                heatmap = by.heatmap(by.classify(open_photo(photo.path)), heat_of)
                heat_url = data_url(jpeg(overlay(picture, heatmap), THUMBNAIL_QUALITY))
        return cls(url, heat_url, caption, photo.name)


def _figures(result: TrainingResult, dataset: PhotoDataset, projection: Projection | None = None) -> dict[str, _Figure]:
    """Drawn once for page and zip; letters are of one size in all of them. Without a single epoch: no curves."""
    classes = [dataset.class_indices[index] for index in result.held_out]
    counts, noun = Counter(dataset.labels), dataset.noun
    figures = {
        "class_counts": plots.class_counts({name: counts[name] for name in result.class_names}, noun),
        "class_scores": plots.class_scores(result.evaluation, noun),
        "confusion": plots.confusion(result.evaluation, noun),
    }
    if result.evaluation.tells_calibration:
        figures["reliability"] = plots.reliability(result.probabilities, classes, noun)
    if result.history:
        figures["curves"] = plots.curves(result.history)
    if projection:
        wrong = [answer.index for answer in tables.mistakes(result, dataset)]
        figures["map"] = plots.dataset_map(projection.points, dataset.class_indices, dataset.class_names, wrong, noun)
    return {name: _Figure(plots.png(figure), round(64 * figure.get_figwidth())) for name, figure in figures.items()}


def _page(
    result: TrainingResult,
    dataset: PhotoDataset,
    figures: dict[str, _Figure],
    intake: IntakeReport | None,
    previous: SamePhotos | None,
    projection: Projection | None = None,
) -> str:
    wrong = tables.mistakes(result, dataset)
    head: Classifier | None = None
    with suppress(ModelError):  # it may be forgotten by now, and the numbers are still true
        head = load_classifier(result.model)
    template = _environment.get_template("report.html.jinja")
    page = template.render(
        result=result,
        evaluation=result.evaluation,
        dataset=dataset,
        counts=Counter(dataset.labels),
        figures=figures,
        intake=intake,
        warnings=[warning.text for warning in intake.warnings[:ROWS_AT_MOST]] if intake else [],
        skipped=[(file.name, file.reason) for file in intake.skipped[:ROWS_AT_MOST]] if intake else [],
        previous=previous,
        trust=projection.trust if projection else "",
        held_out=held_out_sentence(result, dataset),
        notes=notes(result, dataset),
        limits=limits(result, dataset),
        wrong=wrong,
        mistakes=[_mistake(answer, dataset, head) for answer in wrong[:PICTURES_AT_MOST]],
        issues=[_issue(issue, dataset) for issue in result.label_issues[:PICTURES_AT_MOST]],
        settings=_settings(result),
    )
    return page.lstrip()


def _mistake(answer: Answer, dataset: PhotoDataset, head: Classifier | None) -> _Photo:
    words = _looks_like(answer.label, answer.answer, answer.probability)
    return _Photo.of(dataset, answer.index, words, heat_of=answer.answer, by=head)


def _issue(issue: LabelIssue, dataset: PhotoDataset) -> _Photo:
    return _Photo.of(dataset, issue.index, _looks_like(issue.label, issue.suggestion, issue.probability))


def _looks_like(label: str, other: str, probability: float) -> str:
    return f"Labelled {display_name(label)}, looks like {display_name(other)}, {percent(probability)}"


def _settings(result: TrainingResult) -> dict[str, str]:
    settings = {
        name.replace("_", " "): ("no", "yes")[value] if isinstance(value, bool) else f"{value}"
        for name, value in asdict(result.config).items()
    }
    return settings | {f"seconds, {name}": f"{seconds:.1f}" for name, seconds in result.seconds.items()}


def _printable(value: object) -> object:
    """Text of anybody without anything invisible that could turn a line around."""
    if isinstance(value, Markup):
        return value
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_printable,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters.update(display_name=display_name, one_of=one_of, share=measured)
