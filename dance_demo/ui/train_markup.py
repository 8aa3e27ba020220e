"""The HTML of "Train your own" after the photos are in. Text of others (class and file names) is escaped here."""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from dance_demo.comparison import ComparisonResult, ComparisonRow
from dance_demo.errands import Named
from dance_demo.evaluation import Evaluation
from dance_demo.forms import display_name
from dance_demo.model_store import ModelCard
from dance_demo.narration import percent
from dance_demo.suspicions import Suspicion
from dance_demo.training import TrainingConfig, TrainingResult
from dance_demo.ui.trainings import Material, Training
from dance_demo.ui.work_markup import duration

NAMES_SHOWN = 12
UNREADABLE_SHOWN = 5
KEEP, LEAVE_OUT = "keep", "leave out"

# A click on a button inside tells the server the numbers that it carries.
CHOOSE = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-choice]");
  if (button) trigger("click", {choice: button.dataset.choice.split(",").map(Number)});
});"""

# "Train again" and "Download" send what is chosen for each photo: pairs of its place and the chosen option.
DECIDE = """element.addEventListener("click", event => {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const decisions = [...element.querySelectorAll("select")].map(s => [Number(s.dataset.place), s.value]);
  trigger("click", {action: button.dataset.action, decisions});
});
const counted = () => {
  const changed = [...element.querySelectorAll("select")].filter(s => s.selectedIndex > 0).length;
  const count = element.querySelector("output");
  if (count) count.textContent = changed === 1 ? "1 correction" : `${changed} corrections`;
  for (const button of element.querySelectorAll("button[data-action]")) button.disabled = changed === 0;
};
element.addEventListener("change", counted);
watch("value", () => {  // other photos: what was chosen for the last ones must not stay in their places
  for (const select of element.querySelectorAll("select")) select.selectedIndex = 0;
  counted();
});"""


@dataclass(frozen=True)
class Shown:
    """One photo with what there is to say about it."""

    jpeg: bytes
    overlay_jpeg: bytes
    alt_text: str
    title: str
    detail: str


def count(number: int, thing: str, things: str = "") -> str:
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def share(value: float) -> str:
    return f"{100 * value:.1f}&nbsp;%"


INTRODUCTION = """<p class="lead">Teach the model your own classes: photos in, a head out, in less than a minute. It is
judged on photos that it has not seen, and shows where it looks.</p>"""


# --- training ----------------------------------------------------------------------------------------------


NO_PHOTOS = """<section class="empty"><h3>No photos yet</h3>
<p>Choose your photos in the first step, or take the sample dataset. They are checked there, and trained on here.</p>
</section>"""


def material(material: Material) -> str:
    """What will be trained on, in one line."""
    dataset = material.dataset
    corrections = f", {count(material.corrections, 'correction')} made" if material.corrections else ""
    return f"""<p class="material"><strong>{count(len(dataset.photos), "photo")} of
{count(len(dataset.class_names), "class", "classes")}</strong>{corrections}
<span class="quiet">{names(dataset.class_names)}</span></p>"""


def names(class_names: Sequence[str]) -> str:
    """The names of classes, not too many."""
    shown = ", ".join(escape(display_name(name)) for name in class_names[:NAMES_SHOWN])
    more = len(class_names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def finished(result: TrainingResult) -> str:
    """The end of a training, in one line."""
    evaluation = result.evaluation
    early = " It was stopped early; this is the best so far." if result.stopped else ""
    return f"""<p class="notice good" role="status"><strong>Done: {share(evaluation.accuracy)} of
{count(evaluation.n, "held-out photo")} right,</strong> after {duration(result.seconds["total"])}.{early}</p>"""


# --- results -----------------------------------------------------------------------------------------------


NO_RESULT = """<section class="empty"><h3>Nothing trained yet</h3>
<p>Results appear here when a training is done: how often the head is right, what it mixes up, and the photos
behind each number.</p></section>"""


def score(result: TrainingResult, previous: Evaluation | None) -> str:
    """The accuracy in large letters, and beside it what to hold it against."""
    evaluation = result.evaluation
    low, high = evaluation.accuracy_interval
    held_out = (
        f"{result.config.folds}-fold cross-validation: each photo was judged once, by a head that had not seen it"
        if _all_folds_judged(result)
        else f"{count(result.n_train, 'photo')} trained the head, the other {evaluation.n} judged it"
    )
    facts = [
        ("95&nbsp;% interval", f"{share(low)} to {share(high)}"),
        ("Always naming the commonest class", share(evaluation.majority_baseline)),
        ("Macro F1", f"{evaluation.macro_f1:.2f}"),
        ("Right within the first two", share(evaluation.top2_accuracy)),
    ]
    if previous:
        facts.insert(2, ("Your head before this one", f"{share(previous.accuracy)} of {previous.n}"))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    early = '<p class="quiet">Stopped early: this is the best head so far.</p>' if result.stopped else ""
    return f"""<section class="score"><div><p class="kicker">Held-out accuracy</p>
