"""Every piece of HTML that the page writes itself. Text of others (file and class names, errors) is escaped here."""

import base64
from collections.abc import Sequence
from html import escape

from dance_demo.classifier import Classification
from dance_demo.forms import FORMS, display_name
from dance_demo.model_store import ModelCard
from dance_demo.narration import percent
from dance_demo.ui.examples import Example

# A pleated fan, as it opens between a dancer's knees.
_PLEATS = "".join(
    f'<path d="M24 28 L20.6 4 Q24 1 27.4 4 Z" transform="rotate({turn} 24 28)"/>' for turn in range(-72, 73, 24)
)
MARK = f'<svg class="mark" viewBox="0 0 48 30" aria-hidden="true">{_PLEATS}</svg>'

HEADER = f"""
<header class="masthead">{MARK}<div>
<h1>Name the dance</h1>
<p>Which classical dance of India is in the photo, and where in the picture the model looked.</p>
</div></header>"""

PRIVACY = """<p class="quiet">Photos are kept for this visit only and deleted within about an hour. No account, no
tracking.</p>"""

# The before/after handle: a range input as large as the picture, so that mouse, finger and arrow keys all move it.
SPLIT = """<input type="range" min="0" max="100" value="50"
aria-label="Before and after: how much of the photo is shown without the heatmap, in percent"
oninput="this.closest('#compare').style.setProperty('--split', this.value + '%')">
<span class="handle" aria-hidden="true"></span>"""

# On a phone the answer lies below the photo.
SHOW_ANSWER = """() => {
  const answer = document.querySelector("#answer-column");
  if (innerWidth < 720 && answer) answer.scrollIntoView();
}"""

# A click on an example tells the server its number.
CHOOSE_EXAMPLE = """element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button) trigger("click", {index: Number(button.dataset.index)});
});"""


def welcome(class_names: Sequence[str]) -> str:
    """What stands where the answer will be."""
    names = "".join(f"<li>{escape(display_name(name))}</li>" for name in class_names)
    return f"""<section class="welcome">{MARK}
<h2>Which dance is it?</h2>
<p>Drop a photo of a dancer into the box, paste one, use the camera, or try one of the pictures. The answer
appears here at once, with a map of where the model looked.</p>
<p class="quiet">The model knows</p><ul class="names">{names}</ul></section>"""


def problem(message: str) -> str:
    """Something that the visitor can mend, in place of an answer."""
    return f"""<section class="welcome problem" role="alert">
<h2>That did not work</h2><p>{escape(message)}</p></section>"""


def headline(classification: Classification, sentence: str, *, note: str = "") -> str:
    """The answer in large letters, and under it the rest of the sentence."""
    top = classification.top
    title = f"{display_name(top.label)}, {percent(top.probability)}" if classification.sure else "Not sure"
    rest = sentence.removeprefix(title + ".").strip()
    name, _, likelihood = title.rpartition(", ") if classification.sure else (title, "", "")
    kind, kicker = ("sure", "Most likely") if classification.sure else ("unsure", "No clear answer")
    notes = f'<p class="quiet">{escape(note)}</p>' if note else ""
    return f"""<section class="headline {kind}"><p class="kicker">{kicker}</p>
<h2>{escape(name)} <span class="likelihood">{escape(likelihood)}</span></h2>
<p>{escape(rest).replace(" %", "&nbsp;%")}</p>{notes}</section>"""


def caption(alt_text: str) -> str:
    return f"<p>{escape(alt_text)}</p>"


def form_card(label: str, *, sure: bool) -> str:
    """What to know about a form; nothing for a class that is no form of ours."""
    form = FORMS.get(label)
    if form is None:
        return ""
    confused = " and ".join(display_name(other) for other in form.confused_with)
    facts = (
        ("Home", form.region),
        ("Music", form.music),
        ("What to look for", form.look_for),
        (f"Often confused with {confused}", form.why_confused),
    )
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return f"""<section class="card">
<h3><span>{"About this form" if sure else "In case it is"}</span> {escape(form.name)}</h3><dl>{rows}</dl></section>"""


def model_line(card: ModelCard) -> str:
    """Who answers, and how often it was right on photos that it had not seen."""
    return f'<p class="quiet">Answered by {escape(card.summary())}</p>'


def own_model(card: ModelCard) -> str:
    """Above the photo, while the visitor's own model answers."""
    names = ", ".join(display_name(name) for name in card.class_names)
    return f"""<p role="status"><strong>Your own model answers here</strong>
<span class="quiet">and on nobody else's page. It knows {escape(names)}.</span></p>"""


def example_buttons(examples: Sequence[Example]) -> str:
    """The examples as a strip of buttons, each with its picture and caption."""
    buttons = "".join(
        f'<button type="button" data-index="{index}">'
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(example.thumbnail_jpeg).decode()}">'
        f"<span>{escape(example.caption)}</span><small>{escape(example.credit)}</small></button>"
        for index, example in enumerate(examples)
    )
    return f'<h2 class="quiet">No photo at hand? Try one of these</h2><div class="examples">{buttons}</div>'
