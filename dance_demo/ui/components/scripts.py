"""Scripts of tabs that are not seen at first: fetched by a browser that opens such a tab, and kept by it."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dance_demo.ui.server.gradio_routes import SCRIPTS

# By the name that its content gives it. Filled while the page is put together.
_scripts: dict[str, str] = {}
# What Gradio hands to a script of a `gr.HTML`.
_GIVEN = "element, trigger, props, server, upload, watch"


def fetched_script(*paths: Path) -> str:
    """For `gr.HTML(js_on_load=...)`: runs these files, joined, as if they stood there.

    Until they have come, the element takes no click, so that none is lost.
    """
    script = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    name = f"{paths[-1].stem}-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
    _scripts[name] = script
    address = f"{SCRIPTS.removeprefix('/')}{name}.js"
    names = ", ".join(f'"{one}"' for one in _GIVEN.split(", "))
    return f"""element.inert = true;
fetch("{address}").then(answer => answer.text()).then(script => Function({names}, script)({_GIVEN}))
.catch(console.error).finally(() => {{ element.inert = false; }});"""


def scripts_route() -> Route:
    """Where the page fetches them."""

    def answer(request: Request) -> Response:
        script = _scripts.get(request.path_params["name"])
        return Response(script or "", status_code=200 if script else 404, media_type="text/javascript")

    return Route(SCRIPTS + "{name:str}.js", answer)
