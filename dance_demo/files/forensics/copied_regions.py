"""Which pieces of a photo are copies of other pieces of it, shifted, turned, scaled or mirrored?

    grey, at most 1,024 px -> keypoints with descriptors (SIFT: Lowe 2004; roots: Arandjelovic and Zisserman 2012)
    -> each keypoint with the one elsewhere that looks most like it, also in a mirror (MIFT: Guo et al. 2010)
    -> each such match is a guess at the whole movement z -> a z + b, or a conj(z) + b in a mirror; others vote for it
    -> the photo is laid over itself by the best of these movements, and compared window by window

Only what then agrees, pixel for pixel, over a piece that is large enough counts. A pattern that repeats (a costume's
border, the pillars of a stage) may agree as well as a copy does: the answer is a clue, and the page says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from dance_demo.files.forensics.region import SIDE_PX, THRESHOLD, Box, CopiedRegion

_KEYPOINTS, _CONTRAST, _EDGES = 2500, 0.01, 20.0  # more and fainter ones than SIFT takes by default
_RATIO = 0.85  # distance to the best over that to the second best, which lies elsewhere
_SAME_PLACE_PX = 8.0
_NEAREST_SHARE = 0.05  # of the longer side: what lies nearer is no other place
_AGREE_PX = 4.0
_SCALES = (0.6, 1.7)
_MIN_VOTES, _MOVEMENTS = 3, 10
_WINDOW_PX = 11
_SAME = 0.94  # likeness of two windows, at most 1, which it is where they are equal
_MIN_SLOPE = 1.5  # of 255 a pixel, root mean square in a window, along the direction in which it is least

Grey: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.float32]]"


@dataclass(frozen=True)
class _Movement:
    """z -> a z + b for points z = x + iy, or a conj(z) + b."""

    a: complex
    b: complex
    mirrored: bool

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(self.a * (points.conj() if self.mirrored else points) + self.b)

    def matrix(self) -> np.ndarray:
        """(2, 3), as OpenCV wants it."""
        a, b, flip = self.a, self.b, -1 if self.mirrored else 1
        return np.array([[a.real, -a.imag * flip, b.real], [a.imag, a.real * flip, b.imag]], np.float32)


@dataclass(frozen=True)
class _Keypoints:
    """n places: points and turns complex, descriptors (n, 128) of length 1."""

    points: np.ndarray
    turns: np.ndarray  # size times direction
    descriptors: np.ndarray

    def mirrored_descriptors(self) -> np.ndarray:
        """As they would be found in the mirrored photo: the lower rows above, and each direction reflected."""
        cells = self.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
        return np.ascontiguousarray(cells[..., -np.arange(8) % 8]).reshape(-1, 128)


def copied_regions(
    photo: Image.Image, threshold: float = THRESHOLD, full_size: tuple[int, int] | None = None
) -> list[CopiedRegion]:
    """The pieces of an RGB photo that agree with a score of at least `threshold`, the best first.

    `full_size`: (width, height) in whose pixels the boxes are given; by default that of the photo.
    """
    full_size = full_size or photo.size
    shrink = min(1.0, SIDE_PX / max(photo.size))
    size = (max(1, round(photo.width * shrink)), max(1, round(photo.height * shrink)))
    grey = np.asarray(photo.convert("L").resize(size, Image.Resampling.BOX if shrink < 1 else None))
    scale = (full_size[0] / size[0], full_size[1] / size[1])
    found = [_region(*piece, scale) for piece in _pieces(grey)]
    return sorted((one for one in found if one.score >= threshold), key=lambda one: -one.score)


def _pieces(grey: np.ndarray) -> Iterator[tuple[_Movement, np.ndarray, int]]:
    """Movements, where (h, w) the photo agrees with itself, moved, and how many keypoints match; no place twice."""
    places = _keypoints(grey)
    if len(places.points) < _MIN_VOTES:
        return
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    open_to_match = _has_corners(smooth)
    for movement, matched in _movements(places, _NEAREST_SHARE * max(grey.shape)):
        piece = _largest(_agreement(smooth, movement) & open_to_match)
        if piece.any():
            other = cv2.warpAffine(piece.astype(np.uint8), movement.matrix(), grey.shape[::-1])
            open_to_match = open_to_match & ~piece & (other == 0)
            yield movement, piece, _inside(piece, matched)


def _keypoints(grey: np.ndarray) -> _Keypoints:
    sift = cv2.SIFT.create(_KEYPOINTS, contrastThreshold=_CONTRAST, edgeThreshold=_EDGES)
    found, descriptors = sift.detectAndCompute(grey, None)
    if not found:
        return _Keypoints(np.zeros(0, complex), np.zeros(0, complex), np.zeros((0, 128), np.float32))
    points = np.array([complex(*one.pt) for one in found])
    turns = np.array([one.size for one in found]) * np.exp(1j * np.radians([one.angle for one in found]))
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    return _Keypoints(points, turns, np.sqrt(shares, dtype=np.float32))


def _movements(places: _Keypoints, nearest_px: float) -> list[tuple[_Movement, np.ndarray]]:
    """The guesses that most matches agree with, with the points of these; each match is counted for one alone."""
    found = []
    x, y = places.points.real.astype(np.float32), places.points.imag.astype(np.float32)
    squared_px = np.square(x[:, None] - x) + np.square(y[:, None] - y)
    far, same_place = squared_px > nearest_px**2, squared_px < _SAME_PLACE_PX**2
    for mirrored in (False, True):
        first, second = _matches(places, far, same_place, mirrored)
        for _ in range(_MOVEMENTS):
            if len(first) < _MIN_VOTES:
                break
            movement, votes = _most_voted(places, first, second, mirrored)
            start = np.round(places.points[first[votes]] / 2)
            if len(np.unique(start)) < _MIN_VOTES:
                break
            found.append((movement, places.points[first[votes]]))
            first, second = first[~votes], second[~votes]
    return sorted(found, key=lambda one: -len(one[1]))[:_MOVEMENTS]


def _matches(places: _Keypoints, far: np.ndarray, same_place: np.ndarray, mirrored: bool) -> tuple[np.ndarray, ...]:
    """Indices of keypoints, and of what looks most like each of them, elsewhere and with no rival."""
    asked = places.mirrored_descriptors() if mirrored else places.descriptors
    likeness = (asked @ places.descriptors.T) * far
    best, rows = likeness.argmax(axis=1), np.arange(len(likeness))
    top = likeness[rows, best].copy()
    rival = np.where(same_place[best], 0, likeness).max(axis=1)
    clear = np.maximum(1 - top, 0) < _RATIO**2 * (1 - rival)  # |p - q|^2 = 2 - 2 p.q
    return rows[clear & (top > 0)], best[clear & (top > 0)]


def _most_voted(
    places: _Keypoints, first: np.ndarray, second: np.ndarray, mirrored: bool
) -> tuple[_Movement, np.ndarray]:
    """The movement, and which of the matches agree with it."""
    start, end = places.points[first], places.points[second]
    turn = places.turns[first]
    if mirrored:
        start, turn = start.conj(), turn.conj()
    a = places.turns[second] / turn
    b = end - a * start
    off = np.abs(a[:, None] * start + b[:, None] - end)
    votes = off < _AGREE_PX * 2
    votes[(np.abs(a) < _SCALES[0]) | (np.abs(a) > _SCALES[1])] = False
    chosen = votes[votes.sum(axis=1).argmax()]
    for tolerance in (_AGREE_PX, _AGREE_PX, _AGREE_PX / 2):
        if chosen.sum() < _MIN_VOTES:
            break
        fit = np.linalg.lstsq(np.stack([start[chosen], np.ones(chosen.sum())], axis=1), end[chosen], rcond=None)[0]
        refined = np.abs(fit[0] * start + fit[1] - end) < tolerance
        if not _SCALES[0] < abs(fit[0]) < _SCALES[1]:
            break
        chosen, movement = refined, _Movement(complex(fit[0]), complex(fit[1]), mirrored)
    else:
        return movement, chosen
    return _Movement(1, 0, mirrored), np.zeros(len(first), bool)


def _agreement(grey: np.ndarray, movement: _Movement) -> np.ndarray:
    """(h, w): where a window looks like the one that the movement leads to."""
    height, width = grey.shape
    moved = cv2.warpAffine(
        grey, movement.matrix(), (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=-1
    )

    mean_1, mean_2 = _mean(grey), _mean(moved)
    variance_1 = _mean(grey * grey) - mean_1 * mean_1
    variance_2 = _mean(moved * moved) - mean_2 * mean_2
    together = _mean(grey * moved) - mean_1 * mean_2
    apart = variance_1 + variance_2 + np.square(mean_1 - mean_2)
    alike = 2 * together > _SAME * np.maximum(apart, 1e-3)  # less than their correlation where light or contrast differ
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.abs(movement(x + 1j * y) - (x + 1j * y)) > _NEAREST_SHARE * max(grey.shape)
    return np.asarray(alike & far & (moved >= 0))


def _has_corners(grey: np.ndarray) -> np.ndarray:
    """(h, w): where a window has structure in both directions (Shi and Tomasi 1994).

    A straight edge agrees with itself wherever it is shifted along its own direction, and so does an arm or a curtain.
    """
    right, down = (cv2.Sobel(grey, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    xx, yy, xy = _mean(right * right), _mean(down * down), _mean(right * down)
    least = (xx + yy) / 2 - np.sqrt(np.square((xx - yy) / 2) + xy * xy)  # the smaller eigenvalue
    return np.asarray(least > _MIN_SLOPE**2)


def _mean(values: np.ndarray) -> np.ndarray:
    """Of the window around each pixel."""
    return np.asarray(cv2.boxFilter(values, -1, (_WINDOW_PX, _WINDOW_PX)))


def _largest(agrees: np.ndarray) -> np.ndarray:
    """The largest piece that hangs together, without threads and specks."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(agrees.astype(np.uint8), cv2.MORPH_OPEN, disk)
    count, labels, numbers, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros(agrees.shape, bool)
    return np.asarray(labels == 1 + numbers[1:, cv2.CC_STAT_AREA].argmax())


