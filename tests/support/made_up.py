"""Photos, zips and folders that tests make for themselves."""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.model.classifier import Classifier

UNDO = {  # EXIF orientation -> how the camera was held, so that the file lies
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photo(seed: int, *, size: tuple[int, int] = (120, 100)) -> Image.Image:
    """A colourful picture with soft shapes and some grain, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    shapes = Image.fromarray(rng.integers(0, 256, (7, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8))


def pooled(classifier: Classifier, photos: Iterable[Image.Image]) -> np.ndarray:
    """The pooled feature maps (n, c) of photos."""
    return np.stack([classifier.head.pool(classifier.feature_map(photo)[None])[0] for photo in photos])


def jpeg(picture: Image.Image | int, *, quality: int = 85) -> bytes:
    """The bytes of a JPEG of a picture, or of the picture with this seed."""
    stream = io.BytesIO()
    (photo(picture) if isinstance(picture, int) else picture).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files, by their names relative to the folder, which is returned."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def tree_hash(folder: Path) -> str:
    """Changes when any name, kind or byte below the folder does."""
    lines = [
        (path.relative_to(folder).as_posix(), path.read_bytes() if path.is_file() else b"folder")
        for path in sorted(folder.rglob("*"))
    ]
    return hashlib.sha256(repr(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Member:
    """One file of a zip; whatever is not None is a lie that the zip tells about it."""

    name: bytes
    data: bytes = b"data"
    deflate: bool = True
    flags: int = 0
    mode: int = 0
    method: int | None = None
    crc: int | None = None
    file_bytes: int | None = None
    packed_bytes: int | None = None
    packed: bytes | None = None
    header_start: int | None = None
    extra: bytes = b""  # fields of the directory


def write_zip(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    """A sound zip of these names and contents."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def make_zip(members: list[Member], *, count: int | None = None) -> bytes:
    """A zip byte by byte, for what ``zipfile`` refuses to write; ``count``: entries that its end record claims."""
    body, directory = b"", b""
    for member in members:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflater.compress(member.data) + deflater.flush() if member.deflate else member.data
        packed = packed if member.packed is None else member.packed
        method = (8 if member.deflate else 0) if member.method is None else member.method
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        file_bytes = len(member.data) if member.file_bytes is None else member.file_bytes
        packed_bytes = len(packed) if member.packed_bytes is None else member.packed_bytes
        start = len(body) if member.header_start is None else member.header_start
        numbers = (member.flags, method, 0, 0, crc, packed_bytes, file_bytes, len(member.name))
        body += b"PK\3\4" + struct.pack("<5H3L2H", 20, *numbers, 0) + member.name + packed
        directory += b"PK\1\2" + struct.pack("<6H3L", 788, 20, *numbers[:-1])
        directory += struct.pack("<5H2L", len(member.name), len(member.extra), 0, 0, 0, member.mode << 16, start)
        directory += member.name + member.extra
    claimed = len(members) if count is None else count
    end = struct.pack("<4H2LH", 0, 0, claimed & 0xFFFF, claimed & 0xFFFF, len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end
