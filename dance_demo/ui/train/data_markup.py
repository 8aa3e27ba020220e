"""What the step "Data" says of a visitor's photos."""

from collections.abc import Sequence
from typing import Any

from dance_demo.data.checks import CLASSES_AT_LEAST, CLASSES_AT_MOST, PHOTOS_PER_CLASS_AT_LEAST
from dance_demo.data.dataset import IntakeReport
from dance_demo.data.intake import Prepared, TypedClass
from dance_demo.data.layout import Question
from dance_demo.data.samples import COPIES_SHOWN, GROUPS_SHOWN, copy_groups, indices_named, sample_indices
from dance_demo.data.sound.talas import SOURCES, TALAS
from dance_demo.files.jpeg import data_url
from dance_demo.files.photo import MAX_FILE_BYTES, MAX_PIXELS
from dance_demo.files.zip_archive import ArchiveLimits, SkippedFile
from dance_demo.model.description import counted
from dance_demo.ui.components.html import count, render

ROWS_SHOWN = 100  # of a list that may have 10,000; the CSV has them all
WARNINGS_SHOWN = 30
NAMES_SHOWN = 60

# A click on "Remove" tells the server the number of the class.
REMOVE_CLASS = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-index]");
  if (button) trigger("click", {index: Number(button.dataset.index)});
});"""


def limits() -> str:
    """What is taken, in one line."""
    return render(
        "train/data.limits",
        zip=ArchiveLimits(),
        photo_bytes=MAX_FILE_BYTES,
        pixels=MAX_PIXELS,
        classes_at_least=CLASSES_AT_LEAST,
        classes_at_most=CLASSES_AT_MOST,
        photos_at_least=PHOTOS_PER_CLASS_AT_LEAST,
    )


def typed_classes(classes: Sequence[TypedClass], thumbnails: Sequence[Sequence[bytes]]) -> str:
    """The classes made so far, each with its count, a few of its photos, and the buttons to record and to remove it."""
    shown = [
        {
            "name": kind.name,
            "n": len(kind.photos),
            "once": len(kind.recordings) == 1 and len(kind.recordings[0]) == len(kind.photos),
            "urls": [data_url(small) for small in some],
        }
        for kind, some in zip(classes, thumbnails, strict=True)
    ]
    return render("train/record.classes", classes=shown, at_least=PHOTOS_PER_CLASS_AT_LEAST)


def headline(report: IntakeReport) -> str:
    """How many photos and classes, and how they were recognised."""
    return render("train/data.headline", report=report, counts=_counts(report))


def summary(report: IntakeReport) -> str:
    """The same in a sentence or two, to be read out."""
    return render("train/data.summary", counts=_counts(report), problems=report.problems)


def findings(prepared: Prepared) -> str:
    """What stands in the way of training, and what is worth knowing before."""
    asked = prepared.report.question  # is shown above, with its answers
    found = [warning for warning in prepared.report.warnings if not asked or warning.text != asked.text]
    warnings = [
        {
            "text": warning.text,
            "names": ", ".join(warning.names[:NAMES_SHOWN]),
            "more": len(warning.names) - NAMES_SHOWN,
            "photos": _photos(prepared, indices_named(prepared.dataset, warning.names)),
        }
        for warning in found[:WARNINGS_SHOWN]
    ]
    more = len(found) - len(warnings)
    report = prepared.report
    return render("train/data.findings", problems=report.problems, warnings=warnings, more=more, sent=report.sent)


def question(asked: Question) -> str:
    """What only the visitor can tell, with a button for each answer."""
    columns = any(isinstance(option.wanted, tuple) for option in asked.options)
    options = [
        {
            "columns": option.wanted if isinstance(option.wanted, tuple) else None,
            "names": option.names,
            "n": len(option.classes),
        }
        for option in asked.options
    ]
    return render("train/data.question", columns=columns, options=options)


def samples(prepared: Prepared) -> str:
    """A few photos of each class, and how many there are; of our talas, what they are."""
    facts = {tala.name: f"{tala.tradition}. {tala.about}" for tala in TALAS} if prepared.dataset.sound else {}
    classes = [
        {
            "name": name,
            "n": prepared.report.class_counts[name],
            "about": facts.get(name, ""),
            "photos": _photos(prepared, indices),
        }
        for name, indices in sample_indices(prepared.dataset).items()
    ]
    read = SOURCES if any(kind["about"] for kind in classes) else ()
    return render("train/data.samples", classes=classes, noun=prepared.dataset.noun, sources=read)


def copies(prepared: Prepared) -> str:
    """Groups of photos that are copies of one another, as pictures; empty if there are none."""
    groups = copy_groups(prepared.dataset)
    shown = [
        {"photos": _photos(prepared, indices[:COPIES_SHOWN]), "more": len(indices) - COPIES_SHOWN}
        for indices in groups[:GROUPS_SHOWN]
    ]
    mixed = sum(len({prepared.dataset.labels[index] for index in indices}) > 1 for indices in groups)  # they come first
    sound = prepared.dataset.sound is not None
    about = {"total": len(groups), "mixed": shown[:mixed], "alike": shown[mixed:], "sound": sound}
    return render("train/data.copies", **about) if groups else ""


def skipped(files: Sequence[SkippedFile]) -> str:
    """The first files that were left out, and why; empty if none was."""
    return render("train/data.skipped", files=files[:ROWS_SHOWN], total=len(files)) if files else ""


def _counts(report: IntakeReport) -> str:
    return f"{counted(report.kept, report.noun)} in {count(len(report.class_counts), 'class', 'classes')}"


def _photos(prepared: Prepared, indices: Sequence[int]) -> list[dict[str, Any]]:
    """What is shown of these photos; the address is empty for one that could not be read.

    It holds the picture itself: a few kB, which may be unfolded long after files of visitors are deleted.
    """
    found = [(prepared.dataset.photos[index], prepared.thumbnails.get(index)) for index in indices]
    return [
        {
            "label": photo.label,
            "name": photo.name,
            "words": f"{photo.label}: {photo.name}",
            "url": data_url(small) if small else "",
        }
        for photo, small in found
    ]
