"""What a zip may do to us, and what it may not. Row numbers are those of docs/threats.md."""

import io
import os
import random
import stat
import struct
import time
import tracemalloc
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from dance_demo.errors import DatasetError
from dance_demo.files.zip_archive import ArchiveLimits, SourceFiles, is_litter, unpack
from tests.support.made_up import Member, make_zip, tree_hash, write_files

SUFFIXES = (".jpg", ".png", ".csv")


def unpack_bytes(folder: Path, data: bytes, **settings) -> SourceFiles:
    archive = folder / "photos.zip"
    archive.write_bytes(data)
    return unpack(archive, folder / "job" / "files", suffixes=SUFFIXES, **settings)


def names(found: SourceFiles) -> list[str]:
    return [file.name for file in found.files]


def reasons(found: SourceFiles) -> dict[str, str]:
    return {file.name: file.reason for file in found.skipped}


def plain_zip(files: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.fixture
def refused(tmp_path):
    """Unpacks what must be refused as a whole; returns the message, and sees to it that nothing was written."""

    def check(data: bytes, **settings) -> str:
        with pytest.raises(DatasetError) as caught:
            unpack_bytes(tmp_path, data, **settings)
        assert not (tmp_path / "job").exists()
        return str(caught.value)

    return check


def quickest_refusal(refused, data: bytes) -> tuple[str, float]:
    seconds = []
    for _ in range(3):  # the machine may be busy: what counts is what it takes
        started = time.perf_counter()
        message = refused(data)
        seconds.append(time.perf_counter() - started)
    return message, min(seconds)


# --- ordinary zips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_out_as_zipfile_reads_them(tmp_path, compression):
    rng = random.Random(0)
    files = {f"kathak/{size}.jpg": rng.randbytes(size) + b"z" * size for size in (1, 7, 65_536, 300_000)}
    found = unpack_bytes(tmp_path, plain_zip(files, compression=compression))
    assert {file.name: file.path.read_bytes() for file in found.files} == files
    assert not found.skipped


def test_zips_with_zip64_records_comments_and_something_in_front_are_read(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.comment = b"holiday photos PK\1\2"
        with archive.open("kathak/1.jpg", "w", force_zip64=True) as member:
            member.write(b"photo")
    found = unpack_bytes(tmp_path, b"#!/bin/sh self-extracting\n" + stream.getvalue())
    assert [file.path.read_bytes() for file in found.files] == [b"photo"]


def test_a_small_zip_with_a_zip64_end_record_is_read(tmp_path):
    data = make_zip([Member(b"a/1.jpg", b"photo")])
    at = data.rindex(b"PK\5\6")
    length, offset = struct.unpack_from("<2L", data, at + 12)
    record = b"PK\6\6" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, length, offset)
    locator = b"PK\6\7" + struct.pack("<LQL", 0, at, 1)
    end = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert names(unpack_bytes(tmp_path, data[:at] + record + locator + end)) == ["a/1.jpg"]


def test_progress_is_told_up_to_the_last_file(tmp_path):
    heard = []
    files = {f"{number}.jpg": b"photo" for number in range(3)}
    unpack_bytes(tmp_path, plain_zip(files), progress=lambda *counts: heard.append(counts))
    assert heard == [(1, 3), (2, 3), (3, 3)]


# --- bad zips ----------------------------------------------------------------------------------------------

WHOLE_ZIP = plain_zip({f"kathak/{number}.jpg": os.urandom(500) for number in range(20)})


@pytest.mark.parametrize(
    "data, told",
    [
        (b"", "not a complete zip"),
        (b"just some text", "not a complete zip"),
        (b"\xff\xd8\xff\xe0 a photo called .zip", "not a complete zip"),
        (b"Rar!\x1a\x07\x01\x00 and more", "a RAR file"),
        (b"7z\xbc\xaf\x27\x1c and more", "a 7z file"),
        (b"\x1f\x8b\x08\x00 and more", "a gzip file"),
        (WHOLE_ZIP[: len(WHOLE_ZIP) // 2], "not a complete zip"),
        (WHOLE_ZIP[:-1], "not a complete zip"),
        (WHOLE_ZIP[len(WHOLE_ZIP) // 2 :], "cut off"),
        (b"PK\5\6" + bytes(18), "this zip is empty"),
    ],
)
def test_D1_what_is_no_complete_zip_is_refused_in_plain_words(refused, data, told):
    assert told in refused(data)


@pytest.mark.parametrize(
    "name, told",
    [
        (b"../canary/photo.jpg", "points outside"),
        (b"kathak/../../canary/photo.jpg", "points outside"),
        (b"/etc/photo.jpg", "place on a computer"),
        (b"C:/photo.jpg", "place on a computer"),
        (b"c:photo.jpg", "place on a computer"),
        (b"//server/share/photo.jpg", "place on a computer"),
        (b"\\\\server\\share\\photo.jpg", "place on a computer"),
        (b"C:\\photo.jpg", "place on a computer"),
        (b"..\\canary\\photo.jpg", "points outside"),
        (b"kathak\\..\\..\\canary\\photo.jpg", "points outside"),
        (b"photo.jpg\0.png", "zero byte"),
        (b"n" * 2_000 + b".jpg", "longer than"),
    ],
)
def test_D2_names_that_lead_elsewhere_are_left_out(tmp_path, name, told):
    canary = write_files(tmp_path / "canary", {"photo.jpg": b"mine", "sub/other.jpg": b"mine too"})
    before = tree_hash(canary)
    found = unpack_bytes(tmp_path, make_zip([Member(name, b"evil"), Member(b"good/1.jpg", b"good")]))
    assert names(found) == ["good/1.jpg"]
    assert told in found.skipped[0].reason
    assert tree_hash(canary) == before
    assert [path.name for path in (tmp_path / "job").rglob("*.*")] == ["00000.jpg"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_D3_links_and_devices_are_left_out(tmp_path, kind):
    link = Member(b"kathak/link.jpg", b"/etc/passwd", mode=kind | 0o777)
    found = unpack_bytes(tmp_path, make_zip([link, Member(b"kathak/1.jpg", mode=stat.S_IFREG | 0o644)]))
    assert names(found) == ["kathak/1.jpg"]
    assert reasons(found) == {"kathak/link.jpg": "a link or device, not a file"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_D4_a_file_that_unpacks_to_over_a_hundred_times_its_size_is_left_out(tmp_path):
    found = unpack_bytes(tmp_path, make_zip([Member(b"a/bomb.jpg", bytes(15_000_000)), Member(b"a/1.jpg")]))
    assert names(found) == ["a/1.jpg"]
    assert "exceeds the limit of 100 times" in reasons(found)["a/bomb.jpg"]


def test_D4_more_than_a_gigabyte_in_all_is_refused_before_anything_is_written(refused):
    noise = os.urandom(200_000)
    claims = [Member(b"%d.jpg" % index, noise, deflate=False, file_bytes=19_000_000) for index in range(60)]
    message, seconds = quickest_refusal(refused, make_zip(claims))
    assert "1.1 GB, exceeds the limit of 1.0 GB" in message
    assert seconds < 0.2


def test_D4_a_file_that_lies_about_its_size_is_stopped_at_what_it_claimed(tmp_path):
    bomb = make_zip([Member(b"a/bomb.jpg", bytes(50_000_000), file_bytes=900_000)])
    tracemalloc.start()
    found = unpack_bytes(tmp_path, bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "larger than the zip says" in reasons(found)["a/bomb.jpg"]
    assert not list((tmp_path / "job" / "files").iterdir())
    assert peak_bytes < 2_000_000


def test_D4_a_zip_inside_the_zip_is_not_opened(tmp_path):
    inner = plain_zip({"kathak/1.jpg": b"photo"})
    found = unpack_bytes(tmp_path, plain_zip({"more.zip": inner, "a/1.jpg": b"photo"}))
    assert names(found) == ["a/1.jpg"]
    assert "is not opened" in reasons(found)["more.zip"]


def test_D4_limits_on_the_zip_and_on_one_file_are_kept(tmp_path, refused):
    assert "the limit for a zip is 0 MB" in refused(WHOLE_ZIP, limits=ArchiveLimits(archive_bytes=100))
    found = unpack_bytes(tmp_path, WHOLE_ZIP, limits=ArchiveLimits(file_bytes=499))
    assert not found.files and len(found.skipped) == 20


def test_D5_entries_that_share_bytes_are_refused(refused):
    kernel = Member(b"a/1.jpg", b"k" * 20_000)
    twice = [kernel, *(Member(b"a/%d.jpg" % index, b"k" * 20_000, header_start=0) for index in range(2, 100))]
    assert "overlapping entries" in refused(make_zip(twice))


def test_D5_entries_that_quote_the_next_header_are_refused(refused):
    second = make_zip([Member(b"b/2.jpg", b"kernel")])
    quoted_bytes = second.index(b"PK\1\2")
    first = Member(b"b/1.jpg", b"kernel", deflate=False, packed=b"", packed_bytes=quoted_bytes)
    data = make_zip([first, Member(b"b/2.jpg", b"kernel")])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # the standard library lists it without a word
        assert len(archive.infolist()) == 2
    assert "overlapping entries" in refused(data)


@pytest.mark.parametrize("count", [60_000, 1, 0])
def test_D6_sixty_thousand_files_are_refused_at_once_whatever_the_zip_claims(refused, count):
    entry = b"PK\1\2" + struct.pack("<6H3L5H2L", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"1.jpg"
    end = struct.pack("<4H2LH", 0, 0, count, count, len(entry) * 60_000, 0, 0)
    message, seconds = quickest_refusal(refused, entry * 60_000 + b"PK\5\6" + end)
    assert "too many files" in message
    assert seconds < 0.2


def test_D6_a_zip64_record_that_claims_a_huge_directory_is_refused_at_once(refused):
    for count, length in [(2**40, 46), (1, 2**40), (2**63, 2**63)]:
        record = b"PK\6\6" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, length, 0)
        data = bytes(1_000) + record + b"PK\6\7" + bytes(16) + b"PK\5\6" + bytes(18)
        message, seconds = quickest_refusal(refused, data)
        assert "too many files" in message or "damaged" in message
        assert seconds < 0.2


def test_D6_over_five_thousand_photos_are_refused_and_hidden_files_do_not_count(tmp_path, refused):
    limits = ArchiveLimits(files=10)
    photos = [Member(b"a/%d.jpg" % index) for index in range(10)]
    shadows = [Member(b"__MACOSX/a/._%d.jpg" % index) for index in range(10)]
    assert "too many files" in refused(make_zip([*photos, Member(b"a/10.jpg")]), limits=limits)
    assert len(unpack_bytes(tmp_path, make_zip([*photos, *shadows]), limits=limits).files) == 10


def test_D7_one_bad_file_is_named_with_its_reason_and_the_rest_goes_on(tmp_path):
    members = [
        Member(b"a/locked.jpg", flags=1),
        Member(b"a/bzip2.jpg", method=12),
        Member(b"a/crc.jpg", crc=1),
        Member(b"a/noise.jpg", packed=b"\xff" * 50),
        Member(b"a/cut.jpg", os.urandom(1_000), packed_bytes=500, packed=os.urandom(500)),
        Member(b"a/empty.jpg", b""),
        Member(b"a/lost.jpg", header_start=5),
        Member(b"a/notes.txt"),
        Member(b"a/good.jpg"),
    ]
    found = unpack_bytes(tmp_path, make_zip(members))
    assert names(found) == ["a/good.jpg"]
    assert reasons(found) == {
        "a/locked.jpg": "locked with a password; make the zip without one",
        "a/bzip2.jpg": "packed with an unusual method; make the zip with ordinary settings",
        "a/crc.jpg": "damaged in the zip: its checksum does not match",
        "a/noise.jpg": "damaged in the zip: it cannot be unpacked",
        "a/cut.jpg": reasons(found)["a/cut.jpg"],
        "a/empty.jpg": "the file is empty",
        "a/lost.jpg": "damaged in the zip: its header is missing",
        "a/notes.txt": "not a kind of file that is read here (.txt)",
    }
    assert reasons(found)["a/cut.jpg"].startswith("damaged in the zip")
    assert len(list((tmp_path / "job" / "files").iterdir())) == 1


@pytest.mark.parametrize(
    "raw, utf8, shown",
    [
        ("Mohiniyāṭṭam/1.jpg".encode(), True, "Mohiniyāṭṭam/1.jpg"),
        ("कथक/1.jpg".encode(), False, "कथक/1.jpg"),  # as Macs write it: UTF-8 without saying so
        ("Ballèt/Märchen.jpg".encode("cp437"), False, "Ballèt/Märchen.jpg"),
        ("日本舞踊/踊り.jpg".encode("cp932"), False, "日本舞踊/踊り.jpg"),
        (b"kathak/\xff\xfe.jpg", True, "kathak/\ufffd\ufffd.jpg"),
        ("💃/1.jpg".encode(), True, "💃/1.jpg"),
        (unicodedata.normalize("NFD", "Café/1.jpg").encode(), True, "Café/1.jpg"),
        (b"CON/aux.jpg", False, "CON/aux.jpg"),
        (b"n" * 296 + b".jpg", False, "n" * 296 + ".jpg"),
    ],
)
def test_D8_names_of_all_origins_are_readable(tmp_path, raw, utf8, shown):
    found = unpack_bytes(tmp_path, make_zip([Member(raw, flags=0x800 if utf8 else 0)]))
    assert names(found) == [shown]
    assert found.files[0].path.name == "00000.jpg"  # never a name from the zip


def unicode_path(raw: bytes, name: str, *, version: int = 1, crc: int | None = None) -> bytes:
    """The extra field of WinRAR and WinZip, and one of another kind in front of it."""
    body = struct.pack("<BL", version, zlib.crc32(raw) if crc is None else crc) + name.encode()
    return struct.pack("<2H", 0x5455, 5) + b"12345" + struct.pack("<2H", 0x7075, len(body)) + body


def test_D8_the_right_name_in_the_extra_field_of_winrar_and_winzip_is_used(tmp_path):
    raw = "古典舞/1.jpg".encode("gb18030")
    found = unpack_bytes(tmp_path, make_zip([Member(raw, extra=unicode_path(raw, "古典舞/1.jpg"))]))
    assert names(found) == ["古典舞/1.jpg"] and found.code_page == ""


@pytest.mark.parametrize(
    "extra",
    [
        unicode_path(b"", "odissi/1.jpg", crc=7),  # left behind by a program that renamed the file
        unicode_path(b"kathak/1.jpg", "odissi/1.jpg", version=2),
        struct.pack("<2H", 0x7075, 900),
        struct.pack("<2HB", 0x7075, 3, 1) + b"ab",
        struct.pack("<2HBL", 0x7075, 6, 1, zlib.crc32(b"kathak/1.jpg")) + b"\xff",
    ],
)
def test_D8_an_extra_field_that_is_not_true_of_the_name_does_not_count(tmp_path, extra):
    assert names(unpack_bytes(tmp_path, make_zip([Member(b"kathak/1.jpg", extra=extra)]))) == ["kathak/1.jpg"]


def test_D8_the_names_of_a_zip_are_read_in_one_code_page_which_is_told(tmp_path):
    raw = [name.encode("gb18030") for name in ("古典舞/1.jpg", "卡塔克/2.jpg", "kathak/3.jpg")]
    found = unpack_bytes(tmp_path, make_zip([Member(name) for name in raw]))
    assert names(found) == ["古典舞/1.jpg", "卡塔克/2.jpg", "kathak/3.jpg"]
    assert found.code_page == "gb18030"


def test_D9_files_of_the_same_name_are_all_kept_and_named(tmp_path):
    members = [Member(b"a/1.jpg", b"first"), Member(b"a/1.jpg", b"second"), Member(b"A/1.jpg", b"third")]
    found = unpack_bytes(tmp_path, make_zip(members))
    assert sorted(file.path.read_bytes() for file in found.files) == [b"first", b"second", b"third"]
    assert found.repeated == ("a/1.jpg",)


def test_D10_what_operating_systems_leave_behind_is_ignored_and_counted(tmp_path):
    litter = ["__MACOSX/kathak/._1.jpg", "kathak/.DS_Store", "kathak/Thumbs.db", "desktop.ini", ".git/x.jpg"]
    found = unpack_bytes(tmp_path, plain_zip({"kathak/1.jpg": b"photo", **dict.fromkeys(litter, b"x")}))
    assert names(found) == ["kathak/1.jpg"]
    assert found.ignored == len(litter) and not found.skipped


def test_D10_what_a_nas_leaves_behind_is_ignored_and_counted(tmp_path):
    litter = ["dance/kathak/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg", "dance/@eaDir/1.jpg", "#recycle/1.jpg", "._1.jpg"]
    found = unpack_bytes(tmp_path, plain_zip({"dance/kathak/1.jpg": b"photo", **dict.fromkeys(litter, b"x")}))
    assert names(found) == ["dance/kathak/1.jpg"] and found.ignored == len(litter)


def test_backslashes_between_folders_are_read_as_windows_means_them(tmp_path):
    members = [
        Member(b"kathak\\"),
        Member(b"kathak\\1.jpg"),
        Member(b"odissi\\a\\2.jpg"),
        Member("舞\\ソ.jpg".encode("cp932")),
    ]
    found = unpack_bytes(tmp_path, make_zip(members))
    assert names(found) == ["kathak/1.jpg", "odissi/a/2.jpg", "舞/ソ.jpg"] and not found.skipped
    assert found.folders == ("kathak",)


@pytest.mark.parametrize(
    "name", ["1", "1.jpg?raw=true", "1.jpg_", "1.jpg_large", "at 12.30.15", "1.jpeg (1)", "Photo 2020.01.02 um 3"]
)
def test_photos_without_an_ending_are_known_by_their_bytes(tmp_path, name):
    def is_photo(start: bytes) -> bool:
        return start.startswith(b"photo")

    files = {f"a/{name}": b"photo" * 30_000, f"b/{name}": b"text", "c/1.txt": b"photo"}
    found = unpack_bytes(tmp_path, plain_zip(files), wanted_by_bytes=is_photo)
    assert names(found) == [f"a/{name}"] and found.files[0].path.name == "00000"
    assert set(reasons(found)) == {f"b/{name}", "c/1.txt"}


def test_a_folder_that_points_upwards_is_not_taken_for_a_hidden_one():
    assert not is_litter("../a/./1.jpg")
