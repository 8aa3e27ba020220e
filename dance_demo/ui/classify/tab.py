"""The first tab: a photo in; the likely forms, a sentence, and where in the picture the model looked.

A photo passes the network once. What the network saw stays with the visitor as a `ShownAnswer`, so another class, view,
opacity or colour only draws again.

The model that ships answers, unless a visitor chose an own one: `own` is this visitor's, and nobody else's.
"""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo
from dance_demo.model.classifier import Classification, Classifier
from dance_demo.model.description import alt_text, describe
from dance_demo.model.directory import ModelCard
from dance_demo.model.heatmap.gradcam import Evidence
from dance_demo.model.heatmap.overlay import COLORMAPS, OPACITY, overlay
from dance_demo.training.neighbours import Neighbour
from dance_demo.ui.classify import markup
from dance_demo.ui.classify.examples import load_examples
from dance_demo.ui.classify.robustness import RobustnessPart
from dance_demo.ui.components.html import render, text
from dance_demo.ui.components.inputs import PhotoInput
from dance_demo.ui.components.model import Model
from dance_demo.ui.components.slider import Slider
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.server.files import own_upload
from dance_demo.ui.server.photo_reader import PHOTOS

DEFAULT_TOP_K, MAX_TOP_K = 3, 8
HEATMAP, CONTRAST = "Heatmap", "Why this and not that"
DEFAULT_STYLE = (HEATMAP, OPACITY, COLORMAPS[0])  # view, opacity in [0, 1], colour map
NOT_FOR_BROWSERS = {".heic", ".heif"}  # most cannot draw these, so the box gets what we decoded
PICTURE: dict[str, Any] = {
    "format": "jpeg",
    "interactive": False,
    "show_label": False,
    "container": False,
    "buttons": [],
}
NO_MAP = np.empty((0, 0, 0), np.float32)
TROUBLE = "Something went wrong on our side. Try again, or try another photo."

CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": "environment"}})  # a phone's back camera

# Photos wait in one line and redraws in another, so that no click on a class waits behind somebody's photo.
PHOTO_LINE: dict[str, Any] = {"concurrency_id": "photos", "concurrency_limit": 2}
REDRAW_LINE: dict[str, Any] = {"concurrency_id": "redraws", "concurrency_limit": 4}


@dataclass(frozen=True, eq=False)
class ShownAnswer:
    """What the server keeps of one visitor's photo: all that the heatmap of any class needs."""

    classifier: Classifier
    classification: Classification  # without its feature map, for which there is the evidence
    evidence: Evidence
    photo_jpeg: bytes
    rank: int = 0  # of the class whose heatmap is shown; 0 is the most probable
    most_like: tuple[Neighbour, ...] = ()  # of the photos that an own model has learned from

    @classmethod
    def of(cls, model: Model, photo: Image.Image) -> "ShownAnswer":
        classifier = model.classifier
        found = classifier.classify(photo)
        evidence, pooled = (
            Evidence.of(found.feature_map, classifier.head),
            classifier.head.pool(found.feature_map[None]),
        )
        most_like = model.neighbours.nearest(pooled[0]) if model.neighbours else ()
        return cls(classifier, replace(found, feature_map=NO_MAP), evidence, jpeg(photo), most_like=most_like)

    @property
    def label(self) -> str:
        return self.classification.predictions[self.rank].label

    @property
    def other(self) -> str:
        """The class that the shown one is held against: the most probable one, or else the second."""
        return self.classification.predictions[0 if self.rank else 1].label

    @property
    def top_label(self) -> str:
        return self.classification.top.label

    @property
    def top_heatmap(self) -> np.ndarray:
        """What speaks for the most probable class, whichever is shown: (h, w) in [0, 1]."""
        return self.evidence.heatmap(self.classifier.class_index(self.top_label))

    def heatmap(self, view: str) -> np.ndarray:
        """Return (h, w) in [0, 1]: what speaks for the shown class, at all or rather than for the other."""
        index = self.classifier.class_index(self.label)
        if view == CONTRAST:
            return self.evidence.contrast_heatmap(index, self.classifier.class_index(self.other))
        return self.evidence.heatmap(index)


