import time
from pathlib import Path

import numpy as np
import pytest

from dance_demo.data.sound.talas import CLIP_S, SOURCES, TALA_NAMES, TALAS, play, write_dataset
from dance_demo.files.sound import RATE_HZ, open_sound


@pytest.mark.parametrize("name", TALA_NAMES)
def test_a_clip_is_always_the_same_and_another_seed_is_another(name):
    clip = play(name, 1)
    assert clip.shape == (round(CLIP_S * RATE_HZ),)
    assert 0.29 < np.abs(clip).max() <= 0.91
    assert (clip == play(name, 1)).all()
    assert np.corrcoef(clip, play(name, 2))[0, 1] < 0.5


def test_groups_add_up_to_the_beats_that_the_text_names():
    words = ["Five", "Six", "Seven", "Eight", "Ten", "Twelve", "Sixteen"]
    beats = dict(zip(words, (5, 6, 7, 8, 10, 12, 16), strict=True))
    for tala in TALAS:
        assert tala.beats == len(tala.strokes) == beats[tala.about.split()[0]]
    assert len(TALAS) == 10
    assert all(source.address.startswith("http") for source in SOURCES)


def test_the_dataset_is_quick_and_its_names_tell_nothing(tmp_path: Path):
    started = time.perf_counter()
    write_dataset(tmp_path, per_class=4)
    took_s = time.perf_counter() - started
    files = sorted(tmp_path.glob("*/*.wav"))
    assert len(files) == 40
    assert took_s < 8  # 1 s on an idle core
    assert open_sound(files[0]).seconds == pytest.approx(CLIP_S)
    assert not any(tala in path.name for path in files for tala in TALA_NAMES)


def test_an_unknown_tala_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="adi, rupaka"):
        play("waltz", 0)
