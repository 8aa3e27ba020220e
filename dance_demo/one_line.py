"""Text from strangers that is shown on one line: what has no place in it."""

import re
import unicodedata

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the text around them, too
_BREAKS = ("Cc", "Zl", "Zp")  # control characters, which could forge a line of a log, and line breaks


def is_one_line(text: str) -> bool:
    """Whether it has no control or direction characters, no line breaks, and no halves, which no file can hold."""
    return not _DIRECTION.search(text) and all(unicodedata.category(one) not in (*_BREAKS, "Cs") for one in text)


def one_line(text: str) -> str:
    """The text in NFC, without direction characters, and with single spaces instead of breaks."""
    text = _DIRECTION.sub("", unicodedata.normalize("NFC", text))
    return " ".join("".join(" " if unicodedata.category(one) in _BREAKS else one for one in text).split())
