"""Where the dancer dances: floor, backdrop, lamp and light, all drawn from one seed."""

from random import Random

import numpy as np
from PIL import Image

from dance_demo.data.illustrations.brush import SIDES, Brush, Colour, darker, lighter, mix

WALLS = (
    (14, 12, 20),
    (52, 14, 26),
    (20, 34, 84),
    (96, 40, 24),
    (60, 58, 66),
    (206, 190, 164),
    (34, 60, 54),
    (80, 24, 74),
    (20, 66, 84),
    (232, 228, 222),
)


def gradient(size: tuple[int, int], colours: list[Colour]) -> Image.Image:
    """Colours from top to bottom."""
    rows = np.linspace(0, len(colours) - 1, 64)
    stops = np.array([c[:3] for c in colours], dtype=float)
    column = np.stack([np.interp(rows, range(len(colours)), stops[:, i]) for i in range(3)], axis=1)
    return Image.fromarray(column.astype(np.uint8)[:, None]).resize(size, Image.Resampling.BILINEAR)


def curtain(brush: Brush, random: Random, colour: Colour) -> None:
    """Hanging folds: closed, or gathered to both sides under a valance."""
    inner = random.choice((0.0, 1.9, 2.3))
    for side in SIDES:
        for i in range(14):
            top, low = side * (inner * 0.75 + i * 0.42), side * (inner + i * 0.36)
            brush.polygon(
                [(top, 9), (top + side * 0.44, 9), (low + side * 0.4, 0.5), (low, 0.5)],
                darker(colour, 0.15 + 0.3 * (i % 2)),
            )
            gleam = [(top + side * 0.14, 9), (low + side * 0.15, 0.5)]
            brush.stroke(gleam, 0.09, (*lighter(colour, 0.18), 90))
    for i in range(-9, 10):
        swag = [
            (i * 0.9 - 0.55, 10),
            (i * 0.9 + 0.55, 10),
            (i * 0.9 + 0.45, 7.5),
            (i * 0.9, 7.15),
            (i * 0.9 - 0.45, 7.5),
        ]
        brush.shape(swag, (206, 160, 70))
        brush.shape([(x, y + 0.09) for x, y in swag], darker(colour, 0.1 + 0.2 * (i % 2)))


