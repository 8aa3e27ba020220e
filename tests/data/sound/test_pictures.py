"""A sine, a chirp and a click land where theory says, held against SciPy and a wavelet transform written out."""

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT, chirp, fftconvolve

from dance_demo.data.sound.pictures import (
    FLOOR_DB,
    MEL_BANDS,
    OMEGA0,
    SIDE_PX,
    WINDOW,
    frequency_of,
    mel_spectrogram,
    picture,
    scalogram,
    sound_pictures,
    spectrogram,
    waveform,
    wavelet_frequencies,
)
from dance_demo.files.sound import RATE_HZ
from dance_demo.model.preprocessing import KINDS, MEL, SPECTROGRAM, WAVEFORM, WAVELET
from tests.support.sounds import sine

PITCHED = (SPECTROGRAM, MEL, WAVELET)


def row_hz(kind: str, rows: np.ndarray) -> np.ndarray:
    return np.array([frequency_of(kind, 1 - (row + 0.5) / SIDE_PX) for row in rows])


@pytest.mark.parametrize("kind", PITCHED)
@pytest.mark.parametrize("hz", [220.0, 1000.0, 4000.0])
def test_a_sine_is_one_bright_line_at_its_frequency(kind, hz):
    levels = picture(sine(hz, 3), kind).astype(int)
    brightest = levels.argmax(axis=0)
    assert np.ptp(brightest[5:-5]) <= 2
    tolerance = {SPECTROGRAM: 45, MEL: max(45, hz * 0.06), WAVELET: hz * 0.03}[kind]
    assert np.abs(row_hz(kind, brightest[10:-10]) - hz).max() <= tolerance
    assert levels.max() >= 225  # full scale is white, less what a band spreads


@pytest.mark.parametrize("kind", PITCHED)
def test_a_chirp_is_a_line_that_follows_its_frequency(kind):
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    samples = chirp(time, 300, 4, 5000, method="logarithmic").astype(np.float32)
    found = row_hz(kind, picture(samples, kind).astype(int).argmax(axis=0))[12:-12]
    columns = (np.arange(SIDE_PX) + 0.5)[12:-12] / SIDE_PX
    truth = 300 * (5000 / 300) ** columns
    assert np.abs(found - truth).max() <= 60 + 0.06 * 5000
    assert np.median(np.abs(found / truth - 1)) < 0.05


