"""What came of choosing features, as one picture: a panel for each way, so that every line has its interval."""

from typing import TYPE_CHECKING

import numpy as np

from dance_demo.training.plots import BLUE, INK, LINE, canvas, finished
from dance_demo.training.selection.experiment import MethodCurve, SelectionResult
from dance_demo.training.selection.methods import METHODS, RANDOM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREEN = "#00795a"  # of all features, as on the page
COLUMNS = 4
SIZES = tuple(2**power for power in range(1, 20, 2))  # of which some are written below: 2, 8, 32 ...


def selection_figure(result: SelectionResult) -> "Figure":
    """How often heads on so many features are right, for each way to choose them, beside chance and all features."""
    chance = result.curve(RANDOM)
    ways = [curve for curve in result.curves if curve is not chance] or [chance]
    columns = min(COLUMNS, len(ways))
    rows = -(-len(ways) // columns)
    size_in = (max(7.5, 2.6 * columns), 2.0 * rows + 1.2)
    figure, panels = canvas(*size_in, rows=rows, columns=columns, sharex=True, sharey=True)
    for axes, way in zip(panels, ways, strict=False):
        _panel(axes, result, chance, way)
    for axes in panels[len(ways) :]:
        axes.set_visible(False)
        panels[panels.index(axes) - columns].tick_params(labelbottom=True)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="upper right", ncols=3, frameon=False, fontsize=10)
    about = f"{result.n:,} photos, shaded: 95 % interval"
    figure.supxlabel(f"features kept, of {result.features:,}, each line four times as many; {about}", fontsize=10)
    figure.supylabel("right, of photos that had no part in the choice", fontsize=10)
    return finished(figure, "How few features would do?")


def _panel(axes: "Axes", result: SelectionResult, chance: MethodCurve, way: MethodCurve) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

    axes.axhspan(*result.interval, color=GREEN, alpha=0.12, linewidth=0)
    axes.axhline(result.accuracy, color=GREEN, linewidth=1.5, label="all features")
    if way is not chance:
        axes.plot(chance.kept, chance.accuracy, color=INK, linestyle=":", linewidth=1.6, label="random choice")
    low, high = np.transpose(way.interval)
    axes.fill_between(way.kept, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(way.kept, way.accuracy, color=BLUE, linewidth=1.8, marker="o", markersize=3.5, label="the way above")
    axes.set_title(METHODS[way.method].title, fontsize=10, loc="left")
    axes.set_xscale("log", base=2)
    axes.xaxis.set(
        major_locator=FixedLocator(SIZES),
        major_formatter=FuncFormatter(lambda size, _: f"{size:,.0f}"),
        minor_locator=NullLocator(),
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(color=LINE, linewidth=0.6)