def marigolds(brush: Brush, random: Random) -> None:
    """Strings of marigolds that hang from above."""
    for i in range(-7, 8):
        if i % 7 in (0, 1, 6) and i:
            continue
        length = random.uniform(1.2, 3.2)
        for step in range(int(length / 0.2)):
            brush.dot(
                (i * 0.55, 8.2 - step * 0.2), 0.12, ((244, 150, 30), (250, 196, 60), (216, 80, 24))[step // 2 % 3]
            )


def rays(brush: Brush, random: Random) -> None:
    """Two beams from the lamps above the stage, and their glow behind the dancer."""
    tone = random.choice(((255, 226, 170), (160, 190, 255), (255, 170, 200), (200, 255, 226)))
    for side in SIDES:
        for wide in (0.6, 1.1, 1.6):
            beam = [(side * 3.6, 10), (side * 3.9, 10), (wide - side * 0.6, 0.4), (-wide - side * 0.6, 0.4)]
            brush.polygon(beam, (*tone, 12))
    for i in range(30):
        brush.dot((0, 3.8), 3.5 - 0.1 * i, (*tone, 3))


def temple(brush: Brush, stone: Colour) -> None:
    """Two carved pillars and a lintel."""
    for side in SIDES:
        x = side * 2.75
        for width, low, high in ((1.1, 0.4, 0.9), (0.7, 0.9, 6.4), (0.95, 6.4, 6.8), (1.3, 6.8, 7.2)):
            for left, tone in ((x - width / 2, stone), (x + width * 0.15, darker(stone, 0.3))):
                right = x + width / 2
                brush.polygon([(left, low), (right, low), (right, high), (left, high)], tone)
        for y in (1.6, 2.6, 3.6, 4.6, 5.6):
            brush.ellipse((x, y), 0.42, 0.12, darker(stone, 0.2))
            brush.ellipse((x, y + 0.03), 0.4, 0.08, lighter(stone, 0.15))
    brush.polygon([(-9, 7.2), (9, 7.2), (9, 7.7), (-9, 7.7)], darker(stone, 0.15))
    for i in range(-12, 13):
        brush.shape([(i * 0.7 - 0.22, 7.7), (i * 0.7, 8.1), (i * 0.7 + 0.22, 7.7)], darker(stone, 0.25))


def arch(brush: Brush, colour: Colour) -> None:
    """A round glowing arch behind the dancer."""
    for radius, tone in ((2.9, darker(colour, 0.2)), (2.75, lighter(colour, 0.25)), (2.6, lighter(colour, 0.1))):
        brush.dot((0, 4.4), radius, tone)
        brush.polygon([(-radius, 4.4), (radius, 4.4), (radius, 0.5), (-radius, 0.5)], tone)


def lamp(brush: Brush, x: float) -> None:
    """A standing oil lamp with its flames."""
    brass = (206, 152, 52)
    brush.ellipse((x, 0.12), 0.42, 0.12, darker(brass, 0.4))
    brush.stroke([(x, 0.15), (x, 2.6)], [0.26, 0.1, 0.14, 0.08], brass)
    for y, half in ((0.7, 0.2), (1.5, 0.17), (2.2, 0.46), (2.75, 0.16)):
        brush.ellipse((x, y), half, 0.09, darker(brass, 0.3))
        brush.ellipse((x, y + 0.03), half * 0.9, 0.05, lighter(brass, 0.3))
    for dx in (-0.36, -0.12, 0.12, 0.36):
        for radius, tone in ((0.3, (255, 190, 80, 40)), (0.18, (255, 200, 90, 60))):
            brush.dot((x + dx, 2.42), radius, tone)
        brush.shape([(x + dx - 0.05, 2.28), (x + dx, 2.56), (x + dx + 0.05, 2.28)], (255, 222, 120))


def floor(brush: Brush, colour: Colour) -> None:
    """Boards towards the back wall, and the soft shadow under the dancer."""
    brush.polygon([(-14, 0.55), (14, 0.55), (14, -4), (-14, -4)], colour)
    for i in range(8):
        y = 0.55 - 0.05 * i - 0.05 * i * i
        brush.polygon(
            [(-14, y), (14, y), (14, y - 0.05 - 0.02 * i), (-14, y - 0.05 - 0.02 * i)],
            (*(darker(colour, 0.3) if i % 2 else lighter(colour, 0.12)), 110),
        )
    brush.polygon([(-14, 0.58), (14, 0.58), (14, 0.52), (-14, 0.52)], darker(colour, 0.5))
    for i in range(14):
        brush.ellipse((0.12, 0.06), 2.0 - 0.11 * i, 0.4 - 0.022 * i, (10, 4, 10, 15))


def stage(brush: Brush, random: Random) -> None:
    """Paint the whole picture behind the dancer."""
    wall = random.choice(WALLS)
    brush.image.paste(gradient(brush.image.size, [darker(wall, 0.45), wall, lighter(wall, 0.12)]))
    scenery = random.choice(("plain", "plain", "curtain", "curtain", "temple", "arch", "marigolds"))
    if scenery == "curtain":
        curtain(brush, random, random.choice(((110, 18, 34), (26, 30, 70), (40, 20, 52), (24, 24, 30))))
    elif scenery == "temple":
        temple(brush, mix(wall, (150, 120, 96), 0.6))
    elif scenery == "arch":
        arch(brush, wall)
    elif scenery == "marigolds":
        marigolds(brush, random)
    if random.random() < 0.6:
        rays(brush, random)
    floor(brush, random.choice(((112, 64, 36), (70, 40, 30), (44, 36, 44), (150, 100, 62))))
    if random.random() < 0.45:
        lamp(brush, random.choice((-1, 1)) * random.uniform(2.2, 2.7))


def lit(picture: Image.Image, random: Random, centre: tuple[float, float]) -> Image.Image:
    """The picture under a spotlight at ``centre`` (parts of width and height), darker towards the corners."""
    y, x = np.mgrid[0:40, 0:32]
    away = np.hypot((x / 31 - centre[0]) * 1.1, y / 39 - centre[1])
    warm = np.array([1.0, random.uniform(0.93, 1.0), random.uniform(0.84, 1.02)])
    strength = random.uniform(0.2, 0.7)
    light = (1.12 - strength * np.clip(away - 0.25, 0, 1) ** 1.1)[..., None] * warm
    mask = Image.fromarray(np.clip(light * 200, 0, 255).astype(np.uint8))
    mask = mask.resize(picture.size, Image.Resampling.BICUBIC)
    product = np.asarray(picture).astype(np.uint16) * np.asarray(mask)
    return Image.fromarray(np.minimum(product // 200, 255).astype(np.uint8))
