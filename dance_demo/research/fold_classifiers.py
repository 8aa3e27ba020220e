"""Which classifier may judge which photo: one that has not learned from it.

The model that ships has learned from every photo there is. What is to be measured on those photos is asked of the
networks of a cross-validation instead, each about the photos of its own fold: `crossvalidate --models DIR` saves them
as DIR/fold0, DIR/fold1, and so on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dance_demo.errors import DatasetError
from dance_demo.files.csv_table import IMAGE_COLUMNS, read_table
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier


def classifier_per_fold(
    names: Sequence[str], model: str | Path | None, folds_file: Path | None
) -> Iterator[tuple[Classifier, list[int]]]:
    """Classifiers, each with the indices in `names` of the photos that it is to judge.

    Without `folds_file` (CSV: Image, fold) there is one for all; with it, `model` is a directory of one for each fold.
    Raises `DatasetError` if the file gives no fold for a photo.
    """
    if folds_file is None:
        yield load_classifier(model), list(range(len(names)))
        return
    if model is None:
        raise DatasetError("Photos are judged by folds, but no directory with a model for each fold is given.")
    folds = _folds(folds_file)
    missing = [name for name in names if _short(name) not in folds]
    if missing:
        raise DatasetError(f"{folds_file.name} gives no fold for {len(missing)} photos, such as {missing[0]}.")
    fold_of = [folds[_short(name)] for name in names]
    for fold in sorted(set(fold_of)):
        indices = [index for index, number in enumerate(fold_of) if number == fold]
        yield load_classifier(Path(model) / f"fold{fold}"), indices


def _folds(path: Path) -> dict[str, str]:
    table = read_table(path)
    image, fold = table.column(IMAGE_COLUMNS), table.column([["fold"]])
    complete = (row.cells for row in table.rows if len(row.cells) > max(image, fold))
    return {_short(cells[image]): cells[fold].strip() for cells in complete}


def _short(name: str) -> str:
    """The file name without its folders, as the challenge writes it."""
    return name.rpartition("/")[2]
