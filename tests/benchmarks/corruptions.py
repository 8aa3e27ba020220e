"""How steady are answers under the 15 common corruptions, each at five severities (Hendrycks & Dietterich 2019)?

    python -m tests.benchmarks.corruptions PHOTOS MODEL [MODEL ...] [--every N]

PHOTOS is a folder of labelled photos that no MODEL learned from. The corruptions are those of ImageNet-C in the package
`imgcorr` 1.1.3 (Apache-2.0). It is no requirement of this project: it wants Numba, scikit-image, a second OpenCV and a
Setuptools before 81, in an environment that nothing else needs; nothing that trains ever sees it:

    pip install --no-deps imgcorr==1.1.3 && pip install numba scikit-image 'setuptools<81'

They were made for photos of 224 px, so what is corrupted is the square of 288 px that naming starts with. All models
answer the same copies; impulse noise alone differs from run to run. The intervals are drawn over groups of
near-duplicates.
"""

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dance_demo.data.dataset import LabeledPhoto, open_dataset
from dance_demo.files.photo import open_photo
from dance_demo.model.classifier import Classifier
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import square
from dance_demo.training.evaluation import bootstrap_interval

SEED = 0
SEVERITIES = (1, 2, 3, 4, 5)
CORRUPTIONS = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    *("snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder or zip")
    parser.add_argument("models", nargs="+", help="model directories; differences are to the first")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth photo")
    options = parser.parse_args()
    classifiers = [load_classifier(model) for model in options.models]
    with tempfile.TemporaryDirectory() as workspace:
        dataset, _ = open_dataset(options.photos, workspace=Path(workspace), follow_links=True)
        asked = range(0, len(dataset.photos), options.every)
        hits = np.stack([right(dataset.photos[number], classifiers, number) for number in tqdm(asked, disable=None)])
    print(table(hits, options.models, np.array(dataset.groups)[asked]))


def right(photo: LabeledPhoto, classifiers: list[Classifier], seed: int) -> np.ndarray:
    """Which classifiers name a photo right, as it is (first) and corrupted: bool (models, 1 + 15 x 5)."""
    first = square(open_photo(photo.path))
    pictures = [first, *corrupted(np.asarray(first), seed)]
    return np.array([[one.classify(picture).top.label == photo.label for picture in pictures] for one in classifiers])


def corrupted(square: np.ndarray, seed: int) -> Iterator[Image.Image]:
    """All 75 copies of a square photo, uint8 (S, S, 3): each corruption from weak to strong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls what its libraries are about to drop
        from imgcorr import corrupt

    np.random.seed(seed)
    _seed_of_what_is_compiled()(seed)
    for name in CORRUPTIONS:
        for severity in SEVERITIES:
            yield Image.fromarray(corrupt(square, corruption_name=name, severity=severity))


@cache
def _seed_of_what_is_compiled() -> Callable[[int], None]:
    """What Numba compiles has a generator of its own."""
    from numba import njit

    def seeded(seed: int) -> None:
        np.random.seed(seed)

    return njit(seeded)


def table(hits: np.ndarray, models: list[str], groups: np.ndarray) -> str:
    """The figures as Markdown, from what `right` said of n photos: bool (n, models, 1 + 15 x 5)."""
    shares = hits[:, :, 1:].reshape(len(hits), len(models), len(CORRUPTIONS), len(SEVERITIES))
    rows = [("as it is", hits[:, :, 0]), ("mean of the 75", shares.mean(axis=(2, 3)))]
    rows += [(name.replace("_", " "), shares[:, :, k].mean(axis=2)) for k, name in enumerate(CORRUPTIONS)]
    rows += [(f"severity {severity}", shares[..., k].mean(axis=2)) for k, severity in enumerate(SEVERITIES)]
    lines = [f"| {len(hits)} photos | {' | '.join(models)} |", "|---" * (1 + len(models)) + "|"]
    for name, values in rows:
        cells = [_cell(values[:, model], values[:, 0], groups) for model in range(len(models))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: np.ndarray, first: np.ndarray, groups: np.ndarray) -> str:
    low, high = bootstrap_interval(values, groups, SEED)
    cell = f"{values.mean():.1%} [{100 * low:.1f}, {100 * high:.1f}]"
    if values is first or np.array_equal(values, first):
        return cell
    low, high = bootstrap_interval(values - first.astype(float), groups, SEED)
    return f"{cell}, {100 * (values.mean() - first.mean()):+.1f} [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main()
