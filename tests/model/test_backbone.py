"""The backbone: LiteRT against Keras on the same weights, and refused when it is not a network."""

import threading

import numpy as np
import pytest

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone


def batch_of(n: int, side_px: int = 32) -> np.ndarray:
    return np.random.default_rng(n).uniform(-1, 1, (n, side_px, side_px, 3)).astype(np.float32)


def test_litert_gives_the_feature_maps_of_keras(tiny_network):
    network, path = tiny_network
    backbone = Backbone(path)
    maps = backbone.feature_maps(batch_of(8))
    expected = network(batch_of(8), training=False).numpy()
    assert (backbone.input_side_px, backbone.channels) == (32, 12)
    assert maps.dtype == np.float32
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_photos_do_not_influence_each_other_and_none_give_none(tiny_network):
    backbone, batch = Backbone(tiny_network[1]), batch_of(3)
    one_by_one = np.concatenate([backbone.feature_maps(photo[None]) for photo in batch])
    np.testing.assert_array_equal(backbone.feature_maps(batch), one_by_one)
    assert backbone.feature_maps(batch[:0]).shape == (0, *one_by_one.shape[1:])


def test_the_callers_batch_is_left_as_it_was_and_may_be_of_another_kind(tiny_network):
    backbone, batch = Backbone(tiny_network[1]), batch_of(2)
    before = batch.copy()
    mirrored = backbone.feature_maps(batch[:, :, ::-1])  # not contiguous
    np.testing.assert_array_equal(mirrored, backbone.feature_maps(batch[:, :, ::-1].astype(np.float64)))
    np.testing.assert_array_equal(batch, before)


@pytest.mark.parametrize("shape", [(32, 32, 3), (1, 31, 32, 3), (1, 3, 32, 32), (1, 32, 32, 4), (1, 224, 224, 3)])
def test_a_batch_of_another_shape_is_refused_with_both_shapes(shape, tiny_network):
    with pytest.raises(ValueError, match=r"must be \(n, 32, 32, 3\). Received: \(") as refusal:
        Backbone(tiny_network[1]).feature_maps(np.zeros(shape, np.float32))
    assert str(shape) in str(refusal.value)


@pytest.mark.parametrize("tenths", range(10))
def test_C12_a_cut_file_is_refused(tenths, tiny_network, tmp_path):
    data = tiny_network[1].read_bytes()
    path = tmp_path / "backbone.tflite"
    path.write_bytes(data[: len(data) * tenths // 10])
    with pytest.raises(ModelError, match="backbone.tflite is not a LiteRT network. Install"):
        Backbone(path)


def test_garbage_a_folder_and_nothing_at_all_are_refused(tmp_path):
    (tmp_path / "garbage").write_bytes(np.random.default_rng(0).bytes(10_000))
    for name, reason in (("garbage", "is not a LiteRT network"), (".", "cannot be read"), ("none", "cannot be read")):
        with pytest.raises(ModelError, match=reason):
            Backbone(tmp_path / name)


def test_a_network_that_is_no_backbone_is_refused_with_its_shapes(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec((1, 7))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    (tmp_path / "other.tflite").write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"one feature map out, found shapes \[\(1, 7\), \(1, 7\)\]"):
        Backbone(tmp_path / "other.tflite")


def test_four_threads_on_one_backbone_get_what_one_gets(tiny_network):
    backbone, batch = Backbone(tiny_network[1]), batch_of(40)
    expected = backbone.feature_maps(batch)
    wrong = []

    def hammer(start: int) -> None:
        for index in np.roll(np.tile(np.arange(len(batch)), 20), start):
            if not np.array_equal(backbone.feature_maps(batch[index : index + 1])[0], expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=hammer, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
