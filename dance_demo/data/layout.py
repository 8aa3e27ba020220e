"""Finds out which photo shows which dance from where it lies, or from the CSV beside it.

| what we were given                                       | layout                                  |
|----------------------------------------------------------|-----------------------------------------|
| kathak/1.jpg  odissi/7.jpg                               | class folders                           |
| my photos/kathak/1.jpg                                   | class folders, one folder deeper        |
| train/kathak/1.jpg  val/kathak/9.jpg                     | class folders in train/ and val/        |
| (more of these in `folders`)                             |                                         |
| 1.jpg  7.jpg  train.csv  (or train/1.jpg  test/9.jpg ..) | photos and a CSV                        |
| 1.jpg  7.jpg                                             | photos without labels (to predict)      |

Only names are looked at here; nothing is opened. A path in a CSV is looked up among the files that we were
given, never on the disk, so it cannot lead anywhere else.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from dance_demo.data.folders import INNER, INVISIBLE, OUTER, Reading, has_letters, is_no_class, read_folders
from dance_demo.errors import DatasetError
from dance_demo.files.code_page import described
from dance_demo.files.csv_table import IMAGE_COLUMNS, LABEL_COLUMNS, Row, Table, plain_name, with_labels_of_columns
from dance_demo.files.text import nfc, single_line
from dance_demo.files.zip_archive import SkippedFile, SourceFile, suffix_of

MAX_LABEL_LENGTH = 100  # characters
TABLE = "csv"
LAYOUTS = (OUTER, INNER, TABLE)  # that can be asked for, where we would choose another
Wanted: TypeAlias = str | tuple[str, str]  # one of LAYOUTS, or the columns of a CSV with the photos and the labels
_OPTIONS, _CLASSES_SHOWN = 6, 6
_MOST_CLASSES, _CELLS_LOOKED_AT = 200, 200  # of a column that may hold the labels, or name the photos
_NO_PHOTOS = {
    ".py",
    ".md",
    ".txt",
    ".json",
    ".xml",
    ".yml",
    ".yaml",
    ".ipynb",
    ".html",
    ".css",
    ".js",
    ".sh",
    ".csv",
    ".xlsx",
    ".pdf",
}
_ENDING = re.compile(r"\.[a-z]{3,4}$")
_SEPARATORS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


@dataclass(frozen=True)
class Option:
    """One way to read a dataset, and some of the classes that it has then."""

    classes: tuple[str, ...]
    wanted: Wanted | None = None  # None: as it was read

    @property
    def names(self) -> str:
        """Of the classes, the first of them: ``kathak, odissi and 3 more``."""
        rest = len(self.classes) - _CLASSES_SHOWN
        shown = ", ".join(name[:40] for name in self.classes[:_CLASSES_SHOWN])
        return shown + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True)
class Question:
    """What only the owner of a dataset can answer."""

    text: str
    options: tuple[Option, ...]


class WhichColumnsError(DatasetError):
    """No telling which column of a CSV holds the photos, and which the labels."""

    def __init__(self, message: str, options: Sequence[Option]) -> None:
        ways = " or ".join(f"--columns {','.join(option.wanted or ())}" for option in options)
        message = f"{message} Which one is the photo, and which the label? On the command line: {ways}."
        super().__init__(message)
        self.question = Question(message, tuple(options))


@dataclass(frozen=True)
class Layout:
    """Photos with their labels, and how we came to them."""

    description: str
    labeled: tuple[tuple[SourceFile, str], ...]
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    from_table: bool = False
    question: Question | None = None  # where another reading is possible; its text is among the warnings
    recordings: Mapping[str, str] = field(default_factory=dict)  # name of a photo -> recording that it was taken in


def detect_layout(
    photos: Sequence[SourceFile],
    tables: Sequence[Table],
    *,
    chosen: Table | None = None,
    wanted: Wanted | None = None,
    left_out: Sequence[SkippedFile] = (),
    folders: Sequence[str] = (),
) -> Layout:
    """The labels of ``photos``: from the ``chosen`` table or train.csv, else class folders, else another CSV.

    ``wanted`` is one of LAYOUTS, or two columns; classes of which there are only files ``left_out`` or empty
    ``folders`` are named.
    Raises DatasetError if no labels are there, with an example of what was expected, and WhichColumnsError if there
    are, but under names of which we cannot tell.
    """
    if isinstance(wanted, tuple):
        return _merge_twins(_with_labels(_from_picked(photos, tables, wanted, chosen), photos))
    filled = [table for table in tables if table.rows]
    usable = [table for table in filled if table.has_column(IMAGE_COLUMNS) and table.has_column(LABEL_COLUMNS)]
    plain = [one for one in usable if one.has_column(IMAGE_COLUMNS[:1]) and one.has_column(LABEL_COLUMNS[:1])]
    usable = plain or usable or [one for one in map(with_labels_of_columns, filled) if one]
    train = chosen or next((table for table in tables if _base(table.name) == "train.csv"), None)
    by_folder = _from_folders(photos, wanted, left_out, folders)
    asked = [train] if train else tables
    try:
        layout = _chosen(photos, usable, train, by_folder, wanted)
    except DatasetError as error:
        if options := _columns(photos, asked):
            raise WhichColumnsError(_first_sentence(error), options) from None
        raise
    classes = _classes(label for _, label in layout.labeled)
    if len(classes) < 2 and not layout.from_table and wanted is None and (options := _columns(photos, asked)):
        asking = WhichColumnsError(f"No column of {asked[0].name} is called as usual.", options)
        if not classes:
            raise asking
        question = Question(str(asking), (Option(classes), *options))
        layout = replace(layout, warnings=(*layout.warnings, question.text), question=question)
    return _merge_twins(_with_labels(layout, photos))


def _chosen(
    photos: Sequence[SourceFile],
    usable: Sequence[Table],
    train: Table | None,
    by_folder: Layout,
    wanted: str | None,
) -> Layout:
    if wanted in (OUTER, INNER):
        layout = by_folder
    elif train:
        layout = _from_table(photos, train)
    elif wanted != TABLE and (len({label for _, label in by_folder.labeled}) > 1 or not usable):
        layout = _with_other_reading(by_folder, photos, usable)
    elif len(usable) == 1:
        layout = _from_table(photos, usable[0])
    elif len({(_base(table.name), table.columns) for table in usable}) == 1:
        layout = _from_tables(photos, usable)
    elif usable:
        names = ", ".join(table.name for table in usable)
        raise DatasetError(f"Several CSV files hold labels: {names}. Call the right one train.csv.")
    else:
        raise DatasetError("There is no CSV with a column for the photos and one for the labels (Image,target).")
    return layout


def _with_labels(layout: Layout, photos: Sequence[SourceFile]) -> Layout:
    if not layout.labeled:
        raise DatasetError(_nothing_labeled(photos, layout))
    return layout


def _first_sentence(error: DatasetError) -> str:
    return re.split(r"(?<=\.) ", str(error), maxsplit=1)[0]


def in_order_of(table: Table, photos: Sequence[SourceFile]) -> tuple[tuple[SourceFile, ...], tuple[SkippedFile, ...]]:
    """The photos that the table names, in its order and by its names; and those that are missing."""
    image_column = table.column(IMAGE_COLUMNS)
    found, skipped = _look_up(photos, table)
    return tuple(SourceFile(row.cells[image_column].strip(), photo.path) for photo, row in found), tuple(skipped)


# --- class folders -----------------------------------------------------------------------------------------


def _from_folders(
    photos: Sequence[SourceFile], wanted: str | None, left_out: Sequence[SkippedFile], folders: Sequence[str]
) -> Layout:
    reading = read_folders([PurePosixPath(photo.name).parts[:-1] for photo in photos], wanted)
    labeled, skipped = [], []
    for index, (photo, folder) in enumerate(zip(photos, reading.labels, strict=True)):
        label = single_line(folder)
        aside = reading.asides.get(index)
        problem = _problem_with_label(label, f"it lies in {aside}, no class" if aside else "it lies in no class folder")
        if problem:
            skipped.append(SkippedFile(photo.name, problem))
        else:
            labeled.append((photo, label))
    found = {label.casefold() for _, label in labeled}
    missing = [text for label, text in _missing(reading, left_out, folders) if label.casefold() not in found]
    warnings = (*filter(None, [reading.doubt]), *missing)
    question = _other_folders(photos, reading) if reading.doubt else None
    return Layout(reading.description, tuple(labeled), tuple(skipped), warnings, question=question)


def _other_folders(photos: Sequence[SourceFile], reading: Reading) -> Question | None:
    """The readings of the folders that differ from the one that was taken."""
    paths = [PurePosixPath(photo.name).parts[:-1] for photo in photos]
    options = [Option(_classes(reading.labels))]
    for wanted in (OUTER, INNER):
        classes = _classes(read_folders(paths, wanted).labels)
        if len(classes) > 1 and classes not in [option.classes for option in options]:
            options.append(Option(classes, wanted))
    return Question(reading.doubt, tuple(options)) if len(options) > 1 else None


def _classes(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({label for label in map(single_line, labels) if label}))


def _missing(reading: Reading, left_out: Sequence[SkippedFile], folders: Sequence[str]) -> Iterable[tuple[str, str]]:
    """(class, why there is no photo of it) for each class folder with nothing in it but files that were left out."""
    found: defaultdict[str, list[SkippedFile]] = defaultdict(list)
    for name in folders:
        _ = found[reading.class_of(PurePosixPath(name).parts)]
    for file in left_out:
        parts = PurePosixPath(file.name).parts
        found[reading.class_of(parts if _is_folder(file) else parts[:-1])].append(file)
    for name, files in found.items():
        label = single_line(name)
        no_photos = files and all(suffix_of(file.name) in _NO_PHOTOS for file in files)
        if label and not no_photos and label not in ("/", "..") and not is_no_class(name):
            yield label, missing_class(label, files)


def _is_folder(file: SkippedFile) -> bool:
    """Whether a whole folder was left out; a link in a zip does not say what it leads to."""
    return file.name.endswith("/") or file.reason.startswith("a link") and not suffix_of(file.name)


def missing_class(label: str, files: Sequence[SkippedFile]) -> str:
    """The sentence about a class of which every photo was left out."""
    if not files:
        return f"The class {label} is missing: its folder is empty."
    if len(files) == 1 and _is_folder(files[0]):
        return f"The class {label} is missing: {files[0].name} is left out ({files[0].reason})."
    counted = f"none of its {len(files)} files can" if len(files) > 1 else "its only file cannot"
    return f"The class {label} is missing: {counted} be used ({files[0].name}: {files[0].reason})."


def _with_other_reading(layout: Layout, photos: Sequence[SourceFile], tables: Sequence[Table]) -> Layout:
    """The layout, with a word on a CSV that names other classes for these photos."""
    folders = {label.casefold() for _, label in layout.labeled}
    for table in tables if layout.labeled else ():
        try:
            labels = {label.casefold(): label for _, label in _from_table(photos, table).labeled}
        except DatasetError:  # two columns that could be meant
            continue
        if len(labels) > 1 and not set(labels) <= folders:
            text = (
                f"Two readings: the classes are the folders, and {table.name} names others "
                f"({', '.join(sorted(labels.values())[:4])}). If those are meant, call it train.csv."
            )
            options = (Option(_classes(label for _, label in layout.labeled)), Option(_classes(labels.values()), TABLE))
            question = layout.question or Question(text, options)
            return replace(layout, warnings=(*layout.warnings, text), question=question)
    return layout


# --- photos and a CSV --------------------------------------------------------------------------------------


def _from_table(photos: Sequence[SourceFile], table: Table) -> Layout:
    label_column = table.column(LABEL_COLUMNS)
    found, skipped = _look_up(photos, table)
    labeled: list[tuple[SourceFile, str]] = []
    line_of: dict[Path, int] = {}
    for photo, row in found:
        label = single_line(row.cells[label_column])
        problem = _problem_with_label(label, "no label")
        if photo.path in line_of:
            problem = f"the photo was named before, in line {line_of[photo.path]}, which counts"
        if problem:
            skipped.append(SkippedFile(photo.name, f"{table.name}, line {row.line}: {problem}"))
        else:
            labeled.append((photo, label))
            line_of[photo.path] = row.line
    unnamed = len(photos) - len({photo.path for photo, _ in found})
    warnings = [f"{unnamed} photos are not named in {table.name} and were left aside."] if unnamed else []
    classes = {label for _, label in labeled}
    complete = [row for row in table.rows if len(row.cells) == len(table.columns)]
    for label, count in Counter(single_line(row.cells[label_column]) for row in complete).items():
        if label and label not in classes and classes:
            warnings.append(f"The class {label[:40]} is missing: of {count} lines of {table.name} none names a photo.")
    if table.code_page:
        warnings.append(
            f"{table.name} does not say in which code page it is written; taken for {described(table.code_page)}. "
            "If the classes look wrong, save it as UTF-8."
        )
    columns = table.columns[table.column(IMAGE_COLUMNS)], table.columns[label_column]
    usual = not table.picked and table.has_column(IMAGE_COLUMNS[:1]) and table.has_column(LABEL_COLUMNS[:1])
    description = f"photos and {table.name}" + ("" if usual else f", its columns {columns[0]} and {columns[1]}")
    return Layout(description, tuple(labeled), tuple(skipped), tuple(warnings), from_table=True)


def _from_picked(
    photos: Sequence[SourceFile], tables: Sequence[Table], columns: tuple[str, str], chosen: Table | None
) -> Layout:
    """From the table that has these columns; raises DatasetError where none has."""
    problem = DatasetError("There is no CSV among the files.")
    for table in [chosen] if chosen else tables:
        try:
            return _from_table(photos, table.with_picked(*columns))
        except DatasetError as error:
            problem = error
    raise problem


def _columns(photos: Sequence[SourceFile], tables: Sequence[Table]) -> list[Option]:
    """The pairs of columns that may be meant: one names photos that are there, the other has a few values for many."""
    options: list[Option] = []
    index = _index_by_name(photos)
    for table in tables:
        rows = [row.cells for row in table.rows if len(row.cells) == len(table.columns)]
        if len(set(map(plain_name, table.columns))) < len(table.columns) or len(rows) < 2:
            continue  # two columns of one name, and no way to tell them apart
        values = [[row[at].strip() for row in rows] for at in range(len(table.columns))]
        images = [at for at, column in enumerate(values) if _names_photos(column, table.name, index)]
        for image in images:
            for label, column in enumerate(values):
                classes = _classes(column)
                few = 1 < len(classes) <= min(_MOST_CLASSES, len(rows) * 2 // 3) and not set(classes) <= {"0", "1"}
                if few and label not in images:
                    options.append(Option(classes, (table.columns[image], table.columns[label])))
    return options[:_OPTIONS]


def _names_photos(column: Sequence[str], table_name: str, index: dict[str, list[SourceFile]]) -> bool:
    """Whether most cells of a column name a photo of their own, as far as a part of them shows."""
    some = list(dict.fromkeys(column))[:: max(1, len(column) // _CELLS_LOOKED_AT)]
    found = [value for value in some if value and _matches(value, table_name, index)]
    found += list(_by_end_of_path([value for value in some if value and value not in found], index))
    return 2 * len(found) > len(some) and 2 * len(set(column)) > len(column)


def _from_tables(photos: Sequence[SourceFile], tables: Sequence[Table]) -> Layout:
    """From tables of the same name, each beside its own photos: train/_classes.csv, valid/_classes.csv."""
    layouts = []
    for table in tables:
        folder = table.name.rpartition("/")[0]
        beside = [photo for photo in photos if photo.name.startswith(f"{folder}/" if folder else "")]
        layouts.append(_from_table(beside, table))
    known = {photo.path: (photo, label) for layout in reversed(layouts) for photo, label in layout.labeled}
    skipped = [file for layout in layouts for file in layout.skipped]
    warnings = [text for layout in layouts for text in layout.warnings]
    description = f"photos and {' and '.join(table.name for table in tables)}"
    return Layout(description, tuple(known.values()), tuple(skipped), tuple(warnings), from_table=True)


def _look_up(photos: Sequence[SourceFile], table: Table) -> tuple[list[tuple[SourceFile, Row]], list[SkippedFile]]:
    """The photo of each line, among those that we were given; and the lines without one."""
    image_column = table.column(IMAGE_COLUMNS)
    index = _index_by_name(photos)
    whole = [row for row in table.rows if len(row.cells) == len(table.columns)]
    value_of = {row.line: row.cells[image_column].strip() for row in whole}
    matches_of = {line: _matches(value, table.name, index) for line, value in value_of.items()}
    named = {photo.path for matches in matches_of.values() for photo in matches}
    elsewhere = _by_end_of_path([value for line, value in value_of.items() if not matches_of[line]], index)
    found, skipped = [], []
    for row in table.rows:
        where = f"{table.name}, line {row.line}"
        if row.line not in value_of:
            reason = f"{len(row.cells)} columns where the first line has {len(table.columns)}"
            skipped.append(SkippedFile(where, reason))
            continue
        value = value_of[row.line]
        other = elsewhere.get(value)
        matches = matches_of[row.line] or ([other] if other and other.path not in named else [])
        if len(matches) == 1:
            found.append((matches[0], row))
        else:
            reason = "several photos have this name" if matches else "there is no such photo"
            skipped.append(SkippedFile(value[:MAX_LABEL_LENGTH] or where, f"{where}: {reason}"))
    return found, skipped


def _by_end_of_path(values: Iterable[str], index: dict[str, list[SourceFile]]) -> dict[str, SourceFile]:
    """The photo of each path that lies elsewhere (``/kaggle/input/x/1.jpg``), by as much of its end as fits just one.

    A photo that two such paths would fit is nobody's: test/1.jpg is not train/1.jpg.
    """
    found: dict[str, SourceFile] = {}
    for value in dict.fromkeys(values):
        matches = next((index[end] for end in _ends_of_path(value) if end in index), [])
        if len(matches) == 1:
            found[value] = matches[0]
    times = Counter(photo.path for photo in found.values())
    return {value: photo for value, photo in found.items() if times[photo.path] == 1}


def _ends_of_path(value: str) -> Iterator[str]:
    """Keys by which a photo may be known that is not there under this name, the surest first.

    Ends of a path on another computer; without its ending, where photos were converted (1.HEIC is 1.jpg now); and a
    number alone, from which Excel or pandas took the zeros or gave it some (00001.jpg as 1 or 1.0).
    """
    if "://" in value or value.startswith("file:"):
        return
    key = _key(value)
    names, bare = key.split("/"), _ENDING.sub("", key).split("/")
    yield from ("*/" + "/".join(names[start:]) for start in range(1, len(names)))
    if bare != names:
        yield from ("*/" + "/".join(bare[start:]) for start in range(len(bare)))
    if number := _number(key):
        yield number


def _number(stem: str) -> str:
    """A key for a name that is a number, with or without zeros around it; "" for another."""
    digits = stem.removesuffix(".0")
    return f"#{digits.lstrip('0')}" if digits.isdecimal() else ""


def _index_by_name(photos: Iterable[SourceFile]) -> dict[str, list[SourceFile]]:
    """Photos by full name, by */ and every end of it, by all of these without ending, and by their number."""
    index = defaultdict(list)
    for photo in photos:
        full = _key(photo.name)
        names = full.split("/")
        keys = {full, *("*/" + "/".join(names[start:]) for start in range(max(0, len(names) - 8), len(names)))}
        for key in keys | {key.removesuffix(suffix_of(full)) for key in keys}:
            index[key].append(photo)
        if number := _number(names[-1].removesuffix(suffix_of(full))):
            index[number].append(photo)
    return index


def _key(name: str) -> str:
    """A name to compare by: any case, / between folders, and plain blanks (a Mac's screenshots have narrow ones)."""
    return "".join(" " if one.isspace() else one for one in nfc(name).replace("\\", "/").lower())


def _matches(value: str, table_name: str, index: dict[str, list[SourceFile]]) -> list[SourceFile]:
    """The photos that a cell may mean: beside the CSV, in its folder (train.csv: train/), or anywhere."""
    key = _key(value).removeprefix("./")
    table = PurePosixPath(_key(table_name))
    beside = f"{table.parent}/".removeprefix("./")
    candidates = (beside + key, f"{beside}{table.stem}/{key}", f"{beside}images/{key}", key, f"*/{key}")
    matches = next((index[name] for name in candidates if name in index), [])
    same_case = [photo for photo in matches if photo.name.endswith(value)]
    return same_case if len(same_case) == 1 else matches


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


# --- labels ------------------------------------------------------------------------------------------------


def _problem_with_label(label: str, if_empty: str) -> str | None:
    if not has_letters(label):
        return if_empty
    if len(label) > MAX_LABEL_LENGTH:
        return f"its label is longer than {MAX_LABEL_LENGTH} characters: {label[:40]}..."
    return None


def alike(label: str) -> str:
    """What names that people take for the same have in common: ``Boat garden 50`` and ``boat-garden_50``."""
    return _SEPARATORS.sub(" ", INVISIBLE.sub("", label)).casefold()


def _merge_twins(layout: Layout) -> Layout:
    """Labels that look the same (Kathak and kathak, an invisible letter) become one, and we say so."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, label in layout.labeled:
        spellings[alike(label)][label] += 1
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
