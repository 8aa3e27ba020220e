"""The route by which a running camera's pictures come: a JPEG in, the answer and its heatmap out, no file.

They go past Gradio's queue: there each picture would be an upload that lies on the disk for an hour. One thread
looks at them, so a single photo waits for one picture at most. Who comes while it is busy is told so and sends a newer
picture a little later: nothing piles up, and with many cameras each gets fewer answers.
"""

import asyncio
import base64
import logging
import re
import secrets
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dance_demo.errors import PhotoError
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.predict.camera import MOST_LIKELY, CameraAnswer, CameraSessions
from dance_demo.ui.server.callers import caller_of
from dance_demo.ui.server.gradio_routes import LIVE_FRAME
from dance_demo.ui.server.limits.shares import Shares

IN_WORK = 2  # pictures of all visitors together: one that is looked at, one that is next
CLAIM_S = 2.0  # so long an address that was refused comes before those that were not
REST = 0.5  # seconds of rest for each second of looking, so that single photos find a processor free
MODELS = 60  # that answer cameras, about 0.1 MB each
GONE = "Your own model is no longer kept here. Reload the page."
BUSY = "The server is busy: fewer pictures a second."
_VISITOR = re.compile("[0-9a-f]{16}")

log = logging.getLogger(__name__)


class LiveFrames:
    """Answers pictures with the model that ships or a visitor's own; `route` is what the server must have."""

    def __init__(self, classifier: Classifier, shares: Shares | None = None) -> None:
        self._shares = shares or Shares()
        self.route = Route(LIVE_FRAME, self.answer, methods=["POST"])
        self._sessions = OrderedDict({"": CameraSessions(classifier)})  # by model, those asked last at the end
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="camera")
        self._in_work: set[str] = set()  # visitors
        self._refused_s: dict[str, float] = {}  # address -> when it was refused first, since it was answered

    def number_of(self, classifier: Classifier, instead_of: str = "") -> str:
        """How a camera's pictures name this model: a word that nobody guesses, or "" of the one that ships.

        It takes over the word of the model `instead_of`, if that is still known.
        """
        for number, sessions in self._sessions.items():
            if sessions.classifier is classifier:
                return number
        number = instead_of if instead_of and instead_of in self._sessions else secrets.token_hex(16)
        self._sessions[number] = CameraSessions(classifier)
        self._sessions.move_to_end(number)
        if len(self._sessions) > MODELS:
            del self._sessions[next(other for other in self._sessions if other)]
        return number

    def classifier_of(self, number: str) -> Classifier | None:
        """The model that a camera's pictures name so, if it is still kept."""
        sessions = self._sessions.get(number)
        return sessions.classifier if sessions else None

    def backbone_of(self, sha256: str) -> Backbone | None:
        """The network with this hash, if a model of those that are kept sees through it."""
        backbones = (sessions.classifier.backbone for sessions in self._sessions.values())
        return next((backbone for backbone in backbones if backbone.sha256 == sha256), None)

    async def answer(self, request: Request) -> JSONResponse:
        """`POST ?visitor=<16 hexadecimal digits>&model=<see number_of>&class=<number, see live>&anew=<0 or 1>`

        The body is a JPEG.
        """
        asked = request.query_params
        visitor, number = asked.get("visitor", ""), asked.get("class", str(MOST_LIKELY))
        if not _VISITOR.fullmatch(visitor) or not re.fullmatch(r"-?\d{1,3}", number, re.ASCII):
            return _refused(400, "This request could not be understood.")
        model = asked.get("model", "")
        sessions = self._sessions.get(model)
        if sessions is None:
            return _refused(400, GONE)
        self._sessions.move_to_end(model)
        jpeg = await request.body()
        caller = caller_of(request)
        if visitor in self._in_work or not self._has_turn(caller.address) or not (turn := self._shares.begin(caller)):
            return _refused(503, BUSY)
        self._in_work.add(visitor)
        try:
            loop, anew = asyncio.get_running_loop(), asked.get("anew") == "1"
            answer = await loop.run_in_executor(
                self._thread, self._classify, sessions, visitor, jpeg, int(number), anew
            )
        except PhotoError as error:
            return _refused(400, str(error))
        except ValueError:
            return _refused(400, "This model has no such class. Reload the page.")
        except Exception:
            log.exception("A camera's picture could not be answered")
            return _refused(400, "Something went wrong on our side. Try again.")
        finally:
            self._in_work.discard(visitor)
            turn.end()
        heat = {"heat": base64.b64encode(answer.heat_png).decode()}
        return JSONResponse(answer.to_json() | heat, headers={"Cache-Control": "no-store"})

    def _has_turn(self, address: str) -> bool:
        """Whether there is a place, and no other address has waited longer for it: senders cost nothing, those do."""
        now_s = time.monotonic()
        self._refused_s = {other: since_s for other, since_s in self._refused_s.items() if now_s - since_s < CLAIM_S}
        mine_s = self._refused_s.get(address, now_s)
        before = sum(since_s < mine_s for other, since_s in self._refused_s.items() if other != address)
        if len(self._in_work) + before >= IN_WORK:
            self._refused_s[address] = mine_s
            return False
        self._refused_s.pop(address, None)
        return True

    def _classify(self, sessions: CameraSessions, visitor: str, jpeg: bytes, number: int, anew: bool) -> CameraAnswer:
        started_s = time.perf_counter()
        try:
            return sessions.classify(visitor, jpeg, heat_of=number, anew=anew)
        finally:
            if len(self._in_work) > 1:  # somebody waits: many cameras are on
                time.sleep(REST * (time.perf_counter() - started_s))


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)
