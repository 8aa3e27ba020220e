""" "Train your own" behind the page: what the browser remembers, what is checked of it, and whose head is whose."""

import csv
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from dance_demo.data.dataset import IntakeReport, LabeledPhoto, PhotoDataset, open_dataset
from dance_demo.data.illustrations import draw
from dance_demo.data.intake import Prepared
from dance_demo.data.label_issues import LabelIssue
from dance_demo.errors import DatasetError, TrainingError
from dance_demo.hub import online
from dance_demo.jobs.job import Job
from dance_demo.jobs.manager import JobLimits, JobManager
from dance_demo.jobs.progress import Progress
from dance_demo.model.directory import load_card, save_model
from dance_demo.model.head import power_normalize
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE
from dance_demo.networks.mobilenet import KERAS_FOLDER
from dance_demo.training.comparison import (
    NORMALIZED,
    SCRATCH,
    ComparisonResult,
    ComparisonSettings,
    MethodResult,
)
from dance_demo.training.config import TrainingConfig
from dance_demo.training.evaluation import Evaluation, evaluate
from dance_demo.training.neighbours import Neighbours
from dance_demo.training.projection import Projection
from dance_demo.training.report.tables import answers
from dance_demo.training.result import EpochReport, TrainingResult
from dance_demo.training.same_photos import SamePhotos
from dance_demo.ui.classify.tab import DEFAULT_STYLE, ClassifyTab
from dance_demo.ui.components import curves
from dance_demo.ui.components.browser_state import NO_JOB, TRAININGS_REMEMBERED, job_ids
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import Now, Pace
from dance_demo.ui.components.model import Model
from dance_demo.ui.server.visitors import Visitor, new_cookie, visitor_of
from dance_demo.ui.train import markup
from dance_demo.ui.train.compare_step import _differences
from dance_demo.ui.train.dataset_map import markup as map_markup
from dance_demo.ui.train.result_step import _corrected_list, checked_decisions, checked_photos, reliability_frame
from dance_demo.ui.train.settings import FOLDS, TrainingSettings
from dance_demo.ui.train.training_step import TrainingStep
from dance_demo.ui.train.trainings import Material, Training, Trainings
from tests.conftest import TINY_CLASSES
from tests.support import job_works
from tests.support.event_loop import run_alone
from tests.support.hostile import HOSTILE, Skeleton
from tests.support.requests import request_of

ROUNDS = int(os.environ.get("DANCE_DEMO_ROUNDS", 3))  # `make load` does fifty, through the page
TRAINED_WITHIN_S = 300  # on a busy machine; else it takes 5
FORMS = ("kathakali", "odissi", "manipuri", "sattriya")
QUICK = TrainingConfig(epochs=3, augmentation="off", batch_size=8, backbone="dance")
ID = "0123456789abcdef" * 2


# --- what the browser remembers ----------------------------------------------------------------------------


def test_what_the_browser_stored_comes_back_as_it_went():
    assert job_ids([ID, ID[::-1]]) == [ID, ID[::-1]]


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, ID, {ID: ID}, [1, {}, "é" * 32, [ID], "../../etc"]])
def test_S9_junk_from_a_browser_is_no_training(junk: Any):
    assert job_ids(junk) == []


def test_only_the_latest_trainings_are_remembered():
    ids = job_ids([f"{number:032x}" for number in range(TRAININGS_REMEMBERED + 5)])
    assert len(ids) == TRAININGS_REMEMBERED and ids[-1] == f"{TRAININGS_REMEMBERED + 4:032x}"


# --- who answers -------------------------------------------------------------------------------------------


