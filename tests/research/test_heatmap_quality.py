"""Heatmaps measured: on a model whose heatmaps are right by construction, and by hand."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dance_demo.cli.main import main
from dance_demo.data.fingerprint import pixel_sha256
from dance_demo.data.illustrations import draw
from dance_demo.errors import DatasetError
from dance_demo.files.photo import open_photo
from dance_demo.files.zip_archive import SourceFile
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.research.heatmap_quality import (
    MEASURES,
    STEPS,
    BoxedPhoto,
    MapScores,
    boxed_photos,
    centred_map,
    deletion,
    differences,
    energy_inside,
    grad_cam,
    insertion,
    mappers,
    points_inside,
    pooled,
    read_boxes,
    score_maps,
    table,
)
from tests.support import ROOT
from tests.support.colours import COLOURS, patch, save_colour_model

BOXES = ROOT / "tests" / "research" / "dancer_boxes.csv"
CORNER = (1 / 8, 1 / 8, 4 / 8, 4 / 8)  # where a patch lies if nothing else is said


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_colour_model(tmp_path_factory.mktemp("colours") / "model")


@pytest.fixture
def colours(model) -> Classifier:
    return load_classifier(model)


def patches() -> tuple[BoxedPhoto, ...]:
    return tuple(BoxedPhoto(colour, patch(colour), (CORNER,)) for colour in COLOURS)


# one heatmap ------------------------------------------------------------------------------------------------------


def test_the_hottest_place_is_in_a_box_or_it_is_not():
    heatmap = np.array([[0.0, 0.2], [0.1, 1.0]])
    assert points_inside(heatmap, [(0.5, 0.5, 1, 1)])
    assert points_inside(heatmap, [(0, 0, 0.4, 0.4), (0.7, 0.7, 0.8, 0.8)])
    assert not points_inside(heatmap, [(0, 0, 0.5, 1)])


def test_without_any_heat_nothing_is_inside():
    nothing = np.zeros((7, 7), np.float32)
    assert not points_inside(nothing, [(0, 0, 1, 1)])
    assert energy_inside(nothing, [(0, 0, 1, 1)]) == 0


def test_even_heat_lies_in_boxes_by_their_area_and_where_they_overlap_it_counts_once():
    even = np.ones((7, 7), np.float32)
    assert energy_inside(even, [(0.25, 0, 0.75, 0.5)]) == pytest.approx(0.25)
    assert energy_inside(even, [(0, 0, 0.5, 1), (0.25, 0, 0.75, 1)]) == pytest.approx(0.75)
    assert energy_inside(even, [(0, 0, 1, 1)]) == pytest.approx(1)


def test_the_heatmap_that_is_served_lies_on_the_patch(colours):
    heatmap = grad_cam(colours, patch("red"), 0)
    assert points_inside(heatmap, [CORNER])
    assert energy_inside(heatmap, [CORNER]) > 0.85  # some bleeds over the edge when it is made smooth


def test_insertion_leads_from_the_blurred_photo_to_the_answer(colours):
    photo, heatmap = patch("green", size=2), np.ones((8, 8), np.float32)
    curve = insertion(colours, photo, heatmap, 1)
    assert curve.shape == (STEPS + 1,)
    assert curve[-1] == pytest.approx(colours.classify(photo).top.probability, abs=1e-6)


def test_deletion_leads_from_the_answer_to_an_even_colour(colours):
    photo, heatmap = patch("green", size=2), np.ones((8, 8), np.float32)
    curve = deletion(colours, photo, heatmap, 1)
    even = Image.new("RGB", photo.size, tuple(np.asarray(photo).mean(axis=(0, 1)).round().astype(int).tolist()))
    assert curve[0] == pytest.approx(colours.classify(photo).top.probability, abs=1e-6)
    last = {p.label: p.probability for p in colours.classify(even).predictions}["green"]
    assert curve[-1] == pytest.approx(last, abs=1e-3)


def test_an_answer_is_lost_sooner_by_its_own_heatmap_than_by_that_of_another_colour(colours):
    photo = patch("red", size=4)
    photo.paste(COLOURS["blue"], (40, 40, 64, 64))
    right, wrong = (grad_cam(colours, photo, index) for index in (0, 2))
    assert deletion(colours, photo, right, 0).mean() < deletion(colours, photo, wrong, 0).mean() - 0.05


def test_hot_places_first_brings_the_answer_back_sooner_than_cold_ones_first(classifier):
    photo = draw("kathakali", 1000)
    heatmap, index = grad_cam(classifier, photo, 2), 2
    assert insertion(classifier, photo, heatmap, index).mean() > insertion(classifier, photo, 1 - heatmap, index).mean()


# many photos ------------------------------------------------------------------------------------------------------


def test_a_model_that_looks_at_the_patch_is_told_from_maps_that_know_nothing(colours):
    scores = score_maps(patches(), colours, mappers(colours))
    assert set(scores) == {"Grad-CAM", "centred", "random"}
    right, centred = scores["Grad-CAM"], scores["centred"]
    assert right.pointing.all() and right.mosaic_pointing.all()
    assert (right.mosaic_energy[:3] > 0.9).all()  # red and green places speak for yellow too
    assert centred.mosaic_energy == pytest.approx(0.25, abs=1e-3)
    assert (right.energy > centred.energy + 0.3).all()
    assert all(
        ((vars(score)[name] >= 0) & (vars(score)[name] <= 1)).all() for score in scores.values() for name in MEASURES
    )


def test_the_same_seed_gives_the_same_scores(colours):
    first, second = (score_maps(patches(), colours, mappers(colours, seed=3), seed=3)["random"] for _ in range(2))
    for measure in MEASURES:
        np.testing.assert_array_equal(vars(first)[measure], vars(second)[measure])


def test_a_mosaic_needs_four_answers(colours):
    with pytest.raises(DatasetError, match="4 different answers are needed, found 3"):
        score_maps(patches()[:3], colours, mappers(colours))


def test_differences_are_taken_photo_by_photo():
    generator = np.random.default_rng(0)
    values = [generator.random(50) for _ in range(7)]
    scores, worse = MapScores(*values), MapScores(*(value - 0.1 for value in values))
    for mean, low, high in differences(scores, worse).values():
        assert mean == pytest.approx(0.1) and low == pytest.approx(0.1) and high == pytest.approx(0.1)
    for mean, low, high in differences(scores, MapScores(*values[::-1])).values():
        assert low - 1e-9 <= mean <= high + 1e-9 and high - low < 0.4


def test_the_table_says_by_how_much_the_first_map_is_ahead():
    ones, halves = (MapScores(*np.full((7, 3), value)) for value in (1.0, 0.5))
    joined = pooled([{"ours": ones, "centred": halves}] * 2)
    assert len(joined["ours"].insertion) == 6
    lines = table(joined).splitlines()
    assert lines[0].startswith("| heatmap | insertion | deletion |")
    assert lines[2] == "| ours | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.0 |"
    assert lines[4].startswith("| ours - centred | +0.500 [+0.500, +0.500] |")


def test_the_centred_map_is_hottest_in_the_middle_and_the_same_from_all_sides():
    heatmap = centred_map(64)
    assert points_inside(heatmap, [(0.45, 0.45, 0.55, 0.55)])
    np.testing.assert_allclose(heatmap, heatmap[::-1])
    np.testing.assert_allclose(heatmap, heatmap.T)


# boxes ------------------------------------------------------------------------------------------------------------


def write_boxes(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("pixel_sha256,photo,x0,y0,x1,y1", *lines)) + "\n")
    return path


def test_a_photo_may_have_several_boxes(tmp_path):
    path = write_boxes(tmp_path / "b.csv", "aa,1.jpg,0,0,0.5,1", "bb,2.jpg,0.1,0.2,0.3,0.4", "aa,1.jpg,0.5,0,1,1")
    assert read_boxes(path) == {"aa": ((0, 0, 0.5, 1), (0.5, 0, 1, 1)), "bb": ((0.1, 0.2, 0.3, 0.4),)}


@pytest.mark.parametrize(
    "line", ["aa,1.jpg,0.5,0,0.5,1", "aa,1.jpg,0,0,2,1", "aa,1.jpg,0,nan,1,1", "aa,1.jpg,0,x,1,1", "aa"]
)
def test_a_line_that_is_no_box_is_named(tmp_path, line):
    with pytest.raises(DatasetError, match=r"b\.csv, line 3: .* is no box"):
        read_boxes(write_boxes(tmp_path / "b.csv", "aa,1.jpg,0,0,1,1", line))


def test_boxes_find_their_photo_whatever_it_is_called(tmp_path):
    files = []
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        patch(colour).save(tmp_path / name)
        files.append(SourceFile(name, tmp_path / name))
    boxes = {pixel_sha256(patch("blue")): (CORNER,)}
    (found,) = boxed_photos(files, boxes)
    assert (found.name, found.boxes) == ("b.png", (CORNER,))
    with pytest.raises(DatasetError, match="None of these photos"):
        boxed_photos(files[:1], boxes)


def test_the_boxes_that_ship_are_on_sixty_photos_of_all_forms_and_folds(shared):
    boxes = read_boxes(BOXES)
    assert len(boxes) == 60
    with BOXES.open() as file:
        names = {row["photo"]: row["pixel_sha256"] for row in csv.DictReader(file)}
    with (shared / "data/dance/folds.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["Image"] in names]
    assert set(Counter(row["fold"] for row in rows).values()) == {12}
    assert set(Counter(row["target"] for row in rows).values()) == {7, 8}
    for name in list(names)[::10]:
        assert pixel_sha256(open_photo(shared / "data/dance/train" / name)) == names[name]


# the command line -------------------------------------------------------------------------------------------------


def test_heatmaps_prints_the_table_for_photos_with_boxes(tmp_path, model, capsys):
    (tmp_path / "photos").mkdir()
    lines = []
    for boxed in patches():
        boxed.photo.save(tmp_path / "photos" / f"{boxed.name}.png")
        lines.append(f"{pixel_sha256(boxed.photo)},,{','.join(map(str, CORNER))}")
    boxes = write_boxes(tmp_path / "b.csv", *lines)
    assert main(["heatmaps", str(tmp_path / "photos"), "--boxes", str(boxes), "--model", str(model)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("4 photos\n\n| heatmap |")
    assert "| Grad-CAM - centred | " in out
