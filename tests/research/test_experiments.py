"""The table of all fine-tunings, from made-up result files."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from dance_demo.cli.main import main
from dance_demo.errors import DatasetError
from dance_demo.research.experiments import STANDARD, differences, read_experiments, table
from dance_demo.research.recipe import Recipe
from dance_demo.training.evaluation import evaluate


def write_run(runs: Path, name: str, *, right: int, recipe: Recipe, folds: int = 5, **more: str) -> None:
    """A run in which so many of ten answers were right."""
    directory = runs / name
    directory.mkdir(parents=True)
    truth = np.arange(10) % 2
    answers = np.where(np.arange(10) < right, truth, 1 - truth)
    result = evaluate(truth.tolist(), np.eye(2)[answers] * 0.8 + 0.1, ("kathak", "odissi")).to_json()
    (directory / "result.json").write_text(json.dumps({"recipe": recipe.name, **result, **more}))
    (directory / "training.json").write_text(json.dumps({"settings": asdict(recipe)}))
    for fold in range(folds):
        (directory / f"fold{fold}").mkdir()
        (directory / f"fold{fold}" / "model.weights.h5").write_bytes(b"")


@pytest.fixture
def standard() -> Recipe:
    return Recipe.load(STANDARD)


def test_the_best_run_comes_first_with_what_it_changed(tmp_path, standard):
    bold = replace(standard, epochs=40, augmentation=replace(standard.augmentation, max_tilt_degrees=30.0))
    write_run(tmp_path, "plain", right=7, recipe=standard)
    write_run(tmp_path, "bold", right=9, recipe=bold, folds=2, note="two folds | only")
    rows = [line.strip("| ").split(" | ") for line in table(read_experiments(tmp_path)).splitlines()]
    assert rows[0][:5] == ["run", "differs from standard in", "folds", "photos", "accuracy"]
    assert rows[2][:4] == ["bold", "epochs 40, augmentation.max_tilt_degrees 30.0", "2", "10"]
    assert rows[2][4].startswith("90.0% [") and rows[2][-1] == "two folds / only"
    assert rows[3][:4] == ["plain", "-", "5", "10"]


def test_only_settings_with_another_value_are_named():
    standard = {"epochs": 14, "augmentation": {"mirror": True, "min_area": 0.3}}
    assert differences(standard, standard) == []
    settings = {"epochs": 14, "augmentation": {"mirror": False, "min_area": 0.3}, "new": 1}
    assert differences(settings, standard) == ["augmentation.mirror False", "new 1"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accuracy": "high"}', "\x00"])
def test_a_result_that_is_none_is_named(tmp_path, standard, text):
    write_run(tmp_path, "good", right=7, recipe=standard)
    write_run(tmp_path, "bad", right=7, recipe=standard)
    (tmp_path / "bad" / "result.json").write_text(text)
    with pytest.raises(DatasetError, match=r"bad/result\.json is not the result of a run"):
        read_experiments(tmp_path)


def test_a_folder_without_runs_says_how_to_make_one(tmp_path):
    with pytest.raises(DatasetError, match="no run with a result.json in it. Measure one"):
        read_experiments(tmp_path)


def test_experiments_prints_the_table(tmp_path, standard, capsys):
    write_run(tmp_path, "plain", right=7, recipe=standard)
    assert main(["experiments", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("| plain | - | 5 | 10 | 70.0% [")
