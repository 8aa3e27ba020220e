"""Under the answer: would the model say the same, if the photo had been taken a little differently?

Nothing is computed before a visitor opens it. Each changed copy can then be looked at, and made weaker or stronger.
"""

from typing import Any

import gradio as gr

from dance_demo.files.jpeg import THUMBNAIL_QUALITY, jpeg
from dance_demo.files.photo import open_photo
from dance_demo.model.classifier import Classification
from dance_demo.predict.robustness import CHANGES, ChangedAnswer, Robustness, changed_answer, robustness
from dance_demo.ui.components.html import render
from dance_demo.ui.components.slider import Slider
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.server.files import picture_url

TITLE = "Would it say the same?"
THUMBNAIL_PX = 220


class RobustnessPart(Step):
    """The components, and what happens when a visitor opens them. `answer` is the state of the tab around."""

    failure = "Changed copies of a photo could not be answered"

    def __init__(self, answer: gr.State) -> None:
        self.answer = answer

    def lay_out(self, *, line: dict[str, Any], choose: str) -> None:
        """Make the components. `line` is where calls with a photo wait, `choose` the script of rows of buttons."""
        self.checked = gr.State(None)  # the Classification that the copies were made for
        self.chosen = gr.State("")
        with gr.Accordion(TITLE, open=False, elem_id="robustness") as self.folded:
            self._lay_out_messages()
            self.changes = gr.HTML(js_on_load=choose)
            self.strength = Slider(0, 1, visible=False, label="How strong", buttons=[])
            self.closer = gr.HTML()
        outputs = [self.status, self.notice, self.folded, self.changes, self.strength, self.closer]
        asked: dict[str, Any] = {"api_visibility": "private", "outputs": [*outputs, self.checked, self.chosen]}
        self.folded.expand(self.check, [self.answer, self.checked], **asked, **line)
        look: dict[str, Any] = asked | line | {"trigger_mode": "always_last", "show_progress": "hidden"}
        self.changes.click(self.choose, self.answer, **look)
        self.strength.input(self.strengthen, [self.answer, self.chosen, self.strength], **look)
        self.answer.change(self.forget, [self.answer, self.checked], **asked, queue=False, show_progress="hidden")

    def check(self, answer: Any, checked: Classification | None) -> Updates:
        """Answer all changed copies, unless that has been done for this photo."""

        def answered() -> Updates:
            if answer is None or answer.classification is checked:
                return {self.status: ""}
            photo = open_photo(answer.photo_jpeg)
            found = robustness(photo, answer.classifier, answer.top_label, answer.top_heatmap)
            return self._emptied() | {
                self.checked: answer.classification,
                self.changes: changes(found),
                self.status: f"After {found.held} of {found.of} changes it says the same.",
            }

        return self._guarded(answered, self._emptied())

    def choose(self, click: gr.EventData, answer: Any) -> Updates:
        """Look at one of the copies more closely."""
        number = getattr(click, "index", None)
        if answer is None or not isinstance(number, int) or not 0 <= number < len(CHANGES):
            return {self.status: ""}
        name = list(CHANGES)[number]
        strength = CHANGES[name].strength
        slider = gr.update(visible=False)
        if strength:
            slider = gr.update(
                visible=True,
                minimum=strength.low,
                maximum=strength.high,
                value=strength.default,
                step=strength.step,
                label=f"How strong: {CHANGES[name].title.lower()}",
            )
        return self._guarded(lambda: self._closer(answer, name, None) | {self.strength: slider, self.chosen: name})

    def strengthen(self, answer: Any, chosen: str, strength: float) -> Updates:
        """The same copy, changed more or less."""
        if answer is None or chosen not in CHANGES:
            return {self.status: ""}
        return self._guarded(lambda: self._closer(answer, chosen, strength))

    def forget(self, answer: Any, checked: Classification | None) -> Updates:
        """Another photo: what was shown of the last one goes."""
        if checked is None or (answer and answer.classification is checked):
            return {self.status: gr.skip()}
        return self._emptied() | {self.folded: gr.update(open=False), self.checked: None}

    def _closer(self, answer: Any, name: str, strength: float | None) -> Updates:
        photo = open_photo(answer.photo_jpeg)
        found = changed_answer(photo, answer.classifier, answer.top_label, answer.top_heatmap, name, strength)
        row = _row(found, side_px=None)
        return {self.closer: render("classify.changed", row=row), self.notice: "", self.status: row["sentence"]}

    def _emptied(self) -> Updates:
        return {
            self.notice: "",
            self.changes: "",
            self.closer: "",
            self.strength: gr.update(visible=False),
            self.chosen: "",
        }


def changes(found: Robustness) -> str:
    """The changed copies as buttons with their answers, and how often the answer held."""
    rows = [_row(answer, side_px=THUMBNAIL_PX) for answer in found.answers]
    return render("classify.changes", rows=rows, held=found.held, of=found.of)


def _row(answer: ChangedAnswer, *, side_px: int | None) -> dict[str, Any]:
    picture = answer.picture
    if side_px:
        picture = picture.copy()
        picture.thumbnail((side_px, side_px))
    return {
        "url": picture_url(jpeg(picture, THUMBNAIL_QUALITY)),
        "words": answer.words,
        "title": CHANGES[answer.change].title,
        "prediction": answer.prediction,
        "likelihood": answer.likelihood,
        "sure": answer.sure,
        "same": answer.same,
        "by_construction": answer.by_construction,
        "sentence": answer.sentence,
    }
