"""A folder, a zip or a CSV of somebody's photos becomes a labelled dataset, and a report of what was found.

    dataset, report = open_dataset(Path("dances.zip"), workspace=Path("/tmp/visit"))
    dataset.class_names       ("kathak", "odissi")
    report.skipped            every file left out, with its reason
    report.warnings           copies under two labels, blurred photos, uneven classes, ...
    report.problems           what stands in the way of training; empty if nothing does

Photos are read one after the other; what stays in memory of each is its path and a fingerprint of 1 KB. Where there are
more recordings than photos, the recordings become the dataset: of pictures of sound (`data.sound`).
"""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from dance_demo.data import checks
from dance_demo.data.checks import DataWarning
from dance_demo.data.duplicates import near_duplicate_groups
from dance_demo.data.fingerprint import Fingerprint, difference_hash, fingerprint
from dance_demo.data.layout import Layout, Question, Wanted, detect_layout, in_order_of, missing_class
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.files.csv_table import Table, read_table
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo
from dance_demo.files.photo_formats import starts_like_a_photo
from dance_demo.files.sound import MAX_FILE_BYTES as SOUND_BYTES
from dance_demo.files.sound import SOUND_SUFFIXES, starts_like_a_sound
from dance_demo.files.text import nfc
from dance_demo.files.zip_archive import (
    ArchiveLimits,
    OnProgress,
    SkippedFile,
    SourceFile,
    SourceFiles,
    first_bytes,
    has_vague_ending,
    is_litter,
    is_litter_by_bytes,
    is_placeholder,
    reason_for_suffix,
    suffix_of,
    unpack,
)
from dance_demo.model.preprocessing import SOUND_NOUN, SoundSettings

TABLE_SUFFIXES = (".csv", ".tsv")
_SUFFIXES = frozenset((*PHOTO_SUFFIXES, *SOUND_SUFFIXES, *TABLE_SUFFIXES))
_TABLES_AT_MOST = 20  # that are looked into for labels


@dataclass(frozen=True)
class LabeledPhoto:
    """One photo that can be read, and what it shows."""

    path: Path
    label: str
    name: str  # what its owner calls it
    pixel_sha256: str
    difference_hash: int = 0  # of `fingerprint.difference_hash`; 0 says nothing
    recording: str = ""  # in which it was taken here, with others in a row; of sound, the one that it is a piece of
    audio: Path | None = None  # of a picture of sound: the piece itself, to be played


