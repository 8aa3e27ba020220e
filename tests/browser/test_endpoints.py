"""The same answers for programs: what `gradio_client` gets from the running app."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image


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


def test_only_the_three_endpoints_are_public_and_each_says_what_it_does(app_url: str) -> None:
    info = httpx.get(f"{app_url}/gradio_api/info").json()
    endpoints = info["named_endpoints"]
    assert set(endpoints) == {"/classify", "/explain", "/predict_many"}
    assert info["unnamed_endpoints"] == {}
    assert all(endpoint["description"] for endpoint in endpoints.values())
    assert [p["parameter_name"] for p in endpoints["/classify"]["parameters"]] == ["photo", "top_k"]


def test_nobody_can_step_around_the_queue(app_url: str) -> None:
    assert httpx.post(f"{app_url}/gradio_api/run/classify", json={"data": [None, 3]}).status_code == 404
