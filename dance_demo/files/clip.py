"""Opens a video clip of a stranger and hands out upright pictures of it, some twice a second.

Nothing else opens clips.

    size of the file -> what do the first bytes say? -> one reader, for that kind only, which may open
    no second file -> known coding? -> width x height -> decode, watched by a clock -> upright RGB, small

It decodes with PyAV (FFmpeg inside). Run it in a process of its own, as
`predict.clip` does: FFmpeg is C, and a clip made to harm it must not take the server along.
"""

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from PIL import Image

from dance_demo.errors import PhotoError, VideoError
from dance_demo.files.photo import open_photo
from dance_demo.files.text import printable

if TYPE_CHECKING:
    import av

MAX_FILE_BYTES = 50_000_000
MAX_SIDE_PX, MAX_PIXELS = 4096, 9_500_000  # 4K
MAX_LENGTH_S = 60.0  # of a clip, from its beginning
MAX_FRAMES = 60  # pictures of a clip at most
MIN_INTERVAL_S = 0.5  # between two of them; more in a clip that is longer than 30 s
MAX_READ_S = 40.0  # what the reading of one clip may take
SIDE_PX = 480  # of the longer side of a picture
THREADS = 2

NO_CLIP = "this is not a video clip that is read here (MP4, MOV, WebM or MKV). Save it as MP4 and send that."
DAMAGED = "the clip is damaged or incomplete. Send it again, or save it anew as MP4."
NO_PICTURES = "there are no pictures in it, only sound perhaps. Choose another clip."
_KINDS = {  # reader of FFmpeg -> how the file begins
    "mov": rb".{4}(ftyp|moov|mdat|wide|free|skip)",
    "matroska": rb"\x1aE\xdf\xa3",
}
_CODINGS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9", "mpeg4", "mjpeg")
_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


class Frame(NamedTuple):
    """One picture of a clip, RGB and upright, its longer side at most `SIDE_PX`, and when it is shown."""

    time_s: float
    photo: Image.Image