@dataclass(frozen=True)
class PhotoDataset:
    """Photos with labels. Photos with the same group number are copies of one another, or of one recording.

    Where `sound` is set, each photo is the pictures of a piece of sound.
    """

    photos: tuple[LabeledPhoto, ...]
    class_names: tuple[str, ...]  # sorted
    groups: tuple[int, ...]
    corrections: int = 0  # labels changed and photos left out by their owner
    origin: "PhotoDataset | None" = None  # before the first correction
    kept: tuple[int, ...] = ()  # the index in `origin` of each photo
    sound: SoundSettings | None = None

    @property
    def noun(self) -> str:
        """What its photos are, for people."""
        return SOUND_NOUN if self.sound else "photos"

    @property
    def pictures(self) -> int:
        """How many pictures stand above one another in each photo: 1, but for sound."""
        return len(self.sound.pictures) if self.sound else 1

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each photo."""
        return tuple(photo.label for photo in self.photos)

    @property
    def class_indices(self) -> tuple[int, ...]:
        """The index of each photo's label in ``class_names``."""
        index_of = {name: index for index, name in enumerate(self.class_names)}
        return tuple(index_of[photo.label] for photo in self.photos)

    @property
    def copies(self) -> list[tuple[int, ...]]:
        """The indices of each picture that occurs more than once, in order of appearance.

        The first photo or piece of a recording stands for all of them, which are alike by nature.
        """
        members: defaultdict[int, dict[str | int, int]] = defaultdict(dict)
        for index, (group, photo) in enumerate(zip(self.groups, self.photos, strict=True)):
            members[group].setdefault(photo.recording or index, index)
        return [tuple(indices.values()) for indices in members.values() if len(indices) > 1]

    @property
    def kept_together(self) -> str:
        """What never stands on both sides of a split, for a sentence."""
        if self.sound:
            return "Copies of a recording, and all its pieces,"
        recorded = any(photo.recording for photo in self.photos)
        return "Copies of one picture" + (f", and {self.noun} of one recording," if recorded else "")

    def relabelled(self, decisions: Mapping[int, str | None]) -> "PhotoDataset":
        """The dataset with other labels for the photos at some indices; one whose decision is None is left out.

        Raises ValueError for indices or labels that are not in the dataset.
        """
        strangers = [index for index in decisions if not 0 <= index < len(self.photos)]
        unknown = {label for label in decisions.values() if label is not None} - set(self.class_names)
        if strangers or unknown:
            raise ValueError(f"decisions must be about this dataset. Received: {strangers[:5]} {sorted(unknown)[:5]}")
        if not decisions:
            return self
        kept = [index for index in range(len(self.photos)) if decisions.get(index, "") is not None]
        photos = [replace(self.photos[index], label=decisions.get(index) or self.labels[index]) for index in kept]
        names = tuple(sorted({photo.label for photo in photos}))
        groups = tuple(self.groups[index] for index in kept)
        corrections, origin = self.corrections + len(decisions), self.origin or self
        places = tuple(self.kept[index] if self.origin else index for index in kept)
        return PhotoDataset(tuple(photos), names, groups, corrections, origin, places, self.sound)


