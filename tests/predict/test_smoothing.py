"""Answers to a camera's frames, smoothed over time."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from dance_demo.data.illustrations import draw
from dance_demo.predict.smoothing import FLOOR, FORGOTTEN_S, Smoothed, floored_logs, from_logs, is_cut, scene, smooth

YES, NO = np.array([0.9, 0.1]), np.array([0.1, 0.9])
SCENE = scene(draw("odissi", 1, size=(120, 150)))


def smoothed(*seen: tuple[np.ndarray, float], half_life_s: float = 1.0) -> Smoothed:
    """What is known after these frames (probabilities, second) at one familiar scene."""
    after = None
    for probabilities, time_s in seen:
        after = smooth(after, probabilities, familiar=True, scene=SCENE, time_s=time_s, half_life_s=half_life_s)
    assert after is not None
    return after


def test_the_first_frame_stands_alone():
    assert smoothed((YES, 0.0)).probabilities == pytest.approx(YES)


def test_after_one_half_life_the_old_and_the_new_weigh_the_same():
    assert smoothed((YES, 0.0), (NO, 1.0)).probabilities == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("frames_per_s", [2, 8, 30])
def test_the_rate_of_frames_does_not_change_what_is_known_after_a_second(frames_per_s):
    """Twice the half-life after everything changed, a quarter of the old is left, in the logarithms."""
    after = [(NO, (i + 1) / frames_per_s) for i in range(frames_per_s)]
    after = smoothed((YES, 0.0), *after, half_life_s=0.5)
    assert after.logs == pytest.approx(0.25 * np.log(YES) + 0.75 * np.log(NO))


def test_frames_at_uneven_times_count_by_the_time_that_they_took():
    even = smoothed((YES, 0.0), (NO, 0.4), (NO, 0.8))
    uneven = smoothed((YES, 0.0), (NO, 0.1), (NO, 0.8))
    assert even.logs == pytest.approx(uneven.logs)


def test_one_bad_frame_cannot_rule_a_class_out():
    impossible = np.array([0.0, 1.0])
    after = smoothed((YES, 0.0), (YES, 1.0), (impossible, 1.1), (YES, 1.3))
    assert np.isfinite(after.logs).all()
    assert after.probabilities[0] > 0.8


def test_flickering_answers_become_steady():
    """Nine frames in ten say yes; what is shown never says no."""
    rng = np.random.default_rng(0)
    seen = [(NO if rng.random() < 0.1 else YES, i / 10) for i in range(1, 200)]
    assert any(answer is NO for answer, _ in seen[:100])
    assert all(smoothed(*seen[: end + 1]).probabilities[0] > 0.5 for end in range(10, 100, 3))


def test_the_next_frame_stands_alone_after_a_pause_or_when_the_clock_went_back():
    assert smoothed((YES, 0.0), (NO, FORGOTTEN_S + 1)).probabilities == pytest.approx(NO)
    assert smoothed((YES, 9.0), (NO, 1.0)).probabilities == pytest.approx(NO)


def test_a_cut_to_another_scene_forgets_the_old_one():
    before = smooth(None, YES, familiar=True, scene=SCENE, time_s=0.0)
    other = scene(draw("kathakali", 4, size=(120, 150)))
    after = smooth(before, NO, familiar=False, scene=other, time_s=0.1)
    assert after.probabilities == pytest.approx(NO)
    assert after.familiar == 0


def test_a_model_with_other_classes_starts_anew():
    before = smoothed((YES, 0.0))
    thirds = np.full(3, 1 / 3)
    assert smooth(before, thirds, familiar=True, scene=SCENE, time_s=0.1).probabilities == pytest.approx(thirds)


def test_familiarity_is_steadied_too():
    before = smoothed((YES, 0.0))
    assert smooth(before, YES, familiar=False, scene=SCENE, time_s=0.6, half_life_s=0.6).familiar == 0.5


def test_more_light_or_a_small_step_is_no_cut():
    dancer = draw("odissi", 1, size=(120, 150))
    assert not is_cut(scene(dancer), scene(ImageEnhance.Brightness(dancer).enhance(0.6)))
    assert not is_cut(scene(dancer), scene(dancer.transform(dancer.size, Image.Transform.EXTENT, (6, 4, 126, 154))))


def test_other_dancers_are_a_cut_and_the_dark_is_none():
    drawings = [scene(draw(form, 3, size=(120, 150))) for form in ("odissi", "kathak", "kathakali", "manipuri")]
    cuts = [is_cut(first, second) for i, first in enumerate(drawings) for second in drawings[:i]]
    assert sum(cuts) >= 5  # of 6
    dark = np.zeros((4, 4, 3))
    assert not is_cut(dark, dark)


def test_logarithms_and_back_again():
    probabilities = np.array([0.7, 0.3, 0.0])
    assert floored_logs(probabilities).min() == pytest.approx(np.log(FLOOR))
    assert from_logs(floored_logs(probabilities)) == pytest.approx(probabilities, abs=FLOOR)


def test_an_impossible_half_life_is_refused():
    with pytest.raises(ValueError, match="half_life_s must be positive. Received: 0"):
        smoothed((YES, 0.0), half_life_s=0)
