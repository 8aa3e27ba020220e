"""Turns what the network saw in a dancer's photo into one probability per dance form.

A head is small (about 40 KB): the photo's feature map is averaged over the picture, and one linear layer
scores every class; there may be a hidden layer before it (about 330 KB). A head names, by hash, the backbone it
was fitted on. Heads travel between people, so the file of one holds plain numbers only, and every size in it is
checked before anything is read.
"""

import hashlib
import json
import re
import reprlib
from dataclasses import dataclass

import numpy as np

from dance_demo.arrays import read_arrays, write_arrays
from dance_demo.errors import ModelError
from dance_demo.one_line import is_one_line

MIN_CLASSES, MAX_CLASSES = 2, 50
MAX_NAME_CHARACTERS = 300
MAX_HIDDEN_UNITS = 1024
MAX_WEIGHT_SIZE = 1e6  # larger numbers would overflow float32 on the way to a probability
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0
MAX_ABOUT_BYTES = 100_000  # class names and settings, as JSON
SMALLEST_ROOT = 1e-6  # a channel below it counts as silent: at 0 the slope of the square root is infinite

_ARRAYS, _HIDDEN_ARRAYS = ("about", "weight", "bias"), ("hidden_weight", "hidden_bias")
_ABOUT_FIELDS = {"class_names", "temperature", "backbone_sha256", "power_normalized"}


def power_normalize(pooled: np.ndarray) -> np.ndarray:
    """Square root, then length 1, so that no loud channel drowns the others: (n, c) -> (n, c)."""
    roots = np.sqrt(np.maximum(pooled, 0))
    return roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), SMALLEST_ROOT)


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """One probability per class, each row sums to 1: (n, k) -> (n, k)."""
    scaled = logits / np.float32(temperature)
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))  # the largest becomes exp(0)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Head:
    """The last layer of the classifier and the names of its classes. Nothing in it changes once it is made.

    weight is (c, k) and bias (k,) for c channels and k classes. Probabilities are softmax(logits /
    temperature) (Guo et al. 2017). With power_normalized, pooled features are square-rooted and scaled to
    length 1 first. With a hidden layer of u units, hidden_weight is (c, u), hidden_bias (u,) and weight (u, k):
    the logits are relu(features @ hidden_weight + hidden_bias) @ weight + bias. Raises ValueError, with the value
    received, for parts that do not fit.
    """

    class_names: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    backbone_sha256: str
    power_normalized: bool = False
    hidden_weight: np.ndarray | None = None
    hidden_bias: np.ndarray | None = None

    def __post_init__(self) -> None:
        names = _checked_names(self.class_names)
        weight, bias = _frozen_numbers("weight", self.weight), _frozen_numbers("bias", self.bias)
        if weight.ndim != 2 or weight.shape[0] < 1 or weight.shape[1] != len(names):
            raise ValueError(f"weight must be (channels, {len(names)}). Received: {weight.shape}")
        if bias.shape != (len(names),):
            raise ValueError(f"bias must be ({len(names)},). Received: {bias.shape}")
        hidden = _checked_hidden(self.hidden_weight, self.hidden_bias, units=weight.shape[0])
        sha256, normalized = self.backbone_sha256, self.power_normalized
        if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError(f"backbone_sha256 must be 64 hex digits. Received: {_short(sha256)}")
        if not isinstance(normalized, bool):
            raise ValueError(f"power_normalized must be true or false. Received: {_short(normalized)}")
        temperature = _checked_temperature(self.temperature)
        checked = {"class_names": names, "weight": weight, "bias": bias, "temperature": temperature} | hidden
        for field, value in checked.items():
            object.__setattr__(self, field, value)  # the way into a frozen dataclass

    @property
    def channels(self) -> int:
        """How many channels the feature maps have that this head reads."""
        return len(self.weight if self.hidden_weight is None else self.hidden_weight)

    def pool(self, feature_maps: np.ndarray) -> np.ndarray:
        """Average over the picture: (n, h, w, c) -> (n, c)."""
        return feature_maps.mean(axis=(1, 2), dtype=np.float32)

    def features(self, feature_maps: np.ndarray) -> np.ndarray:
        """What the first layer sees: (n, h, w, c) -> (n, c)."""
        pooled = self.pool(feature_maps)
        return power_normalize(pooled) if self.power_normalized else pooled

    def logits(self, features: np.ndarray) -> np.ndarray:
        """One score per class: (n, c) -> (n, k)."""
        if self.hidden_weight is not None:
            features = np.maximum(features @ self.hidden_weight + self.hidden_bias, 0)
        return features @ self.weight + self.bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """One probability per class, each row sums to 1: (n, c) -> (n, k)."""
        return softmax(self.logits(features), self.temperature)

    def channel_weights(self, feature_map: np.ndarray, class_index: int) -> np.ndarray:
        """How fast the class's logit grows with each pooled channel of this photo: (h, w, c) -> (c,).

        For pooled channels p, features g(p) and the slope s of the class's logit with respect to these, this is
        J_g(p)^T s. Plain features are p itself, so it is s. Power-normalised ones are g = r / |r| with r = sqrt(p),
        so by the chain rule it is (s - (s . g) g) / |r| / (2 r).
        """
        if not self.power_normalized:
            return self._slope(self.features(feature_map[None])[0], class_index)
        roots = np.sqrt(np.maximum(self.pool(feature_map[None])[0], 0))
        length = max(float(np.linalg.norm(roots)), SMALLEST_ROOT)
        direction = roots / length
        column = self._slope(direction, class_index)
        slope = (column - (column @ direction) * direction) / length
        # A silent channel is zero all over the map: no weight could make it add anything to a heatmap.
        return np.divide(slope, 2 * roots, out=np.zeros_like(slope), where=roots > SMALLEST_ROOT)

    def _slope(self, features: np.ndarray, class_index: int) -> np.ndarray:
        """How fast the class's logit grows with each feature: (c,) -> (c,).

        It is the class's column W of the linear layer, or behind a hidden layer V @ (W where a unit is active).
        """
        column = self.weight[:, class_index]
        if self.hidden_weight is None:
            return column
        active = features @ self.hidden_weight + self.hidden_bias > 0
        return self.hidden_weight @ (column * active)

    @property
    def sha256(self) -> str:
        """Hash of the saved head; two heads with the same numbers and names have the same one."""
        return hashlib.sha256(self.to_npz_bytes()).hexdigest()

    def to_npz_bytes(self) -> bytes:
        """The head as an uncompressed .npz of plain numbers. The same head always gives the same bytes."""
        about = {field: getattr(self, field) for field in sorted(_ABOUT_FIELDS)}
        text = json.dumps(about, ensure_ascii=False).encode()
        arrays = {"about": np.frombuffer(text, np.uint8), "weight": self.weight, "bias": self.bias}
        if self.hidden_weight is not None:
            arrays |= {"hidden_weight": self.hidden_weight, "hidden_bias": self.hidden_bias}
        return write_arrays(arrays)

    @classmethod
    def from_npz_bytes(cls, data: bytes) -> "Head":
        """What to_npz_bytes wrote, by whomever. Raises ModelError for every other file, however hostile."""
        try:
            about, *layers = read_arrays(data, _ARRAYS, optional=_HIDDEN_ARRAYS)
            named = dict(zip((*_ARRAYS, *_HIDDEN_ARRAYS)[1:], layers, strict=False))  # the hidden ones may be missing
            return cls(**named, **_parsed_about(about))
        except ValueError as error:
            raise ModelError(f"This is not a head from this app ({error}).") from error


