"""The pictures that a visitor can try with one click: a deployer's own photos, or else our drawings.

Photos that somebody puts into `examples/` appear instead of the drawings. An optional `examples.csv` beside them,
with the columns `Image,caption,credit`, says what is under each and whom to thank.
"""

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import thumbnail
from dance_demo.files.photo import PHOTO_SUFFIXES
from dance_demo.model.directory import shipped
from dance_demo.ui.components.model import Example

EXAMPLES = shipped("examples")
MAX_EXAMPLES = 24
THUMBNAIL_SIDE_PX = 240
KEPT_S = 600  # by a browser

log = logging.getLogger(__name__)


def load_examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """The photos in `folder`, or else those in `folder/drawings`. What cannot be read is left out, and logged."""
    return _readable(folder) or _readable(folder / "drawings")


def examples_route(examples: Sequence[Example]) -> Route:
    """Where the page fetches their thumbnails: `examples/0.jpg` and so on."""

    def answer(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(examples):
            return Response(status_code=404)
        kept = {"Cache-Control": f"max-age={KEPT_S}"}
        return Response(examples[number].thumbnail_jpeg, headers=kept, media_type="image/jpeg")

    return Route("/examples/{number:int}.jpg", answer)


def _readable(folder: Path) -> tuple[Example, ...]:
    captions = _captions(folder / "examples.csv")
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    examples = []
    for path in found[:MAX_EXAMPLES]:
        try:
            small = thumbnail(path, THUMBNAIL_SIDE_PX)
        except PhotoError as error:
            log.warning("An example is left out. %s", error)
        else:
            caption, credit = captions.get(path.name, (path.stem, ""))
            examples.append(Example(path, caption, credit, small))
    return tuple(examples)


def _captions(path: Path) -> dict[str, tuple[str, str]]:
    """File name -> (caption, credit)."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("Image")]
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        log.warning("%s cannot be read (%s); the examples go without captions.", path.name, error)
        return {}
    return {row["Image"]: (row.get("caption") or Path(row["Image"]).stem, row.get("credit") or "") for row in rows}
