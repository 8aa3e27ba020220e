"""What `copied_regions` finds, for those who only show it: nothing here loads OpenCV."""

from dataclasses import dataclass
from typing import TypeAlias

SIDE_PX = 1024  # a larger photo is looked at in this size
THRESHOLD = 4.0  # of the score, see docs/inspect.md

Box: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class CopiedRegion:
    """Two pieces that are alike, as boxes (x0, y0, x1, y1) in pixels of the upright photo."""

    source: Box
    target: Box  # which of the two is the copy cannot be told
    score: float  # root of (keypoints that match x area that agrees, in thousandths of the photo)
    mirrored: bool
    scale: float
    angle: float  # in degrees, clockwise
