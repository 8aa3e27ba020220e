"""By what a photo is known again."""

import pytest
from PIL import Image

from dance_demo.data.fingerprint import difference_hash, pixel_sha256
from dance_demo.files.photo import open_photo
from tests.files.test_photo import dancer, saved


def test_a_photo_that_is_not_rgb_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="Received mode 'L'"):
        pixel_sha256(dancer().convert("L"))


def test_pixel_sha256_is_that_of_the_pixels_and_the_shape():
    files = [saved(dancer(), "PNG"), saved(dancer(), "PNG", compress_level=1), saved(dancer(), "BMP")]
    assert len({pixel_sha256(open_photo(data)) for data in files}) == 1
    assert pixel_sha256(Image.new("RGB", (8, 16))) != pixel_sha256(Image.new("RGB", (16, 8)))
    changed = dancer()
    changed.putpixel((95, 71), (1, 2, 3))
    assert pixel_sha256(changed) != pixel_sha256(dancer())


def test_difference_hash_has_known_answers():
    ramp = Image.linear_gradient("L").rotate(90).convert("RGB")  # brightens from left to right
    darkens = ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert difference_hash(ramp) == 2**64 - 1
    assert difference_hash(darkens) == 0
    assert difference_hash(Image.new("RGB", (50, 50))) == 0


def test_difference_hash_finds_the_same_photo_in_another_size():
    original = dancer(640, 480)
    copy = open_photo(saved(original.resize((321, 243)), "JPEG", quality=60))
    mirrored = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert (difference_hash(original) ^ difference_hash(copy)).bit_count() <= 4
    assert (difference_hash(original) ^ difference_hash(mirrored)).bit_count() > 20
