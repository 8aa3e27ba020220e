"""Which photo shows which dance, from names alone."""

import random
import unicodedata
from pathlib import Path

import pytest

from dance_demo.data.layout import Layout, WhichColumnsError, detect_layout, in_order_of
from dance_demo.errors import DatasetError
from dance_demo.files.csv_table import Row, Table
from dance_demo.files.text import single_line
from dance_demo.files.zip_archive import SourceFile


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
    layout = detect_layout(files(*names), tables)
    assert layout.description.startswith(description)
    assert [labels(layout)[name] for name in names[:2]] == expected


def test_D11_photos_outside_the_class_folders_are_left_out_with_a_reason():
    layout = detect_layout(files("d/kathak/1.jpg", "d/odissi/2.jpg", "d/cover.jpg"), [])
    assert sorted(labels(layout).values()) == ["kathak", "odissi"]
    assert reasons(layout) == {"d/cover.jpg": "it lies in no class folder"}


@pytest.mark.parametrize("names", [[], ["1.jpg", "2.jpg"], ["train/1.jpg", "test/2.jpg"]])
def test_D11_photos_without_labels_are_refused_with_an_example(names):
    with pytest.raises(DatasetError, match="Expected a folder for each class"):
        detect_layout(files(*names), [])


def test_D11_several_tables_with_labels_are_not_chosen_from_by_chance():
    tables = [table(name, "Image,target", "1.jpg,kathak") for name in ("a.csv", "b.csv")]
    with pytest.raises(DatasetError, match=r"a.csv, b.csv. Call the right one train.csv"):
        detect_layout(files("1.jpg"), tables)
    assert labels(detect_layout(files("1.jpg"), tables, chosen=tables[1])) == {"1.jpg": "kathak"}


@pytest.mark.parametrize(
    "cell", ["1.jpg", "1", "1.JPG", "./1.jpg", "train/1.jpg", "train\\1.jpg", " 1.jpg ", "TRAIN/1"]
)
def test_D16_photos_are_found_with_other_case_or_without_ending(cell):
    layout = detect_layout(files("train/1.jpg", "test/1.jpg"), [table("train.csv", "Image,target", f"{cell},kathak")])
    assert labels(layout) == {"train/1.jpg": "kathak"}


@pytest.mark.parametrize(
    "cell", ["/job/00000.jpg", "/etc/passwd", "C:\\9.jpg", "http://127.0.0.1/1.jpg", "file:///1.jpg", "9.jpg", ""]
)
def test_D16_paths_that_lead_elsewhere_are_missing_photos_with_their_line(cell):
    train = table("train.csv", "Image,target", f"{cell},kathak", "2.jpg,odissi")
    layout = detect_layout(files("1.jpg", "2.jpg"), [train])
    assert labels(layout) == {"2.jpg": "odissi"}
    assert [skipped.reason for skipped in layout.skipped] == ["train.csv, line 2: there is no such photo"]


@pytest.mark.parametrize(
    "cell",
    ["/kaggle/input/x/a/1.jpg", "D:\\x\\a\\1.jpg", "../a/1.jpg", "..\\1.jpg", "/1", "other/1.jpg", "C:/1.jpg"],
)
def test_D16_a_path_on_another_computer_is_the_photo_with_that_end_if_there_is_one(cell):
    train = table("train.csv", "Image,target", f"{cell},kathak", "2.jpg,odissi")
    assert labels(detect_layout(files("a/1.jpg", "a/2.jpg"), [train])) == {"a/1.jpg": "kathak", "a/2.jpg": "odissi"}


@pytest.mark.parametrize(
    ("cell", "photo"),
    [
        ("1.HEIC", "a/1.jpg"),  # converted since
        ("/home/me/1.JPG", "1.jpeg"),
        ("1", "a/00001.jpg"),  # Excel took the zeros
        ("1.0", "1.png"),  # pandas gave it some
        ("001", "1.jpg"),
    ],
)
def test_D16_a_photo_is_found_whose_ending_or_zeros_are_others_now(cell, photo):
    train = table("train.csv", "Image,target", f"{cell},kathak", "2.jpg,odissi")
    assert labels(detect_layout(files(photo, "2.jpg"), [train])) == {photo: "kathak", "2.jpg": "odissi"}


