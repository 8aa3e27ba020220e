"""What `gradio_private` takes for granted of Gradio. A new Gradio that breaks a promise is told by what to do then."""

import ast
import asyncio
import inspect
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio
import gradio as gr
import gradio.route_utils
import httpx
import pytest
import uvicorn
from gradio import component_meta, mcp, queueing, routes, state_holder, utils
from gradio.component_meta import ComponentMeta
from uvicorn.protocols.http import h11_impl

from dance_demo.ui import gradio_private
from dance_demo.ui.components import inputs
from dance_demo.ui.gradio_private import (
    EDITS,
    INSTEAD,
    UNREAD,
    OrderedQueue,
    first_files,
    lightened,
    named_endpoints,
    trim_config,
)
from dance_demo.ui.server.callers import Caller
from dance_demo.ui.server.fair_queue import use_fair_queue
from dance_demo.ui.server.gradio_routes import READ_FROM_GRADIO
from dance_demo.ui.server.limits.shares import Shares
from tests.project.test_imports import NAMES, imports, tree
from tests.support import ROOT
from tests.support.event_loop import run_alone

READ_FIRST = {"core-", "Block", "index"}  # the scripts that read the configuration
# Read where it is there, or of something else that is called so, too.
NOT_NEEDED = {"api_info", "component_class_id", "key", "rendered_in", "render_id", "time_limit", "types"}
INPUTS = {
    inputs.PhotoInput: "image",
    inputs.FileInput: "file",
    inputs.FilesInput: "file",
    inputs.PhotosInput: "gallery",
    inputs.FilterInput: "radio",
}
PRIVATE = {  # names of Gradio's objects that nobody but `gradio_private` says
    *("_queue", "fns", "get_api_info", "example_payload", "mcp_server_obj", "mcp_error", "tool_to_endpoint"),
    *("event_ids_to_events", "event_queue_per_concurrency_id", "broadcast_estimations", "server_name", "root_block"),
}


def page_with(*buttons: str, then: Callable[[gr.Blocks], Any] = lambda page: None) -> gr.Blocks:
    """A page with an endpoint of each name; the last one waits in no queue."""

    async def made() -> gr.Blocks:  # async, or Gradio makes event loops that nobody closes
        with gr.Blocks(analytics_enabled=False) as page:
            for number, name in enumerate(buttons):
                queued = number + 1 < len(buttons)
                gr.Button().click(lambda: None, None, gr.JSON(), api_name=name, queue=queued)
        page.queue(max_size=7)
        then(page)
        return page

    return run_alone(made())


def source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_nothing_but_gradio_private_knows_what_is_private_of_gradio():
    """Others say `gr.` and what Gradio documents; `gr.blocks.Block` is its only name for any component."""
    for name, path in NAMES.items():
        if name == "ui.gradio_private" or not name.startswith("ui."):  # the others know no Gradio at all
            continue
        assert not [one for one in imports(path) if re.match(r"gradio\w*\.", one)], f"{name} imports a private module"
        said = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert not said & PRIVATE, f"{name} uses what belongs into gradio_private: {said & PRIVATE}"


def test_the_version_is_the_one_that_everything_here_was_read_from():
    told = f"Gradio is not {READ_FROM_GRADIO}: read its routes anew (server/gradio_routes.py), then change the number."
    assert gr.__version__.startswith(f"{READ_FROM_GRADIO}."), told


