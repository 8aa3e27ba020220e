"""Datasets from a Hub on loopback, with the real client."""

import json
import re

import pytest

from dance_demo.data import hub_source
from dance_demo.errors import DatasetError
from dance_demo.files.zip_archive import ArchiveLimits
from tests.support.hub_server import ask, command
from tests.support.made_up import jpeg
from tests.support.sounds import encoded, melody

PHOTOS = {seed: jpeg(seed) for seed in range(8)}
FOLDERS = {f"{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": PHOTOS[seed] for seed in range(8)}
CSV = b"file_name,label\n" + b"".join(b"%d.JPG,%s\n" % (s, b"kathak" if s % 2 else b"odissi") for s in range(8))


def test_datasets_of_each_layout_become_labelled_photos(hub, tmp_path):
    flat = {f"{seed}.JPG": data for seed, data in PHOTOS.items()}
    hub.add(
        "a/train", {f"train/{name}": data for name, data in FOLDERS.items()} | {"test/x/1.jpg": b"no"}, kind="datasets"
    )
    hub.add("a/folders", FOLDERS | {"README.md": b"# a", ".hidden/x/1.jpg": b"no"}, kind="datasets")
    hub.add("a/table", flat | {"metadata.csv": CSV}, kind="datasets")
    in_train = {f"data/train/{name}": data for name, data in flat.items()} | {"data/train/metadata.csv": CSV}
    hub.add("a/deep", in_train | {"data/test/metadata.csv": b"file_name\n"}, kind="datasets")
    kinds = ("train", "folders", "table", "deep")
    found = ask(hub, tmp_path, *(["photos", f"a/{kind}", tmp_path / kind, ""] for kind in kinds))
    for kind, one in zip(kinds, found, strict=True):
        assert sorted(one["labels"]) == ["kathak"] * 4 + ["odissi"] * 4, one
        assert one["layout"].endswith(f"from hf://datasets/a/{kind}@{hub.repos['datasets', f'a/{kind}'].head}")
    fetched = [path for path in hub.paths("GET") if "/resolve/" in path]
    assert not [path for path in fetched if re.search("test|hidden|README", path)]


def test_a_photo_that_is_too_large_is_left_out_by_name_and_too_much_is_refused_unfetched(hub, tmp_path):
    hub.add("a/b", FOLDERS, kind="datasets")
    hub.sizes = {"kathak/1.jpg": 30_000_000}
    [found] = ask(hub, tmp_path, ["photos", "hf://datasets/a/b", tmp_path / "b", ""])
    assert found["skipped"] == ["kathak/1.jpg"] and len(found["labels"]) == 7
    hub.sizes = dict.fromkeys(FOLDERS, 19_999_999) | {"kathak/1.jpg": 20_000_000}
    hub.requests.clear()
    hub.add("a/many", {f"{name}-{n}.jpg": b"" for name in FOLDERS for n in range(2)}, kind="datasets")
    hub.sizes |= {f"{name}-{n}.jpg": 19_000_000 for name in FOLDERS for n in range(2)}
    [told] = ask(hub, tmp_path, ["photos", "a/many", tmp_path / "c", ""])
    assert told == "DatasetError: a/many: 304 MB; the limit is 200 MB. Choose a smaller dataset."
    assert not [path for path in hub.paths("GET") if "/resolve/" in path]


def test_limits_on_the_number_of_files():
    listed = [(f"kathak/{n}.jpg", 1) for n in range(30)]
    with pytest.raises(DatasetError, match=r"a/b: 30 files; the limit is 20. Choose a smaller dataset"):
        hub_source.choose("a/b", listed, ArchiveLimits(files=20))
    assert hub_source.choose("a/b", listed, ArchiveLimits(files=30)).files == 30


@pytest.mark.parametrize("name", ["a[1].jpg", "a*.jpg", "ka?thak/1.jpg", "[!k]/1.JPEG"])
def test_names_that_look_like_patterns_stand_for_themselves(name):
    other = (f"odissi/{'a' * 9}1.jpg", 50)
    choice = hub_source.choose("a/b", [(name, 30_000_000), other, ("kathak/2.jpg", 7)], ArchiveLimits())
    assert [file.name for file in choice.skipped] == [name]
    assert (choice.files, choice.bytes) == (2, 57)


def test_a_dataset_without_photos_says_what_it_has_instead(hub, tmp_path):
    hub.add("a/parquet", {"data/train-0001.parquet": b"x", "README.md": b"x"}, kind="datasets")
    hub.add("a/text", {"README.md": b"x"}, kind="datasets")
    packed, text = ask(hub, tmp_path, *(["photos", f"a/{kind}", tmp_path / kind, ""] for kind in ("parquet", "text")))
    assert "a/parquet keeps all in Parquet files, which are not read here" in packed
    assert text.startswith("DatasetError: a/text: no photos or recordings found. Expected train/kathak/1.jpg")


def test_class_folders_of_recordings_are_read_as_from_a_zip(hub, tmp_path):
    sounds = {f"train/{'high' if seed % 2 else 'low'}/{seed}.WAV": encoded(melody(seed, 1), "WAV") for seed in range(6)}
    cover, test = {"train/high/cover.jpg": PHOTOS[0]}, {"test/high/9.wav": b"no"}
    hub.add("a/sounds", sounds | cover | test | {"README.md": b"# a"}, kind="datasets")
    hub.sizes = {"train/high/1.WAV": 50_000_001, "train/high/3.WAV": 49_000_000}
    [found] = ask(hub, tmp_path, ["photos", "a/sounds", tmp_path / "sounds", ""])
    assert sorted(found["labels"]) == ["high"] * 2 + ["low"] * 3, found
    assert found["skipped"] == ["train/high/1.WAV"] and "5 pieces of 5 recordings" in found["layout"]
    fetched = [path for path in hub.paths("GET") if "/resolve/" in path]
    assert len(fetched) == 5 and all(path.endswith(".WAV") for path in fetched)


@pytest.mark.slow
def test_a_dataset_on_the_hub_is_trained_on_from_the_command_line(hub, tiny_model, tmp_path):
    many = {f"train/{'kathak' if seed % 2 else 'odissi'}/{seed}.jpg": jpeg(seed) for seed in range(24)}
    hub.add("a/b", many, kind="datasets")
    arguments = ("train", "hf://datasets/a/b", "--out", tmp_path / "model", "--epochs", 2, "--json")
    ran = command(hub, tmp_path, *arguments, DANCE_DEMO_CACHE=str(tmp_path / "cache"))
    assert ran.returncode == 0, ran.stderr
    assert "Fetching 24 files" in ran.stderr
    told = json.loads(ran.stdout)
    assert told["n_train"] + told["n_validation"] == 24
