"""Networks that Keras offers with ImageNet weights, as backbones of this app: fetched by Keras, exported once, kept.

Each is built by Keras' own builder and takes in what every backbone here does, photos in [-1, 1]: what the network
wants of its input besides goes into the exported file. Weights come from where Keras has them, and are held against the
hash that Keras knows, or against their size where it knows none. May import TensorFlow: belongs in a child process.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dance_demo.errors import ModelError
from dance_demo.files.atomic import write_atomically
from dance_demo.model.directory import cache_folder, sha256
from dance_demo.networks.litert import litert_bytes

if TYPE_CHECKING:
    import keras

MIRROR_VARIABLE = "DANCE_DEMO_KERAS_MIRROR"  # an address to fetch from instead, with the same folders below it
_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications"
_MAX_NOTE_BYTES = 10_000


@dataclass(frozen=True)
class KerasNetwork:
    """A network of `keras.applications`: `builder` is its name there, and `file` its weights below Keras' address.

    `side_px` is the side of its photos, `download_bytes` what is fetched, `pass_ms` how long one photo took with two
    threads where the bundled backbone took `BUNDLED_PASS_MS`. With `takes_bytes` it wants pixels from 0 to 255.
    `md5` is the hash that Keras has of the weights, "" where it has none.
    """

    title: str
    builder: str
    file: str
    side_px: int
    download_bytes: int
    pass_ms: float
    takes_bytes: bool
    negative_features: bool
    licence: str
    md5: str = ""

    def estimated_s(self, photos: int, views: int, *, speed: float = 1.0) -> float:
        """Seconds for so many photos in so many views each, here: `speed` is 1 where `pass_ms` was measured."""
        return photos * views * self.pass_ms / 1000 / speed


NETWORKS: Mapping[str, KerasNetwork] = MappingProxyType(
    {
        "mobilenet_v2": KerasNetwork(
            title="MobileNetV2",
            builder="MobileNetV2",
            file="mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            side_px=224,
            download_bytes=9_406_464,
            pass_ms=17,
            takes_bytes=False,
            negative_features=False,
            licence="Apache 2.0",
        ),
        "mobilenet_v3_large": KerasNetwork(
            title="MobileNetV3 Large",
            builder="MobileNetV3Large",
            file="mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            side_px=224,
            download_bytes=12_700_000,
            pass_ms=14,
            takes_bytes=True,
            negative_features=True,
            licence="Apache 2.0",
            md5="07fb09a5933dd0c8eaafa16978110389",
        ),
        "efficientnet_v2_b0": KerasNetwork(
            title="EfficientNetV2 B0",
            builder="EfficientNetV2B0",
            file="efficientnet_v2/efficientnetv2-b0_notop.h5",
            side_px=224,
            download_bytes=24_300_000,
            pass_ms=46,
            takes_bytes=True,
            negative_features=True,
            licence="Apache 2.0",
            md5="893217f2bb855e2983157299931e43ff",
        ),
        "resnet50_v2": KerasNetwork(
            title="ResNet50V2",
            builder="ResNet50V2",
            file="resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            side_px=224,
            download_bytes=94_700_000,
            pass_ms=79,
            takes_bytes=False,
            negative_features=False,
            licence="not stated",
            md5="fac2f116257151a9d068a22e544a4917",
        ),
        "inception_v3": KerasNetwork(
            title="InceptionV3",
            builder="InceptionV3",
            file="inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
            side_px=299,
            download_bytes=87_900_000,
            pass_ms=321,
            takes_bytes=False,
            negative_features=False,
            licence="Apache 2.0",
            md5="bcbd6486424b2319ff4ef7d526e38f63",
        ),
    }
)
BUNDLED_PASS_MS = 22.0


def network_file(name: str) -> Path:
    """The `.tflite` file of one of `NETWORKS`, fetched and exported if it is not kept here yet.

    Raises `ModelError` if it cannot be had.
    """
    return kept_network(name) or _export(name, _weights(NETWORKS[name]))


def kept_network(name: str) -> Path | None:
    """That file, if it was made here, and is complete and unchanged. No TensorFlow."""
    network = NETWORKS[name]
    path = _path(name)
    try:
        about = json.loads(path.with_suffix(".json").read_bytes()[:_MAX_NOTE_BYTES])
    except (OSError, ValueError, RecursionError):
        return None
    wanted = {"source": network.file, "md5": network.md5, "sha256": sha256(path)}
    return path if isinstance(about, dict) and wanted["sha256"] and wanted.items() <= about.items() else None


def build(network: KerasNetwork, weights: Path | None = None) -> "keras.Model":
    """The network without its top, photos (n, S, S, 3) in [-1, 1] -> feature maps; random weights without a file.

    Raises ModelError for a file that holds no weights of this network.
    """
    import keras

    side = network.side_px
    builder = getattr(keras.applications, network.builder)
    own = builder(input_shape=(side, side, 3), include_top=False, weights=None)  # some need their own name
    if weights:
        try:
            own.load_weights(weights)
        except Exception as error:  # h5py and Keras raise nearly anything for a file that is something else
            raise ModelError(f"{weights.name} does not hold the weights of {network.title} without top.") from error
    photo = x = keras.Input((side, side, 3), name="photo")
    if network.takes_bytes:
        x = keras.layers.Rescaling(127.5, 127.5, name="to_bytes")(x)
    return keras.Model(photo, own(x), name="backbone")


def _export(name: str, weights: Path) -> Path:
    """Keep the network with these weights. Its note comes last: without it, a file does not count."""
    network, path = NETWORKS[name], _path(name)
    data = litert_bytes(build(network, weights), side_px=network.side_px)
    about = {
        "source": network.file,
        "md5": network.md5,
        "weights_sha256": sha256(weights),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, durable=True)
        write_atomically(path.with_suffix(".json"), json.dumps(about).encode(), durable=True)
    except OSError as error:
        raise ModelError(
            f"{network.title} cannot be kept ({error.strerror}). Free some space, or set DANCE_DEMO_CACHE to a folder "
            "that can be written."
        ) from error
    return path


def _weights(network: KerasNetwork) -> Path:
    """Keras' file of weights, downloaded by Keras unless it has it already."""
    import keras

    origin = f"{os.environ.get(MIRROR_VARIABLE, _ORIGIN).rstrip('/')}/{network.file}"
    name = network.file.rpartition("/")[2]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints a progress bar where answers belong
            path = Path(keras.utils.get_file(name, origin, cache_subdir="models", file_hash=network.md5 or None))
    except Exception as error:  # Keras raises a bare Exception when the download fails
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"{network.title} is not on this computer yet and cannot be downloaded ({reason:.200}). Connect it to the "
            f"internet once, or set {MIRROR_VARIABLE} to an address that has Keras' files."
        ) from error
    if not network.md5 and path.stat().st_size != network.download_bytes:
        path.unlink()
        raise ModelError(f"The downloaded weights of {network.title} were incomplete. They were removed; try again.")
    return path


def _path(name: str) -> Path:
    return cache_folder() / f"keras-{name}-{NETWORKS[name].side_px}.tflite"
