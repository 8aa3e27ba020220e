"""Whatever a person hands us becomes one upright RGB photo, and a photo becomes what the network takes in.

The only door for pictures: uploads, members of a zip, examples, files named on the command line; nothing else
decodes one. Cheap questions come first: a picture made to exhaust us is refused before it is unpacked.

    size of the file -> empty? -> what do the first bytes say? -> one decoder, for that format only
    -> width x height -> decode (a large JPEG at reduced size) -> RGB on white paper, shrunk -> upright
    -> only pixels are kept
"""

import hashlib
import os
import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from dance_demo.errors import PhotoError
from dance_demo.photo_files import MAX_FILE_BYTES, PHOTO_SUFFIXES, PhotoFile, read_photo_file

__all__ = [
    "DISPLAY_SIDE_PX",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "difference_hash",
    "open_photo",
    "pixel_sha256",
    "square",
    "to_batch",
    "to_input",
]

DISPLAY_SIDE_PX = 960  # enough for a page; the network takes less
SQUARE_SIDE_PX = 288  # training cuts its crops from such squares
MAX_PIXELS = 50_000_000  # 400 MB while one is opened
MAX_WEBP_PIXELS = MAX_PIXELS // 2  # Pillow holds four copies of a WebP
MIN_SIDE_PX = 8
MAX_ASPECT_RATIO = 20  # longer side : shorter side
MAX_JPEG_WORK = 4_000_000_000  # pixels x scans, about three seconds; 50 megapixels in 12 scans are 0.6e9
MORE_PICTURES_NOTE = "This file holds more than one picture; only the first one is used."

# Pillow's classes, not Image.open: that loads all of its 40 formats, refuses a bomb without telling its size,
# and warns where we want an error (Python cannot turn warnings into errors for one thread alone).
_DECODERS = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "AVIF": AvifImageFile,
}
_TURNS = {  # EXIF orientation -> what makes the photo upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_STRIP_PIXELS = 1_000_000

Source = str | os.PathLike | bytes | BinaryIO | Image.Image


def open_photo(source: Source, *, name: str | None = None, max_side_px: int | None = DISPLAY_SIDE_PX) -> Image.Image:
    """One upright RGB photo without metadata, its longer side at most `max_side_px` (None: full size).

    | source                  | example                                  |
    |-------------------------|------------------------------------------|
    | path                    | `open_photo("kathak/1.jpg")`             |
    | bytes, or a binary file | `open_photo(upload, name="1.jpg")`       |
    | picture in memory       | `open_photo(Image.new("L", (640, 480)))` |

    Only the first frame of an animation is used; `photo.info["note"]` then says so, else `info` is empty.
    Raises PhotoError for whatever cannot be read, under the photo's `name` (by default that of the file).
    """
    try:
        if isinstance(source, Image.Image):
            return _plain(source, _checked(source.size, max_side_px), source.info.get("exif"))
        file = read_photo_file(source)
        photo = _undecoded(file)
        max_pixels = MAX_WEBP_PIXELS if file.format == "WebP" else MAX_PIXELS
        size = _checked(photo.size, max_side_px, max_pixels)
        if file.format == "JPEG":
            _prepare_jpeg(photo, file, size)
        plain = _plain(photo, size, file.exif or photo.info.get("exif"))
        if file.more_pictures or getattr(photo, "is_animated", False):
            plain.info["note"] = MORE_PICTURES_NOTE
        return plain
    except PhotoError as problem:
        raise PhotoError(f"{_shown_name(source, name)}: {problem}") from None
    except Exception as problem:  # from hostile bytes decoders raise nearly anything
        what = "the photo is incomplete or damaged. Send it again, or save it anew as JPEG."
        raise PhotoError(f"{_shown_name(source, name)}: {what}") from problem


def to_input(photo: Image.Image, side_px: int = 224) -> np.ndarray:
    """What the network takes in, when training and when naming: (side_px, side_px, 3) float32 in [-1, 1]."""
    _require_rgb(photo)
    small = square(photo).resize((side_px, side_px), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, np.float32)  # [0, 255]
    return pixels / 127.5 - 1


def square(photo: Image.Image) -> Image.Image:
    """The photo as training cuts its crops from it: squashed, not cropped, because feet and head count.

    Naming goes the same way. Straight to the size of the input pictures are sharper than those in training, and of
    219 held-out photos 192 were named right instead of 196.
    """
    size = (SQUARE_SIDE_PX, SQUARE_SIDE_PX)
    return photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.5)  # large ones in two steps, in half the time


def to_batch(photos: Sequence[Image.Image], side_px: int = 224) -> np.ndarray:
    """(n, side_px, side_px, 3) float32 in [-1, 1], in the order of the photos."""
    batch = np.empty((len(photos), side_px, side_px, 3), np.float32)
    for index, photo in enumerate(photos):
        batch[index] = to_input(photo, side_px)
    return batch


def pixel_sha256(photo: Image.Image) -> str:
    """Stands for exactly these pixels in this shape, whatever the file was called: 64 hexadecimal digits."""
    _require_rgb(photo)
    return hashlib.sha256(b"%d x %d RGB\n" % photo.size + photo.tobytes()).hexdigest()


def difference_hash(photo: Image.Image) -> int:
    """64 bits that hardly change when a photo is resized or saved again (dHash, Krawetz 2013).

    Each bit: in the photo as 9 x 8 grey cells, is this cell darker than its right neighbour? Near-duplicates
    differ in few bits: `(a ^ b).bit_count()`.
    """
    cells = np.asarray(photo.convert("L").resize((9, 8), Image.Resampling.BOX))  # (8, 9)
    darker = cells[:, :-1] < cells[:, 1:]  # (8, 8)
    return int.from_bytes(np.packbits(darker).tobytes(), "big")


