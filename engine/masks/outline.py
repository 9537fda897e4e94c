"""The exact boundary between marked and unmarked pixels, as line segments and closed paths.

Coordinates are pixel edges: pixel (row, col) is the square from (x, y) = (col, row) to
(col + 1, row + 1). Outside the image nothing is marked.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Segments = NDArray[np.int64]


def segments(pixels: NDArray[np.bool_], top: int, left: int, bottom: int, right: int) -> Segments:
    """Return the boundary that belongs to a box of (rows, cols), int64 (n, 4): x0, y0, x1, y1.

    The upper and left sides of a box's pixels belong to it, and on the image's last row and
    column the lower and right ones too, so that boxes that tile an image give each side once.
    Straight neighbours are joined.
    """
    rows, cols = pixels.shape
    around = np.zeros((bottom - top + 2, right - left + 2), np.bool_)
    r0, r1 = max(top - 1, 0), min(bottom + 1, rows)
    c0, c1 = max(left - 1, 0), min(right + 1, cols)
    around[r0 - top + 1 : r1 - top + 1, c0 - left + 1 : c1 - left + 1] = pixels[r0:r1, c0:c1]
    across = around[1:, 1:-1] != around[:-1, 1:-1]
    down = (around[1:-1, 1:] != around[1:-1, :-1]).T
    if bottom < rows:
        across = across[:-1]
    if right < cols:
        down = down[:-1]
    y, x0, x1 = _runs(across)
    x, y0, y1 = _runs(down)
    level = np.stack([x0 + left, y + top, x1 + left, y + top], axis=1)
    upright = np.stack([x + left, y0 + top, x + left, y1 + top], axis=1)
    return np.concatenate([level, upright])


def paths(pixels: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the boundary as closed paths, each int64 (n, 2) of corners (x, y), first not repeated.

    Marked pixels lie to the right of the way along a path (clockwise on screen around a region,
    anticlockwise around a hole); regions that touch at a corner are kept apart.
    """
    marked = np.pad(pixels, 1)
    across = marked[1:, 1:-1].astype(np.int8) - marked[:-1, 1:-1]
    down = marked[1:-1, 1:].astype(np.int8) - marked[1:-1, :-1]
    starts: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for sign, (y, x0, x1) in ((1, _runs(across > 0)), (-1, _runs(across < 0))):
        for a, b, c in zip(y.tolist(), x0.tolist(), x1.tolist(), strict=True):
            # Marked below: rightwards keeps it to the right hand.
            one, two = ((b, a), (c, a)) if sign > 0 else ((c, a), (b, a))
            starts[one].append(two)
    for sign, (x, y0, y1) in ((1, _runs((down > 0).T)), (-1, _runs((down < 0).T))):
        for a, b, c in zip(x.tolist(), y0.tolist(), y1.tolist(), strict=True):
            # Marked to the right of an upright side: upwards keeps it to the right hand.
            one, two = ((a, c), (a, b)) if sign > 0 else ((a, b), (a, c))
            starts[one].append(two)
    found = []
    while starts:
        first = next(iter(starts))
        path, at, came = [], first, (0, 0)
        while True:
            path.append(at)
            ways = starts[at]
            # Where two regions touch, the sharpest turn to the right stays with the same one.
            way = ways[0] if len(ways) == 1 else min(ways, key=lambda to: _left_turn(came, at, to))
            ways.remove(way)
            if not ways:
                del starts[at]
            came, at = (way[0] - at[0], way[1] - at[1]), way
            if at == first and (first not in starts or len(path) > 2):
                break
        found.append(np.array(path, np.int64))
    return found


def _left_turn(came: tuple[int, int], at: tuple[int, int], to: tuple[int, int]) -> float:
    """Return the cross product of two directions: positive to the right on screen (y down)."""
    going = (to[0] - at[0], to[1] - at[1])
    return float(-(came[0] * going[1] - came[1] * going[0]))


def _runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Return (line, start, stop) of each run of true values along the lines (first axis)."""
    lines, length = flags.shape
    edges = np.zeros((lines, length + 1), np.bool_)
    edges[:, 0], edges[:, -1] = flags[:, 0], flags[:, -1]
    np.not_equal(flags[:, 1:], flags[:, :-1], out=edges[:, 1:-1])
    line, place = np.nonzero(edges)
    return line[::2], place[::2], place[1::2]
