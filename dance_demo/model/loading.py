"""Loads the classifier of a model directory, once: the only cache of the app."""

import functools
from pathlib import Path

from dance_demo.errors import ModelError
from dance_demo.model.backbone import Backbone, known_backbone
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import BACKBONE, CARD, FAMILIARITY, FINE_TUNED, HEAD, ModelCard, resolve, verify
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.fine_tuned import base_of, read_changes
from dance_demo.model.head import Head
from dance_demo.model.preprocessing import SoundSettings


def load_classifier(model: str | Path | None = None) -> Classifier:
    """Return the classifier of a model directory or address, loaded once and then kept.

    | call                                    | model                                                   |
    |-----------------------------------------|---------------------------------------------------------|
    | `load_classifier()`                     | `$DANCE_DEMO_MODEL`, else `weights/`, else the Hub      |
    | `load_classifier("my_model")`           | that directory                                          |
    | `load_classifier("hf://a/b@REV#SHA256")`| from the Hugging Face Hub, at exactly that revision     |

    A model that was trained here has no backbone of its own: it sees through the one that its head was fitted on, if
    that is on this computer. Raises `ModelError` if it is missing, cut, changed, or its parts do not fit together.
    """
    return _load(resolve(model))


@functools.lru_cache(maxsize=4)
def _load(directory: Path) -> Classifier:
    card = ModelCard.read(directory)
    verify(directory, card)
    missing = {HEAD, FAMILIARITY} - set(card.files)
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
    elif FINE_TUNED in card.files:
        changes = directory / FINE_TUNED
        backbone = Backbone(_found(base_of(read_changes(changes))), changes=changes)
    else:
        backbone = _backbone(_found(head.backbone_sha256), head.backbone_sha256)
    return Classifier(backbone, head, familiarity, card.mirrored_view, SoundSettings.of_card(card.sound))


def _found(backbone_sha256: str) -> Path:
    path = known_backbone(backbone_sha256)
    if path is None:
        raise ModelError(
            f"The backbone that this head was fitted on ({backbone_sha256[:12]}) is not on this computer. "
            "Train the head again here, or use it with the version of the app that it came from."
        )
    return path


@functools.lru_cache(maxsize=3)
def _backbone(path: Path, sha256: str) -> Backbone:
    """One loaded network for all the heads that were fitted on it: it is most of the memory that a model takes."""
    return Backbone(path)
