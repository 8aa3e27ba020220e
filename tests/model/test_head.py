"""The head: its arithmetic against other libraries, its file against every way to forge one."""

import io
import json
import pickle
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.preprocessing import normalize

from dance_demo.errors import ModelError
from dance_demo.files.npz import MAX_FILE_BYTES
from dance_demo.model.head import Head

BACKBONE = "ab" * 32


def made_up_head(channels: int = 5, classes: int = 3, **changes) -> Head:
    generator = np.random.default_rng(0)
    fields = {
        "class_names": tuple(f"class {number}" for number in range(classes)),
        "weight": generator.normal(size=(channels, classes)),
        "bias": generator.normal(size=classes),
        "temperature": 0.7,
        "backbone_sha256": BACKBONE,
    }
    return Head(**{**fields, **changes})


def made_up_hidden_head(channels: int = 5, units: int = 4, classes: int = 3, **changes) -> Head:
    generator = np.random.default_rng(2)
    hidden = {"hidden_weight": generator.normal(size=(channels, units)), "hidden_bias": generator.normal(size=units)}
    return made_up_head(units, classes, **{**hidden, **changes})


def made_up_maps(n: int = 4, channels: int = 5) -> np.ndarray:
    return np.random.default_rng(1).random((n, 7, 6, channels), dtype=np.float32)


# Arithmetic


def test_plain_features_are_the_average_over_the_picture():
    maps = made_up_maps()
    np.testing.assert_allclose(made_up_head().features(maps), maps.reshape(4, -1, 5).mean(axis=1), rtol=1e-6)


def test_power_normalized_features_are_what_scikit_learn_makes_of_the_roots():
    maps = made_up_maps()
    expected = normalize(np.sqrt(maps.reshape(4, -1, 5).mean(axis=1)))
    np.testing.assert_allclose(made_up_head(power_normalized=True).features(maps), expected, rtol=1e-6)


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature():
    head = made_up_head()
    features = head.features(made_up_maps())
    expected = softmax((features @ head.weight + head.bias) / 0.7, axis=1)
    np.testing.assert_allclose(head.probabilities(features), expected, rtol=1e-5)


def test_probabilities_stay_finite_for_the_largest_weights_a_head_may_have():
    weight = np.full((5, 2), 1e6) * [1, -1]
    head = made_up_head(classes=2, weight=weight, temperature=0.01)
    np.testing.assert_array_equal(head.probabilities(np.full((1, 5), 6, np.float32)), [[1, 0]])


@pytest.mark.parametrize("power_normalized", [False, True])
def test_I15_a_black_map_gives_finite_probabilities(power_normalized):
    head = made_up_head(power_normalized=power_normalized)
    probabilities = head.probabilities(head.features(np.zeros((1, 7, 7, 5), np.float32)))
    np.testing.assert_allclose(probabilities, softmax(head.bias / 0.7)[None], rtol=1e-6)


@pytest.mark.parametrize("made_up", [made_up_head, made_up_hidden_head])
@pytest.mark.parametrize("power_normalized", [False, True])
def test_channel_weights_are_the_slope_of_the_logit(power_normalized, made_up):
    """By central differences in float64; the last channel is silent and has no slope to compare."""
    head = made_up(power_normalized=power_normalized)
    feature_map = made_up_maps(1)[0]
    feature_map[..., -1] = 0
    pooled = feature_map.mean(axis=(0, 1), dtype=np.float64)

    def logit(pooled: np.ndarray) -> float:
        roots = np.sqrt(pooled)
        features = roots / np.linalg.norm(roots) if power_normalized else pooled
        if head.hidden_weight is not None:
            features = np.maximum(features @ head.hidden_weight.astype(np.float64) + head.hidden_bias, 0)
        return float(features @ head.weight[:, 1].astype(np.float64))

    steps = 1e-6 * np.eye(5)[:-1]
    slopes = [(logit(pooled + step) - logit(pooled - step)) / 2e-6 for step in steps]
    weights = head.channel_weights(feature_map, 1)
    np.testing.assert_allclose(weights[:-1], slopes, rtol=1e-4, atol=1e-6)
    assert np.isfinite(weights).all()


def test_a_hidden_layer_comes_before_the_linear_one():
    head = made_up_hidden_head()
    features = head.features(made_up_maps())
    hidden = np.maximum(features @ head.hidden_weight + head.hidden_bias, 0)
    assert (hidden == 0).any() and (hidden > 0).any()
    np.testing.assert_allclose(head.logits(features), hidden @ head.weight + head.bias, rtol=1e-6)
    assert head.channels == made_up_head().channels == 5


# What a head may be