@dataclass(frozen=True)
class IntakeReport:
    """What was found in somebody's photos, before any training."""

    layout: str
    kept: int
    skipped: tuple[SkippedFile, ...]
    warnings: tuple[DataWarning, ...]
    class_counts: dict[str, int]
    name: str = ""  # what its owner calls the dataset
    recorded_once: tuple[str, ...] = ()  # classes all of whose photos are of one recording
    noun: str = "photos"  # what is counted
    question: Question | None = None  # where the photos can be read in another way

    @property
    def sent(self) -> str:
        """What its owner sent, in a word."""
        return "recordings" if self.noun == SOUND_NOUN else "photos"

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way of training, in sentences; empty if nothing does."""
        counted = checks.class_problems(self.class_counts, self.noun)
        return (*counted, *checks.recording_problems(self.recorded_once, self.noun))

    @property
    def skipped_sentence(self) -> str:
        """One sentence on what was left out, empty if nothing was."""
        if not self.skipped:
            return ""
        count = len(self.skipped)
        return f"{count} of {self.kept + count} files were left out: {first_reasons(self.skipped)}."


def open_dataset(
    source: Path,
    *,
    workspace: Path,
    limits: ArchiveLimits | None = None,
    progress: OnProgress | None = None,
    wanted: Wanted | None = None,
    follow_links: bool = False,
    sound: SoundSettings | None = None,
    most_classes: int | None = None,
) -> tuple[PhotoDataset, IntakeReport]:
    """The labelled photos of a folder, of a zip (unpacked into a new folder in ``workspace``), or of a CSV.

    ``progress`` hears (done, in all), first while unpacking and then while reading the photos; ``wanted`` is one of
    ``layout.LAYOUTS``, or the names of two columns. ``follow_links`` is for folders of whoever starts this; a link in
    a zip is never followed. More than ``most_classes`` are refused before any photo is read.
    If there are more recordings than photos, these are the dataset, as ``sound`` says.
    Raises DatasetError if the zip is refused, no labels are found, or not one photo can be read.
    """
    found = _find_files(source, workspace, limits, progress, follow_links)
    files, tables, unreadable = _sort_out(found, source)
    photos, others, listens = _of_one_kind(files)
    left_out = (*found.skipped, *unreadable, *others)
    if not photos and (left_out or found.remarks):
        raise _nothing_usable(source, left_out, found.remarks)
    try:
        layout = detect_layout(
            photos,
            tables,
            chosen=_table_at(source, tables),
            wanted=wanted,
            left_out=left_out,
            folders=found.folders,
        )
    except DatasetError as error:
        error.left_out = _lines(left_out)
        raise
    classes = {label for _, label in layout.labeled}
    if most_classes and len(classes) > most_classes:
        raise DatasetError(checks.too_many_classes(classes, most_classes))
    skipped = (*left_out, *layout.skipped)
    if listens:
        from dance_demo.data.sound.recordings import check_recordings  # here, because it builds on this module

        settings = sound or SoundSettings()
        dataset, report = check_recordings(layout, settings, workspace, skipped=skipped, progress=progress)
    else:
        dataset, report = check_photos(layout, skipped=skipped, progress=progress)
    return dataset, _with_source_warnings(report, found)


def open_photos(
    source: Path,
    *,
    workspace: Path,
    order: Path | None = None,
    limits: ArchiveLimits | None = None,
    progress: OnProgress | None = None,
    follow_links: bool = False,
    sounds: bool = False,
) -> SourceFiles:
    """The photos of a folder or zip without labels, or its ``sounds``, and what was left out. They are not read yet.

    In the order and under the names of the CSV ``order``, else of a test.csv among them, else by name.
    Raises DatasetError if the zip is refused or there are no photos.
    """
    found = _find_files(source, workspace, limits, progress, follow_links)
    files, tables, unreadable = _sort_out(found, source)
    photos, others, _ = _of_one_kind(files, sounds=sounds)
    skipped = (*found.skipped, *unreadable, *others)
    among = next((table for table in tables if table.name.lower().rpartition("/")[2] == "test.csv"), None)
    table = read_table(order) if order else _table_at(source, tables) or among
    if table:
        ordered, missing = in_order_of(table, photos)
        photos, skipped = list(ordered), (*skipped, *missing)
    if not photos:
        if not table and (skipped or found.remarks):
            raise _nothing_usable(source, skipped, found.remarks)
        instead = f" Left out: {first_reasons(skipped)}." if skipped else ""
        raise DatasetError(f"{source.name}: no {'recordings' if sounds else 'photos'} found.{instead}")
    return replace(found, files=tuple(photos), skipped=skipped)


def check_photos(
    layout: Layout, *, skipped: Sequence[SkippedFile] = (), progress: OnProgress | None = None
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
            recording = layout.recordings.get(file.name, "")
            photos.append(LabeledPhoto(file.path, label, file.name, *hashes, recording))
            if flaw := checks.photo_flaw(photo):
                flaws[file.name] = flaw
        if progress:
            progress(done, len(layout.labeled))
    if not photos:
        raise DatasetError(f"None of {len(broken)} photos could be read: {first_reasons(broken)}.")
    class_names = tuple(sorted({photo.label for photo in photos}))
    groups = near_duplicate_groups(prints, [photo.recording for photo in photos])
    dataset = PhotoDataset(tuple(photos), class_names, groups)
    layout = replace(layout, warnings=(*layout.warnings, *lost_classes(layout, class_names, broken)))
    recordings = len({photo.recording for photo in photos if photo.recording})
    flawed = [*checks.recording_warnings(recordings), *checks.flaw_warnings(flaws)]
    return dataset, report_on(dataset, layout, (*skipped, *broken), flawed)


def require_trainable(report: IntakeReport) -> None:
    """Raises DatasetError that names everything which stands in the way of training."""
    if report.problems:
        raise DatasetError(" ".join((*report.problems, report.skipped_sentence)).strip())


# --- finding the files -------------------------------------------------------------------------------------


def _find_files(
    source: Path, workspace: Path, limits: ArchiveLimits | None, progress: OnProgress | None, follow_links: bool
) -> SourceFiles:
    if source.is_dir():
        return _walk(source, follow_links)
    if not source.is_file():
        raise DatasetError(f"{source.name}: there is no such file or folder.")
    suffix = suffix_of(source.name)
    if suffix in TABLE_SUFFIXES:
        return _walk(source.parent, follow_links)
    if suffix in (*PHOTO_SUFFIXES, *SOUND_SUFFIXES):
        return SourceFiles((SourceFile(_as_text(source.name), source),), ())
    workspace.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="zip-", dir=workspace)) / "files"
    return unpack(
        source,
        directory,
        suffixes=_SUFFIXES,
        limits=limits or ArchiveLimits(file_bytes=SOUND_BYTES),  # a photo may have less: `open_photo` says so
        progress=progress,
        wanted_by_bytes=_is_wanted,
    )


def _walk(root: Path, follow_links: bool) -> SourceFiles:
    """The files below a folder, sorted by name; a link to a folder is followed once, and never back up."""
    files, skipped, ignored, placeholders, below = [], [], 0, 0, []
    followed: set[Path] = set()

    def unreadable(error: OSError) -> None:
        shown = _as_text(Path(os.fsdecode(error.filename)).relative_to(root).as_posix())
        skipped.append(SkippedFile(f"{shown}/", f"the folder cannot be opened ({error.strerror})"))

    for parent, folders, names in os.walk(root, followlinks=follow_links, onerror=unreadable):
        folders[:] = [name for name in folders if not is_litter(name)]
        for name in [name for name in folders if Path(parent, name).is_symlink()]:
            if reason := _why_not_followed(Path(parent, name), follow_links, followed):
                folders.remove(name)
                shown = _as_text(Path(parent, name).relative_to(root).as_posix())
                skipped.append(SkippedFile(f"{shown}/", reason))
        below += [_as_text(Path(parent, name).relative_to(root).as_posix()) for name in folders]
        for name in names:
            path = Path(parent, name)
            shown = _as_text(path.relative_to(root).as_posix())
            if is_litter(name):
                ignored += 1
                placeholders += is_placeholder(name)
            elif not path.is_file():
                skipped.append(SkippedFile(shown, "a link that leads nowhere or a device, not a file"))
            elif (reason := reason_for_suffix(shown, _SUFFIXES)) and not _is_wanted_without_ending(path):
                skipped.append(SkippedFile(shown, reason))
            elif is_litter_by_bytes(start := first_bytes(path)):
                ignored += 1
                placeholders += start.startswith(b"bplist")
            else:
                files.append(SourceFile(shown, path))
    by_name = attrgetter("name")
    return SourceFiles(
        tuple(sorted(files, key=by_name)),
        tuple(sorted(skipped, key=by_name)),
        ignored,
        placeholders,
        folders=tuple(sorted(below)),
    )


def _why_not_followed(link: Path, follow_links: bool, followed: set[Path]) -> str | None:
    """Why a link to a folder is left out; None, and the folder counts as ``followed``, if it need not be."""
    if not follow_links:
        return "a link to a folder, which is not followed here"
    target = link.resolve()
    if link.parent.resolve().is_relative_to(target):
        return "a link to a folder around it"
    if target in followed:
        return "a link to a folder that another link led to"
    followed.add(target)
    return None


def _is_wanted_without_ending(path: Path) -> bool:
    if not has_vague_ending(path.name):
        return False
    try:
        with path.open("rb") as file:
            return _is_wanted(file.read(512))
    except OSError:
        return False


def _is_wanted(start: bytes) -> bool:
    return starts_like_a_photo(start) or starts_like_a_sound(start)


def _as_text(name: str) -> str:
    """A file name as text that can be written and shown, whatever bytes the disk had for it."""
    return nfc(os.fsencode(name).decode("utf-8", errors="replace"))


def _sort_out(found: SourceFiles, source: Path) -> tuple[list[SourceFile], list[Table], list[SkippedFile]]:
    """(photos, tables, tables that cannot be read). Only those that decide something must be readable."""
    photos = [file for file in found.files if suffix_of(file.name) not in TABLE_SUFFIXES]
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


def _of_one_kind(
    files: Sequence[SourceFile], *, sounds: bool | None = None
) -> tuple[list[SourceFile], list[SkippedFile], bool]:
    """(photos or recordings, those of the other kind, whether it is recordings): by default of whatever is more."""
    heard = [_is_sound(file) for file in files]
    if sounds is None:
        sounds = 2 * sum(heard) > len(files)
    kept = [file for file, sound in zip(files, heard, strict=True) if sound == sounds]
    reason = "a photo among recordings" if sounds else "a recording of sound among photos"
    others = [SkippedFile(file.name, reason) for file, sound in zip(files, heard, strict=True) if sound != sounds]
    return kept, others, sounds


def _is_sound(file: SourceFile) -> bool:
    """By the ending of its name; by the bytes where that says nothing."""
    if not has_vague_ending(file.name):
        return suffix_of(file.name) in SOUND_SUFFIXES
    with file.path.open("rb") as opened:
        return starts_like_a_sound(opened.read(512))


def _table_at(source: Path, tables: Sequence[Table]) -> Table | None:
    return next((table for table in tables if table.name == _as_text(source.name)), None)


# --- the report --------------------------------------------------------------------------------------------


def report_on(
    dataset: PhotoDataset, layout: Layout, skipped: Sequence[SkippedFile], flaws: Sequence[DataWarning]
) -> IntakeReport:
    """What is said about a dataset that was read; `flaws` are the warnings about single photos or recordings."""
    names = [photo.name for photo in dataset.photos]
    class_counts = dict(sorted(Counter(dataset.labels).items()))
    copies = [[(dataset.photos[index].name, dataset.labels[index]) for index in indices] for indices in dataset.copies]
    warnings = [
        *map(DataWarning, layout.warnings),
        *checks.class_warnings(class_counts, dataset.noun),
        *checks.copy_warnings(copies, "recording" if dataset.sound else "picture"),
        *flaws,
        *(checks.name_warnings(names, dataset.labels) if layout.from_table else ()),
    ]
    units = {name: set[str | int]() for name in class_counts}
    for photo, group in zip(dataset.photos, dataset.groups, strict=True):
        units[photo.label].add(photo.recording and group)
    once = tuple(name for name, found in units.items() if len(found) == 1 and "" not in found)
    counted = len(names), tuple(skipped), tuple(warnings), class_counts
    return IntakeReport(layout.description, *counted, recorded_once=once, noun=dataset.noun, question=layout.question)


def lost_classes(layout: Layout, left: Sequence[str], broken: Sequence[SkippedFile]) -> list[str]:
    """A sentence for each class none of whose photos can be read."""
    label_of = {file.name: label for file, label in layout.labeled}
    lost = sorted(set(label_of.values()) - set(left))
    return [missing_class(label, [file for file in broken if label_of[file.name] == label]) for label in lost]


def _nothing_usable(source: Path, left_out: Sequence[SkippedFile], remarks: Sequence[str]) -> DatasetError:
    error = DatasetError(checks.nothing_usable(source.name, left_out, remarks))
    error.left_out = _lines(left_out)
    return error


def _lines(files: Sequence[SkippedFile]) -> tuple[str, ...]:
    return tuple(f"{file.name}: {file.reason}" for file in files)


def first_reasons(skipped: Sequence[SkippedFile]) -> str:
    return checks.first_few([f"{file.name} ({file.reason})" for file in skipped])


def _with_source_warnings(report: IntakeReport, found: SourceFiles) -> IntakeReport:
    added = list(map(DataWarning, found.remarks))
    if found.repeated:
        text = f"Names that the zip holds more than once, all kept: {checks.first_few(found.repeated)}."
        added.insert(0, DataWarning(text, found.repeated))
    return replace(report, warnings=(*report.warnings, *added))
