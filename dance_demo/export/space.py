"""A model's page as a Space of the Hugging Face Hub: static files, which cost nobody a server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.export.folder import INDEX, folder_files
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import NO_TOKEN, Access, client, translate_hub_errors
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import ModelCard
from dance_demo.model.publishing import prepare

README = "README.md"


@dataclass(frozen=True)
class PublishedPage:
    """A page lies on the Hub, in the Space at `url`."""

    url: str
    private: bool


def publish_page(
    directory: Path, stop: Stop, model: Path, repo: str, access: Access, public: bool = False
) -> Iterator[Progress | PublishedPage]:
    """Put the folder of a model directory on the Hub, as a static Space, which is made if need be.

    One that is there already is used only if it holds such a page, or nothing, and is not more public than asked for.
    Raises `ModelError` that says what to do. What is sent lies in `directory`/page.
    """
    address = HubAddress.of_model(repo)
    if address != HubAddress(address.repo):
        raise ModelError("Publish to owner/name; a revision and a hash come from the Hub afterwards.")
    if not access.token:
        raise ModelError(NO_TOKEN)
    ModelCard.read(model).require_photos()
    yield Progress("Packing the network into a page")
    files = folder_files(model) | {README: _readme(ModelCard.read(model)).encode()}
    api = client(access)
    with translate_hub_errors(address.repo, access):
        yield Progress("Preparing the Space")
        names = set(files)
        private = prepare(api, address.repo, public, needed={INDEX, README}, names=names, what="a page", kind="space")
        if stop():
            return
        yield Progress("Sending the page")
        folder = directory / "page"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        api.upload_folder(
            repo_id=address.repo, repo_type="space", folder_path=folder, commit_message="A page from Dance demo"
        )
    yield PublishedPage(f"{api.endpoint}/spaces/{address.repo}", private)


def _readme(card: ModelCard) -> str:
    """What tells the Hub that nothing is to be run; JSON is YAML, whatever signs are in a name."""
    settings = {"title": card.name, "emoji": "💃", "colorFrom": "red", "colorTo": "yellow", "sdk": "static",
                "app_file": INDEX, "tags": ["dance-demo"]}  # fmt: skip
    lines = [f"{name}: {json.dumps(value, ensure_ascii=True)}" for name, value in settings.items()]
    return "\n".join(["---", *lines, "---", "", "Photos are named in the visitor's own browser. None is sent."]) + "\n"
