"""Recordings with labels become a dataset of pictures of sound: the same dataset, of which photos are made.

Each recording is opened once, cut into pieces, and forgotten. What is kept of a piece is its pictures as a PNG, which
takes the place of a photo, and itself as a FLAC, to be played. Pieces of one recording, and of copies of it, share a
group, so that they never stand on both sides of a split.
"""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_demo.data.checks import DataWarning, first_few
from dance_demo.data.dataset import IntakeReport, LabeledPhoto, PhotoDataset, first_reasons, lost_classes, report_on
from dance_demo.data.fingerprint import pixel_sha256
from dance_demo.data.layout import Layout
from dance_demo.data.sound.landmarks import Landmarks, copy_groups, landmarks
from dance_demo.data.sound.pictures import sound_pictures
from dance_demo.data.sound.pieces import Piece, pieces
from dance_demo.errors import DatasetError, SoundError
from dance_demo.files.sound import RATE_HZ, open_sound
from dance_demo.files.zip_archive import OnProgress, SkippedFile, SourceFile
from dance_demo.model.preprocessing import SoundSettings

MAX_PIECES = 5_000
WORKERS = 2  # one decodes and draws while another waits for the disk


@dataclass(frozen=True, eq=False)
class _Recording:
    """What is kept of a recording that was read."""

    pieces: tuple[LabeledPhoto, ...]
    landmarks: Landmarks
    samples_sha256: str
    notes: tuple[str, ...]


def check_recordings(
    layout: Layout,
    settings: SoundSettings,
    workspace: Path,
    *,
    skipped: Sequence[SkippedFile] = (),
    progress: OnProgress | None = None,
) -> tuple[PhotoDataset, IntakeReport]:
    """Read each labelled recording once, and write its pictures into a new folder in `workspace`.

    What cannot be read is left out. Raises DatasetError if nothing can, or there are too many pieces.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pieces-", dir=workspace))
    recordings: list[_Recording] = []
    broken: list[SkippedFile] = []
    count = 0
    for done, (file, found) in enumerate(_read(layout, settings, folder), start=1):
        if isinstance(found, SoundError):
            broken.append(SkippedFile(file.name, str(found).removeprefix("Recording: ")))
        else:
            recordings.append(found)
            count += len(found.pieces)
        if count > MAX_PIECES:
            raise DatasetError(
                f"More than {MAX_PIECES:,} pieces of {settings.piece_s:g} s after {done:,} of {len(layout.labeled):,} "
                "recordings. Use fewer recordings, or longer pieces."
            )
        if progress:
            progress(done, len(layout.labeled))
    if not recordings:
        raise DatasetError(f"None of {len(broken)} recordings could be read: {first_reasons(broken)}.")
    dataset = _dataset(recordings, settings)
    lost = lost_classes(layout, dataset.class_names, broken)
    described = (
        f"{layout.description}; {count:,} pieces of {len(recordings):,} recordings, at most {settings.piece_s:g} s"
    )
    layout = replace(layout, description=described, warnings=(*layout.warnings, *lost))
    return dataset, report_on(dataset, layout, (*skipped, *broken), _notes(recordings))


def _dataset(recordings: Sequence[_Recording], settings: SoundSettings) -> PhotoDataset:
    photos = tuple(piece for recording in recordings for piece in recording.pieces)
    first = {recording.samples_sha256: index for index, recording in reversed(list(enumerate(recordings)))}
    group_of = copy_groups([recording.landmarks for recording in recordings])
    groups = [
        group_of[first[recording.samples_sha256]]  # the very same samples are copies, however short
        for recording in recordings
        for _ in recording.pieces
    ]
    class_names = tuple(sorted({photo.label for photo in photos}))
    return PhotoDataset(photos, class_names, tuple(groups), sound=settings)


def _read(
    layout: Layout, settings: SoundSettings, folder: Path
) -> Iterator[tuple[SourceFile, _Recording | SoundError]]:
    """Each recording in turn, some of them at a time: how many there are does not matter."""

    def read(index: int) -> _Recording | SoundError:
        file, label = layout.labeled[index]
        try:
            return _recording(file, label, index, settings, folder)
        except SoundError as error:
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(layout.labeled), 2 * WORKERS):
            indices = range(start, min(start + 2 * WORKERS, len(layout.labeled)))
            for index, found in zip(indices, pool.map(read, indices), strict=True):
                yield layout.labeled[index][0], found


def _recording(file: SourceFile, label: str, index: int, settings: SoundSettings, folder: Path) -> _Recording:
    sound = open_sound(file.path, name="Recording")
    found = pieces(sound, settings.piece_s)
    made = tuple(
        _piece(piece, file.name, label, settings, folder / f"{index:05d}-{number:03d}", alone=len(found) == 1)
        for number, piece in enumerate(found)
    )
    notes = sound.notes
    if sound.seconds < settings.piece_s / 2:
        notes += (f"shorter than half a piece of {settings.piece_s:g} s: its pictures are stretched",)
    digest = hashlib.sha256((sound.samples * 32767).astype("<i2").tobytes()).hexdigest()
    return _Recording(made, landmarks(sound.samples), digest, tuple(f"{note}\n{file.name}" for note in notes))


def _piece(piece: Piece, name: str, label: str, settings: SoundSettings, path: Path, *, alone: bool) -> LabeledPhoto:
    import soundfile

    picture = sound_pictures(piece.samples, settings.pictures)
    png, flac = path.with_suffix(".png"), path.with_suffix(".flac")
    picture.save(png, compress_level=1)  # four times as fast as the usual 6, and 5 % larger
    loudest = max(1.0, float(np.abs(piece.samples).max()))
    soundfile.write(flac, piece.samples / loudest, RATE_HZ, subtype="PCM_16")
    shown = name if alone else f"{name} ({piece.start_s:g} to {piece.end_s:g} s)"
    return LabeledPhoto(png, label, shown, pixel_sha256(picture.convert("RGB")), recording=name, audio=flac)


def _notes(recordings: Sequence[_Recording]) -> list[DataWarning]:
    """One warning for each kind of note, with the recordings that it is about."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for recording in recordings:
        for note in recording.notes:
            text, _, name = note.partition("\n")
            kind = "breaks off before its end" if text.startswith("it breaks off") else text
            names[kind].append(name)
    return [
        DataWarning(f"{len(found)} recording{'s' * (len(found) > 1)}, kept: {kind} ({first_few(found)}).", tuple(found))
        for kind, found in names.items()
    ]
