"""What was found in a visitor's photos: counts as bars, samples, copies, and the files that were left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.data.dataset import IntakeReport
from dance_demo.data.intake import Prepared
from dance_demo.files.csv_writer import write_csv
from dance_demo.files.zip_archive import SkippedFile
from dance_demo.ui.server.files import new_file
from dance_demo.ui.train import data_markup as markup

LABEL_SHOWN = 24  # characters of a class name under a bar


class DataReport:
    """The components of the report, inside the container around, and what they show of a dataset."""

    def __init__(self) -> None:
        with gr.Row(elem_id="data-headline"):
            self.headline = gr.HTML()
            self.again = gr.Button("Start over with other photos", size="sm", scale=0)
        self.findings = gr.HTML()
        self.counts = gr.BarPlot(
            x="Class",
            y="Photos",
            sort="x",
            label="Photos of each class",
            tooltip="all",
            y_lim=[0, None],
            height=280,
            x_label_angle=-40,
            buttons=[],
            elem_id="class-counts",
        )
        self.samples = gr.HTML()
        self.copies = gr.HTML()
        self.skipped = gr.HTML()
        self.download = gr.DownloadButton("All as a CSV file", size="sm", visible=False, elem_id="left-out-csv")

    @property
    def components(self) -> list[gr.blocks.Block]:
        texts = [self.headline, self.findings, self.samples, self.copies, self.skipped]
        return [*texts, self.again, self.counts, self.download]

    def shown(self, prepared: Prepared) -> dict[gr.blocks.Block, Any]:
        """What changes on the page to show this dataset."""
        files, noun = prepared.report.skipped, prepared.report.noun.capitalize()
        return {
            self.headline: markup.headline(prepared.report),
            self.findings: markup.findings(prepared),
            self.again: gr.update(value=f"Start over with other {prepared.report.sent}"),
            self.counts: gr.update(value=_bars(prepared.report), y=noun, label=f"{noun} of each class"),
            self.samples: markup.samples(prepared),
            self.copies: markup.copies(prepared),
            self.skipped: markup.skipped(files),
            self.download: gr.update(value=str(skipped_csv(files)) if files else None, visible=bool(files)),
        }

    def emptied(self) -> dict[gr.blocks.Block, Any]:
        """What changes on the page when the report disappears.

        The bars keep their last numbers: Gradio would draw none of them on a plot that is gone, and fail.
        """
        texts = (self.headline, self.findings, self.samples, self.copies, self.skipped)
        return {text: "" for text in texts} | {self.download: gr.update(value=None, visible=False)}


def skipped_csv(files: Sequence[SkippedFile]) -> Path:
    """Every file that was left out, and why, for the visitor to keep."""
    path = new_file("left out.csv")
    write_csv(path, [("file", "reason"), *((file.name, file.reason) for file in files)])
    return path


def _bars(report: IntakeReport) -> Any:
    import pandas  # as gradio's plots do

    names = _short_names(list(report.class_counts))
    return pandas.DataFrame({"Class": names, report.noun.capitalize(): list(report.class_counts.values())})


def _short_names(names: Sequence[str]) -> list[str]:
    """Names that fit under a bar and stay apart from one another: equal ones would be added up."""
    short: list[str] = []
    for name in names:
        cut = name if len(name) <= LABEL_SHOWN else name[: LABEL_SHOWN - 1] + "…"
        short.append(f"{cut} ({len(short) + 1})" if cut in short else cut)
    return short
