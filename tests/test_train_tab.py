""" "Train your own" behind the page: what the browser remembers, what is checked of it, and whose head is whose."""

import csv
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from dance_demo.dataset import IntakeReport, LabeledPhoto, PhotoDataset, open_dataset
from dance_demo.errors import DatasetError, TrainingError
from dance_demo.evaluation import evaluate
from dance_demo.illustrations import draw
from dance_demo.intake import Prepared
from dance_demo.jobs import JobLimits, Jobs
from dance_demo.model_store import load_card, load_classifier, save_model
from dance_demo.suspicions import Suspicion
from dance_demo.training import EmbeddingProgress, EpochReport, Phase, TrainingConfig, TrainingResult, load_trained
from dance_demo.ui import curves, train_markup
from dance_demo.ui.classify_tab import DEFAULT_LOOK, ClassifyTab, Model
from dance_demo.ui.job_watch import Now, Pace
from dance_demo.ui.result_step import _corrected_list, checked_decisions, reliability_frame
from dance_demo.ui.training_settings import FOLDS, TrainingSettings
from dance_demo.ui.training_step import PENDING, TrainingStep
from dance_demo.ui.trainings import Material, Trainings
from dance_demo.ui.visit import TRAININGS_REMEMBERED, Visit
from tests.conftest import TINY_CLASSES
from tests.event_loop import run_alone
from tests.hostile import HOSTILE, Skeleton

ROUNDS = int(os.environ.get("DANCE_DEMO_ROUNDS", 3))  # `make load` does fifty, through the page
TRAINED_WITHIN_S = 300  # on a busy machine; else it takes 5
FORMS = ("kathakali", "odissi", "manipuri", "sattriya")
QUICK = TrainingConfig(epochs=3, augmentation="off", batch_size=8)
ID = "0123456789abcdef" * 2


# --- what the browser remembers ----------------------------------------------------------------------------


def test_a_visit_comes_back_from_the_browser_as_it_went():
    visit = Visit(visitor=ID, trainings=(ID, ID[::-1]), using=ID)
    assert Visit.from_browser(visit.to_browser()) == visit


@pytest.mark.parametrize(
    "junk",
    [
        None,
        7,
        "x",
        [],
        {},
        {"visitor": ["a"]},
        {"visitor": "../../etc"},
        {"trainings": "x"},
        {"trainings": [1, {}, "é" * 32]},
    ],
)
def test_S9_junk_from_a_browser_is_a_new_visitor(junk: Any):
    visit = Visit.from_browser(junk)
    assert re.fullmatch("[0-9a-f]{32}", visit.visitor)
    assert visit.trainings == () and visit.using == ""


def test_only_the_latest_trainings_are_remembered():
    visit = Visit(visitor=ID)
    for number in range(TRAININGS_REMEMBERED + 5):
        visit = visit.with_training(f"{number:032x}")
    assert len(visit.trainings) == TRAININGS_REMEMBERED and visit.trainings[-1] == f"{TRAININGS_REMEMBERED + 4:032x}"


# --- who answers -------------------------------------------------------------------------------------------


def test_an_own_model_answers_its_visitor_and_nobody_else(tiny_model, tiny_files, tmp_path):
    save_model(tmp_path / "own", tiny_files, name="Own", class_names=TINY_CLASSES)
    own = Model(load_classifier(tmp_path / "own"), load_card(tmp_path / "own"))
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    mine = tab.show_model(None, own, 3, *DEFAULT_LOOK)
    assert mine[tab.banner]["visible"] and "Your own model answers here" in mine[tab.whose]
    photo = draw("odissi", 0, size=(90, 110))
    answers = [tab._new_answer(who, photo, 3, *DEFAULT_LOOK)[tab.answer] for who in (own, None, own)]
    assert [answer.classifier is own.classifier for answer in answers] == [True, False, True]
    again = tab.show_model(answers[0], None, 3, *DEFAULT_LOOK)  # switched back: the photo is asked about again
    assert again[tab.answer].classifier is tab.shipped.classifier
    assert answers[0].classifier is own.classifier  # an answer that was given keeps its own
    assert not again[tab.banner]["visible"] and again[tab.whose] == ""


