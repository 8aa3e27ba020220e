"""Everything of Gradio's that is not public and that we use all the same, each with its reason.

Read from Gradio 6.31; `tests/ui/test_gradio_private.py` holds a contract with each name and says what is to be done
when a newer Gradio breaks it. The routes that Gradio's server has are in `server/gradio_routes.py`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import sys
import time
from abc import ABCMeta
from asyncio import Queue as AsyncQueue
from asyncio import Task
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import gradio
import gradio as gr
from gradio import route_utils, utils
from gradio.component_meta import ComponentMeta
from gradio.components.gallery import GalleryData
from gradio.data_classes import ImageData, ListFiles, PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.routes import file_upload_statuses
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import LRUCache
from starlette.requests import Request as StarletteRequest
from starlette.types import Scope

if TYPE_CHECKING:
    from fastapi import Request

__all__ = ["Call", "GalleryData", "ImageData", "ListFiles"]  # the last three: what a component's `preprocess` is given

# Gradio makes a table of its latest 10,000 calls after each of them, for a page of its own that is closed here. Nothing
# but its environment switches that off.
NO_TABLE_OF_CALLS = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000", "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
# Of `launch`: a start would fail on a busy machine, where Gradio gives its own first page 3 s.
UNCHECKED_START: dict[str, Any] = {"_frontend": False}
PROGRAM = Path(str(gr.__file__)).parent / "templates" / "frontend"
UPLOAD_FOLDER = "GRADIO_TEMP_DIR"  # of the environment: where Gradio puts what visitors send

SESSIONS = 2_000  # that have calls or answers; a page needs one only while it waits
UNREAD_KEPT_S, LEFT_S = 120.0, 5.0  # answers that nobody fetches; after so long somebody else's may take their place
PROBE = "probe"  # in the place of an address, which no caller can have
PROGRAM_KEPT_S = 120.0  # what a visit left that never had a page

# Edits of the page's program, by the names of its files without their hash: what stands there, and what is sent
# instead. Alone, Gradio fetches the program of every component at once, and a player for broadcasts with any gallery.
_AT_ONCE = "s=a.shared_props.visible===!1?null:G(i.type,i.component_class_id,this.#r.api_url||``)"
_HIDDEN_LAST = "this.find_attached_events(e,this.#n),e=>Ne(e,this.components_to_register,this.#d)])}"
_LOAD_FIRST = "e=>je(e,this.#r.api_url),"
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "core": (
        (_AT_ONCE, "s=null"),
        (_LOAD_FIRST, ""),
        (_HIDDEN_LAST, _HIDDEN_LAST.removesuffix("}") + ",q(this.root,this.#r.api_url)}"),  # what is seen, in the end
    ),
}
INSTEAD = {"hls": "const no=()=>!1;export{no as n,no as r,no as t};"}  # no clip of ours is a broadcast

# Of the page's configuration, what nobody reads who opens the page: half of it. What programs may call stays whole.
UNREAD: dict[str, tuple[str, ...]] = {
    "component": (
        *("api_info", "api_info_as_input", "api_info_as_output", "example_inputs", "skip_api"),
        *("component_class_id", "key"),
    ),
    "props": ("preserved_by_key",),
    "call": (
        *("api_description", "batch", "collects_event_data", "max_batch_size", "scroll_to_output", "stream_every"),
        *("time_limit", "types", "rendered_in", "render_id"),
    ),
}
# What Gradio's program takes for granted where nothing is said, of any component and of HTML, and of a call.
GRANTED: dict[str, Any] = {
    **dict.fromkeys(("_selectable", "_retryable", "_undoable", "autoscroll", "likeable", "streamable"), False),
    **{"visible": True, "elem_classes": [], "apply_default_css": True, "html_template": "${value}", "css_template": ""},
}
NOTHING = (
    *("component_prop_inputs", "event_specific_args", "js", "js_implementation", "show_progress_on"),
    *("trigger_after", "trigger_only_on_failure", "trigger_only_on_success"),
)
_OTHER_WAYS = ("api_info_as_input", "api_info_as_output")
_READS_ITS_NAME = ("tabs", "walkthrough")  # the others are known by their type alone
_CSS_ONLY_FOR_READERS = re.compile(r"/\*.*?\*/|(?<=\n)\s+|(?<=[;{]) +| +(?=[{}])", re.DOTALL)
_EVERY_CLICK = "element.addEventListener('click', function() { trigger('click') });"  # of HTML, unless told otherwise

Call = Event  # one that waits in the queue
# How scripts of the page's program name others: those that they cannot do without, and those that they fetch later.
_NEEDED = re.compile(r"""\b(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
_LATER = r"import\(`\./({}-[\w-]+\.js)`\).{{0,40}}?,__vite__mapDeps\(\[([\d,]*)\]\)"
_COMPONENT = r"[,{{]{}:\{{[^}}]*?component:\(\)=>\w+\(\(\)=>"
_SCRIPT = re.compile(r"/assets/([\w.-]+)-[\w-]{8}\.js")
log = logging.getLogger(__name__)
SomeComponent = TypeVar("SomeComponent", bound=gr.components.Component)


class WithoutStub(ComponentMeta):
    """The class of our component classes. Gradio's own writes a `.pyi` beside the source of each while it is imported.

    What else that does is for classes with events or an `__init__` of their own, and ours have none.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> WithoutStub:
        if {"__init__", "EVENTS"} & attributes.keys():
            raise TypeError(f"{name} has an __init__ or events of its own, which Gradio's metaclass must see.")
        return ABCMeta.__new__(cls, name, bases, attributes)


def lightened(path: str, script: bytes) -> bytes:
    """This file of the page's program without what our page has no use for; as it is, if it is none of those."""
    name = _SCRIPT.fullmatch(path)
    if not name:
        return script
    if name[1] in INSTEAD:
        return INSTEAD[name[1]].encode()
    text = script.decode()
    edits = EDITS.get(name[1], ())
    if edits and all(text.count(before) == 1 for before, _ in edits):
        for before, after in edits:
            text = text.replace(before, after)
    return text.encode()


def first_files(page: gr.Blocks) -> list[str]:
    """The files in "assets" that a browser fetches for what is seen of the page at first, in the order of their need.

    Gradio's program finds out one after the other, five times, what it needs next; on a slow line each time is a pause.
    """
    entry = re.search(r'src="\./assets/(index-[\w-]+\.js)"', (PROGRAM / "index.html").read_text(encoding="utf-8"))
    frame, core = (_fetched_later(entry[1], name) if entry else [] for name in ("Index", "core"))
    if not (entry and frame and core):
        return []
    wanted = [entry[1], *frame, *core, *_fetched_later(frame[0], "Blocks")]
    for kind in sorted({block.get_block_name() for block in _seen_at_first(page) if getattr(block, "visible", True)}):
        wanted += _fetched_later(core[0], ".*?", _COMPONENT.format(kind))
    found: dict[str, None] = {}
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            found[name] = None
            wanted += _NEEDED.findall(_script(name)) if name.endswith(".js") else ()
    return list(found)


def _seen_at_first(block: gr.blocks.BlockContext) -> Iterator[gr.blocks.Block]:
    """All that is in it and neither in a tab that is not selected nor in a closed accordion."""
    children = block.children
    if isinstance(block, gr.Tabs):
        selected = [child for child in children if block.selected and getattr(child, "id", "") == block.selected]
        children = selected or children[:1]
    for child in children:
        yield child
        if isinstance(child, gr.blocks.BlockContext) and getattr(child, "open", True):
            yield from _seen_at_first(child)


def _fetched_later(file: str, name: str, after: str = "") -> list[str]:
    """The script of this name that another one fetches when it needs it, and what has to be there with it."""
    text = _script(file)
    found, files = re.search(after + _LATER.format(name), text), re.search(r"m\.f=\[(.*?)\]", text)
    if not (found and files):
        return []
    named = re.findall(r'"\./([^"]+)"', files[1])
    return [found[1], *(named[int(number)] for number in found[2].split(",") if number)]


def _script(name: str) -> str:
    return (PROGRAM / "assets" / name).read_text(encoding="utf-8")


def upload_folder() -> Path:
    """Where Gradio puts what visitors send, and from where alone it hands out files."""
    return Path(utils.get_upload_folder())


def thinks_it_is_a_space() -> bool:
    """Whether Gradio asks the Hub who a visitor is; elsewhere it signs everybody in as whoever runs the server."""
    return utils.get_space() is not None


def served_at(page: gr.Blocks) -> tuple[str | None, bool]:
    """(the name that the running page listens on, whether it is also at a public address); (None, False) before."""
    return getattr(page, "server_name", None), bool(page.share)


def root_url(scope: Scope) -> str:
    """Under which address a caller has found the page, as it is written all over the page that Gradio sends."""
    request = cast("Request", StarletteRequest(scope))
    return route_utils.get_root_url(request, scope["path"], scope.get("root_path"))


def show_example(component: SomeComponent, example: Any) -> SomeComponent:
    """Let "Use via API" show this example; Gradio's own for files is an address elsewhere, which nobody opens here."""
    component.example_payload = lambda: example  # type: ignore[method-assign]  # no subclass: this one alone
    return component


def named_endpoints(page: gr.Blocks) -> dict[str, dict[str, Any]]:
    """What programs can call: "/name" -> parameters and description, as "Use via API" shows them."""
    return {name: dict(endpoint) for name, endpoint in page.get_api_info()["named_endpoints"].items()}


def queued_endpoints(page: gr.Blocks) -> set[str]:
    """The names of those calls that wait in the queue."""
    return {str(fn.api_name) for fn in page.fns.values() if fn.queue}


def trim_config(page: gr.Blocks) -> None:
    """Let every browser be told less of a page that is complete, and the server hold less for each."""
    whole = page.get_config_file

    def trimmed() -> Any:
        config = whole()
        config["css"] = _CSS_ONLY_FOR_READERS.sub("", config["css"] or "")
        public = {id for fn in page.fns.values() if fn.api_visibility != "private" for id in _components_of(fn)}
        clicked = {id for fn in page.fns.values() for id, event in fn.targets if event == "click"}
        for component in config["components"]:
            props = component["props"]
            if script := props.get("js_on_load"):
                props["js_on_load"] = _without_comments(script)
            if component["id"] in public:
                same = [name for name in _OTHER_WAYS if component.get(name) == component.get("api_info")]
                _drop(component, (*same, "example_inputs"))
                continue
            _drop(component, UNREAD["component"])
            granted = [name for name, value in GRANTED.items() if props.get(name) == value]
            said_twice = () if component["type"] in _READS_ITS_NAME else ("name",)
            _drop(props, (*UNREAD["props"], *granted, *said_twice))
            if component["id"] not in clicked and props.get("js_on_load") == _EVERY_CLICK:
                del props["js_on_load"]
        for call in config["dependencies"]:
            if call["api_visibility"] == "private":
                nothing = [name for name in NOTHING if call[name] is None or call[name] is False or call[name] == []]
                _drop(call, (*UNREAD["call"], *nothing))
        return config

    page.get_config_file = trimmed  # type: ignore[method-assign]  # no subclass: this one alone
    page.config = page.get_config_file()


def _components_of(fn: Any) -> list[int]:
    return [block._id for block in (*fn.inputs, *fn.outputs)]


def _without_comments(script: str) -> str:
    """JavaScript without its lines that only explain, and without indentation."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _drop(mapping: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        mapping.pop(name, None)


def set_tools(page: gr.Blocks, tools: dict[str, str], as_text: Callable[[Any], Any]) -> None:
    """Once the page has started: offer these tools (name -> endpoint) to assistants and no others.

    Alone, Gradio makes one of every public endpoint, and `gr.mcp.tool(name=...)` neither renames nor leaves out any.
    `as_text` is what each value of an answer goes through, where Gradio would write data as Python does.
    """
    server = page.mcp_server_obj
    if server is None:
        raise RuntimeError(page.mcp_error)
    server.tool_to_endpoint = {f"{server.tool_prefix}{name}": endpoint for name, endpoint in tools.items()}
    answered = server.postprocess_output_data

    def as_texts(data: Any, root_url: str) -> Any:
        return answered([as_text(value) for value in data], root_url)

    server.postprocess_output_data = as_texts  # type: ignore[method-assign]  # the server is made by Gradio


class Mailbox(AsyncQueue[EventMessage]):
    """What one session is told, until it fetches it. `answers` counts the complete answers among it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers, self.owner = 0, ("", "")  # address and visitor
        self.fetched_s = time.monotonic()  # when somebody fetched, or waited for something, the last time

    def _put(self, message: EventMessage) -> None:
        self.answers += isinstance(message, ProcessCompletedMessage)
        super()._put(message)

    def _get(self) -> EventMessage:
        message: EventMessage = super()._get()
        self.answers -= isinstance(message, ProcessCompletedMessage)
        return message


class Mailboxes(LRUCache[str, AsyncQueue[EventMessage]]):
    """One for each session, the one that was fetched from longest ago first. Gradio keeps 2,000 of them for ever.

    Here one goes when nobody has fetched for `kept_s`, and `forgotten` is told its session.
    """

    def __init__(self, max_size: int, kept_s: float, forgotten: Callable[[str], None]) -> None:
        super().__init__(max_size)
        self._kept_s, self._forgotten = kept_s, forgotten

    def __getitem__(self, session: str) -> AsyncQueue[EventMessage]:
        """What a stream of events asks for again and again; `get` is for who only looks or sends."""
        box = super().__getitem__(session)
        if isinstance(box, Mailbox):
            box.fetched_s = time.monotonic()
        self.move_to_end(session)
        return box

    def __setitem__(self, session: str, box: AsyncQueue[EventMessage]) -> None:
        """A new session, whatever kind of queue it comes with."""
        too_old_s = time.monotonic() - self._kept_s
        while self and (len(self) >= self.max_size or self._oldest().fetched_s < too_old_s):
            self._forgotten(self.popitem(last=False)[0])
        super().__setitem__(session, Mailbox())

    def _oldest(self) -> Mailbox:
        return self.boxes[next(iter(self))]

    @property
    def boxes(self) -> Mapping[str, Mailbox]:
        """All that there are, looked at without a trace."""
        return cast("dict[str, Mailbox]", self)


@dataclass(frozen=True)
class QueueState:
    """What a queue looks like to a call that wants to join it: `most` may wait."""

    waiting: Sequence[Call]
    running: Sequence[Call]
    most: int | None
    unread: Counter[tuple[str, str]]  # address and visitor -> answers that nobody has fetched
    drop_unread: Callable[[str], bool]  # the oldest of whoever has most at this address; whether there was one


class _Tasks(set["Task[None]"]):
    """The tasks that work on calls. Whoever made it is told of each."""

    def __init__(self, added: Callable[[Task[None]], None]) -> None:
        super().__init__()
        self._added = added

    def add(self, task: Task[None]) -> None:
        super().add(task)
        self._added(task)


class OrderedQueue(Queue):
    """The queue of a page, in another order, and one that goes on whatever happens.

    Alone, Gradio takes the calls as they come, sends messages to sessions that it has forgotten, and stops for good
    when that goes wrong. A call that is cancelled between being taken and being begun keeps its place among those that
    run: two of them are the end of a line of two.
    """

    def __init__(
        self,
        page: gr.Blocks,
        *,
        admit: Callable[[str, str | None, str, QueueState], None],
        order: Callable[[Sequence[Call], Sequence[Call]], list[Call]],
        begin: Callable[[Call, Sequence[Call], int | None], bool] = lambda call, beside, most: True,
        end: Callable[[Call], None] = lambda call: None,
        visitor_of: Callable[[Request], str] = lambda request: "",
    ) -> None:
        """`admit` is asked before a call joins, with its address, session and visitor; it raises what the caller is
        told instead. `order` puts the line in order that somebody has joined, and is given also what runs. `begin` says
        whether the call may begin whose turn it is, given those of the same line that run and how many may; the next
        one is asked else. `end` is told of each that began, however it ended."""
        plain = page._queue
        super().__init__(
            live_updates=plain.live_updates,
            concurrency_count=plain.max_thread_count,
            update_intervals=plain.update_intervals,
            max_size=plain.max_size,
            blocks=page,
            default_concurrency_limit=plain.default_concurrency_limit,
        )
        self._admit, self._in_order, self._begin, self._end = admit, order, begin, end
        self._visitor_of = visitor_of
        self._mailboxes = Mailboxes(SESSIONS, UNREAD_KEPT_S, self._forget)
        self.pending_messages_per_session = self._mailboxes
        self._closed = False
        self._taken: list[Call] = []  # the latest
        self._asyncio_tasks = _Tasks(self._watch)
        page._queue = self

    async def push(
        self, body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, str | list[dict[str, Any]], Literal["success", "error", "queue_full", "validator_error"]]:
        """As Gradio's."""
        address = request.client.host if request.client else ""
        visitor = self._visitor_of(request)
        self.check_room(address, body.session_hash, visitor)
        success, id, state = await super().push(body, request, username)
        if success and isinstance(id, str) and (call := self.event_ids_to_events.get(id)):
            if box := self._mailboxes.boxes.get(call.session_hash):
                box.owner = address, visitor
            line = self.event_queue_per_concurrency_id[call.concurrency_id].queue
            line[:] = self._in_order(line, self._running())
            if call in line:  # those before it wait no longer than they were told
                self.broadcast_estimations(call.concurrency_id, line.index(call))
        return success, id, state

    def check_room(self, address: str, session: str | None, visitor: str = "") -> None:
        """Ask `admit` whether one more call may join."""
        waiting = [call for line in self.event_queue_per_concurrency_id.values() for call in line.queue]
        state = QueueState(waiting, self._running(), self.max_size, self._unread(), self._drop_unread)
        self._admit(address, session, visitor, state)

    def _unread(self) -> Counter[tuple[str, str]]:
        unread: Counter[tuple[str, str]] = Counter()
        for box in self._mailboxes.boxes.values():
            unread[box.owner] += box.answers
        return unread

    def _drop_unread(self, address: str) -> bool:
        theirs = Counter({owner: count for owner, count in self._unread().items() if owner[0] == address})
        left_s = time.monotonic() - LEFT_S
        for session, box in self._mailboxes.boxes.items():
            if box.answers and box.fetched_s < left_s and box.owner == theirs.most_common(1)[0][0]:
                self._mailboxes.pop(session)
                self._forget(session)
                return True
        return False

    def send_message(self, event: Call, event_message: EventMessage) -> None:
        """As Gradio's; nobody is told anything whose session was forgotten, and whose call is then not worked on."""
        if (box := self._mailboxes.boxes.get(event.session_hash)) is None:
            event.alive = False
        elif event.alive:
            event_message.event_id = event._id
            box.put_nowait(event_message)

    def get_events(self) -> tuple[list[Call], bool, str] | None:
        """As Gradio's, which takes the first call of a line; here it is the first one that may begin."""
        lines = list(self.event_queue_per_concurrency_id.items())
        for id, line in random.sample(lines, len(lines)):
            most = line.concurrency_limit
            if not line.queue or (most is not None and line.current_concurrency >= most):
                continue
            beside = [call for call in self._running() if call.concurrency_id == id]
            for call in line.queue:
                if self._begin(call, beside, most):
                    line.queue.remove(call)
                    self._taken = [call]
                    return self._taken, False, id
        return None

    def _watch(self, task: Task[None]) -> None:
        calls = self._taken
        task.add_done_callback(lambda task: self._settle(calls))

    def _settle(self, calls: list[Call]) -> None:
        """Whatever became of the task of these calls, they run no more."""
        for call in calls:
            self._end(call)
        for number, running in enumerate(self.active_jobs):
            if running is calls:  # else the task has come to its end, and seen to it
                self.active_jobs[number] = None
                line = self.event_queue_per_concurrency_id[calls[0].concurrency_id]
                line.current_concurrency -= 1
                if not line.current_concurrency:
                    line.start_times_per_fn.pop(calls[0].fn, None)
                for call in calls:
                    self.event_ids_to_events.pop(call._id, None)

    async def probe(self, app: Any, fn_index: int, within_s: float) -> None:
        """Send a call of our own through the line; raises `TimeoutError` if it is not answered in time."""
        if self.server_app is None:
            self.set_server_app(app)
        session = f"probe{time.monotonic_ns()}"
        scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join", "query_string": b"", "headers": []}
        request = StarletteRequest(scope | {"client": (PROBE, 0), "server": ("127.0.0.1", 80), "scheme": "http"})
        call = PredictBodyInternal(fn_index=fn_index, data=[], session_hash=session, request=request)
        try:
            await super().push(call, request, None)
            line = self.event_queue_per_concurrency_id[self.blocks.fns[fn_index].concurrency_id].queue
            line[:] = self._in_order(line, self._running())
            box = self._mailboxes.boxes[session]
            async with asyncio.timeout(within_s):
                while not isinstance(await box.get(), ProcessCompletedMessage):
                    pass
        finally:
            self._mailboxes.pop(session, None)
            self._forget(session)

    async def start_processing(self) -> None:
        """As Gradio's, again and again: a fault ends what is worked on at this moment, and not everything for ever."""
        while not self._closed:
            self.stopped = False
            try:
                await super().start_processing()
            except Exception:
                log.exception("The line of calls broke off; it goes on")

    def close(self) -> None:
        self._closed = self.stopped = True

    def _running(self) -> list[Call]:
        return [call for calls in self.active_jobs if calls for call in calls]

    def _forget(self, session: str) -> None:
        self.pending_event_ids_session.pop(session, None)
        for line in self.event_queue_per_concurrency_id.values():
            for call in line.queue:
                if call.session_hash == session:
                    call.alive = False


def address_of(call: Call) -> str:
    """From where a call came."""
    return call.request.client.host if call.request.client else ""


def session_of(call: Call) -> str | None:
    """The browser tab that a call came from; None of a program that names none: Gradio then takes the call's id."""
    return None if call.session_hash == call._id else call.session_hash


class Visit(SessionState):
    """What the server remembers of one visit: the values of its states, and the components that were changed for it.

    Alone, Gradio also describes the whole page for each visit, and for each call that belongs to none, for links that
    this page does not have: a megabyte, and 26 ms on the loop that serves everybody.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(cast("gr.Blocks", SimpleNamespace(default_config=blocks.default_config, blocks={})))

    def __setitem__(self, key: int, value: Any) -> None:
        """As Gradio's, without the description."""
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State):
            self._state_ttl[key] = (block.time_to_live, datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class VisitStates(StateHolder):
    """What the server remembers of each visit. When there are too many, the address that has most of them loses one.

    Alone, Gradio forgets the visit that was quiet longest: 151 calls of one address were enough to forget all others.
    """

    def __init__(
        self, page: gr.Blocks, capacity: int, address_of: Callable[[str], str], has_page: Callable[[str], bool]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Gradio writes no types there
        self.set_blocks(page)
        self.capacity, self._address_of, self._has_page = capacity, address_of, has_page
        self._used_s: dict[str, float] = {}  # by a clock that nobody can set, where Gradio takes the other one

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Visit(self.blocks)
        self._used_s[session_id] = time.monotonic()
        return super().__getitem__(session_id)

    def delete_all_expired_state(self) -> None:
        """What Gradio calls every second."""
        super().delete_all_expired_state()  # type: ignore[no-untyped-call]  # Gradio writes no types there
        before_s = time.monotonic() - PROGRAM_KEPT_S
        with self.lock:
            for session, used_s in list(self._used_s.items()):
                if used_s < before_s and not self._has_page(session):
                    self._forget(session)

    def update(self, session_id: str) -> None:
        with self.lock:
            self.session_data.move_to_end(session_id)
            if len(self.session_data) > self.capacity:
                addresses = {session: self._address_of(session) for session in self.session_data}
                most = Counter(addresses.values()).most_common(1)[0][0]
                oldest = next(session for session in self.session_data if addresses[session] == most)
                self._forget(oldest)

    def _forget(self, session_id: str) -> None:
        for kept in (self.session_data, self.time_last_used, self._used_s):
            kept.pop(session_id, None)


def remember_visits(
    app: Any, page: gr.Blocks, capacity: int, address_of: Callable[[str], str], has_page: Callable[[str], bool]
) -> None:
    """In the app of a page that starts: remember so many visits, by these addresses of their sessions.

    What a program left that has no page is forgotten after two minutes.
    """
    app.state_holder = VisitStates(page, capacity, address_of, has_page)
    for module in (route_utils, gradio.blocks, sys.modules.get("gradio.mcp")):  # of calls that belong to no visit
        if module:
            module.SessionState = Visit  # type: ignore[attr-defined]  # the modules say not that they have it


def forget_upload(upload_id: str) -> None:
    """Of an upload that is over: Gradio keeps the id of each one, and of each that anybody asked for, for ever."""
    file_upload_statuses.stop_tracking(upload_id)
    file_upload_statuses._signals.pop(upload_id, None)


class _Nothing(set[str]):
    """A set that stays empty."""

    def add(self, element: str) -> None:
        pass

    def update(self, *others: Any) -> None:
        pass


def note_no_files(page: gr.Blocks) -> None:
    """Keep Gradio from listing every file of every visitor for its own cleaner, which our sweeper stands in for."""
    page.upload_file_set = _Nothing()
    for block in page.blocks.values():
        block.temp_files = _Nothing()
    page.temp_file_sets = []


def listen_too(page: gr.Blocks, host: str) -> None:
    """Let a page that is served answer at this address, too, at the same port. Raises OSError where it cannot.

    For IPv4 beside "::": asyncio, by which uvicorn listens, lets a socket of IPv6 take no calls of IPv4.
    """
    server, config = page.server, page.server.config
    first = server.servers[0]
    loop, port = first.get_loop(), first.sockets[0].getsockname()[1]

    def connection() -> asyncio.Protocol:
        protocol: Any = config.http_protocol_class  # one of two, as uvicorn chose it
        state = {"server_state": server.server_state, "app_state": server.lifespan.state}
        return cast(asyncio.Protocol, protocol(config=config, _loop=loop, **state))

    listening = loop.create_server(connection, host, port, ssl=config.ssl, backlog=config.backlog)
    server.servers.append(asyncio.run_coroutine_threadsafe(listening, loop).result())  # so that its end closes both
