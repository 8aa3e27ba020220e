"""The game about copied pieces: what is asked, and how the answers of a class become a curve."""

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score, roc_curve

from dance_demo.classroom.forgeries import MAX_ANSWERS, Question, ScoreOfAll, ask, curve, photos_in
from dance_demo.errors import PhotoError
from dance_demo.files.photo import open_photo
from tests.files.forensics.test_copied_regions import landscape


def test_pictures_are_drawn_about_half_of_them_with_a_copy_whose_place_is_known():
    random = np.random.default_rng(3)
    questions = [ask((), random) for _ in range(6)]
    forged = [question.forged for question in questions]
    assert 0 < sum(forged) < len(forged)
    for question in questions:
        width, height = open_photo(question.picture_jpeg).size
        assert (width, height) == question.size
        for x0, y0, x1, y1 in question.copy or ():
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height


def test_photos_of_whoever_runs_the_page_are_used_where_there_are_some(tmp_path):
    (tmp_path / "meadow").mkdir()
    landscape(1, (320, 240)).save(tmp_path / "meadow" / "one.png")
    (tmp_path / "meadow" / "notes.txt").write_text("no photo")
    photos = photos_in(tmp_path)
    assert [path.name for path in photos] == ["one.png"]
    question = next(one for one in (ask(photos, np.random.default_rng(seed)) for seed in range(9)) if one.forged)
    assert question.size == (320, 240) and question.tool_says_copied


def test_pictures_without_room_for_a_copy_end_in_a_sentence(tmp_path):
    (tmp_path / "blank").mkdir()
    Image.new("RGB", (200, 200), "white").save(tmp_path / "blank" / "one.png")
    random = np.random.default_rng(0)
    with pytest.raises(PhotoError, match="None of the pictures has a piece to copy"):
        for _ in range(200):  # five of a row must be to be forged, one time in 32
            ask(photos_in(tmp_path), random)


def test_the_curve_is_that_of_scikit_learn():
    random = np.random.default_rng(5)
    forged = random.random(60) < 0.5
    levels = np.clip(np.round(3 + forged + random.normal(0, 1.2, 60)), 1, 5)
    ours = curve(forged.tolist(), levels.tolist())
    assert ours is not None and ours.area == pytest.approx(roc_auc_score(forged, levels))
    alarms, found, _ = roc_curve(forged, levels, drop_intermediate=False)
    assert np.array(ours.points) == pytest.approx(np.stack([alarms, found], axis=1))


def test_a_curve_needs_both_kinds():
    assert curve([True, True], [1, 5]) is None and curve([False], [3]) is None


def test_the_score_counts_people_and_tool_and_forgets_what_is_old():
    board = ScoreOfAll()
    assert board.score().answers == 0
    forged, untouched = (Question(b"", (9, 9), copy, ()) for copy in (((0, 0, 1, 1), (2, 2, 3, 3)), None))
    for question, level in ((forged, 5), (forged, 2), (untouched, 1), (untouched, 3)):
        board.add(question, level)
    score = board.score()
    assert (score.answers, score.right, score.tool_right) == (4, 3, 2)
    assert score.people and score.people.area == 0.75 and score.tool and score.tool.area == 0.5
    for _ in range(MAX_ANSWERS):
        board.add(untouched, 1)
    assert board.score().answers == MAX_ANSWERS and board.score().people is None
