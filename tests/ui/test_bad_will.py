"""What one caller can do to the others: nothing. Each test is an attack that worked, on the real app.

The app stands behind a proxy that is trusted, so that the tests can come from several addresses.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import IncompleteRead
from pathlib import Path

import pytest

from dance_demo.data.illustrations import draw
from dance_demo.ui.page import WAITING_EACH
from dance_demo.ui.server.fair_queue import UNREAD_EACH
from tests.support.made_up import jpeg
from tests.support.running_app import JSON, META, RunningApp, running_app

BAD, HONEST = "198.51.100.7", "192.0.2.1"
ODISSI = jpeg(draw("odissi", 0, size=(240, 300)))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app"), "--trusted-proxies", "1") as app:
        yield app
    assert "Traceback" not in app.log


@pytest.fixture
def bad(app: RunningApp) -> RunningApp:
    return app.seen_from(BAD)


@pytest.fixture
def honest(app: RunningApp) -> RunningApp:
    return app.seen_from(HONEST)


@contextmanager
def everybody_is_answered(app: RunningApp, within_s: float = 1.5) -> Iterator[None]:
    """While the block runs, /health is asked all the time, and never waits long: the loop serves everybody."""
    over, slowest_s = threading.Event(), [0.0]

    def ask() -> None:
        while not over.is_set():
            started = time.perf_counter()
            assert app.ask("GET", "/health")[0] == 200
            slowest_s[0] = max(slowest_s[0], time.perf_counter() - started)
            time.sleep(0.02)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield
        finally:
            over.set()
        asking.result()
    assert slowest_s[0] < within_s


def named(app: RunningApp, photo: bytes = ODISSI) -> str:
    status, text = app.call("classify", [app.upload(photo, "photo.jpg"), 3])
    assert status == 200, text
    return text


# Row 1: the queue dies until a restart ---------------------------------------------------------------------------


def test_W1_calls_that_are_left_again_at_once_leave_the_line_as_it_was(bad, honest):
    """Cancelled between being taken and being begun, a call kept its place for ever; two were the end of the line."""
    chosen = next(one for one in bad.endpoints() if one["api_name"] == "show_upload")

    def join_and_leave(number: int) -> None:
        session = f"left-{number}"
        call = {"data": chosen["values"], "fn_index": chosen["id"], "session_hash": session}
        status, text, _ = bad.ask("POST", "/gradio_api/queue/join", json.dumps(call), JSON)
        if status == 200:
            left = {"session_hash": session, "fn_index": chosen["id"], "event_id": json.loads(text)["event_id"]}
            time.sleep(number % 12 / 200)  # the loop looks at the line twenty times a second
            bad.ask("POST", "/gradio_api/cancel", json.dumps(left), JSON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(join_and_leave, range(200)))
    assert '"odissi"' in named(honest)


@pytest.mark.slow
def test_W1_health_is_that_of_the_line_where_photos_wait(app, honest):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = json.loads(honest.ask("GET", "/health?tasks=1")[1])
        assert "tasks" not in told, "others are told whether, and not what"
        tasks = json.loads(app.ask("GET", "/health?tasks=1")[1])["tasks"]
        if tasks["line of calls"]["rounds"]:
            break
        time.sleep(0.5)
    assert tasks["line of calls"]["rounds"] and not tasks["line of calls"]["failures"]
    assert not tasks["sweeper"]["failures"]


# Row 2: keys of the caller without limit -------------------------------------------------------------------------


def test_W2_ids_that_callers_make_up_are_short_words_everywhere(bad):
    for id in ("x" * 65, "x" * 60_000, "ä", "a b", "a%00b", "../x"):
        quoted = id.replace(" ", "%20").replace("ä", "%C3%A4")
        for target in ("upload_progress?upload_id=", "queue/data?session_hash="):
            assert bad.ask("GET", f"/gradio_api/{target}{quoted}")[0] in (400, 414)
        assert bad.ask("POST", f"/gradio_api/upload?upload_id={quoted}", b"", {"Content-Type": "text/plain"})[0] >= 400
        for name in ("session_hash", "event_id"):
            call = json.dumps({"data": [], "fn_index": 0, name: id})
            for path in ("queue/join", "call/classify", "run/forms", "cancel", "reset"):
                assert bad.ask("POST", f"/gradio_api/{path}", call, JSON)[0] == 400, (path, name)


@pytest.mark.slow
def test_W2_asking_how_far_uploads_are_that_nobody_sends_leaves_nothing_behind(app, bad):
    with ThreadPoolExecutor(8) as pool:
        ask = lambda number: bad.ask("GET", f"/gradio_api/upload_progress?upload_id={number:064d}")[0]  # noqa: E731
        assert set(pool.map(ask, range(40))) == {404}  # each after 3 s, as Gradio waits for an upload to begin
        before_mb = app.resources()["memory_mb"]
        assert set(pool.map(ask, range(40, 80))) == {404}
    assert app.resources()["memory_mb"] - before_mb < 5


def test_W2_the_page_is_still_told_how_far_its_own_upload_is(honest):
    def slow() -> Iterator[bytes]:
        body = form_of(ODISSI)
        for start in range(0, len(body), 4_000):
            yield body[start : start + 4_000]
            time.sleep(0.1)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(honest.ask, "POST", "/gradio_api/upload?upload_id=mine", slow(), FORM)
        status, text, _ = honest.ask("GET", "/gradio_api/upload_progress?upload_id=mine")
    assert sent.result()[0] == 200 and status == 200
    assert '"msg": "update"' in text and text.rstrip().endswith('{"msg": "done"}')


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def form_of(content: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n"


@pytest.mark.slow
def test_W2_answers_that_nobody_fetches_are_bounded(bad, honest):
    photo = bad.upload(ODISSI, "photo.jpg")
    call, answers = json.dumps({"data": [photo, 3]}), []
    for _ in range(5 * UNREAD_EACH):
        status, text, _ = bad.ask("POST", "/gradio_api/call/classify", call, JSON)
        answers.append(status)
        if status == 429:
            assert "waiting" in text
            time.sleep(0.02)
    at_work = 4
    assert answers.count(200) <= UNREAD_EACH + WAITING_EACH + at_work and 429 in answers
    assert '"odissi"' in named(honest)


@pytest.mark.slow
def test_W2_answers_that_one_leaves_at_an_address_keep_no_other_from_asking_there(app):
    """Sixty were enough: a class behind one address was told to fetch answers that others had left, for two minutes."""
    room = app.seen_from("203.0.113.77")
    bad, pupil = room.in_a_browser(), room.in_a_browser()
    photo = bad.upload(ODISSI, "photo.jpg")
    call, taken = json.dumps({"data": [photo, 3]}), 0
    deadline = time.monotonic() + 60
    while taken < UNREAD_EACH and time.monotonic() < deadline:
        taken += bad.ask("POST", "/gradio_api/call/classify", call, JSON)[0] == 200
        time.sleep(0.05)
    time.sleep(6)  # his last one is done, and so old that it is left
    assert bad.ask("POST", "/gradio_api/call/classify", call, JSON)[0] == 429
    assert all('"odissi"' in named(pupil) for _ in range(5))


# Row 3: work that grows faster than the text ---------------------------------------------------------------------


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run/name_dance", json.dumps({"data": [{"path": "/tmp" + "/../tmp" * 300_000, "meta": META}, 3]})),
        ("call/classify", json.dumps({"data": [{"path": "/tmp" + "/../tmp" * 30_000, "meta": META}, 3]})),
        ("run/forms", '{"data": ' + nested(100_000) + "}"),
        ("run/name_dance", '{"data": [' + "0," * 1_900_000 + "0]}"),
        ("call/predict_many", json.dumps({"data": [[{"path": "x"}] * 40_000]})[:250_000]),
        ("queue/join", json.dumps({"data": [{"url": " " * 200_000 + "data:"}], "session_hash": "x", "fn_index": 0})),
        ("queue/join", '{"data": ["' + "\\" * 240_000),
    ],
    ids=["path of 2 MB", "path of 200 kB", "deep", "flat", "many paths", "blank url", "backslashes"],
)
def test_W3_a_call_that_is_nothing_but_work_keeps_nobody_waiting(app, bad, path, body):
    with everybody_is_answered(app):
        assert 400 <= bad.ask("POST", f"/gradio_api/{path}", body, JSON)[0] < 500


def test_W3_an_address_without_end_keeps_nobody_waiting(app, bad):
    with everybody_is_answered(app):
        for target in ("/gradio_api/file=" + "/.." * 5_000, "/?" + "a=b&" * 2_000, "/assets" + "/a" * 10_000):
            assert bad.ask("GET", target)[0] in (400, 404, 414)


# Row 4: files are never deleted again ----------------------------------------------------------------------------

FAST = "from dance_demo.ui import launch\nlaunch.KEPT_S, launch.SWEEP_EVERY_S = 4.0, 0.2"


@pytest.mark.slow
def test_W4_ten_hours_of_honest_traffic_in_fast_time_leave_nothing_that_is_too_old(tmp_path: Path):
    """An hour lasts four seconds. Uploads go on all the while: that is what stopped Gradio's own cleaner."""
    with running_app(tmp_path, after=FAST) as app:
        until, oldest_s = time.monotonic() + 40, 0.0

        def visitor(number: int) -> None:
            while time.monotonic() < until:
                named(app, jpeg(draw("odissi", time.monotonic_ns() % 10_000 + number, size=(120, 150))))

        with ThreadPoolExecutor(3) as pool:
            visitors = [pool.submit(visitor, number) for number in range(3)]
            while time.monotonic() < until:
                for path in app.uploads.rglob("*"):
                    with suppress(FileNotFoundError):
                        oldest_s = max(oldest_s, time.time() - path.stat().st_mtime if path.is_file() else 0)
                time.sleep(0.2)
            for one in visitors:
                one.result()
        tasks = json.loads(app.ask("GET", "/health?tasks=1")[1])["tasks"]
        assert tasks["sweeper"]["rounds"] > 50 and not tasks["sweeper"]["failures"]
        assert 4 < oldest_s < 4 + 2 * 0.2 + 2, "kept for its time, and not much longer"
        time.sleep(6)
        assert not [path for path in app.uploads.rglob("*") if path.is_file()]


