"""Where a model lives: a directory with a card that says what it is, and files that must be exactly what it says.

    weights/
      card.json           class names, how accuracy was held out and what it was, the SHA-256 of each file below
      backbone.tflite     photo -> feature map
      head.npz            feature map -> class
      familiarity.npz     when to say "not sure"

A directory is never rewritten: a new model is saved beside it, complete or not at all. `load_classifier` finds,
verifies and loads one, and keeps it: it is the only cache of the app.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dance_demo.backbone import Backbone
from dance_demo.classifier import Classifier
from dance_demo.errors import ModelError
from dance_demo.familiarity import Familiarity
from dance_demo.head import Head

CARD, BACKBONE, HEAD, FAMILIARITY = "card.json", "backbone.tflite", "head.npz", "familiarity.npz"
BUNDLED = Path(__file__).resolve().parent.parent / "weights"
MAX_CARD_BYTES = 256_000
HUB_ADDRESS = re.compile(
    r"hf://(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})#(?P<sha256>[0-9a-f]{64})", re.ASCII
)


@dataclass(frozen=True)
class ModelCard:
    """What `card.json` says. `files` maps each file name to its SHA-256; `evaluation` says how it was held out."""

    name: str
    class_names: tuple[str, ...]
    files: Mapping[str, str]
    mirrored_view: bool = False
    photos_per_class: Mapping[str, int] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> "ModelCard":
        """Read and check `directory/card.json`; raises `ModelError` that says what is wrong."""
        path = directory / CARD
        try:
            if path.stat().st_size > MAX_CARD_BYTES:
                raise ModelError(f"{path.name} is larger than a card can be ({MAX_CARD_BYTES:,} bytes).")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(f"There is no model in {directory.name}: {CARD} is missing.") from error
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{CARD} in {directory.name} cannot be read. Install the weights again.") from error

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """What `to_json` wrote. Raises ValueError for what is not JSON, `ModelError` for what is not a card."""
        values = json.loads(text)
        known = {f.name: f for f in fields(cls)}
        required = {"name", "class_names", "files"}
        if not isinstance(values, dict) or not required <= set(values) <= set(known):
            raise ModelError(f"{CARD}: expected the keys {', '.join(known)}. Install the weights again.")
        names, files = values["class_names"], values["files"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ModelError(f"{CARD}: class_names must be a list of names.")
        if not isinstance(files, dict) or not all(
            isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) and re.fullmatch(r"[\w.-]+", name)
            for name, h in files.items()
        ):
            raise ModelError(f"{CARD}: files must map file names to their SHA-256.")
        return cls(**{**values, "class_names": tuple(names)})

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def summary(self) -> str:
        """One line for people: how well it does, on what, and how that was held out."""
        e = self.evaluation
        if not e:
            return f"{self.name}: no held-out evaluation."
        low, high = e["accuracy_interval"]
        return (
            f"{self.name}: {e['accuracy']:.1%} of {e['n']} held-out photos right "
            f"(95 % interval {low:.1%} to {high:.1%}; always naming the commonest class: {e['majority_baseline']:.1%})."
        )


def load_classifier(
    model: str | Path | None = None, *, find_backbone: Callable[[str], Path | None] | None = None
) -> Classifier:
    """Return the classifier of a model directory or address, loaded once and then kept.

    | call                                    | model                                                   |
    |-----------------------------------------|---------------------------------------------------------|
    | `load_classifier()`                     | `$DANCE_DEMO_MODEL`, else `weights/`, else the Hub      |
    | `load_classifier("my_model")`           | that directory                                          |
    | `load_classifier("hf://a/b@REV#SHA256")`| from the Hugging Face Hub, at exactly that revision     |

    A model that was trained here has no backbone of its own: `find_backbone` then gets the SHA-256 of the one that
    its head was fitted on. Raises `ModelError` if it is missing, cut, changed, or its parts do not fit together.
    """
    return _load(resolve(model), find_backbone)


def load_card(model: str | Path | None = None) -> ModelCard:
    return ModelCard.read(resolve(model))


def resolve(model: str | Path | None = None) -> Path:
    """Find the directory of a model. Never falls back from a model that was asked for by name."""
    wanted = str(model or os.environ.get("DANCE_DEMO_MODEL") or "")
    if not wanted:
        hub = os.environ.get("DANCE_DEMO_HUB_MODEL", "")
        if (BUNDLED / CARD).exists() or not hub:
            return BUNDLED
        wanted = hub
    if wanted.startswith("hf://"):
        return fetch(wanted)
    return Path(wanted).expanduser().resolve()


def verify(directory: Path, card: ModelCard) -> None:
    """Hold every file against the SHA-256 in the card; raises `ModelError` naming all that differ."""
    wrong = [name for name, expected in card.files.items() if sha256(directory / name) != expected]
    if wrong:
        raise ModelError(
            f"The model in {directory.name} is incomplete or was changed: {', '.join(sorted(wrong))}. "
            "Install the weights again (git checkout weights, or download them anew)."
        )


def save_model(
    directory: Path, files: Mapping[str, bytes], *, name: str, class_names: tuple[str, ...], **about: Any
) -> ModelCard:
    """Save a model into the new `directory`, complete or not at all, and return its card.

    Everything is written, flushed and read back beside the target, then moved there in one step.
    """
    require_new(directory)
    hashes = {file_name: hashlib.sha256(data).hexdigest() for file_name, data in sorted(files.items())}
    card = ModelCard(name=name, class_names=class_names, files=hashes, **about)
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=directory.parent))
    try:
        for file_name, data in {**files, CARD: card.to_json().encode()}.items():
            _write_durably(draft / file_name, data)
        verify(draft, ModelCard.read(draft))
        draft.chmod(0o755)
        _sync_directory(draft)
        os.rename(draft, directory)
        _sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return card


def require_new(directory: Path) -> None:
    if directory.exists():
        raise ModelError(f"{directory.name} exists already. A model is saved into a new directory.")


def fetch(address: str) -> Path:
    """Download a model from the Hugging Face Hub, at a pinned revision, and check it against a pinned card.

    `address` is `hf://owner/name@REVISION#SHA256`: 40 hex digits of a commit and the SHA-256 of its card.json,
    which in turn holds the hash of every file. What is in the Hub's cache already is used without a network.
    """
    match = HUB_ADDRESS.fullmatch(address)
    if match is None:
        raise ModelError(f"{address!r:.200} is not a model address. Expected hf://owner/name@REVISION#SHA256.")
    path = _download(match["repo"], match["revision"], CARD, expected=match["sha256"])
    for file_name, expected in ModelCard.read(path.parent).files.items():
        _download(match["repo"], match["revision"], file_name, expected=expected)
    return path.parent


def _download(repo: str, revision: str, file_name: str, *, expected: str) -> Path:
    """Return the file from the Hub's cache, downloading it if need be; one that was damaged is fetched once more."""
    from huggingface_hub import hf_hub_download

    for force in (False, True):
        try:
            path = Path(hf_hub_download(repo, file_name, revision=revision, force_download=force))
        except Exception as error:  # of the Hub, of its HTTP library, of the disk: they have no base in common
            raise ModelError(
                f"{file_name} of {repo} cannot be downloaded ({type(error).__name__}). "
                "Check the address and the connection, or use a model directory."
            ) from error
        if sha256(path) == expected:
            return path
    with contextlib.suppress(OSError):
        path.resolve().unlink()  # or the damaged copy would be used by the next start
    raise ModelError(f"{file_name} of {repo} is not the file that was pinned (its SHA-256 differs). It was removed.")


