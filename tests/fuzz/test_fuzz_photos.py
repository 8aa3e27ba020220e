"""Damaged photos, thousands of them: each gives a photo or a PhotoError, within seconds, and nothing else happens.

2,000 inputs a run; DANCE_DEMO_FUZZ multiplies them (10 for `make fuzz`). Input number i of seed s is the same on every
machine with the same Pillow, so a failure names its number: `DANCE_DEMO_FUZZ_ONLY=i` repeats that one alone.
"""

import io
import os
import time
import warnings

import numpy as np
import psutil
import pytest
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.photo import CUT_NOTE, DISPLAY_SIDE_PX, MORE_PICTURES_NOTE, open_photo

SEED = 20240517
INPUTS = 2_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
ONLY = os.environ.get("DANCE_DEMO_FUZZ_ONLY")
LONGEST_SECONDS = 5
MAX_GROWTH_MB = 50


def corpus() -> dict[str, bytes]:
    """Small sound files of every format, in the variants that take different ways through a decoder."""
    y, x = np.mgrid[0:40, 0:56]
    photo = Image.fromarray(np.stack([x * 4, y * 6, (x * y) % 251], axis=-1).astype(np.uint8))
    turned = photo.transpose(Image.Transpose.ROTATE_180)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    moving = {"save_all": True, "append_images": [turned, photo]}
    variants = {
        "jpeg": (photo, "JPEG", {"exif": exif, "icc_profile": b"profile" * 30, "comment": b"a dancer"}),
        "progressive jpeg": (photo, "JPEG", {"progressive": True, "subsampling": 0}),
        "cmyk jpeg": (photo.convert("CMYK"), "JPEG", {}),
        "grey jpeg with restarts": (photo.convert("L"), "JPEG", {"restart_marker_blocks": 2}),
        "two-picture jpeg": (photo, "MPO", moving),
        "png": (photo, "PNG", {"exif": exif}),
        "palette png": (photo.quantize(16), "PNG", {"transparency": b"\0\x80\xff"}),
        "16-bit png": (photo.convert("L").convert("I;16"), "PNG", {}),
        "animated png": (photo, "PNG", moving),
        "gif": (photo, "GIF", {"comment": b"a dancer", "interlace": 1}),
        "animated gif": (photo, "GIF", moving),
        "webp": (photo, "WEBP", {"exif": exif}),
        "lossless webp": (photo.convert("RGBA"), "WEBP", {"lossless": True}),
        "animated webp": (photo, "WEBP", moving),
        "bmp": (photo, "BMP", {}),
        "palette bmp": (photo.quantize(16), "BMP", {}),
        "avif": (photo, "AVIF", {"exif": exif}),
    }
    files = {name: _saved(*variant) for name, variant in variants.items()}
    return files | _heic(photo, exif.tobytes())


def _saved(photo: Image.Image, format: str, options: dict) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, format, **options)
    return buffer.getvalue()


def _heic(photo: Image.Image, exif: bytes) -> dict[str, bytes]:
    try:
        from pillow_heif import from_pillow
    except ImportError:  # optional
        return {}
    buffer = io.BytesIO()
    from_pillow(photo).save(buffer, exif=exif)
    return {"heic": buffer.getvalue()}


# Each way of damage: (sound bytes, another sound file, generator) -> damaged bytes


def cut(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    return data[: len(data) * int(random.integers(0, 11)) // 10]


def flip_bits(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    for at in random.integers(0, len(data), random.integers(1, 20)):
        damaged[at] ^= 1 << int(random.integers(0, 8))
    return bytes(damaged)


def flip_header_bits(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    header = min(len(data), 120)
    return flip_bits(data[:header], other, random) + data[header:]


def splice(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: random.integers(0, len(data))] + other[random.integers(0, len(other)) :]


def swap_header(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    length = int(random.choice([4, 8, 12, 16, 33, 64]))
    return data[:length] + other[length:]


def overwrite(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    at, noise = int(random.integers(0, len(data))), random.bytes(int(random.integers(1, 64)))
    return data[:at] + noise + data[at + len(noise) :]


def extreme_number(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """A length, a size or an offset becomes as small or as large as it can be."""
    at, size = int(random.integers(0, len(data))), int(random.choice([1, 2, 4]))
    number = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"][random.integers(0, 4)]
    return data[:at] + number[:size] + data[at + size :]


def repeat(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(data) + 1, 2))
    return data[:end] + data[start:end] * int(random.integers(1, 20)) + data[end:]


def leave_out(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    start = int(random.integers(0, len(data)))
    return data[:start] + data[start + int(random.integers(1, 40)) :]


DAMAGES = (
    cut,
    flip_bits,
    flip_header_bits,
    splice,
    swap_header,
    overwrite,
    extreme_number,
    repeat,
    leave_out,
)


def damaged_photo(files: list[bytes], number: int) -> bytes:
    random = np.random.default_rng([SEED, number])
    data, other = files[number % len(files)], files[random.integers(0, len(files))]
    for _ in range(random.integers(1, 3)):
        data = DAMAGES[random.integers(0, len(DAMAGES))](data, other, random) or b"\0"
    return data


def check(data: bytes) -> str:
    """Opens it, and says what became of it: "photo" or the beginning of the refusal."""
    start = time.perf_counter()
    try:
        photo = open_without_warning(data)
        assert photo.mode == "RGB"
        assert 0 < max(photo.size) <= DISPLAY_SIDE_PX
        assert photo.info in ({}, {"note": MORE_PICTURES_NOTE}, {"note": CUT_NOTE})
        outcome = "photo"
    except PhotoError as problem:
        assert str(problem).startswith("upload: ")
        assert str(problem).endswith(".")
        outcome = str(problem).removeprefix("upload: ")[:20]
    assert time.perf_counter() - start < LONGEST_SECONDS
    return outcome


def open_without_warning(data: bytes) -> Image.Image:
    """A warning would be a line in the log for each hostile upload. AVIF may give one, for damaged EXIF."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if b"ftyp" in data[:12] else "error")
        return open_photo(data, name="upload")


def megabytes() -> float:
    return psutil.Process().memory_info().rss / 2**20


@pytest.mark.slow
def test_I4_damaged_photos_give_a_photo_or_a_reason(capsys):
    files = list(corpus().values())
    assert {check(data) for data in files} == {"photo"}
    numbers = [int(ONLY)] if ONLY else range(INPUTS)
    outcomes, before = [], megabytes()
    for number in numbers:
        try:
            outcomes.append(check(damaged_photo(files, number)))
        except Exception as problem:
            pytest.fail(f"input {number} of seed {SEED}: {problem!r}")
    growth = megabytes() - before
    with capsys.disabled():
        opened = outcomes.count("photo")
        print(f"\n{len(outcomes)} damaged photos: {opened} opened, {len(outcomes) - opened} refused,", end=" ")
        print(f"0 crashes, {growth:+.0f} MB", end=" ")
    assert growth < MAX_GROWTH_MB
    assert ONLY or set(outcomes) > {"photo", "the photo is incompl"}
