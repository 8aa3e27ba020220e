"""What changes to a photo do to the answer, with changes and answers that are known beforehand."""

from pathlib import Path

import numpy as np
import pytest

from dance_demo.cli.main import main
from dance_demo.errors import DatasetError
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.research.fold_classifiers import classifier_per_fold
from dance_demo.research.robustness import (
    CHANGES,
    UNCHANGED,
    answers,
    steadiness,
    table,
)
from tests.support.colours import COLOURS, patch, save_colour_model
from tests.support.made_up import photo


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_colour_model(tmp_path_factory.mktemp("colours") / "model")


@pytest.fixture
def colours(model) -> Classifier:
    return load_classifier(model)


# the changes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_change_gives_a_new_rgb_photo_and_leaves_the_old_one_as_it_was(change):
    before = photo(1)
    changed = change(before)
    assert changed.mode == "RGB" and min(changed.size) > 50
    assert before.tobytes() == photo(1).tobytes()
    assert change(before).tobytes() == changed.tobytes()  # the same at every call


# the figures ------------------------------------------------------------------------------------------------------


def test_figures_worked_out_by_hand():
    given = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])  # four photos, as they are and changed
    plain, changed = steadiness(given, [0, 1, 1, 1], changes=("as it is", "changed"))
    assert (plain.accuracy, plain.gain, plain.same_answer) == (0.75, 0, 1)
    assert (changed.accuracy, changed.gain, changed.same_answer) == (0.75, 0, 0.5)
    assert changed.gain_interval[0] < 0 < changed.gain_interval[1]


def test_copies_of_one_photo_do_not_make_the_figure_surer():
    given, truth = np.repeat([[0, 0], [0, 1]], 20, axis=0), np.zeros(40, int)
    changes = ("as it is", "changed")
    alone = steadiness(given, truth, changes=changes)[1]
    copies = steadiness(given, truth, changes=changes, groups=np.repeat([0, 1], 20))[1]
    assert copies.accuracy_interval == (0, 1)
    assert alone.accuracy_interval[1] - alone.accuracy_interval[0] < 0.5


def test_a_model_of_colours_cares_for_colour_and_not_for_sides(colours):
    photos = [patch(colour) for colour in COLOURS]
    named = dict(zip(CHANGES, answers(photos, colours).T.tolist(), strict=True))
    assert named[UNCHANGED] == named["mirrored"] == named["JPEG of quality 30"] == [0, 1, 2, 3]
    assert len(set(named["grey"])) == 1


def test_the_table_has_a_row_for_each_change():
    rows = table(steadiness(np.zeros((4, len(CHANGES)), int), [0, 0, 0, 1])).splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:]] == list(CHANGES)
    assert rows[3] == "| mirrored | 75.0% | 25.0 to 100.0 | +0.0 points | 0.0 to 0.0 | 100.0% |"


# who judges -------------------------------------------------------------------------------------------------------


def write_folds(path: Path) -> Path:
    path.write_text("Image,target,fold\nred.png,red,0\ngreen.png,green,1\nblue.png,blue,0\nyellow.png,yellow,1\n")
    return path


def test_without_folds_one_model_judges_all(model):
    ((classifier, indices),) = classifier_per_fold(["a", "b"], model, None)
    assert indices == [0, 1] and classifier.class_names == tuple(COLOURS)


def test_with_folds_each_photo_is_judged_once_by_the_model_of_its_fold(tmp_path, model):
    for fold in (0, 1):
        (tmp_path / f"fold{fold}").symlink_to(model)
    names = ["x/green.png", "x/blue.png", "x/red.png"]
    found = [indices for _, indices in classifier_per_fold(names, tmp_path, write_folds(tmp_path / "folds.csv"))]
    assert found == [[1, 2], [0]]


def test_a_photo_without_a_fold_and_folds_without_models_are_refused(tmp_path, model):
    folds = write_folds(tmp_path / "folds.csv")
    with pytest.raises(DatasetError, match="no fold for 1 photos, such as black.png"):
        list(classifier_per_fold(["red.png", "black.png"], model, folds))
    with pytest.raises(DatasetError, match="no directory with a model for each fold"):
        list(classifier_per_fold(["red.png"], None, folds))


def test_robustness_asks_the_model_of_each_fold(tmp_path, model, capsys):
    for colour in COLOURS:
        (tmp_path / "photos" / colour).mkdir(parents=True)
        patch(colour).save(tmp_path / "photos" / colour / f"{colour}.png")
    for fold in (0, 1):
        (tmp_path / "models" / f"fold{fold}").parent.mkdir(exist_ok=True)
        (tmp_path / "models" / f"fold{fold}").symlink_to(model)
    folds = write_folds(tmp_path / "folds.csv")
    arguments = ["robustness", str(tmp_path / "photos"), "--model", str(tmp_path / "models"), "--folds", str(folds)]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| as it is | 100.0% |")
    assert next(line for line in lines if line.startswith("| grey |")).startswith("| grey | 25.0% |")
