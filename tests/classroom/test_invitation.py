"""A class on one network: how it finds the page, its password, and a turn for everybody, in front of the real app."""

import io
import ipaddress
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import segno
from fastapi import HTTPException
from gradio.queueing import Event
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dance_demo.classroom.invitation import WORDS, Classroom, make_password, svg_code, text_code, welcome
from dance_demo.classroom.lan import best_first, check_certificate, check_port, lan_addresses
from dance_demo.data.illustrations import draw
from dance_demo.errors import DanceDemoError
from dance_demo.ui.about.join import invitation
from dance_demo.ui.server.fair_queue import WAITING_EACH, in_turn, use_fair_queue
from dance_demo.ui.server.guard import middleware
from dance_demo.ui.server.password import ADDRESSES_REMEMBERED, AGAIN_S, TRIES, PasswordGate
from tests.support import ROOT
from tests.support.event_loop import run_alone
from tests.support.hostile import HOSTILE
from tests.support.running_app import JSON, RunningApp, running_app

PASSWORD = "Brave Drüm-42"

# Addresses --------------------------------------------------------------------------------------------------------


def test_every_address_that_is_announced_leads_to_this_computer() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        for address in lan_addresses():
            assert not ipaddress.ip_address(address).is_loopback
            socket.create_connection((address, server.getsockname()[1]), timeout=5).close()


def test_a_real_network_comes_before_tunnels_and_containers_and_made_up_addresses_come_last() -> None:
    interfaces = {
        "docker0": ["172.17.0.1"],
        "tun0": ["10.8.0.2"],
        "vEthernet (WSL)": ["172.30.0.1"],
        "eth0": ["10.0.0.7"],
        "Wi-Fi": ["192.168.1.5"],
        "en5": ["169.254.3.4"],
    }
    for routed, first in (("192.168.1.5", "192.168.1.5"), ("10.0.0.7", "10.0.0.7"), ("10.8.0.2", "10.0.0.7")):
        found = best_first(interfaces, routed)
        assert found[0] == first and set(found[:2]) == {"10.0.0.7", "192.168.1.5"} and found[-1] == "169.254.3.4"
    assert best_first({}, None) == []


WATCHED = """
import json, sys
seen = []
sys.addaudithook(lambda event, details: event.startswith("socket.") and seen.append([event, str(details[1:])]))
from dance_demo.classroom.invitation import Classroom, welcome
welcome(Classroom(7860))
print(json.dumps(seen))
"""


def test_S7_nothing_is_sent_to_find_the_address() -> None:
    ran = subprocess.run([sys.executable, "-c", WATCHED], cwd=ROOT, capture_output=True, text=True, check=True)
    seen = json.loads(ran.stdout)
    # SOCK_DGRAM: to connect such a socket only looks up the route.
    assert [event for event, _ in seen if event not in ("socket.__new__", "socket.connect")] == []
    assert all("SOCK_DGRAM" in details or ", 2, " in details for event, details in seen if event == "socket.__new__")


def test_without_a_network_it_says_so() -> None:
    alone = Classroom(7860, host="127.0.0.1", password="lotus-drum-42")
    assert alone.addresses() == []
    assert "Connect it to the Wi-Fi" in welcome(alone) and "http://localhost:7860" in welcome(alone)
    assert "lotus-drum-42" in welcome(alone)  # for when there is one
    assert "Nobody can join yet" in invitation(alone)


def test_whoever_runs_it_in_a_container_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DEMO_ALLOWED_HOSTS", "192.168.1.5, dance.local")
    assert Classroom(7860).addresses() == ["http://192.168.1.5:7860", "http://dance.local:7860"]
    assert Classroom(443, secure=True).addresses()[0] == "https://192.168.1.5"
    assert Classroom(80).addresses()[0] == "http://192.168.1.5"


@pytest.mark.parametrize("text", HOSTILE[:12])
def test_S1_a_hostile_password_or_name_is_shown_as_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = invitation(Classroom(7860, host="192.168.1.5", password="drum"))
    hostile = invitation(Classroom(7860, host="192.168.1.5", password=text))
    tags = re.compile(r"<(?!path|svg|/svg)[^>]*>")
    assert tags.findall(hostile) == tags.findall(plain)


# The QR code ------------------------------------------------------------------------------------------------------

