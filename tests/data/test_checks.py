"""What people are told about their photos."""

import random

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dance_demo.data.checks import class_problems, class_warnings, copy_warnings, first_few, name_warnings, photo_flaw
from dance_demo.files.photo import open_photo
from tests.support.made_up import photo


def test_D12_what_is_missing_for_training_is_counted_out():
    assert class_problems({"kathak": 5, "odissi": 400}) == ()
    assert "at least 2 classes; found none" in class_problems({})[0]
    assert "found only kathak" in class_problems({"kathak": 50})[0]
    assert "kathak (1; add 4)" in class_problems({"kathak": 1, "odissi": 9})[0]
    assert class_problems({str(number): 9 for number in range(1000)}) == ()
    assert class_problems({str(number): 9 for number in range(1001)}) == (
        "A head can name 1,000 classes; found 1,001. Leave some out.",
    )


def test_D12_few_or_uneven_photos_are_warned_of():
    few, uneven = class_warnings({"kathak": 9, "odissi": 9_000})
    assert "kathak (9)" in few.text
    assert "9000 photos of odissi, 9 of kathak" in uneven.text
    assert class_warnings({"kathak": 10, "odissi": 100}) == []


def test_the_first_five_are_named_and_the_rest_counted():
    assert first_few(list("abcde")) == "a, b, c, d, e"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize(
    "picture, flaw",
    [
        (photo(0, size=(640, 480)), None),
        (photo(0, size=(200, 63)), "tiny"),
        (Image.new("RGB", (640, 480), "grey"), "blank"),
        (Image.new("RGB", (640, 480)), "blank"),
        (photo(0, size=(640, 480)).filter(ImageFilter.GaussianBlur(12)), "blurred"),
    ],
)
def test_tiny_blank_and_blurred_photos_are_noticed(picture, flaw):
    assert photo_flaw(picture) == flaw


def test_real_photos_are_seldom_called_blurred_and_blurred_ones_mostly(shared):
    photos = [open_photo(path) for path in sorted((shared / "data" / "dance" / "train").iterdir())[::5]]
    sharp = [photo_flaw(picture) for picture in photos]
    soft = [photo_flaw(picture.filter(ImageFilter.GaussianBlur(max(picture.size) * 0.02))) for picture in photos]
    assert np.mean([flaw is None for flaw in sharp]) >= 0.98
    assert np.mean([flaw == "blurred" for flaw in soft]) >= 0.98


def test_D14_the_same_picture_under_two_labels_is_told_with_both():
    mixed, copies = copy_warnings([[("1.jpg", "kathak"), ("2.jpg", "odissi")], [("3.jpg", "x"), ("4.jpg", "x")]])
    assert "1.jpg (kathak) = 2.jpg (odissi)" in mixed.text and mixed.names == ("1.jpg", "2.jpg")
    assert "2 pictures occur more than once (4 photos" in copies.text


def test_names_that_give_the_class_away_are_noticed():
    names = [f"photos/{number}.jpg" for number in range(100)]
    by_class = ["kathak"] * 40 + ["odissi"] * 60
    assert "File numbers follow" in name_warnings(names, by_class)[0].text
    assert name_warnings(names, random.Random(0).sample(by_class, 100)) == []
    assert "contain the class" in name_warnings([f"{label}_1.jpg" for label in by_class], by_class)[0].text
