"""Whatever is handed in, `open_photo` gives one upright RGB photo without metadata, or says what is wrong.

the ids I1 to I18 are rows of docs/threats.md.
"""

import io
import os
import re
import struct
import subprocess
import sys
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFile, ImageOps

from dance_demo.data.fingerprint import pixel_sha256
from dance_demo.data.illustrations import draw
from dance_demo.errors import PhotoError
from dance_demo.files.photo import (
    DISPLAY_SIDE_PX,
    MAX_ASPECT_RATIO,
    MAX_FILE_BYTES,
    MAX_JPEG_WORK,
    MAX_PIXELS,
    MAX_REDUCED_PIXELS,
    MAX_WEBP_PIXELS,
    MIN_SIDE_PX,
    open_photo,
)
from dance_demo.model.preprocessing import to_input
from tests.support import ROOT
from tests.support.made_up import UNDO

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")


def dancer(width: int = 96, height: int = 72) -> Image.Image:
    """A colourful picture without symmetry: whatever turns, mirrors or recolours it shows."""
    y, x = np.mgrid[0:height, 0:width]
    colours = np.stack([x * 255 / width, y * 255 / height, (x + 2 * y) % 97 * 2.0], axis=-1)
    colours[: height // 3, : width // 4] = (230, 30, 40)  # a red head-dress, upper left
    return Image.fromarray(colours.astype(np.uint8))


def saved(photo: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, format, **options)
    return buffer.getvalue()


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two photos of one size, in grey levels of 255."""
    assert (one.mode, one.size) == (other.mode, other.size)
    return float(np.mean(np.asarray(ImageChops.difference(one, other))))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour_type: int, row: bytes, extra: bytes = b"") -> bytes:
    """A PNG of equal rows (or none), by hand: for sizes and depths that nobody wants to hold in memory here."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"\0" + row) for _ in range(height if row else 0)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def refusal(source, **options) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(source, **options)
    return str(caught.value)


def open_in_a_fresh_process(path: Path, *, at_once: int = 1) -> tuple[str, float, float]:
    """(size or refusal, seconds, growth of the highest memory in MB) of `open_photo`, so many times side by side."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the highest memory of a process is read from /proc")
    # Not ru_maxrss, which a new process takes over from the one that started it.
    code = """
import pathlib, re, sys, time
from concurrent.futures import ThreadPoolExecutor
from dance_demo.files.photo import PhotoError, open_photo
peak = lambda: int(re.search("VmHWM:(.*) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
def answer(path):
    try:
        return str(open_photo(path).size)
    except PhotoError as problem:
        return str(problem)
before, start = peak(), time.perf_counter()
with ThreadPoolExecutor() as pool:
    answers = set(pool.map(answer, [sys.argv[1]] * int(sys.argv[2])))
print(*answers, time.perf_counter() - start, peak() - before, sep="|")
"""
    command = [sys.executable, "-W", "error", "-c", code, str(path), str(at_once)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    answer, seconds, megabytes = result.stdout.strip().split("|")
    return answer, float(seconds), float(megabytes)


# What is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_gives_the_same_photo(format, tmp_path):
    path = tmp_path / "misleading.name"
    path.write_bytes(saved(dancer(), format, **({"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {})))
    photo = open_photo(path)
    assert photo.info == {}
    assert distance(photo, dancer()) < (12 if format == "GIF" else 5)  # a GIF has 256 colours
    assert type(photo) is Image.Image


def test_path_bytes_file_and_picture_give_the_same_photo(tmp_path):
    path = tmp_path / "dancer.png"
    dancer().save(path)
    with open(path, "rb") as file:
        photos = [open_photo(path), open_photo(str(path)), open_photo(path.read_bytes()), open_photo(file)]
    photos += [open_photo(dancer()), open_photo(Image.open(path))]
    assert {pixel_sha256(photo) for photo in photos} == {pixel_sha256(dancer())}


def test_a_picture_in_memory_is_left_as_it_was():
    picture = dancer(2000, 1000).convert("P")
    picture.info["transparency"] = 3
    before = (picture.mode, picture.size, picture.tobytes(), dict(picture.info))
    photo = open_photo(picture)
    photo.paste("white", (0, 0, *photo.size))
    assert (picture.mode, picture.size, picture.tobytes(), picture.info) == before


@pytest.mark.parametrize("size", [(3000, 2000), (2000, 3000), (1921, 1081), (961, 700), (5000, 251)])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_large_photo_is_shrunk_like_a_plain_resize(size, format):
    original = dancer(*size)
    photo = open_photo(saved(original, format, **({"quality": 95} if format == "JPEG" else {})))
    scale = DISPLAY_SIDE_PX / max(size)
    assert photo.size == (round(size[0] * scale), round(size[1] * scale))
    assert distance(photo, original.resize(photo.size, Image.Resampling.BILINEAR)) < 6


def test_a_small_photo_is_not_enlarged_and_none_means_full_size():
    assert open_photo(dancer(50, 40)).size == (50, 40)
    assert open_photo(saved(dancer(1500, 1000), "JPEG"), max_side_px=None).size == (1500, 1000)
    assert open_photo(dancer(500, 400), max_side_px=100).size == (100, 80)


def test_a_12_megapixel_jpeg_is_decoded_at_reduced_size_at_least_twice_as_fast(capsys):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    data = saved(Image.fromarray(noise).resize((4000, 3000), Image.Resampling.BICUBIC), "JPEG", quality=90)

    def decoded_in_full() -> Image.Image:
        return Image.open(io.BytesIO(data)).convert("RGB").resize((960, 720), Image.Resampling.BILINEAR)

    def milliseconds(function) -> float:
        start = time.perf_counter()
        function()
        return (time.perf_counter() - start) * 1000

    assert distance(open_photo(data), decoded_in_full()) < 3
    pairs = [(milliseconds(lambda: open_photo(data)), milliseconds(decoded_in_full)) for _ in range(5)]
    reduced, full = zip(*pairs, strict=True)
    with capsys.disabled():
        print(f"\n12-megapixel JPEG: {min(reduced):.0f} ms reduced, {min(full):.0f} ms in full", end=" ")
    assert 2 * min(reduced) <= min(full)


def test_real_photos_are_what_pillow_alone_makes_of_them(shared):
    paths = sorted((shared / "data" / "dance" / "train").glob("*.jpg"))[::10]
    assert paths
    for path in paths:
        with Image.open(path) as original:
            alone = to_input(ImageOps.exif_transpose(original).convert("RGB"))
        assert np.abs(to_input(open_photo(path)) - alone).mean() < 0.02, path.name


def test_eight_threads_get_what_one_gets():
    files = [saved(dancer(300 + side, 200), format) for side in range(4) for format in FORMATS]
    alone = [pixel_sha256(open_photo(data)) for data in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda data: pixel_sha256(open_photo(data)), files)) == alone


# What is refused --------------------------------------------------------------------------------------------------


def test_I1_an_empty_file_is_called_empty(tmp_path):
    path = tmp_path / "nothing.jpg"
    path.touch()
    assert refusal(path).startswith("nothing.jpg: the file is empty.")
    assert "empty" in refusal(b"") and "empty" in refusal(io.BytesIO())


FAKE_FILES = {
    "a text file": b"Bharatanatyam is a classical dance.\n",
    "a web page": b"\xef\xbb\xbf<!DOCTYPE html><html><script>alert(1)</script>",
    "a PDF document": b"%PDF-1.7\n1 0 obj",
    "a zip archive or an office document": b"PK\x03\x04\x14\0\0\0",
    "a video": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41",
    "a TIFF or camera raw picture": b"II*\0\x08\0\0\0",
    "a Photoshop picture": b"8BPS\0\1",
    "a program": b"\x7fELF\2\1\1\0",
    "an unknown kind of file": bytes(range(1, 32)) * 10,
}


@pytest.mark.parametrize("kind", FAKE_FILES)
def test_I2_a_file_that_is_no_photo_is_called_what_it_is(kind, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(FAKE_FILES[kind])
    message = refusal(path)
    assert message.startswith(f"photo.jpg: this is {kind}, not a JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC photo.")
    assert "Save it as JPEG or PNG" in message


@pytest.mark.parametrize("tenths", range(1, 10))
@pytest.mark.parametrize("format", [*FORMATS, "progressive JPEG"])
def test_I3_a_cut_photo_is_refused_and_never_half_shown(format, tenths):
    options = {"progressive": True} if format == "progressive JPEG" else {}
    data = saved(dancer(), format.split()[-1], **options)
    message = refusal(data[: len(data) * tenths // 10], name="cut")
    assert message.startswith("cut: the photo is incomplete or damaged. Send it again")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"optimize": True}])
def test_a_jpeg_cut_in_its_last_percent_is_read_and_says_so(options):
    data = saved(draw("odissi", seed=3).resize((480, 600)), "JPEG", quality=90, **options)
    for kept in (0.997, 0.9995):
        photo = open_photo(data[: int(len(data) * kept)])
        assert "cut at its end" in photo.info["note"]
        assert distance(photo, open_photo(data)) < 2
    assert "incomplete or damaged" in refusal(data[: int(len(data) * 0.9)])


def test_a_jpeg_without_its_end_alone_is_read_and_says_so():
    assert "cut at its end" in open_photo(saved(dancer(), "JPEG")[:-2]).info["note"]


def test_a_jpeg_whose_end_a_download_left_as_zeros_is_read_and_says_so():
    data = saved(draw("odissi", seed=3), "JPEG", quality=90)
    photo = open_photo(data[: -len(data) // 100] + bytes(len(data) // 100))
    assert "cut at its end" in photo.info["note"] and distance(photo, open_photo(data)) < 2
    assert "incomplete or damaged" in refusal(data[: len(data) // 2] + bytes(len(data) // 2))


@pytest.mark.parametrize(("width", "height"), [(16382, 3900), (12000, 9000), (16320, 12240)])
def test_I6_panoramas_and_photos_of_200_megapixels_are_decoded_smaller_within_little_memory(width, height, tmp_path):
    large = Image.new("L", (width, height), 200)
    (tmp_path / "large.jpg").write_bytes(saved(large, "JPEG", quality=20))
    del large
    answer, _, megabytes = open_in_a_fresh_process(tmp_path / "large.jpg")
    assert "is too large" not in answer and megabytes < 100


def test_I6_a_large_jpeg_that_a_decoder_keeps_whole_is_refused_as_ever(tmp_path):
    header = saved(Image.new("L", (16, 16)), "JPEG", progressive=True)
    at = header.index(b"\xff\xc2") + 5
    assert "the limit is 50 megapixels" in refusal(header[:at] + struct.pack(">HH", 8000, 8000) + header[at + 4 :])


def test_I6_a_large_jpeg_in_full_size_is_refused_as_ever():
    header = saved(Image.new("L", (16, 16)), "JPEG")
    at = header.index(b"\xff\xc0") + 5
    data = header[:at] + struct.pack(">HH", 8000, 8000) + header[at + 4 :]
    with pytest.raises(PhotoError, match="the limit is 50 megapixels"):
        open_photo(data, max_side_px=None)
    with pytest.raises(PhotoError, match="the limit is 50 megapixels"):
        open_photo(data, max_side_px=8000)


def bombs() -> dict[str, bytes]:
    """Small files that announce huge pictures."""
    tiny = {format: saved(Image.new("RGB", (16, 16)), format) for format in FORMATS}
    jpeg_size = tiny["JPEG"].index(b"\xff\xc0") + 5
    avif_size = tiny["AVIF"].index(b"ispe") + 8

    def patched(format: str, at: int, size: bytes) -> bytes:
        return tiny[format][:at] + size + tiny[format][at + len(size) :]

    return {
        "black.png": png(20000, 20000, 1, 0, bytes(2500)),
        "header.png": png(65535, 65535, 8, 6, b""),
        "largest.png": png(2**31 - 1, 2**31 - 1, 8, 6, b""),
        "photo.jpg": patched("JPEG", jpeg_size, struct.pack(">HH", 65535, 65535)),
        "photo.webp": saved(Image.new("RGB", (16383, 16)), "WEBP", lossless=True).replace(
            (16382 | 15 << 14).to_bytes(4, "little"), (16382 | 16382 << 14).to_bytes(4, "little")
        ),
        "screen.gif": patched("GIF", 6, struct.pack("<HH", 65535, 65535)),
        "photo.bmp": patched("BMP", 18, struct.pack("<ii", 30000, 30000)),
        "photo.avif": patched("AVIF", avif_size, struct.pack(">II", 16000, 16000)),
    }


@pytest.mark.parametrize("name", bombs())
def test_I5_pixel_bomb_is_refused_from_its_header(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(bombs()[name])
    answer, seconds, megabytes = open_in_a_fresh_process(path)
    limit = {"photo.webp": 25, "photo.jpg": 210}.get(name, 50)
    assert f"is too large; the limit is {limit} megapixels" in answer
    assert seconds < 0.2 and megabytes < 50


SLOW_FILES = {
    "JPEG of EXIF blocks": lambda: b"\xff\xe1\x00\x09Exif\0\0Z" * 190_000,
    "JPEG of empty segments": lambda: b"\xff\xe5\x00\x02" * 2_000_000,
    "JPEG of fill bytes": lambda: b"\xff" * 15_000_000,
    "GIF of comments": lambda: b"!\xfe\x01x\0" * 2_000_000,
    "GIF with one long comment": lambda: b"!\xfe" + (b"\xff" + b"x" * 255) * 70_000 + b"\0",
    "PNG of colour profiles": lambda: png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 15_000,
    "PNG of empty chunks": lambda: png_chunk(b"eXIf", b"") * 1_500_000,
}


@pytest.mark.parametrize("kind", SLOW_FILES)
def test_I5_a_file_that_is_made_slow_to_read_takes_no_time(kind):
    format, after_header = {"JPEG": ("JPEG", 2), "GIF": ("GIF", 0), "PNG": ("PNG", 33)}[kind.split()[0]]
    data = saved(dancer(), format)
    after_header = after_header or 13 + (3 << (data[10] & 7) + 1)
    start = time.perf_counter()
    try:
        open_photo(data[:after_header] + SLOW_FILES[kind]() + data[after_header:])
    except PhotoError as problem:
        assert "incomplete or damaged" in str(problem)
    assert time.perf_counter() - start < 3


def test_I5_a_jpeg_of_thousands_of_scans_is_refused():
    data = saved(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    last_scan = data[data.rfind(b"\xff\xda") : -2]
    assert "draws over itself too often" in refusal(data[:-2] + last_scan * 2000 + data[-2:])


def test_I5_a_run_length_bmp_is_refused():
    data = bytearray(saved(dancer().convert("P"), "BMP"))
    data[30] = 1
    assert "run-length BMP" in refusal(bytes(data))


@pytest.mark.parametrize(
    ("bits", "colour_type", "row", "extra"),
    [
        pytest.param(8, 2, bytes(7000 * 3), b"", id="RGB"),
        pytest.param(8, 6, bytes(7000 * 4), b"", id="RGBA"),
        pytest.param(16, 0, bytes(7000 * 2), b"", id="16-bit"),
        pytest.param(8, 4, bytes(7000 * 2), b"", id="LA"),
        pytest.param(8, 3, bytes(7000), png_chunk(b"PLTE", bytes(6)) + png_chunk(b"tRNS", b"\x80"), id="palette"),
    ],
)
def test_I6_a_49_megapixel_png_takes_at_most_400_megabytes(bits, colour_type, row, extra, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(7000, 7000, bits, colour_type, row, extra))
    answer, seconds, megabytes = open_in_a_fresh_process(path)
    assert answer == "(960, 960)"
    assert megabytes <= 400
    assert seconds < 10


def test_I6_two_49_megapixel_photos_at_once_take_at_most_800_megabytes(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(7000, 7000, 8, 6, bytes(7000 * 4)))
    answer, _, megabytes = open_in_a_fresh_process(path, at_once=2)
    assert answer == "(960, 960)"
    assert megabytes <= 800


def test_I6_a_24_megapixel_webp_takes_at_most_400_megabytes(tmp_path):
    path = tmp_path / "large.webp"
    Image.new("RGB", (4900, 4900)).save(path, method=0)
    answer, _, megabytes = open_in_a_fresh_process(path)
    assert answer == "(960, 960)"
    assert megabytes <= 400


def test_I7_no_other_decoder_is_started(tmp_path, monkeypatch):
    Image.init()
    others = sorted(set(Image.SAVE) - {*FORMATS, "MPO", "HEIF"})
    files = {"PSD": b"8BPS\0\1" + bytes(60), "FITS": b"SIMPLE  =                    T", "WMF": b"\xd7\xcd\xc6\x9a"}
    for format in others:
        for mode in ("RGB", "L", "1", "F"):
            try:
                files[format] = saved(dancer().convert(mode), format)
                break
            except (OSError, ValueError, KeyError, TypeError):  # cannot write this mode, or nothing at all
                continue
    assert len(files) > 20 and {"EPS", "TIFF", "JPEG2000", "ICNS", "PDF", "ICO", "PPM"} <= set(files)

    def started(*arguments, **options):
        raise AssertionError(f"a program was started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(os, "system", started)
    for format, data in files.items():
        path = tmp_path / "photo.png"
        path.write_bytes(data)
        assert re.match(r"photo\.png: this is .*, not a JPEG", refusal(path)), format


@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'<?xml version="1.0"?>\n<!-- a dancer -->\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
        b'\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE svg SYSTEM "http://example.org/x.dtd"><svg/>',
    ],
)
def test_I8_an_svg_is_refused_as_a_drawing(data):
    assert refusal(data, name="dancer.png").startswith("dancer.png: this is an SVG drawing, not a JPEG")


# Phones -----------------------------------------------------------------------------------------------------------


def heic(photo: Image.Image, **options) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC is optional: pip install pillow-heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(photo).save(buffer, **{"quality": 95} | options)
    return buffer.getvalue()


def test_I9_heic_is_read_where_pillow_heif_is_installed():
    photo = open_photo(heic(dancer()))
    assert distance(photo, dancer()) < 5
    assert photo.info == {}
    assert "HEIF" not in Image.OPEN  # for this photo, not for everything that Pillow opens from now on


def test_I9_heic_says_what_to_do_where_pillow_heif_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    message = refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), name="IMG_2.HEIC")
    assert message.startswith("IMG_2.HEIC: this is a HEIC photo, which is not read here. Save it as JPEG")
    assert "Most Compatible" in message


@pytest.mark.parametrize("tenths", range(1, 10))
def test_I9_a_cut_heic_is_refused(tenths):
    data = heic(dancer())
    assert "incomplete" in refusal(data[: len(data) * tenths // 10])


def test_I9_a_too_large_heic_is_refused():
    data = heic(dancer()).replace(struct.pack(">II", 96, 72), struct.pack(">II", 16000, 16000))
    assert re.search("too large|incomplete", refusal(data))


def test_a_phone_jpeg_with_a_second_picture_behind_it_is_the_first_picture():
    data = saved(dancer(), "MPO", save_all=True, append_images=[dancer().rotate(180)], quality=95)
    with Image.open(io.BytesIO(data)) as reference:
        assert reference.n_frames == 2
    assert distance(open_photo(data), dancer()) < 5


# Colours ----------------------------------------------------------------------------------------------------------


def wide(scale: float, dtype: type) -> Image.Image:
    return Image.fromarray((np.asarray(dancer().convert("L"), np.float64) * scale).astype(dtype))


IN_GREY = {
    "L": lambda: dancer().convert("L"),
    "LA": lambda: dancer().convert("LA"),
    "La": lambda: dancer().convert("LA").convert("La"),
    "I;16": lambda: wide(257, np.uint16),
    "I;16B": lambda: wide(257, ">u2"),
    "I of 8 bits": lambda: dancer().convert("L").convert("I"),
    "I of 16 bits": lambda: wide(257, np.int32),
    "F to 1": lambda: wide(1 / 255, np.float32),
    "F to 255": lambda: dancer().convert("F"),
    "F to 65535": lambda: wide(257, np.float32),
}
IN_COLOUR = {
    mode: lambda mode=mode: dancer().convert(mode)
    for mode in ("RGB", "RGBX", "RGBA", "CMYK", "YCbCr", "HSV", "P", "LAB")
}
IN_COLOUR["LAB"] = lambda: _to_lab(dancer())
IN_COLOUR["RGBa"] = lambda: dancer().convert("RGBA").convert("RGBa")
IN_COLOUR["PA"] = lambda: dancer().convert("RGBA").quantize(256).convert("PA")


def _to_lab(photo: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(photo, *profiles, outputMode="LAB")


@pytest.mark.parametrize("mode", IN_GREY)
def test_I10_every_grey_mode_looks_like_the_grey_original(mode):
    assert distance(open_photo(IN_GREY[mode]()), dancer().convert("L").convert("RGB")) < 1


@pytest.mark.parametrize("mode", IN_COLOUR)
def test_I10_every_colour_mode_looks_like_the_rgb_original(mode):
    tolerance = {"P": 25, "PA": 10, "YCbCr": 2, "HSV": 3, "LAB": 3}.get(mode, 0.5)  # 216 and 256 colours, rounding
    assert distance(open_photo(IN_COLOUR[mode]()), dancer()) < tolerance


def test_I10_black_and_white_stays_black_and_white():
    drawing = dancer().convert("1")
    assert distance(open_photo(saved(drawing, "PNG")), drawing.convert("RGB")) == 0


@pytest.mark.parametrize("marker", ["Adobe", "none"])
def test_I10_a_cmyk_jpeg_is_not_inverted(marker):
    data = saved(dancer().convert("CMYK"), "JPEG", quality=95)
    if marker == "none":
        at = data.index(b"\xff\xee")
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert distance(open_photo(data), dancer()) < 8


def test_I10_16_bits_per_channel_are_scaled_and_not_clipped():
    grey = saved(wide(257, np.uint16), "PNG")
    assert distance(open_photo(grey), dancer().convert("L").convert("RGB")) < 1
    row = struct.pack(">HHH", 0x1000, 0x8000, 0xFFFF) * 16
    for extra in (b"", png_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))):
        photo = open_photo(png(16, 16, 16, 2, row, extra))
        assert photo.getpixel((8, 8)) == (0x10, 0x80, 0xFF)
    assert open_photo(png(16, 16, 16, 0, bytes(32), png_chunk(b"tRNS", b"\xff\xff"))).getpixel((8, 8)) == (0, 0, 0)


def half_transparent() -> Image.Image:
    """Left half invisible, right half solid."""
    photo = dancer().convert("RGBA")
    photo.putalpha(Image.fromarray(np.repeat(np.repeat([[0, 255]], 48, axis=1), 72, axis=0).astype(np.uint8)))
    return photo


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "palette PNG", "LA PNG"])
def test_I10_what_is_transparent_becomes_white(format):
    picture = half_transparent()
    if format == "palette PNG":
        picture = picture.quantize(64)
    if format == "LA PNG":
        picture = picture.convert("LA")
    photo = open_photo(saved(picture, format.split()[-1], **({"lossless": True} if format == "WEBP" else {})))
    pixels = np.asarray(photo)
    assert (pixels[:, :48] == 255).all()
    expected = dancer().convert("L").convert("RGB") if format == "LA PNG" else dancer()
    assert np.abs(pixels[:, 48:].astype(int) - np.asarray(expected)[:, 48:]).mean() < 15


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_I10_one_transparent_colour_becomes_white(mode):
    picture = Image.new(mode, (16, 16), 0)
    colour = (0, 0, 0) if mode == "RGB" else 0
    assert open_photo(saved(picture, "PNG", transparency=colour)).getpixel((8, 8)) == (255, 255, 255)


def test_I10_half_transparent_black_on_white_paper_is_grey():
    assert open_photo(Image.new("RGBA", (16, 16), (0, 0, 0, 128))).getpixel((8, 8)) == (127, 127, 127)


def test_I10_numbers_that_are_none_do_not_spread():
    values = np.full((16, 16), 0.5, np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    assert np.isfinite(to_input(open_photo(Image.fromarray(values)))).all()


# Upright, and nothing but pixels ----------------------------------------------------------------------------------


def lying(orientation: int, photo: Image.Image) -> tuple[Image.Image, Image.Exif]:
    """The photo as a camera stores it that was held this way, with the EXIF that says so."""
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif[0x0112] = orientation
    return (photo if orientation == 1 else photo.transpose(UNDO[orientation])), exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_I11_all_orientations_give_the_identical_photo(orientation, format):
    photo, exif = lying(orientation, dancer())
    data = saved(photo, format, exif=exif, **({"lossless": True} if format == "WEBP" else {}))
    assert pixel_sha256(open_photo(data)) == pixel_sha256(dancer())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "AVIF", "HEIC"])
def test_I11_all_orientations_of_a_phone_photo_are_upright(orientation, format):
    photo, exif = lying(orientation, dancer(400, 300))
    options = {"exif": exif.tobytes(), "quality": 95}
    data = heic(photo, **options) if format == "HEIC" else saved(photo, format, **options)
    upright = dancer(400, 300).resize((200, 150), Image.Resampling.BILINEAR)
    assert distance(open_photo(data, max_side_px=200), upright) < 6


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_I11_both_byte_orders_of_exif_are_read(byte_order):
    mark = b"II*\0" if byte_order == "<" else b"MM\0*"
    exif = b"Exif\0\0" + mark + struct.pack(byte_order + "IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    assert open_photo(saved(dancer(), "JPEG", exif=exif)).size == (72, 96)


def exif_of(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0)


def xmp_of(orientation: int, *, element: bool = False) -> bytes:
    inside = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if element else ""
    attribute = "" if element else f' tiff:Orientation="{orientation}"'
    text = (
        f'<x:xmpmeta><rdf:RDF><rdf:Description rdf:about=""{attribute}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return text.encode()


def with_segments(jpeg: bytes, *blocks: tuple[int, bytes]) -> bytes:
    """The JPEG with these (kind, block) in front of everything else."""
    put = b"".join(b"\xff" + bytes([kind]) + struct.pack(">H", len(block) + 2) + block for kind, block in blocks)
    return jpeg[:2] + put + jpeg[2:]


def with_chunks(data: bytes, *chunks: bytes, last: bool = False) -> bytes:
    """The PNG with these chunks behind its header, or behind its pixels."""
    at = data.rindex(b"IEND") - 4 if last else 33
    return data[:at] + b"".join(chunks) + data[at:]


def raw_profile(block: bytes, name: bytes = b"exif") -> bytes:
    """As ImageMagick writes it: a name, a length, and hexadecimal digits in lines."""
    digits = block.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return b"\n" + name + b"\n" + b"%8d\n" % len(block) + lines + b"\n"


THUMBNAIL = saved(Image.new("RGB", (16, 16)), "JPEG")
PHOTOSHOP = (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x0c\0\0" + struct.pack(">I", len(THUMBNAIL)) + THUMBNAIL)
EXIF_SEGMENT = (0xE1, b"Exif\0\0" + exif_of(6))
XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
JPEG, PNG = saved(dancer(), "JPEG"), saved(dancer(), "PNG")
LYING = {
    "EXIF behind Photoshop's thumbnail": with_segments(JPEG, PHOTOSHOP, EXIF_SEGMENT),
    "EXIF behind a thumbnail in JFXX": with_segments(JPEG, (0xE0, b"JFXX\0\x10" + THUMBNAIL), EXIF_SEGMENT),
    "EXIF behind XMP": with_segments(JPEG, (0xE1, XMP_NAME + b"<x:xmpmeta/>"), EXIF_SEGMENT),
    "XMP alone": with_segments(JPEG, (0xE1, XMP_NAME + xmp_of(6))),
    "XMP with an element": with_segments(JPEG, (0xE1, XMP_NAME + xmp_of(6, element=True))),
    "EXIF that does not say, and XMP": with_segments(
        JPEG, (0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 0)), (0xE1, XMP_NAME + xmp_of(6))
    ),
    "EXIF against XMP": with_segments(JPEG, (0xE1, XMP_NAME + xmp_of(3)), EXIF_SEGMENT),
    "PNG eXIf": with_chunks(PNG, png_chunk(b"eXIf", exif_of(6))),
    "PNG eXIf behind the pixels": with_chunks(PNG, png_chunk(b"eXIf", exif_of(6)), last=True),
    "ImageMagick zTXt": with_chunks(
        PNG, png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(b"Exif\0\0" + exif_of(6))))
    ),
    "ImageMagick tEXt": with_chunks(
        PNG, png_chunk(b"tEXt", b"Raw profile type APP1\0" + raw_profile(b"Exif\0\0" + exif_of(6), b"generic profile"))
    ),
    "PNG XMP": with_chunks(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_of(6))),
    "PNG XMP, packed": with_chunks(
        PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0\0" + zlib.compress(xmp_of(6)))
    ),
    "WebP XMP": saved(dancer(), "WEBP", xmp=xmp_of(6)),
}


@pytest.mark.parametrize("where", LYING)
def test_I11_the_orientation_is_found_wherever_programs_leave_it(where):
    assert open_photo(LYING[where]).size == (72, 96)


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(50_000_000))),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0no zlib"),
        png_chunk(b"tEXt", b"Raw profile type exif\0"),
        png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 3\nabc"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1"),
        png_chunk(b"eXIf", b""),
    ],
)
def test_I11_texts_that_say_nothing_leave_a_png_as_it_is(chunk):
    assert open_photo(with_chunks(PNG, chunk)).size == (96, 72)


DAMAGED_EXIF = {
    "nothing": b"",
    "only a byte order": b"MM",
    "a directory out of reach": b"II*\0\xff\xff\xff\x7f",
    "a directory in itself": b"II*\0\0\0\0\0",
    "65,535 entries, none there": b"II*\0\x08\0\0\0\xff\xff",
    "an orientation of 77": b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 77, 0),
    "damaged neighbours": b"II*\0\x08\0\0\0" + struct.pack("<H", 2000) + b"\x0f\x01\x02\0\xff\xff\xff\xff" * 3000,
    "noise": np.random.default_rng(1).bytes(5000),
}


@pytest.mark.parametrize("damage", DAMAGED_EXIF)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_I12_damaged_exif_does_not_keep_the_photo_from_being_read(damage, format):
    data = saved(dancer(), format, exif=b"Exif\0\0" + DAMAGED_EXIF[damage])
    assert open_photo(data).size == dancer().size


@pytest.mark.parametrize("bomb", ["zTXt", "iTXt", "iCCP"])
def test_I12_a_bomb_in_the_text_of_a_png_is_not_unpacked(bomb):
    data = saved(dancer(), "PNG")
    packed = zlib.compress(bytes(100_000_000))
    chunk = png_chunk(bomb.encode(), (b"a\0\1\0\0\0" if bomb == "iTXt" else b"a\0\0") + packed)
    start = time.perf_counter()
    assert distance(open_photo(data[:33] + chunk + data[33:]), dancer()) == 0
    assert time.perf_counter() - start < 0.5


def secrets() -> dict:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPS latitude
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SecretPlace</x:xmpmeta>"
    return {"exif": exif.tobytes(), "xmp": xmp, "icc_profile": b"SecretProfile" * 20}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("served_as", ["JPEG", "PNG", "WEBP"])
def test_I12_no_metadata_leaves_in_a_picture_that_we_serve(format, served_as):
    exif, xmp, icc = secrets().values()
    options = {"exif": exif, "icc_profile": icc} | ({} if format == "PNG" else {"xmp": xmp})
    data = saved(dancer(), format, **options)
    assert b"Secret" in data
    photo = open_photo(data)
    assert photo.info == {} and not photo.getexif()
    served = saved(photo, served_as)
    assert b"Secret" not in served and b"Exif" not in served


def repeated_gif(frames: int) -> bytes:
    data = saved(dancer(), "GIF")
    image = data.rindex(b"\x2c\0\0\0\0")
    return data[:image] + data[image:-1] * frames + b";"


def repeated_webp(frames: int) -> bytes:
    data = saved(dancer(), "WEBP", save_all=True, append_images=[dancer().rotate(90)])
    frame = data.rindex(b"ANMF")
    body = data[8:frame] + data[frame:] * (frames - 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def repeated_apng(frames: int) -> bytes:
    data = saved(dancer(), "PNG")
    control = struct.pack(">IIIIHHBB", 96, 72, 0, 0, 1, 10, 0, 0)
    pixels = zlib.compress(bytes(72 * (1 + 96 * 3)))
    chunks = [png_chunk(b"acTL", struct.pack(">II", frames, 0)), png_chunk(b"fcTL", bytes(4) + control), data[33:-12]]
    for number in range(1, 2 * frames - 1, 2):
        chunks.append(png_chunk(b"fcTL", struct.pack(">I", number) + control))
        chunks.append(png_chunk(b"fdAT", struct.pack(">I", number + 1) + pixels))
    return data[:33] + b"".join(chunks) + data[-12:]


@pytest.mark.parametrize("animation", [repeated_gif, repeated_webp, repeated_apng])
def test_I13_of_many_frames_the_first_is_used_and_it_is_said(animation):
    data = animation(10_000 if animation is not repeated_gif else 1_500)
    assert 500_000 < len(data) < MAX_FILE_BYTES
    with Image.open(io.BytesIO(data)) as reference:
        assert reference.is_animated
    start = time.perf_counter()
    photo = open_photo(data)
    assert time.perf_counter() - start < 1
    assert distance(photo, dancer()) < 12
    assert photo.info == {"note": "This file holds more than one picture; only the first one is used."}
    assert b"note" not in saved(photo, "PNG")


@pytest.mark.parametrize("animation", [repeated_gif, repeated_webp])
def test_I13_a_single_frame_needs_no_note(animation):
    assert open_photo(saved(dancer(), "GIF" if animation is repeated_gif else "WEBP")).info == {}


# Odd shapes and contents ------------------------------------------------------------------------------------------

ODD_SIZES = {
    (1, 1): "too small",
    (7, 7): "too small",
    (1, 20000): "too small",
    (20000, 1): "too small",
    (8, 161): "too narrow",
    (3000, 100): "too narrow",
    (8, 8): None,
    (8, 160): None,
    (2000, 100): None,
}


@pytest.mark.parametrize("size", ODD_SIZES)
def test_I14_odd_sizes_give_a_photo_or_a_reason(size):
    data = saved(Image.new("RGB", size, "red"), "PNG")
    if reason := ODD_SIZES[size]:
        assert f"{size[0]} x {size[1]} pixels is {reason}" in refusal(data)
    else:
        assert to_input(open_photo(data)).shape == (224, 224, 3)


@pytest.mark.parametrize("content", ["black", "white", "noise"])
def test_I15_black_white_and_noise_become_finite_input(content):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    picture = Image.fromarray(noise) if content == "noise" else Image.new("RGB", (400, 300), content)
    values = to_input(open_photo(saved(picture, "PNG")))
    assert np.isfinite(values).all() and values.min() >= -1 and values.max() <= 1
    if content != "noise":
        assert (values == {"black": -1, "white": 1}[content]).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("tail", [b"PK\x03\x04" + b"payload" * 99, b"<html><script>alert(1)</script></html>"])
def test_I16_a_photo_with_something_behind_it_is_that_photo(format, tail):
    data = saved(dancer(), format)
    photo = open_photo(data + tail)
    assert pixel_sha256(photo) == pixel_sha256(open_photo(data))
    assert tail[:20] not in saved(photo, format)


@pytest.mark.parametrize("source", [None, 7, {"path": "x.jpg"}, ["x.jpg"], True])
def test_I17_no_photo_asks_for_one(source):
    assert refusal(source).endswith("Choose a photo first.")


def test_I17_an_address_is_not_fetched(monkeypatch):
    def connected(*arguments):
        raise AssertionError("a connection was made")

    monkeypatch.setattr("socket.socket.connect", connected)
    assert refusal("http://127.0.0.1:9/dancer.jpg").startswith("dancer.jpg: the file cannot be opened")
    assert "cannot be opened" in refusal("data:image/png;base64," + "A" * 100_000)


def test_I18_what_is_no_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert "this is not a file" in refusal(pipe)
    assert "this is not a file" in refusal(tmp_path)
    assert "this is not a file" in refusal("/dev/zero")
    assert "cannot be opened" in refusal(tmp_path / "missing.jpg")
    assert "cannot be opened" in refusal(tmp_path / "loop.jpg")
    assert "cannot be opened" in refusal("a\0b.jpg")


def test_S4_a_file_over_20_megabytes_is_refused_without_reading_all_of_it(tmp_path):
    path = tmp_path / "film.jpg"
    with open(path, "wb") as file:
        file.truncate(50 * 1024**3)  # sparse
    answer, seconds, megabytes = open_in_a_fresh_process(path)
    assert answer == "film.jpg: the file is larger than 20 MB. Save the photo smaller."
    assert seconds < 0.2 and megabytes < 50
    assert "larger than 20 MB" in refusal(bytes(MAX_FILE_BYTES + 1))


# What the messages say --------------------------------------------------------------------------------------------


def test_S9_a_message_names_the_photo_and_no_folder(tmp_path):
    path = tmp_path / "secret folder" / "1.jpg"
    path.parent.mkdir()
    path.write_bytes(b"hello")
    assert refusal(path).startswith("1.jpg: ") and "secret" not in refusal(path)
    assert refusal(path, name="kathak/1.jpg").startswith("kathak/1.jpg: ")
    with open(path, "rb") as file:
        assert refusal(file).startswith("1.jpg: ")
    assert refusal(b"hello").startswith("Photo: ")


def test_S10_a_name_cannot_write_lines_or_colours_into_the_log():
    message = refusal(b"", name="a\nFAKE LOG LINE\x1b[31m\u202egpj" + "x" * 1000)
    assert message.isprintable() and len(message) < 200


# The same for everybody -------------------------------------------------------------------------------------------


def test_I7_pictures_are_decoded_in_photos_and_nowhere_else():
    decodes = re.compile(r"Image\.open\b|ImagePlugin|ImageFile\b|pillow_heif|imread|load_img|decode_(image|jpeg|png)")
    loaded = re.compile(r'"pillow_heif"')  # named for a child, which decodes by photo.py
    sources = [*ROOT.glob("*.py"), *(ROOT / "dance_demo").rglob("*.py")]
    assert {path.name for path in sources if decodes.search(loaded.sub("", path.read_text("utf-8")))} == {"photo.py"}


def test_pillow_and_the_warnings_stay_as_they_were():
    state = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, dict(Image.OPEN), list(warnings.filters))
    for data in (saved(dancer(), "JPEG"), saved(dancer(), "WEBP"), *bombs().values()):
        try:
            open_photo(data)
        except PhotoError:
            continue
    assert state == (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        dict(Image.OPEN),
        list(warnings.filters),
    )


def test_the_document_names_the_limits_that_are_enforced():
    document = (ROOT / "docs" / "server.md").read_text(encoding="utf-8").partition("## How large a photo may be")[2]
    told = dict(re.findall(r"^\| (JPEG written|JPEG in several|WebP)[^|]*\| (\d+) \|", document, re.MULTILINE))
    limits = {"JPEG written": MAX_REDUCED_PIXELS, "JPEG in several": MAX_PIXELS, "WebP": MAX_WEBP_PIXELS}
    assert {kind: int(number) * 10**6 for kind, number in told.items()} == limits
    sizes = (
        f"{MAX_FILE_BYTES // 10**6} MB, {MIN_SIDE_PX} pixels at least on each side, and sides of {MAX_ASPECT_RATIO}:1"
    )
    assert sizes in document and f"{MAX_JPEG_WORK // 10**6:,} million pixels" in document
    assert f"{DISPLAY_SIDE_PX} pixels on its longer" in document
