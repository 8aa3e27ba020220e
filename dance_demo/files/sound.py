"""Whatever recording a person hands us becomes mono samples at one rate. Nothing else decodes sound.

    size of the file -> what do the first bytes say? -> one reader, for that kind only -> rate, channels, length
    -> decoded in blocks, mixed to mono -> numbers only? -> resampled -> is there anything to hear?

WAV, FLAC, OGG and MP3 are read by libsndfile (package soundfile), M4A and the WebM of browsers by PyAV. Both are
imported when the first sound comes: photos do not pay for them.
"""

import importlib.util
import io
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from dance_demo.errors import SoundError
from dance_demo.files.text import printable

RATE_HZ = 22_050  # what is heard here reaches up to half of it
MAX_FILE_BYTES = 50_000_000
MAX_SECONDS, MIN_SECONDS = 600.0, 0.1
MAX_RATE_HZ, MIN_RATE_HZ = 192_000, 4_000
MAX_FRAMES = 30_000_000  # ten minutes at 50 kHz; held as float32 while they are resampled
MAX_CHANNELS = 8
MAX_READ_S = 30.0  # what decoding one recording may take
SILENT_DBFS = -70.0  # the loudest tenth of a second of a recording in which there is nothing to hear
BREAKS_OFF = 0.97  # of the length that a file claims: below, it is said
LOW_RATE_HZ = 16_000  # below, high tones are missing, and it is said

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".webm")
READABLE = "WAV, FLAC, OGG, MP3 or M4A"
NOT_INSTALLED = "Sound cannot be read here: the package soundfile is not installed. Run: pip install soundfile"
NO_M4A = "M4A is not read here, because the package av is not installed. Save it as MP3 or WAV."
DAMAGED = "the recording is incomplete or damaged. Send it again, or save it anew as WAV or MP3."

_KINDS = {  # name -> how the file begins
    "WAV": rb"RIFF.{4}WAVE",
    "FLAC": rb"fLaC",
    "OGG": rb"OggS",
    "M4A": rb".{4}ftyp",
    "WebM": rb"\x1aE\xdf\xa3",
    "MP3": rb"ID3|\xff[\xe2-\xe7\xf2-\xff]",  # any layer; a JPEG begins with ff d8, AAC with ff f0, f1, f8 or f9
}
_OTHER_FILES = {
    "a photo": rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF.{4}WEBP|BM.{4}\0{4}",
    "raw AAC": rb"\xff[\xf0\xf1\xf8\xf9]",
    "an AIFF recording": rb"FORM.{4}AIF",
    "a WMA recording or a video of Windows": rb"\x30\x26\xb2\x75",
    "an AMR recording": rb"#!AMR",
    "a MIDI file, notes without a sound": rb"MThd",
    "a zip archive or an office document": rb"PK\x03\x04",
    "a PDF document": rb"\s*%PDF-",
    "a web page": rb"(?i)\s*<(!doctype html|html|head|body)\b",
    "a text file": rb"[\t\n\r -~\x80-\xff]{1,512}\Z",
}
_BY_PYAV = {"M4A": "mov", "WebM": "matroska"}  # -> FFmpeg's reader
_CODINGS = ("aac", "aac_fixed", "alac", "opus", "libopus", "vorbis", "libvorbis", "mp3", "mp3float")
_SUBTYPES = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "VORBIS", "OPUS", "MPEG_LAYER")
_BLOCK = 1 << 17  # frames decoded at a time