def test_importing_writes_no_stub_into_the_source_tree(tmp_path: Path):
    shutil.copytree(ROOT / "dance_demo", tmp_path / "dance_demo", ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    before = {path for path in tmp_path.rglob("*")}
    command = [sys.executable, "-B", "-c", "import dance_demo.ui.launch"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120, capture_output=True)
    assert {path for path in tmp_path.rglob("*")} == before, "importing writes into the source tree: see WithoutStub"


@pytest.mark.parametrize("component", INPUTS)
def test_an_input_of_ours_is_drawn_as_the_component_that_it_extends(component: type[gr.components.Component]):
    assert component().get_block_name() == INPUTS[component], "is_template no longer names the parent: see inputs.py"
    assert type(component) is gradio_private.WithoutStub and issubclass(type(component), ComponentMeta)


def test_the_metaclass_of_components_does_nothing_else_for_ours():
    told = "ComponentMeta does more than before: see whether WithoutStub may leave that out."
    body = source(component_meta).partition("class ComponentMeta")[2]
    called = set(re.findall(r"([\w.]+)\(", body)) - {"ComponentMeta", "__new__", "isinstance", "hasattr", "any", "all"}
    assert called == {
        *("updateable", "attrs.get", "ComponentDefinitionError", "new_events.append", "EventListener"),
        *("trigger.set_doc", "super", ".__new__", ".copy", "create_or_modify_pyi"),
    }, told
    with pytest.raises(TypeError, match="events of its own"):
        gradio_private.WithoutStub("Loud", (gr.Image,), {"EVENTS": []})


def test_uploads_lie_where_gradio_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert gradio_private.upload_folder() == tmp_path, "get_upload_folder no longer says where uploads lie"


def test_gradio_takes_a_space_for_one(monkeypatch: pytest.MonkeyPatch):
    told = "get_space no longer decides whether Gradio asks the Hub: see hub_access.can_sign_in"
    monkeypatch.delenv("SYSTEM", raising=False)
    assert not gradio_private.thinks_it_is_a_space(), told
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "somebody/dances")
    assert gradio_private.thinks_it_is_a_space() and utils.get_space() == "somebody/dances", told


def test_a_page_that_does_not_run_is_served_nowhere():
    assert gradio_private.served_at(page_with("a")) == (None, False), "Blocks.share or server_name is gone"
    text = source(gradio.blocks)
    assert "self.server_name" in text and "self.share =" in text, "launch no longer notes where the page is served"


def test_the_endpoints_of_a_page_are_told_with_their_queue():
    page = page_with("waits", "waits_too", "at_once")
    assert set(gradio_private.named_endpoints(page)) == {"/waits", "/waits_too", "/at_once"}, "get_api_info has changed"
    assert gradio_private.queued_endpoints(page) == {"waits", "waits_too"}, "Blocks.fns has changed"


def test_an_example_stands_for_one_component_alone():
    shown, other = gradio_private.show_example(gr.Number(), 7), gr.Number()
    assert shown.example_payload() == 7 != other.example_payload()
    told = "Use via API no longer asks a component for its example"
    assert "example_payload()" in source(gradio.blocks) + source(gradio.components.base), told


def test_the_ordered_queue_takes_the_place_of_the_page_s_own():
    page = page_with("a", then=lambda page: OrderedQueue(page, admit=lambda *asked: None, order=list))
    told = "gradio.queueing.Queue has changed: see OrderedQueue"
    assert isinstance(page._queue, OrderedQueue) and page._queue.max_size == 7, told
    assert parameters(queueing.Queue.push) == ["self", "body", "request", "username"], told
    text = source(queueing)
    for used in ("self.event_ids_to_events", "def broadcast_estimations", ".queue.append(event)"):
        assert used in text, told
    assert "session_hash" in parameters(queueing.Event) and "self._id" in text, told


def test_what_the_queue_is_changed_by_is_there():
    text, told = source(queueing), "gradio.queueing.Queue has changed: see Mailboxes and OrderedQueue"
    for used in (
        "self.pending_messages_per_session",
        "self.pending_event_ids_session",
        "self.active_jobs",
        "def close",
    ):
        assert used in text, told
    assert parameters(queueing.Queue.send_message) == ["self", "event", "event_message"], told
    assert inspect.iscoroutinefunction(queueing.Queue.start_processing) and parameters(queueing.Queue.get_events), told
    assert parameters(utils.LRUCache) == ["max_size"], told


def test_a_call_of_no_visit_makes_no_description_of_the_page():
    for module in (gradio.blocks, gradio.route_utils):
        assert "SessionState(" in source(module), "Gradio makes states of visits elsewhere: see remember_visits"
    text = source(state_holder)
    for used in ("def _update_config", "def _update_value_in_config", "config_values", "_state_ttl", "state_data"):
        assert used in text, "gradio.state_holder.SessionState has changed: see Visit"

    def started(page: gr.Blocks) -> None:
        app = gr.routes.App.create_app(page)
        gradio_private.remember_visits(app, page, 5, lambda session: "", lambda session: True)

    page = page_with("a", "b", then=started)
    visit = gradio.route_utils.SessionState(page)
    assert isinstance(visit, gradio_private.Visit) and not visit.config_values
    button = next(block for block in page.blocks.values() if isinstance(block, gr.Button))
    visit[button._id] = changed = gr.Button("changed", render=False)
    assert visit[button._id] is changed and not visit.config_values


