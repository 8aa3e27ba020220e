"""Several models of the same recordings on the same split: one for each picture, both fused, and one from scratch."""

from dataclasses import replace

import numpy as np
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.jobs.progress import never
from dance_demo.model.head import softmax
from dance_demo.model.preprocessing import SPECTROGRAM, WAVELET, SoundSettings
from dance_demo.networks.scratch import DANCE, LAYERS, MUSIC
from dance_demo.training.comparison import (
    FROZEN,
    JOINT,
    MEAN,
    NORMALIZED,
    SCRATCH,
    ComparisonResult,
    ComparisonSettings,
    compare,
)
from dance_demo.training.config import TrainingConfig
from tests.support.sounds import melody, write_classes

pytestmark = pytest.mark.slow
SETTINGS = ComparisonSettings(side_px=32, epochs=1, transfer=TrainingConfig(epochs=4, backbone="dance")).for_sound()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    classes = {label: {f"{n}.wav": melody(10 * c + n, 2) for n in range(5)} for c, label in enumerate(("high", "low"))}
    return write_classes(tmp_path_factory.mktemp("sounds") / "zip", classes)


def compared(folder, directory, **changes) -> ComparisonResult:
    dataset, _ = open_dataset(folder, workspace=directory, sound=SoundSettings(**changes))
    *_, result = compare(directory / "job", never, dataset, SETTINGS, directory / "cache")
    return result


def test_both_are_fused_in_two_ways_beside_each_and_one_from_scratch(folder, tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    result = compared(folder, tmp_path, piece_s=1.0)
    assert [method.name for method in result.methods] == [SPECTROGRAM, WAVELET, JOINT, MEAN, SCRATCH]
    logits = np.mean([np.log(result.method(kind).probabilities) for kind in (SPECTROGRAM, WAVELET)], axis=0)
    assert result.method(MEAN).probabilities == pytest.approx(softmax(logits, 1.0), abs=1e-6)
    assert len({method.evaluation.n for method in result.methods}) == 1
    assert all(set(method.evaluation.per_class) == {"high", "low"} for method in result.methods)
    assert result.settings.network == MUSIC
    assert result.settings.transfer.augmentation == "off"
    assert result.noun == "pieces of sound"


def test_of_one_picture_the_methods_are_those_of_photos(folder, tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    result = compared(folder, tmp_path, pictures=(WAVELET,), piece_s=1.0)
    assert [method.name for method in result.methods] == [FROZEN, NORMALIZED, SCRATCH]


def test_the_networks_from_scratch_are_those_of_the_articles():
    assert (LAYERS[DANCE].filters, LAYERS[DANCE].dense_units) == ((128, 64, 128), 64)
    assert (LAYERS[MUSIC].filters, LAYERS[MUSIC].dense_units) == ((32, 32, 64), 128)
    with pytest.raises(Exception, match="one of dance, music"):
        replace(SETTINGS, network="other")
