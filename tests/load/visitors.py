"""Visitors of the page as programs: each uploads a photo, waits in the line like everybody else, and is answered."""

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Barrier

import numpy as np

from dance_demo.data.illustrations import FORM_NAMES, draw
from tests.support.running_app import JSON, RunningApp

PATIENCE_S = 300


@dataclass(frozen=True)
class Visit:
    """What became of one photo."""

    outcome: str  # "answered", "busy", or what went wrong
    seconds: float
    rank: int = 0  # the longest line that the visitor was told to wait in; 0: never had to wait
    told_wait: bool = False  # whether a time was told, too


@dataclass(frozen=True)
class Crowd:
    """Visitors of one running app, and the photos that they bring."""

    app: RunningApp
    chosen: dict  # the page's call for a photo that was put into the box
    photos: tuple[bytes, ...]
    address: str = ""  # of all of them; else each comes from one of 250
    browsers: tuple[RunningApp, ...] = ()  # that they have open, one for each number; else they are programs

    @classmethod
    def before(cls, app: RunningApp, *, photos: int = 24) -> "Crowd":
        chosen = next(one for one in app.endpoints() if one["api_name"] == "show_upload")
        drawn = [_jpeg(FORM_NAMES[number % len(FORM_NAMES)], number) for number in range(photos)]
        return cls(app, chosen, tuple(drawn))

    def visit(self, number: int, session: str = "") -> Visit:
        """Bring photo number so and so, on the page of this session or as a visitor who was never there before."""
        started = time.perf_counter()
        try:
            app = self.browsers[number % len(self.browsers)] if self.browsers else self.app
            app = app.seen_from(self.address or f"10.0.0.{number % 250}")
            photo = app.upload(self.photos[number % len(self.photos)], "photo.jpg")
            outcome, rank, told_wait = self._answer(app, photo, session or _new_session(number))
        except (OSError, AssertionError, ValueError) as problem:
            outcome, rank, told_wait = f"{type(problem).__name__}: {problem}"[:200], 0, False
        return Visit(outcome, time.perf_counter() - started, rank, told_wait)

    def all_at_once(self, visitors: int, *, each: int = 1) -> list[Visit]:
        """So many visitors begin at the same moment, and bring so many photos each, one after the other."""
        start = Barrier(visitors)

        def visitor(number: int) -> list[Visit]:
            session = _new_session(number)
            start.wait()
            return [self.visit(number * each + turn, session) for turn in range(each)]

        with ThreadPoolExecutor(visitors) as pool:
            return [visit for visits in pool.map(visitor, range(visitors)) for visit in visits]

    def _answer(self, app: RunningApp, photo: dict, session: str) -> tuple[str, int, bool]:
        """(outcome, longest line told, whether a time was told)."""
        data = [photo, *self.chosen["values"][1:]]
        call = json.dumps({"data": data, "fn_index": self.chosen["id"], "session_hash": session})
        status, text, _ = app.ask("POST", "/gradio_api/queue/join", call, JSON)
        if status != 200:
            return ("busy" if status == 503 else f"status {status}: {text[:100]}"), 0, False
        rank, told_wait = 0, False
        for event in _events(app, session):
            if event["msg"] == "estimation":
                rank = max(rank, event["rank"] + 1)
                told_wait = told_wait or event["rank_eta"] is not None
            elif event["msg"] == "process_completed":
                right = event["success"] and "headline" in json.dumps(event["output"])
                return ("answered" if right else f"failed: {str(event)[:200]}"), rank, told_wait
        return "the stream ended without an answer", rank, told_wait


def _events(app: RunningApp, session: str) -> Iterator[dict]:
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        target = f"/gradio_api/queue/data?session_hash={session}"
        connection.request("GET", target, headers=app.sent_by)
        for line in connection.getresponse():
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def summary(visits: list[Visit]) -> dict[str, float]:
    """Counts, and the seconds of those that were answered."""
    seconds = [visit.seconds for visit in visits if visit.outcome == "answered"]
    waited = [visit for visit in visits if visit.rank > 1]
    p50, p95 = np.percentile(seconds, [50, 95]) if seconds else (np.nan, np.nan)
    return {
        "photos": len(visits),
        "answered": len(seconds),
        "busy": sum(visit.outcome == "busy" for visit in visits),
        "errors": sum(visit.outcome not in ("answered", "busy") for visit in visits),
        "p50_s": round(float(p50), 3),
        "p95_s": round(float(p95), 3),
        "slowest_s": round(max(seconds, default=np.nan), 3),
        "waited_in_line": len(waited),
        "told_how_long": sum(visit.told_wait for visit in waited),
    }


def _new_session(number: int) -> str:
    return f"visitor{number}x{time.monotonic_ns()}"


def _jpeg(form: str, seed: int) -> bytes:
    buffer = io.BytesIO()
    draw(form, seed, size=(480, 600)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
