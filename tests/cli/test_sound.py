"""Recordings by the command line, as photos: train, classify, predict, evaluate."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from dance_demo.data.sound.talas import TALA_NAMES, play
from dance_demo.files.photo import open_photo
from dance_demo.model.directory import ModelCard
from tests.cli.test_main import run
from tests.support.sounds import encoded

pytestmark = pytest.mark.slow
CHOSEN = ("adi", "dadra", "teental")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, dict, dict[str, str]]:
    """A head for three talas, from a zip of clips of five seconds, a copy as MP3 and a broken one among them."""
    folder = tmp_path_factory.mktemp("ears")
    for name in CHOSEN:
        (folder / "data" / name).mkdir(parents=True)
        for seed in range(9):
            (folder / "data" / name / f"{seed}.flac").write_bytes(encoded(play(name, seed), "FLAC"))
    (folder / "data" / "adi" / "again.mp3").write_bytes(encoded(play("adi", 1), "MP3"))
    (folder / "data" / "adi" / "broken.wav").write_text("no sound")
    archive = shutil.make_archive(str(folder / "sounds"), "zip", folder / "data")
    environment = {"DANCE_DEMO_CACHE": str(folder / "cache")}
    options = ("--piece-seconds", "2.5", "--epochs", "40", "--json")
    ran = run("train", archive, "--out", folder / "model", *options, **environment)
    return folder, json.loads(ran.stdout), environment


def test_train_gives_the_same_keys_as_for_photos(trained):
    folder, result, _ = trained
    keys = "model n_train n_validation accuracy accuracy_interval macro_f1 baseline training_overlap"
    about = ["backbone", "backbone_choice", "fine_tuning", "seconds", "skipped", "duplicate_groups"]
    assert list(result) == [*keys.split(), *about]
    assert set(result["backbone_choice"]["accuracies"]) >= {"dance", "general"} and result["training_overlap"] == 0
    assert result["n_train"] + result["n_validation"] == 28 * 2
    assert (result["skipped"], result["duplicate_groups"]) == (1, 1)
    assert result["accuracy"] > result["baseline"] + 0.3
    card = ModelCard.read(folder / "model")
    assert card.sound == {"pictures": ["spectrogram", "wavelet"], "piece_s": 2.5}
    assert "of one recording" in card.evaluation["protocol"]
    assert "held-out pieces of sound right" in card.summary()


def test_classify_names_recordings_and_says_where_it_listened(trained, tmp_path):
    _, result, environment = trained
    unseen = []
    for name in CHOSEN:
        unseen.append(tmp_path / f"{name}.mp3")
        unseen[-1].write_bytes(encoded(play(name, 100), "MP3"))
    Image.new("RGB", (300, 300), "red").save(tmp_path / "photo.jpg")
    asked = (*unseen, tmp_path / "photo.jpg", "--model", result["model"], "--heatmap", tmp_path / "heat", "--json")
    answers = json.loads(run("classify", *asked, expect=1, **environment).stdout)
    labels = [answer["predictions"][0]["label"] for answer in answers[:3]]
    assert sum(a == b for a, b in zip(labels, CHOSEN, strict=True)) >= 2
    assert 0 <= answers[0]["listened_to"]["seconds"] <= 5
    assert len(answers[0]["pieces"]) == 2
    assert "this is a photo, not a WAV" in answers[3]["error"]
    assert [open_photo(path).size for path in (tmp_path / "heat").iterdir()] == [(256, 512)] * 3


def test_predict_and_evaluate_take_a_folder_of_recordings(trained, tmp_path):
    folder, result, environment = trained
    one = folder / "data" / "adi"
    ran = run("predict", one, "--model", result["model"], "--out", tmp_path / "a.csv", expect=1, **environment)
    assert "10 recordings named" in ran.stdout
    with (tmp_path / "a.csv").open() as file:
        named = Counter(row["target"] for row in csv.DictReader(file))
    assert named["adi"] >= 9
    shutil.copytree(folder / "data", tmp_path / "few")
    for path in [*(tmp_path / "few").glob("*/[3-9].flac"), *(tmp_path / "few").glob("*/broken.wav")]:
        path.unlink()
    evaluated = run("evaluate", tmp_path / "few", "--model", result["model"], "--json", **environment)
    assert json.loads(evaluated.stdout)["n"] == 20
    told = run("evaluate", tmp_path / "few", "--model", result["model"], **environment)
    assert told.stdout.startswith("20 pieces of sound: ") and "photo" not in told.stdout
    refused = run("evaluate", tmp_path / "few", expect=2, **environment)
    assert "This model knows photos, not sounds" in refused.stderr


def test_compare_holds_three_ways_to_learn_against_each_other(trained):
    folder, _, environment = trained
    options = ("--piece-seconds", "5", "--epochs", "1", "--size", "32", "--backbone", "dance")
    ran = run("compare", folder / "data", *options, **environment)
    title, _, *rows = [line.split(" | ")[0].strip("| ") for line in ran.stdout.splitlines() if line.startswith("|")]
    assert title.endswith("held-out pieces of sound")
    assert rows == ["spectrogram", "wavelet", "fused, joint head", "fused, mean of logits", "from scratch"]


def test_bad_settings_and_recordings_get_a_line(trained, tmp_path):
    folder, _, environment = trained
    ran = run("train", folder / "data", "--out", tmp_path / "m", "--piece-seconds", "0", expect=2, **environment)
    assert "A piece of sound must have 0.5 to 30 seconds. Received: 0.0." in ran.stderr
    (tmp_path / "few" / TALA_NAMES[0]).mkdir(parents=True)
    (tmp_path / "few" / TALA_NAMES[0] / "a.wav").write_bytes(encoded(play("adi", 0), "WAV"))
    ran = run("train", tmp_path / "few", "--out", tmp_path / "m", expect=2, **environment)
    assert "Training needs pieces of sound of at least 2 classes" in ran.stderr
