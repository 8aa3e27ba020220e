"""The guard in front of a small real page, from outside: over sockets, with gradio_client's calls, in a browser.

The page runs in a process of its own, which writes down every connection that it opens and every touch of a canary
file. DANCE_DEMO_FUZZ multiplies the number of junk calls.
"""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.support import ROOT
from tests.support.junk import junk_body
from tests.support.running_app import FORM, JSON, META, form

JUNK_CALLS = 300 * int(os.environ.get("DANCE_DEMO_FUZZ", 1))
UPLOAD_BYTES, UPLOAD_FILES, SILENCE_S = 1_000_000, 5, 1.0
BUG = "/srv/secret/heads.py, line 7"
AGAIN = "Please upload the picture again."


def serve(port: int, log: str) -> None:
    """Run the page; see the fixture `page`."""
    import gradio as gr

    from dance_demo.ui.server.files import own_upload
    from dance_demo.ui.server.guard import Limits, middleware

    def classify(photo: str) -> tuple[dict[str, float], tuple[Image.Image, Image.Image]]:
        picture = Image.open(own_upload(photo)).convert("RGB")
        return {"odissi": 0.75, "kathak": 0.25}, (picture, picture)

    def bug(number: float) -> float:
        raise RuntimeError(BUG)

    with gr.Blocks(analytics_enabled=False) as demo:
        photo, files = gr.Image(type="filepath", label="Photo"), gr.File(file_count="multiple")
        label, slider, names, number = gr.Label(), gr.ImageSlider(), gr.Textbox(), gr.Number()
        gr.LinePlot()
        photo.upload(classify, photo, [label, slider], api_name="classify")
        files.upload(lambda paths: ", ".join(Path(path).name for path in paths), files, names, api_name="names")
        number.submit(lambda value: value, number, number, api_name="echo", queue=False)
        number.change(bug, number, number, api_name="bug", queue=False)
    limits = Limits(upload_bytes=UPLOAD_BYTES, upload_files=UPLOAD_FILES, silence_s=SILENCE_S)
    demo.queue(api_open=False).launch(
        server_name="127.0.0.1",
        server_port=port,
        app_kwargs={"middleware": middleware(limits)},
        enable_monitoring=False,
        prevent_thread_lock=True,
        quiet=True,
    )
    line = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def watch(event: str, details: tuple) -> None:
        if event in ("socket.connect", "socket.getaddrinfo") or (event == "open" and "canary" in str(details[0])):
            os.write(line, f"{event} {details}\n".encode())

    sys.addaudithook(watch)
    socket.create_connection(("127.0.0.1", port)).close()  # the log is seen to work
    demo.block_thread()