@pytest.mark.parametrize("cell", ["2.HEIC", "002", "1.HEIC", "test/03", "03.jpg"])
def test_D16_such_a_photo_is_not_one_that_another_line_names_or_one_of_two(cell):
    train = table("train.csv", "Image,target", f"{cell},kathak", "2.jpg,odissi")
    assert labels(detect_layout(files("a/1.jpg", "b/1.png", "2.jpg", "train/3.jpg"), [train])) == {"2.jpg": "odissi"}


@pytest.mark.parametrize("marks", [("0", "1"), ("False", "True"), ("0.0", "1.0"), ("false", "TRUE")])
def test_a_column_for_each_class_may_say_yes_and_no_in_other_ways(marks):
    lines = [f"{n}.jpg,{marks[n % 2]},{marks[1 - n % 2]}" for n in range(4)]
    layout = detect_layout(files(*(f"{n}.jpg" for n in range(4))), [table("c.csv", "filename,kathak,odissi", *lines)])
    assert labels(layout) == {f"{n}.jpg": ("odissi", "kathak")[n % 2] for n in range(4)}


def test_a_table_with_heads_alone_is_not_one_of_several_that_could_be_meant():
    tables = [TRAIN, table("test_labels.csv", "Image,target")]
    tables[0] = Table("train_labels.csv", TRAIN.columns, TRAIN.rows)
    assert set(labels(detect_layout(files("1.jpg", "2.jpg"), tables)).values()) == {"kathak", "odissi"}


def test_the_code_page_that_was_assumed_of_a_table_is_said():
    chinese = Table("l.csv", ("Image", "target"), TRAIN.rows, code_page="gb18030")
    [said] = detect_layout(files("1.jpg", "2.jpg"), [chinese]).warnings
    assert said.startswith(
        "l.csv does not say in which code page it is written; taken for gb18030 (Simplified Chinese)"
    )


def test_D16_as_much_of_a_path_counts_as_there_is():
    train = table("train.csv", "Image,target", "/x/kathak/1.jpg,kathak", "/x/odissi/1.jpg,odissi")
    found = labels(detect_layout(files("d/kathak/1.jpg", "d/odissi/1.jpg"), [train]))
    assert found == {"d/kathak/1.jpg": "kathak", "d/odissi/1.jpg": "odissi"}


def test_D16_a_photo_that_is_not_there_is_not_another_of_the_same_name():
    train = table("train.csv", "Image,target", "test/1.jpg,kathak", "train/1.jpg,odissi")
    assert labels(detect_layout(files("train/1.jpg"), [train])) == {"train/1.jpg": "odissi"}
    train = table("names.csv", "Image,target", "/x/1.jpg,kathak", "/y/1.jpg,odissi", "2.jpg,odissi")
    assert labels(detect_layout(files("a/1.jpg", "a/2.jpg"), [train])) == {"a/2.jpg": "odissi"}


@pytest.mark.parametrize("blank", ["\u202f", "\xa0", "\u2009"])
def test_blanks_of_any_width_are_the_same_in_the_name_of_a_photo(blank):
    train = table("train.csv", "Image,target", "Shot at 1.00 PM.png,kathak", f"x{blank}y.png,odissi")
    found = labels(detect_layout(files(f"Shot at 1.00{blank}PM.png", "x y.png"), [train]))
    assert list(found.values()) == ["kathak", "odissi"]


def test_the_report_names_columns_that_are_not_called_as_usual():
    names = table("labels.csv", "id,breed", "1,kathak", "2,odissi")
    layout = detect_layout(files("1.jpg", "2.jpg"), [names])
    assert layout.description == "photos and labels.csv, its columns id and breed"


def test_a_table_that_names_other_classes_than_the_folders_is_told_of_and_can_be_asked_for():
    photos = files("kathak/1.jpg", "odissi/2.jpg")
    index = table("index.csv", "Image,target", "kathak/1.jpg,solo", "odissi/2.jpg,group")
    layout = detect_layout(photos, [index])
    assert "index.csv names others (group, solo)" in layout.warnings[0]
    assert set(labels(detect_layout(photos, [index], wanted="csv")).values()) == {"solo", "group"}
    assert set(labels(detect_layout(photos, [TRAIN], wanted="outer")).values()) == {"kathak", "odissi"}
    with pytest.raises(DatasetError, match="no CSV with a column"):
        detect_layout(photos, [], wanted="csv")


