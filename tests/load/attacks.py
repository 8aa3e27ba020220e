"""Three addresses do their worst, one kind of attack after the other, while five honest visitors bring photos:
`make attacks`, or `python -m tests.load.attacks --help`. With `--room` it is a class: thirty pupils with the page open,
who look at each answer for five seconds, and one more behind the same address who does his worst.

The attackers are a process of their own with a low priority: on the internet they have processors of their own, and do
not take those that the app needs. An attacker sends at most some thirty requests a second: what is measured is what a
request costs the others. Whoever else uses this machine makes everything slower, so each attack has its own quiet time
right before it, with which it is compared. `p95_s` is what a visitor waits for; `p95_work_s` is how much processor time
the server used meanwhile, for whomever, which says the same and hangs less on who else is here. Every loop is bounded,
and nothing but the loopback address is asked. The exit code is 1 if a target was missed.
"""

import argparse
import base64
import io
import itertools
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.load.__main__ import BEHIND_A_PROXY, machine, settled
from tests.load.visitors import Crowd, Visit, summary
from tests.support.running_app import FORM, JSON, META, RunningApp, running_app

ATTACKERS, HONEST, PAUSE_OF_HONEST_S = 3, 5, 0.7
PUPILS, PAUSE_OF_PUPILS_S, WANTED_IN_CLASS_S = 30, 5.0, 3.0
ALL = "all"
PREPARED: dict[str, bytes] = {}  # what attackers upload
PAUSE_S = 0.1  # of an attacker's thread between two requests
WAIT_S = 20  # that an attacker waits for an answer


@dataclass(frozen=True)
class Scene:
    """Who is there: so many honest visitors of the crowd, with a pause between photos, and who attacks."""

    crowd: Crowd
    honest: int
    pause_s: float
    bad: tuple[RunningApp, ...]

    @classmethod
    def of_the_internet(cls, app: RunningApp) -> "Scene":
        bad = tuple(app.seen_from(f"198.51.100.{number}") for number in range(ATTACKERS))
        return cls(Crowd.before(app), HONEST, PAUSE_OF_HONEST_S, bad)

    @classmethod
    def of_a_class(cls, app: RunningApp) -> "Scene":
        browsers = tuple(app.in_a_browser() for _ in range(PUPILS))
        return cls(replace(Crowd.before(app), browsers=browsers), PUPILS, PAUSE_OF_PUPILS_S, (app.in_a_browser(),))


@dataclass
class Attacker:
    """One address. `app` is asked from it; `made` keeps what it has uploaded."""

    app: RunningApp
    crowd: Crowd
    made: dict[str, dict] = field(default_factory=dict)
    numbers: itertools.count = field(default_factory=itertools.count)

    def post(self, path: str, body: str | bytes, headers: dict[str, str] = JSON) -> str:
        return self.app.ask("POST", f"/gradio_api/{path}", body, headers, timeout_s=WAIT_S)[1]

    def join(self, endpoint: dict, data: list, session: str) -> str:
        return self.post("queue/join", json.dumps({"data": data, "fn_index": endpoint["id"], "session_hash": session}))

    def upload(self, name: str, content: Callable[[], bytes]) -> dict:
        if name not in self.made:
            self.made[name] = self.app.upload(PREPARED.get(name) or content(), name)
        return self.made[name]

    def session(self) -> str:
        return f"bad{self.app.sender.replace('.', '')}x{next(self.numbers)}"


def new_sessions(bad: Attacker) -> None:
    """Row 1: the line is joined and left again, each time under another name."""
    session = bad.session()
    answer = bad.join(bad.crowd.chosen, bad.crowd.chosen["values"], session)
    with suppress(ValueError, KeyError, TypeError):
        left = {"session_hash": session, "fn_index": bad.crowd.chosen["id"], "event_id": json.loads(answer)["event_id"]}
        bad.post("cancel", json.dumps(left))


def long_ids(bad: Attacker) -> None:
    """Row 2: ids without end, each another one."""
    number = next(bad.numbers)
    bad.app.ask("GET", f"/gradio_api/upload_progress?upload_id={number}{'x' * 60_000}")
    bad.post("queue/join", json.dumps({"data": [], "fn_index": 0, "session_hash": f"{number}{'y' * 200_000}"}))


def slow_text(bad: Attacker) -> None:
    """Row 3: text that takes the square of its length."""
    bodies = (
        json.dumps({"data": [{"path": "/tmp" + "/../tmp" * 300_000, "meta": META}, 3]}),
        '{"data": ' + "[" * 120_000 + "]" * 120_000 + "}",
        '{"data": [' + "0," * 1_900_000 + "0]}",
        '{"data": ["' + "\\" * 240_000,
        json.dumps({"data": ["a" + "\u0301" * 60_000, 3]}),
    )
    bad.post("run/name_dance", bodies[next(bad.numbers) % len(bodies)])


