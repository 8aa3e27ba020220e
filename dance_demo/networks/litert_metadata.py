"""What a LiteRT model says of itself, so that MediaPipe Tasks and ML Kit take it without being told: TFLite metadata.

A flatbuffer of its own (metadata_schema.fbs of TensorFlow Lite Support, identifier M001) in a buffer of the model, and
the labels as a file in a zip that is put behind the model. There is no kept library that writes it for Python 3.11;
the field numbers below are those of the schema.
"""

from collections.abc import Sequence
from typing import Any

from dance_demo.files.zip_archive import pack

NAME, FILE_IDENTIFIER, LABELS = "TFLITE_METADATA", b"M001", "labels.txt"
_MODEL_IDENTIFIER = b"TFL3"
_MOST, _LEAST = 255.0, 0.0  # of a colour
_RGB, _AXIS_LABELS = 1, 2  # ColorSpaceType, AssociatedFileType
_IMAGE, _FEATURE, _NORMALIZATION = 2, 1, 1  # members of the unions ContentProperties and ProcessUnitOptions


def with_metadata(model: bytes, class_names: Sequence[str], *, name: str, description: str, side_px: int) -> bytes:
    """The model for one photo (1, side_px, side_px, 3) in [0, 255] -> (1, k), with its description and its labels."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(model, 0)
    content.description = description
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(_described(name, description, side_px))
    entry.name, entry.buffer = NAME, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), _MODEL_IDENTIFIER)
    labels = pack({LABELS: "".join(f"{label}\n" for label in class_names).encode()})
    return bytes(builder.Output()) + labels


def _described(name: str, description: str, side_px: int) -> bytes:
    """The metadata of the model as a flatbuffer."""
    import flatbuffers

    build = _Builder(flatbuffers.Builder(1024))
    size = build.table(2, uint32={0: side_px, 1: side_px})
    image = build.table(2, byte={0: _RGB}, offset={1: size})
    content = build.table(3, byte={0: _IMAGE}, offset={1: image})
    options = build.table(2, offset={0: build.floats([0.0]), 1: build.floats([1.0])})  # mean, standard deviation
    unit = build.table(2, byte={0: _NORMALIZATION}, offset={1: options})
    stats = build.table(2, offset={0: build.floats([_MOST]), 1: build.floats([_LEAST])})
    photo = build.table(
        7,
        offset={
            0: build.text("photo"),
            1: build.text(f"{side_px} x {side_px} pixels, red, green, blue from 0 to 255, not from -1 to 1"),
            3: content,
            4: build.vector([unit]),
            5: stats,
        },
    )
    feature = build.table(0)
    of_class = build.table(3, byte={0: _FEATURE}, offset={1: feature})
    file = build.table(5, byte={2: _AXIS_LABELS}, offset={0: build.text(LABELS), 1: build.text("the class of each")})
    limits = build.table(2, offset={0: build.floats([1.0]), 1: build.floats([0.0])})
    answer = build.table(
        7,
        offset={
            0: build.text("probability"),
            1: build.text("the probability of each class"),
            3: of_class,
            5: limits,
            6: build.vector([file]),
        },
    )
    graph = build.table(10, offset={2: build.vector([photo]), 3: build.vector([answer])})
    model = build.table(
        8,
        offset={
            0: build.text(name),
            1: build.text(description),
            3: build.vector([graph]),
            7: build.text("1.0.0"),
        },
    )
    return build.finished(model)


class _Builder:
    """Tables of a flatbuffer by the numbers of their fields."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def text(self, text: str) -> int:
        return int(self._builder.CreateString(text))

    def floats(self, numbers: Sequence[float]) -> int:
        self._builder.StartVector(4, len(numbers), 4)
        for number in reversed(numbers):
            self._builder.PrependFloat32(number)
        return int(self._builder.EndVector())

    def vector(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def table(
        self,
        fields: int,
        *,
        offset: dict[int, int] | None = None,
        uint32: dict[int, int] | None = None,
        byte: dict[int, int] | None = None,
    ) -> int:
        self._builder.StartObject(fields)
        for slot, place in (offset or {}).items():
            self._builder.PrependUOffsetTRelativeSlot(slot, place, 0)
        for slot, number in (uint32 or {}).items():
            self._builder.PrependUint32Slot(slot, number, 0)
        for slot, number in (byte or {}).items():
            self._builder.PrependUint8Slot(slot, number, 0)
        return int(self._builder.EndObject())

    def finished(self, root: int) -> bytes:
        self._builder.Finish(root, FILE_IDENTIFIER)
        return bytes(self._builder.Output())
