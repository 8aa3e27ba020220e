"""Which backbone is chosen: by the photos that train alone, and only for a reason."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dance_demo.data.dataset import PhotoDataset, open_dataset
from dance_demo.data.illustrations import draw
from dance_demo.data.splits import stratified_group_split
from dance_demo.jobs.progress import Progress, Steps, never
from dance_demo.model.bundle import bundle_files, read_bundle, write_bundle
from dance_demo.model.directory import load_card
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import SoundSettings
from dance_demo.networks.imagenet import WEIGHTS_VARIABLE
from dance_demo.training import report
from dance_demo.training.backbones.choice import (
    BackboneChoice,
    choose_backbone,
    compared,
    known_photos,
    standard_error,
    without_comparison,
)
from dance_demo.training.config import TrainingConfig
from dance_demo.training.result import TrainingResult
from dance_demo.training.train import train
from tests.support.made_up import photo
from tests.support.sounds import melody, write_classes

SUBJECTS, DANCES = ("cups", "hats", "shoes"), ("kathak", "odissi", "sattriya")
PER_CLASS, CHANNELS, EACH_OF_REAL = 12, 20, 16


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A computer on which nothing was ever fetched."""
    for name in ("DANCE_DEMO_CACHE", "KERAS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing yet"))
    for name in (WEIGHTS_VARIABLE, "DANCE_DEMO_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As a training has it."""
    with threadpool_limits(1):
        yield


def photos_of(folder: Path, class_names: tuple[str, ...], per_class: int = PER_CLASS) -> PhotoDataset:
    for number, name in enumerate(class_names):
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            photo(1000 * number + index).save(folder / name / f"{index}.png")
    return open_dataset(folder, workspace=folder)[0]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory) -> PhotoDataset:
    return photos_of(tmp_path_factory.mktemp("subjects"), SUBJECTS)


@pytest.fixture(scope="module")
def dances(tmp_path_factory) -> PhotoDataset:
    return photos_of(tmp_path_factory.mktemp("dances"), DANCES)


def features(dataset: PhotoDataset, noise: float, seed: int = 0) -> np.ndarray:
    """(n, c) that tell the classes apart the worse, the more noise there is."""
    generator = np.random.default_rng(seed)
    classes = np.asarray(dataset.class_indices)
    centres = generator.random((len(dataset.class_names), CHANNELS))
    return np.abs(centres[classes] + noise * generator.normal(size=(len(classes), CHANNELS))).astype(np.float32)


def choose(dataset: PhotoDataset, train=None, **noise: float) -> BackboneChoice:
    seen = {name: features(dataset, amount, seed) for seed, (name, amount) in enumerate(noise.items())}
    return Steps(choose_backbone(seen, dataset, train or range(len(dataset.photos)))).run()


def test_a_backbone_that_is_clearly_better_is_chosen(subjects, dances):
    for dataset in (subjects, dances):
        for better, worse in (("dance", "general"), ("general", "dance")):
            choice = choose(dataset, **{better: 0.1, worse: 3.0})
            assert choice.backbone == better and choice.n == 36
            assert choice.accuracies[better] > 0.9 > 0.7 > choice.accuracies[worse]
            assert f"{choice.accuracies[worse]:.1%}".replace("%", " %") in choice.sentence


def test_a_third_one_must_beat_the_best_of_the_others(subjects):
    assert choose(subjects, dance=3.0, general=1.0, imagenet=0.1).backbone == "imagenet"
    assert choose(subjects, dance=3.0, general=0.1, imagenet=0.1).backbone == "general"


def test_where_none_is_better_it_is_dance_for_dances_and_general_for_others(subjects, dances):
    assert choose(dances, dance=0.1, general=0.1).backbone == "dance"
    assert choose(subjects, dance=0.1, general=0.1).backbone == "general"


def test_what_chance_explains_decides_nothing():
    right = {"general": np.ones(40), "dance": np.ones(40)}
    right["general"][:4] = 0
    right["dance"][2:5] = 0
    choice = compared(right, "general", "it suits most subjects", np.arange(40), "photos")
    assert choice.backbone == "general" and choice.accuracies == {"general": 0.9, "dance": 0.925}
    assert "decides nothing; General is kept, as it suits most subjects." in choice.sentence
    right["dance"][2:5] = 1
    assert compared(right, "general", "it suits most subjects", np.arange(40), "photos").backbone == "dance"


