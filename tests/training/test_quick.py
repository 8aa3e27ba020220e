"""A head within a blink: the same as scikit-learn's, of the photos that are there, and each seen once."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from dance_demo.data.illustrations import draw
from dance_demo.model.head import softmax
from dance_demo.training.quick import PENALTY, PHOTOS_OF_A_CLASS, QuickHeads, logistic_regression


def test_it_is_the_logistic_regression_that_scikit_learn_fits():
    generator = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [30, 50, 10])
    features = generator.normal(0, 1, (90, 40)) + np.eye(3, 40)[classes]
    weight, bias = logistic_regression(features, classes)
    offsets = features - features.mean(axis=0)
    scaled = offsets / np.sqrt((offsets**2).sum(axis=1).mean())
    theirs = LogisticRegression(C=1 / (PENALTY * 90), class_weight="balanced", tol=1e-10, max_iter=10_000)
    expected = theirs.fit(scaled, classes).predict_proba(scaled)
    np.testing.assert_allclose(softmax(features @ weight + bias, 1.0), expected, atol=0.02)


def test_it_names_what_it_has_been_shown_and_is_always_sure(classifier, tmp_path):
    photos = {
        form: [tmp_path / f"{form} {seed}.jpg" for seed in range(8)] for form in ("kathakali", "odissi", "manipuri")
    }
    for form, paths in photos.items():
        for seed, path in enumerate(paths):
            draw(form, seed, size=(180, 225)).save(path)
    heads = QuickHeads(classifier.backbone)
    assert heads.fit({"cup": photos["odissi"], "empty": []}) is None
    answering = heads.fit({"cup": photos["kathakali"], "hand": photos["odissi"], "nobody": photos["manipuri"]})
    for form, name in (("kathakali", "cup"), ("odissi", "hand"), ("manipuri", "nobody")):
        answer = answering.classify(draw(form, 99, size=(180, 225)))
        assert answer.sure and answer.top.label == name


def test_a_photo_passes_the_backbone_once_and_one_that_is_gone_is_left_out(classifier, tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.jpg" for number in range(PHOTOS_OF_A_CLASS + 10)]
    for path in paths:
        draw("odissi", 1, size=(60, 75)).save(path)
    heads, passed = QuickHeads(classifier.backbone), []
    run = classifier.backbone.feature_maps
    monkeypatch.setattr(classifier.backbone, "feature_maps", lambda batch: passed.append(batch) or run(batch))
    heads.fit({"a": paths, "b": paths[:1]})
    heads.fit({"a": paths, "b": [*paths[:1], tmp_path / "gone.jpg"]})
    assert len(passed) == PHOTOS_OF_A_CLASS
