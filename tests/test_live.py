"""The answers to a running camera, without a browser."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dance_demo import live
from dance_demo.classifier import Classifier
from dance_demo.errors import PhotoError
from dance_demo.illustrations import draw
from dance_demo.live import HEAT_PX, NO_HEATMAP, Watch


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


ODISSI, KATHAKALI = (jpeg(draw(form, 5, size=(256, 320))) for form in ("odissi", "kathakali"))


@pytest.fixture
def watch(classifier: Classifier) -> Watch:
    return Watch(classifier)


def test_a_picture_is_named_and_its_heatmap_has_its_shape(watch: Watch):
    glance = watch.look("a", ODISSI)
    assert glance.predictions[0].label == glance.label == "odissi"
    assert glance.note == ""
    heat = Image.open(io.BytesIO(glance.heat_png))
    assert (heat.mode, heat.size) == ("RGBA", (round(HEAT_PX * 256 / 320), HEAT_PX))
    assert np.asarray(heat)[..., 3].max() > 100


def test_the_heatmap_of_any_class_or_of_none(watch: Watch):
    names = watch.classifier.class_names
    other = watch.look("a", ODISSI, heat_of=names.index("kathak"))
    assert other.label == "kathak"
    assert other.heat_png != watch.look("a", ODISSI).heat_png
    assert watch.look("a", ODISSI, heat_of=NO_HEATMAP).heat_png == b""
    for number in (-3, len(names)):
        with pytest.raises(ValueError, match="heat_of must be from -2 to 7"):
            watch.look("a", ODISSI, heat_of=number)


def test_a_visitor_s_looks_are_steadied_and_nobody_else_s(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    """One blurred look: the answer stays nearer to the look before."""
    clock = iter([0.0, 0.1, 0.1])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    blurred = jpeg(draw("odissi", 5, size=(256, 320)).filter(ImageFilter.GaussianBlur(9)))
    before = watch.look("a", ODISSI).predictions[0].probability
    alone = watch.look("b", blurred)
    steadied = watch.look("a", blurred)
    at_odissi = {p.label: p.probability for p in alone.predictions}["odissi"]
    assert abs(steadied.predictions[0].probability - before) < abs(at_odissi - before)


def test_after_a_cut_the_new_picture_stands_alone(watch: Watch):
    watch.look("a", ODISSI)
    after, alone = watch.look("a", KATHAKALI), watch.look("b", KATHAKALI)
    assert after.predictions == alone.predictions


def test_what_is_no_picture_is_refused(watch: Watch):
    with pytest.raises(PhotoError, match="The camera's picture: the file is empty"):
        watch.look("a", b"")


def test_the_oldest_visitors_are_forgotten(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "VISITORS", 2)
    for visitor in "abac":
        watch.look(visitor, ODISSI)
    assert list(watch._known) == ["a", "c"]
