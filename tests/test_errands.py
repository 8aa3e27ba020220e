"""Errands of a trained head: it comes back from its bundle, and names a folder of photos."""

import csv
import zipfile
from pathlib import Path

import pytest

from dance_demo.bundle import write_bundle
from dance_demo.errands import Named, Naming, name_photos, restore
from dance_demo.errors import DatasetError, ModelError
from dance_demo.model_store import FAMILIARITY, HEAD, save_model
from dance_demo.photos import open_photo
from dance_demo.training import load_trained
from tests.conftest import TINY_CLASSES
from tests.made_up import jpeg


def never() -> bool:
    return False


@pytest.fixture
def head(tmp_path: Path, tiny_model: Path, tiny_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a trained head on the tiny backbone."""
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    files = {name: tiny_files[name] for name in (HEAD, FAMILIARITY)}
    save_model(tmp_path / "head", files, name="A head", class_names=TINY_CLASSES, training={"backbone": "dance"})
    return tmp_path / "head"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(3):
            archive.writestr(f"stage/{seed}.jpg", jpeg(seed))
        archive.writestr("=cmd.jpg", jpeg(3))
        archive.writestr("broken.jpg", jpeg(4)[:100])
        archive.writestr("notes.txt", b"no photo")
    return path


def test_a_head_comes_back_from_its_bundle_with_the_same_answers(head, tmp_path):
    bundle = write_bundle(head, tmp_path / "bundle.zip")
    (model,) = restore(tmp_path / "job", never, bundle)
    assert model.is_relative_to(tmp_path / "job")
    (tmp_path / "photo.jpg").write_bytes(jpeg(0))
    photo = open_photo(tmp_path / "photo.jpg")
    answers = [load_trained(directory).classify(photo).predictions for directory in (head, model)]
    assert answers[0] == answers[1]


def test_a_zip_of_photos_is_no_bundle(head, photos, tmp_path):
    with pytest.raises(ModelError, match="not a bundle from this app"):
        list(restore(tmp_path / "job", never, photos))


def test_every_photo_of_a_zip_is_named_and_the_rest_is_told(head, photos, tmp_path):
    *steps, named = name_photos(tmp_path, never, head, photos)
    assert steps == [Naming(done, 5) for done in range(1, 6)]
    assert isinstance(named, Named) and named.n == 4
    assert [line.partition(":")[0] for line in named.unreadable] == ["notes.txt", "broken.jpg"]
    rows = list(csv.DictReader(named.answers.read_text(encoding="utf-8").splitlines()))
    assert {row["Image"] for row in rows} == {"'=cmd.jpg", "stage/0.jpg", "stage/1.jpg", "stage/2.jpg"}
    classifier = load_trained(head)
    (tmp_path / "first.jpg").write_bytes(jpeg(0))
    best = classifier.classify(open_photo(tmp_path / "first.jpg")).top
    row = next(row for row in rows if row["Image"] == "stage/0.jpg")
    assert (row["target"], row["probability"]) == (best.label, f"{best.probability:.4f}")


def test_naming_can_be_stopped(head, photos, tmp_path):
    asked = []
    events = list(name_photos(tmp_path, lambda: len(asked) > 1 or asked.append(1), head, photos))
    assert len(events) == 2 and not any(isinstance(event, Named) for event in events)


def test_a_zip_without_photos_is_told(head, tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("notes.txt", b"no photo")
    with pytest.raises(DatasetError, match="no photos found"):
        list(name_photos(tmp_path, never, head, tmp_path / "empty.zip"))
