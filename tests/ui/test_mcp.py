"""An assistant asks the running app which dance this is, by the Model Context Protocol; a hostile one wants more."""

import asyncio
import base64
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from dance_demo.data.illustrations import draw
from dance_demo.ui.api.endpoints import MAX_BASE64, NO_BASE64
from dance_demo.ui.api.mcp import TOOLS
from dance_demo.ui.server.guard import Limits
from tests.support import ROOT
from tests.support.event_loop import run_alone
from tests.support.running_app import JSON, META, RunningApp, running_app

ADDRESS = "/gradio_api/mcp/"
SAY_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
STREAMED = JSON | {"Accept": "application/json, text/event-stream"}
PASSWORD_FILE = Path("/etc/passwd")
OTHERS = ("classify", "explain", "predict_many", "hear", "show_upload")  # endpoints that are no tools


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("mcp"), "--mcp") as app:
        yield app
    assert "Traceback" not in app.log


@pytest.fixture(scope="module")
def image() -> str:
    buffer = io.BytesIO()
    draw("odissi", 7, size=(360, 450)).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


Said = tuple[bool, list[str]]  # was it an error, the texts of the answer


@pytest.fixture
def ask_all(app: RunningApp) -> Callable[[list[tuple[str, dict]]], list[Said]]:
    """What comes of each call of a tool, by a real client in one session."""

    async def said(assistant: ClientSession, tool: str, arguments: dict[str, Any]) -> Said:
        try:
            answer = await asyncio.wait_for(assistant.call_tool(tool, arguments), 60)
        except McpError as refusal:
            return True, [str(refusal)]
        return bool(answer.isError), [part.text for part in answer.content if part.type == "text"]

    async def all_said(calls: list[tuple[str, dict]]) -> list[Said]:
        async with session(app) as assistant:
            return [await said(assistant, tool, arguments) for tool, arguments in calls]

    return lambda calls: run_alone(all_said(calls))


@pytest.fixture
def ask(ask_all: Callable) -> Callable[..., Said]:
    return lambda tool, **arguments: ask_all([(tool, arguments)])[0]


class session:
    """An assistant that has said hello."""

    def __init__(self, app: RunningApp) -> None:
        self.client = streamable_http_client(app.url + ADDRESS)

    async def __aenter__(self) -> ClientSession:
        reads, writes, _ = await self.client.__aenter__()
        self.session = ClientSession(reads, writes)
        assistant = await self.session.__aenter__()
        await assistant.initialize()
        return assistant

    async def __aexit__(self, *error: object) -> None:
        await self.session.__aexit__(*error)
        await self.client.__aexit__(*error)


@contextmanager
def canary() -> Iterator[tuple[str, list]]:
    """The address of a server on this machine, and who has called it."""
    calls: list = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, sender = server.accept()
                except TimeoutError:
                    continue
                calls.append(sender)
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/photo.png", calls
        finally:
            time.sleep(0.3)
            done.set()
            thread.join()


def post(app: RunningApp, message: dict, headers: dict | None = None) -> tuple[int, str]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1} | message)
    return app.ask("POST", ADDRESS, body, STREAMED | (headers or {}))[:2]


def test_an_assistant_finds_the_four_tools_and_what_they_take(app: RunningApp) -> None:
    async def listed() -> list:
        async with session(app) as assistant:
            return (await assistant.list_tools()).tools

    tools = {tool.name: tool for tool in run_alone(listed())}
    assert set(tools) == set(TOOLS)
    assert tools["name_dance"].description.startswith("Which Indian classical dance is this?")
    assert all(len(tool.description) > 40 for tool in tools.values())
    inputs = tools["name_dance"].inputSchema
    assert inputs["required"] == ["image"] and inputs["properties"]["image"]["type"] == "string"
    assert "base64" in inputs["properties"]["image"]["description"] and inputs["properties"]["top_k"]["default"] == 3
    assert "url" not in json.dumps([tool.inputSchema for tool in tools.values()]).lower()


def test_which_dance_is_this(ask: Callable, image: str) -> None:
    failed, (text,) = ask("name_dance", image=image)
    answer = json.loads(text)
    assert not failed and len(answer["predictions"]) == 3
    assert answer["predictions"][0]["label"] == "odissi" and answer["predictions"][0]["probability"] > 0.5
    assert answer["sure"] is True and answer["note"] == ""


def test_a_picture_of_nothing_is_said_to_be_unsure_and_why(ask: Callable) -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").save(buffer, "PNG")
    grey = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    answer = json.loads(ask("name_dance", image=grey, top_k=8)[1][0])
    assert answer["sure"] is False and answer["note"] and len(answer["predictions"]) == 8


def test_why_this_dance_is_a_picture_and_a_sentence(app: RunningApp, image: str) -> None:
    async def explained() -> list:
        async with session(app) as assistant:
            return (await assistant.call_tool("explain_dance", {"image": image})).content

    content = run_alone(explained())
    (picture,) = [part for part in content if part.type == "image"]
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as shown:
        assert shown.size == (360, 450)
    assert "Odissi" in content[-1].text and picture.mimeType == "image/jpeg"


def test_what_the_app_knows_comes_as_json(ask: Callable) -> None:
    forms = json.loads(ask("list_dance_forms")[1][0])
    assert len(forms) == 8 and forms[0]["region"] == "Tamil Nadu"
    model = json.loads(ask("describe_model")[1][0])
    assert 0.8 < model["evaluation"]["accuracy"] < 1 and "Apache-2.0" in model["licence"]


