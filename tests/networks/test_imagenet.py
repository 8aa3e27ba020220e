"""Which backbones there are: the one that ships, and the ImageNet one, made once and never used half-made."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from dance_demo.errors import ModelError
from dance_demo.model import backbone
from dance_demo.model.backbone import BACKBONES, Backbone, known_backbone
from dance_demo.model.directory import BACKBONE, cache_folder, resolve, sha256
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE, backbone_file

WEIGHTS = "weights/mobilenet_v2_imagenet.weights.h5"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.delenv("DANCE_DEMO_MODEL", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def kept(own_cache: Path) -> Path:
    """What a finished export leaves behind; its bytes are never looked into here."""
    own_cache.mkdir()
    path = own_cache / "imagenet-256-0123456789abcdef.tflite"
    path.write_bytes(b"network" * 1000)
    about = {"sha256": sha256(path), "weights_sha256": "f" * 64, "source": "Keras' download", "side_px": 256}
    path.with_suffix(".json").write_text(json.dumps(about))
    return path


def test_each_backbone_is_described():
    assert set(backbone.TITLES) == set(backbone.DESCRIPTIONS) == set(BACKBONES)


def test_the_dance_backbone_is_that_of_the_model_that_answers(tiny_model, monkeypatch):
    assert backbone_file("dance") == resolve() / BACKBONE
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    assert backbone_file("dance") == tiny_model / BACKBONE
    (tiny_model / BACKBONE).unlink()
    with pytest.raises(ModelError, match="backbone of the model that ships is missing. Install the weights again"):
        backbone_file("dance")


def test_a_backbone_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ModelError, match="'resnet' is not a backbone. Choose one of: dance, general, imagenet"):
        backbone_file("resnet")


def test_known_backbones_are_found_by_their_hash(kept):
    assert known_backbone(sha256(resolve() / BACKBONE)) == resolve() / BACKBONE
    assert known_backbone(sha256(kept)) == kept
    assert known_backbone("0" * 64) is known_backbone("") is None


def test_what_was_made_from_keras_weights_is_used_again(kept):
    assert backbone_file("imagenet") == kept


@pytest.mark.parametrize("tenths", range(10))
def test_C13_a_cut_backbone_is_never_used(kept, tenths):
    hash_when_complete, data = sha256(kept), kept.read_bytes()
    kept.write_bytes(data[: len(data) * tenths // 10])
    assert known_backbone(hash_when_complete) is known_backbone(sha256(kept)) is None


def test_C12_one_flipped_bit_is_noticed(kept):
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(data)
    assert known_backbone(sha256(kept)) is None


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"{}", b'{"sha256": 3}', b"[" * 100_000, b"\xff"], ids=range(8)
)
def test_a_note_that_cannot_be_read_counts_for_nothing(kept, text):
    kept.with_suffix(".json").write_bytes(text)
    assert known_backbone(sha256(kept)) is None


def test_a_backbone_without_its_note_was_never_finished(kept):
    kept.with_suffix(".json").unlink()
    assert known_backbone(sha256(kept)) is None


def test_C11_offline_and_without_weights_a_sentence_says_what_to_do(monkeypatch, tmp_path):
    """A port that nothing listens on stands in for a computer without internet."""
    import keras

    monkeypatch.setattr("dance_demo.networks.mobilenet.KERAS_FOLDER", "http://127.0.0.1:9/")
    monkeypatch.setattr(keras.config, "keras_home", lambda: str(tmp_path / "keras"), raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("dance_demo.networks.mobilenet.KERAS_FILE", "no-such-weights.h5")
    with pytest.raises(ModelError) as refused:
        backbone_file("imagenet")
    text = str(refused.value)
    assert "cannot be downloaded" in text and "internet" in text and WEIGHTS_VARIABLE in text
    assert "127.0.0.1" not in text and str(tmp_path) not in text


def test_a_weights_file_that_is_not_there_is_named_without_its_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "none.h5"))
    with pytest.raises(ModelError, match="^none.h5 cannot be read. Set DANCE_DEMO_IMAGENET_WEIGHTS to"):
        backbone_file("imagenet")


@pytest.mark.parametrize("name", ["weights.h5", "weights.weights.h5", "weights.txt"])
def test_a_weights_file_that_holds_something_else_is_refused(monkeypatch, tmp_path, name):
    (tmp_path / name).write_bytes(b"no weights" * 100)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / name))
    with pytest.raises(ModelError, match=f"^{name} does not hold MobileNetV2 weights without top"):
        backbone_file("imagenet")
    assert list(cache_folder().iterdir()) == []


def test_C18_a_cache_that_cannot_be_written_is_one_clear_line(monkeypatch, tmp_path, shared):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(shared / WEIGHTS))
    with pytest.raises(ModelError, match="cannot be kept .Not a directory.*DANCE_DEMO_CACHE"):
        backbone_file("imagenet")


def test_the_cache_is_where_the_user_keeps_such_things(monkeypatch, tmp_path):
    monkeypatch.setenv("DANCE_DEMO_CACHE", "~/kept")
    assert cache_folder() == Path.home() / "kept"
    monkeypatch.delenv("DANCE_DEMO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "dance_demo"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "dance_demo"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "dance_demo"
    assert not cache_folder().exists()


@pytest.mark.slow
def test_C14_two_processes_make_the_imagenet_backbone_at_once_and_both_have_it(imagenet, imagenet_cache):
    (path,) = set(imagenet.named)
    assert imagenet.left == (path.with_suffix(".json"), path)
    made = Backbone(path)
    assert (made.input_side_px, made.channels) == (256, 1280)
    assert known_backbone(made.sha256) == path


@pytest.mark.slow
def test_a_damaged_imagenet_backbone_is_made_again_with_the_same_bytes(own_cache, imagenet, shared, monkeypatch):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(shared / WEIGHTS))
    own_cache.mkdir()
    for file in imagenet.left:
        shutil.copy(file, own_cache)
    path = backbone_file("imagenet")
    data, made = path.read_bytes(), path.stat().st_mtime_ns
    left_behind, at_work = own_cache / ".draft-old-imagenet-256", own_cache / ".draft-new-imagenet-256"
    for draft in (left_behind, at_work):
        draft.write_bytes(data[:1000])
    os.utime(left_behind, (made / 1e9 - 4000, made / 1e9 - 4000))
    assert backbone_file("imagenet") == path and path.stat().st_mtime_ns == made
    path.write_bytes(data[:5_000_000])
    assert backbone_file("imagenet") == path and path.read_bytes() == data
    assert not left_behind.exists() and at_work.exists()  # which another process may be writing
