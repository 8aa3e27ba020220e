"""The pictures that a visitor can try with one click: a deployer's own photos, or else our drawings.

Photos that somebody puts into `examples/` appear instead of the drawings. An optional `examples.csv` beside them,
with the columns `Image,caption,credit`, says what is under each and whom to thank.
"""

import csv
import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.photos import PHOTO_SUFFIXES, open_photo

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MAX_EXAMPLES = 24
THUMBNAIL_SIDE_PX = 240
JPEG_QUALITY = 88

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    path: Path
    caption: str
    credit: str
    thumbnail_jpeg: bytes


def load_examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """The photos in `folder`, or else those in `folder/drawings`. What cannot be read is left out, and logged."""
    return _readable(folder) or _readable(folder / "drawings")


def _readable(folder: Path) -> tuple[Example, ...]:
    captions = _captions(folder / "examples.csv")
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    examples = []
    for path in found[:MAX_EXAMPLES]:
        try:
            thumbnail = jpeg(open_photo(path, max_side_px=THUMBNAIL_SIDE_PX))
        except PhotoError as error:
            log.warning("An example is left out. %s", error)
        else:
            caption, credit = captions.get(path.name, (path.stem, ""))
            examples.append(Example(path, caption, credit, thumbnail))
    return tuple(examples)


def jpeg(photo: Image.Image) -> bytes:
    """The photo as a small file, for keeping and for sending."""
    buffer = BytesIO()
    photo.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


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