Source = str | os.PathLike[str] | bytes | BinaryIO


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording: `samples` (n,) float32, mono at `RATE_HZ`, full scale at 1. `notes` are sentences on what it was."""

    samples: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE_HZ


def installed() -> bool:
    """Whether sound can be read here at all."""
    return importlib.util.find_spec("soundfile") is not None


def starts_like_a_sound(start: bytes) -> bool:
    """Whether a file with these first bytes may be a recording that is read here, whatever its name."""
    return _first_match(_KINDS, start) is not None


def open_sound(source: Source, *, name: str | None = None) -> Sound:
    """Read a path, bytes or a binary file.

    Raises SoundError, under the recording's `name` (by default that of the file), for whatever is no recording, has
    nothing to hear in it, or is beyond the limits above.
    """
    try:
        data = _read(source)
        kind = _first_match(_KINDS, data[:512]) or _refuse_kind(data)
        blocks = _by_pyav(data, _BY_PYAV[kind]) if kind in _BY_PYAV else _by_soundfile(data)
        return _sound(blocks, _name_note(source, name, kind))
    except SoundError as problem:
        raise SoundError(f"{_shown_name(source, name)}: {problem}") from None
    except Exception as problem:  # from hostile bytes decoders raise nearly anything
        raise SoundError(f"{_shown_name(source, name)}: {DAMAGED}") from problem


def wav_bytes(samples: np.ndarray) -> bytes:
    """Samples (n,) in [-1, 1] at `RATE_HZ` as a 16-bit WAV, which every browser plays."""
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


# --- the file ----------------------------------------------------------------------------------------------


def _read(source: Source) -> bytes:
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | os.PathLike):
        data = _read_path(Path(source))
    elif hasattr(source, "read"):
        data = source.read(MAX_FILE_BYTES + 1)
    else:
        raise SoundError("nothing to listen to. Choose a recording first.")
    if len(data) > MAX_FILE_BYTES:
        limit = f"{MAX_FILE_BYTES // 10**6} MB"
        raise SoundError(f"the file is larger than {limit}, which is the limit. Save it as MP3, or cut it.")
    if not data:
        raise SoundError("the file is empty. Send the recording again.")
    return data


def _read_path(path: Path) -> bytes:
    if not path.is_file():
        raise SoundError("there is no such file." if not path.exists() else "this is a folder or a device, not a file.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SoundError(f"the file cannot be opened ({error.strerror}).") from error


def _refuse_kind(data: bytes) -> NoReturn:
    kind = _first_match(_OTHER_FILES, data[:512]) or "an unknown kind of file"
    raise SoundError(f"this is {kind}, not a {READABLE} recording. Save it as WAV or MP3 and send that.")


def _first_match(kinds: dict[str, bytes], data: bytes) -> str | None:
    start = data[:512]
    return next((kind for kind, begin in kinds.items() if re.match(begin, start, re.DOTALL)), None)


def _shown_name(source: Source, name: str | None) -> str:
    if name is None:
        path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = Path(path).name if isinstance(path, str | os.PathLike) else ""
    return printable(name) or "Recording"


def _name_note(source: Source, name: str | None, kind: str) -> tuple[str, ...]:
    """That the ending of the name says something else than the bytes."""
    suffix = Path(name or (source if isinstance(source, str | os.PathLike) else "")).suffix.lower()
    usual = {"OGG": (".ogg", ".oga", ".opus"), "M4A": (".m4a", ".mp4", ".aac", ".mov")}.get(kind, (f".{kind.lower()}",))
    return (f"its name ends in {suffix}, but it is {kind}",) if suffix in SOUND_SUFFIXES and suffix not in usual else ()


# --- decoding, in blocks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """What a reader gives: blocks of frames (m, channels) float32 at this rate."""

    rate_hz: int
    channels: int
    frames: Iterator[np.ndarray]
    claimed: int = 0  # frames that the file says it has; 0 if it does not say


def _by_soundfile(data: bytes) -> _Blocks:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the library in it is missing
        raise SoundError(NOT_INSTALLED) from None
    file = soundfile.SoundFile(io.BytesIO(data))
    if not file.subtype.startswith(_SUBTYPES):
        raise SoundError(f"it is coded as {printable(file.subtype)}, which is not read here. Save it as WAV or MP3.")
    _check_shape(file.samplerate, file.channels, file.frames)

    def frames() -> Iterator[np.ndarray]:
        with file:
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                yield block

    return _Blocks(file.samplerate, file.channels, frames(), max(file.frames, _frames_of_wav(data, file)))


def _frames_of_wav(data: bytes, file: Any) -> int:
    """How many frames a WAV would have if it were as long as it says; 0 for others, and where nobody counted."""
    size = int.from_bytes(data[4:8], "little")
    if file.format not in ("WAV", "WAVEX") or size in (0, 0xFFFFFFFF) or size + 8 <= len(data):
        return 0
    return int(file.frames * (size + 8) / len(data))


def _by_pyav(data: bytes, reader: str) -> _Blocks:
    if importlib.util.find_spec("av") is None:
        raise SoundError(NO_M4A)
    import av

    def no_other_file(url: str, flags: int, options: dict[str, str]) -> NoReturn:
        raise PermissionError("a recording may not open another file")

    allowed = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "codec_whitelist": ",".join(_CODINGS)}
    limits = {"protocol_whitelist": "", "probesize": "5000000", "max_streams": "20", "analyzeduration": "3000000"}
    container: Any = av.open(
        io.BytesIO(data), "r", format=reader, container_options=allowed | limits, io_open=no_other_file
    )
    if not container.streams.audio:
        container.close()
        raise SoundError("there is no sound in it. Choose a recording.")
    stream = container.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.name not in _CODINGS:
        container.close()
        raise SoundError("its sound is coded in a way that is not read here. Save it as MP3 or WAV.")
    rate, channels = int(stream.codec_context.sample_rate), int(stream.codec_context.channels)
    _check_shape(rate, channels, 0)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)

    def frames() -> Iterator[np.ndarray]:
        with container:
            for frame in container.decode(stream):
                for mono in resampler.resample(frame):
                    yield mono.to_ndarray().reshape(-1, 1)

    return _Blocks(rate, channels, frames())


def _check_shape(rate_hz: int, channels: int, frames: int) -> None:
    """`frames` is what the file claims, 0 where it claims nothing."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        limits = f"from {MIN_RATE_HZ:,} to {MAX_RATE_HZ:,}"
        raise SoundError(f"{rate_hz:,} samples a second; {limits} are read here. Save it at 44,100.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise SoundError(f"{channels} channels; the limit is {MAX_CHANNELS}. Save it in stereo or mono.")
    if MAX_SECONDS * rate_hz < frames < 1 << 40:  # more is no length but a broken header
        _refuse_length(frames / rate_hz)
    if MAX_FRAMES < frames < 1 << 40:
        raise SoundError(
            f"{frames / 1e6:.0f} million samples; the limit is {MAX_FRAMES // 10**6}. Save it at 44,100 Hz."
        )


def _refuse_length(seconds: float) -> NoReturn:
    found = f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
    raise SoundError(f"it is {found} long; the limit is {MAX_SECONDS / 60:.0f} minutes. Cut it into parts.")


# --- mono, one rate ----------------------------------------------------------------------------------------


def _sound(blocks: _Blocks, notes: tuple[str, ...]) -> Sound:
    mono = _mixed(blocks)
    seconds = len(mono) / blocks.rate_hz
    if seconds < MIN_SECONDS:
        raise SoundError(f"it is {seconds:.2f} s long; {MIN_SECONDS:g} s are needed. Record more.")
    if _loudest_dbfs(mono, blocks.rate_hz) < SILENT_DBFS:
        raise SoundError("there is nothing to hear in it, only silence. Check the microphone, and record again.")
    if blocks.claimed < 1 << 40 and len(mono) < BREAKS_OFF * blocks.claimed:
        notes += (f"it breaks off after {seconds:.1f} s, before its end",)
    if blocks.channels > 1:
        notes += (f"{blocks.channels} channels, mixed to one",)
    if blocks.rate_hz < LOW_RATE_HZ:
        notes += (f"{blocks.rate_hz:,} samples a second: tones above {blocks.rate_hz // 2:,} Hz are missing",)
    return Sound(_resampled(mono, blocks.rate_hz), notes)


def _mixed(blocks: _Blocks) -> np.ndarray:
    """All blocks as one channel (n,)."""
    parts, count, give_up_s = [], 0, time.monotonic() + MAX_READ_S
    try:
        for block in blocks.frames:
            part = block.mean(axis=1, dtype=np.float32)
            if not np.isfinite(part).all():
                raise SoundError("some of its samples are no numbers (NaN or infinity). Export it again as 16-bit WAV.")
            parts.append(part)
            count += len(part)
            if count > MAX_SECONDS * blocks.rate_hz:
                _refuse_length(count / blocks.rate_hz)
            if count > MAX_FRAMES:
                raise SoundError(f"more than {MAX_FRAMES // 10**6} million samples. Save it at 44,100 Hz.")
            if time.monotonic() > give_up_s:
                raise SoundError("it takes too long to read. Save it anew as WAV or MP3.")
    except SoundError:
        raise
    except Exception as problem:
        raise SoundError(DAMAGED) from problem
    if not count:
        raise SoundError("there is no sound in it. Send the recording again.")
    return np.concatenate(parts)


def _loudest_dbfs(mono: np.ndarray, rate_hz: int) -> float:
    """The root mean square of the loudest tenth of a second, in dB below full scale."""
    length = max(1, min(len(mono), rate_hz // 10))
    windows = mono[: len(mono) // length * length].reshape(-1, length)
    power = float(np.einsum("ij,ij->i", windows, windows).max()) / length
    return 10 * math.log10(max(power, 1e-20))


def _resampled(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    if rate_hz == RATE_HZ:
        return mono
    from scipy.signal import resample_poly  # takes a second to import

    shared = math.gcd(RATE_HZ, rate_hz)
    resampled: np.ndarray = resample_poly(mono, RATE_HZ // shared, rate_hz // shared)
    return resampled.astype(np.float32, copy=False)
