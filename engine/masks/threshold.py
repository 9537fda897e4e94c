"""Which pixels a threshold brush may paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import Box

#: Around the picked point, pixels whose values are looked at.
PICK_RADIUS = 3
#: How many standard deviations of them to either side are taken.
PICK_SPREAD = 2.0


@dataclass(frozen=True, eq=False)
class IntensityRange:
    """The pixels of one frame whose value lies from ``low`` to ``high``, ends included.

    pixels: (rows, cols) of grey values (``Image.grey``).
    """

    pixels: NDArray[np.float32]
    low: float
    high: float

    def __call__(self, box: Box) -> NDArray[np.bool_]:
        """Return which pixels of a box lie in the range; NaN never does."""
        inner = self.pixels[box.slices]
        out: NDArray[np.bool_] = (inner >= self.low) & (inner <= self.high)
        return out


def picked_range(pixels: NDArray[np.float32], point: tuple[int, int]) -> tuple[float, float]:
    """Return the range of intensities of the tissue around a pixel (row, col) inside the frame.

    The mean of the 7 x 7 pixels around it, two standard deviations to either side, and never
    without the pixel's own value.
    """
    row, col = point
    around = pixels[
        max(row - PICK_RADIUS, 0) : row + PICK_RADIUS + 1,
        max(col - PICK_RADIUS, 0) : col + PICK_RADIUS + 1,
    ].astype(np.float64)
    around = around[np.isfinite(around)]
    if around.size == 0:
        return 0.0, 0.0
    mean, spread = float(around.mean()), PICK_SPREAD * float(around.std())
    value = float(pixels[row, col])
    own = value if np.isfinite(value) else mean
    return min(mean - spread, own), max(mean + spread, own)
