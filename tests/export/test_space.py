"""A page as a static Space, with the real client against a Hub on loopback."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import yaml

from dance_demo.export.folder import folder_files
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import BUNDLED
from dance_demo.model.preprocessing import SoundSettings
from tests.export.test_page import named_model
from tests.support.hub_server import DANCER, HubServer, command

NAME = "dancer/my-dances"


def publish_page(hub: HubServer, folder: Path, model: Path, *more: str) -> CompletedProcess:
    settings = {"HF_TOKEN": DANCER, "DANCE_DEMO_MODEL": str(BUNDLED)}
    return command(hub, folder, "publish", model, NAME, "--page", *more, **settings)


def test_a_page_goes_to_the_hub_as_a_private_space_of_static_files(
    hub: HubServer, classifier: Classifier, tmp_path: Path
) -> None:
    model = named_model(tmp_path / "model", ("\"sdk: docker'", "नृत्य"))
    ran = command(
        hub, tmp_path, "publish", model, NAME, "--page", "--json", HF_TOKEN=DANCER, DANCE_DEMO_MODEL=str(BUNDLED)
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["page"] == f"{hub.url}/spaces/{NAME}"
    space = hub.repos["spaces", NAME]
    assert space.private and hub.tokens() == {DANCER}
    files = folder_files(model)
    assert {name: space.files[name] for name in files} == files
    front = yaml.safe_load(space.files["README.md"].decode().split("---")[1])
    assert (front["sdk"], front["app_file"], front["title"]) == ("static", "index.html", "\"sdk: docker'")
    again = publish_page(hub, tmp_path, model)
    assert again.returncode == 0 and f"/spaces/{NAME} (private)" in again.stdout


def test_a_space_that_holds_something_else_is_left_alone(
    hub: HubServer, classifier: Classifier, tmp_path: Path
) -> None:
    hub.add(NAME, {"app.py": b"print()"}, kind="spaces", private=True)
    model = named_model(tmp_path / "model", ("a", "b"))
    ran = publish_page(hub, tmp_path, model)
    assert ran.returncode == 2 and "holds something else than a page of this app" in ran.stderr
    assert set(hub.repos["spaces", NAME].files) == {"app.py", ".gitattributes"}


def test_a_model_that_listens_is_no_page(hub: HubServer, tmp_path: Path) -> None:
    model = named_model(tmp_path / "model", ("a", "b"))
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps(card | {"sound": SoundSettings().to_card()}))
    ran = publish_page(hub, tmp_path, model)
    assert ran.returncode == 2 and "This model listens to sounds" in ran.stderr
    assert ("spaces", NAME) not in hub.repos
