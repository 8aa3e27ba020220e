"""The same answers for programs: `/classify`, `/explain` and `/predict_many`, for `gradio_client` and plain HTTP."""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from dance_demo.classifier import Classifier
from dance_demo.errors import DanceDemoError, PhotoError
from dance_demo.narration import alt_text
from dance_demo.overlay import overlay
from dance_demo.photos import open_photo
from dance_demo.ui.classify_tab import DEFAULT_TOP_K, PHOTO_LINE, TROUBLE
from dance_demo.ui.guard import own_upload
from dance_demo.ui.photo_input import PhotoInput

MAX_PHOTOS = 200  # in one call of /predict_many

log = logging.getLogger(__name__)


def add_endpoints(classifier: Classifier) -> None:
    """Add the endpoints to the page around; nothing of them is visible there."""
    k = len(classifier.class_names)

    @for_programs
    def classify(photo: str, top_k: int) -> dict[str, Any]:
        """Name the dance forms in one photo, the most probable first."""
        if not isinstance(top_k, int) or not 1 <= top_k <= k:
            raise PhotoError(f"top_k must be a whole number from 1 to {k}. Received: {top_k!r:.40}")
        return classifier.classify(_photo(photo)).to_json(top_k)

    @for_programs
    def explain(photo: str, label: str) -> tuple[Image.Image, str]:
        """Colour the photo where it speaks for one class, and say in a sentence where that is."""
        opened = _photo(photo)
        heatmap = classifier.heatmap(classifier.classify(opened), label)
        return overlay(opened, heatmap), alt_text(label, heatmap)

    @for_programs
    def predict_many(files: list[str]) -> list[dict[str, Any]]:
        """Name the dance forms in many photos. One that cannot be read has an "error" instead of predictions."""
        if not files or len(files) > MAX_PHOTOS:
            raise PhotoError(f"Send from 1 to {MAX_PHOTOS} photos at a time. Received: {len(files or ())}")
        return [_row(classifier, file) for file in files]

    with gr.Row(visible=False):
        photo = PhotoInput(label="Photo")
        top_k = gr.Number(DEFAULT_TOP_K, label=f"How many forms, 1 to {k}", precision=0)
        label = gr.Textbox(label=f"Class: {', '.join(classifier.class_names)}")
        files = gr.File(label="Photos", file_count="multiple")
        answer = gr.JSON(label="Answer")
        picture = gr.Image(label="Picture", format="jpeg")
        sentence = gr.Textbox(label="Sentence")
        rows = gr.JSON(label="Answers")
        button = gr.Button()
    button.click(classify, [photo, top_k], answer, api_name="classify", **PHOTO_LINE)
    button.click(explain, [photo, label], [picture, sentence], api_name="explain", **PHOTO_LINE)
    button.click(predict_many, files, rows, api_name="predict_many", **PHOTO_LINE)


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
        raise gr.Error(message, print_exception=False)  # not escaped: no page shows it

    return told


def _photo(upload: str | None) -> Image.Image:
    if upload is None:
        raise PhotoError("Choose a picture first.")
    return open_photo(own_upload(upload))


def _row(classifier: Classifier, upload: str) -> dict[str, Any]:
    name = Path(upload).name
    try:
        return {"photo": name, **classifier.classify(_photo(upload)).to_json(len(classifier.class_names))}
    except DanceDemoError as error:
        return {"photo": name, "error": str(error)}