def test_an_own_model_answers_its_visitor_and_nobody_else(tiny_model, tiny_files, tmp_path):
    save_model(tmp_path / "own", tiny_files, name="Own", class_names=TINY_CLASSES)
    own = Model(load_classifier(tmp_path / "own"), load_card(tmp_path / "own"))
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    mine = tab.show_model(None, own, 3, *DEFAULT_STYLE)
    assert mine[tab.banner]["visible"] and "Your own model answers here" in mine[tab.whose]
    photo = draw("odissi", 0, size=(90, 110))
    answers = [tab._new_answer(who, photo, 3, *DEFAULT_STYLE)[tab.answer] for who in (own, None, own)]
    assert [answer.classifier is own.classifier for answer in answers] == [True, False, True]
    again = tab.show_model(answers[0], None, 3, *DEFAULT_STYLE)  # switched back: the photo is asked about again
    assert again[tab.answer].classifier is tab.shipped.classifier
    assert answers[0].classifier is own.classifier  # an answer that was given keeps its own
    assert not again[tab.banner]["visible"] and again[tab.whose] == ""


def test_an_own_model_shows_what_a_photo_looks_most_like_as_long_as_the_photos_are_there(tiny_model, tmp_path):
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    classifier, pictures = tab.shipped.classifier, [draw(form, 1, size=(90, 110)) for form in FORMS]
    for form, picture in zip(FORMS, pictures, strict=True):
        picture.save(tmp_path / f"{form}.png")
    photos = tuple(LabeledPhoto(tmp_path / f"{form}.png", form, f"<i>{form}.png", form) for form in FORMS)
    pooled = [classifier.head.pool(classifier.feature_map(picture)[None])[0] for picture in pictures]
    dataset = PhotoDataset(photos, tuple(sorted(FORMS)), tuple(range(len(photos))))
    neighbours = Neighbours(dataset, power_normalize(np.stack(pooled)), np.arange(len(photos)))
    own = Model(classifier, tab.shipped.card, neighbours=neighbours)
    shown = tab._new_answer(own, pictures[1], 3, *DEFAULT_STYLE)[tab.most_like]
    html = str(shown["value"])
    assert shown["visible"] and html.count("<figure>") == 3 and html.count(">the same<") == 1
    assert html.index("the same") < html.index("odissi.png") < html.index("\u00a0% alike") and "<i>" not in html
    (tmp_path / "odissi.png").unlink()
    html = str(tab._new_answer(own, pictures[1], 3, *DEFAULT_STYLE)[tab.most_like]["value"])
    assert html.count("<figure>") == 2 and "odissi" not in html
    assert tab._new_answer(None, pictures[1], 3, *DEFAULT_STYLE)[tab.most_like] == gr.update(value="", visible=False)


def test_a_model_of_two_classes_lists_two(tiny_model, tiny_files, tmp_path):
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    two = Model(SimpleNamespace(class_names=("a", "b")), load_card(tiny_model))
    updates = tab.show_model(None, two, 3, *DEFAULT_STYLE)
    assert (updates[tab.top_k]["maximum"], updates[tab.top_k]["value"]) == (2, 2)
    assert updates[tab.top_k]["label"] == "How many classes"


# --- settings ----------------------------------------------------------------------------------------------


