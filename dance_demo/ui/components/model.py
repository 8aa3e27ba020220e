"""Who answers a visitor."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dance_demo.forms import Words, words_for
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from dance_demo.training.neighbours import Neighbours


@dataclass(frozen=True)
class Example:
    """A photo that a visitor can try with one click; `credit` says whom to thank for it."""

    path: Path
    caption: str
    credit: str
    thumbnail_jpeg: bytes


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier, the card that says how good it is, and photos to try it with. Immutable, like all of them.

    `neighbours` are the photos that it has learned from, where they are kept.
    """

    classifier: Classifier
    card: ModelCard
    examples: Sequence[Example] = ()
    neighbours: Neighbours | None = None

    @property
    def words(self) -> Words:
        return words_for(self.classifier.class_names)
