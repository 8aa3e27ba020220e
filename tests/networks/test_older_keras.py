"""The full Keras model opens in the versions of Keras that others have, each in an environment of its own."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dance_demo.model.loading import load_classifier
from dance_demo.networks.full_model import full_network, pixels_of, save_for_every_keras
from tests.networks.test_full_model import app_answers, drawings, trained
from tests.support import ROOT

TENSORFLOW, VERSIONS = "tensorflow-cpu==2.16.2", ("3.3.3", "3.10.0")  # the oldest that is promised, and one between
LOAD = """
import sys
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], np.asarray(model(np.load(sys.argv[2]))))
print(keras.__version__)
"""


@pytest.fixture(scope="module")
def environment() -> Path:
    """One with an older TensorFlow; it is kept, for it takes minutes to install."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64") or sys.version_info[:2] > (3, 12):
        pytest.skip("TensorFlow 2.16 for processors is there for Linux on x86_64 and Python 3.12 at most")
    folder = ROOT / "tests" / "artefacts" / "older-keras"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install(folder, TENSORFLOW, "numpy<2")
        (folder / "done").touch()
    return folder


def install(folder: Path, *arguments: str) -> None:
    command = [folder / "bin" / "python", "-m", "pip", "install", "-q", *arguments]
    if subprocess.run(command, capture_output=True, timeout=900).returncode:
        pytest.skip("older versions of Keras cannot be installed here (no network?)")


@pytest.mark.slow
@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [{"power_normalized": False}, {"mirrored_view": True, "hidden": True}])
def test_the_full_model_opens_in_an_older_keras_and_answers_the_same(environment, version, kind, tmp_path):
    beside = environment / version
    if not beside.is_dir():
        install(environment, "--no-deps", "--target", str(beside), f"keras=={version}")
    classifier, photos = load_classifier(trained(tmp_path / "model", **kind)), drawings(2)
    network = full_network(classifier)
    save_for_every_keras(network, tmp_path / "model.keras")
    pixels = np.stack([pixels_of(photo, classifier.backbone.input_side_px) for photo in photos])
    np.save(tmp_path / "pixels.npy", pixels)
    files = [tmp_path / name for name in ("model.keras", "pixels.npy", "answers.npy")]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "PYTHONPATH": str(beside)
    }
    python = environment / "bin" / "python"
    ran = subprocess.run([python, "-c", LOAD, *files], env=variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.splitlines()[-1] == version
    assert np.abs(np.load(files[2]) - app_answers(classifier, photos)).max() < 0.01
