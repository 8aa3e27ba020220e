"""The general backbone that ships: the ImageNet network, moved a part of the way to the dance backbone.

Fine-tuning on dance makes a network forget other subjects. On the straight line between the weights before and after it
there are networks that forget nothing yet (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). Such a
one is this project's own, so it may ship, and a fresh machine trains heads for any subject without a connection.

Both ends are taken with BatchNorm folded into the convolutions, as LiteRT files hold them: the kernels are linear in
what fine-tuning changed, so that it is the same line. Needs TensorFlow.
"""

import hashlib
import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dance_demo.errors import ModelError
from dance_demo.files.atomic import write_atomically
from dance_demo.model.backbone import Backbone
from dance_demo.model.directory import require_new, sha256
from dance_demo.networks.from_litert import keras_backbone
from dance_demo.networks.litert import litert_bytes
from dance_demo.networks.mobilenet import build_backbone


def interpolate(init: Path, dance: Path, out: Path, *, share: float) -> dict[str, Any]:
    """Write the network with `share` of the dance backbone and 1 - `share` of ImageNet, and a note beside it.

    `init` are ImageNet weights of MobileNetV2 (.h5), `dance` a LiteRT backbone that was fine-tuned from them, `out` the
    new LiteRT file; its weights are float16. Returns the note. Raises `ModelError` if `share` is not between 0 and 1,
    if `out` exists, or if one of the two is something else.
    """
    if not 0 < share < 1:  # NaN fails too
        raise ModelError(f"The share of the dance backbone must lie between 0 and 1. Received: {share:g}.")
    note = out.with_suffix(".json")
    for file in (out, note):
        require_new(file)
    side_px = Backbone(dance).input_side_px
    network, tuned = _folded(init, side_px), keras_backbone(Backbone(dance))
    pairs = zip(network.get_weights(), tuned.get_weights(), strict=True)
    network.set_weights([(1 - share) * before + share * after for before, after in pairs])
    data = litert_bytes(network, side_px=side_px, float16=True)
    about = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "share": share,
        "dance_backbone_sha256": sha256(dance),
        "initial_weights_sha256": sha256(init),
        "versions": {name: version(name) for name in ("ai-edge-litert", "keras", "numpy")},
    }
    write_atomically(out, data)
    write_atomically(note, (json.dumps(about, indent=1) + "\n").encode())
    return about


def _folded(init: Path, side_px: int) -> Any:
    """The ImageNet network with its BatchNorm folded, by the same way as the dance backbone went."""
    network = build_backbone(side_px)
    try:
        network.load_weights(init)
    except (OSError, ValueError) as error:
        raise ModelError(f"{init.name} does not hold MobileNetV2 weights without top.") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imagenet.tflite"
        path.write_bytes(litert_bytes(network, side_px=side_px))
        return keras_backbone(Backbone(path))
