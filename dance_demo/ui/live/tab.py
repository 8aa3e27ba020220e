"""The tab "Live": a running camera, its likely forms and a heatmap that run along, and a button to freeze both.

The browser does the showing (live.js) and, where it can, the answering (js/engine.js); else the server answers one
small picture after the other (live.frames).
"""

import gradio as gr

from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import QUICK
from dance_demo.ui.components.model import Model
from dance_demo.ui.live import local, markup
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.server.limits.shares import Shares


class LiveTab:
    """The components of the tab. Lay it out in a `gr.Tab`; the server needs its `routes`.

    With `on_server` the server answers every camera, else the visitor's browser does if it can.
    """

    def __init__(self, classify: ClassifyTab, shares: Shares | None = None, *, on_server: bool = False) -> None:
        self.classify, self.on_server = classify, on_server
        self.frames = LiveFrames(classify.shipped.classifier, shares)
        self.routes = (self.frames.route, *local.routes(self.frames.classifier_of, self.frames.backbone_of))

    def lay_out(self) -> None:
        with gr.Column(elem_id="live"):
            self.whose = gr.HTML(self._whose(None), elem_id="live-model")
            live = markup.live(self.classify.shipped.classifier.class_names, on_server=self.on_server)
            gr.HTML(live, js_on_load=markup.script())
            self.model_line = gr.HTML(render("base.model_line", card=self.classify.shipped.card))
        self.classify.own.change(self.show_model, self.classify.own, [self.whose, self.model_line], **QUICK)

    def show_model(self, own: Model | None) -> tuple[str, str]:
        """Say who answers from now on, to the visitor and to the script."""
        return self._whose(own), render("base.model_line", card=(own or self.classify.shipped).card)

    def _whose(self, own: Model | None) -> str:
        classifier = (own or self.classify.shipped).classifier
        return markup.whose(own, self.frames.number_of(classifier), classifier.class_names)
