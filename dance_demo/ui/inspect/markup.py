"""The HTML of the tab "Check this photo", and its script, inspect.js, which draws the views in the browser."""

import json
from dataclasses import dataclass
from pathlib import Path

from dance_demo.files.forensics.facts import PLACE
from dance_demo.files.forensics.inspection import NO_PROOF, Inspection
from dance_demo.files.forensics.region import CopiedRegion
from dance_demo.files.jpeg import data_url, jpeg
from dance_demo.ui.components.html import render
from dance_demo.ui.components.scripts import fetched_script


@dataclass(frozen=True)
class Slider:
    name: str  # as inspect.js knows it
    label: str
    low: float
    high: float
    value: float
    step: float = 1


@dataclass(frozen=True)
class View:
    id: str  # as inspect.js knows it
    name: str
    hint: str  # what to look for, and what it does not mean
    sliders: tuple[Slider, ...] = ()


CHANCE = (
    "In a small trial a number made from it told forgeries from true photos no better than chance: it is for the eye."
)
VIEWS = (
    View(
        "photo", "As it is", "Look for what is odd: sizes, perspective, edges, light from two sides. Photos often are."
    ),
    View(
        "levels",
        "Levels",
        "White down shows the dark parts, black up the bright ones. Borders of pasted pieces may be there.",
        (Slider("black", "Black", 0, 254, 0), Slider("white", "White", 1, 255, 90)),
    ),
    View(
        "contrast",
        "Contrast",
        "Faint differences become strong: patches of another smoothness, edges that were softened.",
        (Slider("amount", "Contrast", 0.2, 6, 2.5, 0.1), Slider("middle", "Brightness", 0, 255, 128)),
    ),
    View("invert", "Invert", "The negative: eyes that are used to the photo see it anew."),
    View(
        "channel",
        "One colour",
        "One channel alone. A piece from another photo may stand out in one of them; compression is worst in blue.",
        (Slider("channel", "Red, green, blue", 0, 2, 0),),
    ),
    View(
        "saturation",
        "Saturation",
        "Colours stronger than they are: light of another colour on one person or thing.",
        (Slider("amount", "Saturation", 0, 8, 4, 0.25),),
    ),
    View(
        "sharpen",
        "Sharpen",
        "Edges stronger than they are. Halos tell that somebody sharpened before, as phones do by themselves.",
        (Slider("amount", "Strength", 0, 6, 2, 0.25),),
    ),
    View(
        "levels-of-error",
        "Error levels",
        "What saving as JPEG once more changes. Edges and texture always glow; only the same kind of surface may be "
        f"compared with itself. {CHANCE}",
        (Slider("quality", "JPEG quality", 50, 98, 90), Slider("gain", "Strength", 2, 60, 15)),
    ),
    View(
        "noise",
        "Noise",
        "The photo less its smoothed self. Smooth patches were blurred, or are out of focus, or were compressed more. "
        f"{CHANCE}",
        (Slider("gain", "Strength", 1, 30, 8),),
    ),
    View(
        "ghosts",
        "JPEG ghosts",
        "Dark where saving at this quality changes least. A piece that was saved at another quality before may be "
        f"darker than the rest at one position of the slider. {CHANCE}",
        (Slider("quality", "JPEG quality", 30, 95, 70),),
    ),
    View(
        "gradient",
        "Gradient",
        "How steeply brightness rises, its direction as colour: which side the light of things comes from.",
        (Slider("gain", "Strength", 1, 20, 5),),
    ),
)
RATES = (
    "Of 170 photos with a planted copy it finds 97.1 %, 91.8 % scaled, 84.1 % turned, 85.9 % mirrored; "
    "of 352 untouched ones it suspects 2.8 %, most of them for a tiled watermark."
)  # docs/inspect.md
ELSEWHERE = (
    (
        "TinEye",
        "https://tineye.com/",
        "finds copies that were cropped or changed, and sorts them by age: choose Upload.",
    ),
    ("Google Lens", "https://lens.google.com/", "finds pages and things that look alike: drop the photo on the page."),
    ("Bing", "https://www.bing.com/visualsearch", "finds pages with the photo: drop it on the page."),
    ("Yandex", "https://yandex.com/images/", "is good at faces and places: choose the camera in the search box."),
)


def script() -> str:
    """What runs in the browser. `element` is the piece of HTML that `viewer` gives."""
    return fetched_script(Path(__file__).with_name("inspect.js"))


def viewer() -> str:
    """The views with their sliders, and the drawing of lines; empty until there is a photo."""
    return render("inspect.viewer", views=VIEWS, no_proof=NO_PROOF)


def elsewhere() -> str:
    """Links to searches by picture. The photo is not sent to any."""
    return render("inspect.elsewhere", links=ELSEWHERE)


def found(inspection: Inspection, address: str) -> str:
    """Facts and copied pieces of one photo, and for the script where the photo is and what is outlined in it."""
    boxes = [{"source": one.source, "target": one.target} for one in inspection.copied_regions]
    thumbnail = inspection.thumbnail
    place = inspection.place
    return render(
        "inspect.found",
        address=address,
        size=json.dumps(inspection.size),
        boxes=json.dumps(boxes),
        facts=[fact for fact in inspection.facts if fact.name != PLACE],
        place=next((fact for fact in inspection.facts if fact.name == PLACE), None),
        map_link=f"https://www.openstreetmap.org/?mlat={place[0]:.5f}&mlon={place[1]:.5f}#map=16" if place else "",
        thumbnail=data_url(jpeg(thumbnail.picture)) if thumbnail else "",
        pieces=[_words(one) for one in inspection.copied_regions],
        notes=inspection.notes,
        figures=RATES,
    )


def _words(region: CopiedRegion) -> str:
    changes = ["mirrored"] if region.mirrored else []
    changes += [f"turned by {abs(region.angle):.0f} degrees"] if abs(region.angle) > 2 and not region.mirrored else []
    changes += [f"scaled to {100 * region.scale:.0f} %"] if abs(region.scale - 1) > 0.03 else []
    return f"score {region.score:g}, {' and '.join(changes) or 'only shifted'}"
