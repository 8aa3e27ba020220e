"""The tab "Quiz": name the form before the machine does, and see why it answered what it did.

    start -> picture and choices -> guess -> answer, heatmap, fact -> next picture ... -> result -> play again

The right answers stay in the `Game`, on the server; the page gets pictures without names. The score of everybody
is one for all visitors of this process, and begins anew with it.
"""

import secrets
from collections.abc import Sequence
from random import Random
from typing import Any

import gradio as gr

from dance_demo.classroom.quiz import Game, QuizPictures, Round, Scoreboard
from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.ui.classify.examples import EXAMPLES
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import QUICK
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.quiz import markup
from dance_demo.ui.server.limits.rate_limits import RateLimiter
from dance_demo.ui.server.visitors import visitor_of

GUESSES, GUESSES_PER_S = 12, 0.5  # of one visitor that count in everybody's score: looking takes longer
PICTURES = EXAMPLES / "quiz"  # class folders of whoever runs the page
SHOW_EVERY_S = 5  # the score of everybody, where somebody asked for it
# A whole class starts at once: it waits in a line of its own, not before somebody's photo.
LINE: dict[str, Any] = {
    "concurrency_id": "quiz",
    "concurrency_limit": 2,
    "api_visibility": "private",
    "trigger_mode": "once",
    "show_progress": "minimal",
}


class QuizTab(Step):
    """The components of the tab, and what happens when a visitor uses them. Make it before the tabs."""

    failure = "The quiz could not go on"

    def __init__(self, page: gr.Blocks, classify: ClassifyTab) -> None:
        self.page, self.own = page, classify.own
        self.classifier, self.card = classify.shipped.classifier, classify.shipped.card
        classifier = self.classifier
        self.pictures = QuizPictures.find(PICTURES, classifier.class_names)
        self.scoreboard = Scoreboard(classifier.class_names)
        self.game = gr.State(None)
        self.guesses = RateLimiter(GUESSES, GUESSES_PER_S)

    def lay_out(self) -> None:
        if not self.pictures.labels:
            gr.HTML(render("quiz.closed"))
            return
        with gr.Column(elem_id="quiz"):
            self.whose = gr.HTML()
            self.question = gr.HTML(markup.welcome(self.card, drawn=self.pictures.drawn), elem_id="quiz-question")
            self.start_button = gr.Button("Start the quiz", variant="primary", elem_id="quiz-start")
            with gr.Row(visible=False, elem_id="quiz-round") as self.round:
                self.picture = gr.HTML(elem_id="quiz-picture")
                with gr.Column(elem_id="quiz-answer"):
                    self.choices = gr.HTML(js_on_load=markup.GUESS)
                    self.next_button = gr.Button("Next picture", variant="primary", visible=False, elem_id="quiz-next")
            self.standing = gr.HTML(markup.standing(self.scoreboard.standing()), elem_id="quiz-standing")
            self.live = gr.Checkbox(label="Keep this score up to date (for a projector)", elem_id="quiz-live")
            self.timer = gr.Timer(SHOW_EVERY_S, active=False)
        self._connect()

    def _connect(self) -> None:
        """Say what happens on each action of the visitor."""
        board = [self.question, self.start_button, self.round, self.picture, self.choices, self.next_button]
        asked = LINE | {"outputs": [self.game, *board, self.standing]}
        started = self.start_button.click(self.start, None, **asked, show_progress_on=self.start_button)
        guessed = self.choices.click(self.guess, self.game, **asked, show_progress_on=self.choices)
        left = self.next_button.click(self.go_on, self.game, **asked, show_progress_on=self.next_button)
        for event in (started, guessed, left):
            event.then(None, js=markup.SHOW_HEADING, api_visibility="private")
        self.own.change(lambda own: render("quiz.not_own") if own else "", self.own, self.whose, **QUICK)
        self.live.input(lambda live: gr.Timer(active=live), self.live, self.timer, **QUICK)
        gr.on([self.timer.tick, self.page.load], self.show_standing, None, self.standing, **QUICK)

    def start(self) -> Updates:
        """Begin a game with new pictures."""

        def started() -> Updates:
            random = Random(secrets.randbits(64))
            game = Game(self.pictures.deal(random), self.classifier, self.scoreboard)
            return {self.game: game} | self._shown(game)

        return self._guarded(started)

    def guess(self, click: gr.EventData, game: Game | None, request: gr.Request) -> Updates:
        """Take the guess for a picture, and show the answer. Of each picture the first guess counts."""

        def guessed() -> Updates:
            kept = _kept(game)
            names = self.classifier.class_names
            number, choice = getattr(click, "picture", None), getattr(click, "choice", None)
            if type(number) is int and type(choice) is int and 0 <= choice < len(names):
                kept.guess(number, names[choice], counts=not self.guesses.take(visitor_of(request).id))
            return self._shown(kept) | {self.standing: markup.standing(self.scoreboard.standing())}

        return self._guarded(guessed)

    def go_on(self, game: Game | None) -> Updates:
        """Show the next picture, or after the last one the result."""

        def next_one() -> Updates:
            _kept(game).go_on()
            return self._shown(_kept(game))

        return self._guarded(next_one)

    def show_standing(self) -> str:
        """The score of everybody, as it is now."""
        return markup.standing(self.scoreboard.standing())

    def _shown(self, game: Game) -> Updates:
        """The page as this game stands."""
        now = game.show()
        if now.over:
            return self._result(now.rounds)
        if not now.guessed:
            return {
                self.question: markup.question(now),
                self.picture: markup.picture(now.jpeg),
                self.choices: markup.choices(now.number, self.classifier.class_names),
                self.next_button: gr.update(visible=False),
            } | self._playing(True)
        played = now.rounds[-1]
        heat = overlay(open_photo(now.jpeg), played.heatmap)
        last = now.number + 1 == now.length
        return {
            self.question: markup.verdict(now),
            self.picture: markup.explained(now.jpeg, jpeg(heat), played),
            self.choices: markup.why(played),
            self.next_button: gr.update(visible=True, value="See the result" if last else "Next picture"),
        } | self._playing(True)

    def _result(self, rounds: Sequence[Round]) -> Updates:
        if not rounds:
            raise PhotoError(markup.UNREADABLE)
        return {self.question: markup.result(rounds)} | self._playing(False, again="Play again")

    def _playing(self, playing: bool, again: str = "Start the quiz") -> Updates:
        return {self.round: gr.update(visible=playing), self.start_button: gr.update(visible=not playing, value=again)}

    def _failed(self, message: str) -> Updates:
        """A sentence, with the way to a new game."""
        return {self.question: render("base.problem", message=message)} | self._playing(False)


def _kept(game: Game | None) -> Game:
    if game is None:
        raise PhotoError(markup.GONE)
    return game
