"""Whatever recording a person hands us becomes mono samples at one rate, or a sentence."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from dance_demo.errors import SoundError
from dance_demo.files.sound import MAX_FILE_BYTES, RATE_HZ, open_sound, wav_bytes
from tests.support.sounds import encoded, melody, sine


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "M4A"])
def test_every_format_gives_the_same_sound(format):
    tone = sine(1000, 2.0, level=0.5)
    sound = open_sound(encoded(tone, format), name="tone")
    assert sound.samples.dtype == np.float32
    assert sound.seconds == pytest.approx(2, abs=0.12)  # MP3 and AAC begin with silence
    spectrum = np.abs(np.fft.rfft(sound.samples))
    assert spectrum.argmax() * RATE_HZ / len(sound.samples) == pytest.approx(1000, abs=2)
    assert np.abs(sound.samples[RATE_HZ // 2 : RATE_HZ]).max() == pytest.approx(0.5, abs=0.06)


def test_wav_and_flac_keep_every_sample():
    samples = melody(0, 0.5)
    for format in ("WAV", "FLAC"):
        assert np.abs(open_sound(encoded(samples, format)).samples - samples).max() <= 2 / 32767
    again = open_sound(wav_bytes(samples)).samples
    assert np.abs(again - samples).max() <= 2 / 32767


def test_another_rate_is_resampled_as_scipy_does():
    samples = sine(440, 1.0, level=0.5, rate_hz=48_000)
    sound = open_sound(encoded(samples, "WAV", rate_hz=48_000, subtype="FLOAT"))
    assert np.allclose(sound.samples, resample_poly(samples, 147, 320), atol=1e-6)


def test_stereo_is_mixed_and_low_rates_are_told():
    left, right = sine(500, 1, level=0.8, rate_hz=8000), sine(900, 1, level=0.2, rate_hz=8000)
    sound = open_sound(encoded(np.stack([left, right], axis=1), "WAV", rate_hz=8000))
    assert sound.notes[0] == "2 channels, mixed to one"
    assert "tones above 4,000 Hz are missing" in sound.notes[1]
    spectrum = np.abs(np.fft.rfft(sound.samples))
    assert spectrum[500] / spectrum[900] == pytest.approx(4, rel=0.1)


def test_a_short_sound_is_a_sound():
    assert open_sound(encoded(sine(500, 0.2), "WAV")).seconds == pytest.approx(0.2)


def with_nan() -> bytes:
    samples = sine(500, 1)
    samples[100] = np.nan
    return encoded(samples, "WAV", subtype="FLOAT")


REFUSED = {
    "silence": (lambda: encoded(np.zeros(RATE_HZ, np.float32), "WAV"), "nothing to hear"),
    "nan": (with_nan, "no numbers"),
    "infinite": (lambda: encoded(np.full(RATE_HZ, np.inf, np.float32), "WAV", subtype="FLOAT"), "no numbers"),
    "too short": (lambda: encoded(sine(500, 0.02), "WAV"), "0.02 s long"),
    "no samples": (lambda: encoded(np.zeros(0, np.float32), "WAV"), "no sound in it"),
    "empty": (lambda: b"", "the file is empty"),
    "text": (lambda: b"just words, nothing to hear", "this is a text file"),
    "photo": (lambda: b"\xff\xd8\xff\xe0" + bytes(200), "this is a photo"),
    "raw aac": (lambda: b"\xff\xf1\x50\x80" + bytes(200), "this is raw AAC"),
    "midi": (lambda: b"MThd" + bytes(20), "notes without a sound"),
    "truncated header": (lambda: encoded(sine(500, 1), "FLAC")[:60], "incomplete or damaged"),
    "only a wav header": (lambda: b"RIFF\x24\0\0\0WAVEfmt ", "incomplete or damaged"),
    "a film without sound": (lambda: b"\0\0\0\x18ftypisom" + bytes(100), "incomplete or damaged"),
    "huge": (lambda: bytes(MAX_FILE_BYTES + 1), "larger than 50 MB"),
    "two hours": (
        lambda: encoded(np.ones(7200 * 4000, np.int16), "FLAC", rate_hz=4000),
        "2 hours long; the limit is 10",
    ),
    "nine channels": (lambda: encoded(np.ones((9000, 9), np.float32), "WAV"), "9 channels; the limit is 8"),
    "a rate of 1000": (lambda: encoded(sine(100, 3, rate_hz=1000), "WAV", rate_hz=1000), "1,000 samples a second"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_recording_gets_a_sentence(case):
    make, words = REFUSED[case]
    with pytest.raises(SoundError) as raised:
        open_sound(make(), name="song.wav")
    assert str(raised.value).startswith("song.wav: ")
    assert str(raised.value).endswith(".")
    assert words in str(raised.value)


def test_a_length_that_a_header_claims_is_not_believed():
    data = bytearray(encoded(sine(500, 1), "WAV"))
    data[40:44] = (200_000_000).to_bytes(4, "little")  # bytes of sound
    data[4:8] = (200_000_036).to_bytes(4, "little")
    sound = open_sound(bytes(data))
    assert sound.seconds == pytest.approx(1)
    assert "breaks off after 1.0 s" in sound.notes[0]


def test_a_wav_that_was_cut_is_heard_as_far_as_it_goes_and_it_is_said():
    whole = encoded(sine(500, 2), "WAV")
    sound = open_sound(whole[: len(whole) // 2])
    assert sound.seconds == pytest.approx(1, abs=0.01)
    assert sound.notes == ("it breaks off after 1.0 s, before its end",)


def test_a_wrong_ending_is_told_and_the_bytes_count(tmp_path: Path):
    path = tmp_path / "song.mp3"
    path.write_bytes(encoded(sine(500, 1), "FLAC"))
    assert open_sound(path).notes == ("its name ends in .mp3, but it is FLAC",)


def test_files_that_are_not_there_get_a_sentence(tmp_path: Path):
    for path, words in ((tmp_path / "none.wav", "there is no such file"), (tmp_path, "this is a folder")):
        with pytest.raises(SoundError, match=words):
            open_sound(path)


def test_a_recording_without_pyav_or_soundfile_gets_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SoundError, match="M4A is not read here"):
        open_sound(encoded(sine(500, 1), "M4A"))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(SoundError, match="soundfile is not installed"):
        open_sound(wav_bytes(sine(500, 1)))


def test_photos_do_not_pay_for_sound():
    code = "import sys, dance_demo.cli.main, dance_demo.data.dataset as d; from dance_demo import load_classifier; "
    code += "print(sorted({'soundfile', 'av', 'scipy.signal', 'scipy.ndimage'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
