"""The full model: a program without any code of ours gets the same answers from it as the app gives."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.errors import ModelError
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Progress
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import FAMILIARITY, HEAD, save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.networks.full_model import (
    KERAS_FILE,
    LABELS_FILE,
    LITERT_FILE,
    README_FILE,
    TOLERANCE,
    FullModel,
    export,
    for_every_keras,
    full_network,
    pixels_of,
)
from dance_demo.networks.imagenet import backbone_file
from dance_demo.networks.litert_metadata import with_metadata
from tests.support import ROOT

CLASSES = ("Garba & Dandiya", "कथक", "ballet", "<b>folk</b>")
PHOTOS, UNITS = 20, 16
ROUNDING = 0.3  # of a probability: the head is made up, and steeper than one that has learned


def trained(
    directory: Path, *, hidden: bool = False, power_normalized: bool = True, mirrored_view: bool = False
) -> Path:
    """A head with made-up numbers on the backbone that ships, which tells photos apart clearly."""
    generator = np.random.default_rng(3)
    channels = UNITS if hidden else 1280
    sha = sha256(backbone_file("dance"))
    layers = {"weight": 6 * generator.normal(size=(channels, 4)), "bias": generator.normal(size=4)}
    if hidden:
        layers |= {"hidden_weight": generator.normal(size=(1280, UNITS)), "hidden_bias": generator.normal(size=UNITS)}
    head = Head(CLASSES, temperature=0.7, backbone_sha256=sha, power_normalized=power_normalized, **layers)
    familiarity = Familiarity.fit(generator.random((20, 1280), np.float32))
    files = {HEAD: head.to_npz_bytes(), FAMILIARITY: familiarity.to_npz_bytes()}
    save_model(directory, files, name="Full", class_names=CLASSES, mirrored_view=mirrored_view)
    return directory


def drawings(count: int) -> list[Image.Image]:
    return [draw(FORM_NAMES[number % len(FORM_NAMES)], 100 + number) for number in range(count)]


def twenty_photos(request: pytest.FixtureRequest) -> list[Image.Image]:
    """Real ones where there are some, else drawings."""
    try:
        folder: Path = request.getfixturevalue("shared") / "data" / "dance"
    except pytest.skip.Exception:
        return drawings(PHOTOS)
    return [open_photo(path) for path in sorted(folder.rglob("*.jpg"))[:: 364 // PHOTOS][:PHOTOS]]


def app_answers(classifier: Classifier, photos: list[Image.Image]) -> np.ndarray:
    """The probabilities that a visitor would see, but for the rounding to eight bits: (n, k)."""
    in_float = classifier.in_float()
    return np.array([in_float.classify(photo).probabilities(in_float.class_names) for photo in photos])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        {"power_normalized": False},
        {"power_normalized": True},
        {"hidden": True},
        {"mirrored_view": True, "hidden": True},
    ],
    ids=["plain", "power-normalised", "hidden layer", "mirrored view"],
)
def test_the_network_of_every_kind_of_head_answers_like_the_app(kind, tmp_path):
    classifier, photos = load_classifier(trained(tmp_path / "model", **kind)), drawings(4)
    expected = app_answers(classifier, photos)
    assert len(set(expected.argmax(axis=1))) > 1 or np.ptp(expected, axis=0).max() > 0.05  # it looks at the photos
    batch = np.stack([pixels_of(photo, classifier.backbone.input_side_px) for photo in photos])
    answers = full_network(classifier)(batch, training=False).numpy()
    np.testing.assert_allclose(answers, expected, atol=1e-3)


OUTSIDE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import keras, numpy as np
from ai_edge_litert.interpreter import Interpreter
folder, batch = sys.argv[1], np.load(sys.argv[2])
model = keras.saving.load_model(f"{folder}/model.keras", safe_mode=True)
interpreter = Interpreter(f"{folder}/model.tflite")
interpreter.allocate_tensors()
litert = []
for photo in batch:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo[None])
    interpreter.invoke()
    litert.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].tolist())
assert not [name for name in sys.modules if name.startswith("dance_demo")]
print(json.dumps({"keras": model(batch).numpy().tolist(), "litert": litert}))
"""


