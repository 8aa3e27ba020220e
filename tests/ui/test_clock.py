"""Somebody sets the server's clock to and fro while visitors are here: nothing is lost, and nothing stops."""

import json
import socket
import time
from pathlib import Path

import pytest

from dance_demo.data.illustrations import draw
from tests.support.made_up import jpeg
from tests.support.running_app import JSON, RunningApp, running_app

DAY_S = 86_400
# The clock that can be set, as Python asks for it, goes wrong by what stands in a file. The other one cannot be set.
SETTABLE = """
import datetime, os, time
from pathlib import Path
from types import SimpleNamespace
import gradio.state_holder
from dance_demo.ui import gradio_private
right, wrong = time.time, Path(os.environ["GRADIO_TEMP_DIR"]).parent / "wrong"
time.time = lambda: right() + float(wrong.read_text() if wrong.exists() else 0)
class Settable(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
gradio.state_holder.datetime = SimpleNamespace(**{**vars(datetime), "datetime": Settable})
gradio_private.datetime = Settable
"""


def redrawn(app: RunningApp, session: str) -> str:
    """What a page is told that wants its photo in another style: it has to be there still."""
    chosen = next(one for one in app.endpoints() if one["api_name"].startswith("redraw"))
    call = json.dumps({"data": chosen["values"], "fn_index": chosen["id"], "session_hash": session})
    assert app.ask("POST", "/gradio_api/queue/join", call, JSON)[0] == 200
    return app.ask("GET", f"/gradio_api/queue/data?session_hash={session}")[1]


@pytest.mark.slow
def test_C18_a_clock_that_is_set_while_visitors_are_here_costs_them_nothing(tmp_path: Path):
    with running_app(tmp_path, after=SETTABLE) as app:
        photo = app.upload(jpeg(draw("odissi", 0, size=(240, 300))), "photo.jpg")
        with socket.create_connection(("127.0.0.1", app.port)) as page:  # as an open page holds it
            page.sendall(b"GET /gradio_api/heartbeat/page HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for session in ("page", "program"):
                assert "headline" in app.answer_on_the_page(photo, session)
            for days in (2, -2, 0):
                (tmp_path / "wrong").write_text(str(days * DAY_S))
                time.sleep(2.5)  # Gradio looks every second for visits that are over
                for session in ("page", "program"):
                    told = redrawn(app, session)
                    assert '"success":true' in told and "no longer kept" not in told, (session, days, told)
                assert app.ask("GET", f"/gradio_api/file={photo['path']}")[0] == 200
                assert "headline" in app.answer_on_the_page(photo, f"new{days % 7}")
                assert app.ask("GET", "/health")[0] == 200
        assert "Traceback" not in app.log
