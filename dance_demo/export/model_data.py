"""A classifier as a browser takes it in: its numbers as JSON, its network and LiteRT as bytes that unpack there.

What reads this is `js/model.js`. The constants of the preprocessing and the sentences go along, so that a page says
and does what this version of the app says and does.
"""

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.files import photo
from dance_demo.forms import display_name
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from dance_demo.model.familiarity import UNCLEAR, UNFAMILIAR, Familiarity
from dance_demo.model.head import Head
from dance_demo.model.heatmap.overlay import OPACITY, palette
from dance_demo.model.preprocessing import SQUARE_SIDE_PX

ASSETS = Path(__file__).with_name("assets")
TOP_K = 3


def model_data(classifier: Classifier, card: ModelCard) -> dict[str, Any]:
    """All that a browser needs to know of a model besides its network, as plain data for JSON."""
    return {
        "name": card.name,
        "classes": [display_name(label) for label in classifier.class_names],
        "mirroredView": classifier.mirrored_view,
        "inputSide": classifier.backbone.input_side_px,
        "squareSide": SQUARE_SIDE_PX,
        "networkBytes": len(classifier.backbone.data),
        "limits": {
            "displaySide": photo.DISPLAY_SIDE_PX,
            "fileBytes": photo.MAX_FILE_BYTES,
            "pixels": photo.MAX_PIXELS,
            "minSide": photo.MIN_SIDE_PX,
            "maxAspect": photo.MAX_ASPECT_RATIO,
        },
        "topK": TOP_K,
        "opacity": OPACITY,
        "palette": in_base64(palette()),
        "sentences": {"unclear": UNCLEAR, "unfamiliar": UNFAMILIAR},
        "head": _head(classifier.head),
        "familiarity": _familiarity(classifier.familiarity),
    }


def packed_network(network: bytes) -> bytes:
    """A network as gzip, its numbers in four planes: all lowest bytes, and so on; filled up to whole numbers.

    Of numbers in float32 only the plane of the exponents can be packed at all. That way 8.9 MB become 7.5 MB instead
    of 8.2, without any loss, and Huffman codes alone, which look for no repeats, do it in a fifth of the time. Of a
    network in eight bits it makes 2.3 MB of 2.7, as gzip would.
    """
    numbers = np.frombuffer(network + bytes(-len(network) % 4), np.uint8).reshape(-1, 4)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)  # 31: as gzip
    return packer.compress(numbers.T.tobytes()) + packer.flush()


def runtime() -> bytes:
    """LiteRT for browsers (WebAssembly), as gzip."""
    return (ASSETS / "litert.wasm.gz").read_bytes()


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _head(head: Head) -> dict[str, Any]:
    return {
        "weight": _array(head.weight),
        "bias": _array(head.bias),
        "hiddenWeight": _array(head.hidden_weight),
        "hiddenBias": _array(head.hidden_bias),
        "temperature": head.temperature,
        "powerNormalized": head.power_normalized,
    }


def _familiarity(known: Familiarity) -> dict[str, Any]:
    return {
        "centre": _array(known.centre),
        "directions": _array(known.directions),
        "variances": _array(known.variances),
        "rest": known.rest,
        "maxDistance": known.max_distance if np.isfinite(known.max_distance) else None,
        "minProbability": known.min_probability,
        "minMargin": known.min_margin,
    }


def _array(values: np.ndarray | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {"shape": list(values.shape), "data": in_base64(values.astype("<f4").tobytes())}
