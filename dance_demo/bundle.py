"""A head that a visitor trained, as one zip to keep, to hand on, and to upload again.

    card.json          what it is and how well it does        README.md     the same in words
    head.npz           the head itself                        labels.txt    its classes, one a line
    familiarity.npz    when to say "not sure"                 metrics.json  its evaluation
                                                              predict.py    names photos with it

What somebody uploads is trusted in nothing. Only the three files on the left are read, as plain numbers and text;
nothing in a bundle can run. A bundle that is not ours in every respect is refused before anything of it is kept.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dance_demo.archive import ArchiveLimits, pack, read_files
from dance_demo.backbone import Backbone
from dance_demo.backbones import IMAGENET, known_backbone
from dance_demo.classifier import Classifier
from dance_demo.errors import DatasetError, ModelError
from dance_demo.familiarity import Familiarity
from dance_demo.head import Head
from dance_demo.model_readme import model_readme
from dance_demo.model_store import (
    CARD,
    FAMILIARITY,
    HEAD,
    MAX_CARD_BYTES,
    ModelCard,
    require_new,
    save_model,
    verify,
)
from dance_demo.one_line import is_one_line

README, PREDICT, LABELS, METRICS = "README.md", "predict.py", "labels.txt", "metrics.json"
NEEDED = (CARD, HEAD, FAMILIARITY)
NAMES = (README, *NEEDED, LABELS, METRICS, PREDICT)
MAX_BUNDLE_BYTES = 20_000_000
MAX_TEXT_CHARACTERS = 3_000  # each text in a card
MAX_NUMBER = 1e12
MAX_DEPTH = 6

_PREDICT = '''\
"""Names what photos show: python predict.py PHOTO ... (in the folder of dance_demo, or where that is installed)."""

import sys
from pathlib import Path

sys.path.append(".")
from dance_demo import photos, training  # noqa: E402

model = training.load_trained(Path(__file__).resolve().parent)
for name in sys.argv[1:]:
    best = model.classify(photos.open_photo(name)).predictions[:3]
    print(f"{name}: " + ", ".join(f"{answer.label} {answer.probability:.1%}" for answer in best))
'''


class NotABundle(ModelError):
    """What somebody sent is not as this app writes it; `what` says in which way."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This is not a bundle from this app ({what}). Upload the zip just as it was downloaded.")
        self.what = what


class _Doubt(Exception):
    """Something about a card is not as this app writes it; the text says what."""


def bundle_bytes(model: Path) -> bytes:
    """The bundle of a trained model directory. The same model always gives the same bytes.

    Raises `ModelError` if the directory is damaged.
    """
    return pack(bundle_files(model))


def bundle_files(model: Path) -> dict[str, bytes]:
    """The files of that bundle, by name."""
    card = ModelCard.read(model)
    verify(model, card)
    numbers = {name: (model / name).read_bytes() for name in sorted((HEAD, FAMILIARITY))}
    card = replace(card, files={name: hashlib.sha256(data).hexdigest() for name, data in numbers.items()})
    texts = {
        CARD: card.to_json(),
        README: model_readme(card),
        LABELS: "".join(f"{name}\n" for name in card.class_names),
        METRICS: json.dumps(card.evaluation, indent=1, ensure_ascii=False) + "\n",
        PREDICT: _PREDICT,
    }
    files = numbers | {name: text.encode() for name, text in texts.items()}
    return {name: files[name] for name in NAMES}