def test_a_head_keeps_a_read_only_copy():
    weight = np.ones((5, 3))
    head = made_up_head(weight=weight)
    weight[:] = 7
    assert head.weight.max() == 1
    for array in (head.weight, head.bias):
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_head_names_a_thousand_classes_in_any_script():
    names = tuple(f"{number:04} " + "क" * 95 for number in range(1000))
    head = made_up_head(class_names=names, weight=np.ones((5, 1000)), bias=np.zeros(1000))
    assert Head.from_npz_bytes(head.to_npz_bytes()).class_names == names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ("one",)}, "2 to 1,000 class names. Received: 1"),
        ({"class_names": tuple(map(str, range(1001)))}, "Received: 1001"),
        ({"class_names": "abc"}, "Received: 'abc'"),
        ({"class_names": ("a", "b", "a")}, "must differ"),
        ({"class_names": ("a", "", "c")}, "Received: ''"),
        ({"class_names": ("a", "b" * 301, "c")}, "1 to 300"),
        ({"class_names": ("a", "b\n", "c")}, "Received: 'b"),
        ({"class_names": ("a", "\ud800", "c")}, "Received"),
        ({"class_names": ("a", 2, "c")}, "Received: 2"),
        ({"weight": np.ones((5, 4))}, r"Received: \(5, 4\)"),
        ({"weight": np.ones(15)}, r"Received: \(15,\)"),
        ({"weight": np.ones((0, 3))}, r"Received: \(0, 3\)"),
        ({"weight": np.full((5, 3), np.nan)}, "Received: nan"),
        ({"weight": np.full((5, 3), np.inf)}, "Received: inf"),
        ({"weight": np.full((5, 3), -1e300)}, "Received: -1e\\+300"),
        ({"weight": np.full((5, 3), "x")}, "must hold numbers"),
        ({"bias": np.ones(2)}, r"Received: \(2,\)"),
        ({"temperature": 0}, "Received: 0"),
        ({"temperature": -1.0}, "Received: -1.0"),
        ({"temperature": float("nan")}, "Received: nan"),
        ({"temperature": 1e9}, "Received: 1000000000.0"),
        ({"temperature": True}, "Received: True"),
        ({"temperature": "1"}, "Received: '1'"),
        ({"backbone_sha256": "AB" * 32}, "64 hex digits"),
        ({"backbone_sha256": None}, "Received: None"),
        ({"power_normalized": 1}, "true or false. Received: 1"),
        ({"hidden_weight": np.ones((7, 5))}, "both weight and bias"),
        ({"hidden_bias": np.ones(5)}, "both weight and bias"),
        ({"hidden_weight": np.ones((7, 4)), "hidden_bias": np.ones(5)}, r"\(channels, 5\). Received: \(7, 4\)"),
        ({"hidden_weight": np.ones((0, 5)), "hidden_bias": np.ones(5)}, r"Received: \(0, 5\)"),
        ({"hidden_weight": np.ones((7, 5)), "hidden_bias": np.ones(4)}, r"hidden_bias must be \(5,\)"),
        ({"hidden_weight": np.full((7, 5), np.nan), "hidden_bias": np.ones(5)}, "Received: nan"),
        ({"hidden_weight": np.full((7, 5), "x"), "hidden_bias": np.ones(5)}, "must hold numbers"),
        (
            {"weight": np.ones((1025, 3)), "hidden_weight": np.ones((2, 1025)), "hidden_bias": np.ones(1025)},
            "at most 1024 units. Received: 1025",
        ),
    ],
)
def test_parts_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        made_up_head(**changes)


# The file


def test_a_saved_head_comes_back_equal_and_gives_the_same_bytes_again():
    names = ("Bharatanatyam", "ഭാരതനാട്യം", "한국 👩‍🎤", "<img onerror=x>")
    head = made_up_head(1280, 4, class_names=names, power_normalized=True)
    data = head.to_npz_bytes()
    read = Head.from_npz_bytes(data)
    np.testing.assert_array_equal(read.weight, head.weight)
    np.testing.assert_array_equal(read.bias, head.bias)
    for field in ("class_names", "temperature", "backbone_sha256", "power_normalized"):
        assert getattr(read, field) == getattr(head, field)
    assert read.to_npz_bytes() == data
    assert len(data) < 40_000


def test_a_head_with_a_hidden_layer_comes_back_equal_and_gives_the_same_bytes_again():
    head = made_up_hidden_head(1280, 64, 8, power_normalized=True)
    data = head.to_npz_bytes()
    read = Head.from_npz_bytes(data)
    for name in ("weight", "bias", "hidden_weight", "hidden_bias"):
        np.testing.assert_array_equal(getattr(read, name), getattr(head, name))
        with pytest.raises(ValueError, match="read-only"):
            getattr(read, name)[...] = 0
    assert read.to_npz_bytes() == data and len(data) < 340_000


