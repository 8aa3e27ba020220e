"""How many photos a second does one process embed, and how many do two? Prints the table of docs/scaling.md.

    python -m tests.benchmarks.scaling [--seconds 2] [--rounds 5]

From the JPEG to the features: decoded, cut, through the backbone, averaged. The ways take turns, so that a machine
whose speed drifts drifts for all of them. Processor time per photo holds on a busy machine, too.
"""

import argparse
import io
import statistics
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.files.photo import open_photo
from dance_demo.jobs.resources import n_processors
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import BACKBONE, BUNDLED
from dance_demo.model.preprocessing import to_input


@dataclass(frozen=True)
class Way:
    processes: int
    threads: int  # of LiteRT in each


WAYS = (Way(1, 1), Way(1, 2), Way(2, 1), Way(2, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    settings = parser.parse_args()
    workers = {way: [Worker(way.threads) for _ in range(way.processes)] for way in WAYS}
    found: dict[Way, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(settings.rounds):
        for way in WAYS:
            found[way].append(measured(workers[way], settings.seconds))
    print(f"{n_processors()} processors, medians of {settings.rounds} rounds of {settings.seconds:g} s")
    print("processes  threads  photos/s  ms of processor per photo")
    for way, rounds in found.items():
        rate, cost = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{way.processes:9}  {way.threads:7}  {rate:8.1f}  {1000 * cost:25.1f}")
    for worker in (one for some in workers.values() for one in some):
        worker.end()


class Worker:
    """A process that embeds photos when it is told to."""

    def __init__(self, threads: int) -> None:
        context = get_context("spawn")
        self.pipe, its_end = context.Pipe()
        self.process = context.Process(target=work, args=(its_end, threads), daemon=True)
        self.process.start()
        assert self.pipe.recv() == "ready"

    def end(self) -> None:
        self.pipe.send(0.0)
        self.process.join()


def measured(workers: list[Worker], seconds: float) -> tuple[float, float]:
    """(photos a second of all together, seconds of processor per photo)."""
    for worker in workers:
        worker.pipe.send(seconds)
    photos, busy = zip(*(worker.pipe.recv() for worker in workers), strict=True)
    return sum(photos) / seconds, sum(busy) / sum(photos)


def work(pipe: Connection, threads: int) -> None:
    backbone = Backbone(BUNDLED / BACKBONE, threads=threads)
    photos = [jpeg(form) for form in FORM_NAMES]
    embedded(backbone, photos[0])
    pipe.send("ready")
    while seconds := pipe.recv():
        count, busy, end = 0, time.process_time(), time.monotonic() + seconds
        while time.monotonic() < end:
            embedded(backbone, photos[count % len(photos)])
            count += 1
        pipe.send((count, time.process_time() - busy))


def jpeg(form: str) -> bytes:
    buffer = io.BytesIO()
    draw(form, 1).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def embedded(backbone: Backbone, photo: bytes) -> None:
    view = to_input(open_photo(photo), backbone.input_side_px)
    backbone.feature_maps(view[None]).mean(axis=(1, 2))


if __name__ == "__main__":
    main()
