"""How the dancers of the eight forms are dressed: the hallmarks by which people know each form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance_demo.data.illustrations.body import (
    CREAM,
    GOLD,
    HAIR,
    RED,
    SILVER,
    WHITE,
    Figure,
    MakeUp,
    Sleeve,
    belt,
    between,
    foot,
    fore_arm,
    garland,
    hair,
    leg,
    necklaces,
    ring,
    sash,
    torso,
    upper_arm,
)
from dance_demo.data.illustrations.brush import SIDES, Colour, Surface, bell, darker, fan, lighter
from dance_demo.data.illustrations.headdress import (
    MAN,
    WOMAN,
    brow_band,
    chutti_face,
    crown_disc,
    crown_front,
    head,
    pot,
    side_bun,
    sun_and_moon,
    tahiya,
    top_knot,
    turban,
    veil_cap,
    veil_front,
)


def upper_arms(figure: Figure, sleeve: Sleeve) -> None:
    for side in SIDES:
        upper_arm(figure, side, sleeve)


def fore_arms(figure: Figure, sleeve: Sleeve) -> None:
    for side in SIDES:
        fore_arm(figure, side, sleeve)


def pallu(figure: Figure, cloth: Colour, border: Colour, *, width: float = 0.46) -> None:
    """The end of the sari over the left shoulder, pleated across the chest."""
    shoulder = figure.pose.shoulder(1)
    sash(
        figure,
        [(shoulder[0] - 0.12, shoulder[1] + 0.12), figure.down_torso(0.3, 0.12), figure.down_torso(0.8, -0.45)],
        width,
        cloth,
        border,
    )


def pleated_fan(figure: Figure, surface: Surface, cloth: Colour, border: Colour, pleats: int) -> None:
    """The sewn pleats that open like a fan, with two gold borders."""
    brush = figure.brush
    brush.cloth(surface, cloth, pleats=pleats, depth=0.42)
    for top, bottom in ((0.5, 0.54), (0.78, 0.97)):
        brush.band(surface, top, bottom, border, pleats=pleats)
    brush.band(surface, 0.85, 0.89, darker(cloth, 0.2))


def sari_legs(figure: Figure, *, full: float = 1.0, bells: int = 3) -> None:
    """Legs in a sari draped as trousers, and bare feet with bells."""
    for side in SIDES:
        foot(figure, side, bells=bells)
        leg(figure, side, figure.palette.cloth, full=full)


def sari_hips(figure: Figure) -> None:
    """The sari around waist and hips."""
    x, y = figure.pose.hip
    hips = bell((x, y + 0.5), 0.46, (x, y - 0.22), 0.66, dip=0.2, flare=0.7)
    figure.brush.cloth(hips, figure.palette.cloth, pleats=5, depth=0.2)


def bharatanatyam(figure: Figure) -> None:
    palette, (x, y), portrait = figure.palette, figure.pose.hip, figure.portrait()
    sleeve = Sleeve(palette.blouse)
    hair(portrait)
    crown = figure.around_head(0, 0.2)
    garland(portrait, crown, 0.58, 0.5, palette.flower, start=5, end=175, count=13)
    garland(portrait, crown, 0.46, 0.42, (240, 126, 40), start=15, end=165, count=10)
    upper_arms(figure, sleeve)
    sari_legs(figure, full=1.12)
    for side in SIDES:  # gold borders along thigh and shin
        joint, knee, ankle = figure.pose.leg(side)
        figure.brush.stroke([between(joint, knee, 0.15), between(joint, knee, 0.9)], [0.05, 0.09], palette.border)
        figure.brush.stroke([between(knee, ankle, 0.1), between(knee, ankle, 0.75)], [0.1, 0.07], palette.border)
    torso(figure, palette.blouse)
    sari_hips(figure)
    pleated_fan(figure, fan((x, y + 0.45), 1.8, -90, 84), palette.cloth, palette.border, 10)
    pleated_fan(figure, fan((x, y + 0.5), 0.8, -90, 150), palette.second, palette.border, 8)
    pallu(figure, palette.cloth, palette.border)
    belt(figure, GOLD)
    fore_arms(figure, sleeve)
    necklaces(figure, GOLD)
    head(figure, GOLD)
    sun_and_moon(portrait)


def kuchipudi(figure: Figure) -> None:
    palette, (x, y), portrait = figure.palette, figure.pose.hip, figure.portrait()
    sleeve, emerald = Sleeve(palette.blouse), (30, 120, 80)
    plate(figure)
    braid(figure)
    hair(portrait)
    garland(portrait, figure.around_head(0, 0.12), 0.55, 0.56, (240, 130, 50), start=20, end=160, count=11)
    upper_arms(figure, sleeve)
    sari_legs(figure)
    for side in SIDES:
        gold_dots(figure, side)
    torso(figure, palette.blouse)
    sari_hips(figure)
    pleated_fan(figure, fan((x, y + 0.5), 2.2, -90, 46), palette.second, palette.border, 7)
    pleated_fan(figure, fan((x, y + 0.55), 0.78, -90, 120), palette.cloth, palette.border, 6)
    pallu(figure, palette.second, palette.border)
    belt(figure, GOLD, jewels=emerald)
    fore_arms(figure, sleeve)
    necklaces(figure, GOLD, gem=emerald)
    head(figure, GOLD)
    sun_and_moon(portrait)
    if figure.random.random() < 0.5:
        pot(portrait)


def gold_dots(figure: Figure, side: int) -> None:
    """Gold thread scattered over one leg of the sari."""
    joint, knee, ankle = figure.pose.leg(side)
    for first, second in ((joint, knee), (knee, ankle)):
        for i, part in enumerate((0.3, 0.42, 0.54, 0.66, 0.78)):
            x, y = between(first, second, part)
            figure.brush.dot((x + 0.09 * (-1) ** i, y + 0.05), 0.03, figure.palette.border)


def plate(figure: Figure) -> None:
    """The brass plate on whose rim the dancer stands."""
    standing = [x for x, y in figure.pose.feet if y < 0.5]
    middle = sum(standing) / len(standing)
    rings = ((1.0, darker(GOLD, 0.5)), (0.95, GOLD), (0.8, darker(GOLD, 0.25)), (0.72, lighter(GOLD, 0.3)))
    for radius, tone in rings:
        figure.brush.ellipse((middle, 0.12), radius, 0.26 * radius, tone)


def braid(figure: Figure) -> None:
    """The long jewelled braid (jada) that swings beside the body."""
    side = -1 if figure.pose.gaze > 0 else 1
    path = [
        figure.around_head(side * 0.3, -0.1),
        figure.down_torso(0.25, side * 0.75),
        figure.down_torso(0.8, side * 0.95),
        figure.down_torso(1.15, side * 0.8),
    ]
    figure.brush.stroke(path, [0.26, 0.24, 0.2, 0.1], HAIR)
    for first, second in zip(path, path[1:], strict=False):
        for part in (0.1, 0.4, 0.7):
            figure.brush.bead(between(first, second, part), 0.085, GOLD)
    for i in (-1, 0, 1):
        figure.brush.bead((path[-1][0] + i * 0.12, path[-1][1] - 0.12), 0.09, RED)


def kathak(figure: Figure) -> None:
    palette, man = figure.palette, figure.random.random() < 0.25
    sleeve = Sleeve(palette.blouse, 1.8 if man else 1.0, full=0.92, bangles=not man)
    veil_side = -1 if figure.pose.gaze > 0 else 1
    if not man:
        streaming_veil(figure, veil_side)
    hair(figure.portrait())
    upper_arms(figure, sleeve)
    torso(figure, palette.blouse, bare_waist=False)
    spinning_skirt(figure)
    if man:
        angarkha(figure)
    else:
        shoulder = figure.pose.shoulder(-veil_side)
        sash(
            figure,
            [(shoulder[0], shoulder[1] + 0.1), figure.down_torso(0.35, 0), figure.down_torso(0.72, veil_side * 0.42)],
            0.3,
            palette.second,
            palette.border,
        )
        necklaces(figure, GOLD)
    belt(figure, palette.border, part=0.68, half=0.5)
    fore_arms(figure, sleeve)
    head(figure, GOLD, MAN if man else WOMAN, tikka=not man)


def angarkha(figure: Figure) -> None:
    """The man's coat: a curved front opening edged in gold, and a stole."""
    palette, brush = figure.palette, figure.brush
    opening = [figure.down_torso(0.04, -0.26), figure.down_torso(0.3, -0.2), figure.down_torso(0.62, 0.3)]
    brush.stroke(opening, 0.1, palette.border)
    brush.stroke(opening, 0.04, palette.second)
    stole = [figure.down_torso(0.0, 0.4), figure.down_torso(0.4, 0.34), figure.down_torso(0.7, -0.36)]
    sash(figure, stole, 0.26, palette.second, palette.border)


