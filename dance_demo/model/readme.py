"""What a trained head is and how well it does, in words: the model card that goes with it, as Markdown.

On the Hugging Face Hub front matter stands above it, which the Hub's pages and searches read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dance_demo.model.description import measured
from dance_demo.model.directory import ModelCard

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

HUB_TAGS = ("dance-demo", "image-classification", "grad-cam")
SOUND_TAGS = ("dance-demo", "audio-classification", "grad-cam")
OLDEST_KERAS = "3.3"  # in which a full model opens: see `networks.full_model`
_IN_THE_APP = 'upload this zip, just as it is, under "Bring a head back" in "Train your own".'
_FROM_HUB = 'type `{repo}` under "Load from the Hub" in "Train your own", in the step "Use".'
_USE = """\
## Use it

- In the app: {in_the_app}
- On the command line, in the folder of `dance_demo`: `python FOLDER/predict.py {example}`, FOLDER being where this
  bundle was unpacked. It prints the three most probable classes of each {one}.
{elsewhere}
## What is in it

`head.npz` and `familiarity.npz` hold plain numbers, `card.json` everything on this page for programs, `labels.txt` the
classes in the order of the head's answers, `metrics.json` the evaluation. The backbone, which turns a picture into
numbers, is not in it; the app has it. No {one} and no program but `predict.py` is in it.

## Keep in mind

The figures hold for {many} like those it was trained on. It names one of its classes for any {one}; "not sure" is its
only way to say none of them. A heatmap shows where it {did}, which is no proof of why.
"""
_ELSEWHERE = f"""\
- In other programs: `python -m dance_demo export FOLDER --as keras --out model.keras` writes backbone and head as one
  network, which Keras {OLDEST_KERAS} and later opens; `tflite`, `onnx` and `page` are for phones, ONNX, browsers.
"""

_WORDS_OF_PHOTOS = {"one": "photo", "many": "photos", "example": "photo.jpg", "did": "looked"}
_WORDS_OF_SOUND = {"one": "recording", "many": "recordings", "example": "recording.wav", "did": "listened"}


def model_readme(card: ModelCard, *, repo: str = "") -> str:
    """The card as Markdown. Names that people chose appear as they are, whatever signs are in them.

    `repo` (owner/name) says that it is for the Hugging Face Hub, not for a zip.
    """
    in_the_app = _FROM_HUB.format(repo=repo) if repo else _IN_THE_APP
    words = _WORDS_OF_SOUND if card.sound else _WORDS_OF_PHOTOS
    names = ", ".join(map(_plain, card.class_names))
    parts = [
        f"# Model card: {_plain(card.name)}",
        f"Names one of {len(card.class_names)} classes in a {words['one']}: {names}.",
        "## How good it is",
        *_quality(card),
        "\n".join(_class_table(card)),
        "## How it was trained",
        "\n".join(_settings_table(card.training)),
        _USE.format(in_the_app=in_the_app, elsewhere="" if card.sound else _ELSEWHERE, **words),
    ]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def hub_readme(card: ModelCard, repo: str) -> str:
    """README.md for the repository `repo`: front matter with the evaluation (model-index), then Markdown."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        model_name=repo.rpartition("/")[2],
        pipeline_tag="audio-classification" if card.sound else "image-classification",
        library_name="dance-demo",
        tags=list(SOUND_TAGS if card.sound else HUB_TAGS),
        eval_results=_results(card) or None,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{model_readme(card, repo=repo)}"


def _quality(card: ModelCard) -> Iterator[str]:
    if not card.evaluation:
        yield f"It was not held against {card.noun} that it had not seen."
        return
    low, high = card.evaluation["accuracy_interval"]
    yield (
        f"**{measured(card.evaluation['accuracy'])} of {card.evaluation['n']} held-out {card.noun} right** "
        f"(95 % interval {measured(low)} to {measured(high)}). "
        f"Always naming the commonest class would be right for {measured(card.evaluation['majority_baseline'])}."
    )
    if card.warning:
        yield f"**Beware.** {card.warning}"
    if protocol := card.evaluation.get("protocol"):
        yield f"**How it was held out.** {_plain(str(protocol))}"


def _class_table(card: ModelCard) -> Iterator[str]:
    scores = card.evaluation.get("per_class", {})
    counted = card.noun.capitalize()
    yield f"| Class | {counted} | Precision | Recall | F1 | Held-out {card.noun} |"
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


def _results(card: ModelCard) -> list["EvalResult"]:
    """Accuracy and macro F1 on the held-out photos; the interval and n stand in the name of the metric."""
    from huggingface_hub import EvalResult

    e = card.evaluation
    if not e:
        return []
    low, high = e["accuracy_interval"]
    about: dict[str, Any] = {
        "task_type": "audio-classification" if card.sound else "image-classification",
        "task_name": "Audio Classification" if card.sound else "Image Classification",
        "dataset_type": "private",
        "dataset_name": f"Held-out {card.noun} of {len(card.class_names)} classes, not published",
        "dataset_args": {"n": e["n"], "majority_baseline": e["majority_baseline"]},
    }
    overlap = f"; {e['training_overlap']} of them trained the backbone" if card.warning else ""
    named = f"Accuracy (n = {e['n']}{overlap}, 95 % interval {measured(low)} to {measured(high)})"
    results = [EvalResult(**about, metric_type="accuracy", metric_value=e["accuracy"], metric_name=named)]
    f1 = e.get("macro_f1")
    if isinstance(f1, int | float):
        results.append(
            EvalResult(**about, metric_type="f1", metric_value=f1, metric_name=f"Macro F1 (n = {e['n']}{overlap})")
        )
    return results