@dataclass(frozen=True)
class Page:
    port: int
    uploads: Path
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, target: str, body: Any = None, headers: dict | None = None) -> tuple[int, str, dict]:
        """(status, text, headers) of the answer. An iterator as body goes out in chunks."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        with suppress(BrokenPipeError, ConnectionResetError):  # the server has answered before the end
            connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, dict(answer.getheaders())

    def call(self, name: str, data: list) -> tuple[int, str]:
        """(status, text) of the answer to a call by name, with all its events."""
        status, text, _ = self.ask("POST", f"/gradio_api/call/{name}", json.dumps({"data": data}), JSON)
        if status != 200:
            return status, text
        return self.ask("GET", f"/gradio_api/call/{name}/{json.loads(text)['event_id']}")[:2]

    def upload(self, content: bytes, name: str = "a.png") -> str:
        status, text, _ = self.ask("POST", "/gradio_api/upload", form(content, name), FORM)
        assert status == 200, text
        return json.loads(text)[0]

    def noted(self) -> list[str]:
        """What the page has opened since its start; the first two lines were our own test of the log."""
        return self.log.read_text().splitlines()[2:]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("guard")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"GRADIO_TEMP_DIR": str(folder / "uploads"), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    with open(folder / "output", "wb") as output:
        server = subprocess.Popen(
            [sys.executable, __file__, str(port), str(folder / "log")],
            env=os.environ | settings,
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 120
        while not (folder / "log").exists() or "socket.connect" not in (folder / "log").read_text():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.1)
        yield Page(port, folder / "uploads", folder / "log")
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photos") / "dancer.png"
    Image.linear_gradient("L").convert("RGB").save(file)
    return file


# Calls that must work


def test_a_photo_is_uploaded_and_classified(page: Page, photo: Path) -> None:
    path = page.upload(photo.read_bytes())
    status, events = page.call("classify", [{"path": path, "meta": META}])
    assert status == 200 and "odissi" in events, events
    status, _, headers = page.ask("GET", f"/gradio_api/file={path}")
    assert status == 200 and headers["content-type"] == "image/png"


def test_W12_only_the_hub_and_the_space_that_it_is_may_frame_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from dance_demo.ui.server.guard import middleware

    for host, framed in (("me-dance.hf.space", True), ("evil.example", False), ("a.hf.space evil.example", False)):
        monkeypatch.setenv("SPACE_HOST", host)
        policy = TestClient(Starlette(middleware=middleware())).get("/").headers["content-security-policy"]
        assert policy.endswith(f"'self' https://huggingface.co https://{host}" if framed else "ancestors 'self'")


def test_every_answer_carries_the_security_headers(page: Page) -> None:
    for target in ("/", "/config", "/nothing", "/gradio_api/info"):
        _, _, headers = page.ask("GET", target)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["permissions-policy"].startswith("camera=(self), microphone=(self)")  # "Live", and the ear
        policy = headers["content-security-policy"]
        assert "default-src 'self' data: blob:;" in policy and "object-src 'none'" in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert "x-frame-options" not in headers  # it would lock out Hugging Face Spaces


# S8: calls from other websites

OWN, FOREIGN = "http://127.0.0.1:{port}", "http://evil.example"
SENDERS = [
    # Host, Origin, Sec-Fetch-Site, is answered
    ("127.0.0.1:{port}", None, None, True),
    ("127.0.0.1:{port}", OWN, None, True),
    ("127.0.0.1:{port}", OWN, "same-origin", True),
    ("192.168.1.5:7860", "http://192.168.1.5:7860", None, True),
    ("dance.hf.space", "https://dance.hf.space", "same-origin", True),
    ("10.0.0.7:7860", "https://dance.hf.space", "same-origin", True),  # a proxy renamed the Host
    ("127.0.0.1:{port}", FOREIGN, None, False),
    ("127.0.0.1:{port}", FOREIGN, "cross-site", False),
    ("127.0.0.1:{port}", "https://other.hf.space", "same-site", False),
    ("dance.hf.space", "https://other.hf.space", None, False),
    ("127.0.0.1:{port}", "http://127.0.0.1:1", None, False),
    ("127.0.0.1:{port}", "http://localhost:{port}", None, False),
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example", None, False),
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}@evil.example", None, False),
    ("127.0.0.1:{port}", "null", None, False),
    ("127.0.0.1:{port}", "null", "cross-site", False),
    ("127.0.0.1:{port}", "file://", None, False),
    ("127.0.0.1:{port}", "", None, False),
    ("", "null", None, False),
    ("192.168.1.5:7860", "http://192.168.1.6:7860", None, False),
]


@pytest.mark.parametrize(("host", "origin", "site", "answered"), SENDERS)
def test_S8_only_our_own_page_and_programs_are_answered(
    page: Page, host: str, origin: str | None, site: str | None, answered: bool
) -> None:
    headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": site}
    headers = {name: value.format(port=page.port) for name, value in headers.items() if value is not None}
    status, text, _ = page.ask("POST", "/gradio_api/run/echo", '{"data": [7]}', JSON | headers)
    assert (status, "7" in text) == ((200, True) if answered else (403, False))
    status, _, _ = page.ask("GET", "/config", headers=headers)
    assert status == (200 if answered else 403)


def test_S8_the_owner_can_name_the_only_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against DNS rebinding: there, Host and Origin agree, on a name that is not ours."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from dance_demo.ui.server.guard import middleware

    monkeypatch.setenv("DANCE_DEMO_ALLOWED_HOSTS", "Dance.example, 192.168.1.5")
    client = TestClient(Starlette(middleware=middleware()))
    for host in ("dance.example", "192.168.1.5:7860", "localhost:7860", "[::1]:7860"):
        assert client.get("/", headers={"Host": host}).status_code == 404, host
    for host in ("evil.example", "dance.example.evil.example", "192.168.1.50", ""):
        refused = client.get("/", headers={"Host": host, "Origin": f"http://{host}"})
        assert refused.status_code == 403 and "DANCE_DEMO_ALLOWED_HOSTS" in refused.text, host


ELSEWHERE = {"Sec-Fetch-Site": "same-origin", "Referer": "https://dance.example.org/dance/"}


def test_behind_a_proxy_without_host_the_browser_says_where_the_page_is(page: Page) -> None:
    assert '"root":"https://dance.example.org"' in page.ask("GET", "/config", headers=ELSEWHERE)[1]
    for left_out in ELSEWHERE:
        headers = {name: value for name, value in ELSEWHERE.items() if name != left_out}
        assert f'"root":"http://{page.host}"' in page.ask("GET", "/config", headers=headers)[1], left_out
    for odd in ("https://a b/", "https://[/", "ftp://a.example/", "https://a.example'/", "https://" + "a" * 300):
        assert f'"root":"http://{page.host}"' in page.ask("GET", "/config", headers=ELSEWHERE | {"Referer": odd})[1], (
            odd
        )


def test_a_proxy_without_host_is_told_once_in_the_log_and_finds_no_name_that_is_not_allowed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    from dance_demo.ui.server import lost_host
    from dance_demo.ui.server.guard import middleware

    monkeypatch.setattr(lost_host, "_told", set())
    monkeypatch.setenv("DANCE_DEMO_ALLOWED_HOSTS", "dance.example.org")
    routes = [Route("/", lambda request: PlainTextResponse(str(Request(request.scope).base_url)))]
    client = TestClient(Starlette(routes=routes, middleware=middleware()), base_url="http://127.0.0.1:7860")
    for _ in range(3):
        assert client.get("/", headers=ELSEWHERE).text == "https://dance.example.org/"
    other = ELSEWHERE | {"Referer": "https://evil.example/"}
    assert client.get("/", headers=other).text == "http://127.0.0.1:7860/"
    told = [record.getMessage() for record in caplog.records if record.name == lost_host.__name__]
    assert len(told) == 1 and "let it pass on Host" in told[0] and "'dance.example.org'" in told[0]


def test_S8_the_first_caller_does_not_choose_the_address_that_others_see(page: Page) -> None:
    for target in ("/gradio_api/info", "/gradio_api/info?serialize=False", "/config", "/"):
        for host in ("first.example", "second.example", page.host):
            status, text, _ = page.ask("GET", target, headers={"Host": host})
            seen = [name for name in ("first.example", "second.example", page.host) if name in text]
            assert (status, seen) == (200, [host]), target


def test_W5_a_file_that_a_call_names_two_hundred_times_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from dance_demo.ui.server import guard

    looked = []
    monkeypatch.setattr(guard, "own_upload", looked.append)
    guard._checked_call(json.dumps({"data": [[{"path": "a"}] * 200, {"path": "b"}, {"path": ["c"]}]}).encode())
    assert looked == ["a", "b", ["c"]]


# S4: too large, too many, too slow


def in_chunks(content: bytes, size: int = 60_000) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("chunked", [False, True])
def test_S4_an_upload_above_the_limit_is_refused(page: Page, chunked: bool) -> None:
    for content, expected in ((b"a" * (UPLOAD_BYTES - 1000), 200), (b"a" * UPLOAD_BYTES, 413)):
        body = form(content)
        status, text, _ = page.ask("POST", "/gradio_api/upload", in_chunks(body) if chunked else body, FORM)
        assert status == expected, text
    assert text == '{"detail":"This is too large; the limit is 1 MB."}'


@pytest.mark.parametrize("chunked", [False, True])
def test_S4_a_call_above_256_kilobytes_is_refused(page: Page, chunked: bool) -> None:
    for letters, expected in ((250_000, 200), (256_000, 413)):
        body = b'{"data": [7], "more": "%s"}' % (b"a" * letters)
        status, text, _ = page.ask("POST", "/gradio_api/run/echo", in_chunks(body) if chunked else body, JSON)
        assert status == expected, text


def in_halves_of_delimiters(body: bytes) -> Iterator[bytes]:
    for piece in body.replace(b"--x", b"--|x").split(b"|"):
        yield piece
        time.sleep(0.02)  # or the server would get them in one


def test_S4_too_many_files_at_once_are_refused(page: Page) -> None:
    for count, expected in ((UPLOAD_FILES, 200), (UPLOAD_FILES + 1, 413)):
        body = form(b"a", count=count)
        for sent in (body, in_halves_of_delimiters(body)):
            assert page.ask("POST", "/gradio_api/upload", sent, FORM)[0] == expected
    headers = FORM | {"Origin": f"http://{page.host}"}  # as a browser sends it, which shows the visitor what comes back
    told = f"These are more than {UPLOAD_FILES} files. Put them into a zip."
    assert page.ask("POST", "/gradio_api/upload", body, headers)[:2] == (413, told)
    for kind in ("boundary=x", "boundary=y; boundary=x", "boundary=x; boundary=y", "charset=a; boundary=x"):
        body, headers = form(b"a", count=1000), {"Content-Type": f"multipart/form-data; {kind}"}
        assert page.ask("POST", "/gradio_api/upload", body, headers)[0] in (413, 415)


def answer_to(page: Page, head: str, body: bytes = b"") -> bytes:
    """The first bytes of the answer to a request as it is, right or wrong."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as connection:
        connection.sendall(f"POST /gradio_api/{head}\n\n".replace("\n", "\r\n").encode() + body)
        return connection.recv(12)