@pytest.mark.parametrize("kind", [*PITCHED, WAVEFORM])
def test_a_click_is_a_bright_column_at_its_time(kind):
    samples = np.zeros(2 * RATE_HZ, np.float32)
    samples[round(1.25 * RATE_HZ)] = 1.0
    levels = picture(samples, kind).astype(float)
    loud = levels[: SIDE_PX // 2].sum(axis=0)  # high tones tell the time best
    assert loud.argmax() == pytest.approx(1.25 / 2 * SIDE_PX, abs=3)


def test_the_spectrogram_is_scipys():
    samples = np.random.default_rng(0).normal(0, 0.1, SIDE_PX * 256).astype(np.float32)  # a column each 256 samples
    window = np.hanning(WINDOW + 1)[:-1]
    transform = ShortTimeFFT(window, hop=256, fs=RATE_HZ, scale_to=None)
    power = np.abs(transform.stft(samples) / (window.sum() / 2)) ** 2
    # SciPy's window number p is around the sample 256 p, ours around 256 c + 128
    theirs = np.abs(ShortTimeFFT(window, 128, RATE_HZ).stft(samples) / (window.sum() / 2)) ** 2
    first = ShortTimeFFT(window, 128, RATE_HZ).p_min
    columns = np.arange(SIDE_PX) * 2 + 1 - first
    expected = 10 * np.log10(theirs[1:, columns].reshape(SIDE_PX, 2, SIDE_PX).max(axis=1))
    inside = slice(4, -4)
    assert np.abs(spectrogram(samples)[:, inside] - expected[:, inside]).max() < 0.01
    assert power.shape[0] == WINDOW // 2 + 1


@pytest.mark.parametrize("row", [8, 40, 90, 120])
def test_a_row_of_the_scalogram_is_the_wavelet_transform_written_out(row):
    """Torrence & Compo 1998: convolve with exp(i omega0 t / s) exp(-(t / s)^2 / 2), s = omega0 / (2 pi f)."""
    random = np.random.default_rng(1)
    samples = random.normal(0, 0.2, 2 * RATE_HZ).astype(np.float32)
    hz = wavelet_frequencies()[row]
    scale = OMEGA0 / (2 * np.pi * hz)
    reach = int(6 * scale * RATE_HZ)
    time = np.arange(-reach, reach + 1) / RATE_HZ
    envelope = np.exp(-((time / scale) ** 2) / 2)
    wavelet = np.exp(1j * OMEGA0 * time / scale) * envelope / envelope.sum() * 2  # a sine of full scale has 1
    power = np.abs(fftconvolve(samples, wavelet, mode="same")) ** 2
    edges = np.linspace(0, len(samples), SIDE_PX + 1).astype(int)
    expected = np.add.reduceat(power, edges[:-1]) / np.diff(edges)
    inside = slice(8, -8)
    found = 10 ** (scalogram(samples)[row] / 10)
    error = np.abs(found[inside] - expected[inside]) / expected.mean()
    assert error.max() < 0.05  # columns do not begin at whole samples
    assert np.median(error) < 0.006


def test_decibels_have_one_scale_for_all():
    for transform in (spectrogram, mel_spectrogram, scalogram):
        loud, soft = transform(sine(1000, 2)), transform(sine(1000, 2, level=0.1))
        assert (loud - soft)[loud > -60] == pytest.approx(20, abs=0.1)
    assert scalogram(sine(1000, 2)).max() == pytest.approx(0, abs=0.1)
    silence = picture(np.zeros(RATE_HZ, np.float32), WAVELET)
    assert silence.max() == 0
    quiet = picture(sine(1000, 1, level=10 ** (FLOOR_DB / 20 - 1)), SPECTROGRAM)
    assert quiet.max() == 0


def test_long_pieces_lose_no_click_between_two_columns():
    samples = np.zeros(30 * RATE_HZ, np.float32)
    samples[[100_000, 300_001, 555_555]] = 1.0
    levels = picture(samples, SPECTROGRAM).astype(int).sum(axis=0)
    columns = (np.array([100_000, 300_001, 555_555]) / len(samples) * SIDE_PX).astype(int)
    assert all(levels[column - 1 : column + 2].max() > 0 for column in columns)


def test_the_lowest_mel_bands_hear_something():
    noise = np.random.default_rng(2).normal(0, 0.1, RATE_HZ).astype(np.float32)
    assert mel_spectrogram(noise).shape == (MEL_BANDS, SIDE_PX)
    assert np.median(mel_spectrogram(noise), axis=1).min() > -80


def test_the_waveform_is_a_drawing_of_the_samples():
    drawn = waveform(sine(2, 1, level=0.5))
    height = np.linspace(1, -1, SIDE_PX)
    middle = [height[np.flatnonzero(drawn[:, column])].mean() for column in range(SIDE_PX)]
    expected = 0.5 * np.sin(4 * np.pi * (np.arange(SIDE_PX) + 0.5) / SIDE_PX)
    assert np.abs(middle - expected).max() < 0.03


def test_pictures_stand_above_one_another():
    samples = sine(1000, 1)
    together = np.asarray(sound_pictures(samples, KINDS))
    assert together.shape == (4 * SIDE_PX, SIDE_PX)
    for number, kind in enumerate(KINDS):
        assert (together[number * SIDE_PX : (number + 1) * SIDE_PX] == picture(samples, kind)).all()


def test_too_few_samples_are_a_mistake_of_ours():
    with pytest.raises(ValueError, match="at least 256"):
        picture(np.zeros(100, np.float32), MEL)