def test_W4_a_file_that_goes_while_it_is_fetched_arrives_whole_and_is_missed_politely_then(app, honest):
    large = honest.upload(bytes(range(256)) * 80_000, "large.zip")
    with socket.create_connection(("127.0.0.1", app.port), timeout=30) as fetching:
        fetching.sendall(f"GET /gradio_api/file={large['path']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n\0\1" not in received:
            received += fetching.recv(65_536)
        Path(large["path"]).unlink(), Path(large["path"]).parent.rmdir()
        length = received.index(b"\r\n\r\n") + 4 + 256 * 80_000
        while len(received) < length and (piece := fetching.recv(1 << 20)):
            received += piece
    assert len(received) == length and received.endswith(bytes(range(256)))
    assert honest.ask("GET", f"/gradio_api/file={large['path']}")[0] == 404


def test_W4_a_file_that_goes_between_two_looks_at_it_is_no_fault_of_the_server(app, honest):
    path, over, log = Path(honest.upload(ODISSI, "photo.jpg")["path"]), threading.Event(), len(app.log)

    def come_and_go() -> None:
        while not over.is_set():
            path.unlink()
            (path.parent / "draft").write_bytes(ODISSI)
            (path.parent / "draft").rename(path)

    def fetched() -> int:
        with suppress(IncompleteRead):  # it was there when the answer began
            return honest.ask("GET", f"/gradio_api/file={path}")[0]
        return 0

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(come_and_go)
        try:
            statuses = {fetched() for _ in range(300)}
        finally:
            over.set()
        going.result()
    assert statuses <= {0, 200, 403, 404} and "Traceback" not in app.log[log:], (statuses, app.log[log:])


# Row 5: calls are counted, work is not ---------------------------------------------------------------------------


def test_W5_a_photo_that_one_call_names_two_hundred_times_is_read_once_and_delays_nobody(app, bad, honest):
    large = bad.upload(jpeg(draw("kathak", 0, size=(240, 300)).resize((5000, 4000))), "large.jpg")
    idle_s = min(timed(named, honest) for _ in range(3))
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(bad.call, "predict_many", [[large] * 200]) for _ in range(4)]
        time.sleep(0.3)
        beside_s = [timed(named, honest) for _ in range(5)]
        answers = [call.result() for call in calls]
    assert all('"kathak"' in text or "large.jpg" in text for status, text in answers if status == 200)
    assert sorted(beside_s)[2] < 4 * idle_s + 1


