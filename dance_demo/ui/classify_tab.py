"""The first tab: a photo in; the likely forms, a sentence, and where in the picture the model looked.

A photo passes the network once. What the network saw stays with the visitor as an `Answer`, so another class, view,
opacity or colour only draws again.

The model that ships answers, unless a visitor chose an own one: `own` is this visitor's, and nobody else's.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from dance_demo.classifier import Classification, Classifier
from dance_demo.errors import PhotoError
from dance_demo.forms import display_name
from dance_demo.model_store import ModelCard
from dance_demo.narration import alt_text, describe
from dance_demo.overlay import COLORMAPS, overlay
from dance_demo.photos import open_photo
from dance_demo.ui import markup
from dance_demo.ui.examples import jpeg, load_examples
from dance_demo.ui.guard import own_upload
from dance_demo.ui.photo_input import PhotoInput
from dance_demo.ui.told import told

DEFAULT_TOP_K, MAX_TOP_K = 3, 8
HEATMAP, CONTRAST = "Heatmap", "Why this and not that"
DEFAULT_LOOK = (HEATMAP, 0.6, COLORMAPS[0])  # view, opacity in [0, 1], colour map
NOT_FOR_BROWSERS = {".heic", ".heif"}  # most cannot draw these, so the box gets what we decoded
TROUBLE = "Something went wrong on our side. Try again, or try another photo."

CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": "environment"}})  # a phone's back camera

# Photos wait in one line and redraws in another, so that no click on a class waits behind somebody's photo.
PHOTO_LINE: dict[str, Any] = {"concurrency_id": "photos", "concurrency_limit": 2}
REDRAW_LINE: dict[str, Any] = {"concurrency_id": "redraws", "concurrency_limit": 4}

log = logging.getLogger(__name__)
Updates = dict[gr.blocks.Block, Any]  # what changes on the page


@dataclass(frozen=True, eq=False)
class Model:
    """Who answers: a classifier, and the card that says how good it is. Immutable, like both."""

    classifier: Classifier
    card: ModelCard


@dataclass(frozen=True, eq=False)
class Answer:
    """What the server keeps of one visitor's photo: all that the heatmap of any class needs."""

    classifier: Classifier
    classification: Classification
    photo_jpeg: bytes
    rank: int = 0  # of the class whose heatmap is shown; 0 is the most probable

    @property
    def label(self) -> str:
        return self.classification.predictions[self.rank].label

    @property
    def other(self) -> str:
        """The class that the shown one is held against: the most probable one, or else the second."""
        return self.classification.predictions[0 if self.rank else 1].label

    def heatmap(self, view: str) -> np.ndarray:
        """Return (h, w) in [0, 1]: what speaks for the shown class, at all or rather than for the other."""
        if view == CONTRAST:
            return self.classifier.contrast(self.classification, self.label, self.other)
        return self.classifier.heatmap(self.classification, self.label)


