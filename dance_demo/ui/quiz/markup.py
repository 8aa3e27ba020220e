"""The HTML of the quiz. Before a guess, nothing here knows what the picture shows."""

from collections.abc import Sequence

from dance_demo.classroom.quiz import ROUNDS, Round, Standing, View, fact
from dance_demo.files.jpeg import data_url
from dance_demo.forms import FORMS, display_name
from dance_demo.model.description import alt_text, percent
from dance_demo.model.directory import ModelCard
from dance_demo.ui.components.html import render

DRAWINGS = """The pictures are drawings, made anew for every game. The machine has never seen these, but it has learned
from drawings of this kind too: that is an advantage, and drawings are easier than photos."""
PHOTOS = "The pictures are photos that whoever runs this page has chosen."

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
    return render("quiz.welcome", card=card, rounds=ROUNDS, pictures=DRAWINGS if drawn else PHOTOS)


def question(now: View) -> str:
    return render("quiz.question", now=now, scores=_scores(now.rounds), heading="Which form is it?")


def picture(jpeg: bytes) -> str:
    """The picture to be guessed: a part of the page, so that it lies at no address, and described by no word."""
    return render("quiz.picture", address=data_url(jpeg))


def choices(number: int, class_names: Sequence[str]) -> str:
    return render("quiz.choices", number=number, class_names=class_names)


def verdict(now: View) -> str:
    """The right answer, and who knew it."""
    played = now.rounds[-1]
    name = display_name(played.label)
    heading = f"Right, it is {name}" if played.right else f"It is {name}"
    yours = "" if played.right else f"You said {display_name(played.guess)}. "
    return render(
        "quiz.question",
        now=now,
        scores=_scores(now.rounds),
        heading=heading,
        text=yours + _machine(played),
        label=played.label,
    )


def explained(jpeg: bytes, overlay_jpeg: bytes, played: Round) -> str:
    """The picture, and beside it where the machine looked."""
    words = alt_text(played.machine.label, played.heatmap)
    return render("quiz.explained", plain=data_url(jpeg), heat=data_url(overlay_jpeg), words=words)


def why(played: Round) -> str:
    """One fact about the form."""
    text = fact(played)
    if not text:
        return ""
    form = FORMS[played.label]
    mixed = played.guess in form.confused_with
    title = f"{form.name} and {display_name(played.guess)}" if mixed else f"How to know {form.name}"
    return render("quiz.why", title=title, text=text)


def result(rounds: Sequence[Round]) -> str:
    """Both scores, and the pictures that one of the two did not know."""
    yours, machines = scores = _scores(rounds)
    words = "You and the machine drew." if yours == machines else "You won." if yours > machines else "The machine won."
    missed = [
        (data_url(played.small_jpeg), display_name(played.label), _answers(played))
        for played in rounds
        if not (played.right and played.machine_right)
    ]
    return render("quiz.result", words=words, scores=scores, length=len(rounds), missed=missed)


def standing(now: Standing) -> str:
    """How everybody here does, form by form, as a table with bars."""
    confused = ""
    if now.confused and now.confused[2] > 1:  # once is chance
        label, other, times = now.confused
        confused = f" Mixed up most: {display_name(label)}, taken for {display_name(other)} {times} times."
    return render("quiz.standing", now=now, confused=confused)


def _scores(rounds: Sequence[Round]) -> tuple[int, int]:
    """How many pictures visitor and machine knew."""
    return sum(played.right for played in rounds), sum(played.machine_right for played in rounds)


def _machine(played: Round) -> str:
    doubt = "" if played.sure else ", but is not sure"
    verdict = "" if played.machine_right else " That is wrong."
    answer = display_name(played.machine.label)
    if played.familiar:
        answer = f"{answer}, {percent(played.machine.probability)}"
    return f"The machine says {answer}{doubt}.{verdict}"


def _answers(played: Round) -> str:
    yours = "you knew it" if played.right else f"you said {display_name(played.guess)}"
    machine = display_name(played.machine.label)
    return f"{yours}, {'the machine knew it' if played.machine_right else f'the machine said {machine}'}"
