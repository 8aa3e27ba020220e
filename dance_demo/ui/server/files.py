"""Files of visitors: what one has sent, and what we make for one. Both lie in Gradio's folder of uploads, under names
that cannot be guessed: only from there is anything opened or handed out, and there Gradio deletes it in time.
"""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from dance_demo.errors import PhotoError
from dance_demo.ui.gradio_private import upload_folder

LONGEST_PATH = 1_000  # characters; one of ours has some 250
# A click makes the file first, and then presses the hidden button beside it, which has got its address by then.
PRESS = "() => setTimeout(() => document.querySelector('#{id}')?.click(), 100)"


def own_upload(path: str | os.PathLike[str]) -> Path:
    """The uploaded file behind this path, links resolved. PhotoError where it is anything but an upload."""
    folder = upload_folder().resolve()
    if isinstance(path, str) and len(path) > LONGEST_PATH:  # resolving it takes the square of that
        raise PhotoError("Please upload the picture again.")
    with suppress(OSError, RuntimeError, TypeError, ValueError):  # missing, endless links, no path, NUL
        file = Path(path).resolve(strict=True)
        if file.is_file() and folder in file.parent.parents:  # <folder>/<hash of its content>/<name>
            return file
    raise PhotoError("Please upload the picture again.")


def new_file(name: str) -> Path:
    """Where to write a file that its visitor will know by this name."""
    path = upload_folder() / secrets.token_hex(32) / name
    path.parent.mkdir(parents=True)
    return path


def hand_out(path: Path, name: str) -> Path:
    """The same content under a new address; the file itself may be removed meanwhile."""
    copy = new_file(name)
    try:
        os.link(path, copy)
    except OSError:  # another disk
        shutil.copyfile(path, copy)
    return copy


def picture_url(jpeg: bytes) -> str:
    """From where the page fetches a new file with this picture; the address tells nothing of it."""
    file = new_file("picture.jpg")
    file.write_bytes(jpeg)
    return address(file)


def address(file: Path) -> str:
    """From where the page fetches such a file."""
    return f"gradio_api/file={quote(file.as_posix())}"
