"""What is said about a photo's file: true of sound ones, and a sentence about those that lie."""

import struct
import time
import zlib

import numpy as np
import psutil
import pytest
from PIL import Image, ImageCms, ImageOps

from dance_demo.data.illustrations import draw
from dance_demo.errors import PhotoError
from dance_demo.files.forensics.exif import MAX_ENTRIES
from dance_demo.files.forensics.facts import PLACE, facts, shown
from dance_demo.files.forensics.inspection import NO_PROOF, Inspection, inspect_photo
from dance_demo.files.forensics.segments import MAX_PARTS, MAX_TEXTS
from tests.support.exif_files import exif_file
from tests.support.hostile import HOSTILE
from tests.support.photo_parts import chunk, exif_bytes, jpeg_bytes, png_bytes, with_segment, with_thumbnail

PHOTO = draw("odissi", 7).resize((240, 180))
EXIF = b"Exif\0\0"


def said(found: Inspection) -> dict[str, str]:
    return {fact.name: fact.value for fact in found.facts}


def meaning(found: Inspection, name: str) -> str:
    [fact] = [fact for fact in found.facts if fact.name == name]
    return fact.meaning


# Sound files ------------------------------------------------------------------------------------------------------


def test_of_a_photo_without_exif_it_says_that_messengers_remove_it():
    found = inspect_photo(jpeg_bytes(PHOTO, quality=75))
    assert said(found)["EXIF"] == "none"
    assert "Messengers" in meaning(found, "EXIF") and "proves nothing" in meaning(found, "EXIF")
    assert said(found)["JPEG quality"].startswith("75 of 100, with the tables of the standard")
    assert said(found)["Colours stored"].startswith("4:2:0")
    assert found.notes[-1] == NO_PROOF == "Nothing found is no proof; something found is no proof."


def test_of_a_camera_it_says_what_its_exif_says():
    name, data = exif_file(15)
    found, facts = inspect_photo(data), said(inspect_photo(data))
    assert name == "15.jpeg" and facts["Camera"] == "LG Electronics LM-G710"
    assert facts["Software"].startswith("Adobe Photoshop")
    assert "no sign of a trick" in meaning(found, "Software")
    assert facts["Taken"].endswith("+05:30") and "f/" in facts["Exposure"]
    assert "Size that the camera noted" in facts
    assert found.place and facts[PLACE] == f"{found.place[0]:.5f}, {found.place[1]:.5f}"


@pytest.mark.parametrize(
    "main, photo, gps, contradiction",
    [
        ({0x0132: "2021:01:01 10:00:00"}, {0x9003: "2022:01:01 10:00:00"}, {}, "it was saved before it was taken"),
        ({}, {0x9003: "2099:01:01 10:00:00"}, {}, "it was taken in the future"),
        ({}, {0x9003: "1970:01:01 10:00:00"}, {}, "it was taken before there were cameras that write EXIF"),
        (
            {},
            {0x9003: "2022:05:01 10:00:00"},
            {29: "2022:03:01"},
            "the camera says 2022-05-01, the satellites 2022-03-01",
        ),
    ],
)
def test_times_that_contradict_each_other_are_named(main, photo, gps, contradiction):
    data = with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + exif_bytes(main, photo, gps))
    assert said(inspect_photo(data))["Times that contradict each other"] == contradiction


def test_times_that_fit_are_no_contradiction():
    exif = exif_bytes({0x0132: "2022:01:02 10:00:00"}, {0x9003: "2022:01:01 10:00:00"}, {29: "2022:01:01"})
    facts = said(inspect_photo(with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + exif)))
    assert "Times that contradict each other" not in facts and facts["Saved again"] == "2022:01:02 10:00:00"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumbnail_of_the_same_photo_looks_the_same_whichever_side_is_up(orientation):
    small = jpeg_bytes(PHOTO.resize((160, 120)), quality=50)
    exif = with_thumbnail(exif_bytes({0x0112: orientation}), small)
    found = inspect_photo(with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + exif))
    assert said(found)["Thumbnail in the file"] == "shows the same as the photo"
    assert found.thumbnail and found.thumbnail.likeness > 0.97
    assert found.size == ((180, 240) if orientation >= 5 else (240, 180)) == found.photo.size


