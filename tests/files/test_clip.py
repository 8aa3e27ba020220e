"""Clips: what is read, what is refused and in which words."""

import os
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dance_demo.errors import VideoError
from dance_demo.files.clip import DAMAGED, MAX_FRAMES, NO_CLIP, NO_PICTURES, Clip, Frame
from tests.support.clips import cut, dancers, sound_only, with_bytes, write_clip

LARGE = Image.new("RGB", (160, 96), "blue")
LARGE.paste("red", (0, 0, 160, 40))  # its upper side is red


def frames(path: Path) -> tuple[list[Frame], str]:
    with Clip(path) as clip:
        return list(clip.frames()), clip.remark


def refusal(path: Path) -> str:
    with pytest.raises(VideoError) as refused:
        frames(path)
    return str(refused.value)


# --- what is read -------------------------------------------------------------------------------------------


def test_a_clip_gives_two_pictures_a_second(two_dances: Path):
    found, remark = frames(two_dances)
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(0, 6, 0.5), abs=0.11)
    assert remark == ""
    assert found[0].photo.mode == "RGB"
    assert found[0].photo.size == (240, 304)


@pytest.mark.parametrize(
    ("turn", "size", "red"), [(90, (96, 160), "left"), (-90, (96, 160), "right"), (180, (160, 96), "below")]
)
def test_a_clip_of_a_turned_phone_is_turned_upright(tmp_path: Path, turn: int, size: tuple[int, int], red: str):
    [first, *_], _ = frames(write_clip(tmp_path / "turned.mp4", [LARGE], turn=turn))
    assert first.photo.size == size
    width, height = size
    places = {"left": (5, height // 2), "right": (width - 5, height // 2), "below": (width // 2, height - 5)}
    colours = {place: first.photo.getpixel(xy) for place, xy in places.items()}
    assert [place for place, (r, _, b) in colours.items() if r > b] == [red]


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.mkv", "libx264"), ("a.mov", "mpeg4")])
def test_the_usual_kinds_are_read_whatever_they_are_called(tmp_path: Path, name: str, codec: str):
    path = write_clip(tmp_path / name, dancers("odissi"), codec=codec).rename(tmp_path / "clip.bin")
    assert len(frames(path)[0]) == 2


def test_a_long_clip_is_used_for_a_minute_and_gives_sixty_pictures(tmp_path: Path):
    found, remark = frames(write_clip(tmp_path / "long.mp4", [LARGE], seconds=75))
    assert len(found) == MAX_FRAMES
    assert found[-1].time_s == pytest.approx(59, abs=0.11)
    assert "Only the first 60 s" in remark


def test_a_clip_that_does_not_begin_at_zero_begins_at_zero(tmp_path: Path):
    found, _ = frames(write_clip(tmp_path / "late.mkv", [LARGE], seconds=2, start_s=500))
    assert [frame.time_s for frame in found] == pytest.approx([0, 0.5, 1, 1.5], abs=0.11)


def test_reading_stops_when_it_has_taken_its_time(two_dances: Path, monkeypatch: pytest.MonkeyPatch):
    with Clip(two_dances) as clip:
        clip._give_up_s = time.monotonic() + 0.0
        pictures = clip.frames()
        with pytest.raises(VideoError, match="damaged or incomplete"):
            next(pictures)
        clip._give_up_s = time.monotonic() + 100
    with Clip(two_dances) as clip:
        pictures = clip.frames()
        next(pictures)
        clip._give_up_s = 0
        assert list(pictures) == []
        assert "the clip takes long to read" in clip.remark


# --- what is refused ----------------------------------------------------------------------------------------


def text(path: Path) -> Path:
    path.write_text("Rehearsal on Monday")
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def playlist(path: Path) -> Path:
    """What makes some players open other files, or other addresses."""
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    return path


def concatenation(path: Path) -> Path:
    path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    return path


def wide(path: Path) -> Path:
    return write_clip(path, [LARGE.resize((4400, 96))], seconds=0.2)


def only_start(path: Path) -> Path:
    path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    return path


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (text, NO_CLIP),
        (empty, "the file is empty"),
        (playlist, NO_CLIP),
        (concatenation, NO_CLIP),
        (wide, "4400 x 96 pixels are too many; the limit is 3840 x 2160"),
        (only_start, DAMAGED),
        (sound_only, NO_PICTURES),
    ],
)
def test_V1_what_is_no_clip_is_refused_in_a_sentence(tmp_path: Path, made: Callable[[Path], Path], sentence: str):
    told = refusal(made(tmp_path / "clip.mp4"))
    assert told.startswith("clip.mp4: ")
    assert sentence in told