<h2>{share(evaluation.accuracy)} <span>of {count(evaluation.n, "photo")}</span></h2>
<p class="quiet">{held_out}. Copies of one picture never stood on both sides.</p>{early}</div>
<dl>{rows}</dl></section>"""


def _all_folds_judged(result: TrainingResult) -> bool:
    """False for a single split, and for a cross-validation that was stopped."""
    return 0 < result.config.folds == len({report.fold for report in result.history})


def runs(trainings: Sequence[Training], numbers: Sequence[int], chosen: str) -> str:
    """This visitor's trainings, to compare and to return to; nothing for a single one."""
    if len(trainings) < 2:
        return ""
    best = max(training.result.evaluation.accuracy for training in trainings)
    rows = "".join(
        _run(number, training, chosen=training.job.id == chosen, best=best)
        for number, training in zip(numbers, trainings, strict=True)
    )
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("Training", "Settings", "Right", "95&nbsp;%", "F1", "s")
    )
    return f"""<section class="runs"><h3>Your trainings</h3><div class="scrolling"><table>
<thead><tr>{heads}<th scope="col"><span class="visually-hidden">Show</span></th></tr></thead>
<tbody>{rows}</tbody></table></div></section>"""


def _run(number: int, training: Training, *, chosen: bool, best: float) -> str:
    result = training.result
    evaluation = result.evaluation
    low, high = evaluation.accuracy_interval
    button = "shown" if chosen else f'<button type="button" data-choice="{number}">Show</button>'
    star = ' <span title="the best so far">★</span>' if evaluation.accuracy == best else ""
    return f"""<tr{' aria-current="true"' if chosen else ""}><th scope="row">{number}</th>
<td>{escape(settings_in_words(result.config))}{_corrections(training)}</td>
<td class="number">{share(evaluation.accuracy)}{star} <small>of&nbsp;{evaluation.n}</small></td>
<td class="number">{100 * low:.0f}–{100 * high:.0f}</td><td class="number">{evaluation.macro_f1:.2f}</td>
<td class="number">{result.seconds["total"]:.1f}</td><td>{button}</td></tr>"""


def _corrections(training: Training) -> str:
    corrections = training.material.corrections
    return f"; {count(corrections, 'correction')}" if corrections else ""


def settings_in_words(config: TrainingConfig) -> str:
    """What was changed from the defaults: "imagenet backbone, 5 folds"; "defaults" if nothing was."""
    default = TrainingConfig()
    changed = [f.name for f in fields(config) if getattr(config, f.name) != getattr(default, f.name)]
    words = [f"{name.replace('_', ' ')} {_plain(getattr(config, name))}" for name in changed if name != "keep_best"]
    return ", ".join(words) or "defaults"


