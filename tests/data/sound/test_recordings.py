"""Class folders of recordings become a dataset of pictures, with pieces of one recording in one group."""

import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.dataset import open_dataset, open_photos
from dance_demo.data.sound import recordings as module
from dance_demo.data.splits import divide
from dance_demo.errors import DatasetError
from dance_demo.files.photo import open_photo
from dance_demo.files.sound import open_sound
from dance_demo.model.preprocessing import MEL, SoundSettings
from tests.support.sounds import encoded, melody, sine, write_classes

SETTINGS = SoundSettings(piece_s=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classes = {label: {f"{n}.wav": melody(10 * c + n, 3) for n in range(4)} for c, label in enumerate(("high", "low"))}
    return write_classes(tmp_path_factory.mktemp("sounds") / "zip", classes)


@pytest.fixture(scope="module")
def opened(folder, tmp_path_factory):
    archive = shutil.make_archive(str(tmp_path_factory.mktemp("archive") / "sounds"), "zip", folder)
    return open_dataset(Path(archive), workspace=tmp_path_factory.mktemp("work"), sound=SETTINGS)


def test_a_zip_of_recordings_becomes_pieces_with_pictures_and_sound(opened):
    dataset, report = opened
    assert report.kept == len(dataset.photos) == 2 * 4 * 3
    assert report.class_counts == {"high": 12, "low": 12}
    assert report.noun == "pieces of sound"
    assert dataset.sound == SETTINGS
    piece = next(photo for photo in dataset.photos if photo.name == "high/0.wav (1 to 2 s)")
    assert (piece.label, piece.recording) == ("high", "high/0.wav")
    assert open_photo(piece.path).size == (256, 512)
    assert piece.audio is not None
    assert open_sound(piece.audio).seconds == pytest.approx(1)


def test_pieces_of_one_recording_share_a_group_and_are_no_copies(opened):
    dataset, report = opened
    groups = defaultdict(set)
    for photo, group in zip(dataset.photos, dataset.groups, strict=True):
        groups[photo.recording].add(group)
    assert all(len(found) == 1 for found in groups.values())
    assert len(set(dataset.groups)) == 8
    assert dataset.copies == []
    assert not any("more than once" in str(warning) for warning in report.warnings)


def test_no_recording_is_on_both_sides_of_a_split(opened):
    dataset, _ = opened
    for split in divide(dataset, 3, validation_fraction=0.2, seed=0):
        sides = [{dataset.photos[index].recording for index in side} for side in (split.train, split.validation)]
        assert not sides[0] & sides[1]


def test_copies_of_a_recording_share_its_group_and_are_told(tmp_path: Path, folder):
    together = tmp_path / "with copies"
    shutil.copytree(folder, together)
    song = melody(99, 6)
    (together / "high" / "song.wav").write_bytes(encoded(song, "WAV"))
    (together / "low" / "the same.mp3").write_bytes(encoded(song * np.float32(0.3), "MP3"))
    short = sine(700, 0.3)
    for name in ("a.wav", "b.flac"):
        (together / "high" / name).write_bytes(encoded(short, name[-4:].strip(".").upper()))
    dataset, report = open_dataset(together, workspace=tmp_path, sound=SETTINGS)
    groups = {photo.recording: group for photo, group in zip(dataset.photos, dataset.groups, strict=True)}
    assert groups["high/song.wav"] == groups["low/the same.mp3"]
    assert groups["high/a.wav"] == groups["high/b.flac"]
    texts = [str(warning) for warning in report.warnings]
    assert any("The same recording under two labels, once" in text for text in texts)
    assert any("2 recordings occur more than once" in text for text in texts)
    assert any("shorter than half a piece" in text for text in texts)


def test_what_cannot_be_heard_is_left_out_with_its_reason(tmp_path: Path, folder):
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    (mixed / "high" / "silence.wav").write_bytes(encoded(np.zeros(22_050, np.float32), "WAV"))
    (mixed / "high" / "broken.mp3").write_bytes(b"ID3 and nothing more")
    Image.new("RGB", (64, 64), "red").save(mixed / "high" / "cover.jpg")
    stereo = np.stack([melody(5, 1), melody(6, 1)], axis=1)
    (mixed / "low" / "stereo.wav").write_bytes(encoded(stereo, "WAV"))
    dataset, report = open_dataset(mixed, workspace=tmp_path, sound=SETTINGS)
    reasons = {file.name: file.reason for file in report.skipped}
    assert "nothing to hear" in reasons["high/silence.wav"]
    assert "incomplete or damaged" in reasons["high/broken.mp3"]
    assert reasons["high/cover.jpg"] == "a photo among recordings"
    assert any("2 channels, mixed to one (low/stereo.wav)" in str(warning) for warning in report.warnings)
    assert len(dataset.photos) == 25


def test_a_recording_among_photos_is_left_out(tmp_path: Path):
    for label in ("one", "two"):
        (tmp_path / label).mkdir()
        for number in range(5):
            Image.new("RGB", (64, 64), (40 * number, 9, 200)).save(tmp_path / label / f"{number}.png")
    (tmp_path / "one" / "song.wav").write_bytes(encoded(melody(1, 1), "WAV"))
    dataset, report = open_dataset(tmp_path, workspace=tmp_path / "work")
    assert dataset.sound is None
    assert [(file.name, file.reason) for file in report.skipped] == [
        ("one/song.wav", "a recording of sound among photos")
    ]


def test_recordings_to_predict_are_found_as_photos_are(folder, tmp_path: Path):
    found = open_photos(folder, workspace=tmp_path, sounds=True)
    assert len(found.files) == 8
    assert found.skipped == ()
    with pytest.raises(DatasetError, match="no photos found"):
        open_photos(folder, workspace=tmp_path)


def test_too_many_pieces_get_a_sentence(monkeypatch, folder, tmp_path: Path):
    monkeypatch.setattr(module, "MAX_PIECES", 7)
    with pytest.raises(DatasetError, match="More than 7 pieces of 1 s after 3 of 8 recordings"):
        open_dataset(folder, workspace=tmp_path, sound=SETTINGS)


def test_one_recording_a_class_cannot_be_divided(tmp_path: Path):
    source = write_classes(tmp_path / "two", {"a": {"1.wav": melody(1, 6)}, "b": {"2.wav": melody(2, 6)}})
    dataset, report = open_dataset(source, workspace=tmp_path, sound=SoundSettings((MEL,), 1.0))
    assert report.problems == (
        "Recorded only once: a, b. Pieces of sound of one recording cannot judge each other: add recordings.",
    )
    with pytest.raises(DatasetError, match="pieces of one recording"):
        divide(dataset, 0, validation_fraction=0.2, seed=0)