UPLOAD_HEAD = "upload HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=x\n"
ECHO_HEAD = "run/echo HTTP/1.1\nHost: a\nContent-Type: application/json\n"


def test_S4_a_false_length_of_the_body_does_not_help(page: Page) -> None:
    too_large = form(b"a" * UPLOAD_BYTES)
    for length in (10**10, len(too_large)):
        assert answer_to(page, f"{UPLOAD_HEAD}Content-Length: {length}", too_large) == b"HTTP/1.1 413"
    for length in ("-1", "1e9", "5, 6", "9" * 4000):
        assert answer_to(page, f"{UPLOAD_HEAD}Content-Length: {length}", too_large) == b"HTTP/1.1 400"
    cut_short = form(b"a" * 5000)
    assert answer_to(page, f"{UPLOAD_HEAD}Content-Length: 100", cut_short) == b"HTTP/1.1 200"  # its first bytes


@pytest.mark.parametrize("header", [b"a" * 800_000, b"X-A: " + b"a" * 800_000, b"X-A: b\r\n" * 90_000])
def test_S4_an_endless_header_inside_a_form_is_refused_at_once(page: Page, header: bytes) -> None:
    started = time.monotonic()
    body = form(b"a").replace(b"Content-Disposition", header + b"\r\nContent-Disposition", 1)
    assert page.ask("POST", "/gradio_api/upload", body, FORM)[0] in (400, 413)
    assert time.monotonic() - started < 5


