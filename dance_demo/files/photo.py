"""Whatever a person hands us becomes one upright RGB photo.

Nothing else decodes pictures: uploads, members of a zip, examples and files named on the command line come here.
Cheap questions come first: a picture made to exhaust us is refused before it is unpacked.

    size of the file -> empty? -> what do the first bytes say? -> one decoder, for that format only
    -> width x height -> decode (a large JPEG at reduced size) -> RGB on white paper, shrunk -> upright
    -> only pixels are kept
"""

import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

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
from dance_demo.files.coded_size import check_coded_sizes
from dance_demo.files.orientation import TURNS, orientation_of
from dance_demo.files.photo_formats import MAX_FILE_BYTES, PHOTO_SUFFIXES, PhotoFile, read_photo_file
from dance_demo.files.text import printable

__all__ = [
    "DISPLAY_SIDE_PX",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "open_photo",
    "pixels_to_unpack",
    "sizes",
]

DISPLAY_SIDE_PX = 960  # enough for a page; the network takes less
MAX_PIXELS = 50_000_000  # 400 MB while one is opened
MAX_REDUCED_PIXELS = 210_000_000  # of a JPEG that is decoded smaller and line by line: 200 megapixels of a phone
MAX_WEBP_PIXELS = MAX_PIXELS // 2  # Pillow holds four copies of a WebP
MIN_SIDE_PX = 8
MAX_ASPECT_RATIO = 20  # longer side : shorter side
MAX_JPEG_WORK = 4_000_000_000  # pixels x scans, about three seconds; 50 megapixels in 12 scans are 0.6e9
LAST_TENTH, CUT_SHARE = 0.1, 0.05  # of a cut JPEG: where it is looked at, and how much of the photo may be missing
GREY = 128  # of each colour where a cut JPEG has no more pixels
CUT_NOTE = "The file is cut at its end; what is there of the photo is used. Send it again if you can."
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
_RUN_LENGTH_BMP = (BmpImageFile.COMPRESSIONS["RLE4"], BmpImageFile.COMPRESSIONS["RLE8"])
_STRIP_PIXELS = 1_000_000

Source = str | os.PathLike[str] | bytes | BinaryIO | Image.Image


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
            return _plain(source, _checked(source.size, max_side_px), orientation_of(source.info.get("exif")))
        file = read_photo_file(source)
        try:
            return _decoded(file, file.data, max_side_px)
        except OSError:
            if not (with_end := file.with_end):
                raise
        plain = _decoded(file, with_end, max_side_px, cut=True)
        plain.info["note"] = CUT_NOTE
        return plain
    except PhotoError as problem:
        raise PhotoError(f"{_shown_name(source, name)}: {problem}") from None
    except Exception as problem:  # from hostile bytes decoders raise nearly anything
        what = "the photo is incomplete or damaged. Send it again, or save it anew as JPEG."
        raise PhotoError(f"{_shown_name(source, name)}: {what}") from problem


def _decoded(file: PhotoFile, data: bytes, max_side_px: int | None, *, cut: bool = False) -> Image.Image:
    """The photo that `data` draws; raises OSError if a `cut` one has too little of it."""
    photo, size = _header(file, data, max_side_px)
    if cut and _missing_share(photo, file) > CUT_SHARE:
        raise OSError("too much of the photo is missing")
    plain = _plain(photo, size, _orientation(photo, file))
    if file.more_pictures or getattr(photo, "is_animated", False):
        plain.info["note"] = MORE_PICTURES_NOTE
    return plain


