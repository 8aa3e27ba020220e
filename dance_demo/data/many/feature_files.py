"""Features of any number of photos, in the Parquet files that `scripts/embed_many.py` writes, a piece at a time.

    path               the photo; the folder around it is its class, unless a column is
    features           c numbers: the photo's feature map, averaged
    mirrored           c numbers: the same of its mirror image (may be missing)
    error              why the photo could not be read, "" where all is well (may be missing)
    pixel_sha256       the hash of its pixels, 64 hexadecimal digits (may be missing)
    difference_hash    64 bits that hardly change when it is saved anew (may be missing)
    backbone_sha256    the hash of the network's file, 64 hexadecimal digits (may be missing)

What is held in memory of a photo is its class, the number of its group and one bit; never its features. Needs pyarrow,
an extra (`requirements-features.txt`), which is imported when files are opened.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dance_demo.data.training_overlap import PhotoHashes
from dance_demo.errors import DatasetError
from dance_demo.files.text import nfc

PATH, FEATURES, MIRRORED, ERROR = "path", "features", "mirrored", "error"
PIXELS, DIFFERENCE, BACKBONE = "pixel_sha256", "difference_hash", "backbone_sha256"
ROWS_AT_ONCE = 2048
MAX_CHANNELS = 8192
_SHA256_DIGITS = 64


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of all rows but their features; n of them can be used.

    usable (all rows,) bool says which; of these, in their order: `classes` (n,) are indices in `class_names`, `pixels`
    and `differences` uint64 (n,) hashes by which copies are known (the row's number and 0 where the files hold none),
    and `seen` (n,) bool have trained the backbone that ships.
    """

    usable: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    pixels: np.ndarray
    differences: np.ndarray
    seen: np.ndarray
    left_out: Counter[str]

    def without(self, bad: np.ndarray) -> "Rows":
        """The same without some of the n photos, (n,) bool; a class of which none is left is no longer named."""
        usable = self.usable.copy()
        usable[np.flatnonzero(usable)[bad]] = False
        classes, names = _renumbered(self.classes[~bad], self.class_names)
        known = self.pixels[~bad], self.differences[~bad], self.seen[~bad]
        left_out = self.left_out + Counter({"its features are not numbers": int(bad.sum())})
        return Rows(usable, classes, names, *known, left_out)


