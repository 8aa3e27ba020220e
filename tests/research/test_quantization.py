"""A model in eight bits: small, of the same answers, honest about its accuracy, and float32 for other programs."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.errors import DatasetError, ModelError
from dance_demo.jobs.progress import never
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import BACKBONE, BUNDLED, FAMILIARITY, FLOAT_BACKBONE, HEAD, load_card, save_model
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input
from dance_demo.networks import full_model
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.litert import litert_bytes, with_inner_map
from dance_demo.networks.quantization_aware import Student
from dance_demo.research import quantization
from dance_demo.research.photos import load_training_photos
from dance_demo.research.quantization import INNER, quantize


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawings in class folders."""
    folder = tmp_path_factory.mktemp("drawn")
    for number in range(40):
        form = folder / FORM_NAMES[number % 8]
        form.mkdir(exist_ok=True)
        draw(FORM_NAMES[number % 8], 900 + number, size=(240, 300)).save(form / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def photos(drawn: Path) -> list[Path]:
    return sorted(drawn.rglob("*.png"))


@pytest.fixture(scope="module")
def small(drawn: Path, photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, lines = tmp_path_factory.mktemp("small"), list[str]()
    held_out = load_training_photos([drawn], cache=folder, log=lines.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantization, "BATCH", 4)  # of memory for 16 photos a test machine has none to spare
        quantize(BUNDLED, photos, folder / "model", held_out=held_out, epochs=1, log=lines.append)
    assert lines[-1].startswith("epoch 1/1  loss 0.")
    return folder / "model"


@pytest.mark.slow
def test_it_is_small_and_gives_the_same_answers(small: Path) -> None:
    assert (small / BACKBONE).stat().st_size < 3_000_000 < (small / FLOAT_BACKBONE).stat().st_size
    after = load_classifier(small)
    before = after.in_float()
    drawings = [draw(form, 700 + number) for form in FORM_NAMES for number in range(3)]
    pairs = [(before.classify(one), after.classify(one)) for one in drawings]
    same = [one.top.label == other.top.label for one, other in pairs]
    assert np.mean(same) > 0.95
    said = [np.array([one.probabilities(before.class_names) for one in pair]) for pair in pairs]
    gaps = np.abs([before - after for before, after in said])
    assert np.median(np.max(gaps, axis=1)) < 0.05
    answer = pairs[0][1]
    assert after.heatmap(answer, answer.top.label).max() == 1


@pytest.mark.slow
def test_its_card_says_what_was_measured_and_what_it_was_made_of(small: Path) -> None:
    card, start = load_card(small), load_card(BUNDLED)
    classifier = load_classifier(small)
    assert card.evaluation["n"] == 40 and card.evaluation["temperature"] == classifier.head.temperature
    assert card.evaluation["max_distance"] == pytest.approx(classifier.familiarity.max_distance)
    assert card.evaluation["protocol"].startswith("40 photos of other sources than the 1781 photos and drawings")
    assert card.training["recipe"] == start.training["recipe"]
    assert card.training["eight_bits"] == {
        "float_sha256": start.files.get(FLOAT_BACKBONE, start.files[BACKBONE]), "photos": 40, "epochs": 1, "seed": 0
    }  # fmt: skip
    assert start.files["seen_photos.npz"] == card.files["seen_photos.npz"]
    assert (small / "confusion.png").stat().st_size > 10_000
    assert classifier.familiarity.centre.size == classifier.backbone.inner_channels == 960


@pytest.mark.slow
def test_other_programs_get_the_network_in_float32(small: Path, tmp_path: Path) -> None:
    (*_, full) = full_model.export(tmp_path / "full", never, small)
    assert full.largest_difference < 0.3  # from the app, which rounds; the export has checked that it is no mistake


@pytest.mark.slow
def test_without_its_float32_it_answers_and_other_programs_are_refused(small: Path, tmp_path: Path) -> None:
    files = {name: (small / name).read_bytes() for name in (BACKBONE, HEAD, FAMILIARITY)}
    alone = tmp_path / "alone"
    save_model(alone, files, name="Alone", class_names=load_card(small).class_names)
    assert load_classifier(alone).classify(draw("kathak", 1)).top.label == "kathak"
    with pytest.raises(ModelError, match="computes in eight bits, and its numbers in float32 are not here"):
        list(full_model.export(tmp_path / "full", never, alone))
    shutil.copytree(small, tmp_path / "damaged")
    (tmp_path / "damaged" / FLOAT_BACKBONE).write_bytes(b"cut")
    with pytest.raises(ModelError, match="backbone_float.tflite is missing, incomplete or was changed. Install"):
        keras_backbone(Backbone(tmp_path / "damaged" / BACKBONE))


@pytest.mark.slow
def test_the_student_rounds_as_litert_does_and_comes_nearer_to_its_teacher(photos: list[Path], tmp_path: Path) -> None:
    classifier = load_classifier(BUNDLED)
    answer, side_px = full_model.head_network(classifier.head), classifier.backbone.input_side_px
    drawings = [draw(form, 40 + number) for form in FORM_NAMES for number in range(2)]
    examples = np.stack([to_input(drawing, side_px) for drawing in drawings]).astype(np.float32)
    teacher = keras_backbone(classifier.backbone)

    student, goal = Student(teacher, answer, examples, steps=12), teacher(examples, training=False).numpy()
    rounded, converted = student.feature_maps(examples), tmp_path / "network.tflite"
    converted.write_bytes(litert_bytes(student.network(), side_px=side_px, examples=(one[None] for one in examples)))
    found = Backbone(converted).feature_maps(examples)

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.linalg.norm((one - other).mean(axis=(1, 2))) / np.linalg.norm(other.mean(axis=(1, 2))))

    assert apart(found, rounded) < 0.7 * apart(goal, rounded)
    losses = [student.learn(examples[number % 4 :: 4]) for number in range(12)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert apart(goal, student.feature_maps(examples)) < apart(goal, rounded)


def test_a_few_photos_do_not_say_what_occurs_in_photos(photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="20 photos are needed, like those it will be asked about; not 3"):
        quantize(BUNDLED, photos[:3], tmp_path / "out")
    with pytest.raises(ModelError, match="exists already"):
        quantize(BUNDLED, photos, tmp_path)


@pytest.mark.slow
def test_the_inner_map_is_given_besides_and_changes_nothing(tmp_path: Path) -> None:
    """Of a network in eight bits; what it gives is what its second but last block hands on within itself."""
    classifier, photo = load_classifier(BUNDLED), draw("odissi", 3)
    views, plain = classifier.views(photo), keras_backbone(classifier.backbone)
    side_px = classifier.backbone.input_side_px
    without = litert_bytes(plain, side_px=side_px, examples=(view[None] for view in views))
    files = {"without": without, "with": with_inner_map(without, INNER)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    before, after = (Backbone(tmp_path / name) for name in files)
    assert (before.inner_channels, after.inner_channels) == (0, 960)
    (maps, nothing), (same, inner) = before.look(views), after.look(views)
    assert np.array_equal(maps, same) and nothing.shape == (len(views), 0)
    expected = keras.Model(plain.input, plain.get_layer(INNER).output)(views, training=False).numpy().mean(axis=(1, 2))
    cosines = (inner * expected).sum(axis=1) / np.linalg.norm(inner, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.95
    with pytest.raises(ModelError, match="no network in eight bits with the layer block_17"):
        with_inner_map(without, "block_17")
    with pytest.raises(ModelError, match="no network in eight bits"):
        with_inner_map(classifier.backbone.in_float().data, INNER)
