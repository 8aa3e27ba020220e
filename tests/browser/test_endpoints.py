"""The same answers for programs: what `gradio_client` gets from the running app."""

import asyncio
import base64
import functools
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from PIL import Image

from dance_demo.files.forensics.inspection import inspect_photo
from dance_demo.forms import FORMS
from dance_demo.ui.api.endpoints import BUSY, PLACES
from dance_demo.ui.server.guard import WRONG_CALL
from tests.support import ROOT
from tests.support.event_loop import run_alone

WITH_PHOTO = ("classify", "explain", "predict_many", "inspect", "name_dance", "explain_dance")
ENDPOINTS = {f"/{name}" for name in (*WITH_PHOTO, "robustness", "hear", "forms", "model", "health")}


@pytest.fixture(scope="module")
def client(app_url: str) -> Iterator[Client]:
    client = Client(app_url, verbose=False)
    yield client
    client.close()


def test_classify_gives_the_most_probable_classes(client: Client, photo: Path) -> None:
    answer = client.predict(handle_file(photo), 8, api_name="/classify")
    probabilities = [prediction["probability"] for prediction in answer["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert answer["sure"] == (answer["note"] == "")


def test_explain_gives_a_picture_of_the_same_shape_and_a_sentence(client: Client, photo: Path) -> None:
    label = client.predict(handle_file(photo), 1, api_name="/classify")["predictions"][0]["label"]
    picture, sentence = client.predict(handle_file(photo), label, api_name="/explain")
    with Image.open(picture) as shown, Image.open(photo) as original:
        assert shown.size == original.size
    assert sentence.startswith("The photo")


def test_predict_many_answers_the_good_photos_and_tells_what_is_wrong_with_the_others(
    client: Client, photo: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"")
    rows = client.predict([handle_file(photo), handle_file(bad)], api_name="/predict_many")
    assert len(rows[0]["predictions"]) == 8
    assert rows[1]["photo"] == "bad.jpg" and "empty" in rows[1]["error"]


@pytest.mark.parametrize("top_k", [0, 9, -1])
def test_an_impossible_top_k_is_refused(client: Client, photo: Path, top_k: int) -> None:
    with pytest.raises(AppError, match="top_k must be a whole number from 1 to 8"):
        client.predict(handle_file(photo), top_k, api_name="/classify")


def test_an_unknown_label_is_refused_with_the_known_ones(client: Client, photo: Path) -> None:
    with pytest.raises(AppError, match="'salsa' is not a class of this model. It knows: bharatanatyam"):
        client.predict(handle_file(photo), "salsa", api_name="/explain")


def test_I17_no_photo_is_told_to_choose_one(client: Client) -> None:
    with pytest.raises(AppError, match="Choose a picture first"):
        client.predict(None, 3, api_name="/classify")


@pytest.mark.parametrize("sent", [5, [], "a.jpg"], ids=repr)
def test_I17_what_is_no_upload_is_told_in_a_sentence(app_url: str, sent: object) -> None:
    call = f"{app_url}/gradio_api/call/robustness"
    event = httpx.post(call, json={"data": [sent]}).json()["event_id"]
    assert "Upload the photo first" in httpx.get(f"{call}/{event}").text


def test_the_public_endpoints_say_what_they_do(app_url: str) -> None:
    info = httpx.get(f"{app_url}/gradio_api/info").json()
    endpoints = info["named_endpoints"]
    assert set(endpoints) == ENDPOINTS
    assert info["unnamed_endpoints"] == {}
    assert all(endpoint["description"].endswith(".") for endpoint in endpoints.values())
    assert [p["parameter_name"] for p in endpoints["/classify"]["parameters"]] == ["photo", "top_k"]
    shown = json.dumps([[p["example_input"] for p in one["parameters"]] for one in endpoints.values()])
    assert "http" not in shown and "photo.jpg" in shown  # an example that this app takes
    assert "handle_file('photo.jpg')" in endpoints["/explain"]["code_snippets"]["python"]


def test_robustness_says_how_often_the_answer_holds(client: Client, photo: Path) -> None:
    answer = client.predict(handle_file(photo), api_name="/robustness")
    assert len(answer["changes"]) == 8 and answer["of"] == 7
    assert answer["held"] == sum(change["same"] and not change["by_construction"] for change in answer["changes"])


def test_inspect_gives_facts_pieces_and_notes(client: Client, photo: Path) -> None:
    answer = client.predict(handle_file(photo), api_name="/inspect")
    assert answer == inspect_photo(photo).to_json()
    assert list(answer) == ["facts", "copied_regions", "notes"] and answer["facts"][0]["name"] == "File"


def test_a_photo_in_base64_gets_the_same_answer_at_once(client: Client, app_url: str, photo: Path) -> None:
    image = base64.b64encode(photo.read_bytes()).decode()
    answer = client.predict(handle_file(photo), 3, api_name="/classify")
    assert client.predict(image, 3, api_name="/name_dance") == answer
    ran = httpx.post(f"{app_url}/gradio_api/run/name_dance", json={"data": [f"data:image/jpeg;base64,{image}", 3]})
    assert ran.json()["data"] == [answer]
    picture, sentence = client.predict(image, "", api_name="/explain_dance")
    with Image.open(picture) as shown:
        assert "Odissi" in sentence and shown.size == (360, 450)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (None, "Choose a picture first."),
        ("", "Choose a picture first."),
        ("/etc/passwd", "This is no photo in base64"),
        ("http://127.0.0.1/a.png", "This is no photo in base64"),
        ("AAAA", "Photo: this is an unknown kind of file"),
        (base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(), "Photo: this is an SVG drawing"),
        ("A" * 4_000_004, "The photo is larger than 3 MB. Send it smaller."),
        ("A" * 5_000_000, "This is too large; the limit is 4.1 MB."),
    ],
    ids=["none", "empty", "path", "address", "junk", "svg", "large", "huge"],
)
def test_I17_what_is_no_photo_in_base64_is_told_in_a_sentence(app_url: str, image: str | None, sentence: str) -> None:
    for name in ("name_dance", "explain_dance"):
        answer = httpx.post(f"{app_url}/gradio_api/run/{name}", json={"data": [image, 1 if name[0] == "n" else ""]})
        said = answer.json().get("error") or answer.json().get("detail")
        assert answer.status_code in (400, 413) and said.startswith(sentence), answer.text


