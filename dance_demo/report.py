"""A report on one training that a teacher can hand out: one HTML file, or everything in one zip.

The page needs nothing from elsewhere (pictures are inside, no script, no font) and prints on A4. It says first
how often the head was right and on what, and last what that number does not say. All text of others is escaped
in `_text`.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance_demo import plots, report_tables
from dance_demo.archive import pack
from dance_demo.backbones import DANCE
from dance_demo.errors import PhotoError
from dance_demo.forms import display_name
from dance_demo.narration import percent
from dance_demo.photos import open_photo
from dance_demo.report_tables import Answer, Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dance_demo.dataset import IntakeReport, PhotoDataset
    from dance_demo.evaluation import Evaluation
    from dance_demo.suspicions import Suspicion
    from dance_demo.training import TrainingResult

PICTURES_AT_MOST = 12  # of mistakes, and of suspicious labels
ROWS_AT_MOST = 30  # of skipped files and remarks
THUMBNAIL_SIDE_PX = 200
FEW_JUDGED = 10  # a class judged on fewer photos has a score that one photo moves by 10 points

# Nothing is fetched and nothing runs, even if some text of others got through as markup.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "style-src 'unsafe-inline'\">"
)
STYLE = """
@page { size: A4; margin: 16mm 15mm; }
* { box-sizing: border-box; }
body { max-width: 190mm; margin: 24px auto; padding: 0 20px; background: #fff; color: #2f2823;
  font: 15px/1.5 "Source Sans Pro", "Segoe UI", system-ui, sans-serif; overflow-wrap: anywhere; }
