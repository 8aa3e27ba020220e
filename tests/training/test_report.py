"""The report that a teacher hands out, made of a real training on photos with hostile names."""

import base64
import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.dataset import IntakeReport, PhotoDataset, open_dataset
from dance_demo.data.label_issues import LabelIssue
from dance_demo.files.csv_table import read_table
from dance_demo.model.directory import save_model
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.training import report
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import evaluate
from dance_demo.training.projection import Projection
from dance_demo.training.report import tables as report_tables
from dance_demo.training.result import TrainingResult
from dance_demo.training.same_photos import SamePhotos
from dance_demo.training.train import train
from tests.support.made_up import jpeg, photo, write_files

CLASSES = ("<img src=x onerror=alert(1)>", "=cmd()", "$\\badcmd$")
FILE = "'\"><script>alert(2)<!--{}.jpg"
PER_CLASS = 8


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_files) -> tuple[TrainingResult, PhotoDataset, IntakeReport]:
    folder = tmp_path_factory.mktemp("report")
    save_model(folder / "tiny", tiny_files, name="Tiny", class_names=("kathak", "odissi", "sattriya"))
    names = [f"{label}/{FILE.format(number)}" for label in CLASSES for number in range(PER_CLASS)]
    files = {name: jpeg(photo(number)) for number, name in enumerate(names)}
    files[f"{CLASSES[0]}/broken.jpg"] = b"no photo"
    dataset, intake = open_dataset(write_files(folder / "data", files), workspace=folder / "work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANCE_DEMO_MODEL", str(folder / "tiny"))
        config = TrainingConfig(epochs=2, augmentation="off", validation_fraction=0.3, backbone="dance")
        *_, result = train(folder / "job", lambda: False, dataset, config, folder / "cache")
    return result, dataset, intake


@pytest.fixture(scope="module")
def page(trained) -> str:
    result, dataset, intake = trained
    doubts = (LabelIssue(1, dataset.labels[1], CLASSES[1], 0.9),)
    previous = SamePhotos(3, before=1.0, now=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANCE_DEMO_MODEL", str(result.model.parents[1] / "tiny"))  # whose backbone the heatmaps need
        return report.html(replace(result, label_issues=doubts), dataset, intake=intake, previous=previous)


def test_the_report_of_recordings_speaks_of_them(trained):
    result, dataset, _ = trained
    names = {label: name for label, name in zip(CLASSES, ("adi", "dadra", "teental"), strict=True)}
    photos = [replace(p, label=names[p.label], name=f"{n}.wav") for n, p in enumerate(dataset.photos)]
    listened = replace(dataset, photos=tuple(photos), class_names=tuple(names.values()), sound=SoundSettings())
    evaluation = evaluate(
        [listened.labels[index] for index in result.held_out], result.probabilities, listened.class_names
    )
    for folds in (0, 5):
        config = replace(result.config, folds=folds)
        about = {"class_names": listened.class_names, "evaluation": evaluation, "seconds": {listened.noun: 1.0}}
        own = replace(result, model=Path("gone"), config=config, **about)
        page = report.html(own, listened, previous=SamePhotos(3, before=1.0, now=0.5))
        text = Tags(re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)).text.lower()
        assert "held-out pieces of sound right" in text and "photo" not in text, re.findall(".*photo.*", text)
        assert next(report_tables.class_table(own, listened))[1] == "pieces of sound"


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


# the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_how_often_it_was_right_beside_the_interval_the_baseline_and_the_head_before(page, trained):
    evaluation, text = trained[0].evaluation, Tags(page).text
    low, high = evaluation.accuracy_interval
    assert f"{100 * evaluation.accuracy:.1f} %of {evaluation.n} held-out photos right" in text
    assert f"{100 * low:.1f} % to {100 * high:.1f} %95 % interval" in text
    assert f"{100 * evaluation.majority_baseline:.1f} %by always naming the commonest class" in text
    assert "100.0 %the head before this one, where this one has 50.0 %: on the\n3 photos that judged both" in text


def test_the_page_says_how_photos_were_held_out(page, trained):
    result, dataset, _ = trained
    judged = len(dataset.photos) - result.n_train
    assert f"Of {len(dataset.photos)} photos {result.n_train} trained the head. The other {judged}" in page
    stopped = replace(result, config=replace(result.config, folds=5))
    assert f"stopped before each had been put aside: {judged} photos" in report.held_out_sentence(stopped, dataset)
    whole = replace(stopped, n_train=len(dataset.photos))
    assert "trained afterwards, on all of them" in report.held_out_sentence(whole, dataset)