class Clip:
    """An opened clip. `length_s` is what of it will be used by what its header claims, None if that says nothing;
    `remark` says, after `frames` has come to its end, why not all was used ("" if it was)."""

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Read the beginning of a file; raises VideoError, under the clip's `name`, for what is no clip."""
        self._name = printable(name or path.name) or "The clip"
        self._give_up_s = time.monotonic() + MAX_READ_S
        self.remark = ""
        kind = self._kind(path)
        self._file = path.open("rb")
        try:
            self._container = _opened(self._file, kind)
            self._stream = self._checked_stream()
        except VideoError:
            self.close()
            raise
        except Exception as problem:  # from hostile bytes FFmpeg raises nearly anything
            self.close()
            self._refuse(DAMAGED, problem)
        self.length_s = _claimed_s(self._container, self._stream)

    def __enter__(self) -> "Clip":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        if container := getattr(self, "_container", None):
            container.close()
        self._file.close()

    def frames(self) -> Iterator[Frame]:
        """The pictures in turn. Raises VideoError if there is not one; else what is damaged ends the clip."""
        every_s, next_s, count, time_s = max(MIN_INTERVAL_S, (self.length_s or MAX_LENGTH_S) / MAX_FRAMES), 0.0, 0, 0.0
        for time_s, frame in self._decoded():
            if time_s < next_s:
                continue
            if count == MAX_FRAMES:
                self.remark = f"Only the first {time_s:.0f} s were looked at: the clip is longer than it says."
                return
            yield Frame(time_s, self._photo(frame))
            count += 1
            next_s = (math.floor(time_s / every_s + 1e-6) + 1) * every_s - 1e-6
        if not count:
            self._refuse(DAMAGED if self.remark else NO_PICTURES)
        if not self.remark and self.length_s and time_s < self.length_s - every_s - 1:
            self.remark = f"The clip breaks off after {time_s:.0f} s, although it says that it is longer."

    def _decoded(self) -> Iterator[tuple[float, "av.VideoFrame"]]:
        """(second, frame) until the end, the limit of length, the limit of time, or what cannot be read."""
        start_s = last_s = None
        try:
            for frame in self._container.decode(self._stream):
                if time.monotonic() > self._give_up_s:
                    self.remark = f"Only the first {last_s or 0:.0f} s were looked at: the clip takes long to read."
                    return
                time_s: float | None = frame.time
                if time_s is None:
                    continue
                start_s = time_s if start_s is None else start_s
                last_s = time_s - start_s
                if last_s >= MAX_LENGTH_S:
                    self.remark = f"Only the first {MAX_LENGTH_S:.0f} s were looked at."
                    return
                yield last_s, frame
        except (VideoError, GeneratorExit):
            raise
        except Exception:
            where = f"after {last_s:.0f} s" if last_s is not None else "from its beginning"
            self.remark = f"The clip is damaged {where}; what comes then was not looked at."

    def _photo(self, frame: "av.VideoFrame") -> Image.Image:
        self._check_size(frame.width, frame.height)
        ratio = self._stream.sample_aspect_ratio
        width = frame.width * (float(ratio) if ratio and 0.1 < ratio < 10 else 1)  # of pixels that are not square
        scale = min(1.0, SIDE_PX / max(width, frame.height))
        size = max(1, round(width * scale)), max(1, round(frame.height * scale))
        picture = frame.reformat(*size, format="rgb24").to_image()  # type: ignore[no-untyped-call]  # av types it nowhere
        turn = _TURNS.get(round(frame.rotation / 90) * 90 % 360)
        try:
            return open_photo(picture.transpose(turn) if turn is not None else picture, name=self._name)
        except PhotoError as error:
            raise VideoError(str(error)) from None

    def _kind(self, path: Path) -> str:
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                start = file.read(16)
        except OSError:
            self._refuse("the file cannot be opened. Send the clip again.")
        if not size:
            self._refuse("the file is empty. Send the clip again.")
        if size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // 10**6
            self._refuse(f"the clip has {size / 1e6:.0f} MB; the limit is {limit} MB. Make it shorter or smaller.")
        kind = next((kind for kind, begin in _KINDS.items() if re.match(begin, start, re.DOTALL)), None)
        return kind or self._refuse(NO_CLIP)

    def _checked_stream(self) -> "av.VideoStream":
        streams = self._container.streams.video
        # a picture that is attached is the cover of the sound
        stream = next((one for one in streams if "attached_pic" not in str(one.disposition).lower()), None)
        if stream is None:
            self._refuse(NO_PICTURES)
        coding = stream.codec_context.name if stream.codec_context else "unknown"
        if coding not in _CODINGS:
            self._refuse("its pictures are coded in a way that is not read here. Save it as MP4 (H.264) and send that.")
        self._check_size(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = {"max_pixels": str(2 * MAX_PIXELS)}
        stream.codec_context.thread_count = THREADS
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONREF"  # what no other picture needs is seldom the one that we take
        return stream

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
            limit = "3840 x 2160"
            self._refuse(f"{width} x {height} pixels are too many; the limit is {limit}. Save the clip smaller.")

    def _refuse(self, problem: str, cause: Exception | None = None) -> NoReturn:
        raise VideoError(f"{self._name}: {problem}") from cause


def _opened(file: Any, kind: str) -> "av.container.InputContainer":
    """The container, read from this one open file as this one kind of container."""
    import av

    def no_other_file(url: str, flags: int, options: dict[str, str]) -> NoReturn:
        raise PermissionError("a clip may not open another file")

    allowed = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "codec_whitelist": ",".join(_CODINGS)}
    limits = {"protocol_whitelist": "", "probesize": "5000000", "max_streams": "20", "analyzeduration": "3000000"}
    container: av.container.InputContainer = av.open(
        file, "r", format=kind, container_options=allowed | limits, io_open=no_other_file
    )
    return container


def _claimed_s(container: "av.container.InputContainer", stream: "av.VideoStream") -> float | None:
    """The seconds of the clip, as its header claims, but no more than are used; None if it claims nothing."""
    start = container.start_time or 0  # in Matroska the length counts from zero, wherever the pictures begin
    claims = [(container.duration - start) / 1e6] if container.duration else []
    if stream.duration and stream.time_base:
        claims.append(float(stream.duration * stream.time_base))
    found = [claim for claim in claims if claim > 0]
    return min(MAX_LENGTH_S, *found) if found else None