def spinning_skirt(figure: Figure) -> None:
    """Wide radial pleats that fly up with the turn, churidar and many ankle bells below."""
    palette, brush, random, (x, y) = figure.palette, figure.brush, figure.random, figure.pose.hip
    reach, sway, swing = random.uniform(2.1, 2.9), random.uniform(-0.25, 0.25), random.uniform(-0.3, 0.3)
    hem_y = 0.45 + 0.4 * reach
    inside = bell((x + sway, hem_y), 0.2, (x + sway, hem_y + 0.05), reach * 0.98, dip=-0.12, swing=swing)
    for side in SIDES:
        foot(figure, side, bells=6)
        leg(figure, side, palette.second, full=0.72)
        foot(figure, side, bells=7)
    brush.cloth(inside, darker(palette.cloth, 0.55), pleats=9)
    skirt = bell((x, y + 0.62), 0.44, (x + sway, hem_y), reach, dip=0.17, flare=1.2, wave=0.09, waves=15, swing=swing)
    brush.cloth(skirt, palette.cloth, pleats=17, depth=0.4)
    brush.motifs(skirt, (0.42, 0.54, 0.66), 15, 0.04, palette.border)
    for top, bottom, tone in (
        (0.77, 0.985, palette.second),
        (0.78, 0.81, palette.border),
        (0.93, 0.98, palette.border),
    ):
        brush.band(skirt, top, bottom, tone, pleats=17)


