"""A head that reads several pictures at once: its numbers, its heatmap, and what its card may say."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone
from dance_demo.model.bundle import bundle_files, read_bundle, write_bundle
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard, save_model
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.heatmap.gradcam import heatmap
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import CHOICES, MEL, SPECTROGRAM, WAVELET, SoundSettings, to_input
from tests.conftest import TINY_CHANNELS, TINY_CLASSES
from tests.support.made_up import photo

BOTH = SoundSettings()


def fused_head(backbone_sha256: str, *, power_normalized: bool = False) -> Head:
    generator = np.random.default_rng(4)
    weight = generator.normal(size=(2 * TINY_CHANNELS, len(TINY_CLASSES)))
    return Head(TINY_CLASSES, weight, np.zeros(len(TINY_CLASSES)), 1.0, backbone_sha256, power_normalized)


@pytest.fixture
def listener(tiny_model) -> Classifier:
    backbone = Backbone(tiny_model / "backbone.tflite")
    familiarity = Familiarity.fit(np.random.default_rng(0).random((20, 2 * TINY_CHANNELS), np.float32))
    return Classifier(backbone, fused_head(backbone.sha256), familiarity, sound=BOTH)


def stacked(*pictures: Image.Image) -> Image.Image:
    together = Image.new("RGB", (256, 256 * len(pictures)))
    for number, picture in enumerate(pictures):
        together.paste(picture, (0, 256 * number))
    return together


def test_the_backbone_looks_at_each_picture_by_itself(listener):
    first, second = (photo(seed, size=(256, 256)) for seed in (1, 2))
    answer = listener.classify_picture(stacked(first, second))
    side = listener.backbone.input_side_px
    maps = listener.backbone.feature_maps(np.stack([to_input(first, side), to_input(second, side)]))
    assert (answer.feature_map == np.concatenate(maps)).all()
    features = maps.mean(axis=(1, 2)).ravel()
    logits = features @ listener.head.weight
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert answer.probabilities(TINY_CLASSES) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("power_normalized", [False, True])
def test_the_heatmap_is_the_slope_of_the_logit_at_every_place_of_both_pictures(power_normalized):
    head = fused_head("0" * 64, power_normalized=power_normalized)
    feature_map = np.random.default_rng(5).random((4, 2, TINY_CHANNELS)).astype(np.float64) + 0.2  # two of 2 x 2
    slopes = np.empty_like(feature_map)
    step = 1e-3
    for place in np.ndindex(feature_map.shape):
        moved = [feature_map.copy() for _ in range(2)]
        moved[0][place] += step
        moved[1][place] -= step
        high, low = (head.logits(head.features(one[None]))[0, 1] for one in moved)
        slopes[place] = (high - low) / (2 * step)
    alpha = slopes.reshape(2, 4, TINY_CHANNELS).mean(axis=1)  # a weight for each channel of each picture
    evidence = np.concatenate([np.maximum(feature_map[:2] @ alpha[0], 0), np.maximum(feature_map[2:] @ alpha[1], 0)])
    assert heatmap(feature_map, head, 1) == pytest.approx(evidence / evidence.max(), abs=0.02)


def test_a_photo_is_refused_by_a_model_that_listens(listener):
    with pytest.raises(ModelError, match="listens to sounds: give it a recording"):
        listener.classify(photo(1))


def test_parts_that_do_not_fit_are_refused(listener):
    with pytest.raises(ModelError, match=f"but the backbone has 1 x {TINY_CHANNELS}"):
        replace(listener, sound=SoundSettings((MEL,)))
    with pytest.raises(ModelError, match=f"reads {2 * TINY_CHANNELS} channels, but the backbone has {TINY_CHANNELS}"):
        replace(listener, sound=None)
    with pytest.raises(ModelError, match="mirror images"):
        replace(listener, mirrored_view=True)
    with pytest.raises(ValueError, match="channels in all"):
        listener.head.pool(np.zeros((1, 3, 2, TINY_CHANNELS), np.float32))


def saved(listener: Classifier, directory, sound: dict) -> ModelCard:
    files = {"head.npz": listener.head.to_npz_bytes(), "familiarity.npz": listener.familiarity.to_npz_bytes()}
    return save_model(directory, files, name="Ears", class_names=TINY_CLASSES, sound=sound)


def test_a_bundle_keeps_how_it_listens_and_opens_again(listener, tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    settings = SoundSettings((SPECTROGRAM, WAVELET), 2.5)
    saved(listener, tmp_path / "ears", settings.to_card())
    bundle = write_bundle(tmp_path / "ears", tmp_path / "ears.zip")
    again = load_classifier(read_bundle(bundle, tmp_path / "again"))
    assert again.sound == settings
    assert (again.head.weight == listener.head.weight).all()
    words = bundle_files(tmp_path / "ears")["README.md"].decode()
    assert "recording" in words
    assert "in a photo" not in words


HOSTILE = [
    {"pictures": ["spectrogram", "wavelet"]},
    {"pictures": "both", "piece_s": 5},
    {"pictures": ["spectrogram", "x" * 500], "piece_s": 5},
    {"pictures": [], "piece_s": 5},
    {"pictures": ["mel"] * 5, "piece_s": 5},
    {"pictures": ["mel"], "piece_s": 1e300},
    {"pictures": ["mel"], "piece_s": True},
    {"pictures": [["mel"]], "piece_s": 5},
    ["mel"],
    7,
]


@pytest.mark.parametrize("sound", HOSTILE)
def test_a_bundle_with_other_words_on_sound_is_refused(sound, listener, tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    saved(listener, tmp_path / "ears", sound)
    bundle = write_bundle(tmp_path / "ears", tmp_path / "ears.zip")
    with pytest.raises(ModelError) as raised:
        read_bundle(bundle, tmp_path / "again")
    assert str(raised.value).endswith(".")
    assert not (tmp_path / "again").exists()


def test_settings_come_back_from_a_card():
    for pictures in CHOICES.values():
        settings = SoundSettings(pictures, 3.0)
        assert SoundSettings.of_card(settings.to_card()) == settings
    assert SoundSettings.of_card({}) is None