def test_S4_other_calls_stay_small(app_url: str) -> None:
    for route in ("run/forms", "call/classify", "queue/join", "run/show_upload"):
        assert httpx.post(f"{app_url}/gradio_api/{route}", json={"data": ["A" * 300_000]}).status_code == 413, route


def test_S5_more_base64_calls_than_there_are_places_are_told_to_come_again(app_url: str) -> None:
    large = io.BytesIO()
    Image.effect_noise((1000, 1300), 90).save(large, "PNG")
    call = {"data": [base64.b64encode(large.getvalue()).decode(), 1]}

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as visitors:
            ask = functools.partial(visitors.post, f"{app_url}/gradio_api/run/name_dance", json=call)
            return await asyncio.gather(*(ask() for _ in range(30)))

    said = [answer.json().get("error", "answered") for answer in run_alone(crowd())]
    assert set(said) == {"answered", BUSY} and said.count("answered") >= PLACES / 2
    assert httpx.post(f"{app_url}/gradio_api/run/name_dance", json=call, timeout=60).status_code == 200


def test_forms_and_model_say_what_the_app_knows(client: Client) -> None:
    forms = client.predict(api_name="/forms")
    assert [form["label"] for form in forms] == list(FORMS)
    assert all(form["confused_with"] and form["look_for"] for form in forms)
    model = client.predict(api_name="/model")
    assert model["class_names"] == list(FORMS) and 0.8 < model["evaluation"]["accuracy"] < 1
    assert set(model) == {"name", "summary", "class_names", "photos_per_class", "evaluation", "sha256", "licence"}


