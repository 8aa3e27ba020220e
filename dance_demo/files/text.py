"""Text from strangers that is shown on one line: what has no place in it."""

import re
import unicodedata

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the text around them, too
_BREAKS = ("Cc", "Zl", "Zp")  # control characters, which could forge a line of a log, and line breaks


MARKS = 30  # on one letter, as many as any script needs (UAX #15, Stream-Safe Text Format)


def nfc(text: str) -> str:
    """The text in NFC, in a time that grows with its length alone.

    Python sorts the marks on a letter one by one, 13 s for 250,000 of them; what is more than 30 is left out.
    """
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.combining(letter) else 0
        if run <= MARKS:
            kept.append(letter)
    return unicodedata.normalize("NFC", "".join(kept))


def without_marks(text: str) -> str:
    """The letters without accents, and those of fonts as plain ones."""
    return "".join(one for one in unicodedata.normalize("NFKD", nfc(text)) if not unicodedata.combining(one))


def is_single_line(text: str) -> bool:
    """Whether it has no control or direction characters, no line breaks, and no halves, which no file can hold."""
    return not _DIRECTION.search(text) and all(unicodedata.category(one) not in (*_BREAKS, "Cs") for one in text)


def single_line(text: str) -> str:
    """The text in NFC, without direction characters, and with single spaces instead of breaks."""
    text = _DIRECTION.sub("", nfc(text))
    return " ".join("".join(" " if unicodedata.category(one) in _BREAKS else one for one in text).split())


def printable(name: str) -> str:
    """The first 100 letters of a file's name, with a replacement for each that cannot be printed; "" stays ""."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:100])


_NAMES_OF_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # of Windows
_FILE_NAME_BYTES = 80  # of 255 that a file system takes: there is more in a name than one text


def safe_file_name(text: str) -> str:
    """Any text, like ``Odissi/Orissi``, as a part of the name of a new file that every system takes."""
    name = re.sub(r'[\\/:*?"<>|\ud800-\udfff\ufffd]', "_", single_line(text))
    name = name.encode()[:_FILE_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"_{name}" if not name or _NAMES_OF_DEVICES.match(name) else name