def test_numpy_reads_a_saved_head_without_pickle():
    head = made_up_head()
    with np.load(io.BytesIO(head.to_npz_bytes()), allow_pickle=False) as members:
        np.testing.assert_array_equal(members["weight"], head.weight)
        np.testing.assert_array_equal(members["bias"], head.bias)
        assert json.loads(members["about"].tobytes())["class_names"] == list(head.class_names)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0))
    return buffer.getvalue()


def forged_npy(descr: str, shape: str, body: bytes = b"") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def about_npy(**changes) -> bytes:
    head = made_up_head()
    about = {"backbone_sha256": BACKBONE, "class_names": head.class_names}
    about |= {"power_normalized": False, "temperature": 0.7}
    return npy(np.frombuffer(json.dumps({**about, **changes}).encode(), np.uint8))


def text_npy(text: str) -> bytes:
    return npy(np.frombuffer(text.encode(), np.uint8))


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names that occur twice
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def forged(about: bytes | None = None, weight: bytes | None = None, bias: bytes | None = None, **options) -> bytes:
    head = made_up_head()
    members = {"about.npy": about or about_npy(), "weight.npy": weight or npy(head.weight)}
    return zipped(*members.items(), ("bias.npy", bias or npy(head.bias)), **options)


def forged_hidden(hidden_weight: np.ndarray, hidden_bias: np.ndarray, *more: tuple[str, bytes]) -> bytes:
    """A head with a hidden layer of 5 units before its linear one."""
    head = made_up_head()
    parts = [("about.npy", about_npy()), ("weight.npy", npy(head.weight)), ("bias.npy", npy(head.bias))]
    return zipped(*parts, ("hidden_weight.npy", npy(hidden_weight)), ("hidden_bias.npy", npy(hidden_bias)), *more)


def with_another_member(name: str) -> bytes:
    head = made_up_head()
    parts = [("about.npy", about_npy()), ("weight.npy", npy(head.weight)), ("bias.npy", npy(head.bias))]
    return zipped(*parts, (name, b"x"))


class Explosive:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def pickled_npy() -> bytes:
    return np.lib.format.magic(1, 0) + forged_npy("|O", "(1,)")[8:] + pickle.dumps(Explosive())


def overlapping_zip() -> bytes:
    """The list at the end names the first member three times."""
    data = made_up_head().to_npz_bytes()
    directory = data.index(b"PK\1\2")
    entry = data[directory : directory + 46 + len("about.npy")]
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, 3 * len(entry), directory, 0)
    return data[:directory] + 3 * entry + end


WEIGHT = np.ones((5, 3), np.float32)
ABOUT_JSON = about_npy()[128:].decode()

