"""Networks of Keras as backbones: from a server on loopback, with random weights, through the real builders."""

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.errors import TrainingError
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import sha256
from dance_demo.networks import keras_applications
from dance_demo.networks.keras_applications import NETWORKS, build, kept_network
from dance_demo.networks.litert import litert_bytes
from dance_demo.training.backbones.comparison import NAMES, chosen
from tests.support import ROOT
from tests.support.made_up import photo

MODULES = {
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_large": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "resnet50_v2": "resnet_v2",
    "inception_v3": "inception_v3",
}


def test_a_kept_network_counts_while_it_is_complete_and_of_the_same_weights(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path))
    assert kept_network("resnet50_v2") is None
    path = tmp_path / "keras-resnet50_v2-224.tflite"
    path.write_bytes(b"network")
    about = {"source": NETWORKS["resnet50_v2"].file, "md5": NETWORKS["resnet50_v2"].md5, "sha256": sha256(path)}
    for note, complete in ((b"[" * 100_000, False), (b'"x"', False), (json.dumps(about).encode(), True)):
        path.with_suffix(".json").write_bytes(note)
        assert (kept_network("resnet50_v2") == path) is complete
    path.write_bytes(b"netwerk")
    assert kept_network("resnet50_v2") is None


def test_backbones_are_named_with_commas_and_a_stranger_is_refused() -> None:
    assert chosen(" dance, mobilenet_v3_large,dance,") == ("dance", "mobilenet_v3_large")
    assert set(NETWORKS) < set(NAMES)
    for text, received in (("dance,alexnet", "'alexnet'"), (" , ", "none")):
        with pytest.raises(TrainingError, match=f"Backbones must be among dance, .*Received: {received}"):
            chosen(text)


def test_seconds_are_estimated_from_photos_views_and_the_speed_of_this_machine() -> None:
    network = NETWORKS["resnet50_v2"]
    assert network.estimated_s(100, 4, speed=2.0) == pytest.approx(100 * 4 * network.pass_ms / 1000 / 2)


def write_legacy_weights(network, path: Path) -> None:
    """As Keras' own files are: the older format of HDF5."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_network_wants_of_its_input_is_in_the_exported_file(name: str, tmp_path: Path) -> None:
    import keras

    network, side = NETWORKS[name], NETWORKS[name].side_px
    keras.utils.set_random_seed(0)
    own = getattr(keras.applications, network.builder)(input_shape=(side, side, 3), include_top=False, weights=None)
    write_legacy_weights(own, tmp_path / "weights.h5")
    size = (tmp_path / "weights.h5").stat().st_size
    assert size == pytest.approx(network.download_bytes, rel=0.05)  # with what HDF5 adds
    path = tmp_path / "network.tflite"
    path.write_bytes(litert_bytes(build(network, tmp_path / "weights.h5"), side_px=side))
    pixels = np.asarray(photo(3).resize((side, side)), np.float32)[None]
    module = getattr(keras.applications, MODULES[name])
    expected = own.predict(module.preprocess_input(pixels.copy()), verbose=0)
    found = Backbone(path).feature_maps(pixels / 127.5 - 1)
    scale = np.abs(expected).max()
    assert found.shape == expected.shape and scale > 0
    np.testing.assert_allclose(found / scale, expected / scale, atol=2e-3)
    assert bool((expected < 0).any()) == network.negative_features


@pytest.mark.slow
def test_addresses_and_hashes_are_those_of_keras() -> None:
    import inspect

    import keras

    for name, network in NETWORKS.items():
        source = inspect.getsource(sys.modules[getattr(keras.applications, network.builder).__module__])
        source += inspect.getsource(sys.modules["keras.src.applications.resnet"]) if name == "resnet50_v2" else ""
        assert network.md5 in source and f"{network.file.partition('/')[0]}/" in source
        assert keras_applications._ORIGIN in source


@dataclass(frozen=True)
class Mirror:
    """A server on loopback with random weights of a network, and the environment of programs that ask it."""

    environment: dict[str, str]
    made: str  # md5 and size of each, as JSON


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    import keras

    network = NETWORKS["mobilenet_v3_large"]
    keras.utils.set_random_seed(1)
    own = keras.applications.MobileNetV3Large(input_shape=(224, 224, 3), include_top=False, weights=None)
    file = tmp_path / "served" / network.file
    write_legacy_weights(own, file)
    made = {"mobilenet_v3_large": {"md5": hashlib.md5(file.read_bytes()).hexdigest()}}
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folders = {"DANCE_DEMO_CACHE": str(tmp_path / "cache"), "KERAS_HOME": str(tmp_path / "keras")}
    address = {keras_applications.MIRROR_VARIABLE: f"http://127.0.0.1:{server.server_port}/"}
    yield Mirror({**os.environ, **folders, **address}, json.dumps(made))
    server.shutdown()
    server.server_close()


def compare(mirror: Mirror, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """The command line, which knows the hashes of the random weights instead of those of Keras."""
    code = """if True:
        import dataclasses, json, sys
        from dance_demo.cli.main import main
        from dance_demo.networks import keras_applications
        from dance_demo.training.backbones import comparison as backbones

        made = json.loads(sys.argv[1])
        changed = {name: dataclasses.replace(one, **made.get(name, {})) for name, one in backbones.NETWORKS.items()}
        backbones.NETWORKS = keras_applications.NETWORKS = changed
        sys.exit(main(sys.argv[2:]))
    """
    command = [sys.executable, "-B", "-c", code, mirror.made, "compare", *arguments]
    return subprocess.run(command, cwd=ROOT, env=mirror.environment, capture_output=True, text=True, timeout=900)


@pytest.mark.slow
def test_backbones_are_fetched_and_compared_on_the_same_split(mirror: Mirror, tmp_path: Path) -> None:
    for label, tint in (("blue", (0.3, 0.5, 1.0)), ("red", (1.0, 0.4, 0.3))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.asarray(photo(1000 * len(label) + number), np.float32) * np.float32(tint)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / label / f"{number}.png")
    ran = compare(mirror, tmp_path / "photos", "--backbones", "dance,mobilenet_v3_large", "--json")
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    dance, keras = answer["rows"]
    assert (dance["name"], keras["name"]) == ("dance", "mobilenet_v3_large")
    assert dance["evaluation"]["n"] == keras["evaluation"]["n"] == answer["n_held_out"]
    assert (dance["power_normalized"], keras["power_normalized"]) == (True, False) and keras["negative_features"]
    assert keras["side_px"] == 224 and keras["channels"] == 960 and len(keras["sha256"]) == 64
    assert "MobileNetV3 Large: 12.7 MB to fetch once, about" in ran.stderr and "s per 100 photos" in ran.stderr
    mirror.environment[keras_applications.MIRROR_VARIABLE] = "http://127.0.0.1:9/"  # nobody is there
    again = compare(mirror, tmp_path / "photos", "--backbones", "mobilenet_v3_large,resnet50_v2")
    assert again.returncode == 0, again.stderr
    assert "MobileNetV3 Large: nothing to fetch" in again.stderr and "| MobileNetV3 Large | " in again.stdout
    assert "Left out: ResNet50V2 is not on this computer yet and cannot be downloaded" in again.stderr
    alone = compare(mirror, tmp_path / "photos", "--backbones", "resnet50_v2")
    assert alone.returncode == 2 and alone.stderr.strip().splitlines()[-1].startswith("dance_demo: ResNet50V2 is not")
    assert "Traceback" not in ran.stderr + again.stderr + alone.stderr
