"""A sample dataset of sounds of our own making: ten beat cycles of Indian music, as drums of numbers play them.

`play("teental", seed=3)` is always the same clip. Another seed changes tempo, tuning, drone, noise, and how evenly the
drummer plays, but never the cycle. Each stroke is a decaying sum of sines or a burst of noise: right-hand strokes ring
at the pitch of the drum, left-hand ones are deep, as syllables tell them apart.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_demo.files.sound import RATE_HZ, wav_bytes
from dance_demo.forms import Source

CLIP_S = 5.0
PER_CLASS = 12


@dataclass(frozen=True)
class Tala:
    """A beat cycle. `groups` are its beats, `strokes` one syllable for each beat ("-": a rest)."""

    name: str
    tradition: str  # "Carnatic" or "Hindustani"
    groups: tuple[int, ...]
    strokes: tuple[str, ...]
    about: str
    beats_per_minute: tuple[int, int]

    @property
    def beats(self) -> int:
        return sum(self.groups)


def _tala(name: str, tradition: str, strokes: str, about: str, tempo: tuple[int, int]) -> Tala:
    """`strokes` with | between the groups."""
    groups = [group.split() for group in strokes.split("|")]
    every = tuple(stroke for group in groups for stroke in group)
    return Tala(name, tradition, tuple(map(len, groups)), every, about, tempo)


TALAS: tuple[Tala, ...] = (
    _tala(
        "adi",
        "Carnatic",
        "tha ka dhi mi | tha ka | jo nu",
        "Eight beats: a clap with three finger counts, then two times clap and wave. The commonest of the south.",
        (150, 230),
    ),
    _tala(
        "rupaka",
        "Carnatic",
        "tha ka | tha ka dhi mi",
        "Six beats, two and four; often kept as clap, clap, wave.",
        (150, 230),
    ),
    _tala(
        "misra chapu",
        "Carnatic",
        "tha ki ta | tha ka | dhi mi",
        "Seven beats in the ratio of three, two and two.",
        (220, 300),
    ),
    _tala("khanda chapu", "Carnatic", "tha ka | tha ki ta", "Five beats, two and three.", (220, 300)),
    _tala(
        "teental",
        "Hindustani",
        "dha dhin dhin dha | dha dhin dhin dha | dha tin tin ta | ta dhin dhin dha",
        "Sixteen beats, four by four; the third group is open, without the deep drum.",
        (240, 330),
    ),
    _tala(
        "jhaptal",
        "Hindustani",
        "dhi na | dhi dhi na | ti na | dhi dhi na",
        "Ten beats, two and three and two and three; the third group is open.",
        (200, 280),
    ),
    _tala(
        "ektal",
        "Hindustani",
        "dhin dhin | dha dha | tun na | kat ta | dha te | dhin na",
        "Twelve beats, by twos.",
        (200, 280),
    ),
    _tala("dadra", "Hindustani", "dha dhi na | dha tun na", "Six beats, three and three, of light songs.", (200, 280)),
    _tala(
        "kaharba",
        "Hindustani",
        "dha ge te te | na ge dhi na",
        "Eight beats, four and four, of light songs and folk music.",
        (240, 330),
    ),
    _tala(
        "tivra",
        "Hindustani",
        "dhi dhi na | dhi na | dhi na",
        "Seven beats, three and two and two; every group is clapped, none is open.",
        (200, 280),
    ),
)
TALA_NAMES = tuple(tala.name for tala in TALAS)
SOURCES: tuple[Source, ...] = (
    Source("Prominent Talas", "A. J. Sriram, 2004", "http://ajsriram.blogspot.com/2004/01/prominent-talas.html"),
    Source("Talas in Carnatic Music, 2", "L. V. Nagarajan, 2014", "https://lvnaga.wordpress.com/2014/08/"),
    Source(
        "Thekas of dadra, kaharba, ektal, teental, jhaptal and tivra (in Bengali)",
        "Violin Shimmi, 2011",
        "http://violinshimmi.blogspot.com/2011/05/blog-post_6023.html",
    ),
    Source("Tala (music)", "copy of Wikipedia's article", "http://cryer.org.uk/Tala_(music)"),
)

_DEEP = {"dha", "dhin", "dhi", "ge", "tha", "jo"}  # with the left hand, alone or together
_RINGING = {"dhin", "dhi", "tin", "ti", "tun", "mi", "nu", "jo"}
_RIM = {"dha", "na", "ta", "tha", "ki"}
_SLAP = {"kat", "ka", "te", "ki"}


def play(name: str, seed: int) -> np.ndarray:
    """Five seconds of a tala: samples (n,) float32 in [-1, 1] at `RATE_HZ`; the same for the same arguments."""
    tala = next((tala for tala in TALAS if tala.name == name), None)
    if tala is None:
        raise ValueError(f"name is one of {', '.join(TALA_NAMES)}. Received: {name!r}")
    random = np.random.default_rng([seed, TALA_NAMES.index(name)])
    drum = _drum(tala, random)
    beat_s = 60 / random.uniform(*tala.beats_per_minute)
    samples = np.zeros(round((CLIP_S + 1) * RATE_HZ), np.float32)
    first_of_group = set(np.cumsum((0, *tala.groups))[:-1].tolist())
    start = int(random.integers(tala.beats))
    for count in range(int(CLIP_S / beat_s) + 1):
        beat = (start + count) % tala.beats
        if (stroke := tala.strokes[beat]) == "-":
            continue
        accent = 1.0 if beat == 0 else 0.8 if beat in first_of_group else 0.55
        at = round(max(0.0, count * beat_s + random.normal(0, 0.006)) * RATE_HZ)
        sound = drum[stroke] * np.float32(accent * random.uniform(0.85, 1.15))
        samples[at : at + len(sound)] += sound[: len(samples) - at]
    samples = samples[: round(CLIP_S * RATE_HZ)] + _drone(tala, random)
    samples += random.normal(0, 10 ** random.uniform(-3.2, -2.2), len(samples)).astype(np.float32)
    played: np.ndarray = samples * np.float32(random.uniform(0.3, 0.9) / np.abs(samples).max())
    return played


def write_dataset(directory: Path, *, per_class: int = PER_CLASS, seed: int = 0) -> None:
    """Write `per_class` clips of each tala into class folders; file names say nothing about the tala."""
    numbers = np.random.default_rng(seed).permutation(10**6)[: per_class * len(TALAS)].tolist()
    for index, number in enumerate(numbers):
        name = TALA_NAMES[index % len(TALAS)]
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}.wav").write_bytes(wav_bytes(play(name, seed * 10_000 + index)))


def _drum(tala: Tala, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Each stroke of a drum that is tuned and struck in its own way: a mridangam of the south, a tabla of the north."""
    tuned_hz = random.uniform(230, 330) * (0.75 if tala.tradition == "Carnatic" else 1.0)
    deep_hz = random.uniform(65, 95)
    glide = 0.05 if tala.tradition == "Carnatic" else random.uniform(0.3, 0.6)
    brightness = random.uniform(0.6, 1.4)
    time = np.arange(round(0.5 * RATE_HZ)) / RATE_HZ
    strokes = {}
    for stroke in sorted(set(tala.strokes)):
        sound = np.zeros_like(time)
        if stroke in _DEEP:
            swept = 2 * np.pi * deep_hz * (time + glide * (time - 0.1 * (1 - np.exp(-time / 0.1))))
            sound += 0.9 * np.sin(swept) * np.exp(-time / 0.14)
        if stroke in _RINGING:
            for harmonic, level in ((1, 0.7), (2, 0.5), (3, 0.25)):
                sound += level * np.sin(2 * np.pi * harmonic * tuned_hz * time) * np.exp(-time * harmonic / 0.22)
        if stroke in _RIM:
            for harmonic, level in ((2, 0.3), (3, 0.5), (4, 0.45), (5, 0.3)):
                sound += brightness * level * np.sin(2 * np.pi * harmonic * tuned_hz * time) * np.exp(-time / 0.06)
        slap = 0.6 if stroke in _SLAP else 0.15
        sound += brightness * slap * random.normal(0, 1, len(time)) * np.exp(-time / (0.02 if slap > 0.5 else 0.006))
        strokes[stroke] = (sound * np.minimum(1, time / 0.001)).astype(np.float32)
    return strokes


def _drone(tala: Tala, random: np.random.Generator) -> np.ndarray:
    """A tanpura, far behind: the keynote and its fifth, swelling in turn."""
    turns = 2 * np.pi * np.arange(round(CLIP_S * RATE_HZ), dtype=np.float32) / RATE_HZ  # float32: five times as fast
    keynote_hz, level = np.float32(random.uniform(110, 160)), np.float32(random.uniform(0.0, 0.06))
    drone = np.zeros_like(turns)
    for part, ratio in enumerate((1.0, 1.5, 2.0)):
        swell = 0.6 + 0.4 * np.sin(turns / 1.3 + 2 * np.pi * part / 3)
        for harmonic in (1, 2, 3):
            drone += swell * np.sin(keynote_hz * np.float32(ratio * harmonic) * turns) / harmonic
    return level * drone