def test_a_backbone_that_must_be_downloaded_says_so_and_cannot_be_chosen_where_nothing_is_reached(
    settings: TrainingSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in (
        ("DANCE_DEMO_CACHE", tmp_path),
        ("KERAS_HOME", tmp_path),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    online._known.clear()
    offered = settings.offer_backbones("imagenet")
    assert [name for _, name in offered["choices"]] == ["automatic", "dance", "general"]
    assert offered["value"] == "automatic" and settings.offer_backbones("general")["value"] == "general"
    assert "9 MB are not on this computer" in offered["info"] and WEIGHTS_VARIABLE in offered["info"]
    online._known[KERAS_FOLDER] = (time.monotonic() + 60, True)
    assert "9 MB are fetched first" in settings.offer_backbones("dance")["info"]
    monkeypatch.setenv(WEIGHTS_VARIABLE, "weights.h5")
    offered = settings.offer_backbones("imagenet")
    assert len(offered["choices"]) == 4 and offered["value"] == "imagenet" and "fetched" not in offered["info"]
    online._known.clear()


@pytest.fixture
def settings() -> TrainingSettings:
    return on_a_page(TrainingSettings)


def on_a_page(make: Callable[[], Any]) -> Any:
    """What is made inside of a page, laid out. Async, or Gradio makes event loops for the page that nobody closes."""

    async def made() -> Any:
        with gr.Blocks(analytics_enabled=False):
            tab = make()
            getattr(tab, "lay_out", lambda: None)()
        return tab

    return run_alone(made())


def values(settings: TrainingSettings, **changed: Any) -> list[Any]:
    return [changed.get(name, component.value) for name, component in settings.components.items()]


def test_the_settings_begin_as_the_defaults_of_a_training(settings: TrainingSettings):
    assert settings.config(values(settings)) == TrainingConfig()
    named = set(settings.components) - {"judge"} | {"folds", "keep_best"}
    assert named == set(TrainingConfig.__dataclass_fields__)  # nothing is left out


def test_cross_validation_and_numbers_from_the_page_are_understood(settings: TrainingSettings):
    config = settings.config(values(settings, judge=FOLDS, epochs=60.0, seed=7.0))
    assert (config.folds, config.epochs, config.seed) == (5, 60, 7)


@pytest.mark.parametrize("epochs", [0, -1, 10**9, 1.5, float("nan"), "60", [60], True, {}])
def test_S9_impossible_settings_are_refused_with_a_sentence(settings: TrainingSettings, epochs: Any):
    with pytest.raises(TrainingError, match="Epochs must be"):
        settings.config(values(settings, epochs=epochs))


def test_an_empty_number_is_told_by_its_name(settings: TrainingSettings):
    with pytest.raises(TrainingError, match="Learning rate is empty"):
        settings.config(_with_none(settings, "learning_rate"))


def _with_none(settings: TrainingSettings, empty: str) -> list[Any]:
    return [None if name == empty else component.value for name, component in settings.components.items()]


def test_every_setting_says_in_words_what_it_does(settings: TrainingSettings):
    assert [name for name, component in settings.components.items() if not component.info] == []


# --- how far it is -----------------------------------------------------------------------------------------


def epoch(number: int, fold: int = 0, folds: int = 1) -> EpochReport:
    return EpochReport(fold, folds, number, 10, 1 / number, 0.5, 2 / number, 0.25)


def test_how_far_it_is_follows_from_the_events():
    assert Now.of([]) == Now("Starting")
    assert Now.of([Progress("Looking"), Progress("Looking", 3, 9)]) == Now("Looking", 3, 9)
    assert Now.of([Progress("Training"), epoch(4)]) == Now("Training: epoch", 4, 10)
    assert Now.of([Progress("Training"), epoch(4, 1, 5)]) == Now("Training: part 2 of 5, epoch", 4, 10)
    assert Now.of([epoch(4), Progress("Judging")]) == Now("Judging")


def test_the_time_left_is_told_from_the_pace_of_the_phase():
    now = Now("Looking", 30, 90)
    assert Pace().at(now).left_s(now) is None  # too early to tell
    assert Pace("Looking", time.monotonic() - 10, 10).left_s(now) == pytest.approx(30, rel=0.05)
    assert Pace("Training", 0, 5).at(now).done == 30  # a new phase


def test_curves_of_several_folds_are_their_mean():
    history = [epoch(1, 0, 2), epoch(2, 0, 2), EpochReport(1, 2, 1, 10, 3.0, 0.5, 4.0, 0.5)]
    frame = curves.frame(history, "loss")
    training = frame[frame.photos == "training"].set_index("epoch").loss.to_dict()
    assert training == {1: 2.0, 2: 0.5}


# --- results -----------------------------------------------------------------------------------------------


def made_up(names: tuple[str, ...], photo_names: list[str]) -> tuple[TrainingResult, PhotoDataset]:
    """A result over photos that are labelled in turn, half of them answered wrong."""
    photos = tuple(
        LabeledPhoto(Path(f"{i}.jpg"), names[i % len(names)], name, f"{i:064x}") for i, name in enumerate(photo_names)
    )
    dataset = PhotoDataset(photos, tuple(sorted(names)), tuple(range(len(photos))))
    probabilities = np.full((len(photos), len(names)), 0.1 / (len(names) - 1))
    answers = [(index + (place % 2)) % len(names) for place, index in enumerate(dataset.class_indices)]
    probabilities[np.arange(len(photos)), answers] = 0.9
    result = TrainingResult(
        model=Path("nowhere"),
        config=TrainingConfig(),
        class_names=dataset.class_names,
        evaluation=evaluate(dataset.labels, probabilities, dataset.class_names),
        temperature=1.0,
        held_out=np.arange(len(photos)),
        probabilities=probabilities,
        history=(),
        n_train=5,
        stopped=True,
        date=datetime(2026, 11, 29, 5, 40, tzinfo=UTC),
        label_issues=tuple(LabelIssue(i, photos[i].label, names[0], 0.9) for i in range(3)),
        seconds={"photos": 1.0, "total": 3.0},
    )
    return result, dataset


def a_map(n: int) -> Projection:
    return Projection("t-SNE", np.random.default_rng(0).random((n, 2)), neighbours=5, kept=0.4, agreement=0.9)


def pieces(names: tuple[str, ...], photo_names: list[str], sound: SoundSettings | None = None) -> str:
    """All HTML that shows a result, with these names of classes and photos."""
    result, dataset = made_up(names, photo_names)
    dataset = replace(dataset, sound=sound)
    noun = dataset.noun
    url = "gradio_api/file=/a.jpg"
    shown = [markup.CellPhoto(url, url, f"{name}, coloured", name, name) for name in photo_names]
    issues = [(issue, dataset.photos[issue.index].name, url, "") for issue in result.label_issues]
    prepared = Prepared(dataset, IntakeReport("", 0, (), (), {}, names[0]), Path("nowhere"))
    run = Training(ID, Material.of(prepared), result)
    label, other = result.class_names[:2]
    photo = {"url": url, "label": label, "answer": other}
    return "".join(
        (
            markup.material(Material.of(prepared)),
            markup.finished(run),
            markup.score(run, SamePhotos(2, 0.5, 1.0)),
            markup.runs([run, run], [1, 2], ID),
            markup.class_table(result.evaluation),
            markup.confusion(result.evaluation, (0, 0), noun=noun),
            markup.confusion(result.evaluation, title=label, buttons=False),
            render("train/results.choose_a_cell", noun=noun),
            map_markup.dataset_map(replace(a_map(len(dataset.photos)), noun=noun), dataset, {}),
            map_markup.choose_a_point(noun),
            map_markup.point(shown[0], dataset, 0, None, ()),
            map_markup.box(dataset, range(len(dataset.photos)), {}),
            markup.cell(label, other, shown, len(shown) + 2, folds=True, noun=noun),
            markup.label_issues(issues, result.class_names, 9, noun=noun),
            markup.label_issues((), result.class_names, 0, noun=noun),
            markup.label_issues((), result.class_names, 0, told=False, noun=noun),
            render("train/results.reliability", told=False, n=8, noun=noun),
            render("train/compare.difference", right=label, wrong=other, photos=[photo], total=5, noun=noun),
        )
    )


def test_S1_hostile_names_change_no_element_of_the_results():
    plain = pieces(("cricket", "football"), [f"photo {i}" for i in range(len(HOSTILE))])
    for text in HOSTILE:
        hostile = pieces((text, "football"), list(HOSTILE))  # no form of ours, which has another name, too
        assert Counter(Skeleton(hostile).elements) == Counter(Skeleton(plain).elements), text  # the classes are sorted


def test_what_only_one_of_two_gets_right_is_shown(tmp_path):
    names = [f"{i}.jpg" for i in range(8)]
    result, dataset = made_up(("kathak", "odissi"), names)
    draw("odissi", 1, size=(60, 80)).save(tmp_path / "a.png")
    dataset = replace(dataset, photos=tuple(replace(photo, path=tmp_path / "a.png") for photo in dataset.photos))
    classes = np.asarray(dataset.class_indices)
    methods = [
        MethodResult(name, result.evaluation, given, (), 1.0, 1)
        for name, given in ((NORMALIZED, np.eye(2)[classes]), (SCRATCH, result.probabilities))
    ]
    compared = ComparisonResult(
        tuple(methods), ComparisonSettings(), dataset.class_names, result.held_out, classes, 5, False
    )
    shown = render("train/compare.found", table="", matrices=[], differences=_differences(compared, dataset))
    assert shown.count("<figure>") == 4 and "&lt;" not in shown
    assert "4 photos" in shown and "0 photos" in shown


def test_recordings_are_called_by_their_own_name_wherever_a_result_is_shown():
    names = [f"{number}.wav" for number in range(9)]
    of_photos, of_sound = (words_of(pieces(("adi", "dadra"), names, kind)) for kind in (None, SoundSettings()))
    assert "photo" in of_photos and "piece" not in of_photos
    assert "pieces of sound" in of_sound and "photo" not in of_sound


def words_of(html: str) -> str:
    """All that somebody reads or hears of it."""
    labels = re.findall(r'(?:aria-label|alt|title)="([^"]*)"', html)
    return " ".join([re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL), *labels]).lower()


def test_each_photo_is_a_point_of_its_class_and_a_wrong_answer_is_ringed():
    result, dataset = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    said = {answer.index: answer for answer in answers(result, dataset)}
    html = map_markup.dataset_map(a_map(8), dataset, said)
    kinds = [int(kind) for kind in re.findall(r'<g data-index="\d"[^>]*data-kind="(\d)"', html)]
    assert kinds == list(dataset.class_indices)
    ringed = re.findall(r'data-index="(\d)"[^>]*><title>[^<]*</title><circle class="ring"', html)
    assert [int(index) for index in ringed] == [index for index, answer in said.items() if not answer.right] != []
    assert "at random it would be 71\u00a0%" in html and "40\u00a0% are among its 5 nearest" in html


def test_a_cell_of_the_confusion_matrix_is_a_button_that_says_what_it_counts():
    result, _ = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    html = markup.confusion(result.evaluation)
    words = re.findall(r'data-choice="(\d),(\d)"[^>]*aria-label="([^"]*)"', html)
    assert ("0", "0", "4 photos: Kathak named right") in words
    assert ("1", "0", "4 photos: labelled Odissi, looks like Kathak") in words


def training_of(id: str, name: str, photo_names: list[str], **changed: Any) -> Training:
    """A made-up training on a dataset of this name."""
    result, dataset = made_up(("kathak", "odissi"), photo_names)
    evaluation = replace(result.evaluation, **changed)
    prepared = Prepared(dataset, IntakeReport("", 0, (), (), {}, name), Path("nowhere"))
    return Training(id, Material.of(prepared), replace(result, evaluation=evaluation))


LEFT, RIGHT = [f"{i}.jpg" for i in range(8)], [f"other {i}.jpg" for i in range(8)]


def test_only_heads_that_were_judged_on_the_same_photos_are_ranked():
    runs = [training_of("a", "left", LEFT), training_of("b", "left", LEFT, accuracy=0.75)]
    runs.append(training_of("c", "right", RIGHT, accuracy=1.0))
    html = markup.runs(runs, [1, 2, 3], "a")
    rows = html.split("<tr")[2:]
    assert ["★" in row for row in rows] == [False, True, False]
    assert ["left" in row for row in rows] == [True, True, False] and html.count("29 Nov 2026, 05:40 UTC") == 3


def test_a_head_that_knew_the_photos_is_not_ranked_and_warned_of_wherever_its_accuracy_is():
    known = training_of("b", "left", LEFT, accuracy=1.0, training_overlap=8)
    html = markup.runs([training_of("a", "left", LEFT), known], [1, 2], "b")
    assert "★" not in html and "8 of them trained the backbone" in html
    for text in (markup.score(known, None), markup.finished(known)):
        assert "8 of the 8 photos that judged were used to train the bundled backbone" in text


def test_the_head_before_is_told_on_the_same_photos_only():
    now, before = training_of("b", "left", LEFT), training_of("a", "right", RIGHT)
    assert now.before([before]) is None
    same = now.before([training_of("c", "left", LEFT[:4]), before])
    assert same == SamePhotos(4, before=0.5, now=0.5)
    html = markup.score(now, same)
    assert "on the 4 photos that judged both" in html and "left · 29 Nov 2026, 05:40 UTC" in html


def test_corrections_are_told_beside_the_accuracy():
    training = training_of("a", "left", LEFT)
    material = training.material.corrected({0: "odissi"})
    assert "1 correction was made" in markup.score(replace(training, material=material), None)
    assert "correction" not in markup.score(training, None)


def test_few_photos_say_less():
    few, many = training_of("a", "left", LEFT), made_up(("a", "b", "c"), [f"{i}.jpg" for i in range(60)])[0]
    assert "first two" not in markup.score(few, None)
    assert not few.result.evaluation.tells_calibration and not few.result.evaluation.tells_labels
    assert many.evaluation.tells_calibration and replace(many.evaluation, accuracy=0.8).tells_labels
    assert "Too few to tell: 8 photos" in render("train/results.reliability", told=False, n=8, noun="photos")
    assert "Too few photos to tell" in markup.label_issues((), ("a", "b"), 0, told=False, noun="photos")
    assert 'class="confusion few"' in markup.confusion(few.result.evaluation)
    assert 'class="confusion"' in markup.confusion(pieces_of(5))


def pieces_of(classes: int) -> Evaluation:
    names = tuple(f"class {number}" for number in range(classes))
    return made_up(names, [f"{i}.jpg" for i in range(20)])[0].evaluation


def test_decisions_become_corrections():
    sent = [[0, "1"], [1, "leave out"], [2, "keep"]]
    assert checked_decisions(sent, ("kathak", "odissi"), 8) == {0: "odissi", 1: None}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        7,
        "x",
        {},
        [],
        [[2, "keep"]],
        [[8, "1"]],
        [[-1, "1"]],
        [[0, "9"]],
        [[0, 1]],
        [["0", "1"]],
        [[0]],
        [0],
        [[0, None]],
        [[{}, "1"]],
    ],
)
def test_S9_junk_is_no_correction(sent: Any):
    with pytest.raises(DatasetError):
        checked_decisions(sent, ("kathak", "odissi"), 8)