def test_a_clip_larger_than_50_mb_is_refused_before_it_is_opened(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    assert "the clip has 50 MB; the limit is 50 MB" in refusal(path)


def test_V2_a_picture_larger_than_its_clip_claims_is_not_decoded(tmp_path: Path):
    """A key frame of VP8 says its own size, whatever the file around it said."""
    path = write_clip(tmp_path / "a.webm", [LARGE], codec="libvpx")
    start = b"\x9d\x01\x2a"
    with_bytes(path, start + struct.pack("<2H", 160, 96), start + struct.pack("<2H", 16383, 16383))
    assert "a.webm: " in refusal(path)


def test_V2_an_endless_length_is_not_believed(tmp_path: Path):
    path = write_clip(tmp_path / "a.mkv", [LARGE], seconds=4)
    length, claimed = b"\x44\x89\x88", struct.pack(">d", 1e15)  # in Matroska, a number of milliseconds
    at = path.read_bytes().index(length)
    with_bytes(path, path.read_bytes()[at : at + 11], length + claimed)
    found, remark = frames(path)
    assert 4 <= len(found) <= 8
    assert "breaks off after" in remark


@pytest.mark.parametrize("tenth", range(1, 10))
def test_V1_a_clip_cut_at_any_tenth_gives_what_there_is_or_a_sentence(two_dances: Path, tmp_path: Path, tenth: int):
    path = tmp_path / "cut.mp4"
    path.write_bytes(cut(two_dances, tenth))
    try:
        found, remark = frames(path)
    except VideoError as error:
        assert str(error) == f"cut.mp4: {DAMAGED}"
    else:
        assert 1 <= len(found) < 12
        assert remark or len(found) > 8


def test_V3_random_changes_never_do_more_than_a_sentence(two_dances: Path, tmp_path: Path):
    rng, data, path = np.random.default_rng(0), two_dances.read_bytes(), tmp_path / "changed.mp4"
    for _ in range(40):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 30):
            changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            assert len(frames(path)[0]) <= MAX_FRAMES
        except VideoError as error:
            assert str(error).startswith("changed.mp4: ")


def box(kind: bytes, *content: bytes) -> bytes:
    """A part of an MP4."""
    return struct.pack(">I", 8 + sum(map(len, content))) + kind + b"".join(content)


def grown(data: bytes, path: tuple[bytes, ...], content: bytes) -> bytes:
    """These boxes with other content in the one at the end of the path, and sizes that fit."""
    at, made = 0, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == path[0]:
            inside = grown(data[at + 8 : at + size], path[1:], content) if path[1:] else content
            made += box(kind, inside)
        else:
            made += data[at : at + size]
        at += size
    return made


def test_V1_a_clip_that_says_that_its_pictures_lie_in_another_file_opens_no_other_file(tmp_path: Path):
    """QuickTime's alias of a file elsewhere, by its path. The one here is a pipe: whoever opens it is seen."""
    elsewhere, path = tmp_path / "elsewhere.mov", write_clip(tmp_path / "a.mp4", [LARGE], seconds=2)
    os.mkfifo(elsewhere)
    name = b"elsewhere.mov"
    alias = bytes(10) + bytes(28) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    alias += struct.pack(">2h", 1, 1) + bytes(16)
    for kind, text in ((18, str(elsewhere).encode()), (2, str(elsewhere).replace("/", ":").encode())):
        alias += struct.pack(">2H", kind, len(text)) + text + bytes(len(text) % 2)
    references = struct.pack(">2I", 0, 1) + box(b"alis", bytes(4), alias, struct.pack(">2H", 0xFFFF, 0))
    data = grown(path.read_bytes(), (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"), references)
    path.write_bytes(data)
    assert b"alis" in data
    over, opened = threading.Event(), []

    def watch() -> None:
        while not over.is_set():
            with suppress(OSError):  # nobody reads it
                os.close(os.open(elsewhere, os.O_WRONLY | os.O_NONBLOCK))
                opened.append(True)
            time.sleep(0.001)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with suppress(VideoError):
            assert len(frames(path)[0]) == 4
    finally:
        over.set(), watching.join()
    assert not opened


def changing(path: Path, *sizes: tuple[int, int]) -> Path:
    """A clip whose pictures have each of these sizes for a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuv420p"
        for second, size in enumerate(sizes):
            coder = av.CodecContext.create("libvpx", "w")
            coder.options = {"deadline": "realtime", "cpu-used": "8"}
            coder.width, coder.height, coder.pix_fmt, coder.time_base = *size, "yuv420p", Fraction(1, 10)
            pictures = [av.VideoFrame.from_image(LARGE.resize(size)) for _ in range(10)]
            for number, picture in enumerate(pictures):
                picture.pts, picture.time_base = 10 * second + number, Fraction(1, 10)
            for packet in [packet for picture in (*pictures, None) for packet in coder.encode(picture)]:
                packet.stream = stream
                container.mux(packet)
    return path


def test_V2_pictures_that_change_their_size_are_each_held_to_the_limit(tmp_path: Path):
    found, _ = frames(changing(tmp_path / "a.webm", (160, 96), (96, 160), (640, 360)))
    assert [frame.photo.size for frame in found] == [*[(160, 96)] * 2, *[(96, 160)] * 2, *[(480, 270)] * 2]
    told = refusal(changing(tmp_path / "b.webm", (160, 96), (4400, 96)))
    assert "4400 x 96 pixels are too many" in told


def test_V1_of_many_streams_the_first_counts(tmp_path: Path):
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=10) for _ in range(60)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(10):
            for stream in streams:
                picture = av.VideoFrame.from_image(LARGE)
                picture.pts = number
                container.mux(stream.encode(picture))
    started = time.monotonic()
    with suppress(VideoError):
        assert 1 <= len(frames(path)[0]) <= 3
    assert time.monotonic() - started < 5


def test_a_hostile_name_stays_one_printable_line(tmp_path: Path):
    told = refusal(text(tmp_path / "a\n\x1b[31mb.mp4"))
    assert told.isprintable()
