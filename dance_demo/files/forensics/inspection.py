"""A photo's file in; what it says, and which pieces of the picture are alike, out.

bytes -> is it a photo that we read? -> its parts (`segments`) -> EXIF, XMP, thumbnail -> facts
                                     -> its pixels, upright    -> copied regions
"""

import os
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.forensics.credentials import read_credentials
from dance_demo.files.forensics.exif import Exif, read_exif
from dance_demo.files.forensics.facts import Fact, PhotoParts, coordinates, facts
from dance_demo.files.forensics.region import SIDE_PX, THRESHOLD, CopiedRegion
from dance_demo.files.forensics.segments import read_segments
from dance_demo.files.forensics.thumbnail import Thumbnail, read_thumbnail
from dance_demo.files.forensics.xmp import read_xmp
from dance_demo.files.photo import open_photo, sizes
from dance_demo.files.photo_formats import read_bytes, read_photo_file

NO_PROOF = "Nothing found is no proof; something found is no proof."
ALIKE = "Pieces that are alike may be a copy, or a pattern that repeats: borders of a costume, pillars, a logo. Look."


@dataclass(frozen=True)
class Inspection:
    """What was found in one photo."""

    facts: tuple[Fact, ...]
    copied_regions: tuple[CopiedRegion, ...]
    notes: tuple[str, ...]
    photo: Image.Image  # upright, its longer side at most 1,024 px
    size: tuple[int, int]  # of the upright photo in the file
    thumbnail: Thumbnail | None
    place: tuple[float, float] | None  # latitude and longitude in degrees

    def to_json(self) -> dict[str, Any]:
        """Boxes are in pixels of the upright photo as it is in the file."""
        regions = [
            {"source": list(one.source), "target": list(one.target), "score": one.score} for one in self.copied_regions
        ]
        return {"facts": [one.to_json() for one in self.facts], "copied_regions": regions, "notes": list(self.notes)}


def inspect_photo(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, name: str | None = None, threshold: float = THRESHOLD
) -> Inspection:
    """Look at a photo's file and pixels. Raises PhotoError for what `open_photo` refuses, under the photo's `name`."""
    from dance_demo.files.forensics.copied_regions import copied_regions  # loads OpenCV, which takes its time

    if name is None and isinstance(source, str | os.PathLike):
        name = os.path.basename(source)
    try:
        data = read_bytes(source)
    except PhotoError as problem:
        raise PhotoError(f"{name or 'Photo'}: {problem}") from None
    photo = open_photo(data, name=name, max_side_px=SIDE_PX)
    note = photo.info.pop("note", "")
    file = read_photo_file(data)
    (stored, size), segments = sizes(file), read_segments(data, file.format)
    exif = read_exif(segments.exif)
    thumbnail = _thumbnail(exif, segments.exif, photo)
    credentials = read_credentials(data, file.format) if segments.credentials else None
    xmp = read_xmp(segments.xmp)
    parts = PhotoParts(file.format, len(data), stored, segments, exif, xmp, thumbnail, credentials)
    regions = copied_regions(photo, threshold, size)
    notes = [note, *segments.problems, *exif.problems, ALIKE if regions else "", NO_PROOF]
    kept = tuple(one for one in notes if one)
    return Inspection(tuple(facts(parts)), tuple(regions), kept, photo, size, thumbnail, coordinates(exif))


def _thumbnail(exif: Exif, block: bytes, photo: Image.Image) -> Thumbnail | None:
    if not exif.thumbnail:
        return None
    try:
        return read_thumbnail(exif.thumbnail, block, photo)
    except PhotoError:
        exif.note("The thumbnail in the file cannot be read.")
        return None