def test_every_part_is_there(page):
    headings = ("learned from", "Class by class", "Confusion", "mistakes", "Suspicious", "Calibration", "Settings")
    assert all(f"{heading}" in page for heading in headings)
    assert page.index("What this number does not say") > page.index("held-out photos right")
    assert "broken.jpg" in page and "this is a text file" in page


def test_S1_names_of_others_are_text_and_nothing_else(page):
    tags = Tags(page)
    document = "html head meta title style body section h1 h2 p b small br ul li div"
    expected = f"{document} table thead tbody tr th td figure figcaption img"
    assert {tag for tag, _ in tags.found} <= set(expected.split())
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert all(name in tags.text for name in CLASSES)
    assert any(FILE.format(number) in tags.text for number in range(PER_CLASS))


def test_mistakes_are_beside_their_heatmaps_and_all_of_it_prints_on_two_pages(page, trained, browser, tmp_path):
    result, dataset, intake = trained
    wrong = report_tables.mistakes(result, dataset)
    assert wrong and page.count('<div class="frame pair">') == min(len(wrong), report.PICTURES_AT_MOST)
    assert "looks like" in page and "Rather" not in page
    named = report.html(result, dataset, intake=replace(intake, name="our garden"))
    assert f"<b>our garden</b>, {result.date:%Y-%m-%d %H:%M} UTC" in named
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    tab = browser.new_page()
    tab.goto((tmp_path / "report.html").as_uri())
    printed = tab.pdf(prefer_css_page_size=True)
    tab.close()
    assert len(re.findall(rb"/Type */Page\b", printed)) == 2


def test_the_page_needs_nothing_from_elsewhere(page):
    for tag, attributes in Tags(page).found:
        assert not {"href", "srcset", "data", "action"} & set(attributes), tag
        assert "src" not in attributes or attributes["src"].startswith("data:image/")
    assert "url(" not in page and "@import" not in page and "default-src 'none'" in page