def sizes(file: PhotoFile) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the pixels in a file that `open_photo` takes: as they are stored, and upright."""
    photo = _decoder_class(file.format)(BytesIO(file.data))
    width, height = photo.size
    return (width, height), (height, width) if _orientation(photo, file) >= 5 else (width, height)


def _orientation(photo: ImageFile, file: PhotoFile) -> int:
    xmp = cast(bytes | None, photo.info.get("xmp")) if file.format == "WebP" else file.xmp
    return orientation_of(file.exif or photo.info.get("exif"), xmp)


def _header(file: PhotoFile, data: bytes, max_side_px: int | None) -> tuple[ImageFile, tuple[int, int]]:
    """The photo, of which no pixel is unpacked, and the size that it is going to have."""
    photo = _decoder_class(file.format)(BytesIO(data))
    if file.format == "BMP" and photo.info["compression"] in _RUN_LENGTH_BMP:
        raise PhotoError("this is a run-length BMP, too slow to read. Save it as JPEG or PNG.")
    size = _checked(photo.size, max_side_px, _max_pixels(file, max_side_px))
    if file.format == "JPEG":
        _prepare_jpeg(photo, file, size)
    elif file.format in ("AVIF", "HEIC"):
        check_coded_sizes(file.data, photo.size)
    return photo, size


def pixels_to_unpack(source: str | os.PathLike[str] | bytes) -> int:
    """What opening a photo costs, told by its header alone; 0 for what `open_photo` refuses without unpacking it.

    In pixels of a PNG: a JPEG of one pass is decoded at reduced size, those of several are kept whole until they are
    all read; AVIF and HEIC take four times as long.
    """
    try:
        file = read_photo_file(source)
        width, height = _decoder_class(file.format)(BytesIO(file.data)).size
        _header(file, file.data, DISPLAY_SIDE_PX)
    except Exception:  # from hostile bytes decoders raise nearly anything, and `open_photo` says what in words
        return 0
    if file.format == "JPEG":
        return width * height // (8 if file.one_pass else 1)
    return width * height * (4 if file.format in ("AVIF", "HEIC") else 1)


def _max_pixels(file: PhotoFile, max_side_px: int | None) -> int:
    if file.format == "WebP":
        return MAX_WEBP_PIXELS
    return MAX_REDUCED_PIXELS if file.one_pass and max_side_px else MAX_PIXELS


def _missing_share(photo: ImageFile, file: PhotoFile) -> float:
    """How much of the last tenth of a cut JPEG is missing, as a share of the whole photo, 0 to 0.1.

    Of one pass it is grey, in the others as the scans before the last one left it.
    """
    end = _last_tenth(photo)
    if file.one_pass:
        missing = int((end == GREY).all(axis=2).sum()) // photo.width
    else:
        end = _last_tenth(JpegImageFile(BytesIO(file.with_end or b"")))
        before = _last_tenth(JpegImageFile(BytesIO(file.without_last_scan)))
        changed = np.flatnonzero((end != before).any(axis=(1, 2)))
        missing = len(end) - 1 - int(changed[-1]) if len(changed) else len(end)
    return missing / len(end) * LAST_TENTH


def _last_tenth(photo: ImageFile) -> np.ndarray:
    return np.asarray(photo.crop((0, round((1 - LAST_TENTH) * photo.height), *photo.size)).convert("RGB"))


def _shown_name(source: Source, name: str | None) -> str:
    """The photo's name, fit for a page and a log: no folder of ours in it."""
    if name is None:
        path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = Path(path).name if isinstance(path, str | os.PathLike) else ""
    return printable(name) or "Photo"


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
        raise _too_large(size, max_pixels)
    if min(size) < MIN_SIDE_PX:
        raise PhotoError(f"{found} is too small; each side needs {MIN_SIDE_PX}. Choose another photo.")
    if max(size) > MAX_ASPECT_RATIO * min(size):
        raise PhotoError(f"{found} is too narrow; the limit is {MAX_ASPECT_RATIO}:1. Crop it to the dancer.")
    scale = min(1, max_side_px / max(size)) if max_side_px else 1
    return max(1, round(width * scale)), max(1, round(height * scale))


def _too_large(size: tuple[int, int], max_pixels: int) -> PhotoError:
    width, height = size
    limit = f"{max_pixels // 10**6} megapixels"
    return PhotoError(f"{width} x {height} pixels is too large; the limit is {limit}. Save the photo smaller.")


def _prepare_jpeg(photo: ImageFile, file: PhotoFile, size: tuple[int, int]) -> None:
    """Sets a large JPEG to be decoded at 1/2, 1/4 or 1/8 of each side, never below `size`."""
    if file.jpeg_scans * photo.width * photo.height > MAX_JPEG_WORK:
        raise PhotoError("this JPEG draws over itself too often. Save it anew as JPEG.")
    photo.draft(None, size)
    if photo.width * photo.height > MAX_PIXELS:  # it is wanted nearly as large as it is
        raise _too_large(photo.size, MAX_PIXELS)


def _plain(photo: Image.Image, size: tuple[int, int], orientation: int) -> Image.Image:
    """Upright RGB pixels, and nothing besides them."""
    plain = _small_rgb(photo, size)
    if orientation in TURNS:
        plain = plain.transpose(TURNS[orientation])
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
        strip = ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB") or strip  # None only when in place
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
    brightest = cast(float, photo.getextrema()[1])  # there is one channel
    if photo.mode == "F" and brightest <= 1:
        return 1
    return 255 if brightest <= 255 else 65535
