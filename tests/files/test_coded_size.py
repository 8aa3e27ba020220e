"""What an AVIF or HEIC says of itself is held against what is coded in it."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.coded_size import check_coded_sizes, coded_sizes
from dance_demo.files.photo import open_photo

FORMATS = ("AVIF", "HEIF")


def coded(format: str, size: tuple[int, int], *, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8 + 1, size[0] // 8 + 1, 3), np.uint8)
    picture = Image.fromarray(noise).resize(size)
    if mode == "RGBA":
        picture.putalpha(100)
    if format == "HEIF":  # not registered with Pillow, where it would stay
        pytest.importorskip("pillow_heif").from_pillow(picture).save(stream)
    else:
        picture.save(stream, format)
    return stream.getvalue()


def calling_itself(data: bytes, size: tuple[int, int]) -> bytes:
    """The same file with another size in its container (the box `ispe`)."""
    at = data.index(b"ispe") + 8
    return data[:at] + size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + data[at + 8 :]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(64, 48), (600, 600), (1234, 777), (777, 1234)])
@pytest.mark.parametrize("format", FORMATS)
def test_an_honest_photo_is_as_large_as_it_says(format, size, mode):
    data = coded(format, size, mode=mode)
    for width, height in coded_sizes(data):  # HEVC codes in blocks
        assert 0 <= width - size[0] <= 16 and 0 <= height - size[1] <= 16
    assert len(coded_sizes(data)) >= (2 if mode == "RGBA" else 1)
    check_coded_sizes(data, size)
    assert open_photo(data, max_side_px=None).size == size


@pytest.mark.parametrize("format", FORMATS)
def test_I5_W9_a_photo_that_lies_about_its_size_is_refused_before_it_is_unpacked(format):
    data = calling_itself(coded(format, (2048, 2048)), (600, 600))
    tracemalloc.start()
    try:
        with pytest.raises(PhotoError, match="calls itself 600 x 600 pixels"):
            open_photo(data)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_moving_picture_is_held_against_its_first_frame():
    frames = [Image.effect_noise((320, 200), 50).convert("RGB") for _ in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "AVIF", save_all=True, append_images=frames[1:])
    assert set(coded_sizes(stream.getvalue())) == {(320, 200)}
    assert open_photo(stream.getvalue()).size == (320, 200)


@pytest.mark.parametrize("format", FORMATS)
def test_whatever_is_cut_or_changed_is_an_answer_or_one_of_two_errors(format):
    data = coded(format, (200, 120))
    rng = np.random.default_rng(1)
    for round in range(300):
        junk = bytearray(data[: rng.integers(1, len(data))] if round % 3 == 0 else data)
        for at in rng.integers(0, min(len(junk), 600), 4):
            junk[at] = rng.integers(256)
        try:
            coded_sizes(bytes(junk))
        except (IndexError, ValueError):
            continue


def test_a_file_of_a_million_parts_is_refused_in_a_moment():
    box = (8).to_bytes(4, "big") + b"free"
    with pytest.raises(ValueError, match="parts"):
        coded_sizes(box * 100_000)
