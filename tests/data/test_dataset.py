"""From somebody's folder, zip or CSV to a dataset and a report."""

import zipfile
from pathlib import Path

import pytest
from PIL import ImageOps

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset, open_dataset, open_photos, require_trainable
from dance_demo.data.splits import stratified_group_split
from dance_demo.errors import DatasetError
from tests.support.made_up import jpeg, photo, tree_hash, write_files, write_zip

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
    assert report.problems == () and report.skipped == () and from_folder.copies == []
    key = [(photo.name, photo.label, photo.pixel_sha256) for photo in from_folder.photos]
    assert sorted(key) == sorted((photo.name, photo.label, photo.pixel_sha256) for photo in from_zip.photos)
    assert from_folder.class_names == ("kathak", "odissi")
    assert [from_folder.class_names[index] for index in from_folder.class_indices] == list(from_folder.labels)
    assert tree_hash(folder) == before


def test_the_challenges_own_zip_works_as_it_is(tmp_path, workspace):
    archive = as_zip(tmp_path, CHALLENGE)
    dataset, report = open_dataset(archive, workspace=workspace)
    assert report.layout == "photos and train.csv" and report.class_counts == {"kathak": 6, "odissi": 6}
    assert "6 photos are not named in train.csv and were left aside." in [str(warning) for warning in report.warnings]
    found = open_photos(archive, workspace=workspace)
    assert [photo.name for photo in found.files] == [f"{seed}.jpg" for seed in (17, 13, 15, 12, 14, 16)]
    assert [photo.path.read_bytes() for photo in found.files] == [PHOTOS[seed] for seed in (17, 13, 15, 12, 14, 16)]
    assert found.skipped == ()


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
    photos = open_photos(folder, workspace=workspace).files
    assert [photo.name for photo in photos] == ["1.jpg", "2.jpg", "3.jpg"]
    order = tmp_path / "order.csv"
    order.write_text("Image\n2.jpg\n9.jpg\n3.jpg\n")
    found = open_photos(folder, workspace=workspace, order=order)
    assert [photo.name for photo in found.files] == ["2.jpg", "3.jpg"]
    assert [(file.name, file.reason) for file in found.skipped] == [
        ("9.jpg", "order.csv, line 3: there is no such photo")
    ]
    assert [photo.name for photo in open_photos(folder / "2.jpg", workspace=workspace).files] == ["2.jpg"]


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
    copies = [{dataset.photos[index].name for index in indices} for indices in dataset.copies]
    assert len(copies) == 12
    assert copies[0] >= {"kathak/1.jpg", "kathak/mirror1.jpg", "odissi/stolen.jpg"}
    assert "The same picture under two labels" in report.warnings[0].text
    for seed in range(5):
        split = stratified_group_split(dataset.labels, dataset.groups, seed=seed)
        assert not {dataset.groups[i] for i in split.train} & {dataset.groups[i] for i in split.validation}


def test_D10_hidden_files_are_one_line_in_the_report_and_no_class(tmp_path, workspace):
    litter = {"__MACOSX/kathak/._1.jpg": b"x", "kathak/.DS_Store": b"x", "odissi/Thumbs.db": b"x", ".x/1.jpg": b"x"}
    for source in (as_zip(tmp_path, CLASS_FOLDERS | litter), write_files(tmp_path / "d", CLASS_FOLDERS | litter)):
        _, report = open_dataset(source, workspace=workspace)
        assert list(report.class_counts) == ["kathak", "odissi"]
        assert "hidden files of macOS, Windows or a NAS were ignored" in report.warnings[-1].text


