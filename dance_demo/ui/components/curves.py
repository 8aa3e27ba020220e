"""Loss and accuracy by epoch as native plots, which know dark mode and grow while a training runs."""

from collections.abc import Sequence
from typing import Any, Literal

import gradio as gr

from dance_demo.training.result import EpochReport

TRAINING, VALIDATION = "training", "validation"
COLOURS = {TRAINING: "#d55e00", VALIDATION: "#0072b2"}  # told apart by the colour-blind (Okabe and Ito 2008)
HEIGHT_PX = 260
# How a plot goes: Gradio's goes on watching its size when it has been taken from the page or has no value any more, and
# that fails.
HIDDEN: Literal["hidden"] = "hidden"
# The same for a row of plots in a tab that nobody looks at: there Gradio does not hear of "hidden".
THERE, AWAY = gr.update(visible=True, elem_classes=["curves"]), gr.update(elem_classes=["curves", "away"])


def plot(measure: str, title: str, **settings: Any) -> gr.LinePlot:
    """An empty plot of "loss" or "accuracy"."""
    limits = {"y_lim": [0, 1], "y_axis_format": ".0%"} if measure == "accuracy" else {"y_lim": [0, None]}
    return gr.LinePlot(
        x="epoch",
        y=measure,
        color="photos",
        color_map=COLOURS,
        title=title,
        x_title="epoch",
        y_title=" ",
        color_title=" ",
        height=HEIGHT_PX,
        buttons=[],
        **limits,
        **settings,
    )


def frame(history: Sequence[EpochReport], measure: str) -> Any:
    """A table with one row for each point. Of several folds, the mean over those that came so far."""
    import pandas  # as gradio's plots do

    rows = [(r.epoch, getattr(r, f"{prefix}{measure}"), name) for r in history for prefix, name in _KINDS]
    points = pandas.DataFrame(rows, columns=["epoch", measure, "photos"])
    return points.groupby(["photos", "epoch"], as_index=False)[measure].mean()


_KINDS = (("", TRAINING), ("validation_", VALIDATION))
