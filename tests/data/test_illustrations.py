"""The picture book: the same dancer for the same seed, never two alike, each form with its hallmarks."""

import hashlib
import time

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.illustrations import FORM_NAMES, draw, draw_dataset

SMALL = (160, 200)


def fingerprint(picture: Image.Image) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def test_the_eight_forms_are_drawn():
    assert sorted(FORM_NAMES) == [
        "bharatanatyam",
        "kathak",
        "kathakali",
        "kuchipudi",
        "manipuri",
        "mohiniyattam",
        "odissi",
        "sattriya",
    ]


@pytest.mark.parametrize("form", FORM_NAMES)
def test_the_same_seed_draws_the_same_dancer(form):
    assert draw(form, 5, size=SMALL).tobytes() == draw(form, 5, size=SMALL).tobytes()


def test_no_two_pictures_are_equal():
    prints = [fingerprint(draw(form, seed, size=SMALL)) for form in FORM_NAMES for seed in range(6)]
    assert len(set(prints)) == len(prints)


def test_another_seed_changes_much_of_the_picture():
    for form in FORM_NAMES:
        one, other = (np.asarray(draw(form, seed, size=SMALL)).astype(int) for seed in (1, 2))
        assert (abs(one - other).max(axis=2) > 16).mean() > 0.3, form


@pytest.mark.parametrize("form", FORM_NAMES)
@pytest.mark.parametrize("size", [(480, 600), (560, 480), (224, 224), (61, 97)])
def test_every_form_is_drawn_at_every_size(form, size):
    picture = draw(form, 0, size=size)
    assert (picture.size, picture.mode) == (size, "RGB")
    assert np.asarray(picture).std() > 25  # neither blank nor flat


def test_the_size_changes_the_resolution_and_not_the_scene():
    large = draw("odissi", 3, size=(480, 600)).resize(SMALL, Image.Resampling.BOX)
    difference = np.asarray(large).astype(int) - np.asarray(draw("odissi", 3, size=SMALL))
    assert abs(difference).mean() < 6


def test_an_unknown_form_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="bharatanatyam.*received 'ballet'"):
        draw("ballet", 0)


def colours_by_height(picture: Image.Image) -> np.ndarray:
    """How much of each of 125 colours is in the upper, middle and lower third: (375,)."""
    pixels = np.asarray(picture.resize((40, 50)).crop((8, 0, 32, 50))).reshape(3, -1, 3)
    codes = np.digitize(pixels, [51, 102, 153, 204]) @ [25, 5, 1]
    return np.sqrt(np.concatenate([np.bincount(third, minlength=125) for third in codes]))


def test_the_nearest_mean_of_colours_tells_most_forms_apart():
    means = {
        form: np.mean([colours_by_height(draw(form, seed, size=SMALL)) for seed in range(16)], axis=0)
        for form in FORM_NAMES
    }

    def guess(picture: Image.Image) -> str:
        colours = colours_by_height(picture)
        return min(FORM_NAMES, key=lambda form: np.linalg.norm(colours - means[form]))

    unseen = range(100, 106)
    right = [guess(draw(form, seed, size=SMALL)) == form for form in FORM_NAMES for seed in unseen]
    assert np.mean(right) > 0.6  # chance is 0.125


def middle_of_pictures(form: str, top: float, bottom: float) -> np.ndarray:
    """The middle of six pictures between two heights in [0, 1]: (6, h, w, 3)."""
    pictures = np.stack([np.asarray(draw(form, seed, size=SMALL)).astype(int) for seed in range(6)])
    return pictures[:, int(top * 200) : int(bottom * 200), 60:100]


def test_only_kathakali_has_a_bright_green_face():
    for form in FORM_NAMES:
        red, green, blue = np.moveaxis(middle_of_pictures(form, 0.2, 0.5), -1, 0)
        bright_green = (green - np.maximum(red, blue) > 70).mean()
        assert bright_green > 0.05 if form == "kathakali" else bright_green < 0.02, form


def test_the_skirt_of_mohiniyattam_is_white_and_that_of_bharatanatyam_is_not():
    white = {form: (middle_of_pictures(form, 0.55, 0.9).min(axis=-1) > 170).mean() for form in FORM_NAMES}
    assert white["mohiniyattam"] > 0.3
    assert white["bharatanatyam"] < 0.1


def test_a_dataset_has_all_classes_and_no_equal_pictures(tmp_path):
    draw_dataset(tmp_path, per_class=3, seed=1)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(FORM_NAMES)
    assert {len(list(folder.iterdir())) for folder in tmp_path.iterdir()} == {3}
    prints = []
    for path in tmp_path.rglob("*.*"):
        with Image.open(path) as picture:
            prints.append(fingerprint(picture.convert("RGB")))
    assert len(set(prints)) == len(prints) == 24


def test_file_names_and_their_order_do_not_give_the_form_away(tmp_path):
    draw_dataset(tmp_path, per_class=4)
    paths = sorted(tmp_path.rglob("*.*"), key=lambda path: path.name)
    assert all(path.stem.isdigit() and len(path.stem) == 6 for path in paths)
    assert len({path.stem for path in paths}) == len(paths)
    forms = [path.parent.name for path in paths]
    repeats = sum(one == next_one for one, next_one in zip(forms, forms[1:], strict=False))
    assert repeats < len(forms) / 3  # sorted by class, 24 of the 31 neighbours would agree
    assert len({tuple(forms[i : i + 8]) for i in range(0, 32, 8)}) == 4  # nor do the forms come round in turn


def test_a_dataset_is_the_same_for_the_same_seed(tmp_path):
    for name in ("one", "other"):
        draw_dataset(tmp_path / name, per_class=1, seed=7)
    one, other = (sorted((tmp_path / name).rglob("*.*")) for name in ("one", "other"))
    assert [path.name for path in one] == [path.name for path in other]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_a_picture_takes_at_most_150_ms_of_processor_time():
    draw("kathak", 0)
    start = time.process_time()
    for form in FORM_NAMES:
        draw(form, 1)
    assert (time.process_time() - start) / len(FORM_NAMES) < 0.15