TEXT = "http://192.168.100.100:7860/#lotus-drum-42"


def modules() -> list[list[int]]:
    """1 is dark; with the quiet zone around."""
    code = segno.make(TEXT, micro=False, error="m")
    return [list(map(int, row)) for row in code.matrix_iter(border=4)]


def test_the_code_on_the_page_has_the_modules_of_a_qr_code() -> None:
    size = len(modules())
    svg = svg_code(TEXT)
    assert f'viewBox="0 0 {size} {size}"' in svg and "width=" not in svg.partition(">")[0]
    drawn = [[0] * size for _ in range(size)]
    x, y = 0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", re.search(r' d="([^"]+)"', svg)[1]):
        first, *second = map(float, numbers.split())
        if command == "h":
            for column in range(x, x + int(first)):
                drawn[int(y)][column] = 1
            x += int(first)
        else:
            x, y = (int(first), second[0]) if command == "M" else (x + int(first), y + second[0])
    assert drawn == modules()


@pytest.mark.parametrize("coloured", [True, False])
def test_the_code_in_the_terminal_has_the_same_modules(coloured: bool) -> None:
    lines = text_code(TEXT, coloured=coloured).splitlines()
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in lines) or not coloured
    rows = []
    for line in lines:
        plain = re.sub(r"\x1b\[[\d;]*m", "", line)
        rows += [[letter in " ▄" for letter in plain], [letter in " ▀" for letter in plain]]
    assert [list(map(int, row)) for row in rows[: len(modules())]] == modules()


def test_a_terminal_that_cannot_show_the_code_shows_the_rest() -> None:
    said = welcome(Classroom(7860, host="192.168.1.5", password="lotus-drum-42"), encoding="ascii")
    said.encode("ascii")
    assert "http://192.168.1.5:7860" in said and "lotus-drum-42" in said and 'the tab "Join" of the page can' in said


# The password -----------------------------------------------------------------------------------------------------


def test_a_made_up_password_is_two_words_and_a_number() -> None:
    made = {make_password() for _ in range(200)}
    assert len(made) > 190 and len(set(WORDS)) == len(WORDS) >= 80
    for password in made:
        first, second, number = password.split("-")
        assert {first, second} < set(WORDS) and first != second and 10 <= int(number) <= 99


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> TestClient:
    """Behind the guard and the password gate lies a page that says "inside"."""

    def inside(_: object) -> PlainTextResponse:
        return PlainTextResponse("inside")

    routes = [Route("/", inside), Route("/config", inside), Route("/health", inside)]
    app = Starlette(
        routes=routes, middleware=middleware(gate=PasswordGate(PASSWORD, clock=clock), names={"teachers-laptop"})
    )
    return TestClient(app, base_url="http://192.168.1.5", follow_redirects=False)


def sign_in(client: TestClient, password: str) -> object:
    return client.post("/sign-in", data={"password": password})


def test_nothing_is_shown_before_the_password(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "sign-in" and client.get("/").status_code == 303
    for target in ("/config", "/gradio_api/info", "/assets/index.js", "/gradio_api/file=/etc/passwd", "/nothing"):
        asked = client.get(target)
        assert asked.status_code == 401 and "password" in asked.json()["detail"], target
    assert client.post("/gradio_api/queue/join", json={}).status_code == 401
    assert client.get("/health").text == "inside"
    page = client.get("/sign-in")
    assert page.status_code == 200 and page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_the_right_password_opens_once_and_for_all(client: TestClient) -> None:
    opened = sign_in(client, PASSWORD)
    assert (opened.status_code, opened.headers["location"]) == (303, "./")
    cookie = opened.headers["set-cookie"]
    assert re.search(r"dance_demo_password=[\w-]{43}; HttpOnly; Path=/; SameSite=lax$", cookie), cookie
    assert client.get("/").text == "inside" == client.get("/config").text
    assert client.get("/sign-in").headers["location"] == "./"


def test_the_cookie_is_secure_over_https(client: TestClient) -> None:
    assert "; Secure" in client.post("https://192.168.1.5/sign-in", data={"password": PASSWORD}).headers["set-cookie"]


@pytest.mark.parametrize("typed", ["brave drüm-42", " Brave Drüm-42\n", "BRAVE DRÜM-42", "Brave Dru\u0308m-42"])
def test_phones_may_write_it_as_they_like(client: TestClient, typed: str) -> None:
    assert sign_in(client, typed).status_code == 303


@pytest.mark.parametrize("typed", ["", " ", "brave", "brave drüm-43", "\x00", *HOSTILE[:5]])
def test_a_wrong_password_gets_a_sentence_and_no_cookie(client: TestClient, typed: str) -> None:
    refused = sign_in(client, typed)
    assert refused.status_code == 403 and "That is not the password." in refused.text
    assert 'aria-invalid="true" aria-describedby="problem"' in refused.text and "set-cookie" not in refused.headers
    assert client.get("/config").status_code == 401


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"password", b"&" * 5000, b"password=%ff%00", b'{"password": 1}'])
def test_S9_junk_is_a_wrong_password(client: TestClient, body: bytes) -> None:
    assert client.post("/sign-in", content=body).status_code == 403
    assert client.post("/sign-in", content=b"password=" + b"a" * 300_000).status_code == 413


