"""A model whose every answer and heatmap is known beforehand: it names the colour of what lies on black paper."""

from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.model.directory import BACKBONE, FAMILIARITY, HEAD, save_model, sha256
from dance_demo.model.familiarity import Familiarity
from dance_demo.model.head import Head
from dance_demo.networks.litert import export_backbone

SIDE_PX = 64
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
_WEIGHT = (
    np.array([[2, -2, -2, 1], [-2, 2, -2, 1], [-2, -2, 2, -2]]) * 8.0
)  # (red, green, blue) -> one logit per colour


def save_colour_model(directory: Path) -> Path:
    """A real network, exported like any other: its feature map is the photo in 8 x 8 fields, from 0 to 1."""
    import keras

    photo = keras.Input((SIDE_PX, SIDE_PX, 3))
    fields = keras.layers.AveragePooling2D(SIDE_PX // 8)(photo)
    network = keras.Model(photo, keras.layers.Rescaling(0.5, offset=0.5)(fields))
    directory.parent.mkdir(parents=True, exist_ok=True)
    backbone = directory.parent / BACKBONE
    export_backbone(network, backbone, side_px=SIDE_PX)
    familiarity = Familiarity.fit(np.random.default_rng(0).random((20, 3), np.float32))
    files = {
        BACKBONE: backbone.read_bytes(),
        HEAD: Head(tuple(COLOURS), _WEIGHT, np.zeros(4), 1.0, sha256(backbone)).to_npz_bytes(),
        FAMILIARITY: familiarity.to_npz_bytes(),
    }
    save_model(directory, files, name="Colours", class_names=tuple(COLOURS))
    return directory


def patch(colour: str, *, column: int = 1, row: int = 1, size: int = 3) -> Image.Image:
    """A square of `size` fields of 8 px in this colour, on black paper of 64 px."""
    photo = Image.new("RGB", (SIDE_PX, SIDE_PX))
    photo.paste(COLOURS[colour], (8 * column, 8 * row, 8 * (column + size), 8 * (row + size)))
    return photo
