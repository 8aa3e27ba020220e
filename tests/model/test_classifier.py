"""The classifier: its arithmetic on a tiny real network, and the model that ships on turned and empty photos."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from dance_demo.data.illustrations import draw
from dance_demo.errors import ModelError
from dance_demo.files.photo import open_photo
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.familiarity import UNCLEAR, UNFAMILIAR
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input
from tests.support.made_up import UNDO, photo, pooled


@pytest.fixture
def tiny(tiny_model) -> Classifier:
    return load_classifier(tiny_model)


def test_probabilities_are_the_softmax_of_the_pooled_map_most_probable_first(tiny):
    answer = tiny.classify(photo(1))
    pooled = answer.feature_map.mean(axis=(0, 1))
    expected = softmax((pooled @ tiny.head.weight + tiny.head.bias) / tiny.head.temperature)
    order = np.argsort(-expected)
    assert [p.label for p in answer.predictions] == [tiny.class_names[index] for index in order]
    assert [p.probability for p in answer.predictions] == pytest.approx(expected[order].tolist(), rel=1e-4)
    assert answer.top == answer.predictions[0]


def test_a_mirrored_view_averages_the_logits_of_the_photo_and_its_mirror_image(tiny):
    both, picture = replace(tiny, mirrored_view=True), photo(2)
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    logits = [tiny.head.logits(pooled(tiny, [view])) for view in (picture, mirrored)]
    assert np.abs(logits[0] - logits[1]).max() > 0.01
    np.testing.assert_allclose(both.head.logits(pooled(both, [picture])), np.mean(logits, axis=0), rtol=1e-4)


def test_with_a_mirrored_view_the_heatmap_of_the_mirror_image_is_the_mirrored_heatmap(tiny):
    both, picture = replace(tiny, mirrored_view=True), photo(3)
    answer, mirrored = both.classify(picture), both.classify(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    for label in both.class_names:
        heatmap = both.heatmap(answer, label)
        np.testing.assert_allclose(both.heatmap(mirrored, label), heatmap[:, ::-1], atol=1e-5)
    assert answer.top.probability == pytest.approx(mirrored.top.probability)


def test_the_same_photo_twice_gets_the_same_answer_and_is_left_as_it_was(tiny):
    picture = photo(4)
    first, second = tiny.classify(picture), tiny.classify(picture)
    assert first.predictions == second.predictions
    np.testing.assert_array_equal(first.feature_map, second.feature_map)
    assert picture.tobytes() == photo(4).tobytes()


def test_the_heatmaps_of_all_classes_need_no_look_at_the_photo(tiny):
    answer = tiny.classify(photo(5))
    view = to_input(photo(5), 32)
    np.testing.assert_array_equal(answer.feature_map, tiny.backbone.feature_maps(view[None])[0])
    towards, away = tiny.contrast(answer, "kathak", "odissi"), tiny.contrast(answer, "odissi", "kathak")
    assert towards.shape == tiny.heatmap(answer, "kathak").shape == answer.feature_map.shape[:2]
    assert (towards > 0).any() or (away > 0).any()
    assert not (towards * away).any()


def test_a_head_of_another_backbone_is_refused_with_both_hashes(tiny):
    stranger = replace(tiny.head, backbone_sha256="ab" * 32)
    with pytest.raises(ModelError, match=f"fitted on backbone abababababab, .* is {tiny.backbone.sha256[:12]}"):
        replace(tiny, head=stranger)


def test_a_head_or_familiarity_for_other_channels_is_refused_with_both_numbers(tiny):
    wide = Head(tiny.class_names, np.ones((13, 3)), np.ones(3), 1.0, tiny.backbone.sha256)
    with pytest.raises(ModelError, match="reads 13 channels, but the backbone has 12"):
        replace(tiny, head=wide)
    with pytest.raises(ModelError, match="is about 13 channels, but the backbone has 12"):
        replace(tiny, familiarity=replace(tiny.familiarity, centre=np.ones(13, np.float32)))


def test_a_class_that_the_model_does_not_know_is_refused_with_those_that_it_knows(tiny):
    answer = tiny.classify(photo(6))
    for ask in (lambda: tiny.heatmap(answer, "tango"), lambda: tiny.contrast(answer, "kathak", "tango")):
        with pytest.raises(ModelError, match="'tango' is not a class of this model. It knows: kathak, odissi, sattri"):
            ask()
    with pytest.raises(ModelError) as refusal:
        tiny.class_index("x" * 10_000)
    assert len(str(refusal.value)) < 200


def test_an_answer_is_sure_unless_a_limit_was_crossed(tiny):
    def answer(**limits):
        opened = {"max_distance": np.inf, "min_probability": 0.0, "min_margin": 0.0}
        return replace(tiny, familiarity=tiny.familiarity.with_limits(**{**opened, **limits})).classify(photo(7))

    assert (answer().sure, answer().note, answer().familiar) == (True, "", True)
    strange, unclear = answer(max_distance=0.0), answer(min_probability=1.01)
    assert (strange.sure, strange.note, strange.familiar) == (False, UNFAMILIAR, False)
    assert (unclear.sure, unclear.note, unclear.familiar) == (False, UNCLEAR, True)
    assert strange.predictions == unclear.predictions == answer().predictions


def test_two_heads_share_a_backbone_without_a_trace(tiny):
    other = replace(tiny, head=Head(("a", "b"), np.ones((12, 2)), np.zeros(2), 1.0, tiny.backbone.sha256))
    before = tiny.classify(photo(8)).predictions
    assert {p.probability for p in other.classify(photo(8)).predictions} == {0.5}
    assert tiny.classify(photo(8)).predictions == before


def turned(picture: Image.Image, orientation: int, format: str) -> bytes:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    lying = picture if orientation == 1 else picture.transpose(UNDO[orientation])
    lying.save(stream, format, exif=exif, quality=95)
    return stream.getvalue()


def test_I11_all_eight_orientations_get_the_same_answer_and_an_upright_heatmap(classifier):
    picture = draw("kathakali", 3)
    expected = classifier.classify(picture)
    heatmap = classifier.heatmap(expected, expected.top.label)
    for orientation in (1, *UNDO):
        answer = classifier.classify(open_photo(turned(picture, orientation, "PNG")))
        assert answer.predictions == expected.predictions
        np.testing.assert_array_equal(classifier.heatmap(answer, answer.top.label), heatmap)
        lossy = classifier.classify(open_photo(turned(picture, orientation, "JPEG")))
        assert lossy.top.label == expected.top.label
        np.testing.assert_allclose(classifier.heatmap(lossy, lossy.top.label), heatmap, atol=0.2)


def empty_photos() -> dict[str, Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    colours = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0)}
    return {name: Image.new("RGB", (300, 200), colour) for name, colour in colours.items()} | {
        "noise": Image.fromarray(noise),
        "narrow": Image.new("RGB", (160, 8), (9, 9, 9)),
    }


@pytest.mark.parametrize("name", empty_photos())
def test_I15_photos_of_nothing_get_a_finite_answer_without_confidence(name, classifier):
    answer = classifier.classify(empty_photos()[name])
    probabilities = np.array([p.probability for p in answer.predictions])
    assert np.isfinite(probabilities).all() and probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert not answer.sure and answer.note
    for label in classifier.class_names:
        heatmap = classifier.heatmap(answer, label)
        assert np.isfinite(heatmap).all() and heatmap.min() >= 0 and heatmap.max() in (0, 1)


def test_what_ships_is_a_mobilenet_for_photos_of_224_pixels_or_more(classifier):
    assert isinstance(classifier.backbone, Backbone)
    assert classifier.backbone.channels == 1280 and classifier.backbone.input_side_px >= 224