def streaming_veil(figure: Figure, side: int) -> None:
    """The dupatta: from the back of the head, streaming away with the turn."""
    palette, brush, at = figure.palette, figure.brush, figure.around_head
    brush.shape(
        [at(-0.56, 0.3), at(0, 0.78), at(0.56, 0.3), figure.down_torso(0.6, 0.85), figure.down_torso(0.6, -0.85)],
        darker(palette.second, 0.12),
    )
    lift = figure.random.uniform(-0.3, 0.5)
    path = [
        at(side * 0.2, 0.35),
        figure.down_torso(0.12, side * 1.1),
        figure.down_torso(0.3, side * 1.8),
        (figure.pose.chest[0] + side * 2.6, figure.pose.chest[1] + lift - 0.2),
    ]
    brush.stroke(path, (0.4, 0.7, 0.9, 1.15), palette.border, round_ends=False)
    inner = [*path[:-1], between(path[-2], path[-1], 0.93)]
    brush.stroke(inner, (0.3, 0.6, 0.78, 1.02), palette.second, round_ends=False)
    for fold in (-0.24, -0.02, 0.2):
        brush.stroke([(x, y + fold) for x, y in inner[1:]], [0.0, 0.05, 0.02], darker(palette.second, 0.22))


def kathakali(figure: Figure) -> None:
    palette, brush, portrait = figure.palette, figure.brush, figure.portrait(1.28)
    sleeve = Sleeve(palette.blouse, 1.8, full=1.25)
    crown_disc(portrait)
    brush.shape(
        [
            figure.around_head(-0.6, 0.3),
            figure.around_head(0.6, 0.3),
            figure.down_torso(0.75, 1.0),
            figure.down_torso(0.75, -1.0),
        ],
        HAIR,
    )
    for side in SIDES:
        foot(figure, side, bells=4)
        leg(figure, side, WHITE, full=0.7, hem=RED)
    upper_arms(figure, sleeve)
    torso(figure, palette.blouse, bare_waist=False)
    bell_skirt(figure)
    breast_plate(figure)
    stoles(figure)
    for side in SIDES:
        fore_arm(figure, side, sleeve, nail=SILVER if side < 0 else None)
        shoulder, elbow, wrist = figure.pose.arm(side)
        for part in (0.5, 0.8):
            ring(figure, shoulder, elbow, part, 0.48, GOLD, 0.12)
        for part in (0.2, 0.4, 0.6):
            ring(figure, elbow, wrist, part, 0.36, WHITE, 0.08)
    chutti_face(portrait)
    crown_front(portrait)


