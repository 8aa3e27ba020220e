"""A model as one ONNX network, for ONNX Runtime and whatever reads its files. Needs the extra `export`."""

import importlib.util
import json
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.export.full import write_tflite
from dance_demo.files.atomic import DRAFT_PREFIX, write_atomically
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import ModelCard
from dance_demo.networks.full_model import TAKES_IN

OPSET = 18
INPUT, OUTPUT = "photo", "probabilities"
MISSING = (
    "ONNX needs two more packages. Install them with: pip install onnx tf2onnx, in a checkout pip install -r "
    "requirements-export.txt"
)


def write_onnx(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write an `.onnx` file: a photo (1, S, S, 3) float32 in [0, 255] -> probabilities (1, k).

    The names of the classes are in its metadata as `class_names`, a JSON list; its `doc_string` says what it takes in.
    Raises `ModelError` if a package is missing.
    """
    if not all(importlib.util.find_spec(package) for package in ("onnx", "tf2onnx")):
        raise ModelError(MISSING)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=DRAFT_PREFIX) as folder:
        network = Path(folder) / "network.tflite"
        yield from write_tflite(model, network, stop)
        if stop():
            return
        yield Progress("Converting it for ONNX")
        data = _onnx_bytes(network, ModelCard.read(model))
    if not stop():
        write_atomically(out, data)


def _onnx_bytes(network: Path, card: ModelCard) -> bytes:
    with warnings.catch_warnings():  # tf2onnx reads the file by TensorFlow's own interpreter, which is on its way out
        warnings.simplefilter("ignore")
        import tf2onnx  # type: ignore[import-untyped]

        onnx_model, _ = tf2onnx.convert.from_tflite(str(network), opset=OPSET)
    graph = onnx_model.graph
    named = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for values in (graph.input, graph.output):
        values[0].name = named[values[0].name]
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [named.get(name, name) for name in names]
    side_px = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    onnx_model.doc_string = f"Takes in {TAKES_IN.format(side=side_px)}."
    about = {"class_names": json.dumps(card.class_names, ensure_ascii=False), "model": card.name}
    for key, value in about.items():
        onnx_model.metadata_props.add(key=key, value=value)
    return bytes(onnx_model.SerializeToString(deterministic=True))