def test_what_is_remembered_of_visits_is_held_where_we_put_it():
    text, told = source(state_holder), "gradio.state_holder.StateHolder has changed: see VisitStates"
    for used in ("self.session_data", "self.time_last_used", "self.capacity", "self.lock", "def set_blocks"):
        assert used in text, told
    assert "app.state_holder" in source(routes) + source(gradio.blocks), told


def test_uploads_that_are_over_and_files_can_be_forgotten():
    told = "Gradio no longer tracks uploads by their id: see forget_upload"
    assert hasattr(routes.file_upload_statuses, "_signals") and routes.file_upload_statuses.stop_tracking, told
    page = page_with("a", then=gradio_private.note_no_files)
    block = next(iter(page.blocks.values()))
    for files in (page.upload_file_set, block.temp_files):
        files.add("one")
        assert not files and not page.temp_file_sets
    text = source(gradio.blocks)
    assert all(used in text for used in ("upload_file_set", "temp_file_sets", "temp_files")), "see note_no_files"


def test_the_server_of_a_page_takes_a_limit_of_connections():
    told = "Blocks no longer keeps its uvicorn server: see listen_too"
    assert "self.server" in source(gradio.blocks), told
    serving = source(uvicorn.server)
    assert "config.http_protocol_class(" in serving and "server_state=self.server_state" in serving, told
    assert "app_state=self.lifespan.state" in serving and "self.servers = [server]" in serving, told
    assert "import_from_string(HTTP_PROTOCOLS" in source(uvicorn.config), "see limit_connections"
    protocol = source(h11_impl)
    used = ("def connection_made", "self.connections", "self.cycle", "self.client", "self.transport", "self.loop")
    assert all(name in protocol for name in used) and "response_complete" in protocol, (
        "uvicorn has changed: see limit_connections"
    )


def test_the_tools_for_assistants_are_named_in_one_table():
    text = source(mcp)
    told = "GradioMCPServer has changed: see set_tools"
    assert "self.tool_to_endpoint.items()" in text and "self.tool_prefix" in text, told
    assert "self.postprocess_output_data(output_data, root_url)" in text, told
    named = re.findall(r".*_mcp_name.*", text)
    assert all("== name" in line or "fn._mcp_name = name" in line for line in named), (
        "gr.mcp.tool(name=...) names a tool now: set_tools need not rename any more"
    )


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[queueing.Queue]:
    for name, value in gradio_private.NO_TABLE_OF_CALLS.items():
        monkeypatch.setenv(name, value)
    yield page_with("a")._queue


FILES = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_of_the_page_s_program_stands_there_once(name: str):
    told = (
        "Gradio loads components in another way now: look in `core-*.js` where `import()` is called, or drop the edit."
    )
    (file,) = (file for file in FILES.glob(f"{name}-????????.js"))
    text = file.read_text(encoding="utf-8")
    assert [text.count(before) for before, _ in EDITS[name]] == [1] * len(EDITS[name]), told
    sent = lightened(f"/assets/{file.name}", text.encode()).decode()
    assert sent != text and all(after in sent for _, after in EDITS[name])
    assert lightened(f"/assets/{file.name}", text.replace(EDITS[name][0][0], "").encode()).decode() not in (text, sent)


@pytest.mark.parametrize("name", INSTEAD)
def test_what_stands_for_a_file_of_the_page_s_program_has_its_names(name: str):
    told = "What the player for broadcasts is asked for has changed: see who imports `hls-*.js`."
    (file,) = FILES.glob(f"{name}-????????.js")
    sent = lightened(f"/assets/{file.name}", file.read_bytes()).decode()
    for text in (file.read_text(encoding="utf-8"), sent):
        (exported,) = re.findall(r"export\{([^}]*)\}", text)
        assert sorted(re.findall(r" as (\w+)", exported)) == ["n", "r", "t"], told
    assert len(sent) < 100