def tiny_files(bad: Attacker) -> None:
    """Rows 4 and 8: a hundred files in each upload."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.jpg"\r\n\r\n'
    number = next(bad.numbers)
    parts = b"".join(head % (100 * number + part) + b"%d\r\n" % (100 * number + part) for part in range(100))
    bad.post("upload", parts + b"--x--\r\n", FORM)


def much_work(bad: Attacker) -> None:
    """Row 5: one photo of 49 megapixels, two hundred times in one call."""
    photo = bad.upload("large.png", _large_png)
    bad.app.ask("POST", "/gradio_api/call/predict_many", json.dumps({"data": [[photo] * 200]}), JSON)


def base64_photos(bad: Attacker) -> None:
    """Row 5: the short line of photos in base64."""
    bad.post("run/name_dance", json.dumps({"data": [base64.b64encode(bad.crowd.photos[0]).decode(), 3]}))


def cameras(bad: Attacker) -> None:
    """Row 5: pictures of made-up cameras."""
    visitor = f"{next(bad.numbers):016x}"
    bad.app.ask("POST", f"/live/frame?visitor={visitor}", bad.crowd.photos[0], {"Content-Type": "image/jpeg"})


def new_visits(bad: Attacker) -> None:
    """Row 6: a photo for each of many visits, and no answer is fetched."""
    photo = bad.upload("photo.jpg", lambda: bad.crowd.photos[0])
    bad.join(bad.crowd.chosen, [photo, *bad.crowd.chosen["values"][1:]], bad.session())


def many_jobs(bad: Attacker) -> None:
    """Rows 7 and 8: zips that become large, each checked for another made-up visitor."""
    archive = bad.upload("photos.zip", _large_zip)
    check = next(one for one in bad.app.endpoints() if one["api_name"].startswith("start_zip"))
    bad.join(check, [archive], bad.session())
    time.sleep(0.5)


def lying_photos(bad: Attacker) -> None:
    """Row 9: an AVIF that calls itself small."""
    photo = bad.upload("small.avif", _lying_avif)
    bad.app.ask("POST", "/gradio_api/call/classify", json.dumps({"data": [photo, 3]}), JSON)


def trickle(bad: Attacker) -> None:
    """Row 10: bodies that do not end, and junk for the log."""
    connection = socket.create_connection(("127.0.0.1", bad.app.port), timeout=5)
    head = f"POST /gradio_api/run/name_dance HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {bad.app.sender}\r\n"
    with suppress(OSError):
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 4000000\r\n\r\n".encode())
        connection.sendall(b'{"data": ["' + b"A" * 400_000)
    bad.made.setdefault("open", {})[next(bad.numbers)] = connection
    bad.post("call/v2/classify", json.dumps({"x" * 200_000: 1}))


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    attack.__name__: attack
    for attack in (
        *(new_sessions, long_ids, slow_text, tiny_files, much_work, base64_photos, cameras),
        *(new_visits, many_jobs, lying_photos, trickle),
    )
}


def measure(scene: Scene, name: str, seconds: float) -> dict:
    """What became of the honest visitors before and while others attack ("": nobody does)."""
    quiet = visits_for(scene, min(seconds, max(5.0, 2 * scene.pause_s)))
    if not name:
        return told(quiet)
    before_s = busy_s(scene.crowd)
    attempts = multiprocessing.get_context("fork").SimpleQueue()  # the photos and the app are there already
    attackers = multiprocessing.get_context("fork").Process(target=_attack, args=(scene, name, seconds, attempts))
    attackers.start()
    try:
        visits = visits_for(scene, seconds)
    finally:
        sent = attempts.get()
        attackers.join()
    cost = {"attempts": sent, "server_s": round(busy_s(scene.crowd) - before_s, 1)}
    before = {f"quiet_{name}": figure for name, figure in told(quiet).items() if name.startswith("p95")}
    return cost | told(visits) | before


def told(visits: list[tuple[Visit, float]]) -> dict[str, Any]:
    """Counts, seconds that visitors waited, and seconds that the server worked while one of them did."""
    work_s = round(float(np.percentile([seconds for _, seconds in visits], 95)), 3)
    wrong = [visit.outcome for visit, _ in visits if visit.outcome not in ("answered", "busy")]
    return summary([visit for visit, _ in visits]) | {"p95_work_s": work_s} | ({"wrong": wrong[:3]} if wrong else {})


def visits_for(scene: Scene, seconds: float) -> list[tuple[Visit, float]]:
    """What became of all photos that the honest visitors brought in this time, each with a pause between them.

    With each what the server worked meanwhile, in seconds.
    """
    until, crowd = time.monotonic() + seconds, scene.crowd

    def honest(number: int) -> list[tuple[Visit, float]]:
        visits = []
        time.sleep(scene.pause_s * number / scene.honest)  # they do not begin at the same moment
        session = f"honest{number}x{time.monotonic_ns()}"
        while time.monotonic() < until:
            before_s = busy_s(crowd)
            visit = crowd.visit(number, session)
            visits.append((visit, busy_s(crowd) - before_s))
            time.sleep(scene.pause_s)
        return visits

    with ThreadPoolExecutor(scene.honest) as pool:
        return [visit for of_one in pool.map(honest, range(scene.honest)) for visit in of_one]


def busy_s(crowd: Crowd) -> float:
    """Seconds of processor that the server has used until now."""
    return time.clock_gettime(~crowd.app.process.pid << 3 | 2)  # of another process, in nanoseconds: Linux only


def _attack(scene: Scene, name: str, seconds: float, attempts: "multiprocessing.SimpleQueue[int]") -> None:
    """In a process of its own: three threads each."""
    os.nice(19)
    attack = everything() if name == ALL else ATTACKS[name]
    until = time.monotonic() + seconds

    def worst(attacker: Attacker) -> int:
        sent = 0
        while time.monotonic() < until:
            with suppress(OSError, ValueError, AssertionError):  # refused, and cut off
                attack(attacker)
            sent += 1
            time.sleep(PAUSE_S)
        return sent

    bad = [Attacker(app, scene.crowd) for app in scene.bad]
    with ThreadPoolExecutor(3 * len(bad)) as pool:
        attempts.put(sum(pool.map(worst, [attacker for attacker in bad for _ in range(3)])))
    for attacker in bad:
        for connection in attacker.made.get("open", {}).values():
            connection.close()


def everything() -> Callable[[Attacker], None]:
    """All attacks in turn."""
    kinds = itertools.cycle(ATTACKS.values())
    return lambda bad: next(kinds)(bad)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    quiet = {"PYTHONWARNINGS": "ignore"}
    started = ("--classroom",) if options.room else BEHIND_A_PROXY
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder), *started, **quiet) as app:
        for file, content in (("large.png", _large_png), ("photos.zip", _large_zip), ("small.avif", _lying_avif)):
            PREPARED[file] = content()  # beforehand: making them takes the processors that the app needs
        scene = Scene.of_a_class(app) if options.room else Scene.of_the_internet(app)
        visits_for(scene, 5)
        before = settled(scene.crowd)
        print(machine(), flush=True)
        results, missed = {}, []
        for name in options.only or (*ATTACKS, ALL):
            results[name] = found = measure(scene, name, options.seconds)
            print(f"{name}: {found}", flush=True)
            wanted_s = WANTED_IN_CLASS_S if options.room else 2 * found["quiet_p95_s"]
            if found["errors"] or found["busy"] or not found["p95_s"] <= wanted_s:
                times = ", ".join(
                    f"{one} {found[one]}, {found[f'quiet_{one}']} before" for one in ("p95_s", "p95_work_s")
                )
                missed.append(f"{name}: {times}, {found['errors']} errors, {found['busy']} busy")
        after = settled(scene.crowd)
        growth = {name: round(after[name] - before[name], 1) for name in before}
        health = app.ask("GET", "/health?tasks=1")
        log_kb = len(app.log) / 1000
        print(f"afterwards: {growth}, log {log_kb:.0f} kB, health {health[0]} {health[1]}")
    print("\n".join(f"MISSED: {line}" for line in missed) or "every target was met")
    if options.json:
        options.json.write_text(json.dumps(results | {"afterwards": growth, "missed": missed}, indent=1))
    return int(bool(missed) or health[0] != 200)


def _saved(picture: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format)
    return stream.getvalue()


def _large_png() -> bytes:
    return _saved(Image.new("RGB", (7000, 7000), "teal"), "PNG")


def _lying_avif() -> bytes:
    data = _saved(Image.new("RGB", (4096, 4096), "teal"), "AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + (600).to_bytes(4, "big") * 2 + data[at + 8 :]


def _large_zip() -> bytes:
    """Some 150 MB of pictures of one colour, in about 2 MB."""
    content, rng = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            colour = tuple(rng.integers(0, 256, 3).tolist())
            noise = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8))
            picture = Image.new("RGB", (1100, 1100), colour)
            picture.paste(noise.resize((120, 120)), (number * 10, number * 10))
            archive.writestr(f"{'kathak' if number % 2 else 'odissi'}/{number}.bmp", _saved(picture, "BMP"))
    return content.getvalue()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load.attacks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each attack (default: %(default)s)")
    parser.add_argument("--room", action="store_true", help="a class, and one of it attacks")
    parser.add_argument("--only", nargs="*", choices=(*ATTACKS, ALL), help="these attacks alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
