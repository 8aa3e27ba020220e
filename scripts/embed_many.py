"""Embeds a folder of photos, however many, with the backbone that ships: on all processors here, or on a Ray cluster.

    pip install -r requirements-ray.txt
    python scripts/embed_many.py my_photos/ --out features/
    python -m dance_demo train --features features/ --out my_model

Photos and features may lie wherever Ray reads and writes (`s3://...`, `gs://...`). What comes out are Parquet files
with a row for each photo, as `dance_demo/data/many/feature_files.py` describes them: `path`, `features` (1280 numbers:
the feature map, averaged), `mirrored` (the same of its mirror image), `error`, which says why a photo could not be read
(its features are then not numbers, NaN), and hashes by which copies are known again. Ray is no requirement of this
project: this shows how an engine calls it as it is.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dance_demo.data.fingerprint import difference_hash, pixel_sha256  # noqa: E402
from dance_demo.data.many.feature_files import BACKBONE as BACKBONE_HASH  # noqa: E402
from dance_demo.data.many.feature_files import DIFFERENCE, ERROR, FEATURES, MIRRORED, PATH, PIXELS  # noqa: E402
from dance_demo.errors import PhotoError  # noqa: E402
from dance_demo.files.photo import open_photo  # noqa: E402
from dance_demo.model.backbone import Backbone  # noqa: E402
from dance_demo.model.directory import BACKBONE, BUNDLED  # noqa: E402
from dance_demo.model.preprocessing import to_input  # noqa: E402

KINDS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "heic"]
BATCH = 64  # photos: large enough to keep the engine's own work small, small enough to lose little when a worker dies


class Embedder:
    """Lives in one worker, which has one processor: the network is loaded once, not once per photo."""

    def __init__(self, *, mirrored: bool = True) -> None:
        self.backbone = Backbone(BUNDLED / BACKBONE, threads=1)
        self.names = (FEATURES, MIRRORED) if mirrored else (FEATURES,)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`path` and `bytes` of n files -> the columns of `feature_files`; features are (n, 1280) float32."""
        answers = [self._embedded(content, path) for content, path in zip(batch["bytes"], batch[PATH], strict=True)]
        features, pixels, differences, errors = zip(*answers, strict=True)
        return {
            PATH: batch[PATH],
            **dict(zip(self.names, np.stack(features, axis=1), strict=True)),
            ERROR: np.array(errors),
            PIXELS: np.array(pixels),
            DIFFERENCE: np.array(differences, np.uint64),
            BACKBONE_HASH: np.array([self.backbone.sha256] * len(errors)),
        }

    def _embedded(self, content: bytes, path: str) -> tuple[np.ndarray, str, int, str]:
        """Features (views, 1280), both hashes, and why there are none."""
        try:
            photo = open_photo(content, name=Path(path).name)
        except PhotoError as error:
            return np.full((len(self.names), self.backbone.channels), np.nan, np.float32), "", 0, str(error)
        view = to_input(photo, self.backbone.input_side_px)
        views = np.stack([view, view[:, ::-1]][: len(self.names)])
        features = self.backbone.feature_maps(views).mean(axis=(1, 2))
        return features, pixel_sha256(photo), difference_hash(photo), ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", help="folder; folders inside are read, too")
    parser.add_argument("--out", required=True, help="folder for the Parquet files")
    parser.add_argument("--workers", type=int, help="default: one for each processor of the cluster")
    parser.add_argument("--one-view", action="store_true", help="not the mirror image: it takes two thirds of the time")
    settings = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    import pyarrow.compute
    import pyarrow.dataset
    import ray

    ray.init(runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}}, log_to_driver=False, include_dashboard=False)
    workers = settings.workers or int(ray.cluster_resources()["CPU"])
    few = {"num_cpus": 0.1}  # for reading and writing: if embedders held all processors, both would wait for ever
    began = time.perf_counter()
    files = ray.data.read_binary_files(settings.photos, include_paths=True, file_extensions=KINDS, ray_remote_args=few)
    pool = ray.data.ActorPoolStrategy(size=workers)
    views = {"mirrored": not settings.one_view}
    embedded = files.map_batches(Embedder, fn_constructor_kwargs=views, batch_size=BATCH, compute=pool, num_cpus=0.8)
    embedded.write_parquet(settings.out, ray_remote_args=few)
    seconds = time.perf_counter() - began
    written = pyarrow.dataset.dataset(settings.out)
    n, failed = written.count_rows(), written.count_rows(filter=pyarrow.compute.field("error") != "")
    print(
        f"{n:,} photos, {failed} of them not read, in {seconds:.1f} s by {workers} workers: {n / seconds:.1f} a second"
    )


if __name__ == "__main__":
    main()
