"""How strongly a JPEG was compressed the last time it was saved, from its quantisation tables.

Most programs take the example tables of the standard (ITU-T T.81, annex K) and make them coarser or finer by a quality
from 1 to 100, as the Independent JPEG Group's library does: s = 5000 / quality below 50, else 200 - 2 quality, and each
number becomes (number x s + 50) / 100, at least 1. Cameras and Photoshop have tables of their own.
"""

from dataclasses import dataclass
from functools import cache

_ZIGZAG = sorted(
    range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8)
)  # row * 8 + column, diagonal by diagonal
_LUMA = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
    51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120,
    101, 72, 92, 95, 98, 112, 100, 103, 99,
]  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """Of the brightness table: a quality in [1, 100], and whether the table is exactly that of the standard."""

    value: int
    standard: bool


def quality(tables: dict[int, tuple[int, ...]]) -> Quality | None:
    """Which quality the first table stands for, or is nearest to; None if there is none."""
    if not tables:
        return None
    table = tables[min(tables)]
    distances = {value: _distance(table, value) for value in range(1, 101)}
    nearest = min(distances, key=lambda value: distances[value])
    return Quality(nearest, distances[nearest] == 0)


def _distance(table: tuple[int, ...], value: int) -> int:
    return sum(abs(one - other) for one, other in zip(table, _standard(value), strict=True))


@cache
def _standard(value: int) -> tuple[int, ...]:
    scale = 5000 // value if value < 50 else 200 - 2 * value
    return tuple(min(255, max(1, (_LUMA[place] * scale + 50) // 100)) for place in _ZIGZAG)
