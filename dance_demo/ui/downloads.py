"""Files that we make for one visitor. They lie among the uploads, under a name that cannot be guessed: only from there
is anything handed out (see `guard`), and there Gradio deletes them in time.
"""

import os
import secrets
import shutil
from pathlib import Path

from gradio.utils import get_upload_folder

# A click makes the file first, and then presses the hidden button beside it, which has got its address by then.
PRESS = "() => setTimeout(() => document.querySelector('#{id}')?.click(), 100)"


def new_file(name: str) -> Path:
    """Where to write a file that its visitor will know by this name."""
    path = Path(get_upload_folder()) / secrets.token_hex(32) / name
    path.parent.mkdir(parents=True)
    return path


def handed_out(path: Path, name: str) -> Path:
    """The same content under a new address; the file itself may be removed meanwhile."""
    copy = new_file(name)
    try:
        os.link(path, copy)
    except OSError:  # another disk
        shutil.copyfile(path, copy)
    return copy