def test_the_photos_that_judge_are_never_looked_at(subjects):
    """Neither other labels of theirs nor other features change anything of what is found."""
    split = stratified_group_split(subjects.labels, subjects.groups)
    seen = {"dance": features(subjects, 1.0), "general": features(subjects, 1.2, seed=1)}
    expected = Steps(choose_backbone(seen, subjects, split.train)).run()
    held_out, shuffled = np.asarray(split.validation), list(subjects.photos)
    for index, other in zip(held_out, np.roll(held_out, 5), strict=True):
        shuffled[index] = replace(shuffled[index], label=subjects.photos[other].label)
    other_features = {name: found.copy() for name, found in seen.items()}
    for found in other_features.values():
        found[held_out] = 100
    again = Steps(choose_backbone(other_features, replace(subjects, photos=tuple(shuffled)), split.train)).run()
    assert again == expected and expected.n == len(split.train)


def test_it_can_be_stopped_at_any_moment_and_says_how_far_it_is(subjects):
    seen = {"dance": features(subjects, 1.0), "general": features(subjects, 1.0)}
    told = list(choose_backbone(seen, subjects, range(36)))
    assert [(event.done, event.total) for event in told] == [(done, 10) for done in range(10)]
    for calls in (0, 4, 9):
        answers = chain(repeat(False, calls), repeat(True))
        assert (
            Steps(choose_backbone(seen, subjects, range(36), stop=lambda answers=answers: next(answers))).run() is None
        )


def test_too_few_photos_to_compare_decide_nothing(subjects):
    few = [0, 12, 24]
    assert (
        "General was chosen without a comparison: it suits most" in choose(subjects, few, dance=1, general=1).sentence
    )
    assert choose(subjects, [0, 1, 12, 13], dance=1, general=1).accuracies == {}


def test_photos_that_trained_what_ships_leave_the_choice_to_imagenet(subjects, dances):
    known = frozenset(range(20))
    every, shipped = ("dance", "general", "imagenet"), ("dance", "general")
    assert without_comparison(subjects, every, frozenset()) is None
    assert without_comparison(subjects, every, frozenset([1])) is None
    assert without_comparison(dances, every, known).backbone == "imagenet"
    offline = without_comparison(dances, shipped, known)
    assert (
        offline.backbone == "dance" and "20 of the photos have trained the two backbones that ship" in offline.sentence
    )
    assert without_comparison(subjects, shipped, known).backbone == "general"
    assert "no other one is on this computer" in without_comparison(subjects, ("dance",), frozenset()).sentence


def test_the_few_known_photos_are_left_out_of_a_comparison(subjects):
    seen = {"dance": features(subjects, 0.1), "general": features(subjects, 0.1)}
    assert Steps(choose_backbone(seen, subjects, range(36), known=frozenset([0, 15, 35]))).run().n == 33


def test_the_standard_error_counts_copies_once():
    values = np.random.default_rng(0).normal(size=200)
    alone = standard_error(values, np.arange(200))
    assert alone == pytest.approx(values.std(ddof=1) / np.sqrt(200))
    assert standard_error(np.repeat(values, 3), np.repeat(np.arange(200), 3)) == pytest.approx(alone)


