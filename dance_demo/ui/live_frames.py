"""The door through which a running camera's pictures come: a JPEG in, the answer and its heatmap out, no file.

They go past Gradio's queue: there each picture would be an upload that lies on the disk for an hour. One thread
looks at them, so a single photo waits for one picture at most. Who comes while it is busy is told so and sends a newer
picture a little later: nothing piles up, and with many cameras each gets fewer answers.
"""

import asyncio
import base64
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dance_demo.classifier import Classifier
from dance_demo.errors import PhotoError
from dance_demo.live import MOST_LIKELY, Glance, Watch
from dance_demo.ui.guard import LIVE_FRAME

IN_WORK = 2  # pictures of all visitors together: one that is looked at, one that is next
REST = 0.5  # seconds of rest for each second of looking, so that single photos find a processor free
BUSY = "The server is busy: fewer pictures a second."
_VISITOR = re.compile("[0-9a-f]{16}")

log = logging.getLogger(__name__)


class LiveFrames:
    """Answers pictures with one classifier; `route` is what the server must have."""

    def __init__(self, classifier: Classifier) -> None:
        self.route = Route(LIVE_FRAME, self.answer, methods=["POST"])
        self._watch = Watch(classifier)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="camera")
        self._in_work: set[str] = set()  # visitors

    async def answer(self, request: Request) -> JSONResponse:
        """`POST ?visitor=<16 hexadecimal digits>&class=<number, see live>&anew=<0 or 1>` with a JPEG as body."""
        asked = request.query_params
        visitor, number = asked.get("visitor", ""), asked.get("class", str(MOST_LIKELY))
        if not _VISITOR.fullmatch(visitor) or not re.fullmatch(r"-?\d{1,3}", number, re.ASCII):
            return _refused(400, "This request could not be understood.")
        jpeg = await request.body()
        if visitor in self._in_work or len(self._in_work) >= IN_WORK:
            return _refused(503, BUSY)
        self._in_work.add(visitor)
        try:
            look = self._look, visitor, jpeg, int(number), asked.get("anew") == "1"
            glance = await asyncio.get_running_loop().run_in_executor(self._thread, *look)
        except PhotoError as error:
            return _refused(400, str(error))
        except ValueError:
            return _refused(400, "This model has no such class. Reload the page.")
        except Exception:
            log.exception("A camera's picture could not be answered")
            return _refused(400, "Something went wrong on our side. Try again.")
        finally:
            self._in_work.discard(visitor)
        heat = {"heat": base64.b64encode(glance.heat_png).decode()}
        return JSONResponse(glance.to_json() | heat, headers={"Cache-Control": "no-store"})

    def _look(self, visitor: str, jpeg: bytes, number: int, anew: bool) -> Glance:
        started_s = time.perf_counter()
        try:
            return self._watch.look(visitor, jpeg, heat_of=number, anew=anew)
        finally:
            if len(self._in_work) > 1:  # somebody waits: many cameras are on
                time.sleep(REST * (time.perf_counter() - started_s))


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)
