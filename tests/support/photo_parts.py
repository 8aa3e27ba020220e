"""Photos whose files hold what a test asks for: segments of JPEG, chunks of PNG, EXIF with a thumbnail."""

import io
import struct
import zlib

from PIL import Image


def jpeg_bytes(photo: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_segment(jpeg: bytes, marker: int, body: bytes, *, length: int | None = None) -> bytes:
    """The JPEG with one more segment at its beginning, which may lie about its length."""
    said = len(body) + 2 if length is None else length
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", said) + body + jpeg[2:]


def png_bytes(photo: Image.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these (kind, content) behind its header."""
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    data = buffer.getvalue()
    return data[:33] + b"".join(chunk(kind, body) for kind, body in chunks) + data[33:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif_bytes(
    tags: dict[int, object], photo: dict[int, object] | None = None, gps: dict[int, object] | None = None
) -> bytes:
    """EXIF from its TIFF header on, with the tags of the main, the photo's and the GPS directory."""
    exif = Image.Exif()
    exif.endian = "<"
    for tag, value in tags.items():
        exif[tag] = value
    for pointer, values in ((0x8769, photo), (0x8825, gps)):
        for tag, value in (values or {}).items():
            exif.get_ifd(pointer)[tag] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")


def with_thumbnail(exif: bytes, thumbnail: bytes) -> bytes:
    """Little-endian EXIF of one directory, with a thumbnail in a second one behind it."""
    assert exif.startswith(b"II")
    (first,) = struct.unpack_from("<I", exif, 4)
    (count,) = struct.unpack_from("<H", exif, first)
    link = first + 2 + 12 * count
    second = len(exif)
    directory = struct.pack("<H", 2)
    directory += struct.pack("<HHII", 0x0201, 4, 1, second + 30) + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
    return exif[:link] + struct.pack("<I", second) + exif[link + 4 :] + directory + struct.pack("<I", 0) + thumbnail