def test_S4_a_body_that_stands_still_is_given_up(page: Page) -> None:
    for head in (UPLOAD_HEAD, ECHO_HEAD):
        started = time.monotonic()
        assert answer_to(page, f"{head}Content-Length: 500", b"--x\r\n") == b"HTTP/1.1 408"
        assert SILENCE_S <= time.monotonic() - started < SILENCE_S + 5


def test_S4_two_hundred_slow_visitors_keep_nobody_waiting(page: Page) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", page.port)))
            slow.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nX: ")
        started = time.monotonic()
        assert page.ask("GET", "/config")[0] == 200
        assert time.monotonic() - started < 5


# S3: routes and files

ROUTES_NOT_SERVED = """
/monitoring /monitoring/summary /monitoring/x /login /logout /svelte/a.js /pwa_icon /pwa_icon/99999 /docs
/openapi.json /gradio_api/token /gradio_api/user /gradio_api/app_id /gradio_api/runs
/gradio_api/proxy=http://127.0.0.1/ /gradio_api/proxy=https://a.hf.space/ /gradio_api/file/etc/passwd
/gradio_api/dev/reload /gradio_api/deep_link?session_hash=a /gradio_api/run-history/buckets
/gradio_api/vibe-code /gradio_api/queue/status /gradio_api/stream/a/1/2/playlist.m3u8 /gradio_api/theme.css
/gradio_api/custom_component/a/client/b/c.js /gradio_api/mcp/sse /gradio_api/mcp /gradio_api/mcp/
/gradio_api/mcp/schema /gradio_api/mcp/http /gradio_api/mcp/messages/
"""
CALLS_NOT_SERVED = "process_recording component_server vibe-edit undo-vibe-edit stream/a api/echo"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_S3_routes_that_the_page_does_not_need_are_not_there(page: Page, method: str) -> None:
    for target in ROUTES_NOT_SERVED.split():
        assert page.ask(method, target)[0] == 404, target