def test_a_column_of_0_and_1_for_each_class_is_read_and_so_are_several_such_tables():
    head = "filename, kathak, odissi"
    tables = [
        Table(f"{part}/_classes.csv", tuple(cell.strip() for cell in head.split(",")), rows)
        for part, rows in (
            ("train", (Row(2, ("1.jpg", "1", "0")), Row(3, ("2.jpg", " 0", " 1")))),
            ("valid", (Row(2, ("1.jpg", "0", "1")),)),
        )
    ]
    layout = detect_layout(files("train/1.jpg", "train/2.jpg", "valid/1.jpg"), tables)
    assert labels(layout) == {"train/1.jpg": "kathak", "train/2.jpg": "odissi", "valid/1.jpg": "odissi"}
    assert layout.description == "photos and train/_classes.csv and valid/_classes.csv" and not layout.warnings


def test_a_line_of_such_a_table_that_marks_no_class_or_two_is_left_out_with_its_number():
    lines = [f"{number}.jpg,{number % 2},{1 - number % 2}" for number in range(1, 25)]
    marks = table("c.csv", "filename,kathak,odissi", *lines, "25.jpg,1,1", "26.jpg")
    layout = detect_layout(files(*(f"{number}.jpg" for number in range(1, 27))), [marks])
    assert len(layout.labeled) == 24
    assert reasons(layout) == {"25.jpg": "c.csv, line 26: no label", "26.jpg": "c.csv, line 27: no label"}


def test_columns_that_say_other_things_with_0_and_1_are_no_labels():
    many = table("about.csv", "filename,indoor,female", "1.jpg,1,1", "2.jpg,0,0", "3.jpg,1,0")
    with pytest.raises(DatasetError, match="Expected a folder for each class"):
        detect_layout(files("1.jpg", "2.jpg", "3.jpg"), [many])


def test_D16_a_name_that_several_photos_bear_is_not_guessed_at():
    layout = detect_layout(files("a/1.jpg", "b/1.jpg", "2.jpg"), [TRAIN])
    assert labels(layout) == {"2.jpg": "odissi"}
    assert reasons(layout) == {"1.jpg": "train.csv, line 2: several photos have this name"}


def test_D9_photos_whose_names_differ_in_case_are_told_apart():
    train = table("train.csv", "Image,target", "A.jpg,kathak", "a.jpg,odissi")
    assert labels(detect_layout(files("A.jpg", "a.jpg"), [train])) == {"A.jpg": "kathak", "a.jpg": "odissi"}


def test_D15_lines_with_too_few_or_too_many_cells_are_named():
    train = table("train.csv", "Image,target", "1.jpg", "2.jpg,odissi,extra", "3.jpg,kathak")
    layout = detect_layout(files("1.jpg", "2.jpg", "3.jpg"), [train])
    assert labels(layout) == {"3.jpg": "kathak"}
    assert list(reasons(layout)) == ["train.csv, line 2", "train.csv, line 3"]


def test_a_photo_that_is_named_twice_keeps_its_first_label_and_we_say_so():
    train = table("train.csv", "Image,target", "1.jpg,kathak", "1.jpg,odissi")
    layout = detect_layout(files("1.jpg"), [train])
    assert labels(layout) == {"1.jpg": "kathak"}
    assert "named before, in line 2" in reasons(layout)["1.jpg"]


def test_photos_that_the_table_does_not_name_are_counted():
    layout = detect_layout(files("1.jpg", "2.jpg", "3.jpg", "4.jpg"), [TRAIN])
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
    assert labels(detect_layout(files("1.jpg"), [train])) == {"1.jpg": label}


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
    layout = detect_layout(files("1.jpg", "2.jpg"), [train])
    assert told in reasons(layout)["1.jpg"] and len(reasons(layout)["1.jpg"]) < 150


@pytest.mark.parametrize(
    "twin", ["Kathak", "KATHAK", "ka\u200bthak", "kathak ", unicodedata.normalize("NFD", "kathak"), "kathak\ufeff"]
)
def test_D8_D9_classes_that_look_alike_are_merged_and_named(twin):
    layout = detect_layout(files("kathak/1.jpg", "kathak/2.jpg", f"{twin}/3.jpg", "odissi/4.jpg"), [])
    assert set(labels(layout).values()) == {"kathak", "odissi"}
    assert len(layout.labeled) == 4
    if single_line(twin) != "kathak":
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
            layout = detect_layout(files(*names), [TRAIN] if rng.random() < 0.3 else [])
        except DatasetError:
            continue
        assert all(label and label == single_line(label) for label in labels(layout).values())


