"""The files by which a visitor's own browser answers its camera: the program, LiteRT, the network and the head.

They are fetched when a camera is started, not before, and then kept by the browser: their addresses name their content.
The program is `js/engine.js`. Nothing of a visitor is asked for but which model it is, by a word that nobody guesses.
"""

import functools
import hashlib
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dance_demo.export.model_data import ASSETS, model_data, packed_network, runtime
from dance_demo.model.backbone import Backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from dance_demo.predict.camera import HEAT_PX
from dance_demo.predict.smoothing import FLOOR, FORGOTTEN_S, HALF_LIFE_S, SAME_SCENE
from dance_demo.ui.live.frames import GONE
from dance_demo.ui.server.gradio_routes import LIVE_ENGINE, LIVE_MODEL, LIVE_NETWORK, LIVE_RUNTIME

FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
PRIVATE = {"Cache-Control": "private, no-store"}
Find = Callable[[str], Classifier | None]


def engine_address() -> str:
    """Of the program, below the address of the page."""
    return f"{LIVE_ENGINE}?v={_short_hash((ASSETS / 'engine.js').read_bytes())}"


def runtime_address() -> str:
    return f"{LIVE_RUNTIME}?v={_short_hash(runtime())}"


def routes(find: Find, find_backbone: Callable[[str], Backbone | None]) -> tuple[Route, ...]:
    """`find` gives the classifier that a camera's pictures name by this word, `find_backbone` the network with this
    hash, if they are still kept."""

    async def engine(request: Request) -> Response:
        return Response((ASSETS / "engine.js").read_bytes(), media_type="text/javascript", headers=FOR_EVER)

    async def litert(request: Request) -> Response:
        return Response(runtime(), media_type="application/octet-stream", headers=FOR_EVER)

    async def model(request: Request) -> Response:
        classifier = find(request.query_params.get("model", ""))
        if classifier is None:
            return JSONResponse({"detail": GONE}, 400)
        return JSONResponse(live_data(classifier), headers=PRIVATE)

    async def network(request: Request) -> Response:
        backbone = find_backbone(request.query_params.get("sha256", ""))
        if backbone is None:
            return JSONResponse({"detail": GONE}, 400)
        data = await run_in_threadpool(_packed, backbone)
        return Response(data, media_type="application/octet-stream", headers=FOR_EVER)

    answers = {LIVE_ENGINE: engine, LIVE_RUNTIME: litert, LIVE_MODEL: model, LIVE_NETWORK: network}
    return tuple(Route(path, answer, methods=["GET"]) for path, answer in answers.items())


def live_data(classifier: Classifier) -> dict[str, object]:
    """What the program has to know of a model; `network` is the address of its network, seen from that of this."""
    smoothing = {"halfLife": HALF_LIFE_S, "floor": FLOOR, "forgotten": FORGOTTEN_S, "sameScene": SAME_SCENE}
    data = model_data(classifier, ModelCard("", classifier.class_names, {}))
    network = f"network.bin?sha256={classifier.backbone.sha256}"
    return data | {"network": network, "smoothing": smoothing, "heatSide": HEAT_PX}


@functools.lru_cache(maxsize=3)  # the three backbones, 8 MB each at most
def _packed(backbone: Backbone) -> bytes:
    return packed_network(backbone.data)


def _short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
