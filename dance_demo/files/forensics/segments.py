"""The parts of a photo's file that draw nothing: EXIF, XMP, colour profile, comments, tables, what lies behind the end.

`photo.open_photo` throws all of this away. Here it is found and cut out, never trusted: a part that says it is longer
than the file ends with the file, what is packed is unpacked up to a limit, and of many parts only the first are read.

    JPEG: segments (ITU-T T.81, annex B)      PNG: chunks (W3C PNG, 5)      WebP: chunks of RIFF
    AVIF, HEIC: the marks that EXIF, XMP and profiles begin with
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_PARTS = 2_000  # a photo has some twenty
MAX_PROFILE_BYTES = 4_000_000
MAX_TEXT_BYTES = 100_000  # of one text; a workflow of an image generator takes some 20,000
MAX_TEXTS = 50
MAX_XMP_BYTES = 1_000_000

_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # start of a frame, by the way it is coded
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_DQT, _SOS, _EOI, _COMMENT = 0xDB, 0xDA, 0xD9, 0xFE
_XMP, _LONG_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_XMP_PACKET = re.compile(rb"<x:xmpmeta.{0,1000000}?</x:xmpmeta>", re.DOTALL)
_EXIF_BLOCK = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_CREDENTIALS = b"c2pa"


@dataclass(frozen=True)
class JpegFrame:
    """What a JPEG says of its picture."""

    progressive: bool
    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]  # (across, down) of each component


@dataclass
class Segments:
    """What was found; each part at most as long as its limit."""

    exif: bytes = b""  # from the TIFF header on
    xmp: bytes = b""
    profile: bytes = b""
    texts: list[tuple[str, str]] = field(default_factory=list)  # (keyword, text)
    comments: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)  # what says which software or standard wrote a part
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)  # quantisation, in the order of the file
    frame: JpegFrame | None = None
    credentials: bool = False  # Content Credentials (C2PA) are in it
    bytes_behind: int = 0  # after the end of the picture
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def read_segments(data: bytes, format: str) -> Segments:
    """Find the parts of a file in this format, which `read_photo_file` has recognised. Never fails."""
    found = Segments()
    readers = {"JPEG": _read_jpeg, "PNG": _read_png, "WebP": _read_webp, "AVIF": _read_boxes, "HEIC": _read_boxes}
    if format in readers:
        readers[format](data, found)
    return found


# --- JPEG ----------------------------------------------------------------------------------------------------


def _read_jpeg(data: bytes, found: Segments) -> None:
    profile: dict[int, bytes] = {}
    for marker, body in _jpeg_segments(data, found):
        if marker == _DQT:
            _read_tables(body, found)
        elif marker in _SOF and found.frame is None:
            found.frame = _frame(marker, body)
        elif marker == _COMMENT:
            _keep_comment(body, found)
        elif 0xE0 <= marker <= 0xEF:
            _read_application(marker, body, found, profile)
    found.profile = b"".join(profile[number] for number in sorted(profile))[:MAX_PROFILE_BYTES]
    end = data.rfind(b"\xff\xd9")
    if end >= 0:
        found.bytes_behind = len(data[end + 2 :].strip(b"\0"))


def _jpeg_segments(data: bytes, found: Segments) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of what stands before the pixels."""
    at = 2
    for _ in range(MAX_PARTS):
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":  # padding
            at += 1
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            found.note("The list of the file's parts is damaged; only those before the damage were read.")
            return
        marker = data[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        if marker in (_SOS, _EOI):
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            found.note("A part of the file says that it is shorter than its own header; the rest was not read.")
            return
        if at + 2 + length > len(data):
            found.note("A part of the file says that it is longer than the file.")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
    found.note(f"The file has more than {MAX_PARTS} parts; only those were read.")


def _read_application(marker: int, body: bytes, found: Segments, profile: dict[int, bytes]) -> None:
    if marker == 0xE0 and body.startswith(b"JFIF"):
        found.marks.add("JFIF")
    elif marker == 0xE1 and body.startswith(b"Exif\0"):
        found.exif = found.exif or body[6:]
    elif marker == 0xE1 and body.startswith(_XMP):
        found.xmp = found.xmp or body[len(_XMP) :]
    elif marker == 0xE1 and body.startswith(_LONG_XMP):
        found.marks.add("long XMP")
    elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
        profile.setdefault(body[12], body[14:])
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        found.marks.add("MPF")
    elif marker == 0xEB and _CREDENTIALS in body:
        found.credentials = True
    elif marker == 0xEC and body.startswith(b"Ducky"):
        found.marks.add("Ducky")
    elif marker == 0xED and body.startswith(b"Photoshop 3.0"):
        found.marks.add("Photoshop")
        if b"FBMD" in body:
            found.marks.add("Facebook")
    elif marker == 0xEE and body.startswith(b"Adobe"):
        found.marks.add("Adobe")


def _read_tables(body: bytes, found: Segments) -> None:
    """Quantisation tables of 64 numbers in zigzag order, one or two bytes each."""
    at = 0
    while at < len(body):
        size, number = (2 if body[at] >> 4 else 1), body[at] & 15
        values = body[at + 1 : at + 1 + 64 * size]
        if len(values) < 64 * size:
            found.note("A quantisation table is cut.")
            return
        found.tables[number] = tuple(int.from_bytes(values[i : i + size], "big") for i in range(0, 64 * size, size))
        at += 1 + 64 * size


def _frame(marker: int, body: bytes) -> JpegFrame | None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        return None
    sampling = tuple((body[7 + 3 * i] >> 4, body[7 + 3 * i] & 15) for i in range(body[5]))
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return JpegFrame(marker in (0xC2, 0xC6, 0xCA, 0xCE), width, height, sampling)


def _keep_comment(body: bytes, found: Segments) -> None:
    if len(found.comments) < MAX_TEXTS:
        found.comments.append(_decoded(body[:MAX_TEXT_BYTES]))


# --- PNG -----------------------------------------------------------------------------------------------------


def _read_png(data: bytes, found: Segments) -> None:
    at = 8
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            found.note("A part of the file says that it is longer than the file.")
        if kind == b"IEND":
            found.bytes_behind = len(data[at + 12 :].strip(b"\0"))
            return
        if kind in _CHUNKS:
            _CHUNKS[kind](data[at + 8 : at + 8 + length], found)
        at += 12 + length
    found.note(f"The file has more than {MAX_PARTS} parts; only those were read.")


def _read_png_exif(body: bytes, found: Segments) -> None:
    found.exif = found.exif or body.removeprefix(b"Exif\0\0")


def _read_png_profile(body: bytes, found: Segments) -> None:
    found.profile = _unpacked(body.partition(b"\0")[2][1:], MAX_PROFILE_BYTES, "The colour profile", found)


def _read_png_text(body: bytes, found: Segments) -> None:
    keyword, _, text = body.partition(b"\0")
    _keep_text(keyword, text, found)


def _read_png_packed_text(body: bytes, found: Segments) -> None:
    keyword, _, text = body.partition(b"\0")
    _keep_text(keyword, _unpacked(text[1:], MAX_TEXT_BYTES, "A text", found), found)


def _read_png_international_text(body: bytes, found: Segments) -> None:
    keyword, _, rest = body.partition(b"\0")
    packed, text = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    limit = MAX_XMP_BYTES if keyword == b"XML:com.adobe.xmp" else MAX_TEXT_BYTES
    if packed:
        text = _unpacked(text, limit, "A text", found)
    if keyword == b"XML:com.adobe.xmp":
        found.xmp = found.xmp or text[:limit]
    else:
        _keep_text(keyword, text, found)


def _read_png_credentials(body: bytes, found: Segments) -> None:
    found.credentials = found.credentials or _CREDENTIALS in body


_CHUNKS = {
    b"eXIf": _read_png_exif,
    b"iCCP": _read_png_profile,
    b"tEXt": _read_png_text,
    b"zTXt": _read_png_packed_text,
    b"iTXt": _read_png_international_text,
    b"caBX": _read_png_credentials,
}


def _keep_text(keyword: bytes, text: bytes, found: Segments) -> None:
    if len(found.texts) == MAX_TEXTS:
        found.note(f"The file has more than {MAX_TEXTS} texts; only those were read.")
    else:
        found.texts.append((_decoded(keyword[:80]), _decoded(text[:MAX_TEXT_BYTES])))


def _unpacked(packed: bytes, limit: int, what: str, found: Segments) -> bytes:
    """At most `limit` bytes; of a bomb nothing."""
    try:
        plain = zlib.decompressobj().decompress(packed, limit + 1)
    except zlib.error:
        found.note(f"{what} in the file is damaged.")
        return b""
    if len(plain) > limit:
        found.note(f"{what} in the file unpacks to more than {limit / 1e6:g} MB; it was not read.")
        return b""
    return plain


# --- WebP, AVIF, HEIC ------------------------------------------------------------------------------------------


def _read_webp(data: bytes, found: Segments) -> None:
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            break
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if at + 8 + length > len(data):
            found.note("A part of the file says that it is longer than the file.")
        if kind == b"EXIF":
            found.exif = found.exif or body.removeprefix(b"Exif\0\0")
        elif kind == b"XMP ":
            found.xmp = found.xmp or body[:MAX_XMP_BYTES]
        elif kind == b"ICCP":
            found.profile = found.profile or body[:MAX_PROFILE_BYTES]
        elif kind == b"C2PA":
            found.credentials = True
        at += 8 + length + length % 2
    whole = 8 + int.from_bytes(data[4:8], "little")
    found.bytes_behind = len(data[whole:].strip(b"\0"))


def _read_boxes(data: bytes, found: Segments) -> None:
    if block := _EXIF_BLOCK.search(data):
        found.exif = data[block.end() : block.end() + MAX_XMP_BYTES]
    if packet := _XMP_PACKET.search(data):
        found.xmp = packet[0]
    at = data.find(b"colrprof")
    if at >= 4:
        found.profile = data[at + 8 : at - 4 + min(int.from_bytes(data[at - 4 : at], "big"), MAX_PROFILE_BYTES)]
    found.credentials = b"jumb" in data and _CREDENTIALS in data


def _decoded(text: bytes) -> str:
    """UTF-8 where it is, else Latin-1, as PNG has it."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
