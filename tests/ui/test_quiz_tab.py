"""The tab "Quiz": whose guesses count in the score of everybody."""

from types import SimpleNamespace

import gradio as gr

from dance_demo.model.directory import load_card
from dance_demo.ui.classify.tab import ClassifyTab
from dance_demo.ui.quiz.tab import GUESSES, QuizTab
from dance_demo.ui.server.visitors import new_cookie
from tests.support.event_loop import run_alone
from tests.support.requests import request_of


def test_W13_guesses_faster_than_anybody_looks_do_not_count(classifier):
    async def made() -> QuizTab:
        with gr.Blocks(analytics_enabled=False) as page:
            tab = QuizTab(page, ClassifyTab(classifier, load_card()))
            tab.lay_out()
        return tab

    tab = run_alone(made())

    def play(n_guesses: int, cookie: str) -> None:
        for _ in range(n_guesses):  # the first picture of a new game each time
            game = tab.start()[tab.game]
            tab.guess(SimpleNamespace(picture=0, choice=0), game, request_of(cookie=cookie))
            assert len(game.show().rounds) == 1, "the visitor is answered all the same"

    play(GUESSES + 8, new_cookie())
    counted = tab.scoreboard.standing().total.guesses
    assert GUESSES <= counted <= GUESSES + 4
    play(2, new_cookie())
    assert tab.scoreboard.standing().total.guesses == counted + 2, "others are not held up"
