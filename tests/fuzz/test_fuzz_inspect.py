"""Damaged photos, thousands of them, looked at for clues: facts or a PhotoError each, within seconds, nothing else.

5,000 inputs a run; DANCE_DEMO_FUZZ multiplies them (10 for `make fuzz`). A failure names its number:
`DANCE_DEMO_FUZZ_ONLY=i` repeats that one alone.
"""

import os
import time
import warnings

import pytest

from dance_demo.data.illustrations import draw
from dance_demo.errors import PhotoError
from dance_demo.files.forensics.exif import read_exif
from dance_demo.files.forensics.inspection import NO_PROOF, inspect_photo
from dance_demo.files.forensics.profile import profile_name
from dance_demo.files.forensics.segments import read_segments
from dance_demo.files.forensics.xmp import read_xmp
from tests.fuzz.test_fuzz_photos import LONGEST_SECONDS, MAX_GROWTH_MB, corpus, damaged_photo, megabytes
from tests.support.exif_files import exif_file
from tests.support.photo_parts import exif_bytes, jpeg_bytes, png_bytes, with_segment, with_thumbnail

INPUTS = 5_000 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
ONLY = os.environ.get("DANCE_DEMO_FUZZ_ONLY")


SOUND = jpeg_bytes(draw("odissi", 2).resize((56, 40)))
EXIF = [read_segments(exif_file(number)[1], "JPEG").exif for number in range(0, 48, 6)]
EXIF.append(with_thumbnail(exif_bytes({0x0112: 6}, {0x9003: "2022:01:01 10:00:00"}, {2: (1.0, 2.0, 3.0)}), SOUND))


def files_with_parts() -> list[bytes]:
    """Photos with everything that is read: EXIF with a thumbnail, XMP, a profile, texts packed and not, credentials."""
    photo = draw("odissi", 1).resize((56, 40))
    exif = with_thumbnail(exif_bytes({0x0112: 6, 0x010F: "Camera"}, {0x9003: "2022:01:01 10:00:00"}), jpeg_bytes(photo))
    xmp = b'<x:xmpmeta xmp:CreatorTool="a"><rdf:li stEvt:action="saved" stEvt:when="2023"/></x:xmpmeta>'
    jpeg = with_segment(jpeg_bytes(photo, comment=b"hello", icc_profile=b"profile" * 40), 0xE1, b"Exif\0\0" + exif)
    jpeg = with_segment(with_segment(jpeg, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp), 0xEB, b"JP\0\1jumbc2pa")
    packed = b"a\0\0" + b"x\x9c\x0b\x1e\x05\xa3`\x14\x8c\x02\x00"
    png = png_bytes(photo, (b"eXIf", exif), (b"zTXt", packed), (b"iCCP", packed), (b"tEXt", b"parameters\0Steps: 1"))
    return [jpeg, png, *(exif_file(number)[1] for number in range(6))]


def damaged(files: list[bytes], number: int) -> bytes:
    """A damaged file, or a sound one with damaged EXIF: most damage of a whole file ends at the decoder."""
    if number % 2:
        return damaged_photo(files, number)
    exif = damaged_photo(EXIF, number)[:65_000]
    return with_segment(SOUND, 0xE1, b"Exif\0\0" + exif)


def read_everything(data: bytes) -> None:
    """What reads parts of a file never fails, not even on what the decoder refuses."""
    for format in ("JPEG", "PNG", "WebP", "AVIF"):
        found = read_segments(data, format)
        read_exif(found.exif)
        read_xmp(found.xmp)
        profile_name(found.profile)


def check(data: bytes) -> str:
    read_everything(data)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if b"ftyp" in data[:12] else "error")
            found = inspect_photo(data, name="upload")
        assert found.facts and found.notes[-1] == NO_PROOF
        assert all(fact.name and fact.meaning and "\n" not in fact.value for fact in found.facts)
        for region in found.copied_regions:
            for x0, y0, x1, y1 in (region.source, region.target):
                assert 0 <= x0 <= x1 <= found.size[0] and 0 <= y0 <= y1 <= found.size[1]
        outcome = "; ".join(found.notes)[:30]
    except PhotoError as problem:
        assert str(problem).startswith("upload: ") and str(problem).endswith(".")
        outcome = "refused"
    assert time.perf_counter() - start < LONGEST_SECONDS
    return outcome


@pytest.mark.slow
def test_damaged_photos_give_facts_or_a_reason(capsys):
    files = [*files_with_parts() * 2, *corpus().values()]
    assert "refused" not in {check(data) for data in files}
    numbers = [int(ONLY)] if ONLY else range(INPUTS)
    outcomes, before = [], megabytes()
    for number in numbers:
        try:
            outcomes.append(check(damaged(files, number)))
        except Exception as problem:
            pytest.fail(f"input {number}: {problem!r}")
    growth = megabytes() - before
    with capsys.disabled():
        refused = outcomes.count("refused")
        print(f"\n{len(outcomes)} damaged photos: {refused} refused, {len(outcomes) - refused} looked at,", end=" ")
        print(f"0 crashes, {growth:+.0f} MB", end=" ")
    assert growth < MAX_GROWTH_MB
    assert ONLY or len(set(outcomes)) > 5
