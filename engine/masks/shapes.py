"""Shapes to pixels, exactly: brush, polygon, lasso, ellipse, and the fill of enclosed regions.

A pixel belongs to a shape when its *centre* does; (row, col) = (0, 0) is the centre of the first
pixel, and points may lie anywhere, also outside the image. Every function returns a ``Stamp``:
the box of the image that the shape touches, and a boolean array of that box. Round shapes hold
the centres on their border; polygons follow the half-open rule, so that two polygons which share
an edge never share a pixel nor leave one out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Point = tuple[float, float]
FillRule = Literal["even-odd", "non-zero"]

#: A centre this close to a round border (pixels) lies on it: the error of the arithmetic, far
#: below anything that can be pointed at.
BORDER_TOLERANCE = 1e-9

#: Points farther out than this (pixels) cannot come from a screen, and would lose precision.
FARTHEST = 1e7


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """What cuts the box out of an array (rows, cols)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is in it."""
        return self.bottom <= self.top or self.right <= self.left


class Stamp(NamedTuple):
    """The pixels of a shape: ``cover`` is bool, of the box's shape."""

    box: Box
    cover: NDArray[np.bool_]


EMPTY_BOX = Box(0, 0, 0, 0)


def nothing() -> Stamp:
    """Return the stamp of no pixel."""
    return Stamp(EMPTY_BOX, np.zeros((0, 0), np.bool_))


def bounds(pixels: NDArray[np.bool_]) -> Box:
    """Return the smallest box around the true pixels of (rows, cols); empty if there are none."""
    rows = np.flatnonzero(pixels.any(axis=1))
    if rows.size == 0:
        return EMPTY_BOX
    cols = np.flatnonzero(pixels[rows[0] : rows[-1] + 1].any(axis=0))
    return Box(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)


def stamp_of(pixels: NDArray[np.bool_]) -> Stamp:
    """Return the true pixels of a whole frame (rows, cols) as a stamp."""
    box = bounds(pixels)
    return Stamp(box, pixels[box.slices].copy())


def disc(centre: Point, radius: float, shape: tuple[int, int]) -> Stamp:
    """Return the pixels whose centre lies within ``radius`` pixels of ``centre``."""
    return capsule(centre, centre, radius, shape)


def capsule(
    start: Point, stop: Point, radius: float, shape: tuple[int, int], aspect: float = 1.0
) -> Stamp:
    """Return what a round brush of ``radius`` covers on its way from ``start`` to ``stop``.

    aspect: the distance between rows over that between columns. The radius is in columns and the
    brush is round where a row is ``aspect`` columns high; 1 makes it round in pixels.

    That is every pixel whose centre lies within ``radius`` of the segment, however long it is: a
    fast mouse leaves no gaps. A capsule is convex, so each row is one interval; its ends are
    computed, and no distance is ever evaluated per pixel.
    """
    points = _checked([start, stop])
    if not (math.isfinite(radius) and radius >= 0):
        raise ValueError(f"a radius is finite and not negative, not {radius}")
    if not (math.isfinite(aspect) and aspect > 0):
        raise ValueError(f"an aspect is finite and positive, not {aspect}")
    (r0, c0), (r1, c1) = points
    reach = radius / aspect
    numbers = _row_range(min(r0, r1) - reach, max(r0, r1) + reach, shape)
    rows, r0, r1 = numbers * aspect, r0 * aspect, r1 * aspect
    low = np.full(rows.size, np.inf)
    high = np.full(rows.size, -np.inf)
    for r, c in ((r0, c0), (r1, c1)):
        square = radius * radius - (rows - r) ** 2
        inside = np.abs(rows - r) <= radius + BORDER_TOLERANCE
        half = np.sqrt(np.maximum(square, 0.0))
        np.minimum(low, np.where(inside, c - half, np.inf), out=low)
        np.maximum(high, np.where(inside, c + half, -np.inf), out=high)
    length = math.hypot(r1 - r0, c1 - c0)
    if length > 0:
        # The sides of the capsule: the segment moved by the radius to either hand.
        across_r, across_c = -(c1 - c0) / length * radius, (r1 - r0) / length * radius
        corners = [
            (r0 + across_r, c0 + across_c),
            (r1 + across_r, c1 + across_c),
            (r1 - across_r, c1 - across_c),
            (r0 - across_r, c0 - across_c),
        ]
        for (ra, ca), (rb, cb) in zip(corners, corners[1:] + corners[:1], strict=True):
            if abs(rb - ra) < BORDER_TOLERANCE:
                continue  # along a row: the neighbouring edges hold its ends
            along = (rows - ra) / (rb - ra)
            on_edge = (along >= 0) & (along <= 1)
            crossing = ca + along * (cb - ca)
            np.minimum(low, np.where(on_edge, crossing, np.inf), out=low)
            np.maximum(high, np.where(on_edge, crossing, -np.inf), out=high)
    return _rows_to_stamp(numbers, low, high, shape)


