"""Finds out which photo shows which dance from where it lies, or from the CSV beside it.

| what we were given                                       | layout                                  |
|----------------------------------------------------------|-----------------------------------------|
| kathak/1.jpg  odissi/7.jpg                               | class folders                           |
| my photos/kathak/1.jpg                                   | class folders, one folder deeper        |
| train/kathak/1.jpg  val/kathak/9.jpg                     | class folders in train/ and val/        |
| 1.jpg  7.jpg  train.csv  (or train/1.jpg  test/9.jpg ..) | photos and a CSV                        |
| 1.jpg  7.jpg                                             | photos without labels (to predict)      |

Only names are looked at here; nothing is opened. A path in a CSV is looked up among the files that we were
given, never on the disk, so it cannot lead anywhere else.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dance_demo.archive import SkippedFile, SourceFile, suffix_of
from dance_demo.errors import DatasetError
from dance_demo.one_line import one_line
from dance_demo.tables import IMAGE_COLUMNS, LABEL_COLUMNS, Row, Table

MAX_LABEL_LENGTH = 100  # characters
_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # never class names
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")


@dataclass(frozen=True)
class Layout:
    """Photos with their labels, and how we came to them."""

    description: str
    labeled: tuple[tuple[SourceFile, str], ...]
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    from_table: bool = False


def recognise(photos: Sequence[SourceFile], tables: Sequence[Table], *, chosen: Table | None = None) -> Layout:
    """The labels of ``photos``: from the ``chosen`` table or train.csv, else class folders, else another CSV.

    Raises DatasetError if none of them is there, with an example of what was expected.
    """
    usable = [table for table in tables if table.has_column(IMAGE_COLUMNS) and table.has_column(LABEL_COLUMNS)]
    train = chosen or next((table for table in tables if _base(table.name) == "train.csv"), None)
    folders = _from_folders(photos)
    if train:
        layout = _from_table(photos, train)
    elif len({label for _, label in folders.labeled}) > 1 or not usable:
        layout = folders
    elif len(usable) == 1:
        layout = _from_table(photos, usable[0])
    else:
        names = ", ".join(table.name for table in usable)
        raise DatasetError(f"Several CSV files hold labels: {names}. Call the right one train.csv.")
    if not layout.labeled:
        raise DatasetError(_nothing_labeled(photos, layout))
    return _merge_twins(layout)


def in_order_of(table: Table, photos: Sequence[SourceFile]) -> tuple[tuple[SourceFile, ...], tuple[SkippedFile, ...]]:
    """The photos that the table names, in its order and by its names; and those that are missing."""
    image_column = table.column(IMAGE_COLUMNS)
    found, skipped = _look_up(photos, table)
    return tuple(SourceFile(row.cells[image_column].strip(), photo.path) for photo, row in found), tuple(skipped)


# --- class folders -----------------------------------------------------------------------------------------


def _from_folders(photos: Sequence[SourceFile]) -> Layout:
    parts = [PurePosixPath(photo.name).parts or (photo.name,) for photo in photos]
    depth = _wrapper_depth(parts)
    inner = [names[depth:] for names in parts]
    splits = _part_folders(inner)
    labeled, skipped = [], []
    for photo, names in zip(photos, inner, strict=True):
        folders = names[:-1][1 if names[0] in splits else 0 :]
        label = one_line(folders[0]) if folders else ""
        problem = _problem_with_label(label, "it lies in no class folder")
        if problem:
            skipped.append(SkippedFile(photo.name, problem))
        else:
            labeled.append((photo, label))
    return Layout(_describe_folders(depth, splits), tuple(labeled), tuple(skipped))


def _wrapper_depth(parts: Sequence[tuple[str, ...]]) -> int:
    """How many folders surround everything: those that all photos share, with a folder left inside."""
    depth = 0
    while len({names[depth] for names in parts}) == 1 and any(len(names) > depth + 2 for names in parts):
        if min(len(names) for names in parts) == depth + 1:
            break
        depth += 1
    return depth


def _part_folders(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """The folders train/, val/ and the like, unless they stand beside other folders and so are classes."""
    folders = {names[0] for names in parts if len(names) > 1}
    named_so = {folder for folder in folders if folder.lower() in _PARTS}
    hold_folders = {names[0] for names in parts if len(names) > 2}
    return sorted(named_so if named_so == folders else named_so & hold_folders)


def _describe_folders(depth: int, splits: Sequence[str]) -> str:
    if splits:
        joined = " and ".join(f"{name}/" for name in splits)
        return f"class folders in {joined}; taken together, the split for validation is drawn anew"
    return f"class folders, {depth} folder{'s' * (depth > 1)} deeper" if depth else "class folders"


# --- photos and a CSV --------------------------------------------------------------------------------------


def _from_table(photos: Sequence[SourceFile], table: Table) -> Layout:
    label_column = table.column(LABEL_COLUMNS)
    found, skipped = _look_up(photos, table)
    labeled, line_of = [], {}
    for photo, row in found:
        label = one_line(row.cells[label_column])
        problem = _problem_with_label(label, "no label")
        if photo.path in line_of:
            problem = f"the photo was named before, in line {line_of[photo.path]}, which counts"
        if problem:
            skipped.append(SkippedFile(photo.name, f"{table.name}, line {row.line}: {problem}"))
        else:
            labeled.append((photo, label))
            line_of[photo.path] = row.line
    unnamed = len(photos) - len({photo.path for photo, _ in found})
    warnings = (f"{unnamed} photos are not named in {table.name} and were left aside.",) if unnamed else ()
    return Layout(f"photos and {table.name}", tuple(labeled), tuple(skipped), warnings, from_table=True)


def _look_up(photos: Sequence[SourceFile], table: Table) -> tuple[list[tuple[SourceFile, Row]], list[SkippedFile]]:
    """The photo of each line, among those that we were given; and the lines without one."""
    image_column = table.column(IMAGE_COLUMNS)
    index = _index_by_name(photos)
    found, skipped = [], []
    for row in table.rows:
        where = f"{table.name}, line {row.line}"
        if len(row.cells) != len(table.columns):
            reason = f"{len(row.cells)} columns where the first line has {len(table.columns)}"
            skipped.append(SkippedFile(where, reason))
            continue
        value = row.cells[image_column].strip()
        matches = _matches(value, table.name, index)
        if len(matches) == 1:
            found.append((matches[0], row))
        else:
            reason = "several photos have this name" if matches else "there is no such photo"
            skipped.append(SkippedFile(value[:MAX_LABEL_LENGTH] or where, f"{where}: {reason}"))
    return found, skipped


def _index_by_name(photos: Iterable[SourceFile]) -> dict[str, list[SourceFile]]:
    """Photos by full name, by */ and file name, and by both without ending, in lower case."""
    index = defaultdict(list)
    for photo in photos:
        full = photo.name.lower()
        ending = suffix_of(full)
        for key in {full, full.removesuffix(ending), f"*/{_base(full)}", f"*/{_base(full).removesuffix(ending)}"}:
            index[key].append(photo)
    return index


def _matches(value: str, table_name: str, index: dict[str, list[SourceFile]]) -> list[SourceFile]:
    """The photos that a cell may mean: beside the CSV, in its folder (train.csv: train/), or anywhere."""
    key = unicodedata.normalize("NFC", value).replace("\\", "/").removeprefix("./").lower()
    table = PurePosixPath(table_name.lower())
    beside = f"{table.parent}/".removeprefix("./")
    places = (beside + key, f"{beside}{table.stem}/{key}", f"{beside}images/{key}", key, f"*/{key}")
    matches = next((index[place] for place in places if place in index), [])
    same_case = [photo for photo in matches if photo.name.endswith(value)]
    return same_case if len(same_case) == 1 else matches


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


# --- labels ------------------------------------------------------------------------------------------------


def _problem_with_label(label: str, if_empty: str) -> str | None:
    if not _INVISIBLE.sub("", label).strip():
        return if_empty
    if len(label) > MAX_LABEL_LENGTH:
        return f"its label is longer than {MAX_LABEL_LENGTH} characters: {label[:40]}..."
    return None


def _merge_twins(layout: Layout) -> Layout:
    """Labels that look the same (Kathak and kathak, an invisible letter) become one, and we say so."""
    spellings = defaultdict(Counter)
    for _, label in layout.labeled:
        spellings[_INVISIBLE.sub("", label).casefold()][label] += 1
    chosen = {label: found.most_common(1)[0][0] for found in spellings.values() for label in found}
    twins = [found for found in spellings.values() if len(found) > 1]
    warnings = [f"Taken as one class, because the names look alike: {', '.join(found)}." for found in twins]
    labeled = tuple((photo, chosen[label]) for photo, label in layout.labeled)
    return replace(layout, labeled=labeled, warnings=(*layout.warnings, *warnings))


def _nothing_labeled(photos: Sequence[SourceFile], layout: Layout) -> str:
    first = "".join(f" {skipped.name}: {skipped.reason}." for skipped in layout.skipped[:5])
    return (
        f"No photo with a label among {len(photos)} photos.{first} Expected a folder for each class "
        "(kathak/1.jpg, odissi/2.jpg), or photos with a train.csv (Image,target)."
    )