def test_health_is_asked_in_two_ways(client: Client, app_url: str) -> None:
    health = httpx.get(f"{app_url}/health")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert httpx.head(f"{app_url}/health").status_code == 200 and httpx.post(f"{app_url}/health").status_code == 404
    assert client.predict(api_name="/health")["status"] == "ok"


def test_the_openapi_document_is_valid_and_true(app_url: str, photo: Path) -> None:
    document = httpx.get(f"{app_url}/gradio_api/openapi.json", headers={"Host": "127.0.0.9:1234"}).json()
    OpenAPIV31SpecValidator(document).validate()
    text = json.dumps(document)
    assert not [secret for secret in ("127.0.0.9", "127.0.0.1", str(ROOT), "tmp") if secret in text]
    direct = {"name_dance": [base64.b64encode(photo.read_bytes()).decode(), 2], "forms": [], "model": [], "health": []}
    for name, data in direct.items():
        operation = document["paths"][f"/gradio_api/run/{name}"]["post"]
        answer = httpx.post(f"{app_url}/gradio_api/run/{name}", json={"data": data}).json()
        holds = operation["responses"]["200"]["content"]["application/json"]["schema"]
        asks = operation["requestBody"]["content"]["application/json"]["schema"]
        for schema, value in ((asks, {"data": data}), (holds, answer)):
            Draft202012Validator(schema | {"components": document["components"]}).validate(value)
    named = {
        path.split("/")[3] for path in document["paths"] if path.startswith(("/gradio_api/run", "/gradio_api/call"))
    }
    assert {f"/{name}" for name in named} == ENDPOINTS


def test_the_shell_lines_of_the_api_page_work(app_url: str, photo: Path, tmp_path: Path) -> None:
    file = shutil.copy(photo, tmp_path / "dancer.jpg")  # the lines are Gradio's, and lose a space in a name
    code = httpx.get(f"{app_url}/gradio_api/info").json()["named_endpoints"]["/classify"]["code_snippets"]["bash"]
    code = code.replace("/path/to/your/file", str(file)).replace("| read EVENT_ID; curl", "| { read EVENT_ID; curl")
    ran = subprocess.run(["bash", "-c", code + "; }"], capture_output=True, text=True, timeout=60)
    assert "event: complete" in ran.stdout and "odissi" in ran.stdout, ran


def test_I18_S7_a_call_with_named_values_names_uploaded_files_only(app_url: str) -> None:
    for path in ("/etc/passwd", "http://127.0.0.1:9/a.png", str(ROOT / "docs" / "screenshot.png")):
        call = {"photo": {"path": path, "meta": {"_type": "gradio.FileData"}}, "top_k": 3}
        answer = httpx.post(f"{app_url}/gradio_api/call/v2/classify", json=call)
        assert (answer.status_code, answer.json()) == (400, {"detail": "Please upload the picture again."})


@pytest.mark.parametrize(("name", "call"), [("classify", {}), ("classify", {"photo": None, "x": 1}), ("none", {})])
def test_a_wrong_call_with_named_values_is_told_so(app_url: str, name: str, call: dict) -> None:
    answer = httpx.post(f"{app_url}/gradio_api/call/v2/{name}", json=call)
    assert (answer.status_code, answer.json()) == (400, {"detail": WRONG_CALL})


def test_without_the_option_there_are_no_tools_for_assistants(app_url: str) -> None:
    for path in ("/gradio_api/mcp", "/gradio_api/mcp/", "/gradio_api/mcp/schema", "/gradio_api/mcp/sse"):
        assert httpx.get(app_url + path).status_code == httpx.post(app_url + path, json={}).status_code == 404


def test_nobody_can_step_around_the_queue(app_url: str) -> None:
    assert httpx.post(f"{app_url}/gradio_api/run/classify", json={"data": [None, 3]}).status_code == 404
