"""How often are planted copies found, and untouched photos suspected? Prints the table of docs/inspect.md.

    python -m tests.benchmarks.copied_regions PHOTOS [PHOTOS ...] [--forged 300] [--scores JSONL]

Photos of at least 400 x 250 pixels are put in an order that the seed decides. The threshold comes from the first half,
so that 2 % of its untouched photos reach it; all rates are of the second half, which was not looked at before. A copy
counts as found if a region reaches the threshold and the centres of its boxes lie in the piece and where it came from.
"""

import argparse
import io
import json
import statistics
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from dance_demo.errors import PhotoError
from dance_demo.files.forensics.copied_regions import copied_regions
from dance_demo.files.forensics.planting import CHANGES, plant_copy
from dance_demo.files.forensics.region import THRESHOLD, Box
from dance_demo.files.photo import PHOTO_SUFFIXES, open_photo
from dance_demo.training.evaluation import wilson_interval

SEED = 5
MIN_SIDES_PX = (250, 400)
FALSE_ALARMS = 0.02
UNTOUCHED = ("JPEG 90", "JPEG 75", "resized, JPEG 90")
FORGED = (*CHANGES, "plain, JPEG 75", "plain, resized")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="PHOTOS")
    parser.add_argument("--forged", type=int, default=300, help="photos that copies are planted into")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--scores", type=Path, metavar="JSONL", help="what was measured, photo by photo: goes on there")
    options = parser.parse_args()
    photos = large_photos(options.folders)
    half = len(photos) // 2
    order = np.random.default_rng(SEED).permutation(len(photos))
    tasks = [(number, photos[order[number]], number % half < options.forged // 2) for number in range(2 * half)]
    measured = kept(options.scores)
    tasks = [task for task in tasks if task[0] not in measured]
    tasks.sort(key=lambda task: (not task[2], task[0] % half))  # what is forged first, both halves in turn
    with get_context("spawn").Pool(options.processes) as pool:
        for one in tqdm(pool.imap_unordered(measure, tasks), total=len(tasks)):
            measured[one["number"]] = one
            if options.scores:
                with options.scores.open("a") as file:
                    file.write(json.dumps(one) + "\n")
    print(table([one for number, one in measured.items() if number < half],
                [one for number, one in measured.items() if number >= half]))  # fmt: skip


def kept(scores: Path | None) -> dict[int, dict]:
    if not scores or not scores.exists():
        return {}
    return {one["number"]: one for one in map(json.loads, scores.read_text().splitlines())}


def large_photos(folders: list[Path]) -> list[Path]:
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in PHOTO_SUFFIXES:
                try:
                    size = sorted(open_photo(path, max_side_px=None).size)
                except PhotoError:
                    continue
                if size[0] >= MIN_SIDES_PX[0] and size[1] >= MIN_SIDES_PX[1]:
                    found.append(path)
    return found


def measure(task: tuple[int, Path, bool]) -> dict:
    """The best score of one photo in every condition, and for forged ones whether it lies where the copy is."""
    number, path, forge = task
    cv2.setNumThreads(1)
    random = np.random.default_rng([SEED, number])
    photo = open_photo(path, max_side_px=1024)
    shrink = random.uniform(0.7, 0.9)
    start = time.process_time()
    found = {"number": number, "photo": path.name, "untouched": {"JPEG 90": best(saved(photo, 90))[0]}, "forged": {}}
    found["seconds"] = time.process_time() - start
    if forge:
        found["untouched"]["JPEG 75"] = best(saved(photo, 75))[0]
        found["untouched"]["resized, JPEG 90"] = best(saved(resized(photo, shrink), 90))[0]
    for change in CHANGES if forge else ():
        planted = plant_copy(photo, change, random)
        if planted is None:
            continue
        boxes = (planted.source, planted.target)
        found["forged"][change] = best(saved(planted.photo, 90), boxes)
        if change == "plain":
            small = tuple(tuple(round(side * shrink) for side in box) for box in boxes)
            found["forged"]["plain, JPEG 75"] = best(saved(planted.photo, 75), boxes)
            found["forged"]["plain, resized"] = best(saved(resized(planted.photo, shrink), 90), small)
    return found


def best(photo: Image.Image, boxes: tuple[Box, Box] | None = None) -> tuple[float, float]:
    """(best score anywhere, best score at these boxes), 0 for nothing."""
    regions = copied_regions(photo, 0)
    there = [one.score for one in regions if boxes and lies_at(one.source, one.target, *boxes)]
    return max((one.score for one in regions), default=0), max(there, default=0)


def lies_at(one: Box, other: Box, source: Box, target: Box) -> bool:
    ways = ((one, other), (other, one))
    return any(centre_in(first, source) and centre_in(second, target) for first, second in ways)


def centre_in(box: Box, place: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return place[0] <= x <= place[2] and place[1] <= y <= place[3]


def saved(photo: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=quality)
    return open_photo(buffer.getvalue(), max_side_px=None)


def resized(photo: Image.Image, shrink: float) -> Image.Image:
    return photo.resize((round(photo.width * shrink), round(photo.height * shrink)), Image.Resampling.BICUBIC)


def table(training: list[dict], held_out: list[dict]) -> str:
    scores = np.concatenate([list(one["untouched"].values()) for one in training])
    fitting = float(np.quantile(scores, 1 - FALSE_ALARMS, method="higher"))
    lines = [
        f"{len(training)} photos to set the threshold: {FALSE_ALARMS:.0%} of the untouched reach {fitting:.2f}; "
        f"the one that ships is {THRESHOLD:g}. Seed {SEED}.",
        f"Seconds of one processor for a photo: {statistics.median(one['seconds'] for one in training):.2f}.",
        "",
        f"| held out: {len(held_out)} photos | n | at {THRESHOLD:g} [95 %] |",
        "|---|---|---|",
    ]
    for kind in UNTOUCHED:
        hits = np.array([one["untouched"][kind] >= THRESHOLD for one in held_out if kind in one["untouched"]])
        lines.append(f"| untouched, {kind}: suspected | {len(hits)} | {rate(hits)} |")
    for kind in FORGED:
        hits = np.array([one["forged"][kind][1] >= THRESHOLD for one in held_out if kind in one["forged"]])
        lines.append(f"| {kind}: found | {len(hits)} | {rate(hits)} |")
    return "\n".join(lines)


def rate(hits: np.ndarray) -> str:
    low, high = wilson_interval(hits)
    return f"{100 * hits.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main()
