"""Which extra photos are cut from a measured one: a check by keypoints, which hashes of whole pictures cannot make.

    extra photo, and its mirror image -> keypoints (SIFT: Lowe 2004; roots: Arandjelovic and Zisserman 2012)
        -> the measured photos that most of them resemble -> one movement, without shear, that many agree on (RANSAC)

A crop, a smaller copy, another JPEG or a mirror image of a photo moves all its points alike; another photo of the same
costume does not. A watermark does, too, so that the points that agree must be spread over the photo.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

SIDE_PX = 480  # of the longer side
KEYPOINTS = 600
CANDIDATES = 4  # measured photos that are looked at closely
RATIO = 0.8  # of the distances of a point's nearest and second nearest (Lowe 2004)
NEAR_PX = 4.0  # of where the movement takes a point
AGREEING = 15  # points
SPREAD = 0.05  # of the extra photo that the agreeing points span at least
SCALES = (0.15, 6.0)


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Where they are, float32 (n, 2) in pixels, their descriptors (n, 128), and the photo's area in pixels."""

    places: np.ndarray
    descriptors: np.ndarray
    area: float


class CropFinder:
    """Knows the measured photos, and tells which of them another photo was cut from."""

    def __init__(self, measured: Iterable[Image.Image]) -> None:
        self._measured = [keypoints(photo) for photo in measured]
        self._owners = np.repeat(np.arange(len(self._measured)), [len(one.places) for one in self._measured])
        trees: dict[str, bool | int | float | str] = {
            "algorithm": 1,
            "trees": 4,
        }  # FLANN's randomised k-d trees (Muja and Lowe 2009)
        if len(self._owners):
            self._index = cv2.flann.Index(np.concatenate([one.descriptors for one in self._measured]), trees)

    def source(self, photo: Image.Image) -> int | None:
        """The index of the measured photo that this one was cut from, resized or mirrored; None if there is none."""
        for picture in (photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            points = keypoints(picture)
            for candidate in self._candidates(points):
                if _same_scene(points, self._measured[candidate]):
                    return int(candidate)
        return None

    def _candidates(self, points: Keypoints) -> Sequence[int]:
        """The measured photos that have the nearest neighbours of most points."""
        if len(points.places) < AGREEING or not len(self._owners):
            return ()
        nearest, _ = self._index.knnSearch(points.descriptors, 1, params={"checks": 32})
        votes = np.bincount(self._owners[nearest[:, 0]], minlength=len(self._measured))
        best = np.argsort(-votes)[:CANDIDATES]
        chosen: list[int] = best[votes[best] >= AGREEING // 2].tolist()
        return chosen


def keypoints(photo: Image.Image) -> Keypoints:
    """The keypoints of a photo that was made grey and small."""
    small = photo.convert("L")
    small.thumbnail((SIDE_PX, SIDE_PX))
    found, descriptors = cv2.SIFT.create(KEYPOINTS).detectAndCompute(np.asarray(small), None)
    if not found:  # then there are no descriptors, either
        return Keypoints(np.empty((0, 2), np.float32), np.empty((0, 128), np.float32), small.width * small.height)
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    places = np.array([point.pt for point in found], np.float32)
    return Keypoints(places, np.sqrt(shares).astype(np.float32), small.width * small.height)


def _same_scene(extra: Keypoints, measured: Keypoints) -> bool:
    """Whether one movement takes many points of the extra photo, from all over it, to their likes in the other."""
    if min(len(extra.places), len(measured.places)) < AGREEING:
        return False
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(extra.descriptors, measured.descriptors, k=2)
    clear = [best for best, second in pairs if best.distance < RATIO * second.distance]
    if len(clear) < AGREEING:
        return False
    start = extra.places[[match.queryIdx for match in clear]]
    end = measured.places[[match.trainIdx for match in clear]]
    cv2.setRNGSeed(0)
    movement, agree = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=NEAR_PX, maxIters=3000)
    if movement is None or not SCALES[0] < np.hypot(*movement[0, :2]) < SCALES[1]:
        return False
    agreeing = start[agree.ravel() == 1]
    distinct = np.unique(end[agree.ravel() == 1].round(), axis=0)  # many points on one spot are one
    if len(distinct) < AGREEING:
        return False
    return bool(cv2.contourArea(cv2.convexHull(agreeing)) >= SPREAD * extra.area)