class ClassifyTab:
    """The components of the tab, and what happens when a visitor uses them. Make it inside a `gr.Tab`."""

    def __init__(self, classifier: Classifier, card: ModelCard) -> None:
        self.shipped = Model(classifier, card)
        self.own = gr.State(None)  # a Model of this visitor, which then answers instead of the one that ships
        self.examples = load_examples()
        self.answer = gr.State(None)
        with gr.Row(visible=False, elem_id="own-model") as self.banner:
            self.whose = gr.HTML()
            self.switch_back = gr.Button("Switch back to the model that ships", size="sm")
        with gr.Row(elem_id="stage"):
            with gr.Column(elem_id="photo-column"):
                self._lay_out_photo()
            with gr.Column(elem_id="answer-column"):
                self.status = gr.HTML("", html_template='<p role="status">${value}</p>', elem_classes="visually-hidden")
                self.notice = gr.HTML(markup.welcome(classifier.class_names))
                with gr.Row(visible=False, elem_id="result") as self.result:
                    with gr.Column(elem_id="ranking"):
                        self._lay_out_ranking()
                    with gr.Column(elem_id="where"):
                        self._lay_out_heatmap()
                    self.form_card = gr.HTML(elem_id="form-card")
        self._connect()

    def _lay_out_photo(self) -> None:
        self.photo = PhotoInput(
            label="Photo of a dancer",
            show_label=False,
            sources=["upload", "webcam", "clipboard"],
            placeholder="Drop a photo here\nor click to choose one",
            alt_text="The photo that you chose",
            format="jpeg",
            webcam_options=CAMERA,
            height=320,
            buttons=[],
            elem_id="photo",
        )
        self.gallery = gr.HTML(
            markup.example_buttons(self.examples),
            js_on_load=markup.CHOOSE_EXAMPLE,
            visible=bool(self.examples),
            elem_id="examples",
        )
        gr.HTML(markup.PRIVACY)

    def _lay_out_ranking(self) -> None:
        self.headline = gr.HTML()
        self.scores = gr.Label(show_heading=False, show_label=False, container=False, label="Forms", elem_id="scores")
        gr.HTML('<p class="quiet">Choose a form to see what speaks for it.</p>')
        most = _most(self.shipped)
        self.top_k = gr.Slider(1, most, value=min(DEFAULT_TOP_K, most), step=1, label="How many forms", buttons=[])
        self.model_line = gr.HTML(markup.model_line(self.shipped.card))

    def _lay_out_heatmap(self) -> None:
        view, opacity, colormap = DEFAULT_LOOK
        self.view = gr.Radio([HEATMAP, CONTRAST], value=view, label="Show", show_label=False, elem_id="view")
        with gr.Column(elem_id="compare"):
            picture = {"format": "jpeg", "interactive": False, "show_label": False, "container": False, "buttons": []}
            self.before = gr.Image(label="Photo", alt_text="Your photo", elem_id="before", **picture)
            self.overlay = gr.Image(label="Heatmap", elem_id="overlay", **picture)
            gr.HTML(markup.SPLIT, elem_id="split")
        self.caption = gr.HTML(elem_id="caption")
        with gr.Accordion("Colours and opacity", open=False, elem_id="look"):
            self.opacity = gr.Slider(0, 1, value=opacity, step=0.05, label="Opacity", buttons=[])
            self.colormap = gr.Radio([(name.title(), name) for name in COLORMAPS], value=colormap, label="Colour map")
            self.reset = gr.Button("Reset", size="sm")

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        look = [self.view, self.opacity, self.colormap]
        redrawn = [self.answer, self.scores, self.overlay, self.caption, self.form_card, self.status]
        page = [*redrawn, self.notice, self.result, self.headline, self.before, self.photo]
        asked = [self.own, self.top_k, *look]
        private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
        photo = private | PHOTO_LINE | {"outputs": page, "show_progress": "minimal", "show_progress_on": self.photo}
        redraw = private | REDRAW_LINE | {"outputs": page, "show_progress": "hidden"}

        chosen = self.photo.upload(self.show_upload, [self.photo, *asked], **photo)
        tried = self.gallery.click(self.show_example, asked, **photo)
        for event in (chosen, tried):
            event.then(None, js=markup.SHOW_ANSWER, api_visibility="private")

        self.photo.clear(self.show_welcome, self.own, **redraw)
        self.scores.select(self.show_class, [self.answer, *look], **redraw)
        changed = [self.view.input, self.opacity.input, self.colormap.input]
        gr.on(changed, self.redraw, [self.answer, *look], **redraw)
        self.reset.click(self.start_over, self.answer, **{**redraw, "outputs": [*page, *look]})
        self.top_k.input(self.show_ranking, [self.answer, self.top_k], **redraw)

        switched = [*page, self.banner, self.whose, self.top_k, self.model_line]
        self.own.change(self.show_model, [self.answer, *asked], **{**redraw, "outputs": switched})
        self.switch_back.click(lambda: None, None, self.own, **private | REDRAW_LINE)

    def show_upload(self, upload: str | None, own: Model | None, top_k: int, *look: Any) -> Updates:
        """Answer the photo that was put into the box, by whatever way."""

        def answered() -> Updates:
            path = own_upload(upload or "")
            updates = self._new_answer(own, open_photo(path), top_k, *look)
            hidden = path.suffix.lower() in NOT_FOR_BROWSERS
            return updates | {self.photo: updates[self.before]} if hidden else updates

        return self._guarded(answered)

    def show_welcome(self, own: Model | None) -> Updates:
        """Go back to the beginning: the photo was taken out of the box."""
        return self._without_answer(markup.welcome((own or self.shipped).classifier.class_names))

    def show_example(self, click: gr.EventData, own: Model | None, top_k: int, *look: Any) -> Updates:
        """Put an example into the box and answer it."""

        def answered() -> Updates:
            updates = self._new_answer(own, open_photo(self.examples[click.index].path), top_k, *look)
            return updates | {self.photo: updates[self.before]}

        return self._guarded(answered)

    def show_class(self, click: gr.SelectData, answer: Answer | None, *look: Any) -> Updates:
        """Draw what speaks for the class whose row was clicked."""
        return self._guarded(lambda: self._drawn(replace(_kept(answer), rank=click.index), *look))

    def redraw(self, answer: Answer | None, *look: Any) -> Updates:
        """Draw again, with another view, opacity or colour map."""
        return self._guarded(lambda: self._drawn(_kept(answer), *look))

    def start_over(self, answer: Answer | None) -> Updates:
        """Draw the most probable class as if nothing had been touched."""
        look = dict(zip((self.view, self.opacity, self.colormap), DEFAULT_LOOK, strict=True))
        return self._guarded(lambda: self._drawn(replace(_kept(answer), rank=0), *DEFAULT_LOOK) | look)

    def show_ranking(self, answer: Answer | None, top_k: int) -> Updates:
        """Show more or fewer classes."""
        return self._guarded(lambda: {self.scores: _ranking(_kept(answer).classification, top_k)})

    def show_model(self, answer: Answer | None, own: Model | None, top_k: int, *look: Any) -> Updates:
        """Say who answers from now on, and ask it about the photo that is there."""
        model = own or self.shipped
        most = _most(model)
        top_k = min(max(top_k, min(DEFAULT_TOP_K, most)), most)
        switched = {
            self.banner: gr.update(visible=own is not None),
            self.whose: markup.own_model(model.card) if own else "",
            self.model_line: markup.model_line(model.card),
            self.top_k: gr.update(maximum=most, value=top_k),
        }
        if answer is None:
            return switched | self.show_welcome(own)
        photo = open_photo(answer.photo_jpeg)
        return switched | self._guarded(lambda: self._new_answer(own, photo, top_k, *look))

    def _new_answer(self, own: Model | None, photo: Image.Image, top_k: int, *look: Any) -> Updates:
        classifier = (own or self.shipped).classifier
        answer = Answer(classifier, classifier.classify(photo), jpeg(photo))
        classification = answer.classification
        sentence = describe(classification, answer.classifier.heatmap(classification, answer.label))
        drawn = self._drawn(answer, *look)
        return drawn | {
            self.scores: gr.update(value=_ranking(classification, top_k), **drawn[self.scores]),
            self.before: photo,
            self.headline: markup.headline(classification, sentence, note=photo.info.get("note", "")),
            self.status: escape(sentence),
            self.notice: gr.update(visible=False),
            self.result: gr.update(visible=True),
        }

    def _drawn(self, answer: Answer, view: str, opacity: float, colormap: str) -> Updates:
        other = answer.other if view == CONTRAST else None
        sure = answer.classification.sure
        heatmap = answer.heatmap(view)
        words = alt_text(answer.label, heatmap, other)
        picture = overlay(open_photo(answer.photo_jpeg), heatmap, opacity=opacity, colormap=colormap)
        return {
            self.answer: answer,
            self.overlay: gr.update(value=picture, alt_text=words),
            self.caption: markup.caption(words),
            self.status: escape(words),
            self.form_card: markup.form_card(answer.label, sure=sure),
            self.scores: gr.update(elem_classes=[f"rank-{answer.rank}", "sure" if sure else "unsure"]),
        }

    def _guarded(self, answered: Callable[[], Updates]) -> Updates:
        """Whatever goes wrong becomes a sentence on the page, and no old answer stays beside it."""
        return told(
            answered,
            lambda message: self._without_answer(markup.problem(message)) | {self.photo: None},
            log=log,
            what="A photo could not be answered",
            trouble=TROUBLE,
        )

    def _without_answer(self, notice: str) -> Updates:
        return {
            self.answer: None,
            self.notice: gr.update(value=notice, visible=True),
            self.result: gr.update(visible=False),
            self.status: "",
        }


def _most(model: Model) -> int:
    """How many forms can be listed at most."""
    return min(MAX_TOP_K, len(model.classifier.class_names))


def _kept(answer: Answer | None) -> Answer:
    if answer is None:
        raise PhotoError("This visit has ended and its photo is no longer kept. Choose the photo again.")
    return answer


def _ranking(classification: Classification, top_k: int) -> dict[str, float]:
    """Names for people -> probabilities, the most probable first."""
    return {display_name(p.label): p.probability for p in classification.predictions[:top_k]}
