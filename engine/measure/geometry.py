"""Lengths, angles and areas in the plane of a frame.

Points are (row, col) in pixels; ``spacing`` is the (row, col) length of a pixel's sides, in
whatever unit the result is to have: mm from the file, or (1, 1) for pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Spacing = tuple[float, float]


def length(start: Point, stop: Point, spacing: Spacing) -> float:
    """Return the distance between two points."""
    return math.hypot((stop[0] - start[0]) * spacing[0], (stop[1] - start[1]) * spacing[1])


def path_length(points: Sequence[Point], spacing: Spacing, *, closed: bool = False) -> float:
    """Return the length of a line through points, back to the first where ``closed``."""
    around = [*points, points[0]] if closed and points else list(points)
    return sum(length(a, b, spacing) for a, b in pairwise(around))


def angle(first: Point, corner: Point, last: Point, spacing: Spacing) -> float | None:
    """Return the angle at ``corner`` in degrees, 0 to 180; None where an arm has no length."""
    a = ((first[0] - corner[0]) * spacing[0], (first[1] - corner[1]) * spacing[1])
    b = ((last[0] - corner[0]) * spacing[0], (last[1] - corner[1]) * spacing[1])
    if math.hypot(*a) == 0 or math.hypot(*b) == 0:
        return None
    # atan2 keeps its precision near 0 and 180 degrees, where acos loses half the digits.
    return math.degrees(math.atan2(abs(a[0] * b[1] - a[1] * b[0]), a[0] * b[0] + a[1] * b[1]))


def polygon_area(points: Sequence[Point], spacing: Spacing) -> float:
    """Return the area of a closed polygon that does not cross itself, by the shoelace formula."""
    doubled = sum(
        a[1] * b[0] - b[1] * a[0] for a, b in zip(points, [*points[1:], *points[:1]], strict=True)
    )
    return abs(doubled) / 2 * spacing[0] * spacing[1]


def ellipse_axes(start: Point, stop: Point, spacing: Spacing) -> tuple[float, float]:
    """Return the (vertical, horizontal) diameters of the ellipse between two opposite corners."""
    return abs(stop[0] - start[0]) * spacing[0], abs(stop[1] - start[1]) * spacing[1]


def ellipse_area(start: Point, stop: Point, spacing: Spacing) -> float:
    """Return the area of the ellipse between two opposite corners of its box."""
    down, across = ellipse_axes(start, stop, spacing)
    return math.pi / 4 * down * across


def crosses_itself(points: Sequence[Point]) -> bool:
    """Whether two sides of a closed polygon that are no neighbours cross (not merely touch)."""
    starts = np.asarray(points, np.float64).reshape(-1, 2)
    stops = np.roll(starts, -1, axis=0)
    for i in range(len(starts) - 2):
        # The last side is the first one's neighbour.
        later = slice(i + 2, len(starts) - (i == 0))
        a, b, c, d = starts[i], stops[i], starts[later], stops[later]
        apart = _side(a, b, c) * _side(a, b, d) < 0
        if np.any(apart & (_side(c, d, a) * _side(c, d, b) < 0)):
            return True
    return False


_Points = NDArray[np.float64]


def _side(a: _Points, b: _Points, c: _Points) -> _Points:
    """Return on which side of the lines from a to b the points c lie: (..., 2) each."""
    found: _Points = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
        c[..., 0] - a[..., 0]
    )
    return found