def bell_skirt(figure: Figure) -> None:
    """Yards of white cotton like a bell, with red, black and gold bands."""
    palette, brush, (x, y) = figure.palette, figure.brush, figure.pose.hip
    skirt = bell((x, y + 0.6), 0.58, (x, 0.72), 2.05, dip=0.14, flare=0.52, wave=0.05, waves=13)
    brush.cloth(skirt, palette.cloth, pleats=16, depth=0.28)
    for top, bottom, tone in (
        (0.54, 0.62, palette.second),
        (0.64, 0.66, HAIR),
        (0.75, 0.96, palette.second),
        (0.81, 0.85, GOLD),
        (0.9, 0.925, HAIR),
    ):
        brush.band(skirt, top, bottom, tone, pleats=16)


def breast_plate(figure: Figure) -> None:
    """Rows of beads on a gold ground, and a broad belt."""
    brush = figure.brush
    x, y = figure.down_torso(0.4)
    brush.shape(
        [(x - 0.44, y + 0.4), (x + 0.44, y + 0.4), (x + 0.36, y - 0.3), (x, y - 0.45), (x - 0.36, y - 0.3)], GOLD
    )
    for row, tone in enumerate((RED, WHITE, (30, 110, 66), WHITE, RED)):
        for i in range(-3, 4):
            brush.bead((x + i * 0.11, y + 0.32 - row * 0.14 + 0.012 * i * i), 0.055, tone)
    belt(figure, GOLD, part=0.76, half=0.62)


def stoles(figure: Figure) -> None:
    """Two long white and red stoles that end in flower-shaped mirrors."""
    for side in SIDES:
        path = [
            figure.down_torso(0.04, side * 0.36),
            figure.down_torso(0.5, side * 0.52),
            figure.down_torso(1.15, side * 0.62),
            (figure.pose.hip[0] + side * 0.72, 1.15),
        ]
        sash(figure, path, 0.24, WHITE, figure.palette.second)
        for part in (0.2, 0.6, 1.0):
            figure.brush.bead(between(path[2], path[3], part), 0.13, figure.palette.second if part < 1 else GOLD)


def manipuri(figure: Figure) -> None:
    palette, (x, y) = figure.palette, figure.pose.hip
    sleeve, brush = Sleeve(palette.blouse, 0.8), figure.brush
    veil = [
        figure.around_head(0, 1.1),
        figure.around_head(0.5, 0.5),
        figure.down_torso(0.1, 0.95),
        figure.down_torso(0.85, 1.2),
        figure.down_torso(0.85, -1.2),
        figure.down_torso(0.1, -0.95),
        figure.around_head(-0.5, 0.5),
    ]
    brush.shape(veil, (240, 238, 244, 84))
    hair(figure.portrait())
    drum_skirt(figure)
    upper_arms(figure, sleeve)
    torso(figure, palette.blouse, bare_waist=False)
    gauze = bell((x, y + 0.66), 0.5, (x, y - 0.5), 1.62, dip=0.2, flare=0.8, wave=0.08, waves=17)
    brush.cloth(gauze, (244, 240, 238), pleats=16, depth=0.16)
    brush.band(gauze, 0.86, 0.97, SILVER, pleats=16)
    brush.band(gauze, 0.55, 0.59, lighter(palette.second, 0.35), pleats=16)
    sash(figure, [figure.down_torso(0.06, 0.42), figure.down_torso(0.71, -0.4)], 0.22, palette.second, GOLD)
    belt(figure, GOLD, part=0.68, half=0.54, jewels=(30, 120, 70))
    fore_arms(figure, sleeve)
    necklaces(figure, WHITE, gem=palette.second)
    head(figure, GOLD, tikka=False)
    veil_cap(figure.portrait())
    veil_front(figure)


def drum_skirt(figure: Figure) -> None:
    """The potloi: a stiff cylinder with mirrors, embroidered most richly near the ground."""
    palette, brush, (x, y) = figure.palette, figure.brush, figure.pose.hip
    drum = bell((x, y + 0.1), 1.1, (x, 0.3), 1.36, dip=0.15, flare=0.6)
    brush.cloth(drum, palette.cloth, pleats=4, depth=0.14)
    brush.band(drum, 0.62, 1.0, darker(palette.second, 0.1))
    for top, bottom in ((0.62, 0.65), (0.78, 0.81), (0.96, 1.0)):
        brush.band(drum, top, bottom, GOLD)
    brush.motifs(drum, (0.34, 0.44, 0.54), 13, 0.045, SILVER)
    brush.motifs(drum, (0.7, 0.735), 17, 0.05, WHITE)
    for mirror in drum(np.linspace(0.14, 0.86, 7), np.full(7, 0.885)):
        brush.bead(tuple(mirror), 0.11, GOLD)
        brush.dot(tuple(mirror), 0.07, (226, 240, 248))


