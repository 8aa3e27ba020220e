"""Familiarity: distances against scikit-learn's probabilistic PCA, and the sentences that follow from them."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA

from dance_demo.errors import ModelError
from dance_demo.files.npz import write_arrays
from dance_demo.model.familiarity import UNCLEAR, UNFAMILIAR, Familiarity
from dance_demo.model.head import power_normalize

CHANNELS = 6
PARTS = {
    "centre": np.full(CHANNELS, 0.4, np.float32),
    "directions": np.eye(2, CHANNELS, dtype=np.float32),
    "variances": np.float32([0.2, 0.1]),
    "limits": np.float32([0.05, 9, 0.5, 0.1]),
}


def made_up_photos(n: int = 400, seed: int = 0) -> np.ndarray:
    """Pooled feature maps (n, c) whose power-normalised form is about Gaussian with a few strong directions."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(CHANNELS, CHANNELS)) * [1, 0.7, 0.4, 0.05, 0.05, 0.05]
    return np.float32((2.5 + 0.3 * generator.normal(size=(n, CHANNELS)) @ mixing.T).clip(0.1) ** 2)


def test_the_distance_is_that_of_probabilistic_pca():
    """Tipping & Bishop 1999, as scikit-learn has it: Mahalanobis with W W^T + s I, per channel."""
    photos, others = made_up_photos(), made_up_photos(50, seed=1) ** 1.3
    pca = PCA(n_components=3).fit(power_normalize(photos).astype(np.float64))
    pca.noise_variance_ *= (len(photos) - 1) / len(photos)  # scikit-learn divides by n - 1, we by n
    pca.explained_variance_ *= (len(photos) - 1) / len(photos)
    offset = power_normalize(others) - pca.mean_
    expected = np.einsum("ni,ij,nj->n", offset, pca.get_precision(), offset) / CHANNELS
    distance = Familiarity.fit(photos, directions=3).distance(others)
    assert expected.max() > 2 * expected.min()
    np.testing.assert_allclose(distance, expected, rtol=1e-3)


def test_with_all_directions_but_one_it_is_the_full_mahalanobis_distance():
    photos = made_up_photos()
    full = EmpiricalCovariance().fit(power_normalize(photos).astype(np.float64))
    expected = full.mahalanobis(power_normalize(photos)) / CHANNELS
    distance = Familiarity.fit(photos, directions=CHANNELS - 1).distance(photos)
    np.testing.assert_allclose(distance, expected, rtol=1e-2)
    assert distance.mean() == pytest.approx(1, rel=1e-2)


def test_photos_of_another_kind_are_farther_than_new_ones_of_the_same():
    familiarity = Familiarity.fit(made_up_photos(), directions=3)
    same, other = made_up_photos(100, seed=1), np.random.default_rng(2).exponential(1, (100, CHANNELS))
    assert np.median(familiarity.distance(other)) > 5 * np.quantile(familiarity.distance(same), 0.95)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_photos_or_equal_ones_give_finite_distances(n):
    for photos in (made_up_photos(n), np.ones((n, CHANNELS), np.float32), np.zeros((n, CHANNELS), np.float32)):
        assert np.isfinite(Familiarity.fit(photos).distance(made_up_photos(9))).all()
    with pytest.raises(ValueError, match="at least two photos are needed. Received: 1"):
        Familiarity.fit(made_up_photos(1))


def test_the_note_says_which_limit_was_crossed_and_is_empty_within_all():
    photos = made_up_photos()
    open_ended = Familiarity.fit(photos)
    far = float(open_ended.distance(photos).max())
    limited = open_ended.with_limits(max_distance=far, min_probability=0.5, min_margin=0.2)
    near, strange = photos[0], np.float32([1000, 0, 0, 0, 0, 0])
    assert limited.note(near, np.float32([0.1, 0.7, 0.2])) == ""
    assert limited.note(near, np.float32([0.45, 0.1, 0.45])) == UNCLEAR
    assert limited.note(near, np.float32([0.51, 0.49, 0.0])) == UNCLEAR
    assert limited.note(strange, np.float32([0.1, 0.7, 0.2])) == UNFAMILIAR
    assert open_ended.note(strange, np.float32([0.34, 0.33, 0.33])) == ""


@pytest.mark.parametrize("limits", [{}, {"max_distance": 1.5, "min_probability": 0.3, "min_margin": 0.1}])
def test_a_saved_one_comes_back_and_answers_the_same(limits):
    familiarity = Familiarity.fit(made_up_photos())
    familiarity = familiarity.with_limits(**limits) if limits else familiarity
    read = Familiarity.from_npz_bytes(familiarity.to_npz_bytes())
    np.testing.assert_allclose(read.distance(made_up_photos(9)), familiarity.distance(made_up_photos(9)), rtol=1e-6)
    for limit in ("max_distance", "min_probability", "min_margin"):
        assert getattr(read, limit) == pytest.approx(getattr(familiarity, limit))
    assert read.to_npz_bytes() == familiarity.to_npz_bytes()


def test_the_parts_that_the_forger_below_starts_from_are_good():
    assert Familiarity.from_npz_bytes(write_arrays(PARTS)).max_distance == 9


@pytest.mark.parametrize(
    "lie",
    [
        {"centre": np.float32([[0.4] * CHANNELS])},
        {"centre": np.full(CHANNELS, np.nan, np.float32)},
        {"directions": np.eye(2, CHANNELS - 1, dtype=np.float32)},
        {"directions": np.eye(3, CHANNELS, dtype=np.float32)},
        {"directions": np.full((2, CHANNELS), np.inf, np.float32)},
        {"variances": np.float32([0.2, 0])},
        {"variances": np.float32([0.2, -1])},
        {"limits": np.float32([0.05, 9, 0.5])},
        {"limits": np.float32([0, 9, 0.5, 0.1])},
        {"limits": np.float32([np.inf, 9, 0.5, 0.1])},
        {"limits": np.float32([0.05, np.nan, 0.5, 0.1])},
    ],
    ids=str,
)
def test_S6_parts_that_do_not_fit_are_refused(lie):
    with pytest.raises(ModelError, match="This is not a familiarity file from this app"):
        Familiarity.from_npz_bytes(write_arrays({**PARTS, **lie}))


def test_S6_other_files_are_refused():
    for data in (b"", b"PK\3\4", write_arrays(PARTS)[:-1], write_arrays({}), Path(__file__).read_bytes()):
        with pytest.raises(ModelError, match="This is not a familiarity file from this app"):
            Familiarity.from_npz_bytes(data)
