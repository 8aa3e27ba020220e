"""By what a photo is known again, whatever its file was called."""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

THUMBNAIL_PX = 48


def pixel_sha256(photo: Image.Image) -> str:
    """Stands for exactly these pixels in this shape, whatever the file was called: 64 hexadecimal digits."""
    if photo.mode != "RGB":
        raise ValueError(f"Expected an RGB photo as open_photo returns it. Received mode {photo.mode!r}.")
    return hashlib.sha256(b"%d x %d RGB\n" % photo.size + photo.tobytes()).hexdigest()


def difference_hash(photo: Image.Image) -> int:
    """64 bits that hardly change when a photo is resized or saved again (dHash, Krawetz 2013).

    Each bit: in the photo as 9 x 8 grey cells, is this cell darker than its right neighbour? Near-duplicates
    differ in few bits: `(a ^ b).bit_count()`.
    """
    cells = np.asarray(photo.convert("L").resize((9, 8), Image.Resampling.BOX))  # (8, 9)
    darker = cells[:, :-1] < cells[:, 1:]  # (8, 8)
    return int.from_bytes(np.packbits(darker).tobytes(), "big")


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is remembered of a photo to recognise its copies."""

    pixel_sha256: str
    thumbnail: np.ndarray  # (48, 48) uint8, grey


def fingerprint(photo: Image.Image) -> Fingerprint:
    """The fingerprint of an upright RGB photo."""
    thumbnail = photo.convert("L").resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    return Fingerprint(pixel_sha256(photo), np.asarray(thumbnail))
