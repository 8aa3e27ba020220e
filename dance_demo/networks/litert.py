"""Turn a trained Keras backbone into the LiteRT file that the app runs. Needs TensorFlow; used offline only."""

import contextlib
import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.files.atomic import write_atomically

if TYPE_CHECKING:
    import keras

_MODEL_IDENTIFIER, _REDUCED_PRECISION = b"TFL3", b"reduced_precision_support"


def export_backbone(backbone: "keras.Model", path: Path, *, side_px: int) -> None:
    """Write `backbone` as a float32 LiteRT file for one square photo (1, side_px, side_px, 3) at a time."""
    write_atomically(path, litert_bytes(backbone, side_px=side_px))


def litert_bytes(
    network: "keras.Model", *, side_px: int, float16: bool = False, examples: Iterable[np.ndarray] | None = None
) -> bytes:
    """Any network that takes in square photos as a LiteRT file for one of them at a time.

    Its weights are float32, or with `float16` half as large; it computes in float32 either way, on every machine. With
    `examples` of what it takes in, (1, S, S, 3) each, it computes in eight bits; what goes in and comes out is float32.
    """
    import keras
    import tensorflow as tf

    photo = keras.Input(batch_shape=(1, side_px, side_px, 3), name="photo")
    model = keras.Model(photo, network(photo, training=False), name="functional")  # a counted name would be written
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if examples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one] for one in examples)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():  # it prints a line for each weight
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # which stay float32
        data = bytes(converter.convert())
    return _in_float32(data) if float16 else data


def with_inner_map(data: bytes, layer: str) -> bytes:
    """A LiteRT file in eight bits that gives, after what it gave, also what this layer hands on, as float32.

    Nothing else in it changes. Raises `ModelError` if it has no such layer.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(data, 0)
    (graph,) = content.subgraphs
    handed_on = {number for operator in graph.operators for number in operator.outputs}
    found = [number for number in handed_on if f"/{layer}_".encode() in graph.tensors[number].name]
    to_float = next((operator for operator in graph.operators if operator.outputs[0] == graph.outputs[0]), None)
    if len(found) != 1 or to_float is None or graph.tensors[found[0]].type != schema.TensorType.INT8:
        raise ModelError(f"This is no network in eight bits with the layer {layer}.")
    inner = schema.TensorT()
    inner.name, inner.shape, inner.type = layer.encode(), graph.tensors[found[0]].shape, schema.TensorType.FLOAT32
    inner.buffer = len(content.buffers)
    content.buffers.append(schema.BufferT())
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = to_float.opcodeIndex, [found[0]], [len(graph.tensors)]
    graph.outputs = [*graph.outputs, len(graph.tensors)]
    graph.tensors.append(inner)
    graph.operators.append(operator)
    for signature in content.signatureDefs or []:
        output = schema.TensorMapT()
        output.name, output.tensorIndex = b"output_1", graph.outputs[-1]
        signature.outputs.append(output)
    return _packed(content)


def _in_float32(data: bytes) -> bytes:
    """The model without the leave to compute in float16, or a phone would see other features than a laptop."""
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(data, 0)
    content.metadata = [entry for entry in content.metadata if entry.name != _REDUCED_PRECISION]
    return _packed(content)


def _packed(content: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(content.Pack(builder), _MODEL_IDENTIFIER)
    return bytes(builder.Output())