class ClassifyTab(Step):
    """The components of the tab, and what happens when a visitor uses them. Make it before the tabs."""

    failure, trouble = "A photo could not be answered", TROUBLE

    def __init__(self, classifier: Classifier, card: ModelCard) -> None:
        self.examples = load_examples()
        self.shipped = Model(classifier, card, self.examples)
        self.own = gr.State(None)  # a Model of this visitor, which then answers instead of the one that ships
        self.answer = gr.State(None)
        self.robustness = RobustnessPart(self.answer)

    def lay_out(self) -> None:
        with gr.Row(visible=False, elem_id="own-model") as self.banner:
            self.whose = gr.HTML()
            self.switch_back = gr.Button("Switch back to the model that ships", size="sm")
        with gr.Row(elem_id="stage"):
            with gr.Column(elem_id="photo-column"):
                self._lay_out_photo()
            with gr.Column(elem_id="answer-column"):
                self._lay_out_messages(_welcome(self.shipped))
                with gr.Row(visible=False, elem_id="result") as self.result:
                    self.headline = gr.HTML(elem_id="headline")
                    with gr.Column(elem_id="where"):
                        self._lay_out_heatmap()
                    with gr.Column(elem_id="ranking"):
                        self._lay_out_ranking()
                    self.form_card = gr.HTML(elem_id="form-card")
                    self.most_like = gr.HTML(visible=False, elem_id="most-like")
                    self.robustness.lay_out(line=PHOTO_LINE, choose=markup.CHOOSE_NUMBER)
        self._connect()

    def _lay_out_photo(self) -> None:
        gr.HTML(render("classify.ways"), js_on_load=markup.script("photo"), elem_id="photo-ways")
        self.photo = PhotoInput(
            label="Your photo",
            show_label=False,
            sources=["upload", "webcam", "clipboard"],
            placeholder="Drop a photo here or click to choose one",
            alt_text="The photo that you chose",
            format="jpeg",
            webcam_options=CAMERA,
            height=320,
            buttons=[],
            elem_id="photo",
        )
        self.gallery = gr.HTML(
            render("classify.examples", examples=self.examples),
            js_on_load=markup.CHOOSE_NUMBER,
            visible=bool(self.examples),
            elem_id="examples",
        )
        gr.HTML(render("classify.privacy"), elem_id="photo-privacy")

    def _lay_out_ranking(self) -> None:
        self.scores = gr.HTML(js_on_load=markup.CHOOSE_NUMBER, elem_id="scores")
        gr.HTML(render("base.quiet", text="Choose a name to see what speaks for it."))
        self.model_line = gr.HTML(render("base.model_line", card=self.shipped.card))

    def _lay_out_heatmap(self) -> None:
        view, opacity, colormap = DEFAULT_STYLE
        with gr.Column(elem_id="compare"):
            self.before = gr.Image(label="Photo", alt_text="Your photo", elem_id="before", **PICTURE)
            self.overlay = gr.Image(label="Heatmap", elem_id="overlay", **PICTURE)
            gr.HTML(render("classify.split"), js_on_load=markup.script("compare"), elem_id="split")
        self.view = gr.Radio([HEATMAP, CONTRAST], value=view, label="Show", show_label=False, elem_id="view")
        self.caption = gr.HTML(elem_id="caption")
        gr.HTML(render("classify.save"), js_on_load=markup.fetched("picture"), elem_id="save")
        with gr.Accordion("More settings", open=False, elem_id="look"):
            most = _most(self.shipped)
            how_many = _how_many(self.shipped)
            self.top_k = Slider(1, most, value=min(DEFAULT_TOP_K, most), step=1, label=how_many, buttons=[])
            self.opacity = Slider(0, 1, value=opacity, step=0.05, label="Opacity", buttons=[])
            self.colormap = gr.Radio([(name.title(), name) for name in COLORMAPS], value=colormap, label="Colour map")
            self.reset = gr.Button("Reset", size="sm")

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        style = [self.view, self.opacity, self.colormap]
        redrawn = [self.answer, self.scores, self.overlay, self.caption, self.form_card, self.status]
        page = [*redrawn, self.notice, self.result, self.headline, self.before, self.photo, self.most_like]
        asked = [self.own, self.top_k, *style]
        private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
        photo = private | PHOTO_LINE | {"outputs": page, "show_progress": "minimal", "show_progress_on": self.photo}
        redraw = private | REDRAW_LINE | {"outputs": page, "show_progress": "hidden"}

        chosen = self.photo.upload(self.show_upload, [self.photo, *asked], **photo)
        tried = self.gallery.click(self.show_example, asked, **photo)
        for event in (chosen, tried):
            event.then(None, js=markup.SHOW_ANSWER, api_visibility="private")

        self.photo.clear(self.show_welcome, self.own, **redraw)
        self.scores.click(self.show_class, [self.answer, *style], **redraw)
        changed = [self.view.input, self.opacity.input, self.colormap.input]
        gr.on(changed, self.redraw, [self.answer, *style], **redraw)
        self.reset.click(self.start_over, self.answer, **{**redraw, "outputs": [*page, *style]})
        self.top_k.input(self.show_ranking, [self.answer, self.top_k], **redraw)

        switched = [*page, self.banner, self.whose, self.top_k, self.model_line, self.gallery]
        self.own.change(self.show_model, [self.answer, *asked], **{**redraw, "outputs": switched})
        self.switch_back.click(lambda: None, None, self.own, **private | REDRAW_LINE)

    def show_upload(self, upload: str | None, own: Model | None, top_k: int, *style: Any) -> Updates:
        """ShownAnswer the photo that was put into the box, by whatever way."""

        def answered() -> Updates:
            path = own_upload(upload or "")
            updates = self._new_answer(own, PHOTOS.open(path), top_k, *style)
            hidden = path.suffix.lower() in NOT_FOR_BROWSERS
            return updates | {self.photo: updates[self.before]} if hidden else updates

        return self._guarded(answered)

    def show_welcome(self, own: Model | None) -> Updates:
        """Go back to the beginning: the photo was taken out of the box."""
        return self._without_answer(_welcome(self._answering(own)))

    def show_example(self, click: gr.EventData, own: Model | None, top_k: int, *style: Any) -> Updates:
        """Put an example into the box and answer it."""

        def answered() -> Updates:
            updates = self._new_answer(own, _example(self._answering(own), click.index), top_k, *style)
            return updates | {self.photo: updates[self.before]}

        return self._guarded(answered)

    def show_class(self, click: gr.EventData, answer: ShownAnswer | None, *style: Any) -> Updates:
        """Draw what speaks for the class whose row was clicked."""
        return self._guarded(lambda: self._redrawn(_of_rank(_kept(answer), getattr(click, "index", None)), *style))

    def redraw(self, answer: ShownAnswer | None, *style: Any) -> Updates:
        """Draw again, with another view, opacity or colour map."""
        return self._guarded(lambda: self._redrawn(_kept(answer), *style))

    def start_over(self, answer: ShownAnswer | None) -> Updates:
        """Draw the most probable class as if nothing had been touched."""
        style = dict(zip((self.view, self.opacity, self.colormap), DEFAULT_STYLE, strict=True))
        return self._guarded(lambda: self._redrawn(replace(_kept(answer), rank=0), *DEFAULT_STYLE) | style)

    def show_ranking(self, answer: ShownAnswer | None, top_k: int) -> Updates:
        """Show more or fewer classes."""
        return self._guarded(lambda: {self.scores: _ranking(_kept(answer).classification, top_k)})

    def show_model(self, answer: ShownAnswer | None, own: Model | None, top_k: int, *style: Any) -> Updates:
        """Say who answers from now on, and ask it about the photo that is there."""
        model = self._answering(own)
        most = _most(model)
        top_k = min(max(top_k, min(DEFAULT_TOP_K, most)), most)
        switched = {
            self.banner: gr.update(visible=own is not None),
            self.whose: render("classify.own_model", card=model.card) if own else "",
            self.model_line: render("base.model_line", card=model.card),
            self.top_k: gr.update(maximum=most, value=top_k, label=_how_many(model)),
            self.gallery: gr.update(
                value=markup.examples(own) if own and own.examples else self.gallery.value,
                visible=bool(model.examples),
            ),
        }
        if answer is None:
            return switched | self.show_welcome(own)
        photo = open_photo(answer.photo_jpeg)
        return switched | self._guarded(lambda: self._new_answer(own, photo, top_k, *style))

    def _answering(self, own: Model | None) -> Model:
        """Who answers. An own model without photos of its visitor is tried with ours, if it knows no other classes."""
        if own is None:
            return self.shipped
        known = set(own.classifier.class_names) <= set(self.shipped.classifier.class_names)
        return replace(own, examples=self.examples) if known and not own.examples else own

    def _new_answer(self, own: Model | None, photo: Image.Image, top_k: int, *style: Any) -> Updates:
        answer = ShownAnswer.of(own or self.shipped, photo)
        classification = answer.classification
        heatmap = answer.heatmap(HEATMAP)
        sentence = describe(classification, heatmap)
        view = style[0]
        drawn = self._drawn(answer, photo, heatmap if view == HEATMAP else answer.heatmap(view), *style)
        return drawn | {
            self.scores: gr.update(value=_ranking(classification, top_k), **drawn[self.scores]),
            self.before: photo,
            self.headline: markup.headline(classification, sentence, note=photo.info.get("note", "")),
            self.status: text(sentence),
            self.most_like: gr.update(value=markup.most_like(answer.most_like), visible=bool(answer.most_like)),
            self.notice: gr.update(visible=False),
            self.result: gr.update(visible=True),
        }

    def _redrawn(self, answer: ShownAnswer, view: str, opacity: float, colormap: str) -> Updates:
        """The same answer with another class, view, opacity or colour map."""
        return self._drawn(answer, open_photo(answer.photo_jpeg), answer.heatmap(view), view, opacity, colormap)

    def _drawn(
        self, answer: ShownAnswer, photo: Image.Image, heatmap: np.ndarray, view: str, opacity: float, colormap: str
    ) -> Updates:
        other = answer.other if view == CONTRAST else None
        sure = answer.classification.sure
        words = alt_text(answer.label, heatmap, other)
        return {
            self.answer: answer,
            self.overlay: gr.update(value=overlay(photo, heatmap, opacity=opacity, colormap=colormap), alt_text=words),
            self.caption: render("classify.caption", words=words),
            self.status: text(words),
            self.form_card: markup.form_card(answer.label, sure=sure),
            self.scores: gr.update(elem_classes=[f"rank-{answer.rank}", "sure" if sure else "unsure"]),
        }

    def _failed(self, message: str) -> Updates:
        """A sentence, and no old answer beside it."""
        return self._without_answer(render("base.problem", message=message)) | {self.photo: None}

    def _without_answer(self, notice: str) -> Updates:
        return {
            self.answer: None,
            self.notice: gr.update(value=notice, visible=True),
            self.result: gr.update(visible=False),
            self.status: "",
        }


