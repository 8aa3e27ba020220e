"""Pictures of sound: time runs to the right, low tones are at the bottom, bright is loud, on one scale for all.

| picture     | rows, from the top                           | how                                                |
|-------------|----------------------------------------------|----------------------------------------------------|
| spectrogram | 11,025 Hz to 0, evenly                       | short-time Fourier transform, windows of 1,024     |
| mel         | 11,025 Hz to 0, as the ear tells tones apart | the same with 2,048, in 128 bands of the mel scale |
| wavelet     | 10,000 Hz to 40, in octaves                  | scalogram: continuous wavelet transform, Morlet    |
| waveform    | 1 to -1                                      | a drawing of the samples; no wavelet at all        |

Each is 256 x 256 grey levels without axes or margins: those are for people, and a network would learn them. How bright
a sound is does not depend on what else is in the recording: 0 dB is a sine of full scale (in a mel band less, by as
much as the band is wide) and white; -80 dB is black. Only the samples' level is the caller's choice (see `pieces`).

The Morlet wavelet (Torrence & Compo 1998, "A Practical Guide to Wavelet Analysis", omega0 = 6) of centre frequency f
is in the frequency domain a Gaussian around f with standard deviation f / 6. So each row needs only the few
Fourier coefficients in that band, and their inverse transform may be as short as the band is wide: 128 rows of 30 s
of sound take a third of a second, where the full transform takes minutes and a gigabyte.
"""

import functools
import math

import numpy as np
from PIL import Image

from dance_demo.files.sound import RATE_HZ
from dance_demo.model.preprocessing import MEL, SPECTROGRAM, WAVEFORM, WAVELET

SIDE_PX = 256
FLOOR_DB = -80.0
HIGHEST_HZ = RATE_HZ / 2
WINDOW, MEL_WINDOW, MOST_BETWEEN = 1024, 2048, 512  # samples; between two windows at most
MEL_BANDS = 128
WAVELET_ROWS, WAVELET_HZ, OMEGA0 = 128, (40.0, 10_000.0), 6.0
_REACH = 4.0  # standard deviations of a wavelet's band that are kept: beyond lies 1e-7 of it
_MARGIN = 16  # columns of silence on either side, so that the end of a piece does not run into its beginning
_LEAST_OF_COLUMN = 8  # samples of a wavelet's answer
_SMALLEST = 1e-20


def sound_pictures(samples: np.ndarray, kinds: tuple[str, ...]) -> Image.Image:
    """The pictures of these samples (n,) above one another: grey, 256 wide, 256 high for each of the `kinds`."""
    levels = np.concatenate([picture(samples, kind) for kind in kinds])
    return Image.fromarray(levels)