def timed(work, *args) -> float:
    started = time.perf_counter()
    work(*args)
    return time.perf_counter() - started


def test_W5_photos_in_base64_of_one_address_leave_places_for_another(bad, honest):
    import base64

    call = json.dumps({"data": [base64.b64encode(ODISSI).decode(), 3]})
    over, refused = threading.Event(), []

    def flood() -> None:
        while not over.is_set():
            refused.append(bad.ask("POST", "/gradio_api/run/name_dance", call, JSON)[0])

    with ThreadPoolExecutor(20) as pool:
        floods = [pool.submit(flood) for _ in range(20)]
        try:
            answers = [honest.ask("POST", "/gradio_api/run/name_dance", call, JSON) for _ in range(10)]
        finally:
            over.set()
        for one in floods:
            one.result()
    assert [status for status, _, _ in answers] == [200] * 10, answers[0][1]
    assert any(status != 200 for status in refused)


@pytest.mark.slow
def test_W5_cameras_of_one_address_leave_a_turn_to_another(bad, honest):
    over = threading.Event()
    camera = {"Content-Type": "image/jpeg"}

    def send(number: int) -> None:
        while not over.is_set():
            bad.ask("POST", f"/live/frame?visitor={number:016x}", ODISSI, camera)

    with ThreadPoolExecutor(6) as pool:
        senders = [pool.submit(send, number) for number in range(6)]
        try:
            time.sleep(0.5)
            answered, until = 0, time.monotonic() + 6
            while time.monotonic() < until:
                answered += honest.ask("POST", f"/live/frame?visitor={'a' * 16}", ODISSI, camera)[0] == 200
                time.sleep(0.1)
        finally:
            over.set()
        for sender in senders:
            sender.result()
    assert answered >= 5, "of 24 pictures none was answered"


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/", None),
        ("HEAD", "/", None),
        ("GET", "/config", None),
        ("POST", "/gradio_api/run/forms", '{"data":[]}'),
    ],
)
def test_W5_a_request_that_says_nothing_costs_less_than_a_photo(app, bad, method, target, body):
    """By the processor's time, whatever else this machine does. Each took 22 to 87 ms, on the loop or holding it up."""
    bad.ask(method, target, body, JSON)
    before_s = app.process_seconds()
    for number in range(40):
        headers = JSON | {"Host": f"localhost:{number}", "Accept-Encoding": "identity"}
        assert bad.ask(method, target, body, headers)[0] == 200
    assert app.process_seconds() - before_s < 0.4


