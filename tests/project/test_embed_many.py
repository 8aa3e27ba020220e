"""The example that embeds photos on an engine: its worker, called as an engine calls it. The engine itself is no
requirement; how it ran is in docs/scaling.md."""

import io
import sys
from types import ModuleType

import numpy as np
import pytest

from dance_demo.data.fingerprint import difference_hash, pixel_sha256
from dance_demo.data.illustrations import draw
from tests.support import ROOT


@pytest.fixture(scope="module")
def embed_many() -> ModuleType:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "scripts"))
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
    view = _view(photo, classifier)
    for name, views in (("features", view), ("mirrored", view[:, :, ::-1])):
        pooled = classifier.backbone.feature_maps(views)[0].mean(axis=(0, 1))
        np.testing.assert_allclose(answer[name][0], pooled, rtol=1e-3, atol=1e-4)
    assert list(answer["pixel_sha256"]) == [pixel_sha256(photo), ""]
    assert list(answer["difference_hash"]) == [difference_hash(photo), 0]
    assert set(answer["backbone_sha256"]) == {classifier.backbone.sha256}
    assert answer["error"][0] == "" and "c.jpg" in answer["error"][1]
    assert np.isnan(answer["features"][1]).all() and np.isnan(answer["mirrored"][1]).all()
    one_view = embed_many.Embedder(mirrored=False)(batch)
    assert answer.keys() - one_view.keys() == {"mirrored"}
    np.testing.assert_allclose(one_view["features"], answer["features"], rtol=1e-6)


def test_the_engine_is_no_requirement(embed_many: ModuleType) -> None:
    assert "\nray" not in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "ray" not in sys.modules


def _view(photo, classifier) -> np.ndarray:  # noqa: ANN001
    from dance_demo.model.preprocessing import to_input

    return to_input(photo, classifier.backbone.input_side_px)[None]
