"""Pictures of how a training went and how good its head is, as matplotlib Figures.

Never by pyplot, which keeps every figure for ever and is not safe between threads. Class names are somebody's
free text: they are cut, shown as they are written (`$x$` is no formula here), and never make a figure fail.
Blue and orange are those of Okabe and Ito (2008), which the colour-blind tell apart, and no meaning hangs on
colour alone.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_demo.files.text import nfc
from dance_demo.forms import display_name
from dance_demo.training.evaluation import CALIBRATION_BINS, Evaluation, calibration_error, wilson_interval
from dance_demo.training.result import EpochReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8078"
INK, LINE = "#2f2823", "#e8dfd2"
# Of classes on a map: eight shapes and eight colours, so that no two of 64 have both the same.
MARKERS = "os^DvPX*"
COLOURS = ("#0072b2", "#c2410c", "#00795a", "#a03070", "#6d4fb3", "#7a6a00", "#0e7490", "#4b4b4b")
DPI = 150
NAME_CHARACTERS = 24
FEW_CLASSES = 12  # so many leave room for slanted names, and for a percentage in each cell
# Beside DejaVu Sans, which comes with matplotlib, for the scripts that it lacks.
_MORE_FONTS = (
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans CJK JP",
    "Nirmala UI",
    "Arial Unicode MS",
)
_BOX = "\N{WHITE VERTICAL RECTANGLE}"  # for a letter that no font here has


def confusion(evaluation: Evaluation, noun: str = "photos") -> "Figure":
    """A row per true class, a column per answer: counts, and by colour their share of the row."""
    counts, k = evaluation.confusion, len(evaluation.class_names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side_in = 0.62 * k + 2 if k <= FEW_CLASSES else 0.26 * k + 4
    figure, (axes,) = canvas(max(4.6, side_in), max(3.6, side_in))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.1)
    _name_ticks(axes, evaluation.class_names)
    for row, column in np.argwhere(counts):
        share = shares[row, column]
        text = f"{counts[row, column]}\n{share:.0%}" if k <= FEW_CLASSES else f"{counts[row, column]}"
        colour = "white" if share > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=_letters_pt(k))
    axes.set(xlabel="Answer", ylabel="True class")
    return finished(figure, "What each class was taken for", f"number of {noun}; darker: a larger share of its row")


def curves(history: Sequence[EpochReport]) -> "Figure":
    """Loss and accuracy by epoch, of the photos that train and of those that judge. Of folds, the mean is thick."""
    figure, (left, right) = canvas(9.6, 3.9, columns=2)
    for axes, measure in ((left, "loss"), (right, "accuracy")):
        _two_curves(axes, history, measure)
        axes.set_ylabel(measure)
    left.set_ylim(bottom=0)
    right.set_ylim(0, 1.02)
    right.legend(frameon=False, fontsize=9)
    return finished(figure, "Learning, epoch by epoch")


def reliability(probabilities: np.ndarray, classes: Sequence[int], noun: str = "photos") -> "Figure":
    """How often answers of each confidence are right. probabilities (m, k), classes (m,) are the true indices."""
    confidences = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == np.asarray(classes)
    figure, (axes, below) = canvas(5.2, 5.6, rows=2, height_ratios=(4, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    bins = np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    for number in np.unique(bins):
        chosen = bins == number
        low, high = wilson_interval(hits[chosen])
        axes.vlines(confidences[chosen].mean(), low, high, color=BLUE, alpha=0.4)
        axes.plot(confidences[chosen].mean(), hits[chosen].mean(), "o", color=BLUE)
    below.hist(confidences, bins=np.linspace(0, 1, CALIBRATION_BINS + 1).tolist(), color=BLUE)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="how often it was right")
    below.set(xlabel="how sure the head said it was", ylabel=noun)
    error = f"off by {calibration_error(confidences, hits):.1%} on average (ECE)"
    return finished(figure, "Can its percentages be believed?", f"{error}; bars: 95 % interval")


def dataset_map(
    points: np.ndarray, classes: Sequence[int], class_names: Sequence[str], wrong: Sequence[int], noun: str = "photos"
) -> "Figure":
    """Photos at (n, 2) points in [0, 1], y downwards: a shape and a colour for each class, a ring around wrong ones."""
    figure, (axes,) = canvas(7.2, 6.4 + 0.2 * -(-len(class_names) // 4))
    kinds = np.asarray(classes)
    for kind, name in enumerate(class_names):
        marker, colour = MARKERS[kind % len(MARKERS)], COLOURS[(kind + kind // len(MARKERS)) % len(COLOURS)]
        x, y = points[kinds == kind].T
        axes.scatter(x, y, s=22, marker=marker, color=colour, linewidths=0, label=shown(name))
    x, y = points[np.asarray(wrong, int)].T
    axes.scatter(x, y, s=70, facecolors="none", edgecolors=INK, linewidths=0.8, label="named wrong")
    axes.set(xlim=(-0.03, 1.03), ylim=(1.03, -0.03), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False, fontsize=9)
    title, how_to_read = f"Map of the {noun}", "near: alike to the network; how far groups lie apart means nothing"
    return finished(figure, title, how_to_read)


def class_counts(counts: Mapping[str, int], noun: str = "photos") -> "Figure":
    """A bar per class: its number of photos."""
    texts = [str(count) for count in counts.values()]
    return _bars(counts, texts, f"{noun.capitalize()} of each class", noun)


def class_scores(evaluation: Evaluation, noun: str = "photos") -> "Figure":
    """A bar per class: its F1 score, with the number of photos that it was measured on."""
    scores = evaluation.per_class
    texts = [f"{score.f1:.2f}  ({score.support})" for score in scores.values()]
    heights = {name: score.f1 for name, score in scores.items()}
    figure = _bars(heights, texts, "F1 of each class", f"F1: 1 is perfect. In brackets: {noun} it was measured on")
    figure.axes[0].set_xlim(0, 1.25)
    figure.axes[0].set_xticks(np.linspace(0, 1, 6))
    return figure


def png(figure: "Figure") -> bytes:
    """The figure as a PNG file. The same figure always gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def shown(name: str, characters: int = NAME_CHARACTERS) -> str:
    """A name that fits into a figure: cut in the middle, since names often differ at the end, and drawable."""
    from matplotlib import font_manager

    text = nfc(display_name(name))
    if len(text) > characters:
        half = characters // 2
        text = f"{text[: half - 1]}\N{HORIZONTAL ELLIPSIS}{text[half - characters :]}"
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in _families()]
    return "".join(c if c.isprintable() and any(font.get_char_index(ord(c)) for font in fonts) else _BOX for c in text)


