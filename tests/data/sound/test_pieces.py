import numpy as np
import pytest

from dance_demo.data.sound.pieces import pieces
from dance_demo.files.sound import RATE_HZ, Sound
from tests.support.sounds import melody, sine


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(30, [0, 5, 10, 15, 20, 25]), (32, [0, 5, 10, 15, 20, 25]), (33, [0, 5, 10, 15, 20, 25, 28]), (2, [0])],
)
def test_recordings_are_cut_as_the_table_says(seconds, starts):
    found = pieces(Sound(melody(0, seconds)), 5)
    assert [piece.start_s for piece in found] == pytest.approx(starts)
    assert all(piece.end_s - piece.start_s == pytest.approx(min(5, seconds)) for piece in found)


def test_how_far_the_microphone_stood_changes_nothing():
    near, far = melody(1, 6), melody(1, 6) * 0.01
    for one, other in zip(pieces(Sound(near), 2), pieces(Sound(far), 2), strict=True):
        assert np.allclose(one.samples, other.samples, rtol=1e-3, atol=1e-6)


def test_silent_pieces_are_left_out_but_never_all():
    samples = np.concatenate([sine(500, 2), np.zeros(2 * RATE_HZ, np.float32), sine(500, 2)])
    assert [piece.start_s for piece in pieces(Sound(samples), 2)] == [0, 4]
    assert len(pieces(Sound(np.full(RATE_HZ, 1e-4, np.float32)), 1)) == 1
