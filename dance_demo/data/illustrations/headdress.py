"""What each form wears on the head: crowns, veils, buns, a painted face."""

import math

from dance_demo.data.illustrations.body import (
    CREAM,
    GOLD,
    HAIR,
    RED,
    SILVER,
    WHITE,
    Figure,
    MakeUp,
    between,
    face,
    garland,
    hairline,
)
from dance_demo.data.illustrations.brush import SIDES, Colour, Point, darker, lighter, mix, smooth

GREEN = (28, 104, 62)
WOMAN, MAN = MakeUp(), MakeUp(lips=(150, 64, 56), man=True)


def head(figure: Figure, metal: Colour, makeup: MakeUp = WOMAN, *, tikka: bool = True) -> None:
    """Face and hair, larger than life, as the pose holds them."""
    face(figure.portrait(), makeup)
    hairline(figure.portrait(), metal, tikka=tikka, man=makeup.man)


def sun_and_moon(figure: Figure) -> None:
    """The round sun and the crescent moon on both sides of the parting."""
    brush, at = figure.brush, figure.around_head
    brush.bead(at(-0.25, 0.47), 0.09, GOLD)
    brush.dot(at(-0.25, 0.47), 0.035, RED)
    brush.dot(at(0.25, 0.47), 0.095, GOLD)
    brush.dot(at(0.21, 0.51), 0.065, HAIR)


def pot(figure: Figure) -> None:
    """A brass water pot on the head."""
    brush, at = figure.brush, figure.around_head
    brush.shape(
        [at(-0.2, 0.6), at(-0.38, 0.84), at(-0.2, 1.06), at(0.2, 1.06), at(0.38, 0.84), at(0.2, 0.6)], darker(GOLD, 0.4)
    )
    brush.shape([at(-0.2, 0.64), at(-0.35, 0.84), at(-0.2, 1.03), at(0.16, 1.03), at(0.3, 0.84), at(0.16, 0.64)], GOLD)
    brush.ellipse(at(0, 1.1), 0.24, 0.07, darker(GOLD, 0.3))
    brush.stroke([at(-0.2, 0.92), at(-0.22, 0.78)], 0.06, lighter(GOLD, 0.7))


def crown_disc(figure: Figure) -> None:
    """The great round halo of the kireetam, ring within ring."""
    brush, centre = figure.brush, figure.around_head(0, 1.0)
    rings = ((1.12, darker(GOLD)), (1.08, GOLD), (0.98, RED), (0.88, GOLD), (0.8, GREEN), (0.68, GOLD), (0.6, RED))
    beads = ((1.03, 44, 0.045, WHITE), (0.93, 30, 0.03, GOLD), (0.84, 34, 0.04, SILVER), (0.64, 26, 0.03, WHITE))
    for radius, tone in rings:
        brush.dot(centre, radius, tone)
    for radius, count, size, tone in beads:
        for i in range(count):
            angle = 2 * math.pi * i / count
            at = centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)
            brush.dot(at, size, tone)


def crown_front(figure: Figure) -> None:
    """The tiered cone in front of the halo, and its band across the brow."""
    brush, at = figure.brush, figure.around_head
    tiers = (
        (0.38, 0.5, GOLD),
        (0.58, 0.44, RED),
        (0.76, 0.46, GOLD),
        (0.94, 0.36, GREEN),
        (1.1, 0.38, GOLD),
        (1.26, 0.28, RED),
        (1.4, 0.28, GOLD),
        (1.54, 0.17, GOLD),
    )
    for y, half, tone in tiers:
        brush.ellipse(at(0, y), half, 0.14, darker(tone, 0.45))
        brush.ellipse(at(0, y + 0.02), half * 0.97, 0.11, tone)
        for i in range(-3, 4):
            brush.dot(at(i * half * 0.26, y - 0.02 + 0.006 * abs(i)), 0.035, WHITE if tone != GOLD else RED)
    brush.shape([at(-0.1, 1.58), at(0, 1.95), at(0.1, 1.58)], GOLD)


def chutti_face(figure: Figure) -> None:
    """Green make-up, framed along the jaw by the white paper rim (chutti)."""
    brush, at = figure.brush, figure.around_head
    rim = [
        at(-0.56, 0.16),
        at(-0.62, -0.2),
        at(-0.42, -0.62),
        at(0, -0.8),
        at(0.42, -0.62),
        at(0.62, -0.2),
        at(0.56, 0.16),
        at(0.3, -0.1),
        at(-0.3, -0.1),
    ]
    middle = at(0, -0.05)
    for part, tone in ((1.0, (150, 144, 136)), (0.97, WHITE), (0.88, (206, 200, 190)), (0.86, WHITE)):
        brush.shape([between(middle, point, part) for point in rim], tone)
    face(figure, MakeUp(base=(34, 150, 62), eye=1.35, lips=(214, 22, 34), bindi=(250, 200, 40)))
    brush.shape([at(-0.07, 0.2), at(0, 0.46), at(0.07, 0.2), at(0, 0.14)], (252, 206, 50))
    brush.shape([at(-0.03, 0.2), at(0, 0.36), at(0.03, 0.2)], (214, 22, 34))
    for side in SIDES:
        brush.stroke([at(side * 0.05, -0.22), at(side * 0.2, -0.2), at(side * 0.3, -0.1)], [0.05, 0.04, 0.02], HAIR)
        brush.bead(at(side * 0.6, 0.1), 0.2, GOLD)
        brush.bead(at(side * 0.6, 0.1), 0.1, RED)


