"""Who trains and who judges."""

import random
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.dataset import LabeledPhoto, PhotoDataset
from dance_demo.data.splits import divide, divide_many, folds, stratified_group_split
from dance_demo.errors import DatasetError


def made_up(seed: int = 0) -> tuple[list[str], list[int]]:
    """300 photos of four classes, many of them in groups of up to five copies."""
    rng = random.Random(seed)
    labels, groups = [], []
    while len(labels) < 300:
        label, copies = rng.choices("abcd", weights=[6, 4, 3, 1])[0], rng.choice([1, 1, 1, 2, 5])
        labels += [label] * copies
        groups += [len(groups) + 1_000] * copies
    order = rng.sample(range(len(labels)), len(labels))
    return [labels[index] for index in order], [groups[index] for index in order]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.5])
def test_D14_no_copy_of_a_photo_is_on_the_other_side(fraction):
    labels, groups = made_up()
    split = stratified_group_split(labels, groups, validation_fraction=fraction, seed=3)
    assert sorted(split.train + split.validation) == list(range(len(labels)))
    assert not {groups[index] for index in split.train} & {groups[index] for index in split.validation}
    assert len(split.validation) / len(labels) == pytest.approx(fraction, abs=0.06)


def test_each_class_has_its_share_of_validation():
    labels, groups = made_up()
    split = stratified_group_split(labels, groups, seed=0)
    for label in "abcd":
        held_out = sum(labels[index] == label for index in split.validation)
        assert held_out / labels.count(label) == pytest.approx(0.2, abs=0.1)


def test_the_seed_alone_decides():
    labels, groups = made_up()
    assert stratified_group_split(labels, groups, seed=1) == stratified_group_split(labels, groups, seed=1)
    assert stratified_group_split(labels, groups, seed=1) != stratified_group_split(labels, groups, seed=2)


def test_every_photo_is_validated_in_exactly_one_fold():
    labels, groups = made_up()
    splits = folds(labels, groups, n_folds=5, seed=0)
    assert sorted(index for split in splits for index in split.validation) == list(range(len(labels)))
    for split in splits:
        assert not {groups[index] for index in split.train} & {groups[index] for index in split.validation}
        assert {labels[index] for index in split.train} == set("abcd")


def first_judges(dataset: PhotoDataset, n_folds: int) -> set[str]:
    split = divide(dataset, n_folds, validation_fraction=0.2, seed=0)[0]
    return {dataset.photos[index].name for index in split.validation}


@pytest.mark.parametrize("n_folds", [0, 5])
def test_after_corrections_the_same_photos_judge(n_folds):
    labels, groups = made_up()
    photos = tuple(LabeledPhoto(Path(f"{i}"), label, f"{i}", f"{i:064x}") for i, label in enumerate(labels))
    dataset = PhotoDataset(photos, tuple("abcd"), tuple(groups))
    corrected = dataset.relabelled({0: "b", 7: None}).relabelled({3: "a", 20: None})
    before, after = (first_judges(data, n_folds) for data in (dataset, corrected))
    assert corrected.corrections == 4
    assert after == before - {"7", "21"}  # the second correction counts without the photo that is gone


def test_two_recordings_of_each_class_are_enough_for_one_on_either_side():
    labels = [name for name in "abc" for _ in range(30)]
    groups = [number // 15 for number in range(90)]  # two of each class
    split = stratified_group_split(labels, groups)
    assert {labels[index] for index in split.validation} == {labels[index] for index in split.train} == set("abc")
    assert not {groups[index] for index in split.train} & {groups[index] for index in split.validation}


def test_five_photos_of_a_class_are_enough_for_any_fraction():
    labels, groups = list("aaaaabbbbbbbbbbbbbbbbbbbb"), list(range(25))
    split = stratified_group_split(labels, groups, validation_fraction=0.05)
    assert {labels[index] for index in split.validation} == {"a", "b"}


def test_D12_a_class_of_copies_only_is_refused_by_name():
    with pytest.raises(DatasetError, match="odissi: all 6 photos are copies"):
        folds(["kathak"] * 6 + ["odissi"] * 6, [*range(6), *[9] * 6])


def test_more_folds_than_photos_of_a_class_are_refused():
    with pytest.raises(DatasetError, match="odissi: 3 photos; 5 folds"):
        folds(["kathak"] * 9 + ["odissi"] * 3, range(12))


@pytest.mark.parametrize("fraction", [0, 0.9, -1, float("nan")])
def test_a_fraction_out_of_range_is_a_mistake_of_the_caller(fraction):
    with pytest.raises(ValueError, match="received"):
        stratified_group_split(["a", "b"], [0, 1], validation_fraction=fraction)


def test_many_photos_are_divided_by_class_with_groups_on_one_side() -> None:
    generator = np.random.default_rng(0)
    groups = np.unique(generator.integers(30_000, size=50_000), return_inverse=True)[1]
    classes = generator.choice(3, size=groups.max() + 1, p=[0.01, 0.3, 0.69])[groups]
    (split,) = divide_many(classes, groups, 0, validation_fraction=0.2, seed=1)
    train, judge = np.array(split.train), np.array(split.validation)
    assert np.array_equal(np.sort(np.concatenate([train, judge])), np.arange(50_000))
    assert not set(groups[train]) & set(groups[judge])
    np.testing.assert_allclose(np.bincount(classes[judge]) / np.bincount(classes), 0.2, atol=0.04)
    assert divide_many(classes, groups, 0, validation_fraction=0.2, seed=1) == (split,)
    assert divide_many(classes, groups, 0, validation_fraction=0.2, seed=2) != (split,)
    parts = divide_many(classes, groups, 5, validation_fraction=0.2, seed=1)
    assert sorted(index for part in parts for index in part.validation) == list(range(50_000))
    assert all(not set(groups[list(part.train)]) & set(groups[list(part.validation)]) for part in parts)


def test_a_class_of_one_picture_cannot_be_divided_however_many_photos_there_are() -> None:
    with pytest.raises(DatasetError, match="^b: 1 different photos, copies not counted; at least 2"):
        divide_many([0, 0, 1, 1], [0, 1, 2, 2], 0, validation_fraction=0.5, seed=0, class_names=("a", "b"))
