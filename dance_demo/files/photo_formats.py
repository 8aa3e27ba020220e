"""What kind of file did somebody hand us, and which of its bytes draw the photo?

`photo.open_photo` asks here before it decodes anything. A decoder then meets only the one format it is made
for, without comments, colour profiles and later frames: a photo needs none of them, and there bombs hide.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from dance_demo.errors import PhotoError
from dance_demo.files.orientation import blocks_in_png_text

MAX_FILE_BYTES = 20_000_000
MAX_BLOCKS = 200_000  # parts of a file; a photo has some twenty, a film attached to it looks like thousands

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif")
READABLE = "JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC"

_PHOTO_FORMATS = {  # name -> how the file begins
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{4}\0{4}",
    "AVIF": rb".{4}ftyp.{0,64}?avi[fs]",
    "HEIC": rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)",
}
_OTHER_FILES = {
    "a PDF document": rb"\s*%PDF-",
    "a TIFF or camera raw picture": rb"II[*+U]\0|MM\0[*+]|FUJIFILM",
    "a Photoshop picture": rb"8BPS",
    "a PostScript drawing": rb"%!PS|\xc5\xd0\xd3\xc6",
    "an SVG drawing": rb"(?i)[^<]{0,9}(<[?!][^>]*>\s*)*<([a-z]+:)?svg\b",
    "a web page": rb"(?i)[^<]{0,9}(<[?!][^>]*>\s*)*<(!doctype html|html|head|body|script|div|p)\b",
    "a zip archive or an office document": rb"PK\x03\x04|PK\x05\x06",
    "an archive": rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ",
    "a JPEG 2000 picture": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a JPEG XL picture": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a video": rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI |\0\0\x01\xba",
    "a sound": rb"RIFF.{4}WAVE|ID3|OggS|fLaC",
    "an icon": rb"\0\0[\1\2]\0|icns",
    "a program": rb"MZ|\x7fELF",
    "a text file": rb"[\t\n\r -~\x80-\xff]{1,512}\Z",
}
_LONGEST_SIGNATURE = 512

Block = TypeVar("Block")
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_SCAN, _JPEG_END, _LONGEST_SEGMENT = b"\xff\xda", b"\xff\xd9", 65533
_SCAN_KIND = 0xDA
_JPEG_MARKER = re.compile(rb"\xff+[\x01-\xfe]")
_JPEG_SEGMENT = re.compile(rb"\xff[\xc0-\xcf\xd8-\xff]")  # not 0xff00 and restarts: those are pixels
_PNG_CHUNKS_THAT_DRAW = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_TEXTS, _TEXTS_AT_MOST = (b"tEXt", b"zTXt", b"iTXt"), 20
_GIF_EXTENSION, _GIF_CONTROL, _GIF_IMAGE = b"!", b"!\xf9", b","


@dataclass(frozen=True)
class PhotoFile:
    """The bytes of one photo in a format that we read, not decoded and not yet known to be whole."""

    format: str  # a name in _PHOTO_FORMATS
    data: bytes  # draws the first picture; what else there was is left out where the format allows it
    more_pictures: bool = False  # the file held others, which are left out
    exif: bytes | None = None  # of a JPEG, whose data has none left, or a PNG
    xmp: bytes | None = None  # a packet of XMP, which may say what EXIF does not
    one_pass: bool = False  # a JPEG that is drawn line by line, and never kept whole while it is decoded

    @property
    def jpeg_scans(self) -> int:
        """How often a JPEG draws over its picture: once, or some ten times where it is progressive.

        Too high by those of a preview, a second photo or a film in the same file.
        """
        return self.data.count(_JPEG_SCAN)

    @property
    def with_end(self) -> bytes | None:
        """The bytes with an end, of a JPEG that is cut in its last scan; None if more of it is missing, or nothing."""
        if self.format != "JPEG" or self.data.rfind(_JPEG_END) > self.data.rfind(_JPEG_SCAN):
            return None
        return self.data + _JPEG_END if _is_whole(_jpeg_segments(self.data, all_scans=True)) else None

    @property
    def without_last_scan(self) -> bytes:
        """The bytes of a JPEG that draws over itself, with nothing in its last scan.

        The scan is announced all the same: a decoder smooths a picture of which it knows that details are to come.
        """
        at = self.data.rfind(_JPEG_SCAN) + len(_JPEG_SCAN)
        return self.data[: at + int.from_bytes(self.data[at : at + 2], "big")] + _JPEG_END


def starts_like_a_photo(start: bytes) -> bool:
    """Whether a file with these first bytes may be a photo in a format that we read, whatever its name."""
    return _first_match(_PHOTO_FORMATS, start) is not None


def read_photo_file(source: str | os.PathLike[str] | bytes | BinaryIO) -> PhotoFile:
    """Recognises and trims, decodes nothing.

    Raises PhotoError (without the photo's name), ValueError or IndexError for a file put together wrongly.
    """
    data = read_bytes(source)
    format = _first_match(_PHOTO_FORMATS, data)
    if format is None:
        kind = _first_match(_OTHER_FILES, data) or "an unknown kind of file"
        raise PhotoError(f"this is {kind}, not a {READABLE} photo. Save it as JPEG or PNG and send that.")
    trim = {"JPEG": _plain_jpeg, "PNG": _still_png, "GIF": _still_gif}.get(format)
    return trim(data) if trim else PhotoFile(format, data)


def read_bytes(source: str | os.PathLike[str] | bytes | BinaryIO) -> bytes:
    """The bytes of a file that is no larger than a photo may be, and not empty. Raises PhotoError."""
    if isinstance(source, str | os.PathLike):
        data = _read_path(source)
    elif isinstance(source, bytes):
        data = source
    elif hasattr(source, "read"):
        data = source.read(MAX_FILE_BYTES + 1)
    else:
        raise PhotoError("nothing to look at. Choose a photo first.")
    if len(data) > MAX_FILE_BYTES:
        raise PhotoError(f"the file is larger than {MAX_FILE_BYTES // 10**6} MB. Save the photo smaller.")
    if not data:
        raise PhotoError("the file is empty. Send the photo again.")
    return data


def _read_path(path: str | os.PathLike[str]) -> bytes:
    """At most MAX_FILE_BYTES + 1 bytes of a regular file: a pipe or a device may never end."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise PhotoError("this is not a file. Choose a photo.")
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        reason = getattr(problem, "strerror", None) or "not a file name"
        raise PhotoError(f"the file cannot be opened ({reason}). Choose the photo again.") from None


def _first_match(signatures: dict[str, bytes], data: bytes) -> str | None:
    start = data[:_LONGEST_SIGNATURE]
    return next((name for name, begin in signatures.items() if re.match(begin, start, re.DOTALL)), None)


def _not_too_many(blocks: Iterator[Block]) -> Iterator[Block]:
    """The same blocks; each costs a decoder time and memory, and a small file can hold millions."""
    for number, block in enumerate(blocks):
        if number == MAX_BLOCKS:
            raise ValueError(f"The file has more than {MAX_BLOCKS} parts.")
        yield block


def _plain_jpeg(data: bytes) -> PhotoFile:
    """EXIF hidden from the decoder: Pillow joins its blocks one by one, minutes if there are many, and warns.

    The first block before the pixels is kept aside, and so is the first packet of XMP: they say which side is up.
    """
    for _ in _not_too_many(_JPEG_SEGMENT.finditer(data)):
        pass
    exif = xmp = None
    frame, scan = b"", b""
    for kind, block in _jpeg_segments(data):
        if kind == 0xE1 and block.startswith(_EXIF):
            exif = exif or block
        elif kind == 0xE1 and block.startswith(_XMP):
            xmp = xmp or block
        elif kind in (0xC0, 0xC1):
            frame = block
        elif kind == 0xDA:
            scan = block
    if exif is None and (start := data.find(_EXIF, 0, data.find(_JPEG_SCAN))) >= 0:  # its segments are damaged
        exif = data[start : start + _LONGEST_SEGMENT]
    one_pass = len(frame) > 5 and frame[5:6] == scan[:1]  # all colours in one scan
    return PhotoFile("JPEG", data.replace(_EXIF, b"hidden"), exif=exif, xmp=xmp, one_pass=one_pass)


def _jpeg_segments(data: bytes, *, all_scans: bool = False) -> Iterator[tuple[int, bytes]]:
    """(kind, block) of each segment of a JPEG up to its first scan, or to the end; less if they are damaged."""
    at = 2
    while marker := _JPEG_MARKER.match(data, at):
        kind, start = data[marker.end() - 1], marker.end()
        end = start + int.from_bytes(data[start : start + 2], "big")
        yield kind, data[start + 2 : end]
        if kind == _SCAN_KIND:
            found = _JPEG_SEGMENT.search(data, end) if all_scans else None
            while found and 0xD0 <= data[found.start() + 1] <= 0xD7:  # a restart, among the pixels
                found = _JPEG_SEGMENT.search(data, found.end())
            if not found:
                return
            end = found.start()
        at = max(end, start)


def _is_whole(segments: Iterable[tuple[int, bytes]]) -> bool:
    """Whether the last scan of a JPEG has begun: each colour is there, to the finest of its details."""
    wanted: set[tuple[int, int]] = set()  # (colour, 0 for its mean and 1 for its details)
    begun: set[tuple[int, int]] = set()
    for kind, block in segments:
        if kind in (0xC0, 0xC1, 0xC2) and len(block) > 5:
            wanted = {(colour, part) for colour in block[6 : 6 + 3 * block[5] : 3] for part in (0, 1)}
        elif kind == _SCAN_KIND and block:
            colours, rest = block[1 : 1 + 2 * block[0] : 2], block[1 + 2 * block[0] :]
            if len(rest) == 3 and rest[2] & 15 == 0:
                parts = [part for part, fits in ((0, rest[0] == 0), (1, rest[1] == 63)) if fits]
                begun |= {(colour, part) for colour in colours for part in parts}
    return bool(wanted) and wanted <= begun


def _still_png(data: bytes) -> PhotoFile:
    """The chunks that draw the PNG, without the later frames of a moving one (APNG).

    A decoder unpacks each text and colour profile: thousands in one file keep it busy for most of a minute. Of the
    texts only the first are looked at, for which side is up; `eXIf` counts before them.
    """
    drawing, moving, texts = [data[:8]], False, 0
    exif = told = xmp = None
    for kind, chunk in _not_too_many(_png_chunks(data)):
        if kind in _PNG_CHUNKS_THAT_DRAW:
            drawing.append(chunk)
        elif kind == b"eXIf":
            exif = exif or chunk[8:-4]
        elif kind in _PNG_TEXTS and texts < _TEXTS_AT_MOST:
            texts += 1
            block, packet = blocks_in_png_text(kind, chunk[8:-4])
            told, xmp = told or block, xmp or packet
        moving = moving or kind == b"acTL"
    return PhotoFile("PNG", b"".join(drawing), moving, exif=exif or told, xmp=xmp)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole chunk) in turn; the last one may be cut."""
    start = 8
    while start < len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], data[start:end]
        start = end


def _still_gif(data: bytes) -> PhotoFile:
    """The first frame of a GIF and nothing around it.

    Pillow joins comments block by block: 5 MB of one-letter comments take it half a minute.
    """
    blocks = _not_too_many(_gif_blocks(data))
    drawing = [next(blocks)]  # the header
    for block in blocks:
        if block.startswith((_GIF_CONTROL, _GIF_IMAGE)):
            drawing.append(block)
        if block.startswith(_GIF_IMAGE):
            break
    moving = any(block.startswith(_GIF_IMAGE) for block in blocks)
    return PhotoFile("GIF", b"".join(drawing) + b";", moving)


def _gif_blocks(data: bytes) -> Iterator[bytes]:
    """The header with its colours, then each extension and image; IndexError where the file is cut."""
    start, end = 0, 13 + _gif_palette_bytes(data[10])
    yield data[:end]
    while data[end : end + 1] in (_GIF_EXTENSION, _GIF_IMAGE):
        start = end
        is_image = data[start : start + 1] == _GIF_IMAGE
        end += 11 + _gif_palette_bytes(data[start + 9]) if is_image else 2
        while data[end]:  # a chain of sub-blocks: length, bytes, length, bytes, ..., 0
            end += 1 + data[end]
        end += 1
        yield data[start:end]


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0
