"""The dancer under the costume: limbs, hands in mudras, face, hair, and the jewellery that all share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from dance_demo.data.illustrations.brush import SIDES, Brush, Colour, Point, darker, lighter, mix
from dance_demo.data.illustrations.pose import Pose

GOLD, SILVER, WHITE, CREAM = (232, 180, 62), (206, 210, 220), (250, 246, 236), (244, 232, 202)
RED, HAIR, ALTA = (186, 24, 40), (30, 20, 22), (190, 30, 44)
SKINS = ((118, 70, 46), (146, 90, 58), (168, 108, 70), (188, 128, 88), (206, 148, 106), (222, 170, 130))


@dataclass(frozen=True)
class Palette:
    """The colours of one dancer: ``border`` edges the ``cloth``, ``second`` contrasts with it."""

    skin: Colour
    cloth: Colour
    second: Colour
    border: Colour
    blouse: Colour
    metal: Colour = GOLD
    flower: Colour = WHITE


@dataclass(frozen=True)
class Figure:
    """One dancer on one canvas: what every part of a costume needs to be drawn."""

    brush: Brush
    pose: Pose
    palette: Palette
    random: Random

    def portrait(self, size: float = 1.15) -> "Figure":
        """The same dancer, with a brush for the head: larger than life and tilted with the pose."""
        tilt = math.radians(self.pose.tilt)
        return replace(self, brush=self.brush.around(self.pose.head, size, tilt))

    def around_head(self, x: float, y: float) -> Point:
        return self.pose.head[0] + x, self.pose.head[1] + y

    def down_torso(self, part: float, side: float = 0.0) -> Point:
        """A point between neck (0) and hip (1), ``side`` heads to the right."""
        (x, y), (hip_x, hip_y) = self.pose.chest, self.pose.hip
        return x + (hip_x - x) * part + side, y + (hip_y - y) * part


# Fingers of each mudra: (degrees away from the hand's direction, length); thumb first.
MUDRAS = {
    "pataka": ((62, 0.2), (12, 0.36), (4, 0.4), (-4, 0.38), (-12, 0.32)),
    "alapadma": ((75, 0.24), (38, 0.36), (10, 0.4), (-18, 0.38), (-48, 0.34)),
    "katakamukha": ((34, 0.24), (26, 0.27), (18, 0.25), (-16, 0.4), (-34, 0.36)),
    "mushti": ((50, 0.2), (16, 0.16), (5, 0.18), (-7, 0.17), (-18, 0.15)),
}


def hand(figure: Figure, wrist: Point, direction: float, side: int, mudra: str, nail: Colour | None = None) -> None:
    """A hand from ``wrist`` towards ``direction`` (radians), with red fingertips or with long nails."""
    brush, skin = figure.brush, figure.palette.skin
    palm = (wrist[0] + 0.15 * math.cos(direction), wrist[1] + 0.15 * math.sin(direction))
    for degrees, length in MUDRAS[mudra][::-1]:
        angle = direction - side * math.radians(degrees)
        step = math.cos(angle), math.sin(angle)
        length *= 1.12
        root = (palm[0] + 0.09 * step[0], palm[1] + 0.09 * step[1])
        tip = (palm[0] + length * step[0], palm[1] + length * step[1])
        if nail:
            brush.stroke([tip, (tip[0] + 0.3 * step[0], tip[1] + 0.3 * step[1])], [0.07, 0.015], nail)
        brush.stroke([root, tip], [0.115, 0.08], darker(skin, 0.3))
        brush.stroke([root, tip], [0.085, 0.055], skin)
        if not nail:
            brush.dot(tip, 0.032, ALTA)
    brush.limb(
        [wrist, palm, (palm[0] + 0.06 * math.cos(direction), palm[1] + 0.06 * math.sin(direction))],
        [0.15, 0.26, 0.22],
        skin,
    )
    if mudra == "alapadma":
        brush.dot(palm, 0.05, ALTA)


def between(first: Point, second: Point, part: float) -> Point:
    return first[0] + (second[0] - first[0]) * part, first[1] + (second[1] - first[1]) * part


def ring(
    figure: Figure, first: Point, second: Point, part: float, width: float, colour: Colour, thick: float = 0.08
) -> None:
    """A bangle or hem across the bone from ``first`` to ``second``."""
    x, y = between(first, second, part)
    length = math.dist(first, second) or 1e-6
    across = (-(second[1] - first[1]) / length * width / 2, (second[0] - first[0]) / length * width / 2)
    ends = [(x - across[0], y - across[1]), (x + across[0], y + across[1])]
    figure.brush.stroke(ends, thick, darker(colour, 0.35))
    figure.brush.stroke(ends, thick * 0.6, lighter(colour, 0.15))


@dataclass(frozen=True)
class Sleeve:
    """A sleeve that ends at a part of the upper arm, or beyond the elbow between 1 and 2."""

    colour: Colour
    end: float = 0.55
    full: float = 1.0  # how wide
    bangles: bool = True


def upper_arm(figure: Figure, side: int, sleeve: Sleeve) -> None:
    """Shoulder to elbow; drawn before the torso, which covers the seam."""
    shoulder, elbow, _ = figure.pose.arm(side)
    brush, full = figure.brush, sleeve.full
    brush.limb([shoulder, between(shoulder, elbow, 0.5), elbow], [0.36, 0.31, 0.26], figure.palette.skin)
    stop = between(shoulder, elbow, min(1.0, sleeve.end))
    brush.limb([shoulder, between(shoulder, stop, 0.5), stop], [0.48 * full, 0.42 * full, 0.36 * full], sleeve.colour)
    if sleeve.end < 1:
        ring(figure, shoulder, stop, 0.97, 0.37 * full, figure.palette.border, 0.1)


def fore_arm(figure: Figure, side: int, sleeve: Sleeve, nail: Colour | None = None) -> None:
    """Elbow to fingertips with bangles; drawn in front of the costume."""
    shoulder, elbow, wrist = figure.pose.arm(side)
    direction = math.atan2(wrist[1] - elbow[1], wrist[0] - elbow[0]) + side * 0.12
    hand(figure, wrist, direction, side, figure.pose.mudras[side > 0], nail)
    figure.brush.limb([elbow, between(elbow, wrist, 0.4), wrist], [0.27, 0.26, 0.17], figure.palette.skin)
    weld = [between(elbow, shoulder, 0.14), between(elbow, wrist, 0.12)]  # hides the outline between the bones
    figure.brush.stroke(weld, 0.17, figure.palette.skin)
    for part in (0.76, 0.85, 0.94) if sleeve.bangles else ():
        ring(figure, elbow, wrist, part, 0.22, figure.palette.metal if part != 0.85 else RED, 0.075)
    if sleeve.end >= 1:
        stop, full = between(elbow, wrist, max(0.12, sleeve.end - 1)), sleeve.full
        figure.brush.limb(
            [elbow, between(elbow, stop, 0.5), stop], [0.36 * full, 0.33 * full, 0.28 * full], sleeve.colour
        )
        figure.brush.stroke(weld, 0.23 * full, sleeve.colour)
        ring(figure, elbow, stop, 0.95, 0.29 * full, figure.palette.border, 0.1)


def foot(figure: Figure, side: int, *, bells: int = 3) -> None:
    """A bare foot turned out, its sole dyed red, and rows of ankle bells."""
    brush, (_, knee, ankle) = figure.brush, figure.pose.leg(side)
    toe = (ankle[0] + side * 0.38, ankle[1] - 0.1)
    brush.stroke([ankle, toe], [0.2, 0.17], ALTA)
    brush.limb([(ankle[0], ankle[1] + 0.02), (toe[0] - side * 0.03, toe[1] + 0.04)], [0.2, 0.13], figure.palette.skin)
    for row in range(bells):
        x, y = between(ankle, knee, 0.05 + 0.075 * row)
        brush.stroke([(x - 0.15, y), (x + 0.15, y)], 0.1, (92, 46, 26))
        for i in range(5):
            brush.bead((x - 0.14 + 0.07 * i, y - 0.01), 0.045, GOLD)


def leg(figure: Figure, side: int, cloth: Colour, *, full: float = 1.0, hem: Colour | None = None) -> None:
    """One leg in trousers, or in the leg part of a draped sari; ``full`` widens the cloth."""
    joint, knee, ankle = figure.pose.leg(side)
    end = between(knee, ankle, 0.8)
    figure.brush.limb([between(knee, ankle, 0.5), ankle], [0.26, 0.19], figure.palette.skin)
    figure.brush.limb(
        [joint, between(joint, knee, 0.6), knee, between(knee, end, 0.5), end],
        [0.66 * full, 0.62 * full, 0.5 * full, 0.44 * full, 0.32 * full],
        cloth,
    )
    for part in (0.3, 0.52, 0.74):  # folds
        ring(figure, knee, end, part, 0.37 * full, mix(cloth, darker(cloth), 0.5), 0.02)
    ring(figure, knee, end, 0.98, 0.36 * full, hem or figure.palette.border, 0.11)


def torso(figure: Figure, colour: Colour, *, bare_waist: bool = True) -> None:
    """Neck, shoulders and blouse; a strip of skin above the hip where the form shows it."""
    brush, pose, skin = figure.brush, figure.pose, figure.palette.skin
    left, right = pose.shoulder(-1), pose.shoulder(1)
    waist, hip = figure.down_torso(0.66), figure.down_torso(1.02)
    body = [
        (left[0] - 0.06, left[1] + 0.1),
        (pose.chest[0], pose.chest[1] + 0.02),
        (right[0] + 0.06, right[1] + 0.1),
        (right[0] + 0.02, right[1] - 0.3),
        (waist[0] + 0.46, waist[1]),
        (hip[0] + 0.56, hip[1]),
        (hip[0] - 0.56, hip[1]),
        (waist[0] - 0.46, waist[1]),
        (left[0] - 0.02, left[1] - 0.3),
    ]
    brush.shape(body, darker(skin if bare_waist else colour, 0.15))
    lower = figure.down_torso(0.5 if bare_waist else 0.9)
    blouse = [
        body[0],
        (pose.chest[0] - 0.26, pose.chest[1] - 0.02),
        (pose.chest[0], pose.chest[1] - 0.3),
        (pose.chest[0] + 0.26, pose.chest[1] - 0.02),
        *body[2:4],
        (lower[0] + 0.46, lower[1]),
        (lower[0] - 0.46, lower[1]),
        body[8],
    ]
    brush.shape(blouse, darker(colour, 0.28))
    brush.shape([(x - 0.035, y + 0.015) for x, y in blouse], mix(colour, darker(colour), 0.25))
    brush.shape([(lower[0] + (x - lower[0]) * 0.8 - 0.06, y + 0.02) for x, y in blouse], colour)
    brush.stroke(blouse[1:4], 0.07, figure.palette.border)
    brush.limb(
        [between(pose.chest, pose.head, 0.55), pose.chest, (pose.chest[0], pose.chest[1] - 0.1)],
        [0.32, 0.34, 0.4],
        skin,
    )
    brush.ellipse((pose.head[0], pose.head[1] - 0.6), 0.17, 0.1, (*darker(skin, 0.6), 120))


def belt(figure: Figure, colour: Colour, *, part: float = 0.78, jewels: Colour = RED, half: float = 0.52) -> None:
    """A waist belt with a jewelled buckle."""
    x, y = figure.down_torso(part)
    brush, arc = figure.brush, [(x - half, y + 0.04), (x, y - 0.06), (x + half, y + 0.04)]
    brush.stroke(arc, 0.2, darker(colour, 0.4))
    brush.stroke(arc, 0.15, colour)
    for i in (-2, -1, 1, 2):
        brush.bead((x + i * half * 0.36, y - 0.05 + 0.022 * abs(i)), 0.045, jewels)
    brush.bead((x, y - 0.06), 0.14, lighter(colour, 0.2))
    brush.bead((x, y - 0.06), 0.07, jewels)


def necklaces(figure: Figure, colour: Colour, *, long: bool = True, gem: Colour = RED) -> None:
    """A choker, a necklace and a long chain with a pendant."""
    x, y = figure.pose.chest
    figure.brush.stroke([(x - 0.19, y + 0.08), (x, y + 0.02), (x + 0.19, y + 0.08)], 0.09, colour)
    drops = [(0.32, 0.36), (0.36, 0.92)] if long else [(0.32, 0.36)]
    for half, drop in drops:
        beads = 9 if drop < 0.5 else 17
        for i in range(beads):
            turn = 2 * i / (beads - 1) - 1
            figure.brush.bead((x + turn * half, y - drop + (drop - 0.02) * turn * turn), 0.05, colour)
        figure.brush.bead((x, y - drop - 0.03), 0.1, gem)


def hair(figure: Figure) -> None:
    """The hair at the back of the head."""
    figure.brush.ellipse(figure.around_head(0, 0.1), 0.49, 0.54, HAIR)


@dataclass(frozen=True)
class MakeUp:
    """How a face is painted; ``base`` replaces the skin where the whole face is painted."""

    base: Colour | None = None
    eye: float = 1.0  # how large the lined eyes are
    lips: Colour = (176, 32, 48)
    bindi: Colour = (200, 24, 44)
    man: bool = False


def eye(figure: Figure, x: float, y: float, side: int, size: float, look: float) -> None:
    """A large almond eye lined with kohl towards the temple, below a curved brow."""
    brush, at = figure.brush, figure.around_head
    outer, inner = x + side * 0.15 * size, x - side * 0.12 * size
    brush.stroke([at(inner, y), at(outer, y + 0.02), at(outer + side * 0.09, y + 0.06)], [0.02, 0.05, 0.015], HAIR)
    for open_, tone in ((1.25 * size, HAIR), (0.8 * size, WHITE)):
        almond = [at(inner, y - 0.01), at(x, y + 0.085 * open_), at(outer, y + 0.02), at(x, y - 0.065 * open_)]
        brush.shape(almond, tone)
    brush.dot(at(x + look * 0.05, y + 0.008), 0.058 * size, (44, 24, 18))
    brush.dot(at(x + look * 0.05 - 0.02, y + 0.03), 0.018 * size, WHITE)
    brush.stroke(
        [
            at(inner + side * 0.01, y + 0.16 * size),
            at(x + side * 0.05, y + 0.205 * size),
            at(outer + side * 0.05, y + 0.11 * size),
        ],
        [0.022, 0.045, 0.012],
        HAIR,
    )


def face(figure: Figure, makeup: MakeUp) -> None:
    """A friendly face: heart-shaped, lined eyes, small smile, bindi."""
    brush, at, gaze = figure.brush, figure.around_head, figure.pose.gaze
    skin, turn = makeup.base or figure.palette.skin, gaze * 0.07
    outline = [
        (-0.4, 0.16),
        (-0.3, 0.46),
        (0, 0.54),
        (0.3, 0.46),
        (0.4, 0.16),
        (0.37, -0.16),
        (0.22, -0.43),
        (0.02, -0.56),
        (-0.02, -0.56),
        (-0.22, -0.43),
        (-0.37, -0.16),
    ]
    brush.shape([at(x, y) for x, y in outline], darker(skin, 0.3))
    brush.shape([at(x * 0.95 - 0.01, y * 0.97 + 0.012) for x, y in outline], skin)
    for side in SIDES:
        brush.ellipse(
            at(turn + side * 0.22, -0.16), 0.1, 0.08, (*mix(skin, (226, 74, 70), 0.5), 40 if makeup.man else 120)
        )
        eye(figure, turn + side * 0.18, 0.02, side, makeup.eye, gaze)
    nose = turn * 1.5
    brush.stroke(
        [at(nose + 0.02, -0.06), at(nose + 0.055, -0.15), at(nose, -0.185), at(nose - 0.05, -0.165)],
        [0.006, 0.022, 0.026, 0.012],
        darker(skin, 0.26),
    )
    mouth = [
        at(turn - 0.15, -0.262),
        at(turn - 0.05, -0.28),
        at(turn, -0.292),
        at(turn + 0.05, -0.28),
        at(turn + 0.15, -0.262),
        at(turn + 0.07, -0.36),
        at(turn, -0.378),
        at(turn - 0.07, -0.36),
    ]
    brush.shape(mouth, makeup.lips)
    brush.shape([at(turn - 0.1, -0.288), at(turn, -0.308), at(turn + 0.1, -0.288), at(turn, -0.335)], WHITE)
    for side in SIDES:
        brush.stroke(
            [at(turn + side * 0.15, -0.262), at(turn + side * 0.185, -0.24)], [0.016, 0.008], darker(skin, 0.4)
        )
    if makeup.man:  # a tilak of sandal paste instead of the bindi
        brush.stroke([at(turn, 0.34), at(turn, 0.16)], [0.06, 0.03], (236, 214, 160))
    else:
        brush.dot(at(turn, 0.23), 0.042, makeup.bindi)


def hairline(figure: Figure, metal: Colour, *, tikka: bool = True, man: bool = False) -> None:
    """Parted hair over the brow with a chain of beads along it and a pendant in the parting."""
    brush, at = figure.brush, figure.around_head
    for side in SIDES:
        brush.shape(
            [
                at(0, 0.57),
                at(0, 0.42),
                at(side * 0.22, 0.37),
                at(side * 0.37, 0.16),
                at(side * 0.41, -0.06),
                at(side * 0.48, 0.2),
                at(side * 0.36, 0.5),
            ],
            HAIR,
        )
        for i in range(6 if tikka else 0):
            brush.bead(at(side * (0.06 + 0.066 * i), 0.425 - 0.011 * i * i), 0.036, metal)
        if man:
            brush.bead(at(side * 0.41, -0.13), 0.05, metal)
        else:
            earring(figure, side, metal)
    if tikka:
        brush.stroke([at(0, 0.56), at(0, 0.4)], 0.03, metal)
        brush.bead(at(0, 0.36), 0.07, metal)
        brush.bead(at(0, 0.36), 0.03, RED)


def earring(figure: Figure, side: int, metal: Colour) -> None:
    """A bell-shaped jhumka."""
    brush, at = figure.brush, figure.around_head
    brush.bead(at(side * 0.42, -0.12), 0.065, metal)
    brush.polygon(
        [
            at(side * 0.42 - 0.05, -0.17),
            at(side * 0.42 + 0.05, -0.17),
            at(side * 0.42 + 0.1, -0.3),
            at(side * 0.42 - 0.1, -0.3),
        ],
        metal,
    )
    for i in (-1, 0, 1):
        brush.dot(at(side * 0.42 + i * 0.07, -0.32), 0.03, RED)


def garland(
    figure: Figure,
    centre: Point,
    radius_x: float,
    radius_y: float,
    colour: Colour,
    *,
    start: float = 0.0,
    end: float = 360.0,
    count: int = 16,
) -> None:
    """Flowers in an arc (degrees, 0 to the right, 90 up) around ``centre``."""
    for i in range(count):
        angle = math.radians(start + (end - start) * i / (count - 1 if end - start < 360 else count))
        at = (centre[0] + radius_x * math.cos(angle), centre[1] + radius_y * math.sin(angle))
        figure.brush.dot(at, 0.088, darker(colour, 0.25))
        figure.brush.dot(at, 0.068, colour)


def sash(figure: Figure, points: Sequence[Point], width: float, cloth: Colour, border: Colour) -> None:
    """A band of cloth with a woven edge on both sides."""
    left = [(x - width * 0.05, y) for x, y in points]
    for path, part, tone in ((points, 1.0, border), (points, 0.72, darker(cloth, 0.2)), (left, 0.58, cloth)):
        figure.brush.stroke(path, width * part, tone, round_ends=False)
