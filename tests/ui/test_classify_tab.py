"""What the tab "Name a dance" does with one photo, without a browser."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dance_demo.classroom.quiz import Round, View
from dance_demo.data.illustrations import draw
from dance_demo.model.classifier import Classification, Prediction
from dance_demo.model.directory import load_card
from dance_demo.model.familiarity import UNCLEAR, UNFAMILIAR
from dance_demo.model.heatmap.gradcam import Evidence
from dance_demo.model.loading import load_classifier
from dance_demo.predict.camera import CameraAnswer
from dance_demo.predict.clip import ClipAnswer
from dance_demo.predict.rows import Row
from dance_demo.ui.classify import tab as classify_tab
from dance_demo.ui.classify.tab import CONTRAST, DEFAULT_STYLE, HEATMAP, ClassifyTab, ShownAnswer
from dance_demo.ui.components.html import render
from dance_demo.ui.components.model import Model
from dance_demo.ui.live.tab import LiveTab
from dance_demo.ui.many import markup as many_markup
from dance_demo.ui.quiz import markup as quiz_markup
from dance_demo.ui.server.limits.shares import Shares
from dance_demo.ui.video import markup as video_markup
from tests.ui.test_train_tab import on_a_page


@pytest.mark.parametrize(("view", "expected"), [(HEATMAP, ["heatmap"]), (CONTRAST, ["heatmap", "contrast_heatmap"])])
def test_a_photo_is_decoded_by_nobody_twice_and_each_heatmap_is_made_once(
    view: str, expected: list[str], tiny_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    made: list[str] = []
    for name in ("heatmap", "contrast_heatmap"):
        method = getattr(Evidence, name)
        monkeypatch.setattr(Evidence, name, lambda *all, n=name, m=method: made.append(n) or m(*all))
    monkeypatch.setattr(classify_tab, "open_photo", lambda photo: made.append("decoded"))
    updates = tab._new_answer(None, draw("odissi", 0, size=(90, 110)), 3, view, *DEFAULT_STYLE[1:])
    assert made == expected
    assert updates[tab.overlay]["value"].size == (90, 110)


ANSWERS = (Prediction("odissi", 0.998), Prediction("kathak", 0.0016), Prediction("manipuri", 0.0004))


@pytest.mark.parametrize(("note", "said"), [("", True), (UNCLEAR, True), (UNFAMILIAR, False)])
def test_percentages_are_written_one_way_and_only_where_they_mean_something(note: str, said: bool) -> None:
    answer = Classification(ANSWERS, np.ones((2, 2, 1)), not note, note)
    html = classify_tab._ranking(answer, 2)
    assert html.count("%") == 2 * said and html.count("<button") == 2
    assert ("over 99\u00a0%" in html and "under 1\u00a0%" in html) is said
    assert ("Nearest among its 3 classes only" in html) is not said
    camera = CameraAnswer(ANSWERS, note, "odissi", b"").to_json()
    assert [one["percent"] for one in camera["answers"][:2]] == (["over 99 %", "under 1 %"] if said else ["", ""])
    row = Row(0, "a.jpg", predictions=ANSWERS, sure=not note, note=note)
    assert many_markup.large(row, "", "", None).count("%") == 3 * said
    clip = ClipAnswer(("odissi", "kathak"), np.zeros(1), np.zeros((1, 2)), ANSWERS, note, "", ())
    assert ("%" in video_markup.headline(clip) + video_markup.scores(clip, 3)) is said
    played = Round("kathak", "kathak", ANSWERS[0], not note, np.zeros((2, 2)), b"", familiar=said)
    assert ("%" in quiz_markup.verdict(View(0, 1, b"", (played,)))) is said


@pytest.mark.parametrize("rank", [None, -1, 3, "1", 1.5])
def test_a_rank_that_there_is_not_changes_nothing(rank: Any) -> None:
    answer = ShownAnswer(None, Classification(ANSWERS, np.ones((2, 2, 1)), True, ""), None, b"", rank=1)
    assert classify_tab._of_rank(answer, rank).rank == 1


def test_an_own_model_answers_the_camera_too(tiny_model: Any) -> None:
    shipped, own = (Model(load_classifier(tiny_model), load_card(tiny_model)) for _ in range(2))
    own = Model(replace(own.classifier), replace(own.card, class_names=("my left", "my right")))
    live = on_a_page(lambda: LiveTab(ClassifyTab(shipped.classifier, shipped.card), Shares()))
    said, line = live.show_model(own)
    assert "Your own model answers here, too" in said and "my left" in said and own.card.name in line
    numbers = [live.frames.number_of(model.classifier) for model in (own, own, shipped)]
    assert numbers[0] == numbers[1] != numbers[2] == "" and f'data-model="{numbers[0]}"' in said
    assert "Your own" not in live.show_model(None)[0]
    newer = replace(own.classifier)
    assert live.frames.number_of(newer, instead_of=numbers[0]) == numbers[0] == live.frames.number_of(newer)
    assert live.frames.number_of(own.classifier, instead_of="ab" * 16) not in (numbers[0], "ab" * 16)


def test_the_quiz_says_that_an_own_model_does_not_play() -> None:
    assert "not against your own" in render("quiz.not_own")
