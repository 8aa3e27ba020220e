"""Photos as small files, for keeping and for sending."""

import base64
from io import BytesIO
from pathlib import Path

from PIL import Image

from dance_demo.files.photo import open_photo

QUALITY = 88  # of what is looked at closely
THUMBNAIL_QUALITY = 80


def jpeg(photo: Image.Image, quality: int = QUALITY) -> bytes:
    """The bytes of a JPEG; `quality` in [1, 95]."""
    buffer = BytesIO()
    photo.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def thumbnail(path: Path, side_px: int) -> bytes:
    """The photo in a file as a JPEG of a few kilobytes, its longer side at most `side_px`. Raises PhotoError."""
    return jpeg(open_photo(path, max_side_px=side_px), THUMBNAIL_QUALITY)


def data_url(picture: bytes, kind: str = "jpeg") -> str:
    """A picture as an address that holds the picture itself; `kind` as in image/png."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