def test_offline_with_nothing_kept_a_head_is_trained_on_what_ships_and_says_which(tmp_path):
    forms = {"cats": "kathak", "dogs": "kathakali"}
    files = {f"{name}/{n}.png": draw(form, 700 + n, size=(96, 120)) for name, form in forms.items() for n in range(6)}
    for name, picture in files.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "photos" / name)
    dataset, _ = open_dataset(tmp_path / "photos", workspace=tmp_path)
    assert not known_photos(dataset)
    config = TrainingConfig(epochs=2, augmentation="off", folds=3)
    *events, result = train(tmp_path / "job", never, dataset, config, tmp_path / "cache")
    assert isinstance(result, TrainingResult) and set(result.choice.accuracies) == {"dance", "general"}
    passes = {event.text for event in events if isinstance(event, Progress) and event.total}
    assert {"Looking at the photos: Dance", "Looking at the photos: General", "Comparing the backbones"} == passes
    card, sentence = load_card(result.model), result.choice.sentence
    assert card.training["backbone"] == result.choice.backbone and card.backbone_choice == sentence
    assert "Each fold chose by its own training photos" in sentence
    assert sentence in report.html(result, dataset)
    assert report.to_json(result, dataset)["backbone_choice"]["accuracies"] == dict(result.choice.accuracies)
    readme = bundle_files(result.model)["README.md"].decode()
    assert f"| backbone | {result.choice.backbone} |" in readme and "| backbone choice |" in readme
    model = read_bundle(write_bundle(result.model, tmp_path / "bundle.zip"), tmp_path / "back")
    assert load_classifier(model).backbone.sha256 == card.training["backbone_sha256"]
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == ["embeddings.npy", "model"]


@pytest.mark.slow
@pytest.mark.parametrize(("photos", "best"), [("other/clothing", "general"), ("dance_web", "dance")])
def test_real_photos_that_neither_has_learned_from_get_the_backbone_for_their_subject(shared, photos, best, tmp_path):
    for folder in sorted(path for path in (shared / "data" / photos).iterdir() if path.is_dir()):
        (tmp_path / "photos" / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:EACH_OF_REAL]:
            (tmp_path / "photos" / folder.name / path.name).symlink_to(path)
    dataset, _ = open_dataset(tmp_path / "photos", workspace=tmp_path, follow_links=True)
    config = TrainingConfig(epochs=2, augmentation="off", folds=0)
    *_, result = train(tmp_path / "job", never, dataset, config, tmp_path / "cache")
    assert isinstance(result, TrainingResult) and result.choice.backbone == best
    found, other = result.choice.accuracies[best], min(result.choice.accuracies.values())
    assert found > other + 0.05, result.choice.accuracies


# --- of recordings -----------------------------------------------------------------------------------------


@pytest.fixture
def recordings(tmp_path: Path) -> PhotoDataset:
    """Two classes of eight recordings, each of two pieces of a second with two pictures."""
    clips = {name: {f"{n}.wav": melody(100 * k + n, 2) for n in range(8)} for k, name in enumerate(("adi", "dadra"))}
    folder = write_classes(tmp_path / "sounds", clips)
    return open_dataset(folder, workspace=tmp_path / "pieces", sound=SoundSettings(piece_s=1.0))[0]


def test_recordings_take_the_backbone_that_tells_their_classes_apart(recordings):
    """One that knows every recording again, but not its class, gains nothing by that: its pieces stay together."""
    random = np.random.default_rng(0)
    one_hot, noise = np.eye(2)[list(recordings.class_indices)], random.random((32, 2 * CHANNELS))
    memory = random.random((16, 2 * CHANNELS))[list(recordings.groups)] ** 4
    seen = {"dance": noise, "general": memory, "imagenet": np.hstack([one_hot, 0.5 * noise])}
    seen = {name: values.astype(np.float32) for name, values in seen.items()}
    assert without_comparison(recordings, tuple(seen), known_photos(recordings)) is None
    choice = Steps(choose_backbone(seen, recordings, range(32))).run()
    assert choice.backbone == "imagenet" and choice.n == 32 and choice.accuracies["general"] < 0.8
    assert choice.sentence.startswith("ImageNet was chosen: of 32 pieces of sound that train")


def test_a_head_of_recordings_has_the_backbone_that_was_judged_on_them(recordings, tmp_path):
    config = TrainingConfig(epochs=2, folds=3)
    *events, result = train(tmp_path / "job", never, recordings, config, tmp_path / "cache")
    assert set(result.choice.accuracies) == {"dance", "general"} and result.choice.n == 32
    passes = {event.text for event in events if isinstance(event, Progress) and event.total}
    looked = {f"Looking at the pieces of sound: {title}" for title in ("Dance", "General")}
    assert passes == looked | {"Comparing the backbones"}
    card = load_card(result.model)
    assert card.training["backbone"] == result.choice.backbone and card.sound["piece_s"] == 1.0
    assert load_classifier(result.model).backbone.sha256 == card.training["backbone_sha256"]
