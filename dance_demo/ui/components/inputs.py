"""Where a visitor puts files in: components whose value are paths of uploads, which are opened and decoded elsewhere.

Gradio's own ones try every decoder of Pillow on a photo before our code sees it, leave an empty temporary file behind
for each file, or load FFmpeg. In the browser each is drawn as the component that it extends (`is_template`).
"""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.files.photo import PHOTO_SUFFIXES
from dance_demo.predict.rows import ALL
from dance_demo.ui.gradio_private import GalleryData, ImageData, ListFiles, WithoutStub

# For the whole page: what a browser knows no type of comes into every box for photos.
UNTYPED_FILES = (
    Path(__file__).with_name("untyped_files.js").read_text("utf-8").replace("ENDINGS", json.dumps(PHOTO_SUFFIXES))
)


class PhotoInput(gr.Image, metaclass=WithoutStub):
    """One photo: its path, "" if something else than a file was sent, or None."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        return None if payload is None else payload.path or ""


class FileInput(gr.File, metaclass=WithoutStub):
    """One file, a zip or a clip: its path, or None."""

    is_template = True

    def preprocess(self, payload: ListFiles | gr.FileData | None) -> str | None:
        return payload.path or "" if isinstance(payload, gr.FileData) else None


class FilesInput(gr.File, metaclass=WithoutStub):
    """Many files: (path, name that the visitor knows) of each."""

    is_template = True

    def preprocess(self, payload: ListFiles | gr.FileData | None) -> Any:  # no type of `gr.File` has names
        files = [payload] if isinstance(payload, gr.FileData) else list(payload or ())
        return [(file.path, file.orig_name or "") for file in files]


class PhotosInput(gr.Gallery, metaclass=WithoutStub):
    """Many photos, uploaded, pasted or taken: the path of each."""

    is_template = True

    def preprocess(self, payload: GalleryData | None) -> Any:  # no type of `gr.Gallery` is of paths alone
        items = payload.root if payload else []
        return [getattr(getattr(item, "image", None) or getattr(item, "video", None), "path", "") for item in items]


class SoundInput(gr.Audio, metaclass=WithoutStub):
    """One recording, uploaded or made here: its path, or None."""

    is_template = True

    def preprocess(self, payload: gr.FileData | None) -> str | None:
        return None if payload is None else payload.path or ""


class FilterInput(gr.Radio, metaclass=WithoutStub):
    """A choice of any value: which ones there are depends on answers that may be gone."""

    is_template = True

    def preprocess(self, payload: Any) -> str:
        return payload if isinstance(payload, str) else ALL
