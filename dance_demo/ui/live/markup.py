"""The HTML of the tab "Live". Its script, live.js, fills in what changes, as text."""

import json
from collections.abc import Sequence
from pathlib import Path

from dance_demo.forms import display_name, own_name, words_for
from dance_demo.predict.camera import MOST_LIKELY, NO_HEATMAP
from dance_demo.ui.classify.markup import own_model_line
from dance_demo.ui.components.camera import camera_script
from dance_demo.ui.components.html import render
from dance_demo.ui.components.model import Model
from dance_demo.ui.live.local import engine_address, runtime_address
from dance_demo.ui.server.gradio_routes import LIVE_FRAME, LIVE_MODEL

ROWS = 4  # classes in the list


def script() -> str:
    """What runs in the browser once the tab is shown. `element` is the piece of HTML that `live` gives."""
    return camera_script(*(Path(__file__).with_name(name) for name in ("local.js", "live.js")))


def live(class_names: Sequence[str], *, on_server: bool) -> str:
    """Camera on the left, answer on the right. With `on_server` the browser is not asked to answer itself."""
    files = {} if on_server else {"engine": engine_address(), "runtime": runtime_address(), "about": LIVE_MODEL}
    about = {"class_names": class_names, "words": words_for(class_names), "choices": _choices(class_names)}
    return render("live.live", url=LIVE_FRAME, files=files, rows=ROWS, **about)


def whose(own: Model | None, id: str, class_names: Sequence[str]) -> str:
    """Says that an own model answers, and tells the script which one that is."""
    names = [(display_name(name), own_name(name)) for name in class_names]
    question = f"{words_for(class_names).question} it?"
    known = json.dumps({"names": names, "choices": _choices(class_names), "question": question})
    return own_model_line(own) + render("live.model", id=id, known=known)


def _choices(class_names: Sequence[str]) -> list[tuple[int, str]]:
    """(number, what it is of) of each heatmap that one can have."""
    numbered = [(number, display_name(name)) for number, name in enumerate(class_names)]
    return [(MOST_LIKELY, "the most likely one"), *numbered, (NO_HEATMAP, "nothing (no heatmap)")]
