"""The HTML of the tab "Many photos": the table, the large view of one photo. Text of others is escaped here."""

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape

from dance_demo.archive import ArchiveLimits
from dance_demo.forms import display_name
from dance_demo.many_photos import ALL, STRANGE, TOP_K, UNCLEAR, UNREADABLE, Answers, Row, of_class
from dance_demo.model_store import ModelCard
from dance_demo.narration import percent
from dance_demo.photos import MAX_FILE_BYTES
from dance_demo.ui.guard import Limits
from dance_demo.ui.work_markup import duration

_LIMITS = ArchiveLimits()

INTRODUCTION = f"""<h2>Name many photos at once</h2>
<p>Drop photos here, or a zip of them. Each gets the answer that it would get alone, in a table that you can
filter and take with you, and a contact sheet shows where the model looked.</p>
<p class="quiet">Up to {Limits().upload_files} photos at a time; as a zip up to {_LIMITS.files:,} photos and
{_LIMITS.archive_bytes / 1e6:g} MB, {_LIMITS.unpacked_bytes / 1e9:g} GB unpacked. A photo has up to
{MAX_FILE_BYTES / 1e6:g} MB. Photos and answers are deleted within about an hour after your visit.</p>"""

HELP = '<p class="quiet">Folders in a zip are fine, and so is anything else in it: it is listed, and left out.</p>'

SHEET_HELP = """<h3>Contact sheet</h3>
<p class="quiet">The photos of the table as they are filtered now, each coloured where it speaks for its answer.</p>"""

# A click anywhere in a row, and on its name by the keyboard, tells the server the number of the photo.
CHOOSE_ROW = """element.addEventListener("click", event => {
  const row = event.target.closest("tr[data-place]");
  if (row) trigger("click", {index: Number(row.dataset.place)});
});"""
# A click on "Next" tells the server the number of the page.
TURN_PAGE = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-page]");
  if (button) trigger("click", {index: Number(button.dataset.page)});
});"""
SHOW_LARGE = """() => setTimeout(() => {
  const dialog = document.querySelector("#many-large dialog");
  if (dialog && !dialog.open) dialog.showModal();
}, 60)"""

_WORDS = {UNCLEAR: "not sure", STRANGE: "unlike the training photos", UNREADABLE: "could not be read"}
_SURE = {"sure": "Yes", UNCLEAR: "Not sure", STRANGE: "Refused", UNREADABLE: "Not read"}


def who_answers(own: ModelCard | None) -> str:
    """Before anything is uploaded, where an own model is going to answer."""
    if own is None:
        return ""
    names = ", ".join(display_name(name) for name in own.class_names)
    return f'<p class="notice good"><strong>Your own model answers here, too.</strong> It knows {escape(names)}.</p>'


def headline(answers: Answers, found: Counter[str], card: ModelCard, *, own: bool) -> str:
    """How many photos of which form, what was not answered, how long it took, and who answered."""
    who = "Your own model" if own else escape(card.name)
    named = _count(answers.n - found[UNREADABLE], "photo")
    return f"""<section class="intake"><p class="kicker">{_ending(answers)}</p>
<h2>{named} named in {seconds(answers.seconds)}</h2><p>{escape(summary(answers, found))}</p>
<p class="quiet">Answered by {who}, as in “Name a dance”.</p></section>"""


def summary(answers: Answers, found: Counter[str]) -> str:
    """The counts in a sentence, not escaped: ``12 Odissi, 3 Kathak; 2 not sure, 1 could not be read.``"""
    classes = [f"{found[of_class(name)]:,} {display_name(name)}" for name in _by_count(answers, found)]
    others = [f"{found[kind]:,} {words}" for kind, words in _WORDS.items() if found[kind]]
    return "; ".join(part for part in (", ".join(classes), ", ".join(others)) if part) + "."


def filters(answers: Answers, found: Counter[str]) -> list[tuple[str, str]]:
    """(what is read, filter) of each that finds anything."""
    classes = [(display_name(name), of_class(name)) for name in _by_count(answers, found)]
    others = [(words[:1].upper() + words[1:], kind) for kind, words in _WORDS.items() if found[kind]]
    return [(f"All {answers.n:,}", ALL), *((f"{words} {found[kind]:,}", kind) for words, kind in classes + others)]


def table(answers: Answers, rows: Sequence[Row], *, first: int, total: int) -> str:
    """Some rows, of which the first is number `first` (from 0) of the `total` that the filter lets through."""
    if not rows:
        return '<p class="empty small">No photo here bears such a name. Change the filter or the words.</p>'
    caption = f"Photos {first + 1:,} to {first + len(rows):,} of {total:,}. Press a name to see the photo large."
    head = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in _COLUMNS)
    body = "".join(_row(answers, row) for row in rows)
    return f"""<div class="many" tabindex="0" role="region" aria-label="Answers"><table role="table">
