"""The figures: what is drawn is what was measured, and no class name can break one or hide in one."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from dance_demo.training import plots
from dance_demo.training.evaluation import Evaluation, calibration_error, evaluate
from dance_demo.training.result import EpochReport

HOSTILE = (
    "$\\badcmd$",
    "$\\frac{1}{0}$",
    "<img src=x onerror=alert(1)>",
    "_starts_like_a_hidden_legend",
    "=cmd()",
    "{x}%s%d",
    "A" * 300,
    "कथक",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil",
    "tab\tand\nline",
    "\N{DANCER}",
    "\\",
)


def made_up(class_names: tuple[str, ...], n: int = 200) -> tuple[Evaluation, np.ndarray, np.ndarray]:
    generator, k = np.random.default_rng(0), len(class_names)
    classes = generator.integers(0, k, n)
    exponentials = np.exp(generator.normal(size=(n, k)) + 2 * np.eye(k)[classes])
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return evaluate(classes, probabilities, class_names), probabilities, classes


def history(folds: int = 1, epochs: int = 5) -> list[EpochReport]:
    return [
        EpochReport(fold, folds, epoch, epochs, 1 / epoch, epoch / 10, 2 / epoch, epoch / 20 + fold / 100)
        for fold in range(1, folds + 1)
        for epoch in range(1, epochs + 1)
    ]


def every_figure(class_names: tuple[str, ...]) -> dict[str, Figure]:
    evaluation, probabilities, classes = made_up(class_names)
    return {
        "confusion": plots.confusion(evaluation),
        "class_scores": plots.class_scores(evaluation),
        "class_counts": plots.class_counts({name: number for number, name in enumerate(class_names)}),
        "reliability": plots.reliability(probabilities, classes),
        "curves": plots.curves(history()),
    }


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def picture(figure: Figure) -> Image.Image:
    return Image.open(io.BytesIO(plots.png(figure)))


def test_the_confusion_matrix_says_the_counts_and_their_share_of_the_row():
    evaluation = evaluate([0] * 4 + [1] * 2, np.eye(2)[[0, 0, 0, 1, 1, 1]], ("kathak", "odissi"))
    figure = plots.confusion(evaluation)
    cells = {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in figure.axes[0].texts}
    assert {place: text.get_text() for place, text in cells.items()} == {
        (0, 0): "3\n75%",
        (0, 1): "1\n25%",
        (1, 1): "2\n100%",
    }
    assert {"Kathak", "Odissi", "True class", "Answer"} <= set(words(figure))


def test_curves_show_every_report_and_of_folds_the_mean():
    loss, accuracy = plots.curves(history(folds=3)).axes
    lines = [line for line in accuracy.lines if line.get_label() == "validation"]
    assert len(lines) == 1 and len(accuracy.lines) == 2 * (3 + 1)
    np.testing.assert_allclose(lines[0].get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_allclose(lines[0].get_ydata(), np.arange(1, 6) / 20 + 0.02)
    np.testing.assert_allclose(loss.lines[-1].get_ydata(), [2 / epoch for epoch in range(1, 6)])


def test_folds_that_stopped_at_different_epochs_have_a_mean_as_far_as_all_go():
    reports = [*history(1, 5), *(report for report in history(2, 3) if report.fold == 2)]
    (line,) = (line for line in plots.curves(reports).axes[1].lines if line.get_label() == "training")
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])


def test_a_single_epoch_is_a_dot():
    figure = plots.curves(history(epochs=1))
    assert {line.get_marker() for line in figure.axes[0].lines} == {"o"}


def test_the_reliability_plot_has_a_dot_per_bin_and_says_the_same_error_as_the_evaluation():
    evaluation, probabilities, classes = made_up(("a", "b", "c"))
    figure = plots.reliability(probabilities, classes)
    confidences, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    assert evaluation.ece == calibration_error(confidences, hits)
    assert any(f"off by {evaluation.ece:.1%} on average" in text for text in words(figure))
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == len(set((confidences * 15).astype(int)))
    assert sum(patch.get_height() for patch in figure.axes[1].patches) == len(classes)


def test_bars_show_counts_and_scores_in_the_order_of_the_classes():
    figure = plots.class_counts({"sattriya": 7, "kathak": 30})
    assert [bar.get_width() for bar in figure.axes[0].patches] == [7, 30]
    top, bottom = figure.axes[0].get_ylim()[::-1]
    assert top < 0 < 1 < bottom, "the first class is at the top"
    evaluation, _, _ = made_up(("a", "b"))
    scores = plots.class_scores(evaluation)
    assert f"{evaluation.per_class['a'].f1:.2f}  ({evaluation.per_class['a'].support})" in words(scores)


@pytest.mark.parametrize("k", [2, 12, 50])
def test_two_to_fifty_classes_fit_without_names_over_names(k):
    figure = plots.confusion(made_up(tuple(f"a class with number {number}" for number in range(k)), 20 * k)[0])
    picture(figure)  # lays it out
    for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        axis = 0 if labels[0] in figure.axes[0].get_xticklabels() else 1
        centres = [np.mean(label.get_window_extent().get_points(), axis=0)[axis] for label in labels]
        letters_px = labels[0].get_fontsize() / 72 * figure.dpi
        assert np.abs(np.diff(centres)).min() > letters_px
        assert letters_px >= 7 / 72 * figure.dpi


def test_S1_D17_no_class_name_breaks_a_figure_or_is_taken_for_a_formula():
    for name, figure in every_figure(HOSTILE).items():
        assert picture(figure).size[0] > 400, name
        assert not any(text.get_parse_math() for text in figure.findobj(Text)), name
    shown = [label.get_text() for label in every_figure(HOSTILE)["confusion"].axes[0].get_yticklabels()]
    assert shown[:2] == ["$\\badcmd$", "$\\frac{1}{0}$"]
    assert all(text.isprintable() and len(text) <= plots.NAME_CHARACTERS for text in shown)


def test_long_names_that_differ_at_their_end_stay_apart():
    names = [plots.shown("dances of the north, part " + ending) for ending in ("one", "two")]
    assert names[0] != names[1]
    assert plots.shown("odissi") == "Odissi"


def test_a_letter_that_no_font_has_is_a_box_and_no_warning():
    assert plots.shown("\N{DANCER}a") in ("\N{WHITE VERTICAL RECTANGLE}a", "\N{DANCER}a")


def test_the_same_figure_gives_the_same_bytes_on_white_paper():
    evaluation, _, _ = made_up(("a", "b", "c"))
    first, second = (plots.png(plots.confusion(evaluation)) for _ in range(2))
    assert first == second
    assert picture(plots.confusion(evaluation)).convert("RGB").getpixel((2, 2)) == (255, 255, 255)


def test_a_class_that_nobody_judged_has_an_empty_row_and_no_warning():
    evaluation = evaluate([0, 0], np.eye(3)[[0, 1]], ("a", "b", "c"))
    assert len(plots.confusion(evaluation).axes[0].texts) == 2
    picture(plots.class_scores(evaluation))
