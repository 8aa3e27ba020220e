"""Takes the photos out of a zip that somebody uploaded, and trusts nothing that the zip says about itself.

The zip's directory is judged first: how many files, how large, which names and kinds. Only then are the
wanted files unpacked, one stream each with a byte budget, under names that we make up. A zip that is no zip,
is cut off or asks for too much is refused as a whole (``DatasetError``); a single bad file in it is left out
and listed with its reason.

This is the only place that opens a zip, and `zipfile` only ever writes one.
"""

import errno
import io
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dance_demo.errors import DatasetError
from dance_demo.files.code_page import described
from dance_demo.files.zip_directory import ZipEntry, damaged, read_directory

OnProgress = Callable[[int, int], None]  # (done, in all)

_STORED, _DEFLATED = 0, 8
_LOCKED_FLAGS = 0x41
_NAME_LENGTH = 1_000  # characters, folders included
_CHUNK_BYTES = 64 * 1024
_LITTER = {"__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "icon\r"}
_LITTER |= {"@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "lost+found"}  # of a NAS
_LITTER_NAMES = re.compile(r"syno(photo|file)_thumb", re.IGNORECASE)  # thumbnails that were taken out of their @eaDir
_APPLE_DOUBLE = (b"\0\5\x16\7", b"\0\5\x16\0")  # how a Mac's notes on a file begin, also where "._" was taken off
_PLACEHOLDER_SUFFIX, _PROPERTY_LIST = ".icloud", b"bplist00"
LITTER_BYTES = 8  # of a file's start that show whether it is litter
_NOTES = {".txt", ".md", ".rtf", ".pdf", ".docx", ".odt", ".jpg", ".jpeg", ".png", ".heic"}  # that lie beside a bundle
_SPREADSHEET_SUFFIXES = {".xlsx", ".xls", ".ods", ".numbers"}
_ARCHIVE_SUFFIXES = {".zip", ".rar", ".7z", ".gz", ".tar", ".bz2", ".xz"}


@dataclass(frozen=True)
class ArchiveLimits:
    """How much a zip may ask for."""

    archive_bytes: int = 200_000_000
    files: int = 5_000
    file_bytes: int = 20_000_000
    unpacked_bytes: int = 1_000_000_000
    ratio: int = 100  # unpacked : packed, for files over ratio_from_bytes
    ratio_from_bytes: int = 1_000_000

    @property
    def entries(self) -> int:
        """Folders, and the hidden file that a Mac adds beside each photo, are entries as well."""
        return 3 * self.files


@dataclass(frozen=True)
class SourceFile:
    """One file that we were given: what its owner calls it, and where it lies on this computer."""

    name: str  # relative, "/" between folders, NFC
    path: Path


@dataclass(frozen=True)
class SkippedFile:
    """One file that we leave out, and why, in plain words."""

    name: str
    reason: str


@dataclass(frozen=True)
class SourceFiles:
    """The files of a zip or a folder."""

    files: tuple[SourceFile, ...]
    skipped: tuple[SkippedFile, ...]
    ignored: int = 0  # litter of operating systems, not worth a line each
    placeholders: int = 0  # of photos that lie in iCloud only; they are among the ignored
    repeated: tuple[str, ...] = ()  # names that a zip holds more than once; every copy is kept
    folders: tuple[str, ...] = ()  # also the empty ones, where they are known
    code_page: str = ""  # that was assumed for names of a zip that do not say how they are written

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence each on what was assumed about names, and on what was passed over without a line of its own."""
        remarks = []
        if self.code_page:
            unknown = "The zip does not say in which code page its names are written"
            advice = "If they look wrong, make the zip with UTF-8 names, or rename the folders in plain letters."
            remarks.append(f"{unknown}; taken for {described(self.code_page)}. {advice}")
        if self.placeholders:
            stand_ins = "photos are in iCloud, and only stand-ins for them here. Download them first."
            remarks.append(f"{self.placeholders} {stand_ins}")
        if self.ignored:
            remarks.append(f"{self.ignored} hidden files of macOS, Windows or a NAS were ignored.")
        return tuple(remarks)


class _BadEntry(Exception):
    """One file of the zip cannot be unpacked; the text is the reason."""


def unpack(
    archive: Path,
    directory: Path,
    *,
    suffixes: Iterable[str],
    limits: ArchiveLimits | None = None,
    progress: OnProgress | None = None,
    wanted_by_bytes: Callable[[bytes], bool] | None = None,
) -> SourceFiles:
    """The files of a zip that end in one of ``suffixes`` (lower case, with dot), put into a new directory.

    Those whose names have no ending to speak of are wanted if their first bytes are.

    Raises DatasetError if the zip as a whole is damaged, empty or over a limit; nothing is written then.
    """
    limits = limits or ArchiveLimits()
    suffixes = frozenset(suffixes)
    _check_archive_size(archive, limits)
    with archive.open("rb") as file:
        entries = read_directory(file, archive.name, max_entries=limits.entries)
        members = [entry for entry in entries if not entry.name.endswith("/") and not is_litter(entry.name)]
        hidden = [entry for entry in entries if is_litter(entry.name)]
        wanted, skipped = _choose(file, members, suffixes, limits, wanted_by_bytes)
        _check_totals(members or hidden, wanted, archive.name, limits)
        files, damaged, litter = _unpack_entries(file, wanted, directory, progress)
    ignored = len(hidden) + len(litter)
    placeholders = sum(is_placeholder(entry.name) for entry in hidden) + sum(litter)
    repeated = tuple(name for name, count in Counter(entry.name for entry in members).items() if count > 1)
    around = [entry.name.rpartition("/")[0] for entry in hidden]
    folders = [name for name in around if name and not is_litter(name)]  # .gitkeep alone
    folders += [entry.name.rstrip("/") for entry in entries if entry.name.endswith("/") and not is_litter(entry.name)]
    page = next((entry.code_page for entry in members if entry.code_page), "")
    named = (repeated, tuple(dict.fromkeys(folders)), page)
    return SourceFiles(tuple(files), (*skipped, *damaged), ignored, placeholders, *named)


def read_files(
    archive: Path, names: Collection[str], *, beside: Collection[str] = (), limits: ArchiveLimits
) -> dict[str, bytes]:
    """The files of these names in a small zip, at its top or all in one folder.

    It may hold others only if `beside` names them or they are notes and pictures; those are not read: whoever unpacks a
    zip and packs it again leaves a folder around, a note and a Mac's litter. Raises DatasetError otherwise.
    """
    _check_archive_size(archive, limits)
    with archive.open("rb") as file:
        entries = read_directory(file, archive.name, max_entries=limits.entries)
        members = [entry for entry in entries if not is_litter(entry.name) and not entry.name.endswith("/")]
        _check_totals(members, members, archive.name, limits)
        folder = _folder_of(members, names)
        _check_expected(members, {folder + name for name in (*names, *beside)}, archive.name, limits)
        found = [entry for entry in members if entry.name in {folder + name for name in names}]
        try:
            return {entry.name.removeprefix(folder): b"".join(_unpacked(file, entry)) for entry in found}
        except _BadEntry as error:
            raise damaged(archive.name, str(error)) from error


def _folder_of(members: list[ZipEntry], names: Collection[str]) -> str:
    """The one folder that holds most of the names, with its slash; "" for none, or at the top."""
    found = Counter(entry.name.rpartition("/")[0] for entry in members if entry.name.rpartition("/")[2] in names)
    most = max(found.values(), default=0)
    folder = min((folder for folder, count in found.items() if count == most), key=len, default="")
    return f"{folder}/" if folder else ""


def _check_expected(members: list[ZipEntry], names: Collection[str], archive: str, limits: ArchiveLimits) -> None:
    for entry in members:
        if entry.name not in names and (suffix_of(entry.name) not in _NOTES or _problem_with_name(entry.name)):
            raise DatasetError(f"{archive}: it holds {entry.name!r:.80}, which does not belong there.")
        if entry.name in names and (reason := _reason_to_skip(entry, {suffix_of(entry.name)}, limits)):
            raise DatasetError(f"{archive}: {entry.name} in it: {reason}.")
    if len({entry.name for entry in members}) < len(members):
        raise DatasetError(f"{archive}: it holds two files of the same name.")


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files. The same files always give the same bytes, so nothing is compressed: zlibs differ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.create_system = 3  # or Windows would write other bytes
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    return buffer.getvalue()


def is_litter(name: str) -> bool:
    """Whether a system left this file behind: hidden files, ``__MACOSX``, ``Thumbs.db``, a NAS's ``@eaDir``."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in (".", "..")]
    last = parts[-1] if parts else ""
    if last.lower().endswith(_PLACEHOLDER_SUFFIX) or _LITTER_NAMES.match(last):
        return True
    return any(part.startswith(".") or part.lower() in _LITTER for part in parts)


def is_placeholder(name: str) -> bool:
    """Whether a file stands for one that lies in iCloud only: ``.IMG_1.jpg.icloud``."""
    return name.lower().endswith(_PLACEHOLDER_SUFFIX)


def is_litter_by_bytes(start: bytes) -> bool:
    """Whether a file that is called like a photo is a Mac's note on one, or iCloud's placeholder for one."""
    return start.startswith((*_APPLE_DOUBLE, _PROPERTY_LIST))


def suffix_of(name: str) -> str:
    """The ending of a file name in lower case, with its dot; empty if there is none."""
    last = name.rpartition("/")[2]
    stem, dot, ending = last.rpartition(".")
    return dot + ending.lower() if stem else ""


def has_vague_ending(name: str) -> bool:
    """Whether the ending of a name says nothing: there is none, a part of a time, or ``.jpg_large``."""
    suffix = suffix_of(name)
    return not suffix or bool(re.match(r"\.(\d|(jpe?g|png|webp|gif|bmp|heic|avif|jfif)[\W_])", suffix))


def _choose(
    file: BinaryIO,
    members: list[ZipEntry],
    suffixes: frozenset[str],
    limits: ArchiveLimits,
    wanted_by_bytes: Callable[[bytes], bool] | None,
) -> tuple[list[ZipEntry], list[SkippedFile]]:
    reasons = []
    for entry in members:
        also: set[str] = set()
        if wanted_by_bytes and has_vague_ending(entry.name) and wanted_by_bytes(_first_bytes(file, entry)):
            also = {suffix_of(entry.name)}
        reasons.append(_reason_to_skip(entry, suffixes | also, limits))
    pairs = list(zip(members, reasons, strict=True))
    wanted = [entry for entry, reason in pairs if reason is None]
    return wanted, [SkippedFile(entry.name[:_NAME_LENGTH], reason) for entry, reason in pairs if reason]


def _reason_to_skip(entry: ZipEntry, suffixes: Collection[str], limits: ArchiveLimits) -> str | None:
    return (
        _problem_with_name(entry.name)
        or _problem_with_kind(entry, suffixes)
        or _problem_with_size(entry.file_bytes, entry.packed_bytes, limits)
    )


def _problem_with_name(name: str) -> str | None:
    if len(name) > _NAME_LENGTH:
        return f"its name is longer than {_NAME_LENGTH:,} characters"
    if "\0" in name:
        return "its name contains a zero byte"
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "its name is a place on a computer, not a place in the zip"
    if ".." in name.split("/"):
        return "its name points outside the zip"
    return None


def _problem_with_kind(entry: ZipEntry, suffixes: Collection[str]) -> str | None:
    if stat.S_IFMT(entry.unix_mode) not in (0, stat.S_IFREG):
        return "a link or device, not a file"
    if reason := reason_for_suffix(entry.name, suffixes):
        return reason
    if entry.flags & _LOCKED_FLAGS:
        return "locked with a password; make the zip without one"
    if entry.method not in (_STORED, _DEFLATED):
        return "packed with an unusual method; make the zip with ordinary settings"
    return None


def reason_for_suffix(name: str, suffixes: Iterable[str]) -> str | None:
    """Why a file is left out because of the ending of its name, or None if it is wanted."""
    suffix = suffix_of(name)
    if suffix in suffixes:
        return None
    if suffix in _ARCHIVE_SUFFIXES:
        return "an archive inside is not opened; unpack it first"
    if suffix in _SPREADSHEET_SUFFIXES:
        return "a spreadsheet; if the labels are in it, save it as CSV"
    return f"not a kind of file that is read here ({suffix[:12] or 'no ending'})"


def _problem_with_size(file_bytes: int, packed_bytes: int, limits: ArchiveLimits) -> str | None:
    if file_bytes == 0:
        return "the file is empty"
    if file_bytes > limits.file_bytes:
        return f"{_size(file_bytes)} unpacked; the limit for one file is {_size(limits.file_bytes)}"
    if file_bytes > limits.ratio_from_bytes and file_bytes > limits.ratio * packed_bytes:
        return f"its unpacked size exceeds the limit of {limits.ratio} times its packed size"
    return None


def _check_archive_size(archive: Path, limits: ArchiveLimits) -> None:
    size = archive.stat().st_size
    if size > limits.archive_bytes:
        raise DatasetError(
            f"{archive.name}: {_size(size)}; the limit for a zip is {_size(limits.archive_bytes)}. "
            "Use fewer or smaller photos."
        )


def _check_totals(members: list[ZipEntry], wanted: list[ZipEntry], name: str, limits: ArchiveLimits) -> None:
    if not members:
        raise DatasetError(f"{name}: this zip is empty. Put photos into class folders and zip those.")
    if len(members) > limits.files:
        raise DatasetError(
            f"{name}: too many files, {len(members):,}; the limit is {limits.files:,}. Use fewer photos."
        )
    total = sum(entry.file_bytes for entry in wanted)
    if total > limits.unpacked_bytes:
        raise DatasetError(
            f"{name}: the unpacked size, {_size(total)}, exceeds the limit of {_size(limits.unpacked_bytes)}."
            " Use fewer or smaller photos."
        )


def _unpack_entries(
    file: BinaryIO, entries: list[ZipEntry], directory: Path, progress: OnProgress | None
) -> tuple[list[SourceFile], list[SkippedFile], list[bool]]:
    """(files, those that are damaged, whether each of those that turned out to be litter is a placeholder)."""
    directory.mkdir(parents=True)
    files, damaged, litter = [], [], []
    for index, entry in enumerate(entries):
        target = directory / (f"{index:05d}" + ("" if has_vague_ending(entry.name) else suffix_of(entry.name)))
        try:
            _unpack_entry(file, entry, target)
            start = first_bytes(target)
            if is_litter_by_bytes(start):
                target.unlink()
                litter.append(start.startswith(_PROPERTY_LIST))
            else:
                files.append(SourceFile(entry.name, target))
        except _BadEntry as error:
            target.unlink(missing_ok=True)
            damaged.append(SkippedFile(entry.name, f"damaged in the zip: {error}"))
        if progress:
            progress(index + 1, len(entries))
    return files, damaged, litter


def first_bytes(path: Path) -> bytes:
    """As many of a file as show whether it is litter; none where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(LITTER_BYTES)
    except OSError:
        return b""


def _unpack_entry(file: BinaryIO, entry: ZipEntry, target: Path) -> None:
    pieces = _unpacked(file, entry)
    try:
        with target.open("xb") as out:
            for piece in pieces:
                out.write(piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatasetError("No space left on this computer for the zip. Try again later.") from error
        raise


def _first_bytes(file: BinaryIO, entry: ZipEntry) -> bytes:
    """At most 64 KB of a file in the zip; none where it cannot be unpacked."""
    if entry.flags & _LOCKED_FLAGS or entry.method not in (_STORED, _DEFLATED):
        return b""
    try:
        return next(_unpacked(file, entry), b"")
    except _BadEntry:
        return b""


def _unpacked(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """The bytes of one file in pieces; raises _BadEntry where they are not what the directory says."""
    if entry.data_start is None:
        raise _BadEntry("its header is missing")
    file.seek(entry.data_start)
    packed = _read_pieces(file, entry.packed_bytes)
    unpacked = crc = 0
    try:
        for piece in packed if entry.method == _STORED else _inflate(packed):
            unpacked += len(piece)
            if unpacked > entry.file_bytes:
                raise _BadEntry("it is larger than the zip says")
            crc = zlib.crc32(piece, crc)
            yield piece
    except zlib.error as error:
        raise _BadEntry("it cannot be unpacked") from error
    if unpacked != entry.file_bytes or crc != entry.crc:
        raise _BadEntry("its checksum does not match")


def _read_pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := file.read(min(length, _CHUNK_BYTES))):
        length -= len(piece)
        yield piece


def _inflate(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpacked bytes in pieces of bounded size, whatever the packed ones would like to become."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in packed:
        while piece and not unpacker.eof:
            yield unpacker.decompress(piece, _CHUNK_BYTES)
            piece = unpacker.unconsumed_tail
    while not unpacker.eof and (rest := unpacker.decompress(b"", _CHUNK_BYTES)):
        yield rest


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