@dataclass(frozen=True, eq=False)
class FeatureFiles:
    """The Parquet files of a folder. They hold `n_rows` of `channels` features each, of one backbone.

    backbone_sha256 is "" where the files do not say; without `hashed` nothing tells which photos are copies.
    """

    paths: tuple[Path, ...]
    columns: frozenset[str]
    n_rows: int
    channels: int
    backbone_sha256: str

    @classmethod
    def open(cls, source: Path) -> "FeatureFiles":
        """The files of a folder, or one file; raises DatasetError that says what is wrong with them."""
        paths = _parquet_files(source)
        columns, n_rows = [], 0
        for path in paths:
            with _opened(path) as file:
                columns.append(frozenset(file.schema_arrow.names))
                n_rows += file.metadata.num_rows
        odd = next((path for path, names in zip(paths, columns, strict=True) if names != columns[0]), None)
        if odd:
            raise DatasetError(f"{odd.name}: its columns are not those of {paths[0].name}. Give files of one run.")
        missing = {PATH, FEATURES} - columns[0]
        if missing:
            found = ", ".join(sorted(columns[0])[:10])
            raise DatasetError(
                f"{paths[0].name}: there is no column {' or '.join(sorted(missing))}; found: {found}. "
                "Make the files with scripts/embed_many.py."
            )
        channels, backbone = cls(paths, columns[0], n_rows, 0, "")._first_row()
        return cls(paths, columns[0], n_rows, channels, backbone)

    @property
    def mirrored(self) -> bool:
        """Whether there are features of the mirror images, too."""
        return MIRRORED in self.columns

    @property
    def hashed(self) -> bool:
        return {PIXELS, DIFFERENCE} <= self.columns

    def rows(self, label_column: str = "", *, trained: PhotoHashes | None = None) -> Rows:
        """Read everything but the features. The class is that of `label_column`, or else the folder around the photo.

        `trained` are the photos that have trained the backbone. Raises DatasetError if the column is not there or no
        row can be used.
        """
        if label_column and label_column not in self.columns:
            raise DatasetError(
                f"There is no column {label_column!r:.80}; found: {', '.join(sorted(self.columns)[:20])}."
            )
        numbers: dict[str, int] = {}
        classes, known = [], []
        left_out: Counter[str] = Counter()
        wanted = {label_column or PATH, ERROR, PIXELS, DIFFERENCE, BACKBONE} & self.columns
        for batch in self._batches(sorted(wanted)):
            labels = [self._label(value, label_column) for value in batch[label_column or PATH].to_pylist()]
            errors = batch[ERROR].to_pylist() if ERROR in batch else [""] * len(labels)
            self._require_one_backbone(batch)
            reasons = [_reason(label, error) for label, error in zip(labels, errors, strict=True)]
            left_out.update(reason for reason in reasons if reason)
            classes.append(
                np.array([-1 if why else numbers.setdefault(label, len(numbers))
                          for label, why in zip(labels, reasons, strict=True)], np.int32)
            )  # fmt: skip
            known.append(self._known(batch, len(labels), trained))
        number_of = np.concatenate(classes) if classes else np.empty(0, np.int32)
        usable = number_of >= 0
        if not usable.any():
            raise DatasetError(f"None of {self.n_rows:,} rows can be used: {described(left_out)}.")
        in_use, names = _renumbered(number_of[usable], tuple(numbers))
        pixels, differences, seen = (np.concatenate(column)[usable] for column in zip(*known, strict=True))
        pixels = pixels if self.hashed else np.arange(len(in_use), dtype=np.uint64)
        return Rows(usable, in_use, names, pixels, differences, seen, left_out)

    def features(self) -> Iterator[np.ndarray]:
        """The features of all rows as they are served, some at a time: (b, c) float32.

        With mirror images these are the means of both views, which is what the classifier makes of two views. A row
        that lacks some of the numbers is NaN.
        """
        for batch in self._batches([FEATURES, MIRRORED] if self.mirrored else [FEATURES]):
            vectors = _vectors(batch[FEATURES], self.channels)
            if self.mirrored:
                vectors = (vectors + _vectors(batch[MIRRORED], self.channels)) / 2
            yield vectors

    def _batches(self, columns: list[str]) -> Iterator[dict[str, Any]]:
        """Each column as an Arrow array, `ROWS_AT_ONCE` rows at a time."""
        import pyarrow

        for path in self.paths:
            try:
                with _opened(path) as file:
                    for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns, use_threads=False):
                        yield dict(zip(batch.schema.names, batch.columns, strict=True))
            except (OSError, pyarrow.ArrowException) as error:
                raise DatasetError(f"{path.name} is damaged or cut off ({_first_line(error)}).") from error

    def _first_row(self) -> tuple[int, str]:
        """The number of features, and the backbone, by the first row that has any."""
        columns = sorted({FEATURES, BACKBONE} & self.columns)
        for batch in self._batches(columns):
            for row, vector in enumerate(batch[FEATURES]):
                if not vector.is_valid:
                    continue
                channels = len(vector)
                if not 1 <= channels <= MAX_CHANNELS:
                    raise DatasetError(f"There are {channels:,} features in a row; expected 1 to {MAX_CHANNELS:,}.")
                return channels, str(batch[BACKBONE][row].as_py() or "") if BACKBONE in batch else ""
        raise DatasetError("There are no features in these files. Make them with scripts/embed_many.py.")

    def _label(self, value: object, column: str) -> str:
        if value is None:
            return ""
        text = nfc(str(value))
        return text.strip() if column else text.replace("\\", "/").rpartition("/")[0].rpartition("/")[2].strip()

    def _known(
        self, batch: dict[str, Any], n: int, trained: PhotoHashes | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The columns `pixels`, `differences` and `seen` of some rows."""
        if not self.hashed:
            return np.zeros(n, np.uint64), np.zeros(n, np.uint64), np.zeros(n, bool)
        hashes = _hashes(batch)
        pixels = np.ascontiguousarray(hashes.pixel_sha256[:, :8]).view(np.uint64).ravel()
        differences = hashes.difference_hash.view(">u8").ravel().astype(np.uint64)
        return pixels, differences, hashes.known_from(trained) if trained else np.zeros(n, bool)

    def _require_one_backbone(self, batch: dict[str, Any]) -> None:
        if BACKBONE not in batch:
            return
        found = {str(name or "") for name in batch[BACKBONE].unique().to_pylist()} - {self.backbone_sha256}
        if found:
            raise DatasetError(
                f"These features are of several networks ({self.backbone_sha256[:12]}, {found.pop()[:12]}): they "
                "cannot be mixed. Embed all photos with the same one."
            )


def described(left_out: Counter[str]) -> str:
    """The reasons, the most frequent first."""
    return "; ".join(f"{count:,} x {reason}" for reason, count in left_out.most_common(5))


def _parquet_files(source: Path) -> tuple[Path, ...]:
    if source.is_file():
        return (source,)
    if not source.is_dir():
        raise DatasetError(f"{source.name}: there is no such file or folder.")
    found = [path for path in source.rglob("*.parquet") if path.is_file() and not path.name.startswith((".", "_"))]
    if not found:
        raise DatasetError(f"{source.name}: there are no .parquet files. Make them with scripts/embed_many.py.")
    return tuple(sorted(found))


def _opened(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DatasetError(
            "Parquet files are read with pyarrow, which is not installed: pip install -r requirements-features.txt"
        ) from error
    try:  # a column is read in pieces of a megabyte: a file may be one single row group
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path.name} is no Parquet file, or cut off ({_first_line(error)}).") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")[:200]


def _vectors(column: Any, channels: int) -> np.ndarray:
    """Lists of numbers as (b, channels) float32; NaN where a list has another length, or none is there."""
    import pyarrow
    import pyarrow.compute

    if isinstance(column, pyarrow.ExtensionArray):  # Ray's tensors
        column = column.storage
    lengths = pyarrow.compute.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
    good = lengths == channels
    vectors = np.full((len(column), channels), np.nan, np.float32)
    kept = column if good.all() else column.filter(pyarrow.array(good))
    vectors[good] = kept.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False).reshape(-1, channels)
    return vectors


def _hashes(batch: dict[str, Any]) -> PhotoHashes:
    """Of each row; zeros where there is none."""
    digits = [value if value and len(value) == _SHA256_DIGITS else "0" * 64 for value in batch[PIXELS].to_pylist()]
    try:
        pixels = bytes.fromhex("".join(digits))
    except ValueError as error:
        raise DatasetError(f"The column {PIXELS} must hold 64 hexadecimal digits for each photo.") from error
    differences = batch[DIFFERENCE].fill_null(0).to_numpy(zero_copy_only=False).astype(">u8")
    return PhotoHashes(np.frombuffer(pixels, np.uint8).reshape(-1, 32), differences.view(np.uint8).reshape(-1, 8))


def _reason(label: str, error: str | None) -> str:
    if error:
        return "it could not be read when it was embedded"
    return "" if label else "it has no class"


def _renumbered(classes: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class indices by the sorted names of those classes that occur."""
    present = sorted(np.unique(classes).tolist(), key=names.__getitem__)
    place = np.full(len(names), -1, np.int64)
    place[present] = np.arange(len(present))
    return place[classes], tuple(names[number] for number in present)
