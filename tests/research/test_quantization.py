"""The shipped model in eight bits: small, of the same answers, and honest about what it can no longer become."""

from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.illustrations import FORM_NAMES, draw
from dance_demo.errors import DatasetError, ModelError
from dance_demo.export.page import write_page
from dance_demo.jobs.progress import never
from dance_demo.model.directory import BACKBONE, BUNDLED, load_card
from dance_demo.model.loading import load_classifier
from dance_demo.networks import full_model
from dance_demo.research.quantization import PHOTOS_AT_LEAST, quantize


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawn")
    for number in range(24):
        draw(FORM_NAMES[number % 8], 900 + number, size=(240, 300)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def small(photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small") / "model"
    quantize(BUNDLED, photos, out)
    return out


@pytest.mark.slow
def test_it_is_small_and_gives_the_same_answers(small: Path) -> None:
    assert (small / BACKBONE).stat().st_size < 3_000_000 < (BUNDLED / BACKBONE).stat().st_size
    before, after = load_classifier(BUNDLED), load_classifier(small)
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
def test_its_card_claims_no_accuracy_and_other_programs_are_refused_it(small: Path, tmp_path: Path) -> None:
    card = load_card(small)
    assert card.summary().endswith("no held-out evaluation.") and card.training["photos"] == 24
    list(write_page(small, tmp_path / "page.html", never))
    assert (tmp_path / "page.html").stat().st_size < 8_000_000
    with pytest.raises(ModelError, match="computes in eight bits"):
        list(full_model.export(tmp_path / "full", never, small))
    with pytest.raises(ModelError, match="computes in eight bits"):
        quantize(small, [tmp_path] * PHOTOS_AT_LEAST, tmp_path / "again")


def test_a_few_photos_do_not_say_what_occurs_in_photos(photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="20 photos are needed, like those it will be asked about; not 3"):
        quantize(BUNDLED, photos[:3], tmp_path / "out")
    with pytest.raises(ModelError, match="exists already"):
        quantize(BUNDLED, photos, tmp_path)
