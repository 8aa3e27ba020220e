"""Large photos are opened in a child process with limits, and come out as they would here."""

import io
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from dance_demo.errors import PhotoError
from dance_demo.files.photo import open_photo, pixels_to_unpack
from dance_demo.ui.server import photo_reader
from dance_demo.ui.server.photo_reader import HERE_PIXELS, PhotoReader
from tests.support.made_up import jpeg, photo


@pytest.fixture
def reader():
    reader = PhotoReader()
    yield reader
    reader.close()


def saved(picture: Image.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


LARGE = photo(3).resize((2400, 1800), Image.Resampling.NEAREST)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_I6_a_large_photo_comes_out_as_it_would_here_and_costs_the_server_nothing(reader, tmp_path: Path, format):
    file = tmp_path / "large"
    file.write_bytes(saved(LARGE, format))
    assert pixels_to_unpack(file) > HERE_PIXELS
    here = open_photo(file)
    before_s = time.process_time()
    there = reader.open(file)
    assert time.process_time() - before_s < 0.5
    assert there.size == here.size and there.info == here.info
    assert np.array_equal(np.asarray(there), np.asarray(here))
    assert reader.open(file.read_bytes()).size == here.size


def test_small_photos_large_jpegs_and_what_is_refused_anyway_need_no_child(reader, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(PhotoReader, "_opened_by_a_child", lambda *_: pytest.fail("a child"))
    for content in (jpeg(1), jpeg(LARGE), saved(photo(1), "PNG")):
        assert reader.open(content).size
    bomb = saved(Image.new("1", (9000, 9000)), "PNG")
    for content in (b"", b"junk", bomb):
        with pytest.raises(PhotoError):
            reader.open(content)


def test_I6_what_needs_more_memory_than_a_child_may_have_is_refused_in_a_sentence(reader, monkeypatch):
    monkeypatch.setattr(photo_reader, "_open", hungry)
    with pytest.raises(PhotoError, match="more memory or time than this server gives"):
        reader.open(saved(LARGE, "PNG"))
    monkeypatch.undo()
    assert reader.open(saved(LARGE, "PNG")).size == (960, 720), "and the next one is opened"


def hungry(directory, stop, source):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    yield bytearray(2 << 30)


def test_a_child_that_stands_still_is_ended_and_the_visitor_told(reader, monkeypatch):
    monkeypatch.setattr(photo_reader, "SECONDS", 1)
    monkeypatch.setattr(photo_reader, "_open", still)
    with pytest.raises(PhotoError, match="more memory or time than this server gives"):
        reader.open(saved(LARGE, "PNG"))


def still(directory, stop, source):
    import signal

    os.kill(os.getpid(), signal.SIGSTOP)
    yield


def test_no_child_stays_when_the_reader_is_closed(reader):
    others = psutil.Process().children()  # of other tests
    reader.open(saved(LARGE, "PNG"))
    mine = [child for child in psutil.Process().children() if child not in others]
    assert mine
    reader.close()
    assert not [child for child in mine if child.is_running()]
