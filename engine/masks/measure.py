"""How large a mask is, what it holds, and how well two agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.images.image import Geometry, Image
from engine.masks.mask import Mask


@dataclass(frozen=True)
class Statistics:
    """A mask's size and the grey values under it, on one frame or all.

    pixels: their number. mm2: the area of a frame, None for all frames or without spacing. ml: the
    volume, None unless the frames are evenly spaced slices. mean, sd, low, high: of the grey
    values (``Image.grey``), in the image's unit; sd is that of the pixels themselves (divided by
    n). None where nothing is marked or no value is finite.
    """

    pixels: int
    frames: int
    mm2: float | None
    ml: float | None
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


def statistics(mask: Mask, image: Image, frame: int | None = None) -> Statistics:
    """Measure a mask on one frame, or on all. Raises ``MaskError`` on a misfit."""
    mask.check_fits(image)
    frames = {frame: mask.frame(frame)} if frame is not None else dict(mask.frames)
    frames = {index: pixels for index, pixels in frames.items() if pixels.any()}
    geometry = image.geometry
    count = sum(int(np.count_nonzero(pixels)) for pixels in frames.values())
    pixel = pixel_area_mm2(geometry)
    step = geometry.slice_spacing if image.frames > 1 else None
    ml = None if pixel is None or not step else count * pixel * abs(step) / 1000.0
    mm2 = None if pixel is None or frame is None else count * pixel
    parts = [image.grey(index)[pixels] for index, pixels in frames.items()]
    values = np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return Statistics(count, len(frames), mm2, ml, None, None, None, None)
    return Statistics(
        count,
        len(frames),
        mm2,
        ml,
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
    )


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
