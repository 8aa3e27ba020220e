"""The one way in which a file comes from the Hub."""

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from dance_demo.errors import ModelError
from dance_demo.hub.address import HubAddress

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def download(api: "HfApi", address: HubAddress, name: str, *, folder: Path | None = None, sha256: str = "") -> Path:
    """Fetch a file of a repository, at a revision, and return its path.

    It goes into `folder`, or else into the Hub's cache, and what is there already needs no network. One that has not
    the `sha256` that it must have is fetched once more, then removed and refused (`ModelError`). What the Hub's library
    raises is left as it is.
    """
    for again in (False, True):
        path = Path(
            api.hf_hub_download(
                address.repo, name, revision=address.revision or None, local_dir=folder, force_download=again
            )
        )
        if not sha256 or hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    with contextlib.suppress(OSError):
        path.resolve().unlink()  # or the damaged copy would be used by the next start
    raise ModelError(f"{name} of {address.repo} is not the file that was pinned (its SHA-256 differs). It was removed.")
