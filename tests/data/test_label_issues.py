"""Wrong labels are found where they were planted."""

from pathlib import Path

import numpy as np
import pytest

from dance_demo.data import label_issues as label_issues_module
from dance_demo.data.dataset import LabeledPhoto, PhotoDataset, open_dataset
from dance_demo.data.illustrations import draw_dataset
from dance_demo.data.label_issues import LabelIssue, find_label_issues, out_of_fold
from dance_demo.errors import DatasetError
from dance_demo.jobs.progress import Steps
from dance_demo.model.backbone import BACKBONES, Backbone
from dance_demo.networks.imagenet import backbone_file
from dance_demo.training.features import PLAIN, embed

NAMES = ("a", "b", "c")


def made_up(labels: list[str], groups: list[int] | None = None) -> PhotoDataset:
    photos = tuple(LabeledPhoto(Path(f"{n}.jpg"), label, f"{n}.jpg", f"{n:064}") for n, label in enumerate(labels))
    return PhotoDataset(photos, tuple(sorted(set(labels))), tuple(groups or range(len(labels))))


def clusters(n: int = 150, noise: float = 0.3, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Pooled features (n, 20) around a centre for each class, and the classes."""
    generator = np.random.default_rng(seed)
    truth = [NAMES[number % 3] for number in range(n)]
    centres = generator.random((3, 20)) * 2
    return np.float32([np.abs(centres[NAMES.index(t)] + generator.normal(size=20) * noise) for t in truth]), truth


def flipped(truth: list[str] | tuple[str, ...], share: float, seed: int = 0) -> tuple[list[str], set[int]]:
    """The labels with a share of them changed to another class, and the indices where."""
    generator, names = np.random.default_rng(seed), sorted(set(truth))
    indices = generator.choice(len(truth), round(share * len(truth)), replace=False).tolist()
    labels = list(truth)
    for index in indices:
        labels[index] = str(generator.choice([name for name in names if name != truth[index]]))
    return labels, set(indices)


def found_among_the_first(issues: tuple[LabelIssue, ...], planted: set[int], n: int) -> float:
    first = {issue.index for issue in issues[: round(0.15 * n)]}
    return len(first & planted) / len(planted)


def test_planted_labels_come_first_and_the_truth_is_suggested():
    pooled, truth = clusters(noise=0.1)
    labels, planted = flipped(truth, 0.1)
    issues = find_label_issues(pooled, made_up(labels))
    assert {issue.index for issue in issues[: len(planted)]} == planted
    for issue in issues[: len(planted)]:
        assert issue.label == labels[issue.index]
        assert issue.suggestion == truth[issue.index]
        assert 0 <= issue.probability <= 1


def test_clean_labels_are_hardly_suspected():
    pooled, truth = clusters()
    assert len(find_label_issues(pooled, made_up(truth))) <= 3


def test_a_copy_of_a_photo_does_not_vouch_for_it():
    """With its copy among the others, a wrong label would look right."""
    pooled, truth = clusters(60)
    pooled, labels = np.concatenate([pooled, pooled]), [*truth, *truth]
    for index in (0, 60):
        labels[index] = "b"
    found = find_label_issues(pooled, made_up(labels, [*range(60), *range(60)]))
    assert {0, 60} <= {issue.index for issue in found}


def test_every_photo_is_asked_about_once():
    pooled, truth = clusters(60)
    np.testing.assert_allclose(out_of_fold(pooled, made_up(truth)).sum(axis=1), 1, rtol=1e-6)


def test_of_very_many_photos_some_are_learned_from_and_all_are_judged(monkeypatch):
    monkeypatch.setattr(label_issues_module, "LEARNED_FROM", 30)
    monkeypatch.setattr(label_issues_module, "BLOCK", 7)
    pooled, truth = clusters(noise=0.1)
    truth[0] = "rare"
    truth[1] = "rare"
    labels, planted = flipped(truth[2:], 0.1)
    found = find_label_issues(pooled, made_up([*truth[:2], *labels]))
    assert len({issue.index - 2 for issue in found[:20]} & planted) >= 0.8 * len(planted)


def test_the_seed_alone_decides():
    pooled, truth = clusters(noise=0.8)
    dataset = made_up(flipped(truth, 0.1)[0])
    assert find_label_issues(pooled, dataset, seed=3) == find_label_issues(pooled, dataset, seed=3)


def test_D14_a_class_of_copies_is_refused_with_its_name():
    pooled, truth = clusters(30)
    groups = [-1 if label == "a" else number for number, label in enumerate(truth)]
    with pytest.raises(DatasetError, match="a: all 10 photos are copies of one picture"):
        find_label_issues(pooled, made_up(truth, groups))


# Pictures ---------------------------------------------------------------------------------------------------------


def pooled_features(dataset: PhotoDataset, backbone: Path, folder: Path, *, cache: Path | None = None) -> np.ndarray:
    kept = {"cache": cache or folder, "scratch": folder / "features.npy"}
    steps = embed(dataset.photos, (), backbone=Backbone(backbone), views=(PLAIN,), **kept)
    return Steps(steps).run()[:, 0]


def with_labels(dataset: PhotoDataset, labels: list[str]) -> PhotoDataset:
    return dataset.relabelled(dict(enumerate(labels)))


@pytest.mark.slow
def test_six_in_ten_flipped_labels_of_drawings_are_among_the_first_15_percent(classifier, tmp_path, capsys):
    draw_dataset(tmp_path / "drawings", per_class=12, seed=3)
    dataset, _ = open_dataset(tmp_path / "drawings", workspace=tmp_path)
    pooled = pooled_features(dataset, backbone_file("dance"), tmp_path)
    shares = []
    for seed in range(3):
        labels, planted = flipped(dataset.labels, 0.1, seed)
        found = find_label_issues(pooled, with_labels(dataset, labels))
        shares.append(found_among_the_first(found, planted, len(labels)))
    with capsys.disabled():
        print(f"\ndrawings: {min(shares):.0%} to {max(shares):.0%} of flipped labels among the first 15 %")
    assert classifier.backbone.channels == pooled.shape[1] and min(shares) >= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_flipped_labels_of_real_photos_are_found_more_often_than_by_chance(
    shared, imagenet_cache, tmp_path, capsys, name
):
    dataset, _ = open_dataset(shared / "data" / "dance", workspace=tmp_path)
    pooled = pooled_features(dataset, backbone_file(name), tmp_path, cache=imagenet_cache / "features")
    shares = []
    for seed in range(3):
        labels, planted = flipped(dataset.labels, 0.1, seed)
        shares.append(
            found_among_the_first(find_label_issues(pooled, with_labels(dataset, labels)), planted, len(labels))
        )
    with capsys.disabled():
        print(f"\n364 photos, {name}: {min(shares):.0%} to {max(shares):.0%} of flipped labels among the first 15 %")
    assert min(shares) > 0.3
