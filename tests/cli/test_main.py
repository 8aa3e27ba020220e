"""The command line as users run it: `python -m dance_demo ...` in a process of its own."""

import colorsys
import csv
import dataclasses
import errno
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.cli.main import main, parser
from dance_demo.data.illustrations import FORM_NAMES, draw, draw_dataset
from dance_demo.files.photo import open_photo
from dance_demo.model.bundle import read_bundle
from dance_demo.model.classifier import Classifier
from dance_demo.model.directory import ModelCard
from tests.support import ROOT
from tests.support.made_up import Member, make_zip, photo

pytestmark = pytest.mark.usefixtures("classifier")  # nothing here works without a model


def run(*arguments: str | Path, expect: int = 0, **environment: str) -> subprocess.CompletedProcess:
    """Run it in another directory than the project's, as an installed one would be."""
    command = [sys.executable, "-B", "-W", "error", "-m", "dance_demo", *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert ran.returncode == expect, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran


def complaint(ran: subprocess.CompletedProcess) -> str:
    """The one line that says what is wrong."""
    lines = [line for line in ran.stderr.splitlines() if line.startswith("dance_demo: ")]
    assert len(lines) == 1, ran.stderr
    return lines[0]


@pytest.fixture(scope="module")
def drawings(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawings")
    for form in ("kathakali", "odissi"):
        draw(form, 1000).save(folder / f"{form}.jpg", quality=90)
    return sorted(folder.iterdir())


# classify ---------------------------------------------------------------------------------------------------------


def test_classify_answers_in_the_promised_json_and_goes_on_after_a_bad_photo(drawings, tmp_path, classifier):
    bad = tmp_path / "notes.jpg"
    bad.write_text("no photo")
    ran = run("classify", drawings[0], bad, tmp_path / "nowhere.jpg", drawings[1], "--json", expect=1)
    answers = json.loads(ran.stdout)
    assert [answer["photo"] for answer in answers] == list(
        map(str, (drawings[0], bad, tmp_path / "nowhere.jpg", drawings[1]))
    )
    for answer in answers[1:3]:
        assert set(answer) == {"photo", "error"}
        assert Path(answer["photo"]).name in answer["error"]
    for answer in (answers[0], answers[3]):
        assert list(answer) == ["photo", "predictions", "sure", "note", "milliseconds"]
        assert [list(prediction) for prediction in answer["predictions"]] == [["label", "probability"]] * 3
        assert isinstance(answer["sure"], bool) and answer["sure"] == (answer["note"] == "")
        assert answer["milliseconds"] > 0
        expected = classifier.classify(open_photo(answer["photo"])).predictions[:3]
        assert [p["label"] for p in answer["predictions"]] == [p.label for p in expected]
        assert [p["probability"] for p in answer["predictions"]] == pytest.approx([p.probability for p in expected])


def test_classify_names_all_eight_forms_in_lower_case_if_asked(drawings):
    answer = json.loads(run("classify", drawings[0], "--json", "--top", "8").stdout)[0]
    assert {p["label"] for p in answer["predictions"]} == set(FORM_NAMES)
    assert sum(p["probability"] for p in answer["predictions"]) == pytest.approx(1, abs=1e-5)


def test_classify_says_a_sentence_for_each_photo_and_saves_heatmaps(drawings, tmp_path):
    ran = run("classify", *drawings, "--heatmap", tmp_path / "new" / "maps")
    lines = ran.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(map(str, drawings))
    assert all(line.endswith(".") for line in lines)
    pictures = sorted((tmp_path / "new" / "maps").iterdir())
    assert [picture.name.split("-")[:2] for picture in pictures] == [["000", "kathakali"], ["001", "odissi"]]
    for picture, drawing in zip(pictures, drawings, strict=True):
        with Image.open(picture) as heated, Image.open(drawing) as plain:
            assert heated.size == plain.size
            difference = np.asarray(heated, np.float32) - np.asarray(plain, np.float32)
            assert 5 < np.abs(difference).mean() < 200


def test_classify_of_two_photos_with_the_same_name_keeps_both_heatmaps(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw("odissi", 1).save(tmp_path / folder / "1.png")
    assert main(["classify", f"{tmp_path}/a/1.png", f"{tmp_path}/b/1.png", "--heatmap", f"{tmp_path}/maps"]) == 0
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_a_class_whose_name_is_no_file_name_gets_its_heatmap_and_ends_no_answers(tmp_path, drawings, monkeypatch):
    def named(answer, **changes):
        return dataclasses.replace(answer, **changes)

    real = Classifier.classify

    def classify(self, photo):
        answer = real(self, photo)
        first, *others = answer.predictions
        return named(answer, predictions=(named(first, label="Odissi/Orissi"), *others))

    monkeypatch.setattr(Classifier, "classify", classify)
    monkeypatch.setattr(Classifier, "heatmap", lambda self, answer, label: np.zeros((7, 7), np.float32))
    assert main(["classify", *map(str, drawings), "--heatmap", f"{tmp_path}/maps"]) == 0
    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert names == ["000-kathakali-Odissi_Orissi.jpg", "001-odissi-Odissi_Orissi.jpg"]


def test_a_heatmap_that_cannot_be_saved_does_not_end_the_other_answers(tmp_path, drawings, monkeypatch, capsys):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert main(["classify", *map(str, drawings), "--heatmap", f"{tmp_path}/maps", "--json"]) == 1
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)) == 2 and printed.err.count("No space left") == 2


# predict ----------------------------------------------------------------------------------------------------------


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_predict_writes_the_challenges_csv_for_a_folder(drawings, tmp_path, classifier):
    ran = run("predict", drawings[0].parent, "--out", tmp_path / "new" / "submission.csv")
    labels = [classifier.classify(open_photo(drawing)).top.label for drawing in drawings]
    expected = [[drawing.name, label] for drawing, label in zip(drawings, labels, strict=True)]
    assert table(tmp_path / "new" / "submission.csv") == [["Image", "target"], *expected]
    assert "2 photos named" in ran.stdout


def test_predict_takes_a_zip_whose_test_csv_fixes_the_order_and_goes_on_after_a_bad_photo(drawings, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for drawing in drawings:
            archive.write(drawing, f"dataset/test/{drawing.name}")
        archive.writestr("dataset/test/cut.jpg", drawings[0].read_bytes()[:5000])
        archive.writestr("dataset/test.csv", "Image\nodissi.jpg\ncut.jpg\nkathakali.jpg\n")
    ran = run("predict", tmp_path / "photos.zip", "--out", tmp_path / "s.csv", expect=1)
    assert [row[0] for row in table(tmp_path / "s.csv")] == ["Image", "odissi.jpg", "kathakali.jpg"]
    assert "cut.jpg" in ran.stderr and "1 could not be read" in ran.stdout


def test_predict_keeps_the_order_of_another_csv(drawings, tmp_path):
    (tmp_path / "order.csv").write_text("Image\nodissi.jpg\nkathakali.jpg\n")
    folder, out = str(drawings[0].parent), tmp_path / "s.csv"
    assert main(["predict", folder, "--out", str(out), "--order", str(tmp_path / "order.csv")]) == 0
    assert [row[0] for row in table(out)] == ["Image", "odissi.jpg", "kathakali.jpg"]


def test_predict_says_in_which_code_page_it_took_the_names_of_a_zip(drawings, tmp_path, capsys):
    names = "古典舞.jpg", "卡塔克.jpg"
    members = [Member(name.encode("gb18030"), drawings[0].read_bytes()) for name in names]
    (tmp_path / "photos.zip").write_bytes(make_zip(members))
    assert main(["predict", str(tmp_path / "photos.zip"), "--out", str(tmp_path / "s.csv")]) == 0
    assert {row[0] for row in table(tmp_path / "s.csv")[1:]} == set(names)
    assert "names are written; taken for gb18030 (Simplified Chinese)." in capsys.readouterr().err


def test_predict_writes_no_formula_into_the_csv(drawings, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "=HYPERLINK(1).jpg").write_bytes(drawings[0].read_bytes())
    assert main(["predict", str(tmp_path / "photos"), "--out", str(tmp_path / "s.csv")]) == 0
    assert table(tmp_path / "s.csv")[1][0].startswith("'=")


# evaluate ---------------------------------------------------------------------------------------------------------


def test_evaluate_gives_the_promised_json(tmp_path, classifier):
    draw_dataset(tmp_path / "data", per_class=2, seed=5)
    result = json.loads(run("evaluate", tmp_path / "data", "--json").stdout)
    promised = [
        "n",
        "accuracy",
        "accuracy_interval",
        "weighted_f1",
        "macro_f1",
        "per_class",
        "confusion",
        "class_names",
    ]
    assert set(promised) <= set(result)
    assert result["n"] == 16 and result["class_names"] == list(classifier.class_names)
    low, high = result["accuracy_interval"]
    assert 0 <= low <= result["accuracy"] <= high <= 1
    confusion = np.array(result["confusion"])
    assert confusion.shape == (8, 8) and confusion.sum(axis=1).tolist() == [2] * 8
    assert np.trace(confusion) / 16 == pytest.approx(result["accuracy"])
    right = sum(
        classifier.classify(open_photo(path)).top.label == path.parent.name for path in (tmp_path / "data").rglob("*.*")
    )
    assert result["accuracy"] == pytest.approx(right / 16)


def test_evaluate_takes_labels_in_any_case_and_speaks_plainly(tmp_path, capsys, drawings):
    for label, drawing in (("Kathakali", drawings[0]), ("ODISSI", drawings[1])):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "1.jpg").write_bytes(drawing.read_bytes())
    assert main(["evaluate", str(tmp_path / "data")]) == 0
    assert "2 photos: 100.0 % right" in capsys.readouterr().out


def test_evaluate_refuses_a_class_that_the_model_does_not_know_in_one_line(tmp_path, drawings):
    for label, drawing in zip(("kathak", "tango"), drawings, strict=True):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "1.jpg").write_bytes(drawing.read_bytes())
    ran = run("evaluate", tmp_path / "data", "--json", expect=2)
    assert ran.stdout == ""
    assert "does not know tango. Its classes are bharatanatyam, kathak" in complaint(ran)


