"""Would it say the same: with a model that sees colours alone, so that every answer can be foreseen."""

import numpy as np
import pytest
from PIL import Image

from dance_demo.data.illustrations import draw
from dance_demo.errors import PhotoError
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.predict.robustness import CHANGES, MIRRORED, Robustness, changed_answer, held_sentence, robustness
from tests.support.colours import COLOURS, patch, save_colour_model


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return load_classifier(save_colour_model(tmp_path_factory.mktemp("colours") / "model"))


def named(photo: Image.Image, classifier: Classifier) -> tuple[str, np.ndarray]:
    """What the photo is called, and where that was seen."""
    answer = classifier.classify(photo)
    return answer.top.label, classifier.heatmap(answer, answer.top.label)


def checked(photo: Image.Image, classifier: Classifier) -> Robustness:
    return robustness(photo, classifier, *named(photo, classifier))


def test_colour_alone_decides_so_only_a_grey_copy_changes_the_answer(colours: Classifier) -> None:
    photo = patch(next(iter(COLOURS)))
    found = checked(photo, colours)
    assert [answer.change for answer in found.answers] == list(CHANGES)
    answers = {answer.change: answer for answer in found.answers}
    assert all(answers[name].same for name in (MIRRORED, "cropped", "turned", "blurred", "compressed"))
    counted = [answer for answer in found.answers if not answer.by_construction]
    assert (found.held, found.of) == (sum(answer.same for answer in counted), len(counted))
    assert f"After {found.held} of {found.of} changes" in held_sentence(found)


def test_the_model_that_ships_answers_a_mirrored_photo_the_same_by_construction(classifier: Classifier) -> None:
    photo = draw("kathakali", 7, size=(640, 800))
    found = checked(photo, classifier)
    assert found.answers[0].by_construction and found.of == 7
    assert max(answer.picture.width for answer in found.answers) <= 512 and photo.size == (640, 800)
    told = found.to_json()
    assert [change["change"] for change in told["changes"]] == list(CHANGES)
    assert set(told["changes"][0]) == {
        "change",
        "strength",
        "label",
        "probability",
        "sure",
        "same",
        "by_construction",
    }


def test_a_stronger_change_is_a_stronger_change(classifier: Classifier) -> None:
    photo = draw("odissi", 1)
    known = named(photo, classifier)
    weak, strong = (changed_answer(photo, classifier, *known, "dark", light).picture for light in (90, 10))
    assert sum(weak.convert("L").histogram()[128:]) > sum(strong.convert("L").histogram()[128:])


@pytest.mark.parametrize(
    ("change", "strength"),
    [("upside down", None), ("blurred", 99), ("turned", float("nan")), ("dark", "much"), ("cropped", -1)],
)
def test_strange_changes_and_strengths_are_refused(classifier: Classifier, change: str, strength: object) -> None:
    photo = Image.new("RGB", (64, 64))
    with pytest.raises(PhotoError, match="Choose from|must be from"):
        changed_answer(photo, classifier, *named(photo, classifier), change, strength)
