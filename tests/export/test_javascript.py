"""What the pages compute in a browser is what Python computes: the same vectors through both."""

import base64
import itertools
import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.illustrations import draw
from dance_demo.export.model_data import in_base64, model_data, packed_network
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from dance_demo.model.familiarity import UNCLEAR, UNFAMILIAR, Familiarity
from dance_demo.model.head import Head
from dance_demo.model.heatmap import gradcam, overlay
from dance_demo.model.preprocessing import SQUARE_SIDE_PX, to_input
from tests.support import ROOT

SIZES = ((37, 53), (288, 100), (411, 960), (960, 720), (865, 864), (960, 48))
DOUBTS = {"unfamiliar": UNFAMILIAR, "unclear": UNCLEAR, "": ""}


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, shape, np.uint8))


def as_json(photo: Image.Image) -> dict[str, Any]:
    data = in_base64(photo.tobytes())
    return {"data": data, "width": photo.width, "height": photo.height, "channels": len(photo.getbands())}


def heads(classifier: Classifier) -> list[Classifier]:
    """Every kind of head: plain, power-normalised, with a hidden layer; some doubt everything by their limits."""
    generator, channels, found = np.random.default_rng(0), classifier.backbone.channels, []
    for power_normalized, hidden in itertools.product((False, True), (0, 16)):
        layer = {"hidden_weight": generator.normal(size=(channels, hidden)) / 9, "hidden_bias": np.ones(hidden)}
        weight = generator.normal(size=(hidden or channels, 3)).astype(np.float32)
        head = Head(
            ("a", "b", "c"), weight, np.array([0.1, 0, -0.1]), 1.7, classifier.backbone.sha256, power_normalized,
            **(layer if hidden else {}),
        )  # fmt: skip
        known = Familiarity.fit(generator.random((20, channels), np.float32))
        limits = {"max_distance": 0.001 if hidden else 1e9, "min_probability": 0.99, "min_margin": 0.0}
        found.append(Classifier(classifier.backbone, head, known if power_normalized else known.with_limits(**limits)))
    return [classifier, *found]


@pytest.fixture(scope="module")
def told(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program in JavaScript answers."""
    if not shutil.which("node"):
        pytest.skip("the source in js/ is tested by node")
    photos = [noise(*size) for size in SIZES]
    folder = tmp_path_factory.mktemp("vectors")
    (folder / "network").write_bytes(bytes(range(250)) * 9)
    feature_map, inner = classifier.look(draw("odissi", 7))
    maps = [feature_map, np.zeros((7, 5, classifier.backbone.channels), np.float32)]
    vectors = {
        "resized": [
            {"photo": as_json(photo), "width": 288, "height": 224, "cubic": cubic}
            for photo in photos
            for cubic in (False, True)
        ]
        + [{"photo": as_json(noise(300, 400)), "width": 99, "height": 101, "box": [0, 0, 299.5, 333.25]}],
        "reduced": [
            {"photo": as_json(photo), "fx": fx, "fy": fy} for photo in photos for fx, fy in ((2, 2), (3, 1), (1, 5))
        ],
        "inputs": [
            {"photo": as_json(photo), "sides": {"squareSide": SQUARE_SIDE_PX, "inputSide": 224}} for photo in photos
        ],
        "overlays": [
            {
                "heat": heat.ravel().tolist(),
                "shape": {"rows": 7, "columns": 7},
                "size": {"width": 90, "height": 120},
                "style": {"palette": in_base64(overlay.palette()), "opacity": overlay.OPACITY},
            }
            for heat in heats()
        ],
        "network": {"packed": in_base64(packed_network((folder / "network").read_bytes())), "size": 2250},
        "heads": [
            {
                "model": model_data(one, ModelCard("Any", one.class_names, {})),
                "inner": in_base64(inner.tobytes()),
                "map": {"data": in_base64(feature_map.tobytes()), "height": feature_map.shape[0],
                    "width": feature_map.shape[1],
                        "channels": feature_map.shape[2]},
            }
            for one in heads(classifier)
            for feature_map in maps
        ],
    }  # fmt: skip
    (folder / "vectors.json").write_text(json.dumps(vectors))
    command = ["node", ROOT / "tests" / "javascript" / "compute.js", folder / "vectors.json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return {"maps": maps, "inner": inner, "network": (folder / "network").read_bytes(), "told": json.loads(ran.stdout)}


def heats() -> list[np.ndarray]:
    return [np.random.default_rng(seed).random((7, 7)).astype(np.float32) for seed in range(3)]


def values(text: str, dtype: type = np.uint8) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def test_pictures_are_made_smaller_to_the_last_bit_as_by_pillow(told: dict[str, Any]) -> None:
    answers = iter(told["told"]["resized"])
    for size in SIZES:
        for filter in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            expected = noise(*size).resize((288, 224), filter)
            assert (values(next(answers)) == np.asarray(expected).ravel()).all(), (size, filter)
    expected = noise(300, 400).resize((99, 101), Image.Resampling.BILINEAR, (0, 0, 299.5, 333.25))
    assert (values(next(answers)) == np.asarray(expected).ravel()).all()
    answers = iter(told["told"]["reduced"])
    for size, factors in itertools.product(SIZES, ((2, 2), (3, 1), (1, 5))):
        assert (values(next(answers)) == np.asarray(noise(*size).reduce(factors)).ravel()).all(), (size, factors)


def test_the_network_is_asked_about_the_same_numbers(told: dict[str, Any]) -> None:
    for size, answer in zip(SIZES, told["told"]["inputs"], strict=True):
        assert (values(answer, np.float32) == to_input(noise(*size)).ravel()).all(), size


def test_a_network_that_was_packed_is_the_same_again(told: dict[str, Any]) -> None:
    assert values(told["told"]["network"]).tobytes() == told["network"]


def test_every_kind_of_head_gives_the_same_probabilities_heatmaps_and_doubts(
    told: dict[str, Any], classifier: Classifier
) -> None:
    answers, doubts = iter(told["told"]["heads"]), set()
    for one in heads(classifier):
        for feature_map in told["maps"]:
            answer, known_by = next(answers), one.head.pool(feature_map[None])
            if one is classifier:
                known_by = told["inner"][None]
            expected = one.head.probabilities(one.head.features(feature_map[None]))[0]
            assert answer["probabilities"] == pytest.approx(expected, abs=1e-6)
            assert answer["distance"] == pytest.approx(one.familiarity.distance(known_by)[0], rel=1e-4)
            assert DOUBTS[answer["doubt"]] == one.familiarity.note(known_by[0], expected)
            doubts.add(answer["doubt"])
            for index, heat in enumerate(answer["heatmaps"]):
                expected_heat = gradcam.heatmap(feature_map, one.head, index).ravel()
                assert np.abs(np.array(heat) - expected_heat).max() < 1e-4, (index, heat, expected_heat)
    assert doubts == {"", "unclear", "unfamiliar"}


def test_a_heatmap_has_the_same_colours(told: dict[str, Any]) -> None:
    for heat, answer in zip(heats(), told["told"]["overlays"], strict=True):
        expected = np.asarray(overlay.layer(heat, (90, 120)), int)
        assert np.abs(values(answer).reshape(expected.shape) - expected).max() <= 1
