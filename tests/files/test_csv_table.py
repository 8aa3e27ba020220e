"""CSV files as people and programs write them."""

import random

import pytest

from dance_demo.errors import DatasetError
from dance_demo.files.csv_table import IMAGE_COLUMNS, LABEL_COLUMNS, MAX_TABLE_ROWS, read_table

PLAIN = "Image,target\n1.jpg,kathak\n2.jpg,odissi\n"
ROWS = [("1.jpg", "kathak"), ("2.jpg", "odissi")]


def read(folder, data: bytes | str):
    path = folder / "train.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(path)


def refusal(folder, data: bytes | str) -> str:
    with pytest.raises(DatasetError) as caught:
        table = read(folder, data)
        table.column(IMAGE_COLUMNS), table.column(LABEL_COLUMNS)
    assert "train.csv" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", "\n\n,\n"),
        "\n" + PLAIN,
        '"Image","target"\n"1.jpg","kathak"\n"2.jpg","odissi"\n',
        " file_name ,LABEL\n1.jpg,kathak\n2.jpg,odissi\n",
        "path;Class\n1.jpg;kathak\n2.jpg;odissi\n",
        "sep=;\n" + PLAIN.replace(",", ";"),
        '"sep=\t"\r\n' + PLAIN.replace(",", "\t").replace("\n", "\r\n"),
        ("sep=,\n" + PLAIN).encode("utf-16"),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("kathak", "kathak,").replace("odissi", "odissi, ,"),
        "Image,target,,\n1.jpg,kathak\n2.jpg,odissi,\n",
        ",Image,target\n0,1.jpg,kathak\n1,2.jpg,odissi\n",
        "Image Name,Class Name\n1.jpg,kathak\n2.jpg,odissi\n",
        "filepaths,labels\n1.jpg,kathak\n2.jpg,odissi\n",
        "image_relpath,target\n1.jpg,kathak\n2.jpg,odissi\n",
        "id,breed\n1.jpg,kathak\n2.jpg,odissi\n",
        "img,category\n1.jpg,kathak\n2.jpg,odissi\n",
        "image_id,dance_form\n1.jpg,kathak\n2.jpg,odissi\n",
        "Photo-ID,Tags\n1.jpg,kathak\n2.jpg,odissi\n",
        "id,image_name,tags,type\n3,1.jpg,kathak,x\n4,2.jpg,odissi,x\n",
        "category,filename,label\nx,1.jpg,kathak\nx,2.jpg,odissi\n",
    ],
)
def test_D15_all_ways_to_write_the_same_table_are_read_alike(tmp_path, data):
    table = read(tmp_path, data)
    image, label = table.column(IMAGE_COLUMNS), table.column(LABEL_COLUMNS)
    assert [(row.cells[image], row.cells[label]) for row in table.rows] == ROWS


def test_D15_columns_are_found_by_name_and_not_by_place(tmp_path):
    table = read(tmp_path, "fold,target,note,image\n3,kathak,x,1.jpg\n")
    assert (table.column(IMAGE_COLUMNS), table.column(LABEL_COLUMNS)) == (3, 1)


def test_D15_quoted_cells_may_hold_delimiters_quotes_and_lines(tmp_path):
    table = read(tmp_path, 'Image,target\n1.jpg,"a, ""b""\nand c"\n2.jpg,odissi\n')
    assert [row.cells[1] for row in table.rows] == ['a, "b"\nand c', "odissi"]
    assert [row.line for row in table.rows] == [2, 4]


def test_D15_text_in_an_old_code_page_is_read(tmp_path):
    assert read(tmp_path, "Image,target\n1.jpg,Ballèt\n".encode("cp1252")).rows[0].cells[1] == "Ballèt"


def test_D15_lines_are_counted_as_an_editor_does_after_a_line_for_excel(tmp_path):
    assert [row.line for row in read(tmp_path, "sep=;\nImage;target\n1.jpg;kathak\n\n2.jpg;odissi\n").rows] == [3, 5]


@pytest.mark.parametrize("label, code", [("古典舞", "gbk"), ("民族舞", "gb18030"), ("Ballèt, Märchen", "cp1252")])
def test_D15_other_code_pages_are_known_by_their_letters(tmp_path, label, code):
    assert read(tmp_path, f'Image,target\n1.jpg,"{label}"\n'.encode(code)).rows[0].cells[1] == label


def test_D15_accents_from_an_old_mac_are_read(tmp_path):
    assert read(tmp_path, "Image,target\r1.jpg,Ballé\r".encode("mac_roman")).rows[0].cells[1] == "Ballé"


@pytest.mark.parametrize(
    "data, told",
    [
        ("", "the file is empty"),
        ("\n\n  \n", "the file is empty"),
        ("colour,target\n1.jpg,kathak\n", "no column named image"),
        ("Image,colour\n1.jpg,kathak\n", "found Image, colour"),
        ("Image,tags,category\n1.jpg,kathak,x\n", "tags and category could both be meant"),
        ("Image,target,label\n1.jpg,kathak,odissi\n", "target and label could both be meant"),
        ("Image,target,Image\n1.jpg,kathak,2.jpg\n", "Image and Image could both be meant"),
        ('Image,target\n1.jpg,kathak\n2.jpg,"odissi\n3.jpg,kathak\n', "line 3"),
        ('Image,target\n"1"x.jpg,kathak\n', "line 2"),
        ("Image,target\n1.jpg,kat\0hak\n", "line 2: a zero byte"),
        ("Image,target\n" + "1.jpg,kathak\n" * (MAX_TABLE_ROWS + 1), "over 100,000 lines"),
        ("Image,target\n1.jpg," + "k" * 200_000, "line 2"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a zero byte"),
        (b"x" * 20_000_001, "the limit for a CSV is 20 MB"),
    ],
)
def test_D15_what_cannot_be_read_for_sure_is_refused_with_the_place(tmp_path, data, told):
    assert told in refusal(tmp_path, data)


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("{}.jpg,kathak", ("Image", "target")),
        ("kathak;photos/{}.HEIC", ("target", "Image")),
        ("{}|{}.png|kathak", ("column 1", "Image", "column 3")),
    ],
)
def test_D15_a_table_without_heads_loses_no_line(tmp_path, line, columns):
    (tmp_path / "t.csv").write_text("\n".join(line.format(number, number) for number in range(4)))
    read = read_table(tmp_path / "t.csv")
    assert read.columns == columns and [row.line for row in read.rows] == [1, 2, 3, 4]


def test_D15_the_code_page_that_was_assumed_stays_with_the_table(tmp_path):
    for data, page in (("Image,target\n1.jpg,古典舞\n".encode("gbk"), "gb18030"), (b"Image,target\n1.jpg,a\n", "")):
        (tmp_path / "t.csv").write_bytes(data)
        assert read_table(tmp_path / "t.csv").code_page == page


def test_random_tables_survive_a_round_trip(tmp_path):
    import csv

    rng = random.Random(0)
    for _ in range(50):
        rows = [["Image", "target"]]
        rows += [["".join(rng.choices('ab ,;"\n\tकथ', k=rng.randint(1, 9))) + "." for _ in "12"] for _ in range(9)]
        with open(tmp_path / "t.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        assert [list(row.cells) for row in read_table(tmp_path / "t.csv").rows] == rows[1:]
