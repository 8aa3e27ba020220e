"""A folder, a zip or a CSV of somebody's photos becomes a labelled dataset, and a report of what was found.

    dataset, report = open_dataset(Path("dances.zip"), workspace=Path("/tmp/visit"))
    dataset.class_names       ("kathak", "odissi")
    report.skipped            every file left out, with its reason
    report.warnings           copies under two labels, blurred photos, uneven classes, ...
    report.problems           what stands in the way of training; empty if nothing does

Photos are read one after the other; what stays in memory of each is its path and a fingerprint of 1 KB.
"""

import os
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dance_demo import remarks
from dance_demo.archive import (
    ArchiveLimits,
    Progress,
    SkippedFile,
    SourceFile,
    SourceFiles,
    is_litter,
    reason_for_suffix,
    suffix_of,
    unpack,
)
from dance_demo.duplicates import Fingerprint, fingerprint, near_duplicate_groups
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.layouts import Layout, in_order_of, recognise
from dance_demo.photos import PHOTO_SUFFIXES, difference_hash, open_photo
from dance_demo.remarks import Remark
from dance_demo.tables import Table, read_table

TABLE_SUFFIXES = (".csv", ".tsv")
_SUFFIXES = frozenset((*PHOTO_SUFFIXES, *TABLE_SUFFIXES))
_TABLES_AT_MOST = 20  # that are looked into for labels


@dataclass(frozen=True)
class LabeledPhoto:
    """One photo that can be read, and what it shows."""

    path: Path
    label: str
    name: str  # what its owner calls it
    pixel_sha256: str
    difference_hash: int = 0  # of `photos.difference_hash`; 0 says nothing


@dataclass(frozen=True)
class PhotoDataset:
    """Photos with labels. Photos with the same group number are copies of one another."""

    photos: tuple[LabeledPhoto, ...]
    class_names: tuple[str, ...]  # sorted
    groups: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each photo."""
        return tuple(photo.label for photo in self.photos)

    @property
    def class_indices(self) -> tuple[int, ...]:
        """The place of each photo's label in ``class_names``."""
        index = {name: place for place, name in enumerate(self.class_names)}
        return tuple(index[photo.label] for photo in self.photos)


@dataclass(frozen=True)
class IntakeReport:
    """What was found in somebody's photos, before any training."""

    layout: str
    kept: int
    skipped: tuple[SkippedFile, ...]
    duplicates: tuple[tuple[str, ...], ...]  # names, one tuple for each picture that occurs more than once
    warnings: tuple[Remark, ...]
    class_counts: dict[str, int]

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way of training, in sentences; empty if nothing does."""
        return remarks.class_problems(self.class_counts)

    @property
    def skipped_sentence(self) -> str:
        """One sentence on what was left out, empty if nothing was."""
        if not self.skipped:
            return ""
        count = len(self.skipped)
        return f"{count} of {self.kept + count} files were left out: {_first_reasons(self.skipped)}."


def open_dataset(
    source: Path,
    *,
    workspace: Path,
    limits: ArchiveLimits | None = None,
    progress: Progress | None = None,
) -> tuple[PhotoDataset, IntakeReport]:
    """The labelled photos of a folder, of a zip (unpacked into a new folder in ``workspace``), or of a CSV.

    ``progress`` hears (done, in all), first while unpacking and then while reading the photos.
    Raises DatasetError if the zip is refused, no labels are found, or not one photo can be read.
    """
    found = _find_files(source, workspace, limits, progress)
    photos, tables, unreadable = _sort_out(found, source)
    layout = recognise(photos, tables, chosen=_table_at(source, tables))
    skipped = (*found.skipped, *unreadable, *layout.skipped)
    dataset, report = check_photos(layout, skipped=skipped, progress=progress)
    return dataset, _with_source_remarks(report, found)


def open_photos(
    source: Path,
    *,
    workspace: Path,
    order: Path | None = None,
    limits: ArchiveLimits | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[SourceFile, ...], tuple[SkippedFile, ...]]:
    """The photos of a folder or zip without labels, and what was left out. The photos are not read yet.

    In the order and under the names of the CSV ``order``, else of a test.csv among them, else by name.
    Raises DatasetError if the zip is refused or there are no photos.
    """
    found = _find_files(source, workspace, limits, progress)
    photos, tables, unreadable = _sort_out(found, source)
    skipped = (*found.skipped, *unreadable)
    table = read_table(order) if order else _table_at(source, tables) or _table_named("test.csv", tables)
    if table:
        photos, missing = in_order_of(table, photos)
        skipped = (*skipped, *missing)
    if not photos:
        instead = f" Left out: {_first_reasons(skipped)}." if skipped else ""
        raise DatasetError(f"{source.name}: no photos found.{instead}")
    return tuple(photos), skipped


def check_photos(
    layout: Layout, *, skipped: Sequence[SkippedFile] = (), progress: Progress | None = None
) -> tuple[PhotoDataset, IntakeReport]:
    """Reads each labelled photo once: what cannot be read is left out, the others are compared.

    Raises DatasetError if not one of them can be read.
    """
    photos: list[LabeledPhoto] = []
    prints: list[Fingerprint] = []
    flaws: dict[str, str] = {}
    broken: list[SkippedFile] = []
    for done, (file, label) in enumerate(layout.labeled, start=1):
        try:
            photo = open_photo(file.path, name="Photo")
        except PhotoError as error:
            broken.append(SkippedFile(file.name, str(error).removeprefix("Photo: ")))
        else:
            prints.append(fingerprint(photo))
            hashes = prints[-1].pixel_sha256, difference_hash(photo)
            photos.append(LabeledPhoto(file.path, label, file.name, *hashes))
            if flaw := remarks.photo_flaw(photo):
                flaws[file.name] = flaw
        if progress:
            progress(done, len(layout.labeled))
    if not photos:
        raise DatasetError(f"None of {len(broken)} photos could be read: {_first_reasons(broken)}.")
    class_names = tuple(sorted({photo.label for photo in photos}))
    dataset = PhotoDataset(tuple(photos), class_names, near_duplicate_groups(prints))
    return dataset, _report(dataset, layout, (*skipped, *broken), flaws)


def require_trainable(report: IntakeReport) -> None:
    """Raises DatasetError that names everything which stands in the way of training."""
    if report.problems:
        raise DatasetError(" ".join((*report.problems, report.skipped_sentence)).strip())


# --- finding the files -------------------------------------------------------------------------------------


def _find_files(source: Path, workspace: Path, limits: ArchiveLimits | None, progress: Progress | None) -> SourceFiles:
    if source.is_dir():
        return _walk(source)
    if not source.is_file():
        raise DatasetError(f"{source.name}: there is no such file or folder.")
    suffix = suffix_of(source.name)
    if suffix in TABLE_SUFFIXES:
        return _walk(source.parent)
    if suffix in PHOTO_SUFFIXES:
        return SourceFiles((SourceFile(_as_text(source.name), source),), ())
    workspace.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="zip-", dir=workspace)) / "files"
    return unpack(source, directory, suffixes=_SUFFIXES, limits=limits, progress=progress)


def _walk(folder: Path) -> SourceFiles:
    """The files below a folder, sorted by name. Links to folders are not followed."""
    files, skipped, ignored = [], [], 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_litter(name)]
        for name in names:
            path = Path(parent, name)
            shown = _as_text(path.relative_to(folder).as_posix())
            if is_litter(name):
                ignored += 1
            elif not path.is_file():
                skipped.append(SkippedFile(shown, "a link that leads nowhere or a device, not a file"))
            elif reason := reason_for_suffix(shown, _SUFFIXES):
                skipped.append(SkippedFile(shown, reason))
            else:
                files.append(SourceFile(shown, path))
    return SourceFiles(tuple(sorted(files, key=lambda file: file.name)), tuple(skipped), ignored)


def _as_text(name: str) -> str:
    """A file name as text that can be written and shown, whatever bytes the disk had for it."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", errors="replace"))


