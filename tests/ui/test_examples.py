"""The pictures to try: our drawings, or a deployer's own photos instead."""

from pathlib import Path

import pytest
from PIL import Image

from dance_demo.files.photo import open_photo
from dance_demo.forms import FORMS
from dance_demo.ui.classify.examples import MAX_EXAMPLES, load_examples


def save_photo(path: Path, colour: str = "teal") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 80), colour).save(path)


def test_a_drawing_of_each_form_ships() -> None:
    assert sorted(example.caption for example in load_examples()) == sorted(form.name for form in FORMS.values())


def test_own_photos_appear_instead_of_the_drawings(tmp_path: Path) -> None:
    save_photo(tmp_path / "drawings" / "drawn.png")
    assert [example.caption for example in load_examples(tmp_path)] == ["drawn"]
    save_photo(tmp_path / "own.png")
    assert [example.caption for example in load_examples(tmp_path)] == ["own"]


def test_captions_and_credits_come_from_the_csv(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "b.png")
    (tmp_path / "examples.csv").write_text("Image,caption,credit\na.png,Kathak in Pune,Photo: A. Name\n", "utf-8-sig")
    first, second = load_examples(tmp_path)
    assert (first.caption, first.credit) == ("Kathak in Pune", "Photo: A. Name")
    assert (second.caption, second.credit) == ("b", "")


def test_a_file_that_is_no_photo_is_left_out_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_photo(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_text("no photo")
    assert [example.caption for example in load_examples(tmp_path)] == ["good"]
    assert "bad.jpg" in caplog.text


def test_a_csv_that_cannot_be_read_costs_only_the_captions(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    (tmp_path / "examples.csv").write_bytes(b"Image,caption\n\xff\xfe\n")
    assert [example.caption for example in load_examples(tmp_path)] == ["a"]


def test_thumbnails_are_small_and_there_are_not_too_many(tmp_path: Path) -> None:
    for number in range(MAX_EXAMPLES + 2):
        save_photo(tmp_path / f"{number:02d}.png")
    examples = load_examples(tmp_path)
    assert len(examples) == MAX_EXAMPLES
    assert max(open_photo(examples[0].thumbnail_jpeg).size) <= 240


def test_without_any_folder_there_are_no_examples(tmp_path: Path) -> None:
    assert load_examples(tmp_path / "nothing") == ()
