"""Which photo shows which dance, from names alone."""

import random
import unicodedata
from pathlib import Path

import pytest

from dance_demo.archive import SourceFile
from dance_demo.errors import DatasetError
from dance_demo.layouts import Layout, in_order_of, recognise
from dance_demo.one_line import one_line
from dance_demo.tables import Row, Table


def files(*names: str) -> list[SourceFile]:
    return [SourceFile(name, Path(f"/job/{index:05d}.jpg")) for index, name in enumerate(names)]


def table(name: str, *lines: str) -> Table:
    header, *rows = (tuple(line.split(",")) for line in lines)
    return Table(name, header, tuple(Row(number, cells) for number, cells in enumerate(rows, start=2)))


def labels(layout: Layout) -> dict[str, str]:
    return {photo.name: label for photo, label in layout.labeled}


def reasons(layout: Layout) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in layout.skipped}


TRAIN = table("train.csv", "Image,target", "1.jpg,kathak", "2.jpg,odissi")


@pytest.mark.parametrize(
    "names, tables, description, expected",
    [
        (["kathak/1.jpg", "odissi/2.jpg"], [], "class folders", ["kathak", "odissi"]),
        (["my/kathak/1.jpg", "my/odissi/2.jpg"], [], "class folders, 1 folder deeper", ["kathak", "odissi"]),
        (["a/b/kathak/1.jpg", "a/b/odissi/2.jpg"], [], "class folders, 2 folders deeper", ["kathak", "odissi"]),
        (["kathak/2020/1.jpg", "odissi/2.jpg"], [], "class folders", ["kathak", "odissi"]),
        (["train/kathak/1.jpg", "val/odissi/2.jpg"], [], "class folders in train/ and val/", ["kathak", "odissi"]),
        (["d/Train/kathak/1.jpg", "d/test/odissi/2.jpg"], [], "class folders in Train/", ["kathak", "odissi"]),
        (["train/kathak/1.jpg", "train/odissi/2.jpg"], [], "class folders, 1 folder deeper", ["kathak", "odissi"]),
        (["bus/1.jpg", "train/2.jpg"], [], "class folders", ["bus", "train"]),
        (["1.jpg", "2.jpg"], [TRAIN], "photos and train.csv", ["kathak", "odissi"]),
        (["train/1.jpg", "train/2.jpg"], [TRAIN], "photos and train.csv", ["kathak", "odissi"]),
        (["images/1.jpg", "images/2.jpg"], [TRAIN], "photos and train.csv", ["kathak", "odissi"]),
        (
            ["c/train/1.jpg", "c/train/2.jpg", "c/test/1.jpg"],
            [
                table("c/test.csv", "Image", "1.jpg"),
                table("c/train.csv", "Image,target", "1.jpg,kathak", "2.jpg,odissi"),
            ],
            "photos and c/train.csv",
            ["kathak", "odissi"],
        ),
        (
            ["photos/1.jpg", "photos/2.jpg"],
            [table("names.csv", "label,path", "kathak,photos/1.jpg", "odissi,photos/2.jpg")],
            "photos and names.csv",
            ["kathak", "odissi"],
        ),
        (
            ["kathak/1.jpg", "odissi/2.jpg"],
            [table("index.csv", "Image,target", "kathak/1.jpg,x", "odissi/2.jpg,y")],
            "class folders",
            ["kathak", "odissi"],
        ),
    ],
)  # fmt: skip
def test_D11_layouts_are_recognised_and_named(names, tables, description, expected):
    layout = recognise(files(*names), tables)
    assert layout.description.startswith(description)
    assert [labels(layout)[name] for name in names[:2]] == expected


def test_D11_photos_outside_the_class_folders_are_left_out_with_a_reason():
    layout = recognise(files("d/kathak/1.jpg", "d/odissi/2.jpg", "d/cover.jpg"), [])
    assert sorted(labels(layout).values()) == ["kathak", "odissi"]
    assert reasons(layout) == {"d/cover.jpg": "it lies in no class folder"}


@pytest.mark.parametrize("names", [[], ["1.jpg", "2.jpg"], ["train/1.jpg", "test/2.jpg"]])
def test_D11_photos_without_labels_are_refused_with_an_example(names):
    with pytest.raises(DatasetError, match="Expected a folder for each class"):
        recognise(files(*names), [])


def test_D11_several_tables_with_labels_are_not_chosen_from_by_chance():
    tables = [table(name, "Image,target", "1.jpg,kathak") for name in ("a.csv", "b.csv")]
    with pytest.raises(DatasetError, match=r"a.csv, b.csv. Call the right one train.csv"):
        recognise(files("1.jpg"), tables)
    assert labels(recognise(files("1.jpg"), tables, chosen=tables[1])) == {"1.jpg": "kathak"}


@pytest.mark.parametrize(
    "cell", ["1.jpg", "1", "1.JPG", "./1.jpg", "train/1.jpg", "train\\1.jpg", " 1.jpg ", "TRAIN/1"]
)
def test_D16_photos_are_found_with_other_case_or_without_ending(cell):
    layout = recognise(files("train/1.jpg", "test/1.jpg"), [table("train.csv", "Image,target", f"{cell},kathak")])
    assert labels(layout) == {"train/1.jpg": "kathak"}


