"""A model as a folder of static files: the page of `page`, for a school's web server, GitHub Pages or a static Space.

What is large lies beside the page, packed, so that it is fetched once; a service worker keeps all of it for when there
is no network. The names end in .bin because some servers say of .gz that the browser is to unpack it.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dance_demo.export.model_data import packed_network, runtime
from dance_demo.export.page import Part, asset, page_html
from dance_demo.files.atomic import DRAFT_PREFIX
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import require_new
from dance_demo.model.loading import load_classifier

INDEX, PROGRAM, OFFLINE, NETWORK, RUNTIME = "index.html", "page.js", "offline.js", "network.bin", "litert.bin"


def write_folder(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write a model directory as the new folder `out`, complete or not at all."""
    require_new(out)
    yield Progress("Packing the network into a folder")
    files = folder_files(model)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=DRAFT_PREFIX) as draft:
        folder = Path(draft) / out.name  # for everybody to read, which the draft is not
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        if not stop():
            os.rename(folder, out)


def folder_files(model: Path) -> dict[str, bytes]:
    """The files of that folder, by name."""
    files = {
        PROGRAM: asset(PROGRAM).encode(),
        OFFLINE: asset(OFFLINE).encode(),
        NETWORK: packed_network(load_classifier(model).backbone.data),
        RUNTIME: runtime(),
        "LICENCES.txt": asset("LICENCES.txt").encode(),
    }
    parts = {"network": Part(address=NETWORK), "runtime": Part(address=RUNTIME)}
    page = page_html(model, parts, program=PROGRAM)
    version = hashlib.sha256(b"".join([page.encode(), *files.values()])).hexdigest()[:16]
    return {INDEX: page_html(model, parts, program=PROGRAM, offline=f"{OFFLINE}?version={version}").encode()} | files
