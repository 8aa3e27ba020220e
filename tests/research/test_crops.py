"""Crops of measured photos among extra ones: planted ones are found, other photos are not accused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo
from dance_demo.research.crops import AGREEING, CropFinder, keypoints

MEASURED, STRANGERS = 60, 100


def cut(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A piece of 40 to 100 % of the area, of another size, half of them mirrored, as a JPEG of quality 40 to 90."""
    area, aspect = generator.uniform(0.4, 1), np.exp(generator.uniform(-0.2, 0.2))
    width = min(1, np.sqrt(area) * aspect)
    size = np.array([width, min(1, area / width)]) * picture.size
    left, top = generator.uniform(0, picture.size - size)
    piece = picture.crop((round(left), round(top), round(left + size[0]), round(top + size[1])))
    piece = piece.resize(np.maximum(48, size * np.exp(generator.uniform(np.log(0.5), np.log(1.5)))).astype(int))
    if generator.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return Image.open(io.BytesIO(jpeg(piece, int(generator.integers(40, 90)))))


def texture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Blots of many sizes, as photos have them."""
    generator = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(generator.integers(0, 256, (side, side), np.uint8)).resize(size, 3), float)
        for side in (7, 21, 63)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8)).convert("RGB")


def test_a_crop_is_found_with_its_source_and_another_picture_is_not():
    finder = CropFinder([texture(seed) for seed in range(4)])
    generator = np.random.default_rng(0)
    assert [finder.source(cut(texture(seed), generator)) for seed in range(4)] == [0, 1, 2, 3]
    assert [finder.source(texture(seed)) for seed in range(4, 8)] == [None] * 4


@pytest.mark.parametrize("size", [(1, 1), (8, 600), (200, 200)])
def test_a_photo_without_keypoints_is_nobody_s_crop(size):
    plain = Image.new("RGB", size, "brown")
    assert len(keypoints(plain).places) < AGREEING
    assert CropFinder([plain]).source(plain) is None
    assert CropFinder([texture(0)]).source(plain) is None
    assert CropFinder([]).source(texture(0)) is None


def test_the_same_watermark_on_two_photos_makes_none_a_crop_of_the_other():
    mark = texture(99).crop((0, 0, 60, 40))
    one, other = texture(0), texture(1)
    for picture in (one, other):
        picture.paste(mark, (240, 180))
    assert CropFinder([one]).source(other) is None


@pytest.fixture(scope="module")
def measured(shared: Path) -> list[Image.Image]:
    return pictures(shared / "data" / "dance" / "train", MEASURED)


def pictures(folder: Path, count: int) -> list[Image.Image]:
    """So many of the photos below a folder, evenly spread."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [open_photo(path) for path in paths[:: len(paths) // count][:count]]


@pytest.mark.slow
def test_planted_crops_of_real_photos_are_found(measured):
    finder, generator = CropFinder(measured), np.random.default_rng(0)
    found = [finder.source(cut(picture, generator)) is not None for picture in measured]
    print(f"\n{sum(found)} of {len(found)} planted crops found")
    assert np.mean(found) >= 0.95


@pytest.mark.slow
def test_photos_of_other_subjects_are_no_crops(measured, shared: Path):
    finder = CropFinder(measured)
    accused = [finder.source(stranger) is not None for stranger in pictures(shared / "data" / "other", STRANGERS)]
    print(f"\n{sum(accused)} of {len(accused)} photos of other subjects accused")
    assert len(accused) == STRANGERS and not any(accused)
