"""What the browser remembers of a visitor, so that a page that was closed or reloaded finds its jobs again.

Each thing has a state of its own, which one part of the page writes: of two answers at the same moment neither undoes
the other. It is no secret and proves nothing: whoever knows the id of a job may look at it, and ids cannot be guessed.
What comes back from a browser may be anything, and is checked.
"""

import re
from typing import Any

import gradio as gr

NO_JOB = "none"  # what is empty or None, Gradio does not write over what the browser remembers
TRAININGS_REMEMBERED = 20
_ID = re.compile("[0-9a-f]{32}")


def remembered(value: Any, storage_key: str) -> gr.BrowserState:
    """A value that a reload does not lose; make it outside of tabs.

    The secret is none, every page has it. But one made anew at each start could not read what was stored.
    """
    return gr.BrowserState(value, storage_key=storage_key, secret="dance-demo")


def job_ids(stored: Any) -> list[str]:
    """The ids of the latest trainings in a list from the browser."""
    return [id for id in stored if _is_id(id)][-TRAININGS_REMEMBERED:] if isinstance(stored, list) else []


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))