def test_an_old_or_made_up_cookie_opens_nothing(client: TestClient, clock: Clock) -> None:
    before_the_restart = TestClient(
        Starlette(middleware=middleware(gate=PasswordGate(PASSWORD))), follow_redirects=False
    )
    old = sign_in(before_the_restart, PASSWORD).headers["set-cookie"].partition(";")[0]
    for cookie in (old, "dance_demo_password=", "dance_demo_password=%00", "dance_demo_password", old.swapcase()):
        assert client.get("/config", headers={"Cookie": cookie}).status_code == 401


def test_a_program_sends_the_password_in_a_header(client: TestClient) -> None:
    header = f"Bearer {PASSWORD}".encode()
    assert client.get("/config", headers={"Authorization": header}).text == "inside"
    refused = client.get("/config", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 403 and "That is not the password" in refused.json()["detail"]
    assert client.get("/config", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_guessing_gets_slow_and_the_right_word_does_not_help_then(client: TestClient, clock: Clock) -> None:
    inside = client.cookies
    for _ in range(TRIES):
        assert sign_in(client, "guess").status_code == 403
    slow = sign_in(client, PASSWORD)
    assert slow.status_code == 429 and "Too many wrong passwords from here. Wait 4 s" in slow.text
    assert client.get("/config", headers={"Authorization": f"Bearer {PASSWORD}".encode()}).status_code == 429
    clock.now_s += AGAIN_S
    assert sign_in(client, "guess").status_code == 403 and sign_in(client, "guess").status_code == 429
    clock.now_s += AGAIN_S
    assert sign_in(client, PASSWORD).status_code == 303
    assert inside and client.get("/config").text == "inside"


def test_another_address_is_not_held_up(clock: Clock) -> None:
    gate = PasswordGate(PASSWORD, clock=clock)
    for number in range(5 * ADDRESSES_REMEMBERED):
        gate.limiter.spend(f"address {number}")
    for _ in range(TRIES):
        gate.limiter.spend("10.0.0.1")
    assert 0 < gate.limiter.wait_s("10.0.0.1") <= AGAIN_S and gate.limiter.wait_s("10.0.0.2") == 0
    assert len(gate.limiter) == ADDRESSES_REMEMBERED


def test_S8_another_website_cannot_sign_in_here(client: TestClient) -> None:
    for origin in ("http://evil.example", "null"):
        refused = client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": origin})
        assert refused.status_code == 403 and "set-cookie" not in refused.headers


def test_S8_in_a_class_the_server_answers_to_addresses_and_to_its_own_name_alone(client: TestClient) -> None:
    """A name of an attacker's can be made to lead here (DNS rebinding); a number cannot."""
    for host in ("192.168.1.5:7860", "10.1.2.3", "[fe80::1]:7860", "localhost:7860", "teachers-laptop:7860"):
        assert client.get("/sign-in", headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", "192.168.1.5.evil.example", "1.evil.example", "", "[evil", "0x7f.1"):
        assert client.get("/sign-in", headers={"Host": host}).status_code in (400, 403), host


# Ports and certificates -------------------------------------------------------------------------------------------


def test_a_taken_port_is_told_in_one_line_before_anything_else() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "app.py", "--classroom", "--port", str(port)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"The app cannot start. Port {port} is taken by another program. Choose another one: --port {port + 1}\n"
    )


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [("203.0.113.9", 0, "no address of this computer"), ("127.0.0.1", 70_000, "There is no port 70000")],
)
def test_a_place_where_nothing_can_listen_is_told(host: str, port: int, told: str) -> None:
    with pytest.raises(DanceDemoError, match=told):
        check_port(host, port)


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(DanceDemoError, match="no certificate with its key"):
        check_certificate(str(junk), str(junk))
    with pytest.raises(DanceDemoError, match="There is no file .*nothing.pem"):
        check_certificate(str(junk), str(tmp_path / "nothing.pem"))


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_with_its_key_is_taken_and_with_another_key_is_not(tmp_path: Path) -> None:
    for name in ("own", "other"):
        command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=class -keyout {name}.key -out {name}.pem"
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    check_certificate(str(tmp_path / "own.pem"), str(tmp_path / "own.key"))
    with pytest.raises(DanceDemoError, match="KEY_VALUES_MISMATCH"):
        check_certificate(str(tmp_path / "own.pem"), str(tmp_path / "other.key"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--classroom", "--share"], "choose one of them"), (["--certificate", "a.pem"], "belong together")],
)
def test_options_that_do_not_fit_together_are_told(arguments: list[str], told: str) -> None:
    ran = subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and told in ran.stderr


# A turn for everybody ---------------------------------------------------------------------------------------------


def call(name: str, session: str | None, address: str) -> Event:
    request = SimpleNamespace(client=SimpleNamespace(host=address), cookies={})
    event = Event(session, SimpleNamespace(concurrency_id="photos"), request, None)
    event.name = name
    return event


def order(line: list[Event]) -> str:
    return " ".join(event.name for event in in_turn(line))


def test_of_one_address_every_visitor_has_a_turn() -> None:
    line = [call(f"g{number}", "greedy", "10.0.0.1") for number in range(4)]
    line += [call("a0", "anna", "10.0.0.1"), call("b0", "ben", "10.0.0.1"), call("a1", "anna", "10.0.0.1")]
    assert order(line) == "g0 a0 b0 g1 a1 g2 g3"
    assert order(in_turn(line)) == order(line)


def test_made_up_sessions_of_one_address_hold_no_other_address_up() -> None:
    line = [call(f"g{number}", f"made up {number}", "10.0.0.1") for number in range(5)]
    line += [call("p0", "polite", "10.0.0.2"), call("p1", "polite", "10.0.0.2")]
    assert order(line) == "g0 p0 g1 p1 g2 g3 g4"


def test_calls_without_a_session_are_those_of_one_visitor() -> None:
    line = [call(f"g{number}", None, "10.0.0.1") for number in range(3)] + [call("p0", "polite", "10.0.0.1")]
    assert order(line) == "g0 p0 g1 g2"


def test_nobody_waits_for_ever_while_newcomers_keep_coming() -> None:
    line = [call("g0", "greedy", "10.0.0.1"), call("g1", "greedy", "10.0.0.1")]
    served = []
    for number in range(6):
        line = in_turn([*line, call(f"n{number}", f"new {number}", "10.0.0.1")])
        served.append(line.pop(0).name)
    assert served[:4] == ["g0", "n0", "g1", "n1"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("class"), "--classroom", PYTHONWARNINGS="ignore") as app:
        yield app
    assert "Traceback" not in app.log


@dataclass(frozen=True)
class Visitor:
    """Somebody with an address of their own, where the system has several for itself (127.0.0.2)."""

    app: RunningApp
    address: str

    def ask(self, method: str, target: str, body: object = None) -> tuple[int, str]:
        own = (self.address, 0)
        with closing(HTTPConnection("127.0.0.1", self.app.port, timeout=60, source_address=own)) as connection:
            connection.request(method, target, body, JSON)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def join(self, id: int, data: list, session: str) -> tuple[int, str]:
        """(status, text): whether this call now waits in the line."""
        text = json.dumps({"data": data, "fn_index": id, "session_hash": session})
        return self.ask("POST", "/gradio_api/queue/join", text)

    def answers(self, session: str) -> str:
        """All events of a session, up to the end of its last call."""
        return self.ask("GET", f"/gradio_api/queue/data?session_hash={session}")[1]


@pytest.mark.slow
@pytest.mark.parametrize("made_up", [False, True], ids=["one session", "made-up sessions"])
def test_S5_who_sends_sixty_calls_at_once_holds_nobody_up(
    app: RunningApp, made_up: bool, capsys: pytest.CaptureFixture
) -> None:
    greedy, polite = Visitor(app, "127.0.0.1"), Visitor(app, "127.0.0.2" if made_up else "127.0.0.1")
    ids = {one["api_name"]: one["id"] for one in app.endpoints()}
    buffer = io.BytesIO()
    draw("odissi", 3, size=(480, 600)).save(buffer, "JPEG", quality=90)
    photo = app.upload(buffer.getvalue(), "dancer.jpg")
    photos = [photo] * (2 if made_up else 5)
    sessions = [f"greedy{number * made_up}x{made_up}" for number in range(60)]

    began = time.monotonic()
    with ThreadPoolExecutor(60) as pool:
        told = list(pool.map(lambda session: greedy.join(ids["predict_many"], [photos], session), sessions))
    asked = time.monotonic()
    assert polite.join(ids["classify"], [photo, 3], "polite")[0] == 200
    assert "odissi" in polite.answers("polite")
    polite_s = time.monotonic() - asked
    with ThreadPoolExecutor(60) as pool:
        ended = list(pool.map(greedy.answers, dict.fromkeys(sessions)))
    greedy_s = time.monotonic() - began

    counts = Counter(status for status, _ in told)
    with capsys.disabled():
        print(f"\n{dict(counts)}; the polite visitor waited {polite_s:.2f} s, the greedy one {greedy_s:.2f} s", end=" ")
    assert set(counts) <= {200, 429} and polite_s < max(1.5, greedy_s / 3)
    assert all(
        "Let them finish first, so that everybody gets a turn." in text for status, text in told if status == 429
    )
    assert ("".join(ended)).count('"msg":"process_completed"') == counts[200]
    if made_up:
        assert counts == {200: 60}  # a whole class may sit at one address
    else:
        assert WAITING_EACH <= counts[200] < 30


def test_made_up_sessions_have_an_end_too() -> None:
    """As many as would leave no place for the other addresses."""
    run_alone(flood_the_line())  # Gradio's queue wants a loop, and leaves its own one open


async def flood_the_line() -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Number()
    demo.queue(max_size=20)
    use_fair_queue(demo)
    queue = demo._queue
    assert (queue.max_size, queue.blocks) == (20, demo)
    queue.event_queue_per_concurrency_id["photos"] = SimpleNamespace(
        queue=[call("g", f"made up {number}", "10.0.0.1") for number in range(15)]
    )
    with pytest.raises(HTTPException) as refused:
        queue.check_room("10.0.0.1", "one more")
    assert refused.value.status_code == 429 and "at your address" in refused.value.detail
    queue.check_room("10.0.0.2", "polite")
    queue.check_room("10.0.0.1", "a pupil's page", "a pupil's browser")  # others at the address have filled it, not he
    line = queue.event_queue_per_concurrency_id["photos"].queue
    line += [call("g", f"page {number}", "10.0.0.1") for number in range(3)]
    with pytest.raises(HTTPException):  # places that made-up browsers do not get either
        queue.check_room("10.0.0.1", "a pupil's page", "a pupil's browser")
    queue.check_room("10.0.0.2", "polite")


def test_the_app_says_where_it_is_and_answers_there(app: RunningApp) -> None:
    give_up = time.monotonic() + 20
    while "Ctrl+C" not in app.log and time.monotonic() < give_up:
        time.sleep(0.05)
    addresses = lan_addresses()
    if not addresses:
        assert "in no network" in app.log
        return
    assert f"Join at   http://{addresses[0]}:{app.port}" in app.log and "█▀" in app.log
    with closing(HTTPConnection(addresses[0], app.port, timeout=20)) as connection:
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_S8_the_class_is_served_under_no_name_of_others(app: RunningApp) -> None:
    assert app.ask("GET", "/config", headers={"Host": "evil.example"})[0] == 403
    assert app.ask("GET", "/config", headers={"Host": "192.168.7.7:7860"})[0] == 200
