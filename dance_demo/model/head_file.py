"""The file of a head, which strangers may have written: every part is checked before a head is made of it.

An uncompressed .npz of plain numbers: `weight`, `bias`, perhaps `hidden_weight` and `hidden_bias`, and in `about`
class names and settings as JSON.
"""

import json
import math
import re
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from dance_demo.files.npz import read_arrays, write_arrays
from dance_demo.files.text import is_single_line

MIN_CLASSES, MAX_CLASSES = 2, 1_000
MAX_NAME_CHARACTERS = 300
MAX_HIDDEN_UNITS = 1024
MAX_WEIGHT_SIZE = 1e6  # larger numbers would overflow float32 on the way to a probability
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0
MAX_ABOUT_BYTES = 400_000  # class names and settings, as JSON

_LAYER, _HIDDEN_LAYER = ("weight", "bias"), ("hidden_weight", "hidden_bias")
_ABOUT = ("backbone_sha256", "class_names", "power_normalized", "temperature")


def head_bytes(parts: Mapping[str, Any]) -> bytes:
    """The fields of a head as a file. The same head always gives the same bytes."""
    text = json.dumps({field: parts[field] for field in _ABOUT}, ensure_ascii=False).encode()
    layers = {field: parts[field] for field in (*_LAYER, *_HIDDEN_LAYER) if parts[field] is not None}
    return write_arrays({"about": np.frombuffer(text, np.uint8)} | layers)


def read_head_parts(data: bytes) -> dict[str, Any]:
    """What `head_bytes` was given, not yet checked. Raises ValueError for every other file, however hostile."""
    about, *arrays = read_arrays(data, ("about", *_LAYER), optional=_HIDDEN_LAYER)
    layers = zip((*_LAYER, *_HIDDEN_LAYER), arrays, strict=False)  # the hidden one may be missing
    return dict(layers) | _parsed_about(about)


def checked_head_parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields as a head keeps them, its arrays copied. Raises ValueError for parts that do not fit."""
    names = _checked_names(parts["class_names"])
    weight, bias = (_frozen_numbers(field, parts[field]) for field in _LAYER)
    if weight.ndim != 2 or weight.shape[0] < 1 or weight.shape[1] != len(names):
        raise ValueError(f"weight must be (channels, {len(names)}). Received: {weight.shape}")
    if bias.shape != (len(names),):
        raise ValueError(f"bias must be ({len(names)},). Received: {bias.shape}")
    hidden = _checked_hidden(*(parts[field] for field in _HIDDEN_LAYER), units=weight.shape[0])
    sha256, normalized = parts["backbone_sha256"], parts["power_normalized"]
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"backbone_sha256 must be 64 hex digits. Received: {reprlib.repr(sha256)}")
    if not isinstance(normalized, bool):
        raise ValueError(f"power_normalized must be true or false. Received: {reprlib.repr(normalized)}")
    temperature = _checked_temperature(parts["temperature"])
    return {"class_names": names, "weight": weight, "bias": bias, "temperature": temperature} | hidden


def _parsed_about(about: np.ndarray) -> dict[str, Any]:
    """Class names and settings from their JSON."""
    if about.dtype != np.uint8 or about.size > MAX_ABOUT_BYTES:
        raise ValueError(f"its class names are not text of at most {MAX_ABOUT_BYTES:,} bytes")
    try:
        fields = json.loads(about.tobytes().decode(), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise ValueError("its class names cannot be read") from error
    if not isinstance(fields, dict) or set(fields) != set(_ABOUT):
        raise ValueError(f"it must say {', '.join(_ABOUT)} and nothing else")
    return fields


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("it says the same thing twice")
    return dict(pairs)


def _checked_names(names: object) -> tuple[str, ...]:
    if not isinstance(names, (tuple, list)) or not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        count = len(names) if isinstance(names, (tuple, list)) else reprlib.repr(names)
        raise ValueError(f"a head has {MIN_CLASSES} to {MAX_CLASSES:,} class names. Received: {count}")
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS or not is_single_line(name):
            limits = f"1 to {MAX_NAME_CHARACTERS} plain characters"
            raise ValueError(f"a class name is {limits}. Received: {reprlib.repr(name)}")
    if len(set(names)) < len(names):
        raise ValueError(f"class names must differ. Received: {reprlib.repr(names)}")
    return tuple(names)


def _checked_hidden(weight: object, bias: object, *, units: int) -> dict[str, np.ndarray]:
    """The fields of a hidden layer of so many units that fits together; none if there is no such layer."""
    if weight is None and bias is None:
        return {}
    if weight is None or bias is None:
        raise ValueError("a hidden layer has both weight and bias. Received: one of them")
    weight, bias = _frozen_numbers("hidden_weight", weight), _frozen_numbers("hidden_bias", bias)
    if units > MAX_HIDDEN_UNITS:
        raise ValueError(f"a hidden layer has at most {MAX_HIDDEN_UNITS} units. Received: {units}")
    if weight.ndim != 2 or weight.shape[0] < 1 or weight.shape[1] != units:
        raise ValueError(f"hidden_weight must be (channels, {units}). Received: {weight.shape}")
    if bias.shape != (units,):
        raise ValueError(f"hidden_bias must be ({units},). Received: {bias.shape}")
    return {"hidden_weight": weight, "hidden_bias": bias}


def _checked_temperature(temperature: object) -> float:
    value = math.nan
    if isinstance(temperature, int | float | np.floating) and not isinstance(temperature, bool):
        value = float(temperature)
    if not MIN_TEMPERATURE <= value <= MAX_TEMPERATURE:  # NaN fails every comparison
        limits = f"{MIN_TEMPERATURE} to {MAX_TEMPERATURE}"
        raise ValueError(f"temperature must be a number from {limits}. Received: {reprlib.repr(temperature)}")
    return value


def _frozen_numbers(name: str, values: object) -> np.ndarray:
    """A read-only float32 copy, so that neither the caller's array nor ours can change the other."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold numbers. Received: {numbers.dtype}")
    beyond = numbers[~(np.abs(numbers) <= MAX_WEIGHT_SIZE)]  # NaN fails every comparison
    if beyond.size:
        raise ValueError(f"{name} must be within {MAX_WEIGHT_SIZE:,.0f}. Received: {float(beyond.flat[0])}")
    frozen = np.array(numbers, dtype=np.float32, order="C")
    frozen.setflags(write=False)
    return frozen