def test_a_thumbnail_of_another_photo_is_noticed_and_black_bars_are_not():
    other = draw("kathakali", 3).resize((160, 120))
    for small, same in ((other, False), (ImageOps.pad(PHOTO.resize((160, 90)), (160, 120), color="black"), True)):
        exif = with_thumbnail(exif_bytes({0x0112: 1}), jpeg_bytes(small))
        photo = PHOTO.resize((240, 135)) if same else PHOTO
        found = inspect_photo(with_segment(jpeg_bytes(photo), 0xE1, EXIF + exif))
        assert found.thumbnail and found.thumbnail.shows_the_same == same


def test_png_text_of_image_generators_is_named():
    texts = (b"parameters\0a dancer\nSteps: 20, Sampler: Euler", b"Title\0x")
    found = inspect_photo(png_bytes(PHOTO, *((b"tEXt", text) for text in texts)))
    assert said(found)["Settings of an image generator"] == "parameters: a dancer Steps: 20, Sampler: Euler"
    assert said(found)["Text: Title"] == "x"


def test_xmp_history_and_content_credentials_are_named():
    step = b'<rdf:li stEvt:action="saved" stEvt:softwareAgent="GIMP" stEvt:when="2023"/>'
    xmp = b'<x:xmpmeta><rdf:Description xmp:CreatorTool="GIMP 2.10">' + step + b"</x:xmpmeta>"
    data = with_segment(jpeg_bytes(PHOTO), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    found = inspect_photo(with_segment(data, 0xEB, b"JP\0\1jumbc2pa"))
    assert said(found)["Software (XMP)"] == "GIMP 2.10"
    assert said(found)["Steps of editing (XMP)"] == "saved, GIMP, 2023"
    assert said(found)["Content Credentials"] == "cannot be read"


def test_progressive_profiles_comments_and_what_lies_behind_the_end_are_named():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data = jpeg_bytes(PHOTO, progressive=True, subsampling=0, icc_profile=profile.tobytes(), comment=b"hello") + b"more"
    facts = said(inspect_photo(data))
    assert facts["Progressive"] == "yes" and facts["Colours stored"].startswith("4:4:4")
    assert facts["Colour profile"] == "sRGB built-in"
    assert facts["Comment"] == "hello" and facts["Behind the end of the picture"] == "4 bytes"


def test_json_is_what_the_command_promises():
    answer = inspect_photo(jpeg_bytes(PHOTO)).to_json()
    assert list(answer) == ["facts", "copied_regions", "notes"]
    assert all(list(fact) == ["name", "value", "meaning"] and all(fact.values()) for fact in answer["facts"])


# Files that lie ---------------------------------------------------------------------------------------------------


def test_what_is_no_photo_is_refused_under_its_name():
    for data in (b"", b"text", b"\xff\xd8\xff"):
        with pytest.raises(PhotoError, match=r"^fake\.jpg: "):
            inspect_photo(data, name="fake.jpg")


def test_texts_of_strangers_become_one_short_line():
    for text in HOSTILE:
        line = shown(text + "\n" + text)
        assert "\n" not in line and "\u202e" not in line
    assert len(shown("x" * 10**6)) == 301


LOOP = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)
TAGS = b"II*\0\x08\0\0\0" + struct.pack("<H", 5400) + struct.pack("<HHII", 0x9999, 4, 1, 1) * 5400
BOMB = zlib.compress(bytes(200_000_000), 9)
PNG_BOMB = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 7_000, 7_000, 8, 2, 0, 0, 0))
PNG_BOMB += chunk(b"IDAT", zlib.compress(bytes(7_000 * 21_001), 9)[:40_000])
LIES = {
    "a segment longer than the file": (
        with_segment(jpeg_bytes(PHOTO), 0xEF, b"", length=65535)[:-400],
        None,
    ),
    "a segment shorter than its header": (
        with_segment(jpeg_bytes(PHOTO), 0xEF, b"", length=1),
        "A part of the file says that it is shorter than its own header; the rest was not read.",
    ),
    "EXIF in a circle": (
        with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + LOOP),
        "The EXIF leads in a circle; each part was read once.",
    ),
    "thousands of tags": (
        with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + TAGS),
        f"The EXIF has more than {MAX_ENTRIES} tags; only those were read.",
    ),
    "a text that is a bomb": (
        png_bytes(PHOTO, (b"zTXt", b"Comment\0\0" + BOMB)),
        "A text in the file unpacks to more than 0.1 MB; it was not read.",
    ),
    "an international text that is a bomb": (
        png_bytes(PHOTO, (b"iTXt", b"Comment\0\1\0\0\0" + BOMB)),
        "A text in the file unpacks to more than 0.1 MB; it was not read.",
    ),
    "a profile that is a bomb": (
        png_bytes(PHOTO, (b"iCCP", b"x\0\0" + BOMB)),
        "The colour profile in the file unpacks to more than 4 MB; it was not read.",
    ),
    "a damaged text": (png_bytes(PHOTO, (b"zTXt", b"Comment\0\0not packed")), "A text in the file is damaged."),
    "thousands of texts": (
        png_bytes(PHOTO, *[(b"tEXt", b"a\0b")] * 1_500),
        f"The file has more than {MAX_TEXTS} texts; only those were read.",
    ),
    "thousands of segments": (
        jpeg_bytes(PHOTO)[:2] + b"\xff\xfe\0\3x" * 3_000 + jpeg_bytes(PHOTO)[2:],
        f"The file has more than {MAX_PARTS} parts; only those were read.",
    ),
    "a thumbnail that is a bomb": (
        with_segment(jpeg_bytes(PHOTO), 0xE1, EXIF + with_thumbnail(exif_bytes({0x0112: 1}), PNG_BOMB)),
        "The thumbnail in the file cannot be read.",
    ),
    "a thumbnail of many pixels": (
        with_segment(
            jpeg_bytes(PHOTO), 0xE1, EXIF + with_thumbnail(exif_bytes({}), jpeg_bytes(Image.new("L", (1600, 1200))))
        ),
        "The thumbnail in the file cannot be read.",
    ),
    "Content Credentials of a gigabyte": (
        with_segment(jpeg_bytes(PHOTO), 0xEB, b"JP\0\1" + struct.pack(">I", 2**30) + b"jumbc2pa"),
        None,
    ),
}