HOSTILE = {
    "nothing": b"",
    "not a zip": b"\x89HDF\r\n\x1a\n" + bytes(2000),
    "a pickle": pickle.dumps(Explosive()),
    "an empty zip": zipped(),
    "too large a file": bytes(MAX_FILE_BYTES + 1),
    "another npz": zipped(("weight.npy", npy(WEIGHT))),
    "members in another order": zipped(*reversed([("about.npy", about_npy()), ("weight.npy", npy(WEIGHT))])),
    "an extra member": with_another_member("notes.txt"),
    "a member twice": with_another_member("weight.npy"),
    "a member outside the folder": with_another_member("../../evil.npy"),
    "half a hidden layer": with_another_member("hidden_weight.npy"),
    "a hidden layer of another width": forged_hidden(np.ones((7, 4), np.float32), np.ones(4, np.float32)),
    "a hidden layer that is not finite": forged_hidden(np.full((7, 5), np.inf, np.float32), np.ones(5, np.float32)),
    "a hidden layer of text": forged_hidden(np.full((7, 5), "abc"), np.ones(5, np.float32)),
    "a hidden layer and more": forged_hidden(
        np.ones((7, 5), np.float32), np.ones(5, np.float32), ("more.npy", npy(np.ones(3, np.float32)))
    ),
    "compressed members": forged(compression=zipfile.ZIP_DEFLATED),
    "a bomb": forged(weight=npy(np.zeros((300_000, 3), np.float32)), compression=zipfile.ZIP_DEFLATED),
    "overlapping members": overlapping_zip(),
    "bytes before the zip": b"#!/bin/sh\n" + made_up_head().to_npz_bytes(),
    "bytes after the zip": made_up_head().to_npz_bytes() + b"PK",
    "a pickle inside": forged(weight=pickled_npy()),
    "a 4 TB header": forged(weight=forged_npy("<f4", "(1099511627776, 3)")),
    "a 4 TB header in nine digits": forged(weight=forged_npy("<f4", "(999999999, 999999999)")),
    "a shape beyond its bytes": forged(weight=forged_npy("<f4", "(5, 4)", WEIGHT.tobytes())),
    "a shape short of its bytes": forged(weight=forged_npy("<f4", "(4, 3)", WEIGHT.tobytes())),
    "a negative shape": forged(weight=forged_npy("<f4", "(-5, -3)", WEIGHT.tobytes())),
    "no shape": forged(weight=forged_npy("<f4", "()", bytes(4))),
    "three dimensions": forged(weight=forged_npy("<f4", "(5, 3, 1)", WEIGHT.tobytes())),
    "objects": forged(weight=forged_npy("|O", "(5, 3)", WEIGHT.tobytes())),
    "double precision": forged(weight=npy(WEIGHT.astype(np.float64))),
    "complex numbers": forged(weight=npy(WEIGHT.astype(np.complex64))),
    "text": forged(weight=npy(np.full((5, 3), "abc"))),
    "columns first": forged(weight=npy(np.asfortranarray(WEIGHT))),
    "a deep header": forged(weight=forged_npy("<f4", "(" * 5000 + ")" * 5000)),
    "a header that runs code": forged(weight=forged_npy("<f4", "(__import__('os').abort(),)")),
    "not a number": forged(weight=npy(WEIGHT * np.nan)),
    "infinity": forged(bias=npy(np.full(3, np.inf, np.float32))),
    "too many classes for its weight": forged(about=about_npy(class_names=["a", "b", "c", "d"])),
    "100,000 classes": forged(about=about_npy(class_names=[str(number) for number in range(100_000)])),
    "one class": forged(about=about_npy(class_names=["a"])),
    "class names that are equal": forged(about=about_npy(class_names=["a", "a", "b"])),
    "class names that are not text": forged(about=about_npy(class_names=[1, [2], {"3": 4}])),
    "half a character": forged(about=about_npy(class_names=["\ud800", "b", "c"])),
    "class names that are a dictionary": forged(about=about_npy(class_names={"a": 1, "b": 2, "c": 3})),
    "a temperature of zero": forged(about=about_npy(temperature=0)),
    "a temperature that is not a number": forged(about=about_npy(temperature=float("nan"))),
    "a temperature beyond numbers": forged(about=text_npy(ABOUT_JSON.replace("0.7", "1" + "0" * 5000))),
    "a temperature in words": forged(about=about_npy(temperature="warm")),
    "another kind of hash": forged(about=about_npy(backbone_sha256="md5")),
    "an unknown field": forged(about=about_npy(password="x")),
    "a field twice": forged(about=text_npy(ABOUT_JSON.replace("{", '{"temperature": 2, ', 1))),
    "a list for a dictionary": forged(about=text_npy("[]")),
    "deeply nested JSON": forged(about=text_npy("[" * 90_000)),
    "JSON that is cut off": forged(about=text_npy(ABOUT_JSON[:-9])),
    "text in another encoding": forged(about=npy(np.frombuffer(b"\xff\xfe{}", np.uint8))),
    "too much text": forged(about=text_npy(" " * 200_000)),
    "numbers for text": forged(about=npy(WEIGHT)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_S6_a_hostile_file_is_refused_with_a_short_reason_and_little_memory(name):
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=r"^This is not a head from this app \(.{10,}\)\.$") as refusal:
            Head.from_npz_bytes(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 300


def test_the_forger_of_these_tests_can_also_make_a_good_head():
    np.testing.assert_array_equal(Head.from_npz_bytes(forged()).weight, made_up_head().weight)
    hidden = Head.from_npz_bytes(forged_hidden(np.ones((7, 5), np.float32), np.ones(5, np.float32)))
    assert hidden.channels == 7


@pytest.mark.parametrize("made_up", [made_up_head, made_up_hidden_head])
def test_S6_a_head_cut_off_anywhere_is_refused(made_up):
    data = made_up().to_npz_bytes()
    for length in range(len(data)):
        with pytest.raises(ModelError):
            Head.from_npz_bytes(data[:length])


@pytest.mark.parametrize("made_up", [made_up_head, made_up_hidden_head])
def test_S6_a_changed_byte_never_gets_through_to_a_number(made_up):
    """Each bit of each byte in turn: refused, or harmless because nothing of it is used (dates, for one)."""
    data = made_up().to_npz_bytes()
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            try:
                read = Head.from_npz_bytes(bytes(changed))
            except ModelError:
                continue
            assert read.to_npz_bytes() == data


def test_S6_random_bytes_in_a_valid_frame_end_in_a_model_error_or_a_valid_head():
    generator = np.random.default_rng(0)
    members = [about_npy(), npy(made_up_head().weight), npy(made_up_head().bias)]
    for _ in range(1000):
        changed = [bytearray(member) for member in members]
        target = changed[generator.integers(3)]
        for position in generator.integers(len(target), size=generator.integers(1, 5)):
            target[position] = generator.integers(256)
        try:
            Head.from_npz_bytes(forged(*map(bytes, changed)))
        except ModelError as refusal:
            assert str(refusal).startswith("This is not a head from this app (")