def _require_rgb(photo: Image.Image) -> None:
    if photo.mode != "RGB":
        raise ValueError(f"Expected an RGB photo as open_photo returns it. Received mode {photo.mode!r}.")


def _shown_name(source: Source, name: str | None) -> str:
    """The photo's name, fit for a page and a log: no folder of ours, no control characters, not endless."""
    if name is None:
        path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = Path(path).name if isinstance(path, str | os.PathLike) else ""
    letters = (letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:100])
    return "".join(letters) or "Photo"


def _undecoded(file: PhotoFile) -> ImageFile:
    """The photo with its header read and no pixel unpacked."""
    photo = _decoder_class(file.format)(BytesIO(file.data))
    if file.format == "BMP" and photo.info["compression"] in (BmpImageFile.RLE4, BmpImageFile.RLE8):
        raise PhotoError("this is a run-length BMP, too slow to read. Save it as JPEG or PNG.")
    return photo


def _decoder_class(format: str) -> type[ImageFile]:
    if format != "HEIC":
        return _DECODERS[format]
    try:
        from pillow_heif import HeifImageFile  # optional, 26 MB
    except ImportError:
        setting = "Settings > Camera > Formats > Most Compatible"
        advice = f"Save it as JPEG (for new photos on an iPhone: {setting})."
        raise PhotoError(f"this is a HEIC photo, which is not read here. {advice}") from None
    return HeifImageFile


def _checked(size: tuple[int, int], max_side_px: int | None, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """The size that the photo is going to have, once it is known that it may be unpacked at all."""
    width, height = size
    found = f"{width} x {height} pixels"
    if width * height > max_pixels:
        limit = f"{max_pixels // 10**6} megapixels"
        raise PhotoError(f"{found} is too large; the limit is {limit}. Save the photo smaller.")
    if min(size) < MIN_SIDE_PX:
        raise PhotoError(f"{found} is too small; each side needs {MIN_SIDE_PX}. Choose another photo.")
    if max(size) > MAX_ASPECT_RATIO * min(size):
        raise PhotoError(f"{found} is too narrow; the limit is {MAX_ASPECT_RATIO}:1. Crop it to the dancer.")
    scale = min(1, max_side_px / max(size)) if max_side_px else 1
    return max(1, round(width * scale)), max(1, round(height * scale))


def _prepare_jpeg(photo: ImageFile, file: PhotoFile, size: tuple[int, int]) -> None:
    """Sets a large JPEG to be decoded at 1/2, 1/4 or 1/8 of each side, never below `size`."""
    if file.jpeg_scans * photo.width * photo.height > MAX_JPEG_WORK:
        raise PhotoError("this JPEG draws over itself too often. Save it anew as JPEG.")
    photo.draft(None, size)


def _plain(photo: Image.Image, size: tuple[int, int], exif: bytes | None) -> Image.Image:
    """Upright RGB pixels, and nothing besides them."""
    plain = _upright(_small_rgb(photo, size), _orientation(exif))
    plain.info = {}
    return plain


def _small_rgb(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB on white paper in this size.

    Goes strip by strip, each shrunk by a whole number at once: a second copy of 50 megapixels takes 200 MB.
    """
    photo.load()
    if photo.mode == "RGB" and photo.size == size and not photo.has_transparency_data:
        return photo.convert("RGB")
    white = _white_value(photo)
    reduction = max(1, min(photo.width // size[0], photo.height // size[1]) // 2)
    rows = max(1, _STRIP_PIXELS // photo.width // reduction) * reduction
    small = Image.new("RGB", (-(-photo.width // reduction), -(-photo.height // reduction)))
    for top in range(0, photo.height, rows):
        strip = photo.crop((0, top, photo.width, min(top + rows, photo.height)))
        small.paste(_rgb_on_white(strip, white).reduce(reduction), (0, top // reduction))
    if small.size == size:
        return small
    box = (0, 0, photo.width / reduction, photo.height / reduction)  # the last row may stand for less
    return small.resize(size, Image.Resampling.BILINEAR, box)


def _rgb_on_white(strip: Image.Image, white: float) -> Image.Image:
    """Any mode of Pillow becomes RGB; where the picture is transparent, white paper shows through."""
    if strip.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(strip, np.float32) * (255 / white))
        strip = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    elif strip.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        strip = ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB")
    elif strip.mode == "La":
        strip = strip.convert("LA")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    paper = Image.new("RGBA", strip.size, "white")
    return Image.alpha_composite(paper, strip.convert("RGBA")).convert("RGB")


def _white_value(photo: Image.Image) -> int:
    """The value of white in modes of one wide number per pixel: 65535 in files, in memory also 255 or 1."""
    if photo.mode not in ("I", "F"):
        return 65535
    brightest = photo.getextrema()[1]
    if photo.mode == "F" and brightest <= 1:
        return 1
    return 255 if brightest <= 255 else 65535


def _upright(photo: Image.Image, orientation: int) -> Image.Image:
    return photo.transpose(_TURNS[orientation]) if orientation in _TURNS else photo


def _orientation(exif: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1, which is upright, where there is none or the EXIF is damaged.

    Reads that one tag and no other: Pillow warns of each damaged neighbour, a line in the log for every one.
    """
    tiff = (exif or b"").removeprefix(b"Exif\0\0")
    order = ">" if tiff.startswith(b"MM") else "<"
    try:
        (directory,) = struct.unpack_from(order + "4xI", tiff)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(entries):
            tag, value = struct.unpack_from(order + "H6xH", tiff, directory + 2 + 12 * entry)
            if tag == 0x0112:
                return value
    except struct.error:
        pass
    return 1