def picture(samples: np.ndarray, kind: str) -> np.ndarray:
    """One picture of samples (n,) at `RATE_HZ`, as uint8 (256, 256). Raises ValueError for fewer than 256 samples."""
    if samples.ndim != 1 or len(samples) < SIDE_PX:
        raise ValueError(f"samples must be (n,), at least {SIDE_PX}. Received: {samples.shape}")
    if kind == WAVEFORM:
        return waveform(samples)
    decibels = {SPECTROGRAM: spectrogram, MEL: mel_spectrogram, WAVELET: scalogram}[kind](samples)
    shares = np.clip(1 - decibels / FLOOR_DB, 0, 1)
    rows = np.repeat(shares, SIDE_PX // len(shares), axis=0)
    return np.round(rows[::-1] * 255).astype(np.uint8)


def frequency_of(kind: str, height: float) -> float:
    """The frequency in Hz at a height in [0, 1] of a picture, 0 at its bottom; NaN for a drawing of the waveform."""
    if kind == SPECTROGRAM:
        return height * HIGHEST_HZ
    if kind == MEL:
        return float(_hz_of_mel(np.array(height * _mel_of_hz(HIGHEST_HZ))))
    if kind == WAVELET:
        low, high = WAVELET_HZ
        return float(low * (high / low) ** height)
    return float("nan")


# --- short-time Fourier transform --------------------------------------------------------------------------


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Decibels (256, 256): row 0 is the lowest, column 0 the first."""
    power = _short_time_power(samples, WINDOW)[1:]  # without the mean
    return _decibels(power.reshape(SIDE_PX, -1, SIDE_PX).max(axis=1))


def mel_spectrogram(samples: np.ndarray) -> np.ndarray:
    """Decibels (128, 256), of the mean power in each band."""
    return _decibels(_mel_bands() @ _short_time_power(samples, MEL_WINDOW))


def _short_time_power(samples: np.ndarray, window: int) -> np.ndarray:
    """(window / 2 + 1, 256) power, 1 for a sine of full scale; what lies between two columns is averaged, not lost."""
    from scipy.fft import rfft

    windows_of_column = -(-len(samples) // (SIDE_PX * MOST_BETWEEN))
    count = SIDE_PX * windows_of_column
    padded = np.pad(samples.astype(np.float32, copy=False), window // 2)
    starts = ((np.arange(count) + 0.5) * len(samples) / count).astype(int)  # a window around the middle of its share
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, window)
    power = np.empty((SIDE_PX, window // 2 + 1), np.float32)
    for column in range(0, SIDE_PX, 32):  # some at a time: memory stays small
        part = starts[column * windows_of_column : (column + 32) * windows_of_column]
        spectrum = np.abs(rfft(views[part] * hann, axis=1) / (hann.sum() / 2)) ** 2
        power[column : column + 32] = spectrum.reshape(-1, windows_of_column, window // 2 + 1).mean(axis=1)
    return power.T


@functools.cache
def _mel_bands() -> np.ndarray:
    """(128, 1025): a triangle for each band, evenly spaced in mel, each with a sum of 1."""
    edges = _hz_of_mel(np.linspace(0, _mel_of_hz(HIGHEST_HZ), MEL_BANDS + 2))
    bins = np.arange(MEL_WINDOW // 2 + 1) * RATE_HZ / MEL_WINDOW
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    narrowest = RATE_HZ / MEL_WINDOW  # the lowest bands are narrower than a bin; none may fall between two
    rising = (bins - low) / np.maximum(centre - low, narrowest)
    falling = (high - bins) / np.maximum(high - centre, narrowest)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    empty = weights.sum(axis=1) == 0
    weights[empty, np.round(centre[empty, 0] / narrowest).astype(int)] = 1
    bands: np.ndarray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return bands


def _mel_of_hz(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


def _hz_of_mel(mel: np.ndarray) -> np.ndarray:
    hz: np.ndarray = 700 * (10 ** (mel / 2595) - 1)
    return hz


# --- wavelets ----------------------------------------------------------------------------------------------


def wavelet_frequencies() -> np.ndarray:
    """The centre frequency of each row in Hz (128,), the lowest first."""
    return np.geomspace(*WAVELET_HZ, WAVELET_ROWS)


def scalogram(samples: np.ndarray) -> np.ndarray:
    """Decibels (128, 256): the mean power of each wavelet in each column, 0 for a sine of full scale."""
    power = np.empty((WAVELET_ROWS, SIDE_PX), np.float32)
    spectrum, bin_hz = _spectrum_with_margins(samples)
    columns = SIDE_PX + 2 * _MARGIN
    for row, hz in enumerate(wavelet_frequencies()):
        envelope = np.abs(_in_band(spectrum, bin_hz, hz, columns)) ** 2
        power[row] = envelope.reshape(columns, -1).mean(axis=1)[_MARGIN:-_MARGIN]
    return _decibels(power)


def _spectrum_with_margins(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """The Fourier coefficients, scaled so that a sine of full scale has 1, and how many Hz lie between two."""
    from scipy.fft import rfft

    margin = round(len(samples) * _MARGIN / SIDE_PX)
    padded = np.pad(samples.astype(np.float32, copy=False), margin)
    return rfft(padded) * 2, RATE_HZ / len(padded)


def _in_band(spectrum: np.ndarray, bin_hz: float, hz: float, columns: int) -> np.ndarray:
    """The analytic signal that the wavelet at `hz` hears, sampled a whole number of times in each column: (m,).

    A shift of the band to zero turns the phase only, and the power is all that is looked at.
    """
    from scipy.fft import ifft, next_fast_len

    deviation = hz / OMEGA0
    first = max(1, int((hz - _REACH * deviation) / bin_hz))
    last = min(len(spectrum) - 1, int((hz + _REACH * deviation) / bin_hz) + 1)
    around = (np.arange(first, last + 1) * bin_hz - hz) / deviation
    band = spectrum[first : last + 1] * np.exp(-0.5 * around**2).astype(np.float32)
    length = columns * next_fast_len(max(_LEAST_OF_COLUMN, -(-len(band) // columns)))
    middles = np.exp(1j * np.pi / length * np.arange(len(band))).astype(np.complex64)  # half a sample later
    # the forward transform sums over all samples, the backward one here divides by its own length
    signal: np.ndarray = ifft(band * middles, length) * (length * bin_hz / RATE_HZ)
    return signal


def _decibels(power: np.ndarray) -> np.ndarray:
    decibels: np.ndarray = 10 * np.log10(np.maximum(power, _SMALLEST))
    return decibels


# --- the drawing -------------------------------------------------------------------------------------------


def waveform(samples: np.ndarray) -> np.ndarray:
    """The samples as a line: uint8 (256, 256), white from the least to the greatest of each column."""
    edges = np.linspace(0, len(samples), SIDE_PX + 1).astype(int)
    low = np.minimum.reduceat(samples, edges[:-1])
    high = np.maximum.reduceat(samples, edges[:-1])
    heights = np.linspace(1, -1, SIDE_PX)[:, None]
    half_pixel = 1 / (SIDE_PX - 1)
    drawn = (heights >= low - half_pixel) & (heights <= high + half_pixel)
    return np.where(drawn, 255, 0).astype(np.uint8)
