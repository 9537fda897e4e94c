"""Shapes between drawn slices: shape-based interpolation by signed distances.

Raya and Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 9(1), 1990:
between two drawn slices the signed distance to the outline is interpolated linearly, and what is
not negative is inside. Where each slice holds one piece, both are first moved so that their
centroids lie on the straight line between them, as Herman et al. (IEEE CG&A 12(3), 1992) suggest:
without that, a slanted structure thins out between its slices, and is gone where they do not
overlap.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.images.gaps import counted
from engine.images.image import Geometry
from engine.masks.mask import Mask
from engine.masks.shapes import Box, bounds
from engine.progress import Progress

Pixels = NDArray[np.bool_]
#: What rounding may cost a distance (in the unit of the spacing) or a centroid (pixels).
_TOLERANCE = 1e-6


def interpolate(
    mask: Mask, geometry: Geometry, progress: Progress | None = None
) -> dict[int, Pixels]:
    """Return the frames between drawn ones, bool (rows, cols) by index; drawn ones are left out.

    How far a frame lies between its drawn neighbours is taken from the planes' places in space
    where these are known, else from its number. Empty where fewer than two frames are drawn or no
    frame lies between.
    """
    progress = progress or Progress()
    drawn = [index for index, pixels in mask.frames.items() if pixels.any()]
    spacing = geometry.spacing or (geometry.aspect, 1.0)
    places = slice_places(geometry, mask.reference.frames)
    gaps = [(one, two) for one, two in pairwise(drawn) if two > one + 1]
    total = sum(two - one - 1 for one, two in gaps)
    found: dict[int, Pixels] = {}
    for one, two in gaps:
        pair = Pair(mask.frame(one), mask.frame(two), spacing)
        for index in range(one + 1, two):
            progress.report(len(found) / total)
            along = (places[index] - places[one]) / (places[two] - places[one])
            found[index] = pair.at(float(along))
    return found


def slice_places(geometry: Geometry, frames: int) -> NDArray[np.float64]:
    """Return where each frame lies along the stack: mm where that is known, else its number.

    Planes that turn back (a loop in time, two stacks in one) have no place along a stack, and are
    counted by their number too.
    """
    affines = geometry.frame_affines
    numbers = counted(frames, geometry.gaps).astype(np.float64)
    if affines is None or frames < 2:
        return numbers
    normal = np.cross(affines[0, :3, 0], affines[0, :3, 1])
    length = float(np.linalg.norm(normal))
    if length == 0:
        return numbers
    places: NDArray[np.float64] = affines[:, :3, 3] @ (normal / length)
    steps = np.diff(places)
    return places if (steps > 0).all() or (steps < 0).all() else numbers


class Pair:
    """Two drawn frames, and any shape between them.

    first, second: bool (rows, cols), neither empty. spacing: between rows and columns.
    """

    def __init__(self, first: Pixels, second: Pixels, spacing: tuple[float, float]) -> None:
        self._shape = first.shape
        self._spacing = spacing
        self._move = _alignment(first, second)
        one, two = bounds(first), bounds(second)
        # A pixel around both closes every outline; the way from one to the other keeps the moved
        # shapes inside.
        rows, cols = (int(np.ceil(abs(part))) + 1 for part in self._move)
        self._box = Box(
            min(one.top, two.top) - rows,
            min(one.left, two.left) - cols,
            max(one.bottom, two.bottom) + rows,
            max(one.right, two.right) + cols,
        )
        if not self._move.any():
            # What lies beyond the image is not known: a shape that its edge cuts off has no
            # outline there to keep away from.
            self._box = Box(
                max(self._box.top, 0),
                max(self._box.left, 0),
                min(self._box.bottom, first.shape[0]),
                min(self._box.right, first.shape[1]),
            )
        self._signed = [signed_distance(self._cut(p), spacing) for p in (first, second)]

    def at(self, along: float) -> Pixels:
        """Return the shape at ``along`` (0 the first frame, 1 the second), bool (rows, cols)."""
        one, two = self._signed
        if self._move.any():
            one = self._moved(one, along * self._move)
            two = self._moved(two, (along - 1) * self._move)
        inside = (1 - along) * one + along * two >= -_TOLERANCE
        out = np.zeros(self._shape, np.bool_)
        box = self._box
        rows = slice(max(box.top, 0), min(box.bottom, self._shape[0]))
        cols = slice(max(box.left, 0), min(box.right, self._shape[1]))
        out[rows, cols] = inside[
            rows.start - box.top : rows.stop - box.top, cols.start - box.left : cols.stop - box.left
        ]
        return out

    def _cut(self, pixels: Pixels) -> Pixels:
        box, inner = self._box, bounds(pixels)
        out = np.zeros(box.shape, np.bool_)
        out[
            inner.top - box.top : inner.bottom - box.top,
            inner.left - box.left : inner.right - box.left,
        ] = pixels[inner.slices]
        return out

    def _moved(self, signed: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy import ndimage

        far = -float(np.hypot(*(n * s for n, s in zip(signed.shape, self._spacing, strict=True))))
        # Linear: a distance has no curvature but at ridges, where a spline would overshoot.
        shifted: NDArray[np.float64] = ndimage.shift(
            signed, by, order=1, mode="constant", cval=far, prefilter=False
        )
        return shifted


def _alignment(first: Pixels, second: Pixels) -> NDArray[np.float64]:
    """Return how far (rows, cols) the second centroid lies from the first.

    Nothing where there are several pieces that overlap (which goes with which is not known), or
    where the image's edge cuts one off (its centroid is not that of the structure): distances alone
    decide then.
    """
    from scipy import ndimage

    if any(p[0].any() or p[-1].any() or p[:, 0].any() or p[:, -1].any() for p in (first, second)):
        return np.zeros(2)

    structure = np.ones((3, 3), np.int8)
    single = all(ndimage.label(p, structure=structure)[1] == 1 for p in (first, second))
    if not single and (first & second).any():
        return np.zeros(2)
    move: NDArray[np.float64] = np.argwhere(second).mean(axis=0) - np.argwhere(first).mean(axis=0)
    return np.where(np.abs(move) > _TOLERANCE, move, 0.0)


def signed_distance(pixels: Pixels, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Return the distance of each centre to the outline, positive inside, of (rows, cols).

    The outline runs half way between the nearest centres inside and outside. Where there is none,
    it is farther away than any pixel of the frame.
    """
    from scipy import ndimage

    if pixels.all() or not pixels.any():
        far = float(np.hypot(*(n * s for n, s in zip(pixels.shape, spacing, strict=True))))
        return np.full(pixels.shape, far if pixels.all() else -far)
    inside = ndimage.distance_transform_edt(pixels, sampling=spacing)
    outside = ndimage.distance_transform_edt(~pixels, sampling=spacing)
    # Each distance is to a centre on the other side, half a step beyond the outline.
    out: NDArray[np.float64] = inside - outside
    half = 0.5 * min(spacing)
    out[pixels] -= half
    out[~pixels] += half
    return out
