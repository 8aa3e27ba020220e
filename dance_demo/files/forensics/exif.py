"""EXIF, read by its rules and within limits (CIPA DC-008, TIFF 6.0): a directory of tags, and some more below it.

A file may say that a directory lies in itself, has 65,535 entries or that a value is 4 GB long. Each directory is read
once, each value up to a limit, and all together have a limit, too. Names and values are those of ExifTool's `-n`, whose
answers the tests hold ours against.
"""

import struct
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = str | int | float | tuple[int | float, ...]

MAX_ENTRIES = 1_000  # of all directories together; a camera writes some hundred
MAX_VALUE_BYTES = 10_000
MAX_THUMBNAIL_BYTES = 200_000  # a segment of JPEG holds 65,533

_TYPES = {  # number -> bytes of one, and how `struct` reads it
    1: (1, "B"), 2: (1, "s"), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"), 7: (1, "s"), 8: (2, "h"),
    9: (4, "i"), 10: (8, "ii"), 11: (4, "f"), 12: (8, "d"), 129: (1, "s"),
}  # fmt: skip
_RATIONAL, _TEXTS, _BYTE, _BYTES = (5, 10), (2, 129), 1, 7
_EXIF, _GPS = 0x8769, 0x8825
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202

_MAIN_TAGS = {
    0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0112: "Orientation", 0x011A: "XResolution",
    0x011B: "YResolution", 0x0131: "Software", 0x0132: "ModifyDate", 0x013B: "Artist", 0x013C: "HostComputer",
    0x8298: "Copyright",
}  # fmt: skip
_EXIF_TAGS = {
    0x829A: "ExposureTime", 0x829D: "FNumber", 0x8822: "ExposureProgram", 0x8827: "ISO", 0x9003: "DateTimeOriginal",
    0x9004: "CreateDate", 0x9010: "OffsetTime", 0x9011: "OffsetTimeOriginal", 0x9204: "ExposureCompensation",
    0x9207: "MeteringMode", 0x9209: "Flash", 0x920A: "FocalLength", 0x9286: "UserComment",
    0xA002: "ExifImageWidth", 0xA003: "ExifImageHeight", 0xA401: "CustomRendered", 0xA402: "ExposureMode",
    0xA403: "WhiteBalance", 0xA404: "DigitalZoomRatio", 0xA405: "FocalLengthIn35mmFormat", 0xA406: "SceneCaptureType",
    0xA431: "SerialNumber", 0xA433: "LensMake", 0xA434: "LensModel",
}  # fmt: skip
_GPS_TAGS = {
    0x01: "GPSLatitudeRef", 0x02: "GPSLatitude", 0x03: "GPSLongitudeRef", 0x04: "GPSLongitude", 0x05: "GPSAltitudeRef",
    0x06: "GPSAltitude", 0x07: "GPSTimeStamp", 0x11: "GPSImgDirection", 0x1D: "GPSDateStamp",
}  # fmt: skip
_CHARACTER_SETS = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "ascii"}


@dataclass
class Exif:
    """What the tags say, by name; only those that this project explains."""

    values: dict[str, Value] = field(default_factory=dict)
    entries: int = 0  # of all tags, known or not
    thumbnail: bytes = b""
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def text(self, name: str) -> str:
        """A value as text; "" if there is none."""
        value = self.values.get(name, "")
        return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        value = value[0] if isinstance(value, tuple) and value else value
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class _Tiff:
    data: bytes
    order: str  # of struct: < or >

    def unpack(self, form: str, at: int) -> tuple[int | float, ...]:
        """Raises struct.error beyond the end."""
        return struct.unpack_from(self.order + form, self.data, at) if at >= 0 else ()


