"""Scripts of tabs that are not seen at first."""

import re
from pathlib import Path

import gradio
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dance_demo.ui.components.scripts import fetched_script, scripts_route
from dance_demo.ui.server.gradio_routes import is_open

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"


def test_a_script_is_fetched_from_where_it_is_served_and_named_by_its_content(tmp_path: Path) -> None:
    first, second = tmp_path / "first.js", tmp_path / "second.js"
    first.write_text("const one = 1;\n")
    second.write_text("trigger(one);\n")
    (address,) = re.findall(r'fetch\("([^"]+)"\)', fetched_script(first, second))
    client = TestClient(Starlette(routes=[scripts_route()]))
    answer = client.get(f"/{address}")
    assert answer.text == "const one = 1;\n\ntrigger(one);\n" and "javascript" in answer.headers["content-type"]
    assert is_open("GET", f"/{address}") and not is_open("GET", "/scripts/../x.js")
    assert client.get("/scripts/second-12345678.js").status_code == 404
    second.write_text("trigger(2);\n")
    assert address not in fetched_script(first, second)


def test_gradio_hands_to_a_script_what_is_handed_on() -> None:
    """When this fails with a newer Gradio: see what it gives to `js_on_load`, and write `_GIVEN` anew."""
    (html,) = ASSETS.glob("HTML-????????.js")
    given = re.search(r"Function\(((?:`\w+`,)+)", html.read_text(encoding="utf-8"))
    assert given and re.findall(r"`(\w+)`", given[1]) == ["element", "trigger", "props", "server", "upload", "watch"]
