"""The same answers for programs: what `gradio_client`, plain HTTP and an assistant can ask of the running app.

    photo as an upload     /classify, /explain, /robustness, /predict_many, /inspect      wait in the lines of the page
    recording as an upload /hear                                   a job of its own
    photo as base64        /name_dance, /explain_dance             wait in a short line of their own, answer at once
    no photo               /forms, /model, /health                 never wait

The docstrings here are what "Use via API", the OpenAPI document and an assistant show: text for callers.
"""

import asyncio
import base64
import functools
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from dance_demo.errors import DanceDemoError, PhotoError, SoundError
from dance_demo.files.forensics.inspection import inspect_photo
from dance_demo.forms import FORMS
from dance_demo.jobs.manager import JobManager
from dance_demo.model.classifier import Classifier
from dance_demo.model.description import alt_text
from dance_demo.model.directory import ModelCard
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.predict.robustness import robustness as answers_to_changes
from dance_demo.predict.sound import hear_with_bundle
from dance_demo.ui.classify.tab import DEFAULT_TOP_K, PHOTO_LINE, TROUBLE
from dance_demo.ui.components.inputs import FileInput, PhotoInput, SoundInput
from dance_demo.ui.gradio_private import ImageData, show_example
from dance_demo.ui.inspect.tab import CHECK_LINE
from dance_demo.ui.server.callers import CALLER, Caller, caller_of
from dance_demo.ui.server.files import own_upload
from dance_demo.ui.server.limits.shares import Shares
from dance_demo.ui.server.photo_reader import PHOTOS
from dance_demo.ui.server.visitors import visitor_of

MAX_PHOTOS = 200  # in one call of /predict_many
NO_UPLOAD = "Upload the photo first, and send what the upload answers: see Use via API at the foot of the page."
MAX_BASE64 = 4_000_000  # letters: a photo of 3 MB; the guard lets little more through
PLACES = 12  # for calls with a photo in base64 that wait or are answered, for everybody together
SHARE_OF_AN_ADDRESS = 0.5  # of these places
MANY_LINE: dict[str, Any] = {"concurrency_id": "many", "concurrency_limit": 2}  # no single photo waits for 200
HEAR_LINE: dict[str, Any] = {"concurrency_id": "hear", "concurrency_limit": 2}
HEAR_S, HEAR_POLL_S = 120.0, 0.1  # a call of /hear takes at most; between two looks at its job
LICENCE = "The initial ImageNet weights are Google's MobileNetV2, Apache-2.0."
NO_BASE64 = (
    "This is no photo in base64. Send the bytes of a photo file, base64-encoded; addresses and paths are not opened."
)
BUSY = "Too many photos at this moment. Try again in a few seconds."
EXAMPLE_FILE = {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}  # reads as handle_file

log = logging.getLogger(__name__)


def add_endpoints(classifier: Classifier, card: ModelCard, shares: Shares, heads: JobManager) -> None:
    """Add the endpoints to the page around; nothing of them is visible there. `heads` are the jobs that hear."""
    _add_calls_with_uploads(classifier, shares)
    _add_call_with_sound(heads)
    _add_calls_with_base64(classifier, shares)
    _add_calls_without_photo(classifier, card)


@contextmanager
def _unseen() -> Iterator[None]:
    """Components that only programs use: the page shows none of them, and fetches nothing for them."""
    with gr.Row(visible=False) as row:
        yield
    for block in row.children:
        for component in (block, *getattr(block, "children", ())):  # Gradio puts some into a form
            component.visible = False


