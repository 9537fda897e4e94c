"""How large a mask is, what it holds, and how well two agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Geometry, Image
from engine.masks.mask import Mask
from engine.masks.shapes import bounds


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


@dataclass(frozen=True)
class Moments:
    """What can be added up over frames: of the pixels under a mask, and their grey values.

    count: of all pixels; finite: of those with a finite value; square: the sum of the squared
    distances of these from their mean.
    """

    count: int = 0
    finite: int = 0
    mean: float = 0.0
    square: float = 0.0
    low: float = np.inf
    high: float = -np.inf

    def __add__(self, other: Moments) -> Moments:
        """Join two (Chan, Golub and LeVeque, 1979): no digit is lost on large values."""
        finite = self.finite + other.finite
        if finite == 0:
            return Moments(self.count + other.count)
        away = other.mean - self.mean
        return Moments(
            self.count + other.count,
            finite,
            self.mean + away * other.finite / finite,
            self.square + other.square + away * away * self.finite * other.finite / finite,
            min(self.low, other.low),
            max(self.high, other.high),
        )


def moments(pixels: NDArray[np.bool_], image: Image, frame: int) -> Moments:
    """Return the moments of a frame's marked pixels, bool (rows, cols)."""
    box = bounds(pixels)
    if box.is_empty:
        return Moments()
    inside = pixels[box.slices]
    part = Image(image.pixels[frame : frame + 1][(slice(None), *box.slices)])
    values = part.grey(0)[inside].astype(np.float64)
    count = values.size
    values = values[np.isfinite(values)]
    if values.size == 0:
        return Moments(count)
    mean = float(values.mean())
    return Moments(
        count,
        values.size,
        mean,
        float(((values - mean) ** 2).sum()),
        float(values.min()),
        float(values.max()),
    )


def statistics(mask: Mask, image: Image, frame: int | None = None) -> Statistics:
    """Measure a mask on one frame, or on all. Raises ``MaskError`` on a misfit."""
    return Counted().statistics(mask, image, frame)


class Counted:
    """Statistics of masks on one image that count a frame again only after it has changed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Moments] = {}

    def forget(self, mask_id: str, frame: int | None = None) -> None:
        """Count a frame of a mask again, or all of its frames."""
        for key in [k for k in self._kept if k[0] == mask_id and frame in (None, k[1])]:
            del self._kept[key]

    def clear(self) -> None:
        """Count everything again: another image."""
        self._kept.clear()

    def statistics(self, mask: Mask, image: Image, frame: int | None = None) -> Statistics:
        """Measure a mask on one frame, or on all. Raises ``MaskError`` on a misfit."""
        mask.check_fits(image)
        indices = [frame] if frame is not None else list(mask.frames)
        total, drawn = Moments(), 0
        for index in indices:
            found = self._kept.get((mask.id, index))
            if found is None:
                found = self._kept[mask.id, index] = moments(mask.frame(index), image, index)
            total, drawn = total + found, drawn + bool(found.count)
        geometry = image.geometry
        pixel = pixel_area_mm2(geometry)
        step = geometry.slice_spacing if image.frames > 1 else None
        known = total.finite > 0
        return Statistics(
            total.count,
            drawn,
            None if pixel is None or frame is None else total.count * pixel,
            None if pixel is None or not step else total.count * pixel * abs(step) / 1000.0,
            total.mean if known else None,
            (total.square / total.finite) ** 0.5 if known else None,
            total.low if known else None,
            total.high if known else None,
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
