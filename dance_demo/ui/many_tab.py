"""The tab "Many photos": photos or a zip in; a table of answers, its CSV, and contact sheets with the heatmaps out.

    box -> a job names them -> summary -> filter, 50 rows at a time -> one photo large, or a contact sheet

Nothing of the answers is kept in memory: what a page needs is read from the folder of the job.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
from gradio.components.file import FileData
from gradio.data_classes import ListFiles

from dance_demo.contact_sheet import TILES_AT_MOST, contact_sheet, n_sheets
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.job import Job
from dance_demo.jobs import Jobs
from dance_demo.many_photos import ALL, UNREADABLE, Answers, Namer, Row, Upload, chosen, enough, name_many, tally
from dance_demo.narration import alt_text, describe
from dance_demo.overlay import overlay
from dance_demo.photos import PHOTO_SUFFIXES
from dance_demo.ui import many_markup as markup
from dance_demo.ui import work_markup
from dance_demo.ui.beside_tabs import beside_the_tabs
from dance_demo.ui.classify_tab import ClassifyTab, Model
from dance_demo.ui.downloads import handed_out, new_file
from dance_demo.ui.examples import jpeg
from dance_demo.ui.guard import own_upload
from dance_demo.ui.job_watch import LOOK, NO_JOB, QUICK, JobStep, Pace, Updates
from dance_demo.ui.told import told
from dance_demo.ui.train_tab import JOBS, SHORT

ROWS_SHOWN = 50  # at a time
NAME_CHARACTERS = 300
SECONDS, SAVING_S = 1800.0, 30.0  # a job may take, and of it to write down what it has
GONE = "These answers are no longer kept here. Add the photos again, please."
STOPPED = "Stopped before the first photo was named."
SHEET_LINE: dict[str, Any] = {"concurrency_id": "sheets", "concurrency_limit": 1}

log = logging.getLogger(__name__)


class ManyInput(gr.File):
    """A `gr.File` whose value are (path, name) of uploaded files. Gradio's own leaves empty temporary files behind."""

    is_template = True  # is drawn as a gr.File in the browser

    def preprocess(self, payload: ListFiles | FileData | None) -> list[tuple[str, str]]:
        files = [payload] if isinstance(payload, FileData) else list(payload or ())
        return [(file.path, file.orig_name or "") for file in files]


class FilterInput(gr.Radio):
    """A `gr.Radio` that takes any value: which choices there are depends on answers that may be gone."""

    is_template = True

    def preprocess(self, payload: Any) -> str:
        return payload if isinstance(payload, str) else ALL