def test_W5_three_addresses_that_fill_the_line_leave_places_for_a_fourth(app, honest):
    chosen = next(one for one in app.endpoints() if one["api_name"] == "show_upload")
    large = app.upload(jpeg(draw("kathak", 0, size=(240, 300)).resize((3000, 2000))), "large.jpg")

    def fill(number: int) -> list[int]:
        bad, statuses = app.seen_from(f"198.51.100.{10 + number}"), []
        for call in range(150):
            data = [large, *chosen["values"][1:]]
            join = {"data": data, "fn_index": chosen["id"], "session_hash": f"full-{number}-{call}"}
            statuses.append(bad.ask("POST", "/gradio_api/queue/join", json.dumps(join), JSON)[0])
        return statuses

    with ThreadPoolExecutor(3) as pool:
        filled = [status for of_one in pool.map(fill, range(3)) for status in of_one]
        assert '"odissi"' in named(honest)
    assert 429 in filled and 503 not in filled


# Row 6: one store for all ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_W6_a_thousand_visits_of_one_address_take_nothing_from_another(app, bad, honest):
    """The honest visitor's photo is still there: it can be drawn in another style."""
    chosen = next(one for one in honest.endpoints() if one["api_name"].startswith("redraw"))
    photo = honest.upload(ODISSI, "photo.jpg")
    assert "headline" in honest.answer_on_the_page(photo, "honest")
    asked, statuses = json.dumps({"data": chosen["values"], "fn_index": chosen["id"]}), []
    for number in range(1_000):
        call = json.loads(asked) | {"session_hash": f"bad{number}"}
        statuses.append(bad.ask("POST", "/gradio_api/queue/join", json.dumps(call), JSON)[0])
    assert statuses.count(429) > 300, "an address has a budget of visits"
    call = json.dumps(json.loads(asked) | {"session_hash": "honest"})
    assert honest.ask("POST", "/gradio_api/queue/join", call, JSON)[0] == 200
    told = honest.ask("GET", "/gradio_api/queue/data?session_hash=honest")[1]
    assert '"success":true' in told and "no longer kept" not in told


HASTY = "from dance_demo.ui import gradio_private\ngradio_private.PROGRAM_KEPT_S = 2.0"


