"""The answers to a running camera, without a browser."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dance_demo.data.illustrations import draw
from dance_demo.errors import PhotoError
from dance_demo.model.classifier import Classifier
from dance_demo.predict import camera as live
from dance_demo.predict.camera import HEAT_PX, NO_HEATMAP, CameraSessions


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


ODISSI, KATHAKALI = (jpeg(draw(form, 5, size=(256, 320))) for form in ("odissi", "kathakali"))


@pytest.fixture
def sessions(classifier: Classifier) -> CameraSessions:
    return CameraSessions(classifier)


def test_a_picture_is_named_and_its_heatmap_has_its_shape(sessions: CameraSessions):
    answer = sessions.classify("a", ODISSI)
    assert answer.predictions[0].label == answer.label == "odissi"
    assert answer.note == ""
    heat = Image.open(io.BytesIO(answer.heat_png))
    assert (heat.mode, heat.size) == ("RGBA", (round(HEAT_PX * 256 / 320), HEAT_PX))
    assert np.asarray(heat)[..., 3].max() > 100


def test_the_heatmap_of_any_class_or_of_none(sessions: CameraSessions):
    names = sessions.classifier.class_names
    other = sessions.classify("a", ODISSI, heat_of=names.index("kathak"))
    assert other.label == "kathak"
    assert other.heat_png != sessions.classify("a", ODISSI).heat_png
    assert sessions.classify("a", ODISSI, heat_of=NO_HEATMAP).heat_png == b""
    for number in (-3, len(names)):
        with pytest.raises(ValueError, match="heat_of must be from -2 to 7"):
            sessions.classify("a", ODISSI, heat_of=number)


def test_a_visitor_s_frames_are_smoothed_and_nobody_else_s(sessions: CameraSessions, monkeypatch: pytest.MonkeyPatch):
    """One blurred frame: the answer stays nearer to the frame before."""
    clock = iter([0.0, 0.1, 0.1])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    blurred = jpeg(draw("odissi", 5, size=(256, 320)).filter(ImageFilter.GaussianBlur(9)))
    before = sessions.classify("a", ODISSI).predictions[0].probability
    alone = sessions.classify("b", blurred)
    smoothed = sessions.classify("a", blurred)
    at_odissi = {p.label: p.probability for p in alone.predictions}["odissi"]
    assert abs(smoothed.predictions[0].probability - before) < abs(at_odissi - before)


def test_after_a_cut_the_new_picture_stands_alone(sessions: CameraSessions):
    sessions.classify("a", ODISSI)
    after, alone = sessions.classify("a", KATHAKALI), sessions.classify("b", KATHAKALI)
    assert after.predictions == alone.predictions


def test_what_is_no_picture_is_refused(sessions: CameraSessions):
    with pytest.raises(PhotoError, match="The camera's picture: the file is empty"):
        sessions.classify("a", b"")


def test_the_oldest_visitors_are_forgotten(sessions: CameraSessions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "VISITORS", 2)
    for visitor in "abac":
        sessions.classify(visitor, ODISSI)
    assert list(sessions._known) == ["a", "c"]
