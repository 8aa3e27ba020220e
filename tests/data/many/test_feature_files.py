"""Parquet files of features, as `scripts/embed_many.py` writes them and as they may be damaged.

They need pyarrow, an extra. tests/training/test_embedded.py installs it beside where it is not there, and runs these.
"""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.fingerprint import difference_hash, pixel_sha256
from dance_demo.data.many.feature_files import FeatureFiles
from dance_demo.data.training_overlap import PhotoHashes
from dance_demo.errors import DatasetError
from tests.support.made_up import photo

pa = pytest.importorskip("pyarrow", reason="pip install -r requirements-features.txt")
pq = pytest.importorskip("pyarrow.parquet")

CHANNELS = 6


def table(n: int = 12, **changed):
    """Rows of three classes by their paths; `changed` columns replace the usual ones, None leaves one out."""
    generator = np.random.default_rng(0)
    columns = {
        "path": [f"s3://bucket/photos/{'abc'[row % 3]}/{row}.jpg" for row in range(n)],
        "features": generator.random((n, CHANNELS)).astype(np.float32).tolist(),
        "mirrored": generator.random((n, CHANNELS)).astype(np.float32).tolist(),
        "error": [""] * n,
        "pixel_sha256": [f"{row:064x}"[::-1] for row in range(n)],
        "difference_hash": pa.array(generator.integers(2**63, size=n, dtype=np.uint64)),
        "backbone_sha256": ["ab" * 32] * n,
    }
    lists = pa.list_(pa.float32())
    chosen = {name: value for name, value in {**columns, **changed}.items() if value is not None}
    return pa.table(
        {name: pa.array(value, lists) if name in ("features", "mirrored") and isinstance(value, list) else value
         for name, value in chosen.items()}
    )  # fmt: skip


def written(folder: Path, *tables, **options) -> Path:
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(tables):
        pq.write_table(one, folder / f"{number}.parquet", **options)
    return folder


def test_classes_come_from_the_folder_around_each_photo_and_features_are_the_mean_of_both_views(tmp_path) -> None:
    first, second = table(12), table(5)
    files = FeatureFiles.open(written(tmp_path / "features", first, second))
    assert (files.n_rows, files.channels, files.backbone_sha256) == (17, CHANNELS, "ab" * 32)
    assert files.mirrored and files.hashed
    rows = files.rows()
    assert rows.class_names == ("a", "b", "c") and rows.classes.tolist() == [0, 1, 2] * 4 + [0, 1, 2, 0, 1]
    assert rows.usable.all() and not rows.seen.any() and rows.pixels[0] == rows.pixels[12] != rows.pixels[1]
    served = np.concatenate(list(files.features()))
    expected = [np.mean([one["features"].to_pylist(), one["mirrored"].to_pylist()], axis=0) for one in (first, second)]
    np.testing.assert_allclose(served, np.concatenate(expected), rtol=1e-6)


def test_one_view_and_no_hashes_are_enough(tmp_path) -> None:
    plain = table(mirrored=None, error=None, pixel_sha256=None, difference_hash=None, backbone_sha256=None)
    files = FeatureFiles.open(written(tmp_path / "features", plain))
    assert not files.mirrored and not files.hashed and files.backbone_sha256 == ""
    rows = files.rows()
    assert len(set(rows.pixels.tolist())) == 12
    np.testing.assert_array_equal(np.concatenate(list(files.features())), plain["features"].to_pylist())


@pytest.mark.parametrize("kind", ["double", "half", "fixed", "large"])
def test_features_may_be_of_any_kind_of_list(tmp_path, kind: str) -> None:
    made = {"double": pa.list_(pa.float64()), "half": pa.list_(pa.float16()), "large": pa.large_list(pa.float32())}
    wanted = made.get(kind) or pa.list_(pa.float32(), CHANNELS)
    values = np.random.default_rng(0).random((4, CHANNELS)).astype(np.float16)
    one = table(4, features=pa.array(list(values), wanted), mirrored=None)
    [read] = FeatureFiles.open(written(tmp_path / "features", one)).features()
    np.testing.assert_allclose(read, values, rtol=1e-6)
    assert read.dtype == np.float32


