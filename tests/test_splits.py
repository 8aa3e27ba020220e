"""Who trains and who judges."""

import random

import pytest

from dance_demo.errors import DatasetError
from dance_demo.splits import folds, stratified_group_split


def made_up(seed: int = 0) -> tuple[list[str], list[int]]:
    """300 photos of four classes, many of them in groups of up to five copies."""
    rng = random.Random(seed)
    labels, groups = [], []
    while len(labels) < 300:
        label, copies = rng.choices("abcd", weights=[6, 4, 3, 1])[0], rng.choice([1, 1, 1, 2, 5])
        labels += [label] * copies
        groups += [len(groups) + 1_000] * copies
    order = rng.sample(range(len(labels)), len(labels))
    return [labels[place] for place in order], [groups[place] for place in order]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.5])
def test_D14_no_copy_of_a_photo_is_on_the_other_side(fraction):
    labels, groups = made_up()
    split = stratified_group_split(labels, groups, validation_fraction=fraction, seed=3)
    assert sorted(split.train + split.validation) == list(range(len(labels)))
    assert not {groups[place] for place in split.train} & {groups[place] for place in split.validation}
    assert len(split.validation) / len(labels) == pytest.approx(fraction, abs=0.06)


def test_each_class_has_its_share_of_validation():
    labels, groups = made_up()
    split = stratified_group_split(labels, groups, seed=0)
    for label in "abcd":
        held_out = sum(labels[place] == label for place in split.validation)
        assert held_out / labels.count(label) == pytest.approx(0.2, abs=0.1)


def test_the_seed_alone_decides():
    labels, groups = made_up()
    assert stratified_group_split(labels, groups, seed=1) == stratified_group_split(labels, groups, seed=1)
    assert stratified_group_split(labels, groups, seed=1) != stratified_group_split(labels, groups, seed=2)


def test_every_photo_is_validated_in_exactly_one_fold():
    labels, groups = made_up()
    splits = folds(labels, groups, n_folds=5, seed=0)
    assert sorted(place for split in splits for place in split.validation) == list(range(len(labels)))
    for split in splits:
        assert not {groups[place] for place in split.train} & {groups[place] for place in split.validation}
        assert {labels[place] for place in split.train} == set("abcd")


def test_five_photos_of_a_class_are_enough_for_any_fraction():
    labels, groups = list("aaaaabbbbbbbbbbbbbbbbbbbb"), list(range(25))
    split = stratified_group_split(labels, groups, validation_fraction=0.05)
    assert {labels[place] for place in split.validation} == {"a", "b"}


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
