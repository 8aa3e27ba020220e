"""A photo through the features that are kept alone, on made-up features."""

import numpy as np

from dance_demo.training.selection.looks import look
from dance_demo.training.selection.methods import DEFAULT_METHODS, MANY_PHOTOS, SLOW, affordable
from dance_demo.training.selection.ridge import ridge_head, ridge_hits
from tests.training.selection.test_experiment import FEATURES, made_up, selected


def test_a_photo_is_seen_through_what_its_fold_has_kept_and_nothing_else() -> None:
    embedded = made_up()
    result = selected(embedded, "fisher", "forward")
    watched = result.watched
    assert watched.photo in watched.split.validation and set(watched.kept) == {"random", "fisher", "forward"}
    everything = np.arange(FEATURES)
    assert not ridge_hits(embedded.features, embedded.classes, watched.split.train, [watched.photo], everything)[0]

    feature_map = np.random.default_rng(0).gamma(1, 1, (7, 7, FEATURES)).astype(np.float32)
    looks = look(embedded, watched, feature_map)
    assert looks.photo == watched.photo and looks.label != looks.everything.answer
    kept = watched.kept["fisher"][8]
    assert len(kept) == 8
    head = ridge_head(embedded.features, embedded.classes, watched.split.train, kept)
    answer = int(head.outputs(embedded.features[[watched.photo]][:, kept])[0].argmax())
    weights = np.zeros(FEATURES)
    weights[kept] = head.weights[:, answer]  # a head with zeros for what is left out
    expected = np.maximum(feature_map @ weights, 0)
    seen = looks.kept["fisher"][8]
    assert seen.answer == embedded.class_names[answer]
    np.testing.assert_allclose(seen.heatmap, expected / expected.max(), atol=1e-5)
    assert looks.kept["forward"].keys() == watched.kept["forward"].keys()


def test_where_nothing_speaks_for_the_answer_the_heatmap_is_empty() -> None:
    embedded = made_up()
    looks = look(embedded, selected(embedded, "fisher").watched, np.zeros((7, 7, FEATURES), np.float32))
    assert not looks.everything.heatmap.any() and np.isfinite(looks.everything.heatmap).all()


def test_of_many_photos_nobody_waits_for_the_slow_methods() -> None:
    assert affordable(MANY_PHOTOS)[-len(SLOW) :] == SLOW
    assert set(affordable(MANY_PHOTOS)) == set(DEFAULT_METHODS)
    assert set(affordable(MANY_PHOTOS + 1)) == set(DEFAULT_METHODS) - set(SLOW)