<caption>{caption}</caption><thead role="rowgroup"><tr role="row">{head}</tr></thead>
<tbody role="rowgroup">{body}</tbody></table></div>"""


def pager(page: int, pages: int, *, what: str) -> str:
    """Buttons to the page before and after, of those counted from 0; nothing where there is one page only."""
    if pages < 2:
        return ""
    buttons = [_turn("First", 0, page > 0), _turn("Previous", page - 1, page > 0)]
    buttons += [_turn("Next", page + 1, page < pages - 1), _turn("Last", pages - 1, page < pages - 1)]
    here = f"<span>{what} {page + 1:,} of {pages:,}</span>"
    return f'<nav class="pager" aria-label="{what}s">{"".join(buttons[:2])}{here}{"".join(buttons[2:])}</nav>'


def large(row: Row, sentence: str, words: str, pictures: tuple[bytes, bytes] | None) -> str:
    """One photo in a window of its own, beside its heatmap: two JPEGs; `words` tell what the second one shows."""
    shown = ""
    if pictures:
        plain, heat = (base64.b64encode(picture).decode() for picture in pictures)
        shown = f"""<div class="pictures">
<figure><img src="data:image/jpeg;base64,{plain}" alt="The photo"><figcaption>The photo</figcaption></figure>
<figure><img src="data:image/jpeg;base64,{heat}" alt="{escape(words)}"><figcaption>{escape(words)}</figcaption></figure>
</div>"""
    return f"""<dialog aria-labelledby="many-large-name"><form method="dialog">
<h3 id="many-large-name"><bdi>{escape(row.name)}</bdi></h3><button>Close</button></form>
<p>{escape(sentence)}</p>{_ranking(row)}{shown}</dialog>"""


def sheet_words(n: int, left_out: int, found: str) -> str:
    """The contact sheet for people who hear the page; not escaped."""
    left = f" {_count(left_out, 'photo')} that could not be read {_are(left_out)} not on it." if left_out else ""
    return f"A grid of {_count(n, 'photo')}, each with its heatmap, its name and its answer: {found}{left}"


def seconds(count: float) -> str:
    return f"{count:.1f} s" if count < 10 else duration(count)


_COLUMNS = ("Photo", "Name", "Most probable", "Sure?", "Note")


def _ending(answers: Answers) -> str:
    if answers.n == answers.total:
        return "Your photos"
    why = "The time was over" if answers.late else "Stopped"
    return f"{why} after {answers.n:,} of {answers.total:,}"


def _by_count(answers: Answers, found: Counter[str]) -> list[str]:
    names = [name for name in answers.class_names if found[of_class(name)]]
    return sorted(names, key=lambda name: -found[of_class(name)])


def _row(answers: Answers, row: Row) -> str:
    name = f'<button type="button"><bdi>{escape(row.name)}</bdi></button>'
    note = escape(row.problem or row.note)
    return f"""<tr role="row" class="{row.kind}" data-place="{row.place}">
<td role="cell" class="picture">{_thumbnail(answers, row)}</td><th role="rowheader" scope="row">{name}</th>
<td role="cell" class="likely">{_ranking(row)}</td><td role="cell" class="is-sure"><span>{_SURE[row.kind]}</span></td>
<td role="cell" class="note">{note}</td></tr>"""


def _thumbnail(answers: Answers, row: Row) -> str:
    data = base64.b64encode(answers.thumbnail(row)).decode()
    return f'<img alt="" loading="lazy" src="data:image/jpeg;base64,{data}">' if data else ""


def _ranking(row: Row) -> str:
    items = "".join(
        f"<li><bdi>{escape(display_name(prediction.label))}</bdi> <span>{percent(prediction.probability)}</span></li>"
        for prediction in row.predictions[:TOP_K]
    )
    return f'<ol class="ranking">{items}</ol>' if items else ""


def _turn(words: str, page: int, possible: bool) -> str:
    return f'<button type="button" data-page="{page}" {"" if possible else "disabled"}>{words}</button>'


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