def _welcome(model: Model) -> str:
    names = model.classifier.class_names
    return render("classify.welcome", class_names=names, words=model.words, examples=bool(model.examples))


def _how_many(model: Model) -> str:
    return f"How many {model.words.several}"


def _example(model: Model, number: int) -> Image.Image:
    """One of its examples. Raises PhotoError where it is gone: a visitor's own photos are not kept for long."""
    path = model.examples[number].path
    if not path.is_file():
        raise PhotoError("This photo is no longer kept here. Choose it again from your own files.")
    return open_photo(path)


def _most(model: Model) -> int:
    """How many classes can be listed at most."""
    return min(MAX_TOP_K, len(model.classifier.class_names))


def _kept(answer: ShownAnswer | None) -> ShownAnswer:
    if answer is None:
        raise PhotoError("This visit has ended and its photo is no longer kept. Choose the photo again.")
    return answer


def _of_rank(answer: ShownAnswer, rank: object) -> ShownAnswer:
    """The same answer with the class of this rank; the one that is shown, if there is no such rank."""
    known = range(len(answer.classification.predictions))
    return replace(answer, rank=rank) if isinstance(rank, int) and rank in known else answer


def _ranking(classification: Classification, top_k: int) -> str:
    """The most probable classes as rows that can be chosen."""
    return render("base.scores", answer=classification, most=top_k, buttons=True)
