"""The routes that the guard lets through: ours, and those of Gradio's server that the page and programs call.

Found by driving the page, gradio_client and a health check against the Gradio named here. The rest is Gradio's
workshop: proxy, monitoring, recording, code editor, reload, custom components, streams, deep links, logins.
"""

import re

from dance_demo.ui.server.hub_access import SIGN_IN_ROUTES, can_sign_in

READ_FROM_GRADIO = "6.31"

FILE, INFO, UPLOAD = "/gradio_api/file=", "/gradio_api/info", "/gradio_api/upload"
SCRIPTS = "/scripts/"  # ours, of tabs
PROGRAM = ("/assets/", "/static/", "/theme.css", SCRIPTS)  # scripts, styles and fonts of the page
HEARTBEAT = "/gradio_api/heartbeat/"  # a page that is open holds one
UPLOAD_PROGRESS = "/gradio_api/upload_progress"
LIVE_FRAME = "/live/frame"  # a picture of a running camera, see live.frames
# What a browser answers its own camera with, see live.local.
LIVE_FILES = LIVE_ENGINE, LIVE_RUNTIME, LIVE_MODEL, LIVE_NETWORK = (
    "/live/engine.js",
    "/live/litert.bin",
    "/live/model.json",
    "/live/network.bin",
)
TOOLS, TOOL_SCHEMA = ("/gradio_api/mcp", "/gradio_api/mcp/"), "/gradio_api/mcp/schema"  # only with `--mcp`
NAMED_CALLS = "/gradio_api/call/v2/"  # values by their names, as the shell lines of "Use via API" send them
LONG_CALLS = re.compile(r"/gradio_api/(run/(name|explain)_dance|mcp/?)", re.ASCII)  # with a photo in base64

_READS = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|picture\.jpg|check\.js)|/(assets|static)(/\w[\w@.+-]*)+"
    r"|/health|/scripts/[\w-]{1,64}\.js|/examples/\d{1,2}\.jpg|/gradio_api/(info|openapi\.json|startup-events|upload_progress|queue/data|heartbeat/[\w-]{1,64}|call/[\w-]{1,64}/[\w-]{1,64}|file=.+)",
    re.ASCII,
)
_CALLS = re.compile(r"/gradio_api/(upload|queue/join|cancel|reset|(run|call|call/v2)/[\w-]{1,64})", re.ASCII)


def is_open(method: str, path: str) -> bool:
    """Whether there is anything for a caller at this path, the tools for assistants apart."""
    if (method, path) == ("POST", LIVE_FRAME):
        return True
    if method == "GET" and path in LIVE_FILES:
        return True
    if method == "GET" and path in SIGN_IN_ROUTES and can_sign_in():
        return True
    routes = {"GET": _READS, "HEAD": _READS, "POST": _CALLS}.get(method)
    return bool(routes and routes.fullmatch(path))