def _add_calls_with_uploads(classifier: Classifier, shares: Shares) -> None:
    """`/classify`, `/explain`, `/robustness`, `/predict_many`, `/inspect`: the photo is uploaded first."""
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
    def robustness(photo: str) -> dict[str, Any]:
        """Would it say the same? Answers eight changed copies of a photo: mirrored, cropped, turned, blurred, dark,
        without colour, compressed, and with the hottest place covered.

        Parameters:
            photo: an uploaded photo file
        Returns:
            {"held", "of", "changes": [{"change", "strength", "label", "probability", "sure", "same",
            "by_construction"}]}; a change that could not change the answer is not counted
        """
        opened = _uploaded(photo)
        answer = classifier.classify(opened)
        heatmap = classifier.heatmap(answer, answer.top.label)
        return answers_to_changes(opened, classifier, answer.top.label, heatmap).to_json()

    @for_programs
    def predict_many(files: list[str], request: gr.Request) -> list[dict[str, Any]]:
        """Name the dance forms in many photos. One that cannot be read has an "error" instead of predictions.

        Parameters:
            files: 1 to 200 uploaded photo files
        Returns:
            one answer of /classify for each file, in their order, with the file's name as "photo"
        """
        if not files or len(files) > MAX_PHOTOS:
            raise PhotoError(f"Send from 1 to {MAX_PHOTOS} photos at a time. Received: {len(files or ())}")
        rows, caller = {}, caller_of(request)
        for file in dict.fromkeys(files):  # whatever is named twice is read once
            with shares.turn(caller):  # for each photo anew, so that two hundred hold nobody up
                rows[file] = _row(classifier, file)
        return [rows[file] for file in files]

    @for_programs
    def inspect(photo: str) -> dict[str, Any]:
        """Look for clues on what happened to a photo. No verdict: neither something nor nothing found is a proof.

        Parameters:
            photo: an uploaded photo file
        Returns:
            {"facts": [{"name", "value", "meaning"}], "copied_regions": [{"source", "target", "score"}], "notes"}; boxes
            are [x0, y0, x1, y1] in pixels of the upright photo
        """
        return inspect_photo(_upload_path(photo)).to_json()

    with _unseen():
        photo = show_example(PhotoInput(label="Photo"), EXAMPLE_FILE)
        photo.data_model = Upload
        top_k = _top_k_input(k)
        label = show_example(gr.Textbox(label=_label_text(classifier)), classifier.class_names[0])
        files = show_example(gr.File(label="Photos", file_count="multiple"), [EXAMPLE_FILE])
        answer, rows = gr.JSON(label="Answer"), gr.JSON(label="Answers")
        held = gr.JSON(label="How it holds")
        picture, sentence = gr.Image(label="Picture", format="jpeg"), gr.Textbox(label="Sentence")
        button = gr.Button()
    button.click(classify, [photo, top_k], answer, api_name="classify", **PHOTO_LINE)
    button.click(explain, [photo, label], [picture, sentence], api_name="explain", **PHOTO_LINE)
    button.click(robustness, photo, held, api_name="robustness", **PHOTO_LINE)
    button.click(predict_many, files, rows, api_name="predict_many", **MANY_LINE)
    button.click(inspect, photo, answer, api_name="inspect", **CHECK_LINE)


def _add_call_with_sound(heads: JobManager) -> None:
    """`/hear`: a recording and the bundle of a head that listens are uploaded first."""

    @for_programs
    def hear(recording: str, bundle: str, request: gr.Request) -> dict[str, Any]:
        """Name what is heard in a recording, with a head that was trained on recordings.

        Parameters:
            recording: an uploaded sound file: WAV, FLAC, OGG, MP3 or M4A, at most 10 minutes and 50 MB
            bundle: the uploaded bundle (.zip) of the head, as the step "Use" of "Train your own" gives it
        Returns:
            {"predictions": [{"label", "probability"}], "sure", "note", "pieces": [{"start", "end", "label",
            "probability"}], "listened_to": {"seconds", "hz", "picture"}}; seconds count from the beginning
        """
        files = _sent(recording, "recording"), _sent(bundle, "bundle")
        visitor = visitor_of(request)
        job = heads.start(hear_with_bundle, *files, owner=f"hearing {secrets.token_hex(8)}", origin=visitor.address)
        until_s = time.monotonic() + HEAR_S
        while job.active and time.monotonic() < until_s:
            heads.find(job.id)  # somebody still waits for it
            time.sleep(HEAR_POLL_S)
        if job.active:
            job.stop()
            raise SoundError("It takes too long to listen at this moment. Try again later, or send less.")
        if job.problem or not isinstance(job.result, dict):
            raise SoundError(job.problem or "Nothing came of it. Try again.")
        return job.result

    with gr.Row(visible=False):
        recording = show_example(
            SoundInput(label="Recording", type="filepath"), EXAMPLE_FILE | {"path": "sound.wav", "url": "sound.wav"}
        )
        bundle = show_example(FileInput(label="Bundle"), EXAMPLE_FILE | {"path": "head.zip", "url": "head.zip"})
        answer, button = gr.JSON(label="Answer"), gr.Button()
    button.click(hear, [recording, bundle], answer, api_name="hear", **HEAR_LINE)


