"""Photos with labels from a dataset on the Hugging Face Hub, into a folder, as if somebody had unpacked a zip there.

| what lies in the dataset                          | what is fetched                              |
|---------------------------------------------------|----------------------------------------------|
| train/kathak/1.jpg  (also below data/)            | the photos and tables below train/           |
| train/1.jpg  train/metadata.csv                   | the same                                     |
| kathak/1.jpg                                      | all photos                                   |
| 1.jpg  metadata.csv  (or train.csv)               | all photos, and the tables                   |

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
from dance_demo.files.zip_archive import ArchiveLimits, OnProgress, SkippedFile, is_litter, suffix_of
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import Access, client, translate_hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_LIMITS = replace(ArchiveLimits(), unpacked_bytes=ArchiveLimits().archive_bytes)  # photos hardly pack
PARTS = ("train/", "data/train/")
_PACKED = {".parquet": "Parquet", ".arrow": "Arrow", ".tar": "tar", ".zip": "zip", ".gz": "gz", ".tfrecord": "TFRecord"}
Size = tuple[str, int]  # name and bytes of a file


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

    Raises `DatasetError` if there is no such dataset, nothing in it is a photo, or there is more than the limits allow.
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
) -> tuple[PhotoDataset, IntakeReport]:
    """`open_dataset` of what was fetched; the report says where it is from. Raises `DatasetError`."""
    dataset, report = open_dataset(
        fetched.folder, workspace=workspace, progress=progress, wanted=wanted, most_classes=most_classes
    )
    skipped, layout = (*fetched.skipped, *report.skipped), f"{report.layout}, from {fetched.address}"
    return dataset, replace(report, layout=layout, skipped=skipped)


def choose(repo: str, listed: Sequence[Size], limits: ArchiveLimits) -> Choice:
    """What to fetch of these files. Raises `DatasetError` if that is nothing, or too much."""
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # it is public, in no __all__

    photos = [name for name, _ in listed if _is_photo(name)]
    if not photos:
        raise DatasetError(_no_photos(repo, listed))
    part = next((part for part in PARTS if any(name.startswith(part) for name in photos)), "")
    wanted = _patterns(part, [name for name, _ in listed])
    skipped = tuple(_skipped(listed, limits))
    unwanted = tuple(glob.escape(file.name) for file in skipped)
    hidden = tuple(glob.escape(name) for name, _ in listed if is_litter(name) and suffix_of(name) in PHOTO_SUFFIXES)
    sizes = dict(listed)
    names = list(filter_repo_objects(sizes, allow_patterns=list(wanted), ignore_patterns=[*unwanted, *hidden]))
    choice = Choice(wanted, (*unwanted, *hidden), len(names), sum(sizes[name] for name in names), skipped)
    _check_limits(repo, choice, limits)
    return choice


def _listed(api: "HfApi", repo: str, commit: str, limits: ArchiveLimits) -> list[Size]:
    """All files with their sizes; not one more than the limits allow is looked at."""
    found = []
    for entry in api.list_repo_tree(repo, recursive=True, revision=commit, repo_type="dataset"):
        if hasattr(entry, "size"):  # no folder
            found.append((entry.path, entry.size))
        if len(found) > limits.entries:
            raise DatasetError(f"{repo} has more than {limits.entries:,} files. Choose a smaller dataset.")
    return found


def _patterns(part: str, names: Sequence[str]) -> tuple[str, ...]:
    """Patterns of the photos and tables below `part`, and of the tables at the top, with endings as they are spelt."""
    endings = {name[len(name) - len(suffix_of(name)) :] for name in names if _is_photo(name) or _is_table(name)}
    top = [glob.escape(name) for name in names if "/" not in name and _is_table(name)]
    return (*sorted(f"{part}*{ending}" for ending in endings), *(top if part else ()))


def _skipped(listed: Sequence[Size], limits: ArchiveLimits) -> list[SkippedFile]:
    reason = f"larger than {limits.file_bytes / 1e6:g} MB, the limit for one file"
    return [SkippedFile(name, reason) for name, size in listed if _is_photo(name) and size > limits.file_bytes]


def _check_limits(repo: str, choice: Choice, limits: ArchiveLimits) -> None:
    if not choice.files:
        raise DatasetError(f"{repo}: all photos are over {limits.file_bytes / 1e6:g} MB. Choose another dataset.")
    if choice.files > limits.files:
        raise DatasetError(f"{repo}: {choice.files:,} files; the limit is {limits.files:,}. Choose a smaller dataset.")
    if choice.bytes > limits.unpacked_bytes:
        raise DatasetError(
            f"{repo}: {choice.bytes / 1e6:,.0f} MB; the limit is {limits.unpacked_bytes / 1e6:,.0f} MB. "
            "Choose a smaller dataset."
        )


def _no_photos(repo: str, listed: Sequence[Size]) -> str:
    packed = sorted({_PACKED[suffix_of(name)] for name, _ in listed if suffix_of(name) in _PACKED})
    if packed:
        return (
            f"{repo} keeps its photos in {' and '.join(packed)} files, which are not read here. "
            "Choose a dataset with photos as files in class folders, or make a zip of them."
        )
    return f"{repo}: no photos found. Expected train/kathak/1.jpg, kathak/1.jpg, or photos with a metadata.csv."


def _is_photo(name: str) -> bool:
    return suffix_of(name) in PHOTO_SUFFIXES and not is_litter(name)


def _is_table(name: str) -> bool:
    return suffix_of(name) in TABLE_SUFFIXES and not is_litter(name)
