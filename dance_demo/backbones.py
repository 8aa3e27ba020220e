"""Which eyes a new head can see dancers through: the dance backbone that ships, or the plain ImageNet one.

The dance backbone was fine-tuned on dance photos; on other subjects the ImageNet one is better. That one does not
ship: it is made once from Keras' weights and kept. A kept file is used only if it is, byte for byte, the one whose
hash was written down when it was complete, so that a cut or changed one is made again.

Asking for a backbone that is there already needs no TensorFlow; making one does, and belongs in a child process.
"""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from dance_demo.errors import ModelError
from dance_demo.model_store import BACKBONE, BUNDLED, resolve, sha256

DANCE, IMAGENET = BACKBONES = ("dance", "imagenet")
TITLES: Mapping[str, str] = MappingProxyType({DANCE: "Dance", IMAGENET: "ImageNet"})
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        DANCE: "Fine-tuned on dance photos: best for dancers.",
        IMAGENET: "Trained on a thousand everyday things: better for other subjects "
        "(on photos of clothes it gets 87 % right, the dance one 60 %).",
    }
)
SIDE_PX = 256  # of what the ImageNet one sees: 2 to 3 points better on dances than its usual 224
WEIGHTS_VARIABLE = "DANCE_DEMO_IMAGENET_WEIGHTS"
_KERAS_DOWNLOAD = "Keras' download"
_MAX_NOTE_BYTES = 10_000
_DRAFT, _DRAFT_SECONDS = ".imagenet-", 3600


def backbone_file(name: str) -> Path:
    """The `.tflite` file of the backbone called "dance" or "imagenet"; the latter is made if it is not there yet.

    Raises `ModelError` if it cannot be had. May import TensorFlow.
    """
    if name == DANCE:
        return _existing(resolve() / BACKBONE)
    if name != IMAGENET:
        raise ModelError(f"{name!r:.80} is not a backbone. Choose one of: {', '.join(BACKBONES)}.")
    if given := os.environ.get(WEIGHTS_VARIABLE):
        return _from_file(Path(given).expanduser())
    return _from_keras()


def known_backbone(sha256_of_file: str) -> Path | None:
    """The backbone with this SHA-256, if it is the one that ships or was made here already. No TensorFlow."""
    for model in dict.fromkeys((resolve(), BUNDLED)):  # the app may run on a head that has no backbone beside it
        if sha256(model / BACKBONE) == sha256_of_file:
            return model / BACKBONE
    return _kept(sha256=sha256_of_file)


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


def _from_file(weights: Path) -> Path:
    weights_sha256 = sha256(weights)
    if not weights_sha256:
        raise ModelError(f"{weights.name} cannot be read. Set {WEIGHTS_VARIABLE} to a file of ImageNet weights (.h5).")
    return _kept(weights_sha256=weights_sha256, side_px=SIDE_PX) or _make(weights, source=weights.name)


def _from_keras() -> Path:
    if kept := _kept(source=_KERAS_DOWNLOAD, side_px=SIDE_PX):
        return kept
    return _make(_download(), source=_KERAS_DOWNLOAD)


def _kept(**wanted: str | int) -> Path | None:
    """A backbone that was made here, about which all of this was noted, and that is complete and unchanged."""
    for note in sorted(cache_folder().glob("imagenet-*.json")):
        about, path = _read_note(note), note.with_suffix(".tflite")
        if about.get("sha256") and wanted.items() <= about.items() and sha256(path) == about["sha256"]:
            return path
    return None


def _read_note(note: Path) -> dict:
    try:
        about = json.loads(note.read_bytes()[:_MAX_NOTE_BYTES])
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"{path.name}: the backbone of the model that ships is missing. Install the weights again.")
    return path


def _download() -> Path:
    from dance_demo.network import initial_weights

    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints a progress bar where answers belong
            return initial_weights("imagenet")
    except ModelError as error:
        raise ModelError(
            "The ImageNet backbone is not on this computer yet and cannot be downloaded. Connect it to the internet "
            f"once, or set {WEIGHTS_VARIABLE} to a file with Keras' MobileNetV2 weights without top (.h5)."
        ) from error


def _make(weights: Path, *, source: str) -> Path:
    """Export the backbone with these weights into the cache.

    Two processes may do so at the same time. The same weights give the same bytes, each file appears in one step,
    and without its note, which comes last, a backbone does not count.
    """
    weights_sha256 = sha256(weights)
    path = cache_folder() / f"imagenet-{SIDE_PX}-{weights_sha256[:16]}.tflite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        data = _exported(weights)
        about = {"weights_sha256": weights_sha256, "source": source, "side_px": SIDE_PX}
        about["sha256"] = hashlib.sha256(data).hexdigest()
        _write(path, data)
        _write(path.with_suffix(".json"), json.dumps(about).encode())
    except OSError as error:
        raise ModelError(
            f"The ImageNet backbone cannot be kept ({error.strerror}). "
            "Free some space, or set DANCE_DEMO_CACHE to a folder that can be written."
        ) from error
    return path


def _exported(weights: Path) -> bytes:
    from dance_demo.export import export_backbone
    from dance_demo.network import build_backbone

    network = build_backbone(SIDE_PX)
    try:
        network.load_weights(weights)
    except Exception as error:  # h5py and Keras raise nearly anything for a file that is something else
        raise ModelError(
            f"{weights.name} does not hold MobileNetV2 weights without top. Choose Keras' own file for it (.h5)."
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / BACKBONE
        export_backbone(network, path, side_px=SIDE_PX)
        return path.read_bytes()


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed left behind."""
    for draft in folder.glob(f"{_DRAFT}*"):
        if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
            draft.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """The whole file or nothing: written beside its place, flushed, then moved there in one step."""
    with _draft(path) as draft:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_DRAFT)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
