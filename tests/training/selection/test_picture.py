"""The picture of what came of choosing features: a panel for each way, and in it the numbers that were measured."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from dance_demo.training.plots import png
from dance_demo.training.selection.experiment import MethodCurve, SelectionResult
from dance_demo.training.selection.methods import METHODS
from dance_demo.training.selection.picture import selection_figure


def curve(method: str, first: int, *accuracy: float) -> MethodCurve:
    kept = tuple(first * 2**step for step in range(len(accuracy)))
    interval = tuple((share - 0.05, share + 0.05) for share in accuracy)
    return MethodCurve(method, kept, accuracy, interval, (0.5,) * len(accuracy), 0.1)


@pytest.fixture
def result() -> SelectionResult:
    """Every way there is, of 64 features."""
    searches = {name: curve(name, 2, 0.2, 0.3, 0.4) for name in METHODS}
    curves = tuple(searches[name] if name == "exhaustive" else curve(name, 8, 0.3, 0.4, 0.5) for name in METHODS)
    return SelectionResult(1234, 64, 0.6, (0.5, 0.7), curves, watched=None)  # type: ignore[arg-type]


def panels(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.get_visible()]


def test_every_way_has_a_panel_with_its_line_its_interval_chance_and_all_features(result: SelectionResult) -> None:
    figure = selection_figure(result)
    titles = [axes.get_title(loc="left") for axes in panels(figure)]
    assert titles == [method.title for name, method in METHODS.items() if name != "random"]
    for axes, way in zip(panels(figure), result.curves[1:], strict=True):
        everything, chance, line = axes.get_lines()
        assert set(everything.get_ydata()) == {0.6}
        assert tuple(chance.get_ydata()) == (0.3, 0.4, 0.5)
        assert tuple(line.get_xdata()) == way.kept and tuple(line.get_ydata()) == way.accuracy
        assert axes.get_xscale() == "log" and len(axes.collections) == 1
    words = {text.get_text() for text in figure.findobj(Text)}
    assert {"all features", "random choice", "the way above", "How few features would do?"} <= words
    assert any("1,234 photos, shaded: 95 % interval" in text for text in words)


@pytest.mark.parametrize("ways", [1, 2, 5])
def test_few_ways_make_a_smaller_picture_and_chance_alone_is_one(result: SelectionResult, ways: int) -> None:
    figure = selection_figure(replace(result, curves=result.curves[:ways]))
    assert len(panels(figure)) == max(1, ways - 1)
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in panels(figure)[-min(4, ways) :])
    with Image.open(io.BytesIO(png(figure))) as picture:
        assert picture.width >= 1000
        assert np.asarray(picture.convert("L"))[:, -3:].min() == 255, "nothing is cut off at the right"
