"""How a backbone is fine-tuned on photos: every setting, in a file that can be kept and run again."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from dance_demo.data.augmentation import Augmentation
from dance_demo.errors import TrainingError

RECIPES = Path(__file__).resolve().parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """How a backbone is fine-tuned. The ones that were tried live in `recipes/`."""

    name: str = "unnamed"
    side_px: int = 224
    epochs: int = 14  # 0: the backbone stays as it is, under a logistic regression
    batch_size: int = 16
    first_trainable: str = "block_3_expand"  # this layer and all above it learn; "" means all layers
    backbone_rate: float = 3e-4
    head_rate: float = 1e-3
    layer_decay: float = 1.0  # each inverted-residual block below the top learns slower by this factor
    pull: float = 0.01  # weight decay, towards the weights it started from (L2-SP, Li et al. 2018)
    warmup: float = 0.08  # part of the steps
    label_smoothing: float = 0.1
    dropout: float = 0.2
    mix_probability: float = 0.5  # how often a batch is blended by mixup or CutMix
    consistency: float = 0.0  # above 0: each photo trains as two copies, whose answers may not differ, this strongly
    average: float = 0.98  # momentum of the weight average that is kept
    class_balance: float = 0.5  # photos are drawn with probability ~ 1 / (photos of their class)**this
    primary_weight: float = 1.0  # how much more often a photo with a fold is drawn than an extra one
    drawings_per_class: int = 10  # illustrations that train too, so that the examples are named right
    served_side_px: int = 256  # what the exported network takes; dancers look larger in training crops (FixRes)
    mirrored_view: bool = False  # serve the average of a photo and its mirror image
    augmentation: Augmentation = field(default_factory=Augmentation)

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Read a recipe; unknown or missing keys are a `TrainingError` that names them."""
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(**{**values, "augmentation": Augmentation(**values.get("augmentation", {}))})
        except (OSError, TypeError, ValueError, AttributeError) as error:
            raise TrainingError(f"{path} is not a recipe: {error}") from error
