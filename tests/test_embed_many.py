"""The example that embeds photos on an engine: its worker, called as an engine calls it. The engine itself is no
requirement; how it ran is in docs/scaling.md."""

import io
import sys
from types import ModuleType

import numpy as np
import pytest

from dance_demo.illustrations import draw
from tests.running_app import ROOT


@pytest.fixture(scope="module")
def embed_many() -> ModuleType:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "docs"))
    import embed_many

    sys.path[:] = before
    return embed_many


def test_a_worker_gives_the_features_that_the_classifier_has_and_a_reason_for_what_is_no_photo(
    embed_many: ModuleType, classifier
) -> None:
    photo = draw("odissi", 3)
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    batch = {"path": np.array(["a/b.png", "a/c.jpg"]), "bytes": np.array([buffer.getvalue(), b"no photo"], object)}
    answer = embed_many.Embedder()(batch)
    assert list(answer["path"]) == ["a/b.png", "a/c.jpg"]
    assert answer["features"].shape == (2, 1280) and answer["features"].dtype == np.float32
    pooled = classifier.backbone.feature_maps(_view(photo, classifier))[0].mean(axis=(0, 1))
    np.testing.assert_allclose(answer["features"][0], pooled, rtol=1e-3, atol=1e-4)
    assert answer["error"][0] == "" and "c.jpg" in answer["error"][1]
    assert np.isnan(answer["features"][1]).all()


def test_the_engine_is_no_requirement(embed_many: ModuleType) -> None:
    assert "\nray" not in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "ray" not in sys.modules


def _view(photo, classifier) -> np.ndarray:  # noqa: ANN001
    from dance_demo.photos import to_input

    return to_input(photo, classifier.backbone.input_side_px)[None]
