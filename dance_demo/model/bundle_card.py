"""The card in a bundle, which strangers may have written: nothing in it is believed before it was checked."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from dance_demo.errors import ModelError
from dance_demo.files.text import is_single_line
from dance_demo.model.directory import CARD, FAMILIARITY, FINE_TUNED, HEAD, MAX_CARD_BYTES, ModelCard
from dance_demo.model.head import Head
from dance_demo.model.preprocessing import SoundSettings

MAX_TEXT_CHARACTERS = 3_000  # each text in a card
MAX_NUMBER = 1e12
MAX_DEPTH = 6


class NotABundle(ModelError):
    """What somebody sent is not as this app writes it; `what` says in which way."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This is not a bundle from this app ({what}). Upload the zip just as it was downloaded.")
        self.what = what


class _CardError(Exception):
    """Something about a card is not as this app writes it; the text says what."""


def checked_card(files: Mapping[str, bytes], head: Head) -> ModelCard:
    """The card among the files of a bundle. Raises `NotABundle` where it is not as this app writes it."""
    if len(files[CARD]) > MAX_CARD_BYTES:
        raise NotABundle(f"{CARD} is larger than {MAX_CARD_BYTES:,} bytes")
    try:
        text = files[CARD].decode()
        _check_plain(json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number))
        card = ModelCard.from_json(text)
        _check_card(card, head, files)
    except _CardError as error:
        raise NotABundle(f"{CARD}: {error}") from error
    except (ModelError, ValueError, RecursionError) as error:
        raise NotABundle(f"{CARD} is not the card of a model") from error
    return card


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise _CardError("it says the same thing twice")
    return dict(pairs)


def _no_number(text: str) -> None:
    raise _CardError(f"{text} is not a number")


def _check_plain(values: Any) -> None:
    """Every text short and without control characters, every number of a sensible size, nothing nested deeply."""
    for value, depth in _all_in(values, 0):
        if depth > MAX_DEPTH:
            raise _CardError("it is nested too deeply")
        if isinstance(value, str) and (len(value) > MAX_TEXT_CHARACTERS or not is_single_line(value)):
            raise _CardError(f"a text in it is over {MAX_TEXT_CHARACTERS:,} characters or holds control characters")
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            raise _CardError("a number in it is far too large")


def _all_in(values: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """Every key and value in a tree of JSON, and how deep it lies."""
    yield values, depth
    if depth <= MAX_DEPTH and isinstance(values, dict | list):
        inside = [*values, *values.values()] if isinstance(values, dict) else values
        for value in inside:
            yield from _all_in(value, depth + 1)


def _check_card(card: ModelCard, head: Head, files: Mapping[str, bytes]) -> None:
    """Raises _CardError where the card contradicts itself, the head, or the files beside it."""
    numbers = [name for name in (HEAD, FAMILIARITY, FINE_TUNED) if name in files]
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in numbers}
    if card.files != hashes:
        raise _CardError(f"its hashes are not those of {' and '.join(hashes)}")
    if card.class_names != head.class_names:
        raise _CardError("it names other classes than the head")
    if not isinstance(card.name, str) or not card.name or not isinstance(card.mirrored_view, bool):
        raise _CardError("its name must be a text, and mirrored_view true or false")
    try:
        SoundSettings.of_card(card.sound)
    except ModelError as error:
        raise _CardError(str(error)) from error
    for name in ("photos_per_class", "evaluation", "training"):
        if not isinstance(getattr(card, name), dict):
            raise _CardError(f"{name} must be an object")
    counts = card.photos_per_class
    if not set(counts) <= set(head.class_names) or not all(map(_is_count, counts.values())):
        raise _CardError("photos_per_class must give a number of photos for its classes")
    if card.evaluation:
        _check_evaluation(card.evaluation, head.class_names)


def _check_evaluation(evaluation: Mapping[str, Any], class_names: tuple[str, ...]) -> None:
    interval = evaluation.get("accuracy_interval")
    shares = [evaluation.get("accuracy"), evaluation.get("majority_baseline")]
    if not isinstance(interval, list) or len(interval) != 2 or not all(map(_is_share, [*shares, *interval])):
        raise _CardError("accuracy, its interval and the baseline must be numbers from 0 to 1")
    if not _is_count(evaluation.get("n")):
        raise _CardError("n must be a number of photos")
    overlap = evaluation.get("training_overlap", 0)
    if not _is_count(overlap) or overlap > evaluation["n"]:
        raise _CardError("training_overlap must be a number of the photos that judged")
    scores = evaluation.get("per_class", {})
    if not isinstance(scores, dict) or not set(scores) <= set(class_names) or not all(map(_is_score, scores.values())):
        raise _CardError("per_class must give precision, recall, f1 and support of its classes")


def _is_score(score: Any) -> bool:
    if not isinstance(score, dict) or set(score) != {"precision", "recall", "f1", "support"}:
        return False
    return _is_count(score["support"]) and all(_is_share(score[name]) for name in ("precision", "recall", "f1"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
