"""Accuracy against the number of features that are kept, as the lines of an SVG: one method before all others."""

import math
from dataclasses import dataclass
from functools import cached_property

from dance_demo.training.selection.experiment import MethodCurve, SelectionResult
from dance_demo.training.selection.methods import RANDOM

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 626, 12, 292  # of the plot within the picture
STEP = 0.1  # of accuracy, between two lines of the grid


@dataclass(frozen=True, eq=False)
class Chart:
    """Where everything is. Points are "x,y x,y ...", as SVG wants them; features grow by doublings, on a log axis."""

    result: SelectionResult
    method: str
    keep: int  # how many features are kept where the mark is

    @cached_property
    def chosen(self) -> MethodCurve:
        return self.result.curve(self.method)

    @cached_property
    def grid(self) -> list[tuple[float, float]]:
        """(y, accuracy) of each line across."""
        count = round((self._most - self._least) / STEP)
        return [(self._y(share), share) for share in (self._least + STEP * line for line in range(count + 1))]

    @cached_property
    def sizes(self) -> list[tuple[float, int]]:
        """(x, features) of each number below, the last of them all."""
        kept = sorted({*self.result.curve(RANDOM).kept, *self.chosen.kept})
        most = kept[-1] if self._x(kept[-1]) < RIGHT - 40 else 0  # else the last two would touch
        shown = [size for size in kept if size <= most or size < kept[-1]]
        return [(self._x(size), size) for size in [*shown, self.result.features]]

    @property
    def line(self) -> str:
        return self._points(self.chosen)

    @property
    def band(self) -> str:
        """Around the line, its 95 % intervals."""
        return self._band(self.chosen)

    @property
    def control(self) -> str:
        return self._points(self.result.curve(RANDOM))

    @property
    def control_band(self) -> str:
        return self._band(self.result.curve(RANDOM))

    @property
    def others(self) -> list[str]:
        return [self._points(curve) for curve in self.result.curves if curve.method not in (RANDOM, self.method)]

    @property
    def everything(self) -> tuple[float, float, float]:
        """y of all features, and of the ends of its interval, the upper one first."""
        low, high = self.result.interval
        return self._y(self.result.accuracy), self._y(high), self._y(low)

    @property
    def dots(self) -> list[tuple[float, float]]:
        """Where there are few points a line alone could not be seen."""
        return [self._point(size, share) for size, share in self._pairs(self.chosen)]

    @property
    def mark(self) -> float:
        """x of what is kept now."""
        return self._x(self.keep)

    @cached_property
    def _least(self) -> float:
        lows = [low for curve in self.result.curves for low, _ in curve.interval]
        return math.floor(min(*lows, self.result.interval[0]) / STEP) * STEP

    @cached_property
    def _most(self) -> float:
        highs = [high for curve in self.result.curves for _, high in curve.interval]
        return math.ceil(max(*highs, self.result.interval[1]) / STEP) * STEP

    @cached_property
    def _fewest(self) -> int:
        return min(self.result.curve(RANDOM).kept[0], self.chosen.kept[0])

    def _x(self, size: int) -> float:
        share = math.log(size / self._fewest) / math.log(self.result.features / self._fewest)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def _y(self, share: float) -> float:
        return round(BOTTOM - (share - self._least) / (self._most - self._least) * (BOTTOM - TOP), 1)

    def _point(self, size: int, share: float) -> tuple[float, float]:
        return self._x(size), self._y(share)

    def _pairs(self, curve: MethodCurve) -> list[tuple[int, float]]:
        pairs = zip(curve.kept, curve.accuracy, strict=True)
        return [(size, share) for size, share in pairs if size >= self._fewest]

    def _points(self, curve: MethodCurve) -> str:
        return _joined([self._point(size, share) for size, share in self._pairs(curve)])

    def _band(self, curve: MethodCurve) -> str:
        ends = list(zip(curve.kept, curve.interval, strict=True))
        upper = [self._point(size, high) for size, (_, high) in ends]
        lower = [self._point(size, low) for size, (low, _) in ends]
        return _joined([*upper, *reversed(lower)])


def _joined(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