def _parsed_about(about: np.ndarray) -> dict:
    """Class names and settings from their JSON."""
    if about.dtype != np.uint8 or about.size > MAX_ABOUT_BYTES:
        raise ValueError(f"its class names are not text of at most {MAX_ABOUT_BYTES:,} bytes")
    try:
        fields = json.loads(about.tobytes().decode(), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise ValueError("its class names cannot be read") from error
    if not isinstance(fields, dict) or set(fields) != _ABOUT_FIELDS:
        raise ValueError(f"it must say {', '.join(sorted(_ABOUT_FIELDS))} and nothing else")
    return fields


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("it says the same thing twice")
    return dict(pairs)


def _checked_names(names: object) -> tuple[str, ...]:
    if not isinstance(names, (tuple, list)) or not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        count = len(names) if isinstance(names, (tuple, list)) else _short(names)
        raise ValueError(f"a head has {MIN_CLASSES} to {MAX_CLASSES} class names. Received: {count}")
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS or not is_one_line(name):
            limits = f"1 to {MAX_NAME_CHARACTERS} plain characters"
            raise ValueError(f"a class name is {limits}. Received: {_short(name)}")
    if len(set(names)) < len(names):
        raise ValueError(f"class names must differ. Received: {_short(names)}")
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
    is_number = isinstance(temperature, (int, float, np.floating)) and not isinstance(temperature, bool)
    if not is_number or not MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE:  # NaN fails every comparison
        limits = f"{MIN_TEMPERATURE} to {MAX_TEMPERATURE}"
        raise ValueError(f"temperature must be a number from {limits}. Received: {_short(temperature)}")
    return float(temperature)


def _frozen_numbers(name: str, values: object) -> np.ndarray:
    """A read-only float32 copy, so that neither the caller's array nor ours can change the other."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold numbers. Received: {numbers.dtype}")
    if not np.all(np.abs(numbers) <= MAX_WEIGHT_SIZE):  # NaN fails every comparison
        raise ValueError(f"{name} must be within {MAX_WEIGHT_SIZE:,.0f}. Received: {_worst(numbers)}")
    frozen = np.array(numbers, dtype=np.float32, order="C")
    frozen.setflags(write=False)
    return frozen


def _worst(numbers: np.ndarray) -> float:
    beyond = numbers[~(np.abs(numbers) <= MAX_WEIGHT_SIZE)]
    return float(beyond.flat[0])


def _short(value: object) -> str:
    return reprlib.repr(value)
