"""Forty hostile texts through every function that writes HTML, a CSV, a message or a file name: only ever text.

The same in a real browser is in tests/browser/test_hostile_text.py.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.dataset import open_dataset
from dance_demo.data.label_issues import LabelIssue
from dance_demo.errors import DatasetError, PhotoError
from dance_demo.files.csv_table import read_table
from dance_demo.files.csv_writer import csv_safe
from dance_demo.files.photo import open_photo
from dance_demo.files.text import single_line
from dance_demo.files.zip_archive import unpack
from dance_demo.forms import words_for
from dance_demo.model.classifier import Classification, Prediction
from dance_demo.model.description import alt_text, describe
from dance_demo.model.directory import ModelCard
from dance_demo.training.evaluation import Evaluation, evaluate
from dance_demo.ui.classify import markup
from dance_demo.ui.classify.examples import Example
from dance_demo.ui.components import job_markup as work_markup
from dance_demo.ui.components.html import render
from dance_demo.ui.train import markup as train_markup
from tests.support.hostile import HOSTILE, Skeleton, visible
from tests.support.made_up import jpeg, write_files

PLAIN = "kathak dance"
MAP, HEAT = np.ones((2, 2, 3), np.float32), np.eye(3, dtype=np.float32)


def answer(text: str, *, sure: bool) -> Classification:
    predictions = (Prediction(text, 0.7), Prediction("odissi", 0.3))
    return Classification(predictions, MAP, sure=sure, note="" if sure else "No class stands out clearly.")


def headline(text: str, *, sure: bool) -> str:
    classification = answer(text, sure=sure)
    return markup.headline(classification, describe(classification, HEAT), note=text)


def card(text: str) -> ModelCard:
    return ModelCard(text, (text, "odissi"), {}, photos_per_class={text: 3, "odissi": 4})


def evaluation(text: str) -> Evaluation:
    return evaluate([text, "odissi", text], np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), [text, "odissi"])


WRITE_HTML: dict[str, Callable[[str], str]] = {
    "the welcome": lambda text: render(
        "classify.welcome", class_names=[text, "odissi"], words=words_for([text]), examples=True
    ),
    "a problem": lambda text: render("base.problem", message=text),
    "a sure answer": lambda text: headline(text, sure=True),
    "an unsure answer": lambda text: headline(text, sure=False),
    "the caption": lambda text: render("classify.caption", words=alt_text(text, HEAT, text)),
    "the line about the model": lambda text: render("base.model_line", card=card(text)),
    "the line about an own model": lambda text: render("classify.own_model", card=card(text)),
    "the examples": lambda text: render("classify.examples", examples=[Example(Path("a.jpg"), text, text, b"jpeg")]),
    "the figures of the model": lambda text: render("about.model", card=card(text)),
    "the names of classes": lambda text: train_markup.model("", ModelCard(text, (text, "odissi"), {})),
    "an own model": lambda text: train_markup.model(text, card(text)),
    "the table of classes": lambda text: train_markup.class_table(evaluation(text)),
    "the confusion matrix": lambda text: train_markup.confusion(evaluation(text), (0, 1), title=text),
    "the photos of a cell": lambda text: train_markup.cell(
        text, "odissi", [train_markup.CellPhoto("", "", *[text] * 3)], 2, folds=True, noun="photos"
    ),
    "a suspicious label": lambda text: train_markup.label_issues(
        [(LabelIssue(0, text, "odissi", 0.9), text, "", ""), (LabelIssue(1, "odissi", text, 0.9), text, "", "")],
        [text, "odissi"],
        2,
        noun="photos",
    ),
    "a difference": lambda text: render(
        "train/compare.difference",
        right=text,
        wrong=text,
        photos=[{"url": "", "label": text, "answer": text}],
        total=3,
        noun="photos",
    ),
    "progress": lambda text: work_markup.progress(text, 1, 2),
    "a problem with a job": work_markup.problem,
    "a hint": work_markup.hint,
}


@pytest.mark.parametrize("place", WRITE_HTML)
def test_S1_a_hostile_text_adds_no_element_and_no_attribute(place: str) -> None:
    plain = Skeleton(WRITE_HTML[place](PLAIN))
    for text in HOSTILE:
        hostile = Skeleton(WRITE_HTML[place](text))
        assert hostile.elements == plain.elements, text
        assert [value.replace(text, PLAIN) for value in hostile.values] == plain.values, text
        shown = "".join(hostile.texts)
        assert text.replace(" %", "\N{NO-BREAK SPACE}%") in shown.replace(" %", "\N{NO-BREAK SPACE}%"), text


@pytest.mark.parametrize("text", HOSTILE)
def test_D17_D18_a_hostile_cell_is_read_as_text_and_written_as_no_formula(text: str, tmp_path: Path) -> None:
    with open(tmp_path / "train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Image", "target"), ("1.jpg", text)])
    cell = read_table(tmp_path / "train.csv").rows[0].cells[1]
    assert cell == text
    label = single_line(cell)
    assert visible(label) == visible(text) and not set(label) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068")
    assert not str(csv_safe(label)).startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("text", HOSTILE)
def test_S10_a_hostile_file_name_makes_one_printable_line_of_a_message(text: str) -> None:
    with pytest.raises(PhotoError) as refused:
        open_photo(b"no photo", name=f"{text}\n\x1b[31m.jpg")
    message = str(refused.value)
    assert message.isprintable() and len(message) < 300


def test_D2_D8_D17_hostile_names_of_folders_and_files_become_classes_and_stay_inside(tmp_path: Path) -> None:
    names = [name.replace("/", "_").replace("\\", "_") for name in HOSTILE]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            for photo in range(2):
                archive.writestr(f"{name}/{name}{photo}.jpg", jpeg(photo))
    (tmp_path / "photos.zip").write_bytes(stream.getvalue())
    found = unpack(tmp_path / "photos.zip", tmp_path / "job", suffixes=(".jpg",))
    assert all(re.fullmatch(r"\d{5}\.jpg", path.name) for path in (tmp_path / "job").rglob("*.jpg"))
    assert len(found.files) + len(found.skipped) + found.ignored == 2 * len(names)
    dataset, report = open_dataset(tmp_path / "photos.zip", workspace=tmp_path / "workspace")
    assert {visible(name) for name in report.class_counts} <= {visible(name) for name in names}
    assert len(dataset.class_names) > 30


@pytest.mark.parametrize("text", HOSTILE)
def test_D15_a_hostile_column_is_refused_in_one_message_without_a_path(text: str, tmp_path: Path) -> None:
    header = text.replace('"', "")
    write_files(tmp_path / "photos", {"1.jpg": jpeg(0), "train.csv": f'"{header}",b\n1,2\n'.encode()})
    with pytest.raises(DatasetError) as refused:
        open_dataset(tmp_path / "photos", workspace=tmp_path / "workspace")
    assert str(tmp_path) not in str(refused.value) and len(str(refused.value)) < 500
