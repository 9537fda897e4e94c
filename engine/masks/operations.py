"""Operations on a whole frame of a mask; each takes and returns bool (rows, cols)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import BORDER_TOLERANCE, Box, bounds, holes

Pixels = NDArray[np.bool_]
#: Distance between rows and between columns.
Spacing = tuple[float, float]


def grow(pixels: Pixels, distance: float, spacing: Spacing = (1.0, 1.0)) -> Pixels:
    """Add every pixel whose centre lies within ``distance`` of a marked one.

    spacing: between rows and between columns, in the unit of ``distance``; (1, 1) for pixels.
    """
    from scipy import ndimage

    box = _around(pixels, distance, spacing)
    out = pixels.copy()
    if not box.is_empty:
        away = ndimage.distance_transform_edt(~pixels[box.slices], sampling=spacing)
        out[box.slices] = away <= distance + BORDER_TOLERANCE
    return out


def shrink(pixels: Pixels, distance: float, spacing: Spacing = (1.0, 1.0)) -> Pixels:
    """Keep the pixels farther than ``distance`` from any unmarked one, or from the image's edge.

    The edge counts: what lies beyond it is not known to be marked. spacing: as in ``grow``.
    """
    from scipy import ndimage

    box = bounds(pixels)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        padded = np.pad(pixels[box.slices], 1)
        depth = ndimage.distance_transform_edt(padded, sampling=spacing)
        out[box.slices] = (depth > distance + BORDER_TOLERANCE)[1:-1, 1:-1]
    return out


def smooth(pixels: Pixels, sigma: float, spacing: Spacing = (1.0, 1.0)) -> Pixels:
    """Round the outline: Gaussian blur of ``sigma``, then a threshold of one half.

    spacing: as in ``grow``. Beyond the image's edge its last rows and columns go on, so that a
    mask at the edge is not eaten away there.
    """
    from scipy import ndimage

    box = _around(pixels, 4 * sigma, spacing)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        sigmas = [sigma / step for step in spacing]
        inner = pixels[box.slices].astype(np.float32)
        out[box.slices] = ndimage.gaussian_filter(inner, sigmas, mode="nearest") >= 0.5
    return out


def keep_largest(pixels: Pixels) -> Pixels:
    """Keep the largest connected piece, corners connecting; of equals, the one read first."""
    from scipy import ndimage

    box = bounds(pixels)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        labels, _ = ndimage.label(pixels[box.slices], structure=np.ones((3, 3), np.int8))
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        out[box.slices] = labels == sizes.argmax()
    return out


def invert(pixels: Pixels) -> Pixels:
    """Mark what is not marked."""
    return ~pixels


def fill_holes(pixels: Pixels) -> Pixels:
    """Mark every unmarked region that marked pixels close in."""
    stamp = holes(pixels)
    out = pixels.copy()
    out[stamp.box.slices] |= stamp.cover
    return out


def _around(pixels: Pixels, margin: float, spacing: Spacing) -> Box:
    box = bounds(pixels)
    if box.is_empty:
        return box
    rows, cols = (int(np.ceil(margin / step)) + 1 for step in spacing)
    return Box(
        max(box.top - rows, 0),
        max(box.left - cols, 0),
        min(box.bottom + rows, pixels.shape[0]),
        min(box.right + cols, pixels.shape[1]),
    )