def test_a_file_that_is_not_edited_goes_out_as_it_is():
    for path in ("/assets/core-12345678.css", "/assets/Index-12345678.js", "/static/js/core-12345678.js"):
        assert lightened(path, b"core") == b"core"


def test_the_files_that_a_page_begins_with_are_found_in_gradio_s_program():
    told = "Gradio names its scripts in another way now: see `_NEEDED`, `_LATER` and `_COMPONENT`."

    async def made() -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as page:
            gr.HTML("first")
            with gr.Tabs():
                with gr.Tab():
                    gr.Slider(visible=False)
                    with gr.Accordion(open=False):
                        gr.Radio([1])
                with gr.Tab():
                    gr.Gallery()
        return page

    files = first_files(run_alone(made()))
    assert len(files) == len(set(files)) > 30 and all((FILES / name).is_file() for name in files), told
    core = (FILES / next(name for name in files if name.startswith("core-"))).read_text(encoding="utf-8")

    def script_of(kind: str) -> str:
        return re.search(rf"[,{{]{kind}:\{{[^}}]*component:\(\)=>\w+\(\(\)=>import\(`\./([\w.-]+)`", core)[1]

    assert {script_of(kind) for kind in ("html", "tabs", "tabitem", "accordion")} <= set(files), told
    assert not {script_of(kind) for kind in ("slider", "radio", "gallery")} & set(files), told


def test_a_page_is_told_half_and_can_do_the_same():
    async def made() -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as page:
            photo, plain, clicked, shown = gr.Image(), gr.HTML("<b>a</b>"), gr.HTML(), gr.Image(visible=False)
            clicked.click(lambda photo: photo, photo, shown, api_visibility="private")
            gr.Button().click(lambda text: text, gr.Textbox(), gr.JSON(), api_name="said")
            plain.change(lambda: None, api_visibility="private")
        return page

    page = run_alone(made())
    endpoints, whole = named_endpoints(page), json.dumps(page.config, default=str)
    trim_config(page)
    assert named_endpoints(page) == endpoints and endpoints["/said"]["parameters"]
    assert len(json.dumps(page.config, default=str)) < 0.75 * len(whole)
    kept = {one["type"]: one for one in page.config["components"]}
    assert {"api_info", "skip_api", "component_class_id"} <= kept["textbox"].keys()
    assert "api_info" not in kept["image"] and kept["image"]["props"]["visible"] is False
    html = [one["props"].get("js_on_load") for one in page.config["components"] if one["type"] == "html"]
    assert html[0] is None and "trigger('click')" in html[1]


def test_only_rows_of_tabs_read_their_name():
    readers = [
        file.name for file in FILES.glob("*.js") if re.search(r"\bprops\.name\b", file.read_text(encoding="utf-8"))
    ]
    core = next(FILES.glob("core-????????.js")).read_text(encoding="utf-8")
    (tabs,) = set(re.findall(r"[,{](?:tabs|walkthrough):\{component:\(\)=>\w+\(\(\)=>import\(`\./([\w.-]+)`", core))
    assert readers == [tabs]


def test_what_is_not_told_of_a_page_is_read_by_no_script():
    told = "Gradio's program reads it now: take it from `UNREAD`."
    scripts = [file.read_text(encoding="utf-8") for file in FILES.glob("*.js") if file.name[:5] in READ_FIRST]
    named = {name for names in UNREAD.values() for name in names} - NOT_NEEDED
    assert not [name for name in named if any(re.search(rf"\.{name}\b", script) for script in scripts)], told


def test_no_table_of_calls_is_made(plain: queueing.Queue):
    told = "GRADIO_ANALYTICS_... no longer switches the table of calls off"
    assert plain.ANALYTICS_MAX_EVENTS == 1 and plain.ANAYLTICS_CACHE_FREQUENCY == 10**9, told


def test_a_start_that_is_not_checked_is_an_option_of_launch():
    assert gradio_private.UNCHECKED_START.keys() <= set(parameters(gr.Blocks.launch)), "launch has lost _frontend"


