"""Puts a class of pupils, a crowd, a flood, ten thousand photos and a hundred trainings in front of the real app, and
prints what happened: `make load`, or `python -m tests.load --help`.

The app runs in a process of its own and the visitors in this one, on the same machine, so both share its processors.
Every loop is bounded, and nothing but the loopback address is asked. The exit code is 1 if a target was missed.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.load.trainers import Trainer, train_together
from tests.load.visitors import Crowd, Visit, summary
from tests.support.running_app import JSON, running_app

BEHIND_A_PROXY = ("--trusted-proxies", "1")  # so that one machine can play visitors of many addresses
WARM_UP = 100  # photos before the soak is measured
BACK_TO_NORMAL_WITHIN_S = 60
HONEST = 5  # visitors beside the flood
FLOOD_STREAMS, FLOOD_CALLS_A_SECOND = 8, 100
LET_GO_AFTER_S = 11  # the server's pool lets a thread go at the next call when nobody has needed it for ten seconds


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder), *BEHIND_A_PROXY, PYTHONWARNINGS="ignore") as app,
    ):
        crowd = Crowd.before(app)
        alone = [crowd.visit(number) for number in range(20)]
        results = {"machine": machine(), "alone": summary(alone)}
        steps = {
            "class": lambda: school_class(crowd, options.visitors, options.photos),
            "burst": lambda: burst(crowd, options.burst, summary(alone)["p95_s"]),
            "flood": lambda: flood(crowd, options.flood),
            "soak": lambda: soak(crowd, options.soak),
            "trainings": lambda: trainings(crowd, options.trainings // 2),
            "class while somebody trains": lambda: class_while_training(crowd, options.visitors, options.photos),
        }
        _tell("alone", results["alone"])
        for name, step in steps.items():
            results[name] = step()
            _tell(name, results[name])
    missed = misses(results)
    print("\n".join(f"MISSED: {line}" for line in missed) or "every target was met")
    if options.json:
        options.json.write_text(json.dumps(results | {"missed": missed}, indent=1))
    return int(bool(missed))


def school_class(crowd: Crowd, visitors: int, photos: int) -> dict:
    """Everybody at the same moment, one photo after the other."""
    in_one_room = replace(crowd, address="192.0.2.1")
    return {"visitors": visitors} | summary(in_one_room.all_at_once(visitors, each=photos))


def burst(crowd: Crowd, visitors: int, normal_p95_s: float) -> dict:
    """Many at the same moment, and then: how soon is one visitor answered as usual again?"""
    started = time.perf_counter()
    visits = crowd.all_at_once(visitors)
    busy = [visit.seconds for visit in visits if visit.outcome == "busy"]
    limit_s, in_a_row = max(2 * normal_p95_s, 0.5), 0
    while in_a_row < 5 and time.perf_counter() - started < 2 * BACK_TO_NORMAL_WITHIN_S:
        visit = crowd.visit(0)
        in_a_row = in_a_row + 1 if visit.outcome == "answered" and visit.seconds < limit_s else 0
    normal_again_s = time.perf_counter() - started if in_a_row == 5 else float("inf")
    told = {"slowest_busy_s": round(max(busy, default=0.0), 3), "normal_again_s": round(normal_again_s, 1)}
    return {"visitors": visitors} | summary(visits) | told


def flood(crowd: Crowd, seconds: float) -> dict:
    """One client asks a hundred times a second and never reads an answer; others come with a photo meanwhile."""
    until = time.monotonic() + seconds
    app = crowd.app.seen_from("198.51.100.1")
    photo = app.upload(crowd.photos[0], "flood.jpg")
    sent: list[int] = []

    def pour(stream: int) -> None:
        while time.monotonic() < until:
            call = {"data": [photo, *crowd.chosen["values"][1:]], "fn_index": crowd.chosen["id"]}
            body = json.dumps(call | {"session_hash": f"flood{stream}x{time.monotonic_ns()}"})
            sent.append(app.ask("POST", "/gradio_api/queue/join", body, JSON)[0])
            time.sleep(FLOOD_STREAMS / FLOOD_CALLS_A_SECOND)

    def honest(number: int) -> Visit:
        """Comes again after two seconds where the page is busy, as a person would."""
        started = time.perf_counter()
        visit = crowd.visit(number)
        while visit.outcome == "busy" and time.monotonic() < until + BACK_TO_NORMAL_WITHIN_S:
            time.sleep(2)
            visit = crowd.visit(number)
        return Visit(visit.outcome, time.perf_counter() - started, visit.rank, visit.told_wait)

    with ThreadPoolExecutor(HONEST + FLOOD_STREAMS) as pool:
        pouring = [pool.submit(pour, stream) for stream in range(FLOOD_STREAMS)]
        time.sleep(min(1.0, seconds / 2))
        visits = list(pool.map(honest, range(HONEST)))
        for stream in pouring:
            stream.result()
    calls = {"calls": len(sent), "calls_taken": sent.count(200), "calls_busy": sum(map(sent.count, (429, 503)))}
    calls["calls_failed"] = len(sent) - calls["calls_taken"] - calls["calls_busy"]
    return {"seconds": seconds} | calls | summary(visits)


def soak(crowd: Crowd, photos: int) -> dict:
    """Photo after photo by two visitors at a time; what the process holds is noted along the way."""
    with ThreadPoolExecutor(2) as pool:
        visits = list(pool.map(crowd.visit, range(WARM_UP)))
        before = settled(crowd)
        points = []
        for start in range(0, photos, max(1, photos // 20)):
            visits += pool.map(crowd.visit, range(start, min(start + max(1, photos // 20), photos)))
            points.append((len(visits) - WARM_UP, crowd.app.resources()["memory_mb"]))
    after = settled(crowd)
    kb_per_photo = 1024 * np.polyfit(*zip(*points, strict=True), 1)[0] if len(points) > 2 else float("nan")
    return summary(visits) | _growth(before, after) | {"kb_per_photo": round(float(kb_per_photo), 2)}


def trainings(crowd: Crowd, rounds: int) -> dict:
    """Two visitors train at the same time, again and again, and a third brings photos; then what the process holds."""
    train_together(crowd, 1)
    before = settled(crowd)
    ids, leaks, visits = train_together(crowd, rounds)
    after = settled(crowd)
    growth = {"trainings": len(set(ids)), "leaks": leaks} | _growth(before, after)
    return growth | {f"third_{name}": figure for name, figure in summary(visits).items()}


def class_while_training(crowd: Crowd, visitors: int, photos: int) -> dict:
    """The class once more, while one visitor trains without a pause."""
    trainer, over, rounds = Trainer(crowd.app, "lapwing", ("kathakali", "odissi")), threading.Event(), []

    def train() -> None:
        while not over.is_set():
            rounds.append(trainer.train())

    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train)
        time.sleep(1)
        try:
            told = school_class(crowd, visitors, photos)
        finally:
            over.set()
        training.result()
    return told | {"trainings": len(rounds)}


def _growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {
        "memory_before_mb": round(before["memory_mb"], 1),
        "memory_growth_mb": round(after["memory_mb"] - before["memory_mb"], 1),
        "more_threads": after["threads"] - before["threads"],
        "more_files": after["files"] - before["files"],
        "temporary_mb": round(after["temporary_mb"], 1),
    }


def settled(crowd: Crowd) -> dict[str, float]:
    """What the process holds when it has had a while of peace: the least of several looks."""
    time.sleep(LET_GO_AFTER_S)
    crowd.app.ask("GET", "/robots.txt")  # needs one thread of the pool, where a photo sometimes needs two
    looks = []
    for _ in range(6):
        time.sleep(1)
        looks.append(crowd.app.resources())
    return {name: min(look[name] for look in looks) for name in looks[0]}


def misses(results: dict) -> list[str]:
    """The targets of docs/measurements.md that were not met."""
    checks = _misses_of_crowds(results) | _misses_of_trainings(results)
    for name in ("soak", "trainings"):
        long = results[name]
        more = f"{long['more_threads']} more threads, {long['more_files']} more files"
        checks[f"{name}: memory grew by {long['memory_growth_mb']} MB > 50"] = long["memory_growth_mb"] <= 50
        checks[f"{name}: {more}"] = long["more_threads"] <= 0 and long["more_files"] <= 0
        checks[f"{name}: {long['temporary_mb']} MB of temporary files > 50"] = long["temporary_mb"] <= 50
    return [line for line, met in checks.items() if not met]


def _misses_of_crowds(results: dict) -> dict[str, bool]:
    group, crowd, poured, long = (results[name] for name in ("class", "burst", "flood", "soak"))
    told = crowd["answered"] + crowd["busy"]
    return {
        f"{group['errors']} errors in the class, {group['busy']} busy": group["errors"] + group["busy"] == 0,
        f"p50 of the class {group['p50_s']} s > 1 s": group["p50_s"] <= 1,
        f"p95 of the class {group['p95_s']} s > 5 s": group["p95_s"] <= 5,
        "somebody in the class waited without being told": group["told_how_long"] == group["waited_in_line"],
        f"burst: {told} of {crowd['photos']} answered or told": told >= 0.95 * crowd["photos"],
        f"burst: 'busy' took {crowd['slowest_busy_s']} s > 2 s": crowd["slowest_busy_s"] <= 2,
        f"burst: normal again after {crowd['normal_again_s']} s": crowd["normal_again_s"] <= BACK_TO_NORMAL_WITHIN_S,
        f"flood: {poured['answered']} of {HONEST} honest visitors answered": poured["answered"] == HONEST,
        f"flood: {poured['calls_failed']} calls failed": poured["calls_failed"] == 0,
        f"soak: {long['errors'] + long['busy']} of {long['photos']} not answered": long["errors"] + long["busy"] == 0,
    }


def _misses_of_trainings(results: dict) -> dict[str, bool]:
    alone, group = results["alone"], results["class"]
    trained, beside = results["trainings"], results["class while somebody trains"]
    third_s, beside_s = trained["third_p95_s"], beside["p95_s"]
    return {
        f"trainings: {trained['leaks']} times a visitor heard of the other": trained["leaks"] == 0,
        f"trainings: {trained['third_errors']} errors of the third visitor": trained["third_errors"] == 0,
        f"p95 of the third visitor {third_s} s > 2 x {alone['p95_s']} s": third_s <= 2 * alone["p95_s"],
        f"{beside['errors']} errors in the class beside trainings": beside["errors"] == 0,
        f"p95 of the class beside trainings {beside_s} s > 2 x {group['p95_s']} s": beside_s <= 2 * group["p95_s"],
    }


def machine() -> str:
    name = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    version = sys.version.split()[0]
    return f"{name.partition(': ')[2].strip() or name}, {os.cpu_count()} cores, Python {version}, load {load}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _tell(name: str, result: dict) -> None:
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in result.items()), flush=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--visitors", type=int, default=30, help="in the class (default: %(default)s)")
    parser.add_argument("--photos", type=int, default=10, help="of each of them (default: %(default)s)")
    parser.add_argument("--burst", type=int, default=100, help="visitors at one moment (default: %(default)s)")
    parser.add_argument("--flood", type=float, default=60, help="seconds of flood (default: %(default)s)")
    parser.add_argument("--soak", type=int, default=10_000, help="photos after the warm-up (default: %(default)s)")
    parser.add_argument("--trainings", type=int, default=100, help="of two visitors (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