def _inside(piece: np.ndarray, points: np.ndarray) -> int:
    """How many points (complex) lie in the piece or beside it."""
    wide = cv2.dilate(piece.astype(np.uint8), np.ones((7, 7), np.uint8))
    y = np.clip(points.imag.round().astype(int), 0, piece.shape[0] - 1)
    x = np.clip(points.real.round().astype(int), 0, piece.shape[1] - 1)
    return int(wide[y, x].sum())


def _region(movement: _Movement, piece: np.ndarray, matches: int, scale: tuple[float, float]) -> CopiedRegion:
    y, x = np.nonzero(piece)
    moved = movement(x + 1j * y)

    def box(x: np.ndarray, y: np.ndarray) -> Box:
        (x0, x1), (y0, y1) = (
            (round(max(0.0, float(along.min())) * unit), round(min(side, float(along.max()) + 1) * unit))
            for along, unit, side in ((x, scale[0], piece.shape[1]), (y, scale[1], piece.shape[0]))
        )
        return x0, y0, x1, y1

    return CopiedRegion(
        source=box(x, y),
        target=box(moved.real, moved.imag),
        score=round((matches * 1000 * float(piece.mean())) ** 0.5, 2),
        mirrored=movement.mirrored,
        scale=abs(movement.a),
        angle=float(np.degrees(np.angle(movement.a))),
    )
