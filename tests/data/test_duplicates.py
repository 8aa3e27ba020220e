"""Copies are found, and what only looks alike is not."""

import io
import json
import random

import numpy as np
import pytest
from PIL import Image, ImageOps

from dance_demo.data.duplicates import near_duplicate_groups
from dance_demo.data.fingerprint import Fingerprint, fingerprint
from dance_demo.files.photo import open_photo
from tests.support.made_up import photo


def test_photos_of_a_recording_belong_together_and_its_room_makes_no_copies_of_the_others():
    room = photo(1, size=(320, 240))

    def taken(seed: int, step: int) -> Fingerprint:
        picture = room.copy()
        picture.paste(photo(seed, size=(40, 40)), (100 + step, 80))
        return fingerprint(picture)

    prints = [taken(seed, step) for seed in (2, 3) for step in range(3)]
    assert len(set(near_duplicate_groups(prints))) < 2  # by the room alone
    assert near_duplicate_groups(prints, ["a 1"] * 3 + ["b 1"] * 3) == (0, 0, 0, 1, 1, 1)
    assert near_duplicate_groups([*prints, prints[0]], ["a 1", "a 1", "a 2", "b 1", "b 1", "", "a 3"])[-1] == 0


def cropped(picture: Image.Image, seed: int, margin: float = 0.08) -> Image.Image:
    rng = random.Random(seed)
    width, height = picture.size
    left, top, right, bottom = (rng.uniform(0, margin) for _ in range(4))
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return picture.crop(tuple(round(edge) for edge in box))


def saved_anew(picture: Image.Image, seed: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=30)
    return Image.open(stream).convert("RGB")


COPIES = {
    "mirrored": lambda picture, seed: ImageOps.mirror(picture),
    "saved anew": saved_anew,
    "resized": lambda picture, seed: picture.resize((picture.width // 3, picture.height // 2)),
    "brightened": lambda picture, seed: picture.point(lambda level: min(255, round(level * 1.2))),
    "slightly cropped": cropped,
    "cropped, mirrored and saved anew": lambda picture, seed: saved_anew(ImageOps.mirror(cropped(picture, seed)), seed),
}


def share_found(originals: list[Image.Image], copies: list[Image.Image]) -> float:
    groups = near_duplicate_groups([fingerprint(picture) for picture in (*originals, *copies)])
    assert len(set(groups)) >= len(originals)  # no two originals were joined
    return float(np.mean([groups[i] == groups[len(originals) + i] for i in range(len(originals))]))


@pytest.mark.parametrize("kind", COPIES)
def test_D14_planted_copies_of_made_up_photos_are_found(kind):
    originals = [photo(seed, size=(320, 240)) for seed in range(40)]
    copies = [COPIES[kind](picture, seed) for seed, picture in enumerate(originals)]
    assert share_found(originals, copies) >= 0.95


@pytest.mark.parametrize("kind", COPIES)
def test_D14_planted_copies_of_real_photos_are_found(shared, kind):
    names = sorted((shared / "data" / "dance_more").glob("*/*.jpg"))[::12]
    originals = [open_photo(path) for path in names]
    copies = [COPIES[kind](picture, seed) for seed, picture in enumerate(originals)]
    assert share_found(originals, copies) >= 0.95


def test_known_near_duplicates_are_found_and_no_others(shared):
    known = json.loads((shared / "data" / "dance" / "near_duplicates.json").read_text())
    paths = sorted((shared / "data" / "dance" / "train").iterdir())
    found = near_duplicate_groups([fingerprint(open_photo(path)) for path in paths])
    group_of = {path.name: group for path, group in zip(paths, found, strict=True)}
    whole = [names for names in known if len({group_of[name] for name in names}) == 1]
    print(f"{len(whole)} of {len(known)} known groups found whole")
    assert len(whole) >= 0.93 * len(known)
    known_group = {name: index for index, names in enumerate(known) for name in names}
    joined = [{known_group.get(n, n) for n in group_of if group_of[n] == group} for group in set(found)]
    assert all(len(origins) == 1 for origins in joined)


def test_different_photos_of_one_composition_stay_apart(shared):
    paths = sorted((shared / "data" / "other" / "flowers").glob("*/*"))[::4]
    groups = near_duplicate_groups([fingerprint(open_photo(path)) for path in paths])
    assert len(set(groups)) == len(paths)


def test_blank_photos_are_copies_only_where_their_pixels_are_equal():
    blanks = [Image.new("RGB", (90, 60), (level, level, level)) for level in (0, 0, 30, 200)]
    assert near_duplicate_groups([fingerprint(blank) for blank in blanks]) == (0, 0, 1, 2)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_very_few_photos_are_grouped_too(count):
    assert near_duplicate_groups([fingerprint(photo(seed)) for seed in range(count)]) == tuple(range(count))


def test_copies_of_copies_form_one_group_in_any_order():
    picture = photo(1, size=(320, 240))
    chain = [picture, cropped(picture, 1), ImageOps.mirror(picture), photo(2), picture.resize((99, 99))]
    assert near_duplicate_groups([fingerprint(copy) for copy in chain]) == (0, 0, 0, 1, 0)
    assert near_duplicate_groups([fingerprint(copy) for copy in chain[::-1]]) == (0, 1, 0, 0, 0)


def test_a_thousand_frames_of_one_film_do_not_exhaust_us():
    still = np.asarray(photo(0, size=(48, 48)).convert("L"), np.int16)
    rng = np.random.default_rng(0)
    frames = [
        Fingerprint(str(index), (still + rng.integers(-9, 9, still.shape)).clip(0, 255).astype(np.uint8))
        for index in range(1_000)
    ]
    assert len(set(near_duplicate_groups(frames))) == 1
