"""What every part of the page has in common: a line that is read out, a notice, and no traceback on the page."""

import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from dance_demo.errors import DanceDemoError
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_markup import problem

TROUBLE = "Something went wrong on our side. Please try again."
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


class Step:
    """A part of the page on which a visitor does one thing. A subclass lays out its components.

    `failure` says in the log what could not be done, when something goes wrong that is no visitor's fault.
    """

    failure: str
    trouble: str = TROUBLE  # what the visitor reads then
    status: gr.HTML  # is read out, and not seen
    notice: gr.HTML  # what went wrong, or is worth knowing

    def _lay_out_messages(self, notice: str = "") -> None:
        self.status = gr.HTML("", html_template=render("job.status"), elem_classes="visually-hidden")
        self.notice = gr.HTML(notice)

    def _guarded(self, answered: Callable[[], Updates], emptied: Updates | None = None) -> Updates:
        """What `answered` returns. Whatever goes wrong there becomes a sentence on the page, which is `emptied`."""
        try:
            return answered()
        except DanceDemoError as error:  # which a visitor can mend
            message = str(error)
        except Exception:
            logging.getLogger(type(self).__module__).exception(self.failure)
            message = self.trouble
        return self._failed(message) | (emptied or {})

    def _failed(self, message: str) -> Updates:
        return {self.notice: problem(message)}