def test_S3_recording_editing_and_components_cannot_be_called(page: Page) -> None:
    for name in CALLS_NOT_SERVED.split():
        assert page.ask("POST", f"/gradio_api/{name}", "{}", JSON)[0] == 404, name


def traversals(canary: Path, uploads: Path) -> list[str]:
    outside, up = str(canary), "../" * 12 + str(canary)[1:]
    ways = f"""
    {outside} {up} /{outside} ~{outside} {uploads} {uploads}/ {uploads}/{up} {uploads}/./a/{up}
    {uploads}/../canary/canary.png /etc/passwd ../../../../etc/passwd /proc/self/environ C:\\Windows\\win.ini
    \\\\host\\share http://127.0.0.1:9/ https://canary.invalid/a.png HTTP://canary.invalid //canary.invalid/a
    file:///etc/passwd data:text/html,hello ftp://canary.invalid/a
    """.split()
    encoded = [outside.replace("/", "%2f"), f"{uploads}%00/{up}", f"{outside}%00.png", up.replace(".", "%252e")]
    encoded += [up.replace("../", dots) for dots in ("%2e%2e/", "..%5c", "..;/", "%c0%ae%c0%ae/", "....//")]
    targets = [f"/gradio_api/file={way}" for way in ways + encoded]
    for start in ("static/", "assets/", "svelte/", "gradio_api/custom_component/a/client/", "gradio_api/proxy="):
        targets += [f"/{start}{way}" for way in (outside, up, *encoded)]
    return targets


def test_S3_no_spelling_of_a_path_reaches_a_file_outside(page: Page) -> None:
    canary = page.uploads.parent / "canary" / "canary.png"
    canary.parent.mkdir(exist_ok=True)
    canary.write_text("do not read me")
    page.upload(b"makes the folder")
    targets = traversals(canary, page.uploads)
    assert len(targets) >= 60
    for target in targets:
        status, text, _ = page.ask("GET", target)
        assert status in (400, 404) and "do not read me" not in text, target
    assert page.noted() == []


def test_S2_files_of_others_are_found_only_by_the_hash_of_their_content(page: Page) -> None:
    path = Path(page.upload(b"of visitor A"))
    unfinished = page.uploads / "tmpabcdefgh"
    unfinished.write_bytes(b"of visitor A")
    guesses = [path.parent, path.parent.parent, unfinished, path.parent / "b.png", f"{page.uploads}/*/a.png"]
    guesses += [page.uploads / ("0" * 64) / "a.png", f"{page.uploads}/../uploads/{unfinished.name}"]
    for guess in guesses:
        assert "visitor A" not in page.ask("GET", f"/gradio_api/file={guess}")[1], guess
    unfinished.unlink()


def test_S2_events_of_others_cannot_be_read_or_cancelled_by_guessing(page: Page) -> None:
    for guess in ("a", "0", "null", "undefined", "0" * 32, "..", "*"):
        for target in (f"/gradio_api/queue/data?session_hash={guess}", f"/gradio_api/call/classify/{guess}"):
            assert "process_" not in page.ask("GET", target)[1]
        call = {"session_hash": guess, "event_id": guess, "fn_index": 0}
        expected = 200 if re.fullmatch(r"\w+", guess) else 400
        assert page.ask("POST", "/gradio_api/cancel", json.dumps(call), JSON)[0] == expected


# I17, I18, S7: what is sent in place of an uploaded photo


