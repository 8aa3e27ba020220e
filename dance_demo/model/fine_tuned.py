"""A backbone whose last blocks have learned from somebody's photos: the numbers that changed, and where they go.

A fine-tuned network is kept and handed on as these numbers alone, beside the SHA-256 of the file that they change. So
it is as safe as a head to take from strangers: the network itself, what it computes and how large it is are always
those of a backbone that is known here.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dance_demo.errors import ModelError
from dance_demo.files.npz import read_arrays, write_arrays

# The convolutions whose kernels learn: those of the last three blocks, and the last one of all.
_BLOCKS = (f"block_{block}_{part}" for block in (14, 15, 16) for part in ("expand", "depthwise", "project"))
LAYERS = (*_BLOCKS, "Conv_1")
CUT = "block_13_project_BN"  # the last layer that does not learn
_BASE = "base_sha256"
NAMES = (_BASE, *LAYERS)
MAX_KERNEL = 1e3  # those that ship stay below 100; what is far larger could overflow to what is no number
_LAYER = re.compile(rf"/({'|'.join(LAYERS)})(_\d+)?/")  # in a name that the converter gave


def changes_bytes(base_sha256: str, kernels: Mapping[str, np.ndarray]) -> bytes:
    """A file of the kernels of `LAYERS`, in the order that LiteRT has, for the backbone with this SHA-256."""
    base = np.frombuffer(bytes.fromhex(base_sha256), np.uint8)
    return write_arrays({_BASE: base} | {layer: kernels[layer].astype(np.float32).ravel() for layer in LAYERS})


def read_changes(path: Path) -> bytes:
    """What `changes_bytes` wrote into a file. Raises `ModelError` if it is no longer there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError("This fine-tuned head is no longer kept here. Train again, or upload its bundle.") from error


def base_of(changes: bytes) -> str:
    """The SHA-256 of the backbone that is changed. Raises `ModelError` if this is no such file."""
    (base, *_) = _arrays(changes)
    if base.dtype != np.uint8 or base.shape != (hashlib.sha256().digest_size,):
        raise _damaged("it does not name its backbone")
    return base.tobytes().hex()


def changed_network(base: bytes, changes: bytes) -> bytes:
    """The LiteRT file `base` with the numbers of `changes` in their places. Raises `ModelError` if they do not fit."""
    if hashlib.sha256(base).hexdigest() != base_of(changes):
        raise _damaged("it belongs to another backbone")
    network = bytearray(base)
    places = _places(network)
    for layer, values in zip(LAYERS, _arrays(changes)[1:], strict=True):
        place = places[layer]
        if values.dtype != np.float32 or values.shape != place.shape or not np.abs(values).max() <= MAX_KERNEL:
            raise _damaged(f"{layer} is not the {place.size:,} numbers that it must be")
        place[:] = values
    return bytes(network)


def kernels_in(network: bytes) -> dict[str, np.ndarray]:
    """The kernels of a LiteRT backbone that can be changed: float32, flat, by the names in `LAYERS`."""
    return {layer: place.astype(np.float32) for layer, place in _places(bytearray(network)).items()}


def _arrays(changes: bytes) -> list[np.ndarray]:
    try:
        return read_arrays(changes, NAMES)
    except ValueError as error:
        raise _damaged(str(error)) from error


def _places(network: bytearray) -> dict[str, np.ndarray]:
    """Where a LiteRT file holds the kernel of each of `LAYERS`: flat views into it.

    Raises `ModelError` if it is not a MobileNetV2 that was exported here.
    """
    found = dict(_kernels(network))
    if not found.keys() >= set(LAYERS):
        raise ModelError("Only the backbones of this app, each a MobileNetV2, can be fine-tuned.")
    return {layer: found[layer] for layer in LAYERS}


def _kernels(network: bytearray) -> Iterator[tuple[str, np.ndarray]]:
    """The four-dimensional constants of a LiteRT file, by the layer that each belongs to."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(network, 0)
    graph = model.Subgraphs(0)
    kinds = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.FLOAT16: "<f2"}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        layer = _LAYER.search(tensor.Name().decode())
        if layer and buffer.DataLength() and tensor.ShapeLength() == 4 and tensor.Type() in kinds:
            yield layer[1], buffer.DataAsNumpy().view(kinds[tensor.Type()])


def _damaged(what: str) -> ModelError:
    return ModelError(
        f"The fine-tuned numbers of this model are damaged ({what}). Use its bundle just as it was downloaded."
    )