@pytest.mark.slow
def test_W6_what_programs_leave_without_a_page_is_forgotten_soon_and_a_page_keeps_its_own(tmp_path: Path):
    with running_app(tmp_path, after=HASTY) as app:
        chosen = next(one for one in app.endpoints() if one["api_name"].startswith("redraw"))
        photo = app.upload(ODISSI, "photo.jpg")
        with socket.create_connection(("127.0.0.1", app.port)) as page:  # as an open page holds it
            page.sendall(b"GET /gradio_api/heartbeat/page HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for session in ("page", "program"):
                assert "headline" in app.answer_on_the_page(photo, session)
            time.sleep(5)
            for session, kept in (("page", True), ("program", False)):
                call = json.dumps({"data": chosen["values"], "fn_index": chosen["id"], "session_hash": session})
                assert app.ask("POST", "/gradio_api/queue/join", call, JSON)[0] == 200
                told = app.ask("GET", f"/gradio_api/queue/data?session_hash={session}")[1]
                assert ("no longer kept" not in told) == kept


# Row 10: no end in time, and the log -----------------------------------------------------------------------------


def test_W10_junk_writes_a_few_lines_into_the_log_whatever_its_size(app, bad):
    before = len(app.log)
    for _ in range(20):
        bad.ask("POST", "/gradio_api/call/v2/classify", json.dumps({"x" * 200_000: 1}), JSON)
        bad.ask("POST", "/gradio_api/run/forms", json.dumps({"data": ["y" * 200_000]}), JSON)
    assert len(app.log) - before < 250_000  # it was 202 kB for each


# As macOS starts it: with 256 descriptors, of which it may ask for more.
FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from dance_demo.ui import launch
launch.CONNECTIONS_EACH = 500
"""


@pytest.mark.slow
def test_W10_connections_that_never_end_their_first_line_take_no_place_for_ever(tmp_path: Path):
    with running_app(tmp_path, "--trusted-proxies", "0", after=FEW_FILES) as app, ExitStack() as open_sockets:
        for _ in range(700):
            connection = open_sockets.enter_context(socket.create_connection(("127.0.0.1", app.port), timeout=5))
            with suppress(ConnectionError):  # it was closed at once
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        deadline = time.monotonic() + 30  # on a busy machine the server is seconds behind 700 connections
        while app.resources()["files"] >= 560 and time.monotonic() < deadline:
            time.sleep(0.5)
        assert app.resources()["files"] < 560
        busy_s = app.process_seconds()
        time.sleep(3)
        assert app.process_seconds() - busy_s < 1.5, "it does nothing but fail"
        assert len(app.log) < 20_000
        open_sockets.close()
        time.sleep(0.5)
        assert app.ask("GET", "/health")[0] == 200


# As `ulimit -Hn 256` starts it: it may ask for as many as it likes. What is open already leaves twenty.
NO_MORE_FILES = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(215)]
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", ["\n".join(NO_MORE_FILES.splitlines()[:3]), NO_MORE_FILES], ids=["256", "20"])
def test_W10_without_descriptors_the_server_does_not_spin_and_answers_when_there_are_some(tmp_path: Path, after: str):
    """400 connections wrote 216 kB of traces and left it deaf: asyncio tries 2,048 times where there is no room."""
    with running_app(tmp_path, after=after) as app, ExitStack() as open_sockets:
        log, busy_s = len(app.log), app.process_seconds()
        for _ in range(400):
            connection = open_sockets.enter_context(socket.create_connection(("127.0.0.1", app.port), timeout=5))
            with suppress(ConnectionError):
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        time.sleep(4)
        assert app.process_seconds() - busy_s < 2
        assert len(app.log) - log < 6_000
        open_sockets.close()
        time.sleep(1.5)
        assert app.ask("GET", "/health")[0] == 200


# Row 11 and 12: trust in the sender's word -----------------------------------------------------------------------


def test_W12_the_page_on_this_computer_answers_to_no_other_name(tmp_path: Path):
    with running_app(tmp_path) as app:
        for host, expected in (("localhost", 200), ("127.0.0.1", 200), ("evil.example", 403), ("x.hf.space", 403)):
            assert app.ask("GET", "/health", headers={"Host": host})[0] == expected
        forged = [app.ask("GET", "/", headers={"X-Forwarded-For": f"203.0.113.{n}"})[0] for n in range(5)]
        assert forged == [200] * 5, "and takes no word for where somebody comes from"


def test_W11_who_guesses_passwords_locks_nobody_else_out_behind_the_same_address(tmp_path: Path):
    with running_app(tmp_path, "--password", "lotus") as app:

        def browser() -> str:
            return app.ask("GET", "/sign-in")[2]["set-cookie"].partition(";")[0]

        def sign_in(cookie: str, password: str, **headers: str) -> int:
            form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie} | headers
            return app.ask("POST", "/sign-in", f"password={password}", form)[0]

        guesser, pupil = browser(), browser()
        assert [sign_in(guesser, "wrong") for _ in range(12)][-1] == 429
        forged = [sign_in(guesser, "wrong", **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
        assert forged == [429] * 3
        assert sign_in(pupil, "lotus") == 303
        with everybody_is_answered(app, within_s=1.5):
            assert sign_in(browser(), "a" + "%CC%81" * 40_000) == 403
