"""A model in the format of Teachable Machine, loaded by Google's own library from its package, in Chromium."""

import base64
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from dance_demo.cli.main import main
from dance_demo.data.illustrations import draw
from dance_demo.model.directory import BUNDLED, FAMILIARITY, HEAD, save_model
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input
from tests.export.photos import MOST_DIFFERENCE
from tests.export.test_folder import Quiet

LIBRARIES = ("@tensorflow/tfjs/dist/tf.min.js", "@teachablemachine/image/dist/teachablemachine-image.min.js")
LOAD = """async address => {
  window.model = await tmImage.load(`${address}/model.json`, `${address}/metadata.json`);
  return model.getClassLabels();
}"""
# What the library does to the pixels of a picture that has the right size already.
ASK = """async ({pixels, side}) => {
  const bytes = Uint8Array.from(atob(pixels), letter => letter.charCodeAt(0));
  const picture = tf.tensor(Float32Array.from(bytes), [1, side, side, 3]).div(127).sub(1);
  return [...await model.model.predict(picture).data()];
}"""
# The program of a sketch: a canvas in, names and probabilities out.
SKETCH = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 256, height: 256});
  canvas.getContext("2d").fillRect(0, 0, 99, 256);
  return await model.predict(canvas);
}"""


@pytest.fixture
def page(browser: Browser, javascript: Path, tmp_path: Path) -> Iterator[Page]:
    """A page with the libraries, at an address under which `tmp_path` is served, too."""
    tags = "".join(f'<script src="node_modules/{name}"></script>' for name in LIBRARIES)
    (tmp_path / "index.html").write_text(f"<!doctype html>{tags}")
    (tmp_path / "node_modules").symlink_to(javascript / "node_modules")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        yield page
        page.close()
        server.shutdown()


def own_model(directory: Path, *, power_normalized: bool, hidden: int) -> Path:
    """A head of another kind on the backbone that ships."""
    head, generator = Head.from_npz_bytes((BUNDLED / HEAD).read_bytes()), np.random.default_rng(0)
    weight = 12 * head.weight if power_normalized else head.weight
    layers = {}
    if hidden:
        layers = {"hidden_weight": 3 * generator.normal(size=(head.channels, hidden)), "hidden_bias": np.ones(hidden)}
        weight = generator.normal(size=(hidden, len(head.class_names)))
    own = Head(head.class_names, weight, head.bias, 1.0, head.backbone_sha256, power_normalized, **layers)
    files = {HEAD: own.to_npz_bytes(), FAMILIARITY: (BUNDLED / FAMILIARITY).read_bytes()}
    save_model(directory, files, name="Own", class_names=own.class_names)
    return directory


def export(model: Path, out: Path) -> None:
    assert main(["export", str(model), "--as", "teachable", "--out", str(out)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shipped", "power-normalised", "hidden"])
def test_the_library_loads_it_and_gives_the_probabilities_of_the_app(page: Page, tmp_path: Path, kind: str) -> None:
    model = BUNDLED
    if kind != "shipped":
        model = own_model(tmp_path / "own", power_normalized=True, hidden=16 if kind == "hidden" else 0)
    export(model, tmp_path / "teachable")
    classifier = load_classifier(model)
    assert page.evaluate(LOAD, "teachable") == list(classifier.class_names)
    side = classifier.backbone.input_side_px
    for form, seed in (("kathak", 70_000), ("kuchipudi", 70_001))[: 2 if kind == "shipped" else 1]:
        drawing = draw(form, seed, size=(300, 300))
        pixels = ((to_input(drawing, side) + 1) * 127.5).round().astype(np.uint8)
        answer = page.evaluate(ASK, {"pixels": base64.b64encode(pixels.tobytes()).decode(), "side": side})
        expected = classifier.in_float().classify(drawing).probabilities(classifier.class_names)
        difference = np.abs(np.array(answer) - expected).max()
        print(f"{kind}: {difference:.2g}")
        assert difference <= MOST_DIFFERENCE and expected.max() < 0.9999
    if kind == "shipped":
        answers = page.evaluate(SKETCH)
        assert [answer["className"] for answer in answers] == list(classifier.class_names)
        assert sum(answer["probability"] for answer in answers) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_its_files_say_what_the_library_asks_for(tmp_path: Path) -> None:
    export(BUNDLED, tmp_path / "teachable")
    assert {path.name for path in (tmp_path / "teachable").iterdir()} == {"model.json", "weights.bin", "metadata.json"}
    metadata = json.loads((tmp_path / "teachable" / "metadata.json").read_text())
    assert metadata["packageName"] == "@teachablemachine/image" and len(metadata["labels"]) == 8
    assert "256 x 256 pixels, red, green, blue from -1 to 1" in metadata["userMetadata"]["takesIn"]
    network = json.loads((tmp_path / "teachable" / "model.json").read_text())
    numbers = sum(int(np.prod(w["shape"])) for w in network["weightsManifest"][0]["weights"])
    assert (tmp_path / "teachable" / "weights.bin").stat().st_size == 4 * numbers