def _plain(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else f"{value}"


def class_table(evaluation: Evaluation) -> str:
    """Precision, recall and F1 of each class."""
    rows = "".join(
        f'<tr><th scope="row">{escape(display_name(name))}</th><td class="number">{score.support}</td>'
        f'<td class="number">{score.precision:.2f}</td><td class="number">{score.recall:.2f}</td>'
        f'<td class="number">{_bar(score.f1)}{score.f1:.2f}</td></tr>'
        for name, score in evaluation.per_class.items()
    )
    return f"""<section><h3>Class by class</h3>
<p class="quiet">Precision: how many that got this name deserved it. Recall: how many of this class were found.</p>
<div class="scrolling"><table class="classes"><thead><tr><th scope="col">Class</th><th scope="col">Judged</th>
<th scope="col">Precision</th><th scope="col">Recall</th><th scope="col">F1</th></tr></thead>
<tbody>{rows}</tbody></table></div></section>"""


def _bar(value: float) -> str:
    return f'<span class="bar" style="--share: {value:.3f}"></span>'


def confusion(
    evaluation: Evaluation, chosen: tuple[int, int] | None = None, *, title: str = "", buttons: bool = True
) -> str:
    """A row per true class, a column per answer; each count is a button that shows its photos."""
    counts = evaluation.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shown = [escape(display_name(name)) for name in evaluation.class_names]
    heads = "".join(f'<th scope="col"><span>{name}</span></th>' for name in shown)
    rows = "".join(
        f'<tr><th scope="row">{shown[i]}</th>'
        + "".join(
            _cell(i, j, int(counts[i, j]), shares[i, j], shown, chosen == (i, j), buttons) for j in range(len(shown))
        )
        + "</tr>"
        for i in range(len(shown))
    )
    hint = "Choose a number to see its photos, and where the head looked." if buttons else ""
    return f"""<section class="confusion"><h3>{escape(title) or "What was taken for what"}</h3>
<p class="quiet">A row for each true class, a column for each answer. {hint}</p>
<div class="scrolling"><table><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"""


def _cell(i: int, j: int, number: int, part: float, names: Sequence[str], chosen: bool, buttons: bool) -> str:
    kind = f'class="{"right" if i == j else "wrong"}" style="--share: {part:.3f}"'
    if not number:
        return f'<td {kind}><span aria-label="none">·</span></td>'
    if not buttons:
        return f"<td {kind}>{number}</td>"
    words = f"{names[i]} taken for {names[j]}" if i != j else f"{names[i]} named right"
    return (
        f'<td {kind}><button type="button" data-choice="{i},{j}" aria-pressed="{str(chosen).lower()}" '
        f'aria-label="{count(number, "photo")}: {words}">{number}</button></td>'
    )


CHOOSE_A_CELL = """<section class="empty small"><p class="quiet">The photos of the number that you choose appear here,
each beside its heatmap.</p></section>"""


def cell_title(true_class: str, answer: str, number: int, *, held_out_by_folds: bool) -> str:
    """What the photos of a cell have in common."""
    true_name, name = escape(display_name(true_class)), escape(display_name(answer))
    what = f"{true_name}, named right" if true_class == answer else f"{true_name}, taken for {name}"
    folds = " Each photo was judged by the head of a fold that had not seen it; the heatmap is of the final head."
    return f"""<h3>{what} <span class="quiet">{count(number, "photo")}</span></h3>
<p class="quiet">The surest answers come first. The colours show what speaks for {name}.\
{folds if held_out_by_folds else ""}</p>"""


def photos(title: str, shown: Iterable[Shown], *, more: int = 0) -> str:
    """Photos, each beside its heatmap."""
    figures = "".join(
        f'<figure><div class="pair"><img alt="" src="{_data(one.jpeg)}">'
        f'<img alt="{escape(one.alt_text)}" src="{_data(one.overlay_jpeg)}"></div>'
        f"<figcaption><strong>{escape(one.title)}</strong><small>{escape(one.detail)}</small></figcaption></figure>"
        for one in shown
    )
    button = f'<button type="button" class="more" data-choice="-1">Show {more} more</button>' if more > 0 else ""
    return (
        f'<section class="cell-photos" aria-live="polite">{title}<div class="pairs">{figures}</div>{button}</section>'
    )


def suspicious(doubts: Sequence[tuple[Suspicion, str, bytes]], class_names: Sequence[str], total: int) -> str:
    """Photos whose label the others contradict, each with a choice; (doubt, name of the photo, small JPEG)."""
    if not doubts:
        return """<section class="suspicious"><h3>Suspicious labels</h3>
<p class="quiet">No label is strongly contradicted by the other photos.</p></section>"""
    items = "".join(_doubt(doubt, name, jpeg, class_names) for doubt, name, jpeg in doubts)
    first = f" The {len(doubts)} most doubtful are shown." if total > len(doubts) else ""
    return f"""<section class="suspicious"><h3>Suspicious labels <span class="quiet">{total}</span></h3>
<p class="quiet">What the other photos teach contradicts these labels. They may be wrong, or the photos unusual: look
and decide. Nothing changes by itself.{first}</p>
<ul>{items}</ul><p class="actions"><output>0 corrections</output>
<button type="button" class="main" data-action="train" disabled>Train again with these corrections</button>
<button type="button" data-action="download" disabled>Download the corrected list (CSV)</button></p></section>"""


def _doubt(doubt: Suspicion, name: str, jpeg: bytes, class_names: Sequence[str]) -> str:
    label, guess = escape(display_name(doubt.label)), escape(display_name(doubt.suggestion))
    place = doubt.place
    others = [k for k in class_names if k not in (doubt.label, doubt.suggestion)]
    number = {name: k for k, name in enumerate(class_names)}
    options = [f'<option value="{KEEP}">Keep: {label}</option>']
    options += [f'<option value="{number[doubt.suggestion]}">Relabel: {guess}</option>']
    options += [f'<option value="{LEAVE_OUT}">Leave it out</option>']
    options += [f'<option value="{number[k]}">Relabel: {escape(display_name(k))}</option>' for k in others]
    return f"""<li><img alt="" src="{_data(jpeg)}"><div><p><strong>{label}</strong>
<span class="quiet">rather {guess}, {percent(doubt.probability)}?</span></p>
<small class="quiet">{escape(name)}</small>
<select data-place="{place}" aria-label="Label of {escape(name)}">{"".join(options)}</select></div></li>"""


# --- use ---------------------------------------------------------------------------------------------------


NO_MODEL = """<section class="empty"><h3>No head yet</h3>
<p>Train one, or bring one back: upload a bundle that you downloaded here before.</p></section>"""


ASK = """<h3>Ask it</h3><p>The page “Name a dance” then answers with your classes, heatmaps included. Only you see it;
one click switches back.</p>"""

TAKE = """<h3>Take it home</h3><p>The bundle is small: the head, its model card and a five-line program. Heads are not
kept on this server. Upload it below to go on where you left off, today or in a year.</p>"""

FULL = """<h3>Full model</h3><p>Eyes and head in one file, for Keras and for phones (LiteRT). It takes about half a
minute.</p>"""

FOLDER = """<h3>Name a whole folder</h3><p>Upload a zip of photos, get a CSV with a name for each
(<code>Image,target,probability</code>).</p>"""

BRING_BACK = """<h3>Bring a head back</h3><p>Upload a bundle that was downloaded here. It works at once, without
training.</p>"""


def model(title: str, card: ModelCard) -> str:
    """The head that everything in this step is about."""
    return f"""<section class="model"><p class="kicker">{escape(title)}</p>
<p>{names(card.class_names)}</p><p class="quiet">{escape(card.summary())}</p></section>"""


def parity(difference: float) -> str:
    """How far the two files are from the app."""
    return f"""<p class="quiet" role="status">Both files give the probabilities of this app
(largest difference on test pictures: {difference:.1g}).</p>"""


def named(named: Named) -> str:
    """How many photos were named, and the first of those that could not be."""
    unreadable = named.unreadable
    lines = "".join(f"<li>{escape(line)}</li>" for line in unreadable[:UNREADABLE_SHOWN])
    more = len(unreadable) - UNREADABLE_SHOWN
    rest = f"<li>and {more} more</li>" if more > 0 else ""
    left_out = f"<p>{count(len(unreadable), 'file')} left out:</p><ul>{lines}{rest}</ul>" if unreadable else ""
    return f'<div role="status"><p><strong>{count(named.n, "photo")} named.</strong></p>{left_out}</div>'


# --- compare -----------------------------------------------------------------------------------------------


COMPARE = """<p>Teaching articles train a small network on dance photos from scratch: three convolutions, a dense layer.
Here the same network learns from your photos beside a head on a backbone that has seen a million pictures, on the same
split, with the settings of the step “Train”. It takes minutes, most of them for the network from scratch.</p>"""


def comparison(result: ComparisonResult, title: Callable[[str], str]) -> str:
    """How well each way to learn did, how long it took, and how large it is."""
    best = max(row.evaluation.accuracy for row in result.rows)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("", "Right", "95&nbsp;%", "F1", "Seconds", "Size"))
    rows = "".join(_way(row, title(row.name), row.evaluation.accuracy == best) for row in result.rows)
    return f"""<section class="runs"><h3>On the same {count(len(result.held_out), "held-out photo")}</h3>
<div class="scrolling"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>
<p class="quiet">{result.n_train} photos trained each of them. Overlapping intervals: the photos cannot tell which is
better.</p></section>"""


