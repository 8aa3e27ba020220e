"""Photos, or recordings, with labels from a dataset on the Hugging Face Hub, into a folder, as if unpacked from a zip.

| what lies in the dataset                          | what is fetched                              |
|---------------------------------------------------|----------------------------------------------|
| train/kathak/1.jpg  (also below data/)            | the photos and tables below train/           |
| train/1.jpg  train/metadata.csv                   | the same                                     |
| kathak/1.jpg                                      | all photos                                   |
| 1.jpg  metadata.csv  (or train.csv)               | all photos, and the tables                   |

Where there are more recordings than photos, these are fetched, and no photo is: `open_dataset` would leave it out.
The Hub's own list says how many files there are and how large, and is held against the limits before anything comes.
"""

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dance_demo.data.dataset import TABLE_SUFFIXES, IntakeReport, PhotoDataset, open_dataset
from dance_demo.data.layout import Wanted
from dance_demo.errors import DatasetError
from dance_demo.files.photo import PHOTO_SUFFIXES
from dance_demo.files.sound import MAX_FILE_BYTES as SOUND_BYTES
from dance_demo.files.sound import SOUND_SUFFIXES
from dance_demo.files.zip_archive import ArchiveLimits, OnProgress, SkippedFile, is_litter, suffix_of
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import Access, client, translate_hub_errors
from dance_demo.model.preprocessing import SoundSettings

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_LIMITS = replace(ArchiveLimits(), unpacked_bytes=ArchiveLimits().archive_bytes)  # photos hardly pack
PARTS = ("train/", "data/train/")
_PACKED = {".parquet": "Parquet", ".arrow": "Arrow", ".tar": "tar", ".zip": "zip", ".gz": "gz", ".tfrecord": "TFRecord"}
Size = tuple[str, int]  # name and bytes of a file


@dataclass(frozen=True)
class _Kind:
    """What is fetched: files with these endings, each up to so many bytes."""

    noun: str
    suffixes: tuple[str, ...]
    file_bytes: int

    def has(self, name: str) -> bool:
        return suffix_of(name) in self.suffixes and not is_litter(name)


@dataclass(frozen=True)
class HubPhotos:
    """What was fetched: `folder` holds it, `address` names exactly this revision, `skipped` was too large."""

    folder: Path
    address: str
    skipped: tuple[SkippedFile, ...]


