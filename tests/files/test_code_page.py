"""In which code page names are written, from their bytes alone."""

import random

import pytest

from dance_demo.files.code_page import OF_TABLES, OF_ZIPS, described, guess_code_page

NAMES = {  # page -> what a person there may call folders and files
    "gb18030": ["古典舞", "卡塔克", "民族舞", "训练集"],
    "big5": ["古典舞", "卡塔克舞", "現代舞"],
    "cp932": ["古典舞踊", "カタック", "バレエ", "ソロ", "表"],
    "cp949": ["고전무용", "카탁", "발레"],
    "cp866": ["Катхак", "Одисси", "Танцы народов"],
    "cp1251": ["Катхак", "Одисси", "кошки"],
    "cp737": ["Χορός", "Ελληνικός", "γάτα"],
    "cp862": ["ריקוד", "הודי", "חתול"],
    "cp1256": ["رقص", "هندي", "قطة"],
    "cp874": ["รำไทย", "โขน", "แมว"],
    "cp852": ["Taniec łąka", "Čardáš", "Żółw", "kočka"],
    "cp857": ["Türk dansı", "Şarkı", "köpek"],
    "cp437": ["Ballèt", "Märchen", "Señorita"],
    "cp850": ["Española", "Ballet français", "Gräfin", "São João"],
    "cp1252": ["Española", "Ballet français", "Übung"],
}


@pytest.mark.parametrize("page", NAMES)
def test_names_of_each_part_of_the_world_are_read_as_they_were_written(page):
    raw = [name.encode(page) for name in NAMES[page]]
    guessed = guess_code_page(raw, OF_ZIPS)
    assert guessed and [name.decode(guessed) for name in raw] == NAMES[page]
    assert described(guessed).startswith(f"{guessed} (")


def test_one_name_alone_is_mostly_enough():
    ones = [(name.encode(page), name) for page, names in NAMES.items() for name in names]
    right = sum((guess_code_page([raw], OF_ZIPS) or "ascii") in _pages_of(raw, name) for raw, name in ones)
    assert right >= 0.9 * len(ones)


def _pages_of(raw: bytes, name: str) -> list[str]:
    return [page for page in [*NAMES, "cp1250", "cp1253", "cp1254", "cp1255"] if raw.decode(page, "replace") == name]


@pytest.mark.parametrize("raw", [b"", b"kathak", "│═╬".encode("cp437") + b"\xb1\xdb"])
def test_what_makes_no_words_in_any_page_is_not_guessed_at(raw):
    assert guess_code_page([raw], OF_ZIPS) is None


def test_any_bytes_have_a_page_or_none():
    random_bytes = random.Random(1)
    for _ in range(300):
        raw = random_bytes.randbytes(random_bytes.randrange(12))
        page = guess_code_page([raw], OF_TABLES)
        assert page is None or raw.decode(page, errors="replace")


@pytest.mark.parametrize("text, page", [("Español,Français", "mac_roman"), ("Español – 5 “Kathak” Übung", "cp1252")])
def test_tables_of_old_macs_and_of_windows_are_told_apart(text, page):
    assert guess_code_page([text.encode(page)], OF_TABLES) == page
