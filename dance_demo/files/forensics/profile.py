"""The name of a colour profile (ICC.1, 7.2 and 10): a table of tags, of which one is its description."""

import struct

MAX_TAGS = 100
_HEADER = 128


def profile_name(profile: bytes) -> str:
    """Its description in the first language that it has; "" where it cannot be found."""
    try:
        return _description(profile).strip("\0 ")[:200]
    except (struct.error, UnicodeDecodeError):
        return ""


def _description(profile: bytes) -> str:
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    for number in range(min(count, MAX_TAGS)):
        name, start, length = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * number)
        if name == b"desc":
            return _text(profile[start : start + min(length, 10_000)])
    return ""


def _text(tag: bytes) -> str:
    if tag.startswith(b"desc"):
        (length,) = struct.unpack_from(">I", tag, 8)
        return tag[12 : 12 + length].decode("latin-1")
    if tag.startswith(b"mluc"):  # several languages: of the first, how long it is and where it stands
        length, start = struct.unpack_from(">II", tag, 20)
        return tag[start : start + length].decode("utf-16-be")
    return ""
