"""Finds copies among a million photos, of which there are only hashes and features: `duplicates` for many.

Copies are photos of the same pixels, and those whose difference hashes differ in at most three bits, if the network,
too, finds them alike: among so many, enough agree in the hash by chance to join all into one group.
Found of 84 photos of flowers: saved as JPEG of quality 80 or 30, or at half the size, nearly all; at a third of it
three of four. Crops and mirror images mostly are not found.

Two hashes of 64 bits that differ in at most three agree, of any five pieces, in two completely. So it is enough to sort
them by each two of five pieces and to look at neighbours: ten sorts, four seconds for a million.
"""

from itertools import combinations

import numpy as np

from dance_demo.data.training_overlap import MAX_DISTANCE, telling_hashes
from dance_demo.model.head import power_normalize

ALIKE = 0.7  # cosine of power-normalised features: 1 of 100 pairs of different flowers reaches it
_PIECES = 5
_NEIGHBOURS = 64  # looked at beyond each hash, of those that agree in two pieces: seldom are there more
_BLOCK = 1024  # pairs at a time: keeps memory small


def groups_of_copies(pixels: np.ndarray, differences: np.ndarray, features: np.ndarray) -> np.ndarray:
    """A group number, from 0, for each of n photos; copies share one: (n,).

    `pixels` uint64 (n,) are hashes of the pixels, `differences` uint64 (n,) difference hashes (those of blank photos
    tell nothing), and `features` (n, c) pooled, of any kind of float; they may be mapped from a file.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    telling = np.flatnonzero(telling_hashes(differences))
    different, first = np.unique(differences[telling], return_index=True)
    alike = np.concatenate([telling[_same(differences[telling])], telling[first[near_pairs(different)]]])
    pairs = np.concatenate([_same(pixels), alike[_looks_alike(alike, features)]])
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(pixels), len(pixels)))
    groups: np.ndarray = connected_components(links, directed=False)[1]
    return groups


def _same(values: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of indices of equal values: each photo with the next one that has the same."""
    order = np.argsort(values, kind="stable")
    equal = np.flatnonzero(values[order][1:] == values[order][:-1])
    return np.stack([order[equal], order[equal + 1]], axis=1)


def _looks_alike(pairs: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Whether the features of both photos of each pair (m, 2) point the same way: (m,) bool."""
    alike = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), _BLOCK):
        one, other = (
            power_normalize(np.asarray(features[side], np.float32)) for side in pairs[start : start + _BLOCK].T
        )
        alike[start : start + _BLOCK] = np.einsum("nc,nc->n", one, other) >= ALIKE
    return alike


def near_pairs(hashes: np.ndarray) -> np.ndarray:
    """Pairs of indices (m, 2) of hashes, uint64 (n,), all different, that differ in `MAX_DISTANCE` bits or fewer."""
    assert _PIECES - MAX_DISTANCE >= 2
    edges = np.linspace(0, 64, _PIECES + 1).astype(int)
    pieces = [sum(1 << bit for bit in range(low, high)) for low, high in zip(edges, edges[1:], strict=False)]
    found = [np.empty((0, 2), np.int64)]
    for one, other in combinations(pieces, 2):
        keys = hashes & np.uint64(one | other)
        order = np.argsort(keys, kind="stable")
        keys, sorted_hashes = keys[order], hashes[order]
        left = np.arange(len(hashes))
        for step in range(1, _NEIGHBOURS + 1):
            left = left[left + step < len(hashes)]
            left = left[keys[left] == keys[left + step]]
            if not len(left):
                break
            near = left[np.bitwise_count(sorted_hashes[left] ^ sorted_hashes[left + step]) <= MAX_DISTANCE]
            found.append(np.stack([order[near], order[near + step]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    unique: np.ndarray = np.unique(pairs, axis=0)
    return unique