def test_S1_a_browser_runs_nothing_of_it_and_asks_nobody(page, browser, tmp_path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    asked, dialogs, errors = [], [], []
    tab = browser.new_page(viewport={"width": 375, "height": 700})
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.on("console", lambda message: errors.append(message.text))
    tab.goto((tmp_path / "report.html").as_uri())
    assert not dialogs and not errors
    assert len([url for url in asked if not url.startswith("data:")]) == 1
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375, "it fits a phone, whatever the names"
    tab.close()


def test_no_path_of_the_server_is_in_it(page, trained):
    result, dataset, intake = trained
    assert str(result.model.parent.parent) not in page + json.dumps(report.to_json(result, dataset))


def test_the_same_result_gives_the_same_page(trained):
    result, dataset, intake = trained
    assert report.html(result, dataset, intake=intake) == report.html(result, dataset, intake=intake)


def test_photos_that_the_backbone_knows_are_named_as_no_measure(trained):
    result, dataset, _ = trained
    known = replace(result, evaluation=replace(result.evaluation, training_overlap=1))
    told = f"1 of the {result.evaluation.n} photos that judged was used to train the bundled backbone"
    assert told in report.html(known, dataset) and told in report.html(known, replace(dataset, corrections=1))
    assert "bundled backbone" not in report.html(result, dataset)


def test_a_photo_that_is_gone_leaves_a_gap_and_a_report(trained, tmp_path):
    result, dataset, _ = trained
    assert not result.evaluation.tells_labels and "Too few photos to tell" in report.html(result, dataset)
    result = replace(result, evaluation=replace(result.evaluation, accuracy=0.9))
    gone = replace(dataset, photos=tuple(replace(photo, path=tmp_path / "gone.jpg") for photo in dataset.photos))
    wrong = report_tables.mistakes(result, dataset)
    assert 'class="frame pair"' not in report.html(result, gone)
    assert report.html(result, gone).count("no longer there") == len(wrong[: report.PICTURES_AT_MOST]) + len(
        result.label_issues[: report.PICTURES_AT_MOST]
    )


def test_a_training_stopped_before_its_first_epoch_has_no_curves_and_says_so(trained):
    result, dataset, _ = trained
    page = report.html(replace(result, history=(), stopped=True), dataset)
    assert "No epoch was finished" in page and "stopped early" in page


def test_thumbnails_carry_no_metadata(trained, tmp_path):
    picture = photo(3)
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert b"secret place" in (tmp_path / "a.jpg").read_bytes()
    result, dataset, _ = trained
    photos = tuple(replace(one, path=tmp_path / "a.jpg") for one in dataset.photos)
    doubts = (LabelIssue(1, dataset.labels[1], CLASSES[1], 0.9),)
    page = report.html(replace(result, label_issues=doubts), replace(dataset, photos=photos))
    urls = [
        attributes["src"]
        for _, attributes in Tags(page).found
        if attributes.get("src", "").startswith("data:image/jpeg")
    ]
    thumbnail = Image.open(io.BytesIO(base64.b64decode(urls[-1].partition("base64,")[2])))
    assert not thumbnail.getexif() and max(thumbnail.size) <= report.THUMBNAIL_SIDE_PX


# the tables -------------------------------------------------------------------------------------------------------


def test_mistakes_are_the_wrong_answers_and_the_surest_come_first(trained):
    result, dataset, _ = trained
    wrong = report_tables.mistakes(result, dataset)
    answers = result.probabilities.argmax(axis=1)
    truth = np.array(dataset.class_indices)[result.held_out]
    assert sorted(mistake.index for mistake in wrong) == sorted(result.held_out[answers != truth].tolist())
    assert [mistake.probability for mistake in wrong] == sorted((m.probability for m in wrong), reverse=True)
    assert all(mistake.label != mistake.answer for mistake in wrong)


def test_the_tables_add_up_to_the_evaluation(trained):
    result, dataset, _ = trained
    answers = report_tables.answers(result, dataset)
    assert np.mean([answer.right for answer in answers]) == pytest.approx(result.evaluation.accuracy)
    _, *rows = report_tables.class_table(result, dataset)
    assert sum(row[1] for row in rows) == len(dataset.photos)
    assert sum(row[2] for row in rows) == result.evaluation.n
    _, *rows = report_tables.confusion_table(result)
    assert np.array([row[1:] for row in rows]).tolist() == result.evaluation.confusion.tolist()


def test_D18_no_cell_is_a_formula(trained):
    result, dataset, _ = trained
    for table in (report_tables.class_table(result, dataset), report_tables.answer_table(result, dataset)):
        for row in csv.reader(io.StringIO(report_tables.table_csv(table).decode("utf-8-sig"))):
            assert not [cell for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
            assert all(cell.replace(".", "").replace("e-", "")[1:].isdigit() for cell in row if cell.startswith("-"))
    assert b"'=cmd()" in report_tables.table_csv(report_tables.class_table(result, dataset))


# the zip ----------------------------------------------------------------------------------------------------------


def test_the_zip_holds_page_figures_tables_and_numbers(trained, tmp_path):
    result, dataset, intake = trained
    path = report.archive(result, dataset, tmp_path / "report.zip", intake=intake)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.zip"]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files["report.html"].decode() == report.html(result, dataset, intake=intake)
    numbers = json.loads(files["result.json"])
    assert numbers["evaluation"]["accuracy"] == result.evaluation.accuracy
    assert numbers["settings"]["epochs"] == 2
    assert set(numbers["answers"][0]) == {"place", "name", "label", "answer", "probability"}
    assert {"class_names", "held_out", "n_train", "seconds", "stopped", "suspicions", "temperature"} < set(numbers)
    figures = [name for name in files if name.startswith("figures/")]
    expected = {"class_counts", "class_scores", "confusion", "curves"}  # too few photos for a reliability
    assert {Path(name).stem for name in figures} == expected
    for name in figures:
        assert Image.open(io.BytesIO(files[name])).format == "PNG"
    for name in ("classes", "confusion", "answers", "epochs", "suspicious_labels"):
        (tmp_path / "table.csv").write_bytes(files[f"tables/{name}.csv"])
        assert read_table(tmp_path / "table.csv").columns


def test_the_map_of_the_photos_is_in_the_zip_as_a_picture_and_a_table(trained, tmp_path):
    result, dataset, _ = trained
    points = np.random.default_rng(0).random((len(dataset.photos), 2))
    drawn = Projection("t-SNE", points, neighbours=5, kept=0.4, agreement=0.9)
    with zipfile.ZipFile(report.archive(result, dataset, tmp_path / "report.zip", projection=drawn)) as archive:
        assert Image.open(archive.open("figures/map.png")).format == "PNG"
        assert "40 % are among its 5 nearest on the map" in archive.read("report.html").decode()
        (tmp_path / "map.csv").write_bytes(archive.read("tables/map.csv"))
    table = read_table(tmp_path / "map.csv")
    assert list(table.columns) == ["photo", "label", "answer", "x", "y"]
    assert len((tmp_path / "map.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + len(dataset.photos)


def test_a_zip_that_cannot_be_written_leaves_nothing_behind(trained, tmp_path):
    result, dataset, _ = trained
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        report.archive(result, dataset, tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
