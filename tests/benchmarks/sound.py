"""What pictures of sound cost, and what fusion gives: `python -m tests.benchmarks.sound [--clips 100] [--no-words]`.

1. Recordings of 30 s become pieces with two pictures each: processor seconds, and how much memory grows.
2. Ten spoken digits by espeak-ng: 8 voices at 5 speeds, four folds of unknown voices. A linear head on each picture,
   both fused, and the fusion of teaching articles that feeds one picture twice, or a drawing of the waveform.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from dance_demo.data.dataset import open_dataset
from dance_demo.data.sound.pictures import sound_pictures
from dance_demo.data.sound.pieces import pieces
from dance_demo.data.sound.talas import TALA_NAMES, play
from dance_demo.files.sound import open_sound, wav_bytes
from dance_demo.model.backbone import Backbone
from dance_demo.model.head import power_normalize
from dance_demo.model.preprocessing import KINDS, SPECTROGRAM, WAVEFORM, WAVELET, to_inputs
from dance_demo.networks.imagenet import backbone_file
from dance_demo.training.evaluation import accuracy_interval

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
VOICES = ("m1", "m3", "m5", "m7", "f1", "f2", "f4", "croak")  # variants of espeak-ng's English
SPEEDS = (120, 150, 180, 210, 240)  # words a minute
FOLDS, STRENGTH = 4, 10.0


def measure_pictures(clips: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "recordings"
        for number in range(clips):
            label = TALA_NAMES[number % len(TALA_NAMES)]
            (folder / label).mkdir(parents=True, exist_ok=True)
            samples = np.concatenate([play(label, 10 * number + part) for part in range(6)])
            (folder / label / f"{number}.wav").write_bytes(wav_bytes(samples))
        marks: list[tuple[float, float]] = []

        def progress(done: int, total: int) -> None:
            marks.append((time.process_time(), _resident_mb()))

        began_s, wall_s = time.process_time(), time.monotonic()
        dataset, _ = open_dataset(folder, workspace=Path(name), progress=progress)
        print(f"{clips} clips of 30 s -> {len(dataset.photos)} pieces, spectrogram and wavelet each:", end=" ")
        print(f"{marks[-1][0] - began_s:.0f} s of processor, {time.monotonic() - wall_s:.0f} s in all;", end=" ")
        tenth = len(marks) // 10
        print(f"memory {marks[tenth][1]:.0f} MB after a tenth, {marks[-1][1]:.0f} MB at the end", flush=True)


def _resident_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 2**20


def measure_words(backbone: str) -> None:
    """Words of unknown voices, by single pictures and by fusions."""
    if not shutil.which("espeak-ng"):
        print("espeak-ng is not installed: no words")
        return
    network = Backbone(backbone_file(backbone))
    features: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    words, voices = [], []
    with tempfile.TemporaryDirectory() as name:
        for voice, word, speed in ((v, w, s) for v in VOICES for w in WORDS for s in SPEEDS):
            path = Path(name) / "word.wav"
            command = ["espeak-ng", "-v", f"en+{voice}", "-s", str(speed), "-w", str(path), word]
            subprocess.run(command, check=True)
            (piece, *_) = pieces(open_sound(path), 5)
            stack = sound_pictures(piece.samples, KINDS).convert("RGB")
            pooled = network.feature_maps(to_inputs(stack, network.input_side_px, len(KINDS))).mean(axis=(1, 2))
            for kind, vector in zip(KINDS, pooled, strict=True):
                features[kind].append(vector)
            words.append(WORDS.index(word))
            voices.append(VOICES.index(voice))
    truth, speaker = np.array(words), np.array(voices)
    of = {kind: np.stack(vectors) for kind, vectors in features.items()}
    tried = {kind: [of[kind]] for kind in KINDS}
    tried |= {
        "spectrogram + wavelet": [of[SPECTROGRAM], of[WAVELET]],
        "spectrogram + waveform drawing": [of[SPECTROGRAM], of[WAVEFORM]],
        "spectrogram twice": [of[SPECTROGRAM], of[SPECTROGRAM]],
    }
    groups = 100 * speaker + truth  # the same word by the same voice is one
    print(f"\n| {len(truth)} words, unknown voices, {backbone} backbone | joint head [95 %] | mean of logits [95 %] |")
    print("|---|---|---|")
    for title, parts in tried.items():
        cells = []
        for joint in (True, False):
            hits = _hits(parts, truth, speaker, joint=joint)
            low, high = accuracy_interval(hits, groups, 0)
            cells.append(f"{hits.mean():.3f} [{low:.3f}, {high:.3f}]")
        print(f"| {title} | {cells[0]} | {cells[1] if len(parts) > 1 else ''} |", flush=True)


def _hits(parts: list[np.ndarray], truth: np.ndarray, speaker: np.ndarray, *, joint: bool) -> np.ndarray:
    """Which words are named right by heads that have not heard their voice: (n,) bool."""
    from sklearn.linear_model import LogisticRegression

    inputs = [np.concatenate(parts, axis=1)] if joint else parts
    answers = np.empty(len(truth), int)
    for fold in range(FOLDS):
        held_out = speaker % FOLDS == fold
        logits = np.zeros((held_out.sum(), len(WORDS)))
        for pooled in inputs:
            head = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
            head.fit(power_normalize(pooled[~held_out]), truth[~held_out])
            logits += head.decision_function(power_normalize(pooled[held_out]))
        answers[held_out] = logits.argmax(axis=1)
    return answers == truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--backbone", default="dance")
    parser.add_argument("--no-words", action="store_true")
    options = parser.parse_args()
    if options.clips:
        measure_pictures(options.clips)
    if not options.no_words:
        measure_words(options.backbone)


if __name__ == "__main__":
    main()
