"""Smooth random fields: white coefficients on a lattice, interpolated by cubic B-splines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""float32 pixels; numpy's stubs lose the type in arithmetic."""

# Mean over the cell of the sum of squared cubic B-spline weights: it scales to unit variance.
_VARIANCE_PER_AXIS = 0.4794


def bspline_weights(positions: NDArray[np.floating], count: int) -> Array:
    """Return (len(positions), count) cubic B-spline weights of a lattice at 0, 1, ..., count-1.

    Positions beyond the lattice are held at its last whole cell.
    """
    positions = np.clip(positions, 1.0, count - 2.0 - 1e-6)
    base = np.floor(positions).astype(int)
    t = positions - base
    weights = np.zeros((len(positions), count), np.float32)
    rows = np.arange(len(positions))
    weights[rows, base - 1] = (1 - t) ** 3 / 6
    weights[rows, base] = (3 * t**3 - 6 * t**2 + 4) / 6
    weights[rows, base + 1] = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
    weights[rows, base + 2] = t**3 / 6
    return weights


class SmoothField:
    """A stationary random field of unit variance over (z, y, x) in mm.

    extent: half size (y, x) in mm around 0. cell: correlation length (z, y, x) in mm.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        extent: tuple[float, float],
        cell: tuple[float, float, float],
        depth: float = 0.0,
    ) -> None:
        self._cell = cell
        self._origin = (-extent[0] - 2 * cell[1], -extent[1] - 2 * cell[2])
        counts = [int(np.ceil(2 * e / c)) + 6 for e, c in zip(extent, cell[1:], strict=True)]
        layers = int(np.ceil(depth / cell[0])) + 2
        self._lattice = rng.standard_normal((layers, *counts), dtype=np.float32)
        self._lattice /= _VARIANCE_PER_AXIS

    def on_grid(self, y: NDArray[np.floating], x: NDArray[np.floating], z: float = 0.0) -> Array:
        """Return the field on the grid of ``y`` (rows) and ``x`` (cols), mm, in plane ``z``."""
        position = z / self._cell[0]
        layer = min(int(position), self._lattice.shape[0] - 2)
        t = np.float32(position - layer)
        # Blending two independent layers loses variance in between: put it back.
        plane = (1 - t) * self._lattice[layer] + t * self._lattice[layer + 1]
        plane = plane / np.sqrt((1 - t) ** 2 + t**2)
        rows = bspline_weights((y - self._origin[0]) / self._cell[1], plane.shape[0])
        cols = bspline_weights((x - self._origin[1]) / self._cell[2], plane.shape[1])
        return np.asarray(rows @ plane @ cols.T, np.float32)


def ramp(distance: Array, width: float) -> Array:
    """Return the share of a pixel ``width`` across that lies where ``distance`` is negative."""
    return np.asarray(np.clip(0.5 - distance / np.float32(width), 0.0, 1.0), np.float32)