@dataclass(frozen=True)
class Choice:
    """Which files of a dataset are wanted, as patterns, and how many these are."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    files: int
    bytes: int
    skipped: tuple[SkippedFile, ...]


def fetch_photos(
    address: str,
    folder: Path,
    access: Access | None = None,
    *,
    limits: ArchiveLimits = HUB_LIMITS,
    chosen: Callable[[Choice], None] | None = None,
) -> HubPhotos:
    """Fetch the photos and tables of a dataset into the new `folder`; `chosen` hears beforehand how much it will be.

    Raises `DatasetError` if there is no such dataset, no photo or recording in it, or more than the limits allow.
    """
    from huggingface_hub import snapshot_download

    wanted, access = HubAddress.of_dataset(address), access or Access()
    api = client(access)
    with translate_hub_errors(wanted.repo, access, DatasetError):
        commit = api.dataset_info(wanted.repo, revision=wanted.revision or None).sha or wanted.revision
        choice = choose(wanted.repo, _listed(api, wanted.repo, commit, limits), limits)
        if chosen:
            chosen(choice)
        snapshot_download(
            wanted.repo,
            repo_type="dataset",
            revision=commit,
            local_dir=folder,
            token=access.token or False,
            endpoint=api.endpoint,
            allow_patterns=list(choice.wanted),
            ignore_patterns=list(choice.unwanted),
        )
    return HubPhotos(folder, str(replace(wanted, revision=commit)), choice.skipped)


def open_fetched(
    fetched: HubPhotos,
    *,
    workspace: Path,
    progress: OnProgress | None = None,
    wanted: Wanted | None = None,
    most_classes: int | None = None,
    sound: SoundSettings | None = None,
) -> tuple[PhotoDataset, IntakeReport]:
    """`open_dataset` of what was fetched; the report says where it is from. Raises `DatasetError`."""
    dataset, report = open_dataset(
        fetched.folder, workspace=workspace, progress=progress, wanted=wanted, most_classes=most_classes, sound=sound
    )
    skipped, layout = (*fetched.skipped, *report.skipped), f"{report.layout}, from {fetched.address}"
    return dataset, replace(report, layout=layout, skipped=skipped)


def choose(repo: str, listed: Sequence[Size], limits: ArchiveLimits) -> Choice:
    """What to fetch of these files. Raises `DatasetError` if that is nothing, or too much."""
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # it is public, in no __all__

    kind = _kind(listed, limits)
    files = [name for name, _ in listed if kind.has(name)]
    if not files:
        raise DatasetError(_nothing(repo, listed))
    part = next((part for part in PARTS if any(name.startswith(part) for name in files)), "")
    wanted = _patterns(part, [name for name, _ in listed], kind)
    skipped = tuple(_skipped(listed, kind))
    unwanted = tuple(glob.escape(file.name) for file in skipped)
    hidden = tuple(glob.escape(name) for name, _ in listed if is_litter(name) and suffix_of(name) in kind.suffixes)
    sizes = dict(listed)
    names = list(filter_repo_objects(sizes, allow_patterns=list(wanted), ignore_patterns=[*unwanted, *hidden]))
    choice = Choice(wanted, (*unwanted, *hidden), len(names), sum(sizes[name] for name in names), skipped)
    _check_limits(repo, choice, kind, limits)
    return choice


def _kind(listed: Sequence[Size], limits: ArchiveLimits) -> _Kind:
    """What there is more of."""
    photos = _Kind("photos", PHOTO_SUFFIXES, limits.file_bytes)
    recordings = _Kind("recordings", SOUND_SUFFIXES, SOUND_BYTES)
    heard, seen = (sum(kind.has(name) for name, _ in listed) for kind in (recordings, photos))
    return recordings if heard > seen else photos


def _listed(api: "HfApi", repo: str, commit: str, limits: ArchiveLimits) -> list[Size]:
    """All files with their sizes; not one more than the limits allow is looked at."""
    found = []
    for entry in api.list_repo_tree(repo, recursive=True, revision=commit, repo_type="dataset"):
        if hasattr(entry, "size"):  # no folder
            found.append((entry.path, entry.size))
        if len(found) > limits.entries:
            raise DatasetError(f"{repo} has more than {limits.entries:,} files. Choose a smaller dataset.")
    return found


def _patterns(part: str, names: Sequence[str], kind: _Kind) -> tuple[str, ...]:
    """Patterns of the files and tables below `part`, and of the tables at the top, with endings as they are spelt."""
    endings = {name[len(name) - len(suffix_of(name)) :] for name in names if kind.has(name) or _is_table(name)}
    top = [glob.escape(name) for name in names if "/" not in name and _is_table(name)]
    return (*sorted(f"{part}*{ending}" for ending in endings), *(top if part else ()))


def _skipped(listed: Sequence[Size], kind: _Kind) -> list[SkippedFile]:
    reason = f"larger than {kind.file_bytes / 1e6:g} MB, the limit for one file"
    return [SkippedFile(name, reason) for name, size in listed if kind.has(name) and size > kind.file_bytes]


def _check_limits(repo: str, choice: Choice, kind: _Kind, limits: ArchiveLimits) -> None:
    if not choice.files:
        raise DatasetError(f"{repo}: all {kind.noun} are over {kind.file_bytes / 1e6:g} MB. Choose another dataset.")
    if choice.files > limits.files:
        raise DatasetError(f"{repo}: {choice.files:,} files; the limit is {limits.files:,}. Choose a smaller dataset.")
    if choice.bytes > limits.unpacked_bytes:
        raise DatasetError(
            f"{repo}: {choice.bytes / 1e6:,.0f} MB; the limit is {limits.unpacked_bytes / 1e6:,.0f} MB. "
            "Choose a smaller dataset."
        )


def _nothing(repo: str, listed: Sequence[Size]) -> str:
    packed = sorted({_PACKED[suffix_of(name)] for name, _ in listed if suffix_of(name) in _PACKED})
    if packed:
        return (
            f"{repo} keeps all in {' and '.join(packed)} files, which are not read here. Choose a dataset with photos "
            "or recordings as files in class folders, or make a zip of them."
        )
    return (
        f"{repo}: no photos or recordings found. Expected train/kathak/1.jpg, kathak/1.jpg, tabla/1.wav, or files with "
        "a metadata.csv."
    )


def _is_table(name: str) -> bool:
    return suffix_of(name) in TABLE_SUFFIXES and not is_litter(name)
