"""The numbers of a fine-tuned backbone: where they go, and that a stranger's can do no harm."""

import gc
import hashlib
from pathlib import Path

import numpy as np
import pytest

from dance_demo.errors import ModelError
from dance_demo.files.npz import write_arrays
from dance_demo.model.backbone import Backbone, general_backbone
from dance_demo.model.directory import BUNDLED, FLOAT_BACKBONE
from dance_demo.model.fine_tuned import LAYERS, NAMES, base_of, changed_network, changes_bytes, kernels_in
from dance_demo.networks.from_litert import keras_backbone

SHIPPED = {"float32": BUNDLED / FLOAT_BACKBONE, "float16": general_backbone()}


@pytest.fixture(scope="module", params=SHIPPED)
def base(request) -> bytes:
    return SHIPPED[request.param].read_bytes()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_network_with_its_own_kernels_is_itself(base):
    assert changed_network(base, changes_bytes(sha256(base), kernels_in(base))) == base


def test_changed_kernels_are_in_the_changed_network_and_nothing_else_is(base):
    kernels = kernels_in(base)
    changed = kernels | {"block_15_depthwise": 2 * kernels["block_15_depthwise"], "Conv_1": -kernels["Conv_1"]}
    found = changed_network(base, changes_bytes(sha256(base), changed))
    assert len(found) == len(base) and found != base
    for layer, kernel in kernels_in(found).items():
        assert np.array_equal(kernel, changed[layer]), layer
    back = changed_network(found, changes_bytes(sha256(found), kernels))
    assert back == base


def test_the_kernels_are_those_that_a_reader_of_the_file_finds(base, tmp_path):
    path = tmp_path / "backbone.tflite"
    path.write_bytes(base)
    network, kernels = keras_backbone(Backbone(path)), kernels_in(base)
    for layer in LAYERS:
        (kernel,) = network.get_layer(layer).get_weights()
        assert np.array_equal(kernel.transpose(3, 0, 1, 2).ravel(), kernels[layer]), layer


def test_a_backbone_answers_with_its_changes(tmp_path):
    path = SHIPPED["float32"]
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 256, 256, 3)).astype(np.float32)
    kernels = kernels_in(path.read_bytes())
    plain = Backbone(path)
    assert plain.changes is None and plain.sha256 == sha256(path.read_bytes())
    file = tmp_path / "changes.npz"
    file.write_bytes(changes_bytes(plain.sha256, kernels | {"Conv_1": np.zeros_like(kernels["Conv_1"])}))
    changed = Backbone(path, changes=file)
    assert base_of(file.read_bytes()) == plain.sha256 != changed.sha256 == sha256(changed.data)
    assert np.ptp(changed.feature_maps(photo), axis=(1, 2)).max() < 1e-6 < plain.feature_maps(photo).std()


def test_only_a_few_fine_tuned_networks_stay_loaded_and_all_answer(tmp_path):
    path = SHIPPED["float32"]
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 256, 256, 3)).astype(np.float32)
    base, kernels = Backbone(path), kernels_in(path.read_bytes())
    backbones = []
    for number in range(6):
        (file := tmp_path / f"{number}.npz").write_bytes(
            changes_bytes(base.sha256, kernels | {"Conv_1": kernels["Conv_1"] * (1.1 + number / 10)})
        )
        backbones.append(Backbone(path, changes=file))
    networks = [one for one in gc.get_objects() if type(one).__name__ == "_Network"]
    assert sum(one.sha256 in {backbone.sha256 for backbone in backbones} for one in networks) <= 3
    means = [float(backbone.feature_maps(photo).mean()) for backbone in backbones]
    assert means == sorted(means) and len(set(means)) == 6
    (tmp_path / "0.npz").unlink()
    with pytest.raises(ModelError, match="This fine-tuned head is no longer kept here. Train again"):
        backbones[0].feature_maps(photo)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", ["short", "NaN", "huge", "bytes"])
def test_S6_fine_tuned_numbers_that_do_not_fit_are_refused(layer, kind):
    base = SHIPPED["float32"].read_bytes()
    kernels = kernels_in(base)
    own = kernels[layer]
    kernels[layer] = {"short": own[1:], "NaN": own * np.nan, "huge": own * 1e9, "bytes": own.view(np.uint8)}[kind]
    own = np.frombuffer(bytes.fromhex(sha256(base)), np.uint8)
    with pytest.raises(ModelError, match=f"are damaged .*{layer} is not the [0-9,]+ numbers"):
        changed_network(base, write_arrays({NAMES[0]: own, **kernels}))


def test_changes_of_another_backbone_are_refused():
    dance, general = (path.read_bytes() for path in SHIPPED.values())
    with pytest.raises(ModelError, match="belongs to another backbone"):
        changed_network(dance, changes_bytes(sha256(general), kernels_in(general)))


@pytest.mark.parametrize(
    "data", [b"", b"PK\3\4", b"x" * 1000, b"\0" * 21_000_000], ids=["empty", "cut", "junk", "large"]
)
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(ModelError, match="are damaged"):
        base_of(data)


def test_a_file_that_does_not_name_its_backbone_is_refused():
    kernels = kernels_in(SHIPPED["float32"].read_bytes())
    with pytest.raises(ModelError, match="it does not name its backbone"):
        base_of(write_arrays({NAMES[0]: np.zeros(3, np.uint8), **kernels}))


def test_only_a_mobilenet_of_this_app_can_be_changed(tiny_network):
    with pytest.raises(ModelError, match="Only the backbones of this app"):
        kernels_in(Path(tiny_network[1]).read_bytes())
