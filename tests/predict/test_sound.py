"""A recording is named by all its pieces, and it is said where it listened."""

import numpy as np
import pytest

from dance_demo.data.sound.pieces import Piece
from dance_demo.errors import ModelError
from dance_demo.files.sound import RATE_HZ, Sound
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.preprocessing import MEL, SPECTROGRAM, WAVEFORM, WAVELET, SoundSettings
from dance_demo.predict.sound import hear, hottest
from tests.conftest import TINY_CHANNELS, TINY_CLASSES
from tests.support.sounds import melody


@pytest.fixture
def listener(tiny_model) -> Classifier:
    backbone = Backbone(tiny_model / "backbone.tflite")
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(2 * TINY_CHANNELS, len(TINY_CLASSES)))
    head = Head(TINY_CLASSES, weight, np.zeros(len(TINY_CLASSES)), 1.0, backbone.sha256)
    familiarity = Familiarity.fit(generator.random((20, 2 * TINY_CHANNELS), np.float32))
    return Classifier(backbone, head, familiarity, sound=SoundSettings(piece_s=1.0))


def test_the_answer_is_the_mean_of_the_pieces_and_the_loudest_one_is_shown(listener):
    heard = hear(listener, Sound(melody(3, 3)))
    alone = [hear(listener, Sound(melody(3, 3)[n * RATE_HZ : (n + 1) * RATE_HZ])) for n in range(3)]
    assert [(piece.start_s, piece.end_s) for piece in heard.pieces] == [(0, 1), (1, 2), (2, 3)]
    mean = np.mean([one.answer.probabilities(TINY_CLASSES) for one in alone], axis=0)
    assert heard.answer.probabilities(TINY_CLASSES) == pytest.approx(mean, abs=0.02)  # their levels differ a little
    best = int(np.argmax([one.answer.probabilities((heard.label,))[0] for one in alone]))
    assert heard.loudest.start_s == best
    assert heard.pictures.size == (256, 512)
    assert heard.overlay.size == (256, 512)
    assert heard.place is not None
    assert best <= heard.place.seconds <= best + 1


def test_another_class_has_another_heatmap_and_the_same_answer(listener):
    heard = hear(listener, Sound(melody(3, 1)))
    other = heard.about(listener, heard.answer.predictions[-1].label)
    assert other.answer is heard.answer
    assert (other.heatmap != heard.heatmap).any()


def test_the_json_has_what_a_photos_has_and_where_it_listened(listener):
    answer = hear(listener, Sound(melody(3, 2))).to_json(2)
    assert list(answer) == ["predictions", "sure", "note", "pieces", "listened_to"]
    assert len(answer["predictions"]) == 2
    assert len(answer["pieces"]) == 2
    assert set(answer["listened_to"]) == {"seconds", "hz", "picture"}


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "10.3 s, 10.2 kHz"), (6, 6, "13.7 s, 790 Hz"), (13, 3, "12.0 s, 60 Hz"), (20, 6, "13.7 s")],
)
def test_the_hottest_place_is_told_in_seconds_and_hertz(row, column, words):
    heat = np.zeros((21, 7), np.float32)
    heat[row, column] = 1
    piece = Piece(10.0, np.zeros(4 * RATE_HZ, np.float32))
    place = hottest(heat, (SPECTROGRAM, WAVELET, WAVEFORM), piece)
    assert str(place) == words
    assert hottest(np.zeros((7, 7)), (MEL,), piece) is None


def test_a_model_of_photos_cannot_hear(tiny_model, classifier):
    with pytest.raises(ModelError, match="knows photos, not sounds"):
        hear(classifier, Sound(melody(1, 1)))