def mohiniyattam(figure: Figure) -> None:
    palette, (x, y), brush = figure.palette, figure.pose.hip, figure.brush
    sleeve = Sleeve(palette.blouse)
    side_bun(figure.portrait())
    hair(figure.portrait())
    for side in SIDES:
        foot(figure, side, bells=2)
    upper_arms(figure, sleeve)
    torso(figure, palette.blouse)
    skirt = bell((x, y + 0.58), 0.5, (x * 0.3, 0.42), 1.32, dip=0.12, flare=0.75, wave=0.03, waves=11)
    brush.cloth(skirt, palette.cloth, pleats=12, depth=0.2)
    brush.band(skirt, 0.86, 0.97, palette.border, pleats=12)
    brush.band(skirt, 0.78, 0.8, palette.border, pleats=12)
    for reach in (1.62, 1.22, 0.82):  # the frill: fans over fans, each with its gold edge
        frill = fan((x, y + 0.55), reach, -90, 92)
        brush.cloth(frill, palette.cloth, pleats=10, depth=0.26)
        brush.band(frill, 0.86, 0.98, palette.border, pleats=10)
    pallu(figure, palette.cloth, palette.border, width=0.54)
    belt(figure, GOLD, part=0.72)
    fore_arms(figure, sleeve)
    necklaces(figure, GOLD)
    head(figure, GOLD)


def odissi(figure: Figure) -> None:
    palette, (x, y) = figure.palette, figure.pose.hip
    sleeve = Sleeve(palette.blouse)
    hair(figure.portrait())
    tahiya(figure.portrait())
    upper_arms(figure, sleeve)
    sari_legs(figure, full=1.12, bells=4)
    for side in SIDES:
        ikat_leg(figure, side)
    torso(figure, palette.blouse)
    sari_hips(figure)
    surface = fan((x, y + 0.45), 1.7, -90, 66)
    pleated_fan(figure, surface, palette.second, palette.border, 9)
    figure.brush.motifs(surface, (0.66, 0.875), 9, 0.045, WHITE)
    pallu(figure, palette.cloth, palette.border)
    silver_belt(figure)
    fore_arms(figure, sleeve)
    necklaces(figure, SILVER, gem=SILVER)
    head(figure, SILVER, MakeUp(bindi=RED))
    for i in range(-4, 5):  # white dots of sandal paste along the brows
        dot = figure.around_head(figure.pose.gaze * 0.07 + i * 0.07, 0.285 - 0.007 * i * i)
        figure.portrait().brush.dot(dot, 0.018, WHITE)


def ikat_leg(figure: Figure, side: int) -> None:
    """Woven stripes and diamonds along the leg."""
    joint, knee, ankle = figure.pose.leg(side)
    for first, second, stop in ((joint, knee, 0.9), (knee, ankle, 0.7)):
        figure.brush.stroke([between(first, second, 0.15), between(first, second, stop)], 0.13, figure.palette.border)
        for part in (0.2, 0.35, 0.5, 0.65, 0.8):
            if part < stop:
                figure.brush.dot(between(first, second, part), 0.045, WHITE)


def silver_belt(figure: Figure) -> None:
    """The bengapatia: rows of silver chains around hip and waist."""
    belt(figure, SILVER, part=0.76, jewels=SILVER)
    for part, half in ((0.92, 0.58), (1.04, 0.64)):
        for i in range(13):
            turn = (i - 6) / 6
            figure.brush.bead(figure.down_torso(part + 0.05 * (1 - turn * turn), turn * half), 0.055, SILVER)


def sattriya(figure: Figure) -> None:
    if figure.random.random() < 0.35:
        return bhokot(figure)
    palette, (x, y), brush = figure.palette, figure.pose.hip, figure.brush
    sleeve = Sleeve(palette.blouse, 0.7)
    top_knot(figure.portrait())
    hair(figure.portrait())
    for side in SIDES:
        foot(figure, side, bells=2)
    upper_arms(figure, sleeve)
    torso(figure, palette.blouse, bare_waist=False)
    skirt = bell((x, y + 0.58), 0.5, (x * 0.4, 0.4), 1.3, dip=0.12, flare=0.8)
    brush.cloth(skirt, palette.cloth, pleats=8, depth=0.18)
    brush.motifs(skirt, (0.3, 0.44, 0.58), 9, 0.065, palette.second)
    brush.motifs(skirt, (0.7,), 13, 0.05, GOLD)
    gamosa_border(figure, skirt, 0.8, 0.97)
    chador = [figure.down_torso(0.03, 0.36), figure.down_torso(0.35, 0.16), figure.down_torso(0.78, -0.42)]
    sash(figure, chador, 0.46, palette.cloth, palette.second)
    kanchi(figure)
    fore_arms(figure, sleeve)
    necklaces(figure, GOLD)
    head(figure, GOLD)
    brow_band(figure.portrait())


