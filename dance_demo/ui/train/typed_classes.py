"""Photos put into classes one after the other. What comes here are paths; nothing is opened yet."""

from collections.abc import Sequence
from pathlib import Path

from dance_demo.data.checks import CLASSES_AT_MOST
from dance_demo.data.intake import TypedClass
from dance_demo.data.layout import MAX_LABEL_LENGTH, alike
from dance_demo.errors import DatasetError
from dance_demo.files.text import single_line
from dance_demo.files.zip_archive import ArchiveLimits


def with_class(
    classes: Sequence[TypedClass], name: str, photos: Sequence[Path], *, recorded: bool = False
) -> tuple[TypedClass, ...]:
    """The classes with these photos added, to the class of this name if there is one already.

    A new class may come without photos, which are then recorded: all of one recording come at once. Raises DatasetError
    if the name is missing, nothing would be added, or there is too much of it.
    """
    name = single_line(name or "")
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        raise DatasetError("Type a name for the class first.")
    if len(name) > MAX_LABEL_LENGTH:
        raise DatasetError(f"The name has {len(name)} characters; the limit is {MAX_LABEL_LENGTH}. Shorten it.")
    known = [index for index, kind in enumerate(classes) if alike(kind.name) == alike(name)]
    old = classes[known[0]] if known else TypedClass(name, ())
    if known and not photos:
        raise DatasetError(f"{old.name} is there already. Hold its button to record, or choose photos of it first.")
    taken = range(len(old.photos), len(old.photos) + len(photos))
    added = TypedClass(old.name, (*old.photos, *photos), (*old.recordings, *([taken] if recorded else ())))
    place = known[0] if known else len(classes)
    return _within_limits((*classes[:place], added, *classes[place + 1 :]))


def without_class(classes: Sequence[TypedClass], index: object) -> tuple[TypedClass, ...]:
    """The classes without the one at this index, whatever a caller says that is."""
    return tuple(kind for number, kind in enumerate(classes) if number != index)


def _within_limits(classes: tuple[TypedClass, ...]) -> tuple[TypedClass, ...]:
    if len(classes) > CLASSES_AT_MOST:
        raise DatasetError(f"There are {CLASSES_AT_MOST} classes already, which is the limit.")
    count, most = sum(len(kind.photos) for kind in classes), ArchiveLimits().files
    if count > most:
        raise DatasetError(f"{count:,} photos; the limit is {most:,}. Use fewer photos.")
    return classes