@pytest.mark.slow
def test_app_keras_and_litert_agree_on_twenty_photos_outside_of_this_app(request, tmp_path):
    model = trained(tmp_path / "trained", hidden=True, mirrored_view=True)
    *phases, made = export(tmp_path / "job", lambda: False, model)
    assert all(isinstance(phase, Progress) for phase in phases) and isinstance(made, FullModel)
    files = {KERAS_FILE, LABELS_FILE, LITERT_FILE, README_FILE}
    assert {path.name for path in (tmp_path / "job").iterdir()} == files
    assert made.labels.read_text(encoding="utf-8").splitlines() == list(CLASSES)
    assert made.largest_difference < ROUNDING

    photos, classifier = twenty_photos(request), load_classifier(model)
    np.save(tmp_path / "batch.npy", np.stack([pixels_of(photo, made.input_side_px) for photo in photos]))
    command = [sys.executable, "-B", "-c", OUTSIDE, tmp_path / "job", tmp_path / "batch.npy"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    answers, expected = json.loads(ran.stdout.splitlines()[-1]), app_answers(classifier, photos)
    assert len(photos) == PHOTOS and len(set(expected.argmax(axis=1))) > 1
    for name in ("keras", "litert"):
        difference = np.abs(np.array(answers[name]) - expected).max()
        print(f"{name} differs by {difference:.6f}")
        assert difference < TOLERANCE

    with zipfile.ZipFile(made.keras) as archive:
        config, about = archive.read("config.json").decode(), json.loads(archive.read("metadata.json"))
    assert "dance_demo." not in config and "Lambda" not in config
    assert about["class_names"] == list(CLASSES) and about["opens_in"] == "Keras 3.3 and later"
    assert "256 x 256 pixels, colours in the order red, green, blue, as numbers from 0 to 255" in about["description"]


@pytest.mark.slow
def test_an_export_that_is_stopped_leaves_no_model(tmp_path):
    model = trained(tmp_path / "trained")
    events = list(export(tmp_path / "job", lambda: True, model))
    assert events == [Progress("Putting backbone and head together")]
    assert not (tmp_path / "job" / KERAS_FILE).exists() and not (tmp_path / "job" / LITERT_FILE).exists()


def test_a_damaged_model_is_refused_before_anything_is_made(tiny_model, tmp_path):
    (tiny_model / HEAD).write_bytes(b"")
    with pytest.raises(ModelError, match="head.npz"):
        list(export(tmp_path / "job", lambda: False, tiny_model))
    assert not (tmp_path / "job").exists()


def test_naming_the_module_loads_no_tensorflow():
    code = "import dance_demo.networks.full_model, sys; print('keras' in sys.modules or 'tensorflow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "False", ran.stderr


def test_a_litert_model_says_what_it_takes_in_and_carries_its_labels():
    """Read back field by field, as MediaPipe Tasks does; the model that ships stands for any with one photo."""
    model, names = backbone_file("dance").read_bytes(), ("कथक", "odissi")
    described = with_metadata(model, names, name="Dances", description="red, green, blue from 0 to 255", side_px=256)
    content = schema.ModelT.InitFromPackedBuf(described, 0)
    assert content.description == b"red, green, blue from 0 to 255"
    [entry] = [one for one in content.metadata if one.name == b"TFLITE_METADATA"]
    metadata = bytes(content.buffers[entry.buffer].data)
    assert metadata[4:8] == b"M001"
    for text in (b"Dances", b"not from -1 to 1", b"labels.txt"):
        assert text in metadata
    with zipfile.ZipFile(io.BytesIO(described)) as behind:
        assert behind.read("labels.txt").decode() == "कथक\nodissi\n"
    before, after = schema.ModelT.InitFromPackedBuf(model, 0), content
    assert [len(graph.operators) for graph in before.subgraphs] == [len(graph.operators) for graph in after.subgraphs]


def test_a_keras_file_names_nothing_that_keras_3_3_does_not_know():
    later = {"module": "keras.layers", "config": {"units": 3, "quantization_config": None, "renorm": True}}
    operation = {"module": "keras.src.ops.numpy", "class_name": "Flip", "config": {"name": "flip", "axis": 2}}
    model = {"input_layers": ["photo", 0, 0], "output_layers": [["a", 0, 0], ["b", 0, 0]], "layers": [later, operation]}
    assert for_every_keras(model) == {
        "input_layers": [["photo", 0, 0]],
        "output_layers": [["a", 0, 0], ["b", 0, 0]],
        "layers": [
            {"module": "keras.layers", "config": {"units": 3, "renorm": True}},
            {"module": "keras.src.ops.numpy", "class_name": "Flip", "config": {"axis": 2}},
        ],
    }
