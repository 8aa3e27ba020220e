"""From somebody's folder, zip or CSV to a dataset and a report."""

import zipfile
from pathlib import Path

import pytest
from made_up import jpeg, photo, tree_hash, write_files
from PIL import ImageOps

from dance_demo.dataset import open_dataset, open_photos, require_trainable
from dance_demo.errors import DatasetError
from dance_demo.splits import stratified_group_split

PHOTOS = [jpeg(seed) for seed in range(24)]
CLASS_FOLDERS = {f"{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": PHOTOS[seed] for seed in range(24)}
CHALLENGE = {
    **{f"train/{seed}.jpg": PHOTOS[seed] for seed in range(12)},
    **{f"test/{seed}.jpg": PHOTOS[seed] for seed in range(12, 18)},
    "train.csv": "\n".join(
        ["Image,target", *(f"{seed}.jpg,{'kathak' if seed % 2 else 'odissi'}" for seed in range(12))]
    ).encode(),
    "test.csv": "\n".join(["Image", *(f"{seed}.jpg" for seed in (17, 13, 15, 12, 14, 16))]).encode(),
}


def as_zip(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_a_folder_and_its_zip_give_the_same_dataset(tmp_path, workspace):
    folder = write_files(tmp_path / "dances", CLASS_FOLDERS)
    before = tree_hash(folder)
    from_folder, report = open_dataset(folder, workspace=workspace)
    from_zip, zip_report = open_dataset(as_zip(tmp_path, CLASS_FOLDERS), workspace=workspace)
    assert report.layout == zip_report.layout == "class folders"
    assert report.class_counts == {"kathak": 12, "odissi": 12} and report.kept == 24
    assert report.problems == () and report.skipped == () and report.duplicates == ()
    key = [(photo.name, photo.label, photo.pixel_sha256) for photo in from_folder.photos]
    assert sorted(key) == sorted((photo.name, photo.label, photo.pixel_sha256) for photo in from_zip.photos)
    assert from_folder.class_names == ("kathak", "odissi")
    assert [from_folder.class_names[index] for index in from_folder.class_indices] == list(from_folder.labels)
    assert tree_hash(folder) == before


def test_the_challenges_own_zip_works_as_it_is(tmp_path, workspace):
    archive = as_zip(tmp_path, CHALLENGE)
    dataset, report = open_dataset(archive, workspace=workspace)
    assert report.layout == "photos and train.csv" and report.class_counts == {"kathak": 6, "odissi": 6}
    assert "6 photos are not named in train.csv and were left aside." in [str(remark) for remark in report.warnings]
    photos, skipped = open_photos(archive, workspace=workspace)
    assert [photo.name for photo in photos] == [f"{seed}.jpg" for seed in (17, 13, 15, 12, 14, 16)]
    assert [photo.path.read_bytes() for photo in photos] == [PHOTOS[seed] for seed in (17, 13, 15, 12, 14, 16)]
    assert skipped == ()


def test_a_csv_alone_stands_for_the_photos_beside_it(tmp_path, workspace):
    folder = write_files(tmp_path / "c", {**CHALLENGE, "mine.csv": b"path;class\n13;kathak\n14.jpg;odissi\n"})
    dataset, report = open_dataset(folder / "mine.csv", workspace=workspace)
    assert [(photo.name, photo.label) for photo in dataset.photos] == [
        ("test/13.jpg", "kathak"),
        ("test/14.jpg", "odissi"),
    ]
    assert len(report.problems) == 1


def test_photos_to_predict_come_by_name_without_a_table_and_in_the_order_of_a_given_one(tmp_path, workspace):
    folder = write_files(tmp_path / "test", {f"{seed}.jpg": PHOTOS[seed] for seed in (3, 1, 2)})
    photos, _ = open_photos(folder, workspace=workspace)
    assert [photo.name for photo in photos] == ["1.jpg", "2.jpg", "3.jpg"]
    order = tmp_path / "order.csv"
    order.write_text("Image\n2.jpg\n9.jpg\n3.jpg\n")
    photos, missing = open_photos(folder, workspace=workspace, order=order)
    assert [photo.name for photo in photos] == ["2.jpg", "3.jpg"]
    assert [(file.name, file.reason) for file in missing] == [("9.jpg", "order.csv, line 3: there is no such photo")]
    assert [photo.name for photo in open_photos(folder / "2.jpg", workspace=workspace)[0]] == ["2.jpg"]


def test_nothing_to_predict_is_said_with_what_was_found_instead(tmp_path, workspace):
    folder = write_files(tmp_path / "x", {"notes.txt": b"x"})
    with pytest.raises(DatasetError, match="no photos found. Left out: notes.txt"):
        open_photos(folder, workspace=workspace)
    with pytest.raises(DatasetError, match="no such file or folder"):
        open_dataset(tmp_path / "nowhere", workspace=workspace)


@pytest.mark.parametrize("broken", [1, 12])
def test_D13_broken_photos_are_listed_all_at_once_and_the_rest_is_used(tmp_path, workspace, broken):
    files = dict(CLASS_FOLDERS)
    for name in list(files)[:broken]:
        files[name] = files[name][: len(files[name]) // 2]
    _, report = open_dataset(write_files(tmp_path / "d", files), workspace=workspace)
    assert report.kept == 24 - broken and len(report.skipped) == broken
    assert report.skipped_sentence.startswith(f"{broken} of 24 files were left out: ")
    assert ("and 7 more" in report.skipped_sentence) == (broken == 12)
    assert all("incomplete" in file.reason and str(tmp_path) not in file.reason for file in report.skipped)


def test_D13_a_dataset_of_broken_photos_only_is_refused_with_the_first_five(tmp_path, workspace):
    files = {name: b"\xff\xd8\xff broken" for name in CLASS_FOLDERS}
    with pytest.raises(DatasetError, match="None of 24 photos could be read: .* and 19 more"):
        open_dataset(write_files(tmp_path / "d", files), workspace=workspace)


def test_D12_too_little_to_train_on_is_a_report_and_not_a_crash(tmp_path, workspace):
    files = {"kathak/1.jpg": PHOTOS[0], "odissi/2.jpg": PHOTOS[1], "empty/notes.txt": b"x"}
    _, report = open_dataset(write_files(tmp_path / "d", files), workspace=workspace)
    assert report.class_counts == {"kathak": 1, "odissi": 1}
    with pytest.raises(DatasetError, match=r"at least 5 photos: kathak \(1; add 4\), odissi \(1; add 4\)"):
        require_trainable(report)


def test_D14_copies_are_grouped_told_and_never_on_both_sides(tmp_path, workspace):
    mirrored = {f"kathak/mirror{seed}.jpg": jpeg(ImageOps.mirror(photo(seed))) for seed in range(1, 24, 2)}
    files = {**CLASS_FOLDERS, **mirrored, "odissi/stolen.jpg": PHOTOS[1]}
    dataset, report = open_dataset(write_files(tmp_path / "d", files), workspace=workspace)
    assert len(report.duplicates) == 12
    assert set(report.duplicates[0]) >= {"kathak/1.jpg", "kathak/mirror1.jpg", "odissi/stolen.jpg"}
    assert "The same picture under two labels" in report.warnings[0].text
    for seed in range(5):
        split = stratified_group_split(dataset.labels, dataset.groups, seed=seed)
        assert not {dataset.groups[i] for i in split.train} & {dataset.groups[i] for i in split.validation}


def test_D10_hidden_files_are_one_line_in_the_report_and_no_class(tmp_path, workspace):
    litter = {"__MACOSX/kathak/._1.jpg": b"x", "kathak/.DS_Store": b"x", "odissi/Thumbs.db": b"x", ".x/1.jpg": b"x"}
    for source in (as_zip(tmp_path, CLASS_FOLDERS | litter), write_files(tmp_path / "d", CLASS_FOLDERS | litter)):
        _, report = open_dataset(source, workspace=workspace)
        assert list(report.class_counts) == ["kathak", "odissi"]
        assert "hidden files of macOS or Windows were ignored" in report.warnings[-1].text


def test_D16_links_out_of_a_folder_lead_nowhere(tmp_path, workspace):
    folder = write_files(tmp_path / "d", CLASS_FOLDERS)
    elsewhere = write_files(tmp_path / "canary", {"secret/1.jpg": PHOTOS[0]})
    (folder / "linked").symlink_to(elsewhere / "secret")
    (folder / "odissi" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    _, report = open_dataset(folder, workspace=workspace)
    assert list(report.class_counts) == ["kathak", "odissi"]
    assert [file.name for file in report.skipped] == ["odissi/broken.jpg"]


def test_an_unreadable_table_stops_us_only_where_it_decides(tmp_path, workspace):
    folder = write_files(tmp_path / "d", {**CLASS_FOLDERS, "notes.csv": b""})
    _, report = open_dataset(folder, workspace=workspace)
    assert [(file.name, "empty" in file.reason) for file in report.skipped] == [("notes.csv", True)]
    write_files(folder, {"train.csv": b""})
    with pytest.raises(DatasetError, match="train.csv: the file is empty"):
        open_dataset(folder, workspace=workspace)


def test_progress_is_told_for_every_photo(tmp_path, workspace):
    heard = []
    folder = write_files(tmp_path / "d", CLASS_FOLDERS)
    open_dataset(folder, workspace=workspace, progress=lambda *counts: heard.append(counts))
    assert heard == [(done, 24) for done in range(1, 25)]


def test_file_names_that_are_no_text_are_shown_with_a_replacement(tmp_path, workspace):
    folder = write_files(tmp_path / "d", CLASS_FOLDERS)
    (folder / "kathak" / "\udcff.jpg").write_bytes(jpeg(30))
    dataset, _ = open_dataset(folder, workspace=workspace)
    assert "kathak/\ufffd.jpg" in [photo.name for photo in dataset.photos]


def test_the_public_set_is_read_as_its_fold_file_groups_it(shared, workspace):
    import csv

    dataset, report = open_dataset(shared / "data" / "dance", workspace=workspace)
    assert report.kept == 364 and report.problems == ()
    assert any("File numbers follow the classes" in str(remark) for remark in report.warnings)
    with open(shared / "data" / "dance" / "folds.csv", newline="") as file:
        fold = {f"train/{row['Image']}": row["fold"] for row in csv.DictReader(file)}
    for names in report.duplicates:
        assert len({fold[name] for name in names}) == 1
