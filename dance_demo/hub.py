"""A trained head goes to the Hugging Face Hub, and comes back from there.

    for event in publish(model, "owner/name", Access(token)): ...     Phase, ..., Published
    for event in fetch_head("hf://owner/name", directory): ...        Phase, ..., FromHub, the directory of its model

What is sent are the files of its bundle: numbers, names of classes and figures, no photo. It is private unless somebody
says otherwise. What comes back is a stranger's file, and is checked as an uploaded bundle is.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dance_demo.bundle import MAX_BUNDLE_BYTES, NAMES, NEEDED, README, NotABundle, bundle_files, save_files
from dance_demo.errors import ModelError
from dance_demo.hub_address import HubAddress
from dance_demo.hub_card import hub_card
from dance_demo.hub_client import NO_TOKEN, Access, client, in_plain_words
from dance_demo.model_store import CARD, MAX_CARD_BYTES, ModelCard
from dance_demo.training import Phase

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_FILES = {".gitattributes"}  # what the Hub itself puts into a new repository
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Published:
    """A head lies on the Hub. `address` always names exactly this head, whatever is published there later."""

    url: str
    address: str
    private: bool


@dataclass(frozen=True)
class FromHub:
    """A head was fetched; `address` names exactly this one."""

    address: str


def publish(model: Path, repo: str, access: Access, *, public: bool = False) -> Iterator[Phase | Published]:
    """Put the head of a model directory on the Hub, into a repository of its own, which is made if need be.

    One that is there already is used only if it holds a head of this app, or nothing, and is not more public than asked
    for. Raises `ModelError` that says what to do.
    """
    address = HubAddress.of_model(repo)
    if address != HubAddress(address.repo):
        raise ModelError("Publish to owner/name; a revision and a hash come from the Hub afterwards.")
    if not access.token:
        raise ModelError(NO_TOKEN)
    repo, files = address.repo, bundle_files(model)
    files[README] = hub_card(ModelCard.from_json(files[CARD].decode()), repo).encode()
    api = client(access)
    with in_plain_words(repo, access):
        yield Phase("Asking the Hub whose token this is")
        api.whoami()
        yield Phase("Preparing the repository")
        private = _prepared(api, repo, public)
        yield Phase("Sending the head")
        commit = _sent(api, repo, files)
    pinned = replace(address, revision=commit, sha256=hashlib.sha256(files[CARD]).hexdigest())
    yield Published(f"{api.endpoint}/{repo}", str(pinned), private)


def publish_head(
    directory: Path, stop: Stop, model: Path, repo: str, access: Access, public: bool
) -> Iterator[Phase | Published]:
    """`publish` as a job."""
    for event in publish(model, repo, access, public=public):
        if stop():
            return
        yield event


def fetch_head(address: str, directory: Path, access: Access | None = None) -> Iterator[Phase | FromHub | Path]:
    """Fetch a published head into the new directory `directory`/model, checked like an uploaded bundle.

    Raises `ModelError`, and leaves nothing behind, if there is no such head or anything about it is wrong.
    """
    wanted, access = HubAddress.of_model(address), access or Access()
    api = client(access)
    with in_plain_words(wanted.repo, access):
        yield Phase("Looking for the head")
        commit = api.model_info(wanted.repo, revision=wanted.revision or None).sha
        _check_sizes(api, wanted.repo, commit)
        yield Phase("Fetching the head")
        files = _fetched(api, wanted.repo, commit, directory / "hub")
    card_sha256 = hashlib.sha256(files[CARD]).hexdigest()
    if wanted.sha256 and wanted.sha256 != card_sha256:
        raise ModelError(f"{CARD} of {wanted.repo} is not the file that was pinned (its SHA-256 differs).")
    try:
        model = save_files(files, directory / "model")
    except NotABundle as error:
        raise _not_a_head(wanted.repo, error.what) from error
    yield FromHub(str(replace(wanted, revision=commit, sha256=card_sha256)))
    yield model


def restore_from_hub(directory: Path, stop: Stop, address: str, access: Access) -> Iterator[Phase | FromHub | Path]:
    """`fetch_head` as a job."""
    for event in fetch_head(address, directory, access):
        if stop():
            return
        yield event


# --- publishing ------------------------------------------------------------------------------------------------------


def _prepared(api: "HfApi", repo: str, public: bool) -> bool:
    """Make the repository, or make sure that the one that is there may be used; returns whether it is private."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_repo(repo, private=not public)
        return not public
    except HfHubHTTPError as error:
        if error.response.status_code != 409:
            raise
    private = bool(api.model_info(repo).private)
    if not private and not public:
        raise ModelError(f"{repo} is public already. Choose another name, or publish it for everybody to see.")
    names = {file.path for file in api.list_repo_tree(repo, recursive=True)} - HUB_FILES
    if names and not set(NEEDED) <= names <= set(NAMES):
        raise ModelError(f"{repo} holds something else than a head of this app. Choose another name.")
    return private


def _sent(api: "HfApi", repo: str, files: dict[str, bytes]) -> str:
    """Send the files in one commit; returns its hash."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        commit = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A head from Dance demo")
    return commit.oid


# --- fetching --------------------------------------------------------------------------------------------------------


def _check_sizes(api: "HfApi", repo: str, commit: str) -> None:
    """By the Hub's own list, before anything is fetched."""
    sizes = {file.path: getattr(file, "size", 0) for file in api.get_paths_info(repo, list(NEEDED), revision=commit)}
    missing = [name for name in NEEDED if name not in sizes]
    if missing:
        raise _not_a_head(repo, f"{', '.join(missing)} is missing")
    if sizes[CARD] > MAX_CARD_BYTES or sum(sizes.values()) > MAX_BUNDLE_BYTES:
        raise _not_a_head(repo, f"it is larger than {MAX_BUNDLE_BYTES / 1e6:g} MB")


def _fetched(api: "HfApi", repo: str, commit: str, folder: Path) -> dict[str, bytes]:
    """The files by name. They come into a folder of our own, since the Hub's cache is everybody's."""
    try:
        paths = {name: api.hf_hub_download(repo, name, revision=commit, local_dir=folder) for name in NEEDED}
        if sum(Path(path).stat().st_size for path in paths.values()) > MAX_BUNDLE_BYTES:
            raise _not_a_head(repo, f"it is larger than {MAX_BUNDLE_BYTES / 1e6:g} MB")
        return {name: Path(path).read_bytes() for name, path in paths.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_a_head(repo: str, what: str) -> ModelError:
    return ModelError(f"{repo} is not a head from this app ({what}).")
