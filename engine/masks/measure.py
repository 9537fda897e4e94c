"""How large a mask is, and how well two agree."""

from __future__ import annotations

import numpy as np

from engine.images.image import Geometry
from engine.masks.mask import Mask


def pixel_area_mm2(geometry: Geometry) -> float | None:
    """Return the area of a pixel in mm², None where the file gives no spacing."""
    spacing = geometry.spacing
    return None if spacing is None else float(spacing[0] * spacing[1])


def area_mm2(mask: Mask, frame: int, geometry: Geometry) -> float | None:
    """Return the area that is marked on one frame in mm², None without spacing."""
    pixel = pixel_area_mm2(geometry)
    return None if pixel is None else mask.area(frame) * pixel


def volume_ml(mask: Mask, geometry: Geometry) -> float | None:
    """Return the marked volume in ml; None unless the frames are evenly spaced slices."""
    pixel = pixel_area_mm2(geometry)
    step = geometry.slice_spacing
    if pixel is None or not step or mask.reference.frames < 2:
        return None
    return mask.area() * pixel * abs(step) / 1000.0


def dice(first: Mask, second: Mask, frame: int | None = None) -> float | None:
    """Return the Dice coefficient, 2 |A ∩ B| / (|A| + |B|), of one frame or all.

    None where both are empty: there is nothing to agree about. Raises ``ValueError`` for masks
    of different sizes.
    """
    if first.shape != second.shape or first.reference.frames != second.reference.frames:
        raise ValueError("masks of different sizes")
    total = first.area(frame) + second.area(frame)
    if total == 0:
        return None
    indices = first.frames.keys() & second.frames.keys() if frame is None else {frame}
    both = sum(int(np.count_nonzero(first.frame(i) & second.frame(i))) for i in indices)
    return 2.0 * both / total