def test_a_model_of_two_classes_lists_two(tiny_model, tiny_files, tmp_path):
    tab = on_a_page(lambda: ClassifyTab(load_classifier(tiny_model), load_card(tiny_model)))
    two = SimpleNamespace(classifier=SimpleNamespace(class_names=("a", "b")), card=load_card(tiny_model))
    updates = tab.show_model(None, two, 3, *DEFAULT_LOOK)
    assert (updates[tab.top_k]["maximum"], updates[tab.top_k]["value"]) == (2, 2)


# --- settings ----------------------------------------------------------------------------------------------


@pytest.fixture
def settings() -> TrainingSettings:
    return on_a_page(TrainingSettings)


def on_a_page(make: Callable[[], Any]) -> Any:
    """What is made inside of a page. Async, or Gradio makes event loops for the page that nobody closes."""

    async def made() -> Any:
        with gr.Blocks(analytics_enabled=False):
            return make()

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
    assert Now.of([Phase("Looking"), EmbeddingProgress(3, 9)]) == Now("Looking", 3, 9)
    assert Now.of([Phase("Training"), epoch(4)]) == Now("Training: epoch", 4, 10)
    assert Now.of([Phase("Training"), epoch(4, 1, 5)]) == Now("Training: part 2 of 5, epoch", 4, 10)
    assert Now.of([epoch(4), Phase("Judging")]) == Now("Judging")


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
        suspicions=tuple(Suspicion(i, photos[i].label, names[0], 0.9) for i in range(3)),
        seconds={"photos": 1.0, "total": 3.0},
    )
    return result, dataset


def pieces(names: tuple[str, ...], photo_names: list[str]) -> str:
    """All HTML that shows a result, with these names of classes and photos."""
    result, dataset = made_up(names, photo_names)
    jpeg = b"\xff\xd8"
    shown = [train_markup.Shown(jpeg, jpeg, f"photo of {name}", name, name) for name in photo_names]
    doubts = [(doubt, dataset.photos[doubt.place].name, jpeg) for doubt in result.suspicions]
    prepared = Prepared(dataset, IntakeReport("", 0, (), (), (), {}), Path("nowhere"))
    run = SimpleNamespace(job=SimpleNamespace(id=ID), result=result, material=Material.of(prepared))
    label, other = result.class_names[:2]
    return "".join(
        (
            train_markup.material(Material.of(prepared)),
            train_markup.finished(result),
            train_markup.score(result, result.evaluation),
            train_markup.runs([run, run], [1, 2], ID),
            train_markup.class_table(result.evaluation),
            train_markup.confusion(result.evaluation, (0, 0), title=label),
            train_markup.cell_title(label, other, 3, held_out_by_folds=True),
            train_markup.photos("", shown, more=2),
            train_markup.suspicious(doubts, result.class_names, 9),
            train_markup.difference(label, other, [(jpeg, label, other)], 5),
        )
    )


def test_S1_hostile_names_change_no_element_of_the_results():
    plain = pieces(("kathak", "odissi"), [f"photo {i}" for i in range(len(HOSTILE))])
    for text in HOSTILE:
        hostile = pieces((text, "odissi" if text != "odissi" else "kathak"), list(HOSTILE))
        assert Counter(Skeleton(hostile).elements) == Counter(Skeleton(plain).elements), text  # the classes are sorted


def test_a_cell_of_the_confusion_matrix_is_a_button_that_says_what_it_counts():
    result, _ = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    html = train_markup.confusion(result.evaluation)
    words = re.findall(r'data-choice="(\d),(\d)"[^>]*aria-label="([^"]*)"', html)
    assert ("0", "0", "4 photos: Kathak named right") in words
    assert ("1", "0", "4 photos: Odissi taken for Kathak") in words


def test_decisions_become_corrections():
    result, _ = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    sent = [[0, "1"], [1, "leave out"], [2, "keep"]]
    assert checked_decisions(sent, result) == {0: "odissi", 1: None}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        7,
        "x",
        {},
        [],
        [[2, "keep"]],
        [[7, "1"]],
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
    result, _ = made_up(("kathak", "odissi"), [f"{i}.jpg" for i in range(8)])
    with pytest.raises(DatasetError):
        checked_decisions(sent, result)


