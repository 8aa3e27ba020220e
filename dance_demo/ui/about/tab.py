"""The last tab: how the answer comes about, how good it is, what it cannot do, and what happens to photos."""

import os

import gradio as gr

from dance_demo.forms import SOURCES
from dance_demo.model.directory import ModelCard
from dance_demo.ui.components.html import render

HOW = """
## How it works
1. A small network (MobileNetV2) looks at the photo once and notes, for each of 8 × 8 places, what it sees there.
2. A linear layer turns these notes into one probability per dance form.
3. The same notes, weighted by what speaks for one form, are the heatmap (Grad-CAM). So every form has its own,
   at no extra cost: choose a row to see it.

**"Why this and not that"** shows where the photo speaks for one form *rather than* for another.
"""

LIMITS = """
## What it cannot do
- It sees one still picture. A dance is music and movement, and several forms share costume and jewellery.
- It knows its own forms only. Other dances are told apart from them most of the time, not always: then the page says
  that it is not sure.
- It judges costume, pose and stage, never the person. A costume is not an identity.

## Your photo
It goes to the server that runs this page and nowhere else, is read in memory, and its file is deleted within about an
hour. Nothing is used for training. No account, no cookies for tracking, no requests to other servers.
"""

ON_SPACES = """
## This Space forgets
It goes to sleep when nobody visits, and wakes up empty. A head that you train here is kept nowhere: download its bundle
in the last step of "Train your own", and upload it there when you come back.
"""


def about(card: ModelCard) -> None:
    """Lay out the tab; call it inside a `gr.Tab`."""
    with gr.Column(elem_id="about"):
        gr.Markdown(HOW)
        gr.HTML(render("about.model", card=card))
        gr.Markdown(LIMITS)
        if os.environ.get("SYSTEM") == "spaces":
            gr.Markdown(ON_SPACES)
        gr.HTML(render("about.sources", sources=SOURCES))
