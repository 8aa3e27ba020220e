"""In which code page text was written by a program that does not say so: names in an old zip, letters of a CSV.

A page fits if all that it makes of the bytes are words: letters of one script in each, capitals where capitals
stand. Of the pages that fit, a Western one is taken if the letters are those of Western languages; else chardet,
which knows how often letters follow one another in each language, says which is most likely. A few letters are
often too few to tell, so whoever shows such text says which page was assumed.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from dance_demo.files.text import nfc

OF_ZIPS = ("cp437", "cp850", "cp1252")  # Western ones, the likeliest first
OF_TABLES = ("cp1252", "mac_roman", "cp850")

_LANGUAGES = {
    "cp932": "Japanese",
    "gb18030": "Simplified Chinese",
    "big5": "Traditional Chinese",
    "cp949": "Korean",
    "cp866": "Cyrillic",
    "cp1251": "Cyrillic",
    "cp737": "Greek",
    "cp1253": "Greek",
    "cp862": "Hebrew",
    "cp1255": "Hebrew",
    "cp720": "Arabic",
    "cp1256": "Arabic",
    "cp874": "Thai",
    "cp852": "Central European",
    "cp1250": "Central European",
    "cp857": "Turkish",
    "cp1254": "Turkish",
    "cp775": "Baltic",
    "cp1257": "Baltic",
}
_WESTERN_LETTERS = set("äöüßàâáãåæçéèêëíîïñóôòõøœúùû")
_WORD = re.compile(r"[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")  # letters and digits, and all that is not ASCII
_BETWEEN_WORDS = ("P", "Z")  # categories
_INSIDE = re.compile(
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f\u2019](?=[^\W\d_])"
)  # no letter between letters, as in Espa\u2013ola
_SCRIPTS = {  # first word of a letter's Unicode name -> its script
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "HEBREW": "Hebrew",
    "ARABIC": "Arabic",
    "THAI": "Thai",
    "HANGUL": "Korean",
    "CJK": "Han",
    "HIRAGANA": "Han",
    "KATAKANA": "Han",
    "KATAKANA-HIRAGANA": "Han",
}
_TEXT_LETTERS = 20_000  # that are looked at


def guess_code_page(texts: Iterable[bytes], western: Sequence[str]) -> str | None:
    """The Python name of the page, None where none makes words of all of them (or they are ASCII).

    ``western`` are the Western pages that may be meant, the likeliest first: OF_ZIPS or OF_TABLES.
    """
    raw = b"\n".join(dict.fromkeys(text for text in texts if not text.isascii()))[:_TEXT_LETTERS]
    pages = [page for page in (*western, *_LANGUAGES) if (text := _decoded(raw, page)) and _is_made_of_words(text)]
    if "cp932" in pages and _is_japanese(raw.decode("cp932", errors="ignore")):
        return "cp932"
    for page in western:
        if page in pages and _is_western(raw.decode(page)):
            return page
    return _likeliest(raw, pages)


def described(page: str) -> str:
    """For a sentence: ``gb18030 (Simplified Chinese)``."""
    return f"{page} ({_LANGUAGES.get(page, 'Western')})"


def _decoded(raw: bytes, page: str) -> str:
    """The text; "" where the bytes are none in this page, but for a last letter that is cut."""
    try:
        return nfc(raw.decode(page))
    except UnicodeDecodeError as error:
        return nfc(raw[: error.start].decode(page)) if error.start > _TEXT_LETTERS - 4 else ""


def _is_made_of_words(text: str) -> bool:
    if _INSIDE.search(text):
        return False
    between = "".join(" " if unicodedata.category(one).startswith(_BETWEEN_WORDS) else one for one in text)
    return all(word.isascii() or _is_word(word) for word in _WORD.findall(between))


def _is_word(word: str) -> bool:
    letters = [one for one in word if not one.isdecimal() and not unicodedata.category(one).startswith("M")]
    if not all(one.isalpha() for one in letters):
        return False
    if len({_SCRIPTS.get(unicodedata.name(one, "?").split()[0], one) for one in letters}) > 1:
        return False
    inner = zip(word, word[1:], strict=False)
    capitals_inside = any(a.islower() and b.isupper() and not (a.isascii() and b.isascii()) for a, b in inner)
    mixed_start = word[:2].isupper() and not word[:2].isascii() and any(one.islower() for one in word)
    return not capitals_inside and not mixed_start


def _is_japanese(text: str) -> bool:
    """Whether it has kana, and all that is foreign is full-width kana or kanji."""
    foreign = [one for one in text if not one.isascii()]
    kana = sum("\u3040" <= one <= "\u30ff" for one in foreign)
    return (
        kana > 0
        and len(foreign) > 1
        and all("\u3040" <= one <= "\u30ff" or "\u4e00" <= one <= "\u9fff" for one in foreign)
    )


def _is_western(text: str) -> bool:
    """Whether most letters are ASCII, and the others those that Western languages have."""
    letters = [one for one in text if one.isalpha()]
    foreign = [one for one in letters if not one.isascii()]
    if sum(not one.isascii() and not one.isalpha() for one in text) > len(foreign):
        return False
    return 0 < 2 * len(foreign) <= len(letters) and {one.lower() for one in foreign} <= _WESTERN_LETTERS


def _likeliest(raw: bytes, pages: Sequence[str]) -> str | None:
    if len(pages) < 2:
        return pages[0] if pages else None
    import chardet  # 3 MB of tables, which few need

    found = chardet.detect(raw, include_encodings=pages, no_match_encoding=pages[0], compat_names=False)["encoding"]
    return next((page for page in pages if found and _same_page(page, found)), pages[0])


def _same_page(page: str, found: str) -> bool:
    return page == found.lower() or (page == "big5" and found.lower().startswith("big5"))
