"""What "Which features matter?" says: of the ways to choose, of what was found, and of a photo."""

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import PhotoError
from dance_demo.files.csv_writer import csv_bytes
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo
from dance_demo.jobs.job import Job
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.training.selection.experiment import Cheat, MethodCurve, SelectionResult
from dance_demo.training.selection.looks import Looks
from dance_demo.training.selection.methods import CONTROL, EMBEDDED, FILTER, FISHER, METHODS, RANDOM, WRAPPER
from dance_demo.ui.components.html import accuracy, count, render
from dance_demo.ui.server.files import address, hand_out, picture_url
from dance_demo.ui.train.selection.chart import Chart

PHOTO_SIDE_PX = 320
BEGINS_AT = 32  # features
KINDS = {
    CONTROL: "Control",
    FILTER: "Filters: each feature by itself",
    EMBEDDED: "Embedded: what a model makes use of",
    WRAPPER: "Wrappers: heads on subsets are tried",
}
# What is pressed or moved inside is told to the server, with what is chosen in the form around it. How far the work is
# that a press begins is said above. One object for all of them, as in `classify.markup`: the newest counts.
ASK = """const newest = {};
element.onclick = element.onchange = ({type, target}) => {
  const at = target.closest(`[data-${type}]`), form = element.querySelector("form");
  if (!at) return;
  if (type === "click") document.querySelector("#compare-step").scrollIntoView();
  const fields = Object.fromEntries(new FormData(form || undefined));
  trigger("click", Object.assign(newest, {action: at.dataset[type], job: form?.id, ...fields}));
};"""


@dataclass(frozen=True)
class Shown:
    """A photo through what is kept, beside the same through all features."""

    photo_url: str
    kept_url: str
    all_url: str
    label: str
    answer: str
    all_answer: str


@dataclass(frozen=True)
class Choice:
    """The method that is looked at, and how many features are kept: so many as one of its points has, or all."""

    method: str
    keep: int

    @classmethod
    def of(cls, result: SelectionResult, sent: gr.EventData | None = None) -> "Choice":
        """What a browser sent: the method, and as `keep` the place of the slider, text, among the steps of the method
        `was`. Of junk, and at first, what begins."""
        names = [curve.method for curve in result.curves]
        method, was = (name if name in names else names[0] for name in (_text(sent, "method"), _text(sent, "was")))
        if sent is None and FISHER in names:
            method = FISHER
        places = {str(place): step for place, step in enumerate(steps(result, was))}
        keep = places.get(_text(sent, "keep"), BEGINS_AT)
        return cls(method, min(steps(result, method), key=lambda step: abs(step - keep)))


def steps(result: SelectionResult, method: str) -> list[int]:
    """How many features can be kept by this method: those of its curve, and all."""
    return [*result.curve(method).kept, result.features]


def _text(sent: Any, name: str) -> str:
    value = getattr(sent, name, "")
    return value if isinstance(value, str) else ""


def empty() -> str:
    """For whoever has no photos yet: everybody's first page carries it, so it is short."""
    return render("train/selection.empty")


def introduction() -> str:
    """What can be found out here, and the button that begins it."""
    return render("train/selection.introduction")


def found(job: Job, choice: Choice) -> str:
    """All that came of it, with one method and one number of features before the others."""
    report, dataset = job.result, job.about.dataset
    result, keep = report.selection, choice.keep
    curve = result.curve(choice.method)
    return render(
        "train/selection.found",
        job_id=job.id,
        name=job.about.name,
        result=result,
        warning=report.warning,
        chart=Chart(result, choice.method, keep),
        kinds=_kinds(result),
        method=choice.method,
        about=METHODS[choice.method],
        steps=steps(result, choice.method),
        keep=keep,
        sentence=_of_method(result, curve, keep),
        lessons=lessons(result),
        rows=[(METHODS[one.method].title, dict(zip(one.kept, _cells(one), strict=True))) for one in result.curves],
        sizes=sorted({size for one in result.curves for size in one.kept}),
        shown=_shown(report.looks, dataset, choice),
        cheat=report.cheat,
        verdict=cheat_in_words(report.cheat) if report.cheat else "",
        csv_url=f"data:text/csv;base64,{b64encode(csv_bytes(csv_rows(result))).decode()}",
        picture_url=_picture_url(report.picture, f"{job.about.file_name} features.png"),
        file_name=f"{job.about.file_name} features",
    )


def _picture_url(picture: Path, name: str) -> str:
    """Where the page fetches the picture of all lines; empty if it is no longer there."""
    with suppress(OSError):
        return address(hand_out(picture, name))
    return ""


