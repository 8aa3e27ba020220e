"""Features that are kept: the right ones, found again, and nobody else's."""

import contextlib
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.dataset import LabeledPhoto
from dance_demo.data.fingerprint import pixel_sha256
from dance_demo.files.photo import open_photo
from dance_demo.jobs.progress import Steps
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import BACKBONE
from dance_demo.model.loading import load_classifier
from dance_demo.training import features as features_module
from dance_demo.training.features import MIRROR, PLAIN, FeatureStore, embed, views_of
from tests.support import ROOT
from tests.support.made_up import jpeg, pooled, tree_hash

VIEWS = views_of("medium", 2)


def labelled(path: Path) -> LabeledPhoto:
    return LabeledPhoto(path, "kathak", path.name, pixel_sha256(open_photo(path)))


@pytest.fixture
def photos(tmp_path) -> list[LabeledPhoto]:
    (tmp_path / "photos").mkdir()
    for seed in range(6):
        (tmp_path / "photos" / f"{seed}.jpg").write_bytes(jpeg(seed))
    return [labelled(path) for path in sorted((tmp_path / "photos").iterdir())]


@pytest.fixture
def backbone(tiny_model) -> Backbone:
    return Backbone(tiny_model / BACKBONE)


def embedded(photos, backbone, tmp_path, *, training=(0, 1, 2, 3, 4, 5), views=VIEWS) -> np.ndarray:
    steps = Steps(
        embed(photos, training, backbone=backbone, cache=tmp_path / "cache", views=views, scratch=tmp_path / "f.npy")
    )
    assert [step.done for step in steps] == list(range(1, len(photos) + 1))
    return np.array(steps.result)


def test_the_first_view_is_what_the_visitors_classifier_sees(photos, backbone, tmp_path, tiny_model):
    expected = pooled(load_classifier(tiny_model), [open_photo(photo.path) for photo in photos])
    np.testing.assert_array_equal(embedded(photos, backbone, tmp_path)[:, 0], expected)


def test_only_photos_that_train_are_seen_in_more_views(photos, backbone, tmp_path):
    found = embedded(photos, backbone, tmp_path, training=(1, 4))
    assert found.shape == (6, 4, backbone.channels)
    assert not found[[0, 2, 3, 5], 1:].any()
    for index in (1, 4):
        assert len(np.unique(found[index], axis=0)) == 4, "each view shows something else"


def test_the_second_view_is_the_mirror_image(photos, backbone, tmp_path):
    mirrored = open_photo(photos[0].path).transpose(0)  # left to right
    mirrored.save(tmp_path / "photos" / "mirrored.png")
    both = [photos[0], labelled(tmp_path / "photos" / "mirrored.png")]
    found = embedded(both, backbone, tmp_path, views=(PLAIN, MIRROR))
    np.testing.assert_allclose(found[0, 1], found[1, 0], atol=0.02)  # resized before and after mirroring


def test_without_augmentation_there_is_one_view():
    assert views_of("off", 3) == (PLAIN,)
    assert views_of("light", 1) == (PLAIN, MIRROR, "light 0")


def test_what_is_kept_is_not_computed_again(photos, backbone, tmp_path):
    first = embedded(photos, backbone, tmp_path)
    shutil.rmtree(tmp_path / "photos")
    np.testing.assert_array_equal(embedded(photos, backbone, tmp_path), first)


def test_copies_of_a_photo_do_not_depend_on_the_other_photos(photos, backbone, tmp_path):
    together = embedded(photos, backbone, tmp_path)
    shutil.rmtree(tmp_path / "cache")
    alone = embedded(photos[3:4], backbone, tmp_path, training=(0,))
    np.testing.assert_array_equal(alone[0], together[3])


def test_C15_another_picture_of_the_same_name_has_its_own_features(photos, backbone, tmp_path):
    before = embedded(photos, backbone, tmp_path)
    photos[2].path.write_bytes(jpeg(99))
    photos[2] = labelled(photos[2].path)
    after = embedded(photos, backbone, tmp_path)
    assert (before[2] != after[2]).any()
    np.testing.assert_array_equal(np.delete(before, 2, axis=0), np.delete(after, 2, axis=0))