def _sent(upload: str | None, what: str) -> Path:
    try:
        return own_upload(upload or "")
    except PhotoError:
        raise SoundError(f"Upload the {what} first.") from None


def _add_calls_with_base64(classifier: Classifier, shares: Shares) -> None:
    """`/name_dance` and `/explain_dance`: the photo is a text in the call, for assistants and for one line of curl."""
    line = Line(shares)

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
    with _unseen():
        image = show_example(gr.Textbox(label="Photo file in base64"), example)
        top_k = _top_k_input(len(classifier.class_names))
        label = show_example(gr.Textbox("", label=_label_text(classifier)), classifier.class_names[0])
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

    with _unseen():
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
        return str(self.message)


class Upload(ImageData):
    """An uploaded photo as a call names it. What is none is told in a sentence; Gradio tells the log alone."""

    model_config = {"title": "ImageData"}  # so it is called in the schema

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> "Upload":
        if not isinstance(obj, dict | ImageData):
            raise Refused(NO_UPLOAD)
        return super().model_validate(obj, **how)


class Line:
    """Lets a few calls work at a time and a few wait; to the others it says so at once.

    Calls that Gradio does not queue would otherwise take all threads of the server.
    """

    def __init__(self, shares: Shares, places: int = PLACES) -> None:
        self._shares, self._places = shares, places
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="base64")  # in which calls wait for their turn
        self._taken: Counter[str] = Counter()  # by address

    def one_by_one(self, endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        def work(caller: Caller, args: tuple[Any, ...]) -> Any:
            with self._shares.turn(caller):
                return endpoint(*args)

        @functools.wraps(endpoint)
        async def in_turn(*args: Any) -> Any:
            caller = CALLER.get()
            address = caller.address  # only the loop of the server comes here
            if self._taken.total() >= self._places or self._taken[address] >= SHARE_OF_AN_ADDRESS * self._places:
                raise Refused(BUSY)
            self._taken[address] += 1
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, caller, args)
            finally:
                self._taken[address] -= 1
                if not self._taken[address]:
                    del self._taken[address]

        return in_turn


def for_programs(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """What a caller can mend is told as it is; anything else is logged, and told in a neutral sentence."""

    @functools.wraps(endpoint)
    def answered(*args: Any) -> Any:
        try:
            return endpoint(*args)
        except DanceDemoError as error:
            message = str(error)
        except Exception:
            log.exception("%s failed", endpoint.__name__)
            message = TROUBLE
        raise Refused(message)

    return answered


def _top_k_input(k: int) -> gr.Number:
    value = min(DEFAULT_TOP_K, k)
    return show_example(gr.Number(value, label=f"How many forms, 1 to {k}", precision=0), value)


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
    return PHOTOS.open(_upload_path(upload))


def _upload_path(upload: str | None) -> Path:
    if upload is None:
        raise PhotoError("Choose a picture first.")
    return own_upload(upload)


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
    return PHOTOS.open(content)


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
