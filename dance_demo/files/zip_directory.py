"""What a zip says it holds: the list of its files, read without unpacking a byte and without believing it.

We read the format ourselves (PKWARE, APPNOTE.TXT) because ``zipfile`` parses the whole directory before
one can count it, accepts overlapping entries, and gives up the whole zip for one file name in broken UTF-8.
"""

import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from dance_demo.errors import DatasetError
from dance_demo.files.code_page import OF_ZIPS, guess_code_page
from dance_demo.files.text import nfc

_END = struct.Struct("<4s4H2LH")  # end of central directory
_END_64 = struct.Struct("<4sQ2H2L4Q")  # the same for ZIP64, which streaming tools write for small zips too
_LOCATOR_64_BYTES = 20
_ENTRY = struct.Struct("<4s4x2H4x3L3H4x2L")  # one entry of the central directory
_LOCAL = struct.Struct("<4s5H3L2H")  # the header in front of a file's bytes
_ZIP64, _UNICODE_PATH = 1, 0x7075  # kinds of extra fields
_ENTRY_BYTES_AT_MOST = 1_024  # with its name and attributes
_OTHER_ARCHIVES = {b"Rar!": "a RAR file", b"7z\xbc\xaf": "a 7z file", b"\x1f\x8b": "a gzip file"}


@dataclass(frozen=True)
class ZipEntry:
    """One file or folder in a zip, as its directory describes it."""

    name: str
    raw_name: bytes  # empty where it is known how the name is written
    flags: int
    method: int
    crc: int
    packed_bytes: int
    file_bytes: int
    unix_mode: int
    header_start: int
    data_start: int | None  # None where no header stands in front of the bytes
    code_page: str = ""  # that was assumed for the name


def read_directory(file: BinaryIO, name: str, *, max_entries: int) -> list[ZipEntry]:
    """The entries of the zip called ``name``.

    Raises DatasetError if it is no zip, is cut off, holds too many entries, or entries that share bytes.
    """
    count, start, end, shift = _find_directory(file, name)
    if count > max_entries or end - start > max_entries * _ENTRY_BYTES_AT_MOST:
        raise _too_many(name, max_entries)
    file.seek(start)
    entries = []
    for entry in _walk_directory(file.read(end - start), name, shift):
        entries.append(entry)
        if len(entries) > max_entries:  # whatever the count at its end says
            raise _too_many(name, max_entries)
    return _with_data_starts(file, _with_names(entries), name)


def _find_directory(file: BinaryIO, name: str) -> tuple[int, int, int, int]:
    """(number of entries, start, end, shift) of the directory; shift is to be added to every offset in it."""
    tail_start = max(0, file.seek(0, 2) - _END.size - 0xFFFF)  # up to 64 KB of comment may follow
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise _not_a_zip(file, name)
    _, disk, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    if tail.startswith(b"PK\6\7", max(0, at - _LOCATOR_64_BYTES)):
        at -= _LOCATOR_64_BYTES + _END_64.size
        if at < 0 or not tail.startswith(b"PK\6\6", at):
            raise damaged(name, "its directory cannot be found")
        *_, count, length, offset = _END_64.unpack_from(tail, at)
    elif disk:
        raise DatasetError(f"{name}: this is one part of a split zip. Make one zip of all photos.")
    end = tail_start + at
    start = end - length
    shift = start - offset  # bytes in front of the zip, as in a self-extracting one
    if start < 0 or shift < 0:
        raise damaged(name, "its directory is cut off")
    return count, start, end, shift


def _walk_directory(directory: bytes, name: str, shift: int) -> Iterator[ZipEntry]:
    at = 0
    while at < len(directory):
        if not directory.startswith(b"PK\1\2", at) or at + _ENTRY.size > len(directory):
            raise damaged(name, "its directory is unreadable")
        _, flags, method, crc, packed_bytes, file_bytes, *lengths, attributes, offset = _ENTRY.unpack_from(
            directory, at
        )
        name_length, extra_length, comment_length = lengths
        name_end = at + _ENTRY.size + name_length
        raw_name = directory[at + _ENTRY.size : name_end]
        extra = directory[name_end : name_end + extra_length]
        file_bytes, packed_bytes, offset = _large_numbers(extra, file_bytes, packed_bytes, offset)
        known = _known_name(raw_name, extra, marked_utf8=bool(flags & 0x800))
        yield ZipEntry(
            name=_with_slashes(known or ""),
            raw_name=raw_name if known is None else b"",
            flags=flags,
            method=method,
            crc=crc,
            packed_bytes=packed_bytes,
            file_bytes=file_bytes,
            unix_mode=attributes >> 16,
            header_start=offset + shift,
            data_start=None,
        )
        at = name_end + extra_length + comment_length