def gamosa_border(figure: Figure, surface: Surface, top: float, bottom: float) -> None:
    """The red woven border of Assamese cloth with its cream flowers."""
    brush, tall = figure.brush, bottom - top
    brush.band(surface, top, bottom, figure.palette.second)
    for edge in (top, bottom - 0.12 * tall):
        brush.band(surface, edge, edge + 0.12 * tall, GOLD)
    brush.motifs(surface, (top + 0.5 * tall,), 13, 0.05, CREAM)


def kanchi(figure: Figure) -> None:
    """The red waist cloth, its embroidered end hanging in front."""
    palette, (x, y) = figure.palette, figure.pose.hip
    apron = bell((x, y + 0.5), 0.3, (x, y - 0.75), 0.46, dip=0.1)
    figure.brush.cloth(apron, palette.second, pleats=3, depth=0.2)
    figure.brush.motifs(apron, (0.35, 0.5, 0.65), 5, 0.05, GOLD)
    figure.brush.band(apron, 0.82, 0.97, CREAM)
    figure.brush.motifs(apron, (0.89,), 6, 0.04, palette.second)
    belt(figure, palette.second, jewels=GOLD, half=0.54)


def bhokot(figure: Figure) -> None:
    """A monk of the sattras: white dhoti and turban, red-edged gamosa, often with the khol drum."""
    palette, (x, y), brush = figure.palette, figure.pose.hip, figure.brush
    sleeve = Sleeve(CREAM, 1.5, bangles=False)
    upper_arms(figure, sleeve)
    for side in SIDES:
        foot(figure, side, bells=0)
        leg(figure, side, CREAM, full=1.3, hem=palette.second)
    torso(figure, CREAM, bare_waist=False)
    brush.cloth(bell((x, y + 0.5), 0.48, (x, y - 0.5), 0.78, dip=0.25), CREAM, pleats=7, depth=0.2)
    gamosa_border(figure, bell((x, y + 0.5), 0.2, (x, y - 1.1), 0.3), 0.5, 1.0)
    belt(figure, palette.second, jewels=GOLD, half=0.54)
    gamosa(figure)
    if figure.random.random() < 0.6:
        khol(figure)
    fore_arms(figure, sleeve)
    head(figure, GOLD, MAN, tikka=False)
    turban(figure.portrait())


def gamosa(figure: Figure) -> None:
    """The red-edged white cloth around the neck."""
    for side in SIDES:
        path = [
            figure.down_torso(-0.02, side * 0.24),
            figure.down_torso(0.3, side * 0.34),
            figure.down_torso(0.8, side * 0.36),
        ]
        sash(figure, path, 0.2, WHITE, figure.palette.second)
        for part in (0.3, 0.6, 0.9):
            figure.brush.dot(between(path[1], path[2], part), 0.05, figure.palette.second)


def khol(figure: Figure) -> None:
    """The two-headed clay drum of the sattras, slung in front of the waist."""
    brush, (x, y) = figure.brush, figure.down_torso(0.95)
    clay, top = (128, 58, 34), figure.pose.shoulder(1)
    brush.stroke([top, (x + 0.5, y + 0.5), (x + 0.7, y)], 0.06, RED)
    brush.limb([(x - 0.95, y), (x - 0.4, y), (x + 0.2, y), (x + 0.75, y)], [0.5, 0.95, 0.9, 0.36], clay)
    for i in range(7):
        brush.stroke([(x - 0.92 + i * 0.27, y + 0.3), (x - 0.78 + i * 0.27, y - 0.32)], 0.025, (226, 200, 150))
    for end, tall in ((-0.95, 0.3), (0.78, 0.22)):
        brush.ellipse((x + end, y), 0.1, tall, (234, 216, 180))
        brush.ellipse((x + end, y), 0.05, tall * 0.5, HAIR)


