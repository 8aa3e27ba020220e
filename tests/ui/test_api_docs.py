"""Whatever docs/api.md tells people to write is written here and asked of the running app."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from dance_demo.data.illustrations import draw
from dance_demo.ui.launch import VISITS_REMEMBERED
from dance_demo.ui.page import WAITING_AT_MOST
from dance_demo.ui.server.guard import Limits
from tests.support import ROOT
from tests.support.event_loop import run_alone
from tests.support.running_app import RunningApp, running_app

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:7860"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
STARTS = "python -m pip install -r requirements-mcp.txt\npython app.py --mcp\n"


def blocks(language: str) -> list[str]:
    return [code for kind, code in BLOCKS if kind == language and code != STARTS]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("documented"), "--mcp") as app:
        yield app
    assert "Traceback" not in app.log


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photo that the examples name."""
    folder = tmp_path_factory.mktemp("workspace")
    draw("odissi", 7, size=(360, 450)).save(folder / "photo.jpg")
    return folder


def run(command: list[str], code: str, app: RunningApp, folder: Path) -> str:
    """What the example prints."""
    assert ADDRESS in code
    command = [*command, code.replace(ADDRESS, app.url)]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_block_is_tried_here() -> None:
    assert {kind for kind, _ in BLOCKS} == {"python", "js", "sh", "json"} and ("sh", STARTS) in BLOCKS
    assert [len(blocks(kind)) for kind in ("python", "js", "sh", "json")] == [2, 1, 2, 1]


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_are_answered(code: str, app: RunningApp, workspace: Path) -> None:
    printed = run([sys.executable, "-B", "-W", "error", "-c"], code, app, workspace)
    assert "odissi" in printed and "True" in printed.replace("true", "True")


@pytest.mark.slow
def test_the_javascript_example_is_answered(javascript: Path, app: RunningApp, workspace: Path) -> None:
    shutil.copy(workspace / "photo.jpg", javascript)
    (code,) = blocks("js")
    code += "process.exit(0);\n"  # the client keeps its connection open
    printed = run(["node", "--input-type=module", "-e"], code, app, javascript)
    assert "odissi" in printed and "true" in printed


@pytest.mark.parametrize("name", ["photo.jpg", "photo[1].jpg", "my, photo;2.jpg", "फ़ोटो {1}.jpg"])
@pytest.mark.parametrize("code", blocks("sh"))
def test_the_curl_examples_are_answered(code: str, name: str, app: RunningApp, workspace: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    if name != "photo.jpg":
        shutil.copy(workspace / "photo.jpg", workspace / name)
        code = code.replace("photo.jpg", name)
    printed = run(["bash", "-euc"], code, app, workspace)
    classification, _ = json.JSONDecoder().raw_decode(printed, printed.index('{"predictions"'))
    assert len(classification["predictions"]) == 3 and classification["predictions"][0]["label"] == "odissi"


def test_the_configuration_of_an_assistant_leads_to_the_tools(app: RunningApp) -> None:
    (code,) = blocks("json")
    (server,) = json.loads(code.replace(ADDRESS, app.url))["mcpServers"].values()

    async def names() -> list[str]:
        async with streamable_http_client(server["url"]) as (reads, writes, _), ClientSession(reads, writes) as session:
            await session.initialize()
            return [tool.name for tool in (await asyncio.wait_for(session.list_tools(), 60)).tools]

    assert all(f"`{name}`" in PAGE for name in run_alone(names()))


def test_the_commands_to_start_name_what_is_there() -> None:
    install, start = map(shlex.split, STARTS.splitlines())
    assert (ROOT / install[-1]).is_file() and (ROOT / start[1]).is_file()


def test_the_endpoints_of_the_table_are_those_of_the_app(app: RunningApp) -> None:
    public = json.loads(app.ask("GET", "/gradio_api/info")[1])["named_endpoints"]
    assert re.findall(r"^\| `(/\w+)`", PAGE, re.MULTILINE) == list(public)


def test_versions_and_limits_are_the_real_ones() -> None:
    pinned = json.loads((ROOT / "tests/javascript/package.json").read_text())["dependencies"]["@gradio/client"]
    for name in ("gradio", "gradio_client", "mcp"):
        assert re.search(rf"\b{name} {re.escape(metadata.version(name))}\b", PAGE), name
    assert f"@gradio/client {pinned}" in PAGE
    limits = Limits()
    for value in (limits.photo_json_bytes, limits.json_bytes, limits.upload_bytes):
        assert f"{value / 1e6:g} MB" in PAGE
    assert f"{limits.upload_files} files" in PAGE
    assert f"({WAITING_AT_MOST} waiting calls" in PAGE
    scaling = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert f"`WAITING_AT_MOST` ({WAITING_AT_MOST})" in scaling and f"for {VISITS_REMEMBERED} visits" in scaling