# --- building blocks ---------------------------------------------------------------------------------------


def canvas(
    width_in: float, height_in: float, *, rows: int = 1, columns: int = 1, **grid: Any
) -> "tuple[Figure, list[Axes]]":
    """A figure and its axes, row by row, on white paper."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    panels = figure.subplots(rows, columns, squeeze=False, **grid).ravel()
    for axes in panels:
        axes.set_facecolor("white")
        axes.spines[:].set_color(LINE)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(color=LINE, labelcolor=INK, labelsize=9)
        axes.set_axisbelow(True)
    return figure, list(panels)


def finished(figure: "Figure", title: str, subtitle: str = "") -> "Figure":
    """The figure with its title, and every text of it in a font that has its letters, none of it a formula."""
    from matplotlib.text import Text

    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if subtitle:
        figure.axes[0].set_title(subtitle, fontsize=9, loc="left")
    families = _families()
    for text in figure.findobj(Text):
        text.set(parse_math=False, fontfamily=families, usetex=False)
        if text.get_color() == "black":
            text.set_color(INK)
    return figure


def _families() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(family for family in _MORE_FONTS if family in installed)]


def _name_ticks(axes: "Axes", class_names: Sequence[str]) -> None:
    """Class names along both sides of a square of cells, and thin lines between the cells."""
    k, names = len(class_names), [shown(name) for name in class_names]
    few = k <= FEW_CLASSES
    slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if few else {"rotation": 90}
    axes.set_xticks(range(k), names, fontsize=_letters_pt(k), parse_math=False, **slant)
    axes.set_yticks(range(k), names, fontsize=_letters_pt(k), parse_math=False)
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        set_ticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=LINE, linewidth=0.6)
    axes.tick_params(which="both", length=0)


def _letters_pt(k: int) -> float:
    return 9.5 if k <= FEW_CLASSES else 8 if k <= 25 else 7


def _two_curves(axes: "Axes", history: Sequence[EpochReport], measure: str) -> None:
    _curve(axes, history, measure, label="training", color=ORANGE, linestyle="--")
    _curve(axes, history, f"validation_{measure}", label="validation", color=BLUE)
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.grid(color=LINE, linewidth=0.6)


def _curve(axes: "Axes", history: Sequence[EpochReport], measure: str, *, label: str, **style: Any) -> None:
    """One line per fold, and over several of them their mean, as far as all of them go."""
    folds: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for report in history:
        folds[report.fold].append((report.epoch, getattr(report, measure)))
    lines = list(folds.values())
    if len(lines) > 1:
        for line in lines:
            axes.plot(*zip(*line, strict=True), linewidth=0.7, alpha=0.35, **style)
        lines = [[tuple(np.mean(points, axis=0)) for points in zip(*lines, strict=False)]]
    for line in lines:
        dot = "o" if len(line) == 1 else None
        axes.plot(*zip(*line, strict=True), linewidth=1.8, marker=dot, label=label, **style)


def _bars(lengths: Mapping[str, float], texts: Sequence[str], title: str, unit: str) -> "Figure":
    """A horizontal bar per class, in the order given from above, and a text at its end."""
    figure, (axes,) = canvas(6.4, 1.3 + 0.27 * len(lengths))
    bars = axes.barh(range(len(lengths)), list(lengths.values()), color=BLUE, height=0.7)
    axes.bar_label(bars, texts, padding=4, fontsize=9)
    axes.set_yticks(range(len(lengths)), [shown(name) for name in lengths], parse_math=False)
    axes.set_ylim(len(lengths) - 0.4, -0.6)  # the first class at the top
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)
    return finished(figure, title)
