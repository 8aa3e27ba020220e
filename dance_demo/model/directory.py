"""Where a model lives: a directory with a card that says what it is, and files that must be exactly what it says.

    weights/
      card.json               class names, how accuracy was held out and what it was, the SHA-256 of each file below
      backbone.tflite         photo -> feature map
      backbone_float.tflite   if that computes in eight bits: the network in float32 that it was made from
      head.npz                feature map -> class
      familiarity.npz         when to say "not sure"

A head of a visitor's own has no backbone beside it: it sees through one that is known here, perhaps with the numbers
in `fine_tuned.npz` in the place of some of its own.

A directory is never rewritten: a new model is saved beside it, complete or not at all.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dance_demo.errors import ModelError
from dance_demo.files.atomic import DRAFT_PREFIX, sync_directory, write_atomically
from dance_demo.hub.address import HubAddress
from dance_demo.hub.client import client, own_access
from dance_demo.hub.download import download
from dance_demo.model.description import measured
from dance_demo.model.preprocessing import SOUND_NOUN

CARD, BACKBONE, HEAD, FAMILIARITY = "card.json", "backbone.tflite", "head.npz", "familiarity.npz"
FLOAT_BACKBONE, FINE_TUNED = "backbone_float.tflite", "fine_tuned.npz"
PACKAGE = Path(__file__).resolve().parents[1]
MAX_CARD_BYTES = 1_000_000


def shipped(name: str) -> Path:
    """A folder that ships with the code: beside the package in a checkout, inside of it once it is installed."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


BUNDLED = shipped("weights")


def cache_folder() -> Path:
    """Where to keep what can be made again: `$DANCE_DEMO_CACHE`, else in the user's folder for it. Maybe not there."""
    if given := os.environ.get("DANCE_DEMO_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        parent = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        parent = Path.home() / "Library" / "Caches"
    else:
        parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return parent / "dance_demo"


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
    sound: Mapping[str, Any] = field(default_factory=dict)  # `SoundSettings.to_card` of a model that listens

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

    def summary(self, *, in_full: bool = True) -> str:
        """One line for people: how well it does on held-out photos; in full with what to hold that against."""
        e = self.evaluation
        if not e:
            return f"{self.name}: no held-out evaluation."
        low, high = map(measured, e["accuracy_interval"])
        baseline = measured(e["majority_baseline"])
        against = f" (95 % interval {low} to {high}; always naming the commonest class: {baseline})" if in_full else ""
        figures = f"{self.name}: {measured(e['accuracy'])} of {e['n']} held-out {self.noun} right{against}."
        return f"{figures} {self.warning}".rstrip()

    def require_photos(self) -> None:
        """Raises `ModelError` if the model listens: other programs do not know how it makes pictures of sound."""
        if self.sound:
            raise ModelError("This model listens to sounds: it can be taken home as a bundle for Python only.")

    @property
    def noun(self) -> str:
        """What it was trained on, for people."""
        return SOUND_NOUN if self.sound else "photos"

    @property
    def backbone_choice(self) -> str:
        """Why the head has its backbone, in words of whoever made the card; empty if it was asked for."""
        return self._told("backbone_choice")

    @property
    def fine_tuning(self) -> str:
        """What came of it, in words of whoever made the card; empty if the backbone was not fine-tuned."""
        return self._told("fine_tuning")

    def _told(self, name: str) -> str:
        sentence = self.training.get(name, "")
        return sentence if isinstance(sentence, str) else ""

    @property
    def warning(self) -> str:
        """What must be said wherever the accuracy is."""
        return overlap_warning(self.evaluation.get("training_overlap", 0), self.evaluation.get("n", 0))


def overlap_warning(training_overlap: int, n: int) -> str:
    """That so many of n photos that judged have trained the backbone before; empty if none has."""
    if not training_overlap:
        return ""
    were = f"{training_overlap} of the {n} photos that judged {'were' if training_overlap > 1 else 'was'}"
    return (
        f"{were} used to train the bundled backbone. A score on them says nothing about new photos: "
        "choose the ImageNet backbone to measure."
    )


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
        return fetch_model(wanted)
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
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=directory.parent))
    try:
        for file_name, data in {**files, CARD: card.to_json().encode()}.items():
            write_atomically(draft / file_name, data, durable=True)
        verify(draft, ModelCard.read(draft))
        draft.chmod(0o755)
        os.rename(draft, directory)
        sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return card


def require_new(directory: Path) -> None:
    if directory.exists():
        raise ModelError(f"{directory.name} exists already. A model is saved into a new directory.")


def fetch_model(address: str) -> Path:
    """Download a model from the Hugging Face Hub, at a pinned revision, and check it against a pinned card.

    `address` is `hf://owner/name@REVISION#SHA256`: 40 hex digits of a commit and the SHA-256 of its card.json,
    which in turn holds the hash of every file. What is in the Hub's cache already is used without a network.
    """
    wanted = HubAddress.of_pinned_model(address)
    folder = _download(wanted, CARD, wanted.sha256).parent
    for name, expected in ModelCard.read(folder).files.items():
        _download(wanted, name, expected)
    return folder


def _download(address: HubAddress, name: str, expected_sha256: str) -> Path:
    try:
        return download(client(own_access(), progress_bars=True), address, name, sha256=expected_sha256)
    except ModelError:
        raise
    except Exception as error:  # of the Hub, of its HTTP library, of the disk: they have no base in common
        raise ModelError(
            f"{name} of {address.repo} cannot be downloaded ({type(error).__name__}). "
            "Check the address and the connection, or use a model directory."
        ) from error


def sha256(path: Path) -> str:
    """Hash of a file; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
