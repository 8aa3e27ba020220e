"""A model from the Hugging Face Hub: real downloads from a small server on loopback, good ones and bad ones."""

import contextlib
import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dance_demo.errors import ModelError
from dance_demo.model.directory import BACKBONE, CARD, FAMILIARITY, HEAD, fetch_model, save_model, sha256
from tests.conftest import TINY_CLASSES
from tests.support import ROOT

REPO, REVISION = "dancers/tiny", "1a" * 20


@dataclass
class Hub:
    """The two requests of the Hub that a download needs, and ways to answer them badly."""

    files: dict[str, bytes]
    requests: list[str] = field(default_factory=list)
    cut_once: set[str] = field(default_factory=set)  # break the connection in the middle, the first time
    slow: set[str] = field(default_factory=set)
    port: int = 0
    _server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.requests.append(self.path.rpartition("/")[2])
                hub.answer(self, body=True)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: http.server.BaseHTTPRequestHandler, *, body: bool) -> None:
        start, name = f"/{REPO}/resolve/{REVISION}/", request.path.rpartition("/")[2]
        if not request.path.startswith(start) or name not in self.files:
            request.send_response(404)
            request.send_header("X-Error-Code", "EntryNotFound" if request.path.startswith(start) else "RepoNotFound")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        data = self.files[name]
        first = int((request.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        request.send_response(206 if first else 200)
        request.send_header("ETag", f'"{name}-1"')
        request.send_header("X-Repo-Commit", REVISION)
        request.send_header("Content-Length", str(len(data) - first))
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        if body:
            with contextlib.suppress(OSError):  # whoever asked may have been killed
                self.send(request, name, data[first:])

    def send(self, request: http.server.BaseHTTPRequestHandler, name: str, data: bytes) -> None:
        middle = len(data) // 2
        request.wfile.write(data[:middle])
        if name in self.slow:
            time.sleep(1)
        if name in self.cut_once:
            self.cut_once.remove(name)
            request.close_connection = True
        else:
            request.wfile.write(data[middle:])


@pytest.fixture
def hub(tiny_model) -> Iterator[Hub]:
    hub = Hub({path.name: path.read_bytes() for path in tiny_model.iterdir()})
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def address(tiny_model) -> str:
    return f"hf://{REPO}@{REVISION}#{sha256(tiny_model / CARD)}"


CODE = """
import sys
from dance_demo.errors import ModelError
from dance_demo.data.illustrations import draw
from dance_demo.model.loading import load_classifier
try:
    classifier = load_classifier(sys.argv[1])
except ModelError as error:
    sys.exit(f"ModelError: {error}")
print(classifier.classify(draw("odissi", 0, size=(60, 80))).top.label)
"""


def start(address: str, hub: Hub, home: Path, **environment: str) -> subprocess.Popen:
    """A fresh process that loads the model and classifies, with a cache of its own and no other way out."""
    variables = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    variables |= {"HF_ENDPOINT": f"http://127.0.0.1:{hub.port}", "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    variables |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1", **environment}
    variables.pop("HF_TOKEN", None)
    command = [sys.executable, "-B", "-c", CODE, address]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=variables, **pipes)


def named(process: subprocess.Popen) -> str:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.strip()


def refusal(process: subprocess.Popen) -> str:
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in error, error
    return error[error.index("ModelError: ") :]


def cached(home: Path, name: str) -> Path:
    return next(home.rglob(f"snapshots/{REVISION}/{name}"))


@pytest.fixture(scope="module", autouse=True)
def lonely(tmp_path_factory) -> Iterator[tuple[subprocess.Popen, float]]:
    """Nobody listens where this process asks. It starts first and is waited for last, because it tries for long."""
    address = f"hf://{REPO}@{REVISION}#{'0' * 64}"
    process = start(address, Hub({}, port=9), tmp_path_factory.mktemp("lonely"))
    yield process, time.monotonic()
    process.kill()
    process.communicate()


def test_C11_a_model_is_fetched_once_and_then_needs_no_network(hub, address, tmp_path):
    assert named(start(address, hub, tmp_path / "home")) in TINY_CLASSES
    assert sorted(hub.requests) == sorted([BACKBONE, CARD, FAMILIARITY, HEAD])
    hub.stop()
    assert named(start(address, hub, tmp_path / "home")) in TINY_CLASSES
    assert named(start(address, hub, tmp_path / "home", HF_HUB_OFFLINE="1")) in TINY_CLASSES


def test_the_environment_can_name_the_model_on_the_hub(hub, address, tmp_path):
    label = named(start("", hub, tmp_path / "home", DANCE_DEMO_MODEL=address))
    assert label in TINY_CLASSES and BACKBONE in hub.requests


def test_C12_a_file_that_is_not_the_pinned_one_is_fetched_once_more_then_refused_and_removed(hub, address, tmp_path):
    good, home = hub.files[HEAD], tmp_path / "home"
    hub.files[HEAD] = bytes([good[0] ^ 1]) + good[1:]
    message = refusal(start(address, hub, home))
    assert f"{HEAD} of {REPO} is not the file that was pinned" in message and "It was removed" in message
    assert hub.requests.count(HEAD) == 2
    assert not [path for path in home.rglob("*") if path.is_file() and path.read_bytes() == hub.files[HEAD]]
    hub.files[HEAD] = good
    assert named(start(address, hub, home)) in TINY_CLASSES


def test_C12_another_card_than_the_pinned_one_is_refused_before_anything_else_is_fetched(hub, address, tmp_path):
    hub.files[CARD] = hub.files[CARD].replace(b'"Tiny"', b'"Evil"')
    assert f"{CARD} of {REPO} is not the file that was pinned" in refusal(start(address, hub, tmp_path / "home"))
    assert set(hub.requests) == {CARD}


def test_C12_a_file_that_was_damaged_in_the_cache_is_fetched_again_or_refused_offline(hub, address, tmp_path):
    home = tmp_path / "home"
    label = named(start(address, hub, home))
    good = cached(home, HEAD).read_bytes()
    cached(home, HEAD).write_bytes(good[:100])
    assert f"{HEAD} of {REPO} cannot be downloaded" in refusal(start(address, hub, home, HF_HUB_OFFLINE="1"))
    assert named(start(address, hub, home)) == label
    assert cached(home, HEAD).read_bytes() == good


def test_C12_a_download_that_breaks_off_goes_on(hub, address, tmp_path):
    hub.cut_once.add(BACKBONE)
    assert named(start(address, hub, tmp_path / "home")) in TINY_CLASSES
    assert hub.requests.count(BACKBONE) == 2


def test_C13_a_process_killed_while_it_downloads_leaves_nothing_that_the_next_one_could_trip_over(
    hub, address, tmp_path
):
    home, killed = tmp_path / "home", 0
    for name in (CARD, BACKBONE, HEAD):
        hub.slow = {name}
        before, process = hub.requests.count(name), start(address, hub, home)
        until = time.monotonic() + 60
        while hub.requests.count(name) == before and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.communicate()
        killed += process.returncode == -9
    assert killed == 3
    hub.slow = set()
    assert named(start(address, hub, home)) in TINY_CLASSES


def test_C14_two_processes_that_start_at_once_both_work(hub, address, tmp_path):
    hub.slow = {CARD, BACKBONE}
    processes = [start(address, hub, tmp_path / "home") for _ in range(2)]
    labels = [named(process) for process in processes]
    assert labels[0] == labels[1] in TINY_CLASSES
    assert not list((tmp_path / "home").rglob("*.incomplete"))


def test_a_repository_or_file_that_is_not_there_is_a_clear_line(hub, address, tmp_path):
    message = refusal(start(address.replace("tiny", "other"), hub, tmp_path / "home"))
    assert f"{CARD} of dancers/other cannot be downloaded (RepositoryNotFoundError). Check the address" in message
    del hub.files[FAMILIARITY]
    message = refusal(start(address, hub, tmp_path / "home"))
    assert f"{FAMILIARITY} of {REPO} cannot be downloaded (RemoteEntryNotFoundError)" in message


@pytest.mark.parametrize(
    "bad",
    [
        "hf://",
        f"hf://{REPO}",
        f"hf://{REPO}@main#{'0' * 64}",
        f"hf://{REPO}@{REVISION}",
        f"hf://{REPO}@{REVISION}#{'0' * 63}",
        f"hf://{REPO}/more@{REVISION}#{'0' * 64}",
        f"hf://../..@{REVISION}#{'0' * 64}?x",
        f"hf://{REPO}@{REVISION}#{'0' * 64}\n",
    ],
)
def test_an_address_without_a_pinned_revision_and_hash_is_refused(bad):
    with pytest.raises(ModelError, match="is not a model address. Expected hf://owner/name@REVISION#SHA256"):
        fetch_model(bad)


@pytest.mark.parametrize("repo", ["../..", "a/b--c", "a/.b", "-a/b", f"a/{'b' * 100}"])
def test_a_name_that_the_hub_does_not_allow_is_a_clear_line(repo):
    with pytest.raises(ModelError, match="is not a model address. Expected hf://owner/name@REVISION#SHA256"):
        fetch_model(f"hf://{repo}@{REVISION}#{'0' * 64}")


def test_a_hub_model_that_is_saved_again_has_the_same_card(hub, tiny_files, tmp_path):
    """The address of a model does not depend on where and when it was saved."""
    save_model(tmp_path / "again", tiny_files, name="Tiny", class_names=TINY_CLASSES)
    assert (tmp_path / "again" / CARD).read_bytes() == hub.files[CARD]


@pytest.mark.slow
def test_C11_without_a_network_and_without_a_cache_it_says_so(hub, address, tmp_path, lonely):
    unreachable, started = lonely
    for process in (start(address, hub, tmp_path / "home", HF_HUB_OFFLINE="1"), unreachable):
        message = refusal(process)
        assert f"{CARD} of {REPO} cannot be downloaded (LocalEntryNotFoundError)" in message
        assert "Check the address and the connection, or use a model directory" in message
    assert time.monotonic() - started < 180
    assert not hub.requests