def test_evaluate_takes_the_layout_that_is_asked_for_and_says_which_it_took(tmp_path, capsys, drawings):
    for part in ("anna", "ravi"):
        for label, drawing in zip(("kathakali", "odissi"), drawings, strict=True):
            (tmp_path / "data" / part / label).mkdir(parents=True)
            (tmp_path / "data" / part / label / "1.jpg").write_bytes(drawing.read_bytes())
    assert main(["evaluate", str(tmp_path / "data")]) == 0
    assert "class folders in anna/ and ravi/" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "data"), "--layout", "outer"]) == 2
    assert "does not know anna, ravi" in capsys.readouterr().err


def test_a_class_folder_that_is_a_link_is_followed(tmp_path, capsys, drawings):
    for label, drawing in zip(("kathakali", "odissi"), drawings, strict=True):
        (tmp_path / "store" / label).mkdir(parents=True)
        (tmp_path / "store" / label / "1.jpg").write_bytes(drawing.read_bytes())
    (tmp_path / "data").mkdir()
    for label in ("kathakali", "odissi"):
        (tmp_path / "data" / label).symlink_to(tmp_path / "store" / label)
    assert main(["evaluate", str(tmp_path / "data")]) == 0
    assert "2 photos: 100.0 % right" in capsys.readouterr().out


