"""Ten thousand answers while the model behind them is exchanged two hundred times: each is from exactly one of them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from dance_demo.model.classifier import Classification, Classifier
from dance_demo.model.head import Head
from dance_demo.model.loading import load_classifier
from tests.support.made_up import photo

ANSWERS, SWAPS, THREADS = 10_000, 200, 4


def signed(tiny: Classifier, version: int) -> Classifier:
    """A model of other numbers and other classes, whose every label says which one it is."""
    numbers = np.random.default_rng(version).normal(size=(tiny.head.channels + 1, 3))
    names = tuple(f"{version}:{letter}" for letter in "abc")
    head = Head(names, numbers[1:], numbers[0], 0.8, tiny.backbone.sha256)
    return replace(tiny, head=head)


@pytest.mark.slow
def test_C6_every_answer_during_two_hundred_swaps_is_from_exactly_one_head(tiny_model):
    tiny = load_classifier(tiny_model)
    models, pictures = [signed(tiny, version) for version in range(7)], [photo(seed) for seed in range(3)]
    expected = {
        (version, place): plain(model.classify(picture))
        for version, model in enumerate(models)
        for place, picture in enumerate(pictures)
    }
    shelf, finished = [models[0]], threading.Event()

    def ask(number: int) -> int:
        model, place = shelf[0], number % len(pictures)  # one reference, taken once, as the page does
        answer = model.classify(pictures[place])
        version = {int(prediction.label.partition(":")[0]) for prediction in answer.predictions}
        assert len(version) == 1
        (found,) = version
        assert plain(answer) == expected[found, place]
        assert model.heatmap(answer, answer.top.label).shape == answer.feature_map.shape[:2]
        return found

    def swap() -> int:
        done = 0
        while not finished.is_set() or done < SWAPS:
            shelf[0] = models[done % len(models)]
            done += 1
            finished.wait(0.005)
        return done

    with ThreadPoolExecutor(THREADS + 1) as pool:
        swapping = pool.submit(swap)
        versions = list(pool.map(ask, range(ANSWERS)))
        finished.set()
        swaps = swapping.result()
    assert len(versions) == ANSWERS and swaps >= SWAPS
    assert set(versions) == set(range(len(models)))


def plain(answer: Classification) -> list[tuple[str, float]]:
    return [(prediction.label, prediction.probability) for prediction in answer.predictions]
