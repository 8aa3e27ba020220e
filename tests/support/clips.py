"""Video clips that tests make for themselves, with the library that reads them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dance_demo.data.illustrations import draw

RATE = 10  # pictures a second


def write_clip(
    path: Path,
    pictures: Sequence[Image.Image],
    *,
    seconds: float | None = None,
    turn: int = 0,
    codec: str = "mpeg4",
    start_s: float = 0,
    **options: str,
) -> Path:
    """A clip that shows each picture for its share of the seconds (one each by default).

    `turn`: degrees counterclockwise by which a player has to turn it, as of a phone that was held upright.
    """
    import av

    length = RATE * (seconds or len(pictures))
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        if turn:
            stream.set_display_rotation(turn)
        for number in range(round(length)):
            frame = av.VideoFrame.from_image(pictures[int(number * len(pictures) / length)])
            frame.pts = number + round(start_s * RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sound_only(path: Path) -> Path:
    """A clip without a picture."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        for number in range(20):
            tone = np.sin(np.arange(1024) / 10, dtype=np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def dancers(*forms: str, size: tuple[int, int] = (240, 304), seed: int = 5) -> list[Image.Image]:
    return [draw(form, seed, size=size) for form in forms]


def with_bytes(path: Path, old: bytes, new: bytes) -> Path:
    """The same file with some of its bytes changed."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


def cut(path: Path, tenth: int) -> bytes:
    """The beginning of a file, so many tenths of it."""
    data = path.read_bytes()
    return data[: len(data) * tenth // 10]


def camera_file(path: Path, pictures: Sequence[Image.Image], *, frames_each: int = 60) -> Path:
    """What Chromium shows as its camera, over and over: thirty pictures a second, as JPEGs one after the other."""

    with path.open("wb") as file:
        for picture in pictures:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=90)
            file.write(buffer.getvalue() * frames_each)
    return path


def on_stage(dancer: Image.Image, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A drawn dancer as a camera sees it: in the middle of a wide picture."""
    picture = Image.new("RGB", size, (40, 34, 44))
    picture.paste(dancer, ((size[0] - dancer.width) // 2, (size[1] - dancer.height) // 2))
    return picture
