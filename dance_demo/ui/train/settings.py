"""The settings of a training with a few words of help each: few in sight, the others one click away."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from dance_demo.data.dataset import PhotoDataset
from dance_demo.errors import TrainingError
from dance_demo.hub.online import reaches
from dance_demo.model.backbone import BACKBONES, DESCRIPTIONS, IMAGENET, TITLES
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE, is_at_hand
from dance_demo.networks.mobilenet import KERAS_FILE_BYTES, KERAS_FOLDER
from dance_demo.training.backbones.fine_tuning import PHOTOS_AT_MOST, fine_tuning_s
from dance_demo.training.config import AUTOMATIC, TrainingConfig
from dance_demo.ui.components.job_markup import duration

ASIDE, FOLDS = "Put some aside", "5-fold cross-validation"
HEADS = [("Softmax", "softmax"), ("Perceptron", "perceptron"), ("One hidden layer", "hidden")]
STRENGTHS = [("Off", "off"), ("Light", "light"), ("Medium", "medium"), ("Strong", "strong")]
OPTIMIZERS = [("Adam", "adam"), ("SGD with momentum", "sgd")]
BATCH_SIZES = [8, 16, 32, 64, 128]


_BACKBONES = (
    "What looks at the pictures before the head. Automatic: what tells those that train apart best. "
    + " ".join(f"{TITLES[name]}: {DESCRIPTIONS[name]}" for name in BACKBONES)
)
_FINE_TUNING = "After the head, the backbone's last blocks learn, too (unfrozen)."
_MEGABYTES = f"{KERAS_FILE_BYTES / 1e6:.0f} MB"
_NOT_HERE = (
    f"ImageNet cannot be chosen now: its {_MEGABYTES} are not on this computer, which has no connection to fetch them. "
    f"Connect it once, or start the app with {WEIGHTS_VARIABLE} set to the file."
)


class TrainingSettings:
    """The components, and what they say as a `TrainingConfig`. Make it inside the container around."""

    def __init__(self) -> None:
        self.default = TrainingConfig()
        self.components: dict[str, gr.components.Component] = {}
        with gr.Column(elem_classes="settings"):
            self._lay_out_first()
            advanced = gr.Accordion("Advanced settings", open=False, elem_id="advanced")
            with advanced, gr.Column(elem_classes="settings"):
                self._lay_out_data()
                self._lay_out_fit()
                self._lay_out_restraint()

    @property
    def inputs(self) -> list[gr.components.Component]:
        return list(self.components.values())

    def config(self, values: Sequence[Any]) -> TrainingConfig:
        """The settings as chosen; `values` are those of `inputs`. Raises TrainingError for impossible ones."""
        chosen = dict(zip(self.components, values, strict=True))
        empty = [name for name, value in chosen.items() if value is None]
        if empty:
            raise TrainingError(f"{_words(empty[0])} is empty. Fill it in, or reset the settings.")
        folds = 5 if chosen.pop("judge") == FOLDS else 0
        whole = {name: _whole(chosen[name]) for name in ("epochs", "batch_size", "seed")}
        return TrainingConfig(**{**chosen, **whole}, folds=folds, keep_best=True)

    def offer_backbones(self, chosen: Any) -> Any:
        """What can be had now of the backbones: one that is not here yet must be downloaded first."""
        offered = list(BACKBONES)
        if is_at_hand(IMAGENET):
            info = _BACKBONES
        elif reaches(KERAS_FOLDER):
            info = f"{_BACKBONES} It is not here yet: {_MEGABYTES} are fetched first."
        else:
            offered.remove(IMAGENET)
            info = f"{_BACKBONES} {_NOT_HERE}"
        value = chosen if chosen in offered else AUTOMATIC
        return gr.update(choices=_backbones(offered), value=value, info=info)

    def offer_fine_tuning(self, dataset: PhotoDataset) -> Any:
        """What it takes of these photos, said before it is asked for."""
        n = len(dataset.photos)
        limit = f"For up to {PHOTOS_AT_MOST:,} photos."
        takes = f"About {duration(fine_tuning_s(n))} more for these {n} photos, on two processor cores."
        return gr.update(visible=not dataset.sound, info=f"{_FINE_TUNING} {takes if n <= PHOTOS_AT_MOST else limit}")

    def defaults(self) -> dict[gr.blocks.Block, Any]:
        """What each component shows at the beginning."""
        return {component: component.value for component in self.components.values()}

    def _lay_out_first(self) -> None:
        self._add(
            "judge",
            gr.Radio,
            choices=[ASIDE, FOLDS],
            value=ASIDE,
            label="How it is judged",
            info="What is put aside judges the head. With few, folds say more: each judges once. It takes longer.",
        )
        self._add(
            "backbone",
            gr.Radio,
            choices=_backbones(BACKBONES),
            label="Backbone",
            info=_BACKBONES,
        )
        self._check("fine_tune", "Fine-tune the last blocks", _FINE_TUNING)
        self._slider("epochs", 5, 300, 5, "Epochs", "How often all of them are gone through.")

    def _lay_out_data(self) -> None:
        self._add(
            "augmentation",
            gr.Radio,
            choices=STRENGTHS,
            label="Augmentation",
            info="Mirrored, cropped and recoloured copies of the training photos. Helps with few photos.",
        )
        self._slider(
            "validation_fraction",
            0.1,
            0.5,
            0.05,
            "Share put aside",
            "Of all, to judge the head. Not with folds.",
        )
        self._check("class_weights", "Class weights", "Rare classes count for more.")
        self._check("power_normalized", "Power-normalised features", "Square root, then length 1: usually better.")

    def _lay_out_fit(self) -> None:
        self._add(
            "head",
            gr.Radio,
            choices=HEADS,
            label="Head",
            info="Softmax: one linear layer, the usual choice. Perceptron: Rosenblatt's rule. A hidden layer can bend "
            "the borders.",
        )
        self._add("optimizer", gr.Radio, choices=OPTIMIZERS, label="Optimizer", info="How the weights are moved.")
        self._add("batch_size", gr.Radio, choices=BATCH_SIZES, label="Batch size", info="How many before each step.")
        self._number("learning_rate", "Learning rate", "The size of a step. Too large: the loss jumps.")
        self._number("seed", "Seed", "The same seed and data give the same head.", precision=0)

    def _lay_out_restraint(self) -> None:
        self._slider("dropout", 0, 0.8, 0.05, "Dropout", "Share of the features left out at random in each step.")
        self._number("l2", "L2", "Keeps the weights small, against learning by heart.")
        self._slider("label_smoothing", 0, 0.3, 0.01, "Label smoothing", "Teaches the head some doubt in the labels.")
        self._check(
            "early_stopping", "Early stopping", "Ends when a few that train, kept out of the fit, get no better."
        )

    def _slider(self, name: str, low: float, high: float, step: float, label: str, info: str) -> None:
        self._add(name, gr.Slider, minimum=low, maximum=high, step=step, label=label, info=info, buttons=[])

    def _number(self, name: str, label: str, info: str, **settings: Any) -> None:
        self._add(name, gr.Number, label=label, info=info, minimum=0, **settings)

    def _check(self, name: str, label: str, info: str) -> None:
        self._add(name, gr.Checkbox, label=label, info=info)

    def _add(self, name: str, component: type[gr.components.Component], **settings: Any) -> None:
        """Add the component of one setting; its value is the default unless another is given."""
        settings.setdefault("value", getattr(self.default, name, None))
        self.components[name] = component(interactive=True, elem_id=f"setting-{name.replace('_', '-')}", **settings)


def _backbones(offered: Sequence[str]) -> list[tuple[str, str]]:
    return [("Automatic", AUTOMATIC), *((TITLES[name], name) for name in offered)]


def _whole(value: Any) -> Any:
    """A number field sends 60 as 60.0; anything else is for the check of the settings."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
