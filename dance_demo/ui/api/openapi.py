"""What the app says without a call of Gradio: that it is alive, and the OpenAPI document of its endpoints.

Gradio writes such a document itself, but not a valid one: it has types of its own ("filepath"), and says of a photo
that it is a text. The guard stands before these routes, too.
"""

import json
from dataclasses import asdict
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dance_demo.ui.gradio_private import named_endpoints, queued_endpoints
from dance_demo.ui.server.hub_access import is_loopback
from dance_demo.ui.server.supervisor import Supervisor

HEALTH, OPENAPI = "/health", "/gradio_api/openapi.json"
CALL, RUN, UPLOAD = "/gradio_api/call", "/gradio_api/run", "/gradio_api/upload"


def _record(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


_PREDICTIONS = {
    "predictions": {
        "type": "array",
        "description": "The most probable form first.",
        "items": {
            "type": "object",
            "required": ["label", "probability"],
            "properties": {
                "label": {"type": "string"},
                "probability": {"type": "number", "minimum": 0, "maximum": 1},
            },
        },
    },
    "sure": {"type": "boolean", "description": "False when no form should be named with confidence."},
    "note": {"type": "string", "description": "Why it is not sure, in a sentence; empty when it is."},
}
_PHOTO_NAME = {"photo": {"type": "string", "description": "The name of the uploaded file."}}
_REASON = {"error": {"type": "string", "description": "What is wrong with this file, in a sentence."}}


_ANSWER = _record(_PREDICTIONS)
_ANY_OBJECT = {"type": "object"}
_BOX = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}
_FACT = _record({name: {"type": "string"} for name in ("name", "value", "meaning")})
_SENTENCE = {"type": "string", "description": "The same in words."}
_SCHEMAS = {
    "Upload": {
        "type": "object",
        "description": "A file that was sent to /gradio_api/upload before: the path that came back, and this meta.",
        "required": ["path", "meta"],
        "properties": {
            "path": {"type": "string"},
            "meta": {"type": "object", "properties": {"_type": {"type": "string", "enum": ["gradio.FileData"]}}},
        },
    },
    "Picture": {
        "type": "object",
        "description": "A picture that was made here; fetch it from its url.",
        "required": ["path", "url"],
        "properties": {"path": {"type": "string"}, "url": {"type": ["string", "null"]}},
    },
    "Answer": _ANSWER,
    "Robustness": _record(
        {
            "held": {"type": "integer", "description": "After how many changes the answer is the same."},
            "of": {"type": "integer", "description": "How many changes could have changed it."},
            "changes": {"type": "array", "items": _ANY_OBJECT},
        }
    ),
    "Inspection": _record(
        {
            "facts": {"type": "array", "items": _FACT},
            "copied_regions": {
                "type": "array",
                "items": _record({"source": _BOX, "target": _BOX, "score": {"type": "number"}}),
            },
            "notes": {"type": "array", "items": {"type": "string"}},
        }
    ),
    "Form": _record(
        {
            name: {"type": "string"}
            for name in ("label", "name", "own_name", "own_language", "region", "music", "look_for", "why_confused")
        }
        | {"confused_with": {"type": "array", "items": {"type": "string"}}}
    ),
    "Refusal": {
        "type": "object",
        "description": "What is wrong and what to do, in a sentence; null where the mistake is the server's.",
        "properties": {"detail": {"type": "string"}, "error": {"type": ["string", "null"]}},
    },
}
_PIECE = _record({name: {"type": "number"} for name in ("start", "end", "probability")} | {"label": {"type": "string"}})
_PLACE = _record({"seconds": {"type": "number"}, "hz": {"type": ["number", "null"]}, "picture": {"type": "string"}})
_HEARD = {
    "allOf": [{"$ref": "#/components/schemas/Answer"}],
    "properties": {
        "pieces": {"type": "array", "items": _PIECE},
        "listened_to": {"oneOf": [_PLACE, {"type": "null"}]},
    },
}
# What stands in "data" of the answer, in its order.
_RETURNS: dict[str, list[dict[str, Any]]] = {
    "classify": [{"$ref": "#/components/schemas/Answer"}],
    "explain": [{"$ref": "#/components/schemas/Picture"}, _SENTENCE],
    "robustness": [{"$ref": "#/components/schemas/Robustness"}],
    "predict_many": [
        {"type": "array", "items": {"oneOf": [_record(_PHOTO_NAME | _PREDICTIONS), _record(_PHOTO_NAME | _REASON)]}}
    ],
    "inspect": [{"$ref": "#/components/schemas/Inspection"}],
    "hear": [_HEARD],
    "name_dance": [{"$ref": "#/components/schemas/Answer"}],
    "explain_dance": [{"$ref": "#/components/schemas/Picture"}, _SENTENCE],
    "forms": [{"type": "array", "items": {"$ref": "#/components/schemas/Form"}}],
    "model": [_ANY_OBJECT],
    "health": [_ANY_OBJECT],
}
_KINDS: dict[str, dict[str, Any]] = {  # component -> what stands for it in "data" of the call
    "Image": {"$ref": "#/components/schemas/Upload"},
    "File": {"type": "array", "items": {"$ref": "#/components/schemas/Upload"}},
    "Audio": {"$ref": "#/components/schemas/Upload"},
    "Number": {"type": "integer"},
    "Textbox": {"type": "string"},
}
_UPLOADED = {"path": "what /gradio_api/upload answered", "meta": {"_type": "gradio.FileData"}}
_EXAMPLES = {"Image": _UPLOADED, "Audio": _UPLOADED, "File": [_UPLOADED]}
REFUSALS = {
    "400": "The call cannot be answered.",
    "403": "The call comes from another website.",
    "408": "The body stopped coming.",
    "413": "Too large, or too many files.",
}
BUSY = "The line is full. Ask again later."


