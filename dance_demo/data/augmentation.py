"""Mirrored, tilted, cropped and recoloured copies of *training* photos, so that a small dataset goes further.

Only ever called after the split and only with training photos: a copy of a validation photo in training is the
classic way to report an accuracy that is no measurement. Dancers are mirrored but never turned upside down.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Augmentation:
    """How strongly a copy may differ from its photo. All zero (and ``min_area=1``) leaves a photo as it is."""

    min_area: float = 0.30  # smallest part of the photo that a crop may keep, (0, 1]
    max_aspect: float = 0.15  # width : height changes by at most e^+-this
    max_tilt_degrees: float = 12.0
    max_recolour: float = 0.30  # brightness, contrast, saturation and each colour channel, +- this part
    mirror: bool = True
    erase_probability: float = 0.20  # how often a random rectangle is covered
    degrade_probability: float = 0.0  # how often the copy is of a poor camera or a messenger, see `degradation`

    def __post_init__(self) -> None:
        if not 0 < self.min_area <= 1:
            raise ValueError(f"min_area must be in (0, 1]. Received: {self.min_area}")
        if not 0 <= self.max_recolour < 1:
            raise ValueError(f"max_recolour must be in [0, 1). Received: {self.max_recolour}")


def augmented(
    pixels: np.ndarray, augmentation: Augmentation, side_px: int, generator: np.random.Generator
) -> np.ndarray:
    """Return one changed copy of a square photo as network input.

    `pixels` is uint8 (H, W, 3); the result is float32 (side_px, side_px, 3) in [-1, 1].
    """
    if augmentation.degrade_probability and generator.random() < augmentation.degrade_probability:
        from dance_demo.data.degradation import degraded  # OpenCV, which fine-tuning alone needs

        pixels = degraded(pixels, generator)
    copy = _warped(pixels, augmentation, side_px, generator)
    copy = _recoloured(copy, augmentation, generator)
    if generator.random() < augmentation.erase_probability:
        copy = _erased(copy, generator)
    return copy


def mixed(batch: np.ndarray, targets: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Blend each photo of a batch with another one: mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019).

    `batch` is (n, H, W, 3) and `targets` (n, k) one-hot; both come back with the same shape, the targets in the
    same proportion as the pixels.
    """
    partner = generator.permutation(len(batch))
    if generator.random() < 0.5:
        share = float(generator.beta(0.2, 0.2))
        photos = share * batch + (1 - share) * batch[partner]
    else:
        photos, share = _with_patch(batch, batch[partner], float(generator.beta(1.0, 1.0)), generator)
    return photos.astype(np.float32), (share * targets + (1 - share) * targets[partner]).astype(np.float32)


def _warped(pixels: np.ndarray, augmentation: Augmentation, side_px: int, generator: np.random.Generator) -> np.ndarray:
    """Crop, stretch, tilt and mirror in one resampling step; beyond the border the photo is reflected."""
    height, width = pixels.shape[:2]
    scale = np.sqrt(generator.uniform(augmentation.min_area, 1.0))
    stretch = np.exp(generator.uniform(-augmentation.max_aspect, augmentation.max_aspect) / 2)
    tilt = np.deg2rad(generator.uniform(-augmentation.max_tilt_degrees, augmentation.max_tilt_degrees))
    flip = -1.0 if augmentation.mirror and generator.random() < 0.5 else 1.0
    crop_width, crop_height = width * scale * stretch, height * scale / stretch
    centre_x = width / 2 + generator.uniform(-0.5, 0.5) * max(0.0, width - crop_width)
    centre_y = height / 2 + generator.uniform(-0.5, 0.5) * max(0.0, height - crop_height)
    a, b = flip * np.cos(tilt) * crop_width / side_px, -np.sin(tilt) * crop_height / side_px
    d, e = flip * np.sin(tilt) * crop_width / side_px, np.cos(tilt) * crop_height / side_px
    border = max(height, width) // 4
    framed = np.pad(pixels, ((border, border), (border, border), (0, 0)), mode="reflect")
    half = side_px / 2
    offset = (centre_x + border - a * half - b * half, centre_y + border - d * half - e * half)
    image = Image.fromarray(framed).transform(
        (side_px, side_px),
        Image.Transform.AFFINE,
        (a, b, offset[0], d, e, offset[1]),
        resample=Image.Resampling.BILINEAR,
    )
    return np.asarray(image, dtype=np.float32) / 127.5 - 1.0


def _recoloured(photo: np.ndarray, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, saturation and white balance of a photo in [-1, 1]."""
    strength = augmentation.max_recolour
    gains = 1 + generator.uniform(-strength, strength, size=3) / 2  # white balance
    saturation, contrast = 1 + generator.uniform(-strength, strength, size=2)
    brightness = generator.uniform(-strength, strength)
    photo = (photo + 1) * gains.astype(np.float32) - 1
    grey = photo.mean(axis=2, keepdims=True)
    photo = grey + (photo - grey) * np.float32(saturation)
    level = photo.mean()
    recoloured: np.ndarray = level + (photo - level) * np.float32(contrast) + np.float32(brightness)
    return recoloured.clip(-1, 1)


def _erased(photo: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Cover a random rectangle of up to a quarter of the photo (Zhong et al. 2020)."""
    side = photo.shape[0]
    height, width = (generator.uniform(0.15, 0.5, size=2) * side).astype(int)
    top, left = generator.integers(side - height), generator.integers(side - width)
    covered = photo.copy()
    covered[top : top + height, left : left + width] = generator.uniform(-1, 1, size=3)
    return covered


def _with_patch(
    batch: np.ndarray, partners: np.ndarray, share: float, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    side = batch.shape[1]
    patch = int(side * np.sqrt(1 - share))
    top, left = generator.integers(side - patch + 1, size=2)
    photos = batch.copy()
    photos[:, top : top + patch, left : left + patch] = partners[:, top : top + patch, left : left + patch]
    return photos, 1 - (patch / side) ** 2
