"""The tab "Live": a running camera, its likely forms and a heatmap that run along, and a button to freeze both.

The browser does the showing (live.js); the server answers one small picture after the other (live_frames).
"""

import gradio as gr

from dance_demo.classifier import Classifier
from dance_demo.model_store import ModelCard
from dance_demo.ui import live_markup, markup
from dance_demo.ui.live_frames import LiveFrames


class LiveTab:
    """The components of the tab. Make it inside a `gr.Tab`; the server needs its `frames.route`."""

    def __init__(self, classifier: Classifier, card: ModelCard) -> None:
        self.frames = LiveFrames(classifier)
        with gr.Column(elem_id="live"):
            gr.HTML(live_markup.live(classifier.class_names), js_on_load=live_markup.script())
            gr.HTML(live_markup.PRIVACY)
            gr.HTML(markup.model_line(card))