def test_S7_nothing_that_an_assistant_names_is_fetched_or_opened(app: RunningApp, ask_all: Callable) -> None:
    with canary() as (address, calls):
        named = [address, address.upper(), f"//{address[7:]}", f"data:image/png,{address}", PASSWORD_FILE.as_uri()]
        named += [str(PASSWORD_FILE), str(ROOT / "docs" / "screenshot.png"), "%%%", "data:;base64,", "", "\u0661"]
        tools = [(tool, {"image": image}) for image in named for tool in ("name_dance", "explain_dance")]
        for (_, arguments), (failed, (sentence,)) in zip(tools, ask_all(tools), strict=True):
            assert failed and sentence.endswith(".") and "root:" not in sentence, (arguments, sentence)
        assert ask_all([("name_dance", {"image": address})]) == [(True, [NO_BASE64])]
        upload = {"path": address, "url": address, "meta": META}
        others = [(tool, photo) for tool in OTHERS for photo in (address, str(PASSWORD_FILE), upload)]
        for failed, (sentence,) in ask_all([(tool, {"photo": photo, "files": [photo]}) for tool, photo in others]):
            assert failed and ("Unknown tool" in sentence or "upload the picture" in sentence)
    assert calls == []
    assert not [path for path in app.uploads.rglob("*") if path.is_file() and b"root:" in path.read_bytes()]


def test_the_canary_would_tell() -> None:
    with canary() as (address, calls):
        socket.create_connection(("127.0.0.1", int(address.split(":")[2].split("/")[0]))).close()
    assert len(calls) == 1


def test_S7_a_file_of_the_server_is_refused_in_place_of_the_text(app: RunningApp, ask: Callable) -> None:
    for file in ({"path": str(PASSWORD_FILE), "meta": META}, {"path": str(ROOT / "docs/screenshot.png"), "meta": META}):
        failed, (sentence,) = ask("name_dance", image=file)
        assert failed and sentence == "Please upload the picture again."


def test_S4_what_is_too_large_is_told_in_a_sentence_and_the_assistant_stays(app: RunningApp, image: str) -> None:
    async def too_large() -> tuple[str, str, bool]:
        async with session(app) as assistant:
            with pytest.raises(McpError) as refusal:
                await assistant.call_tool("name_dance", {"image": "A" * 30_000_000})
            larger = await assistant.call_tool("name_dance", {"image": "A" * (MAX_BASE64 + 4)})
            again = await assistant.call_tool("name_dance", {"image": image})
            return str(refusal.value), larger.content[0].text, bool(again.isError)

    by_the_guard, by_the_tool, failed = run_alone(too_large())
    assert by_the_guard == f"This is too large; the limit is {Limits().photo_json_bytes / 1e6:g} MB."
    assert by_the_tool == "The photo is larger than 3 MB. Send it smaller." and not failed


def test_S9_junk_gets_a_plain_refusal(app: RunningApp) -> None:
    for body in (b"", b"{", b"[]", b"null", b'"a"', b'{"id": 1}', b'{"id": 1, "path": "/etc/passwd"}', b"[" * 99_999):
        status, text, _ = app.ask("POST", ADDRESS, body, STREAMED)
        assert status in (200, 400) and "Traceback" not in text and "root:" not in text, (body[:50], status, text)
    status, text = post(app, {"method": "tools/call", "params": {"name": "name_dance", "arguments": {"image": [1]}}})
    assert status == 200 and "Input validation error" in text


def test_S8_the_tools_keep_to_the_rules_of_the_page(app: RunningApp) -> None:
    hello = {"method": "initialize", "params": SAY_HELLO}
    assert post(app, hello)[0] == 200
    assert post(app, hello, {"Origin": "http://evil.example"})[0] == 403
    assert post(app, hello, {"Origin": "null"})[0] == 403
    for method, path, expected in (
        ("GET", ADDRESS, 405),  # a stream that would stay open and say nothing
        ("DELETE", ADDRESS, 405),
        ("GET", f"{ADDRESS}sse", 404),
        ("POST", f"{ADDRESS}messages/", 404),
        ("POST", f"{ADDRESS}http", 404),
        ("GET", f"{ADDRESS}schema", 200),
    ):
        assert app.ask(method, path, headers={"Accept": "text/event-stream"})[0] == expected, (method, path)


def test_the_schema_for_other_hubs_holds_the_same_tools(app: RunningApp) -> None:
    schema = json.loads(app.ask("GET", f"{ADDRESS}schema")[1])
    assert {tool["name"] for tool in schema} == set(TOOLS) and not any(t["meta"]["file_data_present"] for t in schema)


def test_without_the_package_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None; sys.argv[1:] = ['--mcp']; import app; app.main()"
    ran = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1 and ran.stderr.strip().endswith("pip install -r requirements-mcp.txt")
    assert len(ran.stderr.strip().splitlines()) == 1


def test_S11_the_optional_package_is_pinned_as_in_the_tests() -> None:
    (line,) = re.findall(r"^[^#\n].*$", (ROOT / "requirements-mcp.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(r"mcp==[\d.]+", line)
    assert f"\n{line}\n" in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