class ManyTab(JobStep):
    """The components of the tab, and what happens when a visitor uses them. Make it inside a `gr.Tab`."""

    def __init__(self, classify: ClassifyTab) -> None:
        limits = replace(SHORT, seconds=SECONDS, kept_per_owner=1)
        jobs = Jobs(JOBS, at_once=2, name="Naming your photos", limits=limits)
        super().__init__(jobs, storage_key="dance-demo-many")
        self.classify = classify
        self._models: WeakKeyDictionary[Job, Model] = WeakKeyDictionary()  # who answers in each job
        with beside_the_tabs():
            self.found_words = gr.State("")  # by which the table is filtered
        with gr.Column(elem_id="many-tab"):
            self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
            self.notice = gr.HTML()
            with gr.Column(elem_id="many-ways") as self.ways:
                self._lay_out_ways()
            with gr.Column(visible=False, elem_id="many-busy") as self.busy:
                self.progress = gr.HTML()
                self.stop = gr.Button("Stop", size="sm")
            with gr.Column(visible=False, elem_id="many-found") as self.found:
                self._lay_out_answers()
        self._connect()

    def _lay_out_ways(self) -> None:
        gr.HTML(markup.INTRODUCTION)
        self.whose = gr.HTML()
        self.box = ManyInput(
            label="Photos, or a zip of photos",
            file_count="multiple",
            file_types=[".zip", "image", *PHOTO_SUFFIXES],
            height=200,
            elem_id="many-box",
        )
        gr.HTML(markup.HELP)

    def _lay_out_answers(self) -> None:
        with gr.Row(elem_id="many-headline"):
            self.headline = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.csv = gr.DownloadButton("Download as CSV", size="sm")
                self.draw = gr.Button("Make the contact sheet", size="sm", elem_id="many-draw")
                self.again = gr.Button("Start over with other photos", size="sm")
        with gr.Row(elem_id="many-filters"):
            self.filter = FilterInput([("All", ALL)], value=ALL, label="Show", elem_id="many-filter")
            self.words = gr.Textbox(label="Name contains", placeholder="stage/", max_lines=1, elem_id="many-words")
        with gr.Column(visible=False, elem_id="many-sheets") as self.sheet_area:
            self._lay_out_sheet()
        self.table = gr.HTML(js_on_load=markup.CHOOSE_ROW, elem_id="many-table")
        self.pager = gr.HTML(js_on_load=markup.TURN_PAGE)
        self.large = gr.HTML(elem_id="many-large")

    def _lay_out_sheet(self) -> None:
        gr.HTML(markup.SHEET_HELP)
        self.sheet = gr.Image(
            label="Contact sheet",
            show_label=False,
            format="jpeg",
            interactive=False,
            buttons=["fullscreen"],
            elem_id="many-sheet",
        )
        self.sheet_pager = gr.HTML(js_on_load=markup.TURN_PAGE)
        with gr.Row(elem_classes="actions"):
            self.sheet_file = gr.DownloadButton("Download this sheet", size="sm")
            self.hide = gr.Button("Hide it", size="sm")

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """All that any handler of this tab changes."""
        page = [self.status, self.notice, self.ways, self.box, self.busy, self.progress, self.stop, self.found]
        answers = [self.headline, self.csv, self.filter, self.words, self.table, self.pager, self.large]
        sheet = [self.sheet_file, self.sheet_area, self.sheet_pager, self.sheet]
        return [*page, *answers, *sheet, self.timer, self.pace, self.found_words, self.job_id]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        quick: dict[str, Any] = LOOK | {"outputs": self.outputs}
        asked = [self.job_id, self.filter, self.words]
        self.classify.own.change(self.show_model, self.classify.own, self.whose, **QUICK)
        self.box.upload(
            self.start,
            [self.box, self.classify.own],
            **QUICK | {"outputs": self.outputs, "show_progress": "minimal", "show_progress_on": self.box},
        )
        self.stop.click(self.stop_job, self.job_id, **quick)
        self.again.click(self.start_over, self.job_id, **quick)
        typed = quick | {"trigger_mode": "always_last"}
        self.filter.input(self.show_filtered, asked, **typed)
        # Not words.input: Gradio does not fire it for a text that is pasted or deleted.
        self.words.change(self.show_words, [*asked, self.found_words], **typed)
        self.pager.click(self.turn_page, asked, **quick)
        pressed = self.table.click(self.show_large, self.job_id, **quick)
        pressed.then(None, js=markup.SHOW_LARGE, api_visibility="private")
        drawn: dict[str, Any] = QUICK | SHEET_LINE | {"outputs": self.outputs, "show_progress": "minimal"}
        self.draw.click(self.show_sheet, asked, **drawn, show_progress_on=self.draw)
        self.sheet_pager.click(self.turn_sheet, asked, **drawn, show_progress_on=self.sheet)
        self.hide.click(self._without_sheet, None, **quick)
        self._watch_by(quick)

    def show_model(self, own: Model | None) -> str:
        """Say that the visitor's own model is going to answer."""
        return markup.who_answers(own.card if own else None)

    # --- the job --------------------------------------------------------------------------------------------

    def start(self, files: list[tuple[str, str]], own: Model | None, request: gr.Request) -> Updates:
        """Name the photos that were put into the box."""

        def started() -> Updates:
            uploads = tuple(_own_upload(path, name) for path, name in files)
            owner = f"photos of {request.session_hash}"
            job = self.jobs.active(owner)  # after a double click
            if job is None:
                model = own or self.classify.shipped
                namer = Namer.of(model.classifier)
                job = self.jobs.start(name_many, namer, uploads, SECONDS - SAVING_S, owner=owner)
                self._models[job] = model
            return self._begun(job)

        return {self.box: None} | self._guarded(started)

    def stop_job(self, job_id: Any) -> Updates:
        """Ask the job to end with what it has. The page goes on watching: that tells when it has."""
        job = self.jobs.find(job_id)
        if job and job.state == "waiting":
            job.stop()
        elif job:
            enough(job.directory)
        return {self.stop: gr.update(value="Stopping ...", interactive=False), self.status: "Stopping"}

    def start_over(self, job_id: Any) -> Updates:
        """Forget the answers, and show the box again."""
        job = self.jobs.find(job_id)
        if job and job.active:
            job.stop()
        elif job:
            self.jobs.forget(job)
        return self._at_start("") | {self.status: "Start again"}

    def _seen(self, job: Job | None, pace: Pace) -> Updates:
        if job is None:
            return self._at_start(work_markup.remark(GONE))
        if job.active:
            return self._working(job, pace)
        if job.problem:
            return self._at_start(work_markup.problem(job.problem))
        if isinstance(job.result, Answers) and job.result.n:
            return self._done(job, job.result)
        return self._at_start(work_markup.remark(STOPPED))

    def _working(self, job: Job, pace: Pace) -> Updates:
        return self._progress(job, pace) | {
            self.notice: "",
            self.ways: gr.update(visible=False),
            self.busy: gr.update(visible=True),
            self.found: gr.update(visible=False),
        }

    def _done(self, job: Job, answers: Answers) -> Updates:
        rows = answers.rows()
        found, model = tally(rows), self._models[job]
        own = model.classifier is not self.classify.shipped.classifier
        return self._table(answers, rows, 0) | {
            self.headline: markup.headline(answers, found, model.card, own=own),
            self.csv: str(handed_out(answers.csv, "answers.csv")),
            self.filter: gr.update(choices=markup.filters(answers, found), value=ALL),
            self.words: "",
            self.found_words: "",
            self.status: escape(f"Done. {markup.summary(answers, found)}"),
            self.notice: "",
            self.ways: gr.update(visible=False),
            self.busy: gr.update(visible=False),
            self.found: gr.update(visible=True),
            self.timer: gr.Timer(active=False),
        }

    def _at_start(self, notice: str) -> Updates:
        return self._without_sheet() | {
            self.job_id: NO_JOB,
            self.notice: notice,
            self.status: "",
            self.progress: "",
            self.headline: "",
            self.table: "",
            self.large: "",
            self.csv: None,
            self.stop: gr.update(value="Stop", interactive=True),
            self.ways: gr.update(visible=True),
            self.busy: gr.update(visible=False),
            self.found: gr.update(visible=False),
            self.timer: gr.Timer(active=False),
        }

    # --- the table ------------------------------------------------------------------------------------------

    def show_filtered(self, job_id: Any, filter: str, words: Any) -> Updates:
        """Show the first of the rows that the filter lets through."""

        def shown() -> Updates:
            answers, rows = self._chosen(job_id, filter, words)
            return self._table(answers, rows, 0) | {self.status: f"{len(rows):,} of {answers.n:,} photos"}

        return {self.found_words: words} | self._guarded(shown)

    def show_words(self, job_id: Any, filter: str, words: Any, found: str) -> Updates:
        """The same, if the words are others: Gradio also tells of a change when the box appears."""
        return self.show_filtered(job_id, filter, words) if words != found else {self.status: gr.skip()}

    def turn_page(self, click: gr.EventData, job_id: Any, filter: str, words: Any) -> Updates:
        """Show another page of the table."""

        def shown() -> Updates:
            answers, rows = self._chosen(job_id, filter, words)
            page = min(max(_number(click), 0), max(0, math.ceil(len(rows) / ROWS_SHOWN) - 1))
            return {**self._page(answers, rows, page), self.status: f"Page {page + 1}"}

        return self._guarded(shown)

    def show_large(self, click: gr.EventData, job_id: Any) -> Updates:
        """Show one photo, and its heatmap beside it."""

        def shown() -> Updates:
            answers, rows = self._chosen(job_id)
            row = next((row for row in rows if row.place == _number(click)), None)
            return {self.large: _large(answers, row) if row else ""}

        return {self.large: ""} | self._guarded(shown)

    def _chosen(self, job_id: Any, filter: str = ALL, words: Any = "") -> tuple[Answers, list[Row]]:
        """The answers of a job, and those of its rows that the filter lets through. Raises DatasetError if gone."""
        job = self.jobs.find(job_id)
        answers = job.result if job else None
        if not isinstance(answers, Answers):
            raise DatasetError(GONE)
        return answers, chosen(answers.rows(), filter, str(words or ""))

    def _table(self, answers: Answers, rows: list[Row], page: int) -> Updates:
        """These rows, and no sheet of others."""
        return self._page(answers, rows, page) | self._without_sheet()

    def _page(self, answers: Answers, rows: list[Row], page: int) -> Updates:
        first = page * ROWS_SHOWN
        shown = rows[first : first + ROWS_SHOWN]
        return {
            self.table: markup.table(answers, shown, first=first, total=len(rows)),
            self.pager: markup.pager(page, math.ceil(len(rows) / ROWS_SHOWN), what="Page"),
            self.large: "",
            self.notice: "",
        }

    # --- the contact sheet ----------------------------------------------------------------------------------

    def show_sheet(self, job_id: Any, filter: str, words: Any) -> Updates:
        """Draw the first contact sheet of the rows that the filter lets through."""
        return self._guarded(lambda: self._sheet(0, *self._chosen(job_id, filter, words), filter))

    def turn_sheet(self, click: gr.EventData, job_id: Any, filter: str, words: Any) -> Updates:
        """Draw another one."""
        return self._guarded(lambda: self._sheet(_number(click), *self._chosen(job_id, filter, words), filter))

    def _sheet(self, number: int, answers: Answers, rows: list[Row], filter: str) -> Updates:
        readable = [row for row in rows if row.kind != UNREADABLE]
        if not readable:
            raise DatasetError("There is no photo here that could be read. Choose another filter.")
        sheets = n_sheets(len(readable))
        number = min(max(number, 0), sheets - 1)
        on_it = readable[number * TILES_AT_MOST : (number + 1) * TILES_AT_MOST]
        of = f", sheet {number + 1} of {sheets}" if sheets > 1 else ""
        found = markup.summary(answers, tally(on_it))
        file = new_file(f"contact sheet {number + 1}.jpg")
        picture = contact_sheet([answers.tile(row) for row in on_it], title=f"Where the model looked{of}")
        picture.save(file, "JPEG", quality=88)
        words = markup.sheet_words(len(on_it), len(rows) - len(readable), found)
        return {
            self.sheet: gr.update(value=str(file), alt_text=words),
            self.sheet_file: str(file),
            self.sheet_pager: markup.pager(number, sheets, what="Sheet"),
            self.sheet_area: gr.update(visible=True),
            self.status: escape(words),
            self.notice: "",
        }

    def _without_sheet(self) -> Updates:
        return {
            self.sheet: None,
            self.sheet_file: None,
            self.sheet_area: gr.update(visible=False),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page."""
        return told(
            answered,
            lambda message: {self.notice: work_markup.problem(message)},
            log=log,
            what="Many photos could not be answered",
        )


def _own_upload(path: str, name: str) -> Upload:
    """An uploaded file by the name that its owner knows. Raises PhotoError if it is none of this visitor's."""
    file = own_upload(path)
    last = name.replace("\\", "/").rpartition("/")[2][:NAME_CHARACTERS]
    return Upload(last.encode("utf-8", "replace").decode() or file.name, file)


def _large(answers: Answers, row: Row) -> str:
    if row.problem:
        return markup.large(row, f"This photo could not be read: {row.problem}", "", None)
    words = alt_text(row.predictions[0].label, row.heatmap)
    try:
        photo = answers.photo(row)
    except PhotoError:
        raise DatasetError(GONE) from None
    pictures = jpeg(photo), jpeg(overlay(photo, row.heatmap))
    return markup.large(row, describe(row.classification, row.heatmap), words, pictures)


def _number(click: gr.EventData) -> int:
    """What was clicked, whatever a caller says that was."""
    index = getattr(click, "index", None)
    return index if isinstance(index, int) else -1
