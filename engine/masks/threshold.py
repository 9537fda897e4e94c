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
#: The standard deviation of the middle half of normally distributed values, in parts of theirs.
MIDDLE_HALF = 0.378


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

    Of the 7 x 7 pixels around it, the half whose values are nearest to its own: so that at an edge
    the other side does not count. Their mean, two standard deviations of the tissue to either side,
    and never without the pixel's own value.
    """
    row, col = point
    around = pixels[
        max(row - PICK_RADIUS, 0) : row + PICK_RADIUS + 1,
        max(col - PICK_RADIUS, 0) : col + PICK_RADIUS + 1,
    ].astype(np.float64)
    around = around[np.isfinite(around)]
    if around.size == 0:
        return 0.0, 0.0
    own = float(pixels[row, col])
    if not np.isfinite(own):
        own = float(np.median(around))
    order = np.argsort(np.abs(around - own))
    near = around[order[1 : around.size // 2 + 1]] if around.size > 2 else around
    mean, spread = float(near.mean()), PICK_SPREAD * float(near.std()) / MIDDLE_HALF
    return min(mean - spread, own), max(mean + spread, own)