def test_where_everything_is_left_out_each_file_is_listed_before_the_reason(tmp_path, capsys):
    (tmp_path / "data" / "kathak").mkdir(parents=True)
    for number in range(7):
        (tmp_path / "data" / "kathak" / f"{number}.tif").write_bytes(b"II*")
    assert main(["train", str(tmp_path / "data"), "--out", str(tmp_path / "m")]) == 2
    error = capsys.readouterr().err
    assert error.count("not a kind of file") == 8 and "Save the photos as JPEG" in error


# train ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[subprocess.CompletedProcess, Path, dict[str, str]]:
    """A head for two forms, trained from the command line on drawings, a copy and a broken photo among them."""
    folder = tmp_path_factory.mktemp("trained")
    for form in ("kathakali", "odissi"):
        (folder / "data" / form).mkdir(parents=True)
        for seed in range(8):
            draw(form, seed, size=(240, 300)).save(folder / "data" / form / f"{seed}.jpg", quality=90)
    (folder / "data" / "odissi" / "again.png").write_bytes((folder / "data" / "odissi" / "1.jpg").read_bytes())
    (folder / "data" / "odissi" / "broken.jpg").write_text("no photo")
    environment = {"DANCE_DEMO_CACHE": str(folder / "cache")}
    asked = "--epochs", "20", "--report", folder / "report.zip", "--json"
    ran = run("train", folder / "data", "--out", folder / "new" / "model", *asked, **environment)
    return ran, folder, environment


