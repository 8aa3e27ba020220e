"""The tab "Many photos": photos or a zip in; a table of answers, its CSV, and contact sheets with the heatmaps out.

    box -> a job names them -> summary -> filter, 50 rows at a time -> one photo large, or a contact sheet

Nothing of the answers is kept in memory: what a page needs is read from the folder of the job.
"""

import math
from typing import Any

import gradio as gr

from dance_demo.errors import DatasetError, PhotoError
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import PHOTO_SUFFIXES
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobManager
from dance_demo.model.description import alt_text, describe
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.predict.contact_sheet import TILES_AT_MOST, contact_sheet, n_sheets
from dance_demo.predict.photos import ClassifierSpec, Upload, classify_many
from dance_demo.predict.rows import ALL, UNREADABLE, Answers, Row, chosen, tally
from dance_demo.ui.classify.markup import own_model_line
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.browser_state import NO_JOB
from dance_demo.ui.components.html import render, text
from dance_demo.ui.components.inputs import FilesInput, FilterInput
from dance_demo.ui.components.job_markup import hint
from dance_demo.ui.components.job_step import POLL, QUICK, JobStep, Pace
from dance_demo.ui.components.model import Model
from dance_demo.ui.components.step import Updates
from dance_demo.ui.many import markup
from dance_demo.ui.server.files import hand_out, new_file, own_upload, picture_url
from dance_demo.ui.server.visitors import visitor_of

ROWS_SHOWN = 50  # at a time
NAME_CHARACTERS = 300
SAVING_S = 30.0  # of the time of a job, to write down what it has
SHEET_LINE: dict[str, Any] = {"concurrency_id": "sheets", "concurrency_limit": 1}