def test_D16_links_out_of_a_folder_lead_nowhere_unless_whoever_starts_this_says_so(tmp_path, workspace):
    folder = write_files(tmp_path / "d", CLASS_FOLDERS)
    elsewhere = write_files(tmp_path / "canary", {"secret/1.jpg": jpeg(40)})
    (folder / "linked").symlink_to(elsewhere / "secret")
    (folder / "odissi" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    _, report = open_dataset(folder, workspace=workspace)
    assert list(report.class_counts) == ["kathak", "odissi"]
    assert {file.name for file in report.skipped} == {"linked/", "odissi/broken.jpg"}
    _, report = open_dataset(folder, workspace=workspace, follow_links=True)
    assert report.class_counts == {"kathak": 12, "linked": 1, "odissi": 12}


def test_links_that_go_round_in_circles_or_twice_to_the_same_folder_are_left_out(tmp_path, workspace):
    folder = write_files(tmp_path / "d", CLASS_FOLDERS)
    store = write_files(tmp_path / "store", {"1.jpg": jpeg(40)})
    (folder / "kathak" / "up").symlink_to(folder)
    (folder / "odissi" / "self").symlink_to(folder / "odissi")
    for name in ("a", "b"):
        (folder / name).symlink_to(store)
    _, report = open_dataset(folder, workspace=workspace, follow_links=True)
    assert report.kept == 25 and {file.name for file in report.skipped} >= {"kathak/up/", "odissi/self/"}
    assert {"a/", "b/"} & {file.name for file in report.skipped}


def test_a_class_that_vanishes_is_named_with_the_reason(tmp_path, workspace):
    files = {
        **CLASS_FOLDERS,
        **{f"sattriya/{number}.tif": b"II*\0" for number in range(3)},
        **{f"manipuri/{number}.jpg": b"\xff\xd8\xff broken" for number in range(2)},
        "kuchipudi/.gitkeep": b"x",
        "scripts/train.py": b"x",
        "annotations/1.json": b"x",
    }
    folder = write_files(tmp_path / "d", files)
    (folder / "kathakali").mkdir()
    (folder / "ghost").symlink_to(folder / "odissi")
    _, report = open_dataset(folder, workspace=workspace)
    said = [str(warning) for warning in report.warnings if "missing" in str(warning)]
    assert len(said) == 5
    expected = {
        "ghost": "ghost/ is left out (a link",
        "kathakali": "folder is empty",
        "kuchipudi": "folder is empty",
        "manipuri": "none of its 2 files",
        "sattriya": "none of its 3 files can be used (sattriya/0.tif: not a kind",
    }
    for label, reason in expected.items():
        assert any(f"class {label} is missing" in one and reason in one for one in said), label

    archive = as_zip(tmp_path, files)
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("kathakali/", b"")
        link = zipfile.ZipInfo("ghost")
        link.external_attr = 0o120777 << 16
        more.writestr(link, "odissi")
    _, report = open_dataset(archive, workspace=workspace, follow_links=True)
    said = [str(warning) for warning in report.warnings if "missing" in str(warning)]
    assert len(said) == 5 and "ghost" not in report.class_counts
    for label in expected:
        assert any(f"class {label} is missing" in one for one in said), label


@pytest.mark.parametrize(
    "names, told, advice",
    [
        (["kathak/{}.tif", "odissi/{}.tif"], "kathak/0.tif and 11 more (not a kind of file", "JPEG"),
        (["kathak-{}.zip"], "kathak-0.zip and 5 more (an archive inside is not opened", "Unpack what is in it"),
        (["/home/u/kathak/{}.jpg", "/home/u/odissi/{}.jpg"], "a place on a computer", "from inside the folder"),
        (["../kathak/{}.jpg"], "points outside", "from inside the folder"),
        (["kathak/{}.cr2", "notes{}.txt", "x{}"], "notes0.txt and 5 more", "JPEG"),
    ],
)  # fmt: skip
def test_where_everything_is_left_out_the_reason_is_said_and_what_to_do(tmp_path, workspace, names, told, advice):
    archive = as_zip(tmp_path, {name.format(number): b"II*\0 data" for number in range(6) for name in names})
    for opened in (open_dataset, open_photos):
        with pytest.raises(DatasetError) as caught:
            opened(archive, workspace=workspace)
        assert told in str(caught.value) and advice in str(caught.value)
        assert len(caught.value.left_out) == 6 * len(names)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("opened", [open_dataset, open_photos])
def test_where_there_are_stand_ins_of_icloud_alone_it_says_where_the_photos_are(tmp_path, workspace, opened, zipped):
    files = {f"kathak/.{number}.jpg.icloud": b"bplist00" for number in range(6)}
    source = write_zip(tmp_path / "d.zip", files.items()) if zipped else write_files(tmp_path / "d", files)
    with pytest.raises(DatasetError, match="no photos found. 6 photos are in iCloud, and only stand-ins for them here"):
        opened(source, workspace=workspace)


def test_photos_without_an_ending_are_read_from_a_zip_and_a_folder(tmp_path, workspace):
    files = {name.removesuffix(".jpg"): data for name, data in CLASS_FOLDERS.items()} | {"kathak/notes": b"text"}
    for source in (as_zip(tmp_path, files), write_files(tmp_path / "d", files)):
        _, report = open_dataset(source, workspace=workspace)
        assert report.class_counts == {"kathak": 12, "odissi": 12}
        assert [file.name for file in report.skipped] == ["kathak/notes"]


def test_a_class_of_a_table_without_one_photo_is_named(tmp_path, workspace):
    lines = [*(f"{seed}.jpg,{'kathak' if seed % 2 else 'odissi'}" for seed in range(12)), "90.jpg,manipuri"]
    folder = write_files(tmp_path / "c", {**CHALLENGE, "train.csv": "\n".join(["Image,target", *lines]).encode()})
    _, report = open_dataset(folder, workspace=workspace)
    assert any("The class manipuri is missing: of 1 lines" in str(warning) for warning in report.warnings)


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


def made_up(labels: list[str], groups: list[int] | None = None) -> PhotoDataset:
    photos = tuple(LabeledPhoto(Path(f"{n}.jpg"), label, f"{n}.jpg", f"{n:064}") for n, label in enumerate(labels))
    return PhotoDataset(photos, tuple(sorted(set(labels))), tuple(groups or range(len(labels))))


def test_decisions_make_a_new_dataset_and_leave_the_old_one():
    dataset = made_up(["a", "b", "c", "a"], groups=[7, 8, 8, 9])
    changed = dataset.relabelled({0: "b", 1: None, 3: "a"})
    assert changed.labels == ("b", "c", "a") and changed.groups == (7, 8, 9)
    assert [photo.name for photo in changed.photos] == ["0.jpg", "2.jpg", "3.jpg"]
    assert dataset.labels == ("a", "b", "c", "a")
    assert dataset.relabelled({}) == dataset


def test_a_class_that_lost_its_last_photo_is_no_class_any_more():
    assert made_up(["a", "b", "c", "a"]).relabelled({2: None, 1: "a"}).class_names == ("a",)


@pytest.mark.parametrize("decisions", [{4: "a"}, {-1: None}, {0: "z"}])
def test_decisions_about_another_dataset_are_refused(decisions):
    with pytest.raises(ValueError, match="must be about this dataset"):
        made_up(["a", "b", "c", "a"]).relabelled(decisions)


def test_the_public_set_is_read_as_its_fold_file_groups_it(shared, workspace):
    import csv

    dataset, report = open_dataset(shared / "data" / "dance", workspace=workspace)
    assert report.kept == 364 and report.problems == ()
    assert any("File numbers follow the classes" in str(warning) for warning in report.warnings)
    with open(shared / "data" / "dance" / "folds.csv", newline="") as file:
        fold = {f"train/{row['Image']}": row["fold"] for row in csv.DictReader(file)}
    for indices in dataset.copies:
        assert len({fold[dataset.photos[index].name] for index in indices}) == 1


def test_D12_the_page_takes_fifty_classes_and_says_so_before_it_reads_a_photo(tmp_path, workspace):
    files = {f"{name}/{n}.jpg": b"no photo at all" for name in range(51) for n in range(2)}
    data = write_files(tmp_path / "d", files)
    with pytest.raises(DatasetError, match="51 classes .*; the page takes 50, so that tables.*on your own computer"):
        open_dataset(data, workspace=workspace, most_classes=50)
    with pytest.raises(DatasetError, match="None of 102 photos could be read"):
        open_dataset(data, workspace=workspace)


NOTE = b"\0\5\x16\7\0\2\0\0Mac OS X        "


@pytest.mark.parametrize("zipped", [True, False])
def test_D10_notes_of_a_mac_and_stand_ins_of_icloud_are_counted_whatever_their_names(tmp_path, workspace, zipped):
    photos = {f"{name}/{n}.jpg": PHOTOS[3 * n + k] for k, name in enumerate(("kathak", "odissi")) for n in range(2)}
    litter = {
        "kathak/_1.jpg": NOTE,  # "._1.jpg" of which a program took off the dot
        "resources/1.jpg": NOTE,
        "odissi/.7.jpg.icloud": b"bplist00x",
        "odissi/8.jpg.icloud": b"bplist00x",
        "odissi/9.jpg": b"bplist00x",
        "kathak/SYNOPHOTO_THUMB_XL.jpg": PHOTOS[9],
    }
    files = photos | litter
    source = write_zip(tmp_path / "d.zip", files.items()) if zipped else write_files(tmp_path / "d", files)
    _, report = open_dataset(source, workspace=workspace)
    assert report.class_counts == {"kathak": 2, "odissi": 2} and not report.skipped
    told = [str(warning) for warning in report.warnings]
    assert "3 photos are in iCloud, and only stand-ins for them here. Download them first." in told
    assert "6 hidden files of macOS, Windows or a NAS were ignored." in told
