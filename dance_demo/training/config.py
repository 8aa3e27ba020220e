"""How a visitor's head is trained: every setting, checked, with defaults that suit a few hundred photos."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from dance_demo.data.augmentation import Augmentation
from dance_demo.errors import TrainingError
from dance_demo.model.backbone import BACKBONES

AUTOMATIC = "automatic"  # whichever of the backbones that are at hand tells the training photos apart better
BACKBONE_CHOICES = (AUTOMATIC, *BACKBONES)
SOFTMAX, PERCEPTRON, HIDDEN = HEADS = ("softmax", "perceptron", "hidden")
ADAM, SGD = OPTIMIZERS = ("adam", "sgd")
AUGMENTATIONS: Mapping[str, Augmentation | None] = MappingProxyType(
    {
        "off": None,
        "light": Augmentation(0.75, 0.05, 4.0, 0.10, mirror=True, erase_probability=0.0),
        "medium": Augmentation(0.50, 0.10, 8.0, 0.20, mirror=True, erase_probability=0.1),
        "strong": Augmentation(),
    }
)


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one training. Raises `TrainingError`, with the value received, for impossible ones.

    `folds` 0 puts `validation_fraction` of the photos aside to judge; 3 to 10 is cross-validation. With `keep_best`
    a training that is stopped still gives the best head that it had by then.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = ADAM
    dropout: float = 0.0  # share of the features that are left out in each step
    l2: float = 0.0
    label_smoothing: float = 0.0
    class_weights: bool = False  # rare classes count for more
    augmentation: str = "medium"
    early_stopping: bool = False
    seed: int = 0
    power_normalized: bool = True
    backbone: str = AUTOMATIC
    head: str = SOFTMAX
    validation_fraction: float = 0.2
    folds: int = 0
    keep_best: bool = True
    fine_tune: bool = False  # the last blocks of the backbone learn, too, after the head

    def __post_init__(self) -> None:
        self._one_of("optimizer", OPTIMIZERS)
        self._one_of("augmentation", AUGMENTATIONS)
        self._one_of("backbone", BACKBONE_CHOICES)
        self._one_of("head", HEADS)
        for name, low, high in (("epochs", 1, 1000), ("batch_size", 1, 1024), ("seed", 0, 2**31 - 1)):
            self._whole(name, low, high)
        for name, most in (("dropout", 0.9), ("l2", 1), ("label_smoothing", 0.5)):
            self._number(name, 0, most)
        self._number("learning_rate", 1e-6, 10)
        self._number("validation_fraction", 0.05, 0.5)
        self._whole("folds", 0, 10)
        if self.folds in (1, 2):
            self._refuse("folds", "0 for one split, or from 3 to 10")
        for name in ("class_weights", "early_stopping", "power_normalized", "keep_best", "fine_tune"):
            if not isinstance(getattr(self, name), bool):
                self._refuse(name, "on or off")

    def for_sound(self) -> "TrainingConfig":
        """The same for pictures of sound, of which no changed copies are made: mirrored ones play backwards."""
        return replace(self, augmentation="off")

    def _one_of(self, name: str, allowed: Any) -> None:
        if not isinstance(getattr(self, name), str) or getattr(self, name) not in allowed:
            self._refuse(name, f"one of: {', '.join(allowed)}")

    def _whole(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._refuse(name, f"a whole number from {low:,} to {high:,}")

    def _number(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:  # NaN fails too
            self._refuse(name, f"a number from {low:g} to {high:g}")

    def _refuse(self, name: str, expected: str) -> None:
        received = f"{getattr(self, name)!r:.80}"
        raise TrainingError(f"{name.replace('_', ' ').capitalize()} must be {expected}. Received: {received}.")
