"""Laying voxels of one grid onto another by their place in the patient, without resampling."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.masks.formats.files import cannot_read

#: How far (in pixels) a voxel may lie from the image's pixel to be the same: far above rounding,
#: far below what the eye or a score notices.
GRID_TOLERANCE = 0.05


def lay(
    path: Path,
    values: NDArray[Any],
    theirs: NDArray[np.float64],
    ours: NDArray[np.float64],
    size: tuple[int, int, int],
) -> NDArray[Any] | None:
    """Lay (frames, rows, cols) of another grid onto the image's; None if the grids disagree.

    theirs, ours: (frame, row, col, 1) to patient coordinates (RAS or LPS, both the same), mm.
    size: the image's (frames, rows, cols). Raises ``MaskError`` if marked voxels lie outside the
    image.
    """
    move = np.linalg.inv(ours) @ theirs
    # Along an axis with one voxel there is no direction, only a place.
    wide = [a for a in range(3) if values.shape[a] > 1]
    targets: dict[int, int] = {}
    steps = np.zeros((3, 3))
    for axis in wide:
        target = int(np.abs(move[:3, axis]).argmax())
        if target in targets.values():
            return None
        targets[axis] = target
        steps[target, axis] = 1.0 if move[target, axis] > 0 else -1.0
    free = iter(sorted(set(range(3)) - set(targets.values())))
    for axis in range(3):
        if axis not in targets:
            targets[axis] = next(free)
            steps[targets[axis], axis] = 1.0
    start = np.rint(move[:3, 3])
    corners = np.array(list(product(*[(0, n - 1) for n in values.shape])), np.float64)
    error = corners @ (move[:3, :3] - steps).T + (move[:3, 3] - start)
    if not np.isfinite(error).all() or np.abs(error).max() > GRID_TOLERANCE:
        return None
    order = [next(a for a in range(3) if targets[a] == t) for t in range(3)]
    turned = np.transpose(values, order)
    first = [int(s) for s in start]
    for target, axis in enumerate(order):
        if steps[target, axis] < 0:
            turned = np.flip(turned, target)
            first[target] -= values.shape[axis] - 1
    out = np.zeros(size, values.dtype)
    low = [max(f, 0) for f in first]
    high = [min(f + n, s) for f, n, s in zip(first, turned.shape, size, strict=True)]
    marked = int(np.count_nonzero(turned))
    if all(h > lo for h, lo in zip(high, low, strict=True)):
        inner = turned[
            tuple(slice(lo - f, h - f) for lo, h, f in zip(low, high, first, strict=True))
        ]
        out[tuple(slice(lo, h) for lo, h in zip(low, high, strict=True))] = inner
    if int(np.count_nonzero(out)) != marked:
        raise cannot_read(
            path, "part of what it marks lies outside the image", "use the mask of this image"
        )
    return out
