"""Pictures on the disk, and masks with a square in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path)


def square(row: int) -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[row : row + 3, 5:9] = 255
    return mask