def _large_numbers(extra: bytes, *numbers: int) -> Iterator[int]:
    """The numbers, those that did not fit into 32 bits replaced by what the entry's ZIP64 field says."""
    large = _extra_field(extra, _ZIP64)
    for number in numbers:
        if number == 0xFFFFFFFF and len(large) >= 8:
            number, large = int.from_bytes(large[:8], "little"), large[8:]
        yield number


def _extra_field(extra: bytes, wanted: int) -> bytes:
    """The last field of this kind, empty if there is none."""
    found = b""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == wanted:
            found = extra[4 : 4 + length]
        extra = extra[4 + length :]
    return found


def _known_name(raw: bytes, extra: bytes, *, marked_utf8: bool) -> str | None:
    """A file name as text, NFC; None where nothing says how it is written, and it is no UTF-8.

    WinRAR and WinZip put the right name into a field of its own, with the checksum of the name that it stands for:
    a program that renames files and does not know the field leaves one behind that is no longer true.
    """
    field = _extra_field(extra, _UNICODE_PATH)
    if len(field) > 5 and field[0] == 1 and int.from_bytes(field[1:5], "little") == binascii.crc32(raw):
        try:
            return nfc(field[5:].decode("utf-8"))
        except UnicodeDecodeError:
            pass
    try:
        return nfc(raw.decode("utf-8"))  # Macs write it, and forget to say so
    except UnicodeDecodeError:
        return nfc(raw.decode("utf-8", errors="replace")) if marked_utf8 else None


def _with_names(entries: list[ZipEntry]) -> list[ZipEntry]:
    """The entries with the names that Windows wrote in its local code page, which is guessed from all of them."""
    if not any(entry.raw_name for entry in entries):
        return entries
    parts = (part for entry in entries for part in entry.raw_name.split(b"/"))
    page = guess_code_page(parts, OF_ZIPS) or OF_ZIPS[0]
    return [
        replace(entry, name=_with_slashes(nfc(entry.raw_name.decode(page, errors="replace"))), code_page=page)
        if entry.raw_name
        else entry
        for entry in entries
    ]


def _with_slashes(name: str) -> str:
    """Windows' own Compress-Archive writes backslashes between folders."""
    return name.replace("\\", "/")


def _with_data_starts(file: BinaryIO, entries: list[ZipEntry], name: str) -> list[ZipEntry]:
    """The entries with the place where their bytes begin.

    Raises DatasetError if two entries share bytes: the trick of a zip bomb that packs terabytes into
    kilobytes (Fifield, "A better zip bomb", 2019).
    """
    placed = {}
    free_from = 0
    for index in sorted(range(len(entries)), key=lambda index: entries[index].header_start):
        entry = entries[index]
        file.seek(entry.header_start)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
            continue
        if entry.header_start < free_from:
            raise damaged(name, "overlapping entries")
        *_, name_length, extra_length = _LOCAL.unpack(header)
        placed[index] = entry.header_start + _LOCAL.size + name_length + extra_length
        free_from = placed[index] + entry.packed_bytes
    return [replace(entry, data_start=placed.get(index)) for index, entry in enumerate(entries)]


def damaged(name: str, what: str) -> DatasetError:
    """The error for a zip that contradicts itself."""
    return DatasetError(f"{name}: this zip file is damaged ({what}). Make the zip again.")


def _not_a_zip(file: BinaryIO, name: str) -> DatasetError:
    file.seek(0)
    start = file.read(8)
    for magic, kind in _OTHER_ARCHIVES.items():
        if start.startswith(magic):
            return DatasetError(f"{name}: this is {kind}, not a zip file. Unpack it and make a zip.")
    return DatasetError(
        f"{name}: this is not a complete zip file. Make the zip again, or upload it again if it was cut off."
    )


def _too_many(name: str, max_entries: int) -> DatasetError:
    return DatasetError(f"{name}: too many files in this zip, over {max_entries:,}. Use fewer photos.")
