"""The HTML of the quiz. Before a guess, nothing here knows what the picture shows."""

import base64
from collections.abc import Sequence
from html import escape

from dance_demo.forms import FORMS, display_name
from dance_demo.model_store import ModelCard
from dance_demo.narration import alt_text, percent
from dance_demo.quiz import ROUNDS, FormStanding, Round, Standing, View, fact
from dance_demo.ui.markup import MARK

CLOSED = """<section class="welcome"><h2>No quiz with this model</h2><p>The model that answers here knows other classes
than the drawings show. Whoever runs this page can put photos into class folders in <code>examples/quiz/</code>.</p>
</section>"""

DRAWINGS = """The pictures are drawings, made anew for every game. The machine has never seen these, but it has learned
from drawings of this kind too: that is an advantage, and drawings are easier than photos."""

UNREADABLE = "None of the photos of this quiz can be read. Tell whoever runs this page."
GONE = "This game is no longer kept. Start a new one."

# A click on a form tells the server the number of the form, and of the picture that it was meant for.
GUESS = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-choice]");
  if (button) trigger("click", {picture: Number(button.dataset.picture), choice: Number(button.dataset.choice)});
});"""

# What was in focus is gone: keyboard and screen reader go on at the new heading, and a phone shows it.
SHOW_HEADING = """() => {
  const heading = document.querySelector("#quiz-question h2");
  if (!heading) return;
  heading.focus({preventScroll: true});
  if (heading.getBoundingClientRect().top < 0 || innerWidth < 720) heading.scrollIntoView();
}"""


def welcome(card: ModelCard, *, drawn: bool) -> str:
    """What the quiz is, and how far it is fair."""
    pictures = DRAWINGS if drawn else "The pictures are photos that whoever runs this page has chosen."
    return f"""<section class="welcome">{MARK}<h2 tabindex="-1">Can you name it before the machine does?</h2>
<p>Up to {ROUNDS} pictures, one guess each. Then the machine answers, and the heatmap shows where in the picture it
looked.</p><p class="quiet">{pictures} On photos: {escape(card.summary())}</p></section>"""


def question(now: View) -> str:
    return f"""{_kicker(now)}<h2 tabindex="-1">Which form is it?</h2>"""


def picture(jpeg: bytes) -> str:
    """The picture to be guessed. Its description must not tell what it shows."""
    return f'<figure><img alt="A dancer, whose form is the question" src="{_data(jpeg)}"></figure>'


def choices(number: int, class_names: Sequence[str]) -> str:
    buttons = "".join(
        f'<button type="button" data-picture="{number}" data-choice="{choice}">{escape(display_name(name))}</button>'
        for choice, name in enumerate(class_names)
    )
    return f'<div class="choices" role="group" aria-label="Your guess">{buttons}</div>'


def verdict(now: View) -> str:
    """The right answer, and who knew it."""
    played = now.rounds[-1]
    right = f"Right, it is {_name(played.label)}" if played.right else f"It is {_name(played.label)}"
    yours = "" if played.right else f"You said {_name(played.guess)}. "
    return f"""{_kicker(now)}<h2 tabindex="-1">{right}</h2>
<p>{yours}{_machine(played)}</p>"""


def explained(jpeg: bytes, overlay_jpeg: bytes, played: Round) -> str:
    """The picture, and beside it where the machine looked."""
    words = escape(alt_text(played.machine.label, played.heatmap))
    return f"""<figure class="two"><img alt="The picture that you guessed" src="{_data(jpeg)}">
