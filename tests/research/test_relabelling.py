"""Wrong labels of extra photos: mended by a list of pixel hashes, and only where a person decided so."""

from dataclasses import replace
from pathlib import Path

import pytest

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.errors import DatasetError
from dance_demo.model.directory import BUNDLED
from dance_demo.research.photos import NO_FOLD, load_training_photos
from dance_demo.research.relabelling import read_decisions, relabelled
from tests.support.made_up import jpeg, write_files

HEADER = "pixel_sha256,decision,label,reason\n"
SHIPPED = BUNDLED / "cleaned_photos.csv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    names = (f"{label}/{number}.jpg" for label in ("kathak", "odissi") for number in range(6))
    return write_files(tmp_path / "photos", {name: jpeg(seed) for seed, name in enumerate(names)})


@pytest.fixture
def dataset(source: Path, tmp_path: Path) -> PhotoDataset:
    return open_dataset(source, workspace=tmp_path)[0]


def test_listed_photos_are_relabelled_or_left_out_and_the_others_stay(dataset: PhotoDataset, tmp_path: Path):
    dropped, mended, *others = dataset.photos
    rows = f"{dropped.pixel_sha256},drop,,blurred\n{mended.pixel_sha256},relabel,odissi,silver belt\n"
    (tmp_path / "list.csv").write_text(HEADER + rows)
    result = relabelled(dataset, read_decisions(tmp_path / "list.csv"))
    assert result.photos == (replace(mended, label="odissi"), *others)
    assert dataset.photos[:2] == (dropped, mended)


@pytest.mark.parametrize("row", ["a1,keep,,", "a1,relabel,,no label", "a1,drop,odissi,both"])
def test_a_decision_that_is_none_is_refused(tmp_path: Path, row: str):
    (tmp_path / "list.csv").write_text(f"{HEADER}{row}\n")
    with pytest.raises(DatasetError, match="Received"):
        read_decisions(tmp_path / "list.csv")


def test_a_list_without_its_columns_is_refused(tmp_path: Path):
    (tmp_path / "list.csv").write_text("photo,label\na.jpg,odissi\n")
    with pytest.raises(DatasetError, match="not a list of decisions"):
        read_decisions(tmp_path / "list.csv")


def test_photos_that_measure_are_never_touched(source: Path, dataset: PhotoDataset, tmp_path: Path):
    extra = write_files(tmp_path / "extra", {"kathak/a.jpg": jpeg(100), "odissi/b.jpg": jpeg(101)})
    wrong = open_dataset(extra, workspace=tmp_path)[0].photos[0]
    (tmp_path / "list.csv").write_text(
        HEADER + "".join(f"{photo.pixel_sha256},drop,,wrong\n" for photo in (wrong, *dataset.photos))
    )
    photos = load_training_photos(
        [source, extra], relabelling=tmp_path / "list.csv", cache=tmp_path, log=lambda _: None
    )
    assert (photos.folds != NO_FOLD).sum() == len(dataset.photos)
    assert (photos.folds == NO_FOLD).sum() == 1


def test_the_list_that_ships_is_about_extra_photos_alone(shared: Path, tmp_path: Path):
    decisions = read_decisions(SHIPPED)
    measured = open_dataset(shared / "data" / "dance", workspace=tmp_path)[0]
    assert not decisions.keys() & {photo.pixel_sha256 for photo in measured.photos}
    extra = {p.pixel_sha256 for p in open_dataset(shared / "data" / "dance_more", workspace=tmp_path)[0].photos}
    assert decisions.keys() <= extra