class ManyTab(JobStep):
    """The components of the tab, and what happens when a visitor uses them. Make it before the tabs."""

    gone = "These answers are no longer kept here. Add the photos again, please."
    stopped = "Stopped before the first photo was named."
    failure = "Many photos could not be answered"
    results = Answers

    def __init__(self, page: gr.Blocks, jobs: JobManager, classify: ClassifyTab) -> None:
        super().__init__(page, jobs, storage_key="dance-demo-many")
        self.classify = classify
        self.found_words = gr.State("")  # by which the table is filtered

    def lay_out(self) -> None:
        with gr.Column(elem_id="many-tab"):
            self._lay_out_messages()
            with gr.Column(elem_id="many-ways") as self.ways:
                self._lay_out_ways()
            with gr.Column(visible=False, elem_id="many-busy") as self.busy:
                self.progress = gr.HTML()
                self.stop_button = gr.Button("Stop", size="sm")
            with gr.Column(visible=False, elem_id="many-found") as self.found:
                self._lay_out_answers()
        self._connect()

    def _lay_out_ways(self) -> None:
        gr.HTML(markup.introduction())
        self.whose = gr.HTML()
        self.box = FilesInput(
            label="Photos, or a zip of photos",
            file_count="multiple",
            file_types=[".zip", "image", *PHOTO_SUFFIXES],
            height=200,
            elem_id="many-box",
        )
        gr.HTML(render("many.help"))

    def _lay_out_answers(self) -> None:
        with gr.Row(elem_id="many-headline"):
            self.headline = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.csv = gr.DownloadButton("Download as CSV", size="sm")
                self.draw = gr.Button("Make the contact sheet", size="sm", elem_id="many-draw")
                self.again = gr.Button("Start over with other photos", size="sm")
        with gr.Row(elem_id="many-filters"):
            self.filter = FilterInput([("All", ALL)], value=ALL, label="Show", elem_id="many-filter")
            self.words = gr.Textbox(
                label="Name or form contains", placeholder="stage/", max_lines=1, elem_id="many-words"
            )
        with gr.Column(visible=False, elem_id="many-sheets") as self.sheet_area:
            self._lay_out_sheet()
        self.table = gr.HTML(js_on_load=markup.CHOOSE_ROW, elem_id="many-table")
        self.pager = gr.HTML(js_on_load=markup.TURN_PAGE)
        self.large = gr.HTML(elem_id="many-large")

    def _lay_out_sheet(self) -> None:
        gr.HTML(render("many.sheet_help"))
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
        page = [self.status, self.notice, self.ways, self.box, self.busy, self.progress, self.stop_button, self.found]
        answers = [self.headline, self.csv, self.filter, self.words, self.table, self.pager, self.large]
        sheet = [self.sheet_file, self.sheet_area, self.sheet_pager, self.sheet]
        return [*page, *answers, *sheet, self.timer, self.pace, self.found_words, self.job_id]

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        poll: dict[str, Any] = POLL | {"outputs": self.outputs}
        asked = [self.job_id, self.filter, self.words]
        self.classify.own.change(own_model_line, self.classify.own, self.whose, **QUICK)
        self.box.upload(
            self.start,
            [self.box, self.classify.own],
            **QUICK | {"outputs": self.outputs, "show_progress": "minimal", "show_progress_on": self.box},
        )
        self.stop_button.click(self.stop, self.job_id, **poll)
        self.again.click(self.start_over, self.job_id, **poll)
        typed = poll | {"trigger_mode": "always_last"}
        self.filter.input(self.show_filtered, asked, **typed)
        # Not words.input: Gradio does not fire it for a text that is pasted or deleted.
        self.words.change(self.show_words, [*asked, self.found_words], **typed)
        self.pager.click(self.turn_page, asked, **poll)
        pressed = self.table.click(self.show_large, self.job_id, **poll)
        pressed.then(None, js=markup.SHOW_LARGE, api_visibility="private")
        drawn: dict[str, Any] = QUICK | SHEET_LINE | {"outputs": self.outputs, "show_progress": "minimal"}
        self.draw.click(self.show_sheet, asked, **drawn, show_progress_on=self.draw)
        self.sheet_pager.click(self.turn_sheet, asked, **drawn, show_progress_on=self.sheet)
        self.hide.click(self._without_sheet, None, **poll)
        self._watch_by(poll)

    # --- the job --------------------------------------------------------------------------------------------

    def start(self, files: list[tuple[str, str]], own: Model | None, request: gr.Request) -> Updates:
        """Name the photos that were put into the box."""

        def started() -> Updates:
            uploads = tuple(_own_upload(path, name) for path, name in files)
            owner = f"photos of {request.session_hash}"
            job = self.jobs.active(owner)  # after a double click
            if job is None:
                model = own or self.classify.shipped
                spec = ClassifierSpec.of(model.classifier)
                seconds = self.jobs.limits.seconds - SAVING_S
                job = self.jobs.start(
                    classify_many, spec, uploads, seconds, owner=owner, origin=visitor_of(request).address, about=model
                )
            return self._begun(job)

        return {self.box: None} | self._guarded(started)

    def stop(self, job_id: Any) -> Updates:
        """Ask the job to end with what it has. The page goes on watching: that tells when it has."""
        if job := self.jobs.find(job_id):
            job.finish_early()
        return {self.stop_button: gr.update(value="Stopping ...", interactive=False), self.status: "Stopping"}

    def start_over(self, job_id: Any) -> Updates:
        """Forget the answers, and show the box again."""
        job = self.jobs.find(job_id)
        if job and job.active:
            job.stop()
        elif job:
            self.jobs.forget(job)
        return self._at_rest("") | {self.status: "Start again"}

    def _running(self, job: Job, pace: Pace) -> Updates:
        hidden = {self.ways: gr.update(visible=False), self.found: gr.update(visible=False)}
        return super()._running(job, pace) | hidden

    def _finished(self, job: Job) -> Updates:
        answers: Answers = job.result
        if not answers.n:
            return self._at_rest(hint(self.stopped))
        rows = answers.rows()
        found, model = tally(rows), job.about
        own = model.classifier is not self.classify.shipped.classifier
        return (
            super()._at_rest("")
            | self._table(answers, rows, 0)
            | {
                self.headline: markup.headline(answers, found, model.card, own=own),
                self.csv: str(hand_out(answers.csv, "answers.csv")),
                self.filter: gr.update(choices=markup.filters(answers, found), value=ALL),
                self.words: "",
                self.found_words: "",
                self.status: text(f"Done. {markup.summary(answers, found)}"),
                self.ways: gr.update(visible=False),
                self.found: gr.update(visible=True),
            }
        )

    def _at_rest(self, notice: str) -> Updates:
        """No answers are there: the box is shown again."""
        return (
            super()._at_rest(notice)
            | self._without_sheet()
            | {
                self.job_id: NO_JOB,
                self.progress: "",
                self.headline: "",
                self.table: "",
                self.large: "",
                self.csv: None,
                self.ways: gr.update(visible=True),
                self.found: gr.update(visible=False),
            }
        )

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
            row = next((row for row in rows if row.index == _number(click)), None)
            return {self.large: _large(answers, row) if row else ""}

        return {self.large: ""} | self._guarded(shown)

    def _chosen(self, job_id: Any, filter: str = ALL, words: Any = "") -> tuple[Answers, list[Row]]:
        """The answers of a job, and those of its rows that the filter lets through. Raises DatasetError if gone."""
        job = self.jobs.find(job_id)
        answers = job.result if job else None
        if not isinstance(answers, Answers):
            raise DatasetError(self.gone)
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
        file.write_bytes(jpeg(picture))
        words = markup.sheet_words(len(on_it), len(rows) - len(readable), found)
        return {
            self.sheet: gr.update(value=str(file), alt_text=words),
            self.sheet_file: str(file),
            self.sheet_pager: markup.pager(number, sheets, what="Sheet"),
            self.sheet_area: gr.update(visible=True),
            self.status: text(words),
            self.notice: "",
        }

    def _without_sheet(self) -> Updates:
        return {
            self.sheet: None,
            self.sheet_file: None,
            self.sheet_area: gr.update(visible=False),
        }


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
        raise DatasetError(ManyTab.gone) from None
    pictures = picture_url(jpeg(photo)), picture_url(jpeg(overlay(photo, row.heatmap)))
    return markup.large(row, describe(row.classification, row.heatmap), words, pictures)


def _number(click: gr.EventData) -> int:
    """What was clicked, whatever a caller says that was."""
    index = getattr(click, "index", None)
    return index if isinstance(index, int) else -1
