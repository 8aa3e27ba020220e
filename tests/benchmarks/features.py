"""How long does a head of a million photos' features take, and how much memory? Prints a row of docs/training.md.

    python -m tests.benchmarks.features [--photos 1000000] [--one-view] [--folder DIR]

Writes made-up features into Parquet files as `scripts/embed_many.py` does (1,280 of a photo and of its mirror image,
float32, hashes; 10.4 GB for a million) and runs `train --features` on them in a process of its own. The features are
drawn about a centre for each of eight classes, near enough to one another that some photos cannot be told. A photo of a
hundred is there twice. Needs pyarrow; whatever it writes is gone at the end.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from dance_demo.data.illustrations import FORM_NAMES
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import BACKBONE, BUNDLED
from tests.support import ROOT

CHANNELS = 1280
ROWS_A_FILE = 20_000
COPIED = 100  # every hundredth photo is one of the file again
SEPARATION = 0.02  # of the centres: enough to tell most classes, not all photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--one-view", action="store_true")
    parser.add_argument("--folder", type=Path, help="where to write, instead of where temporary files go")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=settings.folder) as name:
        folder = Path(name)
        began = time.perf_counter()
        size = written(folder / "features", settings.photos, mirrored=not settings.one_view)
        print(f"{settings.photos:,} photos, {size / 1e9:.1f} GB, written in {time.perf_counter() - began:.0f} s")
        used, answer = trained(folder)
    print(f"wall {used.wall_s:.0f} s, processor {used.processor_s:.0f} s, of all children and threads")
    print(f"memory at most {used.own_gb:.2f} GB, and {used.mapped_gb:.2f} GB of files that are mapped")
    print(f"accuracy {answer['accuracy']:.3f}, {answer['duplicate_groups']} groups of copies")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")


@dataclass
class Used:
    """What a process took: seconds, and the largest memory of its own and of files that it has mapped."""

    wall_s: float = 0.0
    processor_s: float = 0.0
    own_gb: float = 0.0
    mapped_gb: float = 0.0


def written(folder: Path, photos: int, *, mirrored: bool) -> int:
    """Write so many photos' features; returns bytes."""
    import pyarrow
    import pyarrow.parquet

    folder.mkdir()
    generator = np.random.default_rng(0)
    centres = generator.gamma(0.5, size=(len(FORM_NAMES), CHANNELS)).astype(np.float32)
    for start in range(0, photos, ROWS_A_FILE):
        table = pyarrow.table(rows(generator, centres, start, min(ROWS_A_FILE, photos - start), mirrored=mirrored))
        pyarrow.parquet.write_table(
            table, folder / f"{start:09}.parquet", compression="none", use_dictionary=False, row_group_size=2048
        )
    return sum(path.stat().st_size for path in folder.iterdir())


def rows(generator: np.random.Generator, centres: np.ndarray, start: int, n: int, *, mirrored: bool) -> dict:
    """The columns of `n` photos from number `start` on; classes take turns."""
    import pyarrow

    classes = np.arange(start, start + n) % len(centres)
    noise = generator.standard_exponential((n, CHANNELS), np.float32) * np.float32(2)
    first = noise + SEPARATION * centres[classes] * 10
    hashes = generator.integers(2**63, size=n, dtype=np.uint64)
    digits = generator.bytes(32 * n).hex()
    pixels = [digits[64 * number : 64 * number + 64] for number in range(n)]
    for copy in range(COPIED, n, COPIED):  # of a photo of the same class: the classes take turns
        origin = copy - len(centres)
        first[copy], hashes[copy], pixels[copy] = first[origin], hashes[origin], pixels[origin]
    columns = {
        "path": [f"photos/{FORM_NAMES[number]}/{start + row}.jpg" for row, number in enumerate(classes)],
        "features": vectors(first),
        "error": [""] * n,
        "pixel_sha256": pixels,
        "difference_hash": pyarrow.array(hashes),
        "backbone_sha256": [SHIPPED] * n,
    }
    if mirrored:
        columns["mirrored"] = vectors(np.maximum(first + generator.standard_normal((n, CHANNELS), np.float32) / 5, 0))
    return columns


def vectors(numbers: np.ndarray):  # noqa: ANN201
    import pyarrow

    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers.ravel()), numbers.shape[1])


def trained(folder: Path) -> tuple[Used, dict]:
    """Run `train --features`; its stderr passes through."""
    command = [sys.executable, "-m", "dance_demo", "train", "--features", folder / "features", "--json"]
    process = subprocess.Popen([*command, "--out", folder / "head"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    used, began = Used(), time.perf_counter()
    watcher = threading.Thread(target=watched, args=(psutil.Process(process.pid), used))
    watcher.start()
    output, _ = process.communicate()
    used.wall_s = time.perf_counter() - began
    watcher.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return used, json.loads(output)


def watched(process: psutil.Process, used: Used) -> None:
    """Look at a process five times a second until it ends."""
    try:
        while process.status() != psutil.STATUS_ZOMBIE:
            times, memory = process.cpu_times(), process.memory_info()
            used.processor_s = times.user + times.system
            used.own_gb = max(used.own_gb, (memory.rss - memory.shared) / 1e9)
            used.mapped_gb = max(used.mapped_gb, memory.shared / 1e9)
            time.sleep(0.2)
    except psutil.NoSuchProcess:
        pass


SHIPPED = Backbone(BUNDLED / BACKBONE).sha256

if __name__ == "__main__":
    main()
