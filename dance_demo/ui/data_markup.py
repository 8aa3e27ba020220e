"""The HTML of the step "Data": how far the check is, and what was found. Text of others is escaped here."""

import base64
from collections.abc import Sequence
from html import escape

from dance_demo.archive import ArchiveLimits, SkippedFile
from dance_demo.dataset import IntakeReport
from dance_demo.intake import (
    COPIES_SHOWN,
    GROUPS_SHOWN,
    Prepared,
    TypedClass,
    copy_places,
    remarked_places,
    sample_places,
)
from dance_demo.photos import MAX_FILE_BYTES, MAX_PIXELS
from dance_demo.remarks import CLASSES_AT_LEAST, CLASSES_AT_MOST, PHOTOS_PER_CLASS_AT_LEAST, Remark
from dance_demo.ui.guard import Limits

ROWS_SHOWN = 100  # of a list that may have 10,000; the CSV has them all
REMARKS_SHOWN = 30
NAMES_SHOWN = 60

CHALLENGE = (
    "https://www.hackerearth.com/challenges/competitive/hackerearth-deep-learning-challenge-identify-dance-form/"
)

INTRODUCTION = """<p>Give us photos of two or more classes: dance forms, poses, anything. They are checked first, and
nothing is trained before you have seen what was found.</p>"""

ZIP_HELP = f"""<p class="quiet">A folder for each class inside (<code>kathak/1.jpg</code>, <code>odissi/2.jpg</code>;
also below <code>train/</code> and <code>val/</code>), or photos with a <code>train.csv</code>
(<code>Image,target</code>).</p>
<p class="quiet">For example the 364 photos of the
<a href="{CHALLENGE}" target="_blank" rel="noopener noreferrer">challenge "Identify the dance form"</a> (sign in there
to download): its zip works as it is.</p>"""

PHOTOS_HELP = f"""<p class="quiet">From files, the camera or the clipboard, up to {Limits().upload_files} at a time. A
name that is there already gets more photos.</p>"""

SAMPLE = """<p><strong>No photos at hand?</strong> Try it with our drawings: eight dance forms, twelve pictures of
each.</p>"""

# A click on "Remove" tells the server the number of the class.
REMOVE_CLASS = """element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button) trigger("click", {index: Number(button.dataset.index)});
});"""


def limits_line() -> str:
    """What is taken, in one line."""
    zip_limits = ArchiveLimits()
    return f"""<p class="quiet">Up to {_megabytes(zip_limits.archive_bytes)} in a zip, {zip_limits.files:,} files,
{zip_limits.unpacked_bytes / 1e9:g} GB unpacked; a photo up to {_megabytes(MAX_FILE_BYTES)} and
{MAX_PIXELS // 10**6} megapixels; {CLASSES_AT_LEAST} to {CLASSES_AT_MOST} classes with at least
{PHOTOS_PER_CLASS_AT_LEAST} photos each. Deleted within about an hour after your visit.</p>"""


def typed_classes(classes: Sequence[TypedClass], thumbnails: Sequence[Sequence[bytes]]) -> str:
    """The classes made so far, each with its count, a few of its photos, and a button that takes it away."""
    if not classes:
        return '<p class="quiet">No class yet. Type a name, add photos of it, then press "Add class".</p>'
    items = "".join(
        f'<li><div class="strip">{"".join(_picture(small) for small in some)}</div>'
        f'<span class="name">{escape(kind.name)}</span> <span class="quiet">{_count(len(kind.photos), "photo")}'
        f"{_wanting(len(kind.photos))}</span>"
        f'<button type="button" data-index="{index}" aria-label="Remove {escape(kind.name)}">Remove</button></li>'
        for index, (kind, some) in enumerate(zip(classes, thumbnails, strict=True))
    )
    return f'<ul class="typed-classes" aria-label="Your classes">{items}</ul>'


def headline(report: IntakeReport) -> str:
    """How many photos and classes, and how they were recognised."""
    counts = f"{_count(report.kept, 'photo')} in {_count(len(report.class_counts), 'class', 'classes')}"
    skipped = f" {_count(len(report.skipped), 'file')} left out." if report.skipped else ""
    return f"""<section class="intake"><p class="kicker">Your dataset</p><h2>{counts}</h2>
<p>Recognised as {escape(report.layout)}.{skipped}</p></section>"""


def findings(prepared: Prepared) -> str:
    """What stands in the way of training, and what is worth knowing before."""
    return _hurdles(prepared.report) + _remarks(prepared)


def summary(report: IntakeReport) -> str:
    """The same in a sentence or two, to be read out."""
    counts = f"{_count(report.kept, 'photo')} in {_count(len(report.class_counts), 'class', 'classes')}."
    return escape(" ".join((counts, *report.problems)) if report.problems else f"{counts} Ready to train.")


def samples(prepared: Prepared) -> str:
    """A few photos of each class, and how many there are."""
    cards = "".join(
        f'<li><h4><span class="name">{escape(name)}</span> <span class="quiet">'
        f"{_count(prepared.report.class_counts[name], 'photo')}</span></h4>"
        f'<div class="strip">{"".join(_photo(prepared, place) for place in places)}</div></li>'
        for name, places in sample_places(prepared.dataset).items()
    )
    return f'<section class="samples"><h3>Samples of each class</h3><ul>{cards}</ul></section>'