def ellipse(
    centre: Point, radii: tuple[float, float], shape: tuple[int, int], angle: float = 0.0
) -> Stamp:
    """Return the pixels of a filled ellipse.

    ``radii``: semi-axes (row, col) in pixels; ``angle``: radians, turns the row axis towards the
    column axis.
    """
    ((row, col),) = _checked([centre])
    a, b = radii
    if not (math.isfinite(a) and math.isfinite(b) and a >= 0 and b >= 0):
        raise ValueError(f"radii are finite and not negative, not {radii}")
    # A needle's width is nothing; the arithmetic only needs it not to be zero.
    a, b = max(a, BORDER_TOLERANCE), max(b, BORDER_TOLERANCE)
    cos, sin = math.cos(angle), math.sin(angle)
    # ((dr cos + dc sin) / a)² + ((dc cos - dr sin) / b)² <= 1, a quadratic in dc for each row.
    quadratic = (sin / a) ** 2 + (cos / b) ** 2
    cross = cos * sin * (1 / a**2 - 1 / b**2)
    constant = (cos / a) ** 2 + (sin / b) ** 2
    reach = math.hypot(a * cos, b * sin)
    rows = _row_range(row - reach, row + reach, shape)
    dr = rows - row
    discriminant = (cross * dr) ** 2 - quadratic * (constant * dr**2 - 1)
    inside = np.abs(dr) <= reach + BORDER_TOLERANCE
    half = np.sqrt(np.maximum(discriminant, 0.0)) / quadratic
    middle = col - cross * dr / quadratic
    return _rows_to_stamp(
        rows,
        np.where(inside, middle - half, np.inf),
        np.where(inside, middle + half, -np.inf),
        shape,
    )


def polygon(vertices: ArrayLike, shape: tuple[int, int], rule: FillRule = "even-odd") -> Stamp:
    """Return the pixels whose centre lies inside a closed polygon.

    ``vertices``: (n, 2) of (row, col); the last is joined to the first. Where the outline crosses
    itself, ``even-odd`` leaves out what it goes round twice, ``non-zero`` keeps it. A centre on
    the outline is inside on the upper and left sides, outside on the lower and right ones.
    """
    points = np.asarray(vertices, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"vertices are (n, 2), not {points.shape}")
    _checked(points)
    if len(points) < 3:
        return nothing()
    rows = _row_range(points[:, 0].min(), points[:, 0].max(), shape)
    left = max(math.ceil(points[:, 1].min()), 0)
    right = min(math.floor(points[:, 1].max()), shape[1] - 1) + 1
    if rows.size == 0 or right <= left:
        return nothing()
    top, height = int(rows[0]), rows.size
    r0, c0 = points[:, 0], points[:, 1]
    r1, c1 = np.roll(r0, -1), np.roll(c0, -1)
    # Each edge crosses the rows first <= row < last: half-open, so that a vertex counts once.
    first = np.clip(np.ceil(np.minimum(r0, r1)), top, top + height).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(r0, r1)), top, top + height).astype(np.int64)
    counts = last - first
    edge = np.repeat(np.arange(len(points)), counts)
    within = np.arange(edge.size) - np.repeat(np.cumsum(counts) - counts, counts)
    row = first[edge] + within
    # From the upper end, whichever way the edge runs: two polygons that share it round alike.
    down = r1 > r0
    upper_r, upper_c = np.where(down, r0, r1), np.where(down, c0, c1)
    lower_r, lower_c = np.where(down, r1, r0), np.where(down, c1, c0)
    along = (row - upper_r[edge]) / (lower_r - upper_r)[edge]
    crossing = upper_c[edge] + along * (lower_c - upper_c)[edge]
    start = np.clip(np.ceil(crossing), left, right).astype(np.int64) - left
    direction = np.where(down, 1, -1)[edge]
    width = right - left
    turns = np.bincount(
        (row - top) * (width + 1) + start, weights=direction, minlength=height * (width + 1)
    )
    winding = np.cumsum(turns.reshape(height, width + 1)[:, :-1].astype(np.int32), axis=1)
    cover = winding != 0 if rule == "non-zero" else (winding & 1).astype(np.bool_)
    return _trimmed(Box(top, left, top + height, right), cover)


