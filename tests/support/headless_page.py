"""The page without a browser: knows what stands in every component, and sends the calls that the browser would send.

Far lighter than Chromium, so that a hundred trainings, or visitors by the dozen, fit into one test.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from tests.support.running_app import JSON, RunningApp

PATIENCE_S = 300
LOOK_EVERY_S = 0.3


class HeadlessPage:
    """One visitor's page of a running app. `events` keeps every word that the server has sent to it."""

    def __init__(self, app: RunningApp) -> None:
        self.app, self.session, self.events = app, secrets.token_hex(8), []
        config = json.loads(app.ask("GET", "/config")[1])
        self.components = {one["id"]: one for one in config["components"]}
        self.values = {id: one["props"].get("value") for id, one in self.components.items()}
        self.dependencies = config["dependencies"]

    def find(self, *, elem_id: str = "", value: str = "", label: str = "", key: str = "") -> int:
        """The id of the one component with this elem_id, label or storage key, or of the button with this text."""
        wanted = {"elem_id": elem_id, "value": value, "label": label, "storage_key": key}
        wanted = {name: text for name, text in wanted.items() if text}
        found = [id for id, one in self.components.items() if wanted.items() <= one["props"].items()]
        (id,) = found
        return id

    def press(self, **button: str) -> None:
        self.fire(self.find(**button), "click")

    def load(self) -> None:
        """What happens first on every page."""
        for one in self.dependencies:
            if any(event == "load" for _, event in one["targets"]):
                self._call(one)

    def fire(self, component: int, event: str) -> None:
        """All that this event of the component leads to, and what follows from that."""
        for one in self.dependencies:
            if [component, event] in one["targets"]:
                self._call(one)

    def until(self, happened: Callable[[], object]) -> None:
        """Let every timer that runs tick, until something has happened."""
        give_up = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < give_up, self.events[-3:]
            running = [id for id, one in self.components.items() if one["type"] == "timer" and one["props"]["active"]]
            for timer in running:
                if self.components[timer]["props"]["value"] < 60:
                    self.fire(timer, "tick")
            time.sleep(LOOK_EVERY_S)

    def _call(self, dependency: dict) -> None:
        """One call with all that follows; those without Python code change what only a browser shows."""
        if not dependency["backend_fn"]:
            return
        data = [self.values[id] for id in dependency["inputs"]]
        call = {"data": data, "fn_index": dependency["id"], "session_hash": self.session}
        status, text, _ = self.app.ask("POST", "/gradio_api/queue/join", json.dumps(call), JSON)
        assert status == 200, text
        for event in self._told():
            if event["msg"] == "process_completed":
                assert event["success"], event
                self._take(dependency, event["output"])
        for one in self.dependencies:
            if one.get("trigger_after") == dependency["id"]:
                self._call(one)

    def _told(self) -> Iterator[dict]:
        with closing(HTTPConnection("127.0.0.1", self.app.port, timeout=PATIENCE_S)) as connection:
            connection.request("GET", f"/gradio_api/queue/data?session_hash={self.session}")
            for line in connection.getresponse():
                if line.startswith(b"data: "):
                    self.events.append(line.decode("utf-8", "replace"))
                    yield json.loads(line[6:])

    def _take(self, dependency: dict, output: dict) -> None:
        changed = [id for id in dependency["outputs"] if id in output.get("changed_state_ids", ())]
        for id, value in zip(dependency["outputs"], output["data"], strict=True):
            if self._put(id, value):
                changed.append(id)
        for id in changed:
            self.fire(id, "change")

    def _put(self, id: int, value: Any) -> bool:
        """Show a value or an update; returns whether the component holds something else now."""
        before, properties = self.values[id], self.components[id]["props"]
        if isinstance(value, dict) and value.get("__type__") == "update":
            properties.update({name: new for name, new in value.items() if name != "__type__"})
            value = value.get("value", before)
        self.values[id] = value
        return self.components[id]["type"] != "state" and value != before