def test_C15_another_backbone_another_code_and_another_strength_find_nothing(photos, backbone, tmp_path, monkeypatch):
    embedded(photos, backbone, tmp_path)
    shutil.rmtree(tmp_path / "photos")
    store = FeatureStore(tmp_path / "cache", backbone)
    assert store.features(photos[0], VIEWS).shape == (4, backbone.channels)
    other = Backbone.__new__(Backbone)
    vars(other).update({**vars(backbone), "sha256": "0" * 64})
    for changed, views in ((FeatureStore(tmp_path / "cache", other), (PLAIN,)), (store, ("strong 0",))):
        with pytest.raises(Exception, match="0.jpg"):
            changed.features(photos[0], views)
    monkeypatch.setattr(features_module, "CODE_VERSION", features_module.CODE_VERSION + 1)
    with pytest.raises(Exception, match="0.jpg"):
        store.features(photos[0], (PLAIN,))


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_damaged_file_counts_as_not_there(photos, backbone, tmp_path, damage):
    expected = embedded(photos, backbone, tmp_path)
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-1] + b"?" if damage is None else damage)
    np.testing.assert_array_equal(embedded(photos, backbone, tmp_path), expected)


def test_C14_two_processes_may_share_a_folder(photos, backbone, tmp_path, tiny_model):
    code = f"""
from pathlib import Path
from tests.training.test_features import Backbone, embedded, labelled
folder = Path({str(tmp_path)!r})
photos = [labelled(path) for path in sorted((folder / "photos").iterdir())]
(folder / "NAME").mkdir()
(folder / "NAME" / "cache").symlink_to(folder / "cache")
embedded(photos, Backbone(Path({str(tiny_model / BACKBONE)!r})), folder / "NAME").tofile(folder / "NAME.raw")
"""
    (tmp_path / "cache").mkdir()
    ran = [
        subprocess.Popen([sys.executable, "-B", "-c", code.replace("NAME", name)], cwd=ROOT) for name in ("one", "two")
    ]
    assert [process.wait(timeout=120) for process in ran] == [0, 0]
    expected = embedded(photos, backbone, tmp_path).tobytes()
    assert (tmp_path / "one.raw").read_bytes() == (tmp_path / "two.raw").read_bytes() == expected
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(kept) == 6 * 4 and all(path.suffix == ".npz" for path in kept)


def test_C1_closing_it_halfway_leaves_nothing_half_written(photos, backbone, tmp_path):
    steps = embed(
        photos, range(6), backbone=backbone, cache=tmp_path / "cache", views=VIEWS, scratch=tmp_path / "features.npy"
    )
    next(steps)
    steps.close()
    before = tree_hash(tmp_path / "cache")
    assert all(path.suffix == ".npz" for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert tree_hash(tmp_path / "cache") == before, "nobody is still at work"
    assert len(embedded(photos, backbone, tmp_path)) == 6


def test_C8_a_full_disk_is_an_error_and_not_a_dead_process(photos, backbone, tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with (
        pytest.raises(OSError, match="No space"),
        contextlib.closing(
            embed(photos * 200, (), backbone=backbone, cache=tmp_path / "cache", views=VIEWS, scratch=full)
        ) as steps,
    ):
        list(steps)


def test_memory_does_not_grow_with_the_number_of_photos(photos, backbone, tmp_path):
    def peak(copies: int) -> int:
        tracemalloc.start()
        try:
            arguments = {"cache": tmp_path / "cache", "views": VIEWS, "scratch": tmp_path / "features.npy"}
            for _ in embed(photos * copies, range(6 * copies), backbone=backbone, **arguments):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # whatever is made once
    few, many = peak(20), peak(200)
    assert (many - few) / 1080 < 200, "bytes for each photo more, whose real features would take 20,000"


def test_the_oldest_features_go_when_there_are_too_many(photos, backbone, tmp_path, monkeypatch):
    embedded(photos, backbone, tmp_path)
    files = sorted((tmp_path / "cache").rglob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
    monkeypatch.setattr(features_module, "MAX_CACHE_BYTES", 10 * files[0].stat().st_size)
    FeatureStore(tmp_path / "cache", backbone).prune()
    assert set((tmp_path / "cache").rglob("*.npz")) == set(files[-10:])