@functools.lru_cache(maxsize=4)
def _load(directory: Path, find_backbone: Callable[[str], Path | None] | None) -> Classifier:
    card = ModelCard.read(directory)
    verify(directory, card)
    required = {HEAD, FAMILIARITY} if find_backbone else {BACKBONE, HEAD, FAMILIARITY}
    missing = required - set(card.files)
    if missing:
        raise ModelError(f"{CARD} in {directory.name} does not name {', '.join(sorted(missing))}.")
    head = Head.from_npz_bytes((directory / HEAD).read_bytes())
    if head.class_names != card.class_names:
        raise ModelError(
            f"{CARD} names {len(card.class_names)} classes, the head {len(head.class_names)} (or in another order)."
        )
    familiarity = Familiarity.from_npz_bytes((directory / FAMILIARITY).read_bytes())
    if BACKBONE in card.files:
        backbone = _backbone(directory / BACKBONE, card.files[BACKBONE])
    else:
        backbone = _found_backbone(find_backbone, head.backbone_sha256)
    return Classifier(backbone, head, familiarity, mirrored_view=card.mirrored_view)


def _found_backbone(find_backbone: Callable[[str], Path | None], sha256: str) -> Backbone:
    path = find_backbone(sha256)
    if path is None:
        raise ModelError(
            f"The backbone that this head was fitted on ({sha256[:12]}) is not on this computer. "
            "Train the head again here, or use it with the version of the app that it came from."
        )
    return _backbone(path, sha256)


@functools.lru_cache(maxsize=3)
def _backbone(path: Path, sha256: str) -> Backbone:
    """One loaded network for all the heads that were fitted on it: it is most of the memory that a model takes."""
    return Backbone(path)


def sha256(path: Path) -> str:
    """Hash of a file; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make a rename survive a power cut. Windows cannot open a directory, and needs no such step."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