@pytest.mark.slow
def test_two_hundred_classes_are_trained_named_and_taken_home(tmp_path, capsys):
    for kind in range(200):
        folder = tmp_path / "data" / f"class {kind:03}"
        folder.mkdir(parents=True)
        colour = colorsys.hsv_to_rgb(kind % 20 / 20, 0.9, (1 + kind // 20) / 10)
        ink = Image.new("RGB", (64, 64), tuple(int(255 * one) for one in colour))
        for n in range(5):
            Image.blend(photo(5 * kind + n, size=(64, 64)), ink, 0.6).save(folder / f"{n}.jpg")
    data, head, bundle = (str(tmp_path / name) for name in ("data", "head", "bundle.zip"))
    assert main(["train", data, "--out", head, "--backbone", "dance", "--augmentation", "off", "--epochs", "15"]) == 0
    assert "of 200 held-out photos right" in capsys.readouterr().out
    assert main(["classify", f"{data}/class 007/1.jpg", "--model", head, "--json", "--top", "200"]) == 0
    assert len(json.loads(capsys.readouterr().out)[0]["predictions"]) == 200
    assert main(["export", head, "--as", "python", "--out", bundle]) == 0
    card = ModelCard.read(read_bundle(Path(bundle), tmp_path / "again"))
    assert len(card.class_names) == len(card.evaluation["per_class"]) == 200


def test_train_gives_the_promised_json_and_a_model_that_the_other_commands_take(trained, drawings):
    ran, folder, environment = trained
    result = json.loads(ran.stdout)
    assert list(result) == [
        "model",
        "n_train",
        "n_validation",
        "accuracy",
        "accuracy_interval",
        "macro_f1",
        "baseline",
        "training_overlap",
        "backbone",
        "backbone_choice",
        "fine_tuning",
        "seconds",
        "skipped",
        "duplicate_groups",
    ]
    assert result["backbone"] == "dance" and result["training_overlap"] == result["n_validation"]
    assert "17 of the photos have trained the two backbones" in result["backbone_choice"]["sentence"]
    assert result["model"] == str(folder / "new" / "model")
    assert result["n_train"] + result["n_validation"] == 17
    assert (result["skipped"], result["duplicate_groups"]) == (1, 1) and "odissi/broken.jpg: " in ran.stderr
    low, high = result["accuracy_interval"]
    assert 0 <= low <= result["accuracy"] <= high <= 1
    answers = json.loads(run("classify", *drawings, "--model", result["model"], "--json", **environment).stdout)
    assert [answer["predictions"][0]["label"] for answer in answers] == ["kathakali", "odissi"]
    assert [len(answer["predictions"]) for answer in answers] == [2, 2]
    evaluated = run("evaluate", folder / "data", "--model", result["model"], "--json", expect=0, **environment)
    assert json.loads(evaluated.stdout)["class_names"] == ["kathakali", "odissi"]
    assert [path.name for path in (folder / "new").iterdir()] == ["model"], "no draft is left"


def test_train_writes_the_report_of_the_page_with_the_map_as_picture_and_table(trained):
    _, folder, _ = trained
    with zipfile.ZipFile(folder / "report.zip") as report:
        assert report.read("figures/map.png").startswith(b"\x89PNG")
        rows = list(csv.DictReader(report.read("tables/map.csv").decode("utf-8-sig").splitlines()))
        page = report.read("report.html").decode()
    assert len(rows) == 17 and {row["label"] for row in rows} == {"kathakali", "odissi"}
    assert "odissi/broken.jpg" in page and "are among its 5 nearest on the map" in page


def test_a_report_or_picture_that_cannot_be_written_is_refused_before_any_work(trained, tmp_path):
    _, folder, _ = trained
    asked = ("train", folder / "data", "--out", tmp_path / "m", "--report", tmp_path / "none" / "report.zip")
    assert "There is no folder" in complaint(run(*asked, expect=2))
    asked = ("train", "--features", folder, "--out", tmp_path / "m", "--report", tmp_path / "report.zip")
    assert "--report shows photos" in complaint(run(*asked, expect=2))
    asked = ("select", folder / "data", "--picture", tmp_path / "none" / "lines.png")
    assert "There is no folder" in complaint(run(*asked, expect=2))
    asked = ("select", folder / "data", "--picture", tmp_path)
    assert "is a folder. Name a file" in complaint(run(*asked, expect=2))
    assert list(tmp_path.iterdir()) == []


def test_select_gives_the_promised_json_with_the_random_choice_in_it(trained):
    _, folder, environment = trained
    asked = "--method", "fisher", "--folds", "3", "--cheat", "--picture", folder / "lines.png", "--json"
    ran = run("select", folder / "data", *asked, **environment)
    assert (folder / "lines.png").read_bytes().startswith(b"\x89PNG")
    result = json.loads(ran.stdout)
    assert result["n"] == 17 and list(result["all"]) == ["accuracy", "interval"]
    assert [method["method"] for method in result["methods"]] == ["random", "fisher"]
    for method in result["methods"]:
        assert list(method) == ["method", "kept", "accuracy", "interval", "overlap", "seconds"]
        assert method["kept"] == [8, 16, 32, 64, 128, 256, 512, 1024]
        assert {len(method[key]) for key in ("accuracy", "interval", "overlap")} == {8}
    assert set(result["cheat"]) == {"chance", "before_split", "inside_folds"}
    assert result["training_overlap"] == 17 and result["warning"], "the drawings have trained the bundled backbone"
    assert "Fisher" in ran.stderr


def test_select_explains_what_it_cannot_do(trained, tmp_path):
    _, folder, environment = trained
    ran = run("select", folder / "data", "--method", "fisher", "--folds", "10", expect=2, **environment)
    assert "10 folds need at least 10 of each class" in complaint(ran)
    assert "invalid choice" in run("select", folder / "data", "--method", "magic", expect=2, **environment).stderr


def test_train_refuses_a_directory_that_is_there_already_before_any_work(trained, tmp_path):
    _, folder, _ = trained
    ran = run("train", tmp_path / "nowhere", "--out", folder / "new" / "model", expect=2)
    assert "model exists already" in complaint(ran)


def test_train_explains_what_it_cannot_train_on(drawings, tmp_path, capsys):
    assert main(["train", str(drawings[0].parent), "--out", str(tmp_path / "m")]) == 2
    (tmp_path / "few" / "kathak").mkdir(parents=True)
    draw("kathak", 1).save(tmp_path / "few" / "kathak" / "1.jpg")
    assert main(["train", str(tmp_path / "few"), "--out", str(tmp_path / "m")]) == 2
    assert main(["train", str(tmp_path / "few"), "--out", str(tmp_path / "m"), "--epochs", "0"]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dance_demo: ")]
    assert "at least 2 classes" in errors[1] and "Epochs must be" in errors[2]
    assert not (tmp_path / "m").exists()


# Whatever else goes wrong -----------------------------------------------------------------------------------------


def test_a_model_that_is_not_there_or_damaged_is_one_line(drawings, tmp_path):
    missing = run("classify", drawings[0], "--model", tmp_path / "none", expect=2)
    assert "There is no model in none" in complaint(missing)
    (tmp_path / "card.json").write_text("{")
    damaged = run("classify", drawings[0], expect=2, DANCE_DEMO_MODEL=str(tmp_path))
    assert "card.json in" in complaint(damaged)


def test_what_cannot_be_read_or_written_is_one_line(drawings, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    folder = str(drawings[0].parent)
    for arguments in (
        ["classify", str(drawings[0]), "--heatmap", str(tmp_path / "file")],
        ["predict", folder, "--out", str(tmp_path)],
        ["predict", folder, "--out", str(tmp_path / "file" / "s.csv")],
        ["predict", str(tmp_path / "none"), "--out", str(tmp_path / "s.csv")],
        ["evaluate", str(tmp_path / "file")],
        ["evaluate", folder],
        ["finetune", folder, "--init", "none.h5", "--out", str(tmp_path / "m"), "--recipe", str(tmp_path / "file")],
    ):
        assert main(arguments) == 2, arguments
        error = capsys.readouterr().err
        assert error.startswith("dance_demo: ") and error.count("dance_demo: ") == 1, arguments


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["classify"], ["classify", "a.jpg", "--top", "0"], ["predict", "x"]]
)
def test_wrong_arguments_are_explained_and_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    commands = ("serve", "classify", "predict", "evaluate", "train", "select", "publish", "fetch", "finetune")
    assert all(f"\n    {command}" in text for command in commands)


def test_options_that_got_a_better_name_are_understood_by_their_old_one():
    command = ["crossvalidate", "photos.zip", "--init", "imagenet"]
    old = parser().parse_args([*command, "--apart", "0.85", "--cleaning", "list.csv"])
    new = parser().parse_args([*command, "--exclude-similar", "0.85", "--relabelling", "list.csv"])
    assert vars(old) == vars(new) and new.exclude_similar == 0.85
