"""`inspect` as users run it."""

import json
from pathlib import Path

import numpy as np

from dance_demo.cli.main import main
from dance_demo.files.forensics.planting import plant_copy
from dance_demo.files.photo import open_photo
from tests.files.forensics.test_copied_regions import landscape
from tests.support.exif_files import exif_file


def test_inspect_gives_the_promised_json_and_goes_on_after_a_bad_photo(tmp_path, capsys):
    planted = plant_copy(landscape(2), "plain", np.random.default_rng(2))
    planted.photo.save(tmp_path / "forged.png")
    (tmp_path / "notes.jpg").write_text("no photo")
    (tmp_path / "camera.jpg").write_bytes(exif_file(3)[1])
    paths = [str(tmp_path / name) for name in ("forged.png", "notes.jpg", "nowhere.jpg", "camera.jpg")]
    assert main(["inspect", *paths, "--json"]) == 1
    answers = json.loads(capsys.readouterr().out)
    assert [answer["photo"] for answer in answers] == paths
    for answer in answers:
        assert list(answer)[:4] == ["photo", "facts", "copied_regions", "notes"]
        assert all(list(fact) == ["name", "value", "meaning"] for fact in answer["facts"])
    assert [Path(answer["photo"]).name in answer.get("error", "") for answer in answers] == [False, True, True, False]
    [region] = answers[0]["copied_regions"]
    assert list(region) == ["source", "target", "score"] and region["score"] > 0
    assert {"name": "Camera", "value": "FUJIFILM X-T4"}.items() <= answers[3]["facts"][1].items()


def test_inspect_says_the_same_in_words_and_saves_views(tmp_path, capsys):
    landscape(3, (200, 150)).save(tmp_path / "photo.jpg")
    assert main(["inspect", str(tmp_path / "photo.jpg"), "--views", str(tmp_path / "views")]) == 0
    text = capsys.readouterr().out
    assert "No pieces that are alike were found." in text and "Nothing found is no proof" in text
    names = {path.name.removeprefix("000-photo-") for path in (tmp_path / "views").iterdir()}
    assert names >= {"dark.png", "invert.png", "error-levels.png", "noise.png", "ghost-70.png", "gradient.png"}
    assert {open_photo(path, max_side_px=None).size for path in (tmp_path / "views").iterdir()} == {(200, 150)}
