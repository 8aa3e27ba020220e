"""A picture book of the eight classical dance forms of India: drawn dancers instead of other people's photos.

``draw("odissi", seed=3)`` is always the same dancer. Another seed changes pose, colours, skin, stage, light
and framing, but never the hallmarks of the form.
"""

from pathlib import Path
from random import Random

from PIL import Image

from dance_demo.data.illustrations.body import SKINS, Figure, Palette
from dance_demo.data.illustrations.brush import Brush, mix
from dance_demo.data.illustrations.costumes import COSTUMES
from dance_demo.data.illustrations.pose import POSES, Pose
from dance_demo.data.illustrations.stage import lit, stage

__all__ = ["FORM_NAMES", "draw", "draw_dataset"]

FORM_NAMES: tuple[str, ...] = tuple(COSTUMES)
SUPERSAMPLING = 3  # drawn at three times the size, then reduced: smooth edges


def draw(form: str, seed: int, *, size: tuple[int, int] = (480, 600)) -> Image.Image:
    """A dancer of ``form`` as an RGB picture of ``size`` (width, height); the same for the same arguments."""
    if form not in COSTUMES:
        raise ValueError(f"form is one of {', '.join(FORM_NAMES)}; received {form!r}")
    random = Random(f"{form} {seed}")
    pose = random.choice(POSES[form])
    pose = (pose.mirrored() if random.random() < 0.5 else pose).lively(random)
    backdrop = framed(Image.new("RGB", size), pose, COSTUMES[form].crown, random)
    stage(backdrop, random)
    brush = backdrop.enlarged(SUPERSAMPLING, blur=backdrop.scale / 50)  # a soft stage, a crisp dancer
    COSTUMES[form].dress(Figure(brush, pose, palette(form, random), random))
    centre = (backdrop.ground_px[0] / size[0], (backdrop.ground_px[1] - 3.6 * backdrop.scale) / size[1])
    return lit(brush.image.reduce(SUPERSAMPLING), random, centre)


def palette(form: str, random: Random) -> Palette:
    """One of the form's colour schemes, each colour slightly shifted, on any skin."""
    tint = tuple(random.randrange(256) for _ in range(3))
    cloth, second, border, blouse = (mix(colour, tint, 0.06) for colour in random.choice(COSTUMES[form].colours))
    flower = random.choice(((250, 246, 236), (250, 246, 236), (246, 150, 60)))
    skin = random.choice(SKINS)
    return Palette(skin, cloth, second, border, blouse, metal=COSTUMES[form].metal, flower=flower)


def framed(image: Image.Image, pose: Pose, crown: float, random: Random) -> Brush:
    """The camera: the whole dancer, or closer, but always with the head-dress of ``crown`` heads."""
    wrists = [pose.arm(side)[2] for side in (-1, 1)]
    top, bottom = pose.head[1] + crown, random.choice((-0.45, -0.45, -0.45, 0.4, 0.75))
    wide = 4.4
    if bottom < 0:
        top = max(top, *(y + 0.6 for _, y in wrists))
        wide = max(wide, *(2 * abs(x) + 1.2 for x, _ in wrists))
    scale = min(image.height / ((top - bottom) * random.uniform(1.05, 1.14)), image.width / wide)
    spare = image.height - (top - bottom) * scale
    x = image.width * (0.5 + random.uniform(-0.03, 0.03))
    return Brush(image, (x, image.height + bottom * scale - spare * random.uniform(0.35, 0.6)), scale)


def draw_dataset(directory: str | Path, *, per_class: int = 12, seed: int = 0) -> None:
    """Write ``per_class`` pictures of each form into class folders; file names say nothing about the form."""
    random = Random(seed)
    numbers = random.sample(range(10**6), per_class * len(FORM_NAMES))
    for index, number in enumerate(numbers):
        form = FORM_NAMES[index % len(FORM_NAMES)]
        folder = Path(directory) / form
        folder.mkdir(parents=True, exist_ok=True)
        picture = draw(form, seed * 10_000 + index, size=random.choice(((480, 600), (420, 560), (560, 480))))
        if random.random() < 0.75:
            picture.save(folder / f"{number:06d}.jpg", quality=90)
        else:
            picture.save(folder / f"{number:06d}.png")
