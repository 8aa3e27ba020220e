"""Arrays in a file: a round trip, NumPy as the other reader, and damage. Hostile files are in test_head."""

import io
import zipfile

import numpy as np
import pytest

from dance_demo.files.npz import MAX_FILE_BYTES, read_arrays, write_arrays

ARRAYS = {
    "matrix": np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32),
    "vector": np.float32([1.5, -np.inf, np.nan]),
    "text": np.frombuffer("ഭാരതനാട്യം".encode(), np.uint8),
    "empty": np.empty((0, 7), np.float32),
}


def test_what_is_written_comes_back_equal_in_the_order_asked_for():
    for array, expected in zip(read_arrays(write_arrays(ARRAYS), list(ARRAYS)), ARRAYS.values(), strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def test_numpy_reads_the_same_file():
    with np.load(io.BytesIO(write_arrays(ARRAYS)), allow_pickle=False) as members:
        assert list(members) == list(ARRAYS)
        for name, expected in ARRAYS.items():
            np.testing.assert_array_equal(members[name], expected)


def test_equal_arrays_give_equal_bytes_however_they_lie_in_memory():
    swapped = {name: np.asfortranarray(array.astype(array.dtype.newbyteorder(">"))) for name, array in ARRAYS.items()}
    flat = {name: np.ascontiguousarray(array) for name, array in swapped.items()}
    assert write_arrays(flat) == write_arrays(ARRAYS)
    assert zipfile.ZipFile(io.BytesIO(write_arrays(ARRAYS))).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("names", [["vector"], ["matrix", "text"], ["matrix", "vector", "text"], [*ARRAYS, "more"]])
def test_other_arrays_than_those_asked_for_are_refused(names):
    with pytest.raises(ValueError, match="missing|list of contents"):
        read_arrays(write_arrays(ARRAYS), names)


def test_a_file_cut_anywhere_is_refused():
    data = write_arrays(ARRAYS)
    for length in range(len(data)):
        with pytest.raises(ValueError, match="cut off|missing|damaged|end"):
            read_arrays(data[:length], list(ARRAYS))


def test_a_file_that_is_too_large_is_refused_before_it_is_looked_at():
    with pytest.raises(ValueError, match="20,000,001 bytes; at most 20,000,000"):
        read_arrays(bytes(MAX_FILE_BYTES + 1), ["matrix"])


@pytest.mark.parametrize("seed", range(5))
def test_overwritten_bytes_are_refused_or_without_effect(seed):
    generator, good = np.random.default_rng(seed), write_arrays(ARRAYS)
    for _ in range(500):
        data = bytearray(good)
        start, length = generator.integers(len(data)), generator.integers(1, 9)
        data[start : start + length] = generator.bytes(length)
        try:
            arrays = read_arrays(bytes(data), list(ARRAYS))
        except ValueError:
            continue
        for array, expected in zip(arrays, ARRAYS.values(), strict=True):
            np.testing.assert_array_equal(array, expected)