@pytest.mark.parametrize("kind", LIES)
def test_I12_a_file_that_lies_gets_a_sentence_in_little_time_and_memory(kind):
    data, sentence = LIES[kind]
    inspect_photo(jpeg_bytes(PHOTO))  # what is loaded once
    before, start = psutil.Process().memory_info().rss, time.process_time()
    try:
        found = inspect_photo(data, name="lie")
    except PhotoError as problem:
        assert sentence is None and str(problem).startswith("lie: ")
    else:
        assert sentence is None or sentence in found.notes
    assert time.process_time() - start < 3
    assert psutil.Process().memory_info().rss - before < 60 * 2**20


def test_facts_of_every_part_are_plain_sentences():
    """Whatever the value, the meaning is ours alone, ends like a sentence and calls nothing a fake or a proof."""
    photos = [
        jpeg_bytes(PHOTO),
        png_bytes(PHOTO, (b"tEXt", b"prompt\0x")),
        *(exif_file(number)[1] for number in range(6)),
    ]
    assert facts.__doc__
    for data in photos:
        for fact in inspect_photo(data).facts:
            assert fact.meaning.endswith(".") and "fake" not in fact.meaning.casefold()


@pytest.mark.slow
def test_twelve_megapixels_cost_little_more_than_one():
    random = np.random.default_rng(0)
    photo = draw("kathakali", 5).resize((3000, 4000))
    noisy = np.asarray(photo, np.int16) + random.integers(-6, 7, (4000, 3000, 1), np.int16)
    large = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    took = {}
    for picture in (large, large.resize((900, 1200))) * 2:  # the first time also loads OpenCV
        data = jpeg_bytes(picture, quality=92)
        start = time.process_time()
        found = inspect_photo(data)
        took[picture.size] = time.process_time() - start
        assert found.size == picture.size and max(found.photo.size) <= 1024
    assert took[3000, 4000] < 2.5 * took[900, 1200], took
