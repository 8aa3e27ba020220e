"""What a backbone is fine-tuned on: measured photos in folds, others only to train, no copy on both sides."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.training_overlap import PhotoHashes
from dance_demo.errors import DatasetError
from dance_demo.files.jpeg import jpeg as as_jpeg
from dance_demo.files.photo import open_photo
from dance_demo.research.photos import (
    NO_FOLD,
    SQUARE_SIDE_PX,
    TrainingPhotos,
    load_held_out_photos,
    load_training_photos,
)
from tests.research.test_crops import texture
from tests.support.made_up import jpeg, photo, write_files


@pytest.fixture
def measured(tmp_path) -> Path:
    files = {f"{form}/{n}.jpg": jpeg(10 * k + n) for k, form in enumerate(("kathak", "odissi")) for n in range(5)}
    return write_files(tmp_path / "measured", files)


@pytest.fixture
def extra(tmp_path) -> Path:
    """Two new photos, and copies of a measured one: as it is, mirrored, and smaller."""
    copied = photo(0)
    files = {"kathak/100.jpg": jpeg(100), "odissi/101.jpg": jpeg(101), "kathak/copy.jpg": jpeg(0)}
    files["kathak/mirrored.jpg"] = jpeg(copied.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    files["odissi/smaller.jpg"] = jpeg(copied.resize((80, 66)))
    return write_files(tmp_path / "extra", files)


def load(*sources: Path, log=lambda line: None, **options) -> TrainingPhotos:
    return load_training_photos(sources, cache=sources[0].parent / "cache", log=log, **options)


def test_photos_are_squashed_to_squares_and_every_one_is_in_a_fold(measured):
    photos = load(measured)
    assert photos.class_names == ("kathak", "odissi") and len(photos) == 10
    assert photos.squares.shape == (10, SQUARE_SIDE_PX, SQUARE_SIDE_PX, 3) and photos.squares.dtype == np.uint8
    assert photos.fold_numbers == [0, 1, 2, 3, 4]
    assert np.bincount(photos.folds).tolist() == [2] * 5
    assert photos.one_hot(np.arange(10)).argmax(axis=1).tolist() == photos.classes.tolist() == [0] * 5 + [1] * 5
    with Image.open(measured / "kathak" / "0.jpg") as picture:
        expected = picture.resize((SQUARE_SIDE_PX, SQUARE_SIDE_PX), Image.Resampling.BILINEAR)
    assert np.abs(photos.squares[0].astype(int) - np.asarray(expected)).max() <= 1


def test_other_sources_only_train_and_copies_of_measured_photos_are_left_out(measured, extra):
    said = []
    photos = load(measured, extra, log=said.append)
    assert photos.folds.tolist() == [*load(measured).folds.tolist(), NO_FOLD, NO_FOLD]
    assert said == ["15 photos; 3 extra ones are copies or crops of measured ones and left out"]
    for fold in photos.fold_numbers:
        trained, held_out = photos.training_indices(fold), photos.held_out_indices(fold)
        assert set(trained) | set(held_out) == set(range(12)) and {10, 11} <= set(trained)
        assert not set(photos.groups[trained]) & set(photos.groups[held_out])


def test_folds_come_from_the_file_if_there_is_one(measured, tmp_path):
    rows = [f"{n}.jpg,kathak,{n % 2}" for n in range(5)]
    shutil.rmtree(measured / "odissi")
    (measured / "odissi").mkdir()
    (measured / "odissi" / "9.jpg").write_bytes(jpeg(9))
    folds = tmp_path / "folds.csv"
    folds.write_text("\n".join(["Image,target,fold", *rows, "9.jpg,odissi,1"]))
    assert load(measured, folds_file=folds).folds.tolist() == [0, 1, 0, 1, 0, 1]
    folds.write_text("\n".join(["Image,target,fold", *rows]))
    with pytest.raises(DatasetError, match="folds.csv gives no fold for 1 photos, such as odissi/9.jpg"):
        load(measured, folds_file=folds)


def test_a_class_that_only_another_source_knows_is_refused(measured, extra):
    write_files(extra, {"tango/1.jpg": jpeg(500), "tango/2.jpg": jpeg(501)})
    with pytest.raises(DatasetError, match="The first source has no class tango, but another one has"):
        load(measured, extra)


def test_C15_a_second_look_uses_what_was_kept_unless_anything_changed(measured, extra):
    said = []
    first = load(measured, extra, log=said.append)
    second = load(measured, extra, log=said.append)
    assert len(said) == 1 and first.sha256 == second.sha256
    (measured / "odissi" / "new.jpg").write_bytes(jpeg(300))
    assert len(load(measured, extra, log=said.append)) == 13
    assert len(said) == 2
    with pytest.raises(DatasetError, match="5 folds need at least 5 of each class"):
        load(extra, measured)  # the other one would be measured now, and it is too small


def test_drawings_only_train_and_only_of_forms_that_are_known(measured):
    photos = load(measured)
    more = photos.with_drawings(2)
    assert more.folds.tolist() == [*photos.folds.tolist(), *[NO_FOLD] * 4]
    assert more.classes[10:].tolist() == [0, 0, 1, 1]
    assert len(set(more.groups[10:])) == 4 and not set(more.groups[10:]) & set(photos.groups)
    assert more.sha256 != photos.sha256
    assert photos.with_drawings(0) is photos


def test_photos_to_measure_on_are_none_that_trained_nor_crops_of_those(measured, tmp_path):
    scene = texture(3, size=(400, 300))
    others = {
        f"{form}/{n}.jpg": jpeg(10 * k + n + 200) for k, form in enumerate(("kathak", "odissi")) for n in range(5)
    }
    copies = {"kathak/copy.jpg": jpeg(0), "odissi/seen.jpg": jpeg(300)}
    copies["odissi/crop.jpg"] = as_jpeg(scene.crop((40, 30, 360, 280)), 80)
    write_files(measured, {"kathak/scene.jpg": as_jpeg(scene, 90)})
    said = []
    seen = PhotoHashes.of_pictures([open_photo(jpeg(300))])
    source = write_files(tmp_path / "others", others | copies)
    photos = load_held_out_photos(source, [measured], seen=seen, cache=tmp_path / "cache", log=said.append)
    assert photos.folds.tolist() == [0] * 10 and photos.classes.tolist() == [0] * 5 + [1] * 5
    assert said[-1] == "10 photos are held out; 3 more are copies or crops of photos that trained"
    assert len(photos.pixel_sha256) == len(photos.groups) == 10


def test_where_no_photo_is_left_to_be_held_out_it_says_so_before_anything_trains(measured, tmp_path):
    with pytest.raises(DatasetError, match="measured: all 10 photos are copies or crops of photos that trained"):
        load_held_out_photos(measured, [measured], cache=tmp_path / "cache", log=[].append)