def _shown(looks: Looks, dataset: PhotoDataset, choice: Choice) -> Shown | None:
    """The photo as it is seen through the features that are kept; None if it is no longer there."""
    try:
        photo = open_photo(dataset.photos[looks.photo].path, max_side_px=PHOTO_SIDE_PX)
    except PhotoError:
        return None
    kept = looks.kept[choice.method].get(choice.keep, looks.everything)
    pictures = (photo, overlay(photo, kept.heatmap), overlay(photo, looks.everything.heatmap))
    photo_url, kept_url, all_url = (picture_url(jpeg(picture)) for picture in pictures)
    return Shown(photo_url, kept_url, all_url, looks.label, kept.answer, looks.everything.answer)


def csv_rows(result: SelectionResult) -> list[tuple[object, ...]]:
    """The numbers of the picture, for a spreadsheet: a row for each point, the first of all features."""
    rows: list[tuple[object, ...]] = [("Method", "Kept", "Right", "From", "To", "Overlap")]
    rows.append(("All features", result.features, result.accuracy, *result.interval, ""))
    for curve in result.curves:
        points = zip(curve.kept, _cells(curve), strict=True)
        rows += [(METHODS[curve.method].title, size, *cells) for size, cells in points]
    return rows


def lessons(result: SelectionResult) -> list[str]:
    """What the curves say, as far as their intervals allow it to be said."""
    low, high = result.interval
    others = [curve for curve in result.curves if curve.method != RANDOM]
    better = [(curve, size) for curve in others for size, (least, _) in _ends(curve) if least > high]
    found = []
    if better:
        curve, size = better[0]
        title = METHODS[curve.method].title
        found.append(f"{title} with {count(size, 'feature')} clearly beats keeping all {result.features:,}.")
    elif others:
        found.append(f"Nothing clearly beats keeping all {result.features:,} features.")
    enough = [size for size, (_, most) in _ends(result.curve(RANDOM)) if most >= low]
    if enough:
        found.append(
            f"From {enough[0]:,} features on, even a random choice cannot be told from all of them: "
            "their intervals overlap."
        )
    few = result.curve(RANDOM).kept[0]
    best = max(others, key=lambda curve: _share(curve, few), default=None)
    if best and few in best.kept:
        found.append(
            f"With {few} features a random choice gets {accuracy(_share(result.curve(RANDOM), few))} right, "
            f"the best way ({METHODS[best.method].title}) {accuracy(_share(best, few))}."
        )
    worse = [METHODS[curve.method].title for curve in others if _loses(curve, result.curve(RANDOM))]
    if worse:
        found.append(f"Worse than chance, clearly and somewhere: {', '.join(worse)}.")
    return found


def cheat_in_words(cheat: Cheat) -> str:
    """What became of labels that mean nothing."""
    cheated = cheat.before_split
    best, (low, _), size = max(zip(cheated.accuracy, cheated.interval, cheated.kept, strict=True))
    honest = dict(zip(cheat.inside_folds.kept, cheat.inside_folds.accuracy, strict=True))[size]
    figures = (
        f"{count(size, 'feature')} that were chosen before the split get {accuracy(best)}, honestly chosen ones "
        f"{accuracy(honest)}"
    )
    if low > cheat.chance:
        return (
            f"{figures}: the photos that judge had a word in the choice, and an accuracy that should be chance looks "
            "like knowledge. Nothing else in such a report would show it."
        )
    return f"{figures}. With these photos the cheat does not clearly pay: the interval reaches down to chance."


def _of_method(result: SelectionResult, curve: MethodCurve, keep: int) -> str:
    """What stands on the line at this place."""
    if keep not in curve.kept:
        return f"All {result.features:,} features: {accuracy(result.accuracy)} of {result.n:,} photos right."
    at = curve.kept.index(keep)
    low, high = curve.interval[at]
    return (
        f"{keep:,} of {result.features:,} features: {accuracy(curve.accuracy[at])} right "
        f"({accuracy(low)} to {accuracy(high)}). Two folds have {accuracy(curve.overlap[at])} of their choices in "
        "common."
    )


def _kinds(result: SelectionResult) -> list[tuple[str, list[tuple[str, str]]]]:
    """Heading -> the methods of this kind, each with its title."""
    there = [(curve.method, METHODS[curve.method]) for curve in result.curves]
    groups = [(words, [(name, one.title) for name, one in there if one.kind == kind]) for kind, words in KINDS.items()]
    return [(words, methods) for words, methods in groups if methods]


def _cells(curve: MethodCurve) -> Sequence[tuple[float, float, float, float]]:
    """Accuracy, the ends of its interval, and how alike the folds chose."""
    return [
        (share, *ends, overlap)
        for share, ends, overlap in zip(curve.accuracy, curve.interval, curve.overlap, strict=True)
    ]


def _ends(curve: MethodCurve) -> list[tuple[int, tuple[float, float]]]:
    return list(zip(curve.kept, curve.interval, strict=True))


def _share(curve: MethodCurve, size: int) -> float:
    return dict(zip(curve.kept, curve.accuracy, strict=True)).get(size, 0)


def _loses(curve: MethodCurve, control: MethodCurve) -> bool:
    lows = dict(_ends(control))
    return any(size in lows and high < lows[size][0] for size, (_, high) in _ends(curve))