def _sort_out(found: SourceFiles, source: Path) -> tuple[list[SourceFile], list[Table], list[SkippedFile]]:
    """(photos, tables, tables that cannot be read). Only those that decide something must be readable."""
    photos = [file for file in found.files if suffix_of(file.name) in PHOTO_SUFFIXES]
    others = [file for file in found.files if suffix_of(file.name) in TABLE_SUFFIXES]
    tables, unreadable = [], []
    for file in sorted(others, key=lambda file: file.name.count("/"))[:_TABLES_AT_MOST]:
        try:
            tables.append(read_table(file.path, name=file.name))
        except DatasetError as error:
            if file.path == source or file.name.lower().rpartition("/")[2] in ("train.csv", "test.csv"):
                raise
            unreadable.append(SkippedFile(file.name, str(error)))
    return photos, tables, unreadable


def _table_at(source: Path, tables: Sequence[Table]) -> Table | None:
    return next((table for table in tables if table.name == _as_text(source.name)), None)


def _table_named(name: str, tables: Sequence[Table]) -> Table | None:
    return next((table for table in tables if table.name.lower().rpartition("/")[2] == name), None)


# --- the report --------------------------------------------------------------------------------------------


def _report(
    dataset: PhotoDataset, layout: Layout, skipped: Sequence[SkippedFile], flaws: dict[str, str]
) -> IntakeReport:
    names = [photo.name for photo in dataset.photos]
    class_counts = dict(sorted(Counter(dataset.labels).items()))
    copies = _copies(dataset)
    warnings = [
        *map(Remark, layout.warnings),
        *remarks.class_remarks(class_counts),
        *remarks.copy_remarks([[(photo.name, photo.label) for photo in group] for group in copies]),
        *remarks.flaw_remarks(flaws),
        *(remarks.name_remarks(names, dataset.labels) if layout.from_table else ()),
    ]
    duplicates = tuple(tuple(photo.name for photo in group) for group in copies)
    return IntakeReport(layout.description, len(names), tuple(skipped), duplicates, tuple(warnings), class_counts)


def _first_reasons(skipped: Sequence[SkippedFile]) -> str:
    return remarks.first_few([f"{file.name} ({file.reason})" for file in skipped])


def _copies(dataset: PhotoDataset) -> list[list[LabeledPhoto]]:
    groups = defaultdict(list)
    for photo, group in zip(dataset.photos, dataset.groups, strict=True):
        groups[group].append(photo)
    return [group for group in groups.values() if len(group) > 1]


def _with_source_remarks(report: IntakeReport, found: SourceFiles) -> IntakeReport:
    added = []
    if found.repeated:
        text = f"Names that the zip holds more than once, all kept: {remarks.first_few(found.repeated)}."
        added.append(Remark(text, found.repeated))
    if found.ignored:
        added.append(Remark(f"{found.ignored} hidden files of macOS or Windows were ignored."))
    return replace(report, warnings=(*report.warnings, *added))