<img alt="{words}" src="{_data(overlay_jpeg)}"><figcaption>{words}</figcaption></figure>"""


def why(played: Round) -> str:
    """One fact about the form."""
    text = fact(played)
    if not text:
        return ""
    form = FORMS[played.label]
    mixed = played.guess in form.confused_with
    title = f"{form.name} and {_name(played.guess)}" if mixed else f"How to know {form.name}"
    return f'<section class="fact"><h3>{escape(title)}</h3><p>{escape(text)}</p></section>'


def result(rounds: Sequence[Round]) -> str:
    """Both scores, and the pictures that one of the two did not know."""
    yours, machines = _scores(rounds)
    words = "You and the machine drew." if yours == machines else "You won." if yours > machines else "The machine won."
    missed = [played for played in rounds if not (played.right and played.machine_right)]
    heading = "<h3>What was missed</h3>" if missed else "<p>Nothing was missed by either of you.</p>"
    figures = "".join(map(_missed, missed))
    return f"""<section class="quiz-result"><h2 tabindex="-1">{words}</h2><dl>
<div><dt>You</dt><dd>{yours} of {len(rounds)}</dd></div>
<div><dt>The machine</dt><dd>{machines} of {len(rounds)}</dd></div></dl>
{heading}<div class="thumbs">{figures}</div></section>"""


def standing(now: Standing) -> str:
    """How everybody here does, form by form, as a table with bars."""
    total = now.total
    if not total.guesses:
        return _everybody("<p>Nobody has guessed yet.</p>")
    confused = ""
    if now.confused and now.confused[2] > 1:  # once is chance
        label, other, times = now.confused
        confused = f" Mixed up most: {_name(label)}, taken for {_name(other)} {times} times."
    guesses = "1 guess" if total.guesses == 1 else f"{total.guesses} guesses"
    rows = "".join(_row(form, _name(form.label)) for form in now.forms if form.guesses)
    return _everybody(f"""<p>{guesses} since this app was started: people {_share(total.right, total.guesses)} right,
the machine {_share(total.machine_right, total.guesses)} right, on the same pictures.{confused}</p>
<div class="scrolling"><table class="classes"><caption class="visually-hidden">Share of right answers by form</caption>
<thead><tr><th scope="col">Form</th><th scope="col">Guesses</th><th scope="col">People</th>
<th scope="col">Machine</th></tr></thead><tbody>{rows}{_row(total, "All")}</tbody></table></div>""")


def _everybody(content: str) -> str:
    return f"""<section class="everybody"><h3>Everybody here against the machine</h3>{content}
<p class="quiet">Guesses are counted, people are not: no names, and nothing is kept when the app ends.</p></section>"""


def _row(form: FormStanding, name: str) -> str:
    cells = "".join(
        f'<td class="number"><span class="bar" style="--share: {right / form.guesses:.3f}"></span>'
        f"{_share(right, form.guesses)}</td>"
        for right in (form.right, form.machine_right)
    )
    return f'<tr><th scope="row">{name}</th><td class="number">{form.guesses}</td>{cells}</tr>'


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}&nbsp;%"


def _kicker(now: View) -> str:
    yours, machines = _scores(now.rounds)
    return f"""<p class="kicker">Picture {now.number + 1} of {now.length}
<span>You {yours}, the machine {machines}</span></p>"""


def _scores(rounds: Sequence[Round]) -> tuple[int, int]:
    """How many pictures visitor and machine knew."""
    return sum(played.right for played in rounds), sum(played.machine_right for played in rounds)


def _machine(played: Round) -> str:
    doubt = "" if played.sure else ", but is not sure"
    verdict = "" if played.machine_right else " That is wrong."
    answer = f"{_name(played.machine.label)}, {percent(played.machine.probability)}"
    return f"The machine says {answer}{doubt}.{verdict}".replace(" %", "&nbsp;%")


def _missed(played: Round) -> str:
    yours = "you knew it" if played.right else f"you said {_name(played.guess)}"
    its = "the machine knew it" if played.machine_right else f"the machine said {_name(played.machine.label)}"
    return f"""<figure><img alt="" src="{_data(played.small_jpeg)}"><figcaption><strong>{_name(played.label)}</strong>
<small>{yours}, {its}</small></figcaption></figure>"""


def _name(label: str) -> str:
    return escape(display_name(label))


def _data(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