h1, h2 { font-family: "Iowan Old Style", Palatino, Georgia, serif; line-height: 1.2; break-after: avoid; }
h1 { margin: 0 0 4px; font-size: 30px; } h2 { margin: 34px 0 8px; font-size: 20px; }
p { margin: 0 0 8px; max-width: 75ch; } .quiet { color: #675b4f; } ul { margin: 0 0 8px; padding-left: 20px; }
.score { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 18px 0 12px; padding: 14px 18px;
  border: 1px solid #d5c8b7; border-radius: 8px; break-inside: avoid; }
.score div { min-width: 120px; } .score b { display: block; font-size: 26px; line-height: 1.2; }
.score .first b { color: #ad3a2a; } .note { padding: 8px 14px; border-left: 4px solid #cf5a40; background: #fdf3ef; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { padding: 3px 8px; border-bottom: 1px solid #e8dfd2; text-align: left; vertical-align: top; }
th { color: #675b4f; font-weight: 600; } td.number, th.number { text-align: right; white-space: nowrap; }
tr, figure { break-inside: avoid; } figure { margin: 8px 0; } img { max-width: 100%; }
.plot img { display: block; max-height: 235mm; object-fit: contain; object-position: left; }
.photos { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 12px; }
.photos figure { margin: 0; font-size: 13px; line-height: 1.35; } .photos figcaption small { color: #675b4f; }
.photos .frame { display: grid; place-items: center; height: 150px; background: #f4eee5; border-radius: 6px; }
.photos img { display: block; max-height: 150px; border-radius: 6px; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 12px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media (max-width: 560px) { th, td { padding: 3px; font-size: 13px; }
  .photos { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""


def html(
    result: TrainingResult,
    dataset: PhotoDataset,
    *,
    intake: IntakeReport | None = None,
    previous: Evaluation | None = None,
    seen: Sequence[int] = (),
) -> str:
    """The whole report as one page.

    `intake` is what was found in the photos before the training, `previous` how the head before this one did,
    `seen` the places of photos that the bundled backbone was trained on.
    """
    return _page(result, dataset, _drawn(result, dataset), intake=intake, previous=previous, seen=seen)


def archive(
    result: TrainingResult,
    dataset: PhotoDataset,
    out: Path,
    *,
    intake: IntakeReport | None = None,
    previous: Evaluation | None = None,
    seen: Sequence[int] = (),
) -> Path:
    """Write the report, its figures (PNG), tables (CSV) and numbers (JSON) into one zip, complete or not at all."""
    pictures = _drawn(result, dataset)
    tables = {
        "classes": report_tables.class_table(result, dataset),
        "confusion": report_tables.confusion_table(result),
        "answers": report_tables.answer_table(result, dataset),
        "epochs": report_tables.history_table(result),
        "suspicious_labels": report_tables.suspicion_table(result, dataset),
    }
    page = _page(result, dataset, pictures, intake=intake, previous=previous, seen=seen)
    files = {
        "report.html": page.encode(),
        "result.json": json.dumps(to_json(result, dataset), indent=1, ensure_ascii=False).encode(),
        **{f"tables/{name}.csv": report_tables.csv_bytes(table) for name, table in tables.items()},
        **{f"figures/{name}.png": picture.png for name, picture in pictures.items()},
    }
    temporary = out.with_name(f".part-{out.name}")
    try:
        temporary.write_bytes(pack(files))
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def to_json(result: TrainingResult, dataset: PhotoDataset) -> dict[str, Any]:
    """The result as plain data, without the model and without any path."""
    return {
        "class_names": list(result.class_names),
        "held_out": held_out_sentence(result, dataset),
        "n_train": result.n_train,
        "evaluation": result.evaluation.to_json(),
        "temperature": result.temperature,
        "stopped": result.stopped,
        "settings": asdict(result.config),
        "seconds": dict(result.seconds),
        "answers": [asdict(answer) for answer in report_tables.answers(result, dataset)],
        "suspicions": [{**asdict(doubt), "name": dataset.photos[doubt.place].name} for doubt in result.suspicions],
    }


def figures(result: TrainingResult, dataset: PhotoDataset) -> dict[str, Figure]:
    """Every figure of the report, by name. Without a single epoch there are no curves."""
    classes = [dataset.class_indices[place] for place in result.held_out]
    counts = Counter(dataset.labels)
    found = {
        "class_counts": plots.class_counts({name: counts[name] for name in result.class_names}),
        "class_scores": plots.class_scores(result.evaluation),
        "confusion": plots.confusion(result.evaluation),
        "reliability": plots.reliability(result.probabilities, classes),
    }
    return {**found, "curves": plots.curves(result.history)} if result.history else found


@dataclass(frozen=True)
class _Picture:
    """A figure as a PNG, and how wide the page shows it."""

    png: bytes
    width_px: int


def _drawn(result: TrainingResult, dataset: PhotoDataset) -> dict[str, _Picture]:
    """The figures, drawn once for page and zip; letters are of one size in all of them."""
    found = figures(result, dataset).items()
    return {name: _Picture(plots.png(figure), round(64 * figure.get_figwidth())) for name, figure in found}


def held_out_sentence(result: TrainingResult, dataset: PhotoDataset) -> str:
    """How the photos that judged were kept from those that trained, in plain words."""
    judged, photos = result.evaluation.n, len(dataset.photos)
    copies = "Copies of one picture never stood on both sides."
    if result.config.folds:
        parts = f"The {photos} photos were divided into {result.config.folds} parts."
        if result.n_train < photos:
            return (
                f"{parts} It was stopped before each had been put aside: {judged} photos were judged, each by a head "
                f"that had not seen it. {copies} The head that you use has learned from {result.n_train} photos."
            )
        return (
            f"{parts} Each part in turn was put aside, a head was trained on the others, and the part that it had not "
            f"seen judged it: {judged} photos judged in all, each once. {copies} The head that you use was trained "
            "afterwards, on all of them."
        )
    return (
        f"Of {photos} photos {result.n_train} trained the head. The other {judged} were put aside before the training "
        f"began, and only judged it. {copies}"
    )


def limits(result: TrainingResult) -> list[str]:
    """What a reader should not conclude from the accuracy, in sentences."""
    evaluation = result.evaluation
    low, high = evaluation.accuracy_interval
    few = [display_name(name) for name, score in evaluation.per_class.items() if score.support < FEW_JUDGED]
    found = [
        f"{evaluation.n} photos are a sample. Other photos of the same kind would give another number; it would "
        f"mostly lie between {_share(low)} and {_share(high)}.",
        "It holds for photos like these: the same cameras, stages, people and seasons. For photos from elsewhere it is "
        "usually lower.",
        "The labels count as the truth. Where they are wrong, so is the number.",
        f"The head chooses among its {len(result.class_names)} classes, also for a photo that shows none of them. It "
        "may say “not sure”, but not always when it should.",
        "Whoever tries many settings and keeps the best has chosen by these photos; the number then flatters.",
        "A heatmap shows where the evidence lies, not that it is a good reason. A stage, a watermark or a dress can "
        "give a class away.",
    ]
    if few:
        found.insert(1, f"Judged on fewer than {FEW_JUDGED} photos, so hardly known: {', '.join(few)}.")
    return found


# --- the page ----------------------------------------------------------------------------------------------


def _page(
    result: TrainingResult,
    dataset: PhotoDataset,
    pictures: dict[str, _Picture],
    *,
    intake: IntakeReport | None,
    previous: Evaluation | None,
    seen: Sequence[int],
) -> str:
    names = ", ".join(map(display_name, result.class_names))
    sections = (
        f"<h1>How well it tells {len(result.class_names)} classes apart</h1>",
        f'<p class="quiet">{_text(names)}</p>',
        _score(result, previous),
        _paragraph(held_out_sentence(result, dataset)),
        *_warnings(result, seen),
        _section("What it learned from", *_photos(result, dataset, intake)),
        _section("Class by class", *_classes(result, dataset)),
        _section("Confusion matrix", _plot(pictures["confusion"], "Table of true classes and answers")),
        _section("Most confident mistakes", *_mistakes(result, dataset)),
        _section("Suspicious labels", *_suspicions(result, dataset)),
        _section("How it learned", *_learning(pictures)),
        _section("Calibration", *_believable(result, pictures)),
        _section("Settings", _table([("setting", "value"), *_settings(result)])),
        _section("What this number does not say", _list(limits(result))),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Training report: {_text(names)}</title>\n'
        f"{_POLICY}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _score(result: TrainingResult, previous: Evaluation | None) -> str:
    evaluation = result.evaluation
    low, high = evaluation.accuracy_interval
    numbers = [
        (_share(evaluation.accuracy), f"of {evaluation.n} held-out photos right"),
        (f"{_share(low)} to {_share(high)}", "95 % interval"),
        (_share(evaluation.majority_baseline), "by always naming the commonest class"),
        (f"{evaluation.macro_f1:.2f}", "macro F1, all classes counting alike"),
    ]
    if previous is not None:
        numbers.insert(3, (_share(previous.accuracy), f"the head before this one, on {previous.n} photos"))
    first, *others = (f"<b>{_text(number)}</b>{_text(meaning)}</div>" for number, meaning in numbers)
    return f'<div class="score"><div class="first">{first}' + "".join(f"<div>{other}" for other in others) + "</div>"


def _warnings(result: TrainingResult, seen: Sequence[int]) -> Iterator[str]:
    judged_and_seen = len(set(seen) & set(result.held_out.tolist()))
    if judged_and_seen and result.config.backbone == DANCE:
        yield _note(
            f"{judged_and_seen} of the {result.evaluation.n} photos that judged were used to train the bundled "
            "backbone. A score on them says nothing about new photos: choose the ImageNet backbone to measure."
        )
    if result.stopped:
        yield _note("The training was stopped early. This is the best head that there was by then.")


def _photos(result: TrainingResult, dataset: PhotoDataset, intake: IntakeReport | None) -> Iterator[str]:
    yield _paragraph(f"{len(dataset.photos)} photos of {len(dataset.class_names)} classes.")
    if intake is None:
        repeated = sum(count > 1 for count in Counter(dataset.groups).values())
        yield _paragraph(f"Pictures that occur more than once: {repeated or 'none'}.")
        return
    yield _paragraph(f"How they came: {intake.layout}.")
    yield _list([remark.text for remark in intake.warnings][:ROWS_AT_MOST])
    if intake.skipped:
        yield _paragraph(f"Left out ({len(intake.skipped)}):")
        yield _table([("file", "why"), *((file.name, file.reason) for file in intake.skipped[:ROWS_AT_MOST])])
        yield _more(len(intake.skipped) - ROWS_AT_MOST, "files")


def _classes(result: TrainingResult, dataset: PhotoDataset) -> Iterator[str]:
    yield _paragraph(
        "Precision: of the photos that were given this name, the share that deserved it. Recall: of the photos of this "
        "class, the share that was found. F1 is their balance. Judged: the photos that these numbers rest on."
    )
    header, *rows = report_tables.class_table(result, dataset)
    shown = [(display_name(name), photos, n, *(f"{x:.2f}" for x in scores)) for name, photos, n, *scores in rows]
    yield _table([header, *shown], numbers_from=1)


def _mistakes(result: TrainingResult, dataset: PhotoDataset) -> Iterator[str]:
    wrong = report_tables.mistakes(result, dataset)
    if not wrong:
        yield _paragraph(f"None of {result.evaluation.n} answers was wrong.")
        return
    yield _paragraph(f"{len(wrong)} of {result.evaluation.n} answers were wrong. Those it was surest of come first.")
    yield _pictures(_mistake(answer, dataset) for answer in wrong[:PICTURES_AT_MOST])
    yield _more(len(wrong) - PICTURES_AT_MOST, "mistakes")


def _mistake(answer: Answer, dataset: PhotoDataset) -> tuple[Path, str, str]:
    said = f"{display_name(answer.answer)}, {percent(answer.probability)}"
    return dataset.photos[answer.place].path, f"{said}. Labelled {display_name(answer.label)}", answer.name


def _suspicions(result: TrainingResult, dataset: PhotoDataset) -> Iterator[str]:
    if not result.suspicions:
        yield _paragraph("No label is strongly contradicted by the other photos.")
        return
    yield _paragraph(
        f"{len(result.suspicions)} labels are strongly contradicted by what the other photos teach. They may be wrong, "
        "or the photos unusual: a person should look. Nothing was changed."
    )
    yield _pictures(_suspicion(doubt, dataset) for doubt in result.suspicions[:PICTURES_AT_MOST])
    yield _more(len(result.suspicions) - PICTURES_AT_MOST, "labels")


def _suspicion(doubt: Suspicion, dataset: PhotoDataset) -> tuple[Path, str, str]:
    photo = dataset.photos[doubt.place]
    guess = f"{display_name(doubt.suggestion)}, {percent(doubt.probability)}"
    return photo.path, f"Labelled {display_name(doubt.label)}. Rather {guess}?", photo.name


def _learning(pictures: dict[str, _Picture]) -> Iterator[str]:
    if "curves" in pictures:
        yield _paragraph(
            "Dashed: the photos that trained. Solid: those that judged. A growing gap means that the head learns these "
            "photos by heart."
        )
        yield _plot(pictures["curves"], "Loss and accuracy by epoch")
    else:
        yield _paragraph("No epoch was finished.")


def _believable(result: TrainingResult, pictures: dict[str, _Picture]) -> Iterator[str]:
    yield _paragraph(
        f"When it says 80 %, it should be right 8 times in 10; dots on the dashed line do that. Its percentages were "
        f"adjusted by one number, the temperature: {result.temperature:.2f}."
    )
    yield _plot(pictures["reliability"], "Confidence against how often it was right")


def _settings(result: TrainingResult) -> Iterator[tuple[str, str]]:
    for name, value in asdict(result.config).items():
        yield name.replace("_", " "), ("no", "yes")[value] if isinstance(value, bool) else f"{value}"
    for name, seconds in result.seconds.items():
        yield f"seconds, {name}", f"{seconds:.1f}"


# --- markup ------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    """Text of anybody, as text: no tag, no attribute, and nothing invisible that could turn a line around."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)))


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_text(title)}</h2>\n" + "\n".join(part for part in parts if part) + "</section>"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _note(text: str) -> str:
    return f'<p class="note">{_text(text)}</p>'


def _more(count: int, things: str) -> str:
    return f'<p class="quiet">and {count} more {_text(things)}.</p>' if count > 0 else ""


def _list(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(text)}</li>" for text in texts) + "</ul>" if texts else ""


def _table(rows: Iterable[Sequence[Cell]], *, numbers_from: int = 99) -> str:
    """The first row is the header; columns from `numbers_from` on hold numbers."""
    lines = []
    for index, row in enumerate(rows):
        tag = "td" if index else "th"
        cells = (f' class="number">{_text(c)}' if n >= numbers_from else f">{_text(c)}" for n, c in enumerate(row))
        lines.append("<tr>" + "".join(f"<{tag}{cell}</{tag}>" for cell in cells) + "</tr>")
    return f"<table><thead>{lines[0]}</thead><tbody>" + "\n".join(lines[1:]) + "</tbody></table>"


def _plot(picture: _Picture, alt_text: str) -> str:
    url = _data_url(picture.png, "png")
    return f'<figure class="plot"><img alt="{_text(alt_text)}" width="{picture.width_px}" src="{url}"></figure>'


def _pictures(pictures: Iterable[tuple[Path, str, str]]) -> str:
    """Thumbnails of (path, caption, name)."""
    figures = (
        f'<figure><div class="frame">{_thumbnail(path)}</div>'
        f"<figcaption>{_text(caption)}<br><small>{_text(name)}</small></figcaption></figure>"
        for path, caption, name in pictures
    )
    return f'<div class="photos">{"".join(figures)}</div>'


def _thumbnail(path: Path) -> str:
    try:
        photo = open_photo(path, max_side_px=THUMBNAIL_SIDE_PX)
    except PhotoError:  # deleted meanwhile
        return '<small class="quiet">photo no longer there</small>'
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=80)
    return f'<img alt="" src="{_data_url(stream.getvalue(), "jpeg")}">'


def _data_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
