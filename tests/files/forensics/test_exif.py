"""EXIF, held against ExifTool on photos of many makers; and what lies about itself."""

import json
import os
import shutil
import struct
import subprocess

import pytest

from dance_demo.files.forensics.exif import MAX_ENTRIES, read_exif
from dance_demo.files.forensics.segments import read_segments
from dance_demo.files.photo_formats import read_photo_file
from tests.support.exif_files import exif_files

EXIFTOOL = shutil.which("exiftool")
NAMED_OTHERWISE = {"GPSLatitude", "GPSLongitude"}  # it gives degrees as one number


def test_exif_of_fifty_photos_of_many_makers_is_what_exiftool_reads(tmp_path):
    if not EXIFTOOL:
        if os.environ.get("DANCE_DEMO_REQUIRE_BROWSER"):
            pytest.fail("exiftool must be here: apt-get install libimage-exiftool-perl")
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    files = exif_files()
    for name, data in files:
        (tmp_path / name).write_bytes(data)
    command = [EXIFTOOL, "-j", "-n", "-EXIF:all", *(str(tmp_path / name) for name, _ in files)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    compared = 0
    for (name, data), expected in zip(files, json.loads(ran.stdout), strict=True):
        exif = read_exif(read_segments(data, read_photo_file(data).format).exif)
        assert exif.problems == [], name
        for key, value in exif.values.items():
            if key in NAMED_OTHERWISE:
                degrees = value[0] + value[1] / 60 + value[2] / 3600
                assert degrees == pytest.approx(expected[key], abs=1e-9), (name, key)
            elif isinstance(value, str):  # it writes digits as a number
                assert value == str(expected[key]), (name, key)
            else:
                assert value == pytest.approx(expected[key], rel=1e-6), (name, key)
            compared += 1
        assert {"Make", "Model", "DateTimeOriginal", "ExposureTime", "ISO"} <= exif.values.keys()
    assert len(files) == 50 and compared > 1_000


def directory(*entries: tuple[int, int, int, int], after: int = 0) -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", after)


HEADER = b"II*\0\x08\0\0\0"


def test_directories_that_lead_back_to_themselves_are_read_once():
    exif = read_exif(HEADER + directory((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), after=8))
    assert exif.problems == ["The EXIF leads in a circle; each part was read once."]


def test_of_a_hundred_thousand_tags_the_first_thousand_are_read():
    many = HEADER + struct.pack("<H", 65535) + struct.pack("<HHII", 0x9999, 4, 1, 1) * 100_000
    exif = read_exif(many)
    assert exif.entries == MAX_ENTRIES
    assert exif.problems == [f"The EXIF has more than {MAX_ENTRIES} tags; only those were read."]


@pytest.mark.parametrize(
    "data, problem",
    [
        (b"not EXIF", "The EXIF is damaged: it has no header."),
        (b"II*\0", "The EXIF is cut; what comes before the cut was read."),
        (
            HEADER + directory((0x010F, 2, 4_000_000_000, 8)),
            "A value of the EXIF lies outside of it, and was left out.",
        ),
        (HEADER + directory((0x010F, 2, 4, 0x41424344))[:6], "The EXIF is cut; what comes before the cut was read."),
    ],
)
def test_exif_that_lies_is_read_as_far_as_it_goes(data, problem):
    exif = read_exif(data)
    assert exif.values == {} and exif.problems == [problem]


def test_a_fraction_over_nothing_is_nothing_and_no_error():
    exif = read_exif(HEADER + directory((0x8769, 4, 1, 26)) + directory((0x829A, 5, 1, 44)) + struct.pack("<II", 1, 0))
    assert exif.values == {"ExposureTime": 0.0}
