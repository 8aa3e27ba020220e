"""What a trained head is and how well it does, in words: the model card that goes with it, as Markdown."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dance_demo.model_store import ModelCard

_IN_THE_APP = 'upload this zip, just as it is, under "Bring a head back" in "Train your own".'
_FROM_HUB = 'type `{repo}` under "Load from the Hub" in "Train your own", in the step "Use".'
_USE = """\
## Use it

- In the app: {in_the_app}
- On the command line, in the folder of `dance_demo`: `python FOLDER/predict.py photo.jpg`, FOLDER being where this
  bundle was unpacked. It prints the three most probable classes of each photo.

## What is in it

`head.npz` and `familiarity.npz` hold plain numbers, `card.json` everything on this page for programs, `labels.txt` the
classes in the order of the head's answers, `metrics.json` the evaluation. The backbone, which turns a photo into
numbers, is not in it; the app has it. No photo and no program but `predict.py` is in it.

## Keep in mind

The figures hold for photos like those it was trained on. It names one of its classes for any photo; "not sure" is its
only way to say none of them. A heatmap shows where it looked, which is no proof of why.
"""


def model_readme(card: ModelCard, *, repo: str = "") -> str:
    """The card as Markdown. Names that people chose appear as they are, whatever signs are in them.

    `repo` (owner/name) says that it is for the Hugging Face Hub, not for a zip.
    """
    in_the_app = _FROM_HUB.format(repo=repo) if repo else _IN_THE_APP
    parts = [
        f"# Model card: {_plain(card.name)}",
        f"Names one of {len(card.class_names)} classes in a photo: {', '.join(map(_plain, card.class_names))}.",
        "## How good it is",
        *_quality(card),
        "\n".join(_class_table(card)),
        "## How it was trained",
        "\n".join(_settings_table(card.training)),
        _USE.format(in_the_app=in_the_app),
    ]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _quality(card: ModelCard) -> Iterator[str]:
    if not card.evaluation:
        yield "It was not held against photos that it had not seen."
        return
    low, high = card.evaluation["accuracy_interval"]
    yield (
        f"**{card.evaluation['accuracy']:.1%} of {card.evaluation['n']} held-out photos right** "
        f"(95 % interval {low:.1%} to {high:.1%}). "
        f"Always naming the commonest class would be right for {card.evaluation['majority_baseline']:.1%}."
    )
    if protocol := card.evaluation.get("protocol"):
        yield f"**How it was held out.** {_plain(str(protocol))}"


def _class_table(card: ModelCard) -> Iterator[str]:
    scores = card.evaluation.get("per_class", {})
    yield "| Class | Photos | Precision | Recall | F1 | Held-out photos |"
    yield "|---|---|---|---|---|---|"
    for name in card.class_names:
        score = scores.get(name)
        shares = [f"{score[key]:.2f}" for key in ("precision", "recall", "f1")] if score else ["", "", ""]
        cells = [_plain(name), card.photos_per_class.get(name, ""), *shares, score["support"] if score else ""]
        yield f"| {' | '.join(map(str, cells))} |"


def _settings_table(training: Mapping[str, Any]) -> Iterator[str]:
    if not training:
        return
    yield "| Setting | Value |"
    yield "|---|---|"
    for name, value in dict(_flat(training)).items():  # the backbone is named twice
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"| {_plain(name.replace('_', ' '))} | {_plain(text)} |"


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings without the groups that they are in."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no link, no picture, no tag, no new cell of a table."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", " ".join(text.split()))
