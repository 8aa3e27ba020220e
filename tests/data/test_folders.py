"""Which folders are the classes, in the shapes that downloads, programs and people give them."""

import random

import pytest

from dance_demo.data.folders import INNER, OUTER, Reading, has_letters, read_folders

FORMS = ("kathak", "odissi", "kathakali")
ANIMALS = ("cat", "dog", "horse")


def below(*folders: str, classes: tuple[str, ...] = FORMS, photos: int = 6) -> list[str]:
    return [f"{folder}/{name}" for folder in folders for name in classes for _ in range(photos)]


def read(folders: list[str], wanted: str | None = None) -> Reading:
    return read_folders([tuple(one.split("/")) if one else () for one in folders], wanted)


@pytest.mark.parametrize("classes", [FORMS, ANIMALS])
@pytest.mark.parametrize(
    "folders",
    [
        ("training_set/training_set", "test_set/test_set"),
        ("train/train", "test/test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train_set", "val_set"),
        ("dev", "eval"),
        ("Training Set", "Test-Set"),
        ("my_TRAIN", "my_Validation"),
        ("dance_train", "dance_test"),
        ("TrainImages", "TestImages"),
        ("data/01_train/images", "data/02_test/images"),
        ("holdout", "train"),
        ("entrenamiento", "prueba", "validaci\u00f3n"),
        ("split1", "split2"),
        ("fold_0", "fold_1", "fold_2"),
        ("camera a", "camera b"),
        ("2019", "2020"),
        ("2019/train", "2019/test", "2020/train", "2020/test"),
        ("x/batch-1/photos", "x/batch-2/photos"),
        ("train", "new photos"),
        ("train", "test", "extra"),
        ("x/x/train", "x/x/test", "x/train", "x/test"),  # packed twice, as a well-known set of X-rays is
        ("x-20241129T101010Z-001/x", "x-20241129T101010Z-002/x"),
        ("train-20241129T101010Z-001/train", "test-20241129T101111Z-001-002/test"),
        ("Train80", "Test20"),
        ("\u8bad\u7ec3\u96c6", "\u6d4b\u8bd5\u96c6"),
    ],
)
def test_parts_of_a_dataset_never_become_classes(folders, classes):
    reading = read(below(*folders, classes=classes))
    if folders == ("train", "new photos") and classes == ANIMALS:
        assert reading.doubt
    assert set(reading.labels) == set(classes)


def test_pieces_of_a_download_from_drive_hold_other_classes_or_one_each():
    pieces = ("dances-20241129T101010Z-001/dances/", "dances-20241129T101010Z-002/dances/")
    assert set(read([pieces[0] + "kathak"] * 6 + [pieces[1] + "odissi"] * 6).labels) == {"kathak", "odissi"}
    each = [f"{name}-20241129T101010Z-001/{name}" for name in FORMS for _ in range(6)]
    assert set(read(each).labels) == set(FORMS)


def test_people_who_collected_the_photos_are_no_classes_where_their_folders_hold_the_same():
    assert set(read(below("anna", "ravi")).labels) == set(FORMS)
    animals = read(below("anna", "ravi", classes=ANIMALS))
    assert set(animals.labels) == set(ANIMALS)
    assert "could be anna, ravi" in animals.doubt and "--layout outer" in animals.doubt


@pytest.mark.parametrize("inside", [("front", "side"), ("2020", "2021"), ("train", "test"), ("raw", "grey", "x")])
def test_folders_inside_of_class_folders_do_not_become_classes(inside):
    reading = read(below(*FORMS, classes=inside))
    assert set(reading.labels) == set(FORMS) and not reading.doubt


def test_where_two_readings_are_possible_the_one_of_before_is_kept_and_the_other_named():
    reading = read(below("cats", "dogs", classes=("indoor", "outdoor")))
    assert set(reading.labels) == {"cats", "dogs"}
    assert "could be indoor, outdoor" in reading.doubt and "--layout inner" in reading.doubt


@pytest.mark.parametrize("aside", [[""], ["docs"], ["docs/pictures"], ["assets", "", "README"], ["example"]])
@pytest.mark.parametrize("around", ["", "dance-dataset-master/", "dance/images/"])
def test_loose_photos_and_folders_of_pictures_beside_a_dataset_never_change_the_classes(aside, around):
    beside = around.split("/")[0] if around else ""
    loose = [f"{beside}/{one}".strip("/") for one in aside]
    reading = read([f"{around}{one}" for one in below("kathak", "odissi", classes=("",))] + loose)
    reading.labels = [label for label in reading.labels if label]
    assert set(reading.labels) == {"kathak", "odissi"} and len(reading.labels) == 12


def test_a_class_called_like_an_aside_with_as_many_photos_as_the_others_stays_a_class():
    assert set(read(["paper"] * 6 + ["rock"] * 6 + ["scissors"] * 6).labels) == {"paper", "rock", "scissors"}
    assert set(read(["paper"] * 3 + ["rock"] * 6 + ["scissors"] * 2).labels) == {"paper", "rock", "scissors"}


def test_classes_called_like_parts_stay_classes():
    assert set(read(["bus"] * 6 + ["train"] * 6).labels) == {"bus", "train"}
    assert set(read(below("train", "val", classes=("bus", "train"))).labels) == {"bus", "train"}
    assert set(read(below("bus", classes=("city", "coach")) + below("train", classes=("old", "new"))).labels) == {
        "bus",
        "train",
    }
    assert set(read(["docs/a"] * 2 + ["dance/b"] * 6).labels) == {"docs", "dance"}
    doubtful = read(["train_set"] * 6 + ["val_set"] * 6)
    assert set(doubtful.labels) == {"train_set", "val_set"} and "like parts of a dataset" in doubtful.doubt


def test_one_part_beside_folders_of_the_same_classes_is_a_part():
    reading = read(below("new_train", classes=ANIMALS) + ["cat"] * 3 + ["dog/2020"] * 3)
    assert set(reading.labels) == set(ANIMALS) and "may be a class, or a part" in reading.doubt


def test_photos_to_be_named_beside_a_dataset_are_no_class():
    reading = read(below("seg_train/seg_train", "seg_test/seg_test") + ["seg_pred/seg_pred"] * 9)
    assert set(reading.labels) == {*FORMS, ""} and reading.labels.count("") == 9
    assert set(read(below("train") + ["test"] * 9).labels) == {*FORMS, ""}


def test_the_reading_that_is_asked_for_is_taken():
    folders = below("x/anna", "x/ravi", classes=ANIMALS)
    assert set(read(folders, OUTER).labels) == {"anna", "ravi"}
    assert set(read(folders, INNER).labels) == set(ANIMALS)


WORDS = ["train", "val", "test", "My Data", "images", "docs", "set", "kathak", "1", "a", " ", "\u202e", "README", "%"]


def test_whatever_is_called_how_a_photo_in_a_folder_with_a_name_has_a_class():
    """Nonsense is read, too: all photos may lie in parts, fillers and folders without a visible name."""
    rng = random.Random(15)
    for _ in range(3_000):
        paths = [tuple(rng.choices(WORDS, k=rng.randint(0, 4))) for _ in range(rng.randint(1, 6))]
        if any(has_letters(path[0]) and path[0] not in ("train", "val", "test") for path in paths if path):
            assert any(has_letters(label) for label in read_folders(paths).labels), paths