def bad_photos(page: Page) -> list[Any]:
    canary = page.uploads.parent / "canary" / "canary.png"
    canary.parent.mkdir(exist_ok=True)
    Image.new("RGB", (9, 9)).save(canary)
    folder = Path(page.upload(b"makes the folder")).parent
    for name in ("link.png", "folder"):
        with suppress(FileExistsError):
            (folder / name).symlink_to(canary if name == "link.png" else canary.parent)
    paths = f"""
    {canary} {folder}/link.png {folder}/folder/canary.png {folder}/../../canary/canary.png {folder}
    {folder}/missing.png /dev/zero /proc/self/environ canary.png ~ .. http://canary.invalid/a.png
    HTTP://127.0.0.1:9/a.png https://canary.invalid/a.png file:///etc/passwd //canary.invalid/a.png hf://canary/a
    data:image/png;base64,iVBORw0KGgo=
    """.split()
    return [*paths, "", "\0", None, 7, 1.5, True, [], {}, ["a.png"], {"path": "a.png"}]


@pytest.mark.parametrize("rest", [{}, {"meta": META}, {"meta": META, "url": "http://canary.invalid/a.png"}])
def test_I18_S7_only_an_uploaded_file_is_taken_as_a_photo(page: Page, rest: dict) -> None:
    for path in bad_photos(page):
        photo = {"path": path} | rest
        assert page.call("classify", [photo]) == (400, f'{{"detail":"{AGAIN}"}}'), path
        assert page.call("names", [[photo]])[0] == 400, path
        assert page.call("names", [{"image": photo}])[0] == 400, path
    assert page.noted() == []


DATA = ("data:image/png;base64,iVBORw0KGgo=", "data:,", " DATA:image/svg+xml,<svg/>", "\n\tdata:text/plain,a")


@pytest.mark.parametrize("url", DATA)
def test_I17_a_picture_inside_the_call_is_refused(page: Page, url: str) -> None:
    for call in ([{"url": url}], [{"url": url, "meta": META}], [{"more": [{"url": url}]}], [7, {"url": url}]):
        status, text = page.call("classify", call)
        assert (status, "it cannot come inside the call" in text) == (400, True), call


@pytest.mark.parametrize("url", DATA)
def test_I17_beside_an_upload_only_the_upload_counts(page: Page, photo: Path, url: str) -> None:
    """The page itself sends such an address for an SVG."""
    before = set(page.uploads.rglob("*"))
    upload = page.upload(photo.read_bytes(), "dancer.png")
    status, events = page.call("names", [[{"path": upload, "url": url, "meta": META}]])
    assert status == 200 and "dancer.png" in events
    assert "odissi" in page.call("classify", [{"path": upload, "url": url, "meta": META}])[1]
    assert [path.name for path in set(page.uploads.rglob("*")) - before if path.suffix == ".svg"] == []
    assert page.call("classify", [{"path": "/etc/passwd", "url": url, "meta": META}])[0] == 400


def test_I17_S7_other_things_than_a_photo_open_no_file_and_no_connection(page: Page) -> None:
    odd = [None, "", 7, True, [], {}, ["a"], {"url": "http://canary.invalid/a.png"}, "http://canary.invalid/a.png"]
    odd += ["data:image/png;base64,iVBORw0KGgo=", str(page.uploads.parent / "canary/canary.png"), {"meta": META}]
    for value in odd:
        status, events = page.call("classify", [value])
        assert status == 200 and "event: error" in events and str(page.uploads.parent) not in events, value
    assert page.noted() == []


def test_I18_own_upload_returns_the_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dance_demo.errors import PhotoError
    from dance_demo.ui.server.files import own_upload

    (tmp_path / "real" / "hash").mkdir(parents=True)
    (tmp_path / "uploads").symlink_to(tmp_path / "real")  # as /tmp is on a Mac
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    photo = tmp_path / "real" / "hash" / "photo.png"
    for file in (photo, tmp_path / "canary.png", tmp_path / "real" / "tmpabc"):
        file.touch()
    for path in (photo, str(tmp_path / "uploads/hash/photo.png"), f"{tmp_path}/uploads/hash/../hash/photo.png"):
        assert own_upload(path) == photo.resolve()
    (photo.parent / "link").symlink_to(tmp_path / "canary.png")
    (photo.parent / "loop").symlink_to(photo.parent / "loop")
    os.mkfifo(photo.parent / "pipe")
    outside = ["canary.png", "real/tmpabc", "real/hash", "real", "real/hash/link", "real/hash/loop", "real/hash/pipe"]
    for path in [str(tmp_path / name) for name in outside] + [None, 7, [], "", "\0", "/dev/null", "photo.png"]:
        with pytest.raises(PhotoError, match=AGAIN):
            own_upload(path)


