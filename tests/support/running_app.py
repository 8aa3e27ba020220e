"""The real app in a process of its own, and what one needs to ask it things over plain HTTP."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from tests.support import ROOT

START_WITHIN_S = 120
# Gradio leaves event loops unclosed. Telling of that in the middle of an import breaks the import (CPython gh-106176).
WARNINGS = "default,ignore:unclosed event loop:ResourceWarning"
JSON, FORM = {"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data; boundary=x"}
META = {"_type": "gradio.FileData"}
# What may be done to the process before the app starts in it.
NEARLY_FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


@dataclass(frozen=True)
class RunningApp:
    """Where the app listens, and where it keeps files and writes its log."""

    port: int
    folder: Path
    process: subprocess.Popen
    sender: str = ""  # the address that calls come from, see `seen_from`
    cookie: str = ""  # of a browser

    def seen_from(self, address: str) -> "RunningApp":
        """The same app, asked from another address: for one that was started with `--trusted-proxies 1`."""
        return replace(self, sender=address)

    def in_a_browser(self) -> "RunningApp":
        """The same app, asked by a visitor whom it has given a name, as it does with the first page."""
        return replace(self, cookie=self.ask("GET", "/")[2]["set-cookie"].partition(";")[0])

    @property
    def sent_by(self) -> dict[str, str]:
        """What tells in each request from whom it comes."""
        told = {"X-Forwarded-For": self.sender, "Cookie": self.cookie}
        return {name: value for name, value in told.items() if value}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def ask(
        self, method: str, target: str, body: Any = None, headers: dict | None = None, *, timeout_s: float = 30
    ) -> tuple[int, str, dict]:
        """(status, text, headers) of the answer. An iterator as body goes out in chunks."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # the server has answered before the end
                connection.request(method, target, body, self.sent_by | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace"), dict(answer.getheaders())
        finally:
            connection.close()

    def call(self, name: str, data: list) -> tuple[int, str]:
        """(status, text) of the answer to a call by name, with all its events."""
        status, text, _ = self.ask("POST", f"/gradio_api/call/{name}", json.dumps({"data": data}), JSON)
        if status != 200:
            return status, text
        return self.ask("GET", f"/gradio_api/call/{name}/{json.loads(text)['event_id']}", timeout_s=120)[:2]

    def upload(self, content: bytes, name: str = "a.png") -> dict:
        """The uploaded file, as calls name it."""
        status, text, _ = self.ask("POST", "/gradio_api/upload", form(content, name), FORM)
        assert status == 200, text
        return {"path": json.loads(text)[0], "meta": META, "orig_name": name}

    def endpoints(self) -> list[dict]:
        """Everything that the page or a program can call, as the page is told of it."""
        config = json.loads(self.ask("GET", "/config")[1])
        values = {one["id"]: one["props"].get("value") for one in config["components"]}
        called = [one for one in config["dependencies"] if one["backend_fn"]]
        return [one | {"values": [values[id] for id in one["inputs"]]} for one in called]

    def answer_on_the_page(self, photo: dict, session: str) -> str:
        """All events that a visitor gets who puts this photo into the box of the first tab."""
        chosen = next(one for one in self.endpoints() if one["api_name"] == "show_upload")
        call = {"data": [photo, *chosen["values"][1:]], "fn_index": chosen["id"], "session_hash": session}
        status, text, _ = self.ask("POST", "/gradio_api/queue/join", json.dumps(call), JSON)
        if status != 200:
            return text
        return self.ask("GET", f"/gradio_api/queue/data?session_hash={session}", timeout_s=120)[1]

    def process_seconds(self) -> float:
        """Of processor time that the process has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def resources(self) -> dict[str, float]:
        """What the process holds now: memory in MB, threads, open files, and MB in its temporary folders."""
        process = psutil.Process(self.process.pid)
        with process.oneshot():
            return {
                "memory_mb": process.memory_info().rss / 2**20,
                "threads": process.num_threads(),
                "files": process.num_fds(),
                "temporary_mb": folder_mb(self.uploads) + folder_mb(self.folder / "tmp"),
            }


@contextlib.contextmanager
def running_app(folder: Path, *arguments: str, after: str = "", **environment: str) -> Iterator[RunningApp]:
    """The app, started with these arguments; its uploads, its temporary files and its log lie in `folder`.

    `after`: code that runs in the same process before it.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    settings = {"GRADIO_TEMP_DIR": str(folder / "uploads"), "TMPDIR": str(folder / "tmp"), "PYTHONWARNINGS": WARNINGS}
    run = "\nimport runpy\nrunpy.run_path('app.py', run_name='__main__')"
    start = ["-c", after + run] if after else ["app.py"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-B", *start, "--port", str(port), *arguments],
            cwd=ROOT,
            env=os.environ | settings | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    app = RunningApp(port, folder, process)
    try:
        wait_until_it_answers(app)
        yield app
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_it_answers(app: RunningApp) -> None:
    give_up = time.monotonic() + START_WITHIN_S
    while app.process.poll() is None and time.monotonic() < give_up:
        with suppress(OSError):
            if app.ask("GET", "/")[0] in (200, 303):  # 303: to where the password is asked
                return
        time.sleep(0.1)
    raise AssertionError(f"The app does not start:\n{app.log}")


def form(content: bytes, name: str = "a.png", count: int = 1) -> bytes:
    """An upload of the file, as a browser sends it."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n' % name.encode()
    return (head + content + b"\r\n") * count + b"--x--\r\n"


def folder_mb(folder: Path) -> float:
    """What lies in a folder from which something may go while it is looked through."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found += (Path(place) / name).stat().st_size
    return found / 2**20
