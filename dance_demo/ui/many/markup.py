"""The HTML of the tab "Many photos": the table, the large view of one photo. And its scripts and sentences."""

from collections import Counter
from collections.abc import Sequence

from dance_demo.files.jpeg import data_url
from dance_demo.files.photo import MAX_FILE_BYTES
from dance_demo.files.zip_archive import ArchiveLimits
from dance_demo.forms import display_name
from dance_demo.model.directory import ModelCard
from dance_demo.predict.rows import ALL, STRANGE, TOP_K, UNCLEAR, UNREADABLE, Answers, Row, of_class
from dance_demo.ui.components.html import count, render
from dance_demo.ui.components.job_markup import duration
from dance_demo.ui.server.guard import Limits

# A click anywhere in a row, and on its name by the keyboard, tells the server the number of the photo.
CHOOSE_ROW = """element.addEventListener("click", event => {
  const row = event.target.closest("tr[data-index]");
  if (row) trigger("click", {index: Number(row.dataset.index)});
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

_COLUMNS = ("Photo", "Name", "Most probable", "Sure?", "Note")
_WORDS = {UNCLEAR: "not sure", STRANGE: "unlike the training photos", UNREADABLE: "could not be read"}
_SURE = {"sure": "Yes", UNCLEAR: "Not sure", STRANGE: "Refused", UNREADABLE: "Not read"}


def introduction() -> str:
    zip_ = ArchiveLimits()
    return render(
        "many.introduction",
        uploads=Limits().upload_files,
        files=zip_.files,
        archive_bytes=zip_.archive_bytes,
        unpacked_bytes=zip_.unpacked_bytes,
        photo_bytes=MAX_FILE_BYTES,
    )


def headline(answers: Answers, found: Counter[str], card: ModelCard, *, own: bool) -> str:
    """How many photos of which form, what was not answered, how long it took, and who answered."""
    return render(
        "many.headline",
        kicker=_ending(answers),
        named=count(answers.n - found[UNREADABLE], "photo"),
        seconds=seconds(answers.seconds),
        summary=summary(answers, found),
        who="Your own model" if own else card.name,
        remarks=answers.remarks,
    )


def summary(answers: Answers, found: Counter[str]) -> str:
    """The counts in a sentence: ``12 Odissi, 3 Kathak; 2 not sure, 1 could not be read.``"""
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
        return render("many.empty")
    caption = f"Photos {first + 1:,} to {first + len(rows):,} of {total:,}. Press a name to see the photo large."
    shown = [(row, row.predictions[:TOP_K], _thumbnail(answers, row), _SURE[row.kind]) for row in rows]
    return render("many.table", caption=caption, columns=_COLUMNS, rows=shown)


def pager(page: int, pages: int, *, what: str) -> str:
    """Buttons to the page before and after, of those counted from 0; nothing where there is one page only."""
    return render("many.pager", page=page, pages=pages, what=what) if pages > 1 else ""


def large(row: Row, sentence: str, words: str, pictures: tuple[str, str] | None) -> str:
    """One photo in a window of its own, beside its heatmap: two addresses; `words` tell what the second one shows."""
    return render(
        "many.large",
        name=row.name,
        sentence=sentence,
        predictions=row.predictions[:TOP_K],
        familiar=row.familiar,
        words=words,
        pictures=pictures,
    )


def sheet_words(n: int, left_out: int, found: str) -> str:
    """The contact sheet for people who hear the page."""
    are = "is" if left_out == 1 else "are"
    left = f" {count(left_out, 'photo')} that could not be read {are} not on it." if left_out else ""
    return f"A grid of {count(n, 'photo')}, each with its heatmap, its name and its answer: {found}{left}"


def seconds(count: float) -> str:
    return f"{count:.1f} s" if count < 10 else duration(count)


def _ending(answers: Answers) -> str:
    if answers.n == answers.total:
        return "Your photos"
    why = "The time was over" if answers.late else "Stopped"
    return f"{why} after {answers.n:,} of {answers.total:,}"


def _by_count(answers: Answers, found: Counter[str]) -> list[str]:
    names = [name for name in answers.class_names if found[of_class(name)]]
    return sorted(names, key=lambda name: -found[of_class(name)])


def _thumbnail(answers: Answers, row: Row) -> str:
    """As part of the page: fifty small files would be fifty requests."""
    small = answers.thumbnail(row)
    return data_url(small) if small else ""