def write_bundle(model: Path, out: Path) -> Path:
    """Write `bundle_bytes(model)` to the file `out`, complete or not at all, and return it."""
    draft = out.with_name(f".{out.name}.part")
    try:
        draft.write_bytes(bundle_bytes(model))
        os.replace(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    return out


def read_bundle(path: Path, directory: Path) -> Path:
    """Check an uploaded bundle and save its model into the new `directory`, which is returned.

    Raises `ModelError`, and leaves nothing behind, for a file that is no bundle, and for one whose backbone is not
    known here.
    """
    require_new(directory)
    return save_files(_files(path), directory)


def save_files(files: Mapping[str, bytes], directory: Path) -> Path:
    """`read_bundle` of the files in `NEEDED`, wherever they come from."""
    require_new(directory)
    head = Head.from_npz_bytes(files[HEAD])
    familiarity = Familiarity.from_npz_bytes(files[FAMILIARITY])
    card = _checked_card(files, head)
    Classifier(Backbone(_backbone(head, card)), head, familiarity, mirrored_view=card.mirrored_view)  # do they fit?
    about = {name: value for name, value in vars(card).items() if name != "files"}
    save_model(directory, {HEAD: files[HEAD], FAMILIARITY: files[FAMILIARITY]}, **about)
    return directory


def _files(path: Path) -> dict[str, bytes]:
    limits = ArchiveLimits(
        archive_bytes=MAX_BUNDLE_BYTES,
        files=len(NAMES),
        file_bytes=MAX_BUNDLE_BYTES,
        unpacked_bytes=MAX_BUNDLE_BYTES,
    )
    try:
        files = read_files(path, NEEDED, beside=NAMES, limits=limits)
    except DatasetError as error:
        what, _, _ = str(error).removeprefix(f"{path.name}: ").partition(". ")  # what to do is said for photos
        raise NotABundle(what.rstrip(".")) from error
    except FileNotFoundError as error:
        raise ModelError("The uploaded bundle is no longer kept here. Please upload it again.") from error
    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise NotABundle(f"{', '.join(missing)} is missing")
    return files


def _backbone(head: Head, card: ModelCard) -> Path:
    path = known_backbone(head.backbone_sha256)
    if path:
        return path
    if card.training.get("backbone") == IMAGENET:
        raise ModelError(
            "This head was trained on the ImageNet backbone, which is not on this computer yet. "
            "Train once with the ImageNet backbone here, which fetches it, then upload the bundle again."
        )
    raise ModelError(
        f"This head was trained on another backbone ({head.backbone_sha256[:12]}) than those known here. "
        "Use it with the version of this app that made it, or train it again here."
    )


# --- the card, which strangers may have written ----------------------------------------------------------------------


def _checked_card(files: Mapping[str, bytes], head: Head) -> ModelCard:
    if len(files[CARD]) > MAX_CARD_BYTES:
        raise NotABundle(f"{CARD} is larger than {MAX_CARD_BYTES:,} bytes")
    try:
        text = files[CARD].decode()
        _check_plain(json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number))
        card = ModelCard.from_json(text)
        _check_card(card, head, files)
    except _Doubt as doubt:
        raise NotABundle(f"{CARD}: {doubt}") from doubt
    except (ModelError, ValueError, RecursionError) as error:
        raise NotABundle(f"{CARD} is not the card of a model") from error
    return card


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise _Doubt("it says the same thing twice")
    return dict(pairs)


def _no_number(text: str) -> None:
    raise _Doubt(f"{text} is not a number")


def _check_plain(values: Any) -> None:
    """Every text short and without control characters, every number of a sensible size, nothing nested deeply."""
    for value, depth in _all_in(values, 0):
        if depth > MAX_DEPTH:
            raise _Doubt("it is nested too deeply")
        if isinstance(value, str) and (len(value) > MAX_TEXT_CHARACTERS or not is_one_line(value)):
            raise _Doubt(f"a text in it is over {MAX_TEXT_CHARACTERS:,} characters or holds control characters")
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            raise _Doubt("a number in it is far too large")


def _all_in(values: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """Every key and value in a tree of JSON, and how deep it lies."""
    yield values, depth
    if depth <= MAX_DEPTH and isinstance(values, dict | list):
        inside = [*values, *values.values()] if isinstance(values, dict) else values
        for value in inside:
            yield from _all_in(value, depth + 1)


def _check_card(card: ModelCard, head: Head, files: Mapping[str, bytes]) -> None:
    """Raises _Doubt where the card contradicts itself, the head, or the files beside it."""
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in (HEAD, FAMILIARITY)}
    if card.files != hashes:
        raise _Doubt(f"its hashes are not those of {HEAD} and {FAMILIARITY}")
    if card.class_names != head.class_names:
        raise _Doubt("it names other classes than the head")
    if not isinstance(card.name, str) or not card.name or not isinstance(card.mirrored_view, bool):
        raise _Doubt("its name must be a text, and mirrored_view true or false")
    for name in ("photos_per_class", "evaluation", "training"):
        if not isinstance(getattr(card, name), dict):
            raise _Doubt(f"{name} must be an object")
    counts = card.photos_per_class
    if not set(counts) <= set(head.class_names) or not all(map(_is_count, counts.values())):
        raise _Doubt("photos_per_class must give a number of photos for its classes")
    if card.evaluation:
        _check_evaluation(card.evaluation, head.class_names)


def _check_evaluation(evaluation: Mapping[str, Any], class_names: tuple[str, ...]) -> None:
    interval = evaluation.get("accuracy_interval")
    shares = [evaluation.get("accuracy"), evaluation.get("majority_baseline")]
    if not isinstance(interval, list) or len(interval) != 2 or not all(map(_is_share, [*shares, *interval])):
        raise _Doubt("accuracy, its interval and the baseline must be numbers from 0 to 1")
    if not _is_count(evaluation.get("n")):
        raise _Doubt("n must be a number of photos")
    scores = evaluation.get("per_class", {})
    if not isinstance(scores, dict) or not set(scores) <= set(class_names) or not all(map(_is_score, scores.values())):
        raise _Doubt("per_class must give precision, recall, f1 and support of its classes")


def _is_score(score: Any) -> bool:
    if not isinstance(score, dict) or set(score) != {"precision", "recall", "f1", "support"}:
        return False
    return _is_count(score["support"]) and all(_is_share(score[name]) for name in ("precision", "recall", "f1"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
