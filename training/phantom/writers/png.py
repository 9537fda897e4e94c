"""PNG, named as in BUSI: ``x.png`` with ``x_mask.png`` beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from training.phantom.study import Study
from training.phantom.writers import Written


def write(study: Study, images: Path, masks: Path) -> list[Written]:
    """Write every frame as an 8-bit PNG; what a viewer's window would clip is clipped."""
    images.mkdir(parents=True, exist_ok=True)
    written = []
    for sequence in study.sequences:
        grey = to_8_bit(sequence.pixels)
        for index in range(len(grey)):
            stem = f"{study.patient}_{sequence.name.replace(' ', '')}"
            if len(grey) > 1:
                stem += f"_{index + 1:02d}"
            path = images / f"{stem}.png"
            Picture.fromarray(grey[index]).save(path, optimize=True)
            mask = None
            if sequence.masks[index].any():
                mask = images / f"{stem}_mask.png"
                write_mask(sequence.masks[index], mask)
            written.append(Written(path, 0, mask, sequence, index))
    return written


def to_8_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 8-bit pixels: as they are, or windowed from 0 to the 99.8th percentile."""
    if pixels.dtype == np.uint8:
        return pixels
    high = max(float(np.percentile(pixels, 99.8)), 1.0)
    return np.rint(np.clip(pixels / high, 0.0, 1.0) * 255.0).astype(np.uint8)


def write_mask(mask: NDArray[np.bool_], path: Path) -> None:
    """Write one frame's mask: 255 in the lesion, 0 outside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(path, optimize=True)