@pytest.mark.parametrize("queue_of", ["ours", "Gradio's"])
def test_W1_the_line_goes_on_though_sessions_are_forgotten_and_though_it_breaks(queue_of, monkeypatch, caplog):
    """Forty sessions join where five are kept, then a fault breaks the loop. Gradio's own stops for good."""

    async def slow() -> dict[str, str]:
        await asyncio.sleep(0.02)
        return {"answer": "done"}

    async def answered(page: gr.Blocks) -> bool:
        app = gr.routes.App.create_app(page)
        page.run_startup_events()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=20) as client:

            async def ask() -> bool:
                joined = await client.post("/gradio_api/call/slow", json={"data": []})
                if joined.status_code != 200:
                    return False
                return "done" in (await client.get(f"/gradio_api/call/slow/{joined.json()['event_id']}")).text

            for number in range(40):
                call = {"data": [], "fn_index": 0, "session_hash": f"made-up-{number}"}
                await client.post("/gradio_api/queue/join", json=call)
            await asyncio.sleep(2)
            first = await ask()
            line = type(page._queue)
            faults, real = [KeyError("made-up-1")], line.get_events

            def broken(queue: queueing.Queue) -> Any:
                if faults:
                    raise faults.pop()
                return real(queue)

            monkeypatch.setattr(line, "get_events", broken)
            with suppress(TimeoutError):
                return first and await asyncio.wait_for(ask(), 5)
            return False

    async def attacked() -> tuple[bool, int]:
        with gr.Blocks(analytics_enabled=False) as page:
            gr.Button().click(slow, None, gr.JSON(), api_name="slow", concurrency_limit=1)
        page.queue(max_size=200)
        if queue_of == "ours":
            monkeypatch.setattr(gradio_private, "SESSIONS", 5)
            use_fair_queue(page, waiting_each=200)
        else:
            page._queue.pending_messages_per_session.max_size = 5
        try:
            return await answered(page), len(page._queue.pending_event_ids_session)
        finally:
            page._queue.close()

    held, kept = run_alone(attacked())
    assert held == (queue_of == "ours")
    assert queue_of != "ours" or (kept <= 6 and caplog.text.count("it goes on") == 1)


def test_W5_our_own_probe_of_the_line_is_nobody_whom_others_have_to_share_with():
    """However long it takes on a busy server: a class behind one address was held back three seconds of ten for it."""
    alone, shares = Caller("192.0.2.1"), Shares()

    async def probed() -> None:
        with gr.Blocks(analytics_enabled=False) as page:
            asked = gr.Button().click(lambda: time.sleep(0.1), None, None, concurrency_id="photos", concurrency_limit=2)
        page.queue(max_size=20)
        queue = use_fair_queue(page, shares=shares)
        app = gr.routes.App.create_app(page)
        page.run_startup_events()
        try:
            await queue.probe(app, asked["id"], 20)
        finally:
            queue.close()

    run_alone(probed())
    shares.spend(alone, 10)
    assert not shares.over(alone)


@pytest.mark.parametrize("queue_of", ["ours", "Gradio's"])
def test_W1_a_call_that_is_cancelled_before_it_is_begun_gives_its_place_back(queue_of, monkeypatch):
    """Whoever joins and leaves at once can hit that moment. Of Gradio's own line of one that is the end."""

    async def quick() -> dict[str, str]:
        return {"answer": "done"}

    begin, left = queueing.run_coro_in_background, ["one"]

    def begin_and_cancel(work: Any, *arguments: Any) -> Any:
        task = begin(work, *arguments)
        if work.__name__ == "process_events" and left:
            left.pop()
            task.cancel()
        return task

    async def attacked() -> bool:
        with gr.Blocks(analytics_enabled=False) as page:
            gr.Button().click(quick, None, gr.JSON(), api_name="quick", concurrency_limit=1)
        page.queue(max_size=20)
        if queue_of == "ours":
            use_fair_queue(page)
        app = gr.routes.App.create_app(page)
        page.run_startup_events()
        monkeypatch.setattr(queueing, "run_coro_in_background", begin_and_cancel)
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=20) as client:
                await client.post("/gradio_api/call/quick", json={"data": []})
                await asyncio.sleep(0.3)
                assert not left
                joined = await client.post("/gradio_api/call/quick", json={"data": []})
                with suppress(TimeoutError):
                    answer = client.get(f"/gradio_api/call/quick/{joined.json()['event_id']}")
                    return "done" in (await asyncio.wait_for(answer, 5)).text
                return False
        finally:
            page._queue.close()

    assert run_alone(attacked()) == (queue_of == "ours")