# S9: junk


def test_S9_junk_gets_a_plain_refusal(page: Page) -> None:
    dice = random.Random(9)
    routes = ["queue/join", "run/echo", "run/bug", "run/classify", "run/none", "call/classify", "call/names"]
    routes += ["call/echo", "call/none", "cancel", "reset", "upload", "upload?upload_id=a", "queue/join?a=%00"]
    secrets = ("Traceback", "site-packages", BUG, str(ROOT), str(page.uploads.parent), sys.prefix)
    statuses = dict.fromkeys(range(100, 600), 0)
    for number in range(JUNK_CALLS):
        route, session = dice.choice(routes), f"junk{number}"
        body, headers = junk_body(dice, session)
        status, text, _ = page.ask("POST", f"/gradio_api/{route}", body, headers)
        statuses[status] += 1
        if status == 200 and "event_id" in text:
            stream = f"/gradio_api/queue/data?session_hash={session}"
            if route.startswith("call/"):
                stream = f"/gradio_api/{route}/{json.loads(text)['event_id']}"
            text += page.ask("GET", stream)[1]
        said = "" if status == 200 and route.startswith("upload") else text  # an upload is told its path
        shown = [secret for secret in secrets if secret in said]
        assert status < 500 and not shown, (route, body, headers, text)
    assert statuses[200] > 5 and statuses[400] > 5, statuses
    assert page.noted() == [] and page.ask("GET", "/config")[0] == 200


def test_S9_a_mistake_of_ours_is_not_shown(page: Page) -> None:
    status, text, _ = page.ask("POST", "/gradio_api/run/bug", '{"data": [7]}', JSON)
    assert (status, text) == (400, '{"error":null}')


# In a browser


def test_S8_the_page_works_in_a_browser_and_calls_nobody_else(page: Page, photo: Path, browser: Browser) -> None:
    tab = browser.new_page()
    tab.set_default_timeout(60_000)
    errors, foreign = [], []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    tab.on("request", lambda asked: foreign.append(asked.url) if page.host not in asked.url else None)
    tab.goto(f"http://{page.host}")
    tab.set_input_files("input[type=file] >> nth=0", photo)
    tab.wait_for_selector("text=odissi")
    expect(tab.locator("img")).not_to_have_count(0)
    tab.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    camera = "navigator.mediaDevices.getUserMedia({video: true}).then(stream => stream.getTracks().length)"
    assert tab.evaluate(camera) == 1
    assert errors == [] and [url for url in foreign if not url.startswith(("data:", "blob:"))] == []
    tab.close()


def test_S8_another_website_cannot_upload_here(page: Page, browser: Browser) -> None:
    # Newer browsers stop the stranger before our guard does.
    flags = ["--no-sandbox", "--disable-gpu", "--disable-features=LocalNetworkAccessChecks"]
    trusting = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags)
    stranger = trusting.new_page()
    answers = []
    stranger.on("response", lambda answer: answers.append((answer.request.method, answer.status)))
    stranger.route("http://evil.example/", lambda route: route.fulfill(body="another website"))
    stranger.goto("http://evil.example/")
    before = set(page.uploads.rglob("*"))
    form_call = "form => (form.append('files', new Blob(['a']), 'stranger.png'), form)"
    attack = f"url => fetch(url, {{method: 'POST', mode: 'no-cors', body: ({form_call})(new FormData())}})"
    stranger.evaluate(f"url => ({attack})(url).then(() => 0)", f"http://{page.host}/gradio_api/upload")
    assert answers[-1] == ("POST", 403) and set(page.uploads.rglob("*")) == before
    trusting.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