def copies(prepared: Prepared) -> str:
    """Groups of photos that are copies of one another, as pictures; empty if there are none."""
    groups = copy_places(prepared.dataset)
    if not groups:
        return ""
    mixed = sum(_is_mixed(prepared, places) for places in groups)  # they come first
    items = [_group(prepared, places) for places in groups[:GROUPS_SHOWN]]
    more = len(groups) - GROUPS_SHOWN
    rest = f'<p class="quiet">and {_count(more, "more group")}.</p>' if more > 0 else ""
    alike = f"<details><summary>Show the copies</summary><ul>{''.join(items[mixed:])}</ul></details>"
    return f"""<section class="copies"><h3>{_count(len(groups), "picture")} more than once</h3>
<p class="quiet">Also mirrored, resized, cropped or saved again. A group never stands on both sides of the split.</p>
<ul>{"".join(items[:mixed])}</ul>{alike if items[mixed:] else ""}{rest}</section>"""


def skipped(files: Sequence[SkippedFile]) -> str:
    """The first files that were left out, and why; empty if none was."""
    if not files:
        return ""
    shown = f", the first {ROWS_SHOWN} of them here" if len(files) > ROWS_SHOWN else ""
    rows = "".join(
        f"<tr><td>{escape(file.name)}</td><td>{escape(file.reason)}</td></tr>" for file in files[:ROWS_SHOWN]
    )
    return f"""<section class="left-out"><h3>{_count(len(files), "file")} left out{shown}</h3>
<div class="scrolling" tabindex="0" role="region" aria-label="Files left out"><table>
<thead><tr><th scope="col">File</th><th scope="col">Why</th></tr></thead>
<tbody>{rows}</tbody></table></div></section>"""


def _hurdles(report: IntakeReport) -> str:
    if not report.problems:
        return '<p class="ready">Ready to train.</p>'
    items = "".join(f"<li>{escape(problem)}</li>" for problem in report.problems)
    return f"""<div class="hurdles" role="alert"><h3>Before you can train</h3><ul>{items}</ul>
<p>Mend this in your photos, then start over with them.</p></div>"""


def _remarks(prepared: Prepared) -> str:
    remarks = prepared.report.warnings
    if not remarks:
        return ""
    items = "".join(_remark(prepared, remark) for remark in remarks[:REMARKS_SHOWN])
    more = len(remarks) - REMARKS_SHOWN
    rest = f'<li class="quiet">and {more} more of the kind</li>' if more > 0 else ""
    return f'<h3>Worth knowing</h3><ul class="remarks">{items}{rest}</ul>'


def _remark(prepared: Prepared, remark: Remark) -> str:
    if not remark.names:
        return f"<li>{escape(remark.text)}</li>"
    places = remarked_places(prepared.dataset, remark.names)
    pictures = "".join(_photo(prepared, place) for place in places)
    names = ", ".join(remark.names[:NAMES_SHOWN])
    more = len(remark.names) - NAMES_SHOWN
    rest = f" and {more:,} more" if more > 0 else ""
    return f"""<li>{escape(remark.text)}<details><summary>Show which</summary>
<div class="strip">{pictures}</div><p class="quiet names-in-full">{escape(names)}{rest}</p></details></li>"""


def _group(prepared: Prepared, places: Sequence[int]) -> str:
    photos = [prepared.dataset.photos[place] for place in places]
    mixed = _is_mixed(prepared, places)
    figures = "".join(
        f"<figure>{_photo(prepared, place)}<figcaption>"
        f'<span class="name">{escape(photo.label)}</span> <small>{escape(photo.name)}</small></figcaption></figure>'
        for place, photo in list(zip(places, photos, strict=True))[:COPIES_SHOWN]
    )
    more = len(places) - COPIES_SHOWN
    rest = f'<span class="quiet">and {more} more</span>' if more > 0 else ""
    warning = "<p><strong>The same picture under two labels.</strong> One of them is wrong.</p>" if mixed else ""
    return f'<li class="{"mixed" if mixed else "alike"}">{warning}<div class="group">{figures}{rest}</div></li>'


def _is_mixed(prepared: Prepared, places: Sequence[int]) -> bool:
    return len({prepared.dataset.photos[place].label for place in places}) > 1


def _photo(prepared: Prepared, place: int) -> str:
    photo = prepared.dataset.photos[place]
    return _picture(prepared.thumbnails.get(place), f"{photo.label}: {photo.name}")


def _picture(jpeg: bytes | None, alt: str = "") -> str:
    if jpeg is None:
        return ""
    data = base64.b64encode(jpeg).decode()
    return f'<img alt="{escape(alt)}" title="{escape(alt)}" loading="lazy" src="data:image/jpeg;base64,{data}">'


def _wanting(count: int) -> str:
    missing = PHOTOS_PER_CLASS_AT_LEAST - count
    return f", add {missing} more" if missing > 0 else ""


def _count(number: int, thing: str, things: str = "") -> str:
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:g} MB"
