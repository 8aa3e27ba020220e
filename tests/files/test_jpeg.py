"""Photos as small files."""

import base64
import io

import pytest
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.jpeg import data_url, jpeg, thumbnail
from tests.support.made_up import photo


def test_a_lower_quality_makes_a_smaller_file_of_the_same_size():
    good, poor = jpeg(photo(0)), jpeg(photo(0), 30)
    assert len(poor) < len(good)
    assert Image.open(io.BytesIO(poor)).size == photo(0).size


def test_a_thumbnail_is_no_larger_than_asked_for_and_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    photo(0, size=(400, 300)).save(tmp_path / "large.jpg", exif=exif)
    small = Image.open(io.BytesIO(thumbnail(tmp_path / "large.jpg", 96)))
    assert small.size == (72, 96) and not small.getexif()


def test_a_thumbnail_of_what_is_no_photo_is_refused(tmp_path):
    (tmp_path / "notes.jpg").write_text("no photo")
    with pytest.raises(PhotoError, match="notes.jpg"):
        thumbnail(tmp_path / "notes.jpg", 96)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_address_holds_the_picture_itself(kind):
    start, _, data = data_url(b"\xff\xd8", kind).partition(",")
    assert (start, base64.b64decode(data)) == (f"data:image/{kind};base64", b"\xff\xd8")
