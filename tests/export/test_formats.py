"""Every format that one can compute with here gives the app's answers; those for browsers have tests of their own."""

import importlib.util
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dance_demo
from dance_demo.cli.main import main
from dance_demo.errors import ModelError
from dance_demo.export.formats import FORMATS, export
from dance_demo.export.onnx_file import INPUT, OUTPUT
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import never
from dance_demo.model.bundle import read_bundle
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import BUNDLED, FAMILIARITY, HEAD, ModelCard, save_model
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import MEL, SoundSettings
from dance_demo.networks import full_model
from dance_demo.networks.full_model import litert_function, pixels_of
from tests.cli.test_streams import NOISE, run
from tests.export.photos import MOST_DIFFERENCE, unseen
from tests.support import ROOT

Answer = Callable[[Path], np.ndarray]
COMPUTED = ("onnx", "tflite", "python")


def answers(format: str, path: Path, classifier: Classifier) -> Answer:
    """A photo's file to probabilities, by the export alone."""
    side = classifier.backbone.input_side_px
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        about = session.get_modelmeta()
        assert json.loads(about.custom_metadata_map["class_names"]) == list(classifier.class_names)
        assert f"{side} x {side} pixels, colours in the order red, green, blue" in about.description
        return lambda photo: session.run([OUTPUT], {INPUT: pixels_of(open_photo(photo), side)[None]})[0][0]
    if format == "tflite":
        run = litert_function(path)
        return lambda photo: run(pixels_of(open_photo(photo), side))
    own = dance_demo.load_classifier(read_bundle(path, path.parent / "unpacked"))
    return lambda photo: own.classify(dance_demo.open_photo(photo)).probabilities(classifier.class_names)


@pytest.mark.slow
@pytest.mark.parametrize("format", COMPUTED)
def test_an_export_answers_as_the_app_does_on_photos_that_the_network_has_not_seen(
    format: str, classifier: Classifier, tmp_path: Path
) -> None:
    out = tmp_path / f"model{FORMATS[format].suffix}"
    ran = run("-m", "dance_demo", "export", "--as", format, "--out", out)
    told = ran.stdout.decode() + ran.stderr.decode()
    assert ran.returncode == 0 and not [word for word in NOISE if word in told], told
    answer, differences, photos = answers(format, out, classifier), [], tmp_path / "photos"
    same = classifier if format == "python" else classifier.in_float()
    photos.mkdir()
    for photo in unseen(photos):
        expected = same.classify(open_photo(photo)).probabilities(classifier.class_names)
        given = answer(photo)
        assert np.argmax(given) == np.argmax(expected), photo.name
        differences.append(float(np.abs(given - expected).max()))
    print(f"{format}: {len(differences)} photos, largest difference {max(differences):.2g}")
    assert len(differences) >= 100 and max(differences) <= MOST_DIFFERENCE


def test_a_bundle_from_the_command_line_is_the_one_of_the_page(tmp_path: Path) -> None:
    assert main(["export", "--as", "python", "--out", str(tmp_path / "bundle.zip")]) == 0
    with zipfile.ZipFile(io.BytesIO((tmp_path / "bundle.zip").read_bytes())) as archive:
        assert {"head.npz", "card.json", "predict.py"} <= set(archive.namelist())


def test_onnx_without_its_packages_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "tf2onnx" else found(name, *a))
    assert main(["export", "--as", "onnx", "--out", str(tmp_path / "model.onnx")]) == 2
    assert "requirements-export.txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head on the backbone that ships that listens to one picture of sound: it has the numbers of one for photos."""
    directory = tmp_path_factory.mktemp("listener") / "ears"
    files = {name: (BUNDLED / name).read_bytes() for name in (HEAD, FAMILIARITY)}
    names = ModelCard.read(BUNDLED).class_names
    save_model(directory, files, name="Ears", class_names=names, sound=SoundSettings((MEL,)).to_card())
    return directory


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "python"])
def test_a_model_that_listens_is_refused_by_what_takes_photos(
    format: str, listener: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(listener), "--as", format, "--out", str(tmp_path / "out")]) == 2
    assert "This model listens to sounds: it can be taken home as a bundle for Python only." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_model_that_listens_is_taken_home_as_a_bundle(listener: Path, tmp_path: Path) -> None:
    assert main(["export", str(listener), "--as", "python", "--out", str(tmp_path / "bundle.zip")]) == 0
    assert load_classifier(read_bundle(tmp_path / "bundle.zip", tmp_path / "own")).sound == SoundSettings((MEL,))


@pytest.mark.parametrize("work", [lambda *args: export(*args, format="page"), full_model.export])
def test_the_jobs_of_the_page_refuse_it_too(work: Callable, listener: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="listens to sounds"):
        list(work(tmp_path, never, listener))
    assert not list(tmp_path.iterdir())


def test_every_format_is_in_the_table() -> None:
    table = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in table for name in FORMATS)