# what only the owner can tell --------------------------------------------------------------------------------------


def test_where_two_readings_are_possible_the_question_names_the_classes_of_each():
    photos = files(
        *(f"{pet}/{place}/{i}.jpg" for pet in ("cats", "dogs") for place in ("indoor", "outdoor") for i in "12")
    )
    asked = detect_layout(photos, []).question
    assert asked and [option.classes for option in asked.options] == [("cats", "dogs"), ("indoor", "outdoor")]
    assert asked.options[0].wanted is None
    other = detect_layout(photos, [], wanted=asked.options[1].wanted)
    assert set(labels(other).values()) == {"indoor", "outdoor"} and other.question is None


def test_a_table_with_other_classes_than_the_folders_is_a_question_too():
    photos = files("kathak/1.jpg", "odissi/2.jpg")
    index = table("index.csv", "Image,target", "kathak/1.jpg,solo", "odissi/2.jpg,group")
    asked = detect_layout(photos, [index]).question
    assert asked and [option.classes for option in asked.options] == [("kathak", "odissi"), ("group", "solo")]
    answered = detect_layout(photos, [index], wanted=asked.options[1].wanted)
    assert set(labels(answered).values()) == {"solo", "group"}


def test_folders_that_can_be_read_in_one_way_only_ask_nothing():
    assert detect_layout(files("kathak/1.jpg", "odissi/2.jpg"), []).question is None


UNUSUAL = [
    ("bild,stil,ort", "{i}.jpg,{label},stage", ("bild", "stil")),
    ("nummer;tanz", "{i};{label}", ("nummer", "tanz")),
    ("unnamed,who", "/home/me/{i}.jpg,{label}", ("unnamed", "who")),
    ("image,file,target", "{i}.jpg,{i}.jpg,{label}", ("image", "target")),  # two that could be meant
    ("Image,target,label", "{i}.jpg,{label},{label}", ("Image", "target")),
]


@pytest.mark.parametrize(("head", "line", "columns"), UNUSUAL)
@pytest.mark.parametrize("name", ["liste.csv", "train.csv"])
def test_which_column_is_the_photo_and_which_the_label_is_asked_and_can_be_answered(head, line, columns, name):
    photos = files(*(f"{i}.jpg" for i in range(8)))
    label_of = {str(i): ("kathak", "odissi")[i % 2] for i in range(8)}
    delimiter = ";" if ";" in head else ","
    rows = [line.format(i=i, label=label) for i, label in label_of.items()]
    asked_of = table(name, *(one.replace(delimiter, ",") for one in (head, *rows)))
    with pytest.raises(WhichColumnsError) as asked:
        detect_layout(photos, [asked_of])
    options = asked.value.question.options
    assert columns in [option.wanted for option in options] and f"--columns {','.join(columns)}" in str(asked.value)
    found = detect_layout(photos, [asked_of], wanted=columns)
    assert {name.removesuffix(".jpg"): label for name, label in labels(found).items()} == label_of


def test_one_folder_of_photos_stays_one_class_and_the_columns_are_asked_about_beside_it():
    photos = files(*(f"images/{i}.jpg" for i in range(8)))
    found = detect_layout(photos, [table("l.csv", "bild,stil", *(f"{i}.jpg,{'ab'[i % 2]}" for i in range(8)))])
    assert set(labels(found).values()) == {"images"}
    assert found.question and [option.wanted for option in found.question.options] == [None, ("bild", "stil")]


def test_columns_that_are_not_there_are_refused_with_those_that_are():
    with pytest.raises(DatasetError, match="no column, or more than one, is named art; found bild, stil"):
        detect_layout(files("1.jpg"), [table("l.csv", "bild,stil", "1.jpg,odissi")], wanted=("bild", "art"))


def test_a_table_without_photos_or_labels_is_no_question():
    with pytest.raises(DatasetError) as refused:
        detect_layout(files("1.jpg", "2.jpg"), [table("log.csv", "time,value", "1,2", "3,4")])
    assert not isinstance(refused.value, WhichColumnsError)
