"""Thousands of generated calls on every endpoint of the real app, over plain HTTP: sensible ones, odd ones and junk.

Whatever comes back, it is no server error (503, "the line is full", is counted apart), and tells nothing about the
inside of the server or about other visitors. 500 calls a run; DANCE_DEMO_FUZZ multiplies them (5,000 in `make fuzz`).
"""

import io
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from dance_demo.data.illustrations import draw
from tests.support import ROOT
from tests.support.junk import junk_body, junk_value
from tests.support.running_app import JSON, RunningApp, running_app

SEED = 5
CALLS = 500 * int(os.environ.get("DANCE_DEMO_FUZZ", "1"))
LONGEST_SECONDS = 20  # no answer takes that long, even on a busy machine
CANARY = "photo-of-visitor-a"
INSIDE = ("Traceback", 'File "', "site-packages", str(ROOT), sys.prefix, CANARY)
LABELS = ("odissi", "kathak", "salsa", "", "<img src=x>", "../..", "A" * 5000, "\0", "\u202e")
ROUTES = ("queue/join", "cancel", "reset", "upload", "upload?upload_id=a", "queue/join?a=%00")
PLACES = ("/etc/passwd", "../" * 12 + "etc/passwd", "http://canary.invalid/a.png", "%00", "~", "C:\\a", "a" * 9000)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("fuzzed")) as app:
        yield app


def jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    draw("odissi", seed, size=(120, 150)).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass
class Caller:
    """Makes up calls, from one seed always the same ones, and keeps what came back."""

    app: RunningApp
    dice: random.Random
    endpoints: list[dict]
    photos: list[dict]
    statuses: Counter = field(default_factory=Counter)

    def call(self, number: int) -> None:
        """Make one call up, make it, and check the answer."""
        kinds: tuple[Callable, ...] = (self.on_the_page, self.by_name, self.junk, self.look_around)
        started = time.monotonic()
        asked, status, text = self.dice.choices(kinds, (4, 3, 2, 1))[0](f"caller{number}")
        self.statuses[status] += 1
        # Not the folder of uploads: an upload is told its path, and names it in later calls.
        shown = [secret for secret in (*INSIDE, str(self.app.folder / "tmp")) if secret in text]
        assert status < 500 or status == 503, (number, asked, status, text)
        assert not shown, (number, asked, shown, text[:2000])
        assert time.monotonic() - started < LONGEST_SECONDS, (number, asked)

    def on_the_page(self, session: str) -> tuple[Any, int, str]:
        """What a click or an upload on the page sends, and then its events."""
        endpoint = self.dice.choice(self.endpoints)
        call = {"data": self.data(endpoint), "fn_index": endpoint["id"], "session_hash": session}
        call["event_data"] = self.dice.choice([None, {"index": self.dice.choice([0, 7, -1, 99, "0", None, [1, 2]])}])
        call["trigger_id"] = self.dice.choice([*(target[0] for target in endpoint["targets"]), None, 999])
        status, text = self.ask("POST", "queue/join", call)
        if status == 200:
            text += self.ask("GET", f"queue/data?session_hash={session}")[1]
        return call, status, text

    def by_name(self, session: str) -> tuple[Any, int, str]:
        """What a program sends."""
        endpoint = self.dice.choice(self.endpoints)
        way = self.dice.choice(("call", "call", "run"))
        call = {"data": self.data(endpoint)} | self.dice.choice([{}, {"session_hash": session}])
        status, text = self.ask("POST", f"{way}/{endpoint['api_name']}", call)
        if status == 200 and way == "call":
            text += self.ask("GET", f"call/{endpoint['api_name']}/{json.loads(text)['event_id']}")[1]
        return (endpoint["api_name"], call), status, text

    def junk(self, session: str) -> tuple[Any, int, str]:
        """What nothing sends."""
        names = [f"{way}/{one['api_name']}" for one in self.endpoints for way in ("call", "run")]
        route = self.dice.choice([*ROUTES, *names, "call/none"])
        body, headers = junk_body(self.dice, session)
        return (route, body), *self.app.ask("POST", f"/gradio_api/{route}", body, headers)[:2]

    def look_around(self, session: str) -> tuple[Any, int, str]:
        """Reads files, events and descriptions."""
        place = self.dice.choice(PLACES)
        name = self.dice.choice(self.endpoints)["api_name"]
        targets = [f"file={quote(place)}", f"file={self.app.uploads}/{place}", f"call/{name}/{quote(place)}"]
        targets += [f"queue/data?session_hash={quote(place)}", "info", f"call/{name}/{session}", f"heartbeat{place}"]
        target = self.dice.choice(targets)
        return target, *self.ask("GET", quote(target, safe="/%=?:.&"))

    def data(self, endpoint: dict) -> list:
        wanted = len(endpoint["inputs"])
        count = wanted if self.dice.random() < 0.8 else self.dice.randrange(10)
        return [self.value() for _ in range(count)]

    def value(self) -> Any:
        sensible = [self.dice.choice(self.photos), [self.dice.choice(self.photos)], self.dice.choice(LABELS)]
        sensible += [3, 0.6, 1, None, "Heatmap", "inferno", True]
        return self.dice.choice(sensible) if self.dice.random() < 0.8 else junk_value(self.dice)

    def ask(self, method: str, target: str, call: dict | None = None) -> tuple[int, str]:
        body = None if call is None else json.dumps(call)
        return self.app.ask(method, f"/gradio_api/{target}", body, JSON if body else None)[:2]


@pytest.mark.slow
def test_S9_generated_calls_get_an_answer_or_a_refusal_and_learn_nothing(app: RunningApp, capsys) -> None:
    endpoints = app.endpoints()
    assert len(endpoints) >= 10
    assert "process_completed" in app.answer_on_the_page(app.upload(jpeg(1), f"{CANARY}.jpg"), "visitora")
    photos = [app.upload(jpeg(2), "dancer.jpg"), app.upload(b"no photo", "notes.jpg"), app.upload(jpeg(3)[:999])]
    caller = Caller(app, random.Random(SEED), endpoints, photos)
    log_before = len(app.log)
    for number in range(CALLS):
        caller.call(number)
    assert caller.statuses[200] > CALLS / 10 and caller.statuses[400] > CALLS / 100
    assert app.call("classify", [photos[0], 1])[0] == 200
    busy, log = caller.statuses.pop(503, 0), (len(app.log) - log_before) / CALLS
    with capsys.disabled():
        print(f"\n{CALLS} calls, seed {SEED}: {dict(sorted(caller.statuses.items()))}, busy {busy}", end=" ")
        print(f"({log:.0f} bytes of log a call)", end=" ")
