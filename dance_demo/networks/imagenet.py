"""The ImageNet backbone, made once from Keras' weights and kept. May import TensorFlow: belongs in a child process."""

import contextlib
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.files.atomic import DRAFT_PREFIX, write_atomically
from dance_demo.model.backbone import (
    BACKBONES,
    DANCE,
    GENERAL,
    GENERAL_FILE,
    IMAGENET,
    general_backbone,
    kept_backbone,
)
from dance_demo.model.directory import BACKBONE, cache_folder, resolve, sha256
from dance_demo.networks.litert import litert_bytes
from dance_demo.networks.mobilenet import build_backbone, downloaded_weights, initial_weights

SIDE_PX = 256  # of what it sees: 2 to 3 points better on dances than its usual 224
WEIGHTS_VARIABLE = "DANCE_DEMO_IMAGENET_WEIGHTS"
_KERAS_DOWNLOAD = "Keras' download"
_DRAFT_SECONDS = 3600


def backbone_file(name: str) -> Path:
    """The `.tflite` file of one of `BACKBONES`, by its name; that of ImageNet is made if it is not there yet.

    Raises `ModelError` if it cannot be had.
    """
    if name == DANCE:
        path = resolve() / BACKBONE
        if not path.is_file():
            raise ModelError(f"{BACKBONE}: the backbone of the model that ships is missing. Install the weights again.")
        return path
    if name == GENERAL:
        if general := general_backbone():
            return general
        raise ModelError(f"{GENERAL_FILE} is missing, incomplete or was changed. Install the weights again.")
    if name != IMAGENET:
        raise ModelError(f"{name!r:.80} is not a backbone. Choose one of: {', '.join(BACKBONES)}.")
    if given := os.environ.get(WEIGHTS_VARIABLE):
        return _from_file(Path(given).expanduser())
    return kept_backbone(source=_KERAS_DOWNLOAD, side_px=SIDE_PX) or _make(_download(), source=_KERAS_DOWNLOAD)


def is_at_hand(name: str) -> bool:
    """Whether that backbone can be had without a download."""
    if name == DANCE:
        return (resolve() / BACKBONE).is_file()
    if name == GENERAL:
        return general_backbone() is not None
    if os.environ.get(WEIGHTS_VARIABLE) or downloaded_weights().is_file():
        return True
    return kept_backbone(source=_KERAS_DOWNLOAD, side_px=SIDE_PX) is not None


def _from_file(weights: Path) -> Path:
    weights_sha256 = sha256(weights)
    if not weights_sha256:
        raise ModelError(f"{weights.name} cannot be read. Set {WEIGHTS_VARIABLE} to a file of ImageNet weights (.h5).")
    return kept_backbone(weights_sha256=weights_sha256, side_px=SIDE_PX) or _make(weights, source=weights.name)


def _download() -> Path:
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
        write_atomically(path, data, durable=True)
        write_atomically(path.with_suffix(".json"), json.dumps(about).encode(), durable=True)
    except OSError as error:
        raise ModelError(
            f"The ImageNet backbone cannot be kept ({error.strerror}). "
            "Free some space, or set DANCE_DEMO_CACHE to a folder that can be written."
        ) from error
    return path


def _exported(weights: Path) -> bytes:
    network = build_backbone(SIDE_PX)
    try:
        network.load_weights(weights)
    except Exception as error:  # h5py and Keras raise nearly anything for a file that is something else
        raise ModelError(
            f"{weights.name} does not hold MobileNetV2 weights without top. Choose Keras' own file for it (.h5)."
        ) from error
    return litert_bytes(network, side_px=SIDE_PX)


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed left behind."""
    for draft in folder.glob(f"{DRAFT_PREFIX}*-imagenet-*"):
        if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
            draft.unlink(missing_ok=True)