@dataclass(frozen=True)
class Costume:
    """Who dresses a form's dancer, and the colours it comes in: (cloth, second, border, blouse)."""

    dress: Callable[[Figure], None]
    colours: tuple[tuple[Colour, Colour, Colour, Colour], ...]
    crown: float = 0.8  # heads from the middle of the face to the top of the head-dress
    metal: Colour = GOLD


_GOLD, _ZARI = (226, 176, 60), (238, 196, 90)
COSTUMES: dict[str, Costume] = {
    "bharatanatyam": Costume(
        bharatanatyam,
        (
            ((128, 22, 96), (38, 120, 76), _GOLD, (38, 120, 76)),
            ((20, 96, 84), (176, 24, 60), _GOLD, (176, 24, 60)),
            ((40, 56, 150), (196, 30, 90), _GOLD, (40, 56, 150)),
            ((176, 22, 48), (36, 60, 140), _GOLD, (176, 22, 48)),
            ((92, 36, 140), (214, 120, 30), _GOLD, (20, 100, 80)),
        ),
    ),
    "kathak": Costume(
        kathak,
        (
            ((206, 30, 120), (250, 196, 60), _GOLD, (206, 30, 120)),
            ((246, 236, 222), (220, 60, 50), _GOLD, (246, 236, 222)),
            ((30, 120, 140), (240, 120, 150), _GOLD, (30, 120, 140)),
            ((196, 30, 50), (60, 140, 80), _GOLD, (196, 30, 50)),
            ((112, 60, 160), (240, 210, 110), _GOLD, (112, 60, 160)),
            ((240, 170, 40), (200, 40, 60), _GOLD, (240, 170, 40)),
        ),
    ),
    "kathakali": Costume(
        kathakali,
        (
            ((248, 244, 234), (200, 28, 36), _GOLD, (196, 26, 34)),
            ((250, 238, 216), (214, 52, 26), _GOLD, (178, 20, 40)),
            ((248, 246, 240), (176, 24, 40), _GOLD, (34, 44, 110)),
        ),
        2.75,
    ),
    "kuchipudi": Costume(
        kuchipudi,
        (
            ((238, 150, 30), (186, 26, 60), _GOLD, (186, 26, 60)),
            ((206, 50, 40), (240, 176, 40), _GOLD, (30, 110, 70)),
            ((240, 120, 40), (30, 110, 70), _GOLD, (30, 110, 70)),
            ((236, 186, 50), (150, 30, 110), _GOLD, (150, 30, 110)),
        ),
        1.35,
    ),
    "manipuri": Costume(
        manipuri,
        (
            ((34, 128, 62), (190, 24, 54), GOLD, (180, 22, 60)),
            ((190, 24, 48), (28, 112, 66), GOLD, (26, 96, 62)),
            ((204, 30, 80), (32, 120, 80), GOLD, (40, 40, 110)),
        ),
        1.3,
    ),
    "mohiniyattam": Costume(
        mohiniyattam,
        (
            ((250, 244, 228), WHITE, _ZARI, (250, 244, 228)),
            ((246, 234, 206), WHITE, (222, 166, 50), (246, 234, 206)),
            ((252, 248, 238), WHITE, (230, 184, 76), (186, 34, 44)),
            ((248, 240, 220), WHITE, (216, 160, 44), (40, 104, 62)),
        ),
        1.05,
    ),
    "odissi": Costume(
        odissi,
        (
            ((232, 110, 30), (186, 28, 36), (60, 16, 30), (232, 110, 30)),
            ((190, 30, 44), (36, 28, 40), (240, 170, 50), (36, 28, 40)),
            ((44, 36, 60), (206, 60, 40), (236, 150, 50), (206, 60, 40)),
            ((30, 130, 140), (220, 90, 40), (120, 24, 60), (30, 130, 140)),
            ((236, 160, 40), (190, 34, 50), (90, 20, 40), (190, 34, 50)),
        ),
        1.9,
        SILVER,
    ),
    "sattriya": Costume(
        sattriya,
        (
            ((242, 226, 180), (190, 30, 38), GOLD, (190, 30, 38)),
            ((236, 208, 140), (178, 24, 40), GOLD, (242, 230, 196)),
            ((248, 240, 218), (200, 40, 40), GOLD, (200, 40, 40)),
            ((240, 190, 70), (170, 24, 36), GOLD, (250, 240, 214)),
        ),
        1.25,
    ),
}
