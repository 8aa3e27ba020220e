"""The app for assistants: which endpoints are tools of the Model Context Protocol (MCP), and how they answer.

Alone, Gradio makes a tool of every public endpoint, and lets an assistant name an address that the server fetches
for a photo. Here the tools are the endpoints without files: a photo comes as base64.
"""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dance_demo.ui.gradio_private import set_tools

TOOLS = {  # name of the tool -> endpoint
    "name_dance": "/name_dance",
    "explain_dance": "/explain_dance",
    "list_dance_forms": "/forms",
    "describe_model": "/model",
}
ADDRESSES = ("/gradio_api/mcp", "/gradio_api/mcp/")
NOT_ANSWERED = -32600  # JSON-RPC: "invalid request"

_DRAINED_BYTES, _DRAINED_S = 64_000_000, 20  # of a call that is refused, so that its end is seen
_EDGE_BYTES = 2_000  # an id stands before or after everything else in a call
_ID = re.compile(rb'"id" *: *(\d{1,18}|"[\w-]{1,100}")')


def offer_tools(demo: gr.Blocks) -> None:
    """Once the page has started with `mcp_server=True`: the tools are those of TOOLS, and data comes as JSON.

    Gradio would write it as Python does.
    """
    set_tools(demo, TOOLS, _as_json)


def refusals_in_words() -> Middleware:
    """Before the guard: what it refuses on the way to a tool is told as an error of that call.

    Assistants take any other status for the end of the connection, and never read the sentence.
    """
    return Middleware(_RefusalsInWords)


class _RefusalsInWords:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in ADDRESSES:
            return await self.app(scope, receive, send)
        exchange = _ToolCall(receive, send)
        await self.app(scope, exchange.receive, exchange.send)
        if exchange.refusal is not None:
            await exchange.tell(scope)


class _ToolCall:
    """One call of a tool: keeps both ends of what comes in, and holds back a refusal."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.head = self.tail = b""
        self.bytes, self.complete = 0, False
        self.start: Message = {}
        self.refusal: bytes | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            piece = message.get("body", b"")
            self.head = (self.head + piece[:_EDGE_BYTES])[:_EDGE_BYTES]
            self.tail = (self.tail + piece[-_EDGE_BYTES:])[-_EDGE_BYTES:]
            self.bytes += len(piece)
        self.complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (400, 413):
            self.start, self.refusal = message, b""
        elif self.refusal is None:
            await self._send(message)
        else:
            self.refusal += message.get("body", b"")

    async def tell(self, scope: Scope) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAINED_S):
                while not self.complete and self.bytes < _DRAINED_BYTES:
                    await self.receive()
        id, sentence = self._id(), self._sentence()
        if id is None or sentence is None:
            await self._send(self.start)
            return await self._send({"type": "http.response.body", "body": self.refusal})
        error = {"code": NOT_ANSWERED, "message": sentence}
        headers = {"X-Content-Type-Options": "nosniff"}
        answer = JSONResponse({"jsonrpc": "2.0", "id": id, "error": error}, headers=headers)
        await answer(scope, self._receive, self._send)

    def _id(self) -> int | str | None:
        ends = [_ID.search(self.head.partition(b'"params"')[0]), _ID.search(self.tail.rpartition(b"}")[0][-200:])]
        return next((json.loads(found[1]) for found in ends if found), None)

    def _sentence(self) -> str | None:
        try:
            return str(json.loads(self.refusal or b"")["detail"])
        except (ValueError, KeyError, TypeError):
            return None


def _as_json(value: Any) -> Any:
    """Data as JSON text; a picture, which is an object with its "path", stays one."""
    value = getattr(value, "root", value)  # how Gradio holds what a gr.JSON shows
    if isinstance(value, list) or (isinstance(value, dict) and "path" not in value):
        return json.dumps(value, ensure_ascii=False)
    return value
