"""How fast is one answer? `make bench` prints milliseconds and ratios against the textbook way, in one run.

    textbook      `model.predict`, then a second pass under `tf.GradientTape` for the heatmap (Keras' own example)
    tf.function   one compiled pass that returns the feature map, heatmap in closed form
    ours          LiteRT for the feature map, heatmap in closed form

Ours looks at every view that the model that ships is asked about (a photo and its mirror image), the others at one.
The three take turns on the same photo, so that a machine whose speed drifts drifts for all of them. The Keras networks
have the architecture of ours and random weights: speed does not depend on their values.
"""

import io
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image

from dance_demo.data.illustrations import draw
from dance_demo.files.photo import open_photo
from dance_demo.model.head import Head
from dance_demo.model.heatmap.gradcam import heatmap
from dance_demo.model.heatmap.overlay import overlay
from dance_demo.model.loading import load_classifier
from dance_demo.model.preprocessing import to_input

ROUNDS = 15


def main() -> None:
    classifier = load_classifier()
    side_px = classifier.backbone.input_side_px
    ordinary, large = _jpeg((480, 600)), _jpeg((3000, 4000))
    photo = open_photo(ordinary)
    answer = classifier.classify(photo)
    label = answer.top.label
    textbook, compiled = _textbook(side_px, len(classifier.class_names)), _compiled(side_px, classifier.head)
    views = classifier.views(photo)
    batch = views[:1]  # the photo alone

    def ours() -> None:
        _explained(classifier.backbone.feature_maps(views).mean(axis=0), classifier.head)

    def ours_whole() -> None:
        opened = open_photo(ordinary)
        found = classifier.classify(opened)
        overlay(opened, classifier.heatmap(found, found.top.label))

    def textbook_whole() -> None:
        opened = Image.open(io.BytesIO(ordinary)).convert("RGB")
        pixels = np.asarray(opened.resize((side_px, side_px)), np.float32)[None] / 127.5 - 1
        _painted(opened, textbook(pixels))

    times = _interleaved(
        {
            "decode a JPEG of 480 x 600": lambda: open_photo(ordinary),
            "decode a 12 MP JPEG, reduced": lambda: open_photo(large),
            "decode a 12 MP JPEG, in full": lambda: open_photo(large, max_side_px=None),
            "photo to network input": lambda: to_input(photo, side_px),
            f"network, {len(views)} of its views": lambda: classifier.backbone.feature_maps(views),
            "heatmap of another class": lambda: heatmap(answer.feature_map, classifier.head, 1),
            "overlay": lambda: overlay(photo, classifier.heatmap(answer, label)),
            "network + heatmap, ours": ours,
            "network + heatmap, tf.function": lambda: compiled(batch),
            "network + heatmap, textbook": lambda: textbook(batch),
            "whole answer, ours": ours_whole,
            "whole answer, textbook": textbook_whole,
        }
    )
    for name, milliseconds in times.items():
        print(f"{name:36} {milliseconds:8.1f} ms")
    print()
    for slow, fast, wanted in (
        ("network + heatmap, textbook", "network + heatmap, ours", 40),
        ("network + heatmap, tf.function", "network + heatmap, ours", 3),
        ("whole answer, textbook", "whole answer, ours", 20),
        ("decode a 12 MP JPEG, in full", "decode a 12 MP JPEG, reduced", 2),
    ):
        print(f"{slow} / {fast.rpartition(', ')[2]}: {times[slow] / times[fast]:.1f} x (wanted: {wanted} x)")
    print(f"medians of {ROUNDS} interleaved rounds, {os.cpu_count()} cores, Python {sys.version.split()[0]}")


def _interleaved(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median milliseconds of each way; every round runs all of them once, after two rounds that do not count."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 2):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if number >= 2:
                spent[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in spent.items()}


def _jpeg(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    draw("odissi", 1, size=(480, 600)).resize(size).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _textbook(side_px: int, class_count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Grad-CAM as Keras' documentation has it: predict, then the gradient of the top class, averaged per channel."""
    import keras
    import tensorflow as tf

    base = keras.applications.MobileNetV2(input_shape=(side_px, side_px, 3), weights=None, include_top=False)
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    model = keras.Model(base.input, keras.layers.Dense(class_count, activation="softmax")(pooled))
    grad_model = keras.Model(model.input, [base.output, model.output])

    def explain(batch: np.ndarray) -> np.ndarray:
        index = int(model.predict(batch, verbose=0)[0].argmax())
        with tf.GradientTape() as tape:
            feature_map, probabilities = grad_model(batch)
            score = probabilities[:, index]
        weights = tf.reduce_mean(tape.gradient(score, feature_map), axis=(0, 1, 2))
        heat = tf.nn.relu(tf.squeeze(feature_map[0] @ weights[:, None]))
        return (heat / (tf.reduce_max(heat) + 1e-9)).numpy()

    return explain


def _compiled(side_px: int, head: Head) -> Callable[[np.ndarray], np.ndarray]:
    import keras
    import tensorflow as tf

    base = keras.applications.MobileNetV2(input_shape=(side_px, side_px, 3), weights=None, include_top=False)
    forward = tf.function(
        lambda batch: base(batch, training=False), input_signature=[tf.TensorSpec((1, side_px, side_px, 3))]
    )

    return lambda batch: _explained(forward(batch).numpy()[0], head)


def _explained(feature_map: np.ndarray, head: Head) -> np.ndarray:
    """The heatmap of the most probable class, in closed form."""
    index = int(head.probabilities(head.features(feature_map[None]))[0].argmax())
    return heatmap(feature_map, head, index)


def _painted(photo: Image.Image, heat: np.ndarray) -> Image.Image:
    """The heatmap over the photo, as Keras' documentation has it."""
    from matplotlib import colormaps

    colours = colormaps["jet"](np.arange(256))[:, :3]
    painted = Image.fromarray(np.uint8(255 * colours[np.uint8(255 * heat)])).resize(photo.size)
    return Image.fromarray(np.uint8(np.clip(np.asarray(painted) * 0.4 + np.asarray(photo), 0, 255)))


if __name__ == "__main__":
    main()
