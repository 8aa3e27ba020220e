"""What the first tab says, as HTML, and the scripts of its pieces. Other tabs use some of it, too."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import data_url, thumbnail
from dance_demo.forms import FORMS, display_name
from dance_demo.model.classifier import Classification
from dance_demo.model.description import percent
from dance_demo.training.neighbours import Neighbour
from dance_demo.ui.components.html import render
from dance_demo.ui.components.model import Model
from dance_demo.ui.components.scripts import fetched_script
from dance_demo.ui.server.files import picture_url

LOOKALIKE_PX = 220  # of the longer side

# A new answer is shown with all its heatmap. On a phone it lies below the photo.
SHOW_ANSWER = """() => {
  delete document.querySelector("#stage").dataset.waiting;
  const range = document.querySelector("#split input"), answer = document.querySelector("#answer-column");
  if (range) {
    range.value = 0;
    range.dispatchEvent(new Event("input"));
  }
  if (innerWidth < 720 && answer) answer.scrollIntoView();
}"""

# A click on an example, or on a class, tells the server its number. Gradio sends a click that comes during another
# (`always_last`) with the data of that other, so it is one object for all of them: it holds the newest.
CHOOSE_NUMBER = """const newest = {};
element.addEventListener("click", event => {
  const button = event.target.closest("button[data-index]");
  if (button) trigger("click", Object.assign(newest, {index: Number(button.dataset.index)}));
});
element.closest(".block").toggleAttribute("data-live", true);"""


def script(name: str) -> str:
    """A script of this folder, for the piece of HTML that it belongs to, there called `element`."""
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def fetched(name: str) -> str:
    """The same of a script that is not needed before there is an answer."""
    return fetched_script(Path(__file__).with_name(f"{name}.js"))


def headline(classification: Classification, sentence: str, *, note: str = "") -> str:
    """The answer in large letters, and under it the rest of the sentence."""
    sure, top = classification.sure, classification.top
    name, likelihood = (display_name(top.label), percent(top.probability)) if sure else ("Not sure", "")
    return render(
        "base.headline",
        sure=sure,
        kicker="Most likely" if sure else "No clear answer",
        name=name,
        label=top.label if sure else "",
        likelihood=likelihood,
        rest=sentence.removeprefix(f"{name}, {likelihood}." if sure else f"{name}.").strip(),
        note=note,
    )


def examples(own: Model) -> str:
    """Photos to try a visitor's own model with."""
    pictures = [data_url(example.thumbnail_jpeg) for example in own.examples]
    return render("classify.examples", examples=own.examples, heading="Try one of your own photos", pictures=pictures)


def own_model_line(own: Model | None) -> str:
    """Says in other tabs that the visitor's own model is going to answer; nothing if it is not."""
    return render("base.own_model", card=own.card) if own else ""


def most_like(neighbours: Sequence[Neighbour]) -> str:
    """Photos that the model has learned from and that the answered one looks most like; nothing if there are none."""
    shown = lookalikes(neighbours)
    return render("classify.most_like", shown=shown) if shown else ""


def lookalikes(neighbours: Sequence[Neighbour]) -> list[dict[str, str]]:
    """Each of them with its picture, for the macro of that name; those that are no longer there are left out."""
    shown = []
    for neighbour in neighbours:
        with suppress(PhotoError):
            url = picture_url(thumbnail(neighbour.photo.path, LOOKALIKE_PX))
            likeness = "the same" if neighbour.same else f"{percent(neighbour.similarity)} alike"
            shown.append({"url": url, "label": neighbour.photo.label, "name": neighbour.photo.name, "alike": likeness})
    return shown


def form_card(label: str, *, sure: bool) -> str:
    """What to know about a form; nothing for a class that is no form of ours."""
    form = FORMS.get(label)
    return render("classify.form_card", label=label, form=form, sure=sure) if form else ""
