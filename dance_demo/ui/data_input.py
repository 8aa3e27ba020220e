"""The ways in: a zip, or photos of one class after the other. What comes here are paths; nothing is opened yet."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.components.gallery import GalleryData
from gradio.data_classes import FileData

from dance_demo.archive import ArchiveLimits
from dance_demo.errors import DatasetError
from dance_demo.intake import TypedClass
from dance_demo.layouts import MAX_LABEL_LENGTH
from dance_demo.one_line import one_line
from dance_demo.photos import PHOTO_SUFFIXES
from dance_demo.remarks import CLASSES_AT_MOST


class ZipInput(gr.File):
    """A `gr.File` whose value is a path. Gradio's own one leaves an empty temporary file behind each time."""

    is_template = True  # is drawn as a gr.File in the browser

    def preprocess(self, payload: FileData | None) -> str | None:
        return None if payload is None else payload.path or ""


class PhotosInput(gr.Gallery):
    """A `gr.Gallery` whose value are paths; whether they are photos is found out later, by `open_photo`."""

    is_template = True

    def preprocess(self, payload: GalleryData | None) -> list[str]:
        items = payload.root if payload else []
        return [getattr(getattr(item, "image", None) or getattr(item, "video", None), "path", "") for item in items]


def zip_input() -> ZipInput:
    return ZipInput(label="A zip with your photos", file_types=[".zip"], height=180, elem_id="data-zip")


def photos_input() -> PhotosInput:
    return PhotosInput(
        label="Photos of this class",
        sources=["upload", "webcam", "clipboard"],
        file_types=["image", *PHOTO_SUFFIXES],
        columns=6,
        height=260,
        allow_preview=False,
        buttons=[],
        interactive=True,
        elem_id="data-photos",
    )


def with_class(classes: Sequence[TypedClass], name: str, photos: Sequence[Path]) -> tuple[TypedClass, ...]:
    """The classes with these photos added, to the class of this name if there is one already.

    Raises DatasetError if the name or the photos are missing, or there is too much of them.
    """
    name = one_line(name or "")
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        raise DatasetError("Type a name for the class first.")
    if len(name) > MAX_LABEL_LENGTH:
        raise DatasetError(f"The name has {len(name)} characters; the limit is {MAX_LABEL_LENGTH}. Shorten it.")
    if not photos:
        raise DatasetError(f"Add photos of {name} first: choose files, paste, or use the camera.")
    known = [place for place, kind in enumerate(classes) if kind.name.casefold() == name.casefold()]
    if known:
        old = classes[known[0]]
        added = TypedClass(old.name, (*old.photos, *photos))
        together = (*classes[: known[0]], added, *classes[known[0] + 1 :])
    else:
        together = (*classes, TypedClass(name, tuple(photos)))
    return _within_limits(together)


def without_class(classes: Sequence[TypedClass], place: object) -> tuple[TypedClass, ...]:
    """The classes without the one at this place, whatever a caller says where that is."""
    return tuple(kind for index, kind in enumerate(classes) if index != place)


def _within_limits(classes: tuple[TypedClass, ...]) -> tuple[TypedClass, ...]:
    if len(classes) > CLASSES_AT_MOST:
        raise DatasetError(f"There are {CLASSES_AT_MOST} classes already, which is the limit.")
    count, most = sum(len(kind.photos) for kind in classes), ArchiveLimits().files
    if count > most:
        raise DatasetError(f"{count:,} photos; the limit is {most:,}. Use fewer photos.")
    return classes