@pytest.mark.parametrize("sent", [None, 3, "1", {}, [], [8], [-1], ["1"], [1.0], [True], [[1]], [1] * 9])
def test_S9_junk_is_no_photo_of_the_map(sent: Any):
    with pytest.raises(DatasetError):
        checked_photos(sent, 8)
    assert checked_photos([3, 0, 3], 8) == [0, 3]


def test_D18_the_corrected_list_is_a_train_csv_without_live_formulas(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    _, dataset = made_up(("kathak", "=cmd()"), ["=1+1.jpg", "b.jpg", "c.jpg", "d.jpg"])
    material = Material.of(Prepared(dataset, IntakeReport("", 0, (), (), {}, "my photos"), tmp_path))
    path = _corrected_list(material, {0: "odissi", 1: None})
    assert path.name == "my photos corrected labels.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == {"Image": "'=1+1.jpg", "target": "odissi", "before": "kathak"}
    assert [row["Image"] for row in rows] == ["'=1+1.jpg", "c.jpg", "d.jpg"]
    assert rows[-1]["target"] == "'=cmd()"
    assert len(path.parent.name) == 64  # nobody guesses where it lies


def test_the_reliability_of_a_head_that_is_half_right_lies_at_one_half():
    result, dataset = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    frame = reliability_frame(result, dataset)
    points = frame[frame["head"] != "ideal"]
    assert points[["said", "right"]].values.tolist() == [[pytest.approx(0.9), 0.5]]


# --- whose training is whose -------------------------------------------------------------------------------


@pytest.fixture
def trainings(tmp_path, monkeypatch, tiny_model) -> Iterator[Trainings]:
    monkeypatch.setenv("DANCE_DEMO_MODEL", str(tiny_model))
    monkeypatch.setenv("DANCE_DEMO_CACHE", str(tmp_path / "cache"))
    jobs = JobManager(tmp_path / "jobs", at_once=2, limits=JobLimits(kept_per_owner=2 * ROUNDS))
    yield Trainings(jobs)
    jobs.close()


@pytest.fixture(scope="module")
def materials(tmp_path_factory) -> dict[str, Material]:
    """Visitor -> photos of classes that nobody else has."""
    found = {}
    for visitor, forms in (("left", FORMS[:2]), ("right", FORMS[2:])):
        folder = tmp_path_factory.mktemp(visitor)
        for form in forms:
            (folder / f"{visitor} {form}").mkdir()
            for seed in range(6):
                draw(form, seed, size=(90, 110)).save(folder / f"{visitor} {form}" / f"{seed}.png")
        dataset, report = open_dataset(folder, workspace=folder)
        found[visitor] = Material.of(Prepared(dataset, report, folder))
    return found


@pytest.fixture
def step(trainings: Trainings) -> TrainingStep:
    async def made() -> TrainingStep:
        with gr.Blocks(analytics_enabled=False) as page:
            ids, chosen = gr.BrowserState([]), gr.BrowserState("")
            step = TrainingStep(page, trainings, ids=ids, material=gr.State(None), chosen=chosen)
            step.lay_out()
        return step

    return run_alone(made())


def begun(step: TrainingStep, material: Material, visitor: Visitor, ids: list[str]) -> Job:
    """A training that a visitor started; the browser then remembers it beside those before."""
    updates = step.begin(material, QUICK, visitor, list(ids))
    assert step.chosen not in updates  # what was there stays until there is something new
    assert updates[step.awaited] == updates[step.job_id]
    ids[:] = updates[step.ids]
    assert updates[step.job_id] == ids[-1]
    return step.jobs.find(ids[-1])


@pytest.mark.slow
def test_C3_two_visitors_train_at_the_same_time_and_nothing_is_mixed(step, trainings, materials):
    trainings.jobs.warm("keras", "sklearn.linear_model", "sklearn.model_selection")
    visitors = {side: Visitor(side, "127.0.0.1") for side in materials}
    remembered: dict[str, list[str]] = {side: [] for side in materials}
    for _ in range(ROUNDS):
        jobs = {side: begun(step, materials[side], visitors[side], remembered[side]) for side in materials}
        for side, job in jobs.items():
            assert job.wait(TRAINED_WITHIN_S) and job.problem == ""
            training = trainings.find(job.id)
            page = step.watch(job.id, Pace())
            assert page[step.chosen] == job.id
            assert set(training.result.class_names) == set(materials[side].dataset.class_names)
            assert load_classifier(training.result.model).class_names == training.result.class_names
            assert training.result.model.is_relative_to(job.directory)
            assert all(name.startswith(side) for name in training.result.class_names)
            assert training.material is materials[side]
    assert not set(remembered["left"]) & set(remembered["right"])
    finished = [trainings.finished(ids) for ids in remembered.values()]
    assert [len(found) for found in finished] == [min(ROUNDS, TRAININGS_REMEMBERED)] * 2


@pytest.mark.slow
def test_C4_a_second_start_watches_the_first(step, trainings, materials):
    browser, ids = request_of(cookie=new_cookie()), list[str]()
    first = begun(step, materials["left"], visitor_of(browser), ids)
    settings = [component.value for component in step.settings.inputs]
    again = step.start(materials["left"], ids, browser, *settings)
    assert again[step.job_id] == first.id
    stranger = step.start(materials["right"], None, request_of(cookie=new_cookie()), *settings)
    assert stranger[step.job_id] != first.id


@pytest.mark.slow
def test_a_training_that_fails_shows_its_sentence_and_the_page_stops_watching(step, trainings, materials):
    full = materials["left"].dataset
    lonely = PhotoDataset(full.photos[:6], full.class_names[:1], full.groups[:6])
    job = begun(step, Material(materials["left"].prepared, lonely), Visitor(ID, "127.0.0.1"), [])
    assert job.wait(TRAINED_WITHIN_S)
    page = step.watch(job.id, Pace())
    assert "That did not work" in page[step.notice] and "at least 2 classes" in page[step.notice]
    assert page[step.timer].active is False
    assert page[step.busy]["visible"] is False


@pytest.mark.slow
def test_what_was_stopped_for_good_is_forgotten(step, trainings, materials):
    job = begun(step, materials["left"], Visitor(ID, "127.0.0.1"), [])
    step.stop(job.id)
    assert job.wait(10)
    page = step.watch(job.id, Pace())
    assert "Nothing of it was kept" in page[step.notice] and page[step.job_id] == NO_JOB
    assert trainings.jobs.find(job.id) is None and not os.path.exists(job.directory)


def test_a_training_that_the_server_has_forgotten_is_told_once(step, trainings):
    told = step.restore(ID)
    assert "no longer kept here" in told[step.notice] and told[step.job_id] == NO_JOB
    assert step.notice not in step.restore(NO_JOB)
    assert trainings.known([ID]) == []


def told(trainings: Trainings, material: Material, *results: Any) -> Job:
    """A job of these photos that has ended; with no result it has failed."""
    work = (job_works.tell, results) if results else (job_works.user_error,)
    job = trainings.jobs.start(*work, owner=ID, origin="127.0.0.1", about=material)
    assert job.wait(TRAINED_WITHIN_S)
    return job


def test_what_came_of_other_photos_goes_when_the_photos_change(step, trainings, materials):
    left, right = materials["left"], materials["right"]
    done = told(trainings, left, made_up(("kathak", "odissi"), LEFT)[0])
    for other in (right, None, left.corrected({0: None})):
        page = step.show_material(other, done.id)
        assert page[step.notice] == "" and page[step.job_id] == NO_JOB
        assert page[step.curves]["elem_classes"] == ["curves", "away"]
    assert step.job_id not in step.show_material(left, done.id)
    assert not trainings.outlived(ID, right)


def test_a_training_that_fails_changes_nothing_of_the_one_before(step, trainings, materials):
    left = materials["left"]
    done = told(trainings, left, made_up(("kathak", "odissi"), LEFT)[0])
    failed = told(trainings, left)
    for page in (step.watch(failed.id, Pace()), step.restore(failed.id, done.id, failed.id)):
        assert "That did not work" in page[step.notice]
        assert not {step.chosen, step.ids} & set(page)
    assert trainings.find(done.id) and trainings.find(failed.id) is None
    assert [one.id for one in trainings.finished([done.id, failed.id])] == [done.id]
    trainings.jobs.forget(failed)
    assert step.restore(failed.id, done.id, failed.id)[step.notice] == ""


def test_after_a_reload_a_new_result_is_shown_and_else_what_was_looked_at_last(step, trainings, materials):
    first, second = (told(trainings, materials["left"], made_up(("kathak", "odissi"), LEFT)[0]) for _ in range(2))
    assert step.restore(second.id, first.id, second.id)[step.chosen] == second.id  # ended while the page was closed
    assert step.chosen not in step.restore(second.id, first.id, NO_JOB)


def test_corrections_make_new_material_and_leave_the_old_as_it_was(materials):
    material = materials["left"]
    corrected = material.corrected({0: material.dataset.class_names[1], 1: None})
    assert (corrected.dataset.corrections, len(corrected.dataset.photos)) == (2, 11)
    assert corrected.dataset.photos[0].label == material.dataset.class_names[1]
    assert len(material.dataset.photos) == 12 and material.dataset.corrections == 0
