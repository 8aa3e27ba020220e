"""A slider beside which a number is typed: its field is empty for a moment, and holds what is too large."""

import math
from typing import Any

import gradio as gr

from dance_demo.ui.gradio_private import WithoutStub


class Slider(gr.Slider, metaclass=WithoutStub):
    """Takes the nearest number that it can have, and the least for what is none, as its field does when it is left.

    Gradio's own fails, with a traceback in the log, whenever somebody empties the field to type another number.
    """

    is_template = True  # the page shows it as the one that it is made from

    def preprocess(self, payload: Any) -> float:
        number = payload if isinstance(payload, int | float) and math.isfinite(payload) else self.minimum
        taken: float = super().preprocess(min(max(number, self.minimum), self.maximum))
        return taken