@pytest.mark.parametrize(
    "cell",
    ["../1.jpg", "/job/00000.jpg", "/etc/passwd", "C:\\1.jpg", "http://127.0.0.1/1.jpg", "file:///1.jpg", "9.jpg", ""],
)
def test_D16_paths_that_lead_elsewhere_are_missing_photos_with_their_line(cell):
    train = table("train.csv", "Image,target", f"{cell},kathak", "2.jpg,odissi")
    layout = recognise(files("1.jpg", "2.jpg"), [train])
    assert labels(layout) == {"2.jpg": "odissi"}
    assert [skipped.reason for skipped in layout.skipped] == ["train.csv, line 2: there is no such photo"]


def test_D16_a_name_that_several_photos_bear_is_not_guessed_at():
    layout = recognise(files("a/1.jpg", "b/1.jpg", "2.jpg"), [TRAIN])
    assert labels(layout) == {"2.jpg": "odissi"}
    assert reasons(layout) == {"1.jpg": "train.csv, line 2: several photos have this name"}


def test_D9_photos_whose_names_differ_in_case_are_told_apart():
    train = table("train.csv", "Image,target", "A.jpg,kathak", "a.jpg,odissi")
    assert labels(recognise(files("A.jpg", "a.jpg"), [train])) == {"A.jpg": "kathak", "a.jpg": "odissi"}


def test_D15_lines_with_too_few_or_too_many_cells_are_named():
    train = table("train.csv", "Image,target", "1.jpg", "2.jpg,odissi,extra", "3.jpg,kathak")
    layout = recognise(files("1.jpg", "2.jpg", "3.jpg"), [train])
    assert labels(layout) == {"3.jpg": "kathak"}
    assert list(reasons(layout)) == ["train.csv, line 2", "train.csv, line 3"]


def test_a_photo_that_is_named_twice_keeps_its_first_label_and_we_say_so():
    train = table("train.csv", "Image,target", "1.jpg,kathak", "1.jpg,odissi")
    layout = recognise(files("1.jpg"), [train])
    assert labels(layout) == {"1.jpg": "kathak"}
    assert "named before, in line 2" in reasons(layout)["1.jpg"]


def test_photos_that_the_table_does_not_name_are_counted():
    layout = recognise(files("1.jpg", "2.jpg", "3.jpg", "4.jpg"), [TRAIN])
    assert layout.warnings == ("2 photos are not named in train.csv and were left aside.",)


HOSTILE_LABELS = [
    "nan",
    "7",
    "=cmd()",
    "<img onerror=alert(1)>",
    r"$\frac$",
    r"$\badcmd$",
    "कथक",
    "رقص",
    "💃",
    "a\u200db",
]


@pytest.mark.parametrize("label", HOSTILE_LABELS)
def test_D17_labels_are_kept_as_the_text_that_they_are(label):
    train = Table("train.csv", ("Image", "target"), (Row(2, ("1.jpg", label)),))
    assert labels(recognise(files("1.jpg"), [train])) == {"1.jpg": label}


@pytest.mark.parametrize(
    "label, told",
    [
        ("", "no label"),
        (" \t ", "no label"),
        ("\0\x07", "no label"),
        ("\u200b\u200d", "no label"),
        ("k" * 10_240, "longer than 100"),
    ],
)
def test_D17_labels_that_say_nothing_or_too_much_are_left_out(label, told):
    train = Table("train.csv", ("Image", "target"), (Row(2, ("1.jpg", label)), Row(3, ("2.jpg", "odissi"))))
    layout = recognise(files("1.jpg", "2.jpg"), [train])
    assert told in reasons(layout)["1.jpg"] and len(reasons(layout)["1.jpg"]) < 150


@pytest.mark.parametrize(
    "twin", ["Kathak", "KATHAK", "ka\u200bthak", "kathak ", unicodedata.normalize("NFD", "kathak"), "kathak\ufeff"]
)
def test_D8_D9_classes_that_look_alike_are_merged_and_named(twin):
    layout = recognise(files("kathak/1.jpg", "kathak/2.jpg", f"{twin}/3.jpg", "odissi/4.jpg"), [])
    assert set(labels(layout).values()) == {"kathak", "odissi"}
    assert len(layout.labeled) == 4
    if one_line(twin) != "kathak":
        assert layout.warnings[0].startswith("Taken as one class")


def test_photos_to_predict_follow_the_order_and_the_names_of_the_table():
    order = table("test.csv", "Image", "7.jpg", "3.jpg", "9.jpg", "7.jpg")
    photos, missing = in_order_of(order, files("test/3.jpg", "test/7.jpg", "train/3.jpg"))
    assert [(photo.name, photo.path.name) for photo in photos] == [
        ("7.jpg", "00001.jpg"),
        ("3.jpg", "00000.jpg"),
        ("7.jpg", "00001.jpg"),
    ]
    assert [skipped.name for skipped in missing] == ["9.jpg"]


def test_any_names_at_all_are_sorted_or_refused_without_another_error():
    rng = random.Random(0)
    for _ in range(2_000):
        parts = ["".join(rng.choices("aZ.% é\u202e", k=rng.randint(1, 3))) for _ in range(20)]
        names = ["/".join(rng.choices(parts, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 6))]
        try:
            layout = recognise(files(*names), [TRAIN] if rng.random() < 0.3 else [])
        except DatasetError:
            continue
        assert all(label and label == one_line(label) for label in labels(layout).values())