def _way(row: ComparisonRow, title: str, best: bool) -> str:
    low, high = row.evaluation.accuracy_interval
    star = ' <span title="the best">★</span>' if best else ""
    size = f"{row.size_bytes / 1e6:.1f} MB" if row.size_bytes >= 1e5 else f"{row.size_bytes / 1e3:.0f} kB"
    return f"""<tr><th scope="row">{escape(title)}</th>
<td class="number">{share(row.evaluation.accuracy)}{star}</td><td class="number">{100 * low:.0f}–{100 * high:.0f}</td>
<td class="number">{row.evaluation.macro_f1:.2f}</td><td class="number">{row.seconds:.1f}</td>
<td class="number">{size}</td></tr>"""


def difference(right: str, wrong: str, shown: Sequence[tuple[bytes, str, str]], total: int) -> str:
    """Photos that one gets right and the other wrong; (small JPEG, label, what the other said)."""
    figures = "".join(
        f'<figure><img alt="" src="{_data(small)}"><figcaption><strong>{escape(label)}</strong>'
        f"<small>{escape(said)}</small></figcaption></figure>"
        for small, label, said in shown
    )
    more = f'<p class="quiet">and {total - len(shown)} more</p>' if total > len(shown) else ""
    return f"""<section><h3>{escape(right)} right, {escape(wrong)} wrong
<span class="quiet">{count(total, "photo")}</span></h3><div class="thumbs">{figures}</div>{more}</section>"""


def jpeg(photo: Image.Image, quality: int = 82) -> bytes:
    """The bytes of a picture for the page."""
    stream = BytesIO()
    photo.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _data(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