def plain_routes(demo: gr.Blocks, supervisor: Supervisor) -> list[Route]:
    """For `demo.launch(app_kwargs={"routes": plain_routes(demo, supervisor)})`."""
    document: list[dict[str, Any]] = []  # of the endpoints, which are all there once the app has started

    def health(request: Request) -> JSONResponse:
        """503 while something in the background does not work, so that whoever watches the server starts it again.

        With `?tasks` it says more, to who sits at this computer.
        """
        well = supervisor.well()
        answer: dict[str, Any] = {"status": "ok" if well else "trouble"}
        if "tasks" in request.query_params and request.client and is_loopback(request.client.host):
            answer["tasks"] = {name: asdict(task) for name, task in supervisor.report().items()}
        return JSONResponse(answer, 200 if well else 503)

    def openapi(request: Request) -> JSONResponse:
        if not document:
            document.append(describe(demo))
        return JSONResponse(document[0])

    return [Route(HEALTH, health), Route(OPENAPI, openapi)]


def describe(demo: gr.Blocks) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the public endpoints, which holds nothing of the server and of other callers."""
    calls: dict[str, Any] = {}
    queued = queued_endpoints(demo)
    for address, endpoint in named_endpoints(demo).items():
        name = address.strip("/")
        calls |= _queued_call(name, endpoint) if name in queued else _direct_call(name, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": demo.title,
            "version": "1",
            "description": "Name the Indian classical dance in a photo, and see where the model looked.",
        },
        "paths": {HEALTH: _health(), UPLOAD: _upload()} | calls,
        "components": {"schemas": _SCHEMAS},
    }


def _direct_call(name: str, endpoint: dict[str, Any]) -> dict[str, Any]:
    answer = {"200": _said("What came out, in the order of `data`.", _record({"data": _tuple(_RETURNS[name])}))}
    return {f"{RUN}/{name}": {"post": _call(name, endpoint, answer)}}


def _queued_call(name: str, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Two paths: one takes the place in the line, the other waits for what comes out."""
    data = _tuple(_RETURNS[name])
    place = _said("A place in the line.", _record({"event_id": {"type": "string"}}))
    events = {
        "description": "Server-sent events. After `event: complete` the line `data:` holds the answer as JSON; after "
        "`event: error` it holds what is wrong.",
        "content": {"text/event-stream": {"schema": {"type": "string", "contentMediaType": "application/json"}}},
    }
    wait = {
        "operationId": f"{name}_answer",
        "summary": f"Wait for the answer of {name}",
        "description": f"The JSON has this shape: {json.dumps(data)}",
        "parameters": [{"name": "event_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": events, "404": _refused("No such event.")},
    }
    return {
        f"{CALL}/{name}": {"post": _call(name, endpoint, {"200": place, "503": _refused(BUSY)})},
        f"{CALL}/{name}/{{event_id}}": {"get": wait},
    }


def _call(name: str, endpoint: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    parameters = endpoint["parameters"]
    schemas = []
    for one in parameters:
        kind = "Audio" if one["parameter_name"] == "bundle" else one["component"]  # one file, not a list of them
        schema = {**_KINDS[kind], "title": one["parameter_name"]}
        schemas.append(schema if "$ref" in schema else {**schema, "description": one["label"]})
    body: dict[str, Any] = {"schema": _record({"data": _tuple(schemas)})}
    if parameters:
        kinds = ["Audio" if one["parameter_name"] == "bundle" else one["component"] for one in parameters]
        examples = zip(kinds, parameters, strict=True)
        body["example"] = {"data": [_EXAMPLES.get(kind, one["example_input"]) for kind, one in examples]}
    return {
        "operationId": name,
        "summary": endpoint["description"].partition(". ")[0].rstrip("."),
        "description": endpoint["description"],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": answers | {status: _refused(reason) for status, reason in REFUSALS.items()},
    }


def _health() -> dict[str, Any]:
    answer = _said("The app is up.", _record({"status": {"type": "string", "const": "ok"}}))
    return {"get": {"operationId": "is_up", "summary": "Whether the app is up", "responses": {"200": answer}}}


def _upload() -> dict[str, Any]:
    files = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    paths = {"type": "array", "items": {"type": "string"}}
    return {
        "post": {
            "operationId": "upload",
            "summary": "Send photo files, to name their paths in a call",
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": _record({"files": files})}},
            },
            "responses": {"200": _said("The path of each file.", paths)}
            | {status: _refused(reason) for status, reason in REFUSALS.items()},
        }
    }


def _said(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refused(reason: str) -> dict[str, Any]:
    return _said(reason, {"$ref": "#/components/schemas/Refusal"})


def _tuple(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """A list of exactly these."""
    kinds = {"prefixItems": schemas} if schemas else {}
    return {"type": "array", "minItems": len(schemas), "maxItems": len(schemas)} | kinds
