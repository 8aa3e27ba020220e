"""Copies among many photos, by hashes and features, against the plain way that holds each against every other."""

import time

import numpy as np

from dance_demo.data.many.duplicates import groups_of_copies, near_pairs


def flipped(hashes: np.ndarray, bits: int, generator: np.random.Generator) -> np.ndarray:
    """Other hashes that differ in so many bits."""
    for row in range(len(hashes)):
        for bit in generator.choice(64, size=bits, replace=False):
            hashes[row] ^= np.uint64(1 << int(bit))
    return hashes


def test_all_pairs_within_three_bits_are_found_and_no_other() -> None:
    generator = np.random.default_rng(0)
    random = generator.integers(2**64, size=600, dtype=np.uint64)
    near = [flipped(random[:60].copy(), bits, generator) for bits in (1, 2, 3, 4)]
    hashes = np.unique(np.concatenate([random, *near, *near]))
    found = {tuple(pair) for pair in near_pairs(hashes).tolist()}
    distances = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = {(a, b) for a, b in np.argwhere(distances <= 3).tolist() if a < b}
    assert found == expected and len(found) >= 180
    assert near_pairs(hashes[:1]).shape == near_pairs(hashes[:0]).shape == (0, 2)


def test_copies_share_a_group_and_photos_that_agree_by_chance_do_not() -> None:
    generator = np.random.default_rng(1)
    pixels = generator.integers(2**63, size=200, dtype=np.uint64)
    differences = generator.integers(2**63, size=200, dtype=np.uint64)
    features = generator.gamma(0.1, size=(200, 64)).astype(np.float16)
    pixels[1] = pixels[0]  # the same file
    differences[3], features[3] = differences[2] ^ np.uint64(5), features[2] * 1.1  # saved anew
    differences[5], features[5] = differences[4], 0  # the same hash, and a network that sees something else
    features[5, :32], features[4, :32], features[4, 32:] = 1, 0, 1
    differences[[6, 7]], features[7] = 0, features[6]  # two blank ones
    groups = groups_of_copies(pixels, differences, features)
    alone = [index for index in range(200) if index not in (0, 1, 2, 3)]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    assert len(set(groups[alone])) == len(alone) and len(set(groups)) == 198
    assert sorted(set(groups)) == list(range(198))


def test_a_hundred_thousand_take_no_longer_than_a_breath() -> None:
    hashes = np.unique(np.random.default_rng(2).integers(2**64, size=100_000, dtype=np.uint64))
    began = time.process_time()
    near_pairs(hashes)
    assert time.process_time() - began < 3
