"""Opens photos that visitors send: small ones here, and those that cost a lot in a child process with limits.

    header -> few pixels, or a JPEG, which is decoded at reduced size?   here
              else   a child of low priority, which is gone with all its memory when the photo is there

An AVIF of 49 megapixels takes half a gigabyte while it is opened, a PNG half a second of a processor; and whatever a
decoder does to its process, it does not do to the server.
"""

import atexit
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.photo import open_photo, pixels_to_unpack
from dance_demo.jobs.messages import TOO_LARGE, Done, Event, Task, packed
from dance_demo.jobs.progress import Stop
from dance_demo.jobs.standby import Standby

HERE_PIXELS = 4_000_000  # at most, of a photo that is opened in the server: 50 ms
AT_ONCE = 2  # children
MEMORY_BYTES = 1 << 30  # of addresses of one child; enforced on Linux and macOS only
SECONDS, CPU_SECONDS = 120, 15  # of one photo, by the clock and of a processor
KEPT_S = 60.0  # a child that waits for the next one
TOO_MUCH = "the photo needs more memory or time than this server gives. Save it smaller, or as JPEG."


class PhotoReader:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock, self._places = threading.Lock(), threading.BoundedSemaphore(AT_ONCE)
        self._standby = Standby(threads=1, kept_s=KEPT_S)
        self._closing: threading.Timer | None = None

    def open(self, source: Path | bytes) -> Image.Image:
        """As `open_photo`. Raises PhotoError, also for what needs too much memory or time."""
        if pixels_to_unpack(source) <= HERE_PIXELS:
            return open_photo(source)
        with self._places:
            return self._opened_by_a_child(source)

    def close(self) -> None:
        """Send away the child that waits."""
        with self._lock:
            if self._closing:
                self._closing.cancel()
            self._standby.dismiss()

    def _opened_by_a_child(self, source: Path | bytes) -> Image.Image:
        with self._lock:
            child = self._standby.take()
        too_long = threading.Timer(SECONDS, child.kill)
        too_long.start()
        photo, end = None, Done(problem=TOO_LARGE)
        try:
            child.send(packed(Task(_open, (source,), Path(tempfile.gettempdir()), Path(tempfile.gettempdir()))))
            for message in child.messages():
                if isinstance(message, Event):
                    photo = message.value
                else:
                    end = message
        finally:
            too_long.cancel()
            child.end()
            self._have_one_ready()
        if photo is None:
            name = source.name if isinstance(source, Path) else "Photo"
            raise PhotoError(f"{name}: {TOO_MUCH}" if end.problem in ("", TOO_LARGE) else end.problem)
        size, pixels, info = photo
        opened = Image.frombytes("RGB", size, pixels)
        opened.info = info
        return opened

    def _have_one_ready(self) -> None:
        """Who sends one large photo is likely to send another."""
        with self._lock, suppress(OSError):
            self._standby.want(("dance_demo.files.photo", "pillow_heif"))
            if self._closing:
                self._closing.cancel()
            self._closing = threading.Timer(KEPT_S, self.close)
            self._closing.daemon = True
            self._closing.start()


def _open(directory: Path, stop: Stop, source: Path | bytes) -> Iterator[tuple[tuple[int, int], bytes, dict[Any, Any]]]:
    """What the child does."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        for limit, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS)):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    photo = open_photo(source)
    yield photo.size, photo.tobytes(), photo.info


PHOTOS = PhotoReader()
atexit.register(PHOTOS.close)