def veil_cap(figure: Figure) -> None:
    """The small cone on the hair with its gold bands."""
    brush, at = figure.brush, figure.around_head
    brush.shape(
        [at(-0.34, 0.46), at(-0.12, 0.86), at(0, 0.98), at(0.12, 0.86), at(0.34, 0.46), at(0, 0.54)],
        figure.palette.blouse,
    )
    for half, y in ((0.37, 0.47), (0.2, 0.74)):
        brush.stroke([at(-half, y), at(0, y + 0.07), at(half, y)], 0.085, GOLD)
        for i in (-1, 0, 1):
            brush.dot(at(i * half * 0.6, y + 0.05 - 0.02 * abs(i)), 0.03, RED)


def veil_front(figure: Figure) -> None:
    """The transparent veil from the tip of the cap over the sides of the face to the elbows."""
    brush, mist = figure.brush, (250, 250, 255, 96)

    def at(x: float, y: float) -> Point:  # the head is drawn larger than life
        return figure.around_head(x * 1.15, y * 1.15)

    for side in SIDES:
        outer = [
            at(0, 1.05),
            at(side * 0.4, 0.55),
            at(side * 0.62, -0.1),
            figure.down_torso(0.2, side * 0.98),
            figure.down_torso(0.6, side * 1.08),
        ]
        inner = [figure.down_torso(0.35, side * 0.62), at(side * 0.46, -0.4), at(side * 0.32, 0.3)]
        brush.shape([*outer, *inner], mist)
        brush.stroke(outer, 0.035, (255, 255, 255, 200))
        for i, (x, y) in enumerate(smooth(outer, closed=False)[4::4]):
            brush.dot((float(x) - side * 0.1 * (1 + i % 3), float(y)), 0.022, (255, 250, 220))
    brush.shape([at(0, 1.05), at(0.45, 0.3), at(0.5, -0.5), at(-0.5, -0.5), at(-0.45, 0.3)], (250, 250, 255, 26))


def side_bun(figure: Figure) -> None:
    """The bun on the dancer's left, with a ring of jasmine."""
    centre = figure.around_head(0.4, 0.46)
    figure.brush.dot(centre, 0.34, HAIR)
    garland(figure, centre, 0.33, 0.33, WHITE, count=15)
    figure.brush.dot(centre, 0.22, mix(HAIR, (90, 70, 70), 0.25))
    figure.brush.bead(centre, 0.08, GOLD)


def tahiya(figure: Figure) -> None:
    """The crown of white pith: a ring of petals around the bun and a temple spire."""
    brush, at = figure.brush, figure.around_head
    centre = at(0, 0.42)
    for radius, count, tone in ((0.66, 17, darker(WHITE, 0.14)), (0.56, 15, WHITE)):
        for i in range(count):
            angle = math.radians(-12 + 204 * i / (count - 1))
            tip = centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)
            brush.stroke([between(centre, tip, 0.5), tip], [0.14, 0.1], tone)
            brush.dot(tip, 0.05, (236, 150, 60) if tone != WHITE else tone)
    brush.shape(
        [at(-0.2, 0.6), at(-0.16, 1.0), at(-0.05, 1.34), at(0, 1.58), at(0.05, 1.34), at(0.16, 1.0), at(0.2, 0.6)],
        darker(WHITE, 0.2),
    )
    brush.shape(
        [at(-0.16, 0.62), at(-0.12, 1.0), at(-0.03, 1.32), at(0.01, 1.34), at(0.09, 1.0), at(0.13, 0.62)], WHITE
    )
    for y, half in ((0.86, 0.21), (1.04, 0.17), (1.2, 0.12)):
        brush.stroke([at(-half, y), at(0, y - 0.03), at(half, y)], 0.05, darker(WHITE, 0.25))
        brush.dot(at(0, y + 0.06), 0.035, RED)


def top_knot(figure: Figure) -> None:
    """The high bun ringed with white flowers."""
    bun = figure.around_head(0, 0.66)
    figure.brush.dot(bun, 0.31, HAIR)
    garland(figure, bun, 0.31, 0.29, WHITE, start=-20, end=200, count=11)
    figure.brush.bead(bun, 0.09, RED)


def brow_band(figure: Figure) -> None:
    """A white and gold band across the hair."""
    at = figure.around_head
    arc = [at(-0.43, 0.3), at(-0.26, 0.46), at(0, 0.53), at(0.26, 0.46), at(0.43, 0.3)]
    figure.brush.stroke(arc, 0.1, CREAM)
    figure.brush.stroke(arc, 0.03, GOLD)


def turban(figure: Figure) -> None:
    """The white turban of the monks."""
    brush, at = figure.brush, figure.around_head
    wrap = [at(-0.46, 0.2), at(-0.44, 0.62), at(-0.12, 1.0), at(0.16, 0.98), at(0.44, 0.6), at(0.46, 0.2), at(0, 0.36)]
    brush.shape(wrap, darker(WHITE, 0.25))
    brush.shape([(x - 0.02, y + 0.02) for x, y in wrap], WHITE)
    for lift in (0.0, 0.17, 0.33):
        fold = [at(-0.42 + lift * 0.4, 0.34 + lift), at(0, 0.44 + lift), at(0.42 - lift * 0.5, 0.42 + lift)]
        brush.stroke(fold, 0.03, darker(WHITE, 0.2))
