"""The game on the tab "Check this photo": was something copied? And how the class does against the tool.

    next picture -> a level of confidence -> the truth, what the tool said -> next picture ...

What is true of a picture stays on the server until it was answered. The score is one for all visitors of this process.
"""

import secrets
from typing import Any

import gradio as gr
import numpy as np

from dance_demo.classroom.forgeries import LEVELS, Question, ScoreOfAll, ask, photos_in
from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import data_url
from dance_demo.ui.classify.examples import EXAMPLES
from dance_demo.ui.components.html import render
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.server.limits.rate_limits import RateLimiter
from dance_demo.ui.server.visitors import visitor_of

PICTURES = EXAMPLES / "quiz"  # class folders of whoever runs the page: those of the quiz
ANSWERS, ANSWERS_PER_S = 12, 0.5  # of one visitor that count in everybody's score: looking takes longer
LINE: dict[str, Any] = {
    "concurrency_id": "game of copies",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "trigger_mode": "once",
    "show_progress": "minimal",
}
ANSWER = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-level]");
  if (button) trigger("click", {level: Number(button.dataset.level)});
});"""


class CopyGame(Step):
    """The components of the game, and what happens when a visitor plays."""

    failure = "The game of copies could not go on"

    def __init__(self) -> None:
        self.photos, self.everybody = photos_in(PICTURES), ScoreOfAll()
        self.answers = RateLimiter(ANSWERS, ANSWERS_PER_S)
        self.question = gr.State(None)  # a Question that is not answered yet

    def lay_out(self) -> None:
        with gr.Accordion("A game: was something copied?", open=False, elem_id="copy-game"):
            gr.HTML(render("inspect.game_welcome", drawn=not self.photos))
            self._lay_out_messages()
            self.picture = gr.HTML(js_on_load=ANSWER, elem_id="copy-question")
            self.next_button = gr.Button("Next picture", variant="primary", elem_id="copy-next")
            self.standing = gr.HTML(elem_id="copy-standing")
        page = LINE | {
            "outputs": [self.question, self.status, self.notice, self.picture, self.next_button, self.standing]
        }
        self.next_button.click(self.ask, None, **page)
        self.picture.click(self.answer, self.question, **page)

    def ask(self) -> Updates:
        """Show a new picture."""

        def asked() -> Updates:
            question = ask(self.photos, np.random.default_rng(secrets.randbits(64)))
            picture = render("inspect.question", address=data_url(question.picture_jpeg), levels=LEVELS)
            return {self.question: question, self.picture: picture, self.status: "A new picture.", self.notice: ""}

        return self._guarded(asked)

    def answer(self, click: gr.EventData, question: Question | None, request: gr.Request) -> Updates:
        """Take the answer to the picture that is shown, and tell the truth. Of each picture the first one counts."""

        def answered() -> Updates:
            level = getattr(click, "level", None)
            if question is None:
                raise PhotoError("This picture was answered, or is no longer kept. Take the next one.")
            if type(level) is not int or not 1 <= level <= len(LEVELS):
                raise PhotoError("Choose one of the answers.")
            if not self.answers.take(visitor_of(request).id):
                self.everybody.add(question, level)
            truth = "A piece was copied" if question.forged else "Nothing was copied"
            return {
                self.question: None,
                self.picture: _truth(question, truth, level),
                self.status: f"{truth}. You said: {LEVELS[level - 1]}.",
                self.notice: "",
                self.standing: render("inspect.standing", score=self.everybody.score()),
            }

        return self._guarded(answered)


def _truth(question: Question, truth: str, level: int) -> str:
    best = question.regions[0] if question.tool_says_copied else None
    return render(
        "inspect.truth",
        address=data_url(question.picture_jpeg),
        size=question.size,
        truth=truth,
        said=LEVELS[level - 1],
        copy=question.copy or (),
        tool=(best.source, best.target) if best else (),
        tool_right=question.tool_says_copied == question.forged,
    )
