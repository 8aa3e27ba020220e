"""Where the joints of a dancer are: a few poses per form, with a little life from the seed."""

import math
from dataclasses import dataclass, replace
from random import Random

from dance_demo.data.illustrations.brush import Point

UPPER_ARM, FORE_ARM, THIGH, SHIN = 1.12, 1.02, 1.45, 1.42  # heads


def bend(start: Point, end: Point, first: float, second: float, side: int, sink: float) -> tuple[Point, Point]:
    """The joint between two bones that lead from ``start`` towards ``end``, and where the end comes to lie.

    It bends outwards, to the right of the picture for ``side`` 1, to the left for -1; the larger ``sink``,
    the rather it bends down.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    wanted = math.hypot(dx, dy) or 1e-6
    reach = min(max(wanted, abs(first - second) + 0.05), (first + second) * 0.985)
    dx, dy = dx / wanted, dy / wanted
    along = (first**2 - second**2 + reach**2) / (2 * reach)
    out = math.sqrt(max(first**2 - along**2, 0.0))
    joints = [(start[0] + dx * along - dy * out * turn, start[1] + dy * along + dx * out * turn) for turn in (-1, 1)]
    joint = max(joints, key=lambda p: side * p[0] - sink * p[1])
    return joint, (start[0] + dx * reach, start[1] + dy * reach)


@dataclass(frozen=True)
class Pose:
    """Joints in heads; pairs are (left of the picture, right of the picture)."""

    hip: Point
    chest: Point  # the pit of the neck
    head: Point
    hands: tuple[Point, Point]
    feet: tuple[Point, Point]
    mudras: tuple[str, str] = ("pataka", "pataka")
    gaze: float = 0.0  # where the face turns, [-1, 1]
    tilt: float = 0.0  # of the head, degrees to the left of the picture
    sink: float = 0.8  # of the elbows: below 0 they are held high

    def shoulder(self, side: int) -> Point:
        lean = (self.chest[0] - self.hip[0]) * 0.25 * side
        return self.chest[0] + side * 0.62, self.chest[1] - 0.24 - lean

    def arm(self, side: int) -> tuple[Point, Point, Point]:
        """Shoulder, elbow, wrist."""
        shoulder = self.shoulder(side)
        return shoulder, *bend(shoulder, self.hands[side > 0], UPPER_ARM, FORE_ARM, side, self.sink)

    def leg(self, side: int) -> tuple[Point, Point, Point]:
        """Hip joint, knee, ankle."""
        joint = (self.hip[0] + side * 0.3, self.hip[1])
        return joint, *bend(joint, self.feet[side > 0], THIGH, SHIN, side, 0.2)

    def mirrored(self) -> "Pose":
        def flip(point: Point) -> Point:
            return -point[0], point[1]

        def swap(pair: tuple[Point, Point]) -> tuple[Point, Point]:
            return flip(pair[1]), flip(pair[0])

        return Pose(
            flip(self.hip),
            flip(self.chest),
            flip(self.head),
            swap(self.hands),
            swap(self.feet),
            self.mudras[::-1],
            -self.gaze,
            -self.tilt,
            self.sink,
        )

    def lively(self, random: Random) -> "Pose":
        """The same pose as somebody else would dance it."""

        def near(point: Point, by: float) -> Point:
            return point[0] + random.uniform(-by, by), point[1] + random.uniform(-by, by)

        return replace(
            self,
            hands=(near(self.hands[0], 0.16), near(self.hands[1], 0.16)),
            head=near(self.head, 0.04),
            tilt=self.tilt + random.uniform(-5, 5),
            gaze=min(1.0, max(-1.0, self.gaze + random.uniform(-0.35, 0.35))),
        )


POSES: dict[str, tuple[Pose, ...]] = {
    "bharatanatyam": (
        Pose(
            (0, 1.95),
            (0, 3.9),
            (0, 4.68),
            ((-2.6, 3.85), (2.6, 3.85)),
            ((-0.62, 0.15), (0.62, 0.15)),
            ("alapadma", "pataka"),
        ),
        Pose(
            (0, 1.95),
            (0, 3.9),
            (0.04, 4.68),
            ((-0.35, 3.2), (1.35, 5.55)),
            ((-0.62, 0.15), (0.62, 0.15)),
            ("katakamukha", "alapadma"),
            0.4,
        ),
        Pose(
            (0, 2.0),
            (0.05, 3.95),
            (0.05, 4.73),
            ((-0.95, 5.75), (2.5, 3.7)),
            ((-0.62, 0.15), (0.7, 0.15)),
            ("pataka", "alapadma"),
            -0.3,
        ),
        Pose(
            (-0.35, 2.05),
            (-0.2, 4.0),
            (-0.15, 4.78),
            ((-1.3, 5.7), (2.1, 3.3)),
            ((-0.85, 0.15), (1.95, 0.15)),
            ("pataka", "alapadma"),
            0.5,
            -5,
        ),
    ),
    "kathak": (
        Pose(
            (0, 2.8),
            (0.02, 4.75),
            (0.05, 5.52),
            ((-0.7, 6.75), (2.25, 4.9)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("pataka", "pataka"),
            0.4,
        ),
        Pose(
            (0, 2.8),
            (0, 4.75),
            (-0.03, 5.52),
            ((-2.3, 4.7), (2.3, 4.9)),
            ((-0.25, 0.15), (0.3, 0.15)),
            ("pataka", "alapadma"),
            -0.3,
        ),
        Pose(
            (0, 2.8),
            (-0.05, 4.75),
            (-0.02, 5.52),
            ((-0.2, 4.1), (1.5, 6.3)),
            ((-0.3, 0.15), (0.2, 0.15)),
            ("katakamukha", "pataka"),
            0.5,
        ),
        Pose(
            (0, 2.8),
            (0.0, 4.75),
            (0.02, 5.52),
            ((-0.45, 6.6), (0.45, 6.6)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("pataka", "pataka"),
            -0.3,
            5,
        ),
    ),
    "kathakali": (
        Pose(
            (0, 2.55),
            (0, 4.35),
            (0, 5.22),
            ((-1.85, 4.5), (1.85, 4.5)),
            ((-0.8, 0.15), (0.8, 0.15)),
            ("katakamukha", "alapadma"),
        ),
        Pose(
            (0, 2.55),
            (0, 4.35),
            (0, 5.22),
            ((-0.45, 3.35), (1.8, 4.9)),
            ((-0.8, 0.15), (0.8, 0.15)),
            ("mushti", "pataka"),
            0.3,
        ),
        Pose(
            (0, 2.55),
            (0, 4.35),
            (0, 5.22),
            ((-2.3, 3.8), (0.5, 3.5)),
            ((-0.8, 0.15), (0.8, 0.15)),
            ("pataka", "katakamukha"),
            -0.3,
        ),
        Pose(
            (0, 2.55),
            (0, 4.35),
            (0, 5.22),
            ((-2.0, 4.9), (2.2, 3.9)),
            ((-0.8, 0.15), (0.8, 0.15)),
            ("alapadma", "katakamukha"),
            -0.2,
        ),
    ),
    "kuchipudi": (
        Pose(
            (0.05, 2.6),
            (0, 4.55),
            (0.03, 5.32),
            ((-1.0, 6.3), (2.2, 4.3)),
            ((-0.1, 0.3), (1.25, 1.35)),
            ("alapadma", "pataka"),
            0.3,
        ),
        Pose(
            (0.0, 2.6),
            (0.0, 4.55),
            (0.0, 5.32),
            ((-2.35, 4.6), (2.35, 4.6)),
            ((-0.4, 0.3), (0.4, 0.3)),
            ("alapadma", "alapadma"),
        ),
        Pose(
            (0.05, 2.6),
            (-0.08, 4.55),
            (0.0, 5.32),
            ((-0.3, 3.85), (1.7, 5.8)),
            ((-0.1, 0.3), (1.2, 1.15)),
            ("katakamukha", "alapadma"),
            0.4,
        ),
        Pose(
            (-0.1, 2.6),
            (-0.2, 4.55),
            (-0.15, 5.32),
            ((-1.3, 6.1), (2.0, 4.9)),
            ((-0.15, 0.3), (1.75, 0.95)),
            ("alapadma", "pataka"),
            0.4,
            -6,
        ),
    ),
    "manipuri": (
        Pose(
            (0, 2.75),
            (-0.08, 4.65),
            (0.0, 5.4),
            ((-1.9, 3.7), (1.7, 4.9)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("pataka", "pataka"),
            0.4,
        ),
        Pose(
            (0, 2.75),
            (0.05, 4.65),
            (0.0, 5.4),
            ((-0.45, 3.95), (1.95, 3.6)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("katakamukha", "pataka"),
            -0.4,
        ),
        Pose(
            (0, 2.75),
            (0.05, 4.65),
            (-0.02, 5.4),
            ((-1.3, 5.4), (1.9, 3.9)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("pataka", "pataka"),
            -0.3,
        ),
        Pose(
            (0, 2.75),
            (-0.05, 4.65),
            (-0.08, 5.4),
            ((-2.0, 4.5), (-0.35, 4.0)),
            ((-0.3, 0.15), (0.3, 0.15)),
            ("pataka", "katakamukha"),
            -0.5,
            7,
        ),
    ),
    "mohiniyattam": (
        Pose(
            (0.2, 2.45),
            (-0.18, 4.35),
            (-0.02, 5.12),
            ((-1.95, 3.7), (1.05, 4.75)),
            ((-0.45, 0.15), (0.65, 0.15)),
            ("pataka", "katakamukha"),
            -0.4,
            -9,
        ),
        Pose(
            (-0.2, 2.45),
            (0.18, 4.35),
            (0.04, 5.12),
            ((-0.3, 3.65), (2.1, 3.9)),
            ((-0.65, 0.15), (0.45, 0.15)),
            ("katakamukha", "alapadma"),
            0.4,
            9,
        ),
        Pose(
            (0.16, 2.45),
            (-0.14, 4.35),
            (0.0, 5.12),
            ((-0.5, 3.75), (0.35, 3.7)),
            ((-0.5, 0.15), (0.55, 0.15)),
            ("katakamukha", "katakamukha"),
            0.2,
            -7,
        ),
        Pose(
            (0.18, 2.45),
            (-0.14, 4.35),
            (0.0, 5.12),
            ((-2.1, 4.6), (2.0, 3.7)),
            ((-0.45, 0.15), (0.6, 0.15)),
            ("alapadma", "pataka"),
            -0.3,
            -8,
        ),
    ),
    "odissi": (
        Pose(
            (0.5, 2.42),
            (-0.22, 4.2),
            (0.1, 4.95),
            ((-1.6, 4.5), (1.35, 3.2)),
            ((-0.2, 0.15), (0.95, 0.15)),
            ("katakamukha", "pataka"),
            -0.5,
            -13,
        ),
        Pose(
            (0.5, 2.42),
            (-0.22, 4.2),
            (0.1, 4.95),
            ((-0.95, 5.9), (0.4, 3.5)),
            ((-0.2, 0.15), (0.95, 0.15)),
            ("alapadma", "katakamukha"),
            0.4,
            -12,
        ),
        Pose(
            (0.1, 2.0),
            (-0.1, 3.9),
            (0.02, 4.67),
            ((-1.9, 3.1), (1.85, 3.1)),
            ((-0.85, 0.15), (0.85, 0.15)),
            ("pataka", "pataka"),
            0.3,
            0,
            -1.0,
        ),
        Pose(
            (0.5, 2.42),
            (-0.22, 4.2),
            (0.1, 4.95),
            ((-1.35, 5.2), (1.5, 4.9)),
            ((-0.2, 0.15), (0.95, 0.15)),
            ("katakamukha", "alapadma"),
            0.3,
            -12,
        ),
    ),
    "sattriya": (
        Pose(
            (0.06, 2.6),
            (-0.06, 4.5),
            (0.02, 5.27),
            ((-1.2, 6.0), (2.1, 4.1)),
            ((-0.5, 0.15), (0.55, 0.15)),
            ("pataka", "alapadma"),
            0.3,
        ),
        Pose(
            (0, 2.6),
            (0, 4.5),
            (0.03, 5.27),
            ((-2.2, 4.2), (0.35, 3.8)),
            ((-0.5, 0.15), (0.5, 0.15)),
            ("pataka", "katakamukha"),
            -0.4,
        ),
        Pose(
            (-0.05, 2.6),
            (0.05, 4.5),
            (0.0, 5.27),
            ((-1.8, 4.9), (1.8, 4.9)),
            ((-0.5, 0.15), (0.5, 0.15)),
            ("alapadma", "alapadma"),
            0.2,
        ),
        Pose(
            (0.08, 2.6),
            (-0.06, 4.5),
            (0.0, 5.27),
            ((-0.35, 3.8), (1.7, 5.5)),
            ((-0.5, 0.15), (0.55, 0.15)),
            ("katakamukha", "pataka"),
            0.4,
            -6,
        ),
    ),
}
