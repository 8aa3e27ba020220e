"""Sounds that tests make for themselves."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 22_050


def sine(hz: float, seconds: float, *, level: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A sine whose peaks reach `level`: (n,) float32."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def melody(seed: int, seconds: float) -> np.ndarray:
    """Random tones of an eighth of a second over a little noise: no two seeds are alike."""
    random = np.random.default_rng(seed)
    length = RATE_HZ // 8
    fading = np.exp(-np.linspace(0, 5, length)) * np.minimum(1, np.arange(length) / 200)
    count = -(-round(seconds * RATE_HZ) // length)
    tones = [sine(hz, 0.2, level=0.8)[:length] * fading for hz in random.uniform(150, 3000, count)]
    samples = np.concatenate(tones)[: round(seconds * RATE_HZ)]
    return (samples + random.normal(0, 0.003, len(samples))).astype(np.float32)


def encoded(samples: np.ndarray, format: str, *, rate_hz: int = RATE_HZ, **options: str) -> bytes:
    """Samples (n,) or (n, channels) as the bytes of a file; `format` as libsndfile names it, or M4A."""
    if format == "M4A":
        return _m4a(samples, rate_hz)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=format, **options)
    return buffer.getvalue()


def _m4a(samples: np.ndarray, rate_hz: int) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate_hz, layout="mono")
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(
                samples[None, start : start + 1024].astype(np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def write_classes(folder: Path, classes: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Class folders of WAVs: class name -> file name -> samples."""
    for label, files in classes.items():
        (folder / label).mkdir(parents=True)
        for name, samples in files.items():
            (folder / label / name).write_bytes(encoded(samples, "WAV"))
    return folder
