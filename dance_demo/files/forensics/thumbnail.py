"""Does the small picture that a camera puts into a photo's file still show the same as the photo?

Programs that edit a photo and keep its EXIF have left old thumbnails behind: then the thumbnail shows what was there.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.forensics.segments import read_segments
from dance_demo.files.photo import open_photo

MAX_SIDE_PX = 320
_COMPARED_PX = 48
SAME = 0.9  # correlation; of thumbnails that Pillow made and saved at quality 50: at least 0.98
MAX_PIXELS = 1_000_000
_BLACK = 24  # a bar above and below: cameras put 3:2 pictures into 4:3 thumbnails


@dataclass(frozen=True)
class Thumbnail:
    picture: Image.Image  # upright, without black bars
    likeness: float  # correlation with the photo, in [-1, 1]

    @property
    def shows_the_same(self) -> bool:
        return self.likeness >= SAME


def read_thumbnail(data: bytes, exif: bytes, photo: Image.Image) -> Thumbnail:
    """Open the thumbnail and hold it against the upright photo. Raises PhotoError."""
    frame = read_segments(data, "JPEG").frame if data.startswith(b"\xff\xd8") else None  # EXIF knows no other kind
    if frame is None or frame.width * frame.height > MAX_PIXELS:
        raise PhotoError("The thumbnail: it is no JPEG of the size of a thumbnail.")
    raw = open_photo(data, name="The thumbnail", max_side_px=MAX_SIDE_PX)
    raw.info["exif"] = exif  # it lies as the photo did before it was turned
    picture = _without_bars(open_photo(raw, max_side_px=MAX_SIDE_PX))
    if min(picture.size) < 8:
        raise PhotoError("The thumbnail: it is black.")
    return Thumbnail(picture, _likeness(picture, photo))


def _without_bars(picture: Image.Image) -> Image.Image:
    """Rows and columns that are all black, cut off."""
    box = picture.convert("L").point(lambda value: 255 * (value > _BLACK)).getbbox()
    return picture.crop(box) if box else picture


def _likeness(one: Image.Image, other: Image.Image) -> float:
    """Of brightness and colours at 48 x 48: each may be lighter or stronger than the other as a whole."""
    size = (_COMPARED_PX, _COMPARED_PX)
    flat = [np.asarray(picture.resize(size, Image.Resampling.BOX), float).reshape(-1, 3) for picture in (one, other)]
    deviations = [(values - values.mean(axis=0)).ravel() for values in flat]
    norm = float(np.prod([np.linalg.norm(values) for values in deviations]))
    if norm < 1:  # one of them is blank
        return 1.0 if float(np.abs(flat[0] - flat[1]).mean()) < 8 else 0.0
    return float(np.dot(*deviations) / norm)
