"""The same answers for programs: what `gradio_client`, plain HTTP and an assistant can ask of the running app.

    photo as an upload     /classify, /explain, /predict_many      wait in the line of the page
    photo as base64        /name_dance, /explain_dance             wait in a short line of their own, answer at once
    no photo               /forms, /model, /health                 never wait

The docstrings here are what "Use via API", the OpenAPI document and an assistant show: text for callers.
"""

import asyncio
import base64
import functools
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from dance_demo.classifier import Classifier
from dance_demo.errors import DanceDemoError, PhotoError
from dance_demo.forms import FORMS
from dance_demo.model_store import ModelCard
from dance_demo.narration import alt_text
from dance_demo.overlay import overlay
from dance_demo.photos import open_photo
from dance_demo.ui.classify_tab import DEFAULT_TOP_K, PHOTO_LINE, TROUBLE
from dance_demo.ui.guard import own_upload
from dance_demo.ui.photo_input import PhotoInput

MAX_PHOTOS = 200  # in one call of /predict_many
MAX_BASE64 = 4_000_000  # letters: a photo of 3 MB; the guard lets little more through
AT_ONCE, WAITING_AT_MOST = 2, 10  # calls with a photo in base64; both are for everybody together
LICENCE = "The initial ImageNet weights are Google's MobileNetV2, Apache-2.0."
NO_BASE64 = (
    "This is no photo in base64. Send the bytes of a photo file, base64-encoded; addresses and paths are not opened."
)
BUSY = "Too many photos at this moment. Try again in a few seconds."
EXAMPLE_FILE = {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}  # reads as handle_file

log = logging.getLogger(__name__)


def add_endpoints(classifier: Classifier, card: ModelCard) -> None:
    """Add the endpoints to the page around; nothing of them is visible there."""
    _add_calls_with_uploads(classifier)
    _add_calls_with_base64(classifier)
    _add_calls_without_photo(classifier, card)


def _add_calls_with_uploads(classifier: Classifier) -> None:
    """`/classify`, `/explain`, `/predict_many`: the photo is uploaded first, as the page and the clients do."""
    k = len(classifier.class_names)

    @for_programs
    def classify(photo: str, top_k: int) -> dict[str, Any]:
        """Name the dance forms in one photo, the most probable first.

        Parameters:
            photo: an uploaded photo file: JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC, at most 20 MB
            top_k: how many forms to name
        Returns:
            {"predictions": [{"label", "probability"}], "sure", "note"}; where sure is false, note says why
        """
        return _classified(classifier, _uploaded(photo), top_k)

    @for_programs
    def explain(photo: str, label: str) -> tuple[Image.Image, str]:
        """Colour the photo where it speaks for one form, and say in a sentence where that is.

        Parameters:
            photo: an uploaded photo file
            label: the form to explain, as /classify spells it; "" for the most probable one
        """
        return _explained(classifier, _uploaded(photo), label)

    @for_programs
    def predict_many(files: list[str]) -> list[dict[str, Any]]:
        """Name the dance forms in many photos. One that cannot be read has an "error" instead of predictions.

        Parameters:
            files: 1 to 200 uploaded photo files
        Returns:
            one answer of /classify for each file, in their order, with the file's name as "photo"
        """
        if not files or len(files) > MAX_PHOTOS:
            raise PhotoError(f"Send from 1 to {MAX_PHOTOS} photos at a time. Received: {len(files or ())}")
        return [_row(classifier, file) for file in files]

    with gr.Row(visible=False):
        photo = with_example(PhotoInput(label="Photo"), EXAMPLE_FILE)
        top_k = _top_k_input(k)
        label = with_example(gr.Textbox(label=_label_text(classifier)), classifier.class_names[0])
        files = with_example(gr.File(label="Photos", file_count="multiple"), [EXAMPLE_FILE])
        answer, rows = gr.JSON(label="Answer"), gr.JSON(label="Answers")
        picture, sentence = gr.Image(label="Picture", format="jpeg"), gr.Textbox(label="Sentence")
        button = gr.Button()
    button.click(classify, [photo, top_k], answer, api_name="classify", **PHOTO_LINE)
    button.click(explain, [photo, label], [picture, sentence], api_name="explain", **PHOTO_LINE)
    button.click(predict_many, files, rows, api_name="predict_many", **PHOTO_LINE)


def _add_calls_with_base64(classifier: Classifier) -> None:
    """`/name_dance` and `/explain_dance`: the photo is a text in the call, for assistants and for one line of curl."""
    line = Line()

    @line.one_by_one
    @for_programs
    def name_dance(image: str, top_k: int) -> dict[str, Any]:
        """Which Indian classical dance is this? Names the forms in one photo, the most probable first.
        Where "sure" is false, say so: "note" tells why. Probabilities are from 0 to 1.

        Parameters:
            image: the bytes of a photo file, base64-encoded, at most 3 MB; 1,000 pixels are enough
            top_k: how many forms to name
        Returns:
            {"predictions": [{"label", "probability"}], "sure", "note"}
        """
        return _classified(classifier, _decoded(image), top_k)

    @line.one_by_one
    @for_programs
    def explain_dance(image: str, label: str) -> tuple[Image.Image, str]:
        """Why this dance? Colours the photo where it speaks for one form, and says in a sentence where that is.

        Parameters:
            image: the bytes of a photo file, base64-encoded, at most 3 MB
            label: the form to explain, as name_dance spells it; left out, the most probable one
        """
        return _explained(classifier, _decoded(image), label)

    example = "/9j/4AAQSkZJRgABAQAAAQABAAD..."
    with gr.Row(visible=False):
        image = with_example(gr.Textbox(label="Photo file in base64"), example)
        top_k = _top_k_input(len(classifier.class_names))
        label = with_example(gr.Textbox("", label=_label_text(classifier)), classifier.class_names[0])
        answer = gr.JSON(label="Answer")
        picture, sentence = gr.Image(label="Picture", format="jpeg"), gr.Textbox(label="Sentence")
        button = gr.Button()
    button.click(name_dance, [image, top_k], answer, api_name="name_dance", queue=False)
    button.click(explain_dance, [image, label], [picture, sentence], api_name="explain_dance", queue=False)


