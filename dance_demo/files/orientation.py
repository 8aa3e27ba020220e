"""Which side of a photo is up: the EXIF orientation, from the blocks in which programs leave it."""

import re
import struct
import zlib

from PIL import Image

TURNS = {  # EXIF orientation -> what makes the photo upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_XMP = re.compile(rb"\btiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")
_TEXT_BYTES = 200_000  # of a text chunk, unpacked; an EXIF block has at most 64 KB
_RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1")  # as ImageMagick calls them
_XMP_KEYWORD = b"XML:com.adobe.xmp"


def orientation_of(exif: bytes | None, xmp: bytes | None = None) -> int:
    """1 to 8 as EXIF counts, from the EXIF block or else the XMP packet; 1, upright, where neither says."""
    found = _in_exif(exif or b"")
    if not found and (match := _XMP.search(xmp or b"")):
        found = int(match[1])
    return found if found in TURNS else 1


def blocks_in_png_text(kind: bytes, data: bytes) -> tuple[bytes | None, bytes | None]:
    """(EXIF block, XMP packet) in the data of a text chunk of a PNG, `kind` as in tEXt; None for what is not there.

    ImageMagick writes EXIF as hexadecimal digits, below a line with its name and one with its length.
    """
    keyword, _, rest = data.partition(b"\0")
    if keyword not in (*_RAW_PROFILES, _XMP_KEYWORD):
        return None, None
    text = _unpacked(kind, rest)
    if keyword == _XMP_KEYWORD:
        return None, text
    digits = b"".join(text.lstrip(b"\n").split(b"\n", 2)[2:])
    try:
        block = bytes.fromhex(digits.decode("ascii"))
    except ValueError:  # also UnicodeDecodeError
        return None, None
    return (None, block) if block.startswith(b"http://ns.adobe.com/xap/") else (block, None)


def _unpacked(kind: bytes, rest: bytes) -> bytes:
    """The text behind the keyword; of what is packed no more than we need."""
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[1:]
        rest = rest[:1] + b"".join(rest[1:].split(b"\0", 2)[2:])
    if kind == b"tEXt" or not packed:
        return rest[kind == b"iTXt" : _TEXT_BYTES]
    try:
        return zlib.decompressobj().decompress(rest[1:], _TEXT_BYTES)
    except zlib.error:
        return b""


def _in_exif(exif: bytes) -> int:
    """The orientation in an EXIF block, 0 where there is none or the block is damaged.

    Reads that one tag and no other: Pillow warns of each damaged neighbour, a line in the log for every one.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = ">" if tiff.startswith(b"MM") else "<"
    try:
        (directory,) = struct.unpack_from(order + "4xI", tiff)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(entries):
            tag, value = struct.unpack_from(order + "H6xH", tiff, directory + 2 + 12 * entry)
            if tag == 0x0112:
                return int(value)
    except struct.error:
        pass
    return 0
