"""The HTML of the tab "Video": the pooled answer to a clip, and the pictures of it that speak for that."""

from collections.abc import Sequence

from dance_demo.files.clip import MAX_FILE_BYTES, MAX_LENGTH_S
from dance_demo.forms import display_name, words_for
from dance_demo.model.classifier import Prediction
from dance_demo.model.description import percent
from dance_demo.predict.clip import ClipAnswer
from dance_demo.ui.components.html import render
from dance_demo.ui.server.files import picture_url

# On a phone the answer lies below the clip, and on a projector below its edge.
SHOW_ANSWER = """() => setTimeout(() => {
  const answer = document.querySelector("#clip-answer .headline");
  const {top, bottom} = answer?.getBoundingClientRect() ?? {};
  if (answer?.checkVisibility() && (top < 0 || bottom > innerHeight)) answer.scrollIntoView({block: "start"});
}, 100)"""


def welcome(class_names: Sequence[str]) -> str:
    return render(
        "video.welcome", words=words_for(class_names), megabytes=MAX_FILE_BYTES // 10**6, seconds=f"{MAX_LENGTH_S:.0f}"
    )


def headline(answer: ClipAnswer) -> str:
    """The answer to the whole clip in large letters."""
    first, second = answer.predictions[:2]
    n = len(answer.times_s)
    sure = not answer.note
    closest = f"Closest: {_named(first)}, then {_named(second)}."
    if not answer.familiar:  # a percentage would mean nothing
        closest = f"The nearest of its classes would be {display_name(first.label)}."
    looked = f"From {n} pictures." if n > 1 else "From one picture."
    return render(
        "base.headline",
        sure=sure,
        kicker="Most likely in this clip" if sure else "No clear answer",
        name=display_name(first.label) if sure else "Not sure",
        label=first.label if sure else "",
        likelihood=percent(first.probability) if sure else "",
        rest=looked if sure else f"{answer.note} {closest}",
        note=answer.remark,
    )


def scores(answer: ClipAnswer, most: int) -> str:
    """The most probable classes with their bars."""
    return render("base.scores", answer=answer, most=most, buttons=False)


def key_frames(answer: ClipAnswer) -> str:
    """The pictures that speak most for what occurs in the clip, with their heatmaps."""
    figures = [
        {
            "alt": frame.alt_text,
            "address": picture_url(frame.overlay_jpeg),
            "time": clock(frame.time_s),
            "answer": _named(frame.prediction) if answer.familiar else display_name(frame.prediction.label),
        }
        for frame in answer.key_frames
    ]
    return render("video.key_frames", figures=figures)


def clock(seconds: float) -> str:
    """``0:07``"""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _named(prediction: Prediction) -> str:
    return f"{display_name(prediction.label)}, {percent(prediction.probability)}"