def lasso(path: ArrayLike, shape: tuple[int, int]) -> Stamp:
    """Return the pixels inside a freehand outline, closed from its end to its start.

    Non-zero: a hand that overshoots its start, or goes round twice, leaves no hole.
    """
    return polygon(path, shape, "non-zero")


def enclosed(pixels: NDArray[np.bool_], point: tuple[int, int]) -> Stamp:
    """Return the unmarked region around ``point`` if marked pixels of (rows, cols) close it in.

    Nothing where ``point`` is marked itself, outside the image, or in a region that reaches the
    image's border: a fill must not run out. Pixels are neighbours by their sides, so a diagonal
    line of marked pixels closes.
    """
    from scipy import ndimage

    row, col = point
    rows, cols = pixels.shape
    if not (0 <= row < rows and 0 <= col < cols) or pixels[row, col]:
        return nothing()
    frame = bounds(pixels)
    if not (frame.top < row < frame.bottom - 1 and frame.left < col < frame.right - 1):
        return nothing()
    labels, _ = ndimage.label(~pixels[frame.slices])
    region = labels == labels[row - frame.top, col - frame.left]
    if region[0].any() or region[-1].any() or region[:, 0].any() or region[:, -1].any():
        return nothing()
    return _trimmed(frame, region)


def holes(pixels: NDArray[np.bool_]) -> Stamp:
    """Return every unmarked region of (rows, cols) that marked pixels close in."""
    from scipy import ndimage

    frame = bounds(pixels)
    if frame.is_empty:
        return nothing()
    inner = pixels[frame.slices]
    return _trimmed(frame, ndimage.binary_fill_holes(inner) & ~inner)


def component(pixels: NDArray[np.bool_], point: tuple[int, int]) -> Stamp:
    """Return the connected piece of (rows, cols) that ``point`` lies in, corners connecting."""
    from scipy import ndimage

    row, col = point
    rows, cols = pixels.shape
    if not (0 <= row < rows and 0 <= col < cols) or not pixels[row, col]:
        return nothing()
    frame = bounds(pixels)
    labels, _ = ndimage.label(pixels[frame.slices], structure=np.ones((3, 3), np.int8))
    return _trimmed(frame, labels == labels[row - frame.top, col - frame.left])


def _checked(points: Sequence[Point] | NDArray[np.float64]) -> Sequence[Point]:
    array = np.asarray(points, np.float64)
    if not np.isfinite(array).all() or (array.size and np.abs(array).max() > FARTHEST):
        raise ValueError("a point of a shape is finite and near the image")
    return [(float(r), float(c)) for r, c in array]


def _row_range(low: float, high: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    top = max(math.ceil(low - BORDER_TOLERANCE), 0)
    bottom = min(math.floor(high + BORDER_TOLERANCE), shape[0] - 1) + 1
    return np.arange(top, max(bottom, top), dtype=np.float64)


def _rows_to_stamp(
    rows: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    shape: tuple[int, int],
) -> Stamp:
    """Turn one interval a row, ends included, into a stamp; low > high is an empty row."""
    if rows.size == 0:
        return nothing()
    begin = np.clip(np.ceil(low - BORDER_TOLERANCE), 0, shape[1])
    end = np.clip(np.floor(high + BORDER_TOLERANCE) + 1, 0, shape[1])
    full = np.flatnonzero(end > begin)
    if full.size == 0:
        return nothing()
    # Convex: the rows that hold pixels may have gaps only for slivers thinner than a pixel.
    top, bottom = int(full[0]), int(full[-1]) + 1
    begin, end = begin[top:bottom], end[top:bottom]
    some = end > begin
    left, right = int(begin[some].min()), int(end[some].max())
    cols = np.arange(left, right, dtype=np.int32)
    first, last = begin.astype(np.int32)[:, None], end.astype(np.int32)[:, None]
    box = Box(int(rows[top]), left, int(rows[top]) + bottom - top, right)
    return Stamp(box, (cols >= first) & (cols < last))


def _trimmed(box: Box, cover: NDArray[np.bool_]) -> Stamp:
    inner = bounds(cover)
    if inner.is_empty:
        return nothing()
    moved = Box(
        box.top + inner.top, box.left + inner.left, box.top + inner.bottom, box.left + inner.right
    )
    return Stamp(moved, np.ascontiguousarray(cover[inner.slices]))
