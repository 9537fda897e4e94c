"""The images that SHAP compares with: a small sample of the training distribution in a checkpoint.

Stored as uint8 (N, 3, h, w): model inputs before mean and standard deviation, 0 to 255 for
intensities 0 to 1, reduced to any size of the same aspect. float16 is taken as 0 to 1 likewise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from engine.images.preprocess import Preprocessing

if TYPE_CHECKING:
    from engine.model.checkpoint import Checkpoint


def encode(inputs: Tensor, preprocessing: Preprocessing, size: tuple[int, int]) -> Tensor:
    """Turn model inputs (N, 3, H, W) into a background to ship, uint8 (N, 3, *size)."""
    mean, std = _moments(preprocessing)
    unit = inputs.float().cpu() * std + mean
    small = functional.interpolate(
        unit, size=size, mode="bilinear", align_corners=False, antialias=True
    )
    return (small * 255).round().clamp(0, 255).to(torch.uint8)


def decode(background: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn a shipped background into model inputs, float32 (N, 3, H, W)."""
    unit = background.float() / (255 if background.dtype == torch.uint8 else 1)
    full = functional.interpolate(
        unit, size=preprocessing.size, mode="bilinear", align_corners=False, antialias=True
    )
    mean, std = _moments(preprocessing)
    return (full - mean) / std


def black(preprocessing: Preprocessing) -> Tensor:
    """Return the one input (1, 3, H, W) to compare with where no background is shipped."""
    return decode(torch.zeros(1, 3, *preprocessing.size, dtype=torch.uint8), preprocessing)


def compared(checkpoint: Checkpoint) -> Tensor:
    """Return the inputs (N, 3, H, W) to compare with: the checkpoint's own, or black."""
    shipped, preprocessing = checkpoint.shap_background, checkpoint.metadata.preprocessing
    return black(preprocessing) if shipped is None else decode(shipped, preprocessing)


def _moments(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1)
    return mean, torch.tensor(preprocessing.std).view(1, 3, 1, 1)