def test_labels_may_stand_in_a_column(tmp_path) -> None:
    labels = ["  x ", "y", None, "", 7, "y"]
    files = FeatureFiles.open(written(tmp_path / "features", table(6, what=[v and str(v) for v in labels])))
    rows = files.rows("what")
    assert rows.class_names == ("7", "x", "y") and rows.classes.tolist() == [1, 2, 0, 2]
    assert rows.usable.tolist() == [True, True, False, False, True, True]
    assert rows.left_out == {"it has no class": 2}
    with pytest.raises(DatasetError, match="There is no column 'who'; found: .*path"):
        files.rows("who")


def test_rows_that_cannot_be_used_are_left_out_and_counted(tmp_path) -> None:
    features = table(6)["features"].to_pylist()
    features[1], features[2], features[3] = None, features[2][:-1], [float("nan")] * CHANNELS
    files = FeatureFiles.open(written(tmp_path / "f", table(6, features=features, error=["cut off"] + [""] * 5)))
    rows = files.rows()
    assert rows.left_out == {"it could not be read when it was embedded": 1}
    bad = ~np.isfinite(np.concatenate(list(files.features()))[rows.usable]).all(axis=1)
    left = rows.without(bad)
    assert bad.tolist() == [True, True, True, False, False] and left.usable.tolist() == [False] * 4 + [True] * 2
    assert left.class_names == ("b", "c") and left.classes.tolist() == [0, 1]
    assert left.left_out["its features are not numbers"] == 3


def test_photos_that_have_trained_the_network_are_known_again(tmp_path) -> None:
    photos = [photo(number) for number in range(4)]
    buffer = io.BytesIO()
    photos[2].save(buffer, "JPEG", quality=80)
    hashes = [pixel_sha256(one) for one in photos], pa.array([difference_hash(one) for one in photos], pa.uint64())
    one = table(4, pixel_sha256=hashes[0], difference_hash=hashes[1])
    files = FeatureFiles.open(written(tmp_path / "features", one))
    assert files.rows(trained=PhotoHashes.of_pictures(photos[1:2])).seen.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (lambda: [table(path=None)], "there is no column path; found: backbone_sha256"),
        (lambda: [table(), table(mirrored=None)], "1.parquet: its columns are not those of 0.parquet"),
        (lambda: [table(), table(backbone_sha256=["cd" * 32] * 12)], "of several networks .abababababab, cdcdcdcdcdcd"),
        (lambda: [table(features=[None] * 12)], "There are no features in these files"),
        (lambda: [table(error=["no photo"] * 12)], "None of 12 rows can be used: 12 x it could not be read"),
        (lambda: [table(path=["photo.jpg"] * 12)], "12 x it has no class"),
        (lambda: [table(pixel_sha256=["z" * 64] * 12)], "must hold 64 hexadecimal digits"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, tables, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        FeatureFiles.open(written(tmp_path / "features", *tables())).rows()


def test_files_that_are_none_or_cut_off_are_refused_in_a_sentence(tmp_path) -> None:
    with pytest.raises(DatasetError, match="no such file or folder"):
        FeatureFiles.open(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="no .parquet files"):
        FeatureFiles.open(tmp_path)
    folder = written(tmp_path / "features", table())
    whole = (folder / "0.parquet").read_bytes()
    (folder / "1.parquet").write_bytes(whole[:-10])
    with pytest.raises(DatasetError, match="1.parquet is no Parquet file, or cut off"):
        FeatureFiles.open(folder)
    (folder / "1.parquet").write_bytes(whole[:40] + bytes(len(whole) - 500) + whole[-460:])
    with pytest.raises(DatasetError):
        files = FeatureFiles.open(folder)
        files.rows()
        list(files.features())


def test_memory_does_not_grow_with_the_rows(tmp_path) -> None:
    """One row group of 40 MB is read in pieces."""
    features = pa.FixedSizeListArray.from_arrays(pa.array(np.random.default_rng(0).random(1 << 22, np.float32)), 1024)
    names = {"path": [f"a/{row}" for row in range(4096)], "features": features}
    folder = written(tmp_path / "features", pa.table(names), row_group_size=4096)
    del features, names
    files = FeatureFiles.open(folder)
    before, most = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    for _ in files.features():
        most = max(most, pa.total_allocated_bytes() - before)
    own = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 30e6 and own < 40e6