def read_exif(data: bytes) -> Exif:
    """Read EXIF from its TIFF header on. Never fails: what is damaged is left out, and `problems` says so."""
    exif = Exif()
    if not data:
        return exif
    if data[:4] not in (b"II*\0", b"MM\0*"):
        exif.note("The EXIF is damaged: it has no header.")
        return exif
    tiff, seen = _Tiff(data, "<" if data.startswith(b"II") else ">"), set[int]()
    first = _unsigned(tiff, 4)
    below, after = _read_directory(tiff, first, _MAIN_TAGS, exif, seen)
    for pointer, tags in ((_EXIF, _EXIF_TAGS), (_GPS, _GPS_TAGS)):
        if pointer in below:
            _read_directory(tiff, below[pointer], tags, exif, seen)
    if after:
        below, _ = _read_directory(tiff, after, {}, exif, seen)
        start, length = below.get(_THUMBNAIL, 0), below.get(_THUMBNAIL_LENGTH, 0)
        exif.thumbnail = data[start : start + min(length, MAX_THUMBNAIL_BYTES)] if start else b""
    return exif


def _unsigned(tiff: _Tiff, at: int) -> int:
    try:
        return int(tiff.unpack("I", at)[0])
    except struct.error:
        return 0


def _read_directory(
    tiff: _Tiff, at: int, tags: dict[int, str], exif: Exif, seen: set[int]
) -> tuple[dict[int, int], int]:
    """Adds the values of one directory; returns its pointers, and where the next directory lies, 0 for nowhere."""
    if at in seen:
        exif.note("The EXIF leads in a circle; each part was read once.")
        return {}, 0
    seen.add(at)
    pointers: dict[int, int] = {}
    try:
        count = int(tiff.unpack("H", at)[0])
        for number in range(count):
            if exif.entries == MAX_ENTRIES:
                exif.note(f"The EXIF has more than {MAX_ENTRIES} tags; only those were read.")
                return pointers, 0
            exif.entries += 1
            entry = at + 2 + 12 * number
            tag, kind, length = (int(one) for one in tiff.unpack("HHI", entry))
            if tag in (_EXIF, _GPS, _THUMBNAIL, _THUMBNAIL_LENGTH):
                pointers[tag] = int(tiff.unpack("H" if kind == 3 else "I", entry + 8)[0])
            elif tag in tags and tags[tag] not in exif.values:
                value = _value(tiff, entry, tags[tag], kind, length, exif)
                if value is not None:
                    exif.values[tags[tag]] = value
        return pointers, _unsigned(tiff, at + 2 + 12 * count)
    except struct.error:
        exif.note("The EXIF is cut; what comes before the cut was read.")
        return pointers, 0


def _value(tiff: _Tiff, entry: int, name: str, kind: int, length: int, exif: Exif) -> Value | None:
    if kind not in _TYPES or not length:
        return None
    if name == "UserComment" and kind == _BYTE:  # as Pillow writes it
        kind = _BYTES
    size, form = _TYPES[kind]
    at = entry + 8 if size * length <= 4 else _unsigned(tiff, entry + 8)
    if at + size * length > len(tiff.data):
        exif.note("A value of the EXIF lies outside of it, and was left out.")
        return None
    length = min(length, MAX_VALUE_BYTES // size)
    if form == "s":
        raw = tiff.data[at : at + length]
        return _text(raw) if kind in _TEXTS else _labelled_text(raw, tiff.order)
    numbers = tiff.unpack(form * length, at)
    if kind in _RATIONAL:
        numbers = tuple(
            above / below if below else 0.0 for above, below in zip(numbers[::2], numbers[1::2], strict=True)
        )
    return numbers[0] if len(numbers) == 1 else numbers


def _text(raw: bytes) -> str:
    """Up to the first NUL. ASCII is the rule, UTF-8 the practice."""
    raw = raw.partition(b"\0")[0]
    try:
        return raw.decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").rstrip()


def _labelled_text(raw: bytes, order: str) -> str:
    """A text whose first eight bytes name its characters."""
    coding = _CHARACTER_SETS.get(raw[:8])
    if coding == "utf-16":
        coding = "utf-16-le" if order == "<" else "utf-16-be"
        return raw[8:].decode(coding, "replace").rstrip("\0 ")
    return _text(raw[8:] if coding or raw[:8] == bytes(8) else raw)