def _add_calls_without_photo(classifier: Classifier, card: ModelCard) -> None:
    """`/forms`, `/model`, `/health`: what is known before anybody sends a photo."""

    @for_programs
    def forms() -> list[dict[str, Any]]:
        """The eight classical dances of India: region, music, what to look for, what each is confused with."""
        return [{"label": label, **asdict(form)} for label, form in FORMS.items()]

    @for_programs
    def model() -> dict[str, Any]:
        """The card of the model that answers: its classes, how accuracy was held out and what it was, licence."""
        return _card(classifier, card)

    @for_programs
    def health() -> dict[str, Any]:
        """Whether the app can answer, and with which model. GET /health says the first part without a call."""
        return {"status": "ok", "model": card.name, "classes": len(classifier.class_names)}

    with gr.Row(visible=False):
        answers = {
            forms: gr.JSON(label="Forms"),
            model: gr.JSON(label="Model"),
            health: gr.JSON(label="Health"),
        }
        button = gr.Button()
    for endpoint, answer in answers.items():
        button.click(endpoint, None, answer, api_name=endpoint.__name__, queue=False)


class Refused(gr.Error):
    """A sentence for programs: not escaped, because no page shows it, and not in quotes, as Gradio's own reads."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


class Line:
    """Lets a few calls work at a time and a few wait; to the others it says so at once.

    Calls that Gradio does not queue would otherwise take all threads of the server.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING_AT_MOST) -> None:
        self._free, self._places = asyncio.Semaphore(at_once), at_once + waiting

    def one_by_one(self, endpoint: Callable) -> Callable:
        @functools.wraps(endpoint)
        async def in_turn(*args: Any) -> Any:
            if not self._places:  # only the loop of the server comes here
                raise Refused(BUSY)
            self._places -= 1
            try:
                async with self._free:
                    return await asyncio.to_thread(endpoint, *args)
            finally:
                self._places += 1

        return in_turn


def for_programs(endpoint: Callable) -> Callable:
    """What a caller can mend is told as it is; anything else is logged, and told in a neutral sentence."""

    @functools.wraps(endpoint)
    def told(*args: Any) -> Any:
        try:
            return endpoint(*args)
        except DanceDemoError as error:
            message = str(error)
        except Exception:
            log.exception("%s failed", endpoint.__name__)
            message = TROUBLE
        raise Refused(message)

    return told


def with_example(component: gr.components.Component, example: Any) -> gr.components.Component:
    """The component, with an example for "Use via API" that this app takes; Gradio's own is an address elsewhere."""
    component.example_payload = lambda: example
    return component


def _top_k_input(k: int) -> gr.Number:
    value = min(DEFAULT_TOP_K, k)
    return with_example(gr.Number(value, label=f"How many forms, 1 to {k}", precision=0), value)


def _label_text(classifier: Classifier) -> str:
    return f"Class: {', '.join(classifier.class_names)}"


def _classified(classifier: Classifier, photo: Image.Image, top_k: int) -> dict[str, Any]:
    k = len(classifier.class_names)
    if not isinstance(top_k, int) or not 1 <= top_k <= k:
        raise PhotoError(f"top_k must be a whole number from 1 to {k}. Received: {top_k!r:.40}")
    return classifier.classify(photo).to_json(top_k)


def _explained(classifier: Classifier, photo: Image.Image, label: str) -> tuple[Image.Image, str]:
    """The overlay and its sentence for this label, or for the most probable one where there is none."""
    classification = classifier.classify(photo)
    label = label or classification.top.label
    heatmap = classifier.heatmap(classification, label)
    return overlay(photo, heatmap), alt_text(label, heatmap)


def _uploaded(upload: str | None) -> Image.Image:
    if upload is None:
        raise PhotoError("Choose a picture first.")
    return open_photo(own_upload(upload))


def _decoded(text: str | None) -> Image.Image:
    """The photo in a base64 text, with or without "data:...;base64," before it. Nothing is fetched or opened."""
    if not text:
        raise PhotoError("Choose a picture first.")
    if len(text) > MAX_BASE64:
        raise PhotoError(f"The photo is larger than {MAX_BASE64 * 3 // 4 / 1e6:g} MB. Send it smaller.")
    letters = text.partition(",")[2] if text[:5].lower() == "data:" else text
    try:
        content = base64.b64decode("".join(letters.split()), validate=True)
    except ValueError:  # also for letters that are not ASCII
        raise PhotoError(NO_BASE64) from None
    return open_photo(content)


def _row(classifier: Classifier, upload: str) -> dict[str, Any]:
    name = Path(upload).name
    try:
        return {"photo": name, **classifier.classify(_uploaded(upload)).to_json(len(classifier.class_names))}
    except DanceDemoError as error:
        return {"photo": name, "error": str(error)}


def _card(classifier: Classifier, card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "summary": card.summary(),
        "class_names": list(classifier.class_names),
        "photos_per_class": dict(card.photos_per_class),
        "evaluation": dict(card.evaluation),
        "sha256": dict(card.files),
        "licence": LICENCE,
    }
