"""A trained head goes to the Hugging Face Hub, and comes back from there.

    jobs.start(publish, model, "owner/name", Access(token))    Progress, ..., Published
    jobs.start(fetch, "hf://owner/name")                       Progress, ..., Fetched, the directory of its model

What is sent are the files of its bundle: numbers, names of classes and figures, no photo. It is private unless somebody
says otherwise. What comes back is a stranger's file, and is checked as an uploaded bundle is.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dance_demo.errors import ModelError
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import NO_TOKEN, Access, client, translate_hub_errors
from dance_demo.hub.download import download
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.bundle import MAX_BUNDLE_BYTES, NAMES, NEEDED, OPTIONAL, README, bundle_files, save_files
from dance_demo.model.bundle_card import NotABundle
from dance_demo.model.directory import CARD, MAX_CARD_BYTES, ModelCard
from dance_demo.model.readme import hub_readme

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_FILES = {".gitattributes"}  # what the Hub itself puts into a new repository


@dataclass(frozen=True)
class Published:
    """A head lies on the Hub. `address` always names exactly this head, whatever is published there later."""

    url: str
    address: str
    private: bool


@dataclass(frozen=True)
class Fetched:
    """A head was fetched; `address` names exactly this one."""

    address: str


def publish(
    directory: Path, stop: Stop, model: Path, repo: str, access: Access, public: bool = False
) -> Iterator[Progress | Published]:
    """Put the head of a model directory on the Hub, into a repository of its own, which is made if need be.

    One that is there already is used only if it holds a head of this app, or nothing, and is not more public than asked
    for. Raises `ModelError` that says what to do. What is sent lies in `directory`/sent.
    """
    address = HubAddress.of_model(repo)
    if address != HubAddress(address.repo):
        raise ModelError("Publish to owner/name; a revision and a hash come from the Hub afterwards.")
    if not access.token:
        raise ModelError(NO_TOKEN)
    repo, files = address.repo, bundle_files(model)
    files[README] = hub_readme(ModelCard.from_json(files[CARD].decode()), repo).encode()
    api = client(access)
    with translate_hub_errors(repo, access):
        yield Progress("Asking the Hub whose token this is")
        api.whoami()
        if stop():
            return
        yield Progress("Preparing the repository")
        private = prepare(api, repo, public, needed=NEEDED, names=NAMES, what="a head")
        if stop():
            return
        yield Progress("Sending the head")
        folder = directory / "sent"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        commit = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A head from Dance demo").oid
    pinned = replace(address, revision=commit, sha256=hashlib.sha256(files[CARD]).hexdigest())
    yield Published(f"{api.endpoint}/{repo}", str(pinned), private)


def fetch(
    directory: Path, stop: Stop, address: str, access: Access | None = None
) -> Iterator[Progress | Fetched | Path]:
    """Fetch a published head into the new directory `directory`/model, checked like an uploaded bundle.

    Raises `ModelError`, and leaves nothing behind, if there is no such head or anything about it is wrong.
    """
    wanted, access = HubAddress.of_model(address), access or Access()
    api = client(access)
    with translate_hub_errors(wanted.repo, access):
        yield Progress("Looking for the head")
        commit = api.model_info(wanted.repo, revision=wanted.revision or None).sha
        found = replace(wanted, revision=commit or "")
        names = _checked_names(api, found)
        if stop():
            return
        yield Progress("Fetching the head")
        files = _fetched(api, found, names, directory / "hub")
    card_sha256 = hashlib.sha256(files[CARD]).hexdigest()
    if wanted.sha256 and wanted.sha256 != card_sha256:
        raise ModelError(f"{CARD} of {wanted.repo} is not the file that was pinned (its SHA-256 differs).")
    if stop():
        return
    try:
        model = save_files(files, directory / "model")
    except NotABundle as error:
        raise _not_a_head(wanted.repo, error.what) from error
    yield Fetched(str(replace(found, sha256=card_sha256)))
    yield model


def prepare(
    api: "HfApi",
    repo: str,
    public: bool,
    *,
    needed: Iterable[str],
    names: Iterable[str],
    what: str,
    kind: str = "model",
) -> bool:
    """Make the repository, or make sure that the one that is there may be used; returns whether it is private.

    It may hold nothing, or files of these `names`, the `needed` ones among them; else it is not `what` of ours. A
    `kind` "space" is one of static files.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_repo(repo, repo_type=kind, private=not public, space_sdk="static" if kind == "space" else None)
        return not public
    except HfHubHTTPError as error:
        if error.response.status_code != 409:
            raise
    private = bool(api.repo_info(repo, repo_type=kind).private)
    if not private and not public:
        raise ModelError(f"{repo} is public already. Choose another name, or publish it for everybody to see.")
    found = {file.path for file in api.list_repo_tree(repo, recursive=True, repo_type=kind)} - HUB_FILES
    if found and not set(needed) <= found <= set(names):
        raise ModelError(f"{repo} holds something else than {what} of this app. Choose another name.")
    return private


def _checked_names(api: "HfApi", found: HubAddress) -> list[str]:
    """The files to fetch, by the Hub's own list, which also says how large they are before anything is fetched."""
    listed = api.get_paths_info(found.repo, [*NEEDED, *OPTIONAL], revision=found.revision)
    sizes = {file.path: getattr(file, "size", 0) for file in listed}
    missing = [name for name in NEEDED if name not in sizes]
    if missing:
        raise _not_a_head(found.repo, f"{', '.join(missing)} is missing")
    if sizes[CARD] > MAX_CARD_BYTES or sum(sizes.values()) > MAX_BUNDLE_BYTES:
        raise _not_a_head(found.repo, f"it is larger than {MAX_BUNDLE_BYTES / 1e6:g} MB")
    return list(sizes)


def _fetched(api: "HfApi", found: HubAddress, names: Iterable[str], folder: Path) -> dict[str, bytes]:
    """The files by name. They come into a folder of our own, since the Hub's cache is everybody's."""
    try:
        paths = {name: download(api, found, name, folder=folder) for name in names}
        if sum(path.stat().st_size for path in paths.values()) > MAX_BUNDLE_BYTES:
            raise _not_a_head(found.repo, f"it is larger than {MAX_BUNDLE_BYTES / 1e6:g} MB")
        return {name: path.read_bytes() for name, path in paths.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_a_head(repo: str, what: str) -> ModelError:
    return ModelError(f"{repo} is not a head from this app ({what}).")