def test_D18_the_corrected_list_is_a_train_csv_without_live_formulas(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    _, dataset = made_up(("kathak", "=cmd()"), ["=1+1.jpg", "b.jpg", "c.jpg", "d.jpg"])
    path = _corrected_list(dataset, {0: "odissi", 1: None})
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
    jobs = Jobs(tmp_path / "jobs", at_once=2, limits=JobLimits(kept_per_owner=2 * ROUNDS))
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
    def make() -> TrainingStep:
        visit, chosen = gr.BrowserState({}), gr.BrowserState("")
        return TrainingStep(trainings, visit=visit, material=gr.State(None), chosen=chosen)

    return on_a_page(make)


def begun(step: TrainingStep, material: Material, visit: Visit) -> tuple[str, Visit]:
    """The id of a training that a visitor started, and what the browser then remembers."""
    updates = step.begin(material, QUICK, visit)
    assert updates[step.chosen] == PENDING
    return updates[step.watched], Visit.from_browser(updates[step.visit])


@pytest.mark.slow
def test_C3_two_visitors_train_at_the_same_time_and_nothing_is_mixed(step, trainings, materials):
    trainings.jobs.warm("keras", "sklearn.linear_model", "sklearn.model_selection")
    visits = {visitor: Visit.from_browser(None) for visitor in materials}
    for _ in range(ROUNDS):
        ids = {}
        for visitor, material in materials.items():
            ids[visitor], visits[visitor] = begun(step, material, visits[visitor])
        for visitor, id in ids.items():
            training = trainings.find(id)
            assert training.job.wait(TRAINED_WITHIN_S) and training.job.problem == ""
            page = step.watch(id, Pace())
            assert page[step.chosen] == id
            assert set(training.result.class_names) == set(materials[visitor].dataset.class_names)
            assert load_trained(training.result.model).class_names == training.result.class_names
            assert training.result.model.is_relative_to(training.job.directory)
            assert all(name.startswith(visitor) for name in training.result.class_names)
            assert training.material is materials[visitor]
    assert not set(visits["left"].trainings) & set(visits["right"].trainings)
    finished = [trainings.finished(visit.trainings) for visit in visits.values()]
    assert [len(found) for found in finished] == [min(ROUNDS, TRAININGS_REMEMBERED)] * 2


@pytest.mark.slow
def test_C4_a_second_start_watches_the_first(step, trainings, materials):
    material = materials["left"]
    id, visit = begun(step, material, Visit.from_browser(None))
    settings = [component.value for component in step.settings.inputs]
    again = step.start(material, visit.to_browser(), *settings)
    assert again[step.watched] == id
    stranger = step.start(materials["right"], None, *settings)
    assert stranger[step.watched] != id


@pytest.mark.slow
def test_a_training_that_fails_shows_its_sentence_and_the_page_stops_watching(step, trainings, materials):
    full = materials["left"].dataset
    lonely = PhotoDataset(full.photos[:6], full.class_names[:1], full.groups[:6])
    material = Material(materials["left"].prepared, lonely)
    id, _ = begun(step, material, Visit.from_browser(None))
    assert trainings.find(id).job.wait(TRAINED_WITHIN_S)
    page = step.watch(id, Pace())
    assert "That did not work" in page[step.notice] and "at least 2 classes" in page[step.notice]
    assert page[step.timer].active is False
    assert page[step.live]["visible"] is False


@pytest.mark.slow
def test_what_was_stopped_for_good_is_forgotten(step, trainings, materials):
    id, _ = begun(step, materials["left"], Visit.from_browser(None))
    directory = trainings.find(id).job.directory
    step.stop_for_good(id)
    assert trainings.find(id).job.wait(10)
    page = step.watch(id, Pace())
    assert "Nothing of it was kept" in page[step.notice]
    assert trainings.find(id) is None and not os.path.exists(directory)


def test_a_training_that_the_server_has_forgotten_is_told_once(step, trainings):
    gone = Visit(visitor=ID, trainings=(ID,))
    assert "no longer kept here" in step.restore(gone, "")[step.notice]
    assert trainings.known(gone.trainings) == ()


def test_corrections_make_new_material_and_leave_the_old_as_it_was(materials):
    material = materials["left"]
    corrected = material.corrected({0: material.dataset.class_names[1], 1: None})
    assert (corrected.corrections, len(corrected.dataset.photos)) == (2, 11)
    assert corrected.dataset.photos[0].label == material.dataset.class_names[1]
    assert len(material.dataset.photos) == 12 and material.corrections == 0
