"""What several tests share: where the real photos are, the model that ships, and a tiny model made here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import BACKBONE, BUNDLED, CARD, FAMILIARITY, HEAD, save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE
from dance_demo.networks.litert import export_backbone
from tests.support import ROOT
from tests.support.clips import dancers, write_clip
from tests.support.hub_server import HubServer, running_hub

if TYPE_CHECKING:
    import keras

TINY_SIDE_PX, TINY_CHANNELS, TINY_CLASSES = 32, 12, ("kathak", "odissi", "sattriya")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow's variables know an older __array__ than NumPy 2; Keras meets it, we cannot fix it.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos, which users do not have. Where it must be there, its absence is a failure."""
    folder = Path(os.environ.get("DANCE_DEMO_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        _missing(f"real photos are needed (DANCE_DEMO_SHARED={folder})")
    return folder.resolve()


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The model that ships, or the one at $DANCE_DEMO_MODEL."""
    if not os.environ.get("DANCE_DEMO_MODEL") and not (BUNDLED / CARD).exists():
        _missing("a model is needed (weights/ is empty, DANCE_DEMO_MODEL is not set)")
    return load_classifier()


@pytest.fixture(scope="session")
def two_dances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of Odissi, then two of Kathak. Its index lies at the beginning."""
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return write_clip(path, dancers("odissi", "odissi", "kathak"), seconds=6, codec="libx264", movflags="faststart")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A Hugging Face Hub on loopback."""
    with running_hub() as server:
        yield server


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tests/javascript and the packages that it needs, as package-lock.json pins them."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("programs in JavaScript need node and npm")
    folder = tmp_path_factory.getbasetemp() / "javascript"
    if (folder / "node_modules").is_dir():
        return folder
    shutil.copytree(
        (ROOT / "tests" / "javascript"), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules")
    )
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if ran.returncode:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        _missing(f"npm cannot install its packages: {ran.stderr[-500:]}", required="DANCE_DEMO_REQUIRE_BROWSER")
    return folder


@dataclass(frozen=True)
class ImageNet:
    """The ImageNet backbone as two processes made it that began at the same moment: what they named, and left."""

    cache: Path
    named: tuple[Path, ...]
    left: tuple[Path, ...]


@pytest.fixture(scope="session")
def imagenet(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageNet:
    """Made once for all tests, because it takes half a minute."""
    cache = tmp_path_factory.mktemp("imagenet") / "cache"
    weights = shared / "weights" / "mobilenet_v2_imagenet.weights.h5"
    environment = {**os.environ, WEIGHTS_VARIABLE: str(weights), "DANCE_DEMO_CACHE": str(cache)}
    code = "from dance_demo.networks.imagenet import backbone_file; print(backbone_file('imagenet'))"
    options = {"cwd": ROOT, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    both = [subprocess.Popen([sys.executable, "-B", "-c", code], **options) for _ in range(2)]
    try:
        named = tuple(Path(process.communicate(timeout=900)[0].strip().splitlines()[-1]) for process in both)
    finally:
        for process in both:
            process.kill()
            process.communicate()
    return ImageNet(cache, named, tuple(sorted(cache.iterdir())))


@pytest.fixture
def imagenet_cache(imagenet: ImageNet, shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the ImageNet backbone in use. What else tests keep there, others find again."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(shared / "weights" / "mobilenet_v2_imagenet.weights.h5"))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(imagenet.cache))
    return imagenet.cache


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> tuple["keras.Model", Path]:
    """A real but tiny network with everything that MobileNetV2 has in it: in Keras, and exported to LiteRT."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    photo = keras.Input((TINY_SIDE_PX, TINY_SIDE_PX, 3))
    x = layers.Conv2D(TINY_CHANNELS, 3, strides=2, padding="same", use_bias=False)(photo)
    x = start = layers.ReLU(6)(layers.BatchNormalization(beta_initializer="random_normal")(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.ReLU(6)(layers.BatchNormalization(gamma_initializer="random_uniform")(x))
    x = layers.Add()([start, layers.Conv2D(TINY_CHANNELS, 1)(x)])
    x = layers.ReLU(6)(layers.Conv2D(TINY_CHANNELS, 3, strides=4, padding="same")(x))
    network = keras.Model(photo, x)
    path = tmp_path_factory.mktemp("tiny") / BACKBONE
    export_backbone(network, path, side_px=TINY_SIDE_PX)
    return network, path


@pytest.fixture(scope="session")
def tiny_files(tiny_network: tuple["keras.Model", Path]) -> dict[str, bytes]:
    """The files of a complete model around the tiny network, by name."""
    _, path = tiny_network
    generator = np.random.default_rng(0)
    weight, bias = generator.normal(size=(TINY_CHANNELS, len(TINY_CLASSES))), generator.normal(size=len(TINY_CLASSES))
    familiarity = Familiarity.fit(generator.random((20, TINY_CHANNELS), np.float32))
    return {
        BACKBONE: path.read_bytes(),
        HEAD: Head(TINY_CLASSES, weight, bias, 0.8, sha256(path)).to_npz_bytes(),
        FAMILIARITY: familiarity.to_npz_bytes(),
    }


@pytest.fixture
def tiny_model(tiny_files: dict[str, bytes], tmp_path: Path) -> Path:
    """A model directory of one's own, to be used or damaged."""
    save_model(tmp_path / "tiny", tiny_files, name="Tiny", class_names=TINY_CLASSES)
    return tmp_path / "tiny"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium with a made-up camera. One for all tests: Playwright allows no second one in a process."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        _missing("the page is tested in Chromium, which is not installed", required="DANCE_DEMO_REQUIRE_BROWSER")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*flags, *camera])
        yield browser
        browser.close()


def _missing(reason: str, *, required: str = "DANCE_DEMO_REQUIRE_SHARED") -> NoReturn:
    """Skip for want of something; where the environment says that it must be there, that is a failure."""
    if os.environ.get(required):
        pytest.fail(reason)
    pytest.skip(reason)
